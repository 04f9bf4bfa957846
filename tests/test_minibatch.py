"""Minibatch estimates against the enumeration of every batch, in exact fractions."""

from fractions import Fraction
from itertools import combinations, product

import pytest
import torch

from course_lib.minibatch import estimate, estimate_variance, sampling_variance

VALUES = [-1, -2, -4, -5, 3]


@pytest.mark.equation("9.2")
@pytest.mark.equation("9.3")
@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_mean_and_variance_over_all_batches(size: int, replacement: bool) -> None:
    values = torch.tensor(VALUES, dtype=torch.float64)
    every = product(range(5), repeat=size) if replacement else combinations(range(5), size)
    batches = list(every)
    sums = [Fraction(5, size) * sum(VALUES[n] for n in batch) for batch in batches]
    mean = Fraction(sum(sums), len(sums))
    variance = sum((value - mean) ** 2 for value in sums) / len(sums)
    assert mean == sum(VALUES)  # unbiased
    found = estimate(values, torch.tensor(batches))
    assert found.tolist() == pytest.approx([float(value) for value in sums], rel=1e-14)
    exact = estimate_variance(values, size, replacement=replacement).item()
    assert exact == pytest.approx(float(variance), rel=1e-13, abs=1e-13)


@pytest.mark.equation("9.4")
@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize(("size", "samples"), [(1, 1), (1, 3), (2, 2), (3, 1)])
def test_estimated_terms_add_their_own_variance(size: int, samples: int, replacement: bool) -> None:
    """Every batch times every outcome of the noise: each estimate is off by +h_n or −h_n."""
    values, halves = [-1, -2, -4], [1, 3, 2]  # v_n = h_n²
    every = product(range(3), repeat=size) if replacement else combinations(range(3), size)
    outcomes = [
        Fraction(3, size)
        * sum(
            values[n] + Fraction(halves[n] * sum(signs[i * samples : (i + 1) * samples]), samples)
            for i, n in enumerate(batch)
        )
        for batch in every
        for signs in product((-1, 1), repeat=size * samples)
    ]
    mean = Fraction(sum(outcomes), len(outcomes))
    variance = float(sum((value - mean) ** 2 for value in outcomes) / len(outcomes))
    assert mean == sum(values)  # still unbiased
    batch = estimate_variance(torch.tensor(values).double(), size, replacement=replacement)
    noise = sampling_variance(torch.tensor(halves).double() ** 2, size, samples)
    assert (batch + noise).item() == pytest.approx(variance, rel=1e-13)


def test_the_exercise() -> None:
    values = torch.tensor([-1.0, -2.0, -4.0, -5.0]).double()
    assert estimate_variance(values, 2, replacement=False).item() == pytest.approx(40 / 3)
    assert estimate_variance(values, 2, replacement=True).item() == pytest.approx(20)
    assert estimate_variance(values, 4, replacement=False).item() == 0
    assert estimate_variance(values[:1], 1, replacement=False).item() == 0


@pytest.mark.parametrize("kind", [torch.uint8, torch.int16, torch.int64])
def test_every_kind_of_integer_is_an_index(kind: torch.dtype) -> None:
    values = torch.tensor(VALUES, dtype=torch.float64)
    batches = torch.tensor([[1, 0], [1, 1], [4, 0]], dtype=kind)
    assert estimate(values, batches).tolist() == [-7.5, -10.0, 5.0]


def test_one_batch_and_batches_of_batches() -> None:
    values = torch.tensor(VALUES, dtype=torch.float64)
    one = len(VALUES) / 2 * (VALUES[0] + VALUES[1])
    assert estimate(values, torch.tensor([0, 1])).item() == pytest.approx(one)
    assert estimate(values, torch.tensor([[[0, 1]], [[1, 0]]])).tolist() == [[one], [one]]


@pytest.mark.parametrize("bad", [-1, 5])
def test_an_index_outside_the_data_is_named(bad: int) -> None:
    with pytest.raises(ValueError, match=rf"index must be from 0 to 4, got {bad} at.*\(0, 1\)"):
        estimate(torch.tensor(VALUES, dtype=torch.float64), torch.tensor([[0, bad]]))


def test_bad_input_is_named() -> None:
    values = torch.zeros(4)
    with pytest.raises(ValueError, match="at most N = 4 without replacement, got 5"):
        estimate_variance(values, 5, replacement=False)
    with pytest.raises(ValueError, match=r"size .* at least 1, got 0"):
        estimate_variance(values, 0, replacement=True)
    with pytest.raises(ValueError, match=r"values must be \(N,\), got shape \(2, 2\)"):
        estimate_variance(values.reshape(2, 2), 1, replacement=True)
    with pytest.raises(ValueError, match=r"values must be a tensor of floats, got torch.int64"):
        estimate_variance(torch.arange(4), 2, replacement=True)
    with pytest.raises(ValueError, match=r"values must be finite, got nan at index \(1,\)"):
        estimate(torch.tensor([1.0, float("nan")]), torch.zeros(1, 1).long())
    with pytest.raises(ValueError, match="values must not be empty"):
        estimate(torch.zeros(0), torch.zeros(1, 1).long())
    with pytest.raises(ValueError, match=r"variances must be at least 0, got -1 at index \(2,\)"):
        sampling_variance(torch.tensor([1.0, 0.0, -1.0]), 1, 1)
    with pytest.raises(ValueError, match=r"samples .* at least 1, got 0"):
        sampling_variance(values, 1, 0)
    with pytest.raises(ValueError, match=r"variances must be \(N,\), got shape \(2, 2\)"):
        sampling_variance(values.reshape(2, 2), 1, 1)
    with pytest.raises(ValueError, match=r"batch size .* got 0"):
        estimate(values, torch.zeros(3, 0).long())
