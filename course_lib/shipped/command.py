"""`python -m course_lib.train NAME`: trains a shipped model from its recipe.

python -m course_lib.train --list                 what there is
python -m course_lib.train mnist_vae              trains into runs/mnist_vae.safetensors
python -m course_lib.train mnist_vae --resume     goes on after an interruption
python -m course_lib.train mnist_vae --seed 1 --epochs 100      other than the recipe says
python -m course_lib.train mnist_vae --device cuda              on a GPU: other weights
"""

import argparse
import sys
from pathlib import Path

from course_lib.shipped.curves import curve_path
from course_lib.shipped.devices import usable_device
from course_lib.shipped.files import RUNS
from course_lib.shipped.recipe import Recipe
from course_lib.shipped.recipes import RECIPES
from course_lib.shipped.training import train_recipe, training_path
from course_lib.train import TrainingDiverged


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns 0, or 2 with a message on stderr if nothing was trained."""
    options = _options(arguments)
    if options.list or options.name is None:
        for recipe in RECIPES.values():
            print(_in_a_line(recipe))
        return 0
    try:
        out = _train(options)
    except (OSError, ValueError, TrainingDiverged) as error:
        print(error, file=sys.stderr)
        return 2
    print(
        f"{out} and {curve_path(out)} are written; its figures: python -m course_lib.evaluate {out}"
    )
    return 0


def _train(options: argparse.Namespace) -> Path:
    """Trains, and returns where the model is. Raises ValueError if there is nothing to train."""
    name = options.name
    if name not in RECIPES:
        raise ValueError(f"no recipe {name!r}; there are {', '.join(RECIPES)}")
    recipe, device = RECIPES[name], usable_device(options.device)
    for setting, value in (("epochs", options.epochs), ("seed", options.seed)):
        if value is not None:
            recipe, name = recipe.changed(**{setting: value}), f"{name}_{setting}_{value}"
    out: Path = options.out or RUNS / f"{name}.safetensors"
    state = training_path(out)
    if state.exists() and not options.resume:
        raise ValueError(
            f"{state} holds an unfinished or finished training: add --resume to go on, "
            "or remove it to start again"
        )
    bar = sys.stderr.isatty()
    report = None if bar else _print_epoch
    train_recipe(recipe, out, resume=options.resume, device=device, report=report, progress_bar=bar)
    return out


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m course_lib.train", description=__doc__)
    parser.add_argument("name", nargs="?", help="a recipe's name")
    parser.add_argument("--list", action="store_true", help="list the recipes")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--epochs", type=int, help="another number of epochs than the recipe's")
    parser.add_argument("--seed", type=int, help="another seed than the recipe's")
    parser.add_argument("--device", default="cpu", help="cpu (default), or cuda for a GPU")
    parser.add_argument("--out", type=Path, help="where the model goes (default: runs/NAME…)")
    return parser.parse_args(arguments)


def _in_a_line(recipe: Recipe) -> str:
    """One recipe in a few words, with its expected figures."""
    settings = recipe.settings
    found = recipe.expected
    figures = f"NLL {found['nll']:.2f}, ELBO {found['elbo']:.2f}" if found else "not measured"
    return (
        f"{recipe.name:16} {recipe.what}; {settings.epochs} epochs of {settings.optimiser}, "
        f"batch {settings.batch_size}, seed {settings.seed}; expected: {figures}"
    )


def _print_epoch(row: dict[str, float]) -> None:
    """One epoch as a line of text, for logs."""
    print(" ".join(f"{name} {value:.6g}" for name, value in row.items()), flush=True)
