"""An exercise whose answer is one or several of some options, each wrong one with its reason."""

import math
import re
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from course_lib.checks.answers import (
    NoNumber,
    NotAnswered,
    NumberRow,
    as_numbers,
    described,
    is_blank,
)
from course_lib.checks.phrases import say
from course_lib.checks.trying import Verdict, tried

# Signs that have another way to write them, on another keyboard or in Python.
SAME = {"−": "-", "’": "'", "≥": ">=", "≤": "<=", "²": "^2", "**": "^"}


@dataclass(frozen=True)
class MultipleChoice:
    """A diagnosis, a blank to fill: which of the options hold?

    right: the options that hold. reasons: why each of the others does not. An answer is an option's
    word, or several. `hints`: what `hint` gives, step by step. Raises ValueError if nothing is
    right, nothing is wrong, or two words are alike but for case.
    """

    name: str
    right: Collection[str]
    reasons: Mapping[str, str]
    hints: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.right or not self.reasons or set(self.right) & set(self.reasons):
            raise ValueError(
                f"{self.name}: some options must hold and others not, got right "
                f"{sorted(self.right)} and reasons for {sorted(self.reasons)}"
            )
        if isinstance(self.right, str):
            raise ValueError(f"{self.name}: right must be a list of options, got {self.right!r}")
        require_apart(self.name, self.options)

    @property
    def options(self) -> list[str]:
        """All words, in alphabetical order, which tells nothing."""
        return sorted([*self.right, *self.reasons])

    def judge(self, answer: Any) -> Verdict:
        """Right, or why a wrong one does not hold (the first by alphabet), or how many miss."""
        chosen = tried(self.name, 20.0, lambda: self._words(answer), say("blank"))
        if isinstance(chosen, Verdict):
            return chosen
        for word in self.options:
            if word in chosen and word in self.reasons:
                reason = say("wrong choice", word=word, reason=self.reasons[word])
                return Verdict(False, f"{self.name}: {reason}")
        missing = len(set(self.right) - set(chosen))
        if missing:
            more = say("one more" if missing == 1 else "more", count=missing)
            return Verdict(False, f"{self.name}: {more}")
        return Verdict(True, f"{self.name}: {say('right')}")

    def _words(self, answer: Any) -> list[str]:
        """The options that were named, as they are written here; in any case, in any order."""
        several = isinstance(answer, list | tuple | Set)
        words = [option_named(part, self.options) for part in (answer if several else [answer])]
        if not words:
            raise NotAnswered
        return words


def option_named(part: Any, options: Sequence[str]) -> str:
    """The option that a learner names, in any case, with or without its blanks; a real number, of
    whatever type, names the option that writes it.

    Raises NotAnswered for a blank, NoNumber for anything else that is none.
    """
    if is_blank(part):
        raise NotAnswered
    word, number = (_plain(part), None) if isinstance(part, str) else (None, _one_number(part))
    for option in options:
        if _writes(option, number) if number else _plain(option) == word:
            return option
    told = ", ".join(f'"{option}"' for option in options)
    raise NoNumber(say("no option", options=told, given=described(part)))


def require_apart(name: str, options: Sequence[str]) -> None:
    """Raises ValueError if two options of the exercise `name` are alike as they are compared."""
    if len(set(map(_plain, options))) < len(options):
        raise ValueError(f"{name}: options that differ in case, blanks or signs alone")


def _plain(word: str) -> str:
    """A word without case and blanks, in one way of writing each sign; log(2) is log 2."""
    plain = re.sub(r"log\(([\w.]+)\)", r"log\1", "".join(word.split()).casefold())
    for sign, other in SAME.items():
        plain = plain.replace(sign, other)
    return plain


def _one_number(part: Any) -> NumberRow | None:
    """A real number of whatever type; nothing for a collection and what is no number."""
    if isinstance(part, Sequence | Set | Mapping):
        return None
    try:
        found = as_numbers(part)
    except NoNumber:
        return None
    return found if len(found.values) == 1 else None


def _writes(option: str, number: NumberRow) -> bool:
    """Whether an option writes the number, or its logarithm, as near as the number's type tells."""
    plain = _plain(option)
    try:
        logarithm = plain.startswith("log")
        written = math.log(float(plain[3:])) if logarithm else float(plain)
    except ValueError:
        return False
    near = max(1e-9, 2 * number.epsilon)
    return math.isclose(number.values.item(), written, rel_tol=near, abs_tol=1e-12)
