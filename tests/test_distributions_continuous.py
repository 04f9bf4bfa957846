"""ContinuousBernoulli and GaussianMixture against quadrature, torch and 60-digit arithmetic."""

import math
from typing import Any

import mpmath as mp
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from torch import Tensor
from torch import distributions as td

from course_lib.distributions import (
    ContinuousBernoulli,
    DiagonalGaussian,
    FullGaussian,
    GaussianMixture,
    Laplace,
)

EPS = torch.finfo(torch.float64).eps
CLOSE: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-12}  # a few dozen roundings of numbers below 1e2
LOGITS = [0.0, 1e-300, -1e-12, 1e-4, 0.499999, 0.5, -0.5, 3.0, -40.0, 800.0, 1e4, -1e4]


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def cumulants(logit: float) -> tuple[mp.mpf, mp.mpf, mp.mpf]:
    """log ∫₀¹ exp(ηx) dx with its first two derivatives, the mean and the variance."""
    eta = mp.mpf(logit)
    if abs(eta) < mp.mpf(10) ** -15:  # the next term of each series is below 1e-30
        return eta / 2, mp.mpf(1) / 2 + eta / 12, mp.mpf(1) / 12
    mean = -1 / mp.expm1(-eta) - 1 / eta
    return mp.log(mp.expm1(eta) / eta), mean, 1 / eta**2 - 1 / (4 * mp.sinh(eta / 2) ** 2)


def variance_rounding(logit: float) -> float:
    """From |logit| = ½ on, two parts near 4 cancel down to 1/12; the series has no such loss."""
    return 8 * EPS if abs(logit) < 0.5 else 200 * EPS


@given(st.one_of(st.sampled_from(LOGITS), st.floats(-1e4, 1e4), st.floats(-1, 1)), st.floats(0, 1))
def test_continuous_bernoulli_at_every_logit(logit: float, x: float) -> None:
    q = ContinuousBernoulli(doubles(logit))
    with mp.workdps(60):
        log_normaliser, mean, variance = cumulants(logit)
        log_prob = float(mp.mpf(logit) * mp.mpf(x) - log_normaliser)
        entropy = float(log_normaliser - mp.mpf(logit) * mean)
    # log p is a product right to ε plus a log right to ε of 1 + |log η|.
    assert q.log_prob(doubles(x)).item() == pytest.approx(log_prob, rel=8 * EPS, abs=16 * EPS)
    assert q.entropy().item() == pytest.approx(entropy, rel=16 * EPS, abs=16 * EPS)
    assert q.mean.item() == pytest.approx(float(mean), rel=16 * EPS, abs=0)
    assert q.variance.item() == pytest.approx(float(variance), rel=variance_rounding(logit), abs=0)


@pytest.mark.parametrize("logit", [0.0, 1e-9, -0.4999, 0.5, -7.0, 30.0])
def test_continuous_bernoulli_integrates_to_one_and_has_its_moments(logit: float) -> None:
    q = ContinuousBernoulli(doubles(logit))

    def density(x: float) -> float:
        return q.log_prob(doubles(x)).exp().item()

    mean = quad(lambda x: x * density(x), 0, 1)[0]
    # The integrand is analytic: quad's 21 nodes reach about 1e-13 of values near 30.
    assert quad(density, 0, 1)[0] == pytest.approx(1.0, abs=1e-11)
    assert q.mean.item() == pytest.approx(mean, abs=1e-11)
    spread = quad(lambda x: (x - mean) ** 2 * density(x), 0, 1)[0]
    assert q.variance.item() == pytest.approx(spread, abs=1e-11)
    entropy = quad(lambda x: -density(x) * math.log(density(x)), 0, 1)[0]
    assert q.entropy().item() == pytest.approx(entropy, abs=1e-10)


@pytest.mark.parametrize("logit", LOGITS)
def test_the_derivatives_of_the_log_normaliser_are_mean_and_variance(logit: float) -> None:
    logits = doubles(logit).requires_grad_()
    x = doubles(0.3)
    log_prob = ContinuousBernoulli(logits).log_prob(x)
    (first,) = torch.autograd.grad(log_prob, logits, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), logits)
    with mp.workdps(60):
        _, mean, variance = cumulants(logit)
    assert first.item() == pytest.approx(float(mp.mpf(0.3) - mean), rel=16 * EPS, abs=4 * EPS)
    assert second.item() == pytest.approx(-float(variance), rel=variance_rounding(logit), abs=0)


@pytest.mark.parametrize("logit", [0.0, 1e-300, 0.3, -2.0, 50.0, 1e4, -1e4])
def test_continuous_bernoulli_samples_follow_its_distribution_function(
    logit: float, generator: torch.Generator
) -> None:
    count = 20_000
    q = ContinuousBernoulli(doubles(logit))
    x = q.sample((count,), generator=generator).squeeze(-1).sort().values
    assert x[0] >= 0
    assert x[-1] <= 1
    rate = abs(logit)
    inner = 1 - x if logit > 0 else x
    cumulative = inner if rate < 1e-9 else torch.expm1(-rate * inner) / math.expm1(-rate)
    cumulative = 1 - cumulative if logit > 0 else cumulative
    steps = torch.arange(count + 1, dtype=torch.float64) / count
    distance = torch.maximum(steps[1:] - cumulative, cumulative - steps[:-1]).max().item()
    # Kolmogorov: P(√N · distance > 2.2) is 1.2e-4.
    assert distance * math.sqrt(count) <= 2.2


def test_continuous_bernoulli_sums_its_event_and_agrees_with_torch(
    generator: torch.Generator,
) -> None:
    logits = 2 * torch.randn(4, 1, 3, generator=generator, dtype=torch.float64)
    x = torch.rand(5, 3, generator=generator, dtype=torch.float64)
    q = ContinuousBernoulli(logits)
    # torch's own series between λ = 0.499 and 0.501 is right to 1e-9 only: keep out of it here.
    oracle = td.ContinuousBernoulli(logits=logits, lims=(0.5, 0.5)).log_prob(x).sum(-1)
    torch.testing.assert_close(q.log_prob(x), oracle, **CLOSE)
    logits32 = logits.float().requires_grad_()
    single = ContinuousBernoulli(logits32).log_prob(x.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), oracle, rtol=1e-5, atol=4e-6)
    assert torch.autograd.gradcheck(
        lambda t: ContinuousBernoulli(t).log_prob(x), (logits.requires_grad_(),)
    )


def mixtures(generator: torch.Generator) -> list[tuple[GaussianMixture, td.MultivariateNormal]]:
    mean = 2 * torch.randn(4, 3, 2, generator=generator, dtype=torch.float64)
    factor = torch.tensor([[0.5, 0.0], [0.3, 1.5]], dtype=torch.float64)
    weights = torch.randn(3, generator=generator, dtype=torch.float64)  # batch () joins (4,)
    diagonal = DiagonalGaussian(mean, 0.3 * mean)
    full = FullGaussian(mean, factor)
    return [
        (GaussianMixture(weights, q), td.MultivariateNormal(q.mean, scale_tril=q.scale_tril))
        for q in (diagonal, full)
    ]


def test_mixture_agrees_with_torch(generator: torch.Generator) -> None:
    for ours, components in mixtures(generator):
        categories = td.Categorical(logits=ours.log_weights)
        theirs = td.MixtureSameFamily(categories, components)
        assert ours.batch_shape == theirs.batch_shape == (4,)
        for shape in [(2,), (4, 2), (6, 4, 2), (5, 1, 2)]:
            x = torch.randn(shape, generator=generator, dtype=torch.float64)
            torch.testing.assert_close(ours.log_prob(x), theirs.log_prob(x), **CLOSE)
        torch.testing.assert_close(ours.mean, theirs.mean, **CLOSE)
        torch.testing.assert_close(ours.variance, theirs.variance, **CLOSE)


def test_mixture_samples_have_its_moments(generator: torch.Generator) -> None:
    count = 40_000
    for q, _ in mixtures(generator):
        x = q.sample((count,), generator=generator)
        assert x.shape == (count, 4, 2)
        centred = x - q.mean
        assert (centred.mean(0).abs() <= 4.5 * (q.variance / count).sqrt()).all()
        squares = centred.square()
        assert ((squares.mean(0) - q.variance).abs() <= 4.5 * squares.std(0) / count**0.5).all()


def test_each_batch_entry_draws_its_own_component(generator: torch.Generator) -> None:
    log_weights = doubles(0, -math.inf), doubles(-math.inf, 0)
    apart = DiagonalGaussian.from_std([[-100.0], [100.0]], 1.0)
    q = GaussianMixture(torch.stack(log_weights), apart)
    x = q.sample((1000,), generator=generator)
    assert (x[:, 0] < 0).all()
    assert (x[:, 1] > 0).all()
    torch.testing.assert_close(q.mean, doubles(-100, 100).unsqueeze(-1))


def test_mixture_far_out_and_beside_a_weight_of_zero() -> None:
    log_weights = doubles(0.0, -math.inf, 1.0).requires_grad_()
    mean = doubles(-1e4, 0.0, 1e4).unsqueeze(-1).requires_grad_()
    components = DiagonalGaussian(mean, torch.full_like(mean, math.log(1e-3)))
    ours = GaussianMixture(log_weights, components).log_prob(doubles(0.0))
    # Both modes are 1e7 widths away: log p = log(w_1 + w_3) + log N(1e4; 0, 1e-3²).
    expected = -0.5 * 1e14 - math.log(1e-3) - 0.5 * math.log(2 * math.pi)
    assert ours.item() == pytest.approx(expected, rel=64 * EPS, abs=0)
    gradients = torch.autograd.grad(ours, (log_weights, mean))
    assert all(torch.isfinite(g).all() for g in gradients)


def test_a_mixture_says_what_it_cannot_do() -> None:
    two = DiagonalGaussian.standard(1).expand((2,))
    with pytest.raises(NotImplementedError, match=r"no closed form.*log_prob over samples"):
        GaussianMixture(doubles(0, 0), two).entropy()
    with pytest.raises(ValueError, match=r"log_weights \(3,\) and components with batch \(2,\)"):
        GaussianMixture(doubles(0, 0, 0), two)
    with pytest.raises(ValueError, match=r"components must be a DiagonalGaussian.*got Tensor"):
        GaussianMixture(doubles(0), doubles(0))  # type: ignore[arg-type]


def test_draws_of_a_laplace_have_its_mean_variance_and_distribution(
    generator: torch.Generator,
) -> None:
    """Beyond a distance d from the mean lie ½ e^{−d/b} on either side."""
    law, count = Laplace(doubles(0.7, -3.0), doubles(1.5, 0.2).log()), 100_000
    draws = (law.sample((count,), generator=generator) - law.mean) / law.scale
    assert bool((draws.mean(0).abs() < 4.5 * math.sqrt(2 / count)).all())
    assert bool(((draws.var(0) - 2).abs() < 4.5 * math.sqrt(20 / count)).all())  # E x⁴ − 2² = 20
    for away in (-2.0, -0.5, 0.0, 0.5, 2.0):
        tail = 0.5 * math.exp(-abs(away))
        below = tail if away <= 0 else 1 - tail
        error = math.sqrt(below * (1 - below) / count)
        assert bool((((draws <= away).double().mean(0) - below).abs() < 4.5 * error).all())
