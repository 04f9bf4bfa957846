"""L_K by plain double sums and draws; the best Gaussian against SciPy and closed forms."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Generator, Tensor

from course_lib.distributions import DiagonalGaussian, FullGaussian
from course_lib.exact import (
    LinearGaussian,
    ScalarLatent,
    best_gaussian,
    expected_importance_weighted_bound,
    expected_log_mean,
    linear_world,
    square_world,
    tanh_world,
)

WORLD = tanh_world(2.0, 1.5, 0.3, 0.5)


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def log_normal(x: Tensor, mean: Tensor | float, std: float) -> Tensor:
    return -0.5 * ((x - mean) / std) ** 2 - math.log(std * math.sqrt(2 * math.pi))


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.4, 0.3)])
def test_two_draws_by_a_double_sum(mean: float, std: float) -> None:
    """L_2 = ∫∫ q q log ½(w + w'), with equal steps that leave exp(−(π/0.02)²) behind."""
    z = mean + std * torch.arange(-9, 9, 0.02, dtype=torch.float64)
    log_q = log_normal(z, mean, std)
    log_w = log_normal(z, 0.0, 1.0) + log_normal(doubles(1.1), 2 * torch.tanh(1.5 * z) + 0.3, 0.5)
    log_w = log_w - log_q
    mass = log_q.exp() * std * 0.02
    pairs = torch.logaddexp(log_w[:, None], log_w) - math.log(2)
    found = expected_importance_weighted_bound(
        WORLD, DiagonalGaussian.from_std(mean, std), 1.1, [1, 2]
    )
    wanted = [(mass * log_w).sum().item(), (mass[:, None] * mass * pairs).sum().item()]
    assert found.tolist() == pytest.approx(wanted, abs=1e-8)


def test_its_ends_are_the_elbo_and_the_evidence() -> None:
    x = doubles(1.1, -1.0).unsqueeze(-1)
    q = DiagonalGaussian.from_std(0.3 * x, 0.8)
    found = expected_importance_weighted_bound(WORLD, q, x, [1, 3, 10, 10**6])
    assert found.shape == (4, 2)
    torch.testing.assert_close(found[0], WORLD.elbo(q, x), rtol=0, atol=1e-9)
    torch.testing.assert_close(found[-1], WORLD.log_evidence(x), rtol=0, atol=1e-4)
    assert bool((found.diff(dim=0) > 0).all())
    full = FullGaussian(q.mean[0], torch.full((1, 1), 0.8, dtype=torch.float64))
    one = expected_importance_weighted_bound(WORLD, full, x[0], [3])
    assert one.item() == pytest.approx(found[1, 0].item(), abs=1e-9)


def test_a_closed_world_serves_as_well_and_draws_agree(generator: Generator) -> None:
    world = LinearGaussian([[1.0]], 0.0, 0.75)
    q, x = DiagonalGaussian.from_std(0.0, 1.0), doubles(1.25)
    exact = expected_importance_weighted_bound(world, q, x, [8]).item()
    other = expected_importance_weighted_bound(linear_world(1.0, 0.75), q, x, [8]).item()
    assert exact == pytest.approx(other, abs=1e-9)
    z = q.sample((100_000, 8), generator=generator)
    draws = (world.log_joint(x, z) - q.log_prob(z)).logsumexp(-1) - math.log(8)
    error = (draws.std() / math.sqrt(len(draws))).item()
    assert abs(draws.mean().item() - exact) < 4.5 * error


def test_the_exact_posterior_loses_nothing() -> None:
    world = LinearGaussian([[1.0]], 0.0, 0.75)
    found = expected_importance_weighted_bound(world, world.posterior(1.25), 1.25, [1, 5])
    torch.testing.assert_close(found, world.log_evidence(1.25).expand(2), rtol=0, atol=1e-10)


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
    from course_lib.distributions import Bernoulli

    weights = torch.linspace(-3, 3, 8, dtype=torch.float64)
    world = ScalarLatent(lambda z: Bernoulli(z * weights + 0.2))
    x = doubles(0, 0, 1, 0, 1, 1, 1, 1)
    q = best_gaussian(world, x)
    top = world.elbo(q, x).item()
    for shift, factor in ((0.01, 1.0), (-0.01, 1.0), (0.0, 1.02), (0.0, 0.98)):
        other = DiagonalGaussian(q.mean + shift, q.log_std + math.log(factor))
        assert world.elbo(other, x).item() < top
    assert top < world.log_evidence(x).item()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda q: expected_importance_weighted_bound(WORLD, (0, 1), 1.1, [1]), "q must be a Diag"),  # type: ignore[arg-type]
        (lambda q: expected_importance_weighted_bound(WORLD, q, 1.1, [0]), "K must be .* got 0"),
        (lambda q: expected_importance_weighted_bound(WORLD, q, 1.1, 5), "of one K .*, got 5"),  # type: ignore[arg-type]
        (lambda q: expected_importance_weighted_bound(WORLD, q, 1.1, []), r"of one K .*, got \[\]"),
        (lambda q: expected_log_mean(doubles(0.0), doubles(0.0), []), r"of one K .*, got \[\]"),
        (lambda q: expected_importance_weighted_bound(WORLD, q, math.nan, [2]), "x must be finite"),
        (lambda q: best_gaussian(WORLD, math.inf), "x must be finite, got inf"),
    ],
)
def test_bad_input_is_named(call: Callable[[DiagonalGaussian], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(DiagonalGaussian.standard(1))
