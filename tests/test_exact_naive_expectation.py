"""E[log p̂] by its integral: the constants of the method keep what their comments promise."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from torch import Tensor

from course_lib.exact import naive_expectation as naive
from course_lib.exact.naive_expectation import expected_naive_log


@given(st.floats(-3, 3), st.floats(-4, 4), st.floats(0.05, 3))
def test_one_sample_is_the_mean_of_the_log_likelihood(b: float, m: float, s: float) -> None:
    """E ℓ(z) = b − ½ (1 + m²)/s² for ℓ(z) = b − ½ ((z − m)/s)²: tails of the prior count."""
    exact = b - 0.5 * (1 + m * m) / s**2
    found = expected_naive_log(lambda z: b - 0.5 * ((z - m) / s) ** 2, 1).item()
    # Sums of some thousand terms, each rounded; the largest is of the size of ℓ at the typical z.
    assert found == pytest.approx(exact, rel=1e-12, abs=1e-12)


def test_two_samples_by_double_quadrature() -> None:
    def log_mean(b: float, a: float) -> float:
        value = math.log(0.5 * (math.exp(math.sin(3 * a) - a) + math.exp(math.sin(3 * b) - b)))
        return value * stats.norm.pdf(a) * stats.norm.pdf(b)

    exact, error = integrate.dblquad(log_mean, -9, 9, -9, 9, epsabs=1e-9)
    found = expected_naive_log(lambda z: torch.sin(3 * z) - z, 2).item()
    assert abs(found - exact) <= error + 1e-9


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
