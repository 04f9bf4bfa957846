"""Importance sampling from fitted Gaussians, against worlds whose posterior is Gaussian."""

import math

import pytest
import torch
from test_evaluate import WORLD, affine_vae, draws
from test_evaluate_annealed import CHAIN, DIRECTIONS, WIDE, affine_chain
from torch import Generator, Tensor

from course_lib.distributions import FullGaussian, kl_divergence
from course_lib.evaluate import annealed_log_evidence, fitted_log_evidence, fitted_posterior
from course_lib.evaluate.fitted import _log_weights, widened
from course_lib.exact import LinearGaussianChain
from course_lib.nets import GaussianNet, LogitNet
from course_lib.vae import MarkovHVAE


def noise_posterior(world: LinearGaussianChain, x: Tensor) -> FullGaussian:
    """p(ε_1, ε_2|x) from p(z_1, z_2|x): ε_2 = z_2 and ε_1 = (z_1 − A z_2 − b)/s, an affine map."""
    arrow, exact = world.arrows[1], world.posterior(x)
    inverse = torch.diag(1 / arrow.std.expand(len(arrow.slope)))
    top = torch.eye(world.sizes[2]).double()
    below = torch.cat([inverse, -inverse @ arrow.slope], 1)
    above = torch.cat([torch.zeros(len(top), len(arrow.slope)).double(), top], 1)
    map_ = torch.cat([below, above])
    shift = torch.cat([-inverse @ arrow.offset.expand(len(arrow.slope)), top[0] * 0])
    covariance = map_ @ exact.covariance @ map_.T
    return FullGaussian.from_covariance(
        exact.mean @ map_.T + shift, (0.5 * (covariance + covariance.mT)).expand(len(x), -1, -1)
    )


@pytest.mark.equation("6.3")
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_fitted_gaussian_is_the_exact_posterior(direction: str, generator: Generator) -> None:
    """Of a chain whose encoders say N(0, 1) whatever the world: it is the fit that counts."""
    x = WIDE.evidence.sample((3,), generator=generator)
    found = fitted_posterior(affine_chain(WIDE, direction), x, generator=generator, steps=500)
    exact = noise_posterior(WIDE, x)
    assert kl_divergence(found, exact).max() < 0.01  # what the ELBO falls short by, nats
    best = torch.linalg.inv(exact.covariance).diagonal(dim1=-2, dim2=-1).rsqrt()
    straight = FullGaussian(exact.mean, torch.diag_embed(best))
    assert kl_divergence(straight, exact).min() > 0.1  # no diagonal q comes as near


@pytest.mark.equation("9.8")
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("world", [CHAIN, WIDE], ids=["narrow", "wide"])
def test_from_the_exact_posterior_every_weight_is_the_evidence(
    world: LinearGaussianChain, direction: str, generator: Generator
) -> None:
    x = world.evidence.sample((4,), generator=generator)
    q = noise_posterior(world, x)
    found = _log_weights(affine_chain(world, direction), q, x, 30, generator)
    torch.testing.assert_close(found, world.log_evidence(x).expand(30, 4), rtol=0, atol=1e-9)


def test_with_the_posterior_as_proposal_every_weight_is_the_evidence(generator: Generator) -> None:
    x = draws(5, generator)
    found = fitted_log_evidence(affine_vae(), x, generator=generator, k=200, widen=1.0, steps=500)
    off = (found.log_evidence - WORLD.log_evidence(x)).abs()
    assert bool((off <= 3 * found.standard_error).all())
    assert bool((found.standard_error < 0.01).all())


def test_widening_moves_the_precision_towards_the_priors() -> None:
    """1/v becomes 1 + (1/v − 1)/widen²: one that x left at N(0, 1) stays, a narrow one gains."""
    rotation = torch.linalg.qr(torch.arange(9.0).double().reshape(3, 3) + torch.eye(3))[0]
    for variances in ([1.0, 0.25, 1e-4], [1.0, 1.0, 3.0]):
        v = torch.tensor(variances).double()
        q = FullGaussian.from_covariance(v, rotation @ torch.diag(v) @ rotation.T)
        wide = rotation @ torch.diag(1 / (1 + (1 / v - 1) / 4)) @ rotation.T
        torch.testing.assert_close(widened(q, 2.0).covariance, wide, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(widened(q, 2.0).mean, v)
        torch.testing.assert_close(widened(q, 1.0).covariance, q.covariance)


def test_widening_costs_what_the_formula_says(generator: Generator) -> None:
    """E w²/p(x)² = Π p/sqrt(r(2p − r)), p the posterior's precisions and r = 1 + (p − 1)/widen²."""
    x = draws(3, generator)
    found = fitted_log_evidence(
        affine_vae(), x, generator=generator, k=20_000, widen=2.0, steps=500
    )
    p = 1 / torch.linalg.eigvalsh(WORLD.posterior(x).covariance.reshape(-1, 2, 2)[0])
    r = 1 + (p - 1) / 4
    kept = ((r * (2 * p - r)).sqrt() / p).prod().item()
    assert kept < 0.7
    expected = torch.full((3,), 20_000 * kept).double()
    torch.testing.assert_close(found.effective_samples, expected, rtol=0.03, atol=0)


@pytest.mark.equation("9.8")
@pytest.mark.parametrize("steps", [1, 30])
def test_a_bad_fit_costs_draws_and_nothing_else(steps: int, generator: Generator) -> None:
    """Twenty estimates of p(x)/p(x), from proposals that are off: their mean is one."""
    x = draws(20, generator)
    found = fitted_log_evidence(affine_vae(), x, generator=generator, k=4000, steps=steps)
    ratios = (found.log_evidence - WORLD.log_evidence(x)).exp()
    error = (found.standard_error * ratios).square().sum().sqrt().item() / 20
    assert abs(ratios.mean().item() - 1) <= 3 * error < 0.1


@pytest.mark.parametrize("spread", [0.6, math.exp(-12)])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_chain_of_two_layers_is_fitted_as_a_whole(
    direction: str, spread: float, generator: Generator
) -> None:
    """However narrow its lower layer is."""
    world = LinearGaussianChain([1.3, 0.8], [0.2, -0.5], [0.7, spread])
    model, x = affine_chain(world, direction), world.evidence.sample((6,), generator=generator)
    found = fitted_log_evidence(model, x, generator=generator, k=2000, steps=500)
    assert abs(found.nll + world.log_evidence(x).mean().item()) <= 3 * found.monte_carlo_error
    assert found.monte_carlo_error < 0.02


def test_an_arrow_without_noise_is_named(generator: Generator) -> None:
    """A Bernoulli between latents: nothing continuous makes its coins."""
    up = [GaussianNet(3, (), 2, generator=generator), GaussianNet(2, (), 1, generator=generator)]
    down = [LogitNet(2, (), 3, generator=generator), LogitNet(1, (), 2, generator=generator)]
    model, x = MarkovHVAE(up, down), torch.ones(1, 3)
    for estimate in (fitted_log_evidence, annealed_log_evidence):
        with pytest.raises(ValueError, match=r"decoder 2 must give a DiagonalGaussian.*Bernoulli"):
            estimate(model, x, generator=generator)


@pytest.mark.parametrize("name", ["k", "steps", "samples"])
def test_bad_input_is_named(name: str, generator: Generator) -> None:
    model, x = affine_vae(), draws(1, generator)
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got 0"):
        fitted_log_evidence(model, x, generator=generator, **{name: 0})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"x must be \(N, D\)"):
        fitted_log_evidence(model, x[0], generator=generator)
    for widen in (0.0, 0.9):
        with pytest.raises(ValueError, match=rf"widen must be .*{widen:g}"):
            fitted_log_evidence(model, x, generator=generator, widen=widen)
