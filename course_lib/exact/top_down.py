"""p(z_{t−1}|z_t, x) of a linear-Gaussian chain: what the exact posterior is, seen from the top."""

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.exact.affine_gaussian import AffineGaussian
from course_lib.exact.numerics.gaussian_algebra import LeastSquares, sum_scale_tril


def top_down_factor(arrows: Sequence[AffineGaussian], level: int) -> AffineGaussian:
    """p(z_{t−1}|z_t, x) ∝ p(z_{t−1}|z_t) p(x|z_{t−1}), t = level from 2 to T.

    arrows: entry t − 1 is p(z_{t−1}|z_t). Returns the Gaussian given the vector (z_t, x), (d_t +
    d_0,): the first d_t columns of its slope act on z_t, the others on x.
    """
    down = arrows[level - 1]
    slope, offset, root = down_to_data(arrows[: level - 1])  # x given z_{t−1}
    seen = torch.linalg.solve_triangular(root, slope, upper=False)  # whitened, (d_0, d_{t−1})
    white = torch.linalg.solve_triangular(root, torch.eye(len(root), **DOUBLE), upper=False)
    prior = (1.0 / down.std).diag()
    system = LeastSquares(torch.cat([prior, seen]))
    gain = system.scale_tril @ system.basis.mT  # (d_{t−1}, d_{t−1} + d_0)
    own, data = gain[:, : len(prior)] @ prior, gain[:, len(prior) :] @ white
    both = torch.cat([own @ down.slope, data], -1)
    return AffineGaussian(both, own @ down.offset - data @ offset, system.scale_tril)


def down_to_data(arrows: Sequence[AffineGaussian]) -> tuple[Tensor, Tensor, Tensor]:
    """Slope, offset and root covariance of x given the top of these arrows, by composing them."""
    first, *above = arrows
    slope, offset, root = first.slope, first.offset, first.scale_tril
    for arrow in above:
        root = sum_scale_tril(root, slope @ arrow.scale_tril)
        slope, offset = slope @ arrow.slope, slope @ arrow.offset + offset
    return slope, offset, root
