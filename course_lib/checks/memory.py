"""What a reader has answered, remembered from one kernel to the next in a file of the reader's own.

`check` and `guess` say here what was answered. Nothing is printed of it, so a notebook prints the
same with the file, without it, and where it cannot be read or written; `progress` of `teach` says
what is the matter. The file, progress.json in the user's folder of data, has the form in which the
course's pages save and load a reader's progress, and `tried` besides:

    {"version": 1, "solved": ["4.b"], "tried": ["4.c"], "read": [], "guesses": {"4.1": "3"}}

COURSE_LIB_PROGRESS=off keeps nothing, and under pytest nothing is kept unless it says on. A file
that cannot be read is put aside, one of a newer edition stays as it is, and what cannot be written
now goes with the next answer that can.

>>> from course_lib.checks.memory import Remembered
>>> Remembered(solved={"4.b"}) | Remembered(tried={"4.b", "4.c"}, guesses={"4.1": "3"})
Remembered(solved={'4.b'}, tried={'4.c'}, guesses={'4.1': '3'})
"""

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import platformdirs

from course_lib.checkpoint import write_whole

VARIABLE = "COURSE_LIB_PROGRESS"
VERSION = 1  # of the file, as course_lib/edition/player/progress.js has it
LARGEST = 1_000_000  # bytes; a reader who has answered everything has some 2,000
PATIENCE = 2.0  # seconds for which another kernel is left to write


class NewerEdition(Exception):
    """A file that a newer edition of the course has written."""


@dataclass(frozen=True)
class Remembered:
    """Names of the exercises that were solved, of those that were answered and not solved, and
    guesses by name. others: what the pages, or another edition, keep beside them.
    """

    solved: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)
    guesses: dict[str, str] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict, repr=False)

    def __or__(self, new: "Remembered") -> "Remembered":
        """Both together. What was solved once stays so, and of two guesses the new one counts."""
        solved = self.solved | new.solved
        tried = (self.tried | new.tried) - solved
        return Remembered(solved, tried, self.guesses | new.guesses, self.others | new.others)

    @classmethod
    def read(cls, content: bytes) -> "Remembered":
        """What a file holds. Raises NewerEdition, or ValueError if it holds no progress."""
        try:
            found = json.loads(content)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        version = found.pop("version", None) if isinstance(found, dict) else None
        if type(version) is int and version > VERSION:
            raise NewerEdition
        lists = [found.pop(key, []) for key in ("solved", "tried")] if version else []
        guesses = found.pop("guesses", {}) if version else None
        if type(version) is not int or version != VERSION or not isinstance(guesses, dict):
            raise ValueError("no progress of this course")
        if not all(map(_are_texts, (*lists, [*guesses.values()]))):
            raise ValueError("progress of this course with something else in it")
        solved, tried = map(set, lists)
        return cls(solved, tried - solved, guesses, found)

    def written(self) -> bytes:
        """The file's bytes, the same for the same progress."""
        lists = {"solved": sorted(self.solved), "tried": sorted(self.tried), "read": []}
        kept = {"version": VERSION, **lists, **self.others, "guesses": self.guesses}
        return (json.dumps(kept, indent=2) + "\n").encode()


def _are_texts(entries: Any) -> bool:
    return isinstance(entries, list) and all(isinstance(entry, str) for entry in entries)


@dataclass
class Kernel:
    """Of this kernel: what is kept here alone since no file is wanted, what waits to be written,
    and why it waits.
    """

    here: Remembered = field(default_factory=Remembered)
    waiting: Remembered = field(default_factory=Remembered)
    trouble: str = ""


KERNEL = Kernel()


def place() -> Path:
    """Where the file is, whether or not there is one: in the folder that the system has for a
    user's data, such as ~/.local/share, or the one that XDG_DATA_HOME names.
    """
    return platformdirs.user_data_path("course-lib", appauthor=False) / "progress.json"


def why_off() -> str:
    """Why no file is read or written, in words, or nothing."""
    wish = os.environ.get(VARIABLE, "").strip().lower()
    if wish == "on":
        return ""
    if "PYTEST_VERSION" in os.environ:  # also in the kernels that tests start
        return "this is a test"
    return f"{VARIABLE} is {wish[:20]}" if wish else ""


def remember(new: Remembered) -> None:
    """Adds what was answered to the file. Whatever is wrong there, this returns and prints nothing;
    only KeyboardInterrupt passes.
    """
    if why_off():
        KERNEL.here |= new
        return
    KERNEL.waiting |= new
    try:
        path = place()
        with _alone(path):
            before = _found(path)
            now = before | KERNEL.waiting
            if now != before:
                write_whole(path, now.written())
        KERNEL.waiting, KERNEL.trouble = Remembered(), ""
    except Exception as error:  # a reader may have changed whatever this rests on
        KERNEL.trouble = _reason(error)


def recall() -> tuple[Remembered, list[str]]:
    """What is remembered, and in lines for the reader where, or why it is not."""
    if reason := why_off():
        return KERNEL.here, [f"Nothing is kept when this kernel ends: {reason}."]
    path = place()
    where, found, lines = shown(path), Remembered(), []
    try:
        found = _in(path)
        if path.exists():
            lines = [f"Kept in {where}, and nowhere else; forget() deletes it."]
        else:
            lines = [f"What you answer is kept in {where}, unless {VARIABLE} is off."]
    except NewerEdition:
        return KERNEL.waiting, [
            f"{where} is of a newer edition of the course and stays as it is: what you answer here "
            "is forgotten when this kernel ends."
        ]
    except ValueError:
        lines = [f"{where} could not be read. The next answer puts it aside and begins a new one."]
    except Exception as error:
        lines = [f"{where} could not be read: {_reason(error)}."]
    if KERNEL.trouble:
        lines += [f"Not everything of this kernel is kept yet: {KERNEL.trouble}."]
    with suppress(OSError):
        lines += [f"What could not be read is in {shown(aside)}." for aside in _aside(path)]
    return found | KERNEL.waiting, lines


def forget_all() -> str:
    """Deletes the file, what was put aside, and what this kernel remembers. Under a test the file
    stays. Returns why something could not be deleted, or nothing.
    """
    KERNEL.here, KERNEL.waiting, KERNEL.trouble = Remembered(), Remembered(), ""
    if why_off() and "PYTEST_VERSION" in os.environ:
        return ""
    try:
        path = place()
        if path.parent.is_dir():
            with _alone(path):
                for kept in (path, *_aside(path)):
                    kept.unlink(missing_ok=True)
            _lock(path).unlink(missing_ok=True)
            with suppress(OSError):  # where something else is in it
                path.parent.rmdir()
    except OSError as error:
        return f"{shown(path)} could not be deleted: {_reason(error)}"
    return ""


def shown(path: Path) -> str:
    """A path in words, the user's own folder as ~."""
    with suppress(ValueError, RuntimeError):
        return str(Path("~") / path.relative_to(Path.home()))
    return str(path)


def _found(path: Path) -> Remembered:
    """What the file holds; one that cannot be read is put aside. Raises NewerEdition, OSError."""
    try:
        return _in(path)
    except ValueError:
        names = (path.with_name(f"{path.stem}.damaged-{i}.json") for i in count(1))
        path.replace(next(name for name in names if not name.exists()))
        return Remembered()


def _in(path: Path) -> Remembered:
    """What the file holds, nothing if there is none. Raises NewerEdition, ValueError, OSError."""
    if not path.exists():
        return Remembered()
    if not path.is_file():  # a pipe would be read for ever
        raise OSError("it is no file")
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError("too large")
    return Remembered.read(content)


def _aside(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.stem}.damaged-*.json"))


def _lock(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """No other kernel of the user's writes meanwhile. Raises OSError, Timeout too, if it cannot."""
    from filelock import FileLock  # takes a while to load, which no import of the room should

    if not path.is_absolute():
        raise OSError("there is no folder for this user's data")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # readable for its owner alone
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with FileLock(_lock(path), timeout=PATIENCE, poll_interval=0.01):
            yield


def _reason(error: Exception) -> str:
    """An error in words."""
    if isinstance(error, TimeoutError):
        return "another kernel holds the file"
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (" ".join(str(said).split()) or type(error).__name__)[:200]
