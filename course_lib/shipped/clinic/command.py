"""`python -m course_lib.shipped.clinic`: trains the clinic's eight programs again, a minute's work.

python -m course_lib.shipped.clinic                       all logs, into runs/clinic
python -m course_lib.shipped.clinic --out data/clinic     in place of those that ship
python -m course_lib.shipped.clinic A B --seed 1          these, from other weights and noise
"""

import argparse
import sys
from pathlib import Path

from course_lib.numerals import number, print_any_sign
from course_lib.shipped.clinic.faults import PROGRAMS
from course_lib.shipped.clinic.logs import SEED, log_path, make_log
from course_lib.shipped.clinic.program import EPOCHS
from course_lib.shipped.curves import save_curve
from course_lib.shipped.files import RUNS


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns 0, or 2 with a message on stderr if it went wrong."""
    print_any_sign()
    options = _options(arguments)
    try:
        for name in options.names or PROGRAMS:
            path = log_path(name, options.out)
            curve = make_log(name, seed=options.seed, epochs=options.epochs)
            path.parent.mkdir(parents=True, exist_ok=True)
            save_curve(path, curve)
            elbo = number(curve.elbo[-1].item(), 1)
            print(f"{path}: ELBO {elbo} after {len(curve.epochs)} epochs", flush=True)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.shipped.clinic", description=__doc__
    )
    parser.add_argument("names", nargs="*", help="logs, A to H (default: all)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"default {SEED}, as shipped")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"default {EPOCHS}, as shipped")
    parser.add_argument("--out", type=Path, default=RUNS / "clinic", help="the logs' folder")
    return parser.parse_args(arguments)
