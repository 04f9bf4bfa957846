"""Which of a submission's cells must run: those that answer, and those that these need.

Cells that the course wrote and no answer uses (explorers, figures, trainings) are left out. They
are told from the student's own by the chapter's notebook, as it was handed out.
"""

import ast
from dataclasses import dataclass

Placed = tuple[int, str]  # a cell's place in the notebook, counted from 1, and its source


@dataclass(frozen=True)
class Names:
    """What a cell's code sets and what it uses; `opaque` if it cannot be read, as with magics."""

    sets: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    opaque: bool = False


def needed(cells: list[Placed], handed_out: frozenset[str]) -> list[Placed]:
    """The cells to run, in order: those that were not handed out as they are, those that call
    `check`, and the cells above them that set what they use.
    """
    names = [names_in(source) for _, source in cells]
    wanted: set[str] = set()
    chosen: list[Placed] = []
    for cell, own in reversed([*zip(cells, names, strict=True)]):
        _, source = cell
        students = source.strip() not in handed_out
        if students or own.opaque or "check" in own.uses or wanted & own.sets:
            chosen.append(cell)
            wanted |= own.uses
    return chosen[::-1]


def names_in(source: str) -> Names:
    """What a cell sets and uses, wherever in it: also inside functions, and by `x[0] = …`."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Names(opaque=True)
    sets: set[str] = set()
    uses: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (uses if isinstance(node.ctx, ast.Load) else sets).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            sets.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            sets.update((part.asname or part.name).split(".")[0] for part in node.names)
        elif isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            sets.update(base.id for base in ast.walk(node.value) if isinstance(base, ast.Name))
    return Names(frozenset(sets), frozenset(uses), "*" in sets)
