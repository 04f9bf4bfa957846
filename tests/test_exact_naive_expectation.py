"""E[log p̂] by its integral: the constants of the method keep what their comments promise."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from course_lib.exact.numerics import log_mean
from course_lib.exact.numerics import naive_expectation as naive
from course_lib.exact.numerics.naive_expectation import expected_naive_log


@pytest.mark.parametrize(
    ("b", "m", "s"), [(0.0, 0.0, 1.0), (-3.0, 4.0, 0.5), (2.0, -4.0, 0.3), (1.0, 0.7, 3.0)]
)
def test_one_sample_is_the_mean_of_the_log_likelihood(b: float, m: float, s: float) -> None:
    """E ℓ(z) = b − ½ (1 + m²)/s² for ℓ(z) = b − ½ ((z − m)/s)²: tails of the prior count."""
    exact = b - 0.5 * (1 + m * m) / s**2
    found = expected_naive_log(lambda z: b - 0.5 * ((z - m) / s) ** 2, 1).item()
    # Sums of some thousand terms, each rounded; the largest is of the size of ℓ at the typical z.
    assert found == pytest.approx(exact, rel=1e-12, abs=1e-12)


def by_gauss_hermite(order: int) -> float:
    """E log ½(e^ℓ(a) + e^ℓ(b)), a and b standard normal, ℓ(z) = sin 3z − z."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(order)
    values, weights = np.sin(3 * nodes) - nodes, weights / math.sqrt(2 * math.pi)
    pairs = np.logaddexp(values[:, None], values) - math.log(2)
    return float(weights @ pairs @ weights)


def test_two_samples_by_double_quadrature() -> None:
    exact, rough = by_gauss_hermite(180), by_gauss_hermite(120)
    found = expected_naive_log(lambda z: torch.sin(3 * z) - z, 2).item()
    assert abs(exact - rough) < 1e-6
    assert abs(found - exact) <= abs(exact - rough) + 1e-12


def test_what_is_left_out_is_as_little_as_is_said() -> None:
    assert 2 * stats.norm.sf(naive.REACH) < 2e-23
    assert math.exp(-naive.BELOW) < 2.0**-53  # half of the last digit of one
    assert math.exp(-math.exp(log_mean.CERTAIN)) < 2e-24
    assert math.exp(-log_mean.LOG_SPAN) < 2.0**-53


def test_the_grid_holds_the_whole_prior_and_starts_with_as_many_panels_as_is_said() -> None:
    """A flat likelihood needs no finer ones."""

    def flat(z: Tensor) -> Tensor:
        return torch.zeros_like(z)

    values, weights = naive._points(flat, 5)
    assert weights.sum().item() == pytest.approx(1.0, rel=1e-14)
    assert values.shape == weights.shape == (80, 33)
    assert expected_naive_log(flat, 5).item() == pytest.approx(0.0, abs=1e-13)


@pytest.mark.parametrize("impossible", [-1.0, 100.0])
def test_a_likelihood_of_zero_leaves_no_expected_log(impossible: float) -> None:
    """Of half the prior, or of all of it."""
    found = expected_naive_log(lambda z: torch.where(z < impossible, -math.inf, 0.0).double(), 3)
    assert found.item() == -math.inf


@pytest.mark.parametrize("samples", [0, 1.5, True])
def test_samples_that_are_no_count_are_named(samples: float) -> None:
    with pytest.raises(ValueError, match=f"samples must be a whole number .* got {samples}"):
        expected_naive_log(torch.zeros_like, samples)  # type: ignore[arg-type]


@pytest.mark.parametrize("samples", [1, 5])
def test_its_slopes_are_those_of_the_draws(samples: int) -> None:
    """A factor e^b of all weights moves E log p̂ by b, and a lone draw's ℓ = −½ a z² by −½ E z²."""
    b, a = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.7, 1.0))
    found = expected_naive_log(lambda z: b - 0.5 * a * z.square(), samples)
    by_b, by_a = torch.autograd.grad(found, (b, a))
    assert by_b.item() == pytest.approx(1.0, abs=1e-12)
    assert samples > 1 or by_a.item() == pytest.approx(-0.5, abs=1e-12)
