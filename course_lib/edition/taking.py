"""Records an explorer: every position is set, drawn through a TakingRenderer, and taken down."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from course_lib.edition.recording import Drawing, Interning, RecordedControl, Recording, Said
from course_lib.edition.renderer import TakingRenderer
from course_lib.edition.wording import significant
from course_lib.explorers.stage import Explorer
from course_lib.explorers.stage.reading import not_drawn
from course_lib.explorers.stage.work import at_work
from course_lib.plots import PIXEL_RATIO


class _Layer:
    """The distinct drawings of one artist, and which it shows at each position."""

    def __init__(self) -> None:
        self._numbers: dict[Drawing, int] = {}
        self.which: list[int] = []

    def add(self, drawing: Drawing) -> None:
        self.which.append(self._numbers.setdefault(drawing, len(self._numbers)))

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        return tuple(self._numbers)


class _Taking:
    """An explorer that is being recorded."""

    def __init__(self, explorer: Explorer) -> None:
        self._explorer, self._stage = explorer, explorer.stage
        figure: Figure = self._stage.figure
        width, height = figure.bbox.size
        self.known = Interning()
        self._renderer = TakingRenderer(width, height, figure.dpi, self.known)
        self.layers = [_Layer() for _ in range(1 + len(self._stage.moving))]
        self.said: list[Said] = []
        self._changes = -1
        self._background: Drawing = ()
        self._same: dict[Any, int] = {}
        self._idle: set[tuple[str, ...]] = set()

    def take(self, values: Mapping[str, Any]) -> None:
        """Takes down one position; if idle controls alone have moved, the one from before again."""
        known = (self._same.get(_active(values, idle)) for idle in self._idle)
        before = next((position for position in known if position is not None), None)
        if before is not None:
            for layer in self.layers:
                layer.which.append(layer.which[before])
            self.said.append(self.said[before])
            return
        self._draw(values)
        if idle := self.said[-1].idle:
            self._idle.add(idle)
            self._same[_active(values, idle)] = len(self.said) - 1

    def _draw(self, values: Mapping[str, Any]) -> None:
        try:
            reading, problem = self._explorer.update(**values), False
            moving = [self._drawn(artist) for artist in self._stage.moving]
        except Exception as error:
            self._renderer.take()
            reading, problem = not_drawn(error), True
            moving = [()] * len(self._stage.moving)
        if self._changes != self._stage.changes:
            self._changes = self._stage.changes
            self._background = self._drawn(self._stage.figure)
        for layer, drawing in zip(self.layers, (self._background, *moving), strict=True):
            layer.add(drawing)
        numbers = tuple((name, *significant(value)) for name, value in reading.numbers.items())
        self.said.append(Said(reading.sentence, numbers, tuple(reading.idle), problem))

    def _drawn(self, artist: Any) -> Drawing:
        artist.draw(self._renderer)
        return self._renderer.take()


def _active(values: Mapping[str, Any], idle: tuple[str, ...]) -> Any:
    """Which controls are idle, and the values of the others."""
    return idle, tuple(value for name, value in values.items() if name not in idle)


def record(explorer: Explorer, controls: tuple[RecordedControl, ...]) -> Recording:
    """The explorer at every combination of its controls' stops."""
    with at_work():
        taking = _Taking(explorer)
        names = [control.name for control in controls]
        for values in product(*(control.values for control in controls)):
            taking.take(dict(zip(names, values, strict=True)))
    figure = explorer.stage.figure
    return Recording(
        type(explorer).__name__,
        explorer.title,
        explorer.width_px,
        explorer.height_px,
        figure.dpi / PIXEL_RATIO,
        controls,
        taking.known.tables,
        tuple(layer.drawings for layer in taking.layers),
        np.array([layer.which for layer in taking.layers], dtype=np.int32).T,
        tuple(taking.said),
    )
