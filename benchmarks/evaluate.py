"""How fast log p(x) is estimated: decoder samples a core second, same weights, one run.

    python benchmarks/evaluate.py [--images 20] [--k 5000] [--rounds 3]

Ours (one image, a thousand samples at a time); the obvious way (a batch of images, all samples at
once); and pythae's `VAE.get_nll`, if pythae is installed. Weights: data/mnist_vae.safetensors if it
is there, else untrained ones of the same sizes. Medians over the rounds, which alternate.
"""

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from course_lib.data import binarise, load_mnist
from course_lib.evaluate import sampled_log_evidence
from course_lib.shipped import RECIPES, load_model
from course_lib.vae import VAE


def ours(model: VAE, x: Tensor, k: int) -> float:
    return sampled_log_evidence(model, x, k=k).nll


@torch.no_grad()
def obvious(model: VAE, x: Tensor, k: int) -> float:
    bounds = model.importance_weighted(x, k, generator=Generator().manual_seed(0))
    return -bounds.mean().item()


def pythae_nll(model: VAE, x: Tensor, k: int) -> float:
    from pythae.models import VAE as TheirVAE
    from pythae.models import VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):  # type: ignore[misc]
        def forward(self, x: Tensor) -> Any:
            q = model.encoder(x)
            return ModelOutput(embedding=q.mean, log_covariance=2 * q.log_std)

    class Decoder(BaseDecoder):  # type: ignore[misc]
        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=model.decoder(z).mean)

    config = VAEConfig(input_dim=(784,), latent_dim=model.sizes[1], reconstruction_loss="bce")
    theirs = TheirVAE(config, encoder=Encoder(), decoder=Decoder())
    with torch.no_grad():
        return -float(theirs.get_nll(x, n_samples=k, batch_size=100))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--k", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    recipe = RECIPES["mnist_vae"]
    model = load_model(recipe.path) if recipe.path.exists() else recipe.build()
    assert isinstance(model, VAE)
    pixels = load_mnist("test").images.flatten(1)[: options.images]
    x = binarise(pixels, generator=Generator().manual_seed(0))
    ways: dict[str, Callable[[VAE, Tensor, int], float]] = {"course_lib": ours, "obvious": obvious}
    if importlib.util.find_spec("pythae") is not None:
        ways["pythae get_nll"] = pythae_nll
    times: dict[str, list[float]] = {name: [] for name in ways}
    answers: dict[str, float] = {}
    for turn in range(options.rounds + 1):
        for name, way in ways.items():
            start = time.process_time()
            answers[name] = way(model, x, options.k)
            if turn:
                times[name].append(time.process_time() - start)
    middle = {name: statistics.median(seconds) for name, seconds in times.items()}
    for name, seconds in middle.items():
        rate = options.images * options.k / seconds
        print(
            f"{name:15} {rate:9,.0f} samples/s  NLL {answers[name]:8.2f}  "
            f"ours is {seconds / middle['course_lib']:.2f} times as fast"
        )


if __name__ == "__main__":
    main()
