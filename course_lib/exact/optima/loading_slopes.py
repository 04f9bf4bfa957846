"""How log p(x) and the ELBO of the linear-Gaussian world change with the decoder's weights W."""

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE, Numbers, require_broadcastable
from course_lib.distributions import Gaussian
from course_lib.exact.linear_gaussian import LinearGaussian
from course_lib.exact.numerics.gaussian_algebra import (
    LeastSquares,
    require_gaussian,
    require_vectors,
    sum_scale_tril,
)


def evidence_slope(world: LinearGaussian, x: Numbers) -> Tensor:
    """∂ log p(x)/∂W = (C⁻¹ r rᵀ C⁻¹ − C⁻¹) W, C = WWᵀ + Ψ, r = x − b.  (Eq. 7.3)

    C is never formed, only square roots of it, so that tiny noise costs no digits: C⁻¹W comes from
    the least squares that give the posterior, whose mean is Wᵀ C⁻¹ r.
    x: (*batch, D). Returns (*batch, D, d), nats for each unit of W. Forms D × D matrices.
    Raises ValueError if x is of another D or an entry is not finite.
    Source: the derivative of a Gaussian's log-density in its covariance, and dC = dW Wᵀ + W dWᵀ.
    """
    residual = require_vectors("x", x, len(world.offset)) - world.offset
    noise = world.noise_std
    scaled = world.loadings / noise.unsqueeze(-1)  # A = Ψ^(−½)W
    system = LeastSquares(torch.cat([scaled, torch.eye(scaled.shape[1], **DOUBLE)]))
    # With [A; I] = B L, A (I + AᵀA)⁻¹ is the top of B times L⁻ᵀ.
    inner = system.basis[: len(noise)] @ system.scale_tril.mT / noise.unsqueeze(-1)  # C⁻¹ W
    order = noise.argsort()  # the largest columns first, or a small one drowns
    root = sum_scale_tril(scaled[order], torch.eye(len(noise), **DOUBLE))  # of I + AAᵀ
    target = (residual / noise)[..., order].unsqueeze(-1)
    weighted = torch.cholesky_solve(target, root).squeeze(-1)[..., order.argsort()] / noise
    mean = world.posterior(x).mean
    return weighted.unsqueeze(-1) * mean.unsqueeze(-2) - inner


def elbo_slope(world: LinearGaussian, q: Gaussian, x: Numbers) -> Tensor:
    """∂ ELBO(q)/∂W = E_q ∂ log p(x|z)/∂W = Ψ⁻¹[(x − b − Wμ) μᵀ − W Σ], q = N(μ, Σ).  (Eq. 7.1)

    q does not move. It is the slope of log p(x) itself, and Fisher's identity, if q is the exact
    posterior. q: batch broadcastable with that of x (*batch, D). Returns (*batch, D, d). Raises
    ValueError if q is no Gaussian over z, x of another D, or the batches do not broadcast.
    """
    require_gaussian("q", q, world.loadings.shape[1])
    target = require_vectors("x", x, len(world.offset)) - world.offset
    require_broadcastable("q's batch", q.batch_shape, "x's batch", target.shape[:-1])
    mean, scale = q.mean.double(), q.scale_tril.double()  # (*batch, d), (*batch, d, d)
    residual = target - mean @ world.loadings.mT  # (*batch, D)
    outer = residual.unsqueeze(-1) * mean.unsqueeze(-2)
    spread = world.loadings @ scale @ scale.mT
    return (outer - spread) / world.noise_std.square().unsqueeze(-1)
