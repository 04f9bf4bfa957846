"""Assignments: the solutions are gone, and everything else is there."""

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_lib.exercises import EXERCISES
from course_lib.index import SOLUTION, exercise_of, program_of_solution, text, without_solution
from course_lib.teach import assignment, require_right, write_assignment
from course_lib.teach.command import main
from course_lib.teach.exam import exam
from course_lib.teach.key import key_lines
from course_lib.teach.marks import Row, write_marks
from course_lib.teach.notebooks import (
    asked_in,
    chapter_path,
    is_answered,
    published_answers,
    read_notebook,
)
from course_lib.teach.slides import slides

CHAPTERS = range(1, 13)


def cells_of(path: Path) -> list[dict[str, Any]]:
    return list(read_notebook(path)["cells"])


@pytest.mark.parametrize("number", CHAPTERS)
def test_the_solutions_are_gone_and_all_else_is_there(number: int, tmp_path: Path) -> None:
    whole, made = cells_of(chapter_path(number)), cells_of(write_assignment(number, tmp_path))
    words = "\n".join(text(cell["source"]) for cell in made)
    assert SOLUTION not in words
    assert text(made[0]["source"]).startswith("# To be handed in")
    left = iter(made[1:])
    for cell in whole:
        source = text(cell["source"])
        if SOLUTION in source:
            kept = source[: source.index(SOLUTION)] + source.split("</details>", 1)[1]
            assert program_of_solution(source).strip() not in words
            assert len(program_of_solution(source)) > 10
            if not kept.strip():
                continue
            source = kept.lstrip()
        new = next(left)
        assert text(new["source"]).strip() == source.strip()
        if cell["cell_type"] == "code" and exercise_of(cell):
            assert (new["outputs"], new["execution_count"]) == ([], None)
        else:
            assert new | {"source": ""} == cell | {"source": ""}
    assert next(left, None) is None
    nbformat.validate(nbformat.read(tmp_path / chapter_path(number).name, as_version=4))


def test_a_solution_is_taken_out_of_its_cell_alone() -> None:
    words = "Before.\n\n<details><summary>Solution</summary>\n\nThis.\n</details>\n\n## Recap\n"
    assert without_solution(words) == "Before.\n\n## Recap\n"
    ours = "<details><summary>Ours</summary>\n\nThis.\n</details>\n"
    assert without_solution(ours) == ours
    assert program_of_solution(ours) == ""


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the assignment and of the marks."""
    marks = tmp_path / "marks.csv"
    write_marks(marks, [Row("a.ipynb")])
    path = write_assignment(4, tmp_path)
    before = {file: file.read_bytes() for file in (marks, path)}

    def full(path: Path, target: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_assignment(4, tmp_path, "spring27")
    with pytest.raises(OSError, match="No space left"):
        write_marks(marks, [Row("b.ipynb")])
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_half_a_pair_of_letters_leaves_no_half_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JSON may hold one, and no file in UTF-8 can."""
    raw = read_notebook(chapter_path(4))
    raw["cells"][1]["source"] = "\ud800"
    odd = tmp_path / chapter_path(4).name
    store_notebook(odd, raw)
    monkeypatch.setattr(assignment, "chapter_path", lambda number: odd)
    assert cells_of(write_assignment(4, tmp_path / "out"))[2]["source"] == "\ud800"
    monkeypatch.setattr("course_lib.teach.slides._drawn", lambda path: "\ud800")
    monkeypatch.setattr("course_lib.teach.exam._drawn", lambda *parts: "\ud800")
    printing: list[Callable[[Path], Path]] = [
        lambda out: slides(4, out),
        lambda out: exam([4], [], "a", out),
    ]
    for write in printing:
        with pytest.raises(UnicodeEncodeError):
            write(tmp_path / "printed")
        assert not (tmp_path / "printed").exists()


def test_a_class_cell_stands_before_the_first_exercise(tmp_path: Path) -> None:
    made = cells_of(write_assignment(4, tmp_path, "Spring27"))
    sources = [text(cell["source"]) for cell in made]
    place = next(i for i, source in enumerate(sources) if 'in_class("spring27")' in source)
    assert "## Exercises" in sources[place + 1]
    assert "Numbers of your class: in 4.a and 4.d." in sources[0]
    about = read_notebook(tmp_path / chapter_path(4).name)["metadata"]["course_lib"]
    assert (about["chapter"], about["class"]) == (4, "spring27")


def test_it_never_takes_the_place_of_another_file(tmp_path: Path) -> None:
    """Above all not of the course's own notebooks."""
    other = tmp_path / chapter_path(4).name
    other.write_bytes(chapter_path(4).read_bytes())
    with pytest.raises(ValueError, match="is no assignment, and is left alone"):
        write_assignment(4, tmp_path)
    assert other.read_bytes() == chapter_path(4).read_bytes()
    other.unlink()
    write_assignment(4, tmp_path)
    write_assignment(4, tmp_path, "spring27")
    assert 'in_class(\\"spring27\\")' in other.read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == [other.name]


WORKED = [  # what a learner may have made of the cell of 4.c
    'answer_4_c = ["i"]\ncheck("4.c", answer_4_c)',
    'answer_4_c = ["i"\ncheck("4.c", answer_4_c)',
    '%%time\nanswer_4_c = ["i"]\ncheck("4.c", answer_4_c)',
    '!ls\nanswer_4_c = ["i"]\ncheck("4.c", answer_4_c)',
    'answer_4_c = []\nanswer_4_c.append("i")\ncheck("4.c", answer_4_c)',
    'answer_4_c = [...]\nanswer_4_c[0] = "i"\ncheck("4.c", answer_4_c)',
    'answer_4_c = ["i"]',
]


def store_notebook(path: Path, raw: dict[str, Any]) -> bytes:
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path.read_bytes()


@pytest.mark.parametrize("source", WORKED)
def test_it_never_takes_the_place_of_somebody_s_work(source: str, tmp_path: Path) -> None:
    path = write_assignment(4, tmp_path)
    raw = read_notebook(path)
    (cell,) = (cell for cell in raw["cells"] if "answer_4_c =" in text(cell["source"]))
    cell["source"] = source
    before = store_notebook(path, raw)
    for class_name in ("", "spring27"):
        with pytest.raises(ValueError, match=r"is not as it was handed out, and is left alone; gi"):
            write_assignment(4, tmp_path, class_name)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("kind", "source"), [("code", 'answer_4_c = ["i"]'), ("markdown", "My")])
def test_nor_of_cells_of_somebody_s_own(kind: str, source: str, tmp_path: Path) -> None:
    path = write_assignment(4, tmp_path)
    raw = read_notebook(path)
    raw["cells"].append({"cell_type": kind, "source": [source], "metadata": {}})
    before = store_notebook(path, raw)
    with pytest.raises(ValueError, match="is not as it was handed out"):
        write_assignment(4, tmp_path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("nbgrader", [False, True])
def test_what_was_only_run_and_saved_is_made_anew(nbgrader: bool, tmp_path: Path) -> None:
    """Jupyter stores sources in lines, outputs, and an empty cell at the end."""
    path = write_assignment(4, tmp_path, nbgrader=nbgrader)
    written = path.read_bytes()
    raw = read_notebook(path)
    for cell in raw["cells"]:
        cell["source"] = text(cell["source"]).splitlines(keepends=True)
        if cell["cell_type"] == "code":
            cell["execution_count"] = 1
    raw["cells"].append({"cell_type": "code", "source": [], "metadata": {}, "outputs": []})
    assert store_notebook(path, raw) != written
    write_assignment(4, tmp_path, nbgrader=nbgrader)
    assert path.read_bytes() == written
    raw["metadata"]["course_lib"] = "other"
    store_notebook(path, raw)
    with pytest.raises(ValueError, match="is not as it was handed out"):
        write_assignment(4, tmp_path)


@pytest.mark.parametrize(
    ("above", "check"),
    [("%%time", "check("), ("!ls", "check("), ("(", "check("), ("%%time", "check (")],
)
def test_a_chapter_s_cell_that_is_no_python_is_not_handed_out(
    above: str, check: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = read_notebook(chapter_path(4))
    for cell in raw["cells"]:
        if text(cell["source"]).startswith("answer_4_c = [...]"):
            cell["source"] = f'{above}\nanswer_4_c = ["i", "v", "vi"]\n{check}"4.c", answer_4_c)'
    filled = tmp_path / chapter_path(4).name
    store_notebook(filled, raw)
    monkeypatch.setattr(assignment, "chapter_path", lambda number: filled)
    with pytest.raises(ValueError, match=r"04_.*: cell \d+ has a `check` and is no plain Python"):
        write_assignment(4, tmp_path / "handout")
    assert not (tmp_path / "handout").exists()


def test_a_teacher_s_own_answers_are_not_handed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = read_notebook(chapter_path(2))
    for cell in raw["cells"]:
        if text(cell["source"]).startswith('# hint("2.d")'):
            cell["source"] = text(cell["source"]).replace("    ...", "    return prior")
    filled = tmp_path / chapter_path(2).name
    filled.write_text(json.dumps(raw), encoding="utf-8")
    monkeypatch.setattr(assignment, "chapter_path", lambda number: filled)
    with pytest.raises(ValueError, match=r"02_.*\.ipynb: the cell of 2\.d is filled in"):
        write_assignment(2, tmp_path / "handout")
    assert not (tmp_path / "handout").exists()


@pytest.mark.parametrize(
    ("source", "answered"),
    [
        ('check("4.a", ..., ...)', False),
        ('check("4.a", ..., "a")', True),
        ('check("4.a", ["...", None], "")', False),
        ('x = ...\ncheck("4.a", x)', False),
        ('x = [..., 3]\ncheck("4.a", x)', True),
        ('x = ...\nx = 3\ncheck("4.a", x)', True),
        ('x = ...\nx: int = 3\ncheck("4.a", x)', True),
        ('x = ...\nfor x in y:\n    pass\ncheck("4.a", x)', True),
        ('x = []\nx.append(3)\ncheck("4.a", x)', True),
        ('x = [...]\nx[0] = 3\ncheck("4.a", x)', True),
        ('check("4.a", x)', True),
        ('x = [x]\ncheck("4.a", x)', True),
        ('def f(x): ...\ncheck("4.a", f)', False),
        ('def f(x):\n    """It."""\n    ...\ncheck("4.a", f)', False),
        ('def f(x):\n    """It."""\n    return x\ncheck("4.a", f)', True),
        ('check("4.a", ...)\ncheck("4.a", 3)', True),
        ('check("4.a", lambda x: ...)', True),
    ],
)
def test_what_is_answered_is_told_from_blanks(source: str, answered: bool) -> None:
    assert is_answered({"source": source}) == answered


def test_a_notebook_without_exercises_says_so(tmp_path: Path) -> None:
    def cell(kind: str, source: str) -> dict[str, Any]:
        return {"cell_type": kind, "source": source}

    ask, heading = cell("code", 'check("4.a", ...)'), cell("markdown", "## Exercises")
    magic = cell("code", "%timeit 1")
    for cells in ([], [ask], [heading, magic]):
        with pytest.raises(ValueError, match=r"4\.ipynb: no exercise stands below a heading"):
            asked_in(cells, "4.ipynb")
    with pytest.raises(ValueError, match=r"4\.ipynb: no folded solution stands below exercise 4"):
        asked_in([heading, magic, ask], "4.ipynb")
    solved = cell("markdown", f"{SOLUTION}</details>")
    assert [one.name for one in asked_in([heading, magic, ask, solved])] == ["4.a"]
    odd_ones: list[Any] = [{"cells": [], "metadata": None}, {"cells": [3]}, {"cells": [{}]}]
    for odd in odd_ones:
        (tmp_path / "x.ipynb").write_text(json.dumps(odd), encoding="utf-8")
        with pytest.raises(ValueError, match=r"x\.ipynb: no notebook of format 4: (its|cell 1)"):
            read_notebook(tmp_path / "x.ipynb")


def test_for_nbgrader_each_exercise_has_a_test_of_a_point(tmp_path: Path) -> None:
    made = cells_of(write_assignment(2, tmp_path, "spring27", nbgrader=True))
    marked = [cell for cell in made if "nbgrader" in cell["metadata"]]
    marks = [cell["metadata"]["nbgrader"] for cell in marked]
    assert [m["grade_id"] for m in marks] == [
        f"{kind}_2_{letter}" for letter in "abcd" for kind in ("answer", "test")
    ]
    assert [m.get("points", 0) for m in marks] == [0, 1] * 4
    assert all(m["solution"] != m["grade"] == m["locked"] for m in marks)
    tests = [text(cell["source"]) for cell in marked[1::2]]
    assert 'require_right("2.a", answer_2_a, class_name="spring27")' in tests[0]
    assert 'require_right("2.d", q_of, class_name="spring27")' in tests[3]


def test_what_nbgrader_runs_raises_unless_it_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    require_right("4.c", ["i", "v", "vi"])
    assert capsys.readouterr().out == "4.c: right\n"
    require_right("3.a", "q(z)", ">=", "p(z)")
    for answer in ((["ii"],), (...,), ()):
        with pytest.raises(AssertionError, match=r"4\.c: not"):
            require_right("4.c", *answer)
    with pytest.raises(ValueError, match="no exercise '4.z'"):
        require_right("4.z", 1)
    with pytest.raises(ValueError, match="no exercise 'four'"):
        require_right("four", 1)


def test_every_exercise_has_a_published_program() -> None:
    found = [name for number in CHAPTERS for name in published_answers(number)]
    assert sorted(found) == sorted(EXERCISES)
    assert all(published_answers(4).values())


def test_the_key_has_numbers_words_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "9"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("9.a\n    13.3333, 20 nats²\n9.b\n    def mean_elbo(batches):\n")
    assert "9.c\n    ['a', 'e']\n" in said
    lines = [*key_lines(4, "spring27")]
    assert lines[0] == "4.a, with numbers of the class"
    assert lines[1] == "    ['second', '0', '16.16', 'log 2']"
    assert lines[-1].startswith("    GaussianMixture(")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["assignment", "13", "--out", "x"], "teach: chapters are 1 to 12, got 13"),
        (["assignment", "4", "--out", "x", "--class", "a b"], "teach: a class is named with"),
        (["key", "0"], "teach: chapters are 1 to 12, got 0"),
        (["key", "4", "--class", "ü"], "teach: a class is named with"),
        (["grade", "no-such-folder", "--out", "x.csv"], "teach: no-such-folder is no folder"),
        (["grade", ".", "--out", "x.csv", "--class", "a/b"], "teach: a class is named with"),
        (["grade", ".", "--out", "x.csv", "--timeout", "0"], "teach: timeout must be from 1 to"),
        (["grade", ".", "--out", "x.csv", "--memory", "1"], "teach: memory must be from 64 to"),
        (
            ["grade", ".", "--out", "x.csv", "--chapter", "99"],
            "teach: chapters are 1 to",
        ),
    ],
)
def test_a_wrong_command_ends_in_a_line(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert error.count("\n") == 1
    assert [*tmp_path.iterdir()] == []


def test_a_file_that_is_no_notebook_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    for content in ("", "no JSON", "[1]", json.dumps({"cells": 3}), "[" * 100_000):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(ValueError, match=r"x\.ipynb: no notebook"):
            read_notebook(path)
