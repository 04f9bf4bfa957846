"""Text as rows of letters, placed and hinted as the notebook's renderer does."""

import math
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import get_hinting_flag
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from course_lib.edition.outlines import counted, interned
from course_lib.edition.recording import FINE, Interning, Letter
from course_lib.explorers.stage.lettering import LetteringRenderer

Row = tuple[int | None, Any]


class Letters:
    """Sets text for a figure of this size; every letter's outline and every row is made once."""

    def __init__(self, width: float, height: float, dpi: float, known: Interning) -> None:
        self._known, self._dpi = known, dpi
        self._lettering: Any = LetteringRenderer(width, height, dpi)
        self._rows: dict[Any, Row] = {}
        self._pieces: dict[Any, list[tuple[Any, int, float, float]]] = {}
        self._outlines: dict[Any, int | None] = {}

    def size(self, s: str, prop: FontProperties, ismath: Any) -> tuple[float, float, float]:
        """Width, height and descent, as the notebook's renderer measures."""
        found: tuple[float, float, float] = self._lettering.get_text_width_height_descent(
            s, prop, ismath
        )
        return found

    def row(self, s: str, prop: FontProperties, ismath: bool, angle: float) -> Row:
        """The number of a row of letters, None if all are blank, and the bars of a formula."""
        key = s, hash(prop), ismath, angle  # of what it says, not of which object it is
        if key not in self._rows:
            self._rows[key] = self._set(s, prop, ismath, angle)
        return self._rows[key]

    def _set(self, s: str, prop: Any, ismath: bool, angle: float) -> Row:
        glyphs, boxes = self._placed(s, prop, ismath, bool(angle))
        turn = Affine2D().rotate_deg(angle).scale(1, -1)
        letters = []
        for font, size, glyph, dx, dy in glyphs:
            outline = self._glyph(font, size, glyph, angle)
            if outline is not None:
                letters.append(Letter(outline, *counted(turn.transform((dx, dy)), FINE)))
        return self._known.row(tuple(letters)) if letters else None, boxes

    def _placed(self, s: str, prop: Any, ismath: bool, turned: bool) -> tuple[list[Any], Any]:
        """(font, size, glyph, x, y upwards) of each letter, and the bars of a formula."""
        if ismath:
            parsed = self._lettering.mathtext_parser.parse(s, self._dpi, prop)
            return [(f, size, g, x, y) for f, size, _, g, x, y in parsed.glyphs], parsed.rects
        size = prop.get_size_in_points()
        starts = None if turned else self._lettering.starts(s, prop)
        pieces = [(0, s)] if starts is None else zip(starts, s, strict=True)
        found = [
            (font, size, glyph, start + x, y)
            for start, piece in pieces
            for font, glyph, x, y in self._laid_out(piece, prop)
        ]
        return found, []

    def _laid_out(self, s: str, prop: Any) -> list[tuple[Any, int, float, float]]:
        """(font, glyph, x, y upwards) of the letters of `s`."""
        key = s, hash(prop)
        if key not in self._pieces:
            items = self._lettering._prepare_font(prop)._layout(s, flags=get_hinting_flag())
            self._pieces[key] = [(i.ft_object, i.glyph_index, i.x, i.y) for i in items]
        return self._pieces[key]

    def _glyph(self, font: Any, size: float, glyph: int, angle: float) -> int | None:
        """The number of a letter's outline, as the notebook's renderer hints it; None if blank."""
        key = font.fname, font.face_index, size, glyph, angle
        if key not in self._outlines:
            cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            turned = (0x10000 * np.array([[cos, -sin], [sin, cos]])).round().astype(int)
            font.set_size(size, self._dpi)
            font._set_transform(turned, [0, 0])
            font.load_glyph(glyph, flags=get_hinting_flag())
            vertices, codes = font.get_path()
            path = Path(vertices * (1, -1), codes)
            self._outlines[key] = (
                interned(self._known, path, fine=True)[0] if len(vertices) else None
            )
        return self._outlines[key]
