"""What a trained model says of its training, and whether the recipe of that name still says so."""

import hashlib
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from course_lib import checkpoint
from course_lib.shipped.recipe import Recipe
from course_lib.shipped.recipes import RECIPES
from course_lib.train import Settings
from course_lib.vae import Architecture

# A row of results has these two under names of its own, among its figures.
_APART = ("epochs", "seed")
# What a row must say of its training.
_TOLD = ("recipe", "epochs", "architecture", "objective", "settings")


def training_facts(path: Path) -> dict[str, Any]:
    """How the model in this file was trained, as a row of results holds it.

    recipe, architecture and objective as the file has them (no objective in files of the first
    edition); settings without epochs and seed, which stand beside them as epochs and training_seed;
    training_minutes of one core; parameters, how many weights and biases there are; and the file's
    sha256. Raises as `checkpoint.load` does, and ValueError if the file holds no model.
    """
    _, about = checkpoint.load(path)
    if about.get("kind") != "model":
        raise ValueError(f"{path} holds a {about.get('kind', 'file')}, not a model")
    settings = about["settings"]
    model = Architecture.from_dict(about["architecture"]).build(seed=0)
    return {
        "recipe": about["recipe"],
        "epochs": settings["epochs"],
        "training_seed": settings["seed"],
        "training_minutes": about["core_seconds"] / 60,
        "parameters": sum(weights.numel() for weights in model.parameters()),
        "architecture": about["architecture"],
        "objective": about.get("objective"),
        "settings": {name: value for name, value in settings.items() if name not in _APART},
        "sha256": sha256_of(path),
    }


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def require_recipe(row: dict[str, Any]) -> Recipe:
    """The recipe that this row of results is of.

    Raises ValueError if there is none of that name, or if what the row says of its training is not
    what the recipe says today: sizes, direction, objective, settings. Only the seed is free, and
    the number of epochs where the model's name tells it, as in mnist_hvae_1_epochs_100. Also if the
    row says nothing of its training, or of settings that there are no more.
    """
    lacking = [field for field in _TOLD if field not in row]
    if lacking:
        raise ValueError(f"the row of {row['model']} has no {', '.join(lacking)}")
    name, model = row["recipe"], row["model"]
    if name not in RECIPES:
        raise ValueError(f"{model} was trained by {name!r}, and there is no recipe of that name")
    recipe = RECIPES[name]
    try:
        settings = Settings(epochs=row["epochs"], **row["settings"])
    except TypeError as error:  # a setting of another edition
        raise ValueError(f"{model} was trained with settings that are unknown: {error}") from error
    was = _said(Architecture.from_dict(row["architecture"]), settings, row["objective"])
    now = _said(recipe.architecture, recipe.settings, recipe.objective.as_list())
    if re.search(rf"_epochs_{row['epochs']}(_|$)", model):
        was.pop("epochs")
    if row["objective"] is None:  # files of the first edition did not keep it
        was.pop("objective")
    for field, value in was.items():
        if value != now[field]:
            raise ValueError(
                f"{model} was trained with {field} {value}, and its recipe {name} has {now[field]}"
            )
    return recipe


def _said(
    architecture: Architecture, settings: Settings, objective: list[str | float] | None
) -> dict[str, Any]:
    """All that a training depends on but its seed, by field."""
    said = {**architecture.as_dict(), **asdict(settings), "objective": objective}
    del said["seed"]
    return said
