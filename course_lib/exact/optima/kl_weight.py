"""The linear-Gaussian world when the KL has a weight β, and what that weight costs: closed forms.

β = 1 is the ELBO. Every function takes β as a positive float.
"""

import math

import torch
from torch import Tensor

from course_lib.arguments import (
    Numbers,
    as_double,
    require_finite,
    require_number,
)
from course_lib.distributions import Gaussian, kl_divergence
from course_lib.exact.linear_gaussian import LinearGaussian
from course_lib.exact.numerics.standard_normal import LOG_TWO_PI


def mutual_information(world: LinearGaussian) -> Tensor:
    """I(x; z) = ½ log det(I + Wᵀ Ψ⁻¹ W): the mean of KL(p(z|x) ‖ p(z)) over x ~ p(x).  (Eq. 5.3)

    What the best q must pay on average. Returns one number of nats; 0 only if W = 0.
    """
    scaled = world.loadings / world.noise_std.unsqueeze(-1)  # Ψ^(−½) W, (D, d)
    singular: Tensor = torch.linalg.svdvals(scaled)
    return 0.5 * singular.square().log1p().sum()


def weighted_bound(world: LinearGaussian, q: Gaussian, x: Numbers, beta: float) -> Tensor:
    """L_β(q) = E_q log p(x|z) − β KL(q ‖ p(z)).  (Eq. 5.2)

    q: over z, batch broadcastable with that of x (*batch, D). Returns (*batch,) nats. Never above
    log p(x) for β ≥ 1; below 1 it may be. Raises ValueError if the KL is too large for a number.
    """
    weight = _weight(beta)
    return world.elbo(q, x) + (1.0 - weight) * _rate(world, q)


def weighted_gap(world: LinearGaussian, q: Gaussian, x: Numbers, beta: float) -> Tensor:
    """log p(x) − L_β(q) = KL(q ‖ p(z|x)) + (β − 1) KL(q ‖ p(z)).  (Eq. 5.5)

    Both KLs must be finite: for β < 1 their sum is else ∞ − ∞. q and x as in weighted_bound.
    Returns (*batch,) nats; negative where L_β is no bound. Raises ValueError if a KL is too large
    for a number.
    """
    weight = _weight(beta)
    gap = require_finite("KL(q ‖ p(z|x))", kl_divergence(q, world.posterior(x)))
    return gap + (weight - 1.0) * _rate(world, q)


def tempered(world: LinearGaussian, beta: float) -> LinearGaussian:
    """The world with noise variances βΨ, in which the weight β disappears.  (Eq. 5.6)

    L_β(q) = β ELBO'(q) + c(β), where ELBO' is this world's and c is `tempered_constant`. So the q
    that maximises L_β is this world's exact posterior.
    """
    return LinearGaussian(world.loadings, world.offset, math.sqrt(_weight(beta)) * world.noise_std)


def tempered_constant(world: LinearGaussian, beta: float) -> Tensor:
    """c(β) = ½ Σ_i [β log β + (β − 1) log 2πs_i²], free of q, x, W and b: one number of nats.

    (Eq. 5.6)
    """
    weight = _weight(beta)
    log_noise = LOG_TWO_PI + 2 * world.noise_std.log()  # (D,)
    return 0.5 * (weight * math.log(weight) + (weight - 1.0) * log_noise).sum()


def best_squared_loadings(eigenvalues: Numbers, noise_variance: float, beta: float = 1.0) -> Tensor:
    """w_i² = max(0, λ_i − β s²), i ≤ d: the squared loadings that maximise L_β when s² is fixed.

    (Eq. 5.7) eigenvalues: the d largest of the data's covariance (divided by N), one for each
    latent, (d,), non-negative. Direction i is dead, its
    posterior the prior, once β s² reaches λ_i; with β = 1 these are the maxima of the likelihood
    itself. Returns (d,). Raises ValueError for negative eigenvalues or a noise that is no variance.
    Source: Tipping & Bishop 1999, appendix A, for β = 1; Lucas et al. 2019 for the collapse.
    """
    spread = require_finite("eigenvalues", as_double("eigenvalues", eigenvalues))
    if bool((spread < 0).any()):
        raise ValueError(f"eigenvalues must not be negative, got {spread.min().item():g}")
    noise = require_number("noise_variance", noise_variance, positive=True)
    return (spread - _weight(beta) * noise).clamp(min=0.0)


def _rate(world: LinearGaussian, q: Gaussian) -> Tensor:
    """KL(q ‖ p(z)), once it is known to be finite: a q as wide as 1e200 has none in float64."""
    return require_finite("KL(q ‖ p(z))", kl_divergence(q, world.prior))


def _weight(beta: float) -> float:
    """β, once it is known to be positive and finite."""
    return require_number("beta", beta, positive=True)
