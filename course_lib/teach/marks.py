"""The marks of a folder of submissions: a table that is written whole after each of them.

The table is all that a later run needs to go on where this one was stopped: a row that has the
digest of its submission stands. A row that is only begun says how often a run ended there.
"""

import csv
import io
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from course_lib.checkpoint import write_whole

LETTERS = "abcd"
BEGUN = "begun, and not finished"
TRIES = 2  # a submission at which so many runs have ended is not run again
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what makes a spreadsheet take a cell for a program
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


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
    rows: dict[str, Row] = {}
    try:
        # A spreadsheet that has saved the table may have put a mark of UTF-8 before it.
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            lines, heads = [*table], table.fieldnames
    except (UnicodeDecodeError, csv.Error):
        raise ValueError(_no_table(path)) from None
    if heads is not None and set(heads) != set(COLUMNS):  # also of a file of one line
        raise ValueError(_no_table(path))
    for line in lines:
        if set(line) != set(COLUMNS) or None in line.values():
            raise ValueError(_no_table(path))
        row = Row(**{name: _bare(value) for name, value in line.items()})
        rows[row.submission] = row
    return rows


def _no_table(path: Path) -> str:
    return f"{path} is no table of marks, and is left alone; give another --out"


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


def visible(words: str) -> str:
    """The words, with an escape for each control character: a carriage return would end a row of
    the table, and others move a terminal's cursor.
    """
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), words)


def _quoted(value: str) -> str:
    """A cell that no spreadsheet takes for a program."""
    program = value.startswith("'") or value.lstrip().startswith(FORMULA)
    return f"'{value}" if program or value.startswith(FORMULA) else value


def _bare(value: str) -> str:
    return value.removeprefix("'")
