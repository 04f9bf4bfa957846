"""Near neighbours and widths beyond what a float can hold, against arithmetic in 60 digits."""

import math
from typing import Any

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
    Laplace,
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
    # Where the series ends |e^r − 1| + |r| is ten times their difference. The least float: 5e-324.
    assert ours.item() == pytest.approx(float(exact), rel=10 * EPS, abs=1e-320)
    (gradient,) = torch.autograd.grad(ours.sum(), at)
    assert gradient.item() == pytest.approx(float(slope), rel=4 * EPS, abs=1e-320)


@given(st.one_of(st.floats(-80, 80, width=32), st.floats(-1, 1, width=32)))
def test_the_remainder_keeps_its_digits_in_single_precision(r: float) -> None:
    with mp.workdps(120):
        exact = float(mp.exp(mp.mpf(r)) - 1 - mp.mpf(r))
    ours = exp_remainder(torch.tensor(r, dtype=torch.float32)).item()
    assert ours == pytest.approx(exact, rel=10 * torch.finfo(torch.float32).eps, abs=1e-44)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_remainder_is_infinite_at_both_ends(dtype: torch.dtype) -> None:
    at = torch.tensor([-math.inf, 711.0, 1e30, math.inf], dtype=dtype)
    assert exp_remainder(at).tolist() == [math.inf] * 4


# What torch itself imports for forward mode compiles a few of its own functions.
@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
def test_the_remainder_and_kls_under_torch_func() -> None:
    """Derivatives forwards, backwards and twice, mapped over rows: all are made of e^r − 1."""
    r = doubles(-3.0, -0.4, 0.0, 1e-9, 0.4, 2.0)
    for derivative in (torch.func.grad, torch.func.jacrev, torch.func.jacfwd):
        slopes = torch.func.vmap(derivative(exp_remainder))(r)
        torch.testing.assert_close(slopes, r.expm1(), rtol=2 * EPS, atol=0)
    curves = torch.func.vmap(torch.func.hessian(exp_remainder))(r)
    torch.testing.assert_close(curves, r.exp(), rtol=2 * EPS, atol=0)
    torch.testing.assert_close(torch.func.vmap(exp_remainder)(r), exp_remainder(r), rtol=0, atol=0)

    def cost(log_std: Tensor) -> Tensor:
        return kl_divergence(DiagonalGaussian(doubles(0.3), log_std), DiagonalGaussian.standard(1))

    at, ahead = doubles(0.7), doubles(2.0)
    slope = math.expm1(2 * 0.7)  # σ² − 1
    assert torch.func.grad(cost)(at).item() == pytest.approx(slope, rel=4 * EPS)
    _, moved = torch.func.jvp(cost, (at,), (ahead,))  # type: ignore[misc]
    assert moved.item() == pytest.approx(2 * slope, rel=4 * EPS)


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


@pytest.mark.parametrize("logit", [40.0, -547.93, 1e4, -4.3e5])
@pytest.mark.parametrize("apart", [0.2, 0.249, 0.251, 0.29, 0.332, 0.34, 0.5])
def test_grey_pixels_where_one_formula_takes_over_from_the_other(
    logit: float, apart: float
) -> None:
    """Six nodes are right to 2e-13 for logits within a quarter of the smaller, and to 3e-12 within
    a third; from a quarter on the difference of the two logs is right to 2e-13 as well."""
    other = logit * (1 + apart)
    with mp.workdps(60):
        a, b = mp.mpf(logit), mp.mpf(other)
        logs = [mp.log(mp.expm1(abs(c)) / abs(c)) + min(c, 0) for c in (a, b)]
        mean = 1 / -mp.expm1(-a) - 1 / a
        oracle = float((a - b) * mean - logs[0] + logs[1])
    q, p = (ContinuousBernoulli(doubles(c)) for c in (logit, other))
    assert kl_divergence(q, p).item() == pytest.approx(oracle, rel=5e-13, abs=0)


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


Law = tuple[str, float, float]  # family, location, log of the width


def kl_in_many_digits(q: Law, p: Law) -> mp.mpf:
    """The textbooks' four formulas for Gaussians and Laplaces, as they are written."""
    (kind, m, r), (other, n, s) = ((k, mp.mpf(a), mp.mpf(b)) for k, a, b in (q, p))
    a, b, away = mp.exp(r), mp.exp(s), abs(m - n)
    if (kind, other) == ("gaussian", "gaussian"):
        return kl_normal(m, r, n, s)
    if (kind, other) == ("laplace", "laplace"):
        return s - r + (a * mp.exp(-away / a) + away) / b - 1
    if kind == "laplace":
        normaliser = mp.log(2 * mp.pi) / 2 + s
        return (2 * a**2 + away**2) / (2 * b**2) + normaliser - 1 - mp.log(2) - r
    u = min(away / a, mp.mpf(100))  # from there on e^(−u²/2) and 1 − erf are 0 in 2000 digits
    folded = a * (mp.sqrt(2 / mp.pi) * mp.exp(-(u**2) / 2) + away / a * mp.erf(u / mp.sqrt(2)))
    return folded / b + mp.log(2) + s - mp.log(2 * mp.pi * mp.e) / 2 - r


def law(kind: str, location: Tensor, log_width: Tensor) -> DiagonalGaussian | Laplace:
    return (DiagonalGaussian if kind == "gaussian" else Laplace)(location, log_width)


@pytest.mark.parametrize(("dtype", "log_width"), [(torch.float64, 800.0), (torch.float32, 100.0)])
@pytest.mark.parametrize("q", ["gaussian", "laplace"])
@pytest.mark.parametrize("p", ["gaussian", "laplace"])
@pytest.mark.parametrize("shift", [0.0, 1.0, 100.0])
def test_widths_that_are_no_float_have_a_kl_and_slopes(
    q: str, p: str, shift: float, dtype: torch.dtype, log_width: float
) -> None:
    """Each of the two as narrow or as wide as no float is, or as a unit: never NaN."""
    most = torch.finfo(dtype).max
    # Three terms of the size of log_width are added, each with the rounding of its size.
    tolerance: dict[str, Any] = {
        "rel": 8 * torch.finfo(dtype).eps,
        "abs": 4 * log_width * torch.finfo(dtype).eps,
    }
    widths = (-log_width, -1.0, 0.0, 1.0, log_width)
    for r, s in [(r, s) for r in widths for s in widths]:
        at = [torch.tensor([v], dtype=dtype).requires_grad_() for v in (shift, r)]
        found = kl_divergence(
            law(q, *at), law(p, *(torch.tensor([v], dtype=dtype) for v in (0, s)))
        )
        with mp.workdps(600):
            exact = kl_in_many_digits((q, shift, r), (p, 0.0, s))
        wanted = math.inf if exact > most else float(exact)
        assert found.item() == pytest.approx(wanted, **tolerance), (r, s)
        if wanted == math.inf:
            continue
        with mp.workdps(600):
            step = mp.mpf(10) ** -100
            moved = [((q, shift + step, r), (q, shift - step, r))]
            moved += [((q, shift, r + step), (q, shift, r - step))]
            slopes = [
                float(
                    (kl_in_many_digits(u, (p, 0.0, s)) - kl_in_many_digits(v, (p, 0.0, s)))
                    / (2 * step)
                )
                for u, v in moved
            ]
        gradients = [g.item() for g in torch.autograd.grad(found.sum(), at)]
        assert gradients == pytest.approx(slopes, **tolerance), (r, s)
