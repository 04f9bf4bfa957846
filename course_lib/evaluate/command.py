"""`python -m course_lib.evaluate MODEL …`: what trained models are worth on the MNIST test set.

    python -m course_lib.evaluate --table               what is known of every recipe, from data/
    python -m course_lib.evaluate --table mnist_vae     of this one
    python -m course_lib.evaluate mnist_vae --images 500 --k 500    a quick look
    python -m course_lib.evaluate runs/mnist_vae.safetensors        a model of your own
    python -m course_lib.evaluate --shipped             every model in data/, k = 5,000, all images
    python -m course_lib.evaluate mnist_vae --cross-check --images 100      by three routes
    python -m course_lib.evaluate mnist_vae --device cuda           on a GPU: other random numbers
    python -m course_lib.evaluate --shipped --workers 8             on eight processors
    python -m course_lib.evaluate --shipped --scheduler tcp://10.0.0.1:8786     on a Dask cluster

--save ROWS.json keeps what was found; MODEL … --add ROWS.json takes it into the results files in
data/, and prints what --table now prints of these recipes. The test set is binarised once, from
the seed. An interrupted evaluation goes on where it was.
"""

import argparse
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from course_lib.evaluate.added import TABLED, add_rows
from course_lib.evaluate.rows import results_row, routes_row
from course_lib.evaluate.table import newest_route, recipes_table, results_header, results_line
from course_lib.numerals import print_any_sign
from course_lib.pieces import ComputePlace, add_options, place_of
from course_lib.shipped import RECIPES, RUNS, all_runs, model_path, usable_device
from course_lib.shipped.files import model_name
from course_lib.shipped.recipes import recipe_named
from course_lib.shipped.results import read_rows, save_rows


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns 0, or 2 with a message on stderr if it could not be done."""
    print_any_sign()
    options = _options(arguments)
    try:
        _answer(options)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _answer(options: argparse.Namespace) -> None:
    """Does what the options ask for. Raises ValueError if they ask for nothing."""
    if options.table:
        print(recipes_table(_runs_of(options.models) if options.models else all_runs()))
        return
    if options.shipped:
        named = options.models
        options.models = [
            name for name, recipe in RECIPES.items() if recipe.ships and recipe.images == "mnist"
        ]
        options.models += [name for name in named if name not in options.models]
    if not options.models:
        raise ValueError("name a model or a file, or ask for --table")
    if options.add:
        added = add_rows(options.add, map(model_path, options.models))
        recipes = {row["recipe"] for row in added}
        print(recipes_table(_runs_of(recipes)))
        return
    _require_models(options.models)
    _require_room(options.save, options.models, routes=options.cross_check)
    with place_of(options) as place:
        print_them = _print_routes if options.cross_check else _print_results
        rows = print_them(options, place)
    if options.save:
        save_rows(options.save, rows)


def _runs_of(recipes: Collection[str]) -> list[dict[str, Any]]:
    """The rows of these recipes. Raises ValueError if one is no recipe, or has no row."""
    rows = [row for row in all_runs() if row["recipe"] in recipes]
    for name in recipes:
        recipe = recipe_named(name)
        if all(row["recipe"] != recipe.name for row in rows):
            raise ValueError(f"nothing was measured yet of {name}")
    return rows


def _require_models(models: list[str]) -> None:
    """Raises FileNotFoundError that says what there is, if one of them is not there."""
    for model in models:
        if model_path(model).exists():
            continue
        if model in RECIPES:
            raise FileNotFoundError(
                f"{model} does not ship: train it with python -m course_lib.train {model}, and "
                "give the file that it writes"
            )
        shipped = ", ".join(name for name, recipe in RECIPES.items() if recipe.ships)
        raise FileNotFoundError(f"there is no file {model}, and no model of that name: {shipped}")


def _require_room(save: Path | None, models: list[str], *, routes: bool) -> None:
    """Raises ValueError if the rows of these models cannot all be kept in that file: routes are
    those of a cross-check, which would take the places of the others.
    """
    if save is None:
        return
    if save.is_dir():
        raise ValueError(f"--save needs a file, and {save} is a folder")
    if save.exists() and any(("nll" if routes else "annealed") in row for row in read_rows(save)):
        kept, new = ("figures", "a cross-check") if routes else ("cross-checks", "figures")
        raise ValueError(f"{save} holds rows of {kept}; --save those of {new} in another file")
    names: dict[str, str] = {}
    for model in models:
        name = model_name(model_path(model))
        if names.setdefault(name, model) != model:
            raise ValueError(
                f"{names[name]} and {model} would have one row in {save}, that of {name}; "
                "give the files different names"
            )


def _print_results(options: argparse.Namespace, place: ComputePlace) -> list[dict[str, Any]]:
    """The rows of the models, printed as they come."""
    rows = []
    sizes = {"k": options.k, "images": options.images, "seed": options.seed}
    where: dict[str, Any] = {"work": options.work, "device": usable_device(options.device)}
    for model in options.models:
        rows.append(results_row(model, **sizes, **where, place=place))
        if len(rows) == 1:
            print(results_header())
        print(results_line(rows[-1]), flush=True)
    return rows


def _print_routes(options: argparse.Namespace, place: ComputePlace) -> list[dict[str, Any]]:
    """The cross-checks of the models, printed route by route."""
    rows = []
    sizes = {"k": options.k, "images": options.images, "seed": options.seed}
    annealed = {"chains": options.chains, "temperatures": options.temperatures}
    where: dict[str, Any] = {"work": options.work, "device": usable_device(options.device)}
    for model in options.models:
        for row in routes_row(model, **sizes, **annealed, **where, place=place):
            print(newest_route(row), flush=True)
        rows.append(row)
    return rows


def _options(arguments: list[str] | None) -> argparse.Namespace:
    work = RUNS / "evaluate"
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", nargs="*", help="names of shipped models, or files")
    parser.add_argument("--table", action="store_true", help="print the rows in the results files")
    parser.add_argument("--shipped", action="store_true", help="every MNIST model in data/")
    parser.add_argument("--k", type=int, help="samples an image (default 5000)")
    parser.add_argument("--images", type=int, help="test images (default all)")
    parser.add_argument("--seed", type=int, help="of the binarisation and of all draws")
    parser.add_argument("--cross-check", action="store_true", help="NLL by three routes")
    parser.add_argument("--chains", type=int, default=16, help="annealed: chains an image")
    parser.add_argument("--temperatures", type=int, default=1000, help="annealed: steps of β")
    parser.add_argument("--device", default="cpu", help="cpu (default), or cuda for a GPU")
    parser.add_argument("--save", type=Path, help="keep the rows there, as JSON")
    parser.add_argument("--add", type=Path, nargs="+", help="take these rows into the table")
    parser.add_argument("--work", type=Path, default=work, help="where unfinished rows are kept")
    add_options(parser)
    parser.set_defaults(**TABLED)
    return parser.parse_args(arguments)
