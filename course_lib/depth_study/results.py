"""The study's results, and their way to disk and back."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_lib import checkpoint
from course_lib.data import FOLDER

PATH = FOLDER / "depth_study.json"
COMMAND = "python -m course_lib.depth_study"  # which writes them
DECIMALS = 4  # that are kept of a figure in nats
LOST = -150.0  # nats: a run whose training ELBO ends below is lost


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
        values = [row[figure] for row in self._rows(depth, arm) if figure in row]
        if not values:
            raise ValueError(f"no run of arm {arm!r} and depth {depth} has a figure {figure!r}")
        known = [math.nan if value is None else value for value in values]
        return torch.tensor(known, dtype=torch.float64, device="cpu")

    def kept(self, figure: str, depth: int, arm: str = "slow") -> Tensor:
        """The same of the runs that were not lost; there may be none. Raises ValueError as `of`."""
        return self.of(figure, depth, arm)[self.of("train_elbo", depth, arm) >= LOST]

    def lost(self, depth: int, arm: str = "slow") -> int:
        """How many runs failed, or ended with a training ELBO below −150 nats.

        Raises ValueError for an arm or depth that no run has.
        """
        return sum(not _is_kept(row) for row in self._require_rows(depth, arm))

    def failures(self, depth: int, arm: str = "slow") -> int:
        """How many runs of that arm and depth ended with a bound that was not finite.

        Raises ValueError for an arm or depth that no run has.
        """
        return sum(bool(row["failed"]) for row in self._require_rows(depth, arm))

    def _require_rows(self, depth: int, arm: str) -> list[dict[str, Any]]:
        """The runs of that arm and depth. Raises ValueError if there is none."""
        rows = self._rows(depth, arm)
        if not rows:
            raise ValueError(f"there is no run of arm {arm!r} and depth {depth}")
        return rows

    def _rows(self, depth: int, arm: str) -> list[dict[str, Any]]:
        """The runs of that arm and depth; there may be none."""
        return [row for row in self.runs if row["arm"] == arm and row["depth"] == depth]


def _is_kept(row: dict[str, Any]) -> bool:
    """Whether it ended, and not below LOST."""
    elbo = row.get("train_elbo")
    return elbo is not None and elbo >= LOST


def load_study(path: Path = PATH) -> Study:
    """The results in a file that `python -m course_lib.depth_study` wrote.

    Raises FileNotFoundError if there is none, ValueError if it is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there are no results at {path}")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        settings, runs = found["settings"], found["runs"]
        tables = isinstance(runs, list) and all(isinstance(row, dict) for row in [settings, *runs])
        if not tables:
            raise TypeError("settings must be a table, and runs a list of tables")
        return Study(settings, runs)
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no results of the depth study: {error!r}") from error


def save_study(path: Path, study: Study) -> None:
    """Writes the whole file or none of it, one run a line."""
    lines = ",\n  ".join(json.dumps(row) for row in study.runs)
    about = {"command": COMMAND, "settings": study.settings}
    head = json.dumps(about, indent=1, ensure_ascii=False).removesuffix("\n}")
    text = f'{head},\n "runs": [\n  {lines}\n ]\n}}\n'
    checkpoint.write_whole(path, text.encode())


def rounded(row: dict[str, Any], decimals: int = DECIMALS) -> dict[str, Any]:
    """The same with fewer decimals, as it is written; None for what is not a finite number."""
    return {name: _rounded(value, decimals) for name, value in row.items()}


def _rounded(value: Any, decimals: int) -> Any:
    if isinstance(value, list):
        return [_rounded(part, decimals) for part in value]
    if not isinstance(value, float):
        return value
    return round(value, decimals) if math.isfinite(value) else None
