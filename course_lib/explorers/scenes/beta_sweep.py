"""What is to be shown of VAEs trained at many weights β: their terms, codes, pictures, bounds."""

import copy
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import cast

import torch
from torch import Generator, Tensor

from course_lib.arguments import DOUBLE, Numbers, as_double, require_all, require_finite
from course_lib.data import Images, load_digits
from course_lib.distributions import DiagonalGaussian, kl_divergence
from course_lib.evaluate import LatentPlane, expected_log_likelihood, rate_distortion, surgery
from course_lib.vae import VAE, Architecture, stack, unstack

BETAS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 32.0, 64.0)
COUNT = 16  # a pixel of the digits is a count 0..16
NODES, WIDE = (24, 64), 0.4  # of the quadrature, for a code narrower and wider than that
SAMPLES = 4  # of q, for each image's distortion


@lru_cache(maxsize=1)
def trained_sweep() -> VAE:
    """The sixteen VAEs at BETAS that notebook 5 trains, by the same steps: one model with β = 1,
    then sixteen copies of it that go on from there, each with its own β.

    In float64, so that every machine ends with the same numbers: what float32 rounds differently
    here and there grows in some two thousand steps to tenths of a nat.
    """
    counts = load_digits().images.flatten(1).double()  # (1797, 64)
    architecture = Architecture(64, (2,), ((32, 32),), "binomial", COUNT)
    first = architecture.build(seed=5, data_mean=(counts.mean(0) / COUNT).float()).double()
    one = stack([cast(VAE, first)])
    _train(one, counts, [1.0], epochs=100, step=0.01)
    sweep = stack([unstack(one, 0)] * len(BETAS))
    _train(sweep, counts, BETAS, epochs=30, step=0.005)
    return sweep


def _train(
    models: VAE, counts: Tensor, weights: Sequence[float], *, epochs: int, step: float
) -> None:
    """Adam on D + βR of every model, its step falling to zero by a cosine."""
    betas = torch.tensor(weights, **DOUBLE).unsqueeze(-1)  # (M, 1)
    optimiser = torch.optim.Adam(models.parameters(), lr=step)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    generator = Generator().manual_seed(5)
    for _ in range(epochs):
        for rows in torch.randperm(len(counts), generator=generator, device="cpu").split(128):
            terms = models.terms(counts[rows], generator=generator)
            loss = (betas * terms.kl - terms.reconstruction).mean(1).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        falling.step()


class SweepReport:
    """Figures of M stacked models with a 2-D latent and a Binomial(16) likelihood.

    betas: (M,), the weights in the models' order, none twice. images: the data set, counts 0..16,
    whose labels hold every digit. means: of each model, over the data, nats: rate, distortion,
    elbo, mutual_information and aggregate_kl; the last two are good to some 0.03 nats and add up to
    the first.
    Of the first image of each digit, x (10, D), float64: its q, batch (M, 10), and rebuilt
    (M, 10, D), what q's mean decodes to, as a share of ink.
    Raises ValueError if betas and models differ in number, a beta is negative or stands twice, the
    latents are not two, or a digit has no image.
    """

    def __init__(self, models: VAE, betas: Numbers, images: Images) -> None:
        self.betas = _weights(betas)
        self._counts = images.images.flatten(1).double()  # (N, D)
        exact = copy.deepcopy(models).double().requires_grad_(False)
        self.x = self._counts[_first_of_each(images.labels.tolist())]
        self.everyone = exact.infer(1, self._counts)  # batch (M, N)
        if self.everyone.mean.shape[:-2] != (len(self.betas),):
            raise ValueError(
                f"betas must have one entry a model, got {len(self.betas)} for "
                f"{tuple(self.everyone.mean.shape[:-2])} models"
            )
        if self.everyone.mean.shape[-1] != 2:
            raise ValueError(f"models must have 2 latents, got {self.everyone.mean.shape[-1]}")
        self.q = exact.infer(1, self.x)
        self.rebuilt = exact.generate(1, self.q.mean).mean / COUNT
        self._exact = exact
        self._evidence: dict[tuple[int, int], float] = {}

    def nearest(self, beta: float) -> float:
        """The weight of these models that is nearest to β."""
        return min(self.betas, key=lambda other: abs(other - beta))

    @cached_property
    def means(self) -> list[dict[str, float]]:
        """Of each model, over the whole data set: both terms, and the two parts of the rate."""
        generator = Generator().manual_seed(7)  # as in the notebook's table: the same draws
        found = rate_distortion(self._exact, self._counts, samples=SAMPLES, generator=generator)
        rates, distortions = found.rate.mean(-1).tolist(), found.distortion.mean(-1).tolist()
        means = []
        for i, (rate, distortion) in enumerate(zip(rates, distortions, strict=True)):
            # In float32, which is twice as quick: N² densities, and an average over draws.
            single = unstack(self._exact, i).float()
            parts = surgery(single, self._counts.float(), generator=generator)
            means.append(
                {
                    "rate": rate,
                    "distortion": distortion,
                    "elbo": -(rate + distortion),
                    "mutual_information": parts.mutual_information,
                    # What is left, so that the two add up; its own estimate has several times
                    # the error.
                    "aggregate_kl": rate - parts.mutual_information,
                }
            )
        return means

    @cached_property
    def _expected(self) -> Tensor:
        """E_q log p(x|z) of the ten images, (M, 10), good to 0.01: a wide code takes more nodes."""
        found = []
        for i, (mean, log_std) in enumerate(zip(self.q.mean, self.q.log_std, strict=True)):
            q = DiagonalGaussian(mean, log_std)
            nodes = NODES[bool(q.std.max() > WIDE)]
            model = unstack(self._exact, i)
            found.append(expected_log_likelihood(model, q, self.x, nodes=nodes))
        return torch.stack(found)

    @cached_property
    def _costs(self) -> Tensor:
        """KL(q ‖ prior) of the ten images, (M, 10)."""
        return kl_divergence(self.q, self._exact.prior)

    @cached_property
    def _planes(self) -> list[LatentPlane]:
        return [LatentPlane(unstack(self._exact, i), self.x) for i in range(len(self.betas))]

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

    def of_image(self, model: int, digit: int) -> dict[str, float]:
        """Everything about one model and one image, nats, by name; see the explorer."""
        expected = self._expected[model, digit].item()
        cost = self._costs[model, digit].item()
        evidence = self.evidence(model, digit)
        return {
            "image_rate": cost,
            "image_elbo": expected - cost,
            "objective": expected - self.betas[model] * cost,
            "log_evidence": evidence,
            "gap": evidence - expected + cost,
        }


def _weights(betas: Numbers) -> list[float]:
    """As they are printed. Raises ValueError if one is negative, no number, or stands twice."""
    given = require_finite("betas", as_double("betas", betas))
    require_all("betas", given, given >= 0, "at least 0")
    if given.ndim != 1:
        raise ValueError(f"betas must be (M,), one weight a model, got shape {tuple(given.shape)}")
    weights = [float(f"{beta:.6g}") for beta in given.tolist()]
    twice = [weight for weight in weights if weights.count(weight) > 1]
    if twice:
        raise ValueError(f"betas must all differ, got {twice[0]:g} twice")
    return weights


def _first_of_each(labels: list[int]) -> list[int]:
    """Where each digit stands first. Raises ValueError if one does not."""
    missing = sorted(set(range(10)) - set(labels))
    if missing:
        raise ValueError(f"images must show every digit, got no {missing[0]}")
    return [labels.index(digit) for digit in range(10)]
