"""The image x and another one side by side, in the upper right corner of a figure."""

import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.plots import PIXEL_RATIO, Blit, above, panels, style
from course_lib.plots.figures import shown_size
from course_lib.plots.tiles import BETWEEN, Bytes, sheet

LEFT_PX = 452  # where x begins
SCALE = 10  # drawn pixels for each pixel of an image
WIDE_PX, HIGH_PX = (2 * 28 * SCALE + BETWEEN) // PIXEL_RATIO, 28 * SCALE // PIXEL_RATIO


def pair(x: Tensor, other: Tensor) -> Bytes:
    """Two images (784,), P(ink) of each pixel, as one picture."""
    return sheet(torch.stack([x, other]).reshape(2, 28, 28).numpy(), 2, SCALE)


def empty_pair(figure: Figure, top: int, other: str, *, of: str) -> Blit:
    """An empty pair, `top` shown pixels below the figure's edge, and over it what the two are.

    other: the words over the second, which has the colour of `of`. Show two images in it with
    `.set_picture(pair(x, other))`.
    """
    width, height = shown_size(figure)
    right, bottom = width - LEFT_PX - WIDE_PX, height - top - HIGH_PX
    (ax,) = panels(figure, left=LEFT_PX, right=right, top=top, bottom=bottom)
    style(ax, keep="").set(xlim=(0, 1), ylim=(0, 1))
    above(ax, 0.0, 12, "the image x", of="text")
    above(ax, 0.52, 12, other, of=of)
    blank = torch.zeros(784, **DOUBLE)
    return Blit(ax, pair(blank, blank))
