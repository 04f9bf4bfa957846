"""An Agg canvas that keeps the pictures of letters: text costs most of a frame when drawn anew.

matplotlib shapes and rasterises every letter at every draw, a millisecond or more for a label.
Here each letter is rasterised once, and a label whose number changes is put together from them.
"""

import math
import unicodedata
from itertools import accumulate
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.font_manager import FontProperties
from numpy.typing import NDArray

_PAD = 3  # pixels round a raster, for slanted letters and soft edges
_TALL = "lpÅ|∫"  # every raster of a font is as tall as these, so that they share a baseline
_KEEP = 500  # formulas of a font, after which they are made again

Coverage = NDArray[np.uint8]  # (height, width), 0 to 255


class LetteringRenderer(RendererAgg):
    """RendererAgg whose level text comes from kept rasters, placed on whole pixels.

    Plain text is set letter by letter without kerning; formulas, and letters with combining marks,
    are kept as a whole. Rotated text is left to matplotlib.
    """

    def __init__(self, width: float, height: float, dpi: float) -> None:
        super().__init__(width, height, dpi)  # type: ignore[no-untyped-call]
        self._typeset: Any = super().draw_text
        self._measure: Any = super().get_text_width_height_descent
        self._fonts: dict[int, _Font] = {}

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
        """Draws `s` with its baseline's left end at (x, y), y downwards, as RendererAgg does."""
        if angle or ismath == "TeX":
            self._typeset(gc, x, y, s, prop, angle, ismath, mtext)
            return
        coverage, below = self._line(s, prop, bool(ismath))
        red, green, blue, alpha = (*gc.get_rgb(), 1.0)[:4]
        image = np.empty((*coverage.shape, 4), dtype=np.uint8)
        image[..., :3] = [round(255 * c) for c in (red, green, blue)]
        image[..., 3] = coverage if alpha == 1.0 else np.rint(coverage * alpha)
        self.draw_image(gc, round(x) - _PAD, self.height - round(y) - below, image[::-1])

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: Any
    ) -> tuple[float, float, float]:
        """Width, height and descent of `s` in pixels; plain text is as wide as its letters."""
        if ismath or not _plain(s):
            size: tuple[float, float, float] = self._measure(s, prop, ismath)
            return size
        font = self._font(prop)
        _, height, descent = font.usual
        return sum(font.advance(letter) for letter in s), height, descent

    def starts(self, s: str, prop: FontProperties) -> list[int] | None:
        """Where each letter of level text begins, in pixels; None if it is kept as a whole."""
        if not _plain(s):
            return None
        advances = (self._font(prop).advance(letter) for letter in s[:-1])
        return [round(end) for end in accumulate(advances, initial=0.0)][: len(s)]

    def _line(self, s: str, prop: FontProperties, ismath: bool) -> tuple[Coverage, int]:
        """How much of each pixel `s` covers, and how many rows of it lie below the baseline."""
        font, starts = self._font(prop), self.starts(s, prop)
        if ismath or starts is None:
            return font.whole(s, ismath)
        rasters = [font.letter(letter) for letter in s]
        width = max(x + raster.shape[1] for x, raster in zip(starts, rasters, strict=True))
        line = np.zeros((rasters[0].shape[0], width), dtype=np.uint8)
        for x, raster in zip(starts, rasters, strict=True):
            part = line[:, x : x + raster.shape[1]]
            np.maximum(part, raster, out=part)
        return line, font.below

    def _font(self, prop: FontProperties) -> "_Font":
        key = hash(prop)  # of what it says, not of which object it is
        if key not in self._fonts:
            self._fonts[key] = _Font(prop.copy(), self.dpi, self._measure)
        return self._fonts[key]


class _Font:
    """The kept letters of one font at one size.

    usual: width, height and descent that count for the layout, the same for every text, so that
    a label does not jump when its digits change. below: rows of a raster under the baseline.
    """

    def __init__(self, prop: FontProperties, dpi: float, measure: Any) -> None:
        self._prop, self._dpi, self._measure = prop, dpi, measure
        self.usual: tuple[float, float, float] = measure("lp", prop, False)
        self._tall: tuple[float, float, float] = measure(_TALL, prop, False)
        self.below = math.ceil(self._tall[2]) + _PAD
        self._bar: float = measure("|", prop, False)[0]
        self._advances: dict[str, float] = {}
        self._letters: dict[str, Coverage] = {}
        self._wholes: dict[tuple[str, bool], tuple[Coverage, int]] = {}

    def advance(self, letter: str) -> float:
        """From one letter's start to the next one's, in pixels; a space has it too."""
        if letter not in self._advances:
            self._advances[letter] = self._measure(letter + "|", self._prop, False)[0] - self._bar
        return self._advances[letter]

    def letter(self, letter: str) -> Coverage:
        """One letter; all have the same rows, and so a common baseline."""
        if letter not in self._letters:
            self._letters[letter] = self._raster(letter, self._tall, False)
        return self._letters[letter]

    def whole(self, s: str, ismath: bool) -> tuple[Coverage, int]:
        """A formula, or text that cannot be taken apart, and its rows under the baseline."""
        if len(self._wholes) > _KEEP:
            self._wholes.clear()
        if (s, ismath) not in self._wholes:
            size = self._measure(s, self._prop, ismath)
            self._wholes[s, ismath] = self._raster(s, size, ismath), math.ceil(size[2]) + _PAD
        return self._wholes[s, ismath]

    def _raster(self, s: str, size: tuple[float, float, float], ismath: bool) -> Coverage:
        """`s` as matplotlib draws it, in rows for text of `size`, _PAD pixels on every side."""
        width = math.ceil(self._measure(s, self._prop, ismath)[0])
        rise, descent = math.ceil(size[1] - size[2]), math.ceil(size[2])
        agg: Any = RendererAgg  # matplotlib leaves its methods untyped
        sheet = agg(width + 2 * _PAD, rise + descent + 2 * _PAD, self._dpi)
        gc = sheet.new_gc()
        gc.set_foreground((0.0, 0.0, 0.0, 1.0), isRGBA=True)
        sheet.draw_text(gc, _PAD, rise + _PAD, s, self._prop, 0, ismath)
        return np.asarray(sheet.buffer_rgba())[..., 3].copy()


def _plain(s: str) -> bool:
    """Whether `s` can be set letter by letter."""
    return not any(unicodedata.combining(letter) for letter in s)


class LetteringCanvas(FigureCanvasAgg):
    """FigureCanvasAgg that draws with a LetteringRenderer."""

    def get_renderer(self) -> LetteringRenderer:
        """The one renderer of this canvas, made anew only if the figure's size changes."""
        width, height = self.figure.bbox.size
        key = (width, height, self.figure.dpi)
        if getattr(self, "_made_for", None) != key:
            self._made = LetteringRenderer(width, height, self.figure.dpi)
            self.renderer, self._made_for = self._made, key  # the base class reads `renderer`
        return self._made
