"""Exercises on chains that fold, chains as functions of their noise, and comparing by one seed."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Exercise, Mistake
from course_lib.exact import LinearGaussianChain
from course_lib.exercises.registry import register

Arrow = tuple[float, float, float]  # slope, offset, std
Level = Callable[[Tensor], tuple[Tensor, Tensor]]


def _fold(upper: Arrow, lower: Arrow) -> Arrow:
    """x given z_2: lower slope times what the upper arrow gives, and the lower noise."""
    slope, offset, std = lower
    return slope * upper[0], slope * upper[1] + offset, math.hypot(slope * upper[2], std)


def _fold_without_noise(upper: Arrow, lower: Arrow) -> Arrow:
    slope, offset, _ = _fold(upper, lower)
    return slope, offset, lower[2]


def _fold_noise_unscaled(upper: Arrow, lower: Arrow) -> Arrow:
    slope, offset, _ = _fold(upper, lower)
    return slope, offset, math.hypot(upper[2], lower[2])


def _fold_adding_stds(upper: Arrow, lower: Arrow) -> Arrow:
    slope, offset, _ = _fold(upper, lower)
    return slope, offset, abs(lower[0]) * upper[2] + lower[2]


def _fold_with_variance(upper: Arrow, lower: Arrow) -> Arrow:
    slope, offset, std = _fold(upper, lower)
    return slope, offset, std**2


def _fold_offset_unscaled(upper: Arrow, lower: Arrow) -> Arrow:
    slope, _, std = _fold(upper, lower)
    return slope, upper[1] + lower[1], std


def _latents(
    arrows: Sequence[Level],
    noise: Sequence[Tensor],
    *,
    spread: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """z_1, …, z_T stacked: z_T = ε_T, z_t = μ_{t+1}(z_{t+1}) + σ_{t+1}(z_{t+1}) ε_t.

    spread: what stands in for σ, in a mistake.
    """
    chain = [noise[-1]]
    for arrow, own in zip(reversed(arrows), reversed(noise[:-1]), strict=True):
        mean, std = arrow(chain[0])
        chain.insert(0, mean + (std if spread is None else spread(std)) * own)
    return torch.stack(chain)


def _without_std(arrows: Sequence[Level], noise: Sequence[Tensor]) -> Tensor:
    return _latents(arrows, noise, spread=torch.ones_like)


def _without_noise(arrows: Sequence[Level], noise: Sequence[Tensor]) -> Tensor:
    return _latents(arrows, noise, spread=torch.zeros_like)


def _from_noise_above(arrows: Sequence[Level], noise: Sequence[Tensor]) -> Tensor:
    """Each arrow reads the noise above it, not the latent."""
    parts = [noise[-1]]
    for arrow, above, own in zip(arrows, noise[1:], noise[:-1], strict=True):
        mean, std = arrow(above)
        parts.append(mean + std * own)
    return torch.stack([*parts[1:], parts[0]])


def _upside_down(arrows: Sequence[Level], noise: Sequence[Tensor]) -> Tensor:
    return _latents(arrows, noise).flip(0)


def _wrong_order(apart: float, first: float, second: float) -> float:
    """P(N(apart, first² + second²) < 0)."""
    return 0.5 * math.erfc(apart / math.hypot(first, second) / math.sqrt(2))


def _bent(z: Tensor) -> tuple[Tensor, Tensor]:
    return 2 * torch.tanh(z) + 0.3, 0.5 + z.square()


def _straight(z: Tensor) -> tuple[Tensor, Tensor]:
    return 0.7 * z - 1, torch.full_like(z, 0.2)


NOISE = torch.tensor([[0.3, -1.2], [0.8, 0.1], [-0.5, 1.7]], **DOUBLE)

register(
    Exercise(
        "11.a",
        lambda: LinearGaussianChain.unit(9).evidence.variance.item(),
        [
            Mistake(9.0, "Nine arrows each add 1, and z_9 itself had variance 1 to begin with."),
            Mistake(math.sqrt(10), "That is the standard deviation. Its square is asked for."),
            Mistake(3.0, "That is the std of z_1, the flat model's slope. What is Var x?"),
            Mistake(1.0, "Each arrow has slope one: nothing shrinks the variance from above."),
        ],
        unit="",
    ),
    Exercise(
        "11.b",
        lambda: _fold,
        [
            Mistake(
                _fold_without_noise,
                "The upper arrow's noise goes through the lower one too. It has to be somewhere.",
            ),
            Mistake(
                _fold_noise_unscaled,
                "Nearly: the lower slope multiplies the upper arrow's noise as well.",
            ),
            Mistake(
                _fold_adding_stds,
                "Independent noises add in variance, not in standard deviation.",
            ),
            Mistake(
                _fold_with_variance,
                "That is the variance. An arrow's third number is the standard deviation.",
            ),
            Mistake(
                _fold_offset_unscaled,
                "The upper offset is part of z_1, so the lower slope multiplies it.",
            ),
            Mistake(
                lambda upper, lower: _fold(lower, upper),
                "You went up: first the upper arrow, then the lower one.",
            ),
        ],
        cases=[((2.0, -1.5, 0.5), (-3.0, 0.2, 0.7)), ((0.0, 0.8, 2.0), (0.5, -1.3, 0.1))],
        tolerance=1e-10,
        unit="",
    ),
    Exercise(
        "11.c",
        lambda: _latents,
        [
            Mistake(_without_std, "ε_t enters with the arrow's standard deviation before it."),
            Mistake(_without_noise, "Each level has noise of its own: add σ(z) times its ε."),
            Mistake(
                _from_noise_above,
                "Each arrow reads the latent above it, and that is the noise above only at the "
                "top.",
            ),
            Mistake(_upside_down, "z_1 first: you return them from the top down."),
        ],
        cases=[([_bent, _straight], list(NOISE)), ([_straight], list(NOISE[:2])), ([], [NOISE[0]])],
        tolerance=1e-10,
        unit="",
    ),
    Exercise(
        "11.d",
        lambda: _wrong_order(0.5, 0.4, 1.2),
        [
            Mistake(
                1 - _wrong_order(0.5, 0.4, 1.2),
                "That is how often the order is right.",
            ),
            Mistake(
                _wrong_order(0.5, 0.0, 1.6),
                "Independent spreads add in variance: √(0.4² + 1.2²), not 0.4 + 1.2.",
            ),
            Mistake(
                _wrong_order(0.5, 0.0, 1.2),
                "The first depth varies too. Both spreads count.",
            ),
            Mistake(
                _wrong_order(0.5, 0.4**2, 1.2**2),
                "Square the standard deviations once, and take the root of their sum.",
            ),
        ],
        unit="",
    ),
)
