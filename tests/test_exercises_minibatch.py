"""Chapter 9's design: the spread that it tells is that of the estimate, by dense Gaussians."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from exercise_answers import alike_together

from course_lib.data import load_digits
from course_lib.exercises import judged

MOST = 150.0


@pytest.fixture(scope="module")
def elbo() -> Any:
    """log N(x; mean, covariance) of the first hundred digits, by an eigendecomposition: pPCA's
    covariance has the data's ten greatest eigenvalues and the mean of the others.
    """
    counts = load_digits().images.flatten(1).double().numpy()
    centred = counts - counts.mean(0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(counts))
    values[:-10] = values[:-10].mean()
    coordinates = centred[:100] @ vectors
    constant = 64 * math.log(2 * math.pi) + np.log(values).sum()
    return -0.5 * ((coordinates**2 / values).sum(1) + constant)


def spread(groups: list[list[int]], elbo: Any) -> float:
    """Of Σ_g N_g ℓ_g with one digit of each group: the groups are independent."""
    moments = [(len(g), (elbo[g] ** 2).mean() - elbo[g].mean() ** 2) for g in groups]
    return math.sqrt(sum(count**2 * variance for count, variance in moments))


def uneven() -> list[list[int]]:
    order = [digit for group in alike_together() for digit in group]
    cuts = [0, 4, 10, 18, 28, 40, 52, 64, 76, 88, 100]
    return [order[low:high] for low, high in pairwise(cuts)]


def by_label() -> list[list[int]]:
    labels = load_digits().labels[:100]
    return [torch.nonzero(labels == kind)[:, 0].tolist() for kind in range(10)]


WAYS: dict[str, tuple[Callable[[], Any], bool]] = {
    "alike": (alike_together, True),
    "sets": (lambda: [set(group) for group in alike_together()], True),
    "uneven": (uneven, True),
    "by label": (by_label, False),
    "as they come": (lambda: [list(range(i, i + 10)) for i in range(0, 100, 10)], False),
    "one of each": (lambda: [list(row) for row in zip(*alike_together(), strict=True)], False),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_figure_is_the_spread_of_the_estimate(way: str, elbo: Any) -> None:
    make, reached = WAYS[way]
    exact = spread([list(group) for group in make()], elbo)
    told = judged("9.d", make())
    assert told.accepted == reached == (exact <= MOST)
    figure = told.message.partition("the standard deviation is ")[2].split(" nats")[0]
    assert float(figure) == pytest.approx(exact, rel=1e-5)


def test_what_the_text_says_of_random_batches_and_of_its_own_groups(elbo: Any) -> None:
    """± 299 and 112 nats; the first by the variance of ten draws that are not put back."""
    random = math.sqrt(100 * (100 - 10) / 10 * elbo.var(ddof=1))
    assert [round(random), round(spread(alike_together(), elbo))] == [299, 112]


def test_one_digit_of_each_group_is_right_on_average(elbo: Any) -> None:
    """By 20,000 batches: unbiased, and as wide as told."""
    rng, groups = np.random.default_rng(0), alike_together()
    picks = np.stack([rng.choice(elbo[g], 20_000) for g in groups])
    found = 10 * picks.sum(0)
    exact = spread(groups, elbo)
    assert found.mean() == pytest.approx(elbo.sum(), abs=4 * exact / math.sqrt(20_000))
    assert found.std() == pytest.approx(exact, rel=4 * math.sqrt(1 / 40_000))
