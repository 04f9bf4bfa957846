"""An exercise with other numbers: which it may have, and what they change in its notebook."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from course_lib.exercises import AnyExercise

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
Numbers = tuple[Any, ...]


@dataclass(frozen=True)
class Variation:
    """An exercise of the course that a class may get with numbers of its own.

    published: the notebook's numbers. others: those that a class may get. made: the exercise, of
    its name and numbers. phrases: of numbers, the snippets of the notebook's question and of its
    cell that hold them, each of which stands there once. answer: of numbers, a line of Python with
    a right answer; of an exercise whose answer the course computes, none is needed.
    """

    name: str
    published: Numbers
    others: Sequence[Numbers]
    made: Callable[..., AnyExercise]
    phrases: Callable[..., list[str]]
    answer: Callable[..., str] | None = None

    def drawn(self, class_name: str) -> Numbers:
        """The numbers of a class: the same for the same name, on every machine."""
        digest = hashlib.sha256(f"{class_name} {self.name}".encode()).digest()
        return self.others[int.from_bytes(digest[:8], "big") % len(self.others)]

    def exercise(self, class_name: str) -> AnyExercise:
        """The exercise as the class gets it."""
        return self.made(self.name, *self.drawn(class_name))

    def rewritten(self, cells: Sequence[str], class_name: str) -> list[str]:
        """The texts of the exercise's cells with the numbers of the class.

        Raises ValueError if a snippet with published numbers does not stand there once.
        """
        pairs = zip(
            self.phrases(*self.published), self.phrases(*self.drawn(class_name)), strict=True
        )
        written = list(cells)
        for old, new in pairs:
            found = [place for place, text in enumerate(written) if old in text]
            if len(found) != 1 or written[found[0]].count(old) != 1:
                raise ValueError(
                    f"exercise {self.name}: {old!r} must stand in its cells once, to be changed "
                    f"to {new!r}"
                )
            written[found[0]] = written[found[0]].replace(old, new)
        return written


def require_class_name(given: str) -> str:
    """The name of a class in lower case, which is how names are compared.

    Raises ValueError unless it is up to forty letters from a to z, digits, - and _, and begins
    with a letter or digit.
    """
    name = given.lower()
    if not NAME.fullmatch(name):
        raise ValueError(
            f"a class is named with letters a to z, digits, - and _, forty at most, such as "
            f"spring27; got {given!r:.80}"
        )
    return name
