"""The explorer of chapter 4 against SciPy's quadrature of densities that are written out here."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text
from scipy.integrate import quad

from course_lib.explorers.divergence import LINEAR, SQUARE, PosteriorGap
from course_lib.plots import number, printed

SEEN = {LINEAR: 1.0, SQUARE: 2.0}
GRID = list(itertools.product(SEEN, (-2.0, -0.6, 0.5, 2.0), (0.1, 0.5, 1.4)))


@pytest.fixture(scope="module")
def explorer() -> PosteriorGap:
    return PosteriorGap()


def log_normal(z: Any, mean: Any = 0.0, std: float = 1.0) -> Any:
    """log N(z; mean, std²), for a number or an array."""
    return -0.5 * ((z - mean) / std) ** 2 - math.log(std * math.sqrt(2 * math.pi))


def log_joint(world: str, z: Any) -> Any:
    """log p(x, z), at the x that was seen."""
    mean, noise = (z, 1.0) if world == LINEAR else (z * z, 0.5)
    return log_normal(z) + log_normal(SEEN[world], mean, noise)


def integrate(
    f: Callable[[float], float], low: float, high: float, breaks: Sequence[float] = ()
) -> float:
    """∫ f, with the interval cut at `breaks`, to an absolute error below 1e-9."""
    cuts = [low, *sorted(b for b in breaks if low < b < high), high]
    pairs = itertools.pairwise(cuts)
    return sum(quad(f, a, b, limit=400, epsabs=1e-11, epsrel=1e-11)[0] for a, b in pairs)


def log_evidence(world: str) -> float:
    modes = (0.5,) if world == LINEAR else (-math.sqrt(2), math.sqrt(2))
    return math.log(integrate(lambda z: math.exp(log_joint(world, z)), -9, 9, [0, *modes]))


@pytest.mark.parametrize(("world", "mean", "std"), GRID)
def test_numbers_are_those_of_quadrature(
    explorer: PosteriorGap, world: str, mean: float, std: float
) -> None:
    drawn = explorer.at(world=world, mean=mean, std=std)
    evidence = log_evidence(world)

    def q(z: float) -> float:
        return math.exp(log_normal(z, mean, std))

    def elbo_at(z: float) -> float:
        return float(q(z) * (log_joint(world, z) - log_normal(z, mean, std)))

    def turned_at(z: float) -> float:
        log_posterior = log_joint(world, z) - evidence
        return float(math.exp(log_posterior) * (log_posterior - log_normal(z, mean, std)))

    low, high = mean - 10 * std, mean + 10 * std
    elbo = integrate(elbo_at, low, high, [mean])
    assert drawn["log_evidence"] == pytest.approx(evidence, abs=1e-8)
    assert drawn["elbo"] == pytest.approx(elbo, rel=1e-8, abs=1e-8)
    assert drawn["gap"] == pytest.approx(evidence - elbo, rel=1e-8, abs=1e-8)
    turned = integrate(turned_at, -9, 9, [-1.7, -1, 0, 0.5, 1, 1.7])
    assert drawn["turned_round"] == pytest.approx(turned, rel=1e-7, abs=1e-8)
    prior_kl = integrate(
        lambda z: q(z) * (log_normal(z, mean, std) - log_normal(z)), low, high, [mean]
    )
    assert drawn["prior_kl"] == pytest.approx(prior_kl, abs=1e-8)
    the_screen_adds_up(explorer, drawn)
    nothing_overlaps(explorer)


def the_screen_adds_up(explorer: PosteriorGap, drawn: dict[str, float]) -> None:
    evidence, elbo, lost = printed(drawn["log_evidence"], drawn["elbo"])
    assert all(text in explorer.sentence for text in (evidence, elbo, lost))
    for other in ("prior_kl", "turned_round"):
        assert f" is {number(drawn[other])}" in explorer.sentence
    shown = {text.get_text() for text in explorer.ledger.artists if isinstance(text, Text)}
    assert {f"log p(x) = {evidence}", f"ELBO = {elbo}", f"gap = {lost}"} <= shown


def nothing_overlaps(explorer: PosteriorGap) -> None:
    boxes = [name.get_window_extent() for name in explorer.names.values()]
    panel = explorer.densities.bbox
    assert not boxes[0].overlaps(boxes[1])
    for box in boxes:
        assert panel.x0 - 4 <= box.x0 < box.x1 <= panel.x1 + 4
        assert box.y0 > explorer.densities.transData.transform((0, highest(explorer)))[1]


def highest(explorer: PosteriorGap) -> float:
    """The top of both curves, in units of density."""
    return max(float(np.max(curve.get_ydata())) for curve in explorer.curves.values())


def test_the_line_on_top_does_not_know_q(explorer: PosteriorGap) -> None:
    explorer.at(world=SQUARE)
    pairs = itertools.product((-2.0, 0.3, 1.7), (0.1, 0.9))
    evidences = {explorer.at(mean=mean, std=std)["log_evidence"] for mean, std in pairs}
    assert len(evidences) == 1


def test_the_best_q_keeps_to_one_of_two_equal_humps(explorer: PosteriorGap) -> None:
    """Of every q that the sliders can set; it loses log 2 at least, and little more if it fits."""
    z = np.linspace(-16, 16, 16_001)
    log_posterior = log_joint(SQUARE, z) - log_evidence(SQUARE)
    gaps: dict[tuple[float, float], float] = {}
    for mean, std in itertools.product(np.arange(0.0, 2.01, 0.05), np.arange(0.1, 1.41, 0.02)):
        log_q = log_normal(z, mean, std)
        gaps[mean, std] = (z[1] - z[0]) * np.sum(np.exp(log_q) * (log_q - log_posterior))
    best = min(gaps, key=gaps.__getitem__)
    assert best[0] == pytest.approx(1.35, abs=1e-9)
    drawn = explorer.at(world=SQUARE, mean=float(best[0]), std=float(best[1]))
    assert drawn["gap"] == pytest.approx(gaps[best], abs=1e-8)
    assert math.log(2) < drawn["gap"] < math.log(2) + 0.03


def test_turned_round_the_best_q_has_the_posteriors_mean_and_spread(explorer: PosteriorGap) -> None:
    z = np.linspace(-10, 10, 20_001)
    posterior = np.exp(log_joint(SQUARE, z) - log_evidence(SQUARE))
    spread = math.sqrt((z[1] - z[0]) * np.sum(posterior * z**2))
    turned = {
        std: explorer.at(world=SQUARE, mean=0.0, std=std)["turned_round"]
        for std in (1.0, 1.2, 1.3, 1.34, 1.38)
    }
    assert min(turned, key=turned.__getitem__) == pytest.approx(spread, abs=0.01)
    assert turned[1.34] < explorer.at(mean=0.05, std=1.34)["turned_round"]


def test_what_is_drawn_are_the_two_densities(explorer: Any) -> None:
    explorer.at(world=LINEAR, mean=0.8, std=0.4)
    z = explorer.curves["q"].get_xdata()
    for of, mean, std in (("q", 0.8, 0.4), ("posterior", 0.5, math.sqrt(0.5))):
        drawn = explorer.curves[of].get_ydata()
        assert np.allclose(drawn, np.exp(log_normal(z, mean, std)), atol=1e-12)


def test_reset_returns_to_the_opening(explorer: PosteriorGap) -> None:
    opening = PosteriorGap().numbers
    explorer.at(world=SQUARE, mean=-2.0, std=0.1)
    assert explorer.reset() == opening
