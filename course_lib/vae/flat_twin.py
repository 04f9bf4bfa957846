"""A chain seen as a VAE of one layer, whose latent is all of its noise at once."""

import torch
from torch import Generator, Tensor

from course_lib.arguments import require_count, require_event
from course_lib.distributions import DiagonalGaussian, Distribution
from course_lib.vae.hvae import HVAE


class FlatTwin:
    """z_T = m + s ⊙ ε_T, z_{t−1} = μ_t(z_t) + σ_t(z_t) ⊙ ε_{t−1}: flat, with latent ε_{1:T}.

    The same p(x) as the chain's, from the prior N(0, I) over ε = (ε_1, …, ε_T), Σ d_t numbers, and
    a decoder that runs the whole chain; m and s are those of the chain's prior.  (Eq. 11.2)
    What goes through the chain raises ValueError if an arrow above the first gives no
    DiagonalGaussian, or the noise is of another size.
    """

    def __init__(self, model: HVAE) -> None:
        self.model = model
        self.sizes = model.sizes[1:]  # d_1, …, d_T
        like = model.prior.mean
        self.prior = DiagonalGaussian(
            like.new_zeros(sum(self.sizes)), like.new_zeros(sum(self.sizes))
        )

    def latents(self, noise: Tensor) -> list[Tensor]:
        """[z_1, …, z_T] for ε (*batch, Σ d_t), ε_1 first; T tensors (*batch, d_t)."""
        parts = list(torch.split(require_event("noise", noise, sum(self.sizes)), self.sizes, -1))
        given = self.model.prior
        chain: list[Tensor] = []
        for level in range(self.model.depth, 0, -1):
            chain.insert(0, given.mean + given.std * parts[level - 1])
            if level > 1:
                given = self.model.arrow(level, chain[0])
        return chain

    def noise(self, latents: list[Tensor]) -> tuple[Tensor, Tensor]:
        """ε (*batch, Σ d_t) for [z_1, …, z_T], and log |det ∂z/∂ε| (*batch,): the map's inverse.

        z_t depends on ε_t and on what is above, and on ε_t coordinate by coordinate. So ∂z/∂ε is
        triangular, with the standard deviations on its diagonal.
        """
        parts, log_det = [], latents[0].new_zeros(())
        for level, z in enumerate(latents, start=1):
            given = self.model.prior
            if level < self.model.depth:
                given = self.model.arrow(level + 1, latents[level])
            parts.append((z - given.mean) / given.std)
            log_det = log_det + given.log_std.expand_as(z).sum(-1)
        return torch.cat(parts, -1), log_det

    def decoder(self, noise: Tensor) -> Distribution:
        """p(x|ε) = p(x|z_1(ε)), for ε (*batch, Σ d_t)."""
        return self.model.generate(1, self.latents(noise)[0])

    def log_joint(self, x: Tensor, noise: Tensor) -> Tensor:
        """log N(ε; 0, I) + log p(x|ε), (*samples, *batch) nats."""
        return self.prior.log_prob(noise) + self.decoder(noise).log_prob(x)

    def log_weights(self, x: Tensor, k: int, *, generator: Generator) -> Tensor:
        """log p(x, ε) − log q(ε|x) at k draws z of the chain's q, seen as ε: (k, *batch) nats.

        q(ε|x) = q(z|x) |det ∂z/∂ε|, and p(x, ε) carries the same factor, so these are the chain's
        own log-weights at those draws, and the two ELBOs are equal.  (Eq. 11.3)
        """
        factors, z = self.model.encode(x, (require_count("k", k),), generator=generator)
        noise, log_det = self.noise(z)
        log_q = sum(q.log_prob(level) for q, level in zip(factors, z, strict=True))
        return self.log_joint(x, noise) - (log_q + log_det)
