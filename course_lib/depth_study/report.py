"""The whole study in four tables: all rates and trainings alike, each figure with its interval.

Means and intervals are of the runs that were not lost, whose number stands beside them; of fewer
than five there is a dash.
"""

from collections.abc import Iterator

from torch import Tensor

from course_lib.depth_study.design import ARMS, DEPTHS, Arm
from course_lib.depth_study.intervals import (
    Interval,
    difference_interval,
    mean_interval,
    spread_interval,
)
from course_lib.depth_study.results import Study
from course_lib.numerals import minus

FIGURES = {"train_elbo": "training ELBO", "elbo": "held-out ELBO", "log_p": "held-out log p"}
FEWEST = 5  # runs that a mean and an interval are given for
DASH = "–"
Cells = list[str]
Group = tuple[Arm, int]  # and a depth


def report(study: Study) -> str:
    """The four tables below, each under a line that says what it shows.

    Raises ValueError if the study lacks an arm, a depth or a figure.
    """
    parts = (
        ("Where the runs end: means over seeds, nats per image", ends_table),
        ("Active units of each layer, of eight: means over seeds", units_table),
        (
            "Less one layer of the same rate and training, nats; and ratio of spreads",
            against_one_layer,
        ),
        ("Less the plain chain of the same rate and depth; ratio of spreads", against_plain),
    )
    return "\n\n".join(f"{title}\n\n{table(study)}" for title, table in parts)


def ends_table(study: Study) -> str:
    """For each arm and depth: runs, how many were lost, and what the others end at."""
    rows = []
    for arm, depth in _chains():
        kept = [study.kept(name, depth, arm.name) for name in FIGURES]
        lost = study.lost(depth, arm.name)
        counts = [f"{len(kept[0]) + lost:4d}", f"{lost:4d}"]
        rows.append(_row(arm, depth, [*counts, *(_mean(values) for values in kept)]))
    return _aligned(["runs", "lost", *FIGURES.values()], rows)


def units_table(study: Study) -> str:
    """For each arm and depth: the active units of each layer, and what all above z_1 cost."""
    rows = []
    for arm, depth in _chains():
        units = study.kept("active", depth, arm.name)
        cells = [_mean(layer, 1) for layer in units.T] + [""] * (max(DEPTHS) - depth)
        if depth > 1:
            cells.append(_mean(study.kept("rates", depth, arm.name)[:, 1:].sum(1), 1))
        rows.append(_row(arm, depth, cells))
    layers = [f"z_{level}" for level in range(1, max(DEPTHS) + 1)]
    return _aligned([*layers, "nats above z_1"], rows)


def against_one_layer(study: Study) -> str:
    """For each arm, each depth but one less one layer: means' differences, ratio of the stds."""
    pairs = [((arm, depth), (arm.bottom_up(), DEPTHS[0])) for arm, depth in _chains()]
    return _comparisons(study, [pair for pair in pairs if pair[0][1] != DEPTHS[0]])


def against_plain(study: Study) -> str:
    """The same for each arm that is not plain, less the plain one of its rate at equal depth."""
    pairs = [((arm, depth), (arm.plain(), depth)) for arm, depth in _chains()]
    return _comparisons(study, [pair for pair in pairs if pair[0][0].training != "plain"])


def _comparisons(study: Study, pairs: list[tuple[Group, Group]]) -> str:
    rows = []
    for (arm, depth), (other, other_depth) in pairs:
        samples = [
            (study.kept(name, depth, arm.name), study.kept(name, other_depth, other.name))
            for name in FIGURES
        ]
        cells = [_difference(a, b) for a, b in samples]
        rows.append(_row(arm, depth, [*cells, _ratio(*samples[0])]))
    return _aligned([*FIGURES.values(), "std of training ELBO"], rows)


def _chains() -> Iterator[Group]:
    """Every arm of equal chains, with each of its depths."""
    for arm in ARMS.values():
        if not arm.widths:
            for depth in arm.chains:
                yield arm, depth


def _row(arm: Arm, depth: int, cells: Cells) -> Cells:
    return [f"{arm.rate:.2f}  {arm.training:10}  {depth}", *cells]


def _aligned(head: Cells, rows: list[Cells]) -> str:
    """Columns as wide as their widest cell, two blanks between them."""
    table = [["rate  training    T", *head], *rows]
    width = [
        max(len(row[column]) for row in table if column < len(row))
        for column in range(len(table[0]))
    ]
    lines = ("  ".join(f"{c:{w}}" for c, w in zip(row, width, strict=False)) for row in table)
    return "\n".join(line.rstrip() for line in lines)


def _mean(values: Tensor, decimals: int = 2) -> str:
    """A mean with its interval, such as −93.91 [−94.08, −93.74]."""
    if len(values) < FEWEST:
        return DASH
    return _with_ends(values.mean().item(), mean_interval(values), decimals, "")


def _difference(a: Tensor, b: Tensor) -> str:
    """A difference of means with its interval, such as +0.28 [−0.03, +0.58]."""
    if min(len(a), len(b)) < FEWEST:
        return DASH
    return _with_ends((a.mean() - b.mean()).item(), difference_interval(a, b), 2, "+")


def _ratio(a: Tensor, b: Tensor) -> str:
    """std a / std b with its interval, such as ×3.1 [1.8, 5.4]."""
    if min(len(a), len(b)) < FEWEST:
        return DASH
    return "×" + _with_ends((a.std() / b.std()).item(), spread_interval(a, b), 1, "")


def _with_ends(value: float, interval: Interval, decimals: int, sign: str) -> str:
    middle, low, high = (minus(f"{v:{sign}.{decimals}f}") for v in (value, *interval))
    return f"{middle} [{low}, {high}]"
