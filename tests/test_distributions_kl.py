"""Every KL divergence against its definition, torch.distributions and 40-digit arithmetic."""

import itertools
import math
from collections.abc import Callable

import mpmath as mp
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from course_lib.distributions import (
    Bernoulli,
    Binomial,
    Categorical,
    ContinuousBernoulli,
    DiagonalGaussian,
    Distribution,
    FullGaussian,
    GaussianMixture,
    kl_divergence,
)

EPS = torch.finfo(torch.float64).eps
INF = math.inf
LOGIT = st.one_of(st.floats(-1e4, 1e4), st.floats(-3, 3), st.sampled_from([INF, -INF]))


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def lower(generator: torch.Generator, *batch: int) -> Tensor:
    """Cholesky factors (*batch, 3, 3) of ordinary covariances."""
    full = torch.randn(*batch, 3, 3, generator=generator, dtype=torch.float64)
    return full.tril(-1) + torch.diag_embed(0.3 + full.diagonal(dim1=-2, dim2=-1).abs())


def gaussians(generator: torch.Generator, *batch: int) -> list[DiagonalGaussian | FullGaussian]:
    mean = torch.randn(*batch, 3, generator=generator, dtype=torch.float64)
    return [DiagonalGaussian(mean, 0.5 * mean.flip(-1)), FullGaussian(mean, lower(generator))]


@pytest.mark.equation("4.1")
def test_the_mean_log_ratio_of_samples_is_the_kl(generator: torch.Generator) -> None:
    pairs: list[tuple[Distribution, Distribution]] = [
        (Binomial(4, doubles(0.5, -1)), Binomial(4, doubles(0.0, 1.0))),
        (Categorical(doubles(0.5, -1, 0)), Categorical(doubles(0.0, 1.0, 0))),
        (ContinuousBernoulli(doubles(3, -2)), ContinuousBernoulli(doubles(0.0, 1))),
        *itertools.product(gaussians(generator), gaussians(generator)),
    ]
    for q, p in pairs:
        x = q.sample((50_000,), generator=generator)
        ratio = q.log_prob(x) - p.log_prob(x)
        error = ratio.std() / math.sqrt(len(ratio))
        assert ((ratio.mean() - kl_divergence(q, p)) / error).abs() <= 4.5


def bernoulli_terms(logit: float) -> list[tuple[mp.mpf, mp.mpf]]:
    """P(x) and log P(x) for x = 1, 0."""
    pairs = []
    for sign in (1, -1):
        if math.isinf(logit):
            log_p = mp.mpf(0) if sign * logit > 0 else mp.mpf("-inf")
        else:
            log_p = -mp.log1p(mp.exp(-sign * mp.mpf(logit)))
        pairs.append((mp.exp(log_p), log_p))
    return pairs


def enumerated(q: list[tuple[mp.mpf, mp.mpf]], p: list[tuple[mp.mpf, mp.mpf]]) -> float:
    terms = [a * (log_a - log_b) for (a, log_a), (_, log_b) in zip(q, p, strict=True) if a > 0]
    return float(mp.fsum(terms))


@pytest.mark.equation("4.5")
@given(LOGIT, st.one_of(LOGIT, st.floats(-1e-6, 1e-6)), st.booleans())
def test_bernoulli_kl_at_extreme_logits(first: float, second: float, close: bool) -> None:
    second = first + second if close and math.isfinite(first) else second
    logits = [doubles(a).requires_grad_() for a in (first, second)]
    with mp.workdps(40):
        q = bernoulli_terms(first)
        oracle = enumerated(q, bernoulli_terms(second))
        scale = float(mp.fsum(a * -log_a for a, log_a in q if a > 0))
    ours = kl_divergence(Bernoulli(logits[0]), Bernoulli(logits[1]))
    if math.isinf(oracle):
        assert ours.item() == INF
        return
    # Rounded logs of q and p move a term by (its log ratio) · |log| ε, not by |log| ε alone.
    gap = min(abs(first - second), 1.0) if math.isfinite(first) else 1.0
    assert abs(ours.item() - oracle) <= 64 * EPS * (oracle + gap * scale) + 4 * EPS**2
    gradients = torch.autograd.grad(ours.sum(), logits)
    assert all(torch.isfinite(g).all() for g in gradients)
    counts = [Binomial(16, logit) for logit in logits]
    torch.testing.assert_close(kl_divergence(*counts), 16 * ours)


@pytest.mark.equation("4.5")
@pytest.mark.parametrize(
    ("q", "p", "expected"),
    [
        (INF, INF, 0.0),
        (-INF, -INF, 0.0),
        (INF, -INF, INF),
        (0.0, INF, INF),
        (800.0, INF, INF),  # P(x = 0) underflows, and is not 0
        (INF, 0.0, math.log(2)),
        (1e4, -1e4, 1e4),
        (-INF, 1e4, 1e4),
    ],
)
def test_bernoulli_kl_at_certainty(q: float, p: float, expected: float) -> None:
    ours = kl_divergence(Bernoulli(doubles(q)), Bernoulli(doubles(p)))
    assert ours.item() == pytest.approx(expected, rel=8 * EPS, abs=0)


@pytest.mark.equation("4.6")
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6).filter(
        lambda rows: any(a for a, _ in rows) and any(b for _, b in rows)
    )
)
def test_categorical_kl_is_the_enumerated_sum(rows: list[tuple[int, int]]) -> None:
    counts = torch.tensor(rows, dtype=torch.float64)
    q, p = (Categorical(counts[:, i].log()) for i in range(2))
    with mp.workdps(40):
        total = [mp.mpf(sum(row[i] for row in rows)) for i in range(2)]
        oracle = mp.mpf(0)
        for a, b in rows:
            if a:
                ratio = mp.log(a / total[0]) - mp.log(b / total[1]) if b else mp.inf
                oracle += a / total[0] * ratio
    ours = kl_divergence(q, p).item()
    assert ours == pytest.approx(float(oracle), rel=64 * EPS, abs=16 * EPS)
    assert ours >= 0
    mixed = kl_divergence(q, Categorical(torch.zeros(2, len(rows), dtype=torch.float64)))
    # Against the uniform distribution a KL is log K − entropy.
    expected = math.log(len(rows)) - q.entropy()
    torch.testing.assert_close(mixed, expected.expand(2), rtol=1e-13, atol=1e-13)


def test_categorical_kl_has_finite_gradients_beside_impossible_categories() -> None:
    logits = doubles(0.3, -INF, 1.0).requires_grad_()
    others = doubles(0.0, 2.0, -1.0).requires_grad_()
    kl_divergence(Categorical(logits), Categorical(others)).backward()
    for t in (logits, others):
        assert t.grad is not None
        assert torch.isfinite(t.grad).all()


@given(
    st.one_of(st.floats(-1e4, 1e4), st.floats(-2, 2)),
    st.one_of(st.floats(-1e4, 1e4), st.floats(-2, 2)),
)
def test_continuous_bernoulli_kl(first: float, second: float) -> None:
    with mp.workdps(60):
        a, b = mp.mpf(first), mp.mpf(second)
        mean = 1 / -mp.expm1(-a) - 1 / a if abs(a) > mp.mpf(10) ** -20 else 0.5 + a / 12
        logs = [mp.log(mp.expm1(c) / c) if c else mp.mpf(0) for c in (a, b)]
        oracle = (a - b) * mean - logs[0] + logs[1]
    logits = [doubles(c).requires_grad_() for c in (first, second)]
    ours = kl_divergence(*(ContinuousBernoulli(c) for c in logits))
    # What is summed is of size |log normaliser| ≤ log 1e4 and (η_q − η_p)(mean − pivot).
    terms = 10.0 + abs(first - second) * min(1.0, 1.0 / (abs(first) + 1e-9)) + float(oracle)
    assert abs(ours.item() - float(oracle)) <= 16 * EPS * terms
    gradients = torch.autograd.grad(ours.sum(), logits)
    assert all(torch.isfinite(g).all() for g in gradients)


EQUAL: list[Callable[[Tensor], Distribution]] = [
    lambda x: DiagonalGaussian(1e4 * x, 10 * x.flip(-1)),
    lambda x: FullGaussian(x, torch.diag_embed((5 * x).exp()) + 1e3 * torch.ones(3, 3).tril(-1)),
    lambda x: Bernoulli(1e3 * x),
    lambda x: Binomial(16, 30 * x),
    lambda x: Categorical(100 * x),
]


@pytest.mark.parametrize("make", EQUAL)
def test_kl_is_exactly_zero_between_equals(
    make: Callable[[Tensor], Distribution], generator: torch.Generator
) -> None:
    x = torch.randn(200, 3, generator=generator, dtype=torch.float64)
    assert kl_divergence(make(x), make(x)).abs().max() == 0


def test_gradients_agree_with_finite_differences(generator: torch.Generator) -> None:
    a, b = (torch.randn(2, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    pairs = (a.requires_grad_(), b.requires_grad_())
    for make in EQUAL[2:]:
        assert torch.autograd.gradcheck(
            lambda x, y, make=make: kl_divergence(make(x / 100), make(y / 100)), pairs
        )
    assert torch.autograd.gradcheck(
        lambda x, y: kl_divergence(ContinuousBernoulli(x), ContinuousBernoulli(y)), pairs
    )
    factor = lower(generator)
    for full_first in (True, False):

        def divergence(x: Tensor, y: Tensor, full_first: bool = full_first) -> Tensor:
            full, diagonal = FullGaussian(x, factor), DiagonalGaussian(y, x)
            return kl_divergence(full, diagonal) if full_first else kl_divergence(diagonal, full)

        assert torch.autograd.gradcheck(divergence, pairs)


def test_pairs_without_a_closed_form_are_named() -> None:
    normal = DiagonalGaussian.standard(2)
    mixture = GaussianMixture(doubles(0, 0), normal.expand((2,)))
    with pytest.raises(ValueError, match=r"KL\(GaussianMixture ‖ DiagonalGaussian\) has no closed"):
        kl_divergence(mixture, normal)
    with pytest.raises(ValueError, match=r"KL\(Bernoulli ‖ Categorical\)"):
        kl_divergence(Bernoulli(doubles(0)), Categorical(doubles(0)))
    with pytest.raises(ValueError, match=r"events \(2,\) of q and \(3,\) of p differ"):
        kl_divergence(normal, DiagonalGaussian.standard(3))
    with pytest.raises(ValueError, match=r"q's batch \(2,\) and p's batch \(3,\) do not broadcast"):
        kl_divergence(normal.expand((2,)), normal.expand((3,)))
    with pytest.raises(ValueError, match=r"total_count 2 of q and 3 of p must be equal"):
        kl_divergence(Binomial(2, doubles(0)), Binomial(3, doubles(0)))
    with pytest.raises(ValueError, match=r"q has 2 categories and p has 3"):
        kl_divergence(Categorical(doubles(0, 0)), Categorical(doubles(0, 0, 0)))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("scale", "dtype"),
    [
        *((scale, torch.float32) for scale in (1e3, 1e19, 1e20, 1e30, 6e37)),
        *((scale, torch.float64) for scale in (90.0, 110.0, 1e3, 1e155, 1e160, 1e300)),
    ],
)
@pytest.mark.parametrize("ratio", [1.2, 1.0 + 2**-20, 0.81, 5.0])
def test_continuous_bernoulli_kl_at_logits_whose_squares_no_float_holds(
    sign: float, scale: float, dtype: torch.dtype, ratio: float
) -> None:
    """The exponential law is left: log η_q/η_p + η_p/η_q − 1, whose scale is of no account."""
    q, p = (torch.tensor([sign * v], dtype=dtype) for v in (scale, scale * ratio))
    q.requires_grad_()
    found = kl_divergence(ContinuousBernoulli(q), ContinuousBernoulli(p))
    with mp.workdps(40):
        r = mp.mpf(p.item()) / mp.mpf(q.item())
        exact = float(r - 1 - mp.log(r))
    assert found.item() == pytest.approx(exact, rel=2e-5 if dtype == torch.float32 else 1e-9)
    (slope,) = torch.autograd.grad(found.sum(), q)
    assert slope.isfinite().all()
    tiny, near = torch.finfo(dtype).tiny, ratio < 1.25  # far apart, the slope is (η_q − η_p)/η²
    if abs(float(1 - r)) / scale > tiny and (near or (1 / scale) ** 2 > tiny):
        assert (slope * q).item() == pytest.approx(float(1 - r), rel=1e-4)
