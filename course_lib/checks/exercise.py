"""An exercise: its exact answer, what a learner's answer is tried on, and the wrong ones known."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from course_lib.checks.answers import NumberRow, as_numbers
from course_lib.checks.copies import own
from course_lib.checks.general import counts_of, general_mistakes
from course_lib.checks.surroundings import undisturbed
from course_lib.checks.time_limit import require_seconds

ANY = math.nan  # in a mistake's list: whatever number stands there


@dataclass(frozen=True)
class Mistake:
    """A wrong answer seen before, as a number, tensor or function, and the hint that fits it.

    Of several numbers some may be ANY: then the mistake is known by the others alone.
    """

    answer: Any
    hint: str


@dataclass(frozen=True)
class Exercise:
    """One exercise: the exact answer and the wrong ones worth a hint.

    `expected` computes the answer from an oracle when it is asked. If `cases` are given, the
    learner's answer is a function, called with copies of each case's arguments. `tolerance` is
    relative to max(1, |answer|), wide enough for an answer typed with the digits that the exercise
    asks for. `counts`: of a number, how many terms (dimensions, examples, samples) it sums or
    averages; of a function they are read off its cases. `log_density`: whether a
    Gaussian's ½ log 2π is in the answer, and may be forgotten; then no factor is told, since the
    ratio of two logarithms means nothing. `names`: of several numbers, what each is called.
    `seconds`: after so many a learner's function is stopped. `hints`: what `hint` gives, step by
    step. `also_right`: other right answers whose numbers differ, as where an average may be taken
    at draws or in closed form.

    Raises ValueError if the tolerance is not between 0 and 0.01 (a wide one lets everything pass),
    if the seconds are not positive and finite, or if a case is no tuple or cannot be copied.
    """

    name: str
    expected: Callable[[], Any]
    mistakes: Sequence[Mistake] = ()
    unit: str = "nats"
    tolerance: float = 5e-4
    cases: Sequence[tuple[Any, ...]] = field(default=())
    counts: Sequence[int] = ()
    log_density: bool = False
    names: Sequence[str] = ()
    seconds: float = 20.0
    hints: Sequence[str] = ()
    also_right: Sequence[Any] = ()

    def __post_init__(self) -> None:
        if not 0 < self.tolerance <= 0.01:
            raise ValueError(
                f"{self.name}: tolerance must be between 0 and 0.01, got {self.tolerance}"
            )
        require_seconds(self.name, self.seconds)
        for case in self.cases:
            if not isinstance(case, tuple):
                raise ValueError(f"{self.name}: a case is a tuple of arguments, got {case!r}")
            try:
                own(case)
            except (TypeError, RuntimeError) as error:
                raise ValueError(f"{self.name}: a case that cannot be copied: {error}") from None

    def numbers(self, answer: Any) -> list[NumberRow]:
        """What the answer gives: on each case if it is a function, else its numbers once.

        Each call gets arguments of its own, and its result is copied before the next call.
        Raises NoNumber if a result is something else, NotAnswered if it is empty, and what the
        function raises.
        """
        if not self.cases:
            return [as_numbers(answer)]
        calls = [own(case) for case in self.cases]
        return [as_numbers(self.result(answer, case)) for case in calls]

    @cached_property
    def exact(self) -> list[NumberRow]:
        """What the exact answer gives. Computed once, before any learner's function runs."""
        with undisturbed():
            return self.numbers(self.expected())

    @cached_property
    def rights(self) -> list[list[NumberRow]]:
        """What each right answer gives, the exact one first."""
        with undisturbed():
            return [self.exact, *(self.numbers(answer) for answer in self.also_right)]

    @cached_property
    def known(self) -> list[tuple[list[NumberRow], str]]:
        """What each known mistake gives, and its hint: first its own, then the general ones."""
        with undisturbed():
            listed = [(self.numbers(mistake.answer), mistake.hint) for mistake in self.mistakes]
        counts = counts_of(self.cases) if self.cases else [[n] for n in self.counts]
        return listed + general_mistakes(
            self.exact, counts, self.tolerance, self.unit, self.log_density, self.names
        )

    @cached_property
    def losses(self) -> list[Tensor]:
        """How far each number of the exact answer, (n,) for each case, moves when the case's
        tensors are rounded as float32 rounds; a right answer in float32 may be off by some times
        as much. 0 where the oracle refuses what is rounded, as tables that no longer sum to one.
        """
        losses = [torch.zeros_like(call.values) for call in self.exact]
        for pattern in (1, 2):
            cases = [own(case) for case in self.cases]
            with undisturbed():
                for case in cases:
                    _round(case, pattern)
            try:
                moved = replace(self, cases=cases).exact
            except ValueError:
                continue
            for i, (a, b) in enumerate(zip(moved, self.exact, strict=True)):
                losses[i] = torch.maximum(losses[i], (a.values - b.values).abs())
        return losses

    def result(self, function: Callable[..., Any], case: tuple[Any, ...]) -> Any:
        """What counts of the function's answer to one case: here what it returns."""
        return function(*case)


def _round(argument: Any, pattern: int) -> None:
    """Changes each number in the tensors of an argument by 2⁻²⁴ of itself, up or down in turn: by
    the sum of its indices, so that what is symmetric stays so.
    """
    if isinstance(argument, Tensor):
        if argument.is_floating_point():
            index = torch.zeros_like(argument, dtype=torch.float64)
            for axis in range(argument.ndim):
                places = torch.arange(argument.shape[axis], device=argument.device)
                index.transpose(axis, -1).add_(places)
            argument *= 1 + 2**-24 * (1 - 2 * (index // pattern % 2))
    elif isinstance(argument, (list, tuple)):
        for part in argument:
            _round(part, pattern)
    else:
        for part in getattr(argument, "__dict__", {}).values():
            _round(part, pattern)
