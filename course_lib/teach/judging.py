"""Judging in two places: a submission's process collects what its answers give, the grader's says
what that is worth, with the course's own `judge`.

    there    tried_answer(exercise, answer)     numbers and words, as data
    here     verdict_on_record(exercise, data)  right, or the hint that fits

An answer that is a program runs there alone. Its numbers, or what it returned to a design's
measure, are then held against the exact ones here, where no submission ever runs.
"""

import math
from typing import Any

from course_lib.checks import Design, Exercise, Verdict, judge
from course_lib.checks.answers import BLANKS, NumberRow
from course_lib.checks.judging import collected, verdict_on
from course_lib.checks.phrases import say
from course_lib.exercises import AnyExercise
from course_lib.teach.tensors import Record, read_tensor, written_tensor
from course_lib.teach.wire import SEQUENCES, form_of, read, recorded, written

MOST_LETTERS = 500  # of a verdict that comes from the submission's process
UNREADABLE = "its answer could not be read"


def verdict_here(exercise: AnyExercise, answer: Any) -> Verdict:
    """The verdict on an answer that runs in this process."""
    return judge(exercise, answer) if isinstance(exercise, Exercise) else exercise.judge(answer)


def tried_answer(exercise: AnyExercise, answer: Any) -> Record:
    """What an answer gives, as data: numbers, a value, or why there is none. Runs its program."""
    if isinstance(exercise, Exercise):
        given = collected(exercise, answer)
        if isinstance(given, Verdict):
            return {"refused": given.message}
        return {"rows": [[written_tensor(row.values), row.epsilon] for row in given]}
    if isinstance(exercise, Design) and callable(answer) and form_of(answer) is None:
        calls: list[Record] = []
        exercise.judge(recorded(answer, calls))
        return {"value": {"is": "function", "calls": calls}}
    return {"value": written(answer)}


def is_blank(exercise: AnyExercise, record: Record) -> bool:
    """Whether nothing was answered, or only what the notebook comes with: blanks, and a function
    that gives none back where the exercise takes that for no answer. (Others ask for its return.)
    """
    if "value" not in record:
        return record.get("refused") == not_answered(exercise)
    value = record["value"]
    if value.get("is") == "function":
        nothing = [call.get("gave") == written(None) for call in value["calls"]]
        if not nothing or not all(nothing):
            return False
    if value.get("is") == "function" or not isinstance(exercise, Design):
        return not verdict_on_record(exercise, record).answered
    parts = value["parts"] if value["is"] in SEQUENCES else [value]
    if value["is"] == "dict":
        parts = [part for _, part in value["parts"]]
    return not parts or any(map(_is_empty, parts))


def _is_empty(record: Record) -> bool:
    return record["is"] == "blank" or (record["is"] == "word" and record["value"].strip() in BLANKS)


def not_answered(exercise: AnyExercise) -> str:
    """What is said of an answer that is still empty."""
    return f"{exercise.name}: {say('blank')}"


def verdict_on_record(exercise: AnyExercise, record: Record | None) -> Verdict:
    """The verdict on what was collected elsewhere, whatever that process made of it."""
    if record is None:
        return Verdict(False, not_answered(exercise))
    if "refused" in record:
        return Verdict(False, str(record["refused"])[:MOST_LETTERS])
    try:
        if isinstance(exercise, Exercise):
            return verdict_on(exercise, _rows(record["rows"]))
        return exercise.judge(read(record["value"]))
    except Exception:  # the data may be anything
        return Verdict(False, f"{exercise.name}: {UNREADABLE}")


def _rows(record: list[Any]) -> list[NumberRow]:
    """The rows of numbers. Raises ValueError, TypeError or the like for anything else."""
    rows = [NumberRow(read_tensor(values).double(), float(epsilon)) for values, epsilon in record]
    if not all(0 < row.epsilon < math.inf and row.values.ndim == 1 for row in rows):
        raise ValueError("rows of numbers are wanted")
    return rows
