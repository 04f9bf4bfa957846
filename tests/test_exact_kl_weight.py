"""The weighted bound against quadrature, dense matrices and an optimiser that knows no formula."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from torch import Generator, Tensor
from torch.distributions import MultivariateNormal

from course_lib.distributions import DiagonalGaussian, FullGaussian
from course_lib.exact import LinearGaussian
from course_lib.exact.optima.kl_weight import (
    best_squared_loadings,
    mutual_information,
    tempered,
    tempered_constant,
    weighted_bound,
    weighted_gap,
)

UNIT = LinearGaussian([[1.0]], 0.0, 1.0)
WIDE = LinearGaussian([[1.5, 0.3], [0.0, 1.0], [-0.7, 0.4]], [0.1, 0.2, -0.3], [0.8, 0.5, 0.6])
ONE = torch.ones(1, dtype=torch.float64)


def log_normal(value: float, mean: float, variance: float) -> float:
    return -0.5 * (value - mean) ** 2 / variance - 0.5 * math.log(2 * math.pi * variance)


def expectation(f: Callable[[float], float], mean: float, std: float) -> float:
    """E f(z) for z ~ N(mean, std²), by SciPy."""
    ends = (mean - 12 * std, mean + 12 * std)
    return quad(lambda z: math.exp(log_normal(z, mean, std**2)) * f(z), *ends, epsabs=1e-12)[0]


@pytest.mark.equation("5.3")
@pytest.mark.parametrize(("w", "s"), [(1.0, 1.0), (2.0, 0.5), (0.1, 1.0)])
def test_mutual_information_is_the_mean_kl_over_x(w: float, s: float) -> None:
    variance = 1 / (1 + w**2 / s**2)  # of the posterior; its mean is variance · w x / s²

    def kl(x: float) -> float:
        mean = variance * w * x / s**2
        return expectation(
            lambda z: log_normal(z, mean, variance) - log_normal(z, 0.0, 1.0),
            mean,
            math.sqrt(variance),
        )

    averaged = expectation(kl, 0.0, math.sqrt(w**2 + s**2))
    found = mutual_information(LinearGaussian([[w]], 0.0, s)).item()
    assert found == pytest.approx(averaged, abs=1e-9)
    assert found == pytest.approx(0.5 * math.log(1 + w**2 / s**2), rel=1e-14)


def test_mutual_information_is_the_entropy_that_z_takes_from_x() -> None:
    noise = WIDE.noise_std.square().diag()
    dense = 0.5 * (torch.logdet(WIDE.loadings @ WIDE.loadings.T + noise) - torch.logdet(noise))
    torch.testing.assert_close(mutual_information(WIDE), dense, rtol=1e-13, atol=0)
    dead = LinearGaussian(torch.zeros(3, 2).double(), 0.0, 0.1)
    assert mutual_information(dead).item() == 0.0


@pytest.mark.equation("5.2", "5.5")
@pytest.mark.parametrize("beta", [0.1, 0.5, 1.0, 4.0])
@pytest.mark.parametrize(("mean", "std"), [(2 / 3, 3**-0.5), (-1.0, 0.3), (0.0, 1.0)])
def test_bound_and_gap_are_those_of_quadrature(beta: float, mean: float, std: float) -> None:
    x, variance = 1.3, std**2
    reconstruction = expectation(lambda z: log_normal(x, z, 1.0), mean, std)
    kl = expectation(lambda z: log_normal(z, mean, variance) - log_normal(z, 0.0, 1.0), mean, std)
    q = DiagonalGaussian.from_std(mean, std)
    found = weighted_bound(UNIT, q, x * ONE, beta).item()
    assert found == pytest.approx(reconstruction - beta * kl, abs=1e-9)
    gap = weighted_gap(UNIT, q, x * ONE, beta).item()
    assert gap == pytest.approx(log_normal(x, 0.0, 2.0) - found, abs=1e-9)


def test_the_numbers_of_the_text() -> None:
    """β = ½ at w = s = x = 1: the best q, and a value above log p(x)."""
    q = tempered(UNIT, 0.5).posterior(ONE)
    assert (q.mean.item(), q.variance.item()) == pytest.approx((2 / 3, 1 / 3), rel=1e-14)
    assert weighted_bound(UNIT, q, ONE, 0.5).item() == pytest.approx(-1.360258, abs=5e-7)
    assert UNIT.log_evidence(ONE).item() == pytest.approx(-1.515512, abs=5e-7)
    assert mutual_information(UNIT).item() == pytest.approx(0.346574, abs=5e-7)


@pytest.mark.equation("5.6")
@given(
    log_beta=st.floats(-6, 6),
    mean=st.floats(-5, 5),
    log_std=st.floats(-5, 2),
    log_noise=st.floats(-4, 3),
)
def test_beta_is_a_noise_level(
    log_beta: float, mean: float, log_std: float, log_noise: float
) -> None:
    beta, variance = math.exp(log_beta), math.exp(2 * log_noise)
    world = LinearGaussian([[0.8], [-1.1]], [0.2, 0.0], math.exp(log_noise))
    q, x = DiagonalGaussian.from_std(mean, math.exp(log_std)), torch.tensor([1.0, 0.5]).double()
    moved = beta * tempered(world, beta).elbo(q, x) + tempered_constant(world, beta)
    z, spread = mean, math.exp(2 * log_std)  # E_q and Var_q of z, written out
    misfit = (0.8 - 0.8 * z) ** 2 + (0.5 + 1.1 * z) ** 2 + (0.8**2 + 1.1**2) * spread
    reconstruction = -math.log(2 * math.pi * variance) - 0.5 * misfit / variance
    kl = 0.5 * (spread + z**2 - 1) - log_std
    terms = (reconstruction, beta * kl, tempered_constant(world, beta).item())
    largest = max(1.0, *map(abs, terms))  # rounding is relative to what is added up
    expected = reconstruction - beta * kl
    assert moved.item() == pytest.approx(expected, abs=1e-12 * largest)
    assert weighted_bound(world, q, x, beta).item() == pytest.approx(expected, abs=1e-12 * largest)


def test_the_tempered_posterior_is_best() -> None:
    """No nearby full-covariance q has a higher L_β."""
    generator = Generator().manual_seed(1)
    x = torch.tensor([0.5, -1.0, 0.3], dtype=torch.float64)
    for beta in (0.3, 1.0, 5.0):
        best = tempered(WIDE, beta).posterior(x)
        top = weighted_bound(WIDE, best, x, beta)
        for _ in range(30):
            noise = 0.1 * torch.randn(2, 3, dtype=torch.float64, generator=generator)
            scale = best.scale_tril * torch.exp(noise[:, :2]).tril()
            other = FullGaussian(best.mean + noise[:, 2], scale)
            assert weighted_bound(WIDE, other, x, beta) < top


def climbed(covariance: Tensor, latent: int, beta: float, noise: float) -> Tensor:
    """The squared singular values of W that maximise the mean of max_q L_β, by L-BFGS.

    max_q L_β = β log ∫ p(z) p(x|z)^{1/β} dz, a dense Gaussian in x with noise βs² up to constants.
    """
    size = len(covariance)
    factor = torch.linalg.cholesky(covariance)
    x = math.sqrt(size) * torch.cat([factor.T, -factor.T])  # mean 0, covariance as given
    generator = Generator().manual_seed(0)
    W = torch.randn(size, latent, dtype=torch.float64, generator=generator).requires_grad_()
    climber = torch.optim.LBFGS(
        [W],
        max_iter=500,
        tolerance_grad=1e-11,
        tolerance_change=0,
        line_search_fn="strong_wolfe",  # without it a first step may leap out of the basin
    )

    def loss() -> Tensor:
        climber.zero_grad()
        dense = W @ W.T + beta * noise * torch.eye(size, dtype=torch.float64)
        value: Tensor = -MultivariateNormal(torch.zeros(size).double(), dense).log_prob(x).mean()
        value.backward()
        return value

    climber.step(loss)
    squared: Tensor = torch.linalg.svdvals(W.detach()).square()
    return squared


@pytest.mark.equation("5.7")
@pytest.mark.parametrize(("latent", "beta"), [(1, 1.0), (2, 1.0), (3, 2.0), (2, 5.0)])
def test_the_survivors_are_those_an_optimiser_finds(latent: int, beta: float) -> None:
    eigenvalues = torch.tensor([3.0, 1.0, 0.5, 0.25], dtype=torch.float64)
    noise = torch.randn(4, 4, dtype=torch.float64, generator=Generator().manual_seed(3))
    turn, _ = torch.linalg.qr(noise)
    found = climbed(turn @ eigenvalues.diag() @ turn.T, latent, beta, noise=0.4)
    rule = best_squared_loadings(eigenvalues[:latent], 0.4, beta)
    # A dead direction is flat to fourth order at its edge; here none is nearer than 0.1 to it.
    torch.testing.assert_close(found, rule, rtol=1e-5, atol=1e-5)


def test_eigenvalues_of_the_text() -> None:
    """(3, 1, ½) with one latent: maximum likelihood leaves s² = 0.75 and w² = 2.25."""
    assert best_squared_loadings([3.0], 0.75).tolist() == [2.25]
    assert best_squared_loadings([3.0, 1.0, 0.5], 0.75).tolist() == [2.25, 0.25, 0.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tempered(UNIT, 0.0), "beta must be positive, got 0"),
        (lambda: weighted_bound(UNIT, UNIT.prior, ONE, -1.0), "beta must be positive, got -1"),
        (lambda: weighted_gap(UNIT, UNIT.prior, ONE, [1.0, 2.0]), "beta must be one number"),  # type: ignore[arg-type]
        (lambda: best_squared_loadings([1.0, -0.5], 1.0), "must not be negative, got -0.5"),
        (lambda: best_squared_loadings([1.0], 0.0), "noise_variance must be positive"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    "q",
    [
        DiagonalGaussian(1e200 * ONE, 0 * ONE),
        DiagonalGaussian(0 * ONE, 400 * ONE),
        FullGaussian(0 * ONE, 1e200 * torch.eye(1).double()),
    ],
    ids=["far", "wide", "wide, full"],
)
def test_a_divergence_beyond_all_numbers_is_refused(
    q: DiagonalGaussian | FullGaussian, beta: float
) -> None:
    """log p(x) − L_β is a difference of two infinities there: NaN, or whichever comes first."""
    with pytest.raises(ValueError, match=r"KL\(q ‖ p\(z\)\) must be finite, got inf"):
        weighted_bound(UNIT, q, ONE, beta)
    with pytest.raises(ValueError, match=r"KL\(q ‖ p\(z\|x\)\) must be finite, got inf"):
        weighted_gap(UNIT, q, ONE, beta)
