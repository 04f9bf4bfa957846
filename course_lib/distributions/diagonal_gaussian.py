"""The Gaussian with independent coordinates: the prior and the encoder of every VAE here."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.arguments import (
    Numbers,
    as_double,
    require_broadcastable,
    require_count,
    require_event,
    require_expansion,
    require_finite,
    require_generator,
    require_nonempty,
    require_positive,
    require_same_dtype,
    require_shape,
)

HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


class DiagonalGaussian:
    """N(mean, diag(exp(log_std))²) over vectors of D numbers.

    mean, log_std: (*batch, D), finite, of one dtype; the batches broadcast, D must agree.
    The log of σ is the parameter because any real number is a valid one: log_prob, entropy and KL
    take it as it is. σ itself, and with it a draw, is 0 or infinite where no float is that small
    or large (beyond |log σ| = 709 in float64).
    Raises ValueError if the shapes or dtypes disagree or an entry is not finite.
    """

    def __init__(self, mean: Tensor, log_std: Tensor) -> None:
        require_finite("mean", mean)
        require_finite("log_std", log_std)
        require_same_dtype("mean", mean, "log_std", log_std)
        if mean.shape != log_std.shape:
            mean, log_std = _broadcast(mean, log_std)
        if mean.ndim == 0 or mean.shape[-1] == 0:
            raise ValueError(
                f"mean must have shape (*batch, D) with D ≥ 1, got {tuple(mean.shape)}"
            )
        self.mean = require_nonempty("mean", mean)
        self.log_std = log_std
        self.batch_shape = mean.shape[:-1]
        self.event_shape = mean.shape[-1:]

    @classmethod
    def from_std(cls, mean: Numbers, std: Numbers) -> "DiagonalGaussian":
        """N(mean, diag(std)²) from numbers, lists or tensors; numbers and lists become float64.

        One number serves every coordinate of the other argument; two numbers give D = 1.
        Raises ValueError unless every std is positive and finite.
        """
        mean, std = _same_precision(mean, std)
        require_positive("std", std)
        if mean.ndim == 0:
            mean = mean.expand(std.shape[-1:] or (1,))
        if std.ndim == 0:
            std = std.expand(mean.shape[-1:])
        return cls(mean, std.log())

    @classmethod
    def standard(cls, size: int, dtype: torch.dtype = torch.float64) -> "DiagonalGaussian":
        """N(0, I) in `size` dimensions, with no batch."""
        zeros = torch.zeros(require_count("size", size), dtype=dtype, device="cpu")
        return cls(zeros, zeros)

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
        """The same distribution, repeated to `batch_shape` without copying."""
        require_expansion("batch_shape", batch_shape, "the batch", self.batch_shape)
        shape = (*batch_shape, *self.event_shape)
        return DiagonalGaussian(self.mean.expand(shape), self.log_std.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """log N(value) = −Σ_d [½((x_d − μ_d)/σ_d)² + log σ_d + ½ log 2π], in nats.

        value: (*samples, *batch, D). Returns (*samples, *batch).
        Raises ValueError if the shapes do not fit or an entry is not finite.
        """
        require_event("value", value, self.event_shape[0])
        require_finite("value", value)
        require_broadcastable("value", value.shape[:-1], "batch", self.batch_shape)
        standardised = divided_by_std(value - self.mean, self.log_std)  # (*samples, *batch, D)
        return -(0.5 * standardised.square() + (self.log_std + HALF_LOG_TWO_PI)).sum(-1)

    def rsample(self, shape: Sequence[int] = (), *, generator: torch.Generator) -> Tensor:
        """μ + σ ε with ε ~ N(0, I), (*shape, *batch, D), differentiable in the parameters."""
        size = require_shape("shape", shape) + self.mean.shape
        noise = torch.randn(
            size,
            generator=require_generator(generator),
            dtype=self.mean.dtype,
            device=self.mean.device,
        )
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
        return divided_by_std(columns, self.log_std.unsqueeze(-1))

    def __repr__(self) -> str:
        return f"DiagonalGaussian(batch {tuple(self.batch_shape)}, D = {self.event_shape[0]})"


def divided_by_std(value: Tensor, log_std: Tensor) -> Tensor:
    """value · e^(−log_std), shapes broadcast; 0 stays 0, however narrow the Gaussian."""
    inverse = (-log_std).exp()
    if math.isfinite(inverse.detach().sum().item()):  # the common case
        return value * inverse
    # Half of the factor twice. Past the limit even the least float, divided, has an infinite square
    most = 0.98 * math.log(torch.finfo(log_std.dtype).max)
    half = (-0.5 * log_std).clamp(max=most).exp()
    return value * half * half


def _broadcast(mean: Tensor, log_std: Tensor) -> tuple[Tensor, Tensor]:
    """Both in their common shape. Raises ValueError unless the last axes agree."""
    if mean.shape[-1:] != log_std.shape[-1:]:
        raise ValueError(
            f"mean {tuple(mean.shape)} and log_std {tuple(log_std.shape)} must match "
            f"on their last axis"
        )
    shape = require_broadcastable("mean", mean.shape, "log_std", log_std.shape)
    return mean.expand(shape), log_std.expand(shape)


def _same_precision(mean: Numbers, std: Numbers) -> tuple[Tensor, Tensor]:
    """Both as tensors; what is no tensor takes the precision of the one that is."""
    a, b = as_double("mean", mean), as_double("std", std)
    if not isinstance(mean, Tensor):
        return a.to(b), b
    if not isinstance(std, Tensor):
        return a, b.to(a)
    return a, b
