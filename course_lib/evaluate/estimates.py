"""log p(x) of a model's test images in pieces that may be computed anywhere.

An estimate says all that its numbers depend on; the model is the bytes of its file, checked when
they are read, so that a worker on another machine needs nothing but the course.
"""

import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from torch import Generator, Tensor

from course_lib.arguments import require_seed
from course_lib.data import binarise, load_mnist
from course_lib.evaluate.annealed import annealed_log_evidence
from course_lib.evaluate.fitted import fitted_log_evidence
from course_lib.evaluate.likelihood import STRIDE, SampledLogEvidence, sampled_log_evidence
from course_lib.shipped import load_model, usable_device
from course_lib.vae import HVAE

# Seeds far from those of the images' own samples.
BINARISATION = 2**31
CROSS_CHECK = 2**29


@dataclass(frozen=True)
class Estimate:
    """How log p(x) of the first `images` test images is estimated, and of which model.

    model: the bytes of its file. seed: of the binarisation and of all draws. route: "encoder",
    from the encoder's own q, "fitted" or "annealed". k: samples an image. chains, temperatures: of
    the annealed route.
    """

    model: bytes
    images: int
    seed: int
    k: int
    route: str = "encoder"
    chains: int = 0
    temperatures: int = 0
    device: str = "cpu"


def estimated(estimate: Estimate, first: int, count: int) -> list[list[float]]:
    """Of each of `count` images from the one of index `first`, three numbers.

    log p̂(x) in nats, the effective number of its samples or chains, and its share of the core
    minutes.
    """
    model, images = model_and_images(estimate)
    x = images[first : first + count]
    start = time.process_time()
    found = _found(estimate, model, x, first)
    minutes = (time.process_time() - start) / 60 / len(x)
    columns = (found.log_evidence, found.effective_samples)
    return [[*numbers, minutes] for numbers in zip(*(c.tolist() for c in columns), strict=True)]


def _found(estimate: Estimate, model: HVAE, x: Tensor, first: int) -> SampledLogEvidence:
    """By the route that the estimate names, for x (N, 784)."""
    seed, k = estimate.seed, estimate.k
    if estimate.route == "encoder":
        return sampled_log_evidence(model, x, k=k, seed=seed, first=first)
    own = Generator(x.device).manual_seed((CROSS_CHECK + seed * STRIDE + first) % 2**32)
    if estimate.route == "fitted":
        return fitted_log_evidence(model, x, generator=own, k=k)
    if estimate.route != "annealed":
        raise ValueError(f"there is no route {estimate.route!r} to log p(x)")
    chains, temperatures = estimate.chains, estimate.temperatures
    return annealed_log_evidence(model, x, generator=own, chains=chains, temperatures=temperatures)


def model_and_images(estimate: Estimate) -> tuple[HVAE, Tensor]:
    """The model and its test images (images, 784), on the device. Raises as `load_model` does."""
    return _kept(estimate.model, estimate.images, estimate.seed, estimate.device)


@lru_cache(maxsize=1)
def _kept(content: bytes, images: int, seed: int, device: str) -> tuple[HVAE, Tensor]:
    """The same, in memory for the next piece of this model."""
    where = usable_device(device)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        path.write_bytes(content)
        model = load_model(path)
    return model.to(where), binarised_test_images(images, seed).to(where)


def binarised_test_images(count: int, seed: int) -> Tensor:
    """The first `count` test images, binarised once from the seed: (count, 784)."""
    pixels = load_mnist("test").images.flatten(1)
    if not 1 <= count <= len(pixels):
        raise ValueError(f"images must lie in 1..{len(pixels)}, got {count}")
    seed = require_seed("seed", seed)
    own = Generator().manual_seed((BINARISATION + seed) % 2**64)
    return binarise(pixels, generator=own)[:count]
