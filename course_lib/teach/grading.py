"""A folder of submissions is graded, one after the other, and can be stopped and gone on with."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

from course_lib.exercises import AnyExercise
from course_lib.index import text
from course_lib.teach.choosing import needed
from course_lib.teach.classes import exercises_of
from course_lib.teach.confinement import Limits
from course_lib.teach.feedback import write_feedback
from course_lib.teach.fingerprint import course_fingerprint
from course_lib.teach.handed_in import (
    HandedIn,
    looks_at_answers,
    name_in,
    notebooks_in,
    read_submission,
)
from course_lib.teach.judging import verdict_on_record
from course_lib.teach.marks import BEGUN, LETTERS, TRIES, Row, read_marks, write_marks
from course_lib.teach.notebooks import chapter_path, read_notebook
from course_lib.teach.submissions import Returned, run_submission
from course_lib.teach.variation import require_class_name


@dataclass(frozen=True)
class Terms:
    """By what a folder is graded. class_name: whose numbers count. chapter: what every submission
    must be of; 0 for what each says itself. all_cells: whether cells run that no answer needs.
    """

    class_name: str = ""
    chapter: int = 0
    limits: Limits = field(default_factory=Limits)
    all_cells: bool = False

    def __post_init__(self) -> None:
        if self.class_name:  # in lower case, in which the course knows it
            object.__setattr__(self, "class_name", require_class_name(self.class_name))
        if self.chapter:
            exercises_of(self.chapter)


class CourseChanged(RuntimeError):
    """The course's own files are not what they were when grading began."""


def grade(
    folder: Path, out: Path, terms: Terms | None = None, say: Callable[[str], None] = print
) -> list[Row]:
    """Grades every notebook below the folder; writes the table `out`, and pages beside it.

    Rows of an earlier run stand where the submission is the same, or is gone. Raises ValueError if
    there is no such folder, it holds no notebook, or `out` holds something else, marks of another
    folder too; CourseChanged if a submission reached the course.
    """
    notebooks, others = notebooks_in(folder)
    for path in others:
        say(f"{name_in(folder, path)}: left out, no .ipynb")
    work = _Work(out, terms or Terms(), folder)
    work.require_own([name_in(folder, path) for path in notebooks])
    for number, path in enumerate(notebooks, start=1):
        row = work.graded(path)
        say(f"[{number}/{len(notebooks)}] {row.submission}: {row.points} of {row.of}  {row.note}")
    for name in work.gone:
        say(f"{name}: not in the folder any more, its row is kept")
    return work.all()


class _Work:
    """The table as it grows."""

    def __init__(self, out: Path, terms: Terms, folder: Path) -> None:
        self.out, self.terms, self.folder = out, terms, folder
        self.rows = read_marks(out)
        self.fingerprint = course_fingerprint()
        self.gone: list[str] = []  # rows whose submission is not there

    def require_own(self, names: list[str]) -> None:
        """Raises ValueError unless there are submissions, and the rows that stand are of some."""
        if not names:
            raise ValueError(
                f"no notebook below {self.folder}, and {len(self.rows):,} rows in {self.out}; "
                "nothing is graded"
            )
        self.gone = [name for name in self.rows if name not in names]
        if self.rows and len(self.gone) == len(self.rows):
            raise ValueError(
                f"none of the {len(self.rows):,} submissions of {self.out} is among the "
                f"{len(names):,} below {self.folder}: the table is left alone"
            )

    def graded(self, path: Path) -> Row:
        """The row of a submission: the one that stands, or a new one."""
        one = read_submission(path, self.folder, self.terms.chapter)
        row = Row(one.name, str(one.chapter or ""), self.terms.class_name, digest=self._digest(one))
        old = self.rows.get(one.name)
        tries = old.begun if old and old.digest == row.digest else 0
        done = old and old.digest == row.digest and old.note != BEGUN
        if old and done and self._has_page(one):
            return old
        if tries >= TRIES:
            one.notes.append(f"{tries} runs of the grader ended here: not run again")
            one.cells = []
        self._begin(row, tries + 1)
        try:
            self._judge(one, row)
        except BaseException:
            self._begin(row, tries)  # stopped from outside, which is no fault of the submission's
            raise
        self._set(row)
        return row

    def _begin(self, row: Row, tries: int) -> None:
        """Says in the table that a submission is begun."""
        self._set(replace(row, points=str(tries), note=BEGUN))

    def _set(self, row: Row) -> None:
        self.rows[row.submission] = row
        write_marks(self.out, self.all())

    def all(self) -> list[Row]:
        """The rows by name."""
        return sorted(self.rows.values(), key=lambda row: row.submission)

    def _digest(self, one: HandedIn) -> str:
        """Of all on which the marks depend."""
        parts = (one.digest, self.terms.class_name, str(self.terms.chapter), self.fingerprint)
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]

    def _page(self, one: HandedIn) -> Path:
        folder = self.out.with_name(f"{self.out.stem}-feedback")
        return folder / f"{one.name.removesuffix('.ipynb')}.md"

    def _has_page(self, one: HandedIn) -> bool:
        with suppress(OSError):  # a name that is too long
            return self._page(one).is_file()
        return False

    def _judge(self, one: HandedIn, row: Row) -> None:
        """Runs a submission, judges its answers, writes its page, and fills in its row."""
        exercises: dict[str, AnyExercise] = {}
        try:
            exercises = exercises_of(one.chapter, self.terms.class_name)
        except ValueError:
            one.notes.append("of no chapter: it asks for no exercise of the course")
        returned = self._run(one) if exercises and one.cells else Returned()
        if course_fingerprint() != self.fingerprint:
            raise CourseChanged(f"course_lib was changed while {one.name} ran: mend it, begin anew")
        verdicts = {
            name: verdict_on_record(exercise, returned.answers.get(name))
            for name, exercise in exercises.items()
        }
        marks = {name[-1]: str(int(verdict.accepted)) for name, verdict in verdicts.items()}
        for letter in LETTERS:
            setattr(row, letter, marks.get(letter, ""))
        row.points, row.of = str(sum(map(int, marks.values()))), str(len(marks) or "")
        one.notes += [returned.ended] if returned.ended else []
        row.note = "; ".join(one.notes)
        page = ""
        try:
            write_feedback(self._page(one), row, exercises, verdicts, returned.errors)
        except OSError as error:  # a name that is too long, or a folder in its place
            page = f"its page could not be written: {error.strerror}"
        row.note = "; ".join(filter(None, [row.note, one.suspicion, page]))  # for the teacher alone

    def _run(self, one: HandedIn) -> Returned:
        """What a submission answers: first by the cells that answers need; if a name is missing
        then, by all of them.
        """
        if one.class_name != self.terms.class_name:
            one.notes.append(
                f"handed out to the class {one.class_name or 'none'}, graded as "
                f"{self.terms.class_name or 'none'}"
            )
        handed_out = handed_out_cells(one.chapter)
        own = [cell for cell in one.cells if cell[1].strip() not in handed_out]
        one.suspicion = looks_at_answers(own)
        some = one.cells if self.terms.all_cells else needed(one.cells, handed_out)
        run = partial(run_submission, one.chapter, self.terms.class_name)
        returned = run(some, self.terms.limits)
        lacks = any(error.startswith("NameError") for _, error in returned.errors)
        if not lacks or returned.ended or len(some) == len(one.cells):
            return returned
        again = run(one.cells, self.terms.limits)
        again.answers = returned.answers | again.answers
        return again


@lru_cache(maxsize=12)
def handed_out_cells(chapter: int) -> frozenset[str]:
    """The sources of a chapter's cells of code."""
    cells = read_notebook(chapter_path(chapter))["cells"]
    return frozenset(text(c["source"]).strip() for c in cells if c["cell_type"] == "code")
