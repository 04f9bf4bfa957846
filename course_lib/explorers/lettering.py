"""An Agg canvas that keeps the pictures of letters: text costs most of a frame when drawn anew.

matplotlib shapes and rasterises every letter at every draw, a millisecond or more for a label.
Here each letter is rasterised once, and a label whose number changes is put together from them.
"""

import math
import unicodedata
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.font_manager import FontProperties
from numpy.typing import NDArray

_PAD = 3  # pixels round a raster, for slanted letters and soft edges
_TALL = "lpÅ|∫"  # every raster of a font is as tall as these, so that they share a baseline
_KEEP = 2000  # rasters, after which they are made again

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
        self._rasters: dict[tuple[Any, ...], Coverage] = {}
        self._sizes: dict[tuple[Any, ...], tuple[float, float, float]] = {}

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
        coverage = self._line(s, prop, bool(ismath))
        red, green, blue, alpha = (*gc.get_rgb(), 1.0)[:4]
        image = np.empty((*coverage.shape, 4), dtype=np.uint8)
        image[..., :3] = [round(255 * c) for c in (red, green, blue)]
        image[..., 3] = coverage if alpha == 1.0 else np.rint(coverage * alpha)
        _, descent = self._rise(s, prop, bool(ismath))
        self.draw_image(gc, round(x) - _PAD, self.height - round(y) - descent - _PAD, image[::-1])

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: Any
    ) -> tuple[float, float, float]:
        """Width, height and descent of `s` in pixels; plain text is as wide as its letters."""
        if ismath or not _plain(s):
            return self._size(s, prop, ismath)
        sizes = [self._size(letter, prop, False) for letter in s]
        descent = max(size[2] for size in sizes)
        rise = max(size[1] - size[2] for size in sizes)
        return sum(self._advance(letter, prop) for letter in s), rise + descent, descent

    def _line(self, s: str, prop: FontProperties, ismath: bool) -> Coverage:
        """How much of each pixel `s` covers, with _PAD pixels on every side."""
        if ismath or not _plain(s):
            return self._raster(s, prop, ismath)
        ends = np.cumsum([0.0, *(self._advance(letter, prop) for letter in s)])
        rasters = [self._raster(letter, prop, False) for letter in s]
        width = max(
            round(start) + raster.shape[1] for start, raster in zip(ends, rasters, strict=False)
        )
        line = np.zeros((rasters[0].shape[0], width), dtype=np.uint8)
        for start, raster in zip(ends, rasters, strict=False):
            part = line[:, round(start) : round(start) + raster.shape[1]]
            np.maximum(part, raster, out=part)
        return line

    def _raster(self, s: str, prop: FontProperties, ismath: bool) -> Coverage:
        """`s` as matplotlib draws it, kept."""
        key = (s, hash(prop), ismath)
        if key not in self._rasters:
            if len(self._rasters) >= _KEEP:
                self._rasters.clear()
            width = math.ceil(self._size(s, prop, ismath)[0])
            rise, descent = self._rise(s, prop, ismath)
            agg: Any = RendererAgg  # matplotlib leaves its methods untyped
            sheet = agg(width + 2 * _PAD, rise + descent + 2 * _PAD, self.dpi)
            gc = sheet.new_gc()
            gc.set_foreground((0.0, 0.0, 0.0, 1.0), isRGBA=True)
            sheet.draw_text(gc, _PAD, rise + _PAD, s, prop, 0, ismath)
            self._rasters[key] = np.asarray(sheet.buffer_rgba())[..., 3].copy()
        return self._rasters[key]

    def _rise(self, s: str, prop: FontProperties, ismath: bool) -> tuple[int, int]:
        """Whole pixels above and below the baseline; the same for all plain text of a font."""
        whole = s if ismath or not _plain(s) else _TALL
        _, height, descent = self._size(whole, prop, ismath)
        return math.ceil(height - descent), math.ceil(descent)

    def _advance(self, letter: str, prop: FontProperties) -> float:
        """From one letter's start to the next one's, in pixels; a space has it too."""
        return self._size(letter + "|", prop, False)[0] - self._size("|", prop, False)[0]

    def _size(self, s: str, prop: FontProperties, ismath: Any) -> tuple[float, float, float]:
        """What matplotlib measures, kept."""
        key = (s, hash(prop), ismath)
        if key not in self._sizes:
            if len(self._sizes) >= _KEEP:
                self._sizes.clear()
            self._sizes[key] = self._measure(s, prop, ismath)
        return self._sizes[key]


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
