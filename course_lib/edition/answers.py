"""The exercises as a page judges them: tables of numbers, and the words for what is found.

`player/judging.js` reads what `answer_tables` gives and says of a typed answer what `check` says:

    exercises   by name: "kind" is "numbers", "choice", "blanks", "function" or "design".
                Of numbers: "exact", the right ones, a list; "tolerance", relative to
                max(1, |exact|); "mistakes", a list for each known wrong answer, in the order in
                which they are tried, NaN where any number does; "factors", whether one number's
                factor is told. Of a choice: "options", all of them in order, and "right",
                those that hold. Of "blanks": a list with the "options" and the "right" one of each.
    guesses     what `guess` and `reveal` go by: "near", the factor below which a guess is told in
                per cent, and "longest", the letters of a guess in words.
    words       by language: "phrases", what `checks.phrases` holds; "counts", the words for 0, 1,
                2 and so on; "exercises", by name: "hints", in steps; of numbers the "unit", the
                "names" if they have some, and under "mistakes" the hint for each of the lists
                above; of a choice its "reasons", of blanks those of each.

A mistake that is found from the exact answer, such as its sign turned, is one more list and one
more hint. Another language is one more entry under words. A function or a design is no table: the
page sends its reader to the notebook.

The right answers stand in the page's source, as they stand in the package: who studies alone may
look.
"""

import math
from collections.abc import Iterable
from typing import Any

from course_lib.checks import Blanks, Design, Exercise, MultipleChoice
from course_lib.checks.comparison import SINGLE, STEPS, quantity
from course_lib.checks.phrases import PHRASES
from course_lib.checks.predictions import LONGEST, NEAR
from course_lib.checks.predictions import WORDS as COUNTS
from course_lib.edition.words import LANGUAGE
from course_lib.exercises import AnyExercise, find


def answer_tables(names: Iterable[str]) -> dict[str, Any]:
    """The tables of the exercises with these names, ready for JSON: `course.answers` of a page.

    Raises ValueError for a name that is none, and for a tolerance so narrow that `check` would
    forgive float32 its digits, which a page knows nothing of.
    """
    tasks = [find(name) for name in names]
    words = {
        "phrases": PHRASES,
        "counts": list(COUNTS),
        "exercises": {task.name: _words(task) for task in tasks},
    }
    return {
        "exercises": {task.name: _table(task) for task in tasks},
        "guesses": {"near": NEAR, "longest": LONGEST},
        "words": {LANGUAGE: words},
    }


def answer_in_words(name: str) -> str:
    """The right answer to an exercise as `check` writes one, 0.5 nats, or nothing for a program."""
    task = find(name)
    if isinstance(task, MultipleChoice):
        return ", ".join(f"“{option}”" for option in sorted(task.right))
    if isinstance(task, Blanks):
        return ", ".join(f"“{blank.right}”" for blank in task.blanks)
    if isinstance(task, Design) or task.cases:
        return ""
    numbers = [quantity(value, "") for value in task.exact[0].values.tolist()]
    return f"{', '.join(numbers)} {task.unit}".rstrip()


def mistakes_in_words(name: str) -> list[str]:
    """What `check` says of each known mistake in an exercise, once."""
    task = find(name)
    known = task.mistakes if isinstance(task, Exercise) else ()
    return list(dict.fromkeys(mistake.hint for mistake in known))


def _table(task: AnyExercise) -> dict[str, Any]:
    """What an answer is compared with."""
    if isinstance(task, Design):
        return {"kind": "design"}
    if isinstance(task, MultipleChoice):
        return {"kind": "choice", "options": task.options, "right": sorted(task.right)}
    if isinstance(task, Blanks):
        blanks = [{"options": blank.options, "right": blank.right} for blank in task.blanks]
        return {"kind": "blanks", "blanks": blanks}
    if task.cases:
        return {"kind": "function"}
    if task.tolerance < STEPS * SINGLE:
        raise ValueError(
            f"{task.name}: a page judges numbers to {STEPS * SINGLE:.1g} at the finest, got a "
            f"tolerance of {task.tolerance:g}"
        )
    return {
        "kind": "numbers",
        "exact": _row(task.exact[0].values.tolist()),
        "tolerance": task.tolerance,
        "factors": not task.log_density,
        "mistakes": [_row(calls[0].values.tolist()) for calls, _ in task.known],
    }


def _words(task: AnyExercise) -> dict[str, Any]:
    """What is said of the exercise alone."""
    words: dict[str, Any] = {"hints": list(task.hints)}
    if isinstance(task, MultipleChoice):
        words["reasons"] = dict(task.reasons)
    elif isinstance(task, Blanks):
        words["reasons"] = [dict(blank.reasons) for blank in task.blanks]
    elif isinstance(task, Exercise) and not task.cases:
        hints = [hint for _, hint in task.known]
        words |= {"unit": task.unit, "names": list(task.names), "mistakes": hints}
    return words


def _row(values: list[float]) -> list[float | str]:
    """The numbers; those that JSON does not have by JavaScript's names."""
    return [value if math.isfinite(value) else _NAMES[str(value)] for value in values]


_NAMES = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}
