"""The table of recipes: one line a recipe in each half, held to figures worked out by hand."""

import json
import re
from dataclasses import asdict
from typing import Any

import pytest

from course_lib.evaluate.table import (
    by_recipe,
    layers_line,
    likelihoods_line,
    recipes_table,
    results_line,
)
from course_lib.shipped import RECIPES, NamedObjective
from course_lib.shipped.recipe import _LABELS, OBJECTIVES

WIDEST = 110  # columns that a page has room for
Row = dict[str, Any]


def run(recipe: str, seed: int = 0, nll: float = 83.0, **changes: Any) -> Row:
    """A row as a training of that recipe would leave it, with invented figures."""
    made_by = RECIPES[recipe]
    depth = len(made_by.architecture.latents)
    settings = asdict(made_by.settings)
    epochs, _ = settings.pop("epochs"), settings.pop("seed")
    row = {
        "model": f"{recipe}_seed_{seed}",
        "recipe": recipe,
        "epochs": epochs,
        "training_seed": seed,
        "training_minutes": 8.4,
        "parameters": 425_284,
        "architecture": json.loads(json.dumps(made_by.architecture.as_dict())),
        "objective": made_by.objective.as_list(),
        "settings": settings,
        "nll": nll,
        "elbo": -86.0,
        "distortion": 62.0,
        "costs": [12.0] * depth,
        "active_units": [20] * depth,
    }
    return row | changes


def test_trainings_that_differ_in_their_seed_share_a_line() -> None:
    a, b = "mnist_iwae_1", "mnist_hvae_3_warm"
    short = run(a, 0, 87.0, epochs=100, model=f"{a}_epochs_100")
    slow = run(a, 2, 86.1, training_minutes=26.0)  # on another processor
    groups = by_recipe([slow, short, run(b, 0, 83.5), run(a, 0, 86.0), run(a, 1, 86.4)])
    assert [[row["training_seed"] for row in group] for group in groups] == [[0, 1, 2], [0], [0]]
    lines = [re.sub(" +", " ", likelihoods_line(group)) for group in groups]
    # The mean is 258.5/3; the squares about it sum to 0.0867, half of which is 0.208².
    assert lines[0] == f"{a} L_5 300 8 85.54 86.00 86.40 86.10 86.17 0.21"
    assert lines[1] == f"{a}_epochs_100 L_5 100 8 85.54 87.00 87.00"
    assert lines[2] == f"{b} warm-up 1/3 300 8 83.50 83.50"


def test_the_lines_stand_in_the_order_of_the_recipes() -> None:
    groups = by_recipe(run(name) for name in reversed(RECIPES))
    assert [group[0]["recipe"] for group in groups] == list(RECIPES)


def test_the_layers_are_means_over_the_seeds_that_add_up() -> None:
    figures: list[Row] = [
        {"elbo": -86.0, "distortion": 62.0, "costs": [15.5, 8.5], "active_units": [22, 7]},
        {"elbo": -87.0, "distortion": 63.0, "costs": [14.1, 9.9], "active_units": [24, 6]},
        {"elbo": -88.0, "distortion": 63.4, "costs": [15.0, 9.6], "active_units": [22, 6]},
    ]
    rows = [run("mnist_hvae_2", seed, **found) for seed, found in enumerate(figures)]
    # 44.6/3 = 14.87, 28/3 = 9.33, 188.4/3 = 62.8, 68/3 = 22.7 and 19/3 = 6.3
    expected = r"mnist_hvae_2 bottom-up 425,284 −87.00 62.80 14.9+9.3 23+6"
    assert re.sub(" +", " ", layers_line(rows)) == expected


def test_a_layer_from_the_top_that_costs_nothing_is_not_called_awake() -> None:
    """Its units move, but with the layer above alone; the top one has none above it."""
    figures: Row = {"costs": [12.0, 0.049, 0.01], "active_units": [100, 50, 1]}
    row = run("mnist_topdown_3_warm", **figures)
    above = layers_line([row])
    assert above.endswith("12.0+0.0+0.0          100+(50)+1")
    rest = {"published": None, "monte_carlo_error": 0.002, "sampling_error": 0.2}
    line = results_line(row | rest | {"test_minutes": 5.0})
    assert " 12.0+0.0+0.0  100+(50)+1 " in line
    below = layers_line([run("mnist_hvae_3_warm", **figures)])
    assert below.endswith("12.0+0.0+0.0          100+50+1")
    costly = layers_line([run("mnist_topdown_3_warm", **figures | {"costs": [12.0, 0.051, 0.01]})])
    assert costly.endswith("12.0+0.1+0.0          100+50+1")


def test_a_cost_below_zero_keeps_its_sign() -> None:
    """A lower layer's cost is no KL when it is encoded from below."""
    assert " 12.0−0.3 " in layers_line([run("mnist_hvae_2", costs=[12.0, -0.3])])


def test_one_training_cannot_stand_there_twice() -> None:
    rows = [run("mnist_hvae_2", 1), run("mnist_hvae_2", 1, model="copy")]
    with pytest.raises(ValueError, match="mnist_hvae_2_seed_1 and copy are of one recipe, epochs"):
        by_recipe(rows)


def test_a_row_that_its_recipe_has_left_behind_is_not_printed() -> None:
    rows = [run("mnist_hvae_2"), run("mnist_hvae_1", objective=["importance_weighted", 5])]
    with pytest.raises(ValueError, match="mnist_hvae_1_seed_0 was trained with objective"):
        recipes_table(rows)


def test_the_widest_rows_fit_the_page() -> None:
    rows = [
        run(
            name,
            seed,
            nll=127.62,
            costs=[10.44] + [10.04] * 2 + [0.04] * 2,
            active_units=[100, 50, 25, 12, 6],
            elbo=-131.75,
        )
        for name in RECIPES
        for seed in range(3)
        if len(RECIPES[name].architecture.latents) == 5
    ]
    lines = recipes_table(rows).splitlines()
    assert max(map(len, lines)) <= WIDEST
    assert lines[-1].endswith("10.4+10.0+10.0+0.0+0.0  100+50+25+(12)+6")


@pytest.mark.parametrize(
    ("word", "numbers", "label"),
    [
        ("elbo", (), "ELBO"),
        ("importance_weighted", (5,), "L_5"),
        ("warm_up", (1 / 3,), "warm-up 1/3"),
        ("warm_up", (0.7, 0.123), "warm-up 7/10, 0.123"),
        ("free_bits", (4, 1 / 3), "free bits 4, 1/3"),
        ("free_bits", (0.5, 1.0), "free bits 1/2, 1"),
    ],
)
def test_an_objective_has_a_label(word: str, numbers: tuple[float, ...], label: str) -> None:
    assert NamedObjective(word, numbers).label == label


def test_every_objective_of_the_recipes_has_a_label() -> None:
    assert _LABELS.keys() == OBJECTIVES.keys()
