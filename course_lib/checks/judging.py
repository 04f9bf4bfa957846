"""`judge`: says whether a learner's answer is right, knows the wrong ones seen before, and says of
others in which direction they are off, and how far.
"""

from collections.abc import Sequence
from contextlib import suppress
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from course_lib.checks.answers import NoNumber, NumberRow, as_numbers, described
from course_lib.checks.comparison import (
    SINGLE,
    agree,
    farthest,
    hidden,
    one_digit,
    quantity,
    remark,
    sizes,
)
from course_lib.checks.exercise import Exercise
from course_lib.checks.phrases import say
from course_lib.checks.trying import Verdict, tried


def judge(exercise: Exercise, answer: Any) -> Verdict:
    """The verdict on an answer: right, not answered yet, a known mistake with its hint, or not
    right. Whatever a learner's function does, this returns, after the exercise's seconds at the
    latest; only KeyboardInterrupt passes, which is how a reader stops a cell.
    """
    rights = exercise.rights  # before the learner's function runs
    given = collected(exercise, answer)
    return given if isinstance(given, Verdict) else _judged(exercise, given, rights)


def collected(exercise: Exercise, answer: Any) -> list[NumberRow] | Verdict:
    """What an answer gives, or the verdict on why it gives nothing: the part of judging in which a
    learner's code runs.
    """
    return tried(
        exercise.name,
        exercise.seconds,
        lambda: exercise.numbers(_acceptable(exercise, answer)),
        _blank(exercise, answer),
    )


def verdict_on(exercise: Exercise, given: Sequence[NumberRow]) -> Verdict:
    """The verdict on what an answer gave, which may have run elsewhere.

    Raises ValueError unless there is one row of numbers for each call.
    """
    if len(given) != len(exercise.exact):
        raise ValueError(
            f"{exercise.name}: {len(exercise.exact)} calls give as many rows, got {len(given)}"
        )
    return _judged(exercise, given, exercise.rights)


def _judged(
    exercise: Exercise, given: Sequence[NumberRow], rights: Sequence[Sequence[NumberRow]]
) -> Verdict:
    accepted, words = _verdict(exercise, given, _meant(exercise, given, rights))
    return Verdict(accepted, f"{exercise.name}: {words}")


def _acceptable(exercise: Exercise, answer: Any) -> Any:
    """The answer, if it is a function where one is wanted, and none where not.

    Raises NoNumber otherwise, NotAnswered for a blank, or a function whose body is one.
    """
    if not exercise.cases:
        if callable(answer) and not hasattr(answer, "__float__"):
            raise NoNumber(say("no number", given=described(answer)))
        return answer
    if not callable(answer):
        with suppress(NoNumber):
            as_numbers(answer)  # a blank is no wrong answer
        raise NoNumber(say("no function", given=described(answer)))
    return answer


def _blank(exercise: Exercise, answer: Any) -> str:
    """What is said of None or an ellipsis: a function that does something may lack its return."""
    stubs = (_unwritten.__code__.co_code, _documented.__code__.co_code)
    written = type(answer) is FunctionType and answer.__code__.co_code not in stubs
    return say("no return" if exercise.cases and written else "blank")


def _unwritten() -> None: ...


def _documented() -> None:
    """As an exercise's function stands in the notebook."""


def _meant(
    exercise: Exercise, given: Sequence[NumberRow], rights: Sequence[Sequence[NumberRow]]
) -> Sequence[NumberRow]:
    """The right answer that is given, if it is one of several, else the exact one."""
    near = (w for w in rights if agree(given, w, exercise.tolerance, exercise.losses))
    return rights[0] if len(rights) == 1 else next(near, rights[0])


def _verdict(
    exercise: Exercise, given: Sequence[NumberRow], wanted: Sequence[NumberRow]
) -> tuple[bool, str]:
    """Whether the numbers are right, and what is said of them.

    A known mistake is looked for before digits are forgiven, so that none passes for rounding.
    Digits are forgiven in float32 alone: in float64 a wrong formula may be as near.
    """
    tolerance = exercise.tolerance
    if agree(given, wanted, tolerance):
        return True, _right(exercise, given)
    if hint := _hint(exercise, given, None):
        return False, say("known mistake", hint=hint)
    if agree(given, wanted, tolerance, exercise.losses):
        explained = not hidden(given, wanted, tolerance)
        error = one_digit(farthest(given, wanted))
        return explained, say("right in float32" if explained else "rounded", error=error)
    if hint := _hint(exercise, given, [loss.max() for loss in exercise.losses]):
        return False, say("known mistake", hint=hint)
    return False, _refusal(exercise, given, wanted)


def _right(exercise: Exercise, given: Sequence[NumberRow]) -> str:
    """What is said of a right answer, with the number as understood where it is one."""
    if exercise.cases or given[0].values.numel() != 1:
        return say("right")
    return say("right number", given=quantity(given[0].values.item(), exercise.unit))


def _hint(exercise: Exercise, given: Sequence[NumberRow], losses: Sequence[Tensor] | None) -> str:
    """What is said of the first known mistake that the numbers show, or nothing."""
    for known, hint in exercise.known:
        likely = known if exercise.cases else [_filled(known[0], given[0])]
        if agree(given, likely, exercise.tolerance, losses):
            return hint
    return ""


def _filled(known: NumberRow, given: NumberRow) -> NumberRow:
    """A known mistake with the learner's number wherever it takes any."""
    if known.values.shape != given.values.shape:
        return known
    values = torch.where(known.values.isnan(), given.values, known.values)
    return NumberRow(values, known.epsilon)


def _refusal(exercise: Exercise, given: Sequence[NumberRow], wanted: Sequence[NumberRow]) -> str:
    """What is wrong with an answer that is none of the known mistakes."""
    if sizes(given) != sizes(wanted):
        return _counts(exercise, given, wanted)
    unit = "" if exercise.cases else exercise.unit
    told = remark(
        given,
        wanted,
        exercise.tolerance,
        unit,
        exercise.names,
        factors=not exercise.log_density,
    )
    if max(call.epsilon for call in given) > SINGLE:
        told = say("half precision", told=told)
    count = given[0].values.numel()
    if exercise.cases:
        return say("function", told=told)
    if count == 1:
        return say("one number", given=quantity(given[0].values.item(), unit), told=told)
    return say("several numbers", count=count, told=told)


def _counts(exercise: Exercise, given: Sequence[NumberRow], wanted: Sequence[NumberRow]) -> str:
    """How many numbers were wanted and how many were given, at the first call that differs."""
    pairs = zip(sizes(given), sizes(wanted), strict=True)
    call, (got, due) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
    where = say("where", call=call + 1, calls=len(wanted)) if exercise.cases else ""
    phrase = "one wanted" if due == 1 else "several wanted"
    return say(phrase, due=f"{due:,}", got=f"{got:,}", where=where)
