"""Every tagged equation is displayed once, computed, verified and proved; the index says where."""

import importlib
import inspect

import pytest
from api_page import render as render_api
from equations import faults, render, titles

from course_lib.index import (
    ROOT,
    Equation,
    Place,
    collect_equations,
    collect_rooms,
    marks,
    tagged_functions,
)


def test_every_equation_has_its_places() -> None:
    found = faults(collect_equations(), set(titles()))
    assert not found, "\n".join(found)


def test_the_index_is_fresh() -> None:
    stored = (ROOT / "notebooks" / "EQUATIONS.md").read_text(encoding="utf-8")
    assert stored == render(collect_equations(), titles()), (
        "stale: run `python3 start.py refresh pages`"
    )


def test_the_page_of_rooms_is_fresh() -> None:
    stored = (ROOT / "notebooks" / "API.md").read_text(encoding="utf-8")
    assert stored == render_api(collect_rooms()), "stale: run `python3 start.py refresh pages`"


def test_docstrings_are_read() -> None:
    source = '''
class World:
    """A class. (Eqs. 1.2, 1.3)"""
    def evidence(self):
        """Wrapped over two lines.  (Eq.
        2.10)"""
        def inner():
            """No tag here: Eq. 9.9"""
'''
    assert [(place.name, tag) for place, tag in tagged_functions(source)] == [
        ("World", "1.2"),
        ("World", "1.3"),
        ("World.evidence", "2.10"),
    ]


def test_marks_are_read() -> None:
    source = """
@pytest.mark.equation("4.3")
@pytest.mark.equation("4.4", "4.5")
def test_a(): ...
@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.equation("1.1"))])
def test_b(): ...
"""
    found = [(place.name, tag) for place, (tag,) in marks(source, "equation")]
    assert found == [("test_a", "4.3"), ("test_a", "4.4"), ("test_a", "4.5"), ("test_b", "1.1")]


def test_proofs_are_read_with_what_they_cover() -> None:
    source = """
@pytest.mark.proves("1.2", "all values, "
    "D = 2")
@pytest.mark.proves("2.2", "all values")
@pytest.mark.equation("1.2")
def test_a(): ...
"""
    found = [words for _, words in marks(source, "proves")]
    assert found == [("1.2", "all values, D = 2"), ("2.2", "all values")]


def complete() -> Equation:
    return Equation(
        "4.2",
        tex=["a"],
        shown=[Place("4", "notebooks/04_kl.ipynb")],
        functions=[Place("bounds.gap", "course_lib/bounds.py")],
        verified=[Place("4", "notebooks/04_kl.ipynb")],
        tests=[Place("test_gap", "tests/test_bounds.py")],
        proofs=[Place("all values", "tests/test_symbolic_03_04.py")],
    )


def test_each_missing_place_is_named() -> None:
    assert faults({"4.2": complete()}, {4}) == []
    for name, words in {
        "shown": "displayed in no notebook",
        "functions": "no function's docstring",
        "verified": "no notebook calls verify",
        "tests": "no test is marked",
        "proofs": "or stand in UNPROVED",
    }.items():
        equation = complete()
        setattr(equation, name, [])
        (fault,) = faults({"4.2": equation}, {4})
        assert words in fault
        assert faults({"4.2": equation}, {1, 2, 3}) == []  # not due before its notebook is there


def test_an_equation_is_displayed_once_and_in_its_chapter() -> None:
    equation = complete()
    equation.shown.append(Place("5", "notebooks/05_terms.ipynb"))
    assert faults({"4.2": equation}, {4}) == [
        "4.2: displayed 2 times",
        "4.2: displayed in another chapter's notebook",
    ]


def test_bars_do_not_end_a_column() -> None:
    equation = complete()
    equation.tex = ["\n\\mathrm{KL}(q\\|p(z|x))\n\\tag{4.2}"]
    assert r"$\mathrm{KL}(q\Vert p(z\vert x))$" in render({"4.2": equation}, {4: "4. KL"})


def test_what_has_no_proof_has_a_reason_and_no_proof() -> None:
    equation = complete()
    equation.tag = "11.5"
    equation.shown = equation.verified = [Place("11", "notebooks/11_markov_hvae.ipynb")]
    (fault,) = faults({"11.5": equation}, {11})
    assert "one test marked pytest.mark.proves" in fault
    equation.proofs = []
    assert faults({"11.5": equation}, {11}) == []
    assert "checked at points" in render({"11.5": equation}, {11: "11. Depth"})


def names() -> list[tuple[str, str]]:
    """Every function and class of the index, as it is written there, and its file."""
    places = {place for equation in collect_equations().values() for place in equation.functions}
    return sorted((place.name, place.file) for place in places)


@pytest.mark.parametrize(("name", "file"), names(), ids=str)
def test_every_name_can_be_imported_as_it_is_written(name: str, file: str) -> None:
    """`from course_lib.exact import expected_log_mean`, and it is the one of the file linked."""
    room, first, *rest = name.split(".")
    module = importlib.import_module(f"course_lib.{room}")
    found = getattr(module, first)
    assert inspect.getsourcefile(inspect.unwrap(found)) == str(ROOT / file)
    assert "__all__" not in vars(module) or first in module.__all__
    for part in rest:
        assert part in vars(found), f"{name}: {first} has no {part}"
        found = vars(found)[part]
