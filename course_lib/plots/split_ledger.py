"""A gap in two parts, approximation and amortisation: the ledger of one datum, bars for several."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from course_lib.numerals import fixed_point, number
from course_lib.plots.drawing import DRAWING
from course_lib.plots.figures import PIXEL_RATIO, rise
from course_lib.plots.ledger import spread
from course_lib.plots.vocabulary import COLOURS, TEXT_PT, TEXT_PX, ink, label, style

_BAR = (0.03, 0.24)  # left and right end of the bar, fractions of the panel
_LABELS = 0.29  # where the labels start
_LINE_PX = 1.45 * TEXT_PX  # one line of text with the room it needs
_OVER_PX = 11  # from the end of a bar up to the middle of its number
_PARTS: tuple[dict[str, Any], ...] = (  # how the approximation looks, and the amortisation
    {"facecolor": COLOURS["gap"], "hatch": "////", "edgecolor": "white"},
    {"facecolor": COLOURS["gap"], "alpha": 0.45},
)
_OF = ("evidence", "gap", "elbo", "gap", "elbo")  # colours from the top down


class SplitLedger:
    """log p(x), the best q's ELBO and the encoder's ELBO as levels, with what lies between them.

    ax: an empty panel; limits: (low, high) in nats, fixed. A level beyond them is drawn at the
    edge with an arrow; its number is still printed. `artists` are what `set` moves.
    """

    @DRAWING
    def __init__(self, ax: Axes, limits: tuple[float, float]) -> None:
        self.ax = ax
        style(ax, y="nats", keep="y").set(xlim=(0, 1), ylim=limits)
        width, low = _BAR[1] - _BAR[0], limits[0]
        self.bars = [ax.add_patch(Rectangle((_BAR[0], low), width, 0, linewidth=0)) for _ in "ab"]
        for bar, look in zip(self.bars, _PARTS, strict=True):
            bar.set(**look)
        looks = (("evidence", 2.0, "-"), ("elbo", 2.0, (0, (2, 1))), ("elbo", 3.5, "-"))
        self.levels = [
            ax.plot(_BAR, (low, low), color=COLOURS[of], linewidth=width, linestyle=dashes)[0]
            for of, width, dashes in looks
        ]
        self.arrows = [self._arrow(of) for of, _, _ in looks]
        self.texts = [
            ax.text(_LABELS, 0, "", fontsize=TEXT_PT, color=ink(of), transform=ax.transAxes)
            for of in _OF
        ]
        for text in self.texts:
            text.set_verticalalignment("center")

    @property
    def artists(self) -> Sequence[Artist]:
        """Everything that `set` moves, in drawing order."""
        return (*self.bars, *self.levels, *self.arrows, *self.texts)

    @DRAWING
    def set(self, log_evidence: float, best: float, elbo: float) -> None:
        """Moves the levels; log_evidence ≥ best ≥ elbo in nats, but for rounding.

        Where elbo is best, q is the best q itself: nothing is said of another one.
        """
        low, high = self.ax.get_ylim()
        values = (log_evidence, best, elbo)
        seen = [min(max(value, low), high) for value in values]
        for value, at, level, arrow in zip(values, seen, self.levels, self.arrows, strict=True):
            level.set_ydata((at, at))
            arrow.set_visible(not low <= value <= high)
            arrow.set_ydata((at,))
        for bar, top, foot in zip(self.bars, seen, seen[1:], strict=False):
            bar.set(y=foot, height=max(0.0, top - foot))
        self._write(values, [(v - low) / (high - low) for v in seen])

    def _write(self, values: Sequence[float], shares: Sequence[float]) -> None:
        """Numbers that add up as printed, each beside what it names."""
        p, approximation, best, amortisation, elbo = printed_parts(*values)
        self.texts[0].set_text(f"log p(x) = {p}")
        self.texts[1].set_text(f"approximation {approximation}")
        self.texts[2].set_text(f"best q: {best}")
        self.texts[3].set_text(f"amortisation {amortisation}")
        self.texts[4].set_text(f"ELBO = {elbo}")
        room = self.ax.bbox.height / PIXEL_RATIO
        top, middle, foot = (share * room for share in shares)
        wanted = [top, (top + middle) / 2, middle, (middle + foot) / 2, foot]
        shown = 3 if values[1] == values[2] else 5
        for i, text in enumerate(self.texts):
            text.set_visible(i < shown)
        centres = spread(wanted[:shown], [_LINE_PX] * shown, room)
        for text, centre in zip(self.texts, centres, strict=False):
            text.set_y(centre / room)

    def _arrow(self, of: str) -> Line2D:
        """For a level below the panel."""
        middle = (_BAR[0] + _BAR[1]) / 2
        (arrow,) = self.ax.plot((middle,), (0,), "v", color=COLOURS[of], markersize=9)
        arrow.set_clip_on(False)
        return arrow


@DRAWING
def split_bars(ax: Axes, approximation: ArrayLike, amortisation: ArrayLike) -> None:
    """A bar at 0, 1, … for each datum: what q's shape costs, hatched, and upon it, plain, what
    sharing costs, with their sum in whole nats over it.

    approximation, amortisation: (N,), in nats. Set the limits of the panel first.
    Raises ValueError unless both have one axis and one length.
    """
    shape, sharing = (np.asarray(part, dtype=float) for part in (approximation, amortisation))
    if shape.ndim != 1 or shape.shape != sharing.shape:
        raise ValueError(
            f"approximation and amortisation must be (N,), got {shape.shape} and {sharing.shape}"
        )
    ax.bar(range(len(shape)), shape, linewidth=0, **_PARTS[0])
    ax.bar(range(len(shape)), sharing, bottom=shape, **_PARTS[1])
    for place, total in enumerate(shape + sharing):
        label(ax, place, total + rise(ax, _OVER_PX), number(total, 0), of="gap", ha="center")


@DRAWING
def printed_parts(log_evidence: float, best: float, elbo: float) -> tuple[str, str, str, str, str]:
    """log p(x), approximation, best ELBO, amortisation, ELBO as text that adds up as printed."""
    levels = [Decimal(value).quantize(Decimal("0.001")) for value in (log_evidence, best, elbo)]
    parts = (levels[0], levels[0] - levels[1], levels[1], levels[1] - levels[2], levels[2])
    p, approximation, middle, amortisation, foot = (fixed_point(part) for part in parts)
    return p, approximation, middle, amortisation, foot
