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
stored as its first number and differences.

- columns, x or y of vertices: their number, the length of each, then the differences of the
  differences of each, so that a straight line is zeros.
- shapes: the number of rows of codes, the length of each, the rows as run-length codes (code,
  times, code, times, …); the number of shapes, and four columns: codes, x, y, fine.
- rows: their number, each one's number of letters, and three columns over all letters: shape, x, y.
- images: their number, then three columns: height, width, channels.
- pixels: bytes of all images, row by row; of an image with more than LARGE pixels each byte is less
  the one above it, modulo 256.
- layers: their number, and for each: the number of its drawings, how many marks each has, and seven
  columns over all marks: kind, which, style, clip, x, y, places.
- piles: for each layer, a column over the positions: which of its drawings.
- said: three columns over the positions: which template, which list of idle names, 1 if it is a
  problem; then for each template in order and each of its numbers, a column over the positions that
  have this template.
- numbers: a column over the positions, which list of names; then for each list in order and each of
  its names, over the positions that have this list, two columns: the exponents, the mantissas.

The same recording has the same bytes, wherever zlib is the same.
"""

import base64
import gzip
import json
import struct
import zlib
from dataclasses import asdict

from course_lib.edition.integers import Reader
from course_lib.edition.reading import (
    read_control,
    read_layers,
    read_piles,
    read_said,
    read_tables,
)
from course_lib.edition.recording import COARSE, FINE, Recording
from course_lib.edition.writing import WRITERS, Head

MAGIC = b"CVR1"
_PREFACE = struct.Struct("<4sII")
_LENGTH = struct.Struct("<I")


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
    sections = {name: write(recording, head) for name, write in WRITERS.items()}
    head["sections"] = [[name, len(data)] for name, data in sections.items()]
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
    container = b"".join([_LENGTH.pack(len(text)), text, *sections.values()])
    body = gzip.compress(container, 9, mtime=0)
    body = body[:9] + b"\xff" + body[10:]  # the byte that names the system that packed it
    return _PREFACE.pack(MAGIC, len(body), zlib.crc32(body)) + body


def unpack(data: bytes) -> Recording:
    """The recording of `pack`. Raises ValueError if it is cut off, altered or of another format."""
    container = gzip.decompress(checked(data))
    (length,) = _LENGTH.unpack_from(container)
    head = json.loads(container[_LENGTH.size : _LENGTH.size + length])
    at, sections = _LENGTH.size + length, {}
    for name, size in head["sections"]:
        sections[name] = container[at : at + size]
        at += size
    layers = read_layers(Reader(sections["layers"]))
    return Recording(
        head["name"],
        head["title"],
        head["width"],
        head["height"],
        head["hatch_px"],
        tuple(read_control(control) for control in head["controls"]),
        read_tables(head, sections),
        layers,
        read_piles(Reader(sections["piles"]), len(layers), head),
        read_said(sections, head),
    )


def script(name: str, data: bytes) -> str:
    """A classic script that hands a packed recording to the page: course.received(name, base64)."""
    return f"course.received({json.dumps(name)}, {json.dumps(encoded(data))});\n"


def encoded(data: bytes) -> str:
    """Bytes as a page carries them."""
    return base64.b64encode(data).decode("ascii")


def checked(data: bytes) -> bytes:
    """The gzip stream of a packed recording.

    Raises ValueError if it is cut off, altered or of another format.
    """
    if len(data) < _PREFACE.size or data[:4] != MAGIC:
        raise ValueError(f"a recording begins with {MAGIC!r}, got {data[:4]!r}")
    _, length, checksum = _PREFACE.unpack_from(data)
    body = data[_PREFACE.size :]
    if len(body) < length:
        raise ValueError(f"the recording is cut off: {len(body)} bytes of {length}")
    if len(body) > length or zlib.crc32(body) != checksum:
        raise ValueError("the recording was altered: its checksum is another")
    return body
