"""Rows that are taken into the results files: held to a model's file, to its recipe, or refused."""

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from course_lib.evaluate import command
from course_lib.evaluate.added import add_rows
from course_lib.shipped import RECIPES, Recipe, other_runs, results, save_model
from course_lib.shipped.facts import sha256_of
from course_lib.shipped.results import save_rows
from course_lib.train import History, Settings
from course_lib.vae import Architecture

SIZES = Architecture(6, (3, 2), ((5,), (4,)))
RECIPE = Recipe("small", "a test", SIZES, Settings(7, 8), published=9.5)
Row = dict[str, Any]
FIGURES: Row = {"monte_carlo_error": 0.002, "sampling_error": 0.2, "test_minutes": 5.0}
FIGURES |= {"elbo": -12.0, "distortion": 8.0, "costs": [3.0, 1.0], "active_units": [3, 1]}


class Desk:
    """A folder of results, one of models, and the recipe `small`."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.data, self.runs = folder / "data", folder / "runs"
        self.data.mkdir()
        self.runs.mkdir()
        for name, file in (("RESULTS", "results.json"), ("OTHER_RUNS", "other_runs.json")):
            patch.setattr(sys.modules["course_lib.shipped.results"], name, self.data / file)
        patch.setattr("course_lib.shipped.recipe.FOLDER", self.data)
        patch.setitem(RECIPES, "small", RECIPE)

    def model(self, name: str, seed: int = 0, recipe: Recipe = RECIPE) -> Path:
        """The file of a training from that seed."""
        path, made_by = self.runs / f"{name}.safetensors", recipe.changed(seed=seed)
        history = History([{"epoch": recipe.settings.epochs, "core_seconds": 120.0}])
        save_model(path, recipe.architecture.build(seed=seed), made_by, history)
        return path

    def row(self, model: Path, nll: float = 10.0, **changes: Any) -> Path:
        """The file of one row about a model."""
        row = {"model": model.stem, "sha256": sha256_of(model), "k": 5000, "images": 10_000}
        path = self.runs / f"{model.stem}.json"
        path.write_text(json.dumps([row | {"seed": 0, "nll": nll} | FIGURES | changes]))
        return path


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def test_a_row_is_added_with_the_facts_of_its_file(desk: Desk) -> None:
    """What the row says of the training counts for nothing."""
    model = desk.model("small_seed_4", seed=4)
    row = desk.row(model, published=1.0, epochs=99, training_seed=99, recipe="mnist_vae")
    add_rows([row], [model])
    (found,) = other_runs().values()
    assert (found["model"], found["recipe"], found["published"]) == ("small_seed_4", "small", 9.5)
    assert (found["epochs"], found["training_seed"], found["training_minutes"]) == (7, 4, 2.0)
    assert found["architecture"] == json.loads(json.dumps(SIZES.as_dict()))
    assert found["objective"] == ["elbo"]
    assert found["nll"] == 10.0
    assert found.items() >= FIGURES.items()
    assert results() == {}


def test_what_earlier_rows_call_rates_are_costs(desk: Desk) -> None:
    model = desk.model("small_seed_4", seed=4)
    (row,) = json.loads(desk.row(model).read_text())
    row["rates"] = row.pop("costs")
    old = desk.runs / "old.json"
    old.write_text(json.dumps([row]))
    add_rows([old], [model])
    (found,) = other_runs().values()
    assert found["costs"] == [3.0, 1.0]
    assert "rates" not in found


def test_rows_find_their_files_and_replace_older_rows_of_the_same_training(desk: Desk) -> None:
    one, two = desk.model("small_seed_1", 1), desk.model("small_seed_2", 2)
    add_rows([desk.row(two), desk.row(one)], [one, two])
    assert list(other_runs()) == ["small_seed_2", "small_seed_1"]
    again = desk.model("again", 2, replace(RECIPE, what="the same"))
    add_rows([desk.row(again, 11.0)], [one, two, again])
    assert [row["nll"] for row in other_runs().values()] == [11.0, 10.0]
    assert list(other_runs()) == ["again", "small_seed_1"]


def test_the_row_of_a_model_that_ships_goes_to_the_results(desk: Desk) -> None:
    """Under its recipe's name, and no longer among the other runs."""
    model = desk.model("small_seed_0")
    row = desk.row(model)
    add_rows([row], [model])
    assert list(other_runs()) == ["small_seed_0"]
    shutil.copy(model, desk.data / "small.safetensors")
    add_rows([row], [model])
    assert list(results()) == ["small"]
    assert other_runs() == {}
    other = replace(RECIPE, settings=replace(RECIPE.settings, epochs=7))
    twin = desk.runs / "twin.safetensors"
    save_model(twin, SIZES.build(seed=9), other, History([{"epoch": 7, "core_seconds": 1.0}]))
    with pytest.raises(ValueError, match="twin has the recipe, epochs and seed of a model that"):
        add_rows([desk.row(twin)], [twin])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 500}, "'k': 5000, .* and small_seed_2 has {'k': 500"),
        ({"images": 500}, "small_seed_2 has .*'images': 500"),
        ({"seed": 1}, "small_seed_2 has .*'seed': 1"),
        (
            {"sha256": "0" * 64},
            "none of the models has the SHA-256 of .* small_seed_2, 000",
        ),
    ],
)
def test_a_row_that_does_not_belong_is_refused_and_all_with_it(
    changes: Row, message: str, desk: Desk
) -> None:
    good, bad = desk.model("small_seed_1", 1), desk.model("small_seed_2", 2)
    with pytest.raises(ValueError, match=message):
        add_rows([desk.row(good), desk.row(bad, **changes)], [good, bad])
    assert other_runs() == results() == {}


@pytest.mark.parametrize(
    ("then", "message"),
    [
        (
            replace(RECIPE, architecture=replace(SIZES, latents=(3, 1))),
            r"latents \(3, 1\), and its",
        ),
        (RECIPE.changed(epochs=6), "epochs 6, and its recipe small has 7"),
        (RECIPE.changed(learning_rate=0.5), r"learning_rate 0\.5, and its recipe small has 0\.001"),
        (replace(RECIPE, name="slim"), "'slim', and there is no recipe of that name"),
    ],
)
def test_a_model_that_its_recipe_has_left_behind_is_refused(
    then: Recipe, message: str, desk: Desk
) -> None:
    """Also one that now lies in the place of the model that ships."""
    model = desk.model("small_seed_1", 1, then)
    row = desk.row(model)
    with pytest.raises(ValueError, match=message):
        add_rows([row], [model])
    shutil.copy(model, desk.data / "small.safetensors")
    with pytest.raises(ValueError, match=message):
        add_rows([row], [model])


def test_a_file_of_something_else_is_named(desk: Desk) -> None:
    model = desk.model("small_seed_1", 1)
    for text, message in (
        ("{", "holds no rows of results: Expecting"),
        ('{"a": 1}', "holds no rows of results: expected a list"),
        ("[3]", "holds no rows of results: expected a list"),
        ('[{"model": "small_seed_1", "k": 1}]', "the row of small_seed_1 has no images, seed, nll"),
    ):
        (desk.runs / "rows.json").write_text(text)
        with pytest.raises(ValueError, match=message):
            add_rows([desk.runs / "rows.json"], [model])
    with pytest.raises(FileNotFoundError):
        add_rows([desk.runs / "nothing.json"], [model])


def test_the_command_adds_rows_and_prints_them(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = desk.model("small_seed_1", 1), desk.model("small_seed_2", 2)
    rows = [str(desk.row(one, 10.0)), str(desk.row(two, 10.5))]
    assert command.main([str(one), str(two), "--add", *rows]) == 0
    at_once = capsys.readouterr().out
    assert command.main(["--table"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert at_once.splitlines() == printed  # here there is no other recipe
    assert re.sub(" +", " ", printed[1]) == "small ELBO 7 2 9.50 10.00 10.50 10.25 0.35"
    # Encoders 7·5 + 12·3 and 4·4 + 10·2; decoders 4·5 + 6·6 and 3·4 + 10·3.
    assert re.sub(" +", " ", printed[4]) == "small bottom-up 205 −12.00 8.00 3.0+1.0 3+1"
    assert command.main([str(one), "--add", *rows]) == 2
    assert "none of the models has the SHA-256" in capsys.readouterr().err


def test_rows_are_kept_beside_those_of_other_models(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    for row in ({"model": "a", "nll": 1.0}, {"model": "b", "nll": 2.0}, {"model": "a", "nll": 3.0}):
        save_rows(path, [row])
    assert json.loads(path.read_text()) == [{"model": "a", "nll": 3.0}, {"model": "b", "nll": 2.0}]
    assert len(path.read_text().splitlines()) == 4  # a row a line
