"""The study's results, read from their file, and intervals for what they are to show."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

from course_lib.arguments import as_double, require_finite
from course_lib.data import FOLDER

PATH = FOLDER / "depth_study.json"
DIGITS = 4  # decimals that are kept of a figure in nats
RESAMPLES = 10_000
LEVEL = 0.95

Interval = tuple[float, float]


@dataclass(frozen=True)
class Study:
    """All runs of a study, and the settings they share."""

    settings: dict[str, Any]
    runs: list[dict[str, Any]]

    def of(self, figure: str, depth: int, arm: str = "slow") -> Tensor:
        """One figure of every run of that arm and depth that did not fail, seed by seed.

        (seeds,), or (seeds, layers) for rates and active; NaN where it was not finite.
        Raises ValueError for an arm, depth or figure that no run has.
        """
        rows = [r for r in self.runs if r["arm"] == arm and r["depth"] == depth]
        values = [row[figure] for row in rows if figure in row]
        if not values:
            raise ValueError(f"no run of arm {arm!r} and depth {depth} has a figure {figure!r}")
        known = [math.nan if value is None else value for value in values]
        return torch.tensor(known, dtype=torch.float64, device="cpu")

    def failures(self, depth: int, arm: str = "slow") -> int:
        """How many runs of that arm and depth ended with a bound that was not finite.

        Raises ValueError for an arm or depth that no run has.
        """
        rows = [r for r in self.runs if r["arm"] == arm and r["depth"] == depth]
        if not rows:
            raise ValueError(f"there is no run of arm {arm!r} and depth {depth}")
        return sum(bool(row["failed"]) for row in rows)


def load(path: Path = PATH) -> Study:
    """The results in a file that `python -m course_lib.depth_study` wrote.

    Raises FileNotFoundError if there is none, ValueError if it is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there are no results at {path}")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Study(found["settings"], found["runs"])
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no results of the depth study: {error!r}") from error


def mean_interval(values: Tensor) -> Interval:
    """A 95 % interval for the mean of a population of which `values` (n,) are draws."""
    return _percentiles(_resampled(_sample(values), 0).mean(-1))


def difference_interval(a: Tensor, b: Tensor) -> Interval:
    """A 95 % interval for E a − E b from two independent samples, (n,) and (m,)."""
    first, second = _resampled(_sample(a), 0), _resampled(_sample(b), 1)
    return _percentiles(first.mean(-1) - second.mean(-1))


def spread_interval(a: Tensor, b: Tensor) -> Interval:
    """A 95 % interval for std a / std b from two independent samples, (n,) and (m,).

    All three intervals are percentiles of 10,000 bootstrap samples (Efron 1979). With 20 draws each
    they are a little too narrow: of normal data each holds the truth in some 93 cases of 100.
    Raises ValueError below 5 draws.
    """
    if min(len(a), len(b)) < 5:
        raise ValueError(f"a spread needs at least 5 draws, got {len(a)} and {len(b)}")
    first, second = _resampled(_sample(a), 0), _resampled(_sample(b), 1)
    # A bootstrap sample may hold one draw n times, and then has no spread.
    low, high = _percentiles((first.std(-1) / second.std(-1)).nan_to_num(nan=1.0))
    return low, high


def share_reversed(a: Tensor, b: Tensor) -> float:
    """How often one draw of each sample puts the two in the other order than their means do.

    Over all pairs of an entry of a (n,) and one of b (m,): 0 if the samples do not overlap, about
    ½ if they have the same mean.
    """
    a, b = _sample(a), _sample(b)
    sign = torch.sign(a.mean() - b.mean())
    return ((a[:, None] - b) * sign < 0).double().mean().item()


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """The same with fewer decimals, as it is written; None for what is not a finite number."""
    return {
        name: [_short(v) for v in value] if isinstance(value, list) else _short(value)
        for name, value in row.items()
    }


def _short(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return round(value, DIGITS) if math.isfinite(value) else None


def _sample(values: Tensor) -> Tensor:
    values = as_double("a sample", values)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"a sample must be (n,) with n ≥ 2, got {tuple(values.shape)}")
    return require_finite("a sample", values).double()


def _resampled(values: Tensor, stream: int) -> Tensor:
    """Bootstrap samples, (RESAMPLES, n), always the same for the same n and stream."""
    generator = Generator().manual_seed(stream)
    index = torch.randint(len(values), (RESAMPLES, len(values)), generator=generator, device="cpu")
    return values[index]


def _percentiles(values: Tensor) -> Interval:
    tail = (1 - LEVEL) / 2
    low, high = (torch.quantile(values, share).item() for share in (tail, 1 - tail))
    return low, high
