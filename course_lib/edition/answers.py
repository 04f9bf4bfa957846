"""The exercises as a page judges them: tables of numbers, and the words for what is found.

`player/judging.js` reads what `answer_tables` gives and says of a typed answer what `check` says:

    exercises   by name: "kind" is "numbers" or "function". Of numbers: "exact", the right ones, a
                list; "tolerance", relative to max(1, |exact|); "mistakes", a list for each known
                wrong answer, in the order in which they are tried.
    words       by language: "phrases", what `checks.phrases` holds; "exercises", by name: the
                "unit", and under "mistakes" the hint for each of the lists above.

A mistake that is found from the exact answer, such as its sign turned, is one more list and one
more hint. Hints in steps, or another language, are one more entry under words. A function is no
table: the page sends its reader to the notebook.

The right answers stand in the page's source, as they stand in the package: who studies alone may
look.
"""

import math
from collections.abc import Iterable
from typing import Any, TypeGuard

from course_lib.checks import Exercise
from course_lib.checks.comparison import SINGLE, STEPS, quantity
from course_lib.checks.phrases import PHRASES
from course_lib.edition.words import LANGUAGE
from course_lib.exercises import AnyExercise, find


def answer_tables(names: Iterable[str]) -> dict[str, Any]:
    """The tables of the exercises with these names, ready for JSON: `course.answers` of a page.

    Raises ValueError for a name that is none, and for a tolerance so narrow that `check` would
    forgive float32 its digits, which a page knows nothing of.
    """
    exercises = [find(name) for name in names]
    words = {exercise.name: _words(exercise) for exercise in exercises if _is_number(exercise)}
    return {
        "exercises": {exercise.name: _table(exercise) for exercise in exercises},
        "words": {LANGUAGE: {"phrases": PHRASES, "exercises": words}},
    }


def answer_in_words(name: str) -> str:
    """The right answer to an exercise as `check` writes one, 0.5 nats, or nothing for a program."""
    exercise = find(name)
    if not _is_number(exercise):
        return ""
    numbers = [quantity(value, "") for value in exercise.exact[0].values.tolist()]
    return f"{', '.join(numbers)} {exercise.unit}".rstrip()


def mistakes_in_words(name: str) -> list[str]:
    """What `check` says of each known mistake in an exercise, once."""
    exercise = find(name)
    mistakes = exercise.mistakes if isinstance(exercise, Exercise) else ()
    return list(dict.fromkeys(mistake.hint for mistake in mistakes))


def _is_number(exercise: AnyExercise) -> TypeGuard[Exercise]:
    """Whether a page can judge it."""
    return isinstance(exercise, Exercise) and not exercise.cases


def _table(exercise: AnyExercise) -> dict[str, Any]:
    """What an answer is compared with; what the page cannot judge is sent to the notebook."""
    if not _is_number(exercise):
        return {"kind": "function"}
    if exercise.tolerance < STEPS * SINGLE:
        raise ValueError(
            f"{exercise.name}: a page judges numbers to {STEPS * SINGLE:.1g} at the finest, got a "
            f"tolerance of {exercise.tolerance:g}"
        )
    return {
        "kind": "numbers",
        "exact": _row(exercise.exact[0].values.tolist()),
        "tolerance": exercise.tolerance,
        "mistakes": [_row(calls[0].values.tolist()) for calls, _ in exercise.known],
    }


def _words(exercise: Exercise) -> dict[str, Any]:
    """What is said of the exercise alone."""
    return {"unit": exercise.unit, "mistakes": [hint for _, hint in exercise.known]}


def _row(values: list[float]) -> list[float | str]:
    """The numbers; those that JSON does not have by JavaScript's names."""
    return [value if math.isfinite(value) else _NAMES[str(value)] for value in values]


_NAMES = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}
