"""Explorer of chapter 8: fixed noise carried to z, and two estimates of one gradient."""

import math

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from course_lib import gradients
from course_lib.arguments import DOUBLE
from course_lib.explorers.scenes.gradient_targets import EDGE, FUNCTIONS, Target, target
from course_lib.explorers.stage import Choice, Explorer, Reading, Slider
from course_lib.numerals import minus
from course_lib.plots import (
    COLOURS,
    PIXEL_RATIO,
    above,
    below,
    inside,
    label,
    number,
    panels,
    style,
)

SHOWN, DRAWS = 5, 4000  # draws that are followed from ε to f(z), and draws in a histogram
SEED = 2532  # its first five draws stand apart
NOISE, LATENT = 0.97, 0.7  # where the axes of ε and z lie in the left panel
TALL = 0.2  # of that panel, for a density of 1
FOOT, HEAD = 0.04, 0.6  # between which f is drawn
SLOPE_PX = 34  # half the length of a drawn slope
PATH, SCORE = "reconstruction", "gap"  # the colours of the two estimates
BINS, MARKS = 61, (-1.0, 0.0, 1.0)  # of the histograms, on a scale of ±1
EDGES = np.linspace(-1, 1, BINS + 1)

Numbers = NDArray[np.float64]


class GradientNoise(Explorer):
    """Noise carried to z by z = μ + σ ε, f at the z, and each estimate of ∂/∂μ E f(z), 4,000 times.

    Numbers: gradient, exactly; pathwise_variance and score_variance of one estimate, exactly;
    worth, the second over the first (no baseline); pathwise_mean and score_mean, over the draws.
    """

    title = "One gradient, estimated in two ways from the same noise"
    height_px = 450
    controls = (
        Choice("f", "function f", FUNCTIONS, start=FUNCTIONS[0]),
        Slider("mean", "mean of q, μ", -3.0, 3.0, 0.05, start=2.0),
        Slider("std", "standard deviation of q, σ", 0.4, 2.0, 0.05, start=1.0),
    )

    def build(self, figure: Figure) -> None:
        """Left: ε, carried to z, and f there. Right: pathwise estimates up, score's down."""
        generator = torch.Generator().manual_seed(SEED)
        self.noise = torch.randn(DRAWS, generator=generator, **DOUBLE)
        self.z = np.linspace(-EDGE, EDGE, 401)
        left, right = panels(figure, (45, 29), left=14, right=24, top=72, bottom=50, across=40)
        self._build_carried(left)
        self._build_function(left)
        self._build_estimates(right)

    def _build_carried(self, ax: Axes) -> None:
        style(ax, x="latent z", keep="x").set(xlim=(-EDGE, EDGE), ylim=(0, 1))
        above(ax, 0.0, 56, "noise ε ~ N(0, 1), always the same draws,", of="prior")
        above(ax, 0.0, 35, "carried to z = μ + σ ε, draws of q", of="q")
        for height in (NOISE, LATENT):
            ax.axhline(height, color=COLOURS["axis"], linewidth=0.8)
        shown = self.noise[:SHOWN].numpy()
        ax.plot(shown, np.full(SHOWN, NOISE), "|", color=COLOURS["axis"], markersize=9)
        self.band = ax.fill_between(self.z, LATENT, LATENT, color=COLOURS["q"], alpha=0.3)
        self.band.set_linewidth(0)
        (self.lines,) = ax.plot([], [], color=COLOURS["prior"], linewidth=1.0)
        (self.ends,) = ax.plot([], [], "|", color=COLOURS["q"], markersize=9)
        self.moving(self.band, self.lines, self.ends)

    def _build_function(self, ax: Axes) -> None:
        self.name = above(ax, 0.0, 14, "", of="likelihood")
        above(ax, 0.28, 14, "slopes f′(z)", of=PATH)
        above(ax, 0.52, 14, "heights f(z)", of=SCORE)
        (self.drops,) = ax.plot([], [], ":", color=COLOURS["prior"], linewidth=1.0)
        (self.level,) = ax.plot((-EDGE, EDGE), (0, 0), color=COLOURS[SCORE], linewidth=0.8)
        (self.stems,) = ax.plot([], [], color=COLOURS[SCORE], linewidth=2.0)
        (self.curve,) = ax.plot(self.z, self.z, color=COLOURS["likelihood"], linewidth=1.2)
        (self.slopes,) = ax.plot([], [], color=COLOURS[PATH], linewidth=2.6)
        (self.dots,) = ax.plot([], [], "o", color=COLOURS["q"], markersize=5)
        # Drawn pixels a unit of z, and of the panel's height: a slope is as long everywhere.
        self.unit = ax.bbox.width / (2 * EDGE), ax.bbox.height
        self.moving(
            *(self.drops, self.level, self.stems, self.curve, self.slopes, self.dots, self.name)
        )

    def _build_estimates(self, ax: Axes) -> None:
        style(ax, x="one estimate of the gradient in μ", keep="x").set(xlim=(-1, 1))
        ax.set(ylim=(-1.4, 1.05))
        ax.set_xticks(MARKS, [""] * len(MARKS))
        ax.axhline(0, color=COLOURS["axis"], linewidth=0.8)
        self.path = ax.stairs(np.zeros(BINS), EDGES, fill=True, color=COLOURS[PATH])
        self.score = ax.stairs(np.zeros(BINS), EDGES, fill=True, color=COLOURS[SCORE])
        (self.line,) = ax.plot((0, 0), (-1.05, 1.05), color=COLOURS["evidence"], linewidth=1.2)
        self.truth = above(ax, 0.0, 35, "", of="evidence")
        self.words = above(ax, 0.0, 14, "", of=PATH), label(ax, -1, -1.16, "", of=SCORE)
        self.beyond = label(ax, -1, -1.31, "", of=SCORE)
        self.scale = [below(ax, at, 14, of="axis") for at in MARKS]
        ax.xaxis.labelpad = 17
        self.moving(self.path, self.score, self.line, self.truth, *self.words, self.beyond)
        self.moving(*self.scale)

    def update(self, f: str, mean: float, std: float) -> Reading:
        """Carries the noise to z, draws both histograms, and reads them."""
        goal = target(f, mean, std)
        path = gradients.pathwise(goal.f, mean, std, self.noise).mean
        score = gradients.score_function(goal.f, mean, std, self.noise).mean
        exact = goal.exact
        wide, narrow = exact.score_variance, exact.pathwise_variance
        numbers = {
            "gradient": exact.gradient,
            "pathwise_variance": narrow,
            "score_variance": wide,
            "worth": wide / narrow if narrow else math.inf,
            "pathwise_mean": path.mean().item(),
            "score_mean": score.mean().item(),
        }
        self._move_carried(mean, std)
        self._move_function(f, goal, mean + std * self.noise[:SHOWN], path[:SHOWN])
        self._move_estimates(numbers, path, score)
        return Reading(numbers, _sentence(numbers, f, mean, std))

    def _move_carried(self, mean: float, std: float) -> None:
        noise = self.noise[:SHOWN].numpy()
        z = mean + std * noise
        self.ends.set_data(inside(z, -EDGE, EDGE), np.full(SHOWN, LATENT))
        self.lines.set_data(_strokes(noise, z), np.tile([NOISE, LATENT, np.nan], SHOWN))
        density = np.exp(-0.5 * ((self.z - mean) / std) ** 2) / (std * math.sqrt(2 * math.pi))
        self.band.set_data(self.z, LATENT, LATENT + TALL * density)

    def _move_function(self, f: str, goal: Target, z: Tensor, slopes: Tensor) -> None:
        """f, and at each z (SHOWN,) its slope there and its height over zero."""
        share = (HEAD - FOOT) / (goal.high - goal.low)  # of the panel, for f to rise by one

        def place(values: Numbers) -> Numbers:
            return FOOT + share * (values - goal.low)

        slope = share * slopes.numpy()
        x, y = inside(z.numpy(), -EDGE, EDGE), place(goal.f(z).numpy())
        zero = place(np.zeros(SHOWN))
        self.name.set_text(f"f(z) = {f}" if f != FUNCTIONS[-1] else "f(z): a step")
        self.curve.set_ydata(place(goal.f(torch.from_numpy(self.z)).numpy()))
        self.level.set_ydata(zero[:2])
        self.drops.set_data(_strokes(x, x), _strokes(np.full(SHOWN, LATENT), y))
        self.stems.set_data(_strokes(x, x), _strokes(zero, y))
        self.dots.set_data(x, y)
        across = SLOPE_PX * PIXEL_RATIO / np.hypot(self.unit[0], slope * self.unit[1])
        up = across * slope
        self.slopes.set_data(_strokes(x - across, x + across), _strokes(y - up, y + up))

    def _move_estimates(self, r: dict[str, float], path: Tensor, score: Tensor) -> None:
        widest = math.sqrt(max(r["pathwise_variance"], r["score_variance"]))
        reach = _round_up(max(abs(r["gradient"]) + 2.5 * widest, 0.5))
        self.path.set_data(_heights(path / reach))
        self.score.set_data(-_heights(score / reach))
        self.line.set_xdata([r["gradient"] / reach] * 2)
        self.truth.set_text(f"true gradient {number(r['gradient'])}")
        self.words[0].set_text(f"pathwise, f′(z): variance {_compact(r['pathwise_variance'])}")
        self.words[1].set_text(f"score, f(z) ε/σ: variance {_compact(r['score_variance'])}")
        # The pathwise estimates never reach so far.
        beyond = int((score.abs() > reach).sum())
        self.beyond.set_text(f"{beyond} of {DRAWS:,} lie off the axis" if beyond else "")
        for at, text in zip(MARKS, self.scale, strict=True):
            text.set_text(minus(f"{at * reach:g}"))


def _heights(estimates: Tensor) -> Numbers:
    """A histogram whose highest bar is 1, of estimates in units of the scale."""
    counts, _ = np.histogram(estimates.numpy(), EDGES)
    heights: Numbers = counts / max(counts.max(), 1)
    return heights


def _round_up(value: float) -> float:
    """The next of 1, 1.5, 2, 3 … 8, 10, 15 …: a scale that does not change at every step."""
    power = 10.0 ** math.floor(math.log10(value))
    steps = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
    return next(step * power for step in steps if value <= step * power)


def _compact(value: float) -> str:
    """Three significant digits, at most five decimals."""
    if value == 0:
        return "0"
    if abs(value) < 5e-6:
        return "below 0.00001"
    return number(value, min(5, max(0, 2 - math.floor(math.log10(abs(value))))))


def _strokes(starts: Numbers, ends: Numbers) -> Numbers:
    """One coordinate of separate strokes as one broken line: start, end, NaN, and so on."""
    return np.stack([starts, ends, np.full(len(starts), np.nan)], -1).ravel()


def _sentence(r: dict[str, float], f: str, mean: float, std: float) -> str:
    path, score, worth = r["pathwise_variance"], r["score_variance"], r["worth"]
    start = (
        f"f = {f}, μ = {number(mean, 2)}, σ = {number(std, 2)}: the true gradient in μ is "
        f"{number(r['gradient'])}. "
    )
    if path == 0:
        shown = number(r["gradient"])
        off = "less than 0.001" if shown == "0.000" else shown
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
