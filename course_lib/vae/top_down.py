"""A chain whose encoder comes down: q(z_T|x) ∏ q(z_{t−1}|z_t, x), beside the same decoders.

A deterministic climb turns x into features of every layer, once. Then z_T is drawn from the top
features, and each layer below from two Gaussians that meet: what the features say of z_t, and what
the decoder says, p(z_t|z_{t+1}). As an exact posterior does, they are multiplied: precisions add.
Source: Sønderby et al. 2016, Ladder Variational Autoencoders.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import logsigmoid

from course_lib.arguments import located, require_count
from course_lib.distributions import DiagonalGaussian, kl_divergence
from course_lib.nets import GaussianNet
from course_lib.nets.layers import full_precision
from course_lib.vae._fitting import top_down_sizes
from course_lib.vae.hvae import HVAE, ChainTerms, sampled_terms


class TopDownHVAE(HVAE):
    """A chain of T latents, encoded from the top: q(z_T|x), then q(z_t|z_{t+1}, x).  (Eq. 12.4)

    encoders: T GaussianNets, the t-th of which maps h_{t−1} to its features h_t, with h_0 = x, and
    those to a Gaussian over z_t: the top one is q(z_T|x), the others are multiplied with the
    decoder's p(z_t|z_{t+1}).
    decoders: as a MarkovHVAE's; those above the first must give DiagonalGaussians.
    Raises ValueError if there is no layer, the lists differ in length or the sizes do not chain.
    """

    direction = "top-down"

    @torch.inference_mode(False)  # a learned prior that is made under inference mode cannot learn
    def __init__(
        self,
        encoders: Sequence[GaussianNet],
        decoders: Sequence[nn.Module],
        *,
        learned_prior: bool = False,
    ) -> None:
        super().__init__()
        self.sizes = top_down_sizes(encoders, decoders)  # [D, d_1, …, d_T]
        self.encoders = nn.ModuleList(encoders)
        self._generate_by(decoders, learned_prior=learned_prior)

    def seen_from_below(self, x: Tensor) -> list[DiagonalGaussian]:
        """What x alone says of each z_t, z_1's first; of z_T it is q(z_T|x). x (*batch, D)."""
        found, below = [], x
        for level, encoder in enumerate(self.encoders, start=1):
            with located(f"encoder {level}"):
                features = cast(GaussianNet, encoder).features(below)
                found.append(cast(GaussianNet, encoder).head(features))
                below = full_precision(features)
        return found

    def encode(
        self, x: Tensor, shape: Sequence[int] = (), *, generator: Generator
    ) -> tuple[list[DiagonalGaussian], list[Tensor]]:
        """Draws z_T ~ q(·|x), then z_t ~ q(·|z_{t+1}, x), with reparameterised noise.  (Eq. 8.1)

        x (*batch, D). Returns the T factors q(z_t|z_{t+1}, x), z_1's first, and the samples
        [z_1, …, z_T], each (*shape, *batch, d_t).
        """
        factors, _, samples = self._descend(x, shape, generator)
        return factors, samples

    def terms(self, x: Tensor, shape: Sequence[int] = (), *, generator: Generator) -> ChainTerms:
        """The ELBO's terms at samples of q, each (*shape, *batch) nats.  (Eq. 12.4)

        x (*batch, D). Every cost is a KL in closed form, given the z above; the top one's is the
        same at all samples.
        """
        factors, priors, z = self._descend(x, shape, generator)
        costs = [
            kl_divergence(q, p).expand(z[0].shape[:-1])  # (*shape, *batch), also for the top
            for q, p in zip(factors, priors, strict=True)
        ]
        return ChainTerms(self.generate(1, z[0]).log_prob(x), tuple(costs))

    def weigh(self, x: Tensor, k: int, *, generator: Generator) -> tuple[Tensor, ChainTerms]:
        """log p(x, z) − log q(z|x) at k samples, and what it is made of: see `HVAE.weigh`."""
        factors, priors, z = self._descend(x, (require_count("k", k),), generator)
        total = reconstruction = self.generate(1, z[0]).log_prob(x)
        log_q, log_p = [], []
        for q, p, level in zip(factors, priors, z, strict=True):
            log_p.append(p.log_prob(level))
            log_q.append(q.log_prob(level))
            total = total + log_p[-1] - log_q[-1]
        return total, sampled_terms(reconstruction, log_q, log_p)

    def mean_factors(self, x: Tensor) -> list[DiagonalGaussian]:
        """q(z_T|x), then q(z_t|z_{t+1}, x) given the mean of the one above; z_1's first."""
        seen = self.seen_from_below(x)
        factors = [seen[-1]]
        for level in range(self.depth - 1, 0, -1):
            prior = self.arrow(level + 1, factors[0].mean)
            factors.insert(0, product(seen[level - 1], prior))
        return factors

    def _descend(
        self, x: Tensor, shape: Sequence[int], generator: Generator
    ) -> tuple[list[DiagonalGaussian], list[DiagonalGaussian], list[Tensor]]:
        """q(z_t|z_{t+1}, x), p(z_t|z_{t+1}) and z_t of every layer, z_1's first."""
        seen = self.seen_from_below(x)
        factors, priors = [seen[-1]], [self.prior]
        samples = [seen[-1].rsample(shape, generator=generator)]
        for level in range(self.depth - 1, 0, -1):
            priors.insert(0, self.arrow(level + 1, samples[0]))
            factors.insert(0, product(seen[level - 1], priors[0]))
            samples.insert(0, factors[0].rsample(generator=generator))
        return factors, priors, samples


def product(one: DiagonalGaussian, other: DiagonalGaussian) -> DiagonalGaussian:
    """The Gaussian proportional to the product of two densities: precisions add.

    1/σ² = 1/σ_a² + 1/σ_b², and the mean lies between the two, each with its share of the precision.
    Batches broadcast. Source: Sønderby et al. 2016, equations 11 and 12.
    """
    ratio = 2 * (other.log_std - one.log_std)  # log of one's precision over the other's
    mean = torch.lerp(*torch.broadcast_tensors(other.mean, one.mean, torch.sigmoid(ratio)))
    return DiagonalGaussian(mean, other.log_std + 0.5 * logsigmoid(-ratio))
