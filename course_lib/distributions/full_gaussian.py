"""The Gaussian with any covariance, held as a Cholesky factor and used by triangular solves."""

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.arguments import (
    require_broadcastable,
    require_expansion,
    require_finite,
    require_floating,
    require_nonempty,
    require_same_dtype,
)
from course_lib.distributions.base import require_outcome
from course_lib.distributions.diagonal_gaussian import HALF_LOG_TWO_PI, DiagonalGaussian
from course_lib.distributions.noise import normal_noise


class FullGaussian:
    """N(mean, L Lᵀ) over vectors of D numbers, L lower triangular with a positive diagonal.

    mean: (*batch, D); scale_tril: L, (*batch, D, D), of one dtype; the batches broadcast.
    Raises ValueError if the shapes or dtypes disagree, an entry is not finite, or L is not such.
    """

    def __init__(self, mean: Tensor, scale_tril: Tensor) -> None:
        require_finite("mean", mean)
        require_finite("scale_tril", scale_tril)
        require_same_dtype("mean", mean, "scale_tril", scale_tril)
        batch = _batch_of(mean, "scale_tril", scale_tril)
        _require_cholesky_factor(scale_tril)
        self.mean = require_nonempty("mean", mean).expand(batch + mean.shape[-1:])
        self.scale_tril = scale_tril.expand(batch + scale_tril.shape[-2:])
        self.batch_shape = batch
        self.event_shape = mean.shape[-1:]

    @classmethod
    def from_covariance(cls, mean: Tensor, covariance: Tensor) -> "FullGaussian":
        """N(mean, covariance), covariance (*batch, D, D).

        Raises ValueError, with the smallest eigenvalue, unless it is symmetric positive definite.
        """
        require_finite("mean", mean)
        require_finite("covariance", covariance)
        require_same_dtype("mean", mean, "covariance", covariance)
        _batch_of(mean, "covariance", covariance)
        _require_symmetric(covariance)
        factor, failed = torch.linalg.cholesky_ex(0.5 * (covariance + covariance.mT))
        if bool(failed.any()):
            smallest = torch.linalg.eigvalsh(covariance.detach()).min().item()
            raise ValueError(
                f"covariance must be symmetric positive definite in {covariance.dtype}, "
                f"got a smallest eigenvalue of {smallest:.6g}"
            )
        return cls(mean, factor)

    @property
    def covariance(self) -> Tensor:
        """L Lᵀ, (*batch, D, D)."""
        return self.scale_tril @ self.scale_tril.mT

    @property
    def variance(self) -> Tensor:
        """The diagonal of the covariance, (*batch, D)."""
        return self.scale_tril.square().sum(-1)

    @property
    def log_diagonal(self) -> Tensor:
        """log L_dd, (*batch, D): its sum is half the log-determinant of the covariance."""
        return self.scale_tril.diagonal(dim1=-2, dim2=-1).log()

    def expand(self, batch_shape: Sequence[int]) -> "FullGaussian":
        """The same distribution, repeated to `batch_shape` without copying.

        Raises ValueError if its own batch cannot be repeated to that.
        """
        require_expansion("batch_shape", batch_shape, "the batch", self.batch_shape)
        mean = self.mean.expand((*batch_shape, *self.event_shape))
        return FullGaussian(mean, self.scale_tril.expand((*mean.shape, *self.event_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """log N(value) = −½|L⁻¹(x − μ)|² − Σ_d log L_dd − D/2 log 2π, in nats.

        value: (*samples, *batch, D). Returns (*samples, *batch).
        Raises ValueError if the shapes do not fit or an entry is not finite.
        """
        require_outcome(value, self)
        require_finite("value", value)
        offset = value - self.mean  # (*samples, *batch, D)
        lead = offset.shape[: offset.ndim - 1 - len(self.batch_shape)]
        kept = offset.shape[len(lead) :]  # (*batch, D)
        # The samples become columns, so that one factor serves them all in one solve.
        columns = offset.reshape(lead.numel(), *kept).movedim(0, -1)  # (*batch, D, samples)
        squares = self.whiten(columns).square().sum(-2)  # (*batch, samples)
        squares = squares.movedim(-1, 0).reshape(lead + kept[:-1])  # (*samples, *batch)
        return -0.5 * squares - (self.log_diagonal + HALF_LOG_TWO_PI).sum(-1)

    def rsample(self, shape: Sequence[int] = (), *, generator: torch.Generator) -> Tensor:
        """μ + L ε with ε ~ N(0, I), (*shape, *batch, D), differentiable in the parameters."""
        noise = normal_noise(shape, self.mean, generator)
        return self.mean + torch.einsum("...ij,...j->...i", self.scale_tril, noise)

    def sample(self, shape: Sequence[int] = (), *, generator: torch.Generator) -> Tensor:
        """Draws (*shape, *batch, D), without gradient."""
        with torch.no_grad():
            return self.rsample(shape, generator=generator)

    def entropy(self) -> Tensor:
        """Σ_d log L_dd + D/2 (1 + log 2π), (*batch,) nats."""
        return (self.log_diagonal + (0.5 + HALF_LOG_TWO_PI)).sum(-1)

    def whiten(self, columns: Tensor) -> Tensor:
        """L⁻¹ columns, for columns (*batch, D, M)."""
        solution: Tensor = torch.linalg.solve_triangular(self.scale_tril, columns, upper=False)
        return solution

    def __repr__(self) -> str:
        return f"FullGaussian(batch {tuple(self.batch_shape)}, D = {self.event_shape[0]})"


Gaussian = DiagonalGaussian | FullGaussian


def _batch_of(mean: Tensor, name: str, matrix: Tensor) -> torch.Size:
    """The common batch shape. Raises ValueError unless mean is (*, D) and matrix (*, D, D)."""
    size = mean.shape[-1] if mean.ndim else 0
    if size == 0 or matrix.ndim < 2 or matrix.shape[-2:] != (size, size):
        raise ValueError(
            f"mean must have shape (*batch, D) and {name} (*batch, D, D) with D ≥ 1, "
            f"got {tuple(mean.shape)} and {tuple(matrix.shape)}"
        )
    return require_broadcastable("mean", mean.shape[:-1], name, matrix.shape[:-2])


def _require_cholesky_factor(factor: Tensor) -> None:
    """Raises ValueError unless `factor` is lower triangular with a positive diagonal."""
    values = factor.detach()
    smallest = values.diagonal(dim1=-2, dim2=-1).amin().item() if values.numel() else 1.0
    if smallest <= 0.0:
        raise ValueError(f"scale_tril must have a positive diagonal, got {smallest:g} on it")
    if not torch.equal(values, values.tril()):
        above = values.triu(1).abs().amax().item()
        raise ValueError(f"scale_tril must be lower triangular, got {above:g} above the diagonal")


def _require_symmetric(covariance: Tensor) -> None:
    """Raises ValueError if the two triangles differ by more than rounding can explain.

    An inverse of condition number c is asymmetric by about c times the precision ε; √ε allows c up
    to 1/√ε, about 1e8 in float64. Entry (i, j) is measured in √(C_ii C_jj): a covariance of large
    numbers would hide that two small ones have none.
    """
    require_floating("covariance", covariance)
    values = covariance.detach()
    if values.numel() == 0 or torch.equal(values, values.mT):
        return
    scale = values.diagonal(dim1=-2, dim2=-1).abs().sqrt()  # (*batch, D)
    asymmetry = (values - values.mT).abs()
    allowed = torch.finfo(values.dtype).eps ** 0.5 * scale.unsqueeze(-1) * scale.unsqueeze(-2)
    if bool((asymmetry > allowed).any()):
        smallest = torch.linalg.eigvalsh(0.5 * (values + values.mT)).min().item()
        raise ValueError(
            f"covariance must be symmetric positive definite, got entries that differ from "
            f"their mirror images by {asymmetry.max().item():.6g} (smallest eigenvalue of the "
            f"symmetric part: {smallest:.6g})"
        )
