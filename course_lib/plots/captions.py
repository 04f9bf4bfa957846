"""Words around a panel and over a row of images, in the colour of what they name.

Distances are in shown pixels.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from numpy.typing import ArrayLike

from course_lib.plots.drawing import DRAWING
from course_lib.plots.figures import new_figure, panels, rise
from course_lib.plots.vocabulary import TEXT_PT, ImageGrid, image_grid, ink, label

_OVER_PX = 12  # from an image up to the middle of its words
_NAME_PX = 19  # the height of a row's name
_BESIDE_PX = 12  # from a name to the images on its right
_ROW_PX = 440  # the width of a row: on a telephone its name is still read
_EDGE_PX = 3
_UNDER = -0.09  # of the panel's height: where a caption stands


def height_above(ax: Axes, px: float) -> float:
    """`px` shown pixels above the panel, in the units of its y axis as they now are."""
    return float(ax.get_ylim()[1] + rise(ax, px))


@DRAWING
def above(ax: Axes, share: float, px: float, text: str, *, of: str) -> Annotation:
    """A label that starts at `share` of the panel's width, its middle `px` shown pixels above it.

    It stands in data units: set the limits of the panel first.
    """
    low, high = ax.get_xlim()
    return label(ax, low + share * (high - low), height_above(ax, px), text, of=of)


@DRAWING
def below(ax: Axes, x: float, px: float, *, of: str) -> Text:
    """An empty text for what stands at x, in data units; its middle is `px` shown pixels below the
    panel. Set the limits of the panel first.
    """
    y = ax.get_ylim()[0] - rise(ax, px)
    return ax.text(x, y, "", fontsize=TEXT_PT, color=ink(of), ha="center", va="center")


@DRAWING
def caption(ax: Axes, share: float, text: str, *, of: str) -> Text:
    """Names what has the colour of `of` under a panel with no axis, from `share` of its width."""
    return ax.text(share, _UNDER, text, transform=ax.transAxes, fontsize=TEXT_PT, color=ink(of))


@DRAWING
def image_row(
    ax: Axes,
    images: ArrayLike,
    words: Sequence[str],
    *,
    of: str,
    value_range: Sequence[float] = (0.0, 1.0),
) -> ImageGrid:
    """Images (N, H, W) side by side, each with its words over its middle. Leave room above `ax`.

    Raises ValueError unless there is one text for each image, and as `image_grid` does.
    """
    shape = np.shape(images)
    if shape[:1] != (len(words),):
        raise ValueError(f"words must be one text for each image, got {len(words)} for {shape}")
    row = image_grid(ax, images, columns=len(words), value_range=value_range)
    for place, text in enumerate(words):
        middle = (shape[2] + 1) * place + (shape[2] - 1) / 2
        label(ax, middle, height_above(ax, _OVER_PX), text, of=of, ha="center")
    return row


def image_rows(rows: Mapping[str, tuple[str, ArrayLike]]) -> Figure:
    """A figure of rows of images (N, H, W), each row's name above it.

    rows: name → (what it is of, its images), all of one shape. Raises ValueError if there is no
    row or two shapes differ, and as `image_grid` does.
    """
    shapes = [np.shape(images) for _, images in rows.values()]
    if len(set(shapes)) != 1 or len(shapes[0]) != 3:
        raise ValueError(f"rows must be images of one shape (N, H, W), got {shapes}")
    count, height, width = shapes[0]
    tall = round(_ROW_PX * height / (count * (width + 1) - 1)) + _NAME_PX
    figure = new_figure(_ROW_PX + 2 * _EDGE_PX, len(rows) * tall)
    axes = panels(
        figure,
        heights=[1] * len(rows),
        left=_EDGE_PX,
        right=_EDGE_PX,
        top=_NAME_PX,
        bottom=0,
        down=_NAME_PX,
    )
    for ax, (name, (of, images)) in zip(axes, rows.items(), strict=True):
        image_grid(ax, images, columns=count)
        above(ax, 0.0, _NAME_PX / 2, name, of=of)
    return figure


def named_rows(
    images: ArrayLike, names: Sequence[str], *, of: str, width: int, left: int
) -> Figure:
    """A figure, `width` shown pixels wide, of rows of images (R, N, H, W), a name before each row.

    left: how many of the pixels are for the names. Raises ValueError unless there is one name for
    each row, as `new_figure` and `panels` do, and as `image_grid` does.
    """
    tiles = np.asarray(images)
    if tiles.ndim != 4 or len(tiles) != len(names):
        raise ValueError(f"names must be one for each row, got {len(names)} for {tiles.shape}")
    rows, count, high, wide = tiles.shape
    scale = (width - left - _EDGE_PX) / (count * (wide + 1) - 1)  # shown pixels for one of a tile
    tall = max(1, round((rows * (high + 1) - 1) * scale))
    figure = new_figure(width, tall + 2 * _EDGE_PX)
    (sheet,) = panels(figure, left=left, right=_EDGE_PX, top=_EDGE_PX, bottom=_EDGE_PX)
    image_grid(sheet, tiles.reshape(-1, high, wide), columns=count)
    for row, name in enumerate(names):
        middle = (high + 1) * row + (high - 1) / 2
        label(sheet, -0.5 - _BESIDE_PX / scale, middle, name, of=of, ha="right")
    return figure
