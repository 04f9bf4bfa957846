"""Figures without pyplot, drawn at twice the shown size: crisp on a HiDPI screen."""

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from isal import isal_zlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from course_lib.arguments import require_count
from course_lib.plots.drawing import DRAWING, styled

PIXEL_RATIO = 2  # drawn pixels for each shown pixel
SHOWN_DPI = 100  # shown pixels an inch: figsize is the shown size divided by this
WIDEST_PX = 800


@styled
class OwnAxes(Axes):
    """Axes on which the reader's Matplotlib settings have no say."""

    def inset_axes(self, *args: Any, **kwargs: Any) -> Axes:
        """Axes within these, of the same kind."""
        made: Axes = super().inset_axes(*args, **_kind(kwargs))
        return made


@styled
class OwnFigure(Figure):
    """A figure on which the reader's Matplotlib settings have no say; its axes are of that kind."""

    def add_axes(self, *args: Any, **kwargs: Any) -> Axes:
        """As Figure.add_axes."""
        return super().add_axes(*args, **_kind(kwargs))

    def add_subplot(self, *args: Any, **kwargs: Any) -> Axes:
        """As Figure.add_subplot."""
        made: Axes = super().add_subplot(*args, **_kind(kwargs))
        return made


def _kind(kwargs: dict[str, Any]) -> dict[str, Any]:
    """What to ask Matplotlib for: OwnAxes, unless another kind is asked for."""
    asked = {"axes_class", "projection", "polar"} & set(kwargs)
    return kwargs if asked else {**kwargs, "axes_class": OwnAxes}


@DRAWING
def new_figure(width_px: int = 800, height_px: int = 350) -> Figure:
    """An empty white figure of `width_px` × `height_px` shown pixels, without pyplot.

    Raises ValueError if a size is not a whole number above zero or the width passes 800.
    """
    width_px = require_count("width_px", width_px)
    height_px = require_count("height_px", height_px)
    if width_px > WIDEST_PX:
        raise ValueError(f"width_px must be at most {WIDEST_PX}, got {width_px}")
    figure = OwnFigure(
        figsize=(width_px / SHOWN_DPI, height_px / SHOWN_DPI),
        dpi=SHOWN_DPI * PIXEL_RATIO,
        facecolor="white",
    )
    FigureCanvasAgg(figure)
    return figure


def shown_size(figure: Figure) -> tuple[int, int]:
    """Width and height of `figure` in shown pixels."""
    width, height = agg_canvas(figure).get_width_height()
    return round(width / PIXEL_RATIO), round(height / PIXEL_RATIO)


def rise(ax: Axes, px: float) -> float:
    """What a step of `px` shown pixels upwards is on the y axis, in its units as they now are."""
    bottom, top = ax.get_ylim()
    return float(px * PIXEL_RATIO / ax.bbox.height * (top - bottom))


def agg_canvas(figure: Figure) -> Any:  # matplotlib leaves its methods untyped
    """The canvas of a figure from new_figure. Raises ValueError for a figure made elsewhere."""
    canvas = figure.canvas
    if not isinstance(canvas, FigureCanvasAgg):
        raise ValueError(f"figure must come from new_figure, its canvas is {type(canvas).__name__}")
    return canvas


@DRAWING
def panels(
    figure: Figure,
    widths: Sequence[float] = (1,),
    heights: Sequence[float] = (1,),
    *,
    left: int = 44,
    right: int = 16,
    top: int = 46,
    bottom: int = 52,
    across: int = 64,
    down: int = 84,
) -> list[Axes]:
    """Axes side by side, row by row from the top, sharing the room as `widths` and `heights` say.

    Margins and the gaps `across` and `down` are shown pixels. Raises ValueError if they leave no
    room, or a share is not positive.
    """
    for name, shares in (("widths", widths), ("heights", heights)):
        if not shares or not all(0 < share < math.inf for share in shares):
            raise ValueError(f"{name} must be positive, finite and at least one, got {shares}")
    width, height = shown_size(figure)
    room_x = width - left - right - across * (len(widths) - 1)
    room_y = height - top - bottom - down * (len(heights) - 1)
    if min(room_x, room_y) <= 0:
        grid = f"{len(heights)} × {len(widths)} panels do not fit {width} × {height} px"
        raise ValueError(f"{grid}: the margins leave {room_x} × {room_y}")
    rows, columns = _spans(heights, top, room_y, down), _spans(widths, left, room_x, across)
    boxes = [(x, height - y - h, w, h) for y, h in rows for x, w in columns]  # y from the foot
    return [figure.add_axes((x / width, y / height, w / width, h / height)) for x, y, w, h in boxes]


def _spans(
    shares: Sequence[float], first: float, room: float, between: float
) -> list[tuple[float, float]]:
    """(start, length) of each part when `room` is divided as `shares`."""
    spans = []
    for share in shares:
        length = room * share / sum(shares)
        spans.append((first, length))
        first += length + between
    return spans


def encode_png(rgba: NDArray[np.uint8], small: bool = False) -> bytes:
    """PNG bytes of opaque pixels (height, width, 4); `small` takes its time to save bytes.

    Every row is stored unfiltered: the pictures are flat, filters gain no size, and choosing them
    costs an encoder most of its time. ISA-L then deflates a frame some eight times quicker than
    zlib, which is left the pictures that are kept. Between equally good matches ISA-L may choose
    anew in every run, so only a `small` picture has the same bytes again.
    Raises ValueError for an array of another kind.
    Source: PNG specification, third edition (W3C 2025).
    """
    if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8:
        raise ValueError(f"rgba must be uint8 (height, width, 4), got {rgba.dtype} {rgba.shape}")
    height, width, _ = rgba.shape
    rows = np.empty((height, 1 + 3 * width), dtype=np.uint8)
    rows[:, 0] = 0  # filter type: none
    colours = rows[:, 1:].reshape(height, width, 3)  # a view: one strided copy a channel
    for channel in range(3):
        colours[..., channel] = rgba[..., channel]
    data = zlib.compress(rows.data, 9) if small else isal_zlib.compress(rows.data, 1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, red green blue
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", data)
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk: length, kind, data, checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@dataclass(frozen=True, repr=False)
class Picture:
    """A drawn figure that a notebook shows at its shown size, with the sentence that stands for it.

    png: bytes at twice `width_px` × `height_px`. alt: what a reader who cannot see it should know;
    it is stored beside the picture, where pages made from the notebook look for it.
    """

    png: bytes
    width_px: int
    height_px: int
    alt: str

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """image/png with its shown size and its alternative text, which is also the text/plain."""
        about = {"width": self.width_px, "height": self.height_px, "alt": self.alt}
        return {"image/png": self.png, "text/plain": self.alt}, {"image/png": about}


@DRAWING
def show(figure: Figure, alt: str) -> Picture:
    """Draws `figure` and returns its picture; `alt` says in words what it shows, with its numbers.

    Raises ValueError if `alt` is empty.
    """
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt must say what the picture shows, got {alt!r}")
    canvas = agg_canvas(figure)
    canvas.draw()
    width_px, height_px = shown_size(figure)
    return Picture(
        encode_png(np.asarray(canvas.buffer_rgba()), small=True), width_px, height_px, alt
    )
