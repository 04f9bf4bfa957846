"""What is to be shown of a VAE with a 2-D latent: where it puts test images, and how well."""

import copy
from functools import lru_cache
from typing import cast

import torch
from torch import Generator, Tensor

from course_lib.arguments import DOUBLE
from course_lib.data import Images, binarise, load_mnist
from course_lib.distributions import Bernoulli, kl_divergence
from course_lib.evaluate import LatentPlane, expected_log_likelihood
from course_lib.shipped import load_model
from course_lib.vae import VAE

BINARISATION = 7  # the seed with which the test images are made black and white, once
COPIES = 2  # images of each digit, the first of the test set
ON_THE_MAP = 1500  # test images whose codes are drawn
NODES = 16  # of the quadrature over q, in each direction


class EncodedDigits:
    """The codes of test images under a VAE of black and white pixels with a 2-D latent.

    codes (M, 2), labels (M,): means of q for the first test images, and what they show.
    x (20, D): the first two of each digit, in order, float64; for them q, the exact posterior as
    cells, and without sampling the terms of the ELBO, log_evidence and gaps = log p(x) − ELBO,
    (20,) nats.
    Raises ValueError if a digit has fewer than two images, or the model is of other pixels or has
    other than two latents.
    """

    def __init__(self, model: VAE, images: Images) -> None:
        self.model = copy.deepcopy(model).double().requires_grad_(False)
        _require_plane_of(self.model, images.images[0].numel())
        pixels = binarise(
            images.images.flatten(1), generator=Generator().manual_seed(BINARISATION)
        ).double()  # (N, D)
        self.labels = images.labels[:ON_THE_MAP]
        self.codes = self.model.encoder(pixels[:ON_THE_MAP]).mean
        self.x = pixels[chosen(images.labels)]  # (20, D)
        self.q = self.model.encoder(self.x)
        plane = LatentPlane(self.model, self.x)
        self.cells = [plane.cells(i) for i in range(len(self.x))]
        self.reconstruction = expected_log_likelihood(self.model, self.q, self.x, NODES)  # (20,)
        self.kl = kl_divergence(self.q, self.model.prior)  # (20,)
        evidence = torch.tensor([found.log_evidence for found in self.cells], **DOUBLE)
        self.log_evidence, self.gaps = evidence, evidence - (self.reconstruction - self.kl)  # (20,)

    def decoded(self, z: Tensor) -> Tensor:
        """P(ink) of each pixel at z (*batch, 2): (*batch, D)."""
        return self.model.decoder(z).mean

    def at(self, image: int, z: Tensor) -> dict[str, float]:
        """Of one image and one point z (2,), nats: everything about them, by name."""
        found = self.cells[image]
        evidence = found.log_evidence
        likelihood = self.model.decoder(z).log_prob(self.x[image]).item()
        prior = self.model.prior.log_prob(z).item()
        elbo = (self.reconstruction[image] - self.kl[image]).item()
        numbers = {
            "log_evidence": evidence,
            "elbo": elbo,
            "gap": evidence - elbo,
            "reconstruction": self.reconstruction[image].item(),
            "kl": self.kl[image].item(),
            "log_likelihood": likelihood,
            "log_prior": prior,
            "log_posterior": likelihood + prior - evidence,
        }
        for name, value in (
            ("q_mean", self.q.mean[image]),
            ("q_std", self.q.std[image]),
            ("posterior_mean", found.mean),
            ("posterior_std", found.std),
        ):
            numbers |= {f"{name}_{i + 1}": value[i].item() for i in range(2)}
        return numbers


def _require_plane_of(model: VAE, count: int) -> None:
    """Raises ValueError unless two latents decode to so many black and white pixels."""
    pixels, latents = model.sizes
    if (pixels, latents) != (count, 2):
        raise ValueError(
            f"model must have {count} pixels and 2 latents, got {pixels} and {latents}"
        )
    likelihood = model.decoder(torch.zeros(1, 2, **DOUBLE))
    if not isinstance(likelihood, Bernoulli):
        raise ValueError(
            f"model must have a Bernoulli for each pixel, got a {type(likelihood).__name__}"
        )


def chosen(labels: Tensor) -> list[int]:
    """The places of the first COPIES images of each digit, digit by digit."""
    rows = []
    for digit in range(10):
        places = (labels == digit).nonzero().flatten().tolist()
        if len(places) < COPIES:
            raise ValueError(f"digit {digit} needs {COPIES} images, got {len(places)}")
        rows += places[:COPIES]
    return rows


@lru_cache(maxsize=1)
def shipped_digits() -> EncodedDigits:
    """Of the model that ships, and MNIST's test images."""
    return EncodedDigits(cast(VAE, load_model("mnist_vae_2d")), load_mnist("test"))
