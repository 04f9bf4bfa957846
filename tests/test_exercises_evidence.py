"""Chapter 1's diagnosis and design: what they accept, and what a wrong answer is told."""

import math
from typing import Any

import pytest
import torch
from scipy.integrate import quad
from scipy.stats import laplace, norm
from torch.distributions import Independent, Normal

from course_lib.distributions import DiagonalGaussian, Laplace
from course_lib.exercises import judged
from course_lib.exercises.evidence import error_of_one_draw
from course_lib.explorers.evidence import EvidenceNeedle


def gaussian(mean: float, std: float) -> DiagonalGaussian:
    return DiagonalGaussian.from_std(torch.tensor([mean], dtype=torch.float64), std)


def by_quadrature(density: Any) -> float:
    """√(∫ p(x, z)²/q(z) dz / p(x)² − 1) by SciPy, for x = 3 in the narrow world."""
    p = norm.pdf(3, 0, math.sqrt(1.01))

    def integrand(z: float) -> float:
        return float((norm.pdf(z) * norm.pdf(3, z, 0.1)) ** 2 / density(z))

    return math.sqrt(quad(integrand, 1, 5, points=[2.9, 2.97, 3.05], epsabs=1e-14)[0] / p**2 - 1)


@pytest.mark.parametrize(
    ("q", "density"),
    [
        (gaussian(0, 1), lambda z: norm.pdf(z)),
        (gaussian(3, 1), lambda z: norm.pdf(z, 3, 1)),
        (gaussian(3, 0.1), lambda z: norm.pdf(z, 3, 0.1)),
        (gaussian(2.9, 0.15), lambda z: norm.pdf(z, 2.9, 0.15)),
        (
            Laplace(torch.tensor([3.0]).double(), torch.tensor([0.1]).double().log()),
            lambda z: laplace.pdf(z, 3, 0.1),
        ),
    ],
)
def test_the_error_of_one_draw_is_what_quadrature_gives(q: Any, density: Any) -> None:
    assert error_of_one_draw(q) == pytest.approx(
        by_quadrature(density), rel=1e-5
    )  # a Laplace has a cusp


@pytest.mark.parametrize("q", [gaussian(300 / 101, math.sqrt(1 / 101)), gaussian(2.97, 0.105)])
def test_a_q_over_the_place_that_counts_is_accepted(q: Any) -> None:
    verdict = judged("1.d", q)
    assert verdict.accepted
    assert verdict.message.startswith("1.d: right: the relative error of one draw is ")
    assert error_of_one_draw(q) < 0.1


@pytest.mark.parametrize(
    ("q", "says"),
    [
        (gaussian(0, 1), "is 24.4722, and at most 0.1 is asked"),
        (gaussian(3, 1), "is 2.47531, and at most 0.1 is asked"),
        (gaussian(3, 0.1), "is 0.302233, and at most 0.1 is asked"),
        (gaussian(2.97, 0.07), "its tails are thinner than those of p(x, z)²"),
        (3.0, "q must be one distribution of one number"),
        ("N(3, 0.1)", "q must be one distribution of one number"),
        (
            DiagonalGaussian.from_std(torch.zeros(2), 1.0),
            "of event (2,) and batch ()",
        ),
        (DiagonalGaussian.from_std(torch.zeros(2, 1), 1.0), "of event (1,) and batch (2,)"),
        (
            Independent(Normal(torch.tensor([2.9703]).double(), 0.0995), 1),
            "from_std(0.0, 1.0); got an Independent",
        ),
        (..., "not answered yet"),
    ],
)
def test_another_q_is_told_how_far_it_is(q: Any, says: str) -> None:
    """24.47 = √598.9 is the prior's own r of (1.4); half of p(x, z)²'s width is the limit below."""
    verdict = judged("1.d", q)
    assert not verdict.accepted
    assert says in verdict.message
    assert "raised" not in verdict.message


def log_second_moment(mean: float, std: float) -> float:
    """log ∫ N(z; μ, 1/101)²/N(z; mean, std²) dz with μ = 300/101, by completing the square."""
    k = 0.5 / std**2
    width = 0.5 * math.log(2 * math.pi * std**2) + 0.5 * math.log(math.pi / (101 - k))
    return math.log(101 / (2 * math.pi)) + width + 101 * k / (101 - k) * (300 / 101 - mean) ** 2


@pytest.mark.parametrize(("mean", "std"), [(300.0, 0.1), (-300.0, 0.1), (30.0, 0.1), (3.0, 0.0704)])
def test_what_is_far_off_is_not_said_to_have_thin_tails(mean: float, std: float) -> None:
    """300 is the mean of one who forgets to divide by the precision; its error is finite."""
    assert 1 / std**2 < 2 * 101  # q's precision against that of p(x, z)²
    assert math.isfinite(log_second_moment(mean, std))
    verdict = judged("1.d", gaussian(mean, std))
    assert not verdict.accepted
    assert "infinite" not in verdict.message
    assert "from z beyond ±20, where it hardly ever draws" in verdict.message


@pytest.mark.parametrize("mean", [-2.97, -4.0, 10.0])
def test_an_error_that_no_float_holds_is_told_as_a_power(mean: float) -> None:
    power = round(0.5 * log_second_moment(mean, 0.1) / math.log(10))
    assert power > 154
    assert judged("1.d", gaussian(mean, 0.1)).message == (
        f"1.d: not yet: the relative error of one draw is 10^{power}, and at most 0.1 is asked"
    )


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (("no ranking", "draw elsewhere"), "right"),
        (["Draw elsewhere", "no ranking"], "right"),
        ("no ranking", "one more"),
        ("A wins", "both are short of log p(x)"),
        (("no ranking", "more repeats"), "That shrinks the ±"),
        (("B wins", "draw elsewhere"), "nothing in this report says so"),
        ("p̂ is biased", "the average of p̂ is p(x), exactly"),
        ("C wins", "is wanted"),
    ],
)
def test_the_diagnosis_has_a_reason_for_each_choice(answer: Any, says: str) -> None:
    verdict = judged("1.b", answer)
    assert verdict.accepted == (says == "right")
    assert says in verdict.message


def test_the_log_of_the_diagnosis_was_measured() -> None:
    """The means and their ±, and the exact values, as the exercise and its answers have them."""
    explorer = EvidenceNeedle()
    said = {8: (-122.1, 1.8, -69.4), 50: (-194.8, 4.4, 260.3)}
    for d, (mean, error, exact) in said.items():
        numbers = explorer.at(d=d, S=1_000, s=0.2)
        world = explorer.full.loadings[:, :d]
        covariance = world @ world.T + 0.2**2 * torch.eye(784, dtype=torch.float64)
        dense = torch.distributions.MultivariateNormal(explorer.full.offset, covariance)
        assert dense.log_prob(explorer.image).item() == pytest.approx(exact, abs=0.05)
        squares = explorer.draws.squares[d][:100_000].reshape(100, 1_000)
        peak = -392 * math.log(2 * math.pi * 0.2**2)
        repeats = torch.logsumexp(-squares / 0.08, 1) - math.log(1_000) + peak
        assert repeats.mean().item() == pytest.approx(mean, abs=0.05)
        assert repeats.std().item() / 10 == pytest.approx(error, abs=0.05)
        assert repeats.median().item() == pytest.approx(numbers["median_estimate"], abs=2)
