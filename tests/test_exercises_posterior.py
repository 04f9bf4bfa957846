"""Exercises of chapter 2 that ask for a word or a design: wrong answers are helped."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from course_lib.distributions import DiagonalGaussian, FullGaussian, GaussianMixture
from course_lib.exact import square_world
from course_lib.exercises import find, judged

Number = Callable[[float], float]
SHAPE = "q has the posterior's shape where it draws"
MORE = "more draws of q will tell whether it is the posterior"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("q is the posterior", "Half of a posterior with two humps is just as flat"),
        ("p(x) equals c", "log 2 too low"),
        (["p(x) is at least c", MORE], "No draw of q ever falls where q is zero"),
        ("p(x) is at most c", "can only add to p(x)"),
        ("p(x) is at least c", "one more holds"),
        ([SHAPE, "p(x) is at least c", "q is the posterior"], "Half of a"),
    ],
)
def test_what_does_not_follow_from_a_flat_log_weight(answer: Any, words: str) -> None:
    verdict = judged("2.c", answer)
    assert not verdict.accepted
    assert words in verdict.message


def test_what_follows_from_a_flat_log_weight() -> None:
    assert judged("2.c", ["P(x) is at least c", SHAPE]).accepted


def test_half_a_posterior_is_flat_and_log_2_too_low() -> None:
    """The world of the reasons: on z > 0 twice the posterior's density, by SciPy alone."""

    def log_joint(z: Any) -> Any:
        return stats.norm.logpdf(1.5, np.square(z), 0.5) + stats.norm.logpdf(z)

    half = integrate.quad(lambda z: math.exp(log_joint(z)), 0, 9, epsabs=1e-14)[0]
    z = np.linspace(0.1, 2.5, 9)
    log_q = log_joint(z) - math.log(half)
    assert np.ptp(log_joint(z) - log_q) < 1e-12
    assert (log_joint(z) - log_q)[0] == pytest.approx(math.log(2 * half) - math.log(2))


def two_humps(
    place: Number, width: Number, kind: type = DiagonalGaussian
) -> Callable[[float], Any]:
    """A mixture of two Gaussians for each x, as a learner writes it, in float32."""

    def q_of(x: float) -> GaussianMixture:
        means = torch.tensor([[place(x)], [-place(x)]])
        if kind is FullGaussian:
            return GaussianMixture(
                torch.zeros(2),
                FullGaussian(means, torch.full((2, 1, 1), width(x))),
            )
        stds = torch.tensor([[width(x)], [width(x)]])
        return GaussianMixture(torch.zeros(2), DiagonalGaussian.from_std(means, stds))

    return q_of


def peak(x: float) -> float:
    return math.sqrt(x - 0.125)


def bend(x: float) -> float:
    return 1 / math.sqrt(16 * x - 2)


@pytest.mark.parametrize("kind", [DiagonalGaussian, FullGaussian])
def test_a_gaussian_on_each_hump_is_near_enough(kind: type) -> None:
    assert judged("2.d", two_humps(peak, bend, kind)).accepted


@pytest.mark.parametrize(
    ("q_of", "told"),
    [
        (lambda x: DiagonalGaussian.from_std(peak(x), bend(x)), 0.777),  # one hump
        (lambda x: DiagonalGaussian.from_std(0.0, 1.2), 10.5),  # wide enough for both
        (two_humps(lambda x: 1.4, lambda x: 0.25), 1.43),  # the same for every x
        (two_humps(peak, lambda x: bend(x) ** 2), 1.44),  # a variance for a width
        (two_humps(math.sqrt, lambda x: 0.25 / math.sqrt(x)), 0.178),  # the prior forgotten
    ],
)
def test_what_falls_short_is_told_by_how_much(q_of: Any, told: float) -> None:
    """The figure once more by SciPy: the worst of three misses."""
    verdict = judged("2.d", q_of)
    assert not verdict.accepted
    z = np.linspace(-10, 10, 20_001)
    misses = []
    for x in (1.5, 2.0, 3.0):
        log_joint = stats.norm.logpdf(x, z**2, 0.5) + stats.norm.logpdf(z)
        log_q = q_of(x).log_prob(torch.from_numpy(z)[:, None]).double().numpy()
        average = np.sum(np.exp(log_q) * (log_joint - log_q)) * 0.001
        misses.append(math.log(np.exp(log_joint).sum() * 0.001) - average)
    assert max(misses) == pytest.approx(told, rel=0.005)
    said = re.search(r"misses is ([\d.]+) nats", verdict.message)
    assert said
    assert float(said[1]) == pytest.approx(max(misses), rel=1e-4)


def test_what_is_no_q_is_told_so() -> None:
    world = square_world(s=0.5)
    exact = judged("2.d", lambda x: world.posterior(torch.tensor([x]).double()))
    assert "that is the exact posterior, by quadrature" in exact.message
    assert judged("2.d", 3.0).message.startswith("2.d: a function of x is wanted")
    assert "raised" not in exact.message
    assert judged("2.d", lambda x: None).message == "2.d: not answered yet"
    for verdict in (exact, judged("2.d", lambda x: None)):
        assert not verdict.accepted


def test_a_mixture_of_torchs_is_measured_too() -> None:
    def q_of(x: float) -> MixtureSameFamily:
        means = torch.tensor([[peak(x)], [-peak(x)]]).double()
        humps = Independent(Normal(means, bend(x)), 1)
        return MixtureSameFamily(Categorical(torch.ones(2).double()), humps)

    assert judged("2.d", q_of).accepted


@pytest.mark.parametrize(
    ("q_of", "got"),
    [
        (
            lambda x: DiagonalGaussian.from_std([[peak(x)], [-peak(x)]], bend(x)),
            "a DiagonalGaussian of event (1,) and batch (2,)",
        ),
        (lambda x: (two_humps(peak, bend)(x),), "(a GaussianMixture,)"),
        (lambda x: Normal(peak(x), bend(x)), "a Normal"),
        (lambda x: [peak(x), bend(x)], "[1.17"),
    ],
)
def test_two_gaussians_are_no_mixture_and_no_fault_of_the_learners_code(
    q_of: Any, got: str
) -> None:
    verdict = judged("2.d", q_of)
    assert not verdict.accepted
    assert "q must be one distribution of one number, event (1,) and batch ()" in verdict.message
    assert f"; got {got}" in verdict.message


RIGHT_A = [3.25, 15 / 13, math.log(math.sqrt(3.25 / (2 * math.pi))) - 225 / 104]
RIGHT_A.append(-0.5 * math.log(26 * math.pi) - 25 / 26)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([2.25, 5 / 3, -3.1, -2.2], "In M the prior's own precision is missing"),  # carried on
        ([2.25, 15 / 13, 0.0, 7.0], "In M the prior's own precision is missing"),
        ([*RIGHT_A[:2], -5.656, 0.0], "Your third is log p(x, z), the joint"),  # and so the fourth
        ([3.25, 15 / 4, -5.656, 0.0], "That mean is w x/s²"),  # the first that is wrong
        ([*RIGHT_A[:2], -RIGHT_A[2], RIGHT_A[3]], "All but log p(z = 0 | x = 5) is right"),
        ([3.0, *RIGHT_A[1:]], "M is too low by 0.25"),
        ([3.25, 1.0, *RIGHT_A[2:]], "the posterior's mean is too low by 0.15"),
        ([*RIGHT_A[:3], -3.0], "log p(x = 5) is too high by 0.16"),
    ],
)
def test_a_slip_in_one_number_is_known_whatever_the_others_are(
    answer: list[float], words: str
) -> None:
    """By its name; and no factor is told of a logarithm."""
    assert judged("2.a", RIGHT_A).accepted
    verdict = judged("2.a", answer)
    assert not verdict.accepted
    assert words in verdict.message
    assert "factor" not in verdict.message


@pytest.mark.parametrize("name", ["2.a", "2.b", "2.c", "2.d"])
def test_each_has_two_hints(name: str) -> None:
    assert len(find(name).hints) == 2
