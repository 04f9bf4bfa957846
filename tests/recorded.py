"""Recordings for tests: an explorer at a few of its stops, and what a recording gets wrong.

The answers come from a fresh explorer and from Matplotlib's own transforms: where an artist's path
says that its vertices lie, and what its renderer says that a text's box is.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import Collection
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from course_lib.edition import EXPLORERS, Recording, record
from course_lib.edition.recording import (
    COARSE,
    IMAGE,
    LETTERS,
    SHAPE,
    Mark,
    RecordedControl,
    outline,
)
from course_lib.edition.stops import named_values, recorded_controls
from course_lib.explorers.stage import Explorer
from course_lib.plots.tiles import GREY, Blit

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
PLAYER = Path(__file__).resolve().parent.parent / "course_lib" / "edition" / "player"
HALF = 0.5  # of a shown pixel, by which geometry may be off
# Markers are put on whole drawn pixels, up to one off, and their edges too, up to half of one.
MARKER = 0.75
FAR = 8192.0  # shown pixels; farther out, vertices are drawn nearer


def stops_of(explorer: Explorer) -> tuple[RecordedControl, ...]:
    """The stops at which the edition records it."""
    name = type(explorer).__name__
    named = named_values(name, explorer.controls, NOTEBOOKS) if name in EXPLORERS else {}
    return recorded_controls(name, explorer.controls, named)


def few(control: RecordedControl, count: int, seed: int) -> RecordedControl:
    """`count` of its stops, the start among them."""
    others = [i for i in range(len(control.values)) if i != control.start]
    chosen = random.Random(seed).sample(others, min(count - 1, len(others)))
    chosen = sorted({control.start, *chosen})
    return replace(
        control,
        values=tuple(control.values[i] for i in chosen),
        shown=tuple(control.shown[i] for i in chosen),
        start=chosen.index(control.start),
    )


@lru_cache
def sample(name: str, count: int = 2, seed: int = 0) -> Recording:
    """An explorer at `count` stops of each control."""
    explorer = EXPLORERS[name].example()
    stops = stops_of(explorer)
    made = record(explorer, tuple(few(c, count, seed + i) for i, c in enumerate(stops)))
    explorer.close()
    return made


def positions(recording: Recording, count: int, seed: int) -> list[tuple[int, ...]]:
    """`count` positions at random, each once, or all if there are fewer."""
    total = len(recording.said)
    chosen = random.Random(seed).sample(range(total), min(count, total))
    return [tuple(int(i) for i in np.unravel_index(at, recording.counts)) for at in chosen]


def faults(recording: Recording, explorer: Explorer, where: Sequence[Sequence[int]]) -> list[str]:
    """What the recording has wrong at these positions, held to `explorer`, which is moved there."""
    found = []
    for indices in where:
        pairs = zip(recording.controls, indices, strict=True)
        values = {control.name: control.values[i] for control, i in pairs}
        try:
            numbers = explorer.at(**values)
        except Exception:
            numbers = {}
        found += [f"{values}: {fault}" for fault in _wrong(recording, explorer, indices, numbers)]
    return found


def _wrong(
    recording: Recording, explorer: Explorer, indices: Sequence[int], numbers: dict[str, float]
) -> Iterator[str]:
    frame = recording.frame(indices)
    if frame.sentence != explorer.sentence:
        yield f"says {frame.sentence!r}, not {explorer.sentence!r}"
    if dict(frame.numbers) != {name: f"{v:.6g}".replace("-", "−") for name, v in numbers.items()}:
        yield f"has the numbers {frame.numbers}, not {numbers}"
    idle = {name for name, widget in explorer._widgets.items() if widget.disabled}
    if set(frame.idle) != idle:
        yield f"greys out {frame.idle}, not {idle}"
    if (frame.problem is None) == explorer._failed:
        yield f"has the problem {frame.problem!r}"
    if not explorer._failed:
        pairs = zip(explorer.stage.moving, frame.drawings[1:], strict=True)
        for artist, drawing in pairs:
            kind = type(artist).__name__
            yield from (f"{kind} {fault}" for fault in _misdrawn(recording, artist, drawing))


def _misdrawn(recording: Recording, artist: Artist, drawing: tuple[Mark, ...]) -> Iterator[str]:
    """What is wrong with one artist's drawing."""
    if not artist.get_visible() and not isinstance(artist, Blit):  # which is white if it is empty
        if drawing:
            yield "is drawn, and cannot be seen"
    elif isinstance(artist, Text):
        yield from _miswritten(recording, artist, drawing)
    elif isinstance(artist, Blit):
        top = int(_height(artist)) - artist._top
        yield from _mispictured(recording, artist._rows, (artist._left, top), drawing)
    elif isinstance(artist, AxesImage):
        renderer = _renderer(artist)
        rows, left, foot, _ = artist.make_image(renderer)
        top = int(_height(artist) - (foot + len(rows)))
        yield from _mispictured(recording, rows, (int(left), top), drawing)
    else:
        yield from _misplaced(recording, artist, drawing)


def _renderer(artist: Any) -> Any:
    """The notebook's own."""
    return artist.figure.canvas.get_renderer()


def _miswritten(recording: Recording, text: Any, drawing: tuple[Mark, ...]) -> Iterator[str]:
    """Each line's letters begin where Matplotlib's layout puts its left end, on its baseline."""
    if text.get_path_effects():  # then its letters are outlines, once for each effect
        if text.get_text().strip() and not any(mark.kind == SHAPE for mark in drawing):
            yield f"{text.get_text()!r} is not drawn"
        return
    marks = [mark for mark in drawing if mark.kind == LETTERS]
    _, laid_out, _ = text._get_layout(_renderer(text))  # where each line begins
    lines = [(line, offset) for line, _, offset in laid_out if line.strip()]
    if len(marks) != len(lines):
        yield f"{text.get_text()!r} has {len(marks)} rows of letters"
        return
    for mark, (line, offset) in zip(marks, lines, strict=True):
        foot = text.get_transform().transform((text._x, text._y)) + offset
        there = np.array([foot[0], _height(text) - foot[1]]) / 2
        off = np.abs(np.array([mark.x, mark.y]) / COARSE - there).max()
        letters = len(recording.tables.rows[mark.which])
        wanted = len(line.replace(" ", "").replace("\u00a0", ""))
        if off > HALF:
            yield f"{line!r} is off by {off:.2f} px"
        if "$" not in line and letters != wanted:
            yield f"{line!r} has {letters} letters"


def _height(artist: Any) -> float:
    """Of the figure, in drawn pixels."""
    return float(round(artist.figure.bbox.height))


def _mispictured(
    recording: Recording, rows: Any, corner: tuple[int, int], drawing: tuple[Mark, ...]
) -> Iterator[str]:
    """The images, put together on the lines between, are the picture, pixel by pixel."""
    wanted, (left, top) = rows[::-1], corner
    sheet = np.full_like(wanted, 255)
    sheet[..., :3] = GREY
    for mark in drawing:
        if mark.kind == IMAGE:
            pixels = recording.tables.images[mark.which]
            scale = mark.style * 2 // COARSE
            large = pixels.repeat(scale, 0).repeat(scale, 1)
            x, y = mark.x * 2 // COARSE - left, mark.y * 2 // COARSE - top
            place = sheet[y : y + large.shape[0], x : x + large.shape[1], : max(3, large.shape[2])]
            if place.shape[:2] != large.shape[:2]:
                yield "has an image that reaches beyond its picture"
                return
            place[:] = large
    if not np.array_equal(sheet, wanted):
        yield f"differs in {(sheet != wanted).any(-1).mean():.1%} of its pixels"


def _misplaced(recording: Recording, artist: Any, drawing: tuple[Mark, ...]) -> Iterator[str]:
    """Vertices lie where the artist's own path and transform put them."""
    wanted = _vertices_of(artist)
    marks = [mark for mark in drawing if mark.kind == SHAPE]
    if not marks:
        width, height = artist.figure.bbox.size / 2
        inside = (wanted >= 0).all(-1) & (wanted <= (width, height)).all(-1)
        if inside.any() and (np.ptp(wanted, 0) > 0).all():
            yield "is not drawn"
        return
    for mark in marks:
        at = np.array([mark.x, mark.y]) / COARSE
        places = outline(recording.tables, mark.which)[1]
        if _is_marker(recording, artist, mark):
            middle = (places.min(0) + places.max(0)) / 2
            others = outline(recording.tables, mark.places - 1)[1] if mark.places else 0 * middle
            found = at + middle + others.reshape(-1, 2)
            yield from _apart(found, _marked(artist, wanted), MARKER)
        else:
            yield from _apart(at + places, wanted)


def _is_marker(recording: Recording, artist: Any, mark: Mark) -> bool:
    alone = isinstance(artist, Line2D) and artist.get_linestyle() == "None"
    return alone or mark.places > 0 or recording.tables.shapes[mark.which].fine


def _marked(line: Line2D, vertices: np.ndarray) -> np.ndarray:
    """Those that have a marker."""
    every = line.get_markevery()
    return vertices if every is None else vertices[every]  # type: ignore[index]


def _apart(found: np.ndarray, wanted: np.ndarray, most: float = HALF) -> Iterator[str]:
    if found.shape != wanted.shape:
        yield f"has {len(found)} vertices, not {len(wanted)}"
    elif len(found) and (off := np.abs(found - wanted).max()) > most:
        yield f"is off by {off:.2f} px"


def _vertices_of(artist: Any) -> np.ndarray:
    """The vertices of an artist's path in shown pixels, y downwards, without gaps."""
    if isinstance(artist, Collection):
        path, transform = artist.get_paths()[0], artist.get_transform()
    else:
        assert isinstance(artist, Line2D | Patch)
        path, transform = artist.get_path(), artist.get_transform()
    vertices = transform.transform(np.asarray(path.vertices)) / 2
    vertices[:, 1] = _height(artist) / 2 - vertices[:, 1]
    if path.codes is not None:
        for i in np.flatnonzero(np.asarray(path.codes) == path.CLOSEPOLY):
            vertices[i] = vertices[i - 1]
    kept: np.ndarray = np.clip(vertices[np.isfinite(vertices).all(-1)], -FAR, FAR)
    return kept
