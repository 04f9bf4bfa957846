"""The best Gaussians against optimisers and other libraries' arithmetic."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import integrate, optimize, stats

from course_lib.distributions import FullGaussian
from course_lib.exact.optima import gaussian_fits
from course_lib.exact.optima.gaussian_fits import (
    best_diagonal,
    best_isotropic,
    best_table,
    fit_gaussian,
)


def kl(
    mean: NDArray[np.float64],
    variances: NDArray[np.float64],
    target_mean: NDArray[np.float64],
    covariance: NDArray[np.float64],
) -> float:
    """KL(N(mean, diag variances) ‖ N(target_mean, covariance)) by NumPy's matrices."""
    precision = np.linalg.inv(covariance)
    shift = target_mean - mean
    log_ratio = np.linalg.slogdet(covariance)[1] - np.log(variances).sum()
    trace = (np.diag(precision) * variances).sum()
    return float(0.5 * (trace - len(mean) + shift @ precision @ shift + log_ratio))


def random_covariance(seed: int, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size))
    return root @ root.T + 0.1 * np.eye(size), rng.normal(size=size)


def gaussian(mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> FullGaussian:
    return FullGaussian.from_covariance(torch.tensor(mean), torch.tensor(covariance))


@pytest.mark.equation("6.1")
def test_maximum_likelihood_is_where_scipys_likelihood_peaks(generator: torch.Generator) -> None:
    data = 3.0 + 0.5 * torch.randn(40, 2, dtype=torch.float64, generator=generator)
    found = fit_gaussian(data)
    for i in range(2):
        values = data[:, i].numpy()

        def loss(v: Any, values: NDArray[np.float64] = values) -> Any:
            return -stats.norm.logpdf(values, v[0], math.exp(v[1])).mean()

        # A minimum in float64 is only sharp to the root of 1e-16.
        best = optimize.minimize(loss, [0.0, 0.0], method="BFGS", options={"gtol": 1e-9})
        assert found.mean[i].item() == pytest.approx(best.x[0], abs=1e-6)
        assert found.log_std[i].item() == pytest.approx(best.x[1], abs=1e-6)


def test_maximum_likelihood_refuses_what_has_none() -> None:
    with pytest.raises(ValueError, match="vary"):
        fit_gaussian(torch.tensor([[1.0, 2.0], [1.0, 3.0]]))
    with pytest.raises(ValueError, match=r"N ≥ 2, got shape \(1, 3\)"):
        fit_gaussian(torch.zeros(1, 3))


@pytest.mark.parametrize("value", [0.1, 0.3, -0.7, 1e-200, 1e6 + 0.1])
def test_a_column_is_constant_however_its_mean_rounds(value: float) -> None:
    """The mean of a thousand times 0.1 is not 0.1, and leaves a variance of 8e-34."""
    data = torch.full((1000, 2), value, dtype=torch.float64)
    data[:, 0] = torch.linspace(0, 1, 1000, dtype=torch.float64)
    with pytest.raises(ValueError, match="data must vary in every coordinate, got one"):
        fit_gaussian(data)
    with pytest.raises(ValueError, match="data must vary in every coordinate, got one"):
        fit_gaussian(torch.full((1000, 1), value))
    data[7, 1] = value + 1
    assert fit_gaussian(data).std[1].item() == pytest.approx((999e-6) ** 0.5, rel=1e-9)


@pytest.mark.equation("6.4")
@pytest.mark.parametrize("size", [1, 2, 4])
def test_best_diagonal_is_where_an_optimiser_ends(size: int) -> None:
    covariance, mean = random_covariance(size, size)
    found = best_diagonal(gaussian(mean, covariance))

    def loss(v: Any) -> Any:
        return kl(v[:size], np.exp(2 * v[size:]), mean, covariance)

    best = optimize.minimize(loss, np.zeros(2 * size), method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(found.mean.numpy(), best.x[:size], atol=1e-5)
    np.testing.assert_allclose(found.log_std.numpy(), best.x[size:], atol=1e-5)


@pytest.mark.equation("6.6")
@pytest.mark.parametrize("size", [1, 2, 4])
def test_best_isotropic_is_where_an_optimiser_ends(size: int) -> None:
    covariance, mean = random_covariance(10 + size, size)
    found = best_isotropic(gaussian(mean, covariance))

    def loss(v: Any) -> Any:
        return kl(mean, np.full(size, math.exp(2 * v)), mean, covariance)

    best = optimize.minimize_scalar(loss, bracket=(-2, 0), options={"xtol": 1e-10})
    np.testing.assert_allclose(found.mean.numpy(), mean, atol=1e-14)
    np.testing.assert_allclose(found.log_std.numpy(), np.full(size, best.x), atol=1e-6)


@given(
    rho=st.floats(-0.999, 0.999),
    first=st.floats(-6, 6).map(lambda e: 10**e),
    second=st.floats(-6, 6).map(lambda e: 10**e),
)
def test_a_correlation_shrinks_both_variances_alike(
    rho: float, first: float, second: float
) -> None:
    """1/Λ_ii = (1 − ρ²) times the marginal variance, at any scale."""
    covariance = np.array([[first**2, rho * first * second], [rho * first * second, second**2]])
    found = best_diagonal(gaussian(np.zeros(2), covariance)).variance
    expected = (1 - rho**2) * np.array([first**2, second**2])
    # 1 − ρ² ≥ 0.002, and the Cholesky factor forms it by a subtraction: a few hundred roundings.
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-11)


def test_batches_keep_their_places() -> None:
    pairs = [random_covariance(seed, 3) for seed in range(4)]
    whole = gaussian(np.stack([m for _, m in pairs]), np.stack([c for c, _ in pairs]))
    for fit in (best_diagonal, best_isotropic):
        for i, (covariance, mean) in enumerate(pairs):
            single = fit(gaussian(mean, covariance))
            torch.testing.assert_close(fit(whole).log_std[i], single.log_std)
            torch.testing.assert_close(fit(whole).mean[i], single.mean)


@pytest.mark.parametrize(
    ("rows", "error"), [(1, 1.0), (2, 1 - 2 / math.pi), (4, 0.1175), (8, 0.03454)]
)
def test_the_table_has_the_least_error(rows: int, error: float) -> None:
    """Against the errors of Max 1960, table I, printed to four digits; 1 and 2 rows are exact."""
    edges, values = best_table(rows)
    cuts = [-12.0, *edges.tolist(), 12.0]
    found = sum(
        integrate.quad(lambda t, v=v: (t - v) ** 2 * stats.norm.pdf(t), low, high)[0]
        for low, high, v in zip(cuts[:-1], cuts[1:], values.tolist(), strict=True)
    )
    assert found == pytest.approx(error, rel=5e-4)
    torch.testing.assert_close(values, -values.flip(0), rtol=0, atol=1e-10)


def test_a_table_that_still_moves_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaussian_fits, "ROUNDS", 3)
    with pytest.raises(ValueError, match="the constants of 5 rows still move after 3 rounds"):
        best_table(5)
