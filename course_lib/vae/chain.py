"""VAE and MarkovHVAE of any depth: a VAE is the chain of one layer, and runs through the same code.

Generative: p(z_T) ∏ p(z_{t−1}|z_t) p(x|z_1). Inference, bottom-up: q(z_1|x) ∏ q(z_t|z_{t−1}). With
z_0 := x, encoder t gives q(z_t|z_{t−1}) and decoder t gives p(z_{t−1}|z_t), t = 1..T.
Everything is per example, in nats; samples lead: results are (*samples, *batch).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Generator, Tensor, nn

from course_lib.arguments import located, require_count, require_event
from course_lib.bounds import importance_weighted_bound
from course_lib.distributions import DiagonalGaussian, Distribution, kl_divergence
from course_lib.nets import Net
from course_lib.vae._fitting import chained_sizes, common_weight


@dataclass(frozen=True)
class ChainTerms:
    """The terms of the ELBO of a chain at samples of q, (*samples, *batch) nats each.  (Eq. 12.2)

    ELBO = reconstruction − Σ_t costs[t−1]. reconstruction: log p(x|z_1).
    costs: T tensors. The last is KL(q(z_T|z_{T−1}) ‖ p(z_T)) in closed form; the t-th before it is
    log q(z_t|z_{t−1}) − log p(z_t|z_{t+1}) at the sample: its mean is what layer t costs, but it is
    no KL, because its two factors condition on opposite neighbours.
    """

    reconstruction: Tensor
    costs: tuple[Tensor, ...]

    @property
    def cost(self) -> Tensor:
        """Σ_t costs[t−1]: what all layers cost at the sample."""
        return sum(self.costs[1:], start=self.costs[0])

    @property
    def kl(self) -> Tensor:
        """KL(q(z|x) ‖ p(z)) of a single layer, a VAE's: its cost, in closed form.

        Raises ValueError for a deeper chain, whose costs are no KLs.
        """
        if len(self.costs) > 1:
            raise ValueError(
                f"a chain of {len(self.costs)} layers has no one KL in its terms: costs are what "
                "its layers cost, and cost is their sum"
            )
        return self.costs[0]

    @property
    def elbo(self) -> Tensor:
        """E_q[log p(x, z) − log q(z|x)], estimated at the samples.  (Eq. 12.1)"""
        return self.reconstruction - self.cost

    def named(self) -> dict[str, Tensor]:
        """The terms by name: reconstruction, cost_1 … cost_T."""
        return {"reconstruction": self.reconstruction} | {
            f"cost_{level}": cost for level, cost in enumerate(self.costs, start=1)
        }


class MarkovHVAE(nn.Module):
    """A chain of T latents with nets at every arrow: p and q.  (Eqs. 10.1, 10.2)

    encoders: T nets, the t-th maps z_{t−1} to q(z_t|z_{t−1}).
    decoders: T nets, the first maps z_1 to p(x|z_1), the t-th maps z_t to p(z_{t−1}|z_t).
    The prior is N(0, I), or N(m, diag s²) with m, s learned if learned_prior.
    Raises ValueError if there is no layer, the lists differ in length or the sizes do not chain.
    """

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
        self.encoders, self.decoders = nn.ModuleList(encoders), nn.ModuleList(decoders)
        like = common_weight(self)
        mean, log_std = like.new_zeros(self.sizes[-1]), like.new_zeros(self.sizes[-1])
        self.prior_mean: Tensor
        self.prior_log_std: Tensor
        if learned_prior:
            self.prior_mean, self.prior_log_std = nn.Parameter(mean), nn.Parameter(log_std)
        else:
            self.register_buffer("prior_mean", mean, persistent=False)
            self.register_buffer("prior_log_std", log_std, persistent=False)

    @property
    def depth(self) -> int:
        """T, the number of latent layers."""
        return len(self.encoders)

    @property
    def prior(self) -> DiagonalGaussian:
        """p(z_T). If it is fixed, ∇_θ ELBO = E_q ∇_θ log p(x|z_1) for one layer.  (Eq. 7.1)"""
        with located("prior"):
            return DiagonalGaussian(self.prior_mean, self.prior_log_std)

    def climb(
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

    def generate(self, level: int, z: Tensor) -> Distribution:
        """p(z_{level−1} | z_level); level 1 gives p(x|z_1). Errors name the layer."""
        with located(f"decoder {self._level(level)}"):
            decoder: Callable[[Tensor], Distribution] = self.decoders[level - 1]
            return decoder(z)

    def terms(self, x: Tensor, shape: Sequence[int] = (), *, generator: Generator) -> ChainTerms:
        """The ELBO's terms at samples of q, each (*shape, *batch) nats.  (Eq. 12.2)

        x (*batch, D). The top layer's cost is a KL, exact given z_{T−1}: for T = 1 the same at all
        samples.
        """
        factors, z = self.climb(x, shape, generator=generator)
        costs = [
            factors[t - 1].log_prob(z[t - 1]) - self.generate(t + 1, z[t]).log_prob(z[t - 1])
            for t in range(1, self.depth)
        ]
        top_kl = kl_divergence(factors[-1], self.prior)
        costs.append(top_kl.expand(z[-1].shape[:-1]))  # (*shape, *batch), also for T = 1
        return ChainTerms(self.generate(1, z[0]).log_prob(x), tuple(costs))

    def elbo(self, x: Tensor, shape: Sequence[int] = (), *, generator: Generator) -> Tensor:
        """An unbiased estimate of the ELBO at each sample of q: (*shape, *batch).  (Eq. 12.1)"""
        return self.terms(x, shape, generator=generator).elbo

    def log_weights(self, x: Tensor, k: int, *, generator: Generator) -> Tensor:
        """log p(x, z) − log q(z|x) at k samples z = z_{1:T} of q: (k, *batch) nats.  (Eq. 12.3)

        Constant over the samples exactly when q is the posterior.
        """
        factors, z = self.climb(x, (require_count("k", k),), generator=generator)
        log_q = sum(q.log_prob(level) for q, level in zip(factors, z, strict=True))
        return self.log_joint(x, z) - log_q

    def log_joint(self, x: Tensor, latents: Sequence[Tensor]) -> Tensor:
        """log p(x, z_{1:T}), (*samples, *batch) nats, for [z_1, …, z_T].  (Eq. 10.1)

        latents: T tensors z_t (*samples, *batch, d_t). Raises ValueError unless they are T.
        """
        if len(latents) != self.depth:
            raise ValueError(f"latents must be {self.depth} tensors, z_1 first, got {len(latents)}")
        log_p = self.prior.log_prob(latents[-1])
        for level, low in enumerate([x, *latents[:-1]], start=1):
            log_p = log_p + self.generate(level, latents[level - 1]).log_prob(low)
        return log_p

    def importance_weighted(self, x: Tensor, k: int, *, generator: Generator) -> Tensor:
        """One estimate of L_k for each x: (*batch,) nats.  (Eq. 3.4)"""
        return importance_weighted_bound(self.log_weights(x, k, generator=generator))

    @torch.no_grad()
    def sample_latents(self, count: int, *, generator: Generator) -> list[Tensor]:
        """[z_1, …, z_T] drawn downwards, z_T ~ p, then z_{t−1} ~ p(·|z_t): (count, d_t) each."""
        top = self.prior.sample((require_count("count", count),), generator=generator)
        return self.resample(top, self.depth, generator=generator)

    @torch.no_grad()
    def resample(self, z: Tensor, level: int, *, generator: Generator) -> list[Tensor]:
        """Keeps z = z_level and draws every latent below it from p: [z_1, …, z_level].

        z (*batch, d_level). Raises ValueError if level is outside 1..T or z of another width.
        """
        chain = [require_event("z", z, self.sizes[self._level(level)])]
        for above in range(level, 1, -1):
            chain.insert(0, self.generate(above, chain[0]).sample(generator=generator))
        return chain

    def sample(self, count: int, *, generator: Generator) -> Tensor:
        """x ~ p(x), ancestrally: (count, D)."""
        latents = self.sample_latents(count, generator=generator)
        with torch.no_grad():
            return self.generate(1, latents[0]).sample(generator=generator)

    @torch.no_grad()
    def reconstruct(self, x: Tensor, level: int = 1, *, generator: Generator) -> Distribution:
        """p(x'|z_1) after climbing from x to z_level and coming down again through the decoders.

        x (*batch, D). Level 1 is the plain reconstruction; a higher one keeps only what z_level
        knows. Raises ValueError if level is outside 1..T.
        """
        _, samples = self.climb(x, generator=generator)
        chain = self.resample(samples[self._level(level) - 1], level, generator=generator)
        return self.generate(1, chain[0])

    def _level(self, level: int) -> int:
        """Raises ValueError unless 1 ≤ level ≤ T."""
        if isinstance(level, bool) or not isinstance(level, int) or not 1 <= level <= self.depth:
            raise ValueError(f"level must lie in 1..{self.depth}, got {level!r}")
        return level


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
