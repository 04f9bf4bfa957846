"""The numbers of chapter 3's explorers, against SciPy's quadrature, optimum and closed forms."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from course_lib.explorers.jensen import QS, WORLDS, GradientAscent, LogWeights, ModelAscent
from course_lib.explorers.scenes.ascent import ROUNDS, STEPS, ascend_model, observations

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

    def weighted(z: float) -> float:
        return float(stats.norm.pdf(z, mean, std) * f(z))

    return float(integrate.quad(weighted, *ends, epsabs=1e-11, limit=200)[0])


@pytest.mark.parametrize(("mean", "std"), list(itertools.product(MEANS, STDS)))
def test_linear_world_in_closed_form(explorer: LogWeights, mean: float, std: float) -> None:
    """p(x) = N(1.25; 0, 1.25²) and p(z|x) = N(0.8, 0.6²), so the gap is a KL of two Gaussians."""
    r = explorer.at(world=LINEAR, mean=mean, std=std)
    gap = math.log(0.6 / std) + (std**2 + (mean - 0.8) ** 2) / (2 * 0.36) - 0.5
    assert r["log_evidence"] == pytest.approx(stats.norm.logpdf(1.25, 0, 1.25), abs=1e-10)
    assert r["gap"] == pytest.approx(gap, abs=1e-9)


@pytest.mark.parametrize(("mean", "std"), list(itertools.product(MEANS, STDS)))
def test_tanh_world_against_adaptive_quadrature(
    explorer: LogWeights, mean: float, std: float
) -> None:
    r = explorer.at(world=TANH, mean=mean, std=std)
    joint = integrate.quad(
        lambda z: math.exp(stats.norm.logpdf(2.0, 2 * math.tanh(z), 0.5) - z * z / 2), -9, 9
    )[0] / math.sqrt(2 * math.pi)
    assert r["log_evidence"] == pytest.approx(math.log(joint), abs=1e-8)
    exact = average(lambda z: log_weight(TANH, z, mean, std), mean, std)
    assert r["elbo"] == pytest.approx(exact, abs=1e-7)
    assert r["gap"] > 0.05  # no Gaussian is this posterior


def test_the_log_weight_is_flat_exactly_when_the_gap_closes(explorer: LogWeights) -> None:
    r = explorer.at(world=LINEAR, mean=0.8, std=0.6)
    assert r["gap"] == pytest.approx(0.0, abs=1e-10)
    assert r["highest"] - r["lowest"] == pytest.approx(0.0, abs=1e-10)
    assert explorer.at(mean=0.85)["gap"] > 1e-3
    assert explorer.numbers["highest"] - explorer.numbers["lowest"] > 0.2


@pytest.mark.parametrize(
    ("world", "mean", "std"), list(itertools.product(WORLDS, (-1.0, 1.3), STDS))
)
def test_the_range_of_the_log_weight(
    explorer: LogWeights, world: str, mean: float, std: float
) -> None:
    r = explorer.at(world=world, mean=mean, std=std)
    inner = log_weight(world, mean + std * np.linspace(-2, 2, 801), mean, std)
    assert r["lowest"] == pytest.approx(inner.min(), abs=1e-9)
    assert r["highest"] == pytest.approx(inner.max(), abs=1e-9)


def test_what_is_drawn_is_what_is_read(explorer: Any) -> None:
    r, panel = explorer.at(world=LINEAR, mean=0.0, std=1.0), explorer.panel
    assert set(panel._evidence.get_ydata()) == {r["log_evidence"]}
    assert set(panel._elbo.get_ydata()) == {r["elbo"]}
    assert list(panel._gap.get_ydata()) == [r["elbo"], r["log_evidence"]]
    z, curve = panel._curve.get_xdata(), panel._curve.get_ydata()
    near = np.abs(z) < 2.0  # where the curve is thick
    assert np.isnan(curve[~near]).all()
    assert curve[near] == pytest.approx(log_weight(LINEAR, z[near], 0.0, 1.0), abs=1e-9)
    assert "1.267 lost" in explorer.sentence
    densities = explorer.q.get_ydata(), explorer.posterior.get_ydata()
    assert densities[0] == pytest.approx(stats.norm.pdf(z, 0, 1), abs=1e-9)
    assert densities[1] == pytest.approx(stats.norm.pdf(z, 0.8, 0.6), abs=1e-9)


def test_what_leaves_the_frame_is_marked_at_its_edge(explorer: Any) -> None:
    """A peak taller than the panel, a level below it, with the true number beside it."""
    r = explorer.at(world=LINEAR, mean=-1.0, std=0.2)
    assert list(explorer.peak.get_xdata()) == [-1.0]
    assert r["elbo"] < -6
    assert list(explorer.panel._arrow.get_ydata()) == [-6.0]
    assert f"{-r['elbo']:.3f}" in explorer.panel._texts["elbo"].get_text()  # as −6.796
    explorer.at(mean=0.8, std=0.6)
    assert not list(explorer.peak.get_xdata())
    assert not list(explorer.panel._arrow.get_xdata())


# ---- Uphill in q ----


def elbo_of(mean: float, log_std: float) -> float:
    """Of x = 2 in the tanh world, by adaptive quadrature."""
    std = math.exp(log_std)
    return average(lambda z: float(log_weight(TANH, z, mean, std)), mean, std)


@pytest.fixture(scope="module")
def ascent() -> GradientAscent:
    return GradientAscent()


@pytest.mark.parametrize("step", [0, 1, 2, 5, 19])
def test_each_step_is_a_twentieth_of_the_slope(ascent: GradientAscent, step: int) -> None:
    """The slope by central differences of an ELBO that SciPy integrates."""
    here, there = ascent.at(step=step), ascent.at(step=step + 1)
    mean, log_std, h = here["mean"], math.log(here["std"]), 1e-4
    slope = (elbo_of(mean + h, log_std) - elbo_of(mean - h, log_std)) / (2 * h)
    assert there["mean"] - mean == pytest.approx(0.05 * slope, abs=1e-6)
    slope = (elbo_of(mean, log_std + h) - elbo_of(mean, log_std - h)) / (2 * h)
    assert math.log(there["std"]) - log_std == pytest.approx(0.05 * slope, abs=1e-6)


@pytest.mark.parametrize("step", [0, 3, STEPS])
def test_the_numbers_of_a_step(ascent: GradientAscent, step: int) -> None:
    r = ascent.at(step=step)
    mean, std = r["mean"], r["std"]
    assert r["elbo"] == pytest.approx(elbo_of(mean, math.log(std)), abs=1e-7)
    squared = average(lambda z: (log_weight(TANH, z, mean, std) - r["elbo"]) ** 2, mean, std)
    assert r["spread"] == pytest.approx(math.sqrt(squared), abs=1e-6)
    assert r["gap"] == r["log_evidence"] - r["elbo"]


def test_it_begins_at_the_prior_and_draws_each_step(ascent: Any) -> None:
    assert (ascent.at(step=0)["mean"], ascent.numbers["std"]) == (0.0, 1.0)
    elbos = [ascent.at(step=step)["elbo"] for step in range(STEPS + 1)]
    assert elbos == sorted(elbos)
    assert list(ascent.trail._lower.get_ydata()) == elbos
    ascent.at(step=3)
    assert list(ascent.trail._lower.get_ydata()) == elbos[:4]


# ---- Uphill in the model ----


def log_evidences(a: float, b: float, c: float, s: float, x: Any = None) -> Any:
    """log p(x) of each observation, or of x, by Gauss–Legendre on panels of z."""
    x = observations().numpy() if x is None else np.array([x])
    nodes, weights = special.roots_legendre(12)
    edges = np.linspace(-9, 9, 61)
    z = (edges[:-1, None] + (nodes + 1) / 2 * np.diff(edges)[:, None]).ravel()
    log_mass = np.log(np.tile(weights, 60) * 0.15) + stats.norm.logpdf(z)
    log_p = stats.norm.logpdf(x[:, None], a * np.tanh(b * z) + c, s)
    return special.logsumexp(log_p + log_mass, axis=1)


@pytest.fixture(scope="module")
def model_ascent() -> ModelAscent:
    return ModelAscent()


@pytest.mark.parametrize(("qs", "round"), list(itertools.product(QS, (0, 3, ROUNDS))))
def test_the_numbers_of_a_round(model_ascent: Any, qs: str, round: int) -> None:
    """log p(x) and the ELBO again, the latter by 64 Gauss–Hermite nodes of each q."""
    r = model_ascent.at(qs=qs, round=round)
    a, b, c, s = (r[name] for name in "abcs")
    assert r["log_evidence"] == pytest.approx(log_evidences(a, b, c, s).mean(), abs=1e-7)
    mean, log_std = model_ascent.paths[qs].qs[round].numpy()
    nodes, weights = special.roots_hermitenorm(64)
    z = mean[:, None] + np.exp(log_std)[:, None] * nodes
    log_joint = stats.norm.logpdf(observations().numpy()[:, None], a * np.tanh(b * z) + c, s)
    log_joint += stats.norm.logpdf(z)
    log_q = stats.norm.logpdf(z, mean[:, None], np.exp(log_std)[:, None])
    elbo = ((log_joint - log_q) @ weights / weights.sum()).mean()
    assert r["elbo"] == pytest.approx(elbo, abs=1e-6)
    assert r["gap"] > 0
    where = slice(15, 160, 36)
    x = model_ascent.density.get_xdata()[where]
    for x_i, drawn in zip(x, model_ascent.density.get_ydata()[where], strict=True):
        p = math.exp(log_evidences(a, b, c, s, x_i).item())
        assert drawn == pytest.approx(p, abs=1e-7)


def test_with_both_pushes_the_model_comes_near_the_best_there_is(model_ascent: Any) -> None:
    """The most likely a, b, c, s, by Nelder–Mead."""

    def minus_log_p(t: Any) -> float:
        return float(-log_evidences(t[0], t[1], t[2], math.exp(t[3])).mean())

    options: Any = {"xatol": 1e-3, "fatol": 1e-6}
    start = [2.0, 1.0, 0.5, math.log(0.5)]
    best = optimize.minimize(minus_log_p, start, method="Nelder-Mead", options=options)
    path = ascend_model(refit=True)
    rises = np.diff(path.log_evidence)
    assert (rises > 0).all()
    assert -best.fun - 0.05 < path.log_evidence[-1] <= -best.fun
    # From the summit both pushes lower log p(x), round by round, while the ELBO rises.
    summit = (1.523, 1.861, 0.494, 0.699)
    assert np.abs(best.x - [*summit[:3], math.log(summit[3])]).max() < 0.01
    path = ascend_model(refit=True, start=summit)
    assert (np.diff(path.log_evidence[:6]) < 0).all()
    assert (np.diff(path.elbo[:6]) > 0).all()


def test_without_the_second_push_the_bound_rises_and_the_model_gets_worse() -> None:
    path = ascend_model(refit=False)
    assert (path.qs == path.qs[0]).all()
    assert (np.diff(path.elbo) > 0).all()
    assert (np.diff(path.log_evidence) < 0).sum() == 25
    assert max(path.log_evidence) == path.log_evidence[3]


@pytest.mark.parametrize("place", [0, 57, 140])
def test_the_first_qs_are_the_best_of_the_first_model(place: int) -> None:
    """The best Gaussian of one x by Nelder–Mead, on an ELBO of 64 Gauss–Hermite nodes."""
    path, x = ascend_model(refit=False), observations()[place].item()
    a, b, c, s = path.parameters[0].tolist()
    nodes, weights = special.roots_hermitenorm(64)

    def minus_elbo(q: Any) -> float:
        z = q[0] + math.exp(q[1]) * nodes
        joint = stats.norm.logpdf(x, a * np.tanh(b * z) + c, s) + stats.norm.logpdf(z)
        return float(-(joint - stats.norm.logpdf(z, q[0], math.exp(q[1]))) @ weights)

    best = optimize.minimize(minus_elbo, np.zeros(2), method="Nelder-Mead")
    first = minus_elbo(path.qs[0, :, place].numpy())
    assert (first - best.fun) / weights.sum() < 1e-3


@pytest.mark.parametrize("world", WORLDS)
def test_the_extremes_are_those_of_the_whole_interval(explorer: LogWeights, world: str) -> None:
    """To half of the last decimal that the sentence prints."""
    for mean, std in itertools.product((-1.0, 1.25, 2.0, 2.5), (0.2, 1.0, 1.8, 2.0)):
        found = explorer.at(world=world, mean=mean, std=std)
        z = mean + std * np.linspace(-2, 2, 40_001)
        values = log_weight(world, z, mean, std)
        assert found["lowest"] == pytest.approx(values.min(), abs=5e-4)
        assert found["highest"] == pytest.approx(values.max(), abs=5e-4)


def test_one_step_is_a_step() -> None:
    ascent, model = GradientAscent(), ModelAscent()
    ascent.at(step=1)
    assert ascent.sentence.startswith("After 1 step q")
    model.at(round=1)
    assert model.sentence.startswith("After 1 round, ")
    model.at(round=2)
    assert model.sentence.startswith("After 2 rounds, ")
