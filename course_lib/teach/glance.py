"""The course at a glance, as text and as HTML: what was solved, tried, guessed; what is next."""

import html
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote

State = Literal["solved", "tried", "open"]
SIGNS: dict[State, str] = {"solved": "✓", "tried": "◐", "open": "○"}
# What is said, in English; where the course's pages say the same, in their words.
SAID = {
    "exercises": "{solved} of {all} exercises solved",
    "tried": "{tried} more tried",
    "guesses": "{made} of {all} guesses made",
    "of a chapter": "guesses {made} of {all}",
    "next": "Next: {name}",
    "next again": "Next: {name}, tried before",
    "where": "{next}, in {file}",
    "all": "Every exercise is solved.",
    "forgotten": "Nothing is remembered any more.",
}
# Tints that keep the text legible on a light page and on a dark one, in the text's own colour.
TINTS: dict[State, str] = {
    "solved": "background:rgba(46,160,67,.28);border-color:rgba(46,160,67,.9)",
    "tried": "background:rgba(240,172,31,.2);border-color:rgba(240,172,31,.9)",
    "open": "border-color:rgba(128,128,128,.6)",
}
CELL = "text-align:left;padding:.2em .9em .2em 0;vertical-align:baseline;white-space:nowrap"
CHIP = "display:inline-block;border:1px solid;border-radius:.8em;padding:0 .55em;margin-right:.3em"


class ExerciseState(NamedTuple):
    """An exercise such as 4.b: solved, tried (answered, and not solved) or open."""

    name: str
    state: State


@dataclass(frozen=True)
class ChapterProgress:
    """What was done of one chapter. notebook: its file, None where there is none.

    guesses: the names of all that it asks for; guessed: of those that were made.
    """

    number: int
    title: str
    notebook: Path | None
    exercises: tuple[ExerciseState, ...]
    guesses: frozenset[str]
    guessed: frozenset[str]

    @property
    def file(self) -> str:
        """Its notebook with the folder of that, as the README names it; empty without one."""
        return f"{self.notebook.parent.name}/{self.notebook.name}" if self.notebook else ""

    @property
    def address(self) -> str:
        """A link from the notebook that shows it; empty where there is no way."""
        if self.notebook is None:
            return ""
        try:
            return quote(Path(os.path.relpath(self.notebook)).as_posix())
        except (OSError, ValueError):  # the working folder is gone, or on another drive
            return ""


@dataclass(frozen=True, repr=False)
class CourseProgress:
    """What `progress` shows: chapters in order; about: where it is kept, in lines."""

    chapters: tuple[ChapterProgress, ...]
    about: tuple[str, ...]

    @property
    def exercises(self) -> list[ExerciseState]:
        """All of them, in the order of the course."""
        return [exercise for chapter in self.chapters for exercise in chapter.exercises]

    @property
    def next_open(self) -> ExerciseState | None:
        """The first exercise that is not solved from the farthest answered one on, in the order of
        the course, else the first of all; None if all are solved.
        """
        states = [exercise.state for exercise in self.exercises]
        farthest = max((i for i, state in enumerate(states) if state != "open"), default=0)
        ahead = [*self.exercises[farthest:], *self.exercises[:farthest]]
        return next((exercise for exercise in ahead if exercise.state != "solved"), None)

    @property
    def totals(self) -> str:
        """How much was done, in a line."""
        states = [exercise.state for exercise in self.exercises]
        parts = [SAID["exercises"].format(solved=states.count("solved"), all=len(states))]
        if tried := states.count("tried"):
            parts[0] += f", {SAID['tried'].format(tried=tried)}"
        asked = sum(len(chapter.guesses) for chapter in self.chapters)
        made = sum(len(chapter.guessed) for chapter in self.chapters)
        return " · ".join([*parts, *([SAID["guesses"].format(made=made, all=asked)] * bool(asked))])

    def __repr__(self) -> str:
        width = max((len(chapter.title) for chapter in self.chapters), default=0)
        rows = []
        for chapter in self.chapters:
            letters = (f"{_letter(name)} {SIGNS[state]}" for name, state in chapter.exercises)
            marks = "  ".join(letters)
            cells = (f"{chapter.number:>4}", chapter.title.ljust(width), marks, _guesses(chapter))
            rows.append("  ".join(cells).rstrip())
        file = self._next_chapter.file if self._next_chapter else ""
        return "\n".join([self.totals, "", *rows, "", _legend(), self._next(file), *self.about])

    def _repr_html_(self) -> str:
        rows = "".join(map(_row, self.chapters))
        chapter = self._next_chapter
        link = _linked(chapter.file, chapter.address) if chapter else ""
        lines = [_legend(), *self.about]
        small = "<br>".join(html.escape(line) for line in lines)
        return (
            f"<p><strong>{html.escape(self.totals)}</strong></p>"
            f'<table style="border-collapse:collapse;margin:0 0 1em"><tbody>{rows}</tbody></table>'
            f"<p>{self._next(link)}</p>"
            f'<p style="font-size:.85em">{small}</p>'
        )

    @property
    def _next_chapter(self) -> ChapterProgress | None:
        """The chapter of the next open exercise."""
        return next((each for each in self.chapters if self.next_open in each.exercises), None)

    def _next(self, file: str) -> str:
        """The line on the next open exercise, with the notebook as it is to be named."""
        exercise = self.next_open
        if exercise is None:
            return SAID["all"]
        key = "next again" if exercise.state == "tried" else "next"
        said = SAID[key].format(name=exercise.name)
        return SAID["where"].format(next=said, file=file) if file else said


def _letter(name: str) -> str:
    return name.partition(".")[2]


def _guesses(chapter: ChapterProgress) -> str:
    if not chapter.guesses:
        return ""
    return SAID["of a chapter"].format(made=len(chapter.guessed), all=len(chapter.guesses))


def _legend() -> str:
    return " · ".join(f"{sign} {state}" for state, sign in SIGNS.items())


def _row(chapter: ChapterProgress) -> str:
    """A chapter's row of HTML."""
    chips = "".join(
        f'<span role="img" aria-label="{name}: {state}" title="{name}: {state}" '
        f'style="{CHIP};{TINTS[state]}">{SIGNS[state]} {_letter(name)}</span>'
        for name, state in chapter.exercises
    )
    cells = (
        str(chapter.number),
        _linked(chapter.title, chapter.address),
        chips,
        html.escape(_guesses(chapter)),
    )
    filled = "".join(f'<td style="{CELL}">{cell}</td>' for cell in cells)
    return f"<tr>{filled}</tr>"


def _linked(words: str, address: str) -> str:
    said = html.escape(words)
    return f'<a href="{html.escape(address)}">{said}</a>' if address else said
