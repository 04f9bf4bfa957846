"""Families of digits from trained chains: pictures that share their upper latents, drawn once."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.nn.functional import avg_pool2d, one_hot

from course_lib.data import load_mnist
from course_lib.shipped import load_model
from course_lib.vae import HVAE

Array = NDArray[np.float32]

FAMILIES, MEMBERS = 120, 10
NEIGHBOURS = 5000  # training images, of which the reader takes the nearest


@dataclass(frozen=True)
class Families:
    """120 families of ten, drawn from p with one z_k each and everything below z_k drawn anew.

    pictures: E[x|z_1] of the members, (120, 10, 28, 28); the first is the ancestor itself, from
    which the kept latents are. latents: z_1 … z_T of the second member, (120, d_t).
    x: of the second member, black and white, (120, 28, 28).
    alike: the share of pairs within a family in which `read_digits` sees the same digit; of all
    pairs there are, if nothing is kept.
    """

    pictures: Array
    latents: list[Array]
    x: Array
    alike: float


@dataclass(frozen=True)
class ChainFamilies:
    """The families of one trained chain: by_level[k] keeps z_k, and by_level[T + 1] keeps nothing.

    decided: what z_T, …, z_1 and then the pixels' own noise decide of the variance of x, summed
    over pixels: the terms of the law of total variance, as shares that add up to 1.
    """

    depth: int
    by_level: dict[int, Families]
    decided: list[float]


@lru_cache(maxsize=4)
def chain_families(name: str) -> ChainFamilies:
    """The families of the model of recipe `name`, from `data/`. Every level has the same ancestors.

    Raises FileNotFoundError if the model does not ship.
    """
    model, generator = load_model(name), torch.Generator().manual_seed(10)
    ancestors = model.sample_latents(FAMILIES, generator=generator)
    by_level = {
        level: _families(model, ancestors, level, generator) for level in range(1, model.depth + 2)
    }
    return ChainFamilies(model.depth, by_level, _decided(by_level))


def _families(model: HVAE, ancestors: list[Tensor], level: int, generator: Generator) -> Families:
    """Each ancestor and nine relatives, which keep z_level and all above it."""
    if level > model.depth:
        fresh = model.sample_latents(FAMILIES * (MEMBERS - 1), generator=generator)
        relatives = [z.reshape(MEMBERS - 1, FAMILIES, -1) for z in fresh]
    else:
        kept = [z.expand(MEMBERS - 1, *z.shape) for z in ancestors[level - 1 :]]
        below = model.resample(kept[0], level, generator=generator)
        relatives = [*below, *kept[1:]]  # [z_1, …, z_T], each (9, 120, d_t)
    z_1 = torch.cat([ancestors[0].unsqueeze(0), relatives[0]]).transpose(0, 1)  # (120, 10, d_1)
    likelihood = model.generate(1, z_1)
    x = likelihood.sample(generator=generator)[:, 1]  # (120, 784)
    alike = 1.0  # with z_1 all of a family are equal
    if level > 1:
        related = FAMILIES if level <= model.depth else 1  # nothing kept: any two are as good
        alike = same_pairs(read_digits(likelihood.mean.flatten(0, 1)).reshape(related, -1))
    return Families(
        likelihood.mean.reshape(FAMILIES, MEMBERS, 28, 28).numpy(),
        [z[0].numpy() for z in relatives],
        x.reshape(FAMILIES, 28, 28).numpy(),
        alike,
    )


def _decided(by_level: dict[int, Families]) -> list[float]:
    """Var x = Var E[x|z_T] + Σ_t E Var(E[x|z_t] | z_{t+1}) + E Var(x|z_1), each over the whole.

    Σ over pixels; a black and white pixel of mean m has the variance m(1 − m).
    """
    depth = len(by_level) - 1
    means = np.concatenate([f.pictures.reshape(-1, 784) for f in by_level.values()])
    means = means.astype(np.float64)
    middle = means.mean(0)
    drawn = means.var(0).sum() / (middle * (1 - middle)).sum()  # decided by z_1 and all above
    fixed = [drawn * explained(by_level[level].pictures) for level in range(depth, 1, -1)]
    ends = [0.0, *fixed, drawn, 1.0]
    return [float(share) for share in np.diff(ends)]


def explained(pictures: Array) -> float:
    """Var E[x|family] / Var x over pictures (families, members, …), summed over pixels.

    The variance of the families' means has 1/members of the variance within a family in it,
    which is taken off: unbiased, and so it may come out slightly below zero.
    """
    count = pictures.shape[1]
    values = pictures.reshape(*pictures.shape[:2], -1).astype(np.float64)
    within = values.var(1, ddof=1).mean(0).sum()
    between = values.mean(1).var(0, ddof=1).sum() - within / count
    return float(between / (between + within))


def same_pairs(digits: Tensor) -> float:
    """The share of the pairs within a row that hold the same digit; digits (rows, members)."""
    counts = one_hot(digits, 10).sum(1)  # (rows, 10)
    members = digits.shape[1]
    return (counts * (counts - 1)).sum().item() / (len(digits) * members * (members - 1))


def read_digits(pictures: Tensor) -> Tensor:
    """Which digit each picture (N, 784), values 0 … 1, shows: that of its nearest neighbour.

    Nearest among 5,000 training images of MNIST, all averaged over 2 × 2 pixels. Returns (N,).
    """
    known, labels = _neighbours()
    halved = _halved(pictures)
    # |a − b|² = |a|² − 2 a·b + |b|², and |a|² is the same for every b
    return labels[(known.square().sum(1) - 2 * halved @ known.mT).argmin(1)]


@lru_cache(maxsize=1)
def _neighbours() -> tuple[Tensor, Tensor]:
    train = load_mnist("train")
    images = train.images[:NEIGHBOURS].flatten(1).float() / 255
    return _halved(images), train.labels[:NEIGHBOURS].long()


def _halved(pictures: Tensor) -> Tensor:
    """(N, 784) to (N, 196)."""
    return avg_pool2d(pictures.reshape(-1, 1, 28, 28), 2).flatten(1)
