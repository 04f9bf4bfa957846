"""`python -m course_lib.evaluate MODEL …`: what trained models are worth on the MNIST test set.

    python -m course_lib.evaluate --table               every shipped model, k = 5,000, all images
    python -m course_lib.evaluate --seeds               what is known of other seeds and epochs
    python -m course_lib.evaluate mnist_vae --images 500 --k 500    a quick look
    python -m course_lib.evaluate runs/mnist_vae.safetensors        a model of your own
    python -m course_lib.evaluate mnist_vae --cross-check --images 100      by three routes

The test set is binarised once, from the seed. An interrupted evaluation goes on where it was.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from course_lib.evaluate.rows import results_row, routes_row
from course_lib.evaluate.table import (
    ROUTE_NAMES,
    results_header,
    results_line,
    routes_header,
    routes_line,
    seeds_table,
)
from course_lib.shipped import RECIPES, RUNS, all_runs


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns 0, or 2 with a message on stderr if it could not be done."""
    options = _options(arguments)
    if options.seeds:
        print(seeds_table(all_runs()))
        return 0
    if options.table:
        options.models = [name for name, recipe in RECIPES.items() if recipe.on_the_table]
    if not options.models:
        print("name a model or a file, or ask for --table", file=sys.stderr)
        return 2
    try:
        rows = _print_routes(options) if options.cross_check else _print_results(options)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.save:
        options.save.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def _print_results(options: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of the models, printed as they come."""
    rows = []
    sizes = {"k": options.k, "images": options.images, "seed": options.seed}
    print(results_header())
    for model in options.models:
        rows.append(results_row(model, **sizes, work=options.work))
        print(results_line(rows[-1]), flush=True)
    return rows


def _print_routes(options: argparse.Namespace) -> list[dict[str, Any]]:
    """The cross-checks of the models, printed route by route."""
    rows = []
    names = ("k", "images", "seed", "chains", "temperatures", "work")
    for model in options.models:
        growing = routes_row(model, **{name: getattr(options, name) for name in names})
        print(routes_header(next(growing)), flush=True)
        for route, row in zip(ROUTE_NAMES, growing, strict=True):
            print(routes_line(row, route), flush=True)
        rows.append(row)
    return rows


def _options(arguments: list[str] | None) -> argparse.Namespace:
    work = RUNS / "evaluate"
    parser = argparse.ArgumentParser(prog="python -m course_lib.evaluate", description=__doc__)
    parser.add_argument("models", nargs="*", help="names of shipped models, or files")
    parser.add_argument("--table", action="store_true", help="every shipped MNIST model")
    parser.add_argument("--seeds", action="store_true", help="print what the results files hold")
    parser.add_argument("--k", type=int, default=5000, help="samples an image (default 5000)")
    parser.add_argument("--images", type=int, default=10_000, help="test images (default all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cross-check", action="store_true", help="NLL by three routes")
    parser.add_argument("--chains", type=int, default=16, help="annealed: chains an image")
    parser.add_argument("--temperatures", type=int, default=1000, help="annealed: steps of β")
    parser.add_argument("--save", type=Path, help="write the rows there as JSON")
    parser.add_argument("--work", type=Path, default=work, help="where unfinished rows are kept")
    return parser.parse_args(arguments)
