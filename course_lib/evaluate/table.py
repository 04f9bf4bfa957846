"""The tables of trained models as text, wherever they are printed."""

from collections.abc import Iterable, Sequence
from math import hypot
from statistics import mean, stdev
from typing import Any

from course_lib.numerals import minus
from course_lib.shipped import RECIPES, Recipe, require_recipe

Row = dict[str, Any]
Columns = dict[str, int]  # widths by heading

COLUMNS: Columns = {
    "model": 20,
    "published": 9,
    "NLL": 6,
    "± k": 5,
    "± images": 8,
    "exact": 6,
    "ELBO": 7,
    "costs": 12,
    "active": 7,
    "epochs": 6,
    "train": 5,
    "test": 4,
}
# One line could not hold what is known of a recipe, so the table of recipes has two halves.
LIKELIHOODS: Columns = {
    "recipe": 23,
    "objective": 16,
    "epochs": 6,
    "train": 5,
    "published": 9,
    "NLL of each seed": 17,
    "mean": 6,
    "spread": 6,
}
LAYERS: Columns = {
    "recipe": 23,
    "encoder": 9,
    "parameters": 10,
    "ELBO": 7,
    "distortion": 10,
    "cost of each layer": 20,
    "active units": 16,
}
LEFT = {"model", "recipe", "objective", "encoder", "cost of each layer", "active units"}
ROUTE_NAMES = ("encoder", "fitted", "annealed")  # in the order in which they are taken
ASLEEP = 0.05  # nats: a layer that costs less prints as 0.0


def results_header() -> str:
    """The names of the columns of `results_line`."""
    return _joined(COLUMNS, COLUMNS)


def results_line(row: Row) -> str:
    """One row of what `python -m course_lib.evaluate` found, in nats.

    NLL is the importance estimate and ± k its Monte Carlo error; exact is there if the latent is a
    plane, which can be summed. costs and active units are given layer by layer, z_1 first, the
    count of a layer that is asleep in brackets, see `layers_line`. train and test are core minutes.
    """
    exact = row.get("exact_nll")
    cells = [
        row["model"],
        "" if row["published"] is None else f"{row['published']:.2f}",
        f"{row['nll']:.2f}",
        f"{row['monte_carlo_error']:.3f}",
        f"{row['sampling_error']:.2f}",
        "" if exact is None else f"{exact:.2f}",
        _nats(row["elbo"]),
        _costs(row["costs"]),
        _counts(row, row["costs"], row["active_units"]),
        f"{row['epochs']}",
        f"{row['training_minutes']:.0f}",
        f"{row['test_minutes']:.0f}",
    ]
    return _joined(cells, COLUMNS)


def recipes_table(rows: Iterable[Row]) -> str:
    """Both halves of what is known of each recipe: `likelihoods_table`, `layers_table`.

    Raises ValueError if a row is not of the recipe that it names: see `shipped.require_recipe`.
    """
    groups = by_recipe(rows)
    return f"{likelihoods_table(groups)}\n\n{layers_table(groups)}"


def likelihoods_table(groups: Iterable[Sequence[Row]]) -> str:
    """What each recipe is trained on, and the NLL that it reached: a `likelihoods_line` each."""
    return "\n".join([_joined(LIKELIHOODS, LIKELIHOODS), *map(likelihoods_line, groups)])


def layers_table(groups: Iterable[Sequence[Row]]) -> str:
    """The ELBO and what each layer has to do with it: a `layers_line` for each recipe."""
    return "\n".join([_joined(LAYERS, LAYERS), *map(layers_line, groups)])


def likelihoods_line(rows: Sequence[Row]) -> str:
    """Trainings of one recipe that differ in their seed alone, in the order of the seeds.

    spread is the standard deviation between the seeds; train are the core minutes of the fastest,
    since seeds may have been trained on processors of different kinds.
    """
    recipe, found = require_recipe(rows[0]), [row["nll"] for row in rows]
    cells = [
        _name(recipe, rows[0]["epochs"]),
        recipe.objective.label,
        f"{rows[0]['epochs']}",
        f"{min(row['training_minutes'] for row in rows):.0f}",
        "" if recipe.published is None else f"{recipe.published:.2f}",
        " ".join(f"{nll:.2f}" for nll in found),
        f"{mean(found):.2f}",
        f"{stdev(found):.2f}" if len(found) > 1 else "",
    ]
    return _joined(cells, LIKELIHOODS)


def layers_line(rows: Sequence[Row]) -> str:
    """The same trainings: means over the seeds, ELBO = −(distortion + the costs), z_1's cost first.

    The number of active units stands in brackets where a layer that is encoded from above costs
    less than 0.05 nats: it is asleep, and its units move with the layer above alone, see
    `vae.active_units`.
    """
    recipe = require_recipe(rows[0])
    costs, active = (_layer_means(rows, name) for name in ("costs", "active_units"))
    cells = [
        _name(recipe, rows[0]["epochs"]),
        recipe.architecture.direction,
        f"{rows[0]['parameters']:,}",
        _nats(mean(row["elbo"] for row in rows)),
        f"{mean(row['distortion'] for row in rows):.2f}",
        _costs(costs),
        _counts(rows[0], costs, active),
    ]
    return _joined(cells, LAYERS)


def by_recipe(rows: Iterable[Row]) -> list[list[Row]]:
    """The rows, put together if they share recipe and epochs, each group in the order of its seeds.

    Groups stand in the order of the recipes, the one with most epochs first. Raises ValueError if a
    row is not of the recipe that it names, or a seed stands there twice.
    """
    groups: dict[tuple[str, int], dict[int, Row]] = {}
    for row in rows:
        seeds = groups.setdefault((require_recipe(row).name, row["epochs"]), {})
        if row["training_seed"] in seeds:
            twin = seeds[row["training_seed"]]["model"]
            raise ValueError(f"{twin} and {row['model']} are of one recipe, epochs and seed")
        seeds[row["training_seed"]] = row
    order = list(RECIPES)
    keys = sorted(groups, key=lambda key: (order.index(key[0]), -key[1]))
    return [[groups[key][seed] for seed in sorted(groups[key])] for key in keys]


def routes_header(row: Row) -> str:
    """What `routes_line` is about."""
    return f"{row['model']}, {row['images']} test images: NLL in nats ± its Monte Carlo error"


def routes_line(row: Row, route: str) -> str:
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
    return minus(text)


def newest_route(row: Row) -> str:
    """The line that a cross-check has just added, or what it is about before it has any."""
    known = [route for route in ROUTE_NAMES if route in row]
    return routes_line(row, known[-1]) if known else routes_header(row)


def _layer_means(rows: Sequence[Row], name: str) -> list[float]:
    """Means over the seeds, layer by layer."""
    return [mean(layer) for layer in zip(*(row[name] for row in rows), strict=True)]


def _effective(row: Row, route: str) -> str:
    """How many draws of an image count as much as draws of its posterior, where it is known."""
    if route not in row.get("effective", {}):
        return ""
    least, median, most = row["effective"][route]
    return f"   effective draws {median:,.0f}, from {least:,.0f} to {most:,.0f}"


def _counts(row: Row, costs: Sequence[float], active: Sequence[float]) -> str:
    """The layers' active units, in brackets if the layer is encoded from above and asleep."""
    counts = [f"{count:.0f}" for count in active]
    if row["architecture"].get("direction") == "top-down":
        for level, cost in enumerate(costs[:-1]):  # nothing lies above the last one
            counts[level] = f"({counts[level]})" if cost < ASLEEP else counts[level]
    return "+".join(counts)


def _costs(costs: Iterable[float]) -> str:
    return minus("+".join(f"{cost:.1f}" for cost in costs).replace("+-", "-"))


def _nats(value: float) -> str:
    return minus(f"{value:.2f}")


def _name(recipe: Recipe, epochs: int) -> str:
    """The recipe's, with the epochs if they are others than its own, as in a training's file."""
    own = recipe.settings.epochs
    return recipe.name if epochs == own else f"{recipe.name}_epochs_{epochs}"


def _joined(cells: Iterable[str], columns: Columns) -> str:
    padded = [
        f"{cell:{'<' if heading in LEFT else '>'}{width}}"
        for cell, (heading, width) in zip(cells, columns.items(), strict=True)
    ]
    return "  ".join(padded).rstrip()
