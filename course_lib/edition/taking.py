"""Records an explorer: every position is set, drawn through a TakingRenderer, and taken down."""

from collections.abc import Iterator, Mapping
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


class _Taking:
    """An explorer that is being recorded."""

    def __init__(self, explorer: Explorer) -> None:
        self._explorer, self._stage = explorer, explorer.stage
        figure: Figure = self._stage.figure
        width, height = figure.bbox.size
        self.known = Interning()
        self._renderer = TakingRenderer(width, height, figure.dpi, self.known)
        self.layers: list[dict[Drawing, int]] = [{} for _ in range(1 + len(self._stage.moving))]
        self.piles: dict[int, list[int]] = {}
        self.said: dict[int, Said] = {}
        self._changes = -1
        self._background: Drawing = ()
        self._same: dict[Any, int] = {}
        self._idle: set[tuple[str, ...]] = set()

    def take(self, position: int, values: Mapping[str, Any]) -> None:
        """Takes down a position; if idle controls alone differ from one before, that one again."""
        known = (self._same.get(_active(values, idle)) for idle in self._idle)
        before = next((other for other in known if other is not None), None)
        if before is not None:
            self.piles[position], self.said[position] = self.piles[before], self.said[before]
            return
        said, drawings = self._draw(values)
        self.said[position] = said
        self.piles[position] = [
            layer.setdefault(drawing, len(layer))
            for layer, drawing in zip(self.layers, drawings, strict=True)
        ]
        if said.idle:
            self._idle.add(said.idle)
            self._same[_active(values, said.idle)] = position

    def _draw(self, values: Mapping[str, Any]) -> tuple[Said, list[Drawing]]:
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
        numbers = tuple((name, *significant(value)) for name, value in reading.numbers.items())
        said = Said(reading.sentence, numbers, tuple(reading.idle), problem)
        return said, [self._background, *moving]

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
        for position, values in _visited(controls):
            taking.take(position, values)
    positions = range(len(taking.said))
    figure = explorer.stage.figure
    return Recording(
        type(explorer).__name__,
        explorer.title,
        explorer.width_px,
        explorer.height_px,
        figure.dpi / PIXEL_RATIO,
        controls,
        taking.known.tables,
        tuple(tuple(layer) for layer in taking.layers),
        np.array([taking.piles[at] for at in positions], dtype=np.int32),
        tuple(taking.said[at] for at in positions),
    )


def _visited(controls: tuple[RecordedControl, ...]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every position and its values; sliders move first, since a choice may change more."""
    order = sorted(range(len(controls)), key=lambda i: controls[i].kind == "slider")
    counts = [len(control.values) for control in controls]
    for stops in product(*(range(counts[i]) for i in order)):
        indices = [stops[order.index(i)] for i in range(len(controls))]
        values = {c.name: c.values[i] for c, i in zip(controls, indices, strict=True)}
        yield (int(np.ravel_multi_index(indices, counts)) if counts else 0), values
