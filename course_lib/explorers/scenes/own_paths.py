"""Images that get a q of their own: gradient ascent from the encoder's answers, step by step."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from torch import Generator, Tensor

from course_lib.bounds import log_weights
from course_lib.distributions import DiagonalGaussian, kl_divergence
from course_lib.evaluate import expected_log_likelihood
from course_lib.explorers.scenes.encoded_digits import COPIES, EncodedDigits, shipped_digits
from course_lib.vae import VAE

STEPS, RATE, DRAWS = 100, 0.03, 16  # of Adam, its rate falling to zero; draws of q in each step
STOPS = (0, 1, 2, 3, 5, 7, 10, 13, 16, 18, 20, 22, 24, 27, 30, 35, 40, 50, 60, 80, 100)  # shown
NODES = 10  # of the quadrature over q, in each direction
PIXELS = 744  # of a landscape's side, as drawn
# Nodes across a landscape, −1 to 1, and what makes of values there the polynomial at each pixel: a
# log-density of tanh nets is smooth, so few nodes are enough.
ROOTS = chebyshev.chebpts1(49)
SMOOTH = chebyshev.chebvander((np.arange(PIXELS) + 0.5) / PIXELS * 2 - 1, len(ROOTS) - 1) @ (
    np.linalg.inv(chebyshev.chebvander(ROOTS, len(ROOTS) - 1))
)
HIGH = 4.5  # nats below the summit down to which the posterior is sure to be in the picture
ROOM = 0.03  # about what must be seen, in shares of its side

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Landscape:
    """A square of the latent plane: its corner, its side, and how many nats log p(z|x) lies below
    its summit, (PIXELS, PIXELS), the first row at the bottom.
    """

    left: float
    bottom: float
    side: float
    below: Array

    def place(self, z: Array) -> Array:
        """Points z (…, 2) as fractions of the square's side."""
        placed: Array = (z - (self.left, self.bottom)) / self.side
        return placed


@dataclass(frozen=True)
class OwnPaths:
    """The way of each of N images, at each step in STOPS.

    means, log_stds: (S, N, 2). elbo: (S, N) nats, by quadrature. log_evidence: (N,). x: (N, D).
    at_mean: P(ink) of each pixel at the mean, (S, N, D). landscapes: one for each image.
    """

    x: Tensor
    means: Tensor
    log_stds: Tensor
    log_evidence: Tensor
    elbo: Tensor
    at_mean: Tensor
    landscapes: list[Landscape]


def ascend(model: VAE, x: Tensor, start: DiagonalGaussian) -> list[DiagonalGaussian]:
    """q of each x (N, D) after 0, 1, …, STEPS steps up its ELBO; all share the noise of a step.

    By Adam on mean and log σ, its rate falling to zero by half a cosine; the aim is that of (6.3).
    """
    mean, log_std = (part.clone().requires_grad_() for part in (start.mean, start.log_std))
    adam = torch.optim.Adam([mean, log_std], lr=RATE, maximize=True, foreach=False)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, STEPS)
    generator, path = Generator().manual_seed(0), [start]
    shape = (DRAWS, 1, mean.shape[-1])
    for _ in range(STEPS):
        noise = torch.randn(shape, generator=generator, dtype=mean.dtype, device="cpu")
        q = DiagonalGaussian(mean, log_std)
        elbo = log_weights(model, q, x, q.mean + q.std * noise).mean(0)  # (N,)
        mean.grad, log_std.grad = torch.autograd.grad(elbo.sum(), [mean, log_std])
        adam.step()
        falling.step()
        path.append(DiagonalGaussian(mean.detach().clone(), log_std.detach().clone()))
    return path


def own_paths(digits: EncodedDigits) -> OwnPaths:
    """Of the first image of each digit."""
    images = list(range(0, len(digits.x), COPIES))
    model, x = digits.model, digits.x[images]
    start = DiagonalGaussian(digits.q.mean[images], digits.q.log_std[images])
    path = ascend(model, x, start)
    stops = [path[step] for step in STOPS]
    elbo = [
        expected_log_likelihood(model, q, x, NODES) - kl_divergence(q, model.prior) for q in stops
    ]
    means = torch.stack([q.mean for q in stops])
    whole = torch.stack([q.mean for q in path])  # (STEPS + 1, N, 2)
    return OwnPaths(
        x=x,
        means=means,
        log_stds=torch.stack([q.log_std for q in stops]),
        log_evidence=digits.log_evidence[images],
        elbo=torch.stack(elbo),
        at_mean=digits.decoded(means),
        landscapes=[_landscape(digits, i, whole[:, k]) for k, i in enumerate(images)],
    )


def _landscape(digits: EncodedDigits, image: int, path: Tensor) -> Landscape:
    """The square that holds the posterior, and the path (S, 2) with 2σ of the first q about it."""
    found, wide = digits.cells[image], 2 * digits.q.std[image]
    high = found.centres[found.log_joint > found.log_joint.max() - HIGH]
    points = torch.cat([high, path - wide, path + wide])
    low, top = points.amin(0), points.amax(0)
    side = (top - low).max().item() * (1 + 2 * ROOM)
    left, bottom = ((low + top - side) / 2).tolist()
    axis = torch.from_numpy((1 + ROOTS) / 2) * side
    up, across = torch.meshgrid(axis + bottom, axis + left, indexing="ij")
    nodes = torch.stack([across, up], -1).reshape(-1, 2)  # (49², 2)
    heights = digits.model.log_joint(digits.x[image], [nodes]).reshape(len(ROOTS), -1).numpy()
    summit = found.log_joint.max().item()
    return Landscape(left, bottom, side, summit - SMOOTH @ heights @ SMOOTH.T)


@lru_cache(maxsize=1)
def shipped_paths() -> OwnPaths:
    """Of MNIST's test images, under the model that ships."""
    return own_paths(shipped_digits())
