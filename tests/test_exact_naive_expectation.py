"""E[log p̂] by its integral: the constants of the method keep what their comments promise."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

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
    assert math.exp(-math.exp(naive.CERTAIN)) < 2e-24
    assert math.exp(-naive.NOTHING) < 1e-26


def test_the_grid_holds_the_whole_prior_and_starts_with_as_many_panels_as_is_said() -> None:
    """A flat likelihood needs no finer ones."""

    def flat(z: Tensor) -> Tensor:
        return torch.zeros_like(z)

    table, _ = naive._grid(flat, 5)
    assert table.weights.sum().item() == pytest.approx(1.0, rel=1e-14)
    assert len(table.values) == 80 * 33
    assert expected_naive_log(flat, 5).item() == pytest.approx(0.0, abs=1e-13)
