"""A Matplotlib renderer that takes down what artists draw, instead of drawing it.

Every length is what the notebook's own renderer would draw, pixel snapping included: the figure is
drawn at PIXEL_RATIO times its shown size, and the takings are in shown pixels.

A style is a dict with what differs from nothing: fill and stroke (#rrggbbaa), width in shown
pixels, cap, join, dash (offset, then lengths), hatch (outline, stroke #rrggbbaa, width).
"""

from typing import Any

import numpy as np
from matplotlib.backend_bases import RendererBase
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, Transform

from course_lib.edition.images import ImageParts
from course_lib.edition.letters import Letters
from course_lib.edition.outlines import (
    Floats,
    counted,
    interned,
    near,
    rounded,
    vertices_of,
)
from course_lib.edition.recording import (
    COARSE,
    IMAGE,
    LETTERS,
    SHAPE,
    Drawing,
    Interning,
    Mark,
)
from course_lib.edition.shades import colour, face_of
from course_lib.plots import PIXEL_RATIO
from course_lib.plots.tiles import GREY

_UNIT = Path.unit_rectangle()
_SMALL = 64.0  # drawn pixels; a marker of this size at most is kept finely


class TakingRenderer(RendererBase):
    """Takes down marks; `take` gives those since the last time, counted in `known`'s tables."""

    def __init__(self, width: float, height: float, dpi: float, known: Interning) -> None:
        super().__init__()
        # A figure of 460 shown pixels is 919.9999999999999 drawn ones high.
        self.width, self.height, self.dpi = round(width), round(height), dpi
        self.known = known
        self._images = ImageParts(known)
        self._letters = Letters(width, height, dpi, known)
        self._marks: list[Mark] = []

    def take(self) -> Drawing:
        """What was drawn since the last time."""
        marks, self._marks = tuple(self._marks), []
        return marks

    def get_canvas_width_height(self) -> tuple[float, float]:
        """In drawn pixels."""
        return self.width, self.height

    def points_to_pixels(self, points: Any) -> Any:
        """Points in drawn pixels."""
        return points * self.dpi / 72

    def option_image_nocomposite(self) -> bool:
        """Each image by itself, as the notebook's renderer draws them."""
        return True

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: Any
    ) -> tuple[float, float, float]:
        """As the notebook's renderer measures."""
        return self._letters.size(s, prop, ismath)

    def draw_path(self, gc: Any, path: Path, transform: Transform, rgbFace: Any = None) -> None:
        """Takes down one path."""
        drawn = self._cleaned(gc, path, transform + self._downwards(), gc.get_snap())
        self._shape(gc, drawn, rgbFace, fine=False)

    def draw_markers(
        self,
        gc: Any,
        marker_path: Path,
        marker_trans: Transform,
        path: Path,
        trans: Transform,
        rgbFace: Any = None,
    ) -> None:
        """Takes down a marker and its places, which the notebook's renderer puts on whole pixels.

        A marker that is not snapped lies about the middle of a pixel.
        """
        cleaned = path.cleaned(trans + self._downwards(), remove_nans=True)
        places = np.floor(near(vertices_of(cleaned)[:-1]) + 0.5)
        upside = marker_trans + Affine2D().scale(1, -1)
        marker = self._cleaned(gc, marker_path, upside, gc.get_snap())
        plain = self._cleaned(gc, marker_path, upside, False)
        vertices = vertices_of(marker)
        if np.array_equal(vertices, vertices_of(plain)):
            marker = Path(vertices + 0.5, marker.codes)
        if len(places) and len(vertices):
            fine = bool(np.ptp(vertices, 0).max() <= _SMALL)
            self._shape(gc, marker, rgbFace, fine, places)

    def draw_image(self, gc: Any, x: float, y: float, im: Any, transform: Any = None) -> None:
        """Takes down an image, its first row at the bottom; sheets of pictures one by one."""
        if transform is not None:
            raise ValueError("an image that is turned or scaled while drawn is not recorded")
        if gc.get_alpha() != 1.0:
            raise ValueError(f"an image of opacity {gc.get_alpha()} is not recorded")
        left, top = int(x), int(self.height - (y + im.shape[0]))
        upright = np.ascontiguousarray(im[::-1])
        parts, clip = self._images.parts(upright), self._clip(gc)
        if len(parts) > 1:
            self._box(gc, left, top, upright.shape, colour([GREY / 255] * 3))
        for part in parts:
            place = counted([left + part.left, top + part.top], COARSE)
            size = part.scale * COARSE // PIXEL_RATIO
            self._marks.append(Mark(IMAGE, part.which, size, clip, *place))

    def draw_text(
        self,
        gc: Any,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,
    ) -> None:
        """Takes down letters where the notebook's renderer puts them."""
        if ismath == "TeX":
            raise ValueError(f"text set by TeX is not recorded: {s!r}")
        level = (round(x), round(y)) if not angle else (x, y)
        row, boxes = self._letters.row(s, prop, bool(ismath), angle)
        if row is not None:
            style = self.known.style({"fill": colour(gc.get_rgb())})
            place = counted(level, COARSE)
            self._marks.append(Mark(LETTERS, row, style, self._clip(gc), *place))
        turn = Affine2D().rotate_deg(angle).scale(1, -1)
        for dx, dy, width, height in boxes:
            self._bar(gc, Affine2D().translate(dx, dy) + turn, level, (width, height))

    def _bar(self, gc: Any, turn: Transform, level: Any, size: tuple[float, float]) -> None:
        """The bar of a fraction or of a root, at least a drawn pixel thick."""
        grown = np.maximum(size, 1)
        corners = turn.transform(vertices_of(_UNIT) * grown - (grown - size) / 2)
        box = Path(np.floor(corners + level + 0.5), _UNIT.codes)
        bare = self.new_gc()
        bare.copy_properties(gc)
        bare.set_linewidth(0)
        self._shape(bare, box, gc.get_rgb(), fine=False)

    def _box(self, gc: Any, left: int, top: int, shape: tuple[int, ...], colour: str) -> None:
        """A filled box of the size of an image."""
        corners = vertices_of(_UNIT) * (shape[1], shape[0]) + (left, top)
        number, first = interned(self.known, Path(corners, _UNIT.codes), fine=False)
        style = self.known.style({"fill": colour})
        self._marks.append(Mark(SHAPE, number, style, self._clip(gc), *counted(first, COARSE)))

    def _shape(
        self, gc: Any, drawn: Path, face: Any, fine: bool, places: Floats | None = None
    ) -> None:
        """Takes down a path in drawn pixels, y downwards, once or at each of `places`."""
        style = self._style(gc, face)
        if not len(vertices_of(drawn)) or not style:
            return
        number, first = interned(self.known, drawn, fine)
        clip, style_number = self._clip(gc), self.known.style(style)
        if places is None:
            where, again = first, 0
        else:
            where, again = places[0] + first, 0
            if len(places) > 1:
                again = 1 + interned(self.known, Path(places), fine=False)[0]
        x, y = counted(where, COARSE)
        self._marks.append(Mark(SHAPE, number, style_number, clip, x, y, again))

    def _style(self, gc: Any, face: Any) -> dict[str, Any]:
        """What is to be seen of a path; empty if nothing."""
        style: dict[str, Any] = {}
        if face is not None and (fill := colour(face_of(gc, face)))[-2:] != "00":
            style["fill"] = fill
        if gc.get_hatch() is not None:
            style["hatch"] = self._hatch(gc)
        stroke = colour(gc.get_rgb())
        if gc.get_linewidth() > 0 and stroke[-2:] != "00":
            style["stroke"] = stroke
            style["width"] = self._length(gc.get_linewidth())
            style["cap"], style["join"] = str(gc.get_capstyle()), str(gc.get_joinstyle())
            offset, lengths = gc.get_dashes()
            if lengths is not None:
                style["dash"] = [self._length(v) for v in (offset, *lengths)]
        return style

    def _hatch(self, gc: Any) -> list[Any]:
        """The outline of one square of the hatch, and how it is stroked."""
        side = self.dpi
        path = gc.get_hatch_path().transformed(Affine2D().scale(side, -side).translate(0, side))
        number, _ = interned(self.known, path, fine=True)
        width = self._length(gc.get_hatch_linewidth())
        return [number, colour(gc.get_hatch_color()), width]

    def _clip(self, gc: Any) -> int:
        """The clip's number: whole drawn pixels, as the notebook's renderer has it."""
        box, (path, transform) = gc.get_clip_rectangle(), gc.get_clip_path()
        clip: list[int] = []
        if box is not None:
            left, foot, right, head = np.floor(np.asarray(box.extents) + 0.5)
            corners = [left, self.height - head, right, self.height - foot]
            clip = [int(v) for v in rounded(np.array(corners), COARSE)]
        if path is not None:
            drawn = self._cleaned(gc, path, transform + self._downwards(), False)
            number, first = interned(self.known, drawn, fine=False)
            whole = [0, 0, *counted([self.width, self.height], COARSE)]
            clip = [*(clip or whole), 1 + number, *counted(first, COARSE)]
        return self.known.clip(clip)

    def _cleaned(self, gc: Any, path: Path, transform: Transform, snap: bool | None) -> Path:
        """`path` in drawn pixels as the notebook's renderer would follow it, gaps left out."""
        seen = gc.get_linewidth() if gc.get_rgb()[3:] != (0.0,) else 0.0
        cleaned = path.cleaned(
            transform,
            remove_nans=True,
            snap=snap,
            curves=True,
            stroke_width=self.points_to_pixels(seen),
        )
        codes = np.asarray(cleaned.codes)[:-1]
        return Path(near(vertices_of(cleaned)[:-1]), codes)

    def _downwards(self) -> Transform:
        return Affine2D().scale(1, -1).translate(0, self.height)

    def _length(self, points: float) -> float:
        """Points in shown pixels."""
        return round(float(self.points_to_pixels(points)) / PIXEL_RATIO, 4)
