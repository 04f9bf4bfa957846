"""Every notebook has the course's anatomy, stored outputs of one run, and solutions that solve."""

import re
from pathlib import Path

import pytest
from notebook_rules import FOLDER, Notebook, exercise_name, faults, solved

from course_lib.exercises import EXERCISES, judged

PATHS = sorted(FOLDER.glob("*.ipynb"))


CHAPTERS = (
    "01_intractable_evidence",
    "02_latent_variables",
    "03_elbo_by_jensen",
    "04_kl_divergence",
    "05_reconstruction_and_kl",
    "06_parameters_or_functions",
    "07_encoder_and_decoder",
    "08_reparameterization",
    "09_dataset_likelihood",
    "10_hvae_structure",
    "11_markov_hvae",
    "12_hvae_elbo",
)


def test_notebooks_are_chapters_and_the_readme_leads_to_each() -> None:
    readme = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    for path in PATHS:
        assert path.stem in CHAPTERS
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
    """Of the README and the notebooks; only a chapter still to be written may be missing."""
    root = FOLDER.parent
    pages = {root / "README.md": (root / "README.md").read_text(encoding="utf-8")}
    pages |= {path: Notebook.read(path).prose for path in PATHS}
    lost = [
        f"{page.name}: {link}"
        for page, prose in pages.items()
        for link in re.findall(r"\]\(([^)#:\s]+)", prose)
        if not (page.parent / link).exists()
        and (page.suffix != ".ipynb" or Path(link).stem not in CHAPTERS)
    ]
    assert not lost, "\n".join(lost)


def test_the_readme_shows_what_notebook_4_opens_with() -> None:
    (opening,) = (path for path in PATHS if path.name.startswith("04_"))
    assert (FOLDER / "explorer.png").read_bytes() == Notebook.read(opening).pictures[0]
