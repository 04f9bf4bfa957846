"""VAE and MarkovHVAE of any depth: a VAE is the chain of one layer, and runs through the same code.

Generative: p(z_T) ∏ p(z_{t−1}|z_t) p(x|z_1). Inference, bottom-up: q(z_1|x) ∏ q(z_t|z_{t−1}). With
z_0 := x, encoder t gives q(z_t|z_{t−1}) and decoder t gives p(z_{t−1}|z_t), t = 1..T.
"""

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Generator, Tensor, nn

from course_lib.arguments import located
from course_lib.distributions import DiagonalGaussian, Distribution, kl_divergence
from course_lib.nets import Net
from course_lib.vae._fitting import chained_sizes
from course_lib.vae.hvae import HVAE, ChainTerms


class MarkovHVAE(HVAE):
    """A chain of T latents with nets at every arrow: p and q.  (Eqs. 10.1, 10.2)

    encoders: T nets, the t-th maps z_{t−1} to q(z_t|z_{t−1}).
    decoders: T nets, the first maps z_1 to p(x|z_1), the t-th maps z_t to p(z_{t−1}|z_t).
    The prior is N(0, I), or N(m, diag s²) with m, s learned if learned_prior.
    Raises ValueError if there is no layer, the lists differ in length or the sizes do not chain.
    """

    direction = "bottom-up"

    @torch.inference_mode(False)  # a learned prior that is made under inference mode cannot learn
    def __init__(
        self,
        encoders: Sequence[nn.Module],
        decoders: Sequence[nn.Module],
        *,
        learned_prior: bool = False,
    ) -> None:
        super().__init__()
        self.sizes = chained_sizes(encoders, decoders)  # [D, d_1, …, d_T]
        self.encoders = nn.ModuleList(encoders)
        self._generate_by(decoders, learned_prior=learned_prior)

    def encode(
        self, x: Tensor, shape: Sequence[int] = (), *, generator: Generator
    ) -> tuple[list[DiagonalGaussian], list[Tensor]]:
        """Draws z_1 ~ q(·|x), z_2 ~ q(·|z_1), … with reparameterised noise.  (Eq. 8.1)

        x (*batch, D). Returns the T factors q(z_t|z_{t−1}), and the samples [z_1, …, z_T], each
        (*shape, *batch, d_t).
        """
        factors = [self.infer(1, x)]
        samples = [factors[0].rsample(shape, generator=generator)]
        for level in range(2, self.depth + 1):
            factors.append(self.infer(level, samples[-1]))
            samples.append(factors[-1].rsample(generator=generator))
        return factors, samples

    def mean_factors(self, x: Tensor) -> list[DiagonalGaussian]:
        """q(z_1|x), then q(z_t|z_{t−1}) given the mean of the one below."""
        factors = [self.infer(1, x)]
        for level in range(2, self.depth + 1):
            factors.append(self.infer(level, factors[-1].mean))
        return factors

    def infer(self, level: int, below: Tensor) -> DiagonalGaussian:
        """q(z_level | z_{level−1}); level 1 reads x. Errors name the layer."""
        with located(f"encoder {self._level(level)}"):
            encoder: Callable[[Tensor], DiagonalGaussian] = self.encoders[level - 1]
            q = encoder(below)
            if not hasattr(q, "rsample"):
                raise ValueError(
                    "an encoder must give a distribution with rsample, such as DiagonalGaussian, "
                    f"got {type(q).__name__}"
                )
            return q

    def terms(self, x: Tensor, shape: Sequence[int] = (), *, generator: Generator) -> ChainTerms:
        """The ELBO's terms at samples of q, each (*shape, *batch) nats.  (Eq. 12.2)

        x (*batch, D). The top layer's cost is a KL, exact given z_{T−1}: for T = 1 the same at all
        samples.
        """
        factors, z = self.encode(x, shape, generator=generator)
        costs = [
            factors[t - 1].log_prob(z[t - 1]) - self.generate(t + 1, z[t]).log_prob(z[t - 1])
            for t in range(1, self.depth)
        ]
        top_kl = kl_divergence(factors[-1], self.prior)
        costs.append(top_kl.expand(z[-1].shape[:-1]))  # (*shape, *batch), also for T = 1
        return ChainTerms(self.generate(1, z[0]).log_prob(x), tuple(costs))


class VAE(MarkovHVAE):
    """The chain of one layer: p(z) p(x|z) and q(z|x). It is a `bounds.LatentModel`."""

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, *, learned_prior: bool = False
    ) -> None:
        super().__init__([encoder], [decoder], learned_prior=learned_prior)

    @property
    def encoder(self) -> Net[DiagonalGaussian]:
        """x (*batch, D) ↦ q(z|x)."""
        return cast(Net[DiagonalGaussian], self.encoders[0])

    @property
    def decoder(self) -> Net[Distribution]:
        """z (*samples, *batch, d) ↦ p(x|z)."""
        return cast(Net[Distribution], self.decoders[0])
