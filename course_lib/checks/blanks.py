"""An exercise with several blanks to be filled with words, each wrong word with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from course_lib.checks.answers import NoNumber, NotAnswered, described, is_blank
from course_lib.checks.multiple_choice import option_named, require_apart
from course_lib.checks.phrases import say
from course_lib.checks.trying import Verdict, tried


@dataclass(frozen=True)
class Blank:
    """One blank: the word that fits it, and why each of the others does not."""

    right: str
    reasons: Mapping[str, str]

    @property
    def options(self) -> list[str]:
        """All words, in alphabetical order, which tells nothing."""
        return sorted([self.right, *self.reasons])


@dataclass(frozen=True)
class Blanks:
    """A derivation with blanks: an answer is as many words, in order.

    `hints`: what `hint` gives, step by step. Raises ValueError if there are fewer than two blanks
    (one is a MultipleChoice), if a blank has no wrong word, or one that is right as well, or two
    that are alike but for case.
    """

    name: str
    blanks: Sequence[Blank]
    hints: Sequence[str] = ()

    def __post_init__(self) -> None:
        if len(self.blanks) < 2:
            raise ValueError(f"{self.name}: two blanks or more, got {len(self.blanks)}")
        for place, blank in enumerate(self.blanks, start=1):
            if not blank.reasons or blank.right in blank.reasons:
                raise ValueError(
                    f"{self.name}: blank {place} needs wrong words beside {blank.right!r}, got "
                    f"reasons for {sorted(blank.reasons)}"
                )
            require_apart(self.name, blank.options)

    def judge(self, answer: Any) -> Verdict:
        """Right, or of each blank that is filled wrongly why its word does not fit."""
        chosen = tried(self.name, 20.0, lambda: self._words(answer), say("blank"))
        if isinstance(chosen, Verdict):
            return chosen
        wrong = [
            say("wrong blank", place=place, word=word, reason=blank.reasons[word])
            for place, (blank, word) in enumerate(zip(self.blanks, chosen, strict=True), start=1)
            if word != blank.right
        ]
        said = say("known mistake", hint=" ".join(wrong)) if wrong else say("right")
        return Verdict(not wrong, f"{self.name}: {said}")

    def _words(self, answer: Any) -> list[str]:
        """The word in each blank, as it is written here.

        Raises NotAnswered if one is empty, NoNumber for a word that is none of the blank's, and for
        more or fewer words than there are blanks.
        """
        parts = list(answer) if isinstance(answer, list | tuple) else [answer]
        if all(map(is_blank, parts)):
            raise NotAnswered
        if len(parts) != len(self.blanks):
            given = described(answer)
            raise NoNumber(say("words wanted", due=len(self.blanks), got=len(parts), given=given))
        if any(map(is_blank, parts)):
            raise NotAnswered
        return [
            option_named(part, blank.options)
            for part, blank in zip(parts, self.blanks, strict=True)
        ]
