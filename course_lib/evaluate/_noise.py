"""Where a chain's encoder lies in the noise of `vae.FlatTwin`, in which the prior is N(0, I).

p(x) = ∫ N(ε; 0, I) p(x|z_1(ε)) dε: no layer's scale is left in it, and a number of which x says
nothing is N(0, 1) and independent of all others, in whatever layer.
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from course_lib.distributions import DiagonalGaussian
from course_lib.vae import HVAE


@torch.no_grad()
def encoded_noise(model: HVAE, x: Tensor) -> DiagonalGaussian:
    """The encoder's factors along the path of its means, as one Gaussian of ε_{1:T}: (N, Σ d_t).

    It is multiplied by N(0, I), of which the posterior is a part: so it lies where the decoders can
    be, also if the encoder is a thousand times as wide as p(z_t|z_{t+1}).
    """
    factors = model.mean_factors(x)
    priors = [model.arrow(t + 1, factors[t].mean) for t in range(1, model.depth)] + [model.prior]
    pairs = list(zip(factors, priors, strict=True))
    mean = torch.cat([p.standardised(q.mean) for q, p in pairs], -1)
    ratio = 2 * torch.cat([q.log_std - p.log_std for q, p in pairs], -1)  # log of the variances'
    return DiagonalGaussian(mean * torch.sigmoid(-ratio), 0.5 * logsigmoid(ratio))
