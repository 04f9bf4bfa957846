"""The choice and the design of chapter 5: what is right is taken, what is wrong is told why."""

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from course_lib.exercises import judged
from course_lib.exercises.rate_distortion import MOST_RATE, distortion_within_budget


def test_the_three_runs_say_what_the_answer_says() -> None:
    """Reconstruction, KL, β of A, B and C, and what each reports, as the notebook prints them."""
    runs = {"A": (-133.0, 6.5, 1.0), "B": (-131.8, 8.3, 0.2), "C": (-254.9, 0.0, 1.0)}
    reported = {"A": -139.5, "B": -133.5, "C": -254.9}
    for name, (reconstruction, kl, beta) in runs.items():
        assert reconstruction - beta * kl == pytest.approx(reported[name], abs=0.05)
    elbo = {name: reconstruction - kl for name, (reconstruction, kl, _) in runs.items()}
    assert elbo["A"] > elbo["B"] > elbo["C"]  # a
    assert elbo["B"] == pytest.approx(-140.1)  # the reason of b


@pytest.mark.parametrize("count", range(1, 7))
def test_only_all_that_follow_are_right(count: int) -> None:
    for chosen in combinations("abcdef", count):
        verdict = judged("5.c", list(chosen))
        assert verdict.accepted == (set(chosen) == {"a", "d", "f"})
        wrong = sorted(set(chosen) - {"a", "d", "f"})
        if wrong:
            assert f"Not “{wrong[0]}”: " in verdict.message
        elif not verdict.accepted:
            assert "right so far" in verdict.message


def rate(slope: float, std: float) -> float:
    """E_x KL(N(slope·x, std²) ‖ N(0, 1)) over x ~ N(0, 2), by quadrature over x."""

    def at(x: float) -> float:
        kl = -math.log(std) + (std**2 + (slope * x) ** 2 - 1) / 2
        return kl * math.exp(-x * x / 4) / math.sqrt(4 * math.pi)

    return float(quad(at, -20, 20)[0])


def distortion(slope: float, std: float) -> float:
    """−E log N(x; z, 1), by quadrature over x and the two moments of z."""

    def at(x: float) -> float:
        cost = (math.log(2 * math.pi) + (x - slope * x) ** 2 + std**2) / 2
        return cost * math.exp(-x * x / 4) / math.sqrt(4 * math.pi)

    return float(quad(at, -20, 20)[0])


def best() -> tuple[float, float]:
    """Slope and std of the posterior of the world with noise β, β such that the rate is 0.2."""

    def code(beta: float) -> tuple[float, float]:
        return 1 / (1 + beta), math.sqrt(beta / (1 + beta))

    return code(brentq(lambda beta: rate(*code(beta)) - MOST_RATE, 0.5, 5))


def test_the_best_code_is_right_and_little_else() -> None:
    slope, std = best()
    assert rate(slope, std) == pytest.approx(MOST_RATE)
    least = distortion(slope, std)
    assert 1.602 < least < 1.603  # 1.61 is asked
    assert distortion_within_budget((slope, std)) == pytest.approx(least, abs=1e-9)
    assert judged("5.d", (slope, std + 1e-6)).message == (
        "5.d: right: the mean distortion is 1.60274 nats, and at most 1.61 nats was asked"
    )
    grid = [(a, s) for a in np.linspace(0, 1, 41) for s in np.linspace(0.05, 1.2, 47)]
    allowed = [code for code in grid if rate(*code) <= MOST_RATE]
    reached = [code for code in allowed if judged("5.d", code).accepted]
    assert len(allowed) > 100
    assert len(reached) <= 0.02 * len(allowed)  # no walk by eye gets there
    assert min(distortion(*code) for code in allowed) > least


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((0.5, math.sqrt(0.5)), "5.d: not yet: its mean rate is 0.3466 nats, at most 0.2 is asked"),
        ((0.0, 1.0), "the mean distortion is 2.41894 nats, and at most 1.61 nats is asked"),
        ((0.3, 0.9), "the mean distortion is"),
        ((0.5, -1.0), "a positive standard deviation"),
        ((0.5, 0.7, 0.1), "5.d: two numbers are wanted"),
        (0.5, "two numbers are wanted"),
        ("0.4 and 0.8", "two numbers are wanted"),
        ((math.nan, 1.0), "two numbers are wanted"),
        ((1e200, 1.0), "its mean rate is inf nats"),
        (..., "not answered yet"),
        ([0.4, ...], "5.d: not answered yet"),
    ],
)
def test_what_is_not_reached_is_told(answer: Any, words: str) -> None:
    verdict = judged("5.d", answer)
    assert not verdict.accepted
    assert words in verdict.message


def test_a_rate_that_is_too_high_by_a_hair_shows_it() -> None:
    """0.2000 is at most 0.2, to a reader."""
    slope, std = best()
    near = rate(slope + 1e-5, std) - MOST_RATE
    assert 0 < near < 5e-5
    assert judged("5.d", (slope + 1e-5, std)).message == (
        f"5.d: not yet: its mean rate is 0.2 and another {near:.0e} nats, at most 0.2 is asked"
    )
