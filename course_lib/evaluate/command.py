"""`python -m course_lib.evaluate MODEL …`: what trained models are worth on the MNIST test set.

    python -m course_lib.evaluate --table               every shipped model, k = 5,000, all images
    python -m course_lib.evaluate --seeds               what is known of other seeds and epochs
    python -m course_lib.evaluate mnist_vae --images 500 --k 500    a quick look
    python -m course_lib.evaluate runs/mnist_vae.safetensors        a model of your own
    python -m course_lib.evaluate mnist_vae --cross-check --images 100      by three routes

The test set is binarised once, from the seed. An interrupted evaluation goes on where it was.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor
from tqdm import tqdm

from course_lib import checkpoint
from course_lib.data import binarise, load_mnist
from course_lib.evaluate import (
    LogLikelihood,
    active_units,
    annealed_log_likelihood,
    fitted_log_likelihood,
    log_likelihood,
    plane_log_evidence,
    rate_distortion,
)
from course_lib.evaluate.table import (
    header,
    line,
    routes_header,
    routes_line,
    seeds_table,
)
from course_lib.shipped import RECIPES, all_runs, load_model
from course_lib.vae import MarkovHVAE

WORK = Path(__file__).resolve().parent.parent.parent / "runs" / "evaluate"
PIECE = 100  # images between two savings
BINARISATION, CODES, CROSS_CHECK = (
    2**31,
    2**30,
    2**29,
)  # seeds far from those of the images' own samples


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns 0, or 2 with a message on stderr if it could not be done."""
    options = _parse(arguments)
    if options.seeds:
        print(seeds_table(all_runs()))
        return 0
    models = options.models
    if options.table:
        models = [name for name, recipe in RECIPES.items() if recipe.on_the_table]
    if not models:
        print("name a model or a file, or ask for --table", file=sys.stderr)
        return 2
    try:
        if options.cross_check:
            rows = [cross_check(model, options) for model in models]
        else:
            rows = evaluated(models, options)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.save:
        options.save.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def evaluated(models: list[str], options: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of the table, printed as they come."""
    rows = []
    print(header())
    for model in models:
        rows.append(evaluate(model, options.k, options.images, options.seed, options.work))
        print(line(rows[-1]), flush=True)
    return rows


def evaluate(name: str, k: int, images: int, seed: int, work: Path) -> dict[str, Any]:
    """All figures of one model on the first `images` test images.

    Finished pieces are kept in `work`, under a key that holds everything they depend on.
    Raises ValueError unless there are two images or more, FileNotFoundError if there is no model.
    """
    if images < 2:
        raise ValueError(f"images must be at least 2, to differ from one another, got {images}")
    path, model = _load(name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    key = {"sha256": digest, "k": k, "images": images, "seed": seed}
    x = test_images(images, seed)
    evidence = torch.cat(list(_pieces(model, x, key, work)))  # (images, 3)
    row = {"model": path.stem, **training(path), **key}
    row["test_minutes"] = evidence[:, 2].sum().item()
    row["nll"] = -evidence[:, 0].mean().item()
    row["monte_carlo_error"] = evidence[:, 1].square().sum().sqrt().item() / len(x)
    row["sampling_error"] = evidence[:, 0].std().item() / len(x) ** 0.5
    recipe = RECIPES.get(row["recipe"])
    row["published"] = recipe.published if recipe else None
    if model.sizes[1:] == [2]:
        row |= exact(model, x, key, work)
    return row | codes(model, x, seed)


def training(path: Path) -> dict[str, Any]:
    """How the model in this file was trained."""
    _, about = checkpoint.load(path)
    return {
        "recipe": about["recipe"],
        "epochs": about["settings"]["epochs"],
        "training_seed": about["settings"]["seed"],
        "training_minutes": about["core_seconds"] / 60,
    }


def cross_check(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """The NLL of the first images by three routes, printed as they come; see `table.routes`."""
    path, model = _load(name)
    x = test_images(options.images, options.seed)
    row: dict[str, Any] = {"model": path.stem, "images": len(x), "seed": options.seed}
    row |= {"k": options.k, "chains": options.chains, "temperatures": options.temperatures}
    row["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    routes: dict[str, Callable[[Generator], LogLikelihood]] = {
        "encoder": lambda _: log_likelihood(model, x, k=options.k, seed=options.seed),
        "fitted": lambda g: fitted_log_likelihood(
            model, x, generator=g, k=options.k, progress_bar=True
        ),
        "annealed": lambda g: annealed_log_likelihood(
            model,
            x,
            generator=g,
            chains=options.chains,
            temperatures=options.temperatures,
            progress_bar=True,
        ),
    }
    print(routes_header(row), flush=True)
    for route, estimate in routes.items():
        found = estimate(Generator().manual_seed(CROSS_CHECK + options.seed))
        row[route] = [found.nll, found.monte_carlo_error]
        print(routes_line(row, route), flush=True)
    return row


def test_images(count: int, seed: int) -> Tensor:
    """The first `count` test images, binarised once from the seed: (count, 784)."""
    pixels = load_mnist("test").images.flatten(1)
    if not 1 <= count <= len(pixels):
        raise ValueError(f"images must lie in 1..{len(pixels)}, got {count}")
    return binarise(pixels, generator=Generator().manual_seed(BINARISATION + seed))[:count]


def exact(model: MarkovHVAE, x: Tensor, key: dict[str, Any], work: Path) -> dict[str, float]:
    """The NLL without sampling, for a latent in the plane; its change from twice the step.

    Kept in `work` like the pieces.
    """
    path = _kept(key, work, "plane")
    if not path.exists():
        found = plane_log_evidence(model, x)
        sums = torch.stack([found.log_evidence, found.coarse], 1)
        checkpoint.save(path, {"sums": sums}, key)
    fine, coarse = checkpoint.load(path)[0]["sums"].T.mean(1)
    return {"exact_nll": -fine.item(), "exact_error": abs(fine - coarse).item()}


def codes(model: MarkovHVAE, x: Tensor, seed: int) -> dict[str, Any]:
    """ELBO, rate, distortion, and each layer's rate and active units; 50 samples of q an image."""
    generator = Generator().manual_seed(CODES + seed)
    parts = [
        rate_distortion(model, part, samples=50, generator=generator)
        for part in torch.split(x, 100)
    ]
    layers = torch.cat([part.layers for part in parts], 1).double().mean(1)  # (T,)
    distortion = torch.cat([part.distortion for part in parts]).double().mean().item()
    return {
        "elbo": -(layers.sum().item() + distortion),
        "distortion": distortion,
        "rates": layers.tolist(),
        "active_units": active_units(model, x, generator=generator),
    }


def _load(name: str) -> tuple[Path, MarkovHVAE]:
    """The model of that name or in that file, and its path."""
    path = RECIPES[name].path if name in RECIPES else Path(name)
    model = load_model(path)
    if model.sizes[0] != 784:
        raise ValueError(f"{path} has {model.sizes[0]} pixels, MNIST has 784")
    return path, model


def _pieces(model: MarkovHVAE, x: Tensor, key: dict[str, Any], work: Path) -> Iterator[Tensor]:
    """log p̂, its standard error and core minutes of each image, (piece, 3), saved as they come."""
    path = _kept(key, work, "partial")
    done = checkpoint.load(path)[0]["rows"] if path.exists() else x.new_zeros(0, 3).double()
    yield done
    bar = tqdm(total=len(x), initial=len(done), unit="image", disable=None, leave=False)
    for first in range(len(done), len(x), PIECE):
        start = time.process_time()
        piece = x[first : first + PIECE]
        found = log_likelihood(model, piece, k=key["k"], seed=key["seed"], first=first)
        minutes = (time.process_time() - start) / 60 / len(piece)
        times = torch.full_like(found.log_evidence, minutes)
        rows = torch.stack([found.log_evidence, found.standard_error, times], 1)
        done = torch.cat([done, rows])
        checkpoint.save(path, {"rows": done}, key)
        bar.update(len(piece))
        yield rows
    bar.close()


def _kept(key: dict[str, Any], work: Path, kind: str) -> Path:
    """Where unfinished or dear results are kept, under all that they depend on."""
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    return work / f"{name}.{kind}"


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m course_lib.evaluate", description=__doc__)
    parser.add_argument("models", nargs="*", help="names of shipped models, or files")
    parser.add_argument("--table", action="store_true", help="every shipped MNIST model")
    parser.add_argument("--seeds", action="store_true", help="print what the results files hold")
    parser.add_argument("--k", type=int, default=5000, help="samples an image (default 5000)")
    parser.add_argument("--images", type=int, default=10_000, help="test images (default all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cross-check", action="store_true", help="NLL by three routes")
    parser.add_argument("--chains", type=int, default=16, help="annealed: chains an image")
    parser.add_argument("--temperatures", type=int, default=1000, help="annealed: steps of β")
    parser.add_argument("--save", type=Path, help="write the rows there as JSON")
    parser.add_argument("--work", type=Path, default=WORK, help="where unfinished rows are kept")
    return parser.parse_args(arguments)
