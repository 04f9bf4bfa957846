"""Chapter 7's exercises that are no number: a report on two q's, and a q that is measured."""

import math
from typing import cast

import numpy as np
import pytest
import torch
from exercise_answers import moments_of_the_seven
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from course_lib.checks import Design
from course_lib.data import binarise, load_mnist
from course_lib.distributions import DiagonalGaussian
from course_lib.exercises import EXERCISES, judged
from course_lib.exercises.encoder_and_decoder import lost_on_the_seven
from course_lib.shipped import load_model
from course_lib.vae import VAE


@pytest.mark.parametrize(
    ("mean", "std"),
    [([0.835, 0.545], [0.017, 0.014]), ([0.0, 0.0], [1.0, 1.0]), ([1.29, 1.66], [0.02, 0.03])],
)
def test_the_gap_on_the_seven_is_that_of_draws_and_of_a_plain_grid(
    mean: list[float], std: list[float]
) -> None:
    """E_q log p(x|z) by torch's densities at 20,000 draws, log p(x) on a square of nodes."""
    model = cast(VAE, load_model("mnist_vae_2d")).double()
    pixels = load_mnist("test").images.flatten(1)
    x = binarise(pixels, generator=torch.Generator().manual_seed(7)).double()[64]
    q = Independent(Normal(torch.tensor(mean).double(), torch.tensor(std).double()), 1)
    z = q.mean + q.stddev * torch.randn(
        20_000, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    values = torch.cat(
        [
            Independent(Bernoulli(logits=model.decoder(part).logits), 1).log_prob(x)  # type: ignore[attr-defined]
            for part in z.split(4_000)
        ]
    )
    prior = Independent(Normal(torch.zeros(2).double(), torch.ones(2).double()), 1)
    elbo = (values.mean() - kl_divergence(q, prior)).item()
    axis = torch.linspace(-3, 3, 301, dtype=torch.float64)
    nodes = torch.cartesian_prod(axis, axis)
    joint = torch.cat([model.log_joint(x, [part]) for part in nodes.split(4_000)])
    log_evidence = torch.logsumexp(joint, 0).item() + 2 * math.log(6 / 300)
    found = lost_on_the_seven(DiagonalGaussian.from_std(mean, std))
    error = 5 * values.std().item() / math.sqrt(20_000)
    assert found == pytest.approx(log_evidence - elbo, abs=error + 1e-3)


def test_q_may_be_one_or_a_batch_of_one() -> None:
    q = moments_of_the_seven()
    one = DiagonalGaussian(q.mean[None], q.log_std[None])
    assert lost_on_the_seven(one) == pytest.approx(lost_on_the_seven(q), abs=1e-9)
    assert judged("7.d", one).accepted
    exercise = EXERCISES["7.d"]
    assert isinstance(exercise, Design)
    assert lost_on_the_seven(q) < exercise.most / 2


def test_a_q_twice_too_wide_is_told_its_gap() -> None:
    q = moments_of_the_seven()
    wide = DiagonalGaussian(q.mean, q.log_std + math.log(2))
    told = judged("7.d", wide)
    assert not told.accepted
    assert f"{np.round(lost_on_the_seven(wide), 3)}"[:4] in told.message
