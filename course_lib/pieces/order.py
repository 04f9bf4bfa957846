"""Pieces, the files that keep their results, and the order in which these come."""

import contextlib
import hashlib
import json
import re
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tqdm import tqdm

from course_lib.checkpoint import write_whole


@dataclass(frozen=True)
class Piece:
    """One part of a computation, which needs no other: work(*arguments) gives its result.

    name: for people, in a word or two. key: all that the result depends on; result and key are
    plain values, as JSON knows them. size: how far the piece moves the progress bar.
    work must be a function of a module, and the arguments plain values or bytes: both may travel.
    """

    name: str
    key: dict[str, Any]
    work: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    size: int = 1

    @property
    def label(self) -> str:
        """The name and a few digits of the key: no two pieces share one, and a file may bear it."""
        digest = hashlib.sha256(json.dumps(self.key, sort_keys=True).encode()).hexdigest()
        return f"{re.sub('[^A-Za-z0-9]+', '-', self.name).strip('-')}-{digest[:16]}"


class ComputePlace(Protocol):
    """Where pieces are computed."""

    def finished(self, pieces: Iterable[Piece]) -> Iterator[tuple[Piece, Any]]:
        """Each piece with its result, as they are finished."""
        ...


class Here:
    """This process: one piece after another."""

    def finished(self, pieces: Iterable[Piece]) -> Iterator[tuple[Piece, Any]]:
        """Each piece with its result, in their own order."""
        for piece in pieces:
            yield piece, piece.work(*piece.arguments)


HERE = Here()


class KeptResults:
    """Results in a folder, one file each, which holds the piece's key too."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def path(self, piece: Piece) -> Path:
        """Where the result of this piece is kept."""
        return self.folder / f"{piece.label}.json"

    def has(self, piece: Piece) -> bool:
        """Whether it is."""
        return self.path(piece).exists()

    def write(self, piece: Piece, result: Any) -> None:
        """Keeps it: the whole file or none of it. Raises OSError if it cannot be written."""
        text = json.dumps({"key": piece.key, "result": result})
        write_whole(self.path(piece), text.encode())

    def read(self, piece: Piece) -> Any:
        """What was kept. Raises ValueError if the file holds no result of this piece."""
        path = self.path(piece)
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["key"] != json.loads(json.dumps(piece.key)):
                raise ValueError(f"its key is {kept['key']}")
            return kept["result"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} holds no result of {piece.name} ({error}); remove it, and the piece is "
                "computed again"
            ) from error

    def remove(self, pieces: Iterable[Piece]) -> None:
        """Keeps theirs no longer, if it does; the folder goes with its last file."""
        for piece in pieces:
            self.path(piece).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty
            self.folder.rmdir()


def in_order(
    pieces: Sequence[Piece], folder: Path | str, place: ComputePlace = HERE, **options: Any
) -> Iterator[Any]:
    """The results of the pieces, in their order, each as soon as all before it are there.

    Otherwise as `in_batches`, whose options it takes.
    """
    for batch in in_batches(pieces, folder, place, every=0.0, **options):
        yield from batch


def in_batches(
    pieces: Sequence[Piece],
    folder: Path | str,
    place: ComputePlace = HERE,
    *,
    every: float = 1.0,
    unit: str = "piece",
    done: int = 0,
    progress_bar: bool = True,
) -> Iterator[list[Any]]:
    """The results of the pieces, in their order, in lists that are at least `every` seconds apart.

    A result is kept in `folder` from the moment it is finished until the next list is asked for:
    the caller has then put it where it belongs. What is kept there already is not computed again.
    A caller that was stopped in between may have put a result there that is still kept: it leaves
    the piece out, and tells KeptResults to remove it.
    unit, done: what the bar on a terminal counts, and how much of it was there before.
    Raises ValueError if two pieces share a key or a kept file is of no use, and whatever a piece or
    the place raises; what is finished is then kept.
    """
    kept = KeptResults(folder)
    _require_different(pieces)
    todo = [piece for piece in pieces if not kept.has(piece)]
    total, left = (sum(piece.size for piece in some) for some in (pieces, todo))
    disable = None if progress_bar else True  # None: where no terminal shows it
    counted = {"total": done + total, "initial": done + total - left, "unit": unit}
    bar = tqdm(**counted, disable=disable, leave=False)
    with bar, contextlib.closing(_finished(place, todo)) as finished:
        ready, before = list[Piece](), time.monotonic()
        for piece in pieces:
            while not kept.has(piece):
                newest, result = next(finished)
                kept.write(newest, result)
                bar.update(newest.size)
            ready.append(piece)
            if piece is pieces[-1] or time.monotonic() - before >= every:
                yield [kept.read(one) for one in ready]
                kept.remove(ready)
                ready, before = [], time.monotonic()


def say(line: str) -> None:
    """Prints a line at once, above a progress bar if there is one."""
    tqdm.write(line)
    sys.stdout.flush()


def _finished(
    place: ComputePlace, pieces: Sequence[Piece]
) -> Generator[tuple[Piece, Any], None, None]:
    yield from place.finished(pieces)


def _require_different(pieces: Sequence[Piece]) -> None:
    """Raises ValueError if two of them have one label."""
    labels: dict[str, str] = {}
    for piece in pieces:
        if piece.label in labels:
            raise ValueError(f"{labels[piece.label]} and {piece.name} have one key, {piece.key}")
        labels[piece.label] = piece.name
