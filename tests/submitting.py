"""Submissions for the tests of grading: a chapter's assignment with cells filled in by script."""

import json
from pathlib import Path
from typing import Any

from course_lib.index import exercise_of, text
from course_lib.teach import write_assignment
from course_lib.teach.notebooks import handed_to_check, published_answers


def notebook(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def store(path: Path, raw: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


def submit(
    path: Path,
    chapter: int,
    answers: dict[str, str] | None = None,
    class_name: str = "",
    more: tuple[str, ...] = (),
) -> Path:
    """An assignment with these programs in the cells of exercises, and further cells at its end.

    A program sets `answer_4_a`, or is the whole of a `check`, or what the cell hands to `check`.
    """
    raw = notebook(write_assignment(chapter, path.parent / ".handout", class_name))
    for cell in raw["cells"]:
        name = exercise_of(cell) if cell["cell_type"] == "code" else ""
        if name in (answers or {}):
            cell["source"] = filled(cell, name, (answers or {})[name])
    raw["cells"] += [code(source) for source in more]
    return store(path, raw)


def filled(cell: dict[str, Any], name: str, program: str) -> str:
    if "check(" in program:
        return program
    lines = [line for line in text(cell["source"]).splitlines() if "check(" not in line]
    return "\n".join([*lines, program, f'check("{name}", {handed_to_check(cell)})'])


def code(source: str) -> dict[str, Any]:
    empty: dict[str, Any] = {"metadata": {}, "outputs": [], "execution_count": None}
    return {"cell_type": "code", "id": f"own-{abs(hash(source))}"[:20], "source": source} | empty


def solutions(chapter: int) -> dict[str, str]:
    """The programs of a chapter's published solutions."""
    return published_answers(chapter)
