"""The explorer of chapter 4 against SciPy's quadrature of densities that are written out here."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

from course_lib.explorers.divergence import EDGE, PosteriorGap
from course_lib.plots.ledger import printed

WORLDS = ("linear", "z²")
GRID = list(itertools.product(WORLDS, (-1.0, 1.0, 3.0), (-2.0, 0.5, 2.0), (0.1, 0.5, 1.4)))


@pytest.fixture(scope="module")
def explorer() -> PosteriorGap:
    return PosteriorGap()


def log_normal(z: Any, mean: Any = 0.0, std: float = 1.0) -> Any:
    """log N(z; mean, std²), for a number or an array."""
    return -0.5 * ((z - mean) / std) ** 2 - math.log(std * math.sqrt(2 * math.pi))


def log_joint(world: str, x: float, z: Any) -> Any:
    """log p(x, z)."""
    mean, noise = (z, 1.0) if world == "linear" else (z * z, 0.5)
    return log_normal(z) + log_normal(x, mean, noise)


def integrate(
    f: Callable[[float], float], low: float, high: float, breaks: Sequence[float] = ()
) -> float:
    """∫ f, with the interval cut at `breaks`, to an absolute error below 1e-9."""
    cuts = [low, *sorted(b for b in breaks if low < b < high), high]
    pairs = itertools.pairwise(cuts)
    return sum(quad(f, a, b, limit=400, epsabs=1e-11, epsrel=1e-11)[0] for a, b in pairs)


def log_evidence(world: str, x: float) -> float:
    modes = (x / 2,) if world == "linear" else (-math.sqrt(max(x, 0)), math.sqrt(max(x, 0)))
    return math.log(integrate(lambda z: math.exp(log_joint(world, x, z)), -9, 9, [0, *modes]))


@pytest.mark.parametrize(("world", "x", "mean", "std"), GRID)
def test_numbers_are_those_of_quadrature(
    explorer: PosteriorGap, world: str, x: float, mean: float, std: float
) -> None:
    drawn = explorer.at(world=world, x=x, mean=mean, std=std)
    evidence = log_evidence(world, x)

    def q(z: float) -> float:
        return math.exp(log_normal(z, mean, std))

    def elbo_at(z: float) -> float:
        return float(q(z) * (log_joint(world, x, z) - log_normal(z, mean, std)))

    def turned_at(z: float) -> float:
        log_posterior = log_joint(world, x, z) - evidence
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

    z = np.linspace(low, high, 40_001)  # the kinks at zero cost O(step²)
    log_q = log_normal(z, mean, std)
    values = np.exp(log_q) * (log_q - log_joint(world, x, z) + evidence)
    assert drawn["takes_back"] == pytest.approx(-np.trapezoid(values.clip(max=0), z), abs=2e-5)
    assert drawn["adds"] - drawn["takes_back"] == pytest.approx(drawn["gap"], abs=1e-12)
    the_screen_adds_up(explorer, drawn)
    nothing_overlaps(explorer)


def the_screen_adds_up(explorer: PosteriorGap, drawn: dict[str, float]) -> None:
    evidence, elbo, lost = printed(drawn["log_evidence"], drawn["elbo"])
    assert all(text in explorer.sentence for text in (evidence, elbo, lost))
    assert explorer.numerals["gap"].get_text() == lost
    texts = (explorer.adds.get_text(), explorer.takes_back.get_text())
    adds, takes_back = (float(text.split()[-1]) for text in texts)
    assert adds - takes_back == pytest.approx(float(lost.replace("−", "-")), abs=1e-9)


def nothing_overlaps(explorer: PosteriorGap) -> None:
    names = [name.get_window_extent() for name in explorer.names.values()]
    texts = (explorer.adds, explorer.takes_back, explorer.beyond)
    boxes = names + [text.get_window_extent() for text in texts if text.get_text()]
    for a, b in itertools.combinations(boxes, 2):
        assert not a.overlaps(b)
    for box in names:
        assert explorer.top.bbox.x0 - 4 <= box.x0 < box.x1 <= explorer.top.bbox.x1 + 4


def test_the_line_on_top_does_not_know_q(explorer: PosteriorGap) -> None:
    explorer.at(world="z²", x=1.5)
    pairs = itertools.product((-2.0, 0.3, 1.7), (0.1, 0.9))
    evidences = {explorer.at(mean=mean, std=std)["log_evidence"] for mean, std in pairs}
    assert len(evidences) == 1


@pytest.mark.parametrize(("x", "mode"), [(1.0, 0.0), (2.0, 1.35)])
def test_the_best_q_leaves_a_mode_out_when_they_are_far_apart(
    explorer: PosteriorGap, x: float, mode: float
) -> None:
    """Of every q that the sliders can set, the best covers both modes at x = 1, and one at x = 2.

    A q that stays on one of two equal halves loses log 2 at least, and little more if it fits.
    """
    z = np.linspace(-16, 16, 16_001)
    log_posterior = log_joint("z²", x, z) - log_evidence("z²", x)
    gaps: dict[tuple[float, float], float] = {}
    for mean, std in itertools.product(np.arange(0.0, 2.01, 0.05), np.arange(0.1, 1.41, 0.02)):
        log_q = log_normal(z, mean, std)
        gaps[mean, std] = (z[1] - z[0]) * np.sum(np.exp(log_q) * (log_q - log_posterior))
    best = min(gaps, key=gaps.__getitem__)
    assert best[0] == pytest.approx(mode, abs=1e-9)
    drawn = explorer.at(world="z²", x=x, mean=float(best[0]), std=float(best[1]))
    assert drawn["gap"] == pytest.approx(gaps[best], abs=1e-8)
    assert (drawn["gap"] > math.log(2)) == (mode > 0)
    assert drawn["gap"] < math.log(2) + 0.03


def test_turned_round_the_best_q_has_the_posteriors_mean_and_spread(explorer: PosteriorGap) -> None:
    z = np.linspace(-10, 10, 20_001)
    posterior = np.exp(log_joint("z²", 2.0, z) - log_evidence("z²", 2.0))
    spread = math.sqrt((z[1] - z[0]) * np.sum(posterior * z**2))
    turned = {
        std: explorer.at(world="z²", x=2.0, mean=0.0, std=std)["turned_round"]
        for std in (1.0, 1.2, 1.3, 1.34, 1.38)
    }
    assert min(turned, key=turned.__getitem__) == pytest.approx(spread, abs=0.01)
    assert turned[1.34] < explorer.at(mean=0.05, std=1.34)["turned_round"]


def test_the_integrand_as_drawn_integrates_to_the_gap(explorer: Any) -> None:
    drawn = explorer.at(world="linear", x=1.0, mean=0.8, std=0.4)
    path = explorer.above.get_paths()[0].vertices
    heights = path[np.abs(path[:, 0]) <= EDGE][:, 1]
    assert heights.max() * EDGE > drawn["adds"] > 0
    area = 0.5 * np.sum(path[:-1, 0] * path[1:, 1] - path[1:, 0] * path[:-1, 1])
    assert abs(area) == pytest.approx(drawn["adds"], abs=1e-4)


def test_reset_returns_to_the_opening(explorer: PosteriorGap) -> None:
    opening = PosteriorGap().numbers
    explorer.at(world="z²", x=3.0, mean=-2.0, std=0.1)
    assert explorer.reset() == opening
