"""The sections of a packed recording, written: see the format at the top of `packing`."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.edition.integers import Writer
from course_lib.edition.recording import Letter, Mark, Recording, Shape
from course_lib.edition.wording import taken_apart

LARGE = 4096  # pixels of an image whose bytes are stored as differences

Head = dict[str, Any]


def _write_columns(recording: Recording, _head: Head) -> bytes:
    writer = Writer()
    writer.curves(recording.tables.columns)
    return writer.packed()


def _write_shapes(recording: Recording, _head: Head) -> bytes:
    writer, tables = Writer(), recording.tables
    runs = [_run_lengths(codes) for codes in tables.codes]
    writer.put(len(runs), *(len(row) for row in runs))
    for row in runs:
        writer.put(*row)
    writer.put(len(tables.shapes))
    _put_columns(writer, tables.shapes, len(Shape._fields))
    return writer.packed()


def _write_rows(recording: Recording, _head: Head) -> bytes:
    writer, rows = Writer(), recording.tables.rows
    writer.put(len(rows), *(len(row) for row in rows))
    _put_columns(writer, [letter for row in rows for letter in row], len(Letter._fields))
    return writer.packed()


def _write_images(recording: Recording, _head: Head) -> bytes:
    writer, images = Writer(), recording.tables.images
    writer.put(len(images))
    _put_columns(writer, [image.shape for image in images], 3)
    return writer.packed()


def _write_pixels(recording: Recording, _head: Head) -> bytes:
    return b"".join(
        (np.diff(image, axis=0, prepend=np.uint8(0)) if is_large(image.shape) else image).tobytes()
        for image in recording.tables.images
    )


def _write_layers(recording: Recording, _head: Head) -> bytes:
    writer = Writer()
    writer.put(len(recording.layers))
    for drawings in recording.layers:
        writer.put(len(drawings), *(len(drawing) for drawing in drawings))
        _put_columns(writer, [mark for drawing in drawings for mark in drawing], len(Mark._fields))
    return writer.packed()


def _write_piles(recording: Recording, _head: Head) -> bytes:
    writer = Writer()
    for column in recording.piles.T:
        writer.column(column)
    return writer.packed()


def _write_said(recording: Recording, head: Head) -> bytes:
    apart = [taken_apart(said.sentence) for said in recording.said]
    templates, which = _listed([template for template, _ in apart])
    idle, names = _listed([said.idle for said in recording.said])
    head["templates"], head["idle"] = templates, idle
    writer = Writer()
    for column in (which, names, [said.problem for said in recording.said]):
        writer.column(column)
    for number in range(len(templates)):
        values = [apart[i][1] for i in np.flatnonzero(which == number)]
        _put_columns(writer, values, len(values[0]))
    return writer.packed()


def _write_numbers(recording: Recording, head: Head) -> bytes:
    lists, which = _listed([tuple(name for name, _, _ in said.numbers) for said in recording.said])
    head["names"] = lists
    writer = Writer()
    writer.column(which)
    for number, names in enumerate(lists):
        rows = [recording.said[i].numbers for i in np.flatnonzero(which == number)]
        for place in range(len(names)):
            writer.column([row[place][2] for row in rows])
            writer.column([row[place][1] for row in rows])
    return writer.packed()


# In this order in the file. What a section's writer puts into the head, its reader finds there.
WRITERS: dict[str, Callable[[Recording, Head], bytes]] = {
    "columns": _write_columns,
    "shapes": _write_shapes,
    "rows": _write_rows,
    "images": _write_images,
    "pixels": _write_pixels,
    "layers": _write_layers,
    "piles": _write_piles,
    "said": _write_said,
    "numbers": _write_numbers,
}


def _put_columns(writer: Writer, rows: Sequence[Sequence[int]], width: int) -> None:
    """The columns of a table, one after the other."""
    table = np.array(rows, dtype=np.int64).reshape(len(rows), width)
    for column in table.T:
        writer.column(column)


def _listed(values: Sequence[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    """The distinct values in order, and which of them each is."""
    numbers: dict[Any, int] = {}
    which = [numbers.setdefault(value, len(numbers)) for value in values]
    return list(numbers), np.array(which, dtype=np.int64)


def _run_lengths(codes: bytes) -> list[int]:
    """2, 2, 2, 5 as 2, 3, 5, 1."""
    values = np.frombuffer(codes, dtype=np.uint8)
    ends = [0, *(np.flatnonzero(np.diff(values)) + 1), len(values)]
    return [int(n) for a, b in pairwise(ends) for n in (values[a], b - a)]


def is_large(shape: tuple[int, ...]) -> bool:
    """Whether it is a smooth picture, not a digit, whose few pixels pack best as they are."""
    return shape[0] * shape[1] > LARGE
