"""The explorer that opens chapter 2 against SciPy's quadrature."""

import itertools
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from figure_texts import texts_keep_apart
from scipy import integrate, stats

from course_lib.explorers.posterior_point import NATS, WORLDS, PosteriorPoint
from course_lib.explorers.scenes.posterior_panel import EDGE, TOP, Z

MEANS: dict[str, Callable[[Any], Any]] = {"tanh": lambda z: 2 * np.tanh(z), "z²": np.square}
OBSERVED = list(itertools.product(WORLDS, (-1.0, 0.1, 1.0, 2.0)))
EVERYWHERE = [(*place, z) for place in OBSERVED for z in (-2.5, 0.0, 0.3, 1.4, 2.5)]


@pytest.fixture(scope="module")
def explorer() -> PosteriorPoint:
    return PosteriorPoint()


def log_likelihood(world: str, x: float, z: Any) -> Any:
    return stats.norm.logpdf(x, MEANS[world](z), 0.5)


def log_joint(world: str, x: float, z: Any) -> Any:
    return log_likelihood(world, x, z) + stats.norm.logpdf(z)


def log_evidence(world: str, x: float) -> float:
    """log ∫ p(x, z) dz over |z| ≤ 9, in pieces so that no narrow hump is missed."""
    pieces = [
        integrate.quad(lambda z: math.exp(log_joint(world, x, z)), a, b, epsabs=1e-14)[0]
        for a, b in itertools.pairwise(np.linspace(-9, 9, 37))
    ]
    return math.log(sum(pieces))


@pytest.mark.parametrize(("world", "x"), OBSERVED)
def test_the_numbers_are_those_of_scipy(explorer: Any, world: str, x: float) -> None:
    exact = log_evidence(world, x)
    for z in (-2.5, 0.3, 1.4):
        n = explorer.at(world=world, x=x, z=z)
        assert n["log_evidence"] == pytest.approx(exact, abs=1e-10)
        assert n["log_likelihood"] == pytest.approx(log_likelihood(world, x, z), abs=1e-10)
        assert n["log_prior"] == pytest.approx(stats.norm.logpdf(z), abs=1e-12)
        assert n["log_posterior"] == pytest.approx(log_joint(world, x, z) - exact, abs=1e-9)


@pytest.mark.parametrize(("world", "x"), OBSERVED)
def test_two_curves_of_one_shape(explorer: Any, world: str, x: float) -> None:
    """As drawn: log p(x, z), and log p(x) above or below it log p(z|x), at every z in the panel."""
    n = explorer.at(world=world, x=x, z=0.3)
    z = Z[:, 0].numpy()
    joint, posterior = explorer.joint.get_ydata(), explorer.log_posterior.get_ydata()
    seen = posterior > NATS[0] - 20
    np.testing.assert_allclose(joint[seen], log_joint(world, x, z)[seen], rtol=1e-9)
    np.testing.assert_allclose((joint - posterior)[seen], n["log_evidence"], atol=1e-11)
    assert n["candidate_high"] - n["candidate_low"] < 1e-11
    height = explorer.densities.curves["posterior"].get_ydata()
    np.testing.assert_allclose(height, np.exp(log_joint(world, x, z) - n["log_evidence"]), 1e-9)


@pytest.mark.parametrize("x", [-1.0, 0.1, 0.15, 2.0])
def test_two_humps_from_half_the_noise_variance_on(explorer: Any, x: float) -> None:
    """−z²/2 − (x − z²)²/(2s²) has its peaks where z² = x − s²/2, or at zero."""
    n = explorer.at(world="z²", x=x)
    assert n["modes"] == (2 if x > 0.5**2 / 2 else 1)
    height = explorer.densities.curves["posterior"].get_ydata()
    peak = abs(Z[int(np.argmax(height)), 0].item())
    assert peak == pytest.approx(math.sqrt(max(x - 0.125, 0)), abs=2 * EDGE / 560)


@pytest.mark.parametrize(("world", "x", "z"), EVERYWHERE)
def test_the_bar_and_the_printed_sum(explorer: Any, world: str, x: float, z: float) -> None:
    """The bar reaches from one curve to the other; below the panel an arrow with its length."""
    n = explorer.at(world=world, x=x, z=z)
    joint, posterior = log_joint(world, x, z), log_joint(world, x, z) - n["log_evidence"]
    ends = [max(value, NATS[0]) for value in (joint, posterior)]
    assert list(explorer.bar.get_ydata()) == pytest.approx(sorted(ends), abs=1e-9)
    assert list(explorer.bar.get_xdata()) == [z, z]
    below = joint < NATS[0]
    assert len(explorer.under.get_xdata()) == below
    length = f"length\n{posterior - joint:.2f}"
    assert explorer.under_text.get_text() == (length if below else "")
    printed = {of: text.get_text().replace("−", "-") for of, text in explorer.texts.items()}
    terms = {of: Decimal(text.replace("= ", "").replace(" ", "")) for of, text in printed.items()}
    assert terms["likelihood"] + terms["prior"] + terms["posterior"] == terms["evidence"]
    assert float(terms["prior"]) == pytest.approx(stats.norm.logpdf(z), abs=0.0051)
    assert float(-terms["posterior"]) == pytest.approx(posterior, abs=0.0051)
    assert float(terms["likelihood"]) == pytest.approx(log_likelihood(world, x, z), abs=0.021)


@pytest.mark.parametrize(("world", "x", "z"), EVERYWHERE)
def test_nothing_overlaps_or_leaves_the_picture(
    explorer: Any, world: str, x: float, z: float
) -> None:
    explorer.at(world=world, x=x, z=z)
    for curve in explorer.densities.curves.values():
        assert curve.get_ydata().max() < TOP
    for line in (explorer.joint, explorer.log_posterior):
        assert line.get_ydata().max() < NATS[1]
    texts_keep_apart(explorer.joint.get_figure())


def test_the_sentence_says_the_sum(explorer: Any) -> None:
    explorer.at(world="tanh", x=1.0, z=0.3)
    assert "one hump" in explorer.sentence
    assert "−0.58 − 0.96 + 0.09 = −1.45 nats" in explorer.sentence
    explorer.at(world="z²", x=2.0, z=0.0)
    assert "two humps" in explorer.sentence


def test_reset_returns_to_the_opening(explorer: Any) -> None:
    opening = PosteriorPoint().numbers
    explorer.at(world="z²", x=2.0, z=-2.5)
    assert explorer.reset() == opening
