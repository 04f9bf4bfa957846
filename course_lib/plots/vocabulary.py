"""Colours, labels, latent samples and image grids: each thing looks the same in every chapter."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from numpy.typing import ArrayLike, NDArray

from course_lib.arguments import require_count
from course_lib.plots.drawing import DRAWING

# Hues of Okabe & Ito (2008), lightened or darkened until every pair stays apart for readers with
# protanopia and deuteranopia. q and its ELBO share a colour: the one is the bound of the other.
COLOURS: dict[str, str] = {
    "prior": "#939393",
    "likelihood": "#00875f",
    "posterior": "#0063a8",
    "q": "#d55e00",
    "evidence": "#222222",
    "elbo": "#d55e00",
    "gap": "#c0609f",
    "reconstruction": "#419fd6",
    "kl": "#f0ac1f",
    "axis": "#666666",
    "text": "#222222",
}
TEXT_PX = 13  # the size of output text in a notebook
TEXT_PT = TEXT_PX * 72 / 100  # 100 shown pixels an inch, 72 points an inch
TITLE_PT = 14 * 72 / 100


def colour(of: str) -> str:
    """The colour of `of`, a name in COLOURS. Raises ValueError for another name."""
    if of not in COLOURS:
        raise ValueError(f"no colour for {of!r}; COLOURS has {', '.join(COLOURS)}")
    return COLOURS[of]


def ink(of: str) -> str:
    """The colour of `of` dark enough for text on white: contrast at least 4.5 (WCAG 2.2)."""
    red, green, blue = to_rgb(colour(of))
    shade = 1.0
    while contrast((red * shade, green * shade, blue * shade)) < 4.5:
        shade -= 0.01
    return to_hex((red * shade, green * shade, blue * shade))


def contrast(rgb: tuple[float, float, float]) -> float:
    """Contrast ratio of sRGB `rgb`, entries in [0, 1], against white: 1 to 21 (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 1.05 / (luminance + 0.05)


@DRAWING
def style(
    ax: Axes,
    *,
    title: str = "",
    x: str = "",
    y: str = "",
    keep: Literal["x", "y", "xy", ""] = "x",
    of: str = "text",
) -> Axes:
    """Few inks: only the axes that are read (`keep`), in grey, titles on the left; returns `ax`.

    of: what the title names, whose colour it has. Raises ValueError for another `keep`.
    """
    if keep not in ("x", "y", "xy", ""):
        raise ValueError(f"keep must be 'x', 'y', 'xy' or '', got {keep!r}")
    for side, axis in (("left", "y"), ("bottom", "x")):
        ax.spines[side].set_visible(axis in keep)
        ax.spines[side].set_color(COLOURS["axis"])
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(colors=COLOURS["axis"], labelsize=TEXT_PT, width=0.8, length=3.5)
    if "x" not in keep:
        ax.set_xticks([])
    if "y" not in keep:
        ax.set_yticks([])
    _name_axes(ax, title, x, y, ink(of))
    return ax


def _name_axes(ax: Axes, title: str, x: str, y: str, ink_of_title: str) -> None:
    """Writes x below its axis, and y level above its own, to be read without turning the head."""
    ax.set_xlabel(x, fontsize=TEXT_PT, color=COLOURS["text"], labelpad=3)
    if y:
        ax.set_ylabel(y, rotation=0, ha="left", va="bottom")
        ax.yaxis.label.set(fontsize=TEXT_PT, color=COLOURS["axis"])
        ax.yaxis.set_label_coords(0.0, 1.02)
    if title:
        room = 18 if y else 9
        ax.set_title(title, loc="left", fontsize=TITLE_PT, color=ink_of_title, pad=room)


@DRAWING
def label(
    ax: Axes,
    x: float,
    y: float,
    text: str,
    *,
    of: str,
    point: tuple[float, float] | None = None,
    ha: Literal["left", "center", "right"] = "left",
) -> Annotation:
    """Writes `text` at (x, y) in data units, in the colour of what it names.

    A thin line leads to `point`, if given. Move the text with `.set_position((x, y))` and the
    line's end with `.xy = (x, y)`.
    """
    arrow = {"arrowstyle": "-", "color": colour(of), "linewidth": 1.0} if point else None
    written = ax.annotate(
        text, xy=point or (x, y), xytext=(x, y), arrowprops=arrow, annotation_clip=False
    )
    written.set(ha=ha, va="center", fontsize=TEXT_PT, color=ink(of))
    return written


@DRAWING
def latent_ticks(ax: Axes, z: ArrayLike, *, of: str, row: int = 0) -> Line2D:
    """Latent samples z (S,) as ticks along the foot of a density; further rows stand above it.

    Move as many samples with `.set_xdata(z)`. Raises ValueError unless z has one axis.
    """
    samples = np.asarray(z, dtype=float)
    if samples.ndim != 1:
        raise ValueError(f"z must have shape (S,), got {samples.shape}")
    height = np.full(len(samples), 0.03 + 0.05 * row)  # fractions of the panel
    (ticks,) = ax.plot(
        samples,
        height,
        linestyle="none",
        marker="|",
        markersize=8,
        markeredgewidth=1.2,
        color=colour(of),
        alpha=0.7,
        transform=ax.get_xaxis_transform(),
    )
    return ticks


def inside(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """`values`, and NaN, which is not drawn, for what lies beyond [low, high]."""
    return np.where((values >= low) & (values <= high), values, np.nan)


@DRAWING
def latent_points(ax: Axes, z: ArrayLike, *, of: str, size: float = 3.5) -> Line2D:
    """Latent samples z (S, 2) as points in a plane; `.set_data(z[:, 0], z[:, 1])` moves them.

    Raises ValueError for another shape.
    """
    samples = np.asarray(z, dtype=float)
    if samples.ndim != 2 or samples.shape[1] != 2:
        raise ValueError(f"z must have shape (S, 2), got {samples.shape}")
    (points,) = ax.plot(
        samples[:, 0],
        samples[:, 1],
        linestyle="none",
        marker="o",
        markersize=size,
        markeredgewidth=0,
        color=colour(of),
        alpha=0.7,
    )
    return points


class ImageGrid:
    """Images (N, H, W) side by side as one picture, dark ink on white; `artist` is what moves."""

    def __init__(
        self, ax: Axes, images: ArrayLike, columns: int, value_range: tuple[float, float]
    ) -> None:
        self._columns = columns
        self._shape = np.shape(images)
        ax.set_axis_off()
        self.artist = ax.imshow(
            self._tiled(images),
            cmap=colormaps["Greys"].with_extremes(bad="#dddddd"),
            vmin=value_range[0],
            vmax=value_range[1],
            interpolation="nearest",
        )

    @DRAWING
    def set(self, images: ArrayLike) -> None:
        """Shows other images of the same shape. Raises ValueError if the shape differs."""
        if np.shape(images) != self._shape:
            raise ValueError(f"images must have shape {self._shape}, got {np.shape(images)}")
        self.artist.set_data(self._tiled(images))

    def _tiled(self, images: ArrayLike) -> NDArray[np.float64]:
        """One array with a NaN line, drawn light grey, between neighbours."""
        tiles = np.asarray(images, dtype=float)
        count, height, width = tiles.shape
        rows = -(-count // self._columns)
        sheet = np.full((rows * (height + 1) - 1, self._columns * (width + 1) - 1), np.nan)
        for i, tile in enumerate(tiles):
            top, left = i // self._columns * (height + 1), i % self._columns * (width + 1)
            sheet[top : top + height, left : left + width] = tile
        return sheet


@DRAWING
def image_grid(
    ax: Axes, images: ArrayLike, *, columns: int, value_range: Sequence[float] = (0.0, 1.0)
) -> ImageGrid:
    """Draws `images` (N, H, W), `columns` a row, white to black over `value_range`.

    Raises ValueError unless there are three axes and at least one image, or if `columns` is below
    1 or `value_range` not increasing.
    """
    shape = np.shape(images)
    if len(shape) != 3 or 0 in shape:
        raise ValueError(f"images must have shape (N, H, W) with none of them 0, got {shape}")
    columns = require_count("columns", columns)
    low, high = value_range
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"value_range must be finite and increasing, got {value_range}")
    return ImageGrid(ax, images, columns, (low, high))
