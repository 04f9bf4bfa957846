"""The examples in docstrings do what they say, and every room shows one."""

import doctest
import importlib
import inspect
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import course_lib

FINDER = doctest.DocTestFinder(exclude_empty=True)


def modules() -> list[str]:
    """Every module of the package but its commands, which run when they are imported."""
    names = [found.name for found in pkgutil.walk_packages(course_lib.__path__, "course_lib.")]
    return ["course_lib", *(name for name in names if not name.endswith("__main__"))]


def examples(module: ModuleType) -> list[doctest.DocTest]:
    """The module's docstrings that have examples, without the module's own names: a reader who
    copies an example has nothing but its lines.
    """
    return [found for found in FINDER.find(module, globs={}) if found.examples]


MODULES = modules()


@pytest.mark.parametrize("name", MODULES)
def test_examples_do_what_they_say(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    runner = doctest.DocTestRunner()
    for found in examples(importlib.import_module(name)):
        runner.run(found)
    assert runner.summarize(verbose=False).failed == 0, capsys.readouterr().out


def test_the_examples_of_the_primer_do_what_they_say() -> None:
    primer = Path(__file__).parent.parent / "notebooks" / "PRIMER.md"
    result = doctest.testfile(str(primer), module_relative=False, encoding="utf-8")
    assert result.failed == 0
    assert result.attempted > 5


@pytest.mark.parametrize("room", course_lib.__all__)
def test_every_room_shows_an_example(room: str) -> None:
    """In its own docstring, where `help` shows it first, with the import that a reader needs."""
    module = importlib.import_module(f"course_lib.{room}")
    shown = doctest.DocTestParser().get_examples(inspect.getdoc(module) or "")
    assert shown, f"{room} has no example in its docstring"
    assert any(line.source.startswith(f"from course_lib.{room}") for line in shown)


def test_a_wrong_example_is_found() -> None:
    runner = doctest.DocTestRunner(verbose=False)
    (wrong,) = FINDER.find(ModuleType("wrong", ">>> 1 + 1\n3\n"))
    assert runner.run(wrong, out=lambda text: None).failed == 1
