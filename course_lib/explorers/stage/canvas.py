"""A figure drawn once, whose moving artists are redrawn over a kept background."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from course_lib.explorers.stage.lettering import LetteringCanvas
from course_lib.plots import encode_png


class Stage:
    """Draws `figure`'s moving artists over its background, which is drawn once and kept.

    Text layout and axes cost most of a full draw; a frame pays for the moving artists alone.
    """

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self._canvas: Any = LetteringCanvas(figure)  # matplotlib leaves its methods untyped
        self._moving: list[Artist] = []
        self._background: Any = None
        self.changes = 0  # of the background

    def add(self, artists: Sequence[Artist]) -> None:
        """Takes `artists` out of the background; they are drawn in zorder, then in this order."""
        for artist in artists:
            if not isinstance(artist, Artist):
                raise ValueError(f"moving takes matplotlib artists, got {type(artist).__name__}")
            if artist not in self._moving:
                artist.set_animated(True)
                self._moving.append(artist)
        self._moving.sort(key=lambda artist: artist.get_zorder())  # a stable sort
        self.forget()

    @property
    def moving(self) -> tuple[Artist, ...]:
        """What moves, from the lowest up."""
        return tuple(self._moving)

    def forget(self) -> None:
        """The background has changed: the next frame draws it again."""
        self.changes += 1
        self._background = None

    def frame(self, small: bool = False) -> bytes:
        """PNG bytes of the picture as it now stands, at twice its shown size."""
        self._restore()
        renderer = self._canvas.get_renderer()
        for artist in self._moving:
            artist.draw(renderer)
        return self._encode(small)

    def empty(self, small: bool = False) -> bytes:
        """PNG bytes of the background alone, for a value that cannot be drawn."""
        self._restore()
        return self._encode(small)

    def _restore(self) -> None:
        if self._background is None:
            self._canvas.draw()
            self._background = self._canvas.copy_from_bbox(self.figure.bbox)
        else:
            self._canvas.restore_region(self._background)

    def _encode(self, small: bool) -> bytes:
        return encode_png(np.asarray(self._canvas.buffer_rgba()), small)
