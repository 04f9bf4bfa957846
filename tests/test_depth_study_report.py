"""The study's four tables, against the rows of its file: NumPy's means, SciPy's bootstrap."""

import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from course_lib import depth_study as study
from course_lib.depth_study import command
from course_lib.depth_study.results import PATH

FIGURES = ("train_elbo", "elbo", "log_p")
Row = dict[str, Any]
Numbers = NDArray[np.float64]
NAMES = {
    (rate, training): arm
    for rate, plain in (("0.01", "slow"), ("0.05", "fast"))
    for training, arm in (
        ("plain", plain),
        ("KL warm-up", f"{plain}-warm"),
        ("top-down", f"{plain}-top-down"),
        ("both", f"{plain}-both"),
    )
    if arm in study.ARMS
}
ONE_LAYER = {arm: arm.replace("-top-down", "").replace("both", "warm") for arm in NAMES.values()}


def runs(rows: list[Row], arm: str, depth: int) -> dict[int, Row]:
    """The runs of an arm and depth that were not lost, by seed."""
    return {
        row["seed"]: row
        for row in rows
        if (row["arm"], row["depth"]) == (arm, depth)
        and not row["failed"]
        and row["train_elbo"] >= -150
    }


def values(rows: list[Row], arm: str, depth: int, figure: str) -> Numbers:
    return np.array([row[figure] for row in runs(rows, arm, depth).values()])


def lines(table: str) -> list[tuple[str, int, list[str]]]:
    """(arm, depth, cells) of each line below the head; an interval belongs to its cell."""
    found = []
    for line in table.splitlines()[1:]:
        rate, training, depth, *cells = re.split(r" {2,}", line.replace("−", "-"))
        found.append((NAMES[rate, training], int(depth), cells))
    return found


def agrees(
    cell: str, value: float, interval: tuple[float, float], decimals: int, step: float = 0.0
) -> None:
    """The value is the rounded one; the ends are those of another 10,000 bootstrap samples.

    A quantile at 2.5 % of as many draws from a normal law has the standard error 0.027 σ, and the
    interval is 3.9 σ wide: between two such ends four standard errors are 0.04 of its width.
    step: between the values that a mean can have, where it is one of whole numbers.
    """
    shown, low, high = (float(n) for n in re.findall(r"[+-]?\d+\.\d+", cell))
    rounding = 0.51 * 10.0**-decimals
    near = rounding + step + 0.04 * (interval[1] - interval[0])
    assert shown == pytest.approx(value, abs=rounding)
    assert (low, high) == pytest.approx(interval, abs=near)


def bootstrap(statistic: Callable[..., Any], *samples: Numbers) -> tuple[float, float]:
    found = stats.bootstrap(
        samples,
        statistic,
        vectorized=True,
        n_resamples=10_000,
        method="percentile",
        rng=np.random.default_rng(3),
    ).confidence_interval
    return float(found.low), float(found.high)


def of_the_mean(sample: Numbers) -> tuple[float, float]:
    if np.ptp(sample) == 0:
        return float(sample[0]), float(sample[0])
    return bootstrap(lambda x, axis: x.mean(axis), sample)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    found: list[Row] = json.loads(PATH.read_text(encoding="utf-8"))["runs"]
    return found


def test_where_the_runs_end(rows: list[Row]) -> None:
    table = lines(study.ends_table(study.load_study()))
    assert len(table) == 4 + 4 + 3 + 3 + 4 + 4 + 3
    for arm, depth, (count, lost, *cells) in table:
        everything = [row for row in rows if (row["arm"], row["depth"]) == (arm, depth)]
        kept = runs(rows, arm, depth)
        assert (int(count), int(lost)) == (len(everything), len(everything) - len(kept))
        for cell, figure in zip(cells, FIGURES, strict=True):
            if len(kept) < 5:
                assert cell == "–"
            else:
                sample = values(rows, arm, depth, figure)
                agrees(cell, sample.mean(), of_the_mean(sample), 2)


def test_which_units_are_active_and_what_they_cost(rows: list[Row]) -> None:
    for arm, depth, cells in lines(study.units_table(study.load_study())):
        kept = runs(rows, arm, depth)
        assert len(cells) == depth + (depth > 1)
        if len(kept) < 5:
            assert set(cells) == {"–"}
            continue
        for layer, cell in enumerate(cells[:depth]):
            sample = np.array([float(row["active"][layer]) for row in kept.values()])
            agrees(cell, sample.mean(), of_the_mean(sample), 1, step=1 / len(sample))
        if depth > 1:
            costs = np.array([math.fsum(row["rates"][1:]) for row in kept.values()])
            agrees(cells[-1], costs.mean(), of_the_mean(costs), 1)


def compares(table: str, rows: list[Row], others: dict[tuple[str, int], tuple[str, int]]) -> None:
    """Each line of the table, of the arm and depth that `others` has, against those it names."""
    found = lines(table)
    assert [(arm, depth) for arm, depth, _ in found] == list(others)
    for arm, depth, cells in found:
        pairs = [
            (values(rows, arm, depth, figure), values(rows, *others[arm, depth], figure))
            for figure in FIGURES
        ]
        if min(map(len, pairs[0])) < 5:
            assert set(cells) == {"–"}
            continue
        for cell, (a, b) in zip(cells[:3], pairs, strict=True):
            ends = bootstrap(lambda x, y, axis: x.mean(axis) - y.mean(axis), a, b)
            agrees(cell, a.mean() - b.mean(), ends, 2)
        assert cells[3].startswith("×")
        a, b = pairs[0]
        ratio = a.std(ddof=1) / b.std(ddof=1)
        assert float(cells[3].split()[0][1:]) == pytest.approx(ratio, abs=0.051)


def test_each_depth_less_one_layer(rows: list[Row]) -> None:
    others = {(arm, T): (ONE_LAYER[arm], 1) for arm in NAMES.values() for T in (2, 3, 5)}
    compares(study.against_one_layer(study.load_study()), rows, others)


def test_each_training_less_the_plain_one(rows: list[Row]) -> None:
    others = {
        (arm, T): (arm.split("-")[0], T)
        for arm in NAMES.values()
        for T in ((1, 2, 3, 5) if arm.endswith("warm") else (2, 3, 5))
        if "-" in arm
    }
    compares(study.against_plain(study.load_study()), rows, others)


def one_run(seed: int, elbo: float | None, **others: Any) -> Row:
    about = {"arm": "slow", "depth": 2, "seed": seed, "failed": False, "train_elbo": elbo}
    return about | {"log_p": 10.0 + seed} | others


def test_a_lost_run_is_counted_and_left_out() -> None:
    """Below −150, not finite, or not even ended."""
    rows = [one_run(0, -90.0), one_run(1, -150.0), one_run(2, -150.01), one_run(3, None)]
    failed = {"arm": "slow", "depth": 2, "seed": 4, "failed": True}
    small = study.Study({}, [*rows, failed])
    assert small.lost(2) == 3
    assert small.kept("log_p", 2).tolist() == [10.0, 11.0]
    for call in (small.lost, small.failures):
        with pytest.raises(ValueError, match="no run of arm 'slow' and depth 3"):
            call(3)


def test_of_fewer_than_five_runs_there_is_a_dash(rows: list[Row]) -> None:
    few = study.Study({}, [row for row in rows if row["seed"] < 4 or row["depth"] != 3])
    for arm, depth, cells in lines(study.ends_table(few)):
        assert (cells[2:] == ["–"] * 3) == (len(runs(few.runs, arm, depth)) < 5)
        assert depth != 3 or cells[2:] == ["–"] * 3


def test_the_command_prints_the_four_tables_and_runs_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "run", None)
    assert command.main(["--table"]) == 0
    found = study.load_study()
    printed = capsys.readouterr().out
    assert printed == study.report(found) + "\n"
    assert printed.count("rate  training") == 4
    assert command.main(["--table", "--out", str(tmp_path / "none.json")]) == 2
    assert "there are no results at" in capsys.readouterr().err
