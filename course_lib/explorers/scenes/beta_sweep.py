"""What is to be shown of VAEs trained at many weights β: their terms, codes, pictures, bounds."""

import copy
from functools import lru_cache
from typing import cast

import torch
from torch import Generator, Tensor

from course_lib.data import Images, load_digits
from course_lib.distributions import kl_divergence
from course_lib.evaluate import LatentPlane, expected_log_likelihood, rate_distortion, surgery
from course_lib.train import Settings, fit, weighted_elbo
from course_lib.vae import VAE, Architecture, stack, unstack

BETAS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 32.0, 64.0)
COUNT = 16  # a pixel of the digits is a count 0..16
SAMPLES = 4  # of q, for each image's distortion


@lru_cache(maxsize=1)
def quick_sweep() -> VAE:
    """Sixteen VAEs of the digits at BETAS, trained for a few seconds: enough to try things on."""
    counts = load_digits().images.flatten(1).float()  # (1797, 64)
    architecture = Architecture(64, (2,), ((64, 64),), "binomial", COUNT)
    model = cast(VAE, architecture.build(seed=0, data_mean=counts.mean(0) / COUNT))
    fit(model, counts, Settings(16, 128, 0.03, 20, "muon"), progress_bar=False)
    sweep = stack([model] * len(BETAS))
    objective = weighted_elbo(torch.tensor(BETAS, dtype=torch.float32, device="cpu"))
    fit(sweep, counts, Settings(10, 256, 0.02, 10), objective=objective, progress_bar=False)
    return sweep


class SweepReport:
    """Figures of M stacked models with a 2-D latent and a Binomial(16) likelihood.

    betas: (M,), the weights in the models' order. images: the data set, counts 0..16, whose labels
    hold every digit. Means over the data, (M,) nats: rate, distortion, mutual_information,
    aggregate_kl; the last two are good to some 0.03 nats and add up to the first.
    Of the first image of each digit, x (10, D), float64: its q, batch (M, 10), and rebuilt
    (M, 10, D), what q's mean decodes to, as a share of ink.
    Raises ValueError if betas and models differ in number.
    """

    def __init__(self, models: VAE, betas: Tensor, images: Images) -> None:
        self.betas = [float(f"{beta:.6g}") for beta in betas.tolist()]
        counts = images.images.flatten(1).float()  # (N, D)
        self._average(models, counts)
        exact = copy.deepcopy(models).double().requires_grad_(False)
        labels = images.labels.tolist()
        self.x = counts[[labels.index(digit) for digit in range(10)]].double()
        self.everyone = exact.infer(1, counts.double())  # batch (M, N)
        self.q = exact.infer(1, self.x)
        self._expected = expected_log_likelihood(exact, self.q, self.x)  # (M, 10)
        self._costs = kl_divergence(self.q, exact.prior)  # (M, 10)
        self.rebuilt = exact.generate(1, self.q.mean).mean / COUNT
        self._exact = exact
        self._planes = [LatentPlane(unstack(exact, i), self.x) for i in range(len(self.betas))]
        self._evidence: dict[tuple[int, int], float] = {}

    @torch.no_grad()
    def _average(self, models: VAE, counts: Tensor) -> None:
        """Both terms, and the two parts of the rate, over the whole data set."""
        generator = Generator().manual_seed(0)
        found = rate_distortion(models, counts, samples=SAMPLES, generator=generator)
        if found.rate.shape != (len(self.betas), len(counts)):
            raise ValueError(
                f"betas must have one entry a model, got {len(self.betas)} for "
                f"{tuple(found.rate.shape[:-1])} models"
            )
        self.rate = found.rate.double().mean(-1).tolist()
        self.distortion = found.distortion.double().mean(-1).tolist()
        parts = [
            surgery(unstack(models, i), counts, generator=generator) for i in range(len(self.betas))
        ]
        self.mutual_information = [part.mutual_information for part in parts]
        # What is left, so that the two add up; its own estimate has several times the error.
        self.aggregate_kl = [part.rate - part.mutual_information for part in parts]

    def decoded(self, z: Tensor) -> Tensor:
        """What each model makes of latents z (S, 2), as a share of ink: (M, S, D)."""
        shared = z.expand(len(self.betas), *z.shape)
        return self._exact.generate(1, shared).mean / COUNT

    def evidence(self, model: int, digit: int) -> float:
        """log p(x) of one image under one model, exact, nats; kept once it is computed."""
        key = (model, digit)
        if key not in self._evidence:
            self._evidence[key] = self._planes[model].log_evidence(digit)
        return self._evidence[key]

    def numbers(self, model: int, digit: int) -> dict[str, float]:
        """Everything about one model and one image, nats, by name; see the explorer."""
        expected = self._expected[model, digit].item()
        cost = self._costs[model, digit].item()
        evidence = self.evidence(model, digit)
        return {
            "rate": self.rate[model],
            "distortion": self.distortion[model],
            "elbo": -(self.rate[model] + self.distortion[model]),
            "mutual_information": self.mutual_information[model],
            "aggregate_kl": self.aggregate_kl[model],
            "image_rate": cost,
            "image_elbo": expected - cost,
            "objective": expected - self.betas[model] * cost,
            "log_evidence": evidence,
            "gap": evidence - expected + cost,
        }
