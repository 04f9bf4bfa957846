"""The gradient explorer's numbers, against SciPy's quadrature over ε, and what it draws."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from course_lib.explorers.reparameterization import (
    BASELINE,
    ESTIMATORS,
    PATHWISE,
    SCORE,
    SHOWN,
    GradientNoise,
)
from course_lib.explorers.scenes.gradient_targets import EDGE, FUNCTIONS, STEP

SQUARE, SINE, JUMP = FUNCTIONS
MEANS, STDS, OMEGAS = (-3.0, 0.0, 1.5, 3.0), (0.4, 1.0, 2.0), (0.2, 1.1, 6.0)
SMOOTH = [(SQUARE, 1.0), *((SINE, omega) for omega in OMEGAS)]


@pytest.fixture(scope="module")
def explorer() -> GradientNoise:
    return GradientNoise()


def average(g: Callable[[float], float], *breaks: float) -> float:
    """E g(ε), ε ~ N(0, 1), by adaptive quadrature between −11, 11 and the breaks."""
    ends = sorted({-11.0, 11.0, *(b for b in breaks if abs(b) < 11)})
    return sum(
        integrate.quad(lambda e: math.exp(-e * e / 2) * g(e), low, high, epsabs=1e-11, limit=400)[0]
        for low, high in itertools.pairwise(ends)
    ) / math.sqrt(2 * math.pi)


def plain(name: str, omega: float) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """f and its derivative, in NumPy alone."""
    if name == SQUARE:
        return (lambda z: z * z), (lambda z: 2 * z)
    if name == SINE:
        return (lambda z: math.sin(omega * z)), (lambda z: omega * math.cos(omega * z))
    return (lambda z: float(z > STEP)), (lambda z: 0.0)


# quad promises 1e-11 on each part; second moments reach 1e3, where 1e-9 relative is what is left
CLOSE: dict[str, Any] = {"rel": 1e-9, "abs": 1e-9}


@pytest.mark.parametrize(
    ("function", "mean", "std"), list(itertools.product(SMOOTH, MEANS, STDS)), ids=str
)
def test_smooth_functions_against_quadrature(
    explorer: GradientNoise, function: tuple[str, float], mean: float, std: float
) -> None:
    name, omega = function
    f, slope = plain(name, omega)
    r = explorer.at(f=name, mean=mean, std=std, omega=omega, estimator=SCORE)
    gradient = average(lambda e: slope(mean + std * e))
    path = average(lambda e: (slope(mean + std * e) - gradient) ** 2)
    score = average(lambda e: (f(mean + std * e) * e / std - gradient) ** 2)
    assert r["gradient"] == pytest.approx(gradient, **CLOSE)
    assert r["pathwise_variance"] == pytest.approx(path, **CLOSE)
    assert r["score_variance"] == pytest.approx(score, **CLOSE)
    assert r["worth"] == r["score_variance"] / r["pathwise_variance"]
    assert r["baseline"] == 0


@pytest.mark.parametrize(("mean", "std"), list(itertools.product(MEANS, STDS)))
def test_the_step_against_quadrature(explorer: GradientNoise, mean: float, std: float) -> None:
    """Its gradient is the density of q at the step; the pathwise estimate is always 0."""
    r = explorer.at(f=JUMP, mean=mean, std=std, omega=1.0, estimator=SCORE)
    f, _ = plain(JUMP, 1.0)
    gradient = stats.norm.pdf(STEP, mean, std)
    edge = (STEP - mean) / std
    score = average(lambda e: (f(mean + std * e) * e / std - gradient) ** 2, edge)
    assert r["gradient"] == pytest.approx(gradient, **CLOSE)
    assert r["score_variance"] == pytest.approx(score, **CLOSE)
    assert (r["pathwise_variance"], r["pathwise_mean"]) == (0, 0)
    assert r["worth"] == math.inf
    assert "wrong by" in explorer.sentence


@pytest.mark.parametrize(
    ("function", "mean", "std"),
    list(itertools.product([*SMOOTH, (JUMP, 1.0)], MEANS, STDS)),
    ids=str,
)
def test_the_baseline_is_the_best_and_leaves_what_it_should(
    explorer: GradientNoise, function: tuple[str, float], mean: float, std: float
) -> None:
    """Both against quadrature of (f − b) ε/σ, whose variance any other b makes larger."""
    name, omega = function
    f, _ = plain(name, omega)
    r = explorer.at(f=name, mean=mean, std=std, omega=omega, estimator=BASELINE)
    edges = [(STEP - mean) / std] if name == JUMP else []

    def second(b: float) -> float:
        return average(lambda e: ((f(mean + std * e) - b) * e / std) ** 2, *edges)

    b = r["baseline"]
    assert r["score_variance"] == pytest.approx(second(b) - r["gradient"] ** 2, rel=1e-8, abs=1e-8)
    # a parabola in b with curvature 1/σ²: 0.1 away it is 0.01/σ² higher, on both sides
    for other in (b - 0.1, b + 0.1):
        assert second(other) - second(b) == pytest.approx(0.01 / std**2, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize(("name", "estimator"), list(itertools.product(FUNCTIONS, ESTIMATORS)))
def test_the_draws_are_those_of_both_estimators(explorer: Any, name: str, estimator: str) -> None:
    mean, std, omega = 0.6, 0.7, 1.3
    r = explorer.at(f=name, mean=mean, std=std, omega=omega, estimator=estimator)
    f, slope = plain(name, omega)
    noise = explorer.noise.numpy()
    z = mean + std * noise
    path = np.array([slope(v) for v in z])
    score = (np.array([f(v) for v in z]) - r["baseline"]) * noise / std
    assert r["pathwise_mean"] == pytest.approx(path.mean(), abs=1e-12)
    assert r["score_mean"] == pytest.approx(score.mean(), abs=1e-12)
    assert (r["baseline"] != 0) == (estimator == BASELINE)
    error = math.sqrt(r["score_variance"] / len(noise))
    assert abs(r["score_mean"] - r["gradient"]) < 4 * error  # unbiased
    bars = explorer.histograms[SCORE].bars.get_data().values
    assert bars.max() == 1.0
    assert explorer.histograms[PATHWISE].bars.get_data().values.max() == 1.0


def test_randomness_stays_in_the_noise(explorer: Any) -> None:
    """The upper end of every line never moves; the lower end is μ + σ ε."""
    before = None
    for mean, std in itertools.product(MEANS, STDS):
        explorer.at(f=SQUARE, mean=mean, std=std)
        x = explorer.lines.get_xdata().reshape(SHOWN, 3)
        before = x[:, 0] if before is None else before
        assert (x[:, 0] == before).all()
        assert x[:, 1] == pytest.approx(mean + std * before, abs=1e-12)
        ticks = explorer.ends.get_xdata()
        inside = np.abs(x[:, 1]) <= EDGE
        assert (ticks[inside] == x[inside, 1]).all()
        assert np.isnan(ticks[~inside]).all()


def test_the_order_flips(explorer: GradientNoise) -> None:
    below = explorer.at(f=SINE, mean=0.0, std=1.0, omega=1.1, estimator=PATHWISE)["worth"]
    above = explorer.at(omega=1.15)["worth"]
    assert above < 1 < below
    r = explorer.at(omega=5.0)
    # e^{−25/2} is 4e-6, so ½ω² and ½ are right to 1e-3
    assert (r["pathwise_variance"], r["score_variance"]) == pytest.approx((12.5, 0.5), abs=1e-3)
    assert "one score-function draw is worth 25.0" in explorer.sentence


def test_what_is_drawn_is_what_is_read(explorer: Any) -> None:
    r = explorer.at(f=SQUARE, mean=1.5, std=0.8, estimator=PATHWISE)
    reach = 30.0  # of the estimates' axis: the next round number over 3 + 2.5·√49
    for drawn in explorer.histograms.values():
        assert drawn.line.get_xdata()[0] == r["gradient"] / reach
    assert [text.get_text() for text in explorer.scale] == ["−30", "−15", "0", "15", "30"]
    assert explorer.truth.get_text() == "true gradient 3.000"
    assert "variance 2.56" in explorer.histograms[PATHWISE].text.get_text()
    assert not explorer.level.get_visible()
    middle = (explorer.marks.get_xdata()[0::3] + explorer.marks.get_xdata()[1::3]) / 2
    assert middle == pytest.approx(explorer.dots.get_xdata(), abs=1e-12)
    run, rise = (np.diff(v.reshape(-1, 3)[:, :2])[:, 0] for v in explorer.marks.get_data())
    assert rise / run * EDGE**2 == pytest.approx(2 * explorer.dots.get_xdata(), abs=1e-9)
    b = explorer.at(estimator=BASELINE)["baseline"]
    assert explorer.level.get_visible()
    assert explorer.level.get_ydata()[0] == pytest.approx(b / EDGE**2, abs=1e-12)
    assert (explorer.marks.get_ydata()[1::3] == explorer.dots.get_ydata()).all()
    assert (explorer.marks.get_ydata()[0::3] == explorer.level.get_ydata()[0]).all()


def test_the_scale_holds_what_the_sliders_can_ask(explorer: Any) -> None:
    """The true gradient is never at the edge, and the numbers under the axis are round."""
    for (name, omega), mean, std in itertools.product([*SMOOTH, (JUMP, 1.0)], MEANS, STDS):
        r = explorer.at(f=name, mean=mean, std=std, omega=omega, estimator=SCORE)
        place = explorer.histograms[SCORE].line.get_xdata()[0]
        assert abs(place) < 0.9
        ends = [float(t.get_text().replace("−", "-")) for t in explorer.scale]
        assert ends[0] == -ends[-1]
        assert ends[-1] * place == pytest.approx(r["gradient"], abs=1e-12)
