"""What stands at places of a panel: points with their names, bars of shares, upright lines."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from numpy.typing import ArrayLike

from course_lib.plots.drawing import DRAWING
from course_lib.plots.vocabulary import colour, label, style

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
def upright(ax: Axes, x: float, name: str, *, of: str) -> Annotation:
    """A line through the whole height of the panel at x, its name over the middle of the panel's
    top. Set the limits of the panel first.
    """
    ax.axvline(x, color=colour(of), linewidth=1.5)
    bottom, top = ax.get_ylim()
    return label(ax, x, bottom + OVER * (top - bottom), name, of=of, ha="center")
