"""What was measured of the models that ship, and of other trainings by the same recipes."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from course_lib.checkpoint import write_whole
from course_lib.data import FOLDER

RESULTS = FOLDER / "results.json"
OTHER_RUNS = FOLDER / "other_runs.json"
ROUTES = FOLDER / "routes.json"


def results() -> dict[str, dict[str, Any]]:
    """What `python -m course_lib.evaluate --shipped --save data/results.json` found, by model.

    A row has nll with its monte_carlo_error and sampling_error, elbo, distortion, the layers' costs
    and active_units (nats, means over the test images), published; k, images, seed, test_minutes;
    the sha256 of the file that was evaluated; and what that file says of its training, see
    `training_facts`. All minutes are of one core.
    """
    return _rows(RESULTS)


def other_runs() -> dict[str, dict[str, Any]]:
    """The same figures of trainings that do not ship: other seeds, other numbers of epochs.

    `python -m course_lib.evaluate FILE … --add ROWS …` adds to them.
    """
    return _rows(OTHER_RUNS)


def all_runs() -> list[dict[str, Any]]:
    """`results` and `other_runs` in one list."""
    return [*results().values(), *other_runs().values()]


def routes() -> dict[str, dict[str, Any]]:
    """What `evaluate --cross-check --images 100` found of some models, by model.

    encoder, fitted and annealed are each [NLL, its Monte Carlo error], in nats per image. effective
    has of each route the least, the median and the greatest effective number of draws of an image,
    of the row's k, or of its chains; minutes has the core minutes. A row of 0.1.0 lacks these two.
    """
    return _rows(ROUTES)


def write_runs(shipped: Iterable[dict[str, Any]], others: Iterable[dict[str, Any]]) -> None:
    """Writes the rows of `results` and of `other_runs`, in place of what is there."""
    write_rows(RESULTS, shipped)
    write_rows(OTHER_RUNS, others)


def save_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Writes rows to a file of results, one a line.

    Rows of other models that it holds stay; one of the same model is replaced, in its place.
    Raises ValueError if the file holds something else, OSError if it cannot be written.
    """
    write_rows(path, (_rows(path) | {row["model"]: row for row in rows}).values())


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Writes a file of these rows alone. Raises OSError if it cannot be written."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    write_whole(path, f"[\n{lines}\n]\n".encode())


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of results. Raises FileNotFoundError; ValueError if it holds none."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # no JSON, or no text
        raise ValueError(f"{path} holds no rows of results: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(r, dict) and "model" in r for r in rows):
        raise ValueError(f"{path} holds no rows of results: expected a list of rows with a model")
    return rows


def _rows(path: Path) -> dict[str, dict[str, Any]]:
    return {row["model"]: row for row in read_rows(path)} if path.exists() else {}
