"""The KL divergences of Gaussians against Gauss–Hermite, torch and 50-digit arithmetic."""

import math

import mpmath as mp
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch import distributions as td

from course_lib.distributions import DiagonalGaussian, Distribution, FullGaussian, kl_divergence

EPS = torch.finfo(torch.float64).eps
LOG_STD = st.floats(math.log(1e-6), math.log(1e6))
MEAN = st.floats(-1e4, 1e4)


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def lower(generator: torch.Generator, *batch: int) -> Tensor:
    """Cholesky factors (*batch, 3, 3) of ordinary covariances."""
    full = torch.randn(*batch, 3, 3, generator=generator, dtype=torch.float64)
    return full.tril(-1) + torch.diag_embed(0.3 + full.diagonal(dim1=-2, dim2=-1).abs())


def gaussians(generator: torch.Generator, *batch: int) -> list[DiagonalGaussian | FullGaussian]:
    mean = torch.randn(*batch, 3, generator=generator, dtype=torch.float64)
    return [DiagonalGaussian(mean, 0.5 * mean.flip(-1)), FullGaussian(mean, lower(generator))]


def torch_gaussian(q: DiagonalGaussian | FullGaussian) -> td.MultivariateNormal:
    return td.MultivariateNormal(q.mean, scale_tril=q.scale_tril)


def gauss_hermite_kl(q: td.MultivariateNormal, p: td.MultivariateNormal) -> Tensor:
    """E_q[log q − log p] is the mean of a quadratic: three nodes an axis leave no error."""
    nodes, weights = doubles(-math.sqrt(3), 0, math.sqrt(3)), doubles(1 / 6, 2 / 3, 1 / 6)
    grid = torch.cartesian_prod(nodes, nodes, nodes)  # (27, 3)
    mass = torch.cartesian_prod(weights, weights, weights).prod(-1)
    points = q.mean + torch.einsum("...ij,nj->n...i", q.scale_tril, grid)
    return torch.einsum("n,n...->...", mass, q.log_prob(points) - p.log_prob(points))


@pytest.mark.equation("4.1")
@pytest.mark.equation("4.3")
@pytest.mark.equation("4.4")
@pytest.mark.parametrize(("i", "j"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_gaussians_of_both_kinds(i: int, j: int, generator: torch.Generator) -> None:
    q, p = gaussians(generator, 4, 1)[i], gaussians(generator, 5)[j]
    ours = kl_divergence(q, p)
    assert ours.shape == (4, 5)
    wide = torch_gaussian(q.expand((4, 5))), torch_gaussian(p.expand((4, 5)))
    # A few dozen terms of size up to 1e2 (widths down to 0.3), each right to a few roundings.
    torch.testing.assert_close(ours, gauss_hermite_kl(*wide), rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(ours, td.kl_divergence(*wide), rtol=1e-11, atol=1e-11)
    assert (ours > 0).all()


@pytest.mark.equation("4.3")
@given(MEAN, LOG_STD, MEAN, st.one_of(LOG_STD, st.floats(-1e-3, 1e-3)), st.booleans())
def test_diagonal_kl_at_extreme_scales(
    m: float, s: float, n: float, change: float, close: bool
) -> None:
    t = s + change if close and abs(change) <= 1e-3 else change
    n = m + n * 1e-12 if close else n
    parameters = [doubles(a).requires_grad_() for a in (m, s, n, t)]
    q, p = DiagonalGaussian(*parameters[:2]), DiagonalGaussian(*parameters[2:])
    with mp.workdps(60):
        d = 2 * (mp.mpf(s) - mp.mpf(t))
        excess = mp.expm1(d) - d if abs(d) > mp.mpf(10) ** -15 else d**2 / 2
        shift = ((mp.mpf(m) - mp.mpf(n)) * mp.exp(-mp.mpf(t))) ** 2
        oracle = float((excess + shift) / 2)
        slope = float(mp.expm1(d) + 1) + abs(float(d))
    ours = kl_divergence(q, p)
    # Nothing cancels: a rounding of d moves the first part by |d| ε, not by ε.
    tolerance = 64 * EPS * oracle + 2 * EPS * min(abs(float(d)), slope)
    assert abs(ours.item() - oracle) <= tolerance
    assert ours.item() >= -2 * EPS * abs(float(d))
    full = FullGaussian(q.mean, q.scale_tril), FullGaussian(p.mean, p.scale_tril)
    # Writing σ rather than log σ rounds its logarithm by (1 + |log σ|) ε, so d by four of these.
    rounding = 64 * EPS * (oracle + abs(float(mp.expm1(d))))
    pairs: list[tuple[Distribution, Distribution]] = [(q, full[1]), (full[0], p), full]
    for a, b in pairs:
        assert abs(kl_divergence(a, b).item() - oracle) <= rounding + 1e-28
    gradients = torch.autograd.grad(ours.sum(), parameters)
    assert all(torch.isfinite(g).all() for g in gradients)


@pytest.mark.equation("4.4")
@pytest.mark.parametrize("condition", [1e2, 1e8])
def test_full_kl_near_singular(condition: float, generator: torch.Generator) -> None:
    factors = []
    for _ in range(2):
        turn = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64)).Q
        scales = torch.logspace(0, -0.5 * math.log10(condition), 3, dtype=torch.float64)
        factor = torch.linalg.qr((turn * scales).mT).R.mT
        factors.append(factor * factor.diagonal().sign())
    mean = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    ours = kl_divergence(FullGaussian(mean[0], factors[0]), FullGaussian(mean[1], factors[1]))
    with mp.workdps(50):
        a, b = (mp.matrix(f.tolist()) for f in factors)
        inverse, shift = mp.inverse(b * b.T), mp.matrix((mean[0] - mean[1]).tolist())
        product = inverse * (a * a.T)
        trace = sum(product[i, i] for i in range(3))
        logs = 2 * sum(mp.log(b[i, i]) - mp.log(a[i, i]) for i in range(3))
        oracle = (trace - 3 + logs + (shift.T * inverse * shift)[0]) / 2
    # A triangular solve is as good as one with L perturbed by D ε: its condition is √condition.
    assert ours.item() == pytest.approx(float(oracle), rel=16 * EPS * math.sqrt(condition), abs=0)


@pytest.mark.parametrize("change", [1e-3, 1e-6, 1e-9])
def test_full_kl_of_nearly_equal_gaussians_keeps_its_digits(
    change: float, generator: torch.Generator
) -> None:
    factor = lower(generator)
    mean = torch.zeros(3, dtype=torch.float64)
    q, p = FullGaussian(mean, (1 + change) * factor), FullGaussian(mean, factor)
    with mp.workdps(40):
        d = 2 * mp.log1p(mp.mpf(change))
        oracle = float(3 * (mp.expm1(d) - d) / 2)  # about 3 · change²
    # Entries of (1 + change) L are rounded, which moves d by a few ε; the textbook form would
    # be off by 3 ε / (3 change²), which is no digit at all at 1e-9.
    assert kl_divergence(q, p).item() == pytest.approx(oracle, rel=64 * EPS / change, abs=0)
