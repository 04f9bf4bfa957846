"""One submission is run, in a process of its own that is held, and what it answers is collected."""

import json
import math
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from course_lib.teach.choosing import Placed
from course_lib.teach.confinement import MIB, Limits, command, environment, new_scratch
from course_lib.teach.marks import encodable, visible
from course_lib.teach.tensors import Record

TO_START = 180.0  # seconds that loading the packages may take
LOOK = 0.1  # seconds between two looks at a process
MOST_SENT = 64 * MIB  # bytes that a submission may pass on
MOST_WRITTEN = 512 * MIB  # in its folder, in all
MOST_FILES = 10_000


@dataclass
class Returned:
    """What came of a submission: its answers as data, the errors of its cells, and how it ended;
    nothing if it ended well.
    """

    answers: dict[str, Record] = field(default_factory=dict)
    errors: list[tuple[int, str]] = field(default_factory=list)
    ended: str = ""
    begun: float = math.inf  # the clock's seconds when its first cell began
    finished: bool = False

    def take(self, line: bytes) -> None:
        """Reads one event; what is none is left out, since a submission may write anything."""
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict):
            return
        name, record, place = event.get("answer"), event.get("record"), event.get("cell")
        if isinstance(name, str) and isinstance(record, dict):
            self.answers[name] = record
        elif isinstance(place, int):
            self.errors.append((place, _words(event.get("error"))))
        elif "failed" in event:
            self.ended = f"could not be run: {_words(event['failed'])}"
        self.finished |= event.get("done") is True
        if event.get("begun") is True:
            self.begun = min(self.begun, time.monotonic())


def _words(said: Any) -> str:
    """What a process says of an error, which may be anything."""
    return (
        visible(encodable(said))[:300] if isinstance(said, str) else "an error that cannot be shown"
    )


def run_submission(chapter: int, class_name: str, cells: list[Placed], limits: Limits) -> Returned:
    """Runs the cells in a fresh process, and returns what it passed on until it ended, or was
    ended.
    """
    with new_scratch() as folder:
        scratch = Path(folder)
        order = {
            "chapter": chapter,
            "class": class_name,
            "cells": cells,
            "scratch": folder,
            "limits": asdict(limits),
            "cell_seconds": limits.cell_seconds,
        }
        with subprocess.Popen(
            command(),
            cwd=scratch,
            env=environment(scratch),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                return _watched(process, json.dumps(order).encode(), scratch, limits)
            finally:
                end(process)


def _watched(
    process: "subprocess.Popen[bytes]", order: bytes, scratch: Path, limits: Limits
) -> Returned:
    """Gives the order, and looks after the process until it has ended or must be."""
    assert process.stdin is not None
    assert process.stdout is not None
    received = _Received(process.stdout)
    started, why, looks = time.monotonic(), "", 0
    try:
        process.stdin.write(order)
        process.stdin.close()
    except OSError:  # it has ended already
        why = "it ended before it began"
    while not why and process.poll() is None:
        time.sleep(LOOK)
        looks += 1
        why = received.fault or _fault(process.pid, limits, started, received.returned.begun)
        if not why and looks % 10 == 0:
            why = _litter(scratch)
    end(process)
    returned = received.all()
    if not returned.finished and not returned.ended:
        returned.ended = why or f"its process ended by itself ({_how(process.returncode)})"
    return returned


def _fault(pid: int, limits: Limits, started: float, begun: float) -> str:
    """Why a process must be ended now, or nothing. Its time counts from its first cell on: the
    machine may be slow to load the packages.
    """
    now = time.monotonic()
    if now - begun > limits.seconds:
        return f"stopped after {limits.seconds:g} seconds"
    if begun == math.inf and now - started > TO_START:
        return f"it did not begin within {TO_START:g} seconds"
    if sum(1 for _ in descendants(pid)) > limits.processes:
        return f"stopped: it started more than {limits.processes} processes"
    return ""


def _litter(scratch: Path) -> str:
    """Why a process has written too much, or nothing."""
    count = size = 0
    for folder, _, files in os.walk(scratch):
        for name in files:
            count += 1
            try:
                size += (Path(folder) / name).lstat().st_size
            except OSError:
                continue
        if count > MOST_FILES or size > MOST_WRITTEN:
            return f"stopped: it wrote more than {MOST_WRITTEN // MIB} MiB, or {MOST_FILES:,} files"
    return ""


def _how(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None or code >= 0:
        return f"exit status {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def descendants(pid: int) -> Iterator[int]:
    """The processes that a process started, and those that these did, where /proc tells."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            own, _, rest = stat.read_text(errors="replace").partition(" (")
            parent = int(rest.rpartition(") ")[2].split()[1])
        except (OSError, ValueError, IndexError):  # it has ended
            continue
        children.setdefault(parent, []).append(int(own))
    left = list(children.get(pid, []))
    while left:
        found = left.pop()
        yield found
        left += children.get(found, [])


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ends a process and all that it started, as far as they can be found."""
    below = [*descendants(process.pid)]
    if hasattr(os, "killpg"):
        with suppress(OSError):  # there is none left
            os.killpg(process.pid, signal.SIGKILL)
        for pid in below:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    process.kill()
    process.wait()


class _Received:
    """What a process writes, read beside it: so much at most, and no longer than it lives."""

    def __init__(self, source: IO[bytes]) -> None:
        self.fault = ""
        self.returned = Returned()
        self._reader = threading.Thread(target=self._read, args=(source,), daemon=True)
        self._reader.start()

    def _read(self, source: IO[bytes]) -> None:
        size = 0
        while line := source.readline(MOST_SENT):
            size += len(line)
            if size > MOST_SENT:
                self.fault = f"stopped: it passed on more than {MOST_SENT // MIB} MiB"
                return
            self.returned.take(line)

    def all(self) -> Returned:
        """All that came, once the process has ended."""
        self._reader.join(timeout=10)
        return self.returned
