"""Tables as the course shows them: plain in a terminal, formatted in a notebook."""

import html
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows of text under a title: plain in a terminal, a table in a notebook."""

    title: str
    rows: Sequence[tuple[str, str, str]]

    def __repr__(self) -> str:
        widths = [max(len(row[i]) for row in self.rows) for i in range(2)]
        lines = [f"  {a:<{widths[0]}}  {b:>{widths[1]}}  {c}" for a, b, c in self.rows]
        return "\n".join([self.title, *(line.rstrip() for line in lines)])

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
        return f"<div><b>{html.escape(self.title)}</b><table>{rows}</table></div>"


def display_table(table: Table) -> None:
    """Displays the table in a notebook, prints it elsewhere."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        importlib.import_module("IPython.display").display(table)
    else:
        print(table)
