"""A chain's latents by the noise that makes them: coordinates in which the prior is N(0, I).

z_T = m + s ε_T with the prior's mean and standard deviation, then z_t = m_t + s_t ε_t with those of
p(z_t|z_{t+1}). Given the layers above, each step is one to one and stretches by s_t, so
p(z) dz = N(ε; 0, I) dε, and p(x) = ∫ N(ε; 0, I) p(x|z_1(ε)) dε: no layer's scale is left in it, and
a number of which x says nothing is N(0, 1) and independent of all others, in whatever layer.
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from course_lib.distributions import DiagonalGaussian
from course_lib.evaluate._input import split_latents
from course_lib.vae import HVAE


def latents_of_noise(model: HVAE, noise: Tensor) -> list[Tensor]:
    """[z_1, …, z_T] of ε_{1:T}, which lie side by side in noise (…, Σ d_t), ε_1 first.

    Raises ValueError if an arrow between latents gives no DiagonalGaussian.
    """
    *lower, top = split_latents(model, noise)
    latents = [model.prior.mean + model.prior.std * top]
    for level in range(model.depth, 1, -1):
        prior = _arrow(model, level, latents[0])
        latents.insert(0, prior.mean + prior.std * lower[level - 2])
    return latents


def log_likelihood_of_noise(model: HVAE, x: Tensor, noise: Tensor) -> Tensor:
    """log p(x|z_1(ε)), (*samples, N), for x (N, D) and noise (*samples, N, Σ d_t)."""
    return model.generate(1, latents_of_noise(model, noise)[0]).log_prob(x)


@torch.no_grad()
def encoded_noise(model: HVAE, x: Tensor) -> DiagonalGaussian:
    """The encoder's factors along the path of its means, as one Gaussian of ε_{1:T}: (N, Σ d_t).

    It is multiplied by N(0, I), of which the posterior is a part: so it lies where the decoders can
    be, also if the encoder is a thousand times as wide as p(z_t|z_{t+1}).
    """
    factors = model.mean_factors(x)
    priors = [_arrow(model, t + 1, factors[t].mean) for t in range(1, model.depth)] + [model.prior]
    pairs = list(zip(factors, priors, strict=True))
    mean = torch.cat([p.standardised(q.mean) for q, p in pairs], -1)
    ratio = 2 * torch.cat([q.log_std - p.log_std for q, p in pairs], -1)  # log of the variances'
    return DiagonalGaussian(mean * torch.sigmoid(-ratio), 0.5 * logsigmoid(ratio))


def _arrow(model: HVAE, level: int, z: Tensor) -> DiagonalGaussian:
    """p(z_{level−1}|z_level), level ≥ 2. Raises ValueError unless it is a DiagonalGaussian."""
    given = model.generate(level, z)
    if not isinstance(given, DiagonalGaussian):
        raise ValueError(
            f"decoder {level} must give a DiagonalGaussian, whose noise can be told, "
            f"got {type(given).__name__}"
        )
    return given
