"""An exercise whose answer is something to build: a q, a net, a schedule that reaches a figure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from course_lib.checks.answers import NotAnswered, Refused, described, is_blank
from course_lib.checks.comparison import quantity
from course_lib.checks.copies import own
from course_lib.checks.phrases import say
from course_lib.checks.surroundings import undisturbed
from course_lib.checks.time_limit import require_seconds
from course_lib.checks.trying import Verdict, tried


@dataclass(frozen=True)
class Design:
    """What the learner builds is measured, by an oracle, and its figure must be at most `most`.

    measure: the figure of an answer; of one that it cannot measure it raises Refused, whose words
    the learner is told. what: the figure's name, such as "the gap". `negative`: that the figure is
    the negative of `what`, which is to be large; the learner reads of `what` itself, and at least
    what is asked. `advice`: what else an answer is told that falls short. `seconds`: after so many,
    measuring is stopped. `hints`: what `hint` gives, step by step.
    Raises ValueError unless `most` is finite and `seconds` positive.
    """

    name: str
    measure: Callable[[Any], float]
    most: float
    what: str
    unit: str = "nats"
    seconds: float = 60.0
    hints: Sequence[str] = ()
    negative: bool = False
    advice: Callable[[Any], str] | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.most):
            raise ValueError(f"{self.name}: most must be finite, got {self.most}")
        require_seconds(self.name, self.seconds)

    def judge(self, answer: Any) -> Verdict:
        """Reached or not, in either case with the figure."""
        result = tried(self.name, self.seconds, lambda: self._measured(answer), say("blank"))
        if isinstance(result, Verdict):
            return result
        found, advice = result
        if math.isnan(found):
            return Verdict(False, f"{self.name}: {say('no figure', what=self.what)}")
        accepted = found <= self.most
        phrase = "reached" if accepted else "not reached"
        words = say(phrase, what=self.what, **self._told(found))
        return Verdict(accepted, f"{self.name}: {words}{advice}")

    def _told(self, figure: float) -> dict[str, str]:
        """The figure and what is asked of it, in words."""
        sign, limit, missed = (
            (-1, "at least", "a little less") if self.negative else (1, "at most", "a little more")
        )
        asked, found = (quantity(sign * value, self.unit) for value in (self.most, figure))
        if figure > self.most and found == asked:
            found = say(missed, asked=asked, size=quantity(figure - self.most, self.unit))
        return {"found": found, "asked": asked, "limit": say(limit)}

    def _measured(self, answer: Any) -> tuple[float, str]:
        """The figure of a copy of the answer, which measuring may change, whatever the reader has
        set; and what is advised where it falls short.
        """
        if is_blank(answer):
            raise NotAnswered
        with undisturbed():
            torch.manual_seed(0)
            figure = float(self.measure(_copied(answer)))
            if self.advice is None or not figure > self.most:
                return figure, ""
            return figure, f". {self.advice(_copied(answer))}"


def _copied(answer: Any) -> Any:
    """A copy. Raises Refused for what has none, as a generator, which can be read only once."""
    try:
        return own(answer)
    except TypeError:
        wanted = "an answer that can be copied is wanted, as one in lists"
        raise Refused(f"{wanted}, got {described(answer)}") from None
