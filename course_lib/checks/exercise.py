"""`check`: says whether a learner's answer is right, and knows the wrong ones seen before."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from course_lib.checks.verification import distance, number


class NoNumber(ValueError):
    """An answer that cannot be read as numbers."""


@dataclass(frozen=True)
class Mistake:
    """A wrong answer seen before, as a number, tensor or function, and the hint that fits it."""

    answer: Any
    hint: str


@dataclass(frozen=True)
class Exercise:
    """One exercise: the exact answer and the wrong ones worth a hint.

    `expected` computes the answer from an oracle when it is asked. If `cases` are given, the
    learner's answer is a function, called with each case's arguments. `tolerance` is relative to
    max(1, |answer|), wide enough for an answer typed with the digits that the exercise asks for.
    """

    name: str
    expected: Callable[[], Any]
    mistakes: Sequence[Mistake] = ()
    unit: str = "nats"
    tolerance: float = 5e-4
    cases: Sequence[tuple[Any, ...]] = field(default=())

    def values(self, answer: Any) -> Tensor:
        """The answer in float64: its numbers, or what the function gives on all cases, in a row.

        Raises NoNumber if it is something else.
        """
        if not self.cases:
            return _numbers(answer).reshape(-1)
        return torch.cat([_numbers(answer(*case)).reshape(-1) for case in self.cases])


@dataclass(frozen=True)
class Verdict:
    """What `check` prints, and whether the answer was right."""

    accepted: bool
    message: str


EXERCISES: dict[str, Exercise] = {}


def register(*exercises: Exercise) -> None:
    """Adds exercises to the course. Raises ValueError if a name is taken."""
    for exercise in exercises:
        if exercise.name in EXERCISES:
            raise ValueError(f"exercise {exercise.name} is registered twice")
        EXERCISES[exercise.name] = exercise


def check(name: str, answer: Any = ...) -> None:
    """Prints what can be said of an answer to the exercise `name`. Raises ValueError if there is no
    such exercise.
    """
    print(judge(name, answer).message)


def judge(name: str, answer: Any) -> Verdict:
    """The verdict on an answer: right, not answered yet, a known mistake with its hint, or not
    right.
    """
    importlib.import_module("course_lib.exercises")  # registers them; they import this module
    if name not in EXERCISES:
        raise ValueError(f"no exercise {name!r}; there are {', '.join(sorted(EXERCISES))}")
    exercise = EXERCISES[name]
    try:
        given = None if answer is None or answer is ... else _answer_values(exercise, answer)
    except NoNumber as error:
        return Verdict(False, f"{name}: {error}")
    except Exception as error:  # a learner's function may raise anything
        return Verdict(False, f"{name}: your answer raised {type(error).__name__}: {error}")
    if given is None:
        return Verdict(False, f"{name}: not answered yet")
    wanted = exercise.values(exercise.expected())
    if _matches(exercise, given, wanted):
        return Verdict(True, f"{name}: right{_echo(exercise, given)}")
    for mistake in exercise.mistakes:
        if _matches(exercise, given, exercise.values(mistake.answer)):
            return Verdict(False, f"{name}: not yet. {mistake.hint}")
    return Verdict(False, f"{name}: not yet{_refusal(exercise, given, wanted)}")


def _answer_values(exercise: Exercise, answer: Any) -> Tensor | None:
    """The learner's values, or None if the function still gives nothing."""
    if exercise.cases:
        if not callable(answer):
            raise ValueError(f"expected a function, got {type(answer).__name__}")
        first = answer(*exercise.cases[0])
        if first is None or first is ...:
            return None
    return exercise.values(answer)


def _matches(exercise: Exercise, given: Tensor, wanted: Tensor) -> bool:
    """Whether both hold the same; NaN matches NaN, since a known mistake may end in 0/0."""
    absent = torch.isnan(wanted)
    if given.shape != wanted.shape or not torch.equal(torch.isnan(given), absent):
        return False
    given, wanted = given.masked_fill(absent, 0.0), wanted.masked_fill(absent, 0.0)
    return distance(given, wanted) <= exercise.tolerance


def _numbers(answer: Any) -> Tensor:
    """The answer in float64. Raises NoNumber if it is none."""
    try:
        return torch.as_tensor(answer, dtype=torch.float64).detach()
    except (TypeError, ValueError, RuntimeError):
        raise NoNumber(f"a number is wanted, got {answer!r}") from None


def _refusal(exercise: Exercise, given: Tensor, wanted: Tensor) -> str:
    """What is wrong with an answer that is none of the known mistakes."""
    if exercise.cases:
        return ". Your function gives other numbers than it should"
    if given.shape != wanted.shape:
        count = "One number is" if wanted.numel() == 1 else f"{wanted.numel()} numbers are"
        return f". {count} wanted, got {given.numel()}"
    if given.numel() > 1:
        return f". At least one of your {given.numel()} numbers is not right"
    return f"{_echo(exercise, given)} is not it"


def _echo(exercise: Exercise, given: Tensor) -> str:
    """The number as understood, for answers that are one number."""
    return (
        f": {number(given.item())} {exercise.unit}".rstrip()
        if given.numel() == 1 and not exercise.cases
        else ""
    )
