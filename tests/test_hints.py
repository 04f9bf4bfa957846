"""`hint` helps in steps, and never further than the last."""

from collections.abc import Iterator

import pytest

from course_lib.checks import Exercise
from course_lib.exercises import EXERCISES, hint
from course_lib.exercises.registry import HINTS_GIVEN


@pytest.fixture(autouse=True)
def two_exercises(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    helpful = Exercise("0.h", lambda: 1.0, hints=("Count the humps.", "Two of them."))
    monkeypatch.setitem(EXERCISES, "0.h", helpful)
    monkeypatch.setitem(EXERCISES, "0.i", Exercise("0.i", lambda: 1.0))
    HINTS_GIVEN.clear()
    yield
    HINTS_GIVEN.clear()


def test_hints_come_one_by_one_and_the_last_again(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        hint("0.h")
    assert capsys.readouterr().out == (
        "0.h, hint 1 of 2: Count the humps.\n"
        "0.h, hint 2 of 2: Two of them.\n"
        "0.h, hint 2 of 2: Two of them.\n"
    )


def test_where_there_is_none_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    hint("0.i")
    assert capsys.readouterr().out == "0.i has no hints\n"


def test_an_exercise_that_is_none_is_told_which_there_are() -> None:
    with pytest.raises(ValueError, match=r"no exercise '0.hh'; did you mean .*0\.h"):
        hint("0.hh")
