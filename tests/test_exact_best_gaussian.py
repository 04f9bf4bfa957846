"""The best Gaussian q over one latent number: against SciPy and closed forms."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from test_exact_importance_weighted_bound import WORLD, doubles, log_normal

from course_lib.distributions import Bernoulli, DiagonalGaussian
from course_lib.exact import (
    LinearGaussian,
    ScalarLatent,
    best_gaussian,
    linear_world,
    square_world,
)


@pytest.mark.parametrize("noise", [2.0, 0.75, 1e-3])
def test_the_best_gaussian_of_a_linear_world_is_its_posterior(noise: float) -> None:
    x = doubles(1.25, -3.0).unsqueeze(-1)
    exact = LinearGaussian([[1.0]], 0.0, noise).posterior(x)
    q = best_gaussian(linear_world(1.0, noise), x)
    torch.testing.assert_close(q.mean, exact.mean, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(q.variance, exact.variance, rtol=1e-7, atol=0)


@pytest.mark.parametrize("x", [1.1, -1.0, 2.5, 0.3])
def test_no_other_gaussian_is_better(x: float) -> None:
    """By Nelder–Mead from several starts, on a plain sum that is written out here."""
    step = torch.linspace(-9, 9, 2001, dtype=torch.float64)
    mass = torch.exp(-0.5 * step.square())
    mass = mass / mass.sum()

    def loss(theta: NDArray[np.float64]) -> float:
        z = theta[0] + math.exp(theta[1]) * step
        h = log_normal(z, 0.0, 1.0) + log_normal(doubles(x), 2 * torch.tanh(1.5 * z) + 0.3, 0.5)
        return -float((mass * h).sum()) - float(theta[1])

    options: Any = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000}
    starts = [(m, s) for m in (-1.0, 0.3, 1.5) for s in (-1.5, -0.3)]
    best = min(
        (minimize(loss, s, method="Nelder-Mead", options=options) for s in starts),
        key=lambda found: found.fun,
    )
    q = best_gaussian(WORLD, x)
    assert (q.mean.item(), q.std.item()) == pytest.approx(
        (best.x[0], math.exp(best.x[1])), abs=1e-6
    )
    constant = 0.5 + 0.5 * math.log(2 * math.pi)  # of the entropy
    assert WORLD.elbo(q, x).item() == pytest.approx(constant - best.fun, abs=1e-9)


def test_of_two_equal_modes_the_right_one_is_taken() -> None:
    """x = 4 = z² has two narrow modes, and N(z², s²) is linear in each: slope 4, prior beside."""
    world = square_world(0.05)
    q = best_gaussian(world, 4.0)
    assert q.mean.item() == pytest.approx(2.0, abs=2e-3)
    assert q.std.item() == pytest.approx(0.05 / 4, rel=1e-2)
    mirrored = DiagonalGaussian(-q.mean, q.log_std)
    assert world.elbo(mirrored, 4.0).item() == pytest.approx(world.elbo(q, 4.0).item(), abs=1e-9)
    # One of two modes is half of the posterior: log 2 is lost.
    gap = world.log_evidence(4.0) - world.elbo(q, 4.0)
    assert gap.item() == pytest.approx(math.log(2), abs=1e-3)


def test_any_decoder_has_a_best_gaussian() -> None:
    """Eight pixels that know z through a logistic each: the slope of the ELBO vanishes there."""
    weights = torch.linspace(-3, 3, 8, dtype=torch.float64)
    world = ScalarLatent(lambda z: Bernoulli(z * weights + 0.2))
    x = doubles(0, 0, 1, 0, 1, 1, 1, 1)
    q = best_gaussian(world, x)
    top = world.elbo(q, x).item()
    for shift, factor in ((0.01, 1.0), (-0.01, 1.0), (0.0, 1.02), (0.0, 0.98)):
        other = DiagonalGaussian(q.mean + shift, q.log_std + math.log(factor))
        assert world.elbo(other, x).item() < top
    assert top < world.log_evidence(x).item()


def test_an_x_that_is_no_number_is_named() -> None:
    with pytest.raises(ValueError, match="x must be finite, got inf"):
        best_gaussian(WORLD, math.inf)
