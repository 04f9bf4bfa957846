"""What an explorer draws and says at each recorded position, as plain numbers.

A position's picture is a pile of drawings, the background's first, then one for each artist that
moves, from the lowest up. A drawing is a row of marks, and a mark is a shape, a row of letters or
an image, put somewhere in some style. Whatever is the same twice is kept once: numbers in a mark
count in the tables.

Lengths are whole numbers of a COARSE-th of a shown pixel, for letters and markers of a FINE-th;
x to the right, y downwards from the upper left corner.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from course_lib.edition.wording import shown

COARSE, FINE = 4, 32
# What stands in a mark's `kind`.
SHAPE, LETTERS, IMAGE = 0, 1, 2
# A vertex begins a part, ends a line, is one of the two of a quadratic or of the three of a cubic
# Bézier curve, or closes the part; so in Matplotlib, where closing is 79.
MOVE, LINE, QUADRATIC, CUBIC, CLOSE = 1, 2, 3, 4, 5

Ints = NDArray[np.int32]


class Shape(NamedTuple):
    """Numbers of its vertices' codes, of their x and of their y.

    Coarse, they are counted from the first vertex; fine, in a FINE-th of a pixel, from an origin.
    """

    codes: int
    x: int
    y: int
    fine: bool


class Letter(NamedTuple):
    """One letter of a row: the number of its outline, and where it stands from the row's start."""

    shape: int
    x: int
    y: int


class Mark(NamedTuple):
    """One thing drawn at (x, y), in a style, within a clip (0: all of the picture).

    kind: SHAPE, LETTERS or IMAGE; which: its number in that table. places: the number of a shape
    at whose every vertex it is drawn, counted from 1; 0 if once. For an image, `style` is how many
    COARSE-ths of a pixel each of its pixels takes.
    """

    kind: int
    which: int
    style: int
    clip: int
    x: int
    y: int
    places: int = 0


Drawing = tuple[Mark, ...]


@dataclass
class Tables:
    """Everything that marks count in, each distinct thing once.

    columns: x or y of vertices. codes: of vertices. images: (height, width, channels), grey, or
    red, green and blue, or these and alpha. styles: as `renderer` writes them. clips: left, top,
    right, bottom in a COARSE-th of a pixel, and a shape within which to stay, counted from 1, with
    its x and y; the first is no clip.
    """

    columns: list[Ints] = field(default_factory=list)
    codes: list[bytes] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    rows: list[tuple[Letter, ...]] = field(default_factory=list)
    images: list[NDArray[np.uint8]] = field(default_factory=list)
    styles: list[dict[str, Any]] = field(default_factory=list)
    clips: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True)
class RecordedControl:
    """A control as a page shows it, at its recorded stops.

    kind: slider, steps, choice or toggle. values: of the stops; shown: as its widget writes them.
    start: the stop where the explorer opens. of: how many positions it has in the notebook.
    """

    name: str
    label: str
    kind: str
    values: tuple[Any, ...]
    shown: tuple[str, ...]
    start: int
    of: int


@dataclass(frozen=True)
class Said:
    """What is said at a position: the sentence, the numbers, and the greyed-out controls.

    numbers: (name, m, e) for m · 10^e, as `wording.significant` has it. problem: whether the
    position cannot be drawn; then the sentence says why.
    """

    sentence: str
    numbers: tuple[tuple[str, int, int], ...]
    idle: tuple[str, ...]
    problem: bool


@dataclass(frozen=True)
class Frame:
    """One position: its pile of drawings, and what is said."""

    drawings: tuple[Drawing, ...]
    sentence: str
    numbers: tuple[tuple[str, str], ...]
    idle: tuple[str, ...]
    problem: str | None


@dataclass(frozen=True)
class Recording:
    """An explorer at every recorded position; the last control moves first as they are counted.

    name: of its class. width, height: in shown pixels. layers: the distinct drawings of the
    background and of each artist that moves. piles: (positions, layers), which drawing of each.
    hatch_px: the side of the square that a hatch repeats, in shown pixels.
    """

    name: str
    title: str
    width: int
    height: int
    hatch_px: float
    controls: tuple[RecordedControl, ...]
    tables: Tables
    layers: tuple[tuple[Drawing, ...], ...]
    piles: Ints
    said: tuple[Said, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many stops each control has."""
        return tuple(len(control.values) for control in self.controls)

    def position(self, indices: Sequence[int]) -> int:
        """Which position has these stops, one a control. Raises ValueError if there is none."""
        counts = self.counts
        inside = len(indices) == len(counts) and all(
            0 <= i < count for i, count in zip(indices, counts, strict=True)
        )
        if not inside:
            raise ValueError(f"{self.name} has {counts} stops, none is {tuple(indices)}")
        return int(np.ravel_multi_index(tuple(indices), counts)) if counts else 0

    def frame(self, indices: Sequence[int]) -> Frame:
        """What is drawn and said at these stops. Raises ValueError if there are none such."""
        at = self.position(indices)
        said = self.said[at]
        drawings = tuple(
            layer[which] for layer, which in zip(self.layers, self.piles[at], strict=True)
        )
        problem = said.sentence if said.problem else None
        numbers = tuple((name, shown(*number)) for name, *number in said.numbers)
        return Frame(drawings, said.sentence, numbers, said.idle, problem)

    def stops(self, values: Mapping[str, Any]) -> tuple[int, ...] | None:
        """The stops of these values, the others where the explorer opens; None if not recorded."""
        if set(values) - {control.name for control in self.controls}:
            return None
        found = []
        for control in self.controls:
            value = values.get(control.name, control.values[control.start])
            if value not in control.values:
                return None
            found.append(control.values.index(value))
        return tuple(found)

    def shows(self, values: Mapping[str, Any], sentence: str) -> bool:
        """Whether it has these values, and says the same sentence there."""
        stops = self.stops(values)
        return stops is not None and self.frame(stops).sentence == sentence


def outline(tables: Tables, shape: int) -> tuple[bytes, NDArray[np.float64]]:
    """The codes of a shape's vertices and the vertices (N, 2) in shown pixels from its first."""
    codes, x, y, fine = tables.shapes[shape]
    places = np.stack([tables.columns[x], tables.columns[y]], -1)
    return tables.codes[codes], places / (FINE if fine else COARSE)


class Interning:
    """Tables that grow: each method gives the number of what it is handed."""

    def __init__(self) -> None:
        self.tables = Tables()
        self._known: dict[Any, int] = {}
        self.clip([])

    def _number(self, table: list[Any], key: Any, thing: Any) -> int:
        number = self._known.get((id(table), key))
        if number is None:
            number = self._known[id(table), key] = len(table)
            table.append(thing)
        return number

    def shape(self, codes: bytes, x: Ints, y: Ints, fine: bool = False) -> int:
        """A shape by its vertices."""
        t = self.tables
        across, down = (self._number(t.columns, column.tobytes(), column) for column in (x, y))
        shape = Shape(self._number(t.codes, codes, codes), across, down, fine)
        return self._number(t.shapes, shape, shape)

    def row(self, letters: tuple[Letter, ...]) -> int:
        """A row of letters."""
        return self._number(self.tables.rows, letters, letters)

    def image(self, pixels: NDArray[np.uint8]) -> int:
        """An image by its pixels (height, width, channels)."""
        return self._number(self.tables.images, (pixels.shape, pixels.tobytes()), pixels)

    def style(self, style: dict[str, Any]) -> int:
        """A style."""
        return self._number(self.tables.styles, repr(style), style)

    def clip(self, clip: list[int]) -> int:
        """A clip."""
        return self._number(self.tables.clips, tuple(clip), clip)
