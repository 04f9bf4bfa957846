"""How much sooner two workers end than one: runs of the depth study on Dask's workers.

    python benchmarks/workers.py [--workers 2] [--seeds 3] [--epochs 20] [--rounds 3]

Needs the extra `cluster`. In each round the same runs, four for each seed, are done by one worker
and by several, in turn; the workers are started, and have imported what they need, before the clock
starts. Prints wall seconds and their ratio, the median over the rounds; beside them the processor
seconds of the trainings, which say how much the workers slow each other down, and how busy the
machine was: the ratio means something on an idle one.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from course_lib.depth_study.command import rounded_run
from course_lib.pieces import ComputePlace, Piece, in_order, place_of

DEPTHS = (5, 3, 2, 1)  # the longest first, so that all workers end at about the same time


def runs(seeds: int, epochs: int) -> list[Piece]:
    """One arm of the depth study."""
    return [
        Piece(f"T {depth} seed {seed}", {"run": [depth, seed]}, rounded_run, run)
        for depth in DEPTHS
        for seed in range(seeds)
        for run in [("slow", depth, seed, epochs)]
    ]


Row = dict[str, Any]


def seconds(place: ComputePlace, pieces: list[Piece]) -> tuple[float, list[Row]]:
    """Wall seconds for all of them, and what they found."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        found = list(in_order(pieces, Path(folder) / "kept", place))
        return time.perf_counter() - start, found


def measured(workers: int, seeds: int, epochs: int) -> tuple[float, list[Row]]:
    """The same on so many new workers, warm."""
    with place_of(argparse.Namespace(workers=workers, scheduler=None)) as place:
        seconds(place, runs(2 * workers, 1))
        return seconds(place, runs(seeds, epochs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ratios = []
    for _ in range(options.rounds):
        load = os.getloadavg()[0]
        one, found = measured(1, options.seeds, options.epochs)
        several, again = measured(options.workers, options.seeds, options.epochs)
        core = [sum(row.pop("core_seconds") for row in rows) for rows in (found, again)]
        assert again == found  # the same figures, to the last digit
        ratios.append(one / several)
        print(
            f"{4 * options.seeds} runs: 1 worker {one:.1f} s, {options.workers} workers "
            f"{several:.1f} s, ratio {ratios[-1]:.2f}; processor seconds of the trainings "
            f"{core[0]:.1f} and {core[1]:.1f}; load before {load:.1f} on "
            f"{os.cpu_count()} processors",
            flush=True,
        )
    print(f"ratio, median of {options.rounds} rounds: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
