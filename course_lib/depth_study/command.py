"""`python -m course_lib.depth_study`: runs the depth study, some ten minutes on one core.

python -m course_lib.depth_study --list                    the arms, the chains and their sizes
python -m course_lib.depth_study --seeds 2 --epochs 5 --out runs/depth.json       a quick look

Every finished run is written at once; a command that was interrupted goes on where it was.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course_lib.depth_study.design import ARMS, EPOCHS, Arm, run, settings
from course_lib.depth_study.results import PATH, load, rounded

COMMAND = "python -m course_lib.depth_study"


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns 0, or 2 with a message on stderr if nothing could be done."""
    options = _parse(arguments)
    for name, value in (("epochs", options.epochs), ("seeds", options.seeds)):
        if value is not None and value < 1:
            print(f"--{name} must be at least 1, got {value}", file=sys.stderr)
            return 2
    about = settings(options.epochs)
    if options.list:
        print("\n".join(_described(about)))
        return 0
    try:
        runs = _finished(options.out, about)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    done = {(row["arm"], row["depth"], row["seed"]) for row in runs}
    for arm, depth, seed in _plan(options.arms, options.seeds):
        if (arm.name, depth, seed) not in done:
            runs.append(rounded(run(arm, depth, seed, epochs=options.epochs)))
            _write(options.out, about, runs)
            print(_line(runs[-1]), flush=True)
    print(f"{options.out} holds {len(runs)} runs")
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--list", action="store_true", help="say what would be run")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS), help="which arms")
    parser.add_argument("--seeds", type=int, help="how many seeds (default: each arm's own)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of each run")
    parser.add_argument("--out", type=Path, default=PATH, help="the results, extended if there")
    return parser.parse_args(arguments)


def _plan(arms: list[str], seeds: int | None) -> Iterator[tuple[Arm, int, int]]:
    """Every run, seed by seed, so that a study that is cut short has all depths."""
    for arm in (ARMS[name] for name in arms):
        for seed in range(arm.seeds if seeds is None else seeds):
            for depth in arm.chains:
                yield arm, depth, seed


def _finished(path: Path, about: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs in the file, none if there is no file. Raises ValueError for other settings."""
    if not path.exists():
        return []
    found = load(path)
    for name, value in about.items():
        if found.settings.get(name) != value:
            raise ValueError(
                f"{path} was made with {name} {found.settings.get(name)}, now it is {value}; "
                "name another file with --out"
            )
    return found.runs


def _write(path: Path, about: dict[str, Any], runs: list[dict[str, Any]]) -> None:
    """The whole file or none of it: it takes its name once it is complete. One run a line."""
    lines = ",\n  ".join(json.dumps(row) for row in runs)
    head = json.dumps({"command": COMMAND, "settings": about}, indent=1, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".partial")
    draft.write_text(f'{head[:-2]},\n "runs": [\n  {lines}\n ]\n}}\n', encoding="utf-8")
    draft.replace(path)


def _described(about: dict[str, Any]) -> Iterator[str]:
    for name, arm in ARMS.items():
        sizes = about["arms"][name]
        yield f"{name}: {arm.what}; {arm.seeds} seeds, {about['steps']:,} steps"
        for depth, count in sizes["parameters"].items():
            yield f"  T = {depth}: hidden {sizes['hidden'][depth]}, {count:,} parameters"


def _line(row: dict[str, Any]) -> str:
    name = f"{row['arm']} T = {row['depth']} seed {row['seed']}:"
    if row["failed"]:
        return f"{name} the bound stopped being finite"
    rates = " + ".join(f"{rate:.2f}" for rate in row["rates"])
    return (
        f"{name} ELBO {row['train_elbo']:.2f} (held out {row['elbo']:.2f}), log p "
        f"{row['log_p']:.2f}, rates {rates}, active {row['active']}, {row['core_seconds']:.0f} s"
    )
