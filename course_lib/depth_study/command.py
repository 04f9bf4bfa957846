"""`python -m course_lib.depth_study`: runs the depth study, some sixteen minutes on one core.

python -m course_lib.depth_study --list                    the arms, the chains and their sizes
python -m course_lib.depth_study --table                   what has been found, in four tables
python -m course_lib.depth_study --seeds 2 --epochs 5 --out runs/depth.json       a quick look
python -m course_lib.depth_study --seeds 9 --workers 8 --out runs/nine.json
python -m course_lib.depth_study --seeds 9 --scheduler tcp://10.0.0.1:8786 --out runs/nine.json

Every finished run is written at once; a command that was interrupted goes on where it was. The file
is the same, byte for byte, however many workers made it: processors, or those of a Dask cluster.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course_lib.depth_study.design import ARMS, EPOCHS, Arm, run, study_settings
from course_lib.depth_study.report import report
from course_lib.depth_study.results import COMMAND, PATH, Study, load_study, rounded, save_study
from course_lib.numerals import print_any_sign
from course_lib.pieces import KeptResults, Piece, add_options, in_batches, place_of, say


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns 0, or 2 with a message on stderr if nothing could be done."""
    print_any_sign()
    options = _options(arguments)
    for name, value in (("epochs", options.epochs), ("seeds", options.seeds)):
        if value is not None and value < 1:
            print(f"--{name} must be at least 1, got {value}", file=sys.stderr)
            return 2
    settings = study_settings(options.epochs)
    if options.list:
        print("\n".join(_listed(settings)))
        return 0
    try:
        if options.table:
            print(report(load_study(options.out)))
            return 0
        study = _study_so_far(options.out, settings)
        _run_the_rest(study, options)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{options.out} holds {len(study.runs)} runs")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--list", action="store_true", help="say what would be run")
    parser.add_argument("--table", action="store_true", help="print what --out holds, run nothing")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS), help="which arms")
    parser.add_argument("--seeds", type=int, help="how many seeds (default: each arm's own)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of each run")
    parser.add_argument("--out", type=Path, default=PATH, help="the results, extended if there")
    add_options(parser)
    return parser.parse_args(arguments)


def _plan(arms: list[str], seeds: int | None) -> Iterator[tuple[Arm, int, int]]:
    """Every run, seed by seed, so that a study that is cut short has all depths."""
    for arm in (ARMS[name] for name in arms):
        for seed in range(arm.seeds if seeds is None else seeds):
            for depth in arm.chains:
                yield arm, depth, seed


def _run_the_rest(study: Study, options: argparse.Namespace) -> None:
    """Adds each run that is asked for and not there yet; writes the file as they come.

    Raises as `pieces.in_batches` and `pieces.place_of` do.
    """
    done = {(row["arm"], row["depth"], row["seed"]) for row in study.runs}
    folder = options.out.with_suffix(".pieces")
    asked = {
        (arm.name, depth, seed): _piece(arm, depth, seed, options.epochs, study.settings)
        for arm, depth, seed in _plan(options.arms, options.seeds)
    }
    KeptResults(folder).remove(piece for run, piece in asked.items() if run in done)
    pieces = [piece for run, piece in asked.items() if run not in done]
    if not pieces:
        return
    with place_of(options) as place:
        for rows in in_batches(pieces, folder, place, unit="run", done=len(done)):
            lines = [_run_in_a_line(row) for row in rows]
            for row in rows:
                row.pop("core_seconds", None)  # the machine's, and never twice the same
            study.runs.extend(rows)
            save_study(options.out, study)
            say("\n".join(lines))


def _piece(arm: Arm, depth: int, seed: int, epochs: int, settings: dict[str, Any]) -> Piece:
    """One run. What it depends on besides arm, depth and seed are the settings."""
    key = {"settings": settings, "arm": arm.name, "depth": depth, "seed": seed}
    name = f"{arm.name} T {depth} seed {seed}"
    return Piece(name, key, rounded_run, (arm.name, depth, seed, epochs))


def rounded_run(arm: str, depth: int, seed: int, epochs: int) -> dict[str, Any]:
    """`design.run` of the arm of that name, as it is written down."""
    return rounded(run(ARMS[arm], depth, seed, epochs=epochs))


def _study_so_far(path: Path, settings: dict[str, Any]) -> Study:
    """The study in the file, a new one if there is no file. An arm that it lacks is added.

    Raises ValueError if the file was made with other settings.
    """
    if not path.exists():
        return Study(settings, [])
    found = load_study(path)
    now, before = _one_by_one(settings), _one_by_one(found.settings)
    for name, value in now.items():
        if before.get(name) != value and not (name in ARMS and name not in before):
            raise ValueError(
                f"{path} was made with {name} {before.get(name)}, now it is {value}; "
                "name another file with --out"
            )
    return Study(settings, found.runs)


def _one_by_one(settings: dict[str, Any]) -> dict[str, Any]:
    """Each setting and each arm by its name."""
    arms: dict[str, Any] = settings.get("arms", {})
    return {name: value for name, value in settings.items() if name != "arms"} | arms


def _listed(settings: dict[str, Any]) -> Iterator[str]:
    """Each arm in a line, and each of its chains in another."""
    for name, arm in ARMS.items():
        sizes = settings["arms"][name]
        yield f"{name}: {arm.what}; {arm.seeds} seeds, {settings['steps']:,} steps"
        for depth, count in sizes["parameters"].items():
            yield f"  T = {depth}: hidden {sizes['hidden'][depth]}, {count:,} parameters"


def _run_in_a_line(row: dict[str, Any]) -> str:
    """One run's figures, in nats."""
    name = f"{row['arm']} T = {row['depth']} seed {row['seed']}:"
    if row["failed"]:
        return f"{name} the bound stopped being finite"
    rates = " + ".join(f"{rate:.2f}" for rate in row["rates"])
    return (
        f"{name} ELBO {row['train_elbo']:.2f} (held out {row['elbo']:.2f}), log p "
        f"{row['log_p']:.2f}, rates {rates}, active {row['active']}, {row['core_seconds']:.0f} s"
    )
