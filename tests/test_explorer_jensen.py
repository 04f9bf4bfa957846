"""The log-weight explorer's numbers, against SciPy's quadrature, closed forms and simulation."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import integrate, special, stats

from course_lib.explorers.jensen import MOST, WORLDS, LogWeights

LINEAR, TANH = WORLDS
MEANS, STDS = (-1.0, 0.0, 0.8, 2.5), (0.2, 0.6, 1.0, 2.0)  # the sliders' ends among them


@pytest.fixture(scope="module")
def explorer() -> LogWeights:
    return LogWeights()


def log_weight(world: str, z: Any, mean: float, std: float) -> Any:
    """log p(x, z) − log q(z) by SciPy alone."""
    x, centre, s = (1.25, z, 0.75) if world == LINEAR else (2.0, 2 * np.tanh(z), 0.5)
    log_joint = stats.norm.logpdf(x, centre, s) + stats.norm.logpdf(z)
    return log_joint - stats.norm.logpdf(z, mean, std)


def average(f: Callable[[float], float], mean: float, std: float) -> float:
    """E_q f by adaptive quadrature over ±11σ."""
    ends = mean - 11 * std, mean + 11 * std
    value, _ = integrate.quad(
        lambda z: stats.norm.pdf(z, mean, std) * f(z), *ends, epsabs=1e-11, limit=200
    )
    return value


@pytest.mark.parametrize(("mean", "std"), list(itertools.product(MEANS, STDS)))
def test_linear_world_in_closed_form(explorer: LogWeights, mean: float, std: float) -> None:
    """p(x) = N(1.25; 0, 1.25²) and p(z|x) = N(0.8, 0.6²), so the gap is a KL of two Gaussians."""
    r = explorer.at(world=LINEAR, mean=mean, std=std, K=1)
    gap = math.log(0.6 / std) + (std**2 + (mean - 0.8) ** 2) / (2 * 0.36) - 0.5
    assert r["log_evidence"] == pytest.approx(stats.norm.logpdf(1.25, 0, 1.25), abs=1e-10)
    assert r["gap"] == pytest.approx(gap, abs=1e-9)
    assert r["elbo"] == pytest.approx(r["bound"], abs=1e-9)  # two quadratures of one number


@pytest.mark.parametrize(("mean", "std"), list(itertools.product(MEANS, STDS)))
def test_tanh_world_against_adaptive_quadrature(
    explorer: LogWeights, mean: float, std: float
) -> None:
    r = explorer.at(world=TANH, mean=mean, std=std, K=1)
    joint = integrate.quad(
        lambda z: math.exp(stats.norm.logpdf(2.0, 2 * math.tanh(z), 0.5) - z * z / 2), -9, 9
    )[0] / math.sqrt(2 * math.pi)
    assert r["log_evidence"] == pytest.approx(math.log(joint), abs=1e-8)
    exact = average(lambda z: log_weight(TANH, z, mean, std), mean, std)
    assert r["elbo"] == pytest.approx(exact, abs=1e-7)
    assert r["gap"] > 0.05  # no Gaussian is this posterior


@pytest.mark.parametrize(("world", "mean", "std"), list(itertools.product(WORLDS, MEANS, STDS)))
def test_two_draws_against_a_plane(
    explorer: LogWeights, world: str, mean: float, std: float
) -> None:
    """L_2 = E log ½(w₁ + w₂) by Gauss–Legendre on panels of both axes."""
    r = explorer.at(world=world, mean=mean, std=std, K=2)
    nodes, weights = special.roots_legendre(24)
    edges = np.linspace(-10, 10, 41)
    u = (edges[:-1, None] + (nodes + 1) / 2 * np.diff(edges)[:, None]).ravel()
    mass = stats.norm.pdf(u) * np.tile(weights, 40) * 0.25
    w = log_weight(world, mean + std * u, mean, std)
    plane = np.logaddexp(w[:, None], w[None, :]) - math.log(2)
    assert r["bound"] == pytest.approx(mass @ plane @ mass, abs=2e-6)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("mean", "std"), [(0.8, 0.2), (0.0, 1.0), (2.5, 2.0)])
def test_sixty_four_draws_against_simulation(
    explorer: LogWeights, world: str, mean: float, std: float
) -> None:
    r = explorer.at(world=world, mean=mean, std=std, K=MOST)
    z = np.random.default_rng(7).normal(mean, std, (MOST, 40_000))
    samples = special.logsumexp(log_weight(world, z, mean, std), axis=0) - math.log(MOST)
    error = samples.std() / math.sqrt(samples.size)
    assert abs(samples.mean() - r["bound"]) < 4 * error


@pytest.mark.parametrize(("world", "std"), list(itertools.product(WORLDS, (0.2, 2.0))))
def test_the_bound_rises_towards_the_evidence_and_stays_below(
    explorer: LogWeights, world: str, std: float
) -> None:
    bounds = [
        explorer.at(world=world, mean=0.5, std=std, K=k)["bound"] for k in (1, 2, 8, 63, MOST)
    ]
    assert bounds == sorted(bounds)
    assert bounds[-1] < explorer.numbers["log_evidence"]
    assert explorer.numbers["shortfall"] == explorer.numbers["log_evidence"] - bounds[-1]


def test_the_log_weight_is_flat_exactly_when_the_gap_closes(explorer: LogWeights) -> None:
    r = explorer.at(world=LINEAR, mean=0.8, std=0.6, K=8)
    assert r["gap"] == pytest.approx(0.0, abs=1e-10)
    assert r["highest"] - r["lowest"] == pytest.approx(0.0, abs=1e-10)
    assert r["effective_draws"] == pytest.approx(8, abs=1e-9)
    assert explorer.at(mean=0.85)["gap"] > 1e-3
    assert explorer.numbers["highest"] - explorer.numbers["lowest"] > 0.2


@pytest.mark.parametrize(
    ("world", "mean", "std"), list(itertools.product(WORLDS, (-1.0, 1.3), STDS))
)
def test_what_is_read_off_the_curve_and_the_draws(
    explorer: LogWeights, world: str, mean: float, std: float
) -> None:
    r = explorer.at(world=world, mean=mean, std=std, K=13)
    inner = log_weight(world, mean + std * np.linspace(-2, 2, 81), mean, std)
    assert r["lowest"] == pytest.approx(inner.min(), abs=1e-9)
    assert r["highest"] == pytest.approx(inner.max(), abs=1e-9)
    w = log_weight(world, mean + std * explorer.noise[:13].numpy(), mean, std)
    assert r["estimate"] == pytest.approx(np.log(np.exp(w).mean()), abs=1e-9)
    share = np.exp(w) / np.exp(w).sum()
    assert r["effective_draws"] == pytest.approx(1 / (share**2).sum(), rel=1e-9)


def test_what_is_drawn_is_what_is_read(explorer: Any) -> None:
    r = explorer.at(world=LINEAR, mean=0.0, std=1.0, K=8)
    assert explorer.evidence[0].get_ydata()[0] == explorer.line[0].get_ydata()[0]
    assert explorer.line[0].get_ydata()[0] == r["log_evidence"]
    assert explorer.elbo[0].get_ydata()[0] == r["elbo"]
    assert explorer.point.get_ydata()[0] == r["bound"] == explorer.bounds.get_ydata()[7]
    z, curve = explorer.curve.get_xdata(), explorer.curve.get_ydata()
    near = np.abs(z) < 2.9  # three σ, where the curve is thick
    drawn = np.maximum(log_weight(LINEAR, z[near], 0.0, 1.0), -34.5)
    assert curve[near] == pytest.approx(drawn, abs=1e-9)
    assert np.isfinite(explorer.ticks.get_xdata()).sum() == 8
    assert explorer.bars.get_data().values.sum() == pytest.approx(8, abs=1e-9)
    assert "1.267 lost" in explorer.sentence


def test_a_bar_taller_than_the_panel_is_cut_at_its_edge(explorer: Any) -> None:
    explorer.at(world=LINEAR, mean=-1.0, std=0.2, K=MOST)
    assert explorer.bars.get_data().values.max() == 4.0
    assert explorer.at(K=1)["effective_draws"] == pytest.approx(1.0)
