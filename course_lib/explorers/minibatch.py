"""Explorer of chapter 9: the ELBO of a hundred real digits, estimated from batches of them."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray
from torch import Tensor

from course_lib.explorers.scenes.digit_bounds import (
    DIGITS,
    REPLACEMENT,
    WITH,
    WITHOUT,
    digit_bounds,
    drawn_batches,
    running_sums,
)
from course_lib.explorers.stage import Choice, Explorer, Reading, Slider
from course_lib.minibatch import estimate_variance
from course_lib.numerals import minus
from course_lib.plots import (
    COLOURS,
    Blit,
    above,
    height_above,
    number,
    panels,
    sheet,
    style,
)

LINES = 30  # of them, with a dot at each size of GRID
GRID = (1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 90, 100)
RIGHT, SUM, MEAN = "N/B times the sum", "the sum", "the mean"
SCALES = (RIGHT, SUM, MEAN)
SIZES = np.arange(1, DIGITS + 1, dtype=np.int64)
SCALE = 6  # drawn pixels for each pixel of a digit
PALE = 0.2  # of its ink, for a digit that is not in the batch


class DatasetFunnel(Explorer):
    """Estimates of a data set's ELBO from batches of B, and their exact spread.

    Numbers, in nats: exact, the data set's ELBO; expected, what is computed on average; std, its
    exact standard deviation; shown, what is computed from the batch that is inked; drawn_mean and
    drawn_std, over the 400 batches drawn. distinct: different digits in the batch that is inked.
    """

    title = "The ELBO of a hundred digits, estimated from a batch of them"
    height_px = 420
    controls = (
        Slider("B", "batch size, B", 1, DIGITS, 1, start=10),
        Choice("replacement", "replacement", REPLACEMENT, start=WITHOUT),
        Choice("scale", "what is computed", SCALES, start=RIGHT),
    )

    def prepare(self) -> None:
        """The digits, their exact ELBO, and 400 batches of every size."""
        self.data, self.index, self.sums = digit_bounds(), drawn_batches(), running_sums()
        self.exact = self.data.elbo.sum().item()
        self.ink = (self.data.images / 16).reshape(DIGITS, 8, 8).numpy()
        self.spread = {way: _spreads(self.data.elbo, way) for way in REPLACEMENT}
        self.standing = ("", "")  # replacement and scale of the funnel that is drawn

    def build(self, figure: Figure) -> None:
        """Left: the digits, those of one batch inked. Right: what batches of every size say."""
        left, funnel = panels(
            figure, widths=(31, 45), left=12, right=14, top=64, bottom=56, across=76
        )
        self._build_digits(left)
        self._build_funnel(funnel)

    def _build_digits(self, ax: Axes) -> None:
        style(ax, keep="")
        self.grid = Blit(ax, sheet(self.ink, 10, SCALE, air=1))
        self.batch_text = above(ax, 0.0, 32, "", of="text")
        self.shown_text = above(ax, 0.0, 12, "", of="elbo")
        self.moving(self.grid, self.batch_text, self.shown_text)

    def _build_funnel(self, ax: Axes) -> None:
        style(ax, x="batch size B", y="", keep="xy")
        ax.set(xscale="log", xlim=(0.88, 114), ylim=self._limits(RIGHT))
        ax.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
        ax.minorticks_off()
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _nats(value, 0)))
        self.band = ax.fill_between(SIZES, 0, 0, color=COLOURS["elbo"], alpha=0.25)
        self.band.set_linewidth(0)
        (self.dots,) = ax.plot([], [], ".", color=COLOURS["elbo"], markersize=3, alpha=0.7)
        ax.axhline(self.exact, color=COLOURS["text"], linewidth=1.6)
        (self.chosen,) = ax.plot([1, 1], [0, 0], color=COLOURS["elbo"], linewidth=3, alpha=0.35)
        (self.shown,) = ax.plot([1], [0], "o", color=COLOURS["elbo"], markersize=8)
        self.shown.set(markeredgecolor=COLOURS["text"], markeredgewidth=1.2, clip_on=False)
        self.exact_text = above(ax, 0.0, 32, "", of="text")
        self.exact_text.set_text(f"all {DIGITS}: {_nats(self.exact)} nats")
        self.spread_text = above(ax, 0.0, 12, "", of="elbo")
        self.moving(self.chosen, self.shown, self.spread_text)
        self.funnel = ax

    def update(self, B: int, replacement: str, scale: str) -> Reading:
        """Inks the batch, moves the funnel, and reads them."""
        factor = _multiplier(scale)  # (100,)
        share = factor * SIZES / DIGITS  # against N/B, for the spread
        std = share * self.spread[replacement]
        estimates = self.sums[replacement].numpy() * factor  # (400, 100)
        here = B - 1
        self._move_digits(replacement, B)
        if self.standing != (replacement, scale):  # rare, and the same for every B
            self.standing = (replacement, scale)
            self._rescale(scale)
            self._draw_funnel(share * self.exact, std, estimates)
        low, high = (float(share[here] * self.exact + k * std[here]) for k in (-2, 2))
        self.chosen.set_data([B] * 2, [low, high])
        self.shown.set_data([B], [estimates[0, here]])
        numbers = {
            "exact": self.exact,
            "expected": float(share[here] * self.exact),
            "std": float(std[here]),
            "shown": float(estimates[0, here]),
            "drawn_mean": float(estimates[:, here].mean()),
            "drawn_std": float(estimates[:, here].std()),
            "distinct": float(len(set(self.index[replacement][0, :B].tolist()))),
        }
        self._say(numbers, B)
        return Reading(numbers, _sentence(numbers, B, replacement, scale))

    def _limits(self, scale: str) -> tuple[float, float]:
        """Of the axis in nats: the funnel at B = 1 for the right scale, else all down from 0."""
        if scale == RIGHT:
            reach = 3 * float(self.spread[WITH][0])
            return self.exact - reach, self.exact + reach
        return 1.12 * self.exact, -0.04 * self.exact

    def _rescale(self, scale: str) -> None:
        """The axis of that scale, and the words above it."""
        self.funnel.set_ylim(self._limits(scale))
        for text, px in ((self.exact_text, 32), (self.spread_text, 12)):
            text.set_y(height_above(self.funnel, px))

    def _move_digits(self, replacement: str, size: int) -> None:
        ink = np.full((DIGITS, 1, 1), PALE)
        ink[self.index[replacement][0, :size].numpy()] = 1.0
        self.grid.set_picture(sheet(self.ink * ink, 10, SCALE, air=1))

    def _draw_funnel(
        self, centre: NDArray[np.float64], std: NDArray[np.float64], estimates: NDArray[np.float64]
    ) -> None:
        self.band.set_data(SIZES, centre - 2 * std, centre + 2 * std)
        columns = np.array(GRID) - 1
        self.dots.set_data(np.tile(GRID, LINES), estimates[:LINES, columns].ravel())
        self.redraw()

    def _say(self, r: dict[str, float], size: int) -> None:
        of = f", {r['distinct']:.0f} different" if r["distinct"] < size else f" of {DIGITS}"
        self.batch_text.set_text(f"one batch: {size}{of}")
        self.shown_text.set_text(f"it says {_nats(r['shown'])} nats")
        self.spread_text.set_text(
            f"batches of {size}: {_nats(r['expected'])} ± {_nats(r['std'])} nats; band: twice that"
        )


def _multiplier(scale: str) -> NDArray[np.float64]:
    """What the sum over a batch of each size is multiplied by, (100,)."""
    if scale == RIGHT:
        return DIGITS / SIZES
    if scale == MEAN:
        return 1 / SIZES
    return np.ones(DIGITS)


def _spreads(elbo: Tensor, replacement: str) -> NDArray[np.float64]:
    """Standard deviations of (N/B) Σ ℓ_n at B = 1..N, (100,) nats."""
    again = replacement == WITH
    variances = [estimate_variance(elbo, int(b), replacement=again).item() for b in SIZES]
    return np.array([math.sqrt(variance) for variance in variances])


def _nats(value: float, decimals: int = 1) -> str:
    """With thousands apart; decimals only below a thousand."""
    if abs(value) < 1000:
        return number(value, decimals)
    return minus(f"{value:,.0f}")


def _sentence(r: dict[str, float], size: int, replacement: str, scale: str) -> str:
    verdict = ": right on average" if scale == RIGHT else ""
    return (
        f"Batches of {size} of {DIGITS} digits, {replacement} replacement: {scale} is "
        f"{_nats(r['expected'])} nats on average, with standard deviation {_nats(r['std'])}. The "
        f"batch that is inked says {_nats(r['shown'])}. The data set's ELBO is "
        f"{_nats(r['exact'])} nats{verdict}."
    )
