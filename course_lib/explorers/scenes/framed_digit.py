"""A digit as a picture with a thin frame, inside a panel."""

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.plots import COLOURS, Blit, sheet

SCALE = 5  # pixels of the figure a pixel of the image


def picture(image: Tensor) -> NDArray[np.uint8]:
    """An image (784,) with grey levels in [0, 1], dark on white."""
    return sheet(image.reshape(1, 28, 28).numpy(), 1, SCALE)


def framed(ax: Axes, left: float, top: float) -> Blit:
    """An empty picture, its upper left corner at (left, top) of the panel. Show an image in it with
    `.set_picture(picture(image))`.
    """
    start, end = ax.transData.transform((left, top))
    side = 28 * SCALE
    box = ((start, end - side), (start + side, end))
    (x0, y0), (x1, y1) = ax.figure.transFigure.inverted().transform(box)
    inset = ax.figure.add_axes((x0, y0, x1 - x0, y1 - y0))
    inset.set(xticks=[], yticks=[])
    for spine in inset.spines.values():
        spine.set(color=COLOURS["prior"], linewidth=0.8)
    return Blit(inset, picture(torch.ones(784, **DOUBLE)))
