"""Explorer of chapter 9: the ELBO of a hundred real digits, estimated from batches of them."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray
from torch import Tensor

from course_lib.explorers.scenes.digit_bounds import (
    BATCHES,
    DIGITS,
    EXACT,
    REPLACEMENT,
    SAMPLES,
    WITH,
    WITHOUT,
    digit_bounds,
    drawn_batches,
    running_sums,
)
from course_lib.explorers.stage import Choice, Explorer, Reading, Slider
from course_lib.minibatch import estimate_variance, sampling_variance
from course_lib.numerals import minus
from course_lib.plots import COLOURS, above, height_above, image_grid, number, panels, style

LINES = 30  # of them, with a dot at each size of GRID
GRID = (1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 90, 100)
RIGHT, SUM, MEAN = "N/B times the sum", "the sum", "the mean"
SCALES = (RIGHT, SUM, MEAN)
SIZES = np.arange(1, DIGITS + 1, dtype=np.int64)
PALE = 0.2  # of its ink, for a digit that is not in the batch
BINS = 121  # odd, so that the middle one holds the exact value


class DatasetFunnel(Explorer):
    """Estimates of a data set's ELBO from batches of B, and their exact spread.

    Numbers, in nats: exact, the data set's ELBO; expected, what is computed on average; std, its
    exact standard deviation; batch_std and sampling_std, its two parts, which add in squares;
    drawn_mean and drawn_std, over the 400 batches drawn. distinct: digits in the batch shown.
    """

    title = "The ELBO of a hundred digits, estimated from a batch of them"
    height_px = 420
    controls = (
        Slider("B", "batch size, B", 1, DIGITS, 1, start=10),
        Choice("replacement", "replacement", REPLACEMENT, start=WITHOUT),
        Choice("L", "samples per datum, L", SAMPLES, start=EXACT),
        Choice("scale", "what is computed", SCALES, start=RIGHT),
    )

    def prepare(self) -> None:
        """The digits, their exact ELBO, and 400 batches of every size."""
        self.data, self.index, self.sums = digit_bounds(), drawn_batches(), running_sums()
        self.exact = self.data.elbo.sum().item()
        self.ink = (self.data.images / 16).reshape(DIGITS, 8, 8).numpy()
        self.batch = {way: _batch_variances(self.data.elbo, way) for way in REPLACEMENT}
        self.sampling = {count: _sampling_variances(self.data.variance, count) for count in SAMPLES}
        self.scale = RIGHT

    def build(self, figure: Figure) -> None:
        """Left: the digits, those of one batch inked. Right: funnel, and all batches of size B."""
        left, funnel, bars = panels(
            figure, widths=(22, 34, 12), left=12, right=14, top=64, bottom=56, across=76
        )
        self._build_digits(left)
        self._build_funnel(funnel)
        self._build_bars(bars)

    def _build_digits(self, ax: Axes) -> None:
        self.grid = image_grid(ax, self.ink, columns=10)
        ax.set_anchor("NW")
        self.batch_text = above(ax, 0.0, 12, "", of="text")
        self.moving(self.grid.artist, self.batch_text)

    def _build_funnel(self, ax: Axes) -> None:
        style(ax, x="batch size B", y="", keep="xy")
        ax.set(xscale="log", xlim=(0.88, 114), ylim=self._limits(RIGHT))
        ax.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
        ax.minorticks_off()
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _nats(value, 0)))
        self.band = ax.fill_between(SIZES, 0, 0, color=COLOURS["elbo"], alpha=0.25)
        self.band.set_linewidth(0)
        (self.dots,) = ax.plot([], [], ".", color=COLOURS["elbo"], markersize=3, alpha=0.7)
        ax.axhline(self.exact, color=COLOURS["evidence"], linewidth=1.6)
        (self.chosen,) = ax.plot([1, 1], [0, 0], color=COLOURS["elbo"], linewidth=3)
        self.chosen.set(marker="o", markersize=7, markevery=[1])
        self.exact_text = above(ax, 0.0, 32, "", of="evidence")
        self.exact_text.set_text(f"exact: {_nats(self.exact)} nats")
        self.spread_text = above(ax, 0.0, 12, "", of="elbo")
        self.moving(self.band, self.dots, self.chosen, self.spread_text)
        self.funnel = ax

    def _build_bars(self, ax: Axes) -> None:
        style(ax, keep="").set(xlim=(0, 1.05), ylim=self._limits(RIGHT))
        self.edges = np.linspace(*self._limits(RIGHT), BINS + 1)
        self.bars = ax.stairs(
            np.zeros(BINS), self.edges, orientation="horizontal", fill=True, color=COLOURS["elbo"]
        )
        ax.axhline(self.exact, color=COLOURS["evidence"], linewidth=1.6, zorder=0)
        self.bars_text = above(ax, 0.0, 12, "", of="elbo")
        self.moving(self.bars, self.bars_text)
        self.beside = ax

    def update(self, B: int, replacement: str, L: str, scale: str) -> Reading:
        """Inks the batch, moves funnel and histogram, and reads them."""
        self._rescale(scale)
        factor = _multiplier(scale)  # (100,)
        share = factor * SIZES / DIGITS  # against N/B, for the spread
        batch, sampling = self.batch[replacement], self.sampling[L]
        std = share * np.sqrt(batch + sampling)
        estimates = self.sums[replacement, L].numpy() * factor  # (400, 100)
        here = B - 1
        self._move_digits(replacement, B)
        self._move_funnel(share * self.exact, std, estimates, here)
        numbers = {
            "exact": self.exact,
            "expected": float(share[here] * self.exact),
            "std": float(std[here]),
            "batch_std": float(share[here] * np.sqrt(batch[here])),
            "sampling_std": float(share[here] * np.sqrt(sampling[here])),
            "drawn_mean": float(estimates[:, here].mean()),
            "drawn_std": float(estimates[:, here].std()),
            "distinct": float(len(set(self.index[replacement][0, :B].tolist()))),
        }
        self._say(numbers, B)
        return Reading(numbers, _sentence(numbers, B, replacement, L, scale))

    def _limits(self, scale: str) -> tuple[float, float]:
        """Of the axis in nats: the funnel at B = 1 for the right scale, else all down from 0."""
        if scale == RIGHT:
            reach = 3 * float(np.sqrt(self.batch[WITH][0] + self.sampling["1"][0]))
            return self.exact - reach, self.exact + reach
        return 1.12 * self.exact, -0.04 * self.exact

    def _rescale(self, scale: str) -> None:
        """Another axis if the scale is another, which is rare."""
        if scale == self.scale:
            return
        self.scale = scale
        limits = self._limits(scale)
        self.edges = np.linspace(*limits, BINS + 1)
        for ax in (self.funnel, self.beside):
            ax.set_ylim(limits)
        for text, px in ((self.exact_text, 32), (self.spread_text, 12), (self.bars_text, 12)):
            text.set_y(height_above(self.funnel, px))
        self.redraw()

    def _move_digits(self, replacement: str, size: int) -> None:
        ink = np.full((DIGITS, 1, 1), PALE)
        ink[self.index[replacement][0, :size].numpy()] = 1.0
        self.grid.set(self.ink * ink)

    def _move_funnel(
        self,
        centre: NDArray[np.float64],
        std: NDArray[np.float64],
        estimates: NDArray[np.float64],
        here: int,
    ) -> None:
        self.band.set_data(SIZES, centre - 2 * std, centre + 2 * std)
        columns = np.array(GRID) - 1
        self.dots.set_data(np.tile(GRID, LINES), estimates[:LINES, columns].ravel())
        low, high = centre[here] - 2 * std[here], centre[here] + 2 * std[here]
        self.chosen.set_data([here + 1] * 3, [low, centre[here], high])
        counts, _ = np.histogram(estimates[:, here], self.edges)
        self.bars.set_data(counts / max(counts.max(), 1), self.edges)

    def _say(self, r: dict[str, float], size: int) -> None:
        of = f", {r['distinct']:.0f} different" if r["distinct"] < size else f" of {DIGITS}"
        self.batch_text.set_text(f"one batch: {size}{of}")
        self.spread_text.set_text(
            f"computed: {_nats(r['expected'])} ± {_nats(r['std'])}; band: twice that"
        )
        self.bars_text.set_text(f"{BATCHES} batches")


def _multiplier(scale: str) -> NDArray[np.float64]:
    """What the sum over a batch of each size is multiplied by, (100,)."""
    if scale == RIGHT:
        return DIGITS / SIZES
    if scale == MEAN:
        return 1 / SIZES
    return np.ones(DIGITS)


def _batch_variances(elbo: Tensor, replacement: str) -> NDArray[np.float64]:
    """Of (N/B) Σ ℓ_n at B = 1..N, (100,) nats²."""
    again = replacement == WITH
    return np.array([estimate_variance(elbo, int(b), replacement=again).item() for b in SIZES])


def _sampling_variances(variance: Tensor, samples: str) -> NDArray[np.float64]:
    """What the samples add to it at B = 1..N, (100,) nats²."""
    if samples == EXACT:
        return np.zeros(DIGITS)
    return np.array([sampling_variance(variance, int(b), int(samples)).item() for b in SIZES])


def _nats(value: float, decimals: int = 1) -> str:
    """With thousands apart; decimals only below a thousand."""
    if abs(value) < 1000:
        return number(value, decimals)
    return minus(f"{value:,.0f}")


def _sentence(r: dict[str, float], size: int, replacement: str, samples: str, scale: str) -> str:
    source, parts = "the exact ELBO", ""
    if samples != EXACT:
        source = "1 sample for the ELBO" if samples == "1" else f"{samples} samples for the ELBO"
        parts = (
            f" ({_nats(r['batch_std'])} from the choice of digits, "
            f"{_nats(r['sampling_std'])} from the samples)"
        )
    verdict = ": right on average" if scale == RIGHT else ""
    return (
        f"Batches of {size} of {DIGITS} digits, {replacement} replacement, {source} of each: "
        f"{scale} is {_nats(r['expected'])} nats on average, with standard deviation "
        f"{_nats(r['std'])}{parts}. The data set's ELBO is {_nats(r['exact'])} nats{verdict}."
    )
