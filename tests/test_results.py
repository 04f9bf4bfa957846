"""The figures of the models that ship: of the files that ship, and the same wherever they stand."""

import hashlib
import math
import re
from typing import Any

import pytest

from course_lib import checkpoint
from course_lib.data import FOLDER
from course_lib.evaluate.table import (
    by_recipe,
    results_line,
    routes_header,
    routes_line,
    seeds_line,
)
from course_lib.shipped import RECIPES, all_runs, other_runs, results, routes
from course_lib.vae import Architecture

SHIPPED = sorted(FOLDER.glob("*.safetensors"))
PAGES = [FOLDER / "README.md", FOLDER.parent / "README.md"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_model_is_its_recipe_trained_to_the_end(path: Any) -> None:
    recipe = RECIPES[path.stem]
    _, about = checkpoint.load(path)
    assert Architecture.from_dict(about["architecture"]) == recipe.architecture
    assert about["last_epoch"]["epoch"] == recipe.settings.epochs
    assert about.get("objective", recipe.objective.as_list()) == recipe.objective.as_list()
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


def test_the_other_runs_are_of_known_recipes_and_of_all_test_images() -> None:
    for row in other_runs().values():
        assert row["recipe"] in RECIPES
        assert (row["k"], row["images"], row["seed"]) == (5000, 10_000, 0)
        same = [r for r in results().values() if r["recipe"] == row["recipe"]]
        assert all(
            (r["training_seed"], r["epochs"]) != (row["training_seed"], row["epochs"]) for r in same
        )


def test_one_layer_beats_the_published_likelihood_from_three_seeds() -> None:
    recipe = RECIPES["mnist_hvae_1"]
    seeds = [
        row
        for row in all_runs()
        if (row["recipe"], row["epochs"]) == (recipe.name, recipe.settings.epochs)
    ]
    assert len(seeds) >= 3
    assert all(row["nll"] < row["published"] + 0.2 for row in seeds)
    assert all(row["training_minutes"] < 90 for row in seeds)


def test_two_routes_agree_on_each_model_that_was_cross_checked() -> None:
    """The files that ship, where they do; and the two routes that do not rest on the encoder."""
    assert routes()
    shipped = results()
    for name, row in routes().items():
        assert name in RECIPES
        assert name not in shipped or row["sha256"] == shipped[name]["sha256"]
        (fitted, one), (annealed, other) = row["fitted"], row["annealed"]
        assert abs(annealed - fitted) <= 2 * math.hypot(one, other) < 0.1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_the_pages_print_what_the_commands_print(page: Any) -> None:
    """Each row of the commands' tables stands there, word for word."""
    text = one_space(page.read_text(encoding="utf-8"))
    for row in results().values():
        assert one_space(results_line(row)) in text, row["model"]
    for group in by_recipe(all_runs()):
        if len(group) > 1 or page == PAGES[0]:
            assert one_space(seeds_line(group)) in text, group[0]["recipe"]


def test_the_page_of_the_data_prints_the_cross_checks() -> None:
    text = one_space(PAGES[0].read_text(encoding="utf-8"))
    for row in routes().values():
        assert one_space(routes_header(row)) in text
        for printed in routes_line(row, "annealed").splitlines():
            assert one_space(printed) in text


def one_space(text: str) -> str:
    return re.sub(r" +", " ", text).strip()
