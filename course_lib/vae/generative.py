"""The generative half of a chain, p(z_T) ∏ p(z_{t−1}|z_t) p(x|z_1), which both encoders share."""

from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor, nn

from course_lib.arguments import is_whole, located, require_count, require_event
from course_lib.distributions import DiagonalGaussian, Distribution
from course_lib.vae._fitting import common_weight


class GenerativeChain(nn.Module):
    """p(x, z_{1:T}) with a net at every arrow downwards.  (Eq. 10.1)

    sizes: [D, d_1, …, d_T]. A chain with an encoder is one of the two that follow: MarkovHVAE,
    whose encoder climbs, and TopDownHVAE, whose encoder comes down to meet the decoder.
    """

    sizes: list[int]
    decoders: nn.ModuleList
    prior_mean: Tensor
    prior_log_std: Tensor

    def _generate_by(self, decoders: Sequence[nn.Module], *, learned_prior: bool) -> None:
        """Takes the decoders, and makes the prior: called last, so that encoders come first."""
        self.decoders = nn.ModuleList(decoders)
        like = common_weight(self)
        if not isinstance(learned_prior, bool):
            raise ValueError(f"learned_prior must be True or False, got {learned_prior!r}")
        mean, log_std = like.new_zeros(self.sizes[-1]), like.new_zeros(self.sizes[-1])
        if learned_prior:
            self.prior_mean, self.prior_log_std = nn.Parameter(mean), nn.Parameter(log_std)
        else:
            self.register_buffer("prior_mean", mean, persistent=False)
            self.register_buffer("prior_log_std", log_std, persistent=False)

    @property
    def depth(self) -> int:
        """T, the number of latent layers."""
        return len(self.decoders)

    @property
    def prior(self) -> DiagonalGaussian:
        """p(z_T). If it is fixed, ∇_θ ELBO = E_q ∇_θ log p(x|z_1) for one layer.  (Eq. 7.1)"""
        with located("prior"):
            return DiagonalGaussian(self.prior_mean, self.prior_log_std)

    def generate(self, level: int, z: Tensor) -> Distribution:
        """p(z_{level−1} | z_level); level 1 gives p(x|z_1). Errors name the layer."""
        with located(f"decoder {self._level(level)}"):
            decoder: Callable[[Tensor], Distribution] = self.decoders[level - 1]
            return decoder(z)

    def arrow(self, level: int, z: Tensor) -> DiagonalGaussian:
        """p(z_{level−1} | z_level) between latents, level from 2 to T.

        Raises ValueError if the decoder gives no DiagonalGaussian, whose noise can be told.
        """
        given = self.generate(level, z)
        if not isinstance(given, DiagonalGaussian):
            raise ValueError(
                f"decoder {level} must give a DiagonalGaussian, got {type(given).__name__}"
            )
        return given

    def log_joint(self, x: Tensor, latents: Sequence[Tensor]) -> Tensor:
        """log p(x, z_{1:T}), (*samples, *batch) nats, for [z_1, …, z_T].  (Eq. 10.1)

        latents: T tensors z_t (*samples, *batch, d_t). Raises ValueError unless they are T.
        """
        *below, log_p = self.log_factors(x, latents)
        for factor in below:
            log_p = log_p + factor
        return log_p

    def log_factors(self, x: Tensor, latents: Sequence[Tensor]) -> list[Tensor]:
        """[log p(x|z_1), log p(z_1|z_2), …, log p(z_T)], as `log_joint` adds them up."""
        if len(latents) != self.depth:
            raise ValueError(f"latents must be {self.depth} tensors, z_1 first, got {len(latents)}")
        top = self.prior.log_prob(latents[-1])
        arrows = enumerate([x, *latents[:-1]], start=1)
        return [
            *(self.generate(level, latents[level - 1]).log_prob(low) for level, low in arrows),
            top,
        ]

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

    def _level(self, level: int) -> int:
        """Raises ValueError unless 1 ≤ level ≤ T."""
        if not is_whole(level) or not 1 <= level <= self.depth:
            raise ValueError(f"level must lie in 1..{self.depth}, got {level!r}")
        return int(level)
