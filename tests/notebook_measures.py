"""How long a reader is with a notebook: words that are read, lines of code that are seen, minutes.

The core is everything before the first "## Going deeper"; the rest is what follows it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MOST_WORDS = 1_700  # of the core
MOST_LINES = 90  # of visible code in the core
DEEPER = re.compile(r"^## Going deeper", re.MULTILINE)
WORDS_A_MINUTE = 200
LINES_A_MINUTE = 10  # of visible code: without them readers needed half again the printed time
# Minutes: for an equation with a tag, a view of an explorer, an exercise.
EQUATION, VIEW, EXERCISE = 1.5, 2.0, 5.0
TIME = re.compile(
    r"^\*About (\d+) minutes(?:; Going deeper, at the end, about (\d+) more)?\.\*", re.MULTILINE
)
FOLD = re.compile(r"<details>.*?</details>", re.DOTALL)
DISPLAYED = re.compile(r"\$\$.*?\$\$", re.DOTALL)


@dataclass(frozen=True)
class Size:
    """What a part of a notebook asks of its reader."""

    words: int
    equations: int
    views: int
    exercises: int
    lines: int

    @property
    def minutes(self) -> int:
        """The time, rounded to five minutes; five at least."""
        exact = (
            self.words / WORDS_A_MINUTE
            + self.lines / LINES_A_MINUTE
            + EQUATION * self.equations
            + VIEW * self.views
            + EXERCISE * self.exercises
        )
        return max(5, 5 * int(exact / 5 + 0.5))

    def __str__(self) -> str:
        return (
            f"{self.words:5d} words, {self.lines:3d} visible lines of code, {self.equations} "
            f"equations, {self.views} views, {self.exercises} exercises: about {self.minutes} "
            "minutes"
        )


def words(markdown: str) -> int:
    """The words of a cell's Markdown that are read at once: folds, code blocks and displayed
    formulas aside; a formula in the line is one word, and a link is its text.
    """
    read = re.sub(r"```.*?```", " ", FOLD.sub(" ", markdown), flags=re.DOTALL)
    read = re.sub(r"(?<![$\\])\$[^$]+?\$", " formula ", DISPLAYED.sub(" ", read))
    read = re.sub(r"\]\([^)]*\)", " ", re.sub(r"<[^>]+>", " ", read))
    return sum(any(sign.isalnum() for sign in word) for word in read.split())


def tagged(markdown: str) -> int:
    """The equations with a tag, outside folds."""
    return sum(found.count(r"\tag{") for found in DISPLAYED.findall(FOLD.sub(" ", markdown)))


def size(markdown: Iterable[str], views: int, exercises: int, lines: int) -> Size:
    """The size of a part with these cells of Markdown."""
    cells = list(markdown)
    return Size(sum(map(words, cells)), sum(map(tagged, cells)), views, exercises, lines)
