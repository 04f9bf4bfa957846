"""Rows that were measured elsewhere or earlier, taken into the results files as they are.

Each is held to the model's file and to the recipe, so that the table cannot say what is not so.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from course_lib.shipped import RECIPES, other_runs, require_recipe, results, training_facts
from course_lib.shipped.facts import sha256_of
from course_lib.shipped.files import model_name
from course_lib.shipped.results import read_rows, write_runs

TABLED = {"k": 5000, "images": 10_000, "seed": 0}  # how every row of the tables is measured
MEASURED = (
    *("nll", "monte_carlo_error", "sampling_error", "test_minutes"),
    *("elbo", "distortion", "costs", "active_units"),
)

Row = dict[str, Any]


def add_rows(sources: Iterable[Path], models: Iterable[Path]) -> list[Row]:
    """Takes the rows of these files into the results files, and returns them as they stand there.

    sources: what `evaluate MODEL --save FILE` wrote. models: the files that were evaluated; a row
    belongs to the one that has its SHA-256. The row of a model that ships goes to
    `data/results.json`, any other to `data/other_runs.json`, in the place of an older row of the
    same recipe, epochs and seed. Nothing is written if one row is refused.
    Raises FileNotFoundError; ValueError if a file holds no rows, a row's model is not among the
    files, is no longer of its recipe, or was not measured as the tables are.
    """
    files = {sha256_of(path): path for path in models}
    added = [tabled_row(row, files) for source in sources for row in read_rows(source)]
    shipped, others = list(results().values()), list(other_runs().values())
    for row in added:
        if _ships(row):
            shipped = _put(row, shipped)
            others = [known for known in others if not _same_training(row, known)]
        elif any(_same_training(row, known) for known in shipped):
            raise ValueError(
                f"{row['model']} has the recipe, epochs and seed of a model that ships, "
                "and is another file"
            )
        else:
            others = _put(row, others)
    write_runs(shipped, others)
    return added


def tabled_row(row: Row, files: dict[str, Path]) -> Row:
    """A row with the facts of its model's file, which is found by its SHA-256.

    What earlier editions called rates are costs. Raises ValueError as `add_rows` does.
    """
    name = row["model"]
    if "rates" in row:
        row = {"costs" if field == "rates" else field: value for field, value in row.items()}
    lacking = [field for field in (*TABLED, *MEASURED, "sha256") if field not in row]
    if lacking:
        raise ValueError(f"the row of {name} has no {', '.join(lacking)}")
    measured = {field: row[field] for field in TABLED}
    if measured != TABLED:
        raise ValueError(f"the tables hold rows measured with {TABLED}, and {name} has {measured}")
    if row["sha256"] not in files:
        raise ValueError(
            f"none of the models has the SHA-256 of the row of {name}, {row['sha256']}"
        )
    path = files[row["sha256"]]
    facts = training_facts(path)
    figures = {field: row[field] for field in row if field not in ("model", *facts)}
    row = {"model": model_name(path), **facts, **figures}
    if _ships(row):  # under the name of its file in data/
        row["model"] = row["recipe"]
    return row | {"published": require_recipe(row).published}


def _ships(row: Row) -> bool:
    """Whether the file that was evaluated is the one in `data/`."""
    recipe = RECIPES.get(row["recipe"])
    return recipe is not None and recipe.ships and sha256_of(recipe.path) == row["sha256"]


def _same_training(row: Row, other: Row) -> bool:
    return all(row[field] == other[field] for field in ("recipe", "epochs", "training_seed"))


def _put(row: Row, rows: list[Row]) -> list[Row]:
    """The rows with this one in the place of the one of the same training, or at the end."""
    if not any(_same_training(row, known) for known in rows):
        return [*rows, row]
    return [row if _same_training(row, known) else known for known in rows]
