"""The training of a recipe, from its first weights to the files of the model and its curve."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Generator

from course_lib.shipped.curves import curve_of, save_curve
from course_lib.shipped.files import model_name, save_model
from course_lib.shipped.images import TrainingData, training_data
from course_lib.shipped.recipe import Recipe
from course_lib.train import fit
from course_lib.vae import HVAE, active_units

COUNTED = 1000  # training images on which active units are counted
_EARLY = {1, 2, 3, 5, 10, 20, 30, 50, 75, 100}  # the epochs after which they are, and every 50th


def train_recipe(
    recipe: Recipe,
    out: Path,
    *,
    resume: bool = False,
    device: torch.device | str = "cpu",
    report: Callable[[dict[str, float]], None] | None = None,
    progress_bar: bool = True,
) -> HVAE:
    """Trains, with checkpoints beside `out`, and writes the model there. Returns it.

    Beside the model goes its learning curve, see `load_curve`; what it takes changes no weight.
    resume: go on from the last checkpoint, if there is one. device: where it trains; another one
    gives other weights. The model that is returned is on the CPU. report is called with each
    epoch's row of the history. Raises as `train.fit` and `checkpoint.save` do.
    """
    model = recipe.build().to(device)
    data = training_data(recipe.images)
    state = training_path(out)
    history = fit(
        model,
        data.pixels.to(device),
        recipe.settings,
        prepare=data.prepare,
        objective=recipe.objective.build(),
        checkpoint=state,
        resume=resume and state.exists(),
        measure=units_counter(model, data, recipe.settings.epochs),
        report=report,
        about={name: value for name, value in recipe.said.items() if name != "settings"},
        progress_bar=progress_bar,
    )
    save_model(out, model.cpu(), recipe, history)
    save_curve(out, curve_of(history.rows))
    return model


def units_counter(
    model: HVAE, data: TrainingData, epochs: int
) -> Callable[[int], dict[str, float]]:
    """What counts the active units after the epochs 1, 2, 3, 5, 10, … and the last one.

    Given an epoch's number it returns active_1 … active_T, or nothing after an epoch between: on
    the first 1,000 training images, prepared once, and with the same noise each time, so that what
    changes is the model. The weights are those that are being trained, not their running average.
    """
    device = model.prior_mean.device
    x = data.prepare(data.pixels[:COUNTED], generator=Generator().manual_seed(0)).to(device)

    def count(epoch: int) -> dict[str, float]:
        if not (epoch in _EARLY or epoch % 50 == 0 or epoch == epochs):
            return {}
        numbers = active_units(model, x, generator=Generator(device).manual_seed(1))
        return {f"active_{level}": number for level, number in enumerate(numbers, start=1)}

    return count


def training_path(out: Path) -> Path:
    """Where the checkpoint of a training lies whose model goes to `out`."""
    return out.with_name(f"{model_name(out)}.training")
