"""A folder is graded: what is kept, what is done again, and what a page says."""

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from submitting import code, notebook, solutions, store, submit

from course_lib.checks import Verdict
from course_lib.exercises import EXERCISES
from course_lib.teach import CourseChanged, Limits, Terms, fingerprint, grade, grading
from course_lib.teach.choosing import names_in, needed
from course_lib.teach.command import main
from course_lib.teach.feedback import plain, write_feedback
from course_lib.teach.fingerprint import course_fingerprint, exercises_fingerprint
from course_lib.teach.grading import handed_out_cells
from course_lib.teach.handed_in import looks_at_answers, read_submission
from course_lib.teach.judging import tried_answer
from course_lib.teach.marks import BEGUN, Row, read_marks, write_marks
from course_lib.teach.submissions import Returned, descendants

CHOICE = tried_answer(EXERCISES["4.c"], ["i", "v", "vi"])
Run = Callable[..., Returned]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Every run that grading asks for, by the places of its cells; each answers 4.c."""
    made: list[list[int]] = []

    def run(chapter: int, class_name: str, cells: list[tuple[int, str]], limits: Limits) -> Any:
        made.append([place for place, _ in cells])
        return Returned({"4.c": CHOICE})

    monkeypatch.setattr(grading, "run_submission", run)
    return made


def silent(line: str) -> None:
    """Says nothing."""


def folder_of(path: Path, count: int = 3) -> Path:
    for name in ["anna", "ben/work", "carla"][:count]:
        submit(path / f"{name}.ipynb", 4)
    return path


def test_marks_and_pages_are_written_for_each(tmp_path: Path, runs: list[list[int]]) -> None:
    out = tmp_path / "marks.csv"
    rows = grade(folder_of(tmp_path / "in"), out, say=silent)
    assert [row.submission for row in rows] == ["anna.ipynb", "ben/work.ipynb", "carla.ipynb"]
    assert [(row.a, row.b, row.c, row.d, row.points, row.of) for row in rows] == [
        ("0", "0", "1", "0", "1", "4")
    ] * 3
    with out.open(newline="", encoding="utf-8") as file:
        assert [line["points"] for line in csv.DictReader(file)] == ["1", "1", "1"]
    page = (tmp_path / "marks-feedback" / "ben" / "work.md").read_text("utf-8")
    assert page.startswith("# ben/work.ipynb: 1 of 4\n\nChapter 4.\n\n## 4.a: not yet\n\n4.a: not")
    assert "## 4.c: right\n\n4.c: right\n" in page
    assert f"A hint: {plain(EXERCISES['4.a'].hints[0])}" in page
    assert plain(EXERCISES["4.c"].hints[0]) not in page


def test_what_is_done_stands_and_what_has_changed_is_done_again(
    tmp_path: Path, runs: list[list[int]]
) -> None:
    folder, out = folder_of(tmp_path / "in"), tmp_path / "marks.csv"
    first = grade(folder, out, say=silent)
    assert len(runs) == 3
    assert grade(folder, out, say=silent) == first
    assert len(runs) == 3
    submit(folder / "anna.ipynb", 4, {"4.c": 'answer_4_c = ["ii"]'})
    grade(folder, out, say=silent)
    assert len(runs) == 4
    (tmp_path / "marks-feedback" / "carla.md").unlink()
    grade(folder, out, say=silent)
    assert len(runs) == 5
    grade(folder, out, Terms("spring27"), say=silent)
    assert len(runs) == 8


def test_a_row_whose_submission_is_gone_is_kept(tmp_path: Path, runs: list[list[int]]) -> None:
    folder, out = folder_of(tmp_path / "in"), tmp_path / "marks.csv"
    first = grade(folder, out, say=silent)
    (folder / "carla.ipynb").unlink()
    said: list[str] = []
    assert grade(folder, out, say=said.append) == first == [*read_marks(out).values()]
    assert "carla.ipynb: not in the folder any more, its row is kept" in said
    assert len(runs) == 3


def test_a_table_of_another_folder_is_left_alone(tmp_path: Path, runs: list[list[int]]) -> None:
    folder, out = folder_of(tmp_path / "in"), tmp_path / "marks.csv"
    grade(folder, out, say=silent)
    before = out.read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(ValueError, match=r"no notebook below .*other, and 3 rows in .*marks\.csv"):
        grade(other, out, say=silent)
    submit(other / "dora.ipynb", 4)
    with pytest.raises(
        ValueError, match=r"none of the 3 .* of .*marks\.csv is among the 1 .*other"
    ):
        grade(other, out, say=silent)
    assert out.read_bytes() == before
    assert len(runs) == 3


def test_ctrl_c_stops_it_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = folder_of(tmp_path / "in"), tmp_path / "marks.csv"
    made: list[int] = []

    def run(*given: Any) -> Returned:
        made.append(1)
        if len(made) == 2:
            raise KeyboardInterrupt
        return Returned({"4.c": CHOICE})

    monkeypatch.setattr(grading, "run_submission", run)
    assert main(["grade", str(folder), "--out", str(out)]) == 130
    assert "the same command goes on where it was" in capsys.readouterr().err
    stopped = {name: (row.note, row.points) for name, row in read_marks(out).items()}
    # Being stopped counts for nothing against a submission.
    assert stopped == {"anna.ipynb": ("", "1"), "ben/work.ipynb": (BEGUN, "0")}
    assert main(["grade", str(folder), "--out", str(out)]) == 0
    assert len(made) == 4  # anna once, ben twice, carla once
    assert [row.points for row in read_marks(out).values()] == ["1", "1", "1"]
    assert "3 submissions\n  a: right in 0 of 3\n  b: right in 0 of 3" in capsys.readouterr().out


def test_a_second_grading_that_is_stopped_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: list[list[int]]
) -> None:
    """Where a page is there from the first one, and no run has ended at it."""
    folder, out = folder_of(tmp_path / "in", 1), tmp_path / "marks.csv"
    grade(folder, out, say=silent)

    def stopped(*given: Any) -> Returned:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(grading, "run_submission", stopped)
        with pytest.raises(KeyboardInterrupt):
            grade(folder, out, Terms("spring27"), say=silent)
    assert read_marks(out)["anna.ipynb"].note == BEGUN
    (row,) = grade(folder, out, Terms("spring27"), say=silent)
    assert (row.points, len(runs)) == ("1", 2)


def test_what_ended_the_grader_twice_is_not_run_a_third_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: list[list[int]]
) -> None:
    """As it may where nothing keeps a submission from the grader's process."""
    folder, out = folder_of(tmp_path / "in", 2), tmp_path / "marks.csv"

    class Ended(BaseException):
        """In place of a signal, after which nothing more is written."""

    def ends(row: Row, tries: int) -> None:
        raise Ended

    for tries in ("1", "2"):
        with monkeypatch.context() as patched:
            patched.setattr(grading, "run_submission", lambda *given: ends(Row(""), 1))
            patched.setattr(grading._Work, "_set", keeping_begun(grading._Work._set))
            with pytest.raises(Ended):
                grade(folder, out, say=silent)
        row = read_marks(out)["anna.ipynb"]
        assert (row.note, row.points) == (BEGUN, tries)
    rows = grade(folder, out, say=silent)
    assert rows[0].note == "2 runs of the grader ended here: not run again"
    assert rows[0].points == "0"
    assert len(runs) == 1  # ben's
    assert rows[1].points == "1"


def keeping_begun(setting: Any) -> Any:
    """A table in which a count of tries never falls again, as after a kill."""

    def kept(work: Any, row: Row) -> None:
        old = work.rows.get(row.submission)
        if not (old and old.begun > row.begun and row.note == BEGUN):
            setting(work, row)

    return kept


def test_a_course_that_was_changed_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: list[list[int]]
) -> None:
    prints = iter(["one", "one", "other"])
    monkeypatch.setattr(grading, "course_fingerprint", lambda: next(prints))
    with pytest.raises(CourseChanged, match=r"course_lib was changed while ben/work\.ipynb ran"):
        grade(folder_of(tmp_path / "in"), tmp_path / "marks.csv", say=silent)


def test_the_fingerprint_is_that_of_the_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    package = tmp_path / "course_lib"
    package.mkdir()
    (package / "a.py").write_text("x = 1\n")
    before = course_fingerprint()
    (package / "b.txt").write_text("no program")
    assert course_fingerprint() == before
    (package / "a.py").write_text("x = 2\n")
    assert course_fingerprint() != before
    part = exercises_fingerprint()
    (package / "exercises").mkdir()
    (package / "exercises" / "c.py").write_text("y = 1\n")
    assert exercises_fingerprint() != part
    assert len(part) == 12


BAD: dict[str, tuple[Any, str]] = {
    "empty file": (b"", "no notebook of format 4"),
    "bytes": (bytes(range(256)), "no notebook of format 4"),
    "a list": (b"[]", "no notebook of format 4"),
    "deep": (b"[" * 200_000, "no notebook of format 4"),
    "no cells": ({"cells": []}, "no cells of code"),
    "cells that are none": ({"cells": [1, None, {"cell_type": "code", "source": 3}]}, "no cells"),
    "metadata that is none": ({"cells": [code("1")], "metadata": 3}, "of no chapter"),
    "another chapter": (
        {"cells": [code("1")], "metadata": {"course_lib": {"chapter": 77}}},
        "of no chapter",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_submission_gets_a_row_and_the_rest_goes_on(
    name: str, tmp_path: Path, runs: list[list[int]]
) -> None:
    content, words = BAD[name]
    folder = folder_of(tmp_path / "in", 1)
    if isinstance(content, bytes):
        (folder / "bad.ipynb").write_bytes(content)
    else:
        store(folder / "bad.ipynb", content)
    good, bad = grade(folder, tmp_path / "marks.csv", say=silent)
    assert words in bad.note
    assert (bad.points, good.points) == ("0", "1")
    assert (tmp_path / "marks-feedback" / "bad.md").exists()


def test_what_cannot_be_encoded_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: list[list[int]]
) -> None:
    """Half of a pair of UTF-16, which JSON may hold and no file can."""
    folder, out = folder_of(tmp_path / "in", 1), tmp_path / "marks.csv"
    raw = notebook(submit(folder / "ben.ipynb", 4))
    raw["metadata"]["course_lib"]["class"] = "\ud800x"
    raw["cells"].append(code('answer_4_c = "\ud800"'))
    store(folder / "ben.ipynb", raw)
    _, row = grade(folder, out, say=silent)
    assert (row.points, read_marks(out)["ben.ipynb"].points) == ("1", "1")
    assert "handed out to the class \\ud800x, graded as none" in row.note
    ended = Returned()
    ended.take(b'{"failed": "\\ud800"}')
    monkeypatch.setattr(grading, "run_submission", lambda *given: ended)
    grade(folder, out, Terms("spring27"), say=silent)
    assert read_marks(out)["ben.ipynb"].note.endswith("could not be run: \\ud800")
    write_marks(out, [Row("\ud800.ipynb")])
    assert [*read_marks(out)] == ["\\ud800.ipynb"]


@pytest.mark.skipif(os.name == "nt", reason="names there are UTF-16")
def test_a_name_that_is_not_utf_8_gets_its_row(tmp_path: Path, runs: list[list[int]]) -> None:
    folder = folder_of(tmp_path / "in", 1)
    try:
        (folder / "anna.ipynb").rename(folder / os.fsdecode(b"M\xfcller.ipynb"))
    except OSError:
        pytest.skip("this disk takes no such name")
    (folder / os.fsdecode(b"\xfc.txt")).touch()
    submit(folder / "zoe.ipynb", 4)
    said: list[str] = []
    rows = grade(folder, tmp_path / "marks.csv", say=said.append)
    assert [(row.submission, row.points) for row in rows] == [
        ("M\\xfcller.ipynb", "1"),
        ("zoe.ipynb", "1"),
    ]
    assert "\n".join(said).encode()
    assert (tmp_path / "marks-feedback" / "M\\xfcller.md").exists()
    assert grade(folder, tmp_path / "marks.csv", say=silent) == rows
    assert len(runs) == 2


@pytest.mark.skipif(os.name == "nt", reason="no name there has control characters")
def test_a_name_with_control_characters_ends_no_row(tmp_path: Path, runs: list[list[int]]) -> None:
    """A carriage return in a name would end its row, and no later run could read the table."""
    folder, out = folder_of(tmp_path / "in", 1), tmp_path / "marks.csv"
    raw = notebook(submit(folder / "b\r\x1b[2J.ipynb", 4))
    raw["metadata"]["course_lib"]["class"] = "\x1b[2J"
    store(folder / "b\r\x1b[2J.ipynb", raw)
    said: list[str] = []
    rows = grade(folder, out, say=said.append)
    assert [row.submission for row in rows] == ["anna.ipynb", "b\\r\\x1b[2J.ipynb"]
    assert "handed out to the class \\x1b[2J, graded as none" in rows[1].note
    assert "\x1b" not in "".join(said)
    assert grade(folder, out, say=silent) == rows
    assert len(runs) == 2


def test_a_page_that_cannot_be_written_is_noted(tmp_path: Path, runs: list[list[int]]) -> None:
    folder, out = tmp_path / "in", tmp_path / "marks.csv"
    submit(folder / "a.ipynb", 4)
    submit(folder / "a.md" / "b.ipynb", 4)
    submit(folder / f"{'n' * 240}.ipynb", 4)
    submit(folder / "z.ipynb", 4)
    (folder / f"{'n' * 240}.ipynb").rename(folder / f"{'n' * 247}.ipynb")
    rows = grade(folder, out, say=silent)
    assert [row.points for row in rows] == ["1"] * 4
    noted = {row.submission[0:4] for row in rows if "its page could not be written: " in row.note}
    assert noted == {"a.md", "nnnn"}  # in turn: where b's folder would be, a's page stands
    left = [path.name for path in (tmp_path / "marks-feedback").rglob(".*")]
    assert left == []


def test_links_and_other_files_are_left_out(tmp_path: Path, runs: list[list[int]]) -> None:
    folder = folder_of(tmp_path / "in", 1)
    (folder / "link.ipynb").symlink_to(tmp_path / "secret.ipynb")
    (folder / "essay.docx").write_bytes(b"")
    (folder / ".ipynb_checkpoints").mkdir()
    submit(folder / ".ipynb_checkpoints" / "anna-checkpoint.ipynb", 4)
    said: list[str] = []
    rows = grade(folder, tmp_path / "marks.csv", say=said.append)
    assert [row.submission for row in rows] == ["anna.ipynb", "link.ipynb"]
    assert rows[1].note.startswith("a link to another file: not read")
    assert "essay.docx: left out, no .ipynb" in said


def test_what_a_teacher_should_know_is_noted(tmp_path: Path, runs: list[list[int]]) -> None:
    folder, out = tmp_path / "in", tmp_path / "marks.csv"
    raw = notebook(submit(folder / "anna.ipynb", 4, class_name="autumn"))
    raw["metadata"]["course_lib"]["exercises"] = "of long ago"
    store(folder / "anna.ipynb", raw)
    submit(folder / "ben.ipynb", 4, more=('print(EXERCISES["4.a"].expected())',))
    (folder / "course_lib").mkdir()
    anna, ben = grade(folder, out, Terms("spring27"), say=silent)
    assert "handed out to the class autumn, graded as spring27" in anna.note
    assert "exercises are not those that are installed" in anna.note
    assert "exercises are not those" not in ben.note
    assert "a course_lib lies beside it: the installed one was used" in anna.note
    assert "may read the course's own answers in cell" in ben.note
    page = (tmp_path / "marks-feedback" / "ben.md").read_text("utf-8")
    assert "handed out to the class none, graded as spring27" in page
    assert "own answers" not in page  # that is for the teacher alone


def test_a_class_is_the_same_however_its_name_is_written(
    tmp_path: Path, runs: list[list[int]]
) -> None:
    folder = tmp_path / "in"
    raw = notebook(submit(folder / "anna.ipynb", 4, class_name="spring27"))
    raw["metadata"]["course_lib"]["class"] = "Spring27"
    store(folder / "anna.ipynb", raw)
    (row,) = grade(folder, tmp_path / "marks.csv", Terms("SPRING27"), say=silent)
    assert row.note == ""
    assert row.class_name == "spring27"


def test_another_chapter_than_what_was_asked_for_is_noted(
    tmp_path: Path, runs: list[list[int]]
) -> None:
    submit(tmp_path / "in" / "anna.ipynb", 5)
    (row,) = grade(tmp_path / "in", tmp_path / "marks.csv", Terms(chapter=4), say=silent)
    assert "says that it is of chapter 5, graded as 4" in row.note
    store(tmp_path / "in" / "anna.ipynb", {"cells": [code("1")]})
    (row,) = grade(tmp_path / "in", tmp_path / "marks.csv", Terms(chapter=4), say=silent)
    assert row.note == ""


IMPORTS = [
    "from course_lib.exercises import check, judged",
    "from course_lib.exercises.divergence import two_humps_fitted",
    "from course_lib import checks, exact",
    "import course_lib.exercises as e",
    "import course_lib as c",
    "from course_lib import (\n    bounds,\n    exercises,\n)",
    "from course_lib import bounds, \\\n    exercises as e",
    "from course_lib import *",
    "%%time\nfrom course_lib import exercises",
    "%matplotlib inline\nimport course_lib",
    "from course_lib import exercises\n1 +",
    "%time from course_lib.exercises import jensen as j",
    "%matplotlib inline\nfrom course_lib.exercises import jensen as j  # the right one?",
    "!python -c 'import course_lib.exercises'\nx = 1",
    'm = importlib.import_module("course_lib.exercises.jensen")',
    'm = __import__("course_lib.exercises")',
    'm = sys.modules["course_lib.exercises.jensen"]',
    'exec("from course_lib.exercises import jensen")',
]


@pytest.mark.parametrize(
    "source",
    [
        'find("4.a")',
        "from course_lib.exercises import check, find as f",
        'key_lines(4, "x")',
        "check.__self__",
        'check.__globals__["EXER" + "CISES"]',
    ],
)
def test_what_reads_answers_is_pointed_out(source: str) -> None:
    assert looks_at_answers([(3, source)]) == "may read the course's own answers in cell 3"


@pytest.mark.parametrize("line", IMPORTS)
@pytest.mark.parametrize(
    "source", ["exercise.right", "exercise.rights", "e.blanks[0]", "e.exact()", 'e.find("4.a")']
)
def test_a_part_of_an_exercise_counts_where_one_may_be_had(line: str, source: str) -> None:
    """It may be had in another cell."""
    assert looks_at_answers([(3, source)]) == ""
    cells = [(2, line), (3, source)]
    assert looks_at_answers(cells) == "may read the course's own answers in cell 3"


@pytest.mark.parametrize(
    "source",
    [
        "right = bright.copyright; x = findings(right)",
        '"abc".find("b")',
        "ax.spines.right.set_visible(False)",
        "box.right",
        "from course_lib.exact import LinearGaussian",
    ],
)
@pytest.mark.parametrize(
    "line",
    [
        "",
        "from course_lib.exercises import check, hint  # noqa: F401",
        "from course_lib.teach import in_class",
        "%time from course_lib.exercises import check",
        '"""Notes on course_lib.checks."""',
        "from course_lib.checks import verify, verify_at_most",
        "from course_lib.exercises import (check,\n    hint)",
        "from course_lib.exercises import check;",
        "import numpy as np  # to find things",
        "from course_lib.exact.optima import ppca",
        "%%time\nx = 1",
        "%%time\nx = 1  # course_lib teaches the same exercises",
        "%matplotlib inline\nfrom course_lib.exercises import check, hint",
        "!pip list\nfrom course_lib.exercises import check",
        "from course_lib.exercises import check\ncheck?",
        "from course_lib.exercises import check\n1 +",
    ],
)
def test_what_reads_no_answers_is_not(line: str, source: str) -> None:
    assert looks_at_answers([(2, line), (3, source)]) == ""


@pytest.mark.parametrize("source", ["x = " + "not " * 50_000 + "1", "+".join(["1"] * 200_000)])
def test_a_cell_that_no_parser_can_read_ends_nobody_s_grading(
    source: str, tmp_path: Path, runs: list[list[int]]
) -> None:
    assert looks_at_answers([(3, source)]) == ""
    folder = tmp_path / "in"
    submit(folder / "anna.ipynb", 4, solutions(4), more=(source,))
    submit(folder / "carla.ipynb", 4, solutions(4))
    rows = grade(folder, tmp_path / "marks.csv", say=silent)
    assert len(rows) == len(runs) == 2


def test_a_chapter_is_known_by_its_cells_too(tmp_path: Path) -> None:
    cells = [code('check("7.a", 1)'), code('check("7.b", 1)'), code('check("4.a", 1)')]
    path = store(tmp_path / "x.ipynb", {"cells": cells})
    assert read_submission(path, tmp_path).chapter == 7
    assert read_submission(path, tmp_path, 4).chapter == 4


@pytest.mark.parametrize("said", [True, -3, 0, "7", 4.0, None])
def test_a_chapter_that_is_no_number_says_nothing(said: Any, tmp_path: Path) -> None:
    raw = {"cells": [code('check("7.a", 1)')], "metadata": {"course_lib": {"chapter": said}}}
    found = read_submission(store(tmp_path / "x.ipynb", raw), tmp_path)
    assert (found.chapter, type(found.chapter)) == (7, int)


def test_only_what_answers_need_is_run(tmp_path: Path, runs: list[list[int]]) -> None:
    folder = tmp_path / "in"
    submit(folder / "a.ipynb", 4, solutions(4))
    grade(folder, tmp_path / "marks.csv", say=silent)
    (some,) = runs
    grade(folder, tmp_path / "all.csv", Terms(all_cells=True), say=silent)
    whole = runs[1]
    assert set(some) < set(whole)
    assert len(some) < len(whole) / 2


def test_cells_that_set_what_is_used_are_needed() -> None:
    course = ["import torch", "x = 1", "y = x + 1", "z = 3\nz", "def f():\n    return y", "%magic"]
    mine = ["answer = f()\nw = 2", 'check("4.a", answer)', "y = 5"]
    cells = [*enumerate([*course, *mine], start=1)]
    found = [place for place, _ in needed(cells, frozenset(course))]
    assert found == [2, 3, 5, 6, 7, 8, 9]
    assert [p for p, _ in needed(cells[:6], frozenset(course))] == [6]
    assert names_in("a[0] = b.c = d").sets == {"a", "b"}
    assert names_in("x = 1\nfor i in y:\n    z += x + i\nprint([k for k in z])").uses == {
        "y",
        "z",
        "print",
    }
    assert names_in("def f(a):\n    b = a + c\n    return lambda d: b + d").uses == {"c"}
    assert names_in("with a as b:\n    c = b\ntry:\n    c\nexcept d:\n    e").uses == {"a", "e"}
    assert names_in("a = [x for x in b]\nc = x + a[0]").uses == {"b", "x"}  # x is set elsewhere
    assert names_in("from m import *").opaque
    assert names_in("!ls").opaque
    assert names_in("x = (" * 10_000).opaque


def test_a_missing_name_makes_all_cells_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def run(chapter: int, class_name: str, cells: list[Any], limits: Limits) -> Returned:
        made.append(len(cells))
        return Returned({"4.c": CHOICE}, [(3, "NameError: name 'x' is not defined")])

    monkeypatch.setattr(grading, "run_submission", run)
    grade(folder_of(tmp_path / "in", 1), tmp_path / "marks.csv", say=silent)
    assert len(made) == 2
    assert made[0] < made[1] > len(handed_out_cells(4)) / 2


@pytest.mark.parametrize(
    "content",
    [
        b"name,age\nanna,3\n",
        b"submission,points\nanna,3\n",
        b"my only line\n",
        b"submission,points\n",
        "name,Größe\nanna,3\n".encode("cp1252"),
        "name,age\nanna,3\n".encode("utf-16"),
        b"name,age\n" + 200_000 * b"a" + b",3\n",  # more than csv takes for one cell
    ],
    ids=["two columns", "two of ours", "a line", "a heading", "cp1252", "UTF-16", "a long cell"],
)
def test_a_file_of_something_else_is_left_alone(
    content: bytes, tmp_path: Path, runs: list[list[int]]
) -> None:
    out = tmp_path / "marks.csv"
    out.write_bytes(content)
    with pytest.raises(ValueError, match=r"marks\.csv is no table of marks, and is left alone"):
        grade(folder_of(tmp_path / "in", 1), out, say=silent)
    assert out.read_bytes() == content
    assert runs == []


def test_a_table_that_a_spreadsheet_saved_goes_on(tmp_path: Path, runs: list[list[int]]) -> None:
    """Excel puts a mark before UTF-8, and ends lines as Windows does."""
    folder, out = folder_of(tmp_path / "in"), tmp_path / "marks.csv"
    first = grade(folder, out, say=silent)
    out.write_bytes(b"\xef\xbb\xbf" + out.read_bytes().replace(b"\n", b"\r\n"))
    assert grade(folder, out, say=silent) == first
    assert len(runs) == 3


def test_no_cell_of_the_table_is_a_program(tmp_path: Path) -> None:
    """A file may be named so that a spreadsheet would run it."""
    rows = [
        Row("=cmd|' /C calc'!A0.ipynb", note="-1\n+2"),
        Row("'quoted.ipynb"),
        Row("plain.ipynb"),
    ]
    write_marks(tmp_path / "marks.csv", rows)
    cells = (tmp_path / "marks.csv").read_text("utf-8")
    assert "\n'=cmd" in cells
    assert ",'-1 +2," in cells
    assert list(read_marks(tmp_path / "marks.csv")) == [row.submission for row in rows]
    assert [path.name for path in tmp_path.iterdir()] == ["marks.csv"]


def test_a_name_in_the_table_keeps_its_blanks(tmp_path: Path, runs: list[list[int]]) -> None:
    folder, out = tmp_path / "in", tmp_path / "marks.csv"
    submit(folder / "Kim  Lee.ipynb", 4)
    submit(folder / "Kim Lee.ipynb", 4)
    rows = grade(folder, out, say=silent)
    assert [*read_marks(out)] == [row.submission for row in rows]
    assert grade(folder, out, say=silent) == rows
    assert (len(rows), len(runs)) == (2, 2)


def test_what_a_submission_says_stands_as_it_is_on_its_page(tmp_path: Path) -> None:
    row = Row("<b>x</b>.ipynb", "4", "spring27", points="0", of="4", note="a *b* [c](d)")
    verdict = Verdict(False, "4.a: <script>alert(1)</script>\n# `x`\x1b[31m")
    write_feedback(tmp_path / "x.md", row, EXERCISES, {"4.a": verdict}, [(3, "![i](u)\n\n# no")])
    page = (tmp_path / "x.md").read_text("utf-8")
    assert "<script>" not in page
    assert "<b>" not in page
    assert "\x1b" not in page
    assert r"- cell 3: \!\[i\](u) \# no" in page
    assert r"a \*b\* \[c\](d)" in page
    assert [line for line in page.splitlines() if line.startswith("# ")] == [
        "# &lt;b&gt;x&lt;/b&gt;.ipynb: 0 of 4"
    ]


def test_the_processes_of_a_process_are_found() -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("this system has no /proc")
    assert os.getpid() in descendants(os.getppid())
    assert os.getppid() not in descendants(os.getpid())
