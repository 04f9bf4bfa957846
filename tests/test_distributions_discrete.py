"""Bernoulli, Binomial and Categorical against enumeration, SciPy and 40-digit arithmetic."""

import itertools
import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor
from torch import distributions as td

from course_lib.distributions import Bernoulli, Binomial, Categorical

EPS = torch.finfo(torch.float64).eps
CLOSE: dict[str, Any] = {"rtol": 1e-13, "atol": 1e-13}  # a few dozen roundings of numbers near 1
INF = math.inf


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def log_sigmoid(logit: float) -> mp.mpf:
    """log 1/(1 + exp(−logit)) in the working precision of mpmath."""
    if math.isinf(logit):
        return mp.mpf(0) if logit > 0 else mp.mpf("-inf")
    return -mp.log1p(mp.exp(-mp.mpf(logit)))


def product(p: mp.mpf, log_p: mp.mpf) -> mp.mpf:
    return mp.mpf(0) if p == 0 else p * log_p


def outcomes(size: int, levels: int = 2) -> Tensor:
    """Every vector of `size` whole numbers below `levels`."""
    return torch.tensor(list(itertools.product(range(levels), repeat=size)), dtype=torch.float64)


def test_bernoulli_sums_to_one_and_has_its_moments(generator: torch.Generator) -> None:
    logits = 3 * torch.randn(5, 4, generator=generator, dtype=torch.float64)
    q, x = Bernoulli(logits), outcomes(4)
    log_mass = q.log_prob(x.unsqueeze(1))  # (16, 5)
    mass = log_mass.exp()
    torch.testing.assert_close(mass.sum(0), torch.ones(5, dtype=torch.float64), **CLOSE)
    mean = torch.einsum("kb,kd->bd", mass, x)
    torch.testing.assert_close(q.mean, mean, **CLOSE)
    torch.testing.assert_close(q.variance, mean - mean.square(), **CLOSE)
    torch.testing.assert_close(q.entropy(), -(mass * log_mass).sum(0), **CLOSE)
    oracle = td.Bernoulli(logits=logits).log_prob(x.unsqueeze(1)).sum(-1)
    torch.testing.assert_close(log_mass, oracle, **CLOSE)


@given(st.one_of(st.floats(-1e4, 1e4), st.floats(-50, 50), st.sampled_from([INF, -INF])))
def test_bernoulli_at_extreme_logits(logit: float) -> None:
    logits = doubles(logit).requires_grad_()
    q = Bernoulli(logits)
    with mp.workdps(40):
        for x, sign in [(1.0, 1), (0.0, -1)]:
            oracle = float(log_sigmoid(sign * logit))
            ours = q.log_prob(doubles(x))
            assert ours.item() == pytest.approx(oracle, rel=8 * EPS, abs=1e-300)
            if math.isfinite(oracle):
                (gradient,) = torch.autograd.grad(ours, logits)
                # ∂ log p(x)/∂ logit = x − σ(logit)
                assert gradient.item() == pytest.approx(
                    x - float(mp.exp(log_sigmoid(logit))), rel=8 * EPS, abs=8 * EPS
                )
        ps = [(mp.exp(log_sigmoid(s * logit)), log_sigmoid(s * logit)) for s in (1, -1)]
        entropy = -sum(product(p, log_p) for p, log_p in ps)
    # Below 1e-300 float64 loses digits, then all of the number; above it, all digits are kept.
    assert q.entropy().item() == pytest.approx(float(entropy), rel=16 * EPS, abs=1e-300)
    (gradient,) = torch.autograd.grad(q.entropy(), logits)
    assert torch.isfinite(gradient).all()


def test_probabilities_0_and_1_are_exact() -> None:
    q = Bernoulli.from_probs([0.0, 1.0, 0.25])
    assert q.logits.tolist() == [-INF, INF, pytest.approx(-math.log(3), rel=4 * EPS, abs=0)]
    assert q.mean.tolist() == [0.0, 1.0, pytest.approx(0.25, rel=4 * EPS, abs=0)]
    assert q.log_prob(doubles(0, 1, 1)).item() == pytest.approx(math.log(0.25), rel=4 * EPS, abs=0)
    assert q.log_prob(doubles(1, 1, 1)).item() == -INF
    counts = Binomial.from_probs(5, [0.0, 1.0])
    assert counts.log_prob(doubles(0, 5)).item() == 0.0
    assert counts.log_prob(doubles(1, 5)).item() == -INF
    assert counts.entropy().item() == 0.0
    kinds = Categorical.from_probs([0.0, 1.0])
    assert kinds.log_prob(torch.tensor([0, 1])).tolist() == [-INF, 0.0]
    assert kinds.entropy().item() == 0.0


@pytest.mark.parametrize("count", [1, 16, 255])
def test_binomial_agrees_with_scipy(count: int) -> None:
    probs = [1e-9, 0.3, 0.5, 0.999]
    q = Binomial.from_probs(count, probs)
    x = torch.arange(count + 1, dtype=torch.float64)
    # lgamma of numbers up to 256 is right to a few roundings of its value, about 1.2e3.
    close: dict[str, Any] = {"rtol": 1e-12, "atol": 4e3 * EPS}
    for i, p in enumerate(probs):
        one = Binomial(count, q.logits[i : i + 1])
        oracle = stats.binom(count, p)
        ours = one.log_prob(x.unsqueeze(-1))
        exact = doubles(*(_binomial_log_mass(count, k, p) for k in range(count + 1)))
        torch.testing.assert_close(ours, exact, **close)
        # SciPy's own entropy has 8 digits at p = 1e-9, so the exact masses are summed instead.
        entropy = -math.fsum(exact.exp() * exact)
        assert one.entropy().item() == pytest.approx(entropy, rel=1e-11, abs=4e3 * EPS)
        assert one.mean.item() == pytest.approx(oracle.mean(), rel=1e-13, abs=0)
        assert one.variance.item() == pytest.approx(oracle.var(), rel=1e-12, abs=0)


def test_a_binomial_from_one_probability_has_one_coordinate_and_from_many_as_many() -> None:
    one = Binomial.from_probs(7, 0.3)
    assert (one.event_shape, one.batch_shape, one.total_count) == ((1,), (), 7)
    assert one.log_prob(doubles(2.0)).item() == pytest.approx(stats.binom(7, 0.3).logpmf(2))
    many = Binomial.from_probs(7, [[0.3, 0.6], [0.1, 0.9], [0.5, 0.2]])
    assert (many.event_shape, many.batch_shape) == ((2,), (3,))
    expected = stats.binom(7, [0.3, 0.1, 0.5]).logpmf(2) + stats.binom(7, [0.6, 0.9, 0.2]).logpmf(5)
    assert many.log_prob(doubles(2.0, 5.0)).tolist() == pytest.approx(np.asarray(expected).tolist())


def _binomial_log_mass(count: int, k: int, p: float) -> float:
    with mp.workdps(40):
        success, failure = mp.log(mp.mpf(p)), mp.log1p(-mp.mpf(p))
        return float(mp.log(mp.binomial(count, k)) + k * success + (count - k) * failure)


def test_binomial_sums_its_event_and_keeps_its_batch(generator: torch.Generator) -> None:
    logits = torch.randn(3, 1, 2, generator=generator, dtype=torch.float64)
    q, x = Binomial(4, logits), outcomes(2, levels=5)
    log_mass = q.log_prob(x)  # values bring a batch of 25 to (3, 1)
    assert log_mass.shape == (3, 25)
    oracle = td.Binomial(4, logits=logits).log_prob(x).sum(-1)
    torch.testing.assert_close(log_mass, oracle, **CLOSE)
    torch.testing.assert_close(log_mass.exp().sum(-1), torch.ones(3, dtype=torch.float64), **CLOSE)
    assert torch.autograd.gradcheck(
        lambda t: Binomial(4, t).log_prob(x), (logits.requires_grad_(),)
    )


def test_categorical_sums_to_one_and_has_its_moments(generator: torch.Generator) -> None:
    logits = 5 * torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    q, k = Categorical(logits), torch.arange(4)
    log_mass = q.log_prob(k[:, None, None].expand(4, 2, 3))
    torch.testing.assert_close(log_mass, td.Categorical(logits=logits).logits.movedim(-1, 0))
    mass = log_mass.exp()
    torch.testing.assert_close(mass.sum(0), torch.ones(2, 3, dtype=torch.float64), **CLOSE)
    mean = torch.einsum("kab,k->ab", mass, k.double())
    torch.testing.assert_close(q.mean, mean, **CLOSE)
    second = torch.einsum("kab,k->ab", mass, k.double().square())
    torch.testing.assert_close(q.variance, second - mean.square(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(q.entropy(), -(mass * log_mass).sum(0), **CLOSE)


def test_categorical_values_broadcast_with_the_batch() -> None:
    q = Categorical.from_probs([[0.2, 0.8], [0.5, 0.5], [1.0, 0.0]])
    expected = q.log_probs[:, 1]
    assert torch.equal(q.log_prob(torch.tensor(1)), expected)
    assert torch.equal(q.log_prob(torch.tensor([[1], [0]]))[0], expected)
    single = Categorical.from_probs([0.2, 0.8])
    values = torch.tensor([[0, 1, 1]])
    torch.testing.assert_close(single.log_prob(values).exp(), single.probs[values])


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_categorical_knows_no_common_shift_and_takes_large_gaps(shift: float) -> None:
    q = Categorical(doubles(0.0, -30.0, -1e4, -INF) + shift)
    log_probs = [q.log_prob(torch.tensor(k)).item() for k in range(4)]
    # The shifted logits are whole numbers, so only the sum 1 + exp(−30) rounds.
    assert log_probs[0] == pytest.approx(-math.log1p(math.exp(-30)), abs=2 * EPS)
    assert log_probs[1] == pytest.approx(-30.0 - math.exp(-30), rel=4 * EPS, abs=0)
    assert log_probs[2] == pytest.approx(-1e4, rel=4 * EPS, abs=0)
    assert log_probs[3] == -INF


def test_impossible_categories_leave_gradients_finite() -> None:
    logits = doubles(0.5, -INF, 1.0).requires_grad_()
    q = Categorical(logits)
    for number in (q.log_prob(torch.tensor(0)), q.entropy(), q.mean):
        (gradient,) = torch.autograd.grad(number, logits, retain_graph=True)
        assert torch.isfinite(gradient).all()
        assert gradient[1] == 0
    probs = doubles(0.4, 0.0, 0.6).requires_grad_()
    Categorical.from_probs(probs).log_prob(torch.tensor(2)).backward()
    assert probs.grad is not None
    assert torch.isfinite(probs.grad).all()


def test_sample_frequencies_are_the_probabilities(generator: torch.Generator) -> None:
    count = 40_000
    q = Categorical.from_probs([[0.1, 0.0, 0.9], [0.3, 0.4, 0.3]])
    draws = q.sample((count // 100, 100), generator=generator)
    assert draws.shape == (count // 100, 100, 2)
    assert draws.dtype == torch.int64
    found = torch.stack([(draws == k).double().mean((0, 1)) for k in range(3)], -1)
    assert ((found - q.probs).abs() <= 4.5 * (q.probs * (1 - q.probs) / count).sqrt()).all()
    assert q.sample((0, 2), generator=generator).shape == (0, 2, 2)
    for pixels in (Bernoulli.from_probs([0.0, 1.0, 0.3]), Binomial.from_probs(7, [0.0, 1.0, 0.3])):
        x = pixels.sample((count,), generator=generator)
        error = (pixels.variance / count).sqrt()
        assert ((x.mean(0) - pixels.mean).abs() <= 4.5 * error).all()
        assert torch.equal(x[:, :2], pixels.mean[:2].expand(count, 2))  # probabilities 0 and 1
        # Var(sample variance) ≤ κ Var²/N with kurtosis κ below 4 for these, so 4.5 · 2 · Var/√N.
        spread = x.var(0) - pixels.variance
        assert (spread.abs() <= 9.0 * pixels.variance / math.sqrt(count)).all()


def test_float32_keeps_the_digits_that_float32_has(generator: torch.Generator) -> None:
    logits = 20 * torch.randn(50, 784, generator=generator)
    x = (torch.rand(50, 784, generator=generator) < 0.5).float()
    exact = Bernoulli(logits.double()).log_prob(x.double())
    # Pairwise sums of 784 terms of one sign keep about log2(784) ≈ 10 roundings.
    torch.testing.assert_close(Bernoulli(logits).log_prob(x).double(), exact, rtol=1e-6, atol=0)
    counts = torch.arange(256.0).unsqueeze(-1)
    single = Binomial(255, torch.tensor([0.7])).log_prob(counts)
    double = Binomial(255, torch.tensor([0.7], dtype=torch.float64)).log_prob(counts.double())
    # Terms up to 255 · log 2 ≈ 177 each, rounded at 6e-8 of that; 0.7 is rounded once, times 255.
    torch.testing.assert_close(single.double(), double, rtol=0, atol=8 * 177 * 6e-8)
