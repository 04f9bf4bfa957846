"""The density on [0, 1] that the Bernoulli formula becomes once it is normalised: grey pixels."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.arguments import require_between, require_finite
from course_lib.distributions.base import require_outcome
from course_lib.distributions.bernoulli import require_logits
from course_lib.distributions.noise import uniform_noise

# log(sinh y / y) = Σ_n c_n y^{2n}, c_n = 2^{2n−1} B_{2n} / (n (2n)!). Below |logit| = ½,
# y = logit/2 is at most ¼, and the first term left out is 3e-17 of the variance, less of the mean.
NEAR = 0.5
SERIES = (
    1 / 6,
    -1 / 180,
    1 / 2835,
    -1 / 37800,
    1 / 467775,
    -691 / 3831077250,
    2 / 127702575,
    -3617 / 2605132530000,
)


class ContinuousBernoulli:
    """D independent densities p(x_d) = exp(η_d x_d) / ∫₀¹ exp(η_d u) du on [0, 1], η = logits.

    logits: (*batch, D), finite. η = 0 is the uniform density; its mean is ½ as a coin's is, but
    for other η the mean is not σ(η). All formulas are written around the pivot e, the end of
    [0, 1] where the mass gathers (1 for η > 0, else 0), so that nothing large cancels:
    log p(x) = η (x − e) − B(η), B(η) = log ∫₀¹ exp(η (u − e)) du = log (1 − exp(−|η|))/|η|.
    Raises ValueError on non-finite logits or a missing event axis.
    Source: Loaiza-Ganem & Cunningham 2019, "The continuous Bernoulli".
    """

    def __init__(self, logits: Tensor) -> None:
        self.logits = require_logits(require_finite("logits", logits))
        self.batch_shape = logits.shape[:-1]
        self.event_shape = logits.shape[-1:]

    @property
    def pivot(self) -> Tensor:
        """e: 1 where η > 0, else 0; (*batch, D)."""
        return (self.logits > 0).to(self.logits.dtype)

    @property
    def log_normaliser(self) -> Tensor:
        """B(η) = log ∫₀¹ exp(η (u − e)) du, (*batch, D). Its derivative is E[x] − e."""
        log_normaliser: Tensor = _LogNormaliser.apply(self.logits)  # type: ignore[no-untyped-call]
        return log_normaliser

    @property
    def mean_from_pivot(self) -> Tensor:
        """E[x] − e, (*batch, D), to full relative precision."""
        return _mean_from_pivot(self.logits)

    @property
    def mean(self) -> Tensor:
        """E[x] = 1/(1 − exp(−η)) − 1/η, and ½ at η = 0; (*batch, D)."""
        return self.pivot + self.mean_from_pivot

    @property
    def variance(self) -> Tensor:
        """1/η² − 1/(4 sinh²(η/2)), and 1/12 at η = 0; (*batch, D)."""
        near, small, large = _split(self.logits)
        curves = tuple(0.5 * n * (2 * n - 1) * c for n, c in enumerate(SERIES, start=1))
        series = _polynomial((0.5 * small).square(), curves)
        return torch.where(near, series, large**-2 - (-large).exp() / (-large).expm1() ** 2)

    def log_prob(self, value: Tensor) -> Tensor:
        """Σ_d [η_d (x_d − e_d) − B(η_d)], in nats.

        value: in [0, 1], (*samples, *batch, D). Returns (*samples, *batch).
        Raises ValueError if the shapes do not fit or an entry lies outside [0, 1].
        """
        require_outcome(value, self)
        require_between("value", value, 0.0, 1.0, "between 0 and 1")
        return (self.logits * (value - self.pivot) - self.log_normaliser).sum(-1)

    def sample(self, shape: Sequence[int] = (), *, generator: torch.Generator) -> Tensor:
        """Draws (*shape, *batch, D) by the inverse of the distribution function."""
        logits = self.logits.detach()
        uniform = uniform_noise(shape, logits, generator)
        rate = logits.abs()
        # The distance from the end where the mass gathers; rounding alone could carry it past 1.
        distance = -(uniform * (-rate).expm1()).log1p() / rate
        distance = torch.where(rate == 0, uniform, distance).clamp(0.0, 1.0)
        return torch.where(logits > 0, 1.0 - distance, distance)

    def entropy(self) -> Tensor:
        """−E[log p(x)] = Σ_d [B(η_d) − η_d (E[x_d] − e_d)], (*batch,) nats; at most 0."""
        return (self.log_normaliser - self.logits * self.mean_from_pivot).sum(-1)

    def __repr__(self) -> str:
        return f"ContinuousBernoulli(batch {tuple(self.batch_shape)}, D = {self.event_shape[0]})"


class _LogNormaliser(torch.autograd.Function):
    """B(η), with E[x] − e as its gradient: autograd's own would divide 0 by 0 at η = 0.

    The backward pass is made of tensor operations, so that it can be differentiated again.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> Tensor:
        ctx.save_for_backward(logits)
        rate = logits.abs()
        ratio = (-rate).expm1_().neg_().div_(rate)  # (1 − e^−a)/a, 0/0 = NaN at a = 0 alone
        return ratio.nan_to_num_(nan=1.0).log_()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (logits,) = ctx.saved_tensors
        return gradient * _mean_from_pivot(logits)


def _mean_from_pivot(logits: Tensor) -> Tensor:
    """E[x] − e = −sign(η) [1/a − 1/(e^a − 1)], a = |η|; near 0 by ½ coth(η/2) − 1/η's series."""
    near, small, large = _split(logits)
    half = 0.5 * small
    slopes = tuple(n * c for n, c in enumerate(SERIES, start=1))
    series = half * _polynomial(half.square(), slopes) + (0.5 - (logits > 0).to(logits.dtype))
    distance = 1.0 / large + (-large).exp() / (-large).expm1()
    return torch.where(near, series, -logits.sign() * distance)


def _split(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where |η| < ½; η there, else 0; and |η| elsewhere, else 1: each safe to differentiate."""
    size = logits.abs()
    near = size < NEAR
    return near, logits.masked_fill(~near, 0.0), size.masked_fill(near, 1.0)


def _polynomial(square: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    """Σ_n coefficients[n] square^n, by Horner's rule."""
    total = torch.full_like(square, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * square + coefficient
    return total
