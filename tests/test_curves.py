"""Learning curves: what a training recorded, by epoch, and its way to a file and back."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator

from course_lib import checkpoint
from course_lib.arguments import DOUBLE
from course_lib.data import FOLDER, load_digits
from course_lib.shipped import (
    RECIPES,
    Curve,
    NamedObjective,
    Recipe,
    curve_of,
    curve_path,
    load_curve,
    load_model,
    save_curve,
    train_recipe,
    training_data,
)
from course_lib.shipped.training import training_path, units_counter
from course_lib.train import Settings, fit
from course_lib.vae import HVAE, Architecture, active_units

TWO = Architecture(64, (3, 2), ((6,), (4,)), "binomial")
SMALL = Recipe("small", "a test", TWO, Settings(6, 600, 1e-2), images="digits")
Row = dict[str, float]


def trained(recipe: Recipe, out: Path, *, resume: bool = False) -> tuple[HVAE, list[Row]]:
    """The model and the rows that were reported, those of this run alone."""
    rows: list[Row] = []
    model = train_recipe(recipe, out, resume=resume, report=rows.append, progress_bar=False)
    return model, rows


def equal(one: Curve, other: Curve) -> bool:
    return all(
        torch.equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(Curve)
    )


def invented(epochs: int, layers: int) -> Curve:
    g = Generator().manual_seed(0)
    counted = torch.arange(0, epochs, 20) + 1
    return Curve(
        epochs=torch.arange(epochs) + 1,
        elbo=-100 * torch.rand(epochs, generator=g, **DOUBLE),
        reconstruction=-100 * torch.rand(epochs, generator=g, **DOUBLE),
        costs=30 * torch.rand(layers, epochs, generator=g, **DOUBLE),
        counted=counted,
        active=torch.randint(0, 100, (layers, len(counted)), generator=g),
    )


def test_the_curve_of_a_training_is_the_history_that_it_reported(tmp_path: Path) -> None:
    model, rows = trained(SMALL, tmp_path / "small.safetensors")
    curve = load_curve(tmp_path / "small.safetensors")
    assert curve.epochs.tolist() == [1, 2, 3, 4, 5, 6] == [row["epoch"] for row in rows]
    for name, values in (
        ("elbo", curve.elbo),
        ("reconstruction", curve.reconstruction),
        ("cost_1", curve.costs[0]),
        ("cost_2", curve.costs[1]),
    ):
        assert values.tolist() == pytest.approx([row[name] for row in rows], abs=5.1e-5)
    assert curve.elbo.tolist() == pytest.approx(
        (curve.reconstruction - curve.costs.sum(0)).tolist(), abs=2e-4
    )
    assert curve.counted.tolist() == [1, 2, 3, 5, 6]  # of those asked for, and the last
    pixels = load_digits().images[:1000].flatten(1).float()
    last = active_units(model, pixels, generator=Generator().manual_seed(1))
    assert curve.active[:, -1].tolist() == last == [rows[-1]["active_1"], rows[-1]["active_2"]]
    assert "active_1" not in rows[3]


def test_counting_changes_no_weight(tmp_path: Path) -> None:
    """Bit for bit what fit alone gives."""
    model, _ = trained(SMALL, tmp_path / "small.safetensors")
    alone, data = SMALL.build(), training_data("digits")
    fit(alone, data.pixels, SMALL.settings, prepare=data.prepare, progress_bar=False)
    pairs = zip(model.state_dict().values(), alone.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_a_training_that_was_killed_ends_with_the_same_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in epoch 5, of which nothing is kept; it goes on from the end of epoch 4."""
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    trained(SMALL, whole)

    def dies(row: Row) -> None:
        if row["epoch"] == 5:
            raise KeyboardInterrupt

    def always_saved(*arguments: Any, **options: Any) -> Any:
        return fit(*arguments, every=0, **options)

    monkeypatch.setattr("course_lib.shipped.training.fit", always_saved)
    with pytest.raises(KeyboardInterrupt):
        train_recipe(SMALL, parts, report=dies, progress_bar=False)
    assert not curve_path(parts).exists()
    _, about = checkpoint.load(training_path(parts))
    assert [row["epoch"] for row in about["history"] if "active_1" in row] == [1, 2, 3]
    _, rows = trained(SMALL, parts, resume=True)
    assert [row["epoch"] for row in rows] == [5, 6]
    assert curve_path(parts).read_bytes() == curve_path(whole).read_bytes()


@pytest.mark.parametrize("direction", ["bottom-up", "top-down"])
def test_a_bound_of_several_samples_keeps_all_that_a_curve_shows(
    direction: str, tmp_path: Path
) -> None:
    """Its ELBO and the terms are of the same draws, so they add up, and layer_curves has costs."""
    sizes = replace(TWO, direction=direction)
    l_2 = replace(SMALL, architecture=sizes, objective=NamedObjective("importance_weighted", (2,)))
    _, rows = trained(l_2, tmp_path / "small.safetensors")
    curve = load_curve(tmp_path / "small.safetensors")
    assert curve.elbo.tolist() == pytest.approx([row["elbo"] for row in rows], abs=5.1e-5)
    sums = curve.reconstruction - curve.costs.sum(0)
    assert curve.elbo.tolist() == pytest.approx(sums.tolist(), abs=2e-4)
    assert curve.costs.shape == (2, 6)
    assert curve.active.shape == (2, 5)
    assert all(row["bound_2"] >= row["elbo"] for row in rows)


def test_an_objective_without_terms_keeps_its_elbo_and_its_units() -> None:
    """Also where the terms of later epochs were kept: a training that older code began."""
    rows = [{"epoch": 1, "elbo": -3.0, "active_1": 2, "active_2": 1}, {"epoch": 2, "elbo": -2.0}]
    rows[1] |= {"reconstruction": -1.0, "cost_1": 0.5, "cost_2": 0.5}
    curve = curve_of(rows)
    assert curve.elbo.tolist() == [-3.0, -2.0]
    assert curve.reconstruction.shape == (0,)
    assert curve.costs.shape == (0, 2)
    assert curve.active.tolist() == [[2], [1]]


def test_units_are_counted_at_these_epochs() -> None:
    count = units_counter(SMALL.build(), training_data("digits"), 260)
    counted = [epoch for epoch in range(1, 261) if count(epoch)]
    assert counted == [1, 2, 3, 5, 10, 20, 30, 50, 75, 100, 150, 200, 250, 260]


def test_each_count_is_of_the_same_images_and_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a resumed training, which counts fewer times, counts alike."""

    def drawn(model: HVAE, x: torch.Tensor, *, generator: Generator) -> list[float]:
        return [float(x.sum()), float(torch.rand(1, generator=generator))]

    monkeypatch.setattr("course_lib.shipped.training.active_units", drawn)
    count = units_counter(SMALL.build(), training_data("mnist"), 2)
    again = units_counter(SMALL.build(), training_data("mnist"), 2)
    assert count(1) == count(2) == again(2)


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    """To a ten-thousandth of a nat; what was read is written again as it was."""
    curve, path = invented(40, 3), tmp_path / "model.curve.json"
    save_curve(tmp_path / "model.safetensors", curve)
    read = load_curve(path)
    for name in ("elbo", "reconstruction", "costs"):
        assert (getattr(read, name) - getattr(curve, name)).abs().max() <= 5.1e-5
    assert torch.equal(read.epochs, curve.epochs)
    assert torch.equal(read.counted, curve.counted)
    assert torch.equal(read.active, curve.active)
    save_curve(path, read)
    assert equal(load_curve(tmp_path / "model.safetensors"), read)


def test_a_curve_is_a_small_file(tmp_path: Path) -> None:
    for epochs, layers in ((300, 5), (2000, 1)):
        save_curve(tmp_path / "model", invented(epochs, layers))
        assert (tmp_path / "model.curve.json").stat().st_size <= 60_000


def test_a_recipe_has_its_curve_beside_its_model() -> None:
    assert curve_path("mnist_vae") == FOLDER / "mnist_vae.curve.json"
    assert curve_path("runs/a_seed_1.safetensors") == Path("runs/a_seed_1.curve.json")


def require_whole(recipe: Recipe, model: Path) -> None:
    """The curve is of this training: all its epochs, its layers, and the last row of the file.

    No other training ends with the same ELBO, terms and counts to a ten-thousandth of a nat.
    """
    curve = load_curve(model)
    _, about = checkpoint.load(model)
    assert curve.epochs.tolist() == list(range(1, recipe.settings.epochs + 1))
    assert curve.counted[-1] == recipe.settings.epochs
    layers = range(1, load_model(model).depth + 1)
    assert len(curve.active) == len(layers)
    last = {"elbo": curve.elbo[-1].item()}
    last |= {f"active_{level}": curve.active[level - 1, -1].item() for level in layers}
    if len(curve.costs):
        last |= {"reconstruction": curve.reconstruction[-1].item()}
        last |= {f"cost_{level}": curve.costs[level - 1, -1].item() for level in layers}
    known = {name: about["last_epoch"][name] for name in last}
    assert last == pytest.approx(known, abs=5.1e-5)


def test_the_curves_that_ship_are_of_the_models_that_ship(tmp_path: Path) -> None:
    trained(SMALL, tmp_path / "small.safetensors")
    require_whole(SMALL, tmp_path / "small.safetensors")
    for path in FOLDER.glob("*.curve.json"):
        name = path.name.removesuffix(".curve.json")
        require_whole(RECIPES[name], RECIPES[name].path)


def test_the_curve_of_another_seed_is_told_from_the_models_own(tmp_path: Path) -> None:
    one, other = tmp_path / "one.safetensors", tmp_path / "other.safetensors"
    trained(SMALL, one)
    trained(SMALL.changed(seed=1), other)
    curve_path(other).replace(curve_path(one))
    with pytest.raises(AssertionError):
        require_whole(SMALL, one)


def spoilt(change: Callable[[dict[str, Any]], object]) -> str:
    kept = {"format": "course-lib curve 1", "epochs": [1, 2], "elbo": [-3.0, -2.0]}
    kept |= {"reconstruction": [-2.0, -1.0], "costs": [[0.5, 0.5], [0.5, 0.5]]}
    kept |= {"counted": [2], "active": [[3], [1]]}
    change(kept)
    return json.dumps(kept)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"model\.curve\.json is no learning curve: Expecting"),
        ("[1, 2]", "expected format 'course-lib curve 1', got 'list'"),
        ('{"format": "other"}', "expected format 'course-lib curve 1', got 'other'"),
        (spoilt(lambda kept: kept.pop("active")), "it has no active"),
        (spoilt(lambda kept: kept["elbo"].pop()), r"elbo must have shape \(2,\), got \(1,\)"),
        (
            spoilt(lambda kept: kept["reconstruction"].clear()),
            r"reconstruction must have shape \(2,\), got \(0,\)",
        ),
        (spoilt(lambda kept: kept["costs"][1].pop()), "costs must be numbers, each layer as many"),
        (
            spoilt(lambda kept: kept["costs"].pop()),
            r"active must have shape \(1, 1\), got \(2, 1\)",
        ),
        (spoilt(lambda kept: kept["counted"].clear()), r"active must have shape \(2, 0\), got"),
        (spoilt(lambda kept: kept.update(elbo=["a", "b"])), "elbo must be numbers"),
        (spoilt(lambda kept: kept.update(epochs=3)), r"epochs must be \(E,\) with E ≥ 1, got \(\)"),
        (spoilt(lambda kept: kept.update(elbo=[float("nan"), 0])), "elbo must be finite, got nan"),
    ],
)
def test_a_file_that_holds_none_says_so(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.curve.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_curve(path)


def test_no_curve_and_no_rows_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no learning curve at .*model\.curve"):
        load_curve(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="a curve needs a row of a history at least, got none"):
        curve_of([])
    rows = [{"epoch": 1, "elbo": -1.0, "cost_1": 0.5}, {"epoch": 2, "elbo": -1.0}]
    with pytest.raises(ValueError, match=r"a row of the history has no cost_1: \{'epoch': 2"):
        curve_of(rows)
