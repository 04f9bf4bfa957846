"""The rows of the tables: all that is measured of one trained model on the MNIST test set.

The test set is binarised once, from the seed. What is dear is kept on disk as it comes, so that an
interrupted evaluation goes on where it was.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor
from tqdm import tqdm

from course_lib import checkpoint
from course_lib.arguments import DOUBLE
from course_lib.data import binarise, load_mnist
from course_lib.evaluate.annealed import annealed_log_evidence
from course_lib.evaluate.codes import rate_distortion
from course_lib.evaluate.fitted import fitted_log_evidence
from course_lib.evaluate.likelihood import STRIDE, SampledLogEvidence, sampled_log_evidence
from course_lib.evaluate.plane import plane_log_evidence
from course_lib.shipped import RECIPES, load_model, model_path, training_facts
from course_lib.shipped.facts import sha256_of
from course_lib.vae import HVAE, active_units

PIECE = 100  # images between two savings
PROPOSALS = 25  # the same, where each image has its own proposal or chains
BATCH, SAMPLES = 100, 50  # images whose codes are drawn at once, and how many of each
# Seeds far from those of the images' own samples.
BINARISATION = 2**31
CODES = 2**30
CROSS_CHECK = 2**29
CPU = torch.device("cpu")

Estimate = Callable[[Tensor, int], SampledLogEvidence]  # of a piece, and the index of its first


def results_row(
    name: str, *, k: int, images: int, seed: int, work: Path, device: torch.device = CPU
) -> dict[str, Any]:
    """All figures of one model, a recipe's name or a file, on the first `images` test images.

    A row of data/results.json: see `shipped.results`. Finished pieces are kept in `work`, under a
    key that holds everything they depend on. The images are the same on every device; samples are
    not, so the row of a GPU says that it was there. Raises ValueError unless there are two images
    or more and the model is of MNIST, FileNotFoundError if there is none.
    """
    if images < 2:
        raise ValueError(f"images must be at least 2, to differ from one another, got {images}")
    path, model = _mnist_model(name)
    facts = training_facts(path)
    sizes = {"k": k, "images": images, "seed": seed} | _place(device)
    kept = Kept(work, {"sha256": facts["sha256"], **sizes})
    x = binarised_test_images(images, seed).to(device)
    model.to(device)
    row = {"model": path.stem, **facts, **sizes}
    row |= likelihood_figures(model, x, k, seed, kept)
    recipe = RECIPES.get(row["recipe"])
    row["published"] = recipe.published if recipe else None
    if model.sizes[1:] == [2]:
        row |= plane_figures(model, x, kept)
    return row | code_figures(model, x, seed)


def routes_row(
    name: str,
    *,
    k: int,
    images: int,
    seed: int,
    chains: int,
    temperatures: int,
    work: Path,
    device: torch.device = CPU,
) -> Iterator[dict[str, Any]]:
    """The NLL of the first images by three routes: the row as it grows, first without any.

    A row of data/routes.json: see `shipped.routes`. Finished pieces are kept in `work`, and each
    has random numbers of its own. Raises as `results_row` does, but for one image alone.
    """
    path, model = _mnist_model(name)
    x, sha256 = binarised_test_images(images, seed).to(device), sha256_of(path)
    model.to(device)
    draws, walks = {"k": k}, {"chains": chains, "temperatures": temperatures}
    row: dict[str, Any] = {"model": path.stem, "images": len(x), "seed": seed, **draws, **walks}
    row |= {"sha256": sha256, "effective": {}, "minutes": {}}
    yield row
    for route, estimate in _estimates(model, k, seed, chains, temperatures).items():
        of, sizes = (chains, walks) if route == "annealed" else (k, draws)
        key = {"sha256": sha256, "images": images, "seed": seed, "route": route, **sizes}
        kept = Kept(work, key | _place(device))
        found, minutes = _in_pieces(x, estimate, of, kept, PROPOSALS)
        effective = found.effective_samples
        counts = [effective.min().item(), effective.median().item(), effective.max().item()]
        row = row | {
            route: [found.nll, found.monte_carlo_error],
            "effective": row["effective"] | {route: counts},
            "minutes": row["minutes"] | {route: minutes},
        }
        yield row


def _estimates(
    model: HVAE, k: int, seed: int, chains: int, temperatures: int
) -> dict[str, Estimate]:
    """The three routes, by name, in the order in which they are taken."""

    def own(x: Tensor, first: int) -> Generator:
        return Generator(x.device).manual_seed((CROSS_CHECK + seed * STRIDE + first) % 2**32)

    return {
        "encoder": _sampled(model, k, seed),
        "fitted": lambda x, i: fitted_log_evidence(model, x, generator=own(x, i), k=k),
        "annealed": lambda x, i: annealed_log_evidence(
            model, x, generator=own(x, i), chains=chains, temperatures=temperatures
        ),
    }


def _sampled(model: HVAE, k: int, seed: int) -> Estimate:
    """Importance sampling from the encoder's own q."""
    return lambda x, first: sampled_log_evidence(model, x, k=k, seed=seed, first=first)


def binarised_test_images(count: int, seed: int) -> Tensor:
    """The first `count` test images, binarised once from the seed: (count, 784)."""
    pixels = load_mnist("test").images.flatten(1)
    if not 1 <= count <= len(pixels):
        raise ValueError(f"images must lie in 1..{len(pixels)}, got {count}")
    return binarise(pixels, generator=Generator().manual_seed(BINARISATION + seed))[:count]


class Kept:
    """Results in a folder, as tensors by name, under all that they depend on."""

    def __init__(self, folder: Path, key: dict[str, Any]) -> None:
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
        self._key, self._start = key, folder / name

    def read(self, name: str) -> Tensor | None:
        """What was written under that name, or None."""
        path = self._start.with_suffix(f".{name}")
        return checkpoint.load(path)[0][name] if path.exists() else None

    def write(self, name: str, values: Tensor) -> Tensor:
        """Writes the values, and returns them."""
        checkpoint.save(self._start.with_suffix(f".{name}"), {name: values}, self._key)
        return values


def likelihood_figures(model: HVAE, x: Tensor, k: int, seed: int, kept: Kept) -> dict[str, float]:
    """The NLL by importance sampling, its two errors and the core minutes that it took."""
    found, minutes = _in_pieces(x, _sampled(model, k, seed), k, kept, PIECE)
    return {
        "test_minutes": minutes,
        "nll": found.nll,
        "monte_carlo_error": found.monte_carlo_error,
        "sampling_error": found.sampling_error,
    }


def _in_pieces(
    x: Tensor, estimate: Estimate, k: int, kept: Kept, size: int
) -> tuple[SampledLogEvidence, float]:
    """estimate(piece, index of its first image), of all x (N, D), and its core minutes.

    Goes on after the pieces that are kept.
    """
    # Of each image log p̂, its effective samples and its core minutes: (done, 3).
    done = kept.read("images")
    done = torch.zeros(0, 3, **DOUBLE) if done is None else done
    with tqdm(total=len(x), initial=len(done), unit="image", disable=None, leave=False) as bar:
        for first in range(len(done), len(x), size):
            start, piece = time.process_time(), x[first : first + size]
            part = estimate(piece, first)
            minutes = (time.process_time() - start) / 60 / len(piece)
            times = torch.full_like(part.log_evidence, minutes)
            rows = torch.stack([part.log_evidence, part.effective_samples, times], 1)
            done = kept.write("images", torch.cat([done, rows.cpu()]))
            bar.update(len(piece))
    log_evidence, effective, times = done.T
    return SampledLogEvidence(log_evidence, effective, k), times.sum().item()


def plane_figures(model: HVAE, x: Tensor, kept: Kept) -> dict[str, float]:
    """The NLL without sampling, for a latent in the plane; its change from twice the step."""
    sums = kept.read("sums")
    if sums is None:
        found = plane_log_evidence(model, x)
        sums = kept.write("sums", torch.stack([found.log_evidence, found.coarse], 1).cpu())
    fine, coarse = sums.T.mean(1)
    return {"exact_nll": -fine.item(), "exact_error": abs(fine - coarse).item()}


def code_figures(model: HVAE, x: Tensor, seed: int) -> dict[str, Any]:
    """ELBO, distortion, and each layer's cost and active units: means over the images, nats."""
    generator = Generator(x.device).manual_seed(CODES + seed)
    parts = [
        rate_distortion(model, piece, samples=SAMPLES, generator=generator)
        for piece in torch.split(x, BATCH)
    ]
    layers = torch.cat([part.costs for part in parts], 1).double().mean(1)  # (T,)
    distortion = torch.cat([part.distortion for part in parts]).double().mean().item()
    return {
        "elbo": -(layers.sum().item() + distortion),
        "distortion": distortion,
        "costs": layers.tolist(),
        "active_units": active_units(model, x, generator=generator),
    }


def _place(device: torch.device) -> dict[str, Any]:
    """What a row says of where it was measured: nothing of the CPU."""
    return {} if device.type == "cpu" else {"device": device.type}


def _mnist_model(name: str) -> tuple[Path, HVAE]:
    """The model of that name or in that file, and its path. Raises ValueError for other images."""
    path = model_path(name)
    model = load_model(path)
    if model.sizes[0] != 784:
        raise ValueError(f"{path} has {model.sizes[0]} pixels, MNIST has 784")
    return path, model
