"""Chapter 8's exercises that are no number: blanks, a biased baseline, an f that is measured."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from exercise_answers import CHOICES
from numpy.typing import NDArray
from scipy.integrate import quad

from course_lib.checks import Blanks, MultipleChoice
from course_lib.exercises import EXERCISES, judged
from course_lib.exercises.reparameterization import variance_ratio

Numbers = NDArray[np.float64]


# ---- 8.a: the exponential distribution ----

RATE = 1.7  # λ
# What each word says, of u, z, f = z² or its slope.
DRAWS: dict[str, Callable[[float], float]] = {
    "-log(u) / λ": lambda u: -math.log(u) / RATE,
    "-λ log(u)": lambda u: -RATE * math.log(u),
    "exp(-λ u)": lambda u: math.exp(-RATE * u),
    "λ + u": lambda u: RATE + u,
}
MOVES: dict[str, Callable[[float], float]] = {
    "-z / λ": lambda z: -z / RATE,
    "z / λ": lambda z: z / RATE,
    "-λ z": lambda z: -RATE * z,
    "1 / z": lambda z: 1 / z,
}
ESTIMATES: dict[str, Callable[[float], float]] = {
    "-f'(z) z / λ": lambda z: -2 * z * z / RATE,
    "f'(z)": lambda z: 2 * z,
    "f'(z) z": lambda z: 2 * z * z,
    "-f(z) z / λ": lambda z: -(z**3) / RATE,
}
SCORES: dict[str, Callable[[float], float]] = {
    "1/λ - z": lambda z: 1 / RATE - z,
    "-z": lambda z: -z,
    "-λ z": lambda z: -RATE * z,
    "z - 1/λ": lambda z: z - 1 / RATE,
}


def over_z(g: Callable[[float], float], rate: float = RATE) -> float:
    """E g(z) under the exponential distribution."""
    return float(quad(lambda z: rate * math.exp(-rate * z) * g(z), 0, math.inf, epsabs=1e-12)[0])


def test_the_right_words_and_they_alone_are_true_of_numbers() -> None:
    """Held to quadrature: the law of the draw, its move in λ, and d/dλ of E z², by two ways."""
    nudge = 1e-5
    slope = (over_z(np.square, RATE + nudge) - over_z(np.square, RATE - nudge)) / (2 * nudge)

    def draws(move: Callable[[float], float]) -> bool:
        moments = [quad(lambda u, k=k: move(u) ** k, 0, 1)[0] for k in (1, 2)]
        return moments == pytest.approx([1 / RATE, 2 / RATE**2], rel=1e-6)

    def moves(change: Callable[[float], float]) -> bool:
        u = math.exp(-RATE * 0.4)  # the u of z = 0.4
        moved = (-math.log(u) / (RATE + nudge) + math.log(u) / (RATE - nudge)) / (2 * nudge)
        return change(0.4) == pytest.approx(moved, rel=1e-6)

    def weighted(score: Callable[[float], float]) -> float:
        return over_z(lambda z: z * z * score(z))

    true = [
        [word for word, move in DRAWS.items() if draws(move)],
        [word for word, change in MOVES.items() if moves(change)],
        [word for word, g in ESTIMATES.items() if over_z(g) == pytest.approx(slope, rel=1e-6)],
        [word for word, g in SCORES.items() if weighted(g) == pytest.approx(slope, rel=1e-6)],
    ]
    assert true == [[word] for word in CHOICES["8.a"]]
    exercise = EXERCISES["8.a"]
    assert isinstance(exercise, Blanks)
    offered = [set(blank.options) for blank in exercise.blanks]
    assert offered == [set(words) for words in (DRAWS, MOVES, ESTIMATES, SCORES)]


# ---- 8.c: a baseline that holds the draw's own value ----


def test_what_a_baseline_from_the_same_draws_does_to_the_mean() -> None:
    """By enumeration of all pairs and triples of three-valued noise: (S − 1)/S, and 1 without the
    own value; a constant, however poor, and a step for f change nothing.
    """
    values, mass = np.array([-math.sqrt(3), 0.0, math.sqrt(3)]), np.array([1, 4, 1]) / 6

    def shares(f: Callable[[Numbers], Any], baseline: Callable[[Numbers, int], float]) -> Any:
        found = []
        for size in (2, 3):
            places = np.stack(np.meshgrid(*[range(3)] * size), -1).reshape(-1, size)
            chance = mass[places].prod(1)
            draws = values[places]
            height = f(0.8 + 0.5 * draws)
            off = np.array([baseline(row, 0) for row in height])
            estimate = (height[:, 0] - off) * draws[:, 0] / 0.5
            found.append(chance @ estimate / (mass @ (f(0.8 + 0.5 * values) * values / 0.5)))
        return found

    assert shares(np.square, lambda row, i: row.mean()) == pytest.approx([1 / 2, 2 / 3])
    alone = shares(np.square, lambda row, i: np.delete(row, i).mean())
    assert alone == pytest.approx([1, 1])
    assert shares(np.square, lambda row, i: 40.0) == pytest.approx([1, 1])
    assert shares(lambda z: (z > 1.0) * 1.0, lambda row, i: 0.0) == pytest.approx([1, 1])
    assert [(size - 1) / size for size in (2, 4, 10, 100)] == [0.5, 0.75, 0.9, 0.99]
    exercise = EXERCISES["8.c"]
    assert isinstance(exercise, MultipleChoice)
    assert list(exercise.right) == CHOICES["8.c"] == ["own value"]


# ---- 8.b: draws, and what of them reaches the parameters ----


def test_a_draw_of_another_shape_is_told_its_shape() -> None:
    """Not how many numbers: with the slopes, which nobody has given back, they are ten."""
    told = judged("8.b", lambda mean, log_std, noise: mean + log_std.exp())
    assert told.message == "8.b: a z of the noise's shape (3, 2) is wanted, got (2,)"
    whole = judged("8.b", lambda mean, log_std, noise: mean.sum() + (log_std.exp() * noise).sum())
    assert whole.message.endswith("is wanted, got ()")


# ---- 8.d: an f for which the score function wins ----


def ripple(height: float, omega: float) -> Callable[[Any], Any]:
    return lambda z: z + height * torch.sin(omega * z)


@pytest.mark.parametrize(("height", "omega"), [(0.5, 20.0), (0.5, 4.0), (1.0, 2.0), (0.1, 70.0)])
def test_the_ratio_is_that_of_quadrature(height: float, omega: float) -> None:
    def mean(g: Callable[[float], float]) -> float:
        pieces = np.linspace(-9, 9, 181)
        return sum(
            quad(lambda e: g(e) * math.exp(-e * e / 2), low, high)[0]
            for low, high in itertools.pairwise(pieces)
        ) / math.sqrt(2 * math.pi)

    def slope(e: float) -> float:
        return 1 + height * omega * math.cos(omega * e)

    def weighted(e: float) -> float:
        return (e + height * math.sin(omega * e)) * e

    def variance(g: Callable[[float], float]) -> float:
        return mean(lambda e: g(e) ** 2) - mean(g) ** 2

    expected = variance(weighted) / variance(slope)
    assert variance_ratio(ripple(height, omega)) == pytest.approx(expected, rel=1e-6)
    assert judged("8.d", ripple(height, omega)).accepted == (expected <= 0.05)


def test_a_hole_at_zero_alone_is_nothing_to_an_average() -> None:
    assert judged("8.d", lambda z: z + torch.sin(20 * z) / z).accepted


def test_a_steep_and_smooth_step_is_an_answer_too() -> None:
    assert judged("8.d", lambda z: 2 * torch.sigmoid(300 * (z - 0.5))).accepted


@pytest.mark.parametrize("slope", [0.5, -0.5])
@pytest.mark.parametrize("precision", [torch.float64, torch.float32])
def test_a_gradient_of_just_what_is_asked_is_enough(slope: float, precision: torch.dtype) -> None:
    """E[(z/2 + a sin ωz) ε] is 1/2 but for aω exp(−ω²/2), which is below 1e-80."""
    assert judged("8.d", lambda z: slope * z.to(precision) + torch.sin(20 * z) / 4).accepted


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda z: torch.sin(2 * z), "the gradient in μ is 0.271, and at least 0.5 in size"),
        (lambda z: 30 * torch.sin(5 * z), "the gradient in μ is 0.001"),
        (lambda z: z**2, "the gradient in μ is 0.000"),
        (lambda z: 0.4999 * z, "the gradient in μ is 0.499900, and at least 0.5"),
        (lambda z: -0.25 * z, "the gradient in μ is −0.250, and at least 0.5"),
        (lambda z: 3 * z, "one slope everywhere: a straight line, or"),
        (lambda z: z + torch.sin(20 * z.detach()) / 2, "or the rest detached"),
        (lambda z: z + z.sqrt(), "f or its slope is no finite number somewhere"),
        (lambda z: z + z.exp().exp(), "f or its slope is no finite number somewhere"),
        (lambda z: z + (z > 0), "the slopes average to 1.000 and the weighted heights to 1.399"),
        (lambda z: z + z.detach(), "autograd must see all of it"),
        (lambda z: (z > 0.5).double(), "autograd sees no slope of f"),
        (lambda z: z.sum(), "f must map z (3,) to as many numbers, got ()"),
        (lambda z: 1.0, "to as many numbers, got float"),
        (lambda z: z + 0.01 * torch.sin(2 * math.pi * 10_000 * z), "changes too fast"),
        (0.5, "a function of z is wanted, got float"),
    ],
)
def test_what_wins_nothing_is_told_why(f: Any, words: str) -> None:
    told = judged("8.d", f)
    assert not told.accepted
    assert words in told.message
