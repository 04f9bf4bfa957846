"""A hundred real digits whose ELBO is known exactly, and batches of them drawn once."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from course_lib import bounds
from course_lib.arguments import DOUBLE
from course_lib.data import load_digits
from course_lib.distributions import DiagonalGaussian
from course_lib.exact import LinearGaussian, fit_ppca

DIGITS, LATENT = 100, 10
WIDEN = 2.0  # how much wider than the exact posterior q is
BATCHES = 400
WITHOUT, WITH = "without", "with"
REPLACEMENT = (WITHOUT, WITH)


@dataclass(frozen=True)
class DigitBounds:
    """A hundred digits under a linear-Gaussian model, with a q for each that is too wide.

    images: (100, 64) counts 0..16.  elbo: ℓ_n exactly, (100,) nats.  variance: of one estimate of
    ℓ_n from one sample of q, (100,).
    """

    world: LinearGaussian
    q: DiagonalGaussian
    images: Tensor
    elbo: Tensor
    variance: Tensor

    def estimated(self, index: Tensor, samples: int, generator: torch.Generator) -> Tensor:
        """ℓ̂_n for each n of index, from `samples` fresh samples of q_n each: shaped as index."""
        q = DiagonalGaussian(self.q.mean[index], self.q.log_std[index])
        total = torch.zeros(index.shape, **DOUBLE)
        for _ in range(samples):
            z = q.rsample((1,), generator=generator)  # (1, *index, d)
            total += bounds.terms(self.world, q, self.images[index], z).elbo
        return total / samples


@lru_cache(maxsize=1)
def digit_bounds() -> DigitBounds:
    """pPCA with 10 latents fitted to all 8×8 digits, and the first hundred of them."""
    counts = load_digits().images.flatten(1).double()  # (1797, 64)
    world, images = fit_ppca(counts, LATENT), counts[:DIGITS]
    posterior = world.posterior(images)
    std = WIDEN * posterior.variance.sqrt()
    q = DiagonalGaussian(posterior.mean, std.log().expand_as(posterior.mean))
    return DigitBounds(
        world, q, images, world.elbo(q, images), reconstruction_variance(world, q, images)
    )


def reconstruction_variance(world: LinearGaussian, q: DiagonalGaussian, x: Tensor) -> Tensor:
    """Var_q log p(x|z): with z = μ + σε it is ½ tr A² + |a|², A = SWᵀΨ⁻¹WS, a = SWᵀΨ⁻¹(x−b−Wμ).

    S = diag σ. q: batch (*batch,), event (d,); x (*batch, D). Returns (*batch,) nats².
    """
    residual = (x - world.offset - q.mean @ world.loadings.mT) / world.noise_std  # (*batch, D)
    slopes = world.loadings / world.noise_std.unsqueeze(-1) * q.std.unsqueeze(-2)  # (*batch, D, d)
    square = (slopes.mT @ slopes).square().sum((-2, -1))
    return 0.5 * square + (residual.unsqueeze(-2) @ slopes).square().sum((-2, -1))


@lru_cache(maxsize=1)
def drawn_batches() -> dict[str, Tensor]:
    """400 orders of the digits: the first B of a row are a batch of B. (400, 100) each."""
    generator = torch.Generator().manual_seed(9)
    noise = torch.rand(BATCHES, DIGITS, generator=generator, **DOUBLE)
    return {
        WITHOUT: noise.argsort(1),
        WITH: torch.randint(DIGITS, (BATCHES, DIGITS), generator=generator, device="cpu"),
    }


@lru_cache(maxsize=1)
def running_sums() -> dict[str, Tensor]:
    """Σ ℓ_n over the first B entries of each row, for each way to draw: (400, 100) nats."""
    elbo = digit_bounds().elbo
    return {way: elbo[index].cumsum(1) for way, index in drawn_batches().items()}
