"""Chains of the Metropolis algorithm, right and wrong, for the exercise on its bug."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE

Rule = Callable[[Tensor, Tensor, Tensor], bool]  # u, log density here, log density there → taken?


def walk(taken: Rule, *, keep: str = "where it stands") -> Callable[..., Tensor]:
    """A chain that takes a step where `taken` says so, and notes what `keep` says."""

    def metropolis(
        log_density: Callable[[Tensor], Tensor], start: Tensor, steps: Tensor, uniforms: Tensor
    ) -> Tensor:
        stands, moved, proposed = [start], [], []
        for step, u in zip(steps, uniforms, strict=True):
            z = stands[-1]
            there = z + step
            moves = taken(u, log_density(z), log_density(there))
            stands.append(there if moves else z)
            moved += [there] * moves
            proposed.append(there)
        noted = {
            "where it stands": stands[1:],
            "the start as well": stands,
            "where it stood": stands[:-1],
            "steps taken": moved,
            "what was proposed": proposed,
        }
        return torch.stack(noted[keep])

    return metropolis


def metropolis_rule(u: Tensor, here: Tensor, there: Tensor) -> bool:
    """Whether u is below the ratio of the densities, for their logarithms here and there."""
    return bool(u < (there - here).exp())


def two_humps(z: Tensor) -> Tensor:
    """log p(x, z) of the z² world at x = 1.5, up to a constant."""
    return -0.5 * z**2 - 2 * (1.5 - z**2) ** 2


def lopsided(z: Tensor) -> Tensor:
    """Of the tanh world at x = 1, up to a constant."""
    return -0.5 * z**2 - 2 * (1 - 2 * torch.tanh(z)) ** 2


def walk_case(log_density: Callable[[Tensor], Tensor], start: float, seed: int) -> tuple[Any, ...]:
    """A chain of forty proposals."""
    generator = torch.Generator().manual_seed(seed)
    steps = 0.8 * torch.randn(40, generator=generator, **DOUBLE)
    uniforms = torch.rand(40, generator=generator, **DOUBLE)
    return log_density, torch.tensor(start, **DOUBLE), steps, uniforms
