"""Learning curves: what a training recorded by epoch, in a small file beside its model.

>>> from course_lib.shipped.curves import curve_of
>>> rows = [
...     {"epoch": 1, "elbo": -9.0, "reconstruction": -7.0, "cost_1": 2.0, "active_1": 3},
...     {"epoch": 2, "elbo": -8.0, "reconstruction": -5.0, "cost_1": 3.0},
... ]
>>> curve = curve_of(rows)
>>> curve.costs, curve.counted, curve.active  # the units were counted once
(tensor([[2., 3.]], dtype=torch.float64), tensor([1]), tensor([[3]]))
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE, require_finite, require_integers
from course_lib.checkpoint import write_whole
from course_lib.shipped.files import model_name, model_path

FORMAT = "course-lib curve 1"
_ENDING = ".curve.json"
_DECIMALS = 4  # of a nat


@dataclass(frozen=True)
class Curve:
    """The history of a training: means over the training images, in nats, at each of E epochs.

    epochs (E,) are the epochs' numbers; elbo (E,); reconstruction (E,); costs (T, E), z_1's first.
    counted (K,) are the epochs after which the active units were counted; active (T, K), how many
    there were in each layer. An objective of one's own that keeps no terms of the ELBO leaves
    reconstruction (0,) and costs (0, E). Raises ValueError if lengths disagree, E is 0, or a number
    is NaN or infinite.
    """

    epochs: Tensor
    elbo: Tensor
    reconstruction: Tensor
    costs: Tensor
    counted: Tensor
    active: Tensor

    def __post_init__(self) -> None:
        for name in ("epochs", "counted", "active"):
            require_integers(name, getattr(self, name))
        for name in ("elbo", "reconstruction", "costs"):
            require_finite(name, getattr(self, name))
        if self.epochs.ndim != 1 or len(self.epochs) == 0:
            raise ValueError(f"epochs must be (E,) with E ≥ 1, got {tuple(self.epochs.shape)}")
        count, layers = len(self.epochs), len(self.active)
        _require_shape("elbo", self.elbo, (count,))
        if self.reconstruction.shape != (0,) or len(self.costs):
            _require_shape("reconstruction", self.reconstruction, (count,))
            layers = len(self.costs)
        _require_shape("costs", self.costs, (len(self.costs), count))
        _require_shape("active", self.active, (layers, len(self.counted)))


def curve_of(rows: Sequence[dict[str, float]]) -> Curve:
    """The curve of a training from the rows of its history, one an epoch.

    A row has epoch, elbo, and if the objective keeps them reconstruction, cost_1 … cost_T; and of
    an epoch after which the units were counted, active_1 … active_T.
    Raises ValueError if there is no row, or one lacks what the first one has.
    """
    if not rows:
        raise ValueError("a curve needs a row of a history at least, got none")
    known = {name for row in rows for name in row}
    # What the first row lacks is left out: a training may have begun before its terms were kept.
    terms = [name for name in ("reconstruction",) if name in rows[0]]
    costs, active = _of_layers("cost", set(rows[0])), _of_layers("active", known)
    for row in rows:
        lacking = [name for name in ("epoch", "elbo", *terms, *costs) if name not in row]
        if lacking:
            raise ValueError(f"a row of the history has no {lacking[0]}: {row}")
    counted = [row for row in rows if any(name in row for name in active)]
    return _curve(
        {
            "epochs": [row["epoch"] for row in rows],
            "elbo": [row["elbo"] for row in rows],
            "reconstruction": [row[name] for row in rows for name in terms],
            "costs": [[row[name] for row in rows] for name in costs],
            "counted": [row["epoch"] for row in counted],
            "active": [[row[name] for row in counted] for name in active],
        }
    )


def save_curve(path: Path | str, curve: Curve) -> None:
    """Writes the curve beside a model, rounded to a ten-thousandth of a nat.

    path: of the model or of the curve itself, see `curve_path`. Raises OSError if it cannot be
    written; what lay there before then still does.
    """
    kept = {field.name: _rounded(getattr(curve, field.name).tolist()) for field in fields(Curve)}
    text = json.dumps({"format": FORMAT} | kept, separators=(",", ":"))
    write_whole(curve_path(path), text.encode())


def load_curve(name: Path | str) -> Curve:
    """The curve of a recipe's model that ships, or the one beside a model's file.

    Raises FileNotFoundError if there is none; ValueError if the file holds none, or its lengths
    disagree.
    """
    path = curve_path(name)
    if not path.is_file():
        raise FileNotFoundError(f"there is no learning curve at {path}")
    try:
        kept = json.loads(path.read_bytes())
    except ValueError as error:  # no JSON, or no text
        raise ValueError(f"{path} is no learning curve: {error}") from error
    if not isinstance(kept, dict) or kept.get("format") != FORMAT:
        got = kept.get("format") if isinstance(kept, dict) else type(kept).__name__
        raise ValueError(f"{path} is no learning curve: expected format {FORMAT!r}, got {got!r}")
    lacking = [field.name for field in fields(Curve) if field.name not in kept]
    if lacking:
        raise ValueError(f"{path} is no learning curve: it has no {', '.join(lacking)}")
    try:
        return _curve(kept)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def curve_path(name: Path | str) -> Path:
    """Where the curve of a model lies: NAME.curve.json beside it. Also takes that path itself."""
    path = model_path(name)
    return path if path.name.endswith(_ENDING) else path.with_name(model_name(path) + _ENDING)


def _curve(columns: dict[str, Any]) -> Curve:
    """A curve from lists of numbers."""
    integers = {"dtype": torch.int64, "device": "cpu"}
    return Curve(
        epochs=_tensor("epochs", columns["epochs"], **integers),
        elbo=_tensor("elbo", columns["elbo"], **DOUBLE),
        reconstruction=_tensor("reconstruction", columns["reconstruction"], **DOUBLE),
        costs=_table("costs", columns["costs"], columns["epochs"], **DOUBLE),
        counted=_tensor("counted", columns["counted"], **integers),
        active=_table("active", columns["active"], columns["counted"], **integers),
    )


def _tensor(name: str, numbers: Any, **kind: Any) -> Tensor:
    """Raises ValueError unless they are numbers, in lists of one length."""
    try:
        return torch.tensor(numbers, **kind)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be numbers, each layer as many: {error}") from error


def _table(name: str, rows: Any, columns: Any, **kind: Any) -> Tensor:
    """(T, columns), also for no rows."""
    return _tensor(name, rows, **kind) if rows else torch.zeros(0, len(columns), **kind)


def _of_layers(kind: str, names: set[str]) -> list[str]:
    """kind_1, kind_2, … as far as there are some, in order."""
    found = [name for name in names if re.fullmatch(rf"{kind}_\d+", name)]
    return sorted(found, key=lambda name: int(name.rpartition("_")[2]))


def _rounded(numbers: Any) -> Any:
    if isinstance(numbers, list):
        return [_rounded(number) for number in numbers]
    return round(numbers, _DECIMALS)


def _require_shape(name: str, value: Tensor, shape: tuple[int, ...]) -> None:
    """Raises ValueError that shows both shapes unless they agree."""
    if value.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {tuple(value.shape)}")
