"""Importance sampling from fitted Gaussians, against worlds whose posterior is Gaussian."""

import pytest
import torch
from test_evaluate import WORLD, affine_vae, draws
from test_evaluate_annealed import CHAIN, affine_chain
from torch import Generator

from course_lib.evaluate import fitted_log_evidence, fitted_posterior


@pytest.mark.equation("6.3")
def test_the_fitted_gaussian_is_the_exact_posterior(generator: Generator) -> None:
    """Of a chain whose encoders say N(x, 1) whatever the world: it is the fit that counts."""
    x = CHAIN.evidence.sample((3,), generator=generator)
    found, exact = fitted_posterior(affine_chain(), x, generator=generator), CHAIN.posterior(x)
    covariance = exact.covariance.expand(3, -1, -1)
    torch.testing.assert_close(found.mean, exact.mean, rtol=0, atol=0.02)
    torch.testing.assert_close(found.covariance, covariance, rtol=0, atol=0.02)
    assert covariance[..., 0, 1].abs().min() > 0.1  # it lies slantwise: no diagonal q would do


def test_with_the_posterior_as_proposal_every_weight_is_the_evidence(generator: Generator) -> None:
    x = draws(5, generator)
    found = fitted_log_evidence(affine_vae(), x, generator=generator, k=200, widen=1.0)
    off = (found.log_evidence - WORLD.log_evidence(x)).abs()
    assert bool((off <= 3 * found.standard_error).all())
    assert bool((found.standard_error < 0.01).all())


def test_widening_costs_what_the_formula_says(generator: Generator) -> None:
    """E w² / p(x)² = (s²/sqrt(2s² − 1))^d if q is the posterior with s times the spread: 16/7."""
    found = fitted_log_evidence(
        affine_vae(), draws(3, generator), generator=generator, k=20_000, widen=2.0
    )
    torch.testing.assert_close(
        found.effective_samples, torch.full((3,), 20_000 * 7 / 16).double(), rtol=0.03, atol=0
    )


@pytest.mark.equation("9.8")
@pytest.mark.parametrize("steps", [1, 30])
def test_a_bad_fit_costs_draws_and_nothing_else(steps: int, generator: Generator) -> None:
    """Twenty estimates of p(x)/p(x), from proposals that are off: their mean is one."""
    x = draws(20, generator)
    found = fitted_log_evidence(affine_vae(), x, generator=generator, k=4000, steps=steps)
    ratios = (found.log_evidence - WORLD.log_evidence(x)).exp()
    error = (found.standard_error * ratios).square().sum().sqrt().item() / 20
    assert abs(ratios.mean().item() - 1) <= 3 * error < 0.1


def test_a_chain_of_two_layers_is_fitted_as_a_whole(generator: Generator) -> None:
    x = CHAIN.evidence.sample((6,), generator=generator)
    found = fitted_log_evidence(affine_chain(), x, generator=generator, k=2000)
    assert abs(found.nll + CHAIN.log_evidence(x).mean().item()) <= 3 * found.monte_carlo_error
    assert found.monte_carlo_error < 0.01


@pytest.mark.parametrize("name", ["k", "steps", "samples"])
def test_bad_input_is_named(name: str, generator: Generator) -> None:
    model, x = affine_vae(), draws(1, generator)
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got 0"):
        fitted_log_evidence(model, x, generator=generator, **{name: 0})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"x must be \(N, D\)"):
        fitted_log_evidence(model, x[0], generator=generator)
    with pytest.raises(ValueError, match=r"widen must be .*0"):
        fitted_log_evidence(model, x, generator=generator, widen=0.0)
