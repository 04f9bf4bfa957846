"""The explorer of chapter 11 against ScalarChain and a slow search from many starts."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from course_lib.exact import ScalarChain
from course_lib.exact.tanh_arrow import fold
from course_lib.explorers.markov_hvae import LOWER, DepthAgainstOneLayer, X, compare

VALUES = [(0.0, 0.0), (0.0, 1.5), (0.5, -1.5), (1.0, 1.0), (1.7, -0.35), (4.0, 1.5)]
Z = np.linspace(-8, 8, 641)
WEIGHTS = np.exp(-0.5 * Z**2) / np.exp(-0.5 * Z**2).sum()


@pytest.fixture(scope="module")
def explorer() -> DepthAgainstOneLayer:
    return DepthAgainstOneLayer()


def chain(b2: float, c2: float) -> ScalarChain:
    return ScalarChain([LOWER, (2.0, b2, c2, 0.3)])


def slow_kl(b2: float, c2: float, free: bool) -> float:
    """The least KL by BFGS from eight starts, with sums of its own."""
    world = chain(b2, c2)
    log_p = fold(LOWER, world.marginal(1), X)[0].numpy()
    x, log_p = X.numpy()[::3], log_p[::3]
    p = np.exp(log_p) * 0.15

    def kl(theta: NDArray[np.float64]) -> float:
        a, log_b, c, log_s, d = (*theta, 0.0)[:5]
        mean = a * np.tanh(np.exp(log_b) * Z + d) + c
        density = np.exp(-0.5 * ((x[:, None] - mean) / np.exp(log_s)) ** 2) @ WEIGHTS
        log_density = np.log(density + 1e-300) - log_s - 0.5 * math.log(2 * math.pi)
        # a noise narrower than the grid's steps fools the sums over z
        penalty = 1e3 * max(0.0, -1.6 - float(log_s)) ** 2
        return float((p * (log_p - log_density)).sum()) + penalty

    starts = [
        [a, b, (p * x).sum(), s, *([0.2 * math.copysign(1, c2)] if free else [])]
        for a in (0.5, 2.0)
        for b in (-1.0, 1.0)
        for s in (-0.9, 0.0)
    ]
    return min(float(minimize(kl, start, method="BFGS").fun) for start in starts)


@pytest.mark.equation("11.5")
@pytest.mark.parametrize("inside", ["none", "free"])
@pytest.mark.parametrize(("b2", "c2"), VALUES)
def test_no_slow_search_finds_a_closer_one(
    explorer: DepthAgainstOneLayer, b2: float, c2: float, inside: str
) -> None:
    """Where the best b is infinite, two lumps, b stops short of it: worth less than 2e-5 nats."""
    found = explorer.at(b2=b2, c2=c2, inside=inside)["kl"]
    assert found < slow_kl(b2, c2, inside == "free") + 2e-5
    assert found > -1e-7


@pytest.mark.parametrize(("b2", "c2"), VALUES)
def test_the_curves_are_the_exact_densities(explorer: Any, b2: float, c2: float) -> None:
    explorer.at(b2=b2, c2=c2)
    world = chain(b2, c2)
    exact = fold(LOWER, world.marginal(1), X)[0].exp().numpy()
    np.testing.assert_allclose(explorer.density.get_ydata(), exact, atol=1e-9)
    assert explorer.numbers["skew"] == pytest.approx(world.evidence.skew, abs=1e-6)
    z, height = explorer.latent.get_data()
    inner = (np.asarray(z) > c2 - 2.5) & (np.asarray(z) < c2 + 2.5)
    upper = fold(world.arrows[1], world.marginal(2), torch.from_numpy(np.asarray(z)[inner]))[0]
    np.testing.assert_allclose(np.asarray(height)[inner], upper.exp().numpy(), atol=1e-9)


@pytest.mark.parametrize(("b2", "c2", "free"), [(1.0, 1.0, False), (2.0, 1.5, True)])
def test_the_fit_is_drawn_and_its_numbers_are_its_own(b2: float, c2: float, free: bool) -> None:
    found = compare(b2, c2, free)
    arrow = found.fit.arrow
    mean = arrow.a * np.tanh(arrow.b * Z + arrow.d) + arrow.c
    kernel = np.exp(-0.5 * ((X.numpy()[:, None] - mean) / arrow.s) ** 2)
    density = kernel @ WEIGHTS / (arrow.s * math.sqrt(2 * math.pi))
    np.testing.assert_allclose(found.fitted, density, atol=1e-6)
    integrand = found.density * np.log(found.density / found.fitted)
    assert float(integrand.sum()) * 0.05 == pytest.approx(found.numbers["kl"], abs=1e-6)
    one = ScalarChain([arrow])
    assert found.numbers["fit_skew"] == pytest.approx(one.evidence.skew, abs=1e-6)


def test_at_zero_the_chain_folds(explorer: DepthAgainstOneLayer) -> None:
    found = explorer.at(b2=0.0, c2=0.0, inside="none")
    assert abs(found["kl"]) < 1e-9
    assert "folds into one layer" in explorer.sentence
    # z_1 ~ N(0, 0.3²), so that 3 tanh(0.5 · 0.3 z) is the lower arrow's own mean
    assert found["a"] * found["b"] == pytest.approx(0.45, abs=1e-3)


def test_an_inner_offset_is_greyed_out_where_the_chain_is_symmetric(
    explorer: DepthAgainstOneLayer,
) -> None:
    """There the best d is zero, free or not; beside it, it is not."""
    for b2 in (0.0, 1.0, 4.0):
        for c2, idle in ((0.0, True), (0.05, False)):
            none = explorer.at(b2=b2, c2=c2, inside="none")
            free = explorer.at(b2=b2, c2=c2, inside="free")
            assert explorer._widgets["inside"].disabled is idle
            assert (abs(free["d"]) < 1e-9) is idle
            assert (none["kl"] - free["kl"] < 1e-12) is idle


def test_mirrored_offsets_give_mirrored_worlds(explorer: DepthAgainstOneLayer) -> None:
    for inside in ("none", "free"):
        right = explorer.at(b2=1.3, c2=0.8, inside=inside)
        left = explorer.at(b2=1.3, c2=-0.8, inside=inside)
        assert left["skew"] == pytest.approx(-right["skew"], abs=1e-9)
        assert left["kl"] == pytest.approx(right["kl"], abs=1e-8)


def test_every_curve_stays_inside_its_panel(explorer: Any) -> None:
    for b2 in (0.0, 0.4, 0.6, 0.8, 2.0, 4.0):
        for c2 in (-1.5, 0.0, 1.5):
            explorer.at(b2=b2, c2=c2, inside="none")
            words = {explorer.left: 0.9, explorer.right: 0.7}  # of the height, where they begin
            for ax, line in (
                (explorer.left, explorer.latent),
                (explorer.right, explorer.density),
                (explorer.right, explorer.fitted),
            ):
                assert np.max(line.get_ydata()) < words[ax] * ax.get_ylim()[1]


def test_the_picture_says_what_the_sliders_make(explorer: Any) -> None:
    """The formula of z_1 with its two numbers, and the miss and both skews as they are read."""
    found = explorer.at(b2=0.7, c2=-1.25, inside="none")
    assert explorer.formula.get_text() == "z₁ = 2 tanh(0.7 z₂) − 1.25 + noise"
    texts = " ".join(words.get_text() for words in explorer.words.values())
    for name in ("skew", "fit_skew", "kl"):
        shown = f"{round(found[name], 4) + 0.0:.4f}"  # no zero below zero
        assert shown.replace("-", "−") in texts
