"""What a model's file says of its training, and what its recipe must still say."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from test_evaluate_table import run

from course_lib.shipped import Recipe, require_recipe, save_model, training_facts
from course_lib.shipped.recipe import NamedObjective
from course_lib.train import History, Settings
from course_lib.vae import Architecture


def test_the_facts_are_those_of_the_training(tmp_path: Path) -> None:
    architecture = Architecture(6, (3, 2), ((5,), (4,)), direction="top-down")
    objective, settings = NamedObjective("free_bits", (2, 0.5)), Settings(7, 8, 1e-2, seed=3)
    recipe, path = Recipe("small", "", architecture, settings, objective), tmp_path / "small"
    history = History([{"epoch": 6, "core_seconds": 70.0}, {"epoch": 7, "core_seconds": 50.0}])
    save_model(path, architecture.build(seed=0), recipe, history)
    facts = training_facts(path)
    # From the top, the upper encoder reads the five features of the lower one.
    encoders = (7 * 5 + 2 * 6 * 3) + (6 * 4 + 2 * 5 * 2)
    decoders = (4 * 5 + 6 * 6) + (3 * 4 + 2 * 5 * 3)
    assert facts["parameters"] == encoders + decoders
    assert (facts["recipe"], facts["epochs"], facts["training_seed"]) == ("small", 7, 3)
    assert facts["training_minutes"] == 2.0
    assert facts["objective"] == ["free_bits", 2, 0.5]
    assert Architecture.from_dict(facts["architecture"]) == architecture
    assert facts["settings"]["batch_size"] == 8
    assert not {"epochs", "seed"} & facts["settings"].keys()
    assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


NAME = "mnist_topdown_3_warm"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"training_seed": 5},
        {"objective": None},  # a file of the first edition
        {"epochs": 100, "model": f"{NAME}_epochs_100"},
        {"epochs": 100, "model": f"{NAME}_epochs_100_seed_1"},
    ],
)
def test_a_row_of_its_recipe_passes(changes: dict[str, Any]) -> None:
    assert require_recipe(run(NAME, **changes)).name == NAME


def test_what_an_older_file_lacks_has_its_default() -> None:
    row = run("mnist_hvae_2")
    del row["architecture"]["direction"]
    del row["settings"]["average"]
    require_recipe(row)
    row = run(NAME)
    del row["architecture"]["direction"]
    with pytest.raises(ValueError, match="direction bottom-up, and its recipe .* has top-down"):
        require_recipe(row)


@pytest.mark.parametrize(
    ("field", "value", "was", "now"),
    [
        ("hidden", [[9], [9], [9]], r"hidden \(\(9,\), \(9,\), \(9,\)\)", r"\(\(200, 200\)"),
        ("latents", [100, 50, 24], r"latents \(100, 50, 24\)", r"\(100, 50, 25\)"),
        ("direction", "bottom-up", "direction bottom-up", "top-down"),
        ("likelihood", "gaussian", "likelihood gaussian", "bernoulli"),
        ("batch_size", 500, "batch_size 500", "1000"),
        ("precision", "float32", "precision float32", "bfloat16"),
        ("objective", ["warm_up", 0.5], r"objective \['warm_up', 0\.5\]", r"\['warm_up', 0\.33"),
        ("epochs", 100, "epochs 100", "300"),
    ],
)
def test_a_row_that_its_recipe_has_left_behind_is_refused(
    field: str, value: Any, was: str, now: str
) -> None:
    row = run(NAME)
    place = next((row[kind] for kind in ("architecture", "settings") if field in row[kind]), row)
    place[field] = value
    with pytest.raises(ValueError, match=f"{NAME}_seed_0 was trained with {was}.* has {now}"):
        require_recipe(row)


def test_a_name_tells_its_epochs_in_full() -> None:
    with pytest.raises(ValueError, match="epochs 100, and its recipe"):
        require_recipe(run(NAME, epochs=100, model=f"{NAME}_epochs_1000"))


def test_a_row_of_no_recipe_is_refused() -> None:
    with pytest.raises(ValueError, match="'slim', and there is no recipe of that name"):
        require_recipe(run(NAME) | {"recipe": "slim"})


def test_a_row_that_does_not_say_how_it_was_trained_is_refused() -> None:
    row = run(NAME)
    del row["architecture"], row["settings"]
    with pytest.raises(ValueError, match=f"{NAME}_seed_0 has no architecture, settings"):
        require_recipe(row)
    row = run(NAME)
    row["settings"]["momentum"] = 0.9
    with pytest.raises(ValueError, match=f"{NAME}_seed_0 was trained with .* unknown: .*momentum"):
        require_recipe(row)
