"""A small table of numbers that a person can read and add up: a draw a row, a quantity a column.

>>> from course_lib.plots import table
>>> table(draw=[1, 2], log_weight=[-1.25, 0.5])
draw  log weight
   1     −1.2500
   2      0.5000
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from torch import Tensor

from course_lib.arguments import is_whole
from course_lib.numerals import minus, number

BETWEEN = "  "  # columns of plain text


@dataclass(frozen=True, repr=False)
class NumberTable:
    """What `table` shows: the headings, and for each column its entries as they are printed.

    right: the columns that have a number, whose entries stand at the right.
    """

    headings: Sequence[str]
    columns: Sequence[Sequence[str]]
    right: Sequence[bool]

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The entries row by row."""
        return list(zip(*self.columns, strict=True))

    def __repr__(self) -> str:
        widths = [
            max(map(len, (heading, *column)))
            for heading, column in zip(self.headings, self.columns, strict=True)
        ]
        sides = [str.rjust if right else str.ljust for right in self.right]
        lines = []
        for row in (tuple(self.headings), *self.rows):
            cells = zip(sides, row, widths, strict=True)
            lines.append(BETWEEN.join(side(cell, width) for side, cell, width in cells).rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = self._row("th", self.headings)
        body = "".join(self._row("td", row) for row in self.rows)
        return f'<table class="numbers"><thead>{head}</thead><tbody>{body}</tbody></table>'

    def _row(self, tag: str, cells: Iterable[str]) -> str:
        """A row of HTML, every cell with its side."""
        drawn = (
            f'<{tag} style="text-align:{"right" if right else "left"}">{html.escape(cell)}</{tag}>'
            for cell, right in zip(cells, self.right, strict=True)
        )
        return f"<tr>{''.join(drawn)}</tr>"


def table(columns: Mapping[str, Any] | None = None, /, *, digits: int = 4, **named: Any) -> None:
    """Shows columns side by side: in a notebook as a table, elsewhere as lines of text.

    columns: by heading, for headings that are no Python names, such as "log w(z)"; they come first.
    named: more of them, where an underscore is shown as a blank. Each is a tensor (n,) or a
    sequence of n numbers or words. A number that is no integer gets `digits` decimals; a column
    with a number in it stands at the right.
    Raises ValueError if there is no column or no row, if columns differ in length, a tensor has
    other than one axis, an entry is neither a number nor a word, a heading stands twice or is
    empty, or digits is negative.
    """
    from IPython.display import display  # prints where there is no notebook

    display(number_table(columns, digits=digits, **named))


def number_table(
    columns: Mapping[str, Any] | None = None, /, *, digits: int = 4, **named: Any
) -> NumberTable:
    """What `table` shows of the same arguments. Raises ValueError as it does."""
    headings = [*(columns or {}), *(name.replace("_", " ") for name in named)]
    if not headings or len({*headings, ""}) <= len(headings):
        raise ValueError(f"table needs columns, each with a heading of its own, got {headings}")
    if not is_whole(digits) or digits < 0:
        raise ValueError(f"digits must be a number of decimals, 0 or more, got {digits!r}")
    values = [*(columns or {}).values(), *named.values()]
    entries = [_entries(*pair) for pair in zip(headings, values, strict=True)]
    lengths = {heading: len(column) for heading, column in zip(headings, entries, strict=True)}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        told = ", ".join(f"{heading} {length}" for heading, length in lengths.items())
        raise ValueError(f"columns must be equally long and not empty, got lengths: {told}")
    return NumberTable(
        headings,
        [_printed(*pair, digits) for pair in zip(headings, entries, strict=True)],
        [any(not isinstance(entry, str) for entry in column) for column in entries],
    )


def _entries(heading: str, column: Any) -> list[Any]:
    """One column's numbers and words. Raises ValueError if it is no row of them."""
    shape = getattr(column, "shape", None)
    if shape is not None:
        if len(shape) != 1:
            raise ValueError(f"{heading} must have one axis, got shape {tuple(shape)}")
        return list(column.detach().tolist() if isinstance(column, Tensor) else column.tolist())
    if isinstance(column, str | bytes | Mapping) or not isinstance(column, Iterable):
        raise ValueError(f"{heading} must be a row of numbers or words, got {column!r:.60}")
    return [entry.item() if _is_scalar(entry) else entry for entry in column]


def _is_scalar(entry: Any) -> bool:
    """Whether it is one number in a tensor or an array."""
    return hasattr(entry, "item") and getattr(entry, "shape", None) == ()


def _printed(heading: str, column: Sequence[Any], digits: int) -> list[str]:
    """A column's entries as text: whole numbers without decimals if all of them are integers."""
    for entry in column:
        if isinstance(entry, bool) or not isinstance(entry, str | Real):
            raise ValueError(f"{heading} must hold numbers or words, got {entry!r:.60}")
    numbers = [entry for entry in column if not isinstance(entry, str)]
    if all(isinstance(entry, Integral) for entry in numbers):
        return [entry if isinstance(entry, str) else minus(f"{entry:,}") for entry in column]
    return [entry if isinstance(entry, str) else number(float(entry), digits) for entry in column]
