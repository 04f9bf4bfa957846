"""Shapes that fit, and shapes that only seem to: bounds against plain sums, entry by entry."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from course_lib.bounds import gap, self_normalised_expectation, terms
from course_lib.distributions import DiagonalGaussian, Laplace
from course_lib.exact import linear_world, square_world

LINE = np.linspace(-30, 30, 600_001)


def test_weights_and_values_of_other_shapes_are_not_spread_over_each_other() -> None:
    """(S,) weights on (S, 1) values would be laid along the axis of the values."""
    log_w = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)
    column = torch.tensor([[1.0], [2.0], [3.0]], dtype=torch.float64)
    with pytest.raises(ValueError, match=r"values must have .* \(3,\) have, got \(3, 1\)"):
        self_normalised_expectation(log_w, column)
    with pytest.raises(ValueError, match=r"got \(1, 1\)"):
        self_normalised_expectation(log_w[:, None], column[:1])
    weight = np.exp([0.0, 1.0, 2.0])
    found = self_normalised_expectation(log_w[:, None], column).item()
    assert found == pytest.approx(weight @ [1, 2, 3] / weight.sum(), rel=1e-14)


@pytest.mark.parametrize("shapes", [((), ()), ((), (3,)), ((3,), ()), ((3, 1), (2,))])
def test_the_gap_to_a_density_that_bends(
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    """It has a closed form, and quadrature would ask for breaks; against a sum over a fine line."""
    of_q, of_p = (torch.linspace(-1, 1, math.prod(n)).double().reshape(*n, 1) for n in shapes)
    found = gap(DiagonalGaussian.from_std(of_q, 0.8), Laplace.from_scale(of_p, 1.3))
    places = np.broadcast_arrays(of_q[..., 0].numpy(), of_p[..., 0].numpy())
    assert found.shape == places[0].shape
    for value, at_q, at_p in zip(found.reshape(-1), *map(np.ravel, places), strict=True):
        q, p = stats.norm(at_q, 0.8), stats.laplace(at_p, 1.3)
        exact = np.trapezoid(q.pdf(LINE) * (q.logpdf(LINE) - p.logpdf(LINE)), LINE)
        assert value.item() == pytest.approx(exact, abs=1e-7)


def test_one_q_has_a_gap_to_each_of_many_posteriors() -> None:
    world, q = square_world(0.5), DiagonalGaussian.from_std(0.0, 1.0)
    x = [[1.0], [2.0], [3.0]]
    exact = world.log_evidence(x) - torch.cat([world.elbo(q, row).reshape(1) for row in x])
    assert gap(q, world.posterior(x)).tolist() == pytest.approx(exact.tolist(), rel=1e-8)


def test_the_kl_of_one_q_is_told_for_every_x() -> None:
    world, q = linear_world(1.0, 1.0), DiagonalGaussian.from_std(0.3, 0.9)
    z = q.sample((5, 1), generator=torch.Generator().manual_seed(0))
    found = terms(world, q, torch.zeros(4, 1, dtype=torch.float64), z)
    exact = 0.5 * (0.3**2 + 0.9**2 - 1) - math.log(0.9)
    assert found.kl.tolist() == pytest.approx([exact] * 4, rel=1e-12)
