"""A chapter's notebook as its exercises see it: which cells ask for each, and which solve it."""

import ast
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.checks.answers import is_blank
from course_lib.index import (
    ROOT,
    SOLUTION,
    calls,
    exercise_of,
    notebook_paths,
    program_of_solution,
    text,
)
from course_lib.teach.choosing import NO_PYTHON

Cell = dict[str, Any]
CHECKED = re.compile(r"\bcheck\s*\(")
OUR_KEY = "course_lib"  # in a notebook's metadata: what an assignment says of itself


@dataclass(frozen=True)
class Asked:
    """One exercise in a notebook: its name, and the places of its cells, counted from 0.

    words: of the Markdown cells that put the question. cell: of the one to be filled in.
    solution: of the one that holds the folded solution.
    """

    name: str
    words: tuple[int, ...]
    cell: int
    solution: int


def chapter_path(number: int, folder: Path = ROOT / "notebooks") -> Path:
    """The file of a chapter.

    Raises FileNotFoundError if the notebooks do not lie beside the package, ValueError for a number
    that is no chapter's.
    """
    paths = notebook_paths(folder)
    if not paths:
        raise FileNotFoundError(
            f"no notebooks in {folder}: use the package from the course's folder"
        )
    for path in paths:
        if int(path.name[:2]) == number:
            return path
    raise ValueError(f"chapters are 1 to {len(paths)}, got {number}")


def read_notebook(path: Path) -> dict[str, Any]:
    """The notebook's JSON. Raises ValueError if the file is none, with its name and the reason."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name}: no notebook: {error}"[:200]) from None
    if not isinstance(raw, dict) or not isinstance(raw.get("cells"), list):
        raise ValueError(f"{path.name}: no notebook of format 4: it has no list of cells")
    if not isinstance(raw.setdefault("metadata", {}), dict):
        raise ValueError(f"{path.name}: no notebook of format 4: its metadata is no object")
    for place, cell in enumerate(raw["cells"], start=1):
        if not isinstance(cell, dict) or not {"cell_type", "source"} <= set(cell):
            raise ValueError(f"{path.name}: no notebook of format 4: cell {place} is none")
    return raw


def asked_in(cells: list[Cell], file: str = "the notebook") -> list[Asked]:
    """The exercises of a chapter's notebook, in order.

    Raises ValueError, with the file's name, if there are none, one has no solution, or a cell with
    a `check` is no Python: no one can say whether an answer stands in it.
    """
    found: list[Asked] = []
    start = _first(cells, 0, lambda source: "## Exercises" in source)
    for place in range(start, len(cells)):
        _require_python(cells[place], f"{file}: cell {place + 1}")
        if name := asked_by(cells[place]):
            begin = found[-1].solution + 1 if found else start
            words = tuple(i for i in range(begin, place) if cells[i]["cell_type"] == "markdown")
            solution = _first(cells, place + 1, lambda source: source.startswith(SOLUTION))
            if solution == len(cells):
                raise ValueError(f"{file}: no folded solution stands below exercise {name}")
            found.append(Asked(name, words, place, solution))
    if not found:
        raise ValueError(f"{file}: no exercise stands below a heading ## Exercises")
    return found


def _first(cells: list[Cell], begin: int, holds: Callable[[str], bool]) -> int:
    """The place of the first such cell, or one past the last."""
    places = (i for i in range(begin, len(cells)) if holds(text(cells[i]["source"])))
    return next(places, len(cells))


def _require_python(cell: Cell, where: str) -> None:
    """Raises ValueError if a cell of code with a `check` does not parse, as under `%%time`."""
    source = text(cell["source"])
    if cell["cell_type"] == "code" and CHECKED.search(source):
        try:
            ast.parse(source)
        except NO_PYTHON:
            raise ValueError(
                f"{where} has a `check` and is no plain Python: take out what is none, such as "
                "`%%time` or `!ls`"
            ) from None


def asked_by(cell: Cell) -> str:
    """The name of the exercise that a cell of code asks for; nothing of one that is no Python,
    such as `%timeit`.
    """
    try:
        return exercise_of(cell) if cell["cell_type"] == "code" else ""
    except NO_PYTHON:
        return ""


def handed_to_check(cell: Cell) -> str:
    """What a cell hands to `check`, as source: the arguments after the name."""
    call, *_ = calls(ast.parse(text(cell["source"])), "check")
    return ", ".join(ast.unparse(argument) for argument in call.args[1:])


def is_answered(cell: Cell) -> bool:
    """Whether a cell hands more to `check` than the blanks that a chapter comes with."""
    tree = ast.parse(text(cell["source"]))
    given = [argument for call in calls(tree, "check") for argument in call.args[1:]]
    return not all(_is_empty(argument, tree) for argument in given)


def _is_empty(value: ast.AST, tree: ast.AST, depth: int = 5) -> bool:
    """A blank, a list of blanks, a name that is set to nothing else, a function without a body."""
    if isinstance(value, ast.List | ast.Tuple):
        return depth > 0 and all(_is_empty(part, tree, depth - 1) for part in value.elts)
    if isinstance(value, ast.Name):
        given = _given(value.id, tree)
        return depth > 0 and bool(given) and all(_is_empty(v, tree, depth - 1) for v in given)
    if isinstance(value, ast.FunctionDef):
        body = value.body if ast.get_docstring(value) is None else value.body[1:]
        return all(isinstance(line, ast.Expr) and _is_empty(line.value, tree, 0) for line in body)
    return isinstance(value, ast.Constant) and is_blank(value.value)


def _given(name: str, tree: ast.AST) -> list[ast.AST]:
    """All that a name is set to; where that is not plain to be seen, the tree too: in a loop, or
    where the name is used, as by `name.append`, other than in `check`.
    """
    nodes = [*ast.walk(tree)]
    given: list[ast.AST] = [
        node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id == name
    ]
    checked = [argument for call in calls(tree, "check") for argument in call.args]
    plain = len(given) + sum(_is_named(argument, name) for argument in checked)
    hidden = [tree] if sum(_is_named(node, name) for node in nodes) > plain else []
    functions = [n for n in nodes if isinstance(n, ast.FunctionDef) and n.name == name]
    return [*given, *functions, *hidden]


def _is_named(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def cells_digest(cells: list[Cell]) -> str:
    """Of the kinds and sources of all cells but empty ones, which Jupyter adds as cells are run."""
    sources = [(str(cell["cell_type"]), text(cell["source"])) for cell in cells]
    written = json.dumps([pair for pair in sources if pair[1].strip()])
    return hashlib.sha256(written.encode()).hexdigest()


def published_answers(number: int) -> dict[str, str]:
    """Of each exercise of a chapter, the program of its solution."""
    cells = read_notebook(chapter_path(number))["cells"]
    return {
        asked.name: program_of_solution(text(cells[asked.solution]["source"])).strip()
        for asked in asked_in(cells, chapter_path(number).name)
    }
