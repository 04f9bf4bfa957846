"""A chain of scalar latents with tanh arrows: marginals, p(x) and ELBO by quadrature."""

import math
from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from torch import Tensor

from course_lib.arguments import Numbers, as_double, require_count, require_event, require_finite
from course_lib.distributions import DiagonalGaussian, FullGaussian
from course_lib.exact.quadrature import HALVED, WEIGHTS, panel_nodes
from course_lib.exact.tanh_arrow import (
    REACH,
    Marginal,
    TanhArrow,
    fold,
    grid,
    quadrature_weights,
    require_close,
    require_inside,
)

PANELS = 8  # for an expectation under a Gaussian, over mean ± REACH std

Encoder = Callable[[Tensor], DiagonalGaussian | FullGaussian]


class ScalarChain:
    """z_T ~ N(0, 1), z_{t−1}|z_t ~ N(a_t tanh(b_t z_t) + c_t, s_t²), x = z_0; all are scalars.

    arrows: T tuples (a, b, c, s) or TanhArrows; entry 0 is the arrow z_1 → x. Everything by
    quadrature in float64, on panels as narrow as the sharpest arrow asks for.
    Values have the event shape (1,), as in ScalarLatent, which is the case T = 1.
    Raises ValueError for an empty list, an arrow too sharp for the grid, or an x beyond it.
    """

    def __init__(self, arrows: Sequence[TanhArrow | Sequence[float]]) -> None:
        if not isinstance(arrows, Sequence) or len(arrows) == 0:
            raise ValueError(f"arrows must be a list with one (a, b, c, s) a layer, got {arrows!r}")
        self.arrows = [_arrow(given) for given in arrows]
        self.prior = DiagonalGaussian.standard(1)

    @property
    def layers(self) -> int:
        """T."""
        return len(self.arrows)

    def log_joint(self, x: Numbers, *latents: Tensor) -> Tensor:
        """log p(x, z_1, …, z_T), (*samples, *batch) nats, for z_t (*samples, *batch, 1).

        Call it log_joint(x, z1, z2) for T = 2. Raises ValueError unless there are T latents.
        """
        if len(latents) != self.layers:
            raise ValueError(f"expected {self.layers} latents, z_1 first, got {len(latents)}")
        below = [_observation(x), *(require_event("z", z, 1).double() for z in latents)]
        total = self.prior.log_prob(below[-1])
        for arrow, low, high in zip(self.arrows, below[:-1], below[1:], strict=True):
            total = total + arrow(high).log_prob(low)
        return total

    def log_evidence(self, x: Numbers) -> Tensor:
        """log p(x) = log ∫ p(x|z_1) p(z_1) dz_1, (*batch,) nats, for x (*batch, 1).

        p(z_1) is an integral of the same kind over z_2, and so on up to the prior.  (Eq. 1.1)
        """
        return self.log_evidence_with_error(x)[0]

    def log_evidence_with_error(self, x: Numbers) -> tuple[Tensor, Tensor]:
        """log p(x), and how far the sum over the halved grid is from it; both (*batch,), nats."""
        x = _observation(x)
        require_inside(self.arrows[0], self.marginal(1), x.reshape(-1))
        value, error = fold(self.arrows[0], self.marginal(1), x.reshape(-1))
        return value.reshape(x.shape[:-1]), error.reshape(x.shape[:-1])

    def marginal(self, level: int) -> Marginal:
        """p(z_t) for t = level from 0 (x itself) to T."""
        if require_count("level", level, least=0) > self.layers:
            raise ValueError(f"level must be from 0 to T = {self.layers}, got {level}")
        return self._marginals[level]

    @property
    def evidence(self) -> Marginal:
        """p(x) on a grid."""
        return self._marginals[0]

    def expectation(
        self, q: Sequence[Encoder], x: Numbers, function: Callable[..., Tensor]
    ) -> Tensor:
        """E_q f(z_1, …, z_T) under q(z_1|x) Π_t q(z_t|z_{t−1}), (*batch,), by T-fold quadrature.

        q: T functions, the t-th from z_{t−1} (*n, 1) to a Gaussian with event (1,); q[0] reads x.
        function: takes T tensors (N^{T}…, *batch, 1) that broadcast, and returns (…, *batch).
        Meant for T = 1 and 2: the grid has some 264 nodes a latent. Raises ValueError if halving
        it changes the value by more than 1e-8, relative to the larger of 1 and the value.
        """
        if len(q) != self.layers:
            raise ValueError(f"q must hold {self.layers} encoders, got {len(q)}")
        latents, weights = [_observation(x)], []
        for encoder in q:
            given = encoder(latents[-1])
            latents.append(given.mean + given.variance.sqrt() * STEPS.reshape(-1, *_ones(given)))
            weights.append(RULE)
        values = function(*latents[1:])  # (264, …, 264, *batch): z_T first
        fine = halved = values.expand(*(len(STEPS),) * self.layers, *latents[0].shape[:-1])
        for rule in weights:  # the first axis is that of the uppermost latent left
            fine, halved = (
                torch.tensordot(side, part, dims=([0], [0]))
                for side, part in zip(rule.unbind(-1), (fine, halved), strict=True)
            )
        require_close("q is too wide for the decoder: halving the grid", fine, halved)
        return fine

    def elbo(self, q: Sequence[Encoder], x: Numbers) -> Tensor:
        """E_q[log p(x, z_{1:T}) − log q(z_{1:T}|x)], (*batch,) nats; see `expectation`."""
        x = _observation(x)

        def log_ratio(*latents: Tensor) -> Tensor:
            total = self.log_joint(x, *latents)
            for encoder, low, high in zip(q, [x, *latents[:-1]], latents, strict=True):
                total = total - encoder(low).log_prob(high)
            return total

        return self.expectation(q, x, log_ratio)

    @cached_property
    def _marginals(self) -> list[Marginal]:
        """p(z_0), …, p(z_T), from the top down."""
        nodes, widths = grid(-REACH, REACH, self.arrows[-1].scale)
        log_density = -0.5 * (nodes.square() + math.log(2 * math.pi))
        below = [Marginal(nodes, log_density, widths)]
        for level in range(self.layers, 0, -1):
            arrow, above = self.arrows[level - 1], below[-1]
            means = arrow.mean(above.nodes)
            reach = REACH * arrow.s
            scale = min(arrow.s, self.arrows[level - 2].scale) if level > 1 else arrow.s
            nodes, widths = grid(means.min().item() - reach, means.max().item() + reach, scale)
            below.append(Marginal(nodes, fold(arrow, above, nodes)[0], widths))
        return below[::-1]

    def __repr__(self) -> str:
        return f"ScalarChain({self.arrows})"


def _standard_steps() -> tuple[Tensor, Tensor]:
    """Nodes (N,) and the two rules' weights (N, 2) for expectations under N(0, 1)."""
    edges = torch.linspace(-REACH, REACH, PANELS + 1, dtype=torch.float64)
    nodes = panel_nodes(edges[:-1], edges.diff()).reshape(-1)
    density = torch.exp(-0.5 * nodes.square()) / math.sqrt(2 * math.pi)
    rules = [density * quadrature_weights(edges.diff(), rule) for rule in (WEIGHTS, HALVED)]
    return nodes, torch.stack(rules, -1)


STEPS, RULE = _standard_steps()


def _ones(given: DiagonalGaussian | FullGaussian) -> list[int]:
    return [1] * given.mean.ndim


def _arrow(given: TanhArrow | Sequence[float]) -> TanhArrow:
    if isinstance(given, TanhArrow):
        return given
    if not isinstance(given, Sequence) or len(given) not in (4, 5):
        raise ValueError(f"an arrow must be numbers (a, b, c, s) or (a, b, c, s, d), got {given!r}")
    return TanhArrow(*(float(value) for value in given))


def _observation(x: Numbers) -> Tensor:
    """x in float64, (*batch, 1); a lone number is a vector of one."""
    x = require_finite("x", as_double("x", x).double())
    return x.reshape(1) if x.ndim == 0 else require_event("x", x, 1)
