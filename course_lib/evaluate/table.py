"""The tables of trained models as text, wherever they are printed."""

from collections.abc import Iterable, Sequence
from math import hypot
from statistics import mean, stdev
from typing import Any

COLUMNS = {
    "published": 9,
    "NLL": 6,
    "± k": 5,
    "± images": 8,
    "exact": 6,
    "ELBO": 7,
    "rates": 12,
    "active": 7,
    "epochs": 6,
    "train": 5,
    "test": 4,
}
OVER_SEEDS = {
    "epochs": 6,
    "published": 9,
    "NLL of each seed": 19,
    "mean": 6,
    "spread": 6,
    "train": 5,
}
ROUTE_NAMES = ("encoder", "fitted", "annealed")  # in the order in which they are taken
FIRST = 17  # the width of the column of names


def results_header() -> str:
    """The names of the columns of `results_line`."""
    return _joined("model", COLUMNS, COLUMNS)


def results_line(row: dict[str, Any]) -> str:
    """One row of what `python -m course_lib.evaluate` found, in nats.

    NLL is the importance estimate and ± k its Monte Carlo error; exact is there if the latent is a
    plane, which can be summed. rates and active units are given layer by layer, z_1 first. train
    and test are core minutes.
    """
    exact = row.get("exact_nll")
    cells = [
        _published(row),
        f"{row['nll']:.2f}",
        f"{row['monte_carlo_error']:.3f}",
        f"{row['sampling_error']:.2f}",
        "" if exact is None else f"{exact:.2f}",
        f"{row['elbo']:.2f}".replace("-", "−"),
        "+".join(f"{rate:.1f}" for rate in row["rates"]),
        "+".join(str(count) for count in row["active_units"]),
        f"{row['epochs']}",
        f"{row['training_minutes']:.0f}",
        f"{row['test_minutes']:.0f}",
    ]
    return _joined(row["model"], cells, COLUMNS)


def seeds_header() -> str:
    """The names of the columns of `seeds_line`."""
    return _joined("recipe", OVER_SEEDS, OVER_SEEDS)


def seeds_line(rows: Sequence[dict[str, Any]]) -> str:
    """Trainings of one recipe that differ in their seed alone; spread is the standard deviation.

    Raises ValueError if they differ in recipe or epochs.
    """
    kinds = {(row["recipe"], row["epochs"]) for row in rows}
    if len(kinds) != 1:
        raise ValueError(f"rows must share one recipe and one number of epochs, got {kinds}")
    found = [row["nll"] for row in sorted(rows, key=lambda row: int(row["training_seed"]))]
    cells = [
        f"{rows[0]['epochs']}",
        _published(rows[0]),
        " ".join(f"{nll:.2f}" for nll in found),
        f"{mean(found):.2f}",
        f"{stdev(found):.2f}" if len(found) > 1 else "",
        f"{mean(row['training_minutes'] for row in rows):.0f}",
    ]
    return _joined(rows[0]["recipe"], cells, OVER_SEEDS)


def routes_header(row: dict[str, Any]) -> str:
    """What `routes_line` is about."""
    return f"{row['model']}, {row['images']} test images: NLL in nats ± its Monte Carlo error"


def routes_line(row: dict[str, Any], route: str) -> str:
    """The NLL by one route, and, once the annealed one is known, how far the others are from it."""
    k = f"k = {row['k']:,}"
    names = {
        "encoder": f"importance sampling from the encoder's q, {k}",
        "fitted": f"importance sampling from a Gaussian fitted to each image, {k}",
        "annealed": f"annealed, {row['chains']} chains × {row['temperatures']:,} temperatures",
    }
    nll, error = row[route]
    text = f"  {names[route]:72}  {nll:.3f} ± {error:.3f}" + _effective(row, route)
    if route != "annealed":
        return text
    for other in ("encoder", "fitted"):
        off, either = nll - row[other][0], hypot(error, row[other][1])
        text += f"\n  annealed less {other}{'':{58 - len(other)}}  {off:+.3f} ± {either:.3f}"
    return text.replace("-", "−")


def results_table(rows: Iterable[dict[str, Any]]) -> str:
    """`results_header` and a `results_line` for each row."""
    return "\n".join([results_header(), *map(results_line, rows)])


def seeds_table(rows: Iterable[dict[str, Any]], *, least: int = 1) -> str:
    """`seeds_header` and a `seeds_line` for each recipe with at least so many seeds."""
    groups = [group for group in by_recipe(rows) if len(group) >= least]
    return "\n".join([seeds_header(), *map(seeds_line, groups)])


def routes_table(row: dict[str, Any]) -> str:
    """`routes_header` and the three lines of a cross-check."""
    return "\n".join([routes_header(row), *(routes_line(row, route) for route in ROUTE_NAMES)])


def by_recipe(rows: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The rows, put together if they share recipe and epochs; in order of first appearance."""
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["recipe"], row["epochs"]), []).append(row)
    return list(groups.values())


def _effective(row: dict[str, Any], route: str) -> str:
    """How many draws of an image count as much as draws of its posterior, where it is known."""
    if route not in row.get("effective", {}):
        return ""
    least, median, most = row["effective"][route]
    return f"   effective draws {median:,.0f}, from {least:,.0f} to {most:,.0f}"


def _published(row: dict[str, Any]) -> str:
    return "" if row["published"] is None else f"{row['published']:.2f}"


def _joined(name: str, cells: Iterable[str], widths: dict[str, int]) -> str:
    padded = [f"{cell:>{width}}" for cell, width in zip(cells, widths.values(), strict=True)]
    return "  ".join([f"{name:{FIRST}}", *padded]).rstrip()
