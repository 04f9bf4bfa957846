"""Every notebook has the course's anatomy, stored outputs of one run, and solutions that solve."""

import re
from pathlib import Path

import pytest
from notebook_rules import FOLDER, Notebook, exercise_name, faults, solved

from course_lib.exercises import EXERCISES, judged
from course_lib.index import notebook_paths

PATHS = notebook_paths(FOLDER)


def test_notebooks_are_numbered_and_the_readme_leads_to_each() -> None:
    readme = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    assert [int(path.name[:2]) for path in PATHS] == list(range(1, len(PATHS) + 1))
    for path in PATHS:
        assert re.fullmatch(r"\d\d_[a-z_]+", path.stem)
        assert f"(notebooks/{path.name})" in readme


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_notebook_keeps_the_rules(path: Path) -> None:
    found = faults(Notebook.read(path))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_solutions_are_accepted(path: Path) -> None:
    notebook = Notebook.read(path)
    for exercise in notebook.exercises:
        verdict = judged(exercise_name(exercise), solved(notebook, exercise))
        assert verdict.accepted, verdict.message


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_exercises_are_those_of_the_package(path: Path) -> None:
    """None is left out of the notebook, and none is asked twice."""
    notebook = Notebook.read(path)
    asked = [exercise_name(cell) for cell in notebook.exercises]
    judged(asked[0], ...)  # registers the exercises
    assert asked == sorted(n for n in EXERCISES if n.startswith(f"{notebook.number}."))


def test_links_lead_somewhere() -> None:
    """Of the pages at the top, of the primer and of the notebooks."""
    written = [*FOLDER.parent.glob("*.md"), FOLDER / "PRIMER.md"]
    pages = {path: path.read_text(encoding="utf-8") for path in written}
    pages |= {path: Notebook.read(path).prose for path in PATHS}
    lost = [
        f"{page.name}: {link}"
        for page, prose in pages.items()
        for link in re.findall(r"\]\(([^)#:\s]+)[)#]", prose)
        if not (page.parent / link).exists()
    ]
    assert not lost, "\n".join(lost)


def test_the_readme_shows_what_notebook_1_opens_with() -> None:
    opening = PATHS[0]
    assert (FOLDER / "explorer.png").read_bytes() == Notebook.read(opening).pictures[0]
