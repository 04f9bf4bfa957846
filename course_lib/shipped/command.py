"""`python -m course_lib.train NAME …`: trains shipped models from their recipes.

python -m course_lib.train --list                 what there is
python -m course_lib.train mnist_vae              trains into runs/mnist_vae.safetensors
python -m course_lib.train mnist_vae --resume     goes on after an interruption
python -m course_lib.train mnist_vae --seed 1 --epochs 100      other than the recipe says
python -m course_lib.train mnist_vae --device cuda              on a GPU: other weights
python -m course_lib.train mnist_hvae_1 mnist_iwae_1 --seeds 3 --workers 8      six, on processors
python -m course_lib.train mnist_hvae_1 --seeds 50 --scheduler tcp://10.0.0.1:8786    on a cluster

With --workers or --scheduler the weights are the same: each worker trains on one thread. With
--resume what is finished is left alone, and what a worker had begun goes on.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from course_lib.numerals import print_any_sign
from course_lib.pieces import KeptResults, add_options, in_order, place_of, say
from course_lib.shipped.curves import curve_path
from course_lib.shipped.devices import usable_device
from course_lib.shipped.files import RUNS, model_name
from course_lib.shipped.recipe import Recipe
from course_lib.shipped.recipes import RECIPES
from course_lib.shipped.training import train_recipe, training_path
from course_lib.shipped.trainings import Training, write_files
from course_lib.train import TrainingDiverged


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns 0, or 2 with a message on stderr if something was not trained."""
    print_any_sign()
    options = _options(arguments)
    if options.list or not _words(arguments):
        for recipe in RECIPES.values():
            print(_in_a_line(recipe))
        return 0
    status = 0
    try:
        trainings = _asked(options)
        for training in trainings:
            _require_free(training, options)
        here = options.workers is None and options.scheduler is None
        for out, fault in (_one_by_one if here else _in_pieces)(trainings, options):
            if fault:
                status = 2
                print(fault, file=sys.stderr)
            else:
                say(_written(out))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return status


def _asked(options: argparse.Namespace) -> list[Training]:
    """What is to be trained, recipe by recipe. Raises ValueError if that makes no sense."""
    if not options.names:
        raise ValueError("name a recipe; --list shows them")
    twice = [name for name in options.names if options.names.count(name) > 1]
    if twice:
        raise ValueError(f"{twice[0]} is named twice")
    if options.seeds is not None and options.seeds < 1:
        raise ValueError(f"--seeds must be at least 1, got {options.seeds}")
    trainings = []
    for name in options.names:
        for seed in [options.seed] if options.seeds is None else range(options.seeds):
            changes = {} if options.epochs is None else {"epochs": options.epochs}
            own = name in RECIPES and seed == RECIPES[name].settings.seed
            if seed is not None and not (own and options.seeds):
                changes["seed"] = seed
            words = [name, *(f"{setting}_{value}" for setting, value in changes.items())]
            out = options.out or RUNS / f"{'_'.join(words)}.safetensors"
            trainings.append(Training(name, out, changes))
    if options.out and len(trainings) > 1:
        raise ValueError(f"--out is for one model, and {len(trainings)} are to be trained")
    return trainings


def _require_free(training: Training, options: argparse.Namespace) -> None:
    """Raises ValueError if an older training lies there that is not to go on."""
    state = training_path(training.out)
    if state.exists() and not options.resume:
        raise ValueError(
            f"{state} holds an unfinished or finished training: add --resume to go on, "
            "or remove it to start again"
        )


def _one_by_one(
    trainings: list[Training], options: argparse.Namespace
) -> Iterator[tuple[Path, str]]:
    """Trains in this process: where each model is, and what went wrong or nothing."""
    device, bar = usable_device(options.device), sys.stderr.isatty()
    report = None if bar else _print_epoch
    for training in trainings:
        training.out.parent.mkdir(parents=True, exist_ok=True)
        how = {"resume": options.resume, "report": report, "progress_bar": bar}
        try:
            train_recipe(training.recipe, training.out, device=device, **how)
            yield training.out, ""
        except TrainingDiverged as error:
            yield training.out, str(error)


def _in_pieces(
    trainings: list[Training], options: argparse.Namespace
) -> Iterator[tuple[Path, str]]:
    """The same on workers, for those that are not finished."""
    folder = trainings[0].out.parent / "train.pieces"
    todo = [training for training in trainings if not (options.resume and training.is_finished)]
    done = [training for training in trainings if training not in todo]
    KeptResults(folder).remove(training.piece(options.device) for training in done)
    for training in todo:
        training.out.parent.mkdir(parents=True, exist_ok=True)
    pieces = [training.piece(options.device) for training in todo]
    with place_of(options) as place:
        found = in_order(pieces, folder, place, unit="training", done=len(done))
        for training, files in zip(todo, found, strict=True):
            try:
                write_files(training.out, files)
                yield training.out, ""
            except TrainingDiverged as error:
                yield training.out, f"{model_name(training.out)}: {error}"


def _words(arguments: list[str] | None) -> list[str]:
    """What was written after the command's name."""
    return sys.argv[1:] if arguments is None else arguments


def _written(out: Path) -> str:
    return (
        f"{out} and {curve_path(out)} are written; its figures: python -m course_lib.evaluate {out}"
    )


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a recipe's name, or several")
    parser.add_argument("--list", action="store_true", help="list the recipes")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--epochs", type=int, help="another number of epochs than the recipe's")
    seeds = parser.add_mutually_exclusive_group()
    seeds.add_argument("--seed", type=int, help="another seed than the recipe's")
    seeds.add_argument("--seeds", type=int, metavar="N", help="from each of the seeds 0 to N − 1")
    parser.add_argument("--device", default="cpu", help="cpu (default), or cuda for a GPU")
    parser.add_argument("--out", type=Path, help="where the model goes (default: runs/NAME…)")
    add_options(parser)
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
