"""Every notebook has the course's anatomy, stored outputs of one run, and solutions that solve."""

import re
from pathlib import Path

import pytest
from notebook_rules import FOLDER, Notebook, exercise_name, faults, solved

from course_lib.checks import EXERCISES, judge

PATHS = sorted(FOLDER.glob("*.ipynb"))


def test_notebooks_are_numbered_from_one() -> None:
    assert [int(path.name[:2]) for path in PATHS] == list(range(1, len(PATHS) + 1))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_notebook_keeps_the_rules(path: Path) -> None:
    found = faults(Notebook.read(path))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_solutions_are_accepted(path: Path) -> None:
    notebook = Notebook.read(path)
    for exercise in notebook.exercises:
        verdict = judge(exercise_name(exercise), solved(notebook, exercise))
        assert verdict.accepted, verdict.message


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_exercises_are_those_of_the_package(path: Path) -> None:
    """None is left out of the notebook, and none is asked twice."""
    notebook = Notebook.read(path)
    asked = [exercise_name(cell) for cell in notebook.exercises]
    judge(asked[0], ...)  # registers the exercises
    assert asked == sorted(n for n in EXERCISES if n.startswith(f"{notebook.number}."))


def test_links_lead_somewhere() -> None:
    """Of the README and the notebooks; only the next notebook to be written may be missing."""
    root = FOLDER.parent
    pages = {root / "README.md": (root / "README.md").read_text(encoding="utf-8")}
    pages |= {path: Notebook.read(path).prose for path in PATHS}
    coming = f"{len(PATHS) + 1:02d}_"
    lost = [
        f"{page.name}: {link}"
        for page, prose in pages.items()
        for link in re.findall(r"\]\(([^)#:\s]+)", prose)
        if not (page.parent / link).exists() and not Path(link).name.startswith(coming)
    ]
    assert not lost, "\n".join(lost)
