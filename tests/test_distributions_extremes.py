"""Near neighbours and widths beyond what a float can hold, against arithmetic in 60 digits."""

import math

import mpmath as mp
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from course_lib.distributions import (
    Bernoulli,
    Binomial,
    ContinuousBernoulli,
    DiagonalGaussian,
    FullGaussian,
    kl_divergence,
)
from course_lib.distributions.exp_remainder import exp_remainder

EPS = torch.finfo(torch.float64).eps
APART = [1e-1, 3e-3, 1e-6, 1e-9, 1e-12, 1e-15]  # between the parameters of two neighbours


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@given(st.one_of(st.floats(-750, 750), st.floats(-1, 1), st.floats(-1e-9, 1e-9)))
def test_the_remainder_keeps_its_digits(r: float) -> None:
    at = doubles(r).requires_grad_()
    with mp.workdps(700):
        exact = mp.exp(mp.mpf(r)) - 1 - mp.mpf(r)
        slope = mp.expm1(mp.mpf(r))
    ours = exp_remainder(at)
    # Where the series ends the difference still has fourteen digits; the least float is 5e-324.
    assert ours.item() == pytest.approx(float(exact), rel=3e-14, abs=1e-320)
    (gradient,) = torch.autograd.grad(ours.sum(), at)
    assert gradient.item() == pytest.approx(float(slope), rel=4 * EPS, abs=1e-320)


def kl_normal(m: mp.mpf, log_s: mp.mpf, n: mp.mpf, log_t: mp.mpf) -> mp.mpf:
    d = 2 * (log_s - log_t)
    return (mp.exp(d) - 1 - d + ((m - n) * mp.exp(-log_t)) ** 2) / 2


@pytest.mark.equation("4.3")
@pytest.mark.parametrize("apart", APART)
@pytest.mark.parametrize("log_std", [0.3, -27.6, 27.6, -750.0, 750.0])
def test_diagonal_neighbours(apart: float, log_std: float) -> None:
    """At σ = 1e-12 and 1e12, and where σ is no float at all, only the widths differ."""
    ours = doubles(log_std), doubles(log_std * (1 + apart) + apart)
    shift = apart * math.exp(log_std) if abs(log_std) < 700 else 0.0
    means = doubles(0.2), doubles(0.2 + shift)
    q, p = (DiagonalGaussian(m, s) for m, s in zip(means, ours, strict=True))
    with mp.workdps(60):
        numbers = [mp.mpf(v.item()) for v in (means[0], ours[0], means[1], ours[1])]
        oracle = float(kl_normal(*numbers))
    assert kl_divergence(q, p).item() == pytest.approx(oracle, rel=1e-13, abs=0)


@pytest.mark.equation("4.4")
@pytest.mark.parametrize("apart", APART)
def test_full_neighbours(apart: float, generator: torch.Generator) -> None:
    """The very numbers that are held, in 60 digits: they differ in their last bits alone."""
    noise = torch.randn(2, 3, 3, dtype=torch.float64, generator=generator).tril()
    root = 5.0 * torch.eye(3, dtype=torch.float64) + noise[0]
    other = root + apart * noise[1]
    q, p = FullGaussian(doubles(0, 1, 2), root), FullGaussian(doubles(0, 1, 2 + apart), other)
    with mp.workdps(60):
        a, b = (mp.matrix(g.scale_tril.tolist()) for g in (q, p))
        ratio = mp.inverse(b) * a
        shift = mp.inverse(b) * mp.matrix((q.mean - p.mean).tolist())
        terms = [x**2 for x in ratio] + [x**2 for x in shift]
        terms += [-1 - 2 * mp.log(ratio[i, i]) for i in range(3)]
        oracle = float(mp.fsum(terms) / 2)
    assert kl_divergence(q, p).item() == pytest.approx(oracle, rel=1e-12, abs=0)


def flip_kl(q: float, p: float) -> mp.mpf:
    """From the logits, in as many digits as are set."""
    a, b = mp.mpf(q), mp.mpf(p)
    logs = [(-mp.log1p(mp.exp(-s * a)), -mp.log1p(mp.exp(-s * b))) for s in (1, -1)]
    return mp.fsum(mp.exp(x) * (x - y) for x, y in logs)


@pytest.mark.equation("4.5")
@pytest.mark.parametrize("apart", APART)
@pytest.mark.parametrize("logit", [0.0, 0.7, -30.0, 200.0])
def test_coins_that_are_neighbours(apart: float, logit: float) -> None:
    other = logit + apart * (1 + abs(logit) / 30)
    with mp.workdps(220):
        oracle = float(flip_kl(logit, other))
    assert kl_divergence(Bernoulli(doubles(logit)), Bernoulli(doubles(other))).item() == (
        pytest.approx(oracle, rel=2e-13, abs=0)
    )
    counts = kl_divergence(Binomial(16, doubles(logit)), Binomial(16, doubles(other)))
    assert counts.item() == pytest.approx(16 * oracle, rel=2e-13, abs=0)


@pytest.mark.parametrize("apart", APART)
@pytest.mark.parametrize("logit", [0.0, 0.49, -3.0, 1e3, -1e4])
def test_grey_pixels_that_are_neighbours(apart: float, logit: float) -> None:
    other = logit + apart * (1 + abs(logit))
    with mp.workdps(900):
        a, b = mp.mpf(logit), mp.mpf(other)
        log_integrals = [mp.log(mp.expm1(c) / c) if c else mp.mpf(0) for c in (a, b)]
        mean = 1 / -mp.expm1(-a) - 1 / a if a else mp.mpf(1) / 2
        oracle = float((a - b) * mean - log_integrals[0] + log_integrals[1])
    q, p = (ContinuousBernoulli(doubles(c)) for c in (logit, other))
    assert kl_divergence(q, p).item() == pytest.approx(oracle, rel=1e-12, abs=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("log_std", [-750.0, -1e5, -100.0, 100.0, 750.0, 1e5])
def test_any_real_number_is_a_log_std(log_std: float, dtype: torch.dtype) -> None:
    parameters = [torch.tensor([v], dtype=dtype).requires_grad_() for v in (0.3, log_std)]
    q = DiagonalGaussian(*parameters)
    expected = -log_std - 0.5 * math.log(2 * math.pi)
    rounding = 4 * torch.finfo(dtype).eps
    assert q.log_prob(q.mean).item() == pytest.approx(expected, rel=rounding)
    assert kl_divergence(q, DiagonalGaussian(*(v.detach() for v in parameters))).item() == 0
    gradients = torch.autograd.grad(q.log_prob(q.mean).sum(), parameters)
    assert [g.item() for g in gradients] == [0.0, -1.0]
    column = torch.zeros(1, 2, dtype=dtype)
    assert q.whiten(column).tolist() == [[0.0, 0.0]]


@pytest.mark.equation("4.3")
@pytest.mark.parametrize(("log_std", "shift"), [(-740.0, 1e-320), (-750.0, 1e-323), (705.0, 1e300)])
def test_widths_that_are_no_float_still_divide(log_std: float, shift: float) -> None:
    q = DiagonalGaussian(doubles(0.0), doubles(log_std))
    with mp.workdps(60):
        z = mp.mpf(shift) * mp.exp(-mp.mpf(log_std))
        log_prob = float(-(z**2) / 2 - mp.mpf(log_std) - mp.log(2 * mp.pi) / 2)
    assert q.log_prob(doubles(shift)).item() == pytest.approx(log_prob, rel=1e-12)
    moved = DiagonalGaussian(doubles(shift), doubles(log_std))
    assert kl_divergence(q, moved).item() == pytest.approx(float(z**2 / 2), rel=1e-12, abs=1e-300)


def test_a_full_gaussian_beside_an_endlessly_narrow_one() -> None:
    full = FullGaussian(doubles(0, 0), torch.eye(2, dtype=torch.float64) + doubles(0, 0.1).diag())
    narrow = DiagonalGaussian(doubles(0, 0), doubles(-800, -800))
    assert kl_divergence(full, narrow).item() == math.inf
    # log σ_p − log σ_q = 800 a coordinate, and the variance of q is nothing beside p's.
    expected = 1600 + math.log(1.1) - 1
    assert kl_divergence(narrow, full).item() == pytest.approx(expected, rel=1e-14)
