"""A recording as bytes, and as the script that carries it to a page.

The format, which `player/recording.js` reads too:

1. A preface of 12 bytes: b"CVR1", then two little-endian 32-bit numbers without sign, the length
   of the rest in bytes and its CRC-32.
2. The rest, a gzip stream (time 0, no name) of one container: a 32-bit length, that many bytes of
   JSON in UTF-8 (the head), then the sections, one after the other, with no gaps.

The head has name, title, width, height, hatch_px; coarse and fine, the parts of a shown pixel in
which lengths are given; controls (see RecordedControl); styles and clips, as in Tables; idle, lists
of names of controls; names, lists of names of numbers; templates, of sentences; positions, their
number; sections, [[name, bytes], …].

Every section but `pixels` is a row of whole numbers as `integers.encode` packs them. A column is
stored as its first number and differences; a counted table as its number of rows, the rows' lengths,
then each row as a column.

- columns: a counted table, x or y of vertices.
- shapes: a counted table of codes, each row a run-length code (code, times, code, times, …), here
  not as differences but as they are; then the number of shapes, and four columns: codes, x, y, fine.
- rows: their number, each one's number of letters, and three columns over all letters: shape, x, y.
- images: their number, then three columns: height, width, channels.
- pixels: bytes of all images, row by row, each byte less the one above it, modulo 256.
- layers: their number, and for each: the number of its drawings, how many marks each has, and seven
  columns over all marks: kind, which, style, clip, x, y, places.
- piles: for each layer, a column over the positions: which of its drawings.
- said: three columns over the positions: which template, which list of idle names, 1 if the position
  is a problem; then for each template in order and each of its numbers, a column over the positions
  that have this template.
- numbers: a column over the positions, which list of names; then for each list in order and each of
  its names, over the positions that have this list, two columns: the exponents, the mantissas.

The same recording has the same bytes, wherever zlib is the same.
"""

import base64
import gzip
import json
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.edition.integers import Reader, Writer
from course_lib.edition.recording import (
    COARSE,
    FINE,
    Drawing,
    Letter,
    Mark,
    RecordedControl,
    Recording,
    Said,
    Shape,
    Tables,
)
from course_lib.edition.wording import fields, put_together, taken_apart

MAGIC = b"CVR1"
_PREFACE = struct.Struct("<4sII")
_LENGTH = struct.Struct("<I")
_COLUMNS = len(Mark._fields)

Head = dict[str, Any]


def pack(recording: Recording) -> bytes:
    """The bytes of a recording."""
    head: Head = {
        "name": recording.name,
        "title": recording.title,
        "width": recording.width,
        "height": recording.height,
        "hatch_px": recording.hatch_px,
        "coarse": COARSE,
        "fine": FINE,
        "controls": [asdict(control) for control in recording.controls],
        "styles": recording.tables.styles,
        "clips": recording.tables.clips,
        "positions": len(recording.said),
    }
    sections = {name: write(recording, head) for name, write in _WRITERS.items()}
    head["sections"] = [[name, len(data)] for name, data in sections.items()]
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
    container = b"".join([_LENGTH.pack(len(text)), text, *sections.values()])
    body = gzip.compress(container, 9, mtime=0)
    body = body[:9] + b"\xff" + body[10:]  # the byte that names the system that packed it
    return _PREFACE.pack(MAGIC, len(body), zlib.crc32(body)) + body


def unpack(data: bytes) -> Recording:
    """The recording of `pack`. Raises ValueError if it is cut off, altered or of another format."""
    container = _opened(data)
    (length,) = _LENGTH.unpack_from(container)
    head = json.loads(container[_LENGTH.size : _LENGTH.size + length])
    at, sections = _LENGTH.size + length, {}
    for name, size in head["sections"]:
        sections[name] = container[at : at + size]
        at += size
    return Recording(
        head["name"],
        head["title"],
        head["width"],
        head["height"],
        head["hatch_px"],
        tuple(_control(control) for control in head["controls"]),
        _tables(head, sections),
        _read_layers(Reader(sections["layers"])),
        _read_piles(Reader(sections["piles"]), Reader(sections["layers"]).one(), head),
        _read_said(sections, head),
    )


def script(name: str, data: bytes) -> str:
    """A classic script that hands a packed recording to the page: course.received(name, base64)."""
    return f"course.received({json.dumps(name)}, {json.dumps(encoded(data))});\n"


def encoded(data: bytes) -> str:
    """Bytes as a page carries them."""
    return base64.b64encode(data).decode("ascii")


def _opened(data: bytes) -> bytes:
    if len(data) < _PREFACE.size or data[:4] != MAGIC:
        raise ValueError(f"a recording begins with {MAGIC!r}, got {data[:4]!r}")
    _, length, checksum = _PREFACE.unpack_from(data)
    body = data[_PREFACE.size :]
    if len(body) < length:
        raise ValueError(f"the recording is cut off: {len(body)} bytes of {length}")
    if len(body) > length or zlib.crc32(body) != checksum:
        raise ValueError("the recording was altered: its checksum is another")
    return gzip.decompress(body)


def _control(stored: Head) -> RecordedControl:
    return RecordedControl(
        **{**stored, "values": tuple(stored["values"]), "shown": tuple(stored["shown"])}
    )


def _write_columns(recording: Recording, _head: Head) -> bytes:
    writer = Writer()
    writer.counted(recording.tables.columns)
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
        np.diff(image, axis=0, prepend=np.uint8(0)).tobytes() for image in recording.tables.images
    )


def _write_layers(recording: Recording, _head: Head) -> bytes:
    writer = Writer()
    writer.put(len(recording.layers))
    for drawings in recording.layers:
        writer.put(len(drawings), *(len(drawing) for drawing in drawings))
        _put_columns(writer, [mark for drawing in drawings for mark in drawing], _COLUMNS)
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
_WRITERS: dict[str, Callable[[Recording, Head], bytes]] = {
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


def _tables(head: Head, sections: dict[str, bytes]) -> Tables:
    columns = Reader(sections["columns"]).counted()
    shapes, rows = Reader(sections["shapes"]), Reader(sections["rows"])
    lengths = shapes.take(shapes.one())
    codes = [shapes.take(int(length)).reshape(-1, 2) for length in lengths]
    letters = rows.take(rows.one())
    each = _read_table(rows, int(letters.sum()), Letter)
    ends = np.cumsum(np.append(0, letters))
    return Tables(
        columns=[column.astype(np.int32) for column in columns],
        codes=[np.repeat(*row.T).astype(np.uint8).tobytes() for row in codes],
        shapes=[Shape(*s[:3], bool(s[3])) for s in _read_table(shapes, shapes.one(), Shape)],
        rows=[tuple(each[a:b]) for a, b in pairwise(ends)],
        images=_read_images(Reader(sections["images"]), sections["pixels"]),
        styles=head["styles"],
        clips=head["clips"],
    )


def _read_images(reader: Reader, pixels: bytes) -> list[NDArray[np.uint8]]:
    found, at = [], 0
    for shape in _read_table(reader, reader.one(), lambda *sizes: sizes, 3):
        size = int(np.prod(shape))
        stored = np.frombuffer(pixels, dtype=np.uint8, count=size, offset=at).reshape(shape)
        found.append(np.cumsum(stored, axis=0, dtype=np.uint8))
        at += size
    return found


def _read_table(
    reader: Reader, count: int, kind: Callable[..., Any], width: int | None = None
) -> list[Any]:
    """The rows of a table that `_put_columns` wrote."""
    width = width or len(kind._fields)  # type: ignore[attr-defined]
    columns = [reader.column(count).tolist() for _ in range(width)]
    return [kind(*row) for row in zip(*columns, strict=True)]


def _read_layers(reader: Reader) -> tuple[tuple[Drawing, ...], ...]:
    layers = []
    for _ in range(reader.one()):
        lengths = reader.take(reader.one())
        marks = _read_table(reader, int(lengths.sum()), Mark)
        ends = np.cumsum(np.append(0, lengths))
        layers.append(tuple(tuple(marks[a:b]) for a, b in pairwise(ends)))
    return tuple(layers)


def _read_piles(reader: Reader, layers: int, head: Head) -> NDArray[np.int32]:
    columns = [reader.column(head["positions"]) for _ in range(layers)]
    return np.stack(columns, -1).astype(np.int32)


def _read_said(sections: dict[str, bytes], head: Head) -> tuple[Said, ...]:
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
