"""The process of one submission: it runs cells as a kernel does, and passes on what is answered.

It is started by `submissions`, in a folder of its own. On its input it gets an order, JSON:

    chapter, class     whose exercises these are
    cells              of each its place in the notebook and its source
    scratch, limits    the folder it may write in, and what it may use

On its output it writes a line of JSON for each event, as it happens, so that what comes later takes
nothing of it back: {"answer": name, "record": …} for a `check` of something, {"cell": place,
"error": …} for a cell that failed, {"failed": …} if it could not begin, else {"begun": true} and
at the end {"done": true}.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import course_lib.exercises
from course_lib.checks.time_limit import TookTooLong, limited
from course_lib.exercises import find
from course_lib.teach.classes import exercises_of
from course_lib.teach.confinement import Limits, confine
from course_lib.teach.judging import UNREADABLE, is_blank, tried_answer

MOST_LETTERS = 300  # of an error


class _Shell(InteractiveShell):  # type: ignore[misc,unused-ignore]
    """One that shows no errors, which takes long and nobody reads."""

    def showtraceback(self, *given: Any, **named: Any) -> None:
        """Shows nothing."""

    def showsyntaxerror(self, *given: Any, **named: Any) -> None:
        """Shows nothing."""


class Run:
    """One submission's cells, in one shell."""

    def __init__(self, channel: BinaryIO, order: dict[str, Any]) -> None:
        self.channel, self.order = channel, order
        self.exercises = exercises_of(order["chapter"], order["class"])
        self.answered: set[str] = set()

    def send(self, **event: Any) -> None:
        """Writes a line for the grader."""
        self.channel.write(json.dumps(event).encode() + b"\n")
        self.channel.flush()

    def check(self, name: str, answer: Any = ..., *more: Any) -> None:
        """What `check` is here: it passes on what the answer gives. Raises ValueError if there is
        no such exercise.
        """
        find(name)
        exercise = self.exercises.get(name)
        if exercise is None:  # of another chapter: it counts for nothing
            return
        record = tried_answer(exercise, (answer, *more) if more else answer)
        if not is_blank(exercise, record):
            self.answered.add(name)
            self.send(answer=name, record=record)

    def cells(self) -> None:
        """Runs the cells one after the other, whatever any of them does; then looks for answers
        that no cell has handed to `check`.
        """
        shell = _Shell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        for place, source in self.order["cells"]:
            error = self._error_of(shell, source)
            if error is not None:
                self.send(cell=place, error=shown(error))
        for name in sorted(set(self.exercises) - self.answered):
            self._look(name, shell.user_ns.get(f"answer_{name.replace('.', '_')}", ...))

    def _look(self, name: str, answer: Any) -> None:
        """Passes on an answer that no cell checked. Whatever it does, the next one is looked at."""
        try:
            with limited(self.order["cell_seconds"]):
                self.check(name, answer)
        except BaseException:  # an answer may raise anything when it is read
            self.send(answer=name, record={"refused": f"{name}: {UNREADABLE}"})

    def _error_of(self, shell: InteractiveShell, source: str) -> BaseException | None:
        """What a cell raised, if it did."""
        try:
            with limited(self.order["cell_seconds"]):
                result = shell.run_cell(source, silent=True, store_history=False)
        except BaseException as error:  # a cell may raise anything, at any moment
            return error
        found: BaseException | None = result.error_before_exec or result.error_in_exec
        return found


def shown(error: BaseException) -> str:
    """An error in a line."""
    if isinstance(error, TookTooLong):
        return "stopped: it took too long"
    try:
        words = " ".join(f"{type(error).__name__}: {error}"[:2000].split()).removesuffix(":")
    except BaseException:  # an exception's text may raise another
        return "an error that cannot be shown"
    return words if len(words) <= MOST_LETTERS else f"{words[: MOST_LETTERS - 1]}…"


def main() -> None:
    """Takes the order, confines this process, and runs the cells."""
    channel = os.fdopen(os.dup(1), "wb")
    order = json.loads(sys.stdin.buffer.read())
    run = Run(channel, order)
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        confine(Path(order["scratch"]), Limits(**order["limits"]))
    except (OSError, RuntimeError, ValueError) as error:
        run.send(failed=shown(error))
        os._exit(1)
    for room in (course_lib.exercises, course_lib.exercises.registry):
        room.check = run.check  # type: ignore[attr-defined]
    run.send(begun=True)
    run.cells()
    run.send(done=True)
    os._exit(0)  # no thread of the submission's holds it up


if __name__ == "__main__":
    main()
