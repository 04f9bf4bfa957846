"""A Matplotlib renderer that takes down what artists draw, instead of drawing it.

Every length is what the notebook's own renderer would draw, pixel snapping included: the figure is
drawn at PIXEL_RATIO times its shown size, and the takings are in shown pixels.

A style is a dict with what differs from nothing: fill and stroke (#rrggbbaa), width in shown
pixels, cap, join, dash (offset, then lengths), hatch (outline, stroke #rrggbbaa, width).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import get_hinting_flag
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, Transform
from numpy.typing import NDArray

from course_lib.edition.recording import (
    CLOSE,
    COARSE,
    FINE,
    IMAGE,
    LETTERS,
    SHAPE,
    Drawing,
    Interning,
    Letter,
    Mark,
)
from course_lib.explorers.stage.lettering import LetteringRenderer
from course_lib.plots import PIXEL_RATIO
from course_lib.plots.tiles import BETWEEN, GREY

_FAR = 2.0**14  # drawn pixels; what lies farther off is as good as there
_LARGEST = 16  # drawn pixels that one pixel of an image may take
_SMALL = 64.0  # drawn pixels; a marker of this size at most is kept finely

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]


class TakingRenderer(RendererBase):
    """Takes down marks; `take` gives those since the last time, counted in `known`'s tables."""

    def __init__(self, width: float, height: float, dpi: float, known: Interning) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.width, self.height, self.dpi = width, height, dpi
        self.known = known
        self._lettering: Any = LetteringRenderer(width, height, dpi)
        self._marks: list[Mark] = []
        self._outlines: dict[Any, int] = {}

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
        size: tuple[float, float, float] = self._lettering.get_text_width_height_descent(
            s, prop, ismath
        )
        return size

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
        places = path.cleaned(trans + self._downwards(), remove_nans=True).vertices[:-1]
        places = np.floor(_near(places) + 0.5)
        upside = marker_trans + Affine2D().scale(1, -1)
        marker = self._cleaned(gc, marker_path, upside, gc.get_snap())
        plain = self._cleaned(gc, marker_path, upside, False)
        if np.array_equal(marker.vertices, plain.vertices):
            marker = Path(marker.vertices + 0.5, marker.codes)
        if len(places) and len(marker.vertices):
            fine = bool(np.ptp(marker.vertices, 0).max() <= _SMALL)
            self._shape(gc, marker, rgbFace, fine, places)

    def draw_image(self, gc: Any, x: float, y: float, im: Bytes, transform: Any = None) -> None:
        """Takes down an image, its first row at the bottom; sheets of pictures one by one."""
        if transform is not None:
            raise ValueError("an image that is turned or scaled while drawn is not recorded")
        if gc.get_alpha() != 1.0:
            raise ValueError(f"an image of opacity {gc.get_alpha()} is not recorded")
        left, top = int(x), int(self.height - (y + im.shape[0]))
        upright = np.ascontiguousarray(im[::-1])
        clip = self._clip(gc)
        rows, columns = _lines(upright), _lines(upright.swapaxes(0, 1))
        if (len(rows), len(columns)) != (1, 1):
            self._box(gc, left, top, upright.shape, f"#{GREY:02x}{GREY:02x}{GREY:02x}ff")
        for above, below in rows:
            for before, after in columns:
                part = upright[above:below, before:after]
                pixels, scale = _shrunk(part)
                place = _counted([left + before, top + above], COARSE)
                which = self.known.image(pixels)
                size = scale * COARSE // PIXEL_RATIO
                self._marks.append(Mark(IMAGE, which, size, clip, *place))

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
        glyphs, boxes = self._placed(s, prop, bool(ismath), bool(angle))
        level = (round(x), round(y)) if not angle else (x, y)
        turn = Affine2D().rotate_deg(angle).scale(1, -1)
        letters = []
        for font, size, glyph, dx, dy in glyphs:
            at = turn.transform((dx, dy))
            shape = self._glyph(font, size, glyph, angle)
            if shape is not None:
                outline, first = shape
                letters.append(Letter(outline, *_counted(np.asarray(at) + first, FINE)))
        if letters:
            style = self.known.style({"fill": _colour(gc.get_rgb())})
            row = self.known.row(tuple(letters))
            place = _counted(level, COARSE)
            self._marks.append(Mark(LETTERS, row, style, self._clip(gc), *place))
        for dx, dy, width, height in boxes:
            self._bar(gc, Affine2D().translate(dx, dy) + turn, level, (width, height))

    def _placed(self, s: str, prop: Any, ismath: bool, turned: bool) -> tuple[list[Any], Any]:
        """(font, size, glyph, x, y upwards) of each letter, and the bars of a formula."""
        if ismath:
            parsed = self._lettering.mathtext_parser.parse(s, self.dpi, prop)
            return [(f, size, g, x, y) for f, size, _, g, x, y in parsed.glyphs], parsed.rects
        size = prop.get_size_in_points()
        starts = None if turned else self._lettering.starts(s, prop)
        pieces = [(0, s)] if starts is None else zip(starts, s, strict=True)
        font = self._lettering._prepare_font(prop)
        found = []
        for start, piece in pieces:
            font.clear()
            for item in font._layout(piece, flags=get_hinting_flag()):
                place = start + item.x, item.y
                found.append((item.ft_object, size, item.glyph_index, *place))
        return found, []

    def _glyph(self, font: Any, size: float, glyph: int, angle: float) -> Any:
        """The number of a letter's outline and its first vertex; None for a blank."""
        key = font.fname, font.face_index, size, glyph, angle
        if key not in self._outlines:
            cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            turned = (0x10000 * np.array([[cos, -sin], [sin, cos]])).round().astype(int)
            font.set_size(size, self.dpi)
            font._set_transform(turned, [0, 0])
            font.load_glyph(glyph, flags=get_hinting_flag())
            vertices, codes = font.get_path()
            self._outlines[key] = None
            if len(vertices):
                outline = Path(vertices * (1, -1), codes)
                shape, first = self._interned(outline, fine=True)
                self._outlines[key] = shape, first
        return self._outlines[key]

    def _bar(self, gc: Any, turn: Transform, level: Any, size: tuple[float, float]) -> None:
        """The bar of a fraction or of a root, at least a drawn pixel thick."""
        grown = np.maximum(size, 1)
        unit = Path.unit_rectangle().vertices * grown - (grown - size) / 2
        corners = turn.transform(unit)
        box = Path(np.floor(corners + level + 0.5), Path.unit_rectangle().codes)
        bare = self.new_gc()
        bare.copy_properties(gc)
        bare.set_linewidth(0)
        self._shape(bare, box, gc.get_rgb(), fine=False)

    def _box(self, gc: Any, left: int, top: int, shape: tuple[int, ...], colour: str) -> None:
        """A filled box of the size of an image."""
        corners = Path.unit_rectangle().vertices * (shape[1], shape[0]) + (left, top)
        number, first = self._interned(Path(corners, Path.unit_rectangle().codes), fine=False)
        style = self.known.style({"fill": colour})
        self._marks.append(Mark(SHAPE, number, style, self._clip(gc), *_counted(first, COARSE)))

    def _shape(
        self, gc: Any, drawn: Path, face: Any, fine: bool, places: Floats | None = None
    ) -> None:
        """Takes down a path in drawn pixels, y downwards, once or at each of `places`."""
        style = self._style(gc, face)
        if not len(drawn.vertices) or not style:
            return
        number, first = self._interned(drawn, fine)
        clip, style_number = self._clip(gc), self.known.style(style)
        if places is None:
            where, again = first, 0
        else:
            where, again = places[0] + first, 0
            if len(places) > 1:
                again = 1 + self._interned(Path(places), fine=False)[0]
        x, y = _counted(where, COARSE)
        self._marks.append(Mark(SHAPE, number, style_number, clip, x, y, again))

    def _interned(self, path: Path, fine: bool) -> tuple[int, Floats]:
        """The number of a shape, and where it begins, in drawn pixels.

        A coarse shape is kept from its first vertex on, so that it is the same wherever it lies;
        its vertices are rounded before, so that no error adds up. A fine one has its own origin.
        """
        vertices = np.array(path.vertices, dtype=float)
        codes = _codes(path)
        for i in np.flatnonzero(codes == CLOSE):
            vertices[i] = vertices[i - 1]  # it is of no account
        unit = FINE if fine else COARSE
        counts = _rounded(vertices, unit)
        if fine:
            first = np.zeros(2)
        else:
            first = counts[0] * (PIXEL_RATIO / unit)
            counts = counts - counts[0]
        x, y = np.ascontiguousarray(counts.T)
        return self.known.shape(codes.tobytes(), x, y, fine), first

    def _style(self, gc: Any, face: Any) -> dict[str, Any]:
        """What is to be seen of a path; empty if nothing."""
        style: dict[str, Any] = {}
        if face is not None and (fill := _colour(_face(gc, face)))[-2:] != "00":
            style["fill"] = fill
        if gc.get_hatch() is not None:
            style["hatch"] = self._hatch(gc)
        stroke = _colour(gc.get_rgb())
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
        number, first = self._interned(path, fine=True)
        assert not first.any()
        width = self._length(gc.get_hatch_linewidth())
        return [number, _colour(gc.get_hatch_color()), width]

    def _clip(self, gc: Any) -> int:
        """The clip's number: whole drawn pixels, as the notebook's renderer has it."""
        box, (path, transform) = gc.get_clip_rectangle(), gc.get_clip_path()
        clip: list[int] = []
        if box is not None:
            left, foot, right, head = np.floor(np.asarray(box.extents) + 0.5)
            corners = [left, self.height - head, right, self.height - foot]
            clip = [int(v) for v in _rounded(np.array(corners), COARSE)]
        if path is not None:
            drawn = self._cleaned(gc, path, transform + self._downwards(), False)
            number, first = self._interned(drawn, fine=False)
            whole = [0, 0, *_counted([self.width, self.height], COARSE)]
            clip = [*(clip or whole), 1 + number, *_counted(first, COARSE)]
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
        return Path(_near(np.asarray(cleaned.vertices[:-1])), cleaned.codes[:-1])

    def _downwards(self) -> Transform:
        return Affine2D().scale(1, -1).translate(0, self.height)

    def _length(self, points: float) -> float:
        """Points in shown pixels."""
        return round(float(self.points_to_pixels(points)) / PIXEL_RATIO, 4)


def _near(vertices: Floats) -> Floats:
    """Vertices in drawn pixels; those far outside of the picture come a little nearer."""
    return np.clip(vertices, -_FAR, _FAR)


def _rounded(drawn: Floats, unit: int) -> NDArray[np.int32]:
    """Drawn pixels as whole numbers of a `unit`-th of a shown pixel."""
    return np.floor(drawn * (unit / PIXEL_RATIO) + 0.5).astype(np.int32)


def _counted(place: Sequence[float] | Floats, unit: int) -> tuple[int, int]:
    """One place of drawn pixels in a `unit`-th of a shown pixel."""
    x, y = _rounded(np.asarray(place, dtype=float), unit)
    return int(x), int(y)


def _codes(path: Path) -> Bytes:
    """A path's codes, one for each vertex, a closing one as CLOSE."""
    if path.codes is None:
        codes = np.full(len(path.vertices), Path.LINETO, np.uint8)
        codes[0] = Path.MOVETO
        return codes
    return np.where(path.codes == Path.CLOSEPOLY, CLOSE, path.codes).astype(np.uint8)


def _face(gc: Any, face: Any) -> tuple[float, ...]:
    """The colour that fills, with the opacity that counts."""
    if len(face) == 3 or gc.get_forced_alpha():
        return (*tuple(face)[:3], gc.get_alpha())
    return tuple(face)


def _colour(rgba: Sequence[float]) -> str:
    """A colour as #rrggbbaa."""
    four = (*tuple(rgba), 1.0)[:4]
    return "#" + "".join(f"{round(255 * float(v)):02x}" for v in four)


def _lines(image: Bytes) -> list[tuple[int, int]]:
    """The first row and the one after the last, of each part between the grey lines of a sheet."""
    grey = (image[..., :3] == GREY).all((1, 2)) & (image[..., 3] == 255).all(1)
    starts, parts, i = 0, [], 0
    while i < len(grey):
        if grey[i : i + BETWEEN].all() and starts < i < len(grey) - BETWEEN:
            parts.append((starts, i))
            starts = i = i + BETWEEN
        else:
            i += 1
    return [*parts, (starts, len(grey))]


def _shrunk(image: Bytes) -> tuple[Bytes, int]:
    """The image with one pixel for each block of equal ones, grey if it is, and the block's side."""
    height, width = image.shape[:2]
    for scale in range(min(_LARGEST, height, width), 0, -1):
        small = image[::scale, ::scale]
        if height % scale == width % scale == 0:
            again = small.repeat(scale, 0).repeat(scale, 1)
            if np.array_equal(again, image):
                break
    opaque = bool((small[..., 3] == 255).all())
    grey = opaque and bool((small[..., :1] == small[..., :3]).all())
    return np.ascontiguousarray(small[..., : 1 if grey else 3 if opaque else 4]), scale
