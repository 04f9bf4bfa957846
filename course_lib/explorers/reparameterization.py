"""Explorer of chapter 8: fixed noise carried to z, and two estimates of one gradient."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from matplotlib.text import Text
from numpy.typing import NDArray
from torch import Tensor

from course_lib import gradients
from course_lib.arguments import DOUBLE
from course_lib.distributions import DiagonalGaussian
from course_lib.explorers.scenes.gradient_targets import EDGE, FUNCTIONS, Target, target
from course_lib.explorers.stage import Choice, Explorer, Reading, Slider
from course_lib.numerals import minus
from course_lib.plots import (
    COLOURS,
    PIXEL_RATIO,
    above,
    below,
    ink,
    inside,
    latent_ticks,
    number,
    panels,
    style,
)

PATHWISE, SCORE, BASELINE = "pathwise", "score function", "score with baseline"
ESTIMATORS = (PATHWISE, SCORE, BASELINE)
SHOWN, DRAWS = 13, 4000  # draws with a line from ε to z, and draws in a histogram
ABOVE, BELOW = 0.82, 0.42  # where the axes of ε and z lie in their panel
TALL = 0.4  # of the panel, for a density of 1
BINS, MARKS = 61, (-1.0, -0.5, 0.0, 0.5, 1.0)  # of the histograms, on a scale of ±1
EDGES = np.linspace(-1, 1, BINS + 1)
MARGIN = (-0.12, 1.12)  # of the panel of f, in fractions of its range
SEED = 1623  # its first 13 draws stand apart
COLOUR = {PATHWISE: "reconstruction", SCORE: "gap", BASELINE: "gap"}
SLOPE_PX = 18  # half the length of a drawn slope


@dataclass(frozen=True)
class Histogram:
    """What moves in a histogram: the text above it, the bars, the true gradient."""

    text: Text
    bars: StepPatch
    line: Line2D

    def show(self, estimates: Tensor, gradient: float, text: str) -> None:
        """Moves it to these estimates and this gradient, both in units of its scale."""
        counts, _ = np.histogram(estimates.numpy(), EDGES)
        self.bars.set_data(counts / max(counts.max(), 1))
        self.line.set_xdata([gradient, gradient])
        self.text.set_text(text)


class GradientNoise(Explorer):
    """Noise carried to z by z = μ + σ ε, f at the z, and each estimate of ∂/∂μ E f(z), 4,000 times.

    Numbers: gradient, exactly; pathwise_variance and score_variance of one estimate, exactly, the
    latter with the baseline drawn, if any; worth, the score function's over the pathwise one;
    baseline; pathwise_mean and score_mean, over the 4,000 draws.
    """

    title = "One gradient, estimated in two ways from the same noise"
    height_px = 480
    controls = (
        Choice("f", "function f", FUNCTIONS, start=FUNCTIONS[0]),
        Slider("mean", "mean of q, μ", -3.0, 3.0, 0.05, start=1.5),
        Slider("std", "standard deviation of q, σ", 0.4, 2.0, 0.05, start=0.8),
        Slider("omega", "frequency ω, of sin ωz", 0.2, 6.0, 0.05, start=1.0),
        Choice("estimator", "estimator looked at", ESTIMATORS, start=PATHWISE),
    )

    def build(self, figure: Figure) -> None:
        """Left: ε carried to z, and f there. Right: estimates, pathwise above, score below."""
        generator = torch.Generator().manual_seed(SEED)
        self.noise = torch.randn(DRAWS, generator=generator, **DOUBLE)
        self.z = np.linspace(-EDGE, EDGE, 401)
        left = panels(figure, heights=(58, 42), left=14, right=344, top=44, bottom=50, down=36)
        right = panels(figure, heights=(1, 1), left=506, right=26, top=44, bottom=50, down=36)
        self._build_carried(left[0])
        self._build_function(left[1])
        self.histograms = {
            kind: self._build_histogram(ax, kind)
            for kind, ax in zip((PATHWISE, SCORE), right, strict=True)
        }
        self.truth = above(right[0], 0.0, 32, "", of="evidence")
        style(right[1], x="one estimate of the gradient in μ", keep="x")
        right[1].set_xticks(MARKS, [""] * len(MARKS))
        self.scale = [below(right[1], at, 14, of="axis") for at in MARKS]
        right[1].xaxis.labelpad = 17
        self.moving(self.truth, *self.scale)

    def _build_carried(self, ax: Axes) -> None:
        style(ax, keep="").set(xlim=(-EDGE, EDGE), ylim=(0, 1))
        above(ax, 0.0, 32, "noise ε ~ N(0, 1): always the same draws", of="prior")
        above(ax, 0.0, 12, "z = μ + σ ε, the density of q hanging under it", of="q")
        noise = DiagonalGaussian.standard(1).log_prob(torch.from_numpy(self.z).unsqueeze(-1)).exp()
        ax.fill_between(self.z, ABOVE, ABOVE + TALL * noise, color=COLOURS["prior"], alpha=0.35)
        for height in (ABOVE, BELOW):
            ax.axhline(height, color=COLOURS["axis"], linewidth=0.8)
        shown = self.noise[:SHOWN].numpy()
        ax.plot(shown, np.full(SHOWN, ABOVE), "|", color=COLOURS["axis"], markersize=9)
        (self.lines,) = ax.plot([], [], color=COLOURS["prior"], linewidth=1.0)
        self.ends = latent_ticks(ax, shown, of="q")
        self.ends.set_ydata(np.full(SHOWN, BELOW))
        self.band = ax.fill_between(self.z, BELOW, BELOW, color=COLOURS["q"], alpha=0.3)
        self.band.set_linewidth(0)
        self.moving(self.band, self.lines, self.ends)

    def _build_function(self, ax: Axes) -> None:
        style(ax, x="latent z", keep="x").set(xlim=(-EDGE, EDGE), ylim=MARGIN)
        self.name = above(ax, 0.0, 12, "", of="likelihood")
        self.seen = above(ax, 0.3, 12, "", of="text")
        (self.curve,) = ax.plot(self.z, self.z, color=COLOURS["likelihood"], linewidth=1.4)
        (self.level,) = ax.plot((-EDGE, EDGE), (0, 0), ":", color=COLOURS["gap"], linewidth=1.2)
        (self.marks,) = ax.plot([], [], linewidth=2.4)
        (self.dots,) = ax.plot([], [], "o", color=COLOURS["q"], markersize=4.5)
        # Drawn pixels a unit, so that a slope can be as long everywhere.
        self.unit = ax.bbox.width / (2 * EDGE), ax.bbox.height / (MARGIN[1] - MARGIN[0])
        self.moving(self.curve, self.level, self.marks, self.dots, self.name, self.seen)

    def _build_histogram(self, ax: Axes, kind: str) -> Histogram:
        style(ax, keep="x").set(xlim=(-1, 1), ylim=(0, 1.08))
        ax.set_xticks([])
        drawn = Histogram(
            above(ax, 0.0, 12, "", of=COLOUR[kind]),
            ax.stairs(np.zeros(BINS), EDGES, fill=True, color=COLOURS[COLOUR[kind]]),
            ax.axvline(0, color=COLOURS["evidence"], linewidth=2),
        )
        self.moving(drawn.bars, drawn.line, drawn.text)
        return drawn

    def update(self, f: str, mean: float, std: float, omega: float, estimator: str) -> Reading:
        """Carries the noise to z, draws both histograms, and reads them."""
        goal = target(f, mean, std, omega)
        baseline = goal.baseline if estimator == BASELINE else 0.0
        path = gradients.pathwise(goal.f, mean, std, self.noise).mean
        score = gradients.score_function(goal.f, mean, std, self.noise, baseline=baseline).mean
        exact = goal.exact
        noisy = exact.score_variance - (baseline / std) ** 2  # what the best baseline takes away
        numbers = {
            "gradient": exact.gradient,
            "pathwise_variance": exact.pathwise_variance,
            "score_variance": noisy,
            "worth": noisy / exact.pathwise_variance if exact.pathwise_variance else math.inf,
            "baseline": baseline,
            "pathwise_mean": path.mean().item(),
            "score_mean": score.mean().item(),
        }
        self._move_carried(mean, std)
        self._move_function(f, goal, mean, std, estimator, baseline)
        self._move_histograms(numbers, path, score)
        idle = () if f == FUNCTIONS[1] else ("omega",)
        return Reading(numbers, _sentence(numbers, f, mean, std, omega), idle)

    def _move_carried(self, mean: float, std: float) -> None:
        noise = self.noise[:SHOWN].numpy()
        z = mean + std * noise
        self.ends.set_xdata(inside(z, -EDGE, EDGE))
        self.lines.set_data(_strokes(noise, z), np.tile([ABOVE, BELOW, np.nan], SHOWN))
        density = np.exp(-0.5 * ((self.z - mean) / std) ** 2) / (std * math.sqrt(2 * math.pi))
        self.band.set_data(self.z, BELOW - TALL * density, np.full(len(self.z), BELOW))

    def _move_function(
        self, f: str, goal: Target, mean: float, std: float, estimator: str, baseline: float
    ) -> None:
        """f in fractions of its range, and at each z what the chosen estimator looks at."""
        span = goal.high - goal.low
        z = mean + std * self.noise[:SHOWN]
        slope = gradients.pathwise(goal.f, mean, std, self.noise[:SHOWN]).mean.numpy() / span
        x, y = inside(z.numpy(), -EDGE, EDGE), (goal.f(z).numpy() - goal.low) / span
        foot = (baseline - goal.low) / span
        self.name.set_text(f"f(z) = {f}" if f != FUNCTIONS[2] else "f(z): a step")
        self.curve.set_ydata((goal.f(torch.from_numpy(self.z)).numpy() - goal.low) / span)
        self.dots.set_data(x, y)
        self.level.set_ydata((foot, foot))
        self.level.set_visible(estimator != PATHWISE)
        self.seen.set_color(ink(COLOUR[estimator]))
        if estimator == PATHWISE:
            self.seen.set_text("pathwise: its slopes")
            across = SLOPE_PX * PIXEL_RATIO / np.hypot(self.unit[0], slope * self.unit[1])
            starts, ends = (x - across, y - across * slope), (x + across, y + across * slope)
        else:
            over = "0" if estimator == SCORE else f"b = {_compact(baseline)}"
            self.seen.set_text(f"score function: its heights over {over}")
            starts, ends = (x, np.full(SHOWN, foot)), (x, y)
        self.marks.set_color(COLOURS[COLOUR[estimator]])
        self.marks.set_data(_strokes(starts[0], ends[0]), _strokes(starts[1], ends[1]))

    def _move_histograms(self, r: dict[str, float], path: Tensor, score: Tensor) -> None:
        widest = math.sqrt(max(r["pathwise_variance"], r["score_variance"]))
        reach = _round_up(max(abs(r["gradient"]) + 2.5 * widest, 0.5))
        self.truth.set_text(f"true gradient {number(r['gradient'])}")
        above_path = f"pathwise, f′(z): variance {_compact(r['pathwise_variance'])}"
        weight = "(f(z) − b)" if r["baseline"] else "f(z)"
        above_score = f"score, {weight} ε/σ: variance {_compact(r['score_variance'])}"
        self.histograms[PATHWISE].show(path / reach, r["gradient"] / reach, above_path)
        self.histograms[SCORE].show(score / reach, r["gradient"] / reach, above_score)
        for at, text in zip(MARKS, self.scale, strict=True):
            text.set_text(minus(f"{at * reach:g}"))


def _round_up(value: float) -> float:
    """The next of 1, 1.5, 2, 3 … 8, 10, 15 …: a scale that does not change at every step."""
    power = 10.0 ** math.floor(math.log10(value))
    steps = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
    return next(step * power for step in steps if value <= step * power)


def _compact(value: float) -> str:
    """Three significant digits, at most five decimals."""
    if abs(value) < 5e-6:
        return "0"
    return number(value, min(5, max(0, 2 - math.floor(math.log10(abs(value))))))


def _strokes(starts: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """One coordinate of separate strokes as one broken line: start, end, NaN, and so on."""
    return np.stack([starts, ends, np.full(len(starts), np.nan)], -1).ravel()


def _sentence(r: dict[str, float], f: str, mean: float, std: float, omega: float) -> str:
    path, score, worth = r["pathwise_variance"], r["score_variance"], r["worth"]
    where = f"μ = {number(mean, 2)}, σ = {number(std, 2)}"
    if f == FUNCTIONS[1]:
        where += f", ω = {number(omega, 2)}"
    start = f"f = {f}, {where}: the true gradient in μ is {number(r['gradient'])}. "
    if path == 0:
        off = number(r["gradient"]) if r["gradient"] > 0.001 else "less than 0.001"
        return (
            f"{start}Every pathwise estimate is 0: no variance, and wrong by {off}. "
            f"The score function's variance is {_compact(score)}."
        )
    if worth >= 1:
        verdict = f"one pathwise draw is worth {_compact(worth)} of the other kind"
    else:
        verdict = f"one score-function draw is worth {_compact(1 / worth)} of the other kind"
    return (
        f"{start}The variance of one pathwise estimate is {_compact(path)}, of one score-function "
        f"estimate {_compact(score)}: {verdict}."
    )
