"""An exercise whose answer is something to build: a q, a net, a schedule that reaches a figure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from course_lib.checks.answers import BLANKS, NotAnswered
from course_lib.checks.copies import own
from course_lib.checks.phrases import say
from course_lib.checks.trying import Verdict, tried
from course_lib.numerals import significant


@dataclass(frozen=True)
class Design:
    """What the learner builds is measured, by an oracle, and its figure must be at most `most`.

    measure: the figure of an answer; it may raise ValueError, whose words the learner is told. Of
    what is to be large, it gives the negative. what: the figure's name, such as "the gap".
    `seconds`: after so many, measuring is stopped. `hints`: what `hint` gives, step by step.
    Raises ValueError unless `most` is finite.
    """

    name: str
    measure: Callable[[Any], float]
    most: float
    what: str
    unit: str = "nats"
    seconds: float = 60.0
    hints: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not math.isfinite(self.most):
            raise ValueError(f"{self.name}: most must be finite, got {self.most}")

    def judge(self, answer: Any) -> Verdict:
        """Reached or not, in either case with the figure."""
        found = tried(self.name, self.seconds, lambda: self._figure(answer), say("blank"))
        if isinstance(found, Verdict):
            return found
        accepted = found <= self.most
        asked, got = (f"{significant(v)} {self.unit}".rstrip() for v in (self.most, found))
        phrase = "reached" if accepted else "not reached"
        words = say(phrase, what=self.what, found=got, asked=asked)
        return Verdict(accepted, f"{self.name}: {words}")

    def _figure(self, answer: Any) -> float:
        """Of a copy of the answer, which measuring may change."""
        if answer is None or answer is ... or (isinstance(answer, str) and answer in BLANKS):
            raise NotAnswered
        return float(self.measure(own(answer)))
