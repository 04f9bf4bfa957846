"""What diagonal encoders of a linear-Gaussian chain lose at best, climbing or coming down.

KL(q ‖ p(z_{1:T}|x)) is a sum over layers: of the KL from each factor of q to that of the posterior
in the same order. Each factor of the posterior is a Gaussian with a covariance of its own, so
that the best diagonal one has its mean, and loses the same at every x.
"""

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.distributions import FullGaussian
from course_lib.exact.linear_gaussian_chain import LinearGaussianChain
from course_lib.exact.optima.gaussian_fits import precision_diagonal


def bottom_up_losses(chain: LinearGaussianChain) -> Tensor:
    """KL(best diagonal q(z_t|z_{t−1}) ‖ p(z_t|z_{t−1})) for t = 1 … T, (T,) nats.

    Their sum is log p(x) less the ELBO of the best bottom-up encoder with diagonal factors, for
    every x: no such q does better.
    """
    return torch.stack([diagonal_loss(factor.scale_tril) for factor in chain.exact_encoder()])


def top_down_losses(chain: LinearGaussianChain) -> Tensor:
    """KL(best diagonal q(z_t|z_{t+1}, x) ‖ p(z_t|z_{t+1}, x)), t = 1 … T, (T,) nats; z_T given x.

    Their sum is log p(x) less the ELBO of the best top-down encoder with diagonal factors.
    """
    roots = [chain.top_down_factor(level).scale_tril for level in range(2, chain.depth + 1)]
    joint = chain.joint_posterior(torch.zeros(chain.sizes[0], **DOUBLE))
    top = joint.scale_tril[-chain.sizes[-1] :]  # rows of the root of p(z_{1:T}|x)
    roots.append(torch.linalg.cholesky(top @ top.mT))
    return torch.stack([diagonal_loss(root) for root in roots])


def diagonal_loss(root: Tensor) -> Tensor:
    """min KL(q ‖ N(m, R Rᵀ)) over diagonal q: ½ (Σ_i log Λ_ii − log |Λ|), Λ = (R Rᵀ)⁻¹; one number.

    root: R (d, d), lower triangular. 0 exactly when the covariance is diagonal.
    """
    posterior = FullGaussian(root.new_zeros(len(root)), root)
    return 0.5 * precision_diagonal(posterior).log().sum() + root.diagonal().log().sum()
