"""The best Gaussian for data; the best diagonal or isotropic one for a posterior; the best table.

All in closed form but the table, whose fixed point is found to rounding.
"""

import math

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE, require_count, require_finite
from course_lib.distributions import DiagonalGaussian, FullGaussian
from course_lib.exact.numerics.standard_normal import standard_normal

ROUNDS = 20_000  # of best_table, at most


def fit_gaussian(data: Tensor) -> DiagonalGaussian:
    """The Gaussian that makes data (N, D) likeliest, each coordinate on its own.  (Eq. 6.1)

    μ̂ = (1/N) Σ_n x_n and σ̂² = (1/N) Σ_n (x_n − μ̂)²: divided by N, not by N − 1.
    Returns batch (). Raises ValueError unless N ≥ 2 and every coordinate varies: with one value
    alone the likelihood grows without limit as σ → 0.
    """
    require_finite("data", data)
    if data.ndim != 2 or len(data) < 2:
        raise ValueError(f"data must be (N, D) with N ≥ 2, got shape {tuple(data.shape)}")
    variance = data.var(0, correction=0)
    varies = (data != data[0]).any(0)  # where the mean rounds, a constant has a variance too
    if not bool((varies & (variance > 0)).all()):
        raise ValueError("data must vary in every coordinate, got one that is constant")
    return DiagonalGaussian(data.mean(0), 0.5 * variance.log())


def best_diagonal(posterior: FullGaussian) -> DiagonalGaussian:
    """argmin KL(q ‖ posterior) over diagonal q: the same mean, σ_i² = 1/Λ_ii.  (Eq. 6.4)

    Λ is the posterior's precision, its inverse covariance. 1/Λ_ii is the variance of z_i given
    all the others: never more than its marginal variance, and less when they are correlated.
    posterior: batch (*batch,), event (d,). Returns that batch.
    Source: Bishop 2006, section 10.1.2.
    """
    return DiagonalGaussian(posterior.mean, -0.5 * precision_diagonal(posterior).log())


def best_isotropic(posterior: FullGaussian) -> DiagonalGaussian:
    """argmin KL(q ‖ posterior) over q = N(μ, σ² I): the same mean, σ² = d / tr Λ.  (Eq. 6.6)

    Λ is the posterior's precision: σ² is the harmonic mean of the best diagonal's variances.
    posterior: batch (*batch,), event (d,). Returns that batch.
    """
    log_std = -0.5 * precision_diagonal(posterior).mean(-1, keepdim=True).log()
    return DiagonalGaussian(posterior.mean, log_std.expand_as(posterior.mean))


def precision_diagonal(posterior: FullGaussian) -> Tensor:
    """Λ_ii = Σ_k (L⁻¹)_ki², with covariance L Lᵀ: (*batch, d)."""
    mean = posterior.mean
    one = torch.eye(mean.shape[-1], dtype=mean.dtype, device=mean.device)
    eye = one.expand(*mean.shape, mean.shape[-1])
    return posterior.whiten(eye).square().sum(-2)


def best_table(rows: int) -> tuple[Tensor, Tensor]:
    """The `rows` constants that stand for t ~ N(0, 1) with the least mean squared error.

    Returns the edges between the cells, (rows − 1,), and each cell's constant, (rows,), which is
    the mean of t in it; each edge lies halfway between its neighbours' constants. The two
    conditions are met in turn until nothing moves. Raises ValueError if something still does.
    Source: Lloyd 1957, Max 1960.
    """
    count = require_count("rows", rows)
    shares = (torch.arange(count, **DOUBLE) + 0.5) / count
    values = torch.special.ndtri(shares)
    for _ in range(ROUNDS):
        edges = (values[1:] + values[:-1]) / 2
        moved = _cell_means(edges)
        done = (moved - values).abs().max() <= 1e-14
        values = moved
        if bool(done):
            return (values[1:] + values[:-1]) / 2, values
    raise ValueError(f"the constants of {rows} rows still move after {ROUNDS:,} rounds")


def _cell_means(edges: Tensor) -> Tensor:
    """E[t | cell] = (φ(low) − φ(high)) / (Φ(high) − Φ(low)) between the edges."""
    infinite = torch.tensor([math.inf], **DOUBLE)
    ends = torch.cat([-infinite, edges, infinite])
    density = standard_normal(ends)
    means: Tensor = -density.diff() / torch.special.ndtr(ends).diff()
    return means
