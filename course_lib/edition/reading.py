"""The sections of a packed recording, read: see the format at the top of `packing`."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.edition.integers import Reader
from course_lib.edition.recording import (
    Drawing,
    Letter,
    Mark,
    RecordedControl,
    Said,
    Shape,
    Tables,
)
from course_lib.edition.wording import fields, put_together
from course_lib.edition.writing import Head, is_large


def read_control(stored: Head) -> RecordedControl:
    """A control as the head has it."""
    return RecordedControl(
        **{**stored, "values": tuple(stored["values"]), "shown": tuple(stored["shown"])}
    )


def read_tables(head: Head, sections: dict[str, bytes]) -> Tables:
    """The tables, from head and sections."""
    columns = Reader(sections["columns"]).curves()
    shapes, rows = Reader(sections["shapes"]), Reader(sections["rows"])
    lengths = shapes.take(shapes.one())
    codes = [shapes.take(int(length)).reshape(-1, 2) for length in lengths]
    letters = rows.take(rows.one())
    all_letters = _read_table(rows, int(letters.sum()), Letter)
    ends = np.cumsum(np.append(0, letters))
    return Tables(
        columns=[column.astype(np.int32) for column in columns],
        codes=[np.repeat(*row.T).astype(np.uint8).tobytes() for row in codes],
        shapes=[s._replace(fine=bool(s.fine)) for s in _read_table(shapes, shapes.one(), Shape)],
        rows=[tuple(all_letters[a:b]) for a, b in pairwise(ends)],
        images=_read_images(Reader(sections["images"]), sections["pixels"]),
        styles=head["styles"],
        clips=head["clips"],
    )


def _read_images(reader: Reader, pixels: bytes) -> list[NDArray[np.uint8]]:
    found, at = [], 0
    for shape in _read_table(reader, reader.one(), lambda *sizes: sizes, 3):
        size = int(np.prod(shape))
        stored = np.frombuffer(pixels, dtype=np.uint8, count=size, offset=at).reshape(shape)
        found.append(np.cumsum(stored, axis=0, dtype=np.uint8) if is_large(shape) else stored)
        at += size
    return found


def _read_table(
    reader: Reader, count: int, kind: Callable[..., Any], width: int | None = None
) -> list[Any]:
    """The rows of a table that `_put_columns` wrote."""
    width = width or len(kind._fields)  # type: ignore[attr-defined]
    columns = [reader.column(count).tolist() for _ in range(width)]
    return [kind(*row) for row in zip(*columns, strict=True)]


def read_layers(reader: Reader) -> tuple[tuple[Drawing, ...], ...]:
    """The distinct drawings of each layer."""
    layers = []
    for _ in range(reader.one()):
        lengths = reader.take(reader.one())
        marks = _read_table(reader, int(lengths.sum()), Mark)
        ends = np.cumsum(np.append(0, lengths))
        layers.append(tuple(tuple(marks[a:b]) for a, b in pairwise(ends)))
    return tuple(layers)


def read_piles(reader: Reader, layers: int, head: Head) -> NDArray[np.int32]:
    """Which drawing of each layer is shown at each position."""
    columns = [reader.column(head["positions"]) for _ in range(layers)]
    return np.stack(columns, -1).astype(np.int32)


def read_said(sections: dict[str, bytes], head: Head) -> tuple[Said, ...]:
    """What is said at each position."""
    reader, count = Reader(sections["said"]), head["positions"]
    which, idle, problem = (reader.column(count) for _ in range(3))
    sentences = [""] * count
    for number, template in enumerate(head["templates"]):
        there = np.flatnonzero(which == number)
        columns = [reader.column(len(there)).tolist() for _ in range(fields(template))]
        for place, at in enumerate(there):
            sentences[at] = put_together(template, tuple(column[place] for column in columns))
    numbers = _read_numbers(Reader(sections["numbers"]), head)
    names = [tuple(some) for some in head["idle"]]
    return tuple(
        Said(sentences[i], numbers[i], names[idle[i]], bool(problem[i])) for i in range(count)
    )


def _read_numbers(reader: Reader, head: Head) -> list[tuple[tuple[str, int, int], ...]]:
    which = reader.column(head["positions"])
    found: list[tuple[tuple[str, int, int], ...]] = [()] * len(which)
    for number, names in enumerate(head["names"]):
        there = np.flatnonzero(which == number)
        columns = [reader.column(len(there)).tolist() for _ in range(2 * len(names))]
        for place, at in enumerate(there):
            found[at] = tuple(
                (name, columns[2 * i + 1][place], columns[2 * i][place])
                for i, name in enumerate(names)
            )
    return found
