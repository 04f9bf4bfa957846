"""The study as a table: both rates alike, each depth held against one layer at the same rate."""

from course_lib.depth_study.design import ARMS, DEPTHS
from course_lib.depth_study.intervals import Interval, difference_interval, spread_interval
from course_lib.depth_study.report import FIGURES
from course_lib.depth_study.results import Study
from course_lib.numerals import minus, number

SPREAD = "std of training ELBO"
COLUMN = 24  # characters


def depths_table(study: Study) -> str:
    """A row for each rate and depth: means over seeds in nats, and the 95 % interval for the
    difference from one layer; last the standard deviation over seeds, and that for its ratio. Runs
    that were lost are left out.

    Raises ValueError if the study lacks an arm, a depth or a figure.
    """
    head = [f"{name:{COLUMN}}" for name in (*FIGURES.values(), SPREAD)]
    rows = ["rate  T  seeds  " + "".join(head).rstrip()]
    for arm in ("slow", "fast"):
        for depth in DEPTHS:
            seeds = len(study.kept("log_p", depth, arm))
            cells = [_mean_cell(study, name, depth, arm) for name in FIGURES]
            cells.append(_spread_cell(study, depth, arm))
            row = f"{ARMS[arm].rate:.2f}  {depth}  {seeds:5d}  "
            rows.append((row + "".join(f"{cell:{COLUMN}}" for cell in cells)).rstrip())
    return "\n".join(rows)


def _mean_cell(study: Study, figure: str, depth: int, arm: str) -> str:
    values = study.kept(figure, depth, arm)
    if depth == DEPTHS[0]:
        return number(values.mean().item(), 2)
    interval = difference_interval(values, study.kept(figure, DEPTHS[0], arm))
    return f"{number(values.mean().item(), 2)} [{_ends(interval, 2, sign='+')}]"


def _spread_cell(study: Study, depth: int, arm: str) -> str:
    values = study.kept("train_elbo", depth, arm)
    if depth == DEPTHS[0]:
        return number(values.std().item(), 2)
    interval = spread_interval(values, study.kept("train_elbo", DEPTHS[0], arm))
    return f"{number(values.std().item(), 2)} [×{_ends(interval, 1)}]"


def _ends(interval: Interval, decimals: int, *, sign: str = "") -> str:
    """Such as −0.19, +0.55."""
    return ", ".join(minus(f"{end:{sign}.{decimals}f}") for end in interval)
