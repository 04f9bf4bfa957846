"""Towards the best plain chain: what one change to a recipe brings in a short training.

    python benchmarks/best_chain.py NAME … [--epochs 60] [--images 1000] [--k 1000] [--add]
    python benchmarks/best_chain.py --table

Trains each try on one core, in runs/best_chain (where it goes on if it was interrupted), and prints
its row; --add writes it into the log, data/best_chain.json, which --table prints.
"""

import argparse
from dataclasses import replace
from typing import Any

import torch

from course_lib.data import FOLDER
from course_lib.evaluate.estimates import binarised_test_images
from course_lib.evaluate.likelihood import sampled_log_evidence
from course_lib.numerals import minus
from course_lib.shipped.facts import training_facts
from course_lib.shipped.recipe import ELBO, NamedObjective, Recipe
from course_lib.shipped.recipes import (
    FIVE_LAYERS,
    FREE_BITS,
    L_5,
    SHORT,
    THREE_LAYERS,
    WARMED_UP,
    WIDE,
)
from course_lib.shipped.results import read_rows, save_rows
from course_lib.shipped.training import train_recipe
from course_lib.vae import Architecture

LOG = FOLDER / "best_chain.json"
IMAGES, K = 1000, 1000  # the log's
WORK = FOLDER.parent / "runs" / "best_chain"
BASE = Recipe(
    "base",
    "three layers, top-down, warm-up: 200 wide, batch 1,000, rate 0.01",
    replace(THREE_LAYERS, direction="top-down"),
    SHORT,
    WARMED_UP,
)


def wide(width: int, *latents: int) -> Architecture:
    """A top-down chain whose nets are this wide below, and half as wide from layer to layer."""
    hidden = tuple((width >> level, width >> level) for level in range(len(latents)))
    return Architecture(784, latents, hidden, direction="top-down")


def changed(name: str, what: str, **fields: Any) -> Recipe:
    """The base with these fields of a recipe, or of its settings, in place of its own."""
    own = {key: fields.pop(key) for key in ("architecture", "objective") if key in fields}
    return replace(BASE, name=name, what=what, **own).changed(**fields)


TRIES = {
    recipe.name: recipe
    for recipe in (
        BASE,
        changed("no_warm_up", "no warm-up", objective=ELBO),
        changed("free_bits", "free bits in place of the warm-up", objective=FREE_BITS),
        changed("l_5", "L_5 in place of the warm-up", objective=L_5),
        changed(
            "long_warm_up",
            "warm-up over 0.7 of the training",
            objective=NamedObjective("warm_up", (0.7,)),
        ),
        changed("bottom_up", "bottom-up encoder", architecture=THREE_LAYERS),
        changed("average", "running average of the weights, 0.998", average=0.998),
        changed("rate_2", "rate 0.02", learning_rate=2e-2),
        changed("batch_250", "batch 250, rate 0.005", batch_size=250, learning_rate=5e-3),
        changed("five", "five layers", architecture=replace(FIVE_LAYERS, direction="top-down")),
        changed("wide_400", "400 wide", architecture=WIDE),
        changed("wide_400_rate_5", "400 wide, rate 0.005", architecture=WIDE, learning_rate=5e-3),
        changed(
            "wide_400_rate_3", "400 wide, rate 0.0025", architecture=WIDE, learning_rate=2.5e-3
        ),
        changed("wide_600", "600 wide", architecture=wide(600, 100, 50, 25)),
        changed("two_400", "400 wide, two layers", architecture=wide(400, 100, 50)),
        changed("latents_64", "400 wide, latents 64, 32, 16", architecture=wide(400, 64, 32, 16)),
        changed(
            "batch_500_400",
            "400 wide, batch 500, rate 0.007",
            architecture=WIDE,
            batch_size=500,
            learning_rate=7e-3,
        ),
    )
}


def tried(recipe: Recipe, images: int, k: int) -> dict[str, Any]:
    """A row of the log: NLL in nats on the first test images, and the core minutes it took."""
    WORK.mkdir(parents=True, exist_ok=True)
    out = WORK / f"{recipe.name}_{recipe.settings.epochs}.safetensors"
    model = train_recipe(recipe, out, resume=True)
    nll = sampled_log_evidence(model, binarised_test_images(images, 0), k=k, seed=0).nll
    facts = training_facts(out)
    return {
        "model": out.stem if (images, k) == (IMAGES, K) else f"{out.stem}_{images}_{k}",
        "change": recipe.what,
        "epochs": recipe.settings.epochs,
        "minutes": facts["training_minutes"],
        "parameters": facts["parameters"],
        "images": images,
        "k": k,
        "nll": nll,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """The log, a line a try. Gain: the NLL of the base, less this one's, after as many epochs."""
    bases = {_measure(row): row["nll"] for row in rows if row["change"] == BASE.what}
    lines = [f"{'change':<66}  epochs  minutes  parameters    NLL   gain"]
    for row in rows:
        lines.append(
            f"{row['change']:<66}  {row['epochs']:6}  {row['minutes']:7.1f}"
            f"  {row['parameters']:10,}  {row['nll']:5.2f}"
        )
        if row["change"] != BASE.what and _measure(row) in bases:
            gain = bases[_measure(row)] - row["nll"]
            lines[-1] += minus(f"  {gain:+.2f}")
    return "\n".join(lines)


def _measure(row: dict[str, Any]) -> tuple[int, int, int]:
    """What two rows must share to be compared."""
    return row["epochs"], row["images"], row["k"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TRIES)}")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--images", type=int, default=IMAGES, help="test images, the first ones")
    parser.add_argument("--k", type=int, default=K, help="samples of q an image")
    parser.add_argument("--add", action="store_true", help="write the rows into the log")
    parser.add_argument("--table", action="store_true", help="print the log, train nothing")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in TRIES]
    if unknown or options.table == bool(options.names):
        parser.error(f"expected --table, or names out of {', '.join(TRIES)}; got {unknown}")
    torch.set_num_threads(1)
    rows = read_rows(LOG) if options.table else []
    for name in options.names:
        recipe = TRIES[name].changed(epochs=options.epochs)
        rows.append(tried(recipe, options.images, options.k))
        if options.add:
            save_rows(LOG, rows[-1:])
    print(table(rows))


if __name__ == "__main__":
    main()
