"""Densities over z, curves named at their ends, areas, outlines: each in its thing's colour."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from numpy.typing import ArrayLike, NDArray

from course_lib.plots.drawing import DRAWING
from course_lib.plots.vocabulary import colour, label

WIDTH = 2.2  # of a line, in points
FAINT = 0.15  # the opacity of an area under a density

Numbers = NDArray[np.float64]


@DRAWING
def density(
    ax: Axes,
    z: ArrayLike,
    log_density: ArrayLike,
    name: str = "",
    *,
    of: str,
    at: tuple[float, float] | None = None,
    filled: bool = False,
) -> Line2D:
    """The density exp(log_density) over z; `filled` shades the area under it, faintly.

    z: (N,) or, as a distribution over one number takes it, (N, 1); log_density: (N,), −∞ where
    the density is zero. `name` is written at `at`, a place in data units.
    Raises ValueError if shapes disagree, or a name has no place.
    """
    places, heights = _row("z", z), np.exp(_row("log_density", log_density))
    _require_as_many("log_density", heights, places)
    if name and at is None:
        raise ValueError(f"at must say where the name {name!r} is written")
    if filled:
        area(ax, places, 0, heights, of=of, opacity=FAINT)
    (line,) = ax.plot(places, heights, color=colour(of), linewidth=WIDTH)
    if name and at is not None:
        label(ax, *at, name, of=of)
    return line


@DRAWING
def curve(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    name: str = "",
    *,
    of: str,
    at: float | None = None,
    line: str = "-",
    width: float = WIDTH,
) -> Line2D:
    """y over x, its name level with its end.

    x: (N,) or (N, 1); y: (N,). at: where the name begins, on the x axis. line: as Matplotlib has
    it, "--" for dashes, "o-" with a dot at each value; width: in points.
    Raises ValueError if shapes disagree, or a name has no place.
    """
    across, up = _row("x", x), _row("y", y)
    _require_as_many("y", up, across)
    if name and at is None:
        raise ValueError(f"at must say where on the x axis the name {name!r} begins")
    (drawn,) = ax.plot(across, up, line, color=colour(of), linewidth=width)
    if name and at is not None:
        label(ax, at, float(up[-1]), name, of=of)
    return drawn


@DRAWING
def area(
    ax: Axes, x: ArrayLike, low: ArrayLike, high: ArrayLike, *, of: str, opacity: float = 1.0
) -> PolyCollection:
    """The area between low and high, each (N,) or one number, over x, (N,) or (N, 1).

    Raises ValueError if shapes disagree.
    """
    across = _row("x", x)
    foot, top = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    for name, edge in (("low", foot), ("high", top)):
        if edge.ndim:
            _require_as_many(name, edge, across)
    return ax.fill_between(across, foot, top, color=colour(of), alpha=opacity, linewidth=0)


@DRAWING
def outline(ax: Axes, root: ArrayLike, *, of: str, filled: bool = False) -> Line2D | Polygon:
    """Where a Gaussian over the plane, about 0, is e^−½ of its height: one standard deviation out.

    root: R (2, 2), its covariance being R Rᵀ. `filled` shades the inside, without a line.
    Raises ValueError for another shape.
    """
    square = np.asarray(root, dtype=float)
    if square.shape != (2, 2):
        raise ValueError(f"root must have shape (2, 2), got {square.shape}")
    angle = np.linspace(0, 2 * np.pi, 121)
    across, up = square @ np.stack([np.cos(angle), np.sin(angle)])
    if filled:
        (inside,) = ax.fill(across, up, color=colour(of), alpha=0.3)
        return inside
    return curve(ax, across, up, of=of)


def _row(name: str, values: ArrayLike) -> Numbers:
    """(N,) or (N, 1) as (N,), N ≥ 1. Raises ValueError for another shape."""
    row = np.asarray(values, dtype=float)
    if row.ndim == 2 and row.shape[1] == 1:
        row = row[:, 0]
    if row.ndim != 1 or not len(row):
        raise ValueError(f"{name} must have shape (N,) or (N, 1), got {row.shape}")
    return row


def _require_as_many(name: str, row: Numbers, others: Numbers) -> None:
    if row.shape != others.shape:
        raise ValueError(f"{name} must have shape {others.shape}, got {row.shape}")
