"""How log p(x) and the ELBO of the linear-Gaussian world change with the decoder's weights W."""

import torch
from torch import Tensor

from course_lib.arguments import Numbers, as_double, require_broadcastable
from course_lib.exact.gaussian_algebra import Gaussian, require_gaussian, require_vectors, scale_of
from course_lib.exact.linear_gaussian import LinearGaussian


def evidence_slope(world: LinearGaussian, x: Numbers) -> Tensor:
    """∂ log p(x)/∂W = (C⁻¹ r rᵀ C⁻¹ − C⁻¹) W, C = WWᵀ + Ψ, r = x − b.  (Eq. 7.3)

    x: (*batch, D). Returns (*batch, D, d), nats for each unit of W. Forms D × D matrices.
    Source: the derivative of a Gaussian's log-density in its covariance, and dC = dW Wᵀ + W dWᵀ.
    """
    residual = require_vectors("x", as_double("x", x).double(), len(world.offset)) - world.offset
    covariance = world.loadings @ world.loadings.mT + world.noise_std.square().diag()
    weighted = torch.linalg.solve(covariance, residual.unsqueeze(-1))  # C⁻¹ r, (*batch, D, 1)
    inner = torch.linalg.solve(covariance, world.loadings)  # C⁻¹ W, (D, d)
    slope: Tensor = weighted @ (weighted.mT @ world.loadings) - inner
    return slope


def elbo_slope(world: LinearGaussian, q: Gaussian, x: Numbers) -> Tensor:
    """∂ ELBO(q)/∂W = E_q ∂ log p(x|z)/∂W = Ψ⁻¹[(x − b − Wμ) μᵀ − W Σ], q = N(μ, Σ).  (Eq. 7.1)

    q does not move. It is the slope of log p(x) itself, and Fisher's identity, if q is the exact
    posterior. q: batch broadcastable with that of x (*batch, D). Returns (*batch, D, d).
    """
    require_gaussian("q", q, world.loadings.shape[1])
    target = require_vectors("x", as_double("x", x).double(), len(world.offset)) - world.offset
    require_broadcastable("q's batch", q.batch_shape, "x's batch", target.shape[:-1])
    mean, scale = q.mean.double(), scale_of(q)  # (*batch, d), (*batch, d, d)
    residual = target - mean @ world.loadings.mT  # (*batch, D)
    outer = residual.unsqueeze(-1) * mean.unsqueeze(-2)
    spread = world.loadings @ scale @ scale.mT
    return (outer - spread) / world.noise_std.square().unsqueeze(-1)
