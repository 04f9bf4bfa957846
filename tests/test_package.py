"""`import course_lib` is free, and every room is there when it is named."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import course_lib

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "course_lib"


def said(code: str) -> str:
    """What a fresh interpreter prints."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_importing_it_imports_nothing_else() -> None:
    code = "import sys, course_lib; print([m for m in sys.modules if m in {names} or '_lib.' in m])"
    assert said(code.replace("{names}", "('torch', 'numpy', 'matplotlib')")) == "[]"


def test_a_room_and_a_floor_are_there_when_they_are_named() -> None:
    code = (
        "import course_lib; print(course_lib.exact.optima.__name__, 'bounds' in vars(course_lib))"
    )
    assert said(code) == "course_lib.exact.optima False"


@pytest.mark.parametrize("name", course_lib.__all__)
def test_every_room_opens(name: str) -> None:
    assert getattr(course_lib, name).__name__ == f"course_lib.{name}"


def test_the_rooms_are_those_that_stand_there() -> None:
    standing = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py"}
    standing |= {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert set(course_lib.__all__) == {name for name in standing if not name.startswith("_")}
    assert len(set(course_lib.__all__)) == len(course_lib.__all__)


def test_types_know_every_room() -> None:
    """What mypy reads, under TYPE_CHECKING, names the same rooms."""
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    (known,) = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == "course_lib"
    )
    assert {alias.name for alias in known.names} == set(course_lib.__all__)


def test_types_are_not_told_of_the_lazy_root() -> None:
    """A module's own __getattr__ would let mypy take any name for a room."""
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    (hidden,) = (node for node in tree.body if "def __getattr__" in ast.unparse(node))
    assert isinstance(hidden, ast.If)
    assert ast.unparse(hidden.test) == "not TYPE_CHECKING"


def test_a_listing_has_the_rooms_and_nothing_else() -> None:
    assert course_lib.__dir__() == [*course_lib.__all__, "__version__"]
    assert dir(course_lib) == sorted(course_lib.__dir__())


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ("bound", "did you mean bounds?"),
        ("evaluat", "did you mean evaluate?"),
        ("recipes", "what it held is in shipped"),
        ("unrolled", "what it held is in vae"),
        ("zzz", "rooms are arguments, "),
    ],
)
def test_a_wrong_name_is_told_what_is_close(wrong: str, advice: str) -> None:
    with pytest.raises(AttributeError, match=f"course_lib has no room '{wrong}'; {advice}"):
        getattr(course_lib, wrong)


def test_the_version_stands_in_three_places_and_is_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert course_lib.__version__ == project["version"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert changes.split("\n## ")[1].startswith(f"[{course_lib.__version__}]")
