"""The ledger: log p(x) as a line, the ELBO below it, the gap between them, adding up as printed."""

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from course_lib.numerals import fixed_point, number
from course_lib.plots.drawing import DRAWING
from course_lib.plots.figures import PIXEL_RATIO
from course_lib.plots.vocabulary import COLOURS, TEXT_PT, TEXT_PX, ink, style

_BAR = (0.05, 0.30)  # left and right end of the bar, fractions of the panel
_LABELS = 0.36  # where the labels start
_LINE_PX = 1.4 * TEXT_PX  # one line of text with the room it needs
GAP = "gap ="  # the words before a distance that is the gap
_CLEAR_PX = 3  # between the line of log p(x) and the labels above and below it


class Ledger:
    """log p(x) = ELBO + gap on one axis in nats, moved with `set`; `artists` are what moves.

    ax: an empty panel; limits: (low, high) in nats, fixed. A value beyond them is drawn at the
    edge with an arrow, and its number is still printed. `gap_name` says what the gap is, and
    `bound_name` what stands below the line; an ELBO above log p(x) is drawn as "above", no gap.
    Raises ValueError if limits are not finite and increasing.
    """

    @DRAWING
    def __init__(
        self,
        ax: Axes,
        limits: tuple[float, float],
        *,
        gap_name: str = r"= $\mathrm{KL}(q\,\Vert\,\mathrm{posterior})$",
        bound_name: str = "ELBO",
        evidence_name: str = "log p(x)",
        decimals: int = 3,
    ) -> None:
        low, high = limits
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"limits must be finite and increasing, got {limits}")
        self.ax, self._decimals = ax, decimals
        self._bound_name, self._evidence_name = bound_name, evidence_name
        style(ax, y="nats", keep="y")
        ax.set(xlim=(0, 1), ylim=limits)
        self._bar = ax.add_patch(Rectangle((_BAR[0], low), _BAR[1] - _BAR[0], 0, linewidth=0))
        self._bar.set(hatch="////", edgecolor="white")
        (self._bound,) = ax.plot(_BAR, (low, low), color=COLOURS["elbo"], linewidth=3.5)
        (self._evidence,) = ax.plot((0, 1), (low, low), color=COLOURS["evidence"], linewidth=2)
        self._beyond = {of: self._arrow(of, x) for of, x in (("evidence", 0.02), ("elbo", 0.175))}
        self._texts = {of: self._text(of) for of in ("evidence", "gap", "elbo")}
        self._names = {True: gap_name, False: "not a lower bound"}
        self._name = self._text("gap")  # apart from the number: unchanged text is drawn quicker

    @property
    def artists(self) -> Sequence[Artist]:
        """Everything that `set` moves, in drawing order."""
        texts = (*self._texts.values(), self._name)
        return self._bar, self._bound, self._evidence, *self._beyond.values(), *texts

    @DRAWING
    def set(self, log_evidence: float, elbo: float, *, below: str = GAP) -> None:
        """Moves the ledger to log p(x) and ELBO, floats in nats; the ELBO may be −∞.

        below: what is said before a distance downwards, where that is no gap.
        Raises ValueError if log_evidence is not finite, or the ELBO is NaN or +∞.
        """
        if not math.isfinite(log_evidence):
            raise ValueError(f"log_evidence must be finite, got {log_evidence}")
        if math.isnan(elbo) or elbo == math.inf:
            raise ValueError(f"elbo must be a number below ∞, got {elbo}")
        low, high = self.ax.get_ylim()
        top, foot = (min(max(value, low), high) for value in (log_evidence, elbo))
        is_below = self._write(log_evidence, elbo, below)
        self._bar.set(y=foot, height=top - foot)
        of = "gap" if is_below and below == GAP else "axis"  # nothing else has its colour
        self._bar.set_facecolor(COLOURS[of])
        for text in (self._texts["gap"], self._name):
            text.set_color(ink(of))
        self._bound.set_ydata((foot, foot))
        self._evidence.set_ydata((top, top))
        for of, value in (("evidence", log_evidence), ("elbo", elbo)):
            self._beyond[of].set_visible(not low <= value <= high)
            self._beyond[of].set_ydata((low if value < low else high,))
            self._beyond[of].set_marker("v" if value < low else "^")
        scale = self.ax.bbox.height / PIXEL_RATIO / (high - low)  # shown pixels a nat
        self._place(is_below, (top - low) * scale, (foot - low) * scale)

    def _text(self, of: str) -> Text:
        text = self.ax.text(_LABELS, 0, "", fontsize=TEXT_PT, color=ink(of), va="center")
        text.set_transform(self.ax.transAxes)
        return text

    def _arrow(self, of: str, x: float) -> Line2D:
        """For a value beyond the limits: it points out of the panel."""
        (arrow,) = self.ax.plot((x,), (0,), "v", color=COLOURS[of], markersize=9, clip_on=False)
        return arrow

    def _write(self, log_evidence: float, elbo: float, words: str) -> bool:
        """The numbers as printed; False if the ELBO lies above log p(x) by more than rounding."""
        evidence, bound, gap = printed(log_evidence, elbo, self._decimals)
        self._texts["evidence"].set_text(f"{self._evidence_name} = {evidence}")
        self._texts["elbo"].set_text(f"{self._bound_name} = {bound}")
        below = not gap.startswith("−")
        self._texts["gap"].set_text(f"{words if below else 'above by'} {gap.removeprefix('−')}")
        self._name.set_text(self._names[below])
        return below

    def _place(self, below: bool, line: float, end: float) -> None:
        """Each label beside what it names, moved apart just enough that none touches another.

        below: the ELBO is no higher than log p(x). line, end: where the two stand, in shown
        pixels above the foot of the panel.
        """
        room = self.ax.bbox.height / PIXEL_RATIO
        side = 1 if below else -1
        tall = {"evidence": _LINE_PX + 2 * _CLEAR_PX, "gap": _LINE_PX, "elbo": _LINE_PX}
        tall["gap"] += _LINE_PX * bool(self._name.get_text())
        beside = line + side * (tall["evidence"] / 2 - _CLEAR_PX)  # its box holds the line itself
        wanted = {"evidence": beside, "gap": (line + end) / 2, "elbo": end}
        order = ["evidence", "gap", "elbo"]  # from the line downwards, or upwards
        if not below and end - line < _CLEAR_PX + tall["gap"] + tall["elbo"] / 2:
            order = ["evidence", "elbo", "gap"]  # no room between the two
        down = [wanted[of] if below else room - wanted[of] for of in order]
        centres = spread(down, [tall[of] for of in order], room)
        at = {of: c if below else room - c for of, c in zip(order, centres, strict=True)}
        at["evidence"] += side * _CLEAR_PX
        tall["evidence"] = _LINE_PX
        crossed = any(abs(line - at[of]) < tall[of] / 2 - 1 for of in order)
        self._evidence.set_xdata((0, _LABELS - 0.02 if crossed else 1))
        if self._name.get_text():
            self._name.set_y((at["gap"] - _LINE_PX / 2) / room)
            at["gap"] += _LINE_PX / 2
        for of, text in self._texts.items():
            text.set_y(at[of] / room)


def ledger(
    ax: Axes,
    log_evidence: float,
    elbo: float,
    *,
    limits: tuple[float, float] | None = None,
    **names: str,
) -> Ledger:
    """Draws the ledger of log p(x) and ELBO, floats in nats, on an empty panel.

    limits: (low, high) in nats; by default they leave a third of the gap free on both sides.
    names: gap_name, bound_name, evidence_name of Ledger. Raises ValueError as Ledger does.
    """
    if limits is None:
        ends = [v for v in (log_evidence, elbo) if math.isfinite(v)] or [0.0]
        room = max(max(ends) - min(ends), 0.5) / 3
        limits = (min(ends) - room, max(ends) + room)
    drawn = Ledger(ax, limits, **names)  # type: ignore[arg-type]
    drawn.set(log_evidence, elbo)
    return drawn


@DRAWING
def printed(log_evidence: float, elbo: float, decimals: int = 3) -> tuple[str, str, str]:
    """log p(x), ELBO and gap as text, rounded so that log p(x) = ELBO + gap holds as printed.

    The ELBO takes the rounding: it may be off by one in its last digit, and the gap never is.
    """
    if math.isinf(elbo) or max(abs(log_evidence), abs(elbo)) >= 1e7:
        return (
            number(log_evidence, decimals),
            number(elbo, decimals),
            number(log_evidence - elbo, decimals),
        )
    unit = Decimal(1).scaleb(-decimals)
    evidence, gap = (
        Decimal(value).quantize(unit, ROUND_HALF_EVEN)
        for value in (log_evidence, log_evidence - elbo)
    )
    return fixed_point(evidence), fixed_point(evidence - gap), fixed_point(gap)


def spread(wanted: Sequence[float], heights: Sequence[float], room: float) -> list[float]:
    """Centres of boxes as near to `wanted` as order allows: none overlaps, all within [0, room].

    wanted, heights: from the top down, the same unit as `room`. The boxes must fit together.
    """
    centres: list[float] = []
    ceiling = room
    for centre, height in zip(wanted, heights, strict=True):  # down: below the one above
        centres.append(min(centre, ceiling - height / 2))
        ceiling = centres[-1] - height / 2
    floor = 0.0
    for i in reversed(range(len(centres))):  # up again: above the floor, then above each other
        centres[i] = max(centres[i], floor + heights[i] / 2)
        floor = centres[i] + heights[i] / 2
    return centres
