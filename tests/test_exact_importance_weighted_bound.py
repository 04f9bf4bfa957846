"""L_K of a world with one latent number: by plain double sums, by draws, and at its two ends."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from course_lib.distributions import DiagonalGaussian, FullGaussian
from course_lib.exact import (
    LinearGaussian,
    expected_importance_weighted_bound,
    expected_log_mean,
    linear_world,
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


@pytest.mark.parametrize("std", [0.3, 0.1, 0.02])
def test_a_narrow_q_has_its_bounds_too(std: float) -> None:
    """L_2 over the plane of both draws, by Gauss–Hermite: far below log p(x)."""
    world, x = LinearGaussian([[1.0]], 0.0, 0.75), doubles(1.25)
    q = DiagonalGaussian.from_std(0.4, std)
    found = expected_importance_weighted_bound(world, q, x, [1, 2])
    points, mass = np.polynomial.hermite_e.hermegauss(80)
    z = torch.from_numpy(0.4 + std * points).unsqueeze(-1)
    log_w = world.log_joint(x, z) - q.log_prob(z)
    weights = torch.from_numpy(mass / mass.sum())
    pairs = torch.logaddexp(log_w.unsqueeze(0), log_w.unsqueeze(1)) - math.log(2)
    expected = [(weights * log_w).sum(), weights @ pairs @ weights]
    assert found.tolist() == pytest.approx([value.item() for value in expected], abs=1e-6)
    assert found[1] < world.log_evidence(x) - 0.2


def test_the_exact_posterior_loses_nothing() -> None:
    world = LinearGaussian([[1.0]], 0.0, 0.75)
    found = expected_importance_weighted_bound(world, world.posterior(1.25), 1.25, [1, 5])
    torch.testing.assert_close(found, world.log_evidence(1.25).expand(2), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda q: expected_importance_weighted_bound(WORLD, (0, 1), 1.1, [1]), "q must be a Diag"),  # type: ignore[arg-type]
        (lambda q: expected_importance_weighted_bound(WORLD, q, 1.1, [0]), "K must be .* got 0"),
        (lambda q: expected_importance_weighted_bound(WORLD, q, 1.1, 5), "of one K .*, got 5"),  # type: ignore[arg-type]
        (lambda q: expected_importance_weighted_bound(WORLD, q, 1.1, []), r"of one K .*, got \[\]"),
        (lambda q: expected_log_mean(doubles(0.0), doubles(0.0), []), r"of one K .*, got \[\]"),
        (lambda q: expected_importance_weighted_bound(WORLD, q, math.nan, [2]), "x must be finite"),
    ],
)
def test_bad_input_is_named(call: Callable[[DiagonalGaussian], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(DiagonalGaussian.standard(1))
