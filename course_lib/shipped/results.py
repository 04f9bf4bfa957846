"""What was measured of the models that ship, and of other trainings by the same recipes."""

import json
from pathlib import Path
from typing import Any

from course_lib.data import FOLDER

RESULTS = FOLDER / "results.json"
OTHER_RUNS = FOLDER / "other_runs.json"
ROUTES = FOLDER / "routes.json"


def results() -> dict[str, dict[str, Any]]:
    """What `python -m course_lib.evaluate --table --save data/results.json` found, by model.

    A row has nll with its monte_carlo_error and sampling_error, elbo, distortion, the layers' rates
    and active_units (nats, means over the test images), published; recipe, epochs, training_seed,
    training_minutes; k, images, seed, test_minutes; and the sha256 of the file that was evaluated.
    All minutes are of one core.
    """
    return _rows(RESULTS)


def other_runs() -> dict[str, dict[str, Any]]:
    """The same figures of trainings that do not ship: other seeds, other numbers of epochs."""
    return _rows(OTHER_RUNS)


def all_runs() -> list[dict[str, Any]]:
    """`results` and `other_runs` in one list."""
    return [*results().values(), *other_runs().values()]


def routes() -> dict[str, dict[str, Any]]:
    """What `evaluate --cross-check --images 100` found of some models, by model.

    encoder, fitted and annealed are each [NLL, its Monte Carlo error], in nats an image. effective
    has of each route the least, the median and the greatest effective number of draws of an image,
    of the row's k, or of its chains; minutes has the core minutes.
    """
    return _rows(ROUTES)


def _rows(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    return {row["model"]: row for row in json.loads(path.read_text(encoding="utf-8"))}
