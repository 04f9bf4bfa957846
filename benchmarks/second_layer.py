"""What a second layer of latents is worth on small data, with and without KL warm-up.

    python benchmarks/second_layer.py digits mnist
    python benchmarks/second_layer.py digits --seeds 1 --epochs 2      a quick look, not written

Trains the models of `course_lib.depth_study.second_layer` from seeds 0 to 4, one to two minutes of
one core for each seed of the digits and of MNIST, and writes the runs into
data/second_layer.json, where it goes on if it was interrupted. Then prints their means.
"""

import argparse
import itertools

import torch

from course_lib.depth_study.second_layer import (
    MODELS,
    SMALL_WORLDS,
    SmallRuns,
    load_small_runs,
    save_small_runs,
    small_run,
)
from course_lib.numerals import number

WAYS = (False, True)  # with KL warm-up or without


def table(runs: SmallRuns, world: str) -> str:
    """A line for each model and training: the means and standard deviations over the seeds."""
    lines = [f"{'model':<16}{'training':<10}  seeds  held-out log p     ELBO  costs"]
    for model, warm in itertools.product(MODELS, WAYS):
        log_p, elbo, costs = (
            runs.of(figure, world, model, warm=warm) for figure in ("log_p", "elbo", "costs")
        )
        spread = number(log_p.std().item(), 2) if len(log_p) > 1 else "–"
        line = f"{model:<16}{'warm-up' if warm else 'plain':<10}  {len(log_p):5}"
        line += f"  {number(log_p.mean().item(), 2):>7} ± {spread:<5}"
        line += f"  {number(elbo.mean().item(), 2):>7}"
        lines.append(line + "  " + " ".join(number(c, 2) for c in costs.mean(0).tolist()))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("worlds", nargs="+", choices=SMALL_WORLDS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="of each training (default: the world's own)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    kept = options.epochs is None
    runs = load_small_runs() if kept else SmallRuns([])
    cases = itertools.product(options.worlds, range(options.seeds), MODELS, WAYS)
    for world, seed, model, warm in cases:
        about = {"world": world, "model": model, "warm": warm, "seed": seed}
        if not any(about.items() <= row.items() for row in runs.rows):
            runs.rows.append(small_run(world, model, warm, seed, epochs=options.epochs))
            if kept:
                save_small_runs(runs)
    for world in options.worlds:
        print(table(runs, world))


if __name__ == "__main__":
    main()
