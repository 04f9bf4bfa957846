"""`course_lib.index` finds what stands in the files, and `python -m course_lib` prints it."""

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import course_lib
from course_lib.exercises import EXERCISES
from course_lib.index import (
    ROOT,
    Chapter,
    PublicName,
    Room,
    collect_chapters,
    collect_equations,
    collect_rooms,
)
from course_lib.index.command import main
from course_lib.index.places import pages
from course_lib.index.rooms import first_sentence, signature

NOTHING = "is no chapter, such as 4, no equation, such as 8.3, and no exercise, such as 3.d"


@pytest.fixture(scope="module")
def chapters() -> dict[int, Chapter]:
    return collect_chapters()


def test_the_exercises_are_those_that_are_registered(chapters: dict[int, Chapter]) -> None:
    found = [place.name for chapter in chapters.values() for place in chapter.exercises]
    assert sorted(found) == sorted(EXERCISES)


def test_what_jupyterlab_makes_beside_the_notebooks_is_no_page(tmp_path: Path) -> None:
    """A duplicate, and a new notebook; neither is even read."""
    for name in ("notebooks/04_gap-Copy1.ipynb", "notebooks/Untitled.ipynb", "tests/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "notebooks" / "04_gap.ipynb").write_text('{"cells": []}', "utf-8")
    assert [page.file for page in pages(tmp_path)] == ["notebooks/04_gap.ipynb"]


def test_every_chapter_shows_its_explorers(chapters: dict[int, Chapter]) -> None:
    """Those whose modules name the chapter are those that the notebook imports."""
    for number, chapter in chapters.items():
        imported = {
            alias.name
            for tree in chapter.page.trees
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            and (node.module or "").startswith("course_lib.explorers.")
            and not (node.module or "").startswith("course_lib.explorers.scenes")
            for alias in node.names
        }
        assert {place.name for place in chapter.explorers} == imported, number
        assert imported, number


def test_an_explorer_belongs_to_a_chapter(chapters: dict[int, Chapter]) -> None:
    placed = {place.file for chapter in chapters.values() for place in chapter.explorers}
    folder = ROOT / "course_lib" / "explorers"
    assert placed == {path.relative_to(ROOT).as_posix() for path in folder.glob("[!_]*.py")}


def room_names() -> Iterator[tuple[Room, PublicName]]:
    for room in collect_rooms():
        for public in room.names:
            yield room, public


def test_what_is_read_is_what_is_offered() -> None:
    """Read from the source, every room has the names that importing it shows."""
    assert [room.name for room in collect_rooms()] == course_lib.__all__
    for room, public in room_names():
        module = importlib.import_module(f"course_lib.{room.name}")
        *inside, name = public.place.name.split(".")
        if inside:
            module = importlib.import_module(f"course_lib.{room.name}.{inside[0]}")
        thing = getattr(module, name)
        if inspect.isfunction(thing) or inspect.isclass(thing):
            file = inspect.getsourcefile(inspect.unwrap(thing))
            assert file == str(ROOT / public.place.file)


def test_a_function_is_called_as_it_is_written() -> None:
    for room, public in room_names():
        thing = getattr(importlib.import_module(f"course_lib.{room.name}"), public.place.name, None)
        if inspect.isfunction(thing) and not hasattr(thing, "__wrapped__"):
            words = [p.name for p in inspect.signature(thing).parameters.values()]
            (read,) = (
                [a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)]
                for node in ast.parse(f"def f{public.signature.split(' → ')[0]}: ...").body
                if isinstance(node, ast.FunctionDef)
            )
            assert sorted(read) == sorted(words), public.place.name


@pytest.mark.parametrize(
    ("source", "called"),
    [
        ("def f(x: int, *, y=1) -> float: ...", "(x: int, *, y=1) → float"),
        ("class A:\n    def __init__(self, x): ...", "(x)"),
        (
            "@dataclass(frozen=True)\nclass A:\n    x: int\n    _y: int\n    z: int = 1",
            "(x: int, z: int = 1)",
        ),
        ("class A(NamedTuple):\n    x: int", "(x: int)"),
        ("class A(Protocol):\n    x: int", ""),
        ("x: float = 1.0", ": float"),
        ("x = 1.0", ""),
    ],
)
def test_a_signature_is_read(source: str, called: str) -> None:
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign)
    assert signature(node) == called


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("KL(q ‖ p) is 0.5.  (Eq. 4.1)\n\nMore.", "KL(q ‖ p) is 0.5."),
        ("Wrapped over\n    two lines. And more.", "Wrapped over two lines."),
        ("The layers: affine, tanh …; no stop", "The layers: affine, tanh …; no stop"),
        (None, ""),
    ],
)
def test_the_first_sentence_is_read(docstring: str | None, sentence: str) -> None:
    assert first_sentence(docstring) == sentence


def test_every_chapter_has_a_row(
    chapters: dict[int, Chapter], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 1 + len(chapters)
    row = r"4 04_kl_divergence PosteriorGap 4\.a to 4\.[c-d] 4\.1 to 4\.\d+"
    assert re.fullmatch(row, " ".join(rows[4].split()))


def test_a_chapter_in_full_has_its_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["4"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("4 · What is the gap?\n")
    for file in ("notebooks/04_kl_divergence.ipynb", "course_lib/explorers/divergence.py:", "4.d"):
        assert file in out
    (gap,) = (line for line in out.splitlines() if "(4.2)" in line)
    name, place = gap.split()[1:]
    file, line = place.split(":")
    assert (name, file) == ("bounds.gap", "course_lib/bounds/evidence.py")
    assert (
        (ROOT / file).read_text(encoding="utf-8").splitlines()[int(line) - 1].startswith("def gap(")
    )


def test_an_equation_says_where_it_is_computed_and_tested(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["4.2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("(4.2)  \\log p(x) = ")
    for words in ("bounds.gap", "notebooks/04_kl_divergence.ipynb", "proved for", "symbolic_03_04"):
        assert words in out
    assert "test_elbo_and_gap_add_up_to_the_evidence  tests/test_bounds.py:" in out


def test_an_equation_in_a_quotation_comes_without_its_marks(tmp_path: Path) -> None:
    quoted = "> Said of it:\n>\n> $$\n> a &= b \\\\\n> &> c \\tag{1.1}\n> $$"
    cells = {"cells": [{"cell_type": "markdown", "source": quoted}]}
    (tmp_path / "tests").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01_one.ipynb").write_text(json.dumps(cells), "utf-8")
    found = collect_equations(tmp_path)["1.1"].tex
    assert found == ["\na &= b \\\\\n&> c \\tag{1.1}\n"]


def test_an_exercise_says_where_it_stands_and_what_tests_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["3.b"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Exercise 3.b"
    places = [line.split()[-1] for line in lines[1:]]
    assert "notebooks/03_elbo_by_jensen.ipynb" in places
    for place in places:
        file, _, number = place.partition(":")
        source = (ROOT / file).read_text(encoding="utf-8").splitlines()
        if number:  # an exercise's name may stand on the line after its bracket
            assert '"3.b"' in " ".join(source[int(number) - 1 : int(number) + 1])
    files = [place.partition(":")[0] for place in places]
    for file in ("exercises/jensen.py", "exercise_answers.py", "exercise_mistakes.py"):
        assert any(found.endswith(file) for found in files)


def test_a_reader_who_has_read_enough_is_no_error() -> None:
    command = f"{sys.executable} -m course_lib | head -n 1"
    run = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["99"], "there is no chapter 99; there are 1 to "),
        (["4.99"], "there is no equation 4.99; chapter 4 has 4.1 to 4."),
        (["99.1"], "there is no equation 99.1; there is no chapter 99"),
        (["3.z"], "there is no exercise 3.z; chapter 3 has 3.a to 3.d"),
        (["99.a"], "there is no exercise 99.a; there is no chapter 99"),
        (["four"], f"'four' {NOTHING}"),
        (["4", "5"], f"'4 5' {NOTHING}"),
        ([""], f"'' {NOTHING}"),
    ],
)
def test_a_wrong_word_is_explained(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"course_lib: {complaint}")


def test_without_the_notebooks_one_line_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notebooks").mkdir()
    assert main([], root=tmp_path) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("course_lib: tests/ is not beside the package (")


def test_the_command_needs_no_torch() -> None:
    code = """
import sys
from course_lib.index.command import main
main(["4.2"])
sys.exit("torch" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert run.returncode == 0, run.stderr
    started = subprocess.run(
        [sys.executable, "-m", "course_lib", "99"], cwd=ROOT, capture_output=True, text=True
    )
    assert (started.returncode, started.stdout) == (2, "")
