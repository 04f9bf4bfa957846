"""A digit under a linear-Gaussian model, and prior draws by the hundred thousand, shared out."""

from functools import lru_cache

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.data import load_mnist
from course_lib.exact import LinearGaussian, fit_ppca

DIMENSIONS = (1, 2, 3, 5, 8, 12, 20, 30, 50)
DRAWS = (10, 100, 1_000, 10_000, 100_000)
POOL = 2**17  # prior draws, shared out among the estimates
DOTS = 300  # prior draws shown, at most
BLUE = 150  # draws shown of where the integral has its mass
DIGIT = 1  # of the test images: a two


@lru_cache(maxsize=1)
def digit_model() -> tuple[LinearGaussian, Tensor]:
    """pPCA with 50 latents fitted to 10,000 MNIST images, grey levels in [0, 1], and one image."""
    train = load_mnist("train").images[:10_000].flatten(1).double() / 255  # (10000, 784)
    image = load_mnist("test").images[DIGIT].flatten().double() / 255  # (784,)
    return fit_ppca(train, latent=max(DIMENSIONS)), image


class PriorDraws:
    """The pool of prior draws: what each has to do with the digit.

    squares: for each d, |x − b − W z|² of each draw, (POOL,), which does not depend on the noise.
    shown: the first of them, (DOTS, 50). best: for each d and S, the z (d,) of the first S draws
    that decodes nearest to x, at any noise. noise: standard normal, (BLUE, 50).
    """

    def __init__(self, world: LinearGaussian, image: Tensor) -> None:
        """The columns of W are orthogonal, so the square splits into what they cannot reach and a
        sum of w_i²(z_i − m_i)² that grows by one term with each latent.
        """
        norms = world.loadings.square().sum(0)  # w², (50,)
        centred = image - world.offset
        best = world.loadings.mT @ centred / norms  # m, (50,)
        generator = torch.Generator().manual_seed(0)
        square = centred.square().sum().repeat(POOL)  # (POOL,)
        pool = torch.empty(POOL, max(DIMENSIONS), **DOUBLE)  # let go at the end
        self.squares: dict[int, Tensor] = {}
        for i in range(max(DIMENSIONS)):
            pool[:, i] = z = torch.randn(POOL, generator=generator, **DOUBLE)
            square += norms[i] * ((z - best[i]).square() - best[i] ** 2)
            if i + 1 in DIMENSIONS:
                self.squares[i + 1] = square.clone()
        self.shown = pool[:DOTS].clone()
        self.noise = torch.randn(BLUE, max(DIMENSIONS), generator=generator, **DOUBLE)
        self.best = {(d, S): self._nearest(pool, d, S) for d in DIMENSIONS for S in DRAWS}

    def _nearest(self, pool: Tensor, d: int, draws: int) -> Tensor:
        return pool[self.squares[d][:draws].argmin(), :d].clone()
