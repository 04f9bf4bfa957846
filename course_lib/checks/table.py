"""A line that says what was found, with the rows that it stands on folded under it."""

import html
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FoldedTable:
    """A line of text; in a notebook a click opens its rows, each a name, a value and a remark."""

    line: str
    rows: Sequence[tuple[str, str, str]]

    def __repr__(self) -> str:
        return self.line

    def _repr_html_(self) -> str:
        cell = '<td style="text-align:{}; padding:2px 14px 2px 0">{}</td>'
        rows = "".join(
            "<tr>"
            + "".join(
                cell.format("right" if i == 1 else "left", html.escape(text))
                for i, text in enumerate(row)
            )
            + "</tr>"
            for row in self.rows
        )
        line = html.escape(self.line)
        return f"<details><summary>{line}</summary><table>{rows}</table></details>"


def display_table(table: FoldedTable) -> None:
    """Displays the table in a notebook, prints its line elsewhere."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        importlib.import_module("IPython.display").display(table)
    else:
        print(table)
