"""An arrow of a chain: a Gaussian whose mean is affine in what it starts from."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from course_lib.arguments import Numbers, as_double, require_finite, require_positive
from course_lib.distributions import FullGaussian
from course_lib.exact.numerics.gaussian_algebra import one_vector, require_vectors


class AffineGaussian:
    """The conditional N(slope · v + offset, R Rᵀ) of a vector (D,) given a vector v (k,).

    slope: (D, k), or one number for D = k = 1; offset: (D,) or one number; std: one number, (D,)
    standard deviations, or a lower triangular root R (D, D) with a positive diagonal. Float64.
    Called with v (*batch, k), it returns the FullGaussian over (*batch, D).
    Raises ValueError if the shapes disagree, a number is not finite, or std is not positive.
    """

    def __init__(self, slope: Numbers, offset: Numbers, std: Numbers) -> None:
        slope = require_finite("slope", as_double("slope", slope).double())
        self.slope = slope.reshape(1, 1) if slope.ndim == 0 else slope
        if self.slope.ndim != 2 or self.slope.numel() == 0:
            raise ValueError(f"slope must be one number or (D, k), got {tuple(slope.shape)}")
        size = self.slope.shape[0]
        self.offset = require_finite("offset", one_vector("offset", offset, size))
        self.scale_tril = _root(std, size)  # R, (D, D)

    def __call__(self, given: Numbers) -> FullGaussian:
        """The distribution given v, (*batch, k)."""
        vector = require_vectors("given", given, self.slope.shape[1])
        return FullGaussian(vector @ self.slope.mT + self.offset, self.scale_tril)

    @property
    def std(self) -> Tensor:
        """The standard deviation of each coordinate given v, (D,)."""
        return self.scale_tril.square().sum(-1).sqrt()

    def __repr__(self) -> str:
        size, given = self.slope.shape
        return f"AffineGaussian(D = {size} given {given})"


def require_arrows(name: str, arrows: Sequence[AffineGaussian], sizes: Sequence[int]) -> None:
    """Raises ValueError unless arrow t leads from a vector of sizes[t] to one of sizes[t+1]."""
    for arrow in arrows:
        if not isinstance(arrow, AffineGaussian):
            raise ValueError(f"{name} must hold an AffineGaussian a layer, got {arrow!r}")
    found = [tuple(arrow.slope.shape) for arrow in arrows]
    wanted = [(after, before) for before, after in pairwise(sizes)]
    if found != wanted:
        raise ValueError(f"{name} must have slopes of shapes {wanted}, got {found}")


def _root(std: Numbers, size: int) -> Tensor:
    """The lower triangular root (D, D) that `std` stands for."""
    given = as_double("std", std).double()
    if given.ndim < 2:
        return require_positive("std", one_vector("std", given, size)).diag()
    if given.shape != (size, size):
        raise ValueError(f"std must be (), ({size},) or ({size}, {size}), got {tuple(given.shape)}")
    # FullGaussian knows what a Cholesky factor is, and says what is wrong with one that is not.
    return FullGaussian(given.new_zeros(size, dtype=torch.float64), given).scale_tril
