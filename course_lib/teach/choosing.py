"""Which of a submission's cells must run: those that answer, and those that these need.

Cells that the course wrote and no answer uses (explorers, figures, trainings) are left out. They
are told from the student's own by the chapter's notebook, as it was handed out.
"""

import ast
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# What ast.parse raises: the last two where expressions lie too deep in one another.
NO_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)

Placed = tuple[int, str]  # a cell's place in the notebook, counted from 1, and its source


@dataclass(frozen=True)
class Names:
    """What a cell's code sets, and what it uses; `opaque` if it cannot be read, as with magics."""

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
    """What a cell sets (also by `x[0] = …`), and what it uses before it has set it itself."""
    try:
        tree = ast.parse(source)
        sets: set[str] = set()
        uses: set[str] = set()
        for node in _steps(tree.body):
            uses |= _read(node) - sets
            sets |= _set(node)
    except NO_PYTHON:
        return Names(opaque=True)
    return Names(frozenset(sets), frozenset(uses), "*" in sets)


def _steps(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Statements in the order in which they run; those that hold others in their parts."""
    for node in body:
        if isinstance(node, ast.For | ast.AsyncFor):
            yield from (node.iter, node.target, *_steps([*node.body, *node.orelse]))
        elif isinstance(node, ast.While | ast.If):
            yield from (node.test, *_steps([*node.body, *node.orelse]))
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                yield from filter(None, (item.context_expr, item.optional_vars))
            yield from _steps(node.body)
        elif isinstance(node, ast.Try):
            yield from _steps([*node.body, *node.orelse, *node.finalbody])
            for handler in node.handlers:
                yield from _steps(handler.body)
        else:
            yield node


def _read(node: ast.AST) -> set[str]:
    """The global names that a step reads, also inside functions, where its own are local."""
    if isinstance(getattr(node, "ctx", None), ast.Store):  # a loop's or a with's own target
        loads = [n for n in ast.walk(node) if isinstance(n, ast.Name) and type(n.ctx) is ast.Load]
        return {name.id for name in loads}
    found = {node.target.id} if _adds_to_name(node) else set()  # type: ignore[attr-defined]
    left = [symtable.symtable(ast.unparse(node), "cell", "exec")]
    while left:
        table = left.pop()
        module = table.get_type() == "module"
        found |= {
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_referenced() and (module or symbol.is_global())
        }
        left += table.get_children()
    return found


def _adds_to_name(node: ast.AST) -> bool:
    return isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)


def _set(node: ast.AST) -> set[str]:
    """The names that a step sets, or whose parts it sets."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(part.asname or part.name).split(".")[0] for part in node.names}
    parts = [*ast.walk(node)]
    loops = [part.target for part in parts if isinstance(part, ast.comprehension)]
    local = {id(part) for target in loops for part in ast.walk(target)}  # gone with the loop
    found: set[str] = set()
    for part in parts:
        if id(part) in local:
            continue
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            found.add(part.id)
        elif isinstance(part, ast.Attribute | ast.Subscript) and not isinstance(part.ctx, ast.Load):
            found.update(base.id for base in ast.walk(part.value) if isinstance(base, ast.Name))
    return found
