"""An exercise: its exact answer, what a learner's answer is tried on, and the wrong ones known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from course_lib.checks.answers import Reading, read
from course_lib.checks.surroundings import own


@dataclass(frozen=True)
class Mistake:
    """A wrong answer seen before, as a number, tensor or function, and the hint that fits it."""

    answer: Any
    hint: str


@dataclass(frozen=True)
class Exercise:
    """One exercise: the exact answer and the wrong ones worth a hint.

    `expected` computes the answer from an oracle when it is asked. If `cases` are given, the
    learner's answer is a function, called with copies of each case's arguments. `tolerance` is
    relative to max(1, |answer|), wide enough for an answer typed with the digits that the exercise
    asks for. Raises ValueError if it is not between 0 and 0.01 (a wide one lets everything pass),
    or if a case is no tuple or cannot be copied.
    """

    name: str
    expected: Callable[[], Any]
    mistakes: Sequence[Mistake] = ()
    unit: str = "nats"
    tolerance: float = 5e-4
    cases: Sequence[tuple[Any, ...]] = field(default=())

    def __post_init__(self) -> None:
        if not 0 < self.tolerance <= 0.01:
            raise ValueError(
                f"{self.name}: tolerance must be between 0 and 0.01, got {self.tolerance}"
            )
        for case in self.cases:
            if not isinstance(case, tuple):
                raise ValueError(f"{self.name}: a case is a tuple of arguments, got {case!r}")
            own(case)

    def readings(self, answer: Any) -> list[Reading]:
        """What the answer gives: on each case if it is a function, else its numbers once.

        Each call gets arguments of its own, and its result is copied before the next call.
        Raises NoNumber if a result is something else, NotAnswered if it is empty, and what the
        function raises.
        """
        if not self.cases:
            return [read(answer)]
        calls = [own(case) for case in self.cases]
        return [read(self.result(answer, case)) for case in calls]

    @property
    def scales(self) -> list[float]:
        """The largest number among the arguments of each case; 1 where there is none."""
        return [max(map(_largest, case), default=1.0) for case in self.cases] or [1.0]

    def result(self, function: Callable[..., Any], case: tuple[Any, ...]) -> Any:
        """What counts of the function's answer to one case: here what it returns."""
        return function(*case)


def _largest(argument: Any) -> float:
    """The largest |number| in an argument: a tensor, a list of some, an object that holds some."""
    if isinstance(argument, Tensor):
        return float(argument.abs().max()) if argument.numel() else 0.0
    if isinstance(argument, (int, float)):
        return abs(float(argument))
    if not isinstance(argument, (list, tuple)):
        argument = list(getattr(argument, "__dict__", {}).values())
    return max(map(_largest, argument), default=0.0)


EXERCISES: dict[str, Exercise] = {}


def register(*exercises: Exercise) -> None:
    """Adds exercises to the course. Raises ValueError if a name is taken."""
    for exercise in exercises:
        if exercise.name in EXERCISES:
            raise ValueError(f"exercise {exercise.name} is registered twice")
        EXERCISES[exercise.name] = exercise
