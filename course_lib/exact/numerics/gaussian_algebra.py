"""Orthogonal factorisations in place of covariance matrices.

A covariance squares the condition number of the problem that it came from; its square root does
not. So the worlds keep square roots, and combine them by QR.
"""

import torch
from torch import Tensor

from course_lib.arguments import (
    Numbers,
    as_double,
    require_event,
    require_finite,
    require_nonempty,
)
from course_lib.distributions import DiagonalGaussian, FullGaussian, Gaussian

FINE = 1e-7  # of a std: the most that floating-point numbers around q's mean may lie apart


class LeastSquares:
    """The Gaussian integral of exp(−½|G z − y|²) over z, for one G and any number of y.

    matrix: G, (n, d), of full column rank. With G = B L (B orthonormal columns, L lower triangular)
    the exponent is −½|L z − Bᵀy|² − ½|y − B Bᵀy|²: a Gaussian in z with mean L⁻¹Bᵀy and square
    root covariance L⁻¹, times what z cannot explain. No term is a difference of large numbers.
    """

    def __init__(self, matrix: Tensor) -> None:
        # QR of the columns in reverse order is QL, and L⁻¹ is then the Cholesky factor wanted.
        basis, upper = _qr(matrix.flip(-1))
        sign = upper.diagonal().sign()
        self.root = (sign.unsqueeze(-1) * upper).flip(0, 1)  # L, (d, d)
        self.basis = (basis * sign).flip(-1)  # B, (n, d)

    @property
    def scale_tril(self) -> Tensor:
        """L⁻¹, the Cholesky factor of the covariance (GᵀG)⁻¹."""
        identity = torch.eye(len(self.root), dtype=self.root.dtype, device=self.root.device)
        inverse: Tensor = torch.linalg.solve_triangular(self.root, identity, upper=False)
        return inverse

    @property
    def half_log_det(self) -> Tensor:
        """½ log det GᵀG."""
        return self.root.diagonal().log().sum()

    def solve(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """The minimiser z of |G z − y|², (*batch, d), and the minimum, (*batch,)."""
        rows = target.reshape(-1, target.shape[-1])  # (batch, n)
        coordinates = rows @ self.basis  # (batch, d)
        residual = (rows - coordinates @ self.basis.mT).square().sum(-1)
        best = torch.linalg.solve_triangular(self.root, coordinates.mT, upper=False).mT
        batch = target.shape[:-1]
        return best.reshape(*batch, -1), residual.reshape(batch)


def sum_scale_tril(*roots: Tensor) -> Tensor:
    """The Cholesky factor of Σ_i R_i R_iᵀ, for square roots R_i (D, k_i), by one QR of them all."""
    _, upper = _qr(torch.cat(roots, -1).mT)
    return (upper.diagonal().sign().unsqueeze(-1) * upper).mT


def _qr(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Q and R, from the rows in falling order of size: each row then keeps its own digits.

    Rows that differ by many powers of ten, one a coordinate seen through its own noise, would
    otherwise spoil the small ones beneath a large one.
    Source: Cox & Higham 1998, on row-wise stable Householder QR.
    """
    order = matrix.abs().amax(-1).argsort(descending=True, stable=True)
    q, r = torch.linalg.qr(matrix[order])
    return q[order.argsort()], r


def require_gaussian(name: str, q: object, size: int) -> Gaussian:
    """Raises ValueError unless q is a Gaussian over vectors of `size` numbers."""
    if not isinstance(q, (DiagonalGaussian, FullGaussian)):
        raise ValueError(
            f"{name} must be a DiagonalGaussian or a FullGaussian, got {type(q).__name__}"
        )
    if q.event_shape != (size,):
        raise ValueError(f"{name} must have event shape ({size},), got {tuple(q.event_shape)}")
    return q


def require_resolved(name: str, mean: Tensor, std: Tensor) -> None:
    """Raises ValueError if float64 rounds mean + std ε to a noticeably other ε, (*n, 1) each."""
    apart = torch.finfo(torch.float64).eps * mean.abs()
    narrow = ~(apart < FINE * std)
    if bool(narrow.any()):
        at, width = mean[narrow][0].item(), std[narrow][0].item()
        raise ValueError(
            f"{name} is too narrow for float64: a std of {width:.3g} at {at:g}, where numbers lie "
            f"{apart[narrow][0].item():.2g} apart"
        )


def require_vectors(name: str, value: Numbers, size: int) -> Tensor:
    """`value` in float64, (*batch, size); a lone number counts as a vector of one.

    Raises ValueError if the last axis has another size, there are none or an entry is not finite.
    """
    vectors = as_double(name, value).double()
    if vectors.ndim == 0 and size == 1:
        vectors = vectors.unsqueeze(0)
    return require_nonempty(name, require_finite(name, require_event(name, vectors, size)))


def one_vector(name: str, value: Numbers, size: int) -> Tensor:
    """`value` in float64, (size,); one number is repeated. Raises ValueError on other shapes."""
    vector = as_double(name, value).double()
    if vector.ndim == 0:
        return vector.expand(size)
    if vector.shape != (size,):
        raise ValueError(f"{name} must be one number or ({size},), got {tuple(vector.shape)}")
    return vector
