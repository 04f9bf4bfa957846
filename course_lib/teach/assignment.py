"""A chapter's notebook to hand out: the solutions taken out, everything else whole."""

import json
from pathlib import Path
from typing import Any

from course_lib.checkpoint import write_whole
from course_lib.index import text, without_solution
from course_lib.teach.fingerprint import exercises_fingerprint
from course_lib.teach.marks import encodable
from course_lib.teach.nbgrader import for_nbgrader
from course_lib.teach.notebooks import (
    OUR_KEY,
    Asked,
    Cell,
    asked_in,
    cells_digest,
    chapter_path,
    is_answered,
    read_notebook,
)
from course_lib.teach.variation import require_class_name
from course_lib.teach.variations import BY_NAME

HAND_IN = """# To be handed in

This is chapter {number} of the course{of_class}. Read it and try its explorers; what counts are the four exercises, {names}.

- Replace each `...` in their cells and run the cell: `check` says whether the answer is right, and `hint("{first}")` helps on. Cells of your own are welcome anywhere; the last `check` of an exercise that is not empty is the one that counts.
- Before you hand in: *Kernel → Restart Kernel and Run All Cells*. Each exercise should still say what it said.
- Hand in this one file, and nothing else: it must work without other files of yours, and without the network.{own_numbers}"""  # noqa: E501
OWN_NUMBERS = """
- Numbers of your class: in {names}. Run the cell above the first exercise, else `check` judges by others."""  # noqa: E501
CLASS_CELL = """from course_lib.teach import in_class

in_class("{class_name}")  # `check` and `hint` now know the numbers of this class"""


def write_assignment(
    number: int, folder: Path, class_name: str = "", *, nbgrader: bool = False
) -> Path:
    """Writes a chapter's assignment into the folder, and returns its file.

    class_name: whose numbers it has, where an exercise can have others. nbgrader: with the cells
    and marks that nbgrader reads. Raises ValueError for a number or a name that is none, where an
    exercise of the chapter is filled in, and where a file of that name is no assignment, or one
    in which a cell was changed or added.
    """
    name = require_class_name(class_name) if class_name else ""
    path = folder / chapter_path(number).name
    if path.exists():
        _require_unworked(path)
    raw = _assignment(number, name, nbgrader)
    written = json.dumps(raw, ensure_ascii=False, indent=1) + "\n"
    write_whole(path, encodable(written).encode())
    return path


def _require_unworked(path: Path) -> None:
    """Raises ValueError if a file is no assignment, or its cells are not those handed out: what is
    work and what is not cannot be told from a cell.
    """
    raw = read_notebook(path)
    if OUR_KEY not in raw["metadata"]:
        raise ValueError(f"{path} is no assignment, and is left alone; give another folder")
    about = raw["metadata"][OUR_KEY]
    if not isinstance(about, dict) or about.get("cells") != cells_digest(raw["cells"]):
        raise ValueError(
            f"{path} is not as it was handed out, and is left alone; give another folder"
        )


def _assignment(number: int, name: str, nbgrader: bool) -> dict[str, Any]:
    """The notebook that is handed out. Raises ValueError where the chapter has answers in it."""
    source = chapter_path(number)
    raw = read_notebook(source)
    asked = asked_in(raw["cells"], source.name)
    for one in asked:
        if is_answered(raw["cells"][one.cell]):
            raise ValueError(
                f"{source}: the cell of {one.name} is filled in, and would be handed out: put "
                "back its blanks first"
            )
    _change_numbers(raw["cells"], asked, name)
    raw["metadata"][OUR_KEY] = {
        "chapter": number,
        "class": name,
        "exercises": exercises_fingerprint(),
    }
    raw["cells"] = [_hand_in(number, asked, name), *_without_answers(raw["cells"], asked, name)]
    if nbgrader:
        raw["cells"] = for_nbgrader(raw["cells"], name)
    raw["metadata"][OUR_KEY]["cells"] = cells_digest(raw["cells"])
    return raw


def _hand_in(number: int, asked: list[Asked], class_name: str) -> Cell:
    """The first cell: what is to be done, and what to be handed in."""
    names = [one.name for one in asked]
    own = [name for name in names if name in BY_NAME] if class_name else []
    written = HAND_IN.format(
        number=number,
        of_class=f", for the class {class_name}" if class_name else "",
        names=", ".join(names),
        first=names[0],
        own_numbers=OWN_NUMBERS.format(names=" and ".join(own)) if own else "",
    )
    return {"cell_type": "markdown", "id": "hand-in", "metadata": {}, "source": written}


def _change_numbers(cells: list[Cell], asked: list[Asked], class_name: str) -> None:
    """Puts the numbers of the class into question and cell, in place."""
    for one in asked if class_name else []:
        if one.name in BY_NAME:
            places = (*one.words, one.cell)
            written = BY_NAME[one.name].rewritten(
                [text(cells[place]["source"]) for place in places], class_name
            )
            for place, source in zip(places, written, strict=True):
                cells[place]["source"] = source


def _without_answers(cells: list[Cell], asked: list[Asked], class_name: str) -> list[Cell]:
    """The cells without solutions, and without what the exercises' own cells printed."""
    kept: list[Cell] = []
    for place, cell in enumerate(cells):
        if class_name and place == asked[0].words[0]:
            kept.append(_code("class", CLASS_CELL.format(class_name=class_name)))
        if place in {one.cell for one in asked}:
            cell = cell | {"outputs": [], "execution_count": None}
        if cell["cell_type"] == "markdown":
            cell = cell | {"source": without_solution(text(cell["source"]))}
            if not cell["source"].strip():
                continue
        kept.append(cell)
    return kept


def _code(name: str, source: str) -> dict[str, Any]:
    """A cell of code that was not run."""
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
