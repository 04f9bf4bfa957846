"""nbgrader, where somebody has it, gives the marks that the course's own grading gives."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from submitting import filled, notebook, solutions, store

from course_lib.index import exercise_of
from course_lib.teach import write_assignment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("nbgrader") is None,
        reason="nbgrader is no part of the course; pip install nbgrader runs this",
    ),
]
GUIDE = Path(__file__).resolve().parent.parent / "notebooks" / "teaching" / "grading.md"
WRONG = {"4.a": 'answer_4_a = ["first", "2", "4", "2"]', "4.c": 'answer_4_c = ["ii"]'}


def config() -> str:
    """The file that the guide gives, so that it is tried as it stands there."""
    return GUIDE.read_text("utf-8").split("```python\n# nbgrader_config.py\n")[1].split("```")[0]


def nbgrader(folder: Path, *words: str) -> None:
    scripts = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *words],
        cwd=folder,
        env=os.environ | {"PATH": scripts},  # it calls alembic by its name
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_marks_of_right_wrong_and_empty(tmp_path: Path) -> None:
    from nbgrader.api import Gradebook  # type: ignore[import-not-found,unused-ignore]

    (tmp_path / "nbgrader_config.py").write_text(config(), encoding="utf-8")
    write_assignment(4, tmp_path / "source" / "chapter4", nbgrader=True)
    nbgrader(tmp_path, "generate_assignment", "chapter4")
    (released,) = (tmp_path / "release" / "chapter4").glob("*.ipynb")
    answered = {"anna": solutions(4), "ben": solutions(4) | WRONG, "carla": {}}
    for student, answers in answered.items():
        raw = notebook(released)
        for cell in raw["cells"]:
            name = exercise_of(cell) if cell["cell_type"] == "code" else ""
            if name in answers and cell["metadata"]["nbgrader"]["solution"]:
                cell["source"] = filled(cell, name, answers[name])
        store(tmp_path / "submitted" / student / "chapter4" / released.name, raw)
    nbgrader(tmp_path, "autograde", "chapter4")
    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as book:
        marks = {s.student.id: s.score for s in book.assignment_submissions("chapter4")}
    assert marks == {"anna": 4.0, "ben": 2.0, "carla": 0.0}
