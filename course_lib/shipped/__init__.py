"""The models that ship in `data/`: how each was trained, how it is read, and what it is worth.

`load_model("mnist_vae")` reads one, `RECIPES["mnist_vae"]` holds all that its training depends on,
`results()` what was measured of it, `load_curve` how its training went where that was recorded.
`python -m course_lib.train NAME` trains one again.

    >>> from course_lib.shipped import RECIPES, results
    >>> RECIPES["mnist_vae"].architecture.latents, RECIPES["mnist_vae"].settings.epochs
    ((50,), 2000)
    >>> round(results()["mnist_vae"]["nll"], 2)  # nats per test image
    85.6

`clinic` has no models but eight training logs, most of them of a program with one fault:
`clinic_log("A")` reads one, `show_logs("A", "B")` shows some. `python -m course_lib.shipped.clinic`
makes them again.
"""

from course_lib.shipped.clinic.logs import clinic_log
from course_lib.shipped.clinic.side_by_side import show_logs
from course_lib.shipped.curves import Curve, curve_of, curve_path, load_curve, save_curve
from course_lib.shipped.devices import usable_device
from course_lib.shipped.facts import require_recipe, training_facts
from course_lib.shipped.files import RUNS, load_model, model_path, save_model
from course_lib.shipped.images import TrainingData, training_data
from course_lib.shipped.recipe import NamedObjective, Recipe
from course_lib.shipped.recipes import RECIPES
from course_lib.shipped.results import all_runs, other_runs, results, routes
from course_lib.shipped.training import train_recipe

__all__ = [
    "RECIPES",
    "RUNS",
    "Curve",
    "NamedObjective",
    "Recipe",
    "TrainingData",
    "all_runs",
    "clinic_log",
    "curve_of",
    "curve_path",
    "load_curve",
    "load_model",
    "model_path",
    "other_runs",
    "require_recipe",
    "results",
    "routes",
    "save_curve",
    "save_model",
    "show_logs",
    "train_recipe",
    "training_data",
    "training_facts",
    "usable_device",
]
