"""The explorer of chapter 2 against SciPy's quadrature and Gaussian moments."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from course_lib.explorers.posterior import DRAWS, EDGE, NATS, TOP, PosteriorExplorer
from course_lib.explorers.scenes.small_worlds import small_world

MEANS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda z: z,
    "tanh": lambda z: 2 * np.tanh(z),
    "z²": np.square,
}
NOISE = {"linear": 0.75, "tanh": 0.5, "z²": 0.5}
OBSERVED = list(itertools.product(MEANS, (-1.0, 0.1, 1.25, 3.0)))
EVERYWHERE = list(itertools.product(MEANS, (-1.0, 3.0), (-2.5, 0.0, 2.5), (0.2, 2.0)))


@pytest.fixture(scope="module")
def explorer() -> PosteriorExplorer:
    return PosteriorExplorer()


def log_joint(world: str, x: float, z: Any) -> Any:
    """log p(x|z) + log p(z), by SciPy alone."""
    return stats.norm.logpdf(x, MEANS[world](z), NOISE[world]) + stats.norm.logpdf(z)


def integral(f: Callable[[float], float]) -> float:
    """∫ f over |z| ≤ 9, in pieces so that no narrow hump is missed."""
    pieces = np.linspace(-9, 9, 37)
    return sum(
        integrate.quad(f, a, b, epsabs=1e-14, epsrel=1e-12)[0]
        for a, b in itertools.pairwise(pieces)
    )


@pytest.mark.parametrize(("world", "x"), OBSERVED)
def test_evidence_and_posterior_are_those_of_scipy(
    explorer: PosteriorExplorer, world: str, x: float
) -> None:
    n = explorer.at(world=world, x=x, mean=0.5, std=0.5)
    evidence = integral(lambda z: math.exp(log_joint(world, x, z)))
    mean = integral(lambda z: z * math.exp(log_joint(world, x, z))) / evidence
    square = integral(lambda z: z * z * math.exp(log_joint(world, x, z))) / evidence
    assert n["log_evidence"] == pytest.approx(math.log(evidence), abs=1e-10)
    assert n["posterior_mean"] == pytest.approx(mean, abs=1e-9)
    assert n["posterior_std"] == pytest.approx(math.sqrt(square - mean**2), abs=1e-9)


@pytest.mark.parametrize(("world", "x"), OBSERVED)
def test_the_line_is_flat_and_the_evidence(explorer: Any, world: str, x: float) -> None:
    """What is drawn, at every z of the panel; a difference of 1e2 rounds by about 1e-14."""
    n = explorer.at(world=world, x=x, mean=0.5, std=0.5)
    drawn = explorer.flat.get_ydata()
    assert np.ptp(drawn) < 1e-11
    assert drawn[0] == pytest.approx(n["log_evidence"], abs=1e-11)
    assert n["candidate_high"] - n["candidate_low"] == np.ptp(drawn)


@pytest.mark.parametrize("x", [-1.0, 0.1, 0.15, 3.0])
def test_two_humps_from_half_the_noise_variance_on(explorer: PosteriorExplorer, x: float) -> None:
    """−z²/2 − (x − z²)²/(2s²) has its peaks where z² = x − s²/2, or at zero."""
    n = explorer.at(world="z²", x=x)
    assert n["modes"] == (2 if x > 0.5**2 / 2 else 1)
    height = explorer.curves["posterior"].get_ydata()
    peak = abs(explorer.z[int(np.argmax(height)), 0].item())
    assert peak == pytest.approx(math.sqrt(max(x - 0.125, 0)), abs=2 * EDGE / 560)


@pytest.mark.parametrize(("world", "x", "mean", "std"), EVERYWHERE)
def test_the_formula_with_q(
    explorer: PosteriorExplorer, world: str, x: float, mean: float, std: float
) -> None:
    """Its average by SciPy, its values at the draws one by one, and Jensen."""
    n = explorer.at(world=world, x=x, mean=mean, std=std)
    q = stats.norm(mean, std)

    def formula(z: Any) -> Any:
        return log_joint(world, x, z) - q.logpdf(z)

    ends = mean - 12 * std, mean + 12 * std
    average = integrate.quad(lambda z: q.pdf(z) * formula(z), *ends, limit=400, epsrel=1e-11)[0]
    draws = formula(q.ppf((np.arange(DRAWS) + 0.5) / DRAWS))
    assert n["q_average"] == pytest.approx(average, rel=1e-8)
    assert (n["q_low"], n["q_high"]) == pytest.approx((draws.min(), draws.max()), rel=1e-9)
    assert n["q_middle"] == pytest.approx(formula(mean), rel=1e-9)
    assert n["q_average"] < n["log_evidence"]


def test_the_exact_posterior_gives_one_number(explorer: PosteriorExplorer) -> None:
    """N(0.8, 0.6²) is the linear world's posterior at x = 1.25, and p(x) is N(0, 1.25²)."""
    n = explorer.at(world="linear", x=1.25, mean=0.8, std=0.6)
    exact = stats.norm.logpdf(1.25, 0, 1.25)
    for name in ("log_evidence", "candidate_low", "q_low", "q_high", "q_average"):
        assert n[name] == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("world", MEANS)
def test_the_drawn_curves(explorer: Any, world: str) -> None:
    n = explorer.at(world=world, x=1.0, mean=0.3, std=0.4)
    z = explorer.z[:, 0].numpy()
    joint = log_joint(world, 1.0, z)
    likelihood = stats.norm.pdf(1.0, MEANS[world](z), NOISE[world])
    expected = {
        "posterior": np.exp(joint - n["log_evidence"]),
        "q": stats.norm.pdf(z, 0.3, 0.4),
        "likelihood": likelihood / likelihood.max(),
    }
    for of, height in expected.items():
        np.testing.assert_allclose(explorer.curves[of].get_ydata(), height, rtol=1e-9)


@pytest.mark.parametrize(("world", "x", "mean", "std"), EVERYWHERE)
def test_nothing_overlaps_or_leaves_the_picture(
    explorer: Any, world: str, x: float, mean: float, std: float
) -> None:
    explorer.at(world=world, x=x, mean=mean, std=std)
    for curve in explorer.curves.values():
        assert curve.get_ydata().max() < TOP
    assert NATS[0] < explorer.flat.get_ydata()[0] < NATS[1]
    shown = sum(len(dots.get_xdata()) for dots in explorer.dots.values())
    inside = (np.abs(explorer.ticks.get_xdata()) <= EDGE).sum()
    assert shown == inside
    figure = explorer.flat.get_figure()
    boxes = [
        text.get_window_extent(figure.canvas.get_renderer())
        for ax in figure.axes
        for text in ax.texts
    ]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


def test_the_sentence_says_the_numbers(explorer: PosteriorExplorer) -> None:
    n = explorer.at(world="z²", x=1.5, mean=1.15, std=0.25)
    assert "2 modes" in explorer.sentence
    assert f"{n['log_evidence']:.3f}".replace("-", "−") in explorer.sentence
    assert explorer.exact_text.get_text() == f"{n['log_evidence']:.3f}".replace("-", "−")
    assert "one mode" in (explorer.at(world="linear") and explorer.sentence)


def test_reset_returns_to_the_opening(explorer: PosteriorExplorer) -> None:
    opening = PosteriorExplorer().numbers
    explorer.at(world="tanh", x=3.0, mean=-2.5, std=2.0)
    assert explorer.reset() == opening


def test_a_world_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="name must be linear, tanh or z², got 'cube'"):
        small_world("cube")
