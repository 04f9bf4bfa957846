"""The explorer of q in the posterior's place against SciPy's quadrature and Gaussian moments."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from figure_texts import texts_keep_apart
from scipy import integrate, stats

from course_lib.explorers.posterior import DRAWS, NATS, NEAR, WORLDS, PosteriorExplorer
from course_lib.explorers.scenes.posterior_panel import EDGE, TOP, Z
from course_lib.explorers.scenes.small_worlds import small_world

MEANS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda z: z,
    "tanh": lambda z: 2 * np.tanh(z),
    "z²": np.square,
}
NOISE = {"linear": 0.75, "tanh": 0.5, "z²": 0.5}
EVERYWHERE = list(itertools.product(WORLDS, (-2.5, 0.0, 2.5), (0.2, 2.0)))


@pytest.fixture(scope="module")
def explorer() -> PosteriorExplorer:
    return PosteriorExplorer()


def log_joint(world: str, z: Any) -> Any:
    """log p(x|z) + log p(z), by SciPy alone; a world with its x, as the explorer names it."""
    name, _, x = world.partition(", x = ")
    return stats.norm.logpdf(float(x), MEANS[name](z), NOISE[name]) + stats.norm.logpdf(z)


def integral(f: Callable[[float], float]) -> float:
    """∫ f over |z| ≤ 9, in pieces so that no narrow hump is missed."""
    pieces = np.linspace(-9, 9, 37)
    return sum(
        integrate.quad(f, a, b, epsabs=1e-14, epsrel=1e-12)[0]
        for a, b in itertools.pairwise(pieces)
    )


@pytest.mark.parametrize("world", WORLDS)
def test_evidence_and_posterior_are_those_of_scipy(explorer: PosteriorExplorer, world: str) -> None:
    n = explorer.at(world=world, mean=0.5, std=0.5)
    evidence = integral(lambda z: math.exp(log_joint(world, z)))
    mean = integral(lambda z: z * math.exp(log_joint(world, z))) / evidence
    square = integral(lambda z: z * z * math.exp(log_joint(world, z))) / evidence
    assert n["log_evidence"] == pytest.approx(math.log(evidence), abs=1e-10)
    assert n["posterior_mean"] == pytest.approx(mean, abs=1e-9)
    assert n["posterior_std"] == pytest.approx(math.sqrt(square - mean**2), abs=1e-9)
    assert n["modes"] == (2 if world.startswith("z²") else 1)


@pytest.mark.parametrize("world", WORLDS)
def test_the_line_is_flat_and_the_evidence(explorer: Any, world: str) -> None:
    """What is drawn, at every z of the panel; a difference of 1e2 rounds by about 1e-14."""
    n = explorer.at(world=world, mean=0.5, std=0.5)
    drawn = explorer.flat.get_ydata()
    assert np.ptp(drawn) < 1e-11
    assert drawn[0] == pytest.approx(n["log_evidence"], abs=1e-11)
    assert n["candidate_high"] - n["candidate_low"] == np.ptp(drawn)


@pytest.mark.parametrize(("world", "mean", "std"), EVERYWHERE)
def test_the_formula_with_q(
    explorer: PosteriorExplorer, world: str, mean: float, std: float
) -> None:
    """Its average by SciPy, its values at the quantiles one by one, and Jensen."""
    n = explorer.at(world=world, mean=mean, std=std)
    q = stats.norm(mean, std)

    def formula(z: Any) -> Any:
        return log_joint(world, z) - q.logpdf(z)

    ends = mean - 12 * std, mean + 12 * std
    average = integrate.quad(lambda z: q.pdf(z) * formula(z), *ends, limit=400, epsrel=1e-11)[0]
    draws = formula(q.ppf((np.arange(DRAWS) + 0.5) / DRAWS))
    assert n["q_average"] == pytest.approx(average, rel=1e-8)
    assert (n["q_low"], n["q_high"]) == pytest.approx((draws.min(), draws.max()), rel=1e-9)
    assert n["q_middle"] == pytest.approx(formula(mean), rel=1e-9)
    assert n["short"] == pytest.approx(n["log_evidence"] - average, rel=1e-8)
    assert n["short"] > 0


def test_what_the_chapter_says_of_one_hump_and_of_a_wide_q() -> None:
    """0.78 and 6.84 nats short at x = 1.5, by SciPy alone."""
    world = "z², x = 1.5"
    log_p = math.log(integral(lambda z: math.exp(log_joint(world, z))))
    for mean, std, short in ((1.15, 0.25, 0.783), (0.0, 1.2, 6.840)):
        q = stats.norm(mean, std)
        ends = mean - 12 * std, mean + 12 * std
        average = integrate.quad(
            lambda z, q=q: q.pdf(z) * (log_joint(world, z) - q.logpdf(z)), *ends, limit=400
        )[0]
        assert log_p - average == pytest.approx(short, abs=0.0005)


def test_the_exact_posterior_gives_one_number(explorer: PosteriorExplorer) -> None:
    """N(0.8, 0.6²) is the linear world's posterior at x = 1.25, and p(x) is N(0, 1.25²)."""
    n = explorer.at(world="linear, x = 1.25", mean=0.8, std=0.6)
    exact = stats.norm.logpdf(1.25, 0, 1.25)
    for name in ("log_evidence", "candidate_low", "q_low", "q_high", "q_average"):
        assert n[name] == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("world", WORLDS)
def test_the_drawn_curves(explorer: Any, world: str) -> None:
    n = explorer.at(world=world, mean=0.3, std=0.4)
    z = Z[:, 0].numpy()
    name, _, x = world.partition(", x = ")
    likelihood = stats.norm.pdf(float(x), MEANS[name](z), NOISE[name])
    curves = explorer.densities.curves
    drawn = {
        "posterior": (curves["posterior"], np.exp(log_joint(world, z) - n["log_evidence"])),
        "likelihood": (curves["likelihood"], likelihood / likelihood.max()),
        "q": (explorer.q, stats.norm.pdf(z, 0.3, 0.4)),
    }
    for curve, height in drawn.values():
        np.testing.assert_allclose(curve.get_ydata(), height, rtol=1e-9)


def test_where_q_hardly_draws_its_curve_ends(explorer: Any) -> None:
    """Three of its standard deviations to each side are drawn, with the formula's values."""
    explorer.at(world="z², x = 1.5", mean=1.15, std=0.25)
    z, drawn = Z[:, 0].numpy(), explorer.with_q.get_ydata()
    near = np.isfinite(drawn)
    assert (near == (np.abs(z - 1.15) < NEAR * 0.25)).all()
    formula = log_joint("z², x = 1.5", z) - stats.norm.logpdf(z, 1.15, 0.25)
    np.testing.assert_allclose(drawn[near], formula[near], rtol=1e-9)
    other = formula[np.abs(z + 1.2).argmin()]  # over the hump that q does not know
    assert other - explorer.numbers["log_evidence"] > 40


@pytest.mark.parametrize(
    ("mean", "std", "words"), [(1.15, 0.25, ""), (0.0, 1.2, "−8.57"), (-2.5, 2.0, "−421")]
)
def test_an_average_below_the_panel_says_its_value(
    explorer: Any, mean: float, std: float, words: str
) -> None:
    n = explorer.at(world="z², x = 1.5", mean=mean, std=std)
    assert explorer.below.get_text() == words
    assert explorer.average.get_marker() == ("v" if words else "o")
    assert explorer.average.get_ydata()[0] == max(n["q_average"], NATS[0])
    assert list(explorer.short.get_ydata()) == [max(n["q_average"], NATS[0]), n["log_evidence"]]


@pytest.mark.parametrize(("world", "mean", "std"), EVERYWHERE)
def test_nothing_overlaps_or_leaves_the_picture(
    explorer: Any, world: str, mean: float, std: float
) -> None:
    explorer.at(world=world, mean=mean, std=std)
    for curve in (*explorer.densities.curves.values(), explorer.q):
        assert curve.get_ydata().max() < TOP
    assert NATS[0] < explorer.flat.get_ydata()[0] < NATS[1]
    shown = sum(len(dots.get_xdata()) for dots in explorer.dots.values())
    inside = (np.abs(explorer.ticks.get_xdata()) <= EDGE).sum()
    assert shown == inside
    texts_keep_apart(explorer.flat.get_figure())


def test_the_sentence_says_the_numbers(explorer: PosteriorExplorer) -> None:
    n = explorer.at(world="z², x = 1.5", mean=1.15, std=0.25)
    assert "two humps" in explorer.sentence
    for name in ("log_evidence", "short"):
        assert f"{n[name]:.3f}".replace("-", "−") in explorer.sentence
    assert explorer.texts["evidence"].get_text() == f"{n['log_evidence']:.3f}".replace("-", "−")
    assert "one hump" in (explorer.at(world="linear, x = 1.25") and explorer.sentence)


def test_reset_returns_to_the_opening(explorer: PosteriorExplorer) -> None:
    opening = PosteriorExplorer().numbers
    explorer.at(world="tanh, x = 1", mean=-2.5, std=2.0)
    assert explorer.reset() == opening


def test_a_world_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="name must be linear, tanh or z², got 'cube'"):
        small_world("cube")
