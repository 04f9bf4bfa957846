"""Every tagged equation is displayed once, computed, verified and proved; the index says where."""

import equations
from equations import Equation, collect, faults, marked_tests, render, tagged_functions, titles


def test_every_equation_has_its_places() -> None:
    found = faults(collect(), set(titles()))
    assert not found, "\n".join(found)


def test_the_index_is_fresh() -> None:
    stored = (equations.ROOT / "notebooks" / "EQUATIONS.md").read_text(encoding="utf-8")
    assert stored == render(collect(), titles()), "stale: run `python3 start.py refresh`"


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
    assert list(tagged_functions(source)) == [
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
    found = [("test_a", "4.3"), ("test_a", "4.4"), ("test_a", "4.5"), ("test_b", "1.1")]
    assert list(marked_tests(source)) == found


def complete() -> Equation:
    return Equation(
        "4.2",
        tex=["a"],
        shown=[("4", "notebooks/04_kl.ipynb")],
        functions=[("bounds.gap", "course_lib/bounds.py")],
        verified=[("4", "notebooks/04_kl.ipynb")],
        tests=[("test_gap", "tests/test_bounds.py")],
    )


def test_each_missing_place_is_named() -> None:
    assert faults({"4.2": complete()}, {4}) == []
    for name, words in {
        "shown": "displayed in no notebook",
        "functions": "no function's docstring",
        "verified": "no notebook calls verify",
        "tests": "no test is marked",
    }.items():
        equation = complete()
        setattr(equation, name, [])
        (fault,) = faults({"4.2": equation}, {4})
        assert words in fault
        assert faults({"4.2": equation}, {1, 2, 3}) == []  # not due before its notebook is there


def test_an_equation_is_displayed_once_and_in_its_chapter() -> None:
    equation = complete()
    equation.shown.append(("5", "notebooks/05_terms.ipynb"))
    assert faults({"4.2": equation}, {4}) == [
        "4.2: displayed 2 times",
        "4.2: displayed in another chapter's notebook",
    ]


def test_bars_do_not_end_a_column() -> None:
    equation = complete()
    equation.tex = ["\n\\mathrm{KL}(q\\|p(z|x))\n\\tag{4.2}"]
    assert r"$\mathrm{KL}(q\Vert p(z\vert x))$" in render({"4.2": equation}, {4: "4. KL"})
