"""Pictures drawn at whole pixels of the screen: crisp, and several times quicker than imshow."""

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from numpy.typing import ArrayLike, NDArray

BETWEEN = 2  # drawn pixels between two tiles
GREY = 221  # of the line between them

Bytes = NDArray[np.uint8]


def sheet(images: ArrayLike, columns: int, scale: int, *, air: int = 0) -> Bytes:
    """Images (N, H, W), ink in [0, 1], side by side as one opaque picture, dark on white.

    columns: in a row; scale: drawn pixels for each pixel of an image; air: blank rows over each,
    for images that are inked up to their edges. Neighbours are parted by a grey line. Returns
    (height, width, 4). Raises ValueError on ink outside of [0, 1].
    """
    ink = np.pad(_require_ink(images), ((0, 0), (air, 0), (0, 0)))
    greys = np.arange(256, dtype=np.uint8)[:, None].repeat(4, 1)  # four bytes of each grey
    greys[:, 3] = 255
    whole = greys.view(np.uint32)[:, 0]  # as one number: far quicker to place
    tiles = whole[np.round(255 * (1 - ink)).astype(np.uint8)].repeat(scale, 1).repeat(scale, 2)
    count, height, width = tiles.shape
    down, across = height + BETWEEN, width + BETWEEN
    rows = -(-count // columns)
    picture = np.full((rows * down - BETWEEN, columns * across - BETWEEN), whole[GREY])
    for i, tile in enumerate(tiles):
        top, left = i // columns * down, i % columns * across
        picture[top : top + height, left : left + width] = tile
    return picture.view(np.uint8).reshape(*picture.shape, 4)


def _require_ink(images: ArrayLike) -> NDArray[np.float64]:
    """`images` as floats. Raises ValueError unless each is from 0 to 1: bytes would begin again."""
    ink = np.asarray(images, dtype=float)
    outside = ~((ink >= 0) & (ink <= 1))  # NaN is outside
    if outside.any():
        at = tuple(int(i) for i in np.argwhere(outside)[0])
        raise ValueError(f"images must hold ink from 0 to 1, got {ink[at]:g} at index {at}")
    return ink


class Blit(Artist):
    """One opaque picture (H, W, 4), the first row on top, each entry one drawn pixel.

    It begins in the upper left corner of the panel `ax`, and lies below all that `ax` draws.
    """

    def __init__(self, ax: Axes, picture: Bytes) -> None:
        super().__init__()
        self._left, self._top = round(ax.bbox.x0), round(ax.bbox.y1)
        self._shape = picture.shape
        self.set_zorder(-1)
        self.set_picture(picture)
        ax.patch.set_visible(False)
        ax.figure.add_artist(self)

    def set_picture(self, picture: Bytes) -> None:
        """Shows another picture of the same size. Raises ValueError if its shape differs."""
        if picture.shape != self._shape:
            raise ValueError(f"the picture must have shape {self._shape}, got {picture.shape}")
        self._rows = np.ascontiguousarray(picture[::-1])  # as the canvas counts: from below

    def draw(self, renderer: RendererBase) -> None:
        """Copies the picture to the canvas, pixel by pixel, unless it is hidden."""
        if not self.get_visible():
            return
        context = renderer.new_gc()
        renderer.draw_image(context, self._left, self._top - self._shape[0], self._rows)
        context.restore()
