"""What a recipe is: everything that the training of a shipped model depends on."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from course_lib.data import FOLDER
from course_lib.shipped.images import training_data
from course_lib.shipped.results import all_runs
from course_lib.train import Objective, Settings, elbo, free_bits, importance_weighted, warm_up
from course_lib.vae import HVAE, Architecture

OBJECTIVES: dict[str, Callable[..., Objective]] = {
    "elbo": lambda: elbo,
    "importance_weighted": importance_weighted,
    "warm_up": warm_up,
    "free_bits": free_bits,
}

# How a table calls them; their numbers follow.
_LABELS = {
    "elbo": "ELBO",
    "importance_weighted": "L_",
    "warm_up": "warm-up ",
    "free_bits": "free bits ",
}


@dataclass(frozen=True)
class NamedObjective:
    """An objective as a word and its numbers, so that it can be written down.

    word: one of OBJECTIVES. numbers: what the function of that name takes, in its order.
    Raises ValueError if there is no such word, or its function refuses the numbers. A recipe has
    one: a warm-up ends at weight 1, so none has both a warm-up and a weight of its own.
    """

    word: str
    numbers: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.word not in OBJECTIVES:
            raise ValueError(f"objective must be one of {tuple(OBJECTIVES)}, got {self.word!r}")
        if not isinstance(self.numbers, tuple):
            raise ValueError(f"numbers must be a tuple such as (5,), got {self.numbers!r}")
        if self.word == "warm_up" and len(self.numbers) > 2:
            raise ValueError(
                "warm_up takes until and start, and its weight ends at 1: a recipe cannot have "
                f"both a warm-up and a weight of its own, got {self.numbers}"
            )
        try:
            self.build()
        except TypeError as error:  # another number of numbers
            raise ValueError(f"objective {self.word!r} got {self.numbers}: {error}") from error

    def build(self) -> Objective:
        """The objective that `fit` takes."""
        return OBJECTIVES[self.word](*self.numbers)

    def as_list(self) -> list[str | float]:
        """Plain values, for JSON: the word, then the numbers."""
        return [self.word, *self.numbers]

    @property
    def label(self) -> str:
        """In a word or two, for tables: ELBO, L_5, warm-up 1/3, free bits 4, 1/3."""
        return _LABELS[self.word] + ", ".join(map(_as_fraction, self.numbers))


ELBO = NamedObjective("elbo")


@dataclass(frozen=True)
class Recipe:
    """How one shipped model comes to be.

    what: the model in a few words. images: "mnist" or "digits", see `training_data`.
    published: the test NLL in nats of the table it reproduces, if it does.
    Raises ValueError unless objective is one NamedObjective: two, such as a warm-up and a weight of
    its own, would say different things of what the ELBO's terms weigh.
    """

    name: str
    what: str
    architecture: Architecture
    settings: Settings
    objective: NamedObjective = ELBO
    images: str = "mnist"
    published: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.objective, NamedObjective):
            raise ValueError(
                f'recipe {self.name!r} must have one objective, such as NamedObjective("warm_up", '
                "(1 / 3,)); a warm-up and a weight of its own, say, do not go together; got "
                f"{self.objective!r}"
            )

    @property
    def path(self) -> Path:
        """Where the model ships."""
        return FOLDER / f"{self.name}.safetensors"

    @property
    def expected(self) -> dict[str, Any]:
        """The figures of its training, as `course_lib.evaluate` saved them; none if none were."""
        own = self.name, self.settings.epochs, self.settings.seed
        rows = {(row["recipe"], row["epochs"], row["training_seed"]): row for row in all_runs()}
        return rows.get(own, {})

    @property
    def ships(self) -> bool:
        """Whether `data/` has the model."""
        return self.path.exists()

    @property
    def said(self) -> dict[str, Any]:
        """All that the model depends on, as plain values: what files say of themselves."""
        said = {
            "recipe": self.name,
            "architecture": self.architecture.as_dict(),
            "settings": asdict(self.settings),
            "objective": self.objective.as_list(),
        }
        plain: dict[str, Any] = json.loads(json.dumps(said))
        return plain

    def changed(self, **settings: Any) -> "Recipe":
        """The same recipe with other settings, such as seed=1 or epochs=100."""
        return replace(self, settings=replace(self.settings, **settings))

    def build(self) -> HVAE:
        """The model before training, its output bias at the mean of the training data."""
        data = training_data(self.images)
        mean = data.pixels.double().mean(0) / data.largest
        return self.architecture.build(seed=self.settings.seed, data_mean=mean.float())


def _as_fraction(number: float) -> str:
    """1/3 for a third; what is no simple fraction as a decimal."""
    simple = Fraction(number).limit_denominator(12)
    return str(simple) if math.isclose(simple, number) else f"{number:g}"
