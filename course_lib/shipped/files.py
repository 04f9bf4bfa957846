"""Trained models on disk: written with all that tells how they came to be, and read again."""

from pathlib import Path

import torch

from course_lib import checkpoint
from course_lib.data import FOLDER
from course_lib.shipped.recipe import Recipe
from course_lib.shipped.recipes import RECIPES
from course_lib.train import History
from course_lib.vae import HVAE, Architecture

RUNS = FOLDER.parent / "runs"  # where commands leave what they make


def save_model(path: Path, model: HVAE, recipe: Recipe, history: History) -> None:
    """Writes the weights, and beside them what tells how they came to be.

    The recipe's name, architecture, settings and objective, the training's processor seconds, and
    the last row of its history. Raises as `checkpoint.save` does.
    """
    spent = {"core_seconds": sum(history["core_seconds"]), "last_epoch": history.rows[-1]}
    checkpoint.save(path, model.state_dict(), {"kind": "model"} | recipe.said | spent)


@torch.inference_mode(False)  # weights that are read under inference mode could never learn
def load_model(path: Path | str) -> HVAE:
    """A trained model from its file, or by its recipe's name from `data/`; weights frozen.

    To train it further, call requires_grad_(True) on it.
    Raises FileNotFoundError if there is none; ValueError as `checkpoint.load` does, or if the file
    holds a training rather than a model.
    """
    known = model_path(path)
    tensors, about = checkpoint.load(known)
    if about.get("kind") != "model":
        raise ValueError(f"{known} holds a {about.get('kind', 'file')}, not a model")
    model = Architecture.from_dict(about["architecture"]).build(seed=0)
    if any(tensor.dtype == torch.float64 for tensor in tensors.values()):
        model.double()
    checkpoint.restore(model, tensors, source=str(known))
    return model.requires_grad_(False).eval()


def model_name(path: Path) -> str:
    """What a model's file is called, without .safetensors; other dots belong to the name."""
    return path.name.removesuffix(".safetensors")


def model_path(name: Path | str) -> Path:
    """Where a model lies: in `data/` if it is a recipe's name, else in the file of that name."""
    if isinstance(name, str) and name in RECIPES:
        return RECIPES[name].path
    return Path(name)
