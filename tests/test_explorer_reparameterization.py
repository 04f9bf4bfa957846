"""The gradient explorer's numbers, against SciPy's quadrature over ε, and what it draws."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from course_lib.explorers.reparameterization import DRAWS, SHOWN, GradientNoise
from course_lib.explorers.scenes.gradient_targets import EDGE, FUNCTIONS, STEP

SQUARE, SINE, FINER, JUMP = FUNCTIONS
MEANS, STDS = (-3.0, 0.0, 1.5, 3.0), (0.4, 1.0, 2.0)
SMOOTH = (SQUARE, SINE, FINER)


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


def plain(name: str) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """f and its derivative, in NumPy alone."""
    if name == SQUARE:
        return (lambda z: z * z), (lambda z: 2 * z)
    if name == JUMP:
        return (lambda z: float(z > STEP)), (lambda z: 0.0)
    omega = {SINE: 1, FINER: 2}[name]
    return (lambda z: math.sin(omega * z)), (lambda z: omega * math.cos(omega * z))


# quad promises 1e-11 on each part; second moments reach 1e3, where 1e-9 relative is what is left
CLOSE: dict[str, Any] = {"rel": 1e-9, "abs": 1e-9}


@pytest.mark.parametrize(
    ("name", "mean", "std"), list(itertools.product(SMOOTH, MEANS, STDS)), ids=str
)
def test_smooth_functions_against_quadrature(
    explorer: GradientNoise, name: str, mean: float, std: float
) -> None:
    f, slope = plain(name)
    r = explorer.at(f=name, mean=mean, std=std)
    gradient = average(lambda e: slope(mean + std * e))
    path = average(lambda e: (slope(mean + std * e) - gradient) ** 2)
    score = average(lambda e: (f(mean + std * e) * e / std - gradient) ** 2)
    assert r["gradient"] == pytest.approx(gradient, **CLOSE)
    assert r["pathwise_variance"] == pytest.approx(path, **CLOSE)
    assert r["score_variance"] == pytest.approx(score, **CLOSE)
    assert r["worth"] == r["score_variance"] / r["pathwise_variance"]


@pytest.mark.parametrize(("mean", "std"), list(itertools.product(MEANS, STDS)))
def test_the_step_against_quadrature(explorer: GradientNoise, mean: float, std: float) -> None:
    """Its gradient is the density of q at the step; the pathwise estimate is always 0."""
    r = explorer.at(f=JUMP, mean=mean, std=std)
    f, _ = plain(JUMP)
    gradient = stats.norm.pdf(STEP, mean, std)
    edge = (STEP - mean) / std
    score = average(lambda e: (f(mean + std * e) * e / std - gradient) ** 2, edge)
    assert r["gradient"] == pytest.approx(gradient, **CLOSE)
    assert r["score_variance"] == pytest.approx(score, **CLOSE)
    assert (r["pathwise_variance"], r["pathwise_mean"]) == (0, 0)
    assert r["worth"] == math.inf
    assert "wrong by" in explorer.sentence


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_draws_are_those_of_both_estimators(explorer: Any, name: str) -> None:
    mean, std = 0.6, 0.7
    r = explorer.at(f=name, mean=mean, std=std)
    f, slope = plain(name)
    noise = explorer.noise.numpy()
    z = mean + std * noise
    path = np.array([slope(v) for v in z])
    score = np.array([f(v) for v in z]) * noise / std
    assert r["pathwise_mean"] == pytest.approx(path.mean(), abs=1e-12)
    assert r["score_mean"] == pytest.approx(score.mean(), abs=1e-12)
    assert abs(r["score_mean"] - r["gradient"]) < 4 * math.sqrt(r["score_variance"] / DRAWS)
    reach = float(explorer.scale[-1].get_text())
    edges = np.linspace(-reach, reach, 62)
    up, down = (np.histogram(estimates, edges)[0] for estimates in (path, score))
    assert explorer.path.get_data().values == pytest.approx(up / up.max(), abs=2 / up.max())
    assert explorer.score.get_data().values == pytest.approx(-down / down.max(), abs=2 / down.max())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_lies_off_the_axis_is_said(explorer: Any, name: str) -> None:
    """How many of the score function's estimates; of the others none ever does."""
    f, slope = plain(name)
    noise = explorer.noise.numpy()
    said = set()
    for mean, std in itertools.product(MEANS, STDS):
        explorer.at(f=name, mean=mean, std=std)
        reach = float(explorer.scale[-1].get_text())
        z = mean + std * noise
        off = sum(abs(f(v) * e / std) > reach for v, e in zip(z, noise, strict=True))
        text = explorer.beyond.get_text()
        said.add(text)
        assert text == (f"{off} of 4,000 lie off the axis" if off else "")
        assert max(abs(slope(v)) for v in z) <= reach
    assert len(said) > 1


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


def test_the_order_is_reversed_by_a_finer_wave_alone(explorer: GradientNoise) -> None:
    assert explorer.at(f=SINE, mean=0.0, std=1.0)["worth"] > 1.5
    damped = math.exp(-2)  # δ at ω = 2
    slopes, heights = 2 + 2 * damped**4, 0.5 + 7.5 * damped**4
    g = 2 * damped
    worth = explorer.at(f=FINER)["worth"]
    assert worth == pytest.approx((heights - g * g) / (slopes - g * g), rel=1e-12)
    assert "one score-function draw is worth 4.49" in explorer.sentence


def test_what_is_drawn_is_what_is_read(explorer: Any) -> None:
    r = explorer.at(f=SQUARE, mean=1.5, std=0.8)
    reach = 30.0  # of the estimates' axis: the next round number over 3 + 2.5·√49
    assert explorer.line.get_xdata()[0] == r["gradient"] / reach
    assert [text.get_text() for text in explorer.scale] == ["−30", "0", "30"]
    assert explorer.truth.get_text() == "true gradient 3.000"
    assert [text.get_text()[-13:] for text in explorer.words] == ["variance 2.56", "variance 49.0"]


@pytest.mark.parametrize("name", SMOOTH)
def test_slopes_are_tangents_and_heights_stand_on_zero(explorer: Any, name: str) -> None:
    """Measured where they are drawn: against the drawn curve, and in drawn pixels."""
    explorer.at(f=name, mean=0.7, std=0.9)
    curve_x, curve_y = explorer.curve.get_data()
    strokes = np.stack([v.reshape(-1, 3)[:, :2] for v in explorer.slopes.get_data()])
    dots = np.stack(explorer.dots.get_data())
    assert dots[1] == pytest.approx(np.interp(dots[0], curve_x, curve_y), abs=2e-4)
    assert strokes.mean(2) == pytest.approx(dots, abs=1e-12)
    run, rise = strokes[..., 1] - strokes[..., 0]
    near = (np.interp(dots[0] + step, curve_x, curve_y) for step in (0.02, -0.02))
    drawn = (next(near) - next(near)) / 0.04
    assert rise / run == pytest.approx(drawn, abs=3e-3)
    pixels = np.hypot(run * explorer.unit[0], rise * explorer.unit[1])
    assert pixels == pytest.approx(np.full(SHOWN, pixels[0]))
    feet = explorer.stems.get_ydata().reshape(-1, 3)
    assert (feet[:, 0] == explorer.level.get_ydata()[0]).all()
    assert feet[:, 1] == pytest.approx(dots[1], abs=1e-12)
    foot = np.interp(0.0, curve_x, curve_y)  # all three f are 0 at z = 0
    assert explorer.level.get_ydata()[0] == pytest.approx(foot, abs=1e-9)


def test_the_scale_holds_what_the_sliders_can_ask(explorer: Any) -> None:
    """The true gradient is never at the edge, and the numbers under the axis are round."""
    for name, mean, std in itertools.product(FUNCTIONS, MEANS, STDS):
        r = explorer.at(f=name, mean=mean, std=std)
        place = explorer.line.get_xdata()[0]
        assert abs(place) < 0.9
        ends = [float(t.get_text().replace("−", "-")) for t in explorer.scale]
        assert ends[0] == -ends[-1]
        assert ends[-1] * place == pytest.approx(r["gradient"], abs=1e-12)


def test_a_gradient_that_prints_as_something_is_not_said_to_be_less(
    explorer: GradientNoise,
) -> None:
    for mean, std in ((-3.0, 1.0), (-2.0, 0.7), (-1.0, 0.4), (2.0, 0.4), (3.0, 0.7), (-3.0, 0.4)):
        numbers = explorer.at(f=JUMP, mean=mean, std=std)
        text = f"{numbers['gradient']:.3f}"
        wrong_by = "less than 0.001" if text == "0.000" else text
        assert f"gradient in μ is {text}. " in explorer.sentence
        assert f"wrong by {wrong_by}. " in explorer.sentence
        assert numbers["score_variance"] > 0
        assert not explorer.sentence.endswith("variance is 0.")
