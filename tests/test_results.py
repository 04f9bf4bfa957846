"""The figures of the models that ship: of the files that ship, and the same wherever they stand."""

import hashlib
import re
from typing import Any

import pytest

from course_lib import checkpoint
from course_lib.data import FOLDER
from course_lib.evaluate.table import line
from course_lib.recipes import RECIPES, results
from course_lib.vae import Architecture

SHIPPED = sorted(FOLDER.glob("*.safetensors"))
PAGES = [FOLDER / "README.md", FOLDER.parent / "README.md"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_model_is_its_recipe_trained_to_the_end(path: Any) -> None:
    recipe = RECIPES[path.stem]
    _, about = checkpoint.load(path)
    assert Architecture.from_dict(about["architecture"]) == recipe.architecture
    assert about["last_epoch"]["epoch"] == recipe.settings.epochs
    assert path.stat().st_size < 4e6


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_its_figures_are_of_this_file_and_of_all_test_images(path: Any) -> None:
    row = results()[path.stem]
    assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (row["k"], row["images"], row["seed"]) == (5000, 10_000, 0)


def test_the_results_are_of_the_models_that_ship() -> None:
    """Neither more nor fewer, and each with the checksum that data/README.md gives."""
    assert SHIPPED
    assert {path.stem for path in SHIPPED} == set(results())
    page = PAGES[0].read_text(encoding="utf-8")
    assert all(f"`{row['sha256']}`" in page for row in results().values())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_the_pages_print_what_the_command_prints(page: Any) -> None:
    """Each row of the command's table stands there, word for word."""
    text = re.sub(r" +", " ", page.read_text(encoding="utf-8"))
    for row in results().values():
        assert re.sub(r" +", " ", line(row)).strip() in text, row["model"]
