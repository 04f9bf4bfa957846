"""DiagonalGaussian and FullGaussian against torch.distributions, SciPy and 40-digit arithmetic."""

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import multivariate_normal
from torch import Tensor
from torch import distributions as td

from course_lib.distributions import DiagonalGaussian, FullGaussian

EPS = torch.finfo(torch.float64).eps
# Sums of a few dozen terms of size up to 1e2, each right to a few roundings: 1e2 · 50 · EPS.
CLOSE: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-12}


def randn(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def covariance_of(generator: torch.Generator, size: int, condition: float) -> Tensor:
    """A covariance with eigenvalues from 1 down to 1/condition, along random directions."""
    directions = torch.linalg.qr(randn(generator, size, size)).Q
    values = torch.logspace(0, -math.log10(condition), size, dtype=torch.float64)
    product = directions * values @ directions.mT
    covariance: Tensor = 0.5 * (product + product.mT)
    return covariance


def test_diagonal_agrees_with_torch_in_every_broadcast(generator: torch.Generator) -> None:
    mean, log_std = randn(generator, 4, 1, 3), randn(generator, 5, 3)
    ours = DiagonalGaussian(mean, log_std)
    theirs = td.Independent(td.Normal(mean, log_std.exp()), 1)
    assert ours.batch_shape == theirs.batch_shape == (4, 5)
    assert ours.event_shape == theirs.event_shape == (3,)
    for shape in [(3,), (5, 3), (4, 1, 3), (7, 4, 5, 3), (2, 6, 1, 1, 3)]:
        x = randn(generator, *shape)
        torch.testing.assert_close(ours.log_prob(x), theirs.log_prob(x), **CLOSE)
    torch.testing.assert_close(ours.entropy(), theirs.entropy(), **CLOSE)
    torch.testing.assert_close(ours.mean, theirs.mean)
    torch.testing.assert_close(ours.variance, theirs.variance, **CLOSE)
    torch.testing.assert_close(ours.std, theirs.stddev, **CLOSE)


def test_full_agrees_with_torch_in_every_broadcast(generator: torch.Generator) -> None:
    mean = randn(generator, 4, 1, 3)
    covariance = torch.stack([covariance_of(generator, 3, 10.0) for _ in range(5)])
    ours = FullGaussian.from_covariance(mean, covariance)
    theirs = td.MultivariateNormal(mean, covariance)
    assert ours.batch_shape == theirs.batch_shape == (4, 5)
    for shape in [(3,), (5, 3), (4, 1, 3), (7, 4, 5, 3), (2, 6, 1, 1, 3)]:
        x = randn(generator, *shape)
        torch.testing.assert_close(ours.log_prob(x), theirs.log_prob(x), **CLOSE)
    torch.testing.assert_close(ours.entropy(), theirs.entropy(), **CLOSE)
    torch.testing.assert_close(ours.variance, theirs.variance, **CLOSE)
    torch.testing.assert_close(ours.covariance, theirs.covariance_matrix, **CLOSE)


def test_full_agrees_with_scipy_and_values_may_bring_a_batch(generator: torch.Generator) -> None:
    covariance = covariance_of(generator, 4, 100.0)
    ours = FullGaussian.from_covariance(torch.zeros(1, 4, dtype=torch.float64), covariance)
    x = randn(generator, 6, 2, 4)
    oracle = torch.from_numpy(multivariate_normal(cov=covariance.numpy()).logpdf(x.numpy()))
    torch.testing.assert_close(ours.log_prob(x), oracle, rtol=1e-11, atol=1e-11)


@given(
    st.floats(-1e4, 1e4),
    st.floats(math.log(1e-6), math.log(1e6)),
    st.floats(-1e4, 1e4),
)
def test_diagonal_log_prob_at_extreme_scales(mean: float, log_std: float, x: float) -> None:
    m, s, v = (
        torch.tensor([a], dtype=torch.float64, requires_grad=True) for a in (mean, log_std, x)
    )
    value = DiagonalGaussian(m, s).log_prob(v)
    with mp.workdps(40):
        square = ((mp.mpf(x) - mp.mpf(mean)) * mp.exp(-mp.mpf(log_std))) ** 2
        oracle = -square / 2 - mp.mpf(log_std) - mp.log(2 * mp.pi) / 2
    # Each of the three terms is right to a few roundings, and three sums follow.
    tolerance = 16 * EPS * (float(square) + abs(log_std) + 1.0)
    assert abs(value.item() - float(oracle)) <= tolerance
    value.sum().backward()
    assert all(torch.isfinite(t.grad).all() for t in (m, s, v) if t.grad is not None)


@pytest.mark.parametrize("condition", [1.0, 1e4, 1e8])
def test_full_log_prob_near_singular(generator: torch.Generator, condition: float) -> None:
    covariance, x = covariance_of(generator, 4, condition), randn(generator, 4)
    ours = FullGaussian.from_covariance(torch.zeros(4, dtype=torch.float64), covariance)
    with mp.workdps(40):
        matrix, column = mp.matrix(covariance.tolist()), mp.matrix(x.tolist())
        square = (column.T * mp.lu_solve(matrix, column))[0]
        oracle = -(square + mp.log(mp.det(matrix)) + 4 * mp.log(2 * mp.pi)) / 2
    # A Cholesky factor is that of a covariance perturbed by about D ε; the condition number
    # is what a perturbation of the matrix is multiplied by, in the square and in the log det.
    tolerance = 4 * EPS * condition * (float(square) + 4.0) + 64 * EPS * (float(square) + 40.0)
    assert abs(ours.log_prob(x).item() - float(oracle)) <= tolerance


def test_entropy_is_minus_the_expected_log_prob() -> None:
    """The integrand is a quadratic, so Gauss–Hermite with 3 nodes an axis has no error."""
    factor = torch.tensor([[1e-3, 0.0], [2.0, 0.5]], dtype=torch.float64)
    full = FullGaussian(torch.zeros(2, dtype=torch.float64), factor)
    diagonal = DiagonalGaussian.from_std([1.0, -2.0], [1e-3, 1e3])
    nodes = torch.tensor([-math.sqrt(3), 0.0, math.sqrt(3)], dtype=torch.float64)
    weights = torch.tensor([1 / 6, 2 / 3, 1 / 6], dtype=torch.float64)
    grid, mass = torch.cartesian_prod(nodes, nodes), torch.outer(weights, weights).flatten()
    for q in (full, diagonal):
        points = q.mean + grid @ q.scale_tril.mT
        torch.testing.assert_close(q.entropy(), -(mass * q.log_prob(points)).sum(), **CLOSE)


@pytest.mark.parametrize("kind", ["diagonal", "full"])
def test_samples_have_the_mean_and_covariance(kind: str, generator: torch.Generator) -> None:
    mean = torch.tensor([[0.0, 5.0], [-3.0, 1.0]], dtype=torch.float64)
    factor = torch.tensor([[0.5, 0.0], [1.5, 2.0]], dtype=torch.float64)
    q: DiagonalGaussian | FullGaussian = FullGaussian(mean, factor)
    if kind == "diagonal":
        q = DiagonalGaussian.from_std(mean, torch.tensor([0.5, 2.0], dtype=torch.float64))
    count = 100_000
    draws = q.sample((count,), generator=generator)
    assert draws.shape == (count, 2, 2)
    centred = draws - q.mean
    assert (centred.mean(0).abs() <= 4.5 * (q.variance / count).sqrt()).all()
    covariance = torch.einsum("nbi,nbj->bij", centred, centred) / count
    expected = q.scale_tril @ q.scale_tril.mT
    # Var(x_i x_j) = Σ_ii Σ_jj + Σ_ij² for a Gaussian; 4.5 standard errors of each entry.
    spread = (q.variance.unsqueeze(-1) * q.variance.unsqueeze(-2) + expected.square()) / count
    assert ((covariance - expected).abs() <= 4.5 * spread.sqrt()).all()


def test_rsample_moves_with_its_parameters(generator: torch.Generator) -> None:
    """∂(μ + σ ε)/∂μ = 1 and ∂/∂log σ = x − μ; for the full one ∂x_i/∂L_ij = ε_j."""
    mean = randn(generator, 3).requires_grad_()
    log_std = randn(generator, 3).requires_grad_()
    x = DiagonalGaussian(mean, log_std).rsample((5,), generator=generator)
    for_mean, for_log_std = torch.autograd.grad(x.sum(), (mean, log_std))
    torch.testing.assert_close(for_mean, torch.full_like(mean, 5.0))
    torch.testing.assert_close(for_log_std, (x - mean).sum(0), **CLOSE)
    factor = torch.eye(3, dtype=torch.float64).requires_grad_()
    x = FullGaussian(mean, factor).rsample(generator=generator)
    (for_factor,) = torch.autograd.grad(x[2], factor)
    torch.testing.assert_close(for_factor[2], x - mean, **CLOSE)
    assert not DiagonalGaussian(mean, log_std).sample(generator=generator).requires_grad
    assert not FullGaussian(mean, factor).sample(generator=generator).requires_grad


def test_gradients_agree_with_finite_differences(generator: torch.Generator) -> None:
    mean, log_std, x = (randn(generator, 2, 3).requires_grad_() for _ in range(3))
    covariance = covariance_of(generator, 3, 10.0).requires_grad_()

    def full_log_prob(mean: Tensor, covariance: Tensor, x: Tensor) -> Tensor:
        symmetric = 0.5 * (covariance + covariance.mT)
        return FullGaussian.from_covariance(mean, symmetric).log_prob(x)

    assert torch.autograd.gradcheck(
        lambda m, s, v: DiagonalGaussian(m, s).log_prob(v), (mean, log_std, x)
    )
    assert torch.autograd.gradcheck(full_log_prob, (mean, covariance, x))


def test_from_std_takes_numbers_lists_and_tensors() -> None:
    one = DiagonalGaussian.from_std(1, 2)
    assert one.event_shape == (1,)
    assert one.mean.dtype == torch.float64
    torch.testing.assert_close(one.std, torch.tensor([2.0], dtype=torch.float64))
    assert DiagonalGaussian.from_std([0.0, 1.0], 2.0).log_std.shape == (2,)
    assert DiagonalGaussian.from_std(0.0, [[1.0, 2.0]]).mean.shape == (1, 2)
    assert DiagonalGaussian.from_std(torch.zeros(2), 1.0).log_std.dtype == torch.float32
    assert DiagonalGaussian.from_std(0.0, torch.ones(2)).mean.dtype == torch.float32
    standard = DiagonalGaussian.standard(3, torch.float32)
    assert torch.equal(standard.mean, torch.zeros(3))
    assert torch.equal(standard.std, torch.ones(3))


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        (0.3, [0.5, 2.0, 1.0]),
        ([0.3, -1.0, 2.0], 0.5),
        (0.3, 0.5),
        (0.3, [[0.5, 2.0, 1.0], [0.1, 0.2, 3.0]]),
    ],
)
def test_one_number_of_two_serves_every_coordinate_of_the_other(mean: Any, std: Any) -> None:
    """Against SciPy, coordinate by coordinate; two numbers are one coordinate, not more."""
    q = DiagonalGaussian.from_std(mean, std)
    means, stds = np.broadcast_arrays(np.atleast_1d(mean), np.atleast_1d(std))
    assert q.batch_shape + q.event_shape == means.shape
    x = torch.linspace(-1, 1, means.shape[-1], dtype=torch.float64)
    expected = stats.norm(means, stds).logpdf(x.numpy()).sum(-1)
    assert q.log_prob(x).tolist() == pytest.approx(expected.tolist(), rel=1e-14)


def test_expand_repeats_the_distribution(generator: torch.Generator) -> None:
    x = randn(generator, 4, 2)
    for q in (DiagonalGaussian.standard(2), FullGaussian(x[0], torch.eye(2, dtype=x.dtype))):
        wide = q.expand((3, 4))
        assert wide.batch_shape == (3, 4)
        torch.testing.assert_close(wide.log_prob(x), q.log_prob(x).expand(3, 4), **CLOSE)


@settings(max_examples=30)
@given(st.integers(1, 5), st.integers(0, 10**6), st.floats(0.0, 8.0))
def test_from_covariance_keeps_the_covariance(size: int, seed: int, decades: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    covariance = covariance_of(generator, size, 10.0**decades)
    q = FullGaussian.from_covariance(torch.zeros(size, dtype=torch.float64), covariance)
    # Cholesky is backward stable: L Lᵀ differs from Σ by (D + 1) ε of its largest entry.
    torch.testing.assert_close(q.covariance, covariance, rtol=0, atol=4 * (size + 1) * EPS)


@pytest.mark.parametrize(
    "covariance",
    [
        torch.tensor([[1e4, 3.0], [0.0, 1.0]]),
        torch.tensor([[1e12, 0.0, 0.0], [0.0, 1.0, 0.5], [0.0, -0.5, 1.0]]).double(),
    ],
)
def test_a_large_variance_hides_no_asymmetry_elsewhere(covariance: Tensor) -> None:
    with pytest.raises(ValueError, match="covariance must be symmetric"):
        FullGaussian.from_covariance(torch.zeros(len(covariance)).to(covariance), covariance)
