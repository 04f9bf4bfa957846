"""What stands at places of a panel: named points and bars, bars of shares, estimates with their
errors, upright lines.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from numpy.typing import ArrayLike

from course_lib.numerals import number
from course_lib.plots.drawing import DRAWING
from course_lib.plots.vocabulary import colour, label, style

OVER_BAR, UNDER_BAR = 0.06, 0.09  # of a panel's height: to a bar's number, and to its name
BEFORE = 0.03  # of a panel's width: from the name of an estimate to the panel
OVER = 1.12  # of a panel's height: where the name of an upright line stands


@DRAWING
def named_points(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    names: Mapping[int, str],
    *,
    of: str,
    shift: tuple[float, float] = (0.03, 0.045),
    size: float = 5.0,
    width: float = 1.5,
) -> Line2D:
    """Points (x, y) along a line, `names[i]` beside point i.

    x, y: (N,). shift: how far a name begins to the right of its point and stands above it, in
    shares of the panel: set its limits first. size of a point and width of the line, in points.
    Raises ValueError unless x and y have one axis of one length, and for a name without a point.
    """
    across, up = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if across.ndim != 1 or across.shape != up.shape:
        raise ValueError(f"x and y must have shape (N,), got {across.shape} and {up.shape}")
    if lost := [i for i in names if not 0 <= i < len(across)]:
        raise ValueError(f"names must name points 0 to {len(across) - 1}, got {lost[0]}")
    (line,) = ax.plot(across, up, "-o", color=colour(of), markersize=size, linewidth=width)
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    for i, name in names.items():
        place = across[i] + shift[0] * (right - left), up[i] + shift[1] * (high - low)
        label(ax, *place, name, of=of)
    return line


@DRAWING
def histogram(
    ax: Axes,
    values: ArrayLike,
    edges: Sequence[float],
    title: str = "",
    *,
    of: str,
    weights: ArrayLike | None = None,
    x: str = "",
) -> BarContainer:
    """Which share of `values` (N,) lies between each two edges, as bars with no axis of their own.

    weights: (N,), counted in place of the values themselves. Values beyond the edges have no bar,
    and their share is missing. The title has the colour of the bars.
    Raises ValueError unless values and weights have one axis of one length, with a weight in all.
    """
    numbers = np.asarray(values, dtype=float)
    counted = np.ones(numbers.shape) if weights is None else np.asarray(weights, dtype=float)
    if numbers.ndim != 1 or numbers.shape != counted.shape:
        raise ValueError(
            f"values and weights must have shape (N,), got {numbers.shape} and {counted.shape}"
        )
    if not 0 < counted.sum() < np.inf:
        raise ValueError(f"the sum of the weights must be positive and finite, got {counted.sum()}")
    style(ax, title=title, x=x, keep="x", of=of)
    shares, _ = np.histogram(numbers, edges, weights=counted / counted.sum())
    return ax.bar(edges[:-1], shares, np.diff(edges), align="edge", color=colour(of))


@DRAWING
def named_bars(ax: Axes, heights: ArrayLike, names: Sequence[str], *, of: str) -> BarContainer:
    """A bar for each of N heights, its number over it, its name beneath the panel.

    Above ten a number is written without decimals, else with one. Set the limits of y first.
    Raises ValueError unless there is a name for each height.
    """
    numbers = np.asarray(heights, dtype=float)
    if numbers.shape != (len(names),):
        raise ValueError(f"heights must have shape ({len(names)},), got {numbers.shape}")
    ax.set_xlim(-0.6, len(names) - 0.4)
    low, high = ax.get_ylim()
    for place, (height, name) in enumerate(zip(numbers.tolist(), names, strict=True)):
        label(ax, place, low - UNDER_BAR * (high - low), name, of="text", ha="center")
        words = number(height, 0 if height > 10 else 1)
        label(ax, place, height + OVER_BAR * (high - low), words, of=of, ha="center")
    return ax.bar(range(len(names)), numbers, color=colour(of), width=0.7)


@DRAWING
def estimates(ax: Axes, found: Mapping[str, tuple[float, float, str]]) -> None:
    """Estimates of one number: a dot each, with a bar of two standard errors to either side.

    found: name → (estimate, its standard error, what it is of). The names stand to the left of the
    panel. The first of R rows is on top, at y = R − 1, the last at 0. Set the limits of x first.
    Raises ValueError if a standard error is negative.
    """
    left, right = ax.get_xlim()
    ax.set_ylim(-0.6, len(found) - 0.3)
    for row, (name, (value, error, of)) in enumerate(reversed(list(found.items()))):
        if error < 0:
            raise ValueError(f"the standard error of {name!r} must not be negative, got {error}")
        ax.plot((value - 2 * error, value + 2 * error), (row, row), color=colour(of), linewidth=2)
        ax.plot(value, row, "o", color=colour(of), markersize=7)
        label(ax, left - BEFORE * (right - left), row, name, of=of, ha="right")


@DRAWING
def upright(ax: Axes, x: float, name: str, *, of: str) -> Annotation:
    """A line through the whole height of the panel at x, its name over the middle of the panel's
    top. Set the limits of the panel first.
    """
    ax.axvline(x, color=colour(of), linewidth=1.5)
    bottom, top = ax.get_ylim()
    return label(ax, x, bottom + OVER * (top - bottom), name, of=of, ha="center")
