"""The rows of the tables: all that is measured of one trained model on the MNIST test set.

The test set is binarised once, from the seed. What is dear is kept on disk as it comes, so that an
interrupted evaluation goes on where it was.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

from course_lib import checkpoint
from course_lib.arguments import DOUBLE, require_count
from course_lib.evaluate.codes import rate_distortion
from course_lib.evaluate.estimates import Estimate, estimated, model_and_images
from course_lib.evaluate.likelihood import SampledLogEvidence
from course_lib.evaluate.plane import plane_log_evidence
from course_lib.evaluate.table import ROUTE_NAMES
from course_lib.pieces import HERE, ComputePlace, KeptResults, Piece, in_order
from course_lib.shipped import RECIPES, load_model, model_path, training_facts
from course_lib.shipped.facts import sha256_of
from course_lib.shipped.files import model_name
from course_lib.vae import HVAE, active_units

PIECE = 100  # images between two savings
PROPOSALS = 25  # the same, where each image has its own proposal or chains
BATCH, SAMPLES = 100, 50  # images whose codes are drawn at once, and how many of each
CODES = 2**30  # a seed far from those of the images' own samples
CPU = torch.device("cpu")


def results_row(
    name: str,
    *,
    k: int,
    images: int,
    seed: int,
    work: Path,
    device: torch.device = CPU,
    place: ComputePlace = HERE,
) -> dict[str, Any]:
    """All figures of one model, a recipe's name or a file, on the first `images` test images.

    A row of data/results.json: see `shipped.results`. Finished pieces are kept in `work`, under a
    key that holds what they depend on, all but this package's own code; place: where they are
    computed. The images are the same on every device; samples are not, so the row of a GPU says
    that it was there. Raises
    ValueError unless there are two images or more and the model is of MNIST, FileNotFoundError if
    there is none.
    """
    if images < 2:
        raise ValueError(f"images must be at least 2, to differ from one another, got {images}")
    path = _mnist_model(name)
    facts = training_facts(path)
    sizes = {"k": k, "images": images, "seed": seed} | _measured_on(device)
    kept = Kept(work, {"sha256": facts["sha256"], **sizes})
    estimate = Estimate(path.read_bytes(), images, seed, k, device=str(device))
    model, x = model_and_images(estimate)
    row = {"model": model_name(path), **facts, **sizes}
    row |= likelihood_figures(estimate, kept, place)
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
    place: ComputePlace = HERE,
) -> Iterator[dict[str, Any]]:
    """The NLL of the first images by three routes: the row as it grows, first without any.

    A row of data/routes.json: see `shipped.routes`. Finished pieces are kept in `work`, and each
    has random numbers of its own. Raises as `results_row` does, but for one image alone.
    """
    chains = require_count("chains", chains)
    temperatures = require_count("temperatures", temperatures)
    path = _mnist_model(name)
    sha256, content = sha256_of(path), path.read_bytes()
    model_and_images(Estimate(content, images, seed, k, device=str(device)))  # can they be had?
    draws, walks = {"k": k}, {"chains": chains, "temperatures": temperatures}
    row: dict[str, Any] = {"model": model_name(path), "images": images, "seed": seed}
    row |= {**draws, **walks, "sha256": sha256, "effective": {}, "minutes": {}}
    yield row
    for route in ROUTE_NAMES:
        sizes = walks if route == "annealed" else draws
        key = {"sha256": sha256, "images": images, "seed": seed, "route": route, **sizes}
        kept = Kept(work, key | _measured_on(device))
        estimate = Estimate(content, images, seed, k, route, **walks, device=str(device))
        found, minutes = _in_pieces(estimate, kept, PROPOSALS, place)
        effective = found.effective_samples
        counts = [effective.min().item(), effective.median().item(), effective.max().item()]
        row = row | {
            route: [found.nll, found.monte_carlo_error],
            "effective": row["effective"] | {route: counts},
            "minutes": row["minutes"] | {route: minutes},
        }
        yield row


class Kept:
    """Results in a folder, as tensors by name, under all that they depend on."""

    def __init__(self, folder: Path, key: dict[str, Any]) -> None:
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
        self.key, self._start = key, folder / name

    @property
    def pieces(self) -> Path:
        """The folder of what is finished and not yet among the results."""
        return self._start.with_suffix(".pieces")

    def read(self, name: str) -> Tensor | None:
        """What was written under that name, or None."""
        path = self._start.with_suffix(f".{name}")
        return checkpoint.load(path)[0][name] if path.exists() else None

    def write(self, name: str, values: Tensor) -> Tensor:
        """Writes the values, and returns them."""
        checkpoint.save(self._start.with_suffix(f".{name}"), {name: values}, self.key)
        return values


def likelihood_figures(estimate: Estimate, kept: Kept, place: ComputePlace) -> dict[str, float]:
    """The NLL by importance sampling, its two errors and the core minutes that it took."""
    found, minutes = _in_pieces(estimate, kept, PIECE, place)
    return {
        "test_minutes": minutes,
        "nll": found.nll,
        "monte_carlo_error": found.monte_carlo_error,
        "sampling_error": found.sampling_error,
    }


def _in_pieces(
    estimate: Estimate, kept: Kept, size: int, place: ComputePlace
) -> tuple[SampledLogEvidence, float]:
    """The estimate of all its images, `size` at a time, and its core minutes.

    Goes on after the pieces that are kept.
    """
    # Of each image log p̂, its effective samples and its core minutes: (done, 3).
    done = kept.read("images")
    done = torch.zeros(0, 3, **DOUBLE) if done is None else done
    before, after = range(0, len(done), size), range(len(done), estimate.images, size)
    KeptResults(kept.pieces).remove(_piece(estimate, kept, first, size) for first in before)
    pieces = [_piece(estimate, kept, first, size) for first in after]
    for rows in in_order(pieces, kept.pieces, place, unit="image", done=len(done)):
        done = kept.write("images", torch.cat([done, torch.tensor(rows, **DOUBLE)]))
    log_evidence, effective, times = done.T
    k = estimate.chains if estimate.route == "annealed" else estimate.k
    return SampledLogEvidence(log_evidence, effective, k), times.sum().item()


def _piece(estimate: Estimate, kept: Kept, first: int, size: int) -> Piece:
    """Some of the images: `size`, or as many as there are."""
    count = min(size, estimate.images - first)
    name = f"images {first} to {first + count - 1}"
    key = kept.key | {"first": first, "count": count}
    return Piece(name, key, estimated, (estimate, first, count), size=count)


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
    generator = Generator(x.device).manual_seed((CODES + seed) % 2**64)
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


def _measured_on(device: torch.device) -> dict[str, Any]:
    """What a row says of where it was measured: nothing of the CPU."""
    return {} if device.type == "cpu" else {"device": device.type}


def _mnist_model(name: str) -> Path:
    """The file of the model of that name. Raises ValueError if it is of other images."""
    path = model_path(name)
    pixels = load_model(path).sizes[0]
    if pixels != 784:
        raise ValueError(f"{path} has {pixels} pixels, MNIST has 784")
    return path
