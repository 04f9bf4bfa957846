"""The recipes of the models that ship in `data/`.

A recipe holds everything that its training depends on: `python -m course_lib.train NAME` runs it.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_lib.data import FOLDER, binarise, load_digits, load_mnist
from course_lib.shipped.results import results
from course_lib.train import Objective, Settings, importance_weighted, warm_up
from course_lib.train.loop import Prepare
from course_lib.train.objectives import elbo
from course_lib.vae import Architecture, MarkovHVAE

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


def _mnist(
    name: str,
    what: str,
    architecture: Architecture,
    *,
    epochs: int = 2000,
    objective: Objective = elbo,
    published: float | None = None,
) -> Recipe:
    """A recipe with the settings that all MNIST models share."""
    settings = Settings(
        epochs=epochs,
        batch_size=1000,
        learning_rate=1e-2,
        warmup=200,
        optimiser="muon",
        precision="bfloat16",
    )
    return Recipe(name, what, architecture, settings, objective, published=published)


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
