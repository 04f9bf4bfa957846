"""The Gaussian with independent coordinates: the prior and the encoder of every VAE here."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.arguments import Numbers, require_count, require_expansion
from course_lib.distributions.location_scale import LocationScale, divided_by_scale, mean_and_log
from course_lib.distributions.noise import normal_noise

HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


class DiagonalGaussian(LocationScale):
    """N(mean, diag(exp(log_std))²) over vectors of D numbers.

    mean, log_std: (*batch, D), finite, of one dtype; the batches broadcast, D must agree.
    The log of σ is the parameter because any real number is a valid one: log_prob, entropy and KL
    take it as it is. σ itself, and with it a draw, is 0 or infinite where no float is that small
    or large (beyond |log σ| = 709 in float64).
    Raises ValueError if the shapes or dtypes disagree or an entry is not finite.
    """

    def __init__(self, mean: Tensor, log_std: Tensor) -> None:
        super().__init__(mean, "log_std", log_std)

    @classmethod
    def from_std(cls, mean: Numbers, std: Numbers) -> "DiagonalGaussian":
        """N(mean, diag(std)²) from numbers, lists or tensors; numbers and lists become float64.

        One number serves every coordinate of the other argument; two numbers give D = 1.
        Raises ValueError unless every std is positive and finite.
        """
        return cls(*mean_and_log(mean, "std", std))

    @classmethod
    def standard(cls, size: int, dtype: torch.dtype = torch.float64) -> "DiagonalGaussian":
        """N(0, I) in `size` dimensions, with no batch."""
        zeros = torch.zeros(require_count("size", size), dtype=dtype, device="cpu")
        return cls(zeros, zeros)

    @property
    def log_std(self) -> Tensor:
        """log σ, shape (*batch, D)."""
        return self._log_scale

    @property
    def std(self) -> Tensor:
        """σ, shape (*batch, D)."""
        return self.log_std.exp()

    @property
    def variance(self) -> Tensor:
        """σ², shape (*batch, D)."""
        return (2.0 * self.log_std).exp()

    @property
    def log_diagonal(self) -> Tensor:
        """log σ under the name it has in FullGaussian, (*batch, D)."""
        return self.log_std

    @property
    def scale_tril(self) -> Tensor:
        """diag(σ), the Cholesky factor of the covariance, (*batch, D, D)."""
        return torch.diag_embed(self.std)

    def expand(self, batch_shape: Sequence[int]) -> "DiagonalGaussian":
        """The same distribution, repeated to `batch_shape` without copying.

        Raises ValueError if its own batch cannot be repeated to that.
        """
        require_expansion("batch_shape", batch_shape, "the batch", self.batch_shape)
        shape = (*batch_shape, *self.event_shape)
        return DiagonalGaussian(self.mean.expand(shape), self.log_std.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """log N(value) = −Σ_d [½((x_d − μ_d)/σ_d)² + log σ_d + ½ log 2π], in nats.

        value: (*samples, *batch, D). Returns (*samples, *batch).
        Raises ValueError if the shapes do not fit or an entry is not finite.
        """
        standardised = self.standardised(value)  # (*samples, *batch, D)
        return -(0.5 * standardised.square() + (self.log_std + HALF_LOG_TWO_PI)).sum(-1)

    def rsample(self, shape: Sequence[int] = (), *, generator: torch.Generator) -> Tensor:
        """μ + σ ε with ε ~ N(0, I), (*shape, *batch, D), differentiable in the parameters."""
        noise = normal_noise(shape, self.mean, generator)
        return torch.addcmul(self.mean, self.std, noise)

    def sample(self, shape: Sequence[int] = (), *, generator: torch.Generator) -> Tensor:
        """Draws (*shape, *batch, D), without gradient."""
        with torch.no_grad():
            return self.rsample(shape, generator=generator)

    def entropy(self) -> Tensor:
        """Σ_d log σ_d + D/2 (1 + log 2π), (*batch,) nats."""
        return (self.log_std + (0.5 + HALF_LOG_TWO_PI)).sum(-1)

    def whiten(self, columns: Tensor) -> Tensor:
        """diag(σ)⁻¹ columns, for columns (*batch, D, M)."""
        return divided_by_scale(columns, self.log_std.unsqueeze(-1))
