"""A chapter's notebook as its exercises see it: which cells ask for each, and which solve it."""

import ast
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.index import ROOT, SOLUTION, calls, exercise_of, program_of_solution, text

Cell = dict[str, Any]
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
    paths = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        raise FileNotFoundError(
            f"no notebooks in {folder}: use the package from the course's folder"
        )
    for path in paths:
        if int(path.name[:2]) == number:
            return path
    raise ValueError(f"chapters are 1 to {len(paths)}, got {number}")


def read_notebook(path: Path) -> dict[str, Any]:
    """The notebook's JSON. Raises ValueError if the file is none."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name}: no notebook: {error}"[:200]) from None
    if not isinstance(raw, dict) or not isinstance(raw.get("cells"), list):
        raise ValueError(f"{path.name}: no notebook of format 4: it has no list of cells")
    return raw


def asked_in(cells: list[Cell]) -> list[Asked]:
    """The exercises of a chapter's notebook, in order."""
    found: list[Asked] = []
    start = next(i for i, cell in enumerate(cells) if "## Exercises" in text(cell["source"]))
    for place in range(start, len(cells)):
        name = exercise_of(cells[place]) if cells[place]["cell_type"] == "code" else ""
        if name:
            begin = found[-1].solution + 1 if found else start
            words = tuple(i for i in range(begin, place) if cells[i]["cell_type"] == "markdown")
            found.append(Asked(name, words, place, _solution_after(cells, place)))
    return found


def _solution_after(cells: list[Cell], place: int) -> int:
    return next(
        i for i in range(place + 1, len(cells)) if text(cells[i]["source"]).startswith(SOLUTION)
    )


def handed_to_check(cell: Cell) -> str:
    """What a cell hands to `check`, as source: the arguments after the name."""
    (call,) = calls(ast.parse(text(cell["source"])), "check")
    return ", ".join(ast.unparse(argument) for argument in call.args[1:])


def published_answers(number: int) -> dict[str, str]:
    """Of each exercise of a chapter, the program of its solution."""
    cells = read_notebook(chapter_path(number))["cells"]
    return {
        asked.name: program_of_solution(text(cells[asked.solution]["source"])).strip()
        for asked in asked_in(cells)
    }
