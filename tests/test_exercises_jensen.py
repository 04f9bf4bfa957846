"""Chapter 3's design: the gap that it tells is SciPy's, and its figure asks for nearly the best."""

import math
from typing import Any

import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.stats import norm

from course_lib.distributions import DiagonalGaussian, FullGaussian, Laplace
from course_lib.exercises import judged

MOST = 0.025


def log_joint(z: float) -> float:
    """Of x = 0.5 in the tanh world."""
    return float(norm.logpdf(0.5, 2 * math.tanh(z), 0.5) + norm.logpdf(z))


LOG_P = math.log(quad(lambda z: math.exp(log_joint(z)), -9, 9, epsabs=1e-13)[0])


def gap(mean: float, std: float) -> float:
    """log p(x) − E_q[log p(x, z) − log q(z)]."""

    def weighed(z: float) -> float:
        return float(norm.pdf(z, mean, std) * (log_joint(z) - norm.logpdf(z, mean, std)))

    return LOG_P - quad(weighed, mean - 11 * std, mean + 11 * std, epsabs=1e-11, limit=200)[0]


def gaussian(mean: float, std: float) -> DiagonalGaussian:
    return DiagonalGaussian.from_std(torch.tensor([mean], dtype=torch.float64), std)


@pytest.mark.parametrize(
    ("mean", "std"), [(0.0, 1.0), (1.335, 0.463), (0.25, 0.5), (-1.0, 0.2), (0.3, 0.1)]
)
def test_a_q_that_falls_short_is_told_its_gap(mean: float, std: float) -> None:
    """Among them the prior, and the best q of x = 2."""
    told = judged("3.d", gaussian(mean, std))
    exact = gap(mean, std)
    assert exact > MOST
    assert not told.accepted
    figure = told.message.removeprefix("3.d: not yet: the gap is ").split(" nats")[0]
    assert float(figure) == pytest.approx(exact, rel=1e-5)
    assert told.message.endswith(f"and at most {MOST} nats is asked")


def test_the_best_q_is_right_and_little_else() -> None:
    """No Gaussian is without a gap here; the figure takes those within a few thousandths."""

    def lost(place: Any) -> float:
        return gap(place[0], math.exp(place[1]))

    found = minimize(lost, (0.0, -1.0), method="Nelder-Mead", options={"fatol": 1e-7})
    mean, std = float(found.x[0]), math.exp(float(found.x[1]))
    assert 0.8 * MOST < found.fun < MOST
    told = judged("3.d", gaussian(mean, std))
    assert told.accepted
    figure = told.message.removeprefix("3.d: right: the gap is ").split(" nats")[0]
    assert float(figure) == pytest.approx(found.fun, rel=1e-4)
    for moved in ((mean + 0.05, std), (mean - 0.05, std), (mean, 1.2 * std), (mean, std / 1.2)):
        assert judged("3.d", gaussian(*moved)).accepted == (gap(*moved) <= MOST)
        assert gap(*moved) > MOST


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        ((0.3, 0.3), "(0.3, 0.3)"),
        (0.3, "0.3"),
        (torch.zeros(1), "a tensor of shape (1,) and type torch.float32"),
        (DiagonalGaussian.standard(2), "a DiagonalGaussian whose mean is of shape (2,)"),
        (
            DiagonalGaussian.from_std([[0.29]], [[0.29]]),
            "a DiagonalGaussian whose mean is of shape (1, 1)",
        ),
        (Laplace(torch.zeros(1), torch.zeros(1)), "a Laplace"),
    ],
)
def test_what_is_no_gaussian_of_one_number_is_told_so(answer: Any, got: str) -> None:
    assert judged("3.d", answer).message == (
        "3.d: a Gaussian q of one latent is wanted: DiagonalGaussian.from_std(mean, std); got "
        + got
    )


@pytest.mark.parametrize(("mean", "std"), [(0.29, 0.29), (0.25, 0.5)])
def test_a_gaussian_of_one_number_may_be_a_full_one(mean: float, std: float) -> None:
    full = FullGaussian.from_covariance(torch.tensor([mean]), torch.tensor([[std**2]]))
    told = judged("3.d", full)
    assert told.accepted == (gap(mean, std) <= MOST)
    figure = told.message.split("the gap is ")[1].split(" nats")[0]
    assert float(figure) == pytest.approx(gap(mean, std), rel=1e-4)
