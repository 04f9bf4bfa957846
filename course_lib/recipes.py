"""The recipes of the models that ship in `data/`, and how such a model is written and read.

A recipe holds everything that its training depends on: `python -m course_lib.train NAME` runs it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_lib import checkpoint
from course_lib.data import FOLDER, binarise, load_digits, load_mnist
from course_lib.train import History, Objective, Settings, fit, importance_weighted, warm_up
from course_lib.train.loop import Prepare
from course_lib.train.objectives import elbo
from course_lib.vae import Architecture, MarkovHVAE

RESULTS = FOLDER / "results.json"
OTHER_RUNS = FOLDER / "other_runs.json"
ROUTES = FOLDER / "routes.json"
MNIST_VAE = Architecture(784, (50,), ((200, 200),))
TWO_LAYERS = Architecture(784, (100, 50), ((200, 200), (100, 100)))
THREE_LAYERS = Architecture(784, (100, 50, 25), ((200, 200), (100, 100), (50, 50)))


@dataclass(frozen=True)
class Recipe:
    """How one shipped model comes to be.

    published: the test NLL in nats of the table it reproduces, if it does.
    """

    name: str
    what: str
    architecture: Architecture
    settings: Settings
    objective: Objective = elbo
    images: str = "mnist"
    published: float | None = None

    @property
    def path(self) -> Path:
        """Where the model ships."""
        return FOLDER / f"{self.name}.safetensors"

    @property
    def expected(self) -> dict[str, Any]:
        """The figures of the model that ships, as `course_lib.evaluate` saved them; or none."""
        return results().get(self.name, {})

    @property
    def on_the_table(self) -> bool:
        """Whether the model ships and is of MNIST, so that `evaluate --table` shows it."""
        return self.images == "mnist" and self.path.exists()

    def changed(self, **settings: Any) -> "Recipe":
        """The same recipe with other settings, such as seed=1 or epochs=100."""
        return replace(self, settings=replace(self.settings, **settings))

    def build(self) -> MarkovHVAE:
        """The model before training, its output bias at the mean of the training data."""
        data, scale, _ = training_data(self.images)
        mean = data.double().mean(0) / scale
        return self.architecture.build(seed=self.settings.seed, data_mean=mean.float())

    def train(
        self,
        out: Path,
        *,
        resume: bool = False,
        report: Callable[[dict[str, float]], None] | None = None,
        progress_bar: bool = True,
    ) -> MarkovHVAE:
        """Trains, with checkpoints beside `out`, and writes the model there. Returns it."""
        model = self.build()
        data, _, prepare = training_data(self.images)
        state = out.with_suffix(".training")
        history = fit(
            model,
            data,
            self.settings,
            prepare=prepare,
            objective=self.objective,
            checkpoint=state,
            resume=resume and state.exists(),
            report=report,
            progress_bar=progress_bar,
        )
        save_model(out, model, self, history)
        return model


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

    encoder, fitted and annealed are each [NLL, its Monte Carlo error], in nats an image.
    """
    return _rows(ROUTES)


def _rows(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    return {row["model"]: row for row in json.loads(path.read_text(encoding="utf-8"))}


def training_data(images: str) -> tuple[Tensor, float, Prepare]:
    """Training images (N, D) as stored, the largest value of a pixel, and what prepares a batch."""
    if images == "mnist":
        return load_mnist("train").images.flatten(1), 255.0, binarise
    if images == "digits":
        return load_digits().images.flatten(1), 16.0, as_counts
    raise ValueError(f"images must be 'mnist' or 'digits', got {images!r}")


def as_counts(pixels: Tensor, /, *, generator: torch.Generator) -> Tensor:
    """Counts 0..16 as floats: nothing is random about them."""
    return pixels.float()


def save_model(path: Path, model: MarkovHVAE, recipe: Recipe, history: History) -> None:
    """Writes the weights with the architecture, the settings and the last row of the history."""
    about = {
        "kind": "model",
        "recipe": recipe.name,
        "architecture": recipe.architecture.as_dict(),
        "settings": asdict(recipe.settings),
        "core_seconds": sum(history["core_seconds"]),
        "last_epoch": history.rows[-1],
    }
    checkpoint.save(path, model.state_dict(), about)


@torch.inference_mode(False)  # weights that are read under inference mode could never learn
def load_model(path: Path | str) -> MarkovHVAE:
    """A trained model from its file, or by its recipe's name from `data/`; weights frozen.

    To train it further, call requires_grad_(True) on it.
    Raises FileNotFoundError if there is none; ValueError as `checkpoint.load` does, or if the file
    holds a training rather than a model.
    """
    known = (
        path if isinstance(path, Path) else RECIPES[path].path if path in RECIPES else Path(path)
    )
    tensors, about = checkpoint.load(known)
    if about.get("kind") != "model":
        raise ValueError(f"{known} holds a {about.get('kind', 'file')}, not a model")
    model = Architecture.from_dict(about["architecture"]).build(seed=0)
    if any(tensor.dtype == torch.float64 for tensor in tensors.values()):
        model.double()
    checkpoint.restore(model, tensors, source=str(known))
    return model.requires_grad_(False).eval()


def _mnist(name: str, what: str, architecture: Architecture, **changes: object) -> Recipe:
    """A recipe with the settings that all MNIST models share."""
    settings = {
        "epochs": 2000,
        "batch_size": 1000,
        "learning_rate": 1e-2,
        "warmup": 200,
        "optimiser": "muon",
        "precision": "bfloat16",
    }
    own = {key: changes.pop(key) for key in list(changes) if key in Settings.__dataclass_fields__}
    return Recipe(name, what, architecture, Settings(**(settings | own)), **changes)  # type: ignore[arg-type]


RECIPES = {
    recipe.name: recipe
    for recipe in (
        _mnist(
            "mnist_vae",
            "784-200-200-50, the one-layer VAE of Burda et al.",
            MNIST_VAE,
            published=86.76,
        ),
        _mnist(
            "mnist_vae_2d",
            "784-200-200-2, a plane of digits to walk in",
            Architecture(784, (2,), ((200, 200),)),
            epochs=1600,
        ),
        _mnist(
            "mnist_hvae_1",
            "784-50, the one-layer VAE with the hierarchies' budget",
            MNIST_VAE,
            published=86.76,
            epochs=300,
        ),
        _mnist(
            "mnist_hvae_2",
            "784-100-50, the two-layer VAE of Burda et al.",
            TWO_LAYERS,
            published=85.33,
            epochs=300,
        ),
        _mnist(
            "mnist_iwae_1",
            "784-50, one layer trained on L_5",
            MNIST_VAE,
            objective=importance_weighted(5),
            published=85.54,
            epochs=300,
        ),
        _mnist(
            "mnist_iwae_2",
            "784-100-50, two layers trained on L_5",
            TWO_LAYERS,
            objective=importance_weighted(5),
            published=83.89,
            epochs=300,
        ),
        _mnist("mnist_hvae_3", "784-100-50-25, three layers", THREE_LAYERS, epochs=300),
        _mnist(
            "mnist_hvae_3_warm",
            "784-100-50-25, its KL terms warmed up over a third of the training",
            THREE_LAYERS,
            objective=warm_up(1 / 3),
            epochs=300,
        ),
    )
}
