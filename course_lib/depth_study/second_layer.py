"""What a second layer of latents is worth where training takes seconds: small nets, many seeds.

Two worlds, the 8×8 digits and 6,000 images of MNIST, both black and white at random, anew at each
visit. Four models in each, trained plainly and with KL warm-up. `benchmarks/second_layer.py` runs
them; its results ship as data/second_layer.json.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn

from course_lib import checkpoint
from course_lib.data import FOLDER, load_mnist
from course_lib.depth_study.design import split_digits
from course_lib.depth_study.results import rounded
from course_lib.evaluate import rate_distortion, sampled_log_evidence
from course_lib.nets import set_output_mean
from course_lib.train import Settings, elbo, fit, warm_up
from course_lib.vae import HVAE, Architecture, active_units

PATH = FOLDER / "second_layer.json"
SAMPLES, K = 50, 500  # of q an image, for the ELBO and for log p(x)
HELD_OUT = 300  # test images of MNIST
DECIMALS = 3  # that are kept of a figure in nats
MODELS = ("one layer", "one wide layer", "bottom-up", "top-down")


@dataclass(frozen=True)
class SmallWorld:
    """Images, the sizes of the models and one budget for all of them.

    images: what gives training and held-out pixels, (N, D) probabilities of ink. latents: (d_1,
    d_2). hidden: the widths of every net. warm: the share of the steps over which the KL is warmed
    up, where it is.
    """

    images: Callable[[], tuple[Tensor, Tensor]]
    latents: tuple[int, int]
    hidden: tuple[int, ...]
    settings: Settings
    warm: float

    def architecture(self, model: str, pixels: int) -> Architecture:
        """Of one of MODELS; the wide layer has as many latents as the other two layers together."""
        first, second = self.latents
        if model in ("one layer", "one wide layer"):
            width = first if model == "one layer" else first + second
            return Architecture(pixels, (width,), (self.hidden,))
        if model not in MODELS:
            raise ValueError(f"model must be one of {', '.join(MODELS)}, got {model!r}")
        return Architecture(pixels, self.latents, (self.hidden,) * 2, direction=model)


def ink_of_digits() -> tuple[Tensor, Tensor]:
    """Probabilities of ink: 1,500 training and 297 held-out digits, (N, 64)."""
    train, test = split_digits()
    return train / 16, test / 16


def ink_of_mnist() -> tuple[Tensor, Tensor]:
    """The same of the first 6,000 training and 300 test images of MNIST, (N, 784)."""
    train, test = (load_mnist(split).images.flatten(1).float() / 255 for split in ("train", "test"))
    return train[:6_000], test[:HELD_OUT]


SMALL_WORLDS = {
    "digits": SmallWorld(ink_of_digits, (8, 4), (64, 64), Settings(200, 100, 1e-2), 0.6),
    "mnist": SmallWorld(ink_of_mnist, (20, 10), (100,), Settings(30, 100, 5e-3), 0.3),
}


def black_or_white(ink: Tensor, /, *, generator: Generator) -> Tensor:
    """Pixels drawn anew, each black with its own probability."""
    return torch.bernoulli(ink, generator=generator)


def fresh(architecture: Architecture, mean: Tensor, *, seed: int) -> HVAE:
    """A model that starts with PyTorch's own weights, and at the mean image (D,).

    The course's first weights are larger, and layers sleep less soundly from there.
    """
    model = architecture.build(seed=seed)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for layer in model.modules():
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()
        set_output_mean(model.decoders[0], mean)  # type: ignore[arg-type]
    return model


def held_out_figures(model: HVAE, ink: Tensor, *, seed: int) -> dict[str, Any]:
    """Means per image in nats, of `ink` (N, D) made black and white once, always the same way.

    elbo and costs of the layers from 50 samples of q; log_p by importance sampling, k = 500; active
    units of each layer.
    """
    images = black_or_white(ink, generator=Generator().manual_seed(0))
    generator = Generator().manual_seed(2**30 + seed)
    terms = rate_distortion(model, images, samples=SAMPLES, generator=generator)
    evidence = sampled_log_evidence(model, images, k=K, seed=1)
    return {
        "elbo": terms.elbo.mean().item(),
        "log_p": -evidence.nll,
        "costs": [cost.mean().item() for cost in terms.costs],
        "active": active_units(model, images, generator=generator),
    }


def small_run(
    world: str, model: str, warm: bool, seed: int, *, epochs: int | None = None
) -> dict[str, Any]:
    """Trains one model and gives its figures: see `held_out_figures`.

    The seed decides the first weights, the order of the images and all noise. epochs: in place of
    the world's own. Raises ValueError for another world or model.
    """
    if world not in SMALL_WORLDS:
        raise ValueError(f"world must be one of {', '.join(SMALL_WORLDS)}, got {world!r}")
    made = SMALL_WORLDS[world]
    train, test = made.images()
    chain = fresh(made.architecture(model, train.shape[1]), train.mean(0), seed=seed)
    fit(
        chain,
        train,
        replace(made.settings, seed=seed, epochs=epochs or made.settings.epochs),
        prepare=black_or_white,
        objective=warm_up(made.warm) if warm else elbo,
        progress_bar=False,
    )
    found = rounded(held_out_figures(chain, test, seed=seed), DECIMALS)
    return {"world": world, "model": model, "warm": warm, "seed": seed} | found


@dataclass(frozen=True)
class SmallRuns:
    """The runs that were made, one row each."""

    rows: list[dict[str, Any]]

    def of(self, figure: str, world: str, model: str, *, warm: bool) -> Tensor:
        """One figure of all seeds, (seeds,), or (seeds, layers) for costs and active.

        Raises ValueError if there is no such run.
        """
        asked = (world, model, warm)
        found = [row for row in self.rows if (row["world"], row["model"], row["warm"]) == asked]
        if not found or figure not in found[0]:
            raise ValueError(f"there is no {figure!r} of {model!r} in {world!r}, warm={warm}")
        ordered = sorted(found, key=lambda row: row["seed"])
        values = [row[figure] for row in ordered]
        return torch.tensor(values, dtype=torch.float64, device="cpu")


def load_small_runs(path: Path = PATH) -> SmallRuns:
    """The runs in a file that benchmarks/second_layer.py wrote.

    No runs at all if there is no such file. Raises ValueError if it is another one.
    """
    if not path.is_file():
        return SmallRuns([])
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return SmallRuns([dict(row) for row in rows])
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} holds no runs of small models: {error!r}") from error


def save_small_runs(runs: SmallRuns, path: Path = PATH) -> None:
    """Writes the whole file or none of it, one run a line."""
    lines = ",\n".join(json.dumps(row) for row in runs.rows)
    checkpoint.write_whole(path, f"[\n{lines}\n]\n".encode())
