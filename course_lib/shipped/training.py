"""The training of a recipe, from its first weights to the file of the model."""

from collections.abc import Callable
from pathlib import Path

from course_lib.shipped.files import save_model
from course_lib.shipped.images import training_data
from course_lib.shipped.recipe import Recipe
from course_lib.train import fit
from course_lib.vae import HVAE


def train_recipe(
    recipe: Recipe,
    out: Path,
    *,
    resume: bool = False,
    report: Callable[[dict[str, float]], None] | None = None,
    progress_bar: bool = True,
) -> HVAE:
    """Trains, with checkpoints beside `out`, and writes the model there. Returns it.

    resume: go on from the last checkpoint, if there is one. report is called with each epoch's row
    of the history. Raises as `train.fit` and `checkpoint.save` do.
    """
    model = recipe.build()
    data = training_data(recipe.images)
    state = training_path(out)
    history = fit(
        model,
        data.pixels,
        recipe.settings,
        prepare=data.prepare,
        objective=recipe.objective.build(),
        checkpoint=state,
        resume=resume and state.exists(),
        report=report,
        progress_bar=progress_bar,
    )
    save_model(out, model, recipe, history)
    return model


def training_path(out: Path) -> Path:
    """Where the checkpoint of a training lies whose model goes to `out`."""
    return out.with_suffix(".training")
