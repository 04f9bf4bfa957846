"""The marks of a folder of submissions: a table that is written whole after each of them.

The table is all that a later run needs to go on where this one was stopped: a row that has the
digest of its submission stands. A row that is only begun says how often a run ended there.
"""

import csv
import io
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from course_lib.checkpoint import write_whole

LETTERS = "abcd"
BEGUN = "begun, and not finished"
TRIES = 2  # a submission at which so many runs have ended is not run again
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what makes a spreadsheet take a cell for a program


@dataclass
class Row:
    """One submission: a point for each exercise that is right, and what else there is to say."""

    submission: str
    chapter: str = ""
    class_name: str = ""
    a: str = ""
    b: str = ""
    c: str = ""
    d: str = ""
    points: str = "0"
    of: str = ""
    note: str = ""
    digest: str = ""

    @property
    def begun(self) -> int:
        """How many runs began it and did not finish it."""
        return int(self.points) if self.note == BEGUN else 0


COLUMNS = [column.name for column in fields(Row)]


def read_marks(path: Path) -> dict[str, Row]:
    """The rows by submission; none if there is no table yet.

    Raises ValueError if the file is a table of something else, so that nothing is written over it.
    """
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        lines = [*csv.DictReader(file)]
    rows: dict[str, Row] = {}
    for line in lines:
        if set(line) != set(COLUMNS) or None in line.values():
            raise ValueError(f"{path} is no table of marks, and is left alone; give another --out")
        row = Row(**{name: _bare(value) for name, value in line.items()})
        rows[row.submission] = row
    return rows


def write_marks(path: Path, rows: list[Row]) -> None:
    """Writes the table whole, or not at all."""
    file = io.StringIO(newline="")
    table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    table.writeheader()
    for row in rows:
        line = asdict(row) | {"note": " ".join(row.note.split())}
        table.writerow({name: _quoted(value) for name, value in line.items()})
    write_whole(path, encodable(file.getvalue()).encode())


def encodable(words: str) -> str:
    """The words, with an escape for half a pair of UTF-16: JSON may hold one, and no file can."""
    return words.encode("utf-8", "backslashreplace").decode()


def _quoted(value: str) -> str:
    """A cell that no spreadsheet takes for a program."""
    program = value.startswith("'") or value.lstrip().startswith(FORMULA)
    return f"'{value}" if program or value.startswith(FORMULA) else value


def _bare(value: str) -> str:
    return value.removeprefix("'")
