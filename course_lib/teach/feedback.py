"""A student's page: of each exercise the verdict, and a hint where one helps."""

import html
import re
from collections.abc import Mapping
from pathlib import Path

from course_lib.checkpoint import write_whole
from course_lib.checks import Verdict
from course_lib.exercises import AnyExercise
from course_lib.teach.marks import Row

MARKUP = re.compile(r"([\\`*_\[\]#|~$!])")
MOST_ERRORS = 10


def write_feedback(
    path: Path,
    row: Row,
    exercises: Mapping[str, AnyExercise],
    verdicts: Mapping[str, Verdict],
    errors: list[tuple[int, str]],
) -> None:
    """Writes the page. What comes from a submission stands there as plain text.

    Raises OSError if there can be no such file.
    """
    whose = f"Chapter {row.chapter}" if row.chapter else "No chapter"
    whose += f", class {row.class_name}" if row.class_name else ""
    lines = [f"# {plain(row.submission)}: {row.points} of {row.of or '?'}", f"{whose}."]
    for name, verdict in verdicts.items():
        lines.append(f"## {name}: {'right' if verdict.accepted else 'not yet'}")
        lines.append(plain(verdict.message))
        hints = exercises[name].hints
        if not verdict.accepted and hints:
            lines.append(f"A hint: {plain(hints[0])}")
    if row.note:
        lines.append(f"## To be noted\n\n{plain(row.note)}")
    if errors:
        told = [f"- cell {place}: {plain(error)}" for place, error in errors[:MOST_ERRORS]]
        lines.append("\n".join(["## Cells that ended with an error\n", *told]))
    write_whole(path, ("\n\n".join(lines) + "\n").encode())


def plain(words: str) -> str:
    """Words that Markdown and HTML show as they are, in one line."""
    one_line = " ".join(words.split())
    shown = "".join(letter for letter in one_line if letter.isprintable())
    return MARKUP.sub(r"\\\1", html.escape(shown, quote=False))
