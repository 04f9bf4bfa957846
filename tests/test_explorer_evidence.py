"""The explorer of chapter 1 against a dense Gaussian and the library's own estimator."""

import itertools
import math

import pytest
import torch

from course_lib.bounds import naive_log_evidence
from course_lib.exact import LinearGaussian
from course_lib.explorers.evidence import DIMENSIONS, DRAWS, EDGES, POOL, EvidenceNeedle

GRID = list(itertools.product((1, 8, 50), DRAWS, (0.1, 0.2, 0.55, 1.0)))


@pytest.fixture(scope="module")
def explorer() -> EvidenceNeedle:
    return EvidenceNeedle()


@pytest.mark.parametrize(("d", "s"), [(1, 0.1), (1, 1.0), (20, 0.2), (50, 0.1), (50, 1.0)])
def test_evidence_and_needle_are_those_of_a_dense_gaussian(
    explorer: EvidenceNeedle, d: int, s: float
) -> None:
    """log p(x) from the 784 × 784 covariance, the posterior from joint conditioning."""
    numbers = explorer.at(d=d, s=s, S=100)
    W, b, x = explorer.full.loadings[:, :d], explorer.full.offset, explorer.image
    covariance = W @ W.T + s**2 * torch.eye(784, dtype=torch.float64)
    dense = torch.distributions.MultivariateNormal(b, covariance)
    assert numbers["log_evidence"] == pytest.approx(dense.log_prob(x).item(), abs=1e-6)
    gain = torch.linalg.solve(covariance, W).T  # Cov(z, x) Cov(x)⁻¹, (d, 784)
    mean = gain @ (x - b)
    spread = torch.eye(d, dtype=torch.float64) - gain @ W
    along = mean / mean.norm()
    assert numbers["distance"] == pytest.approx(mean.norm().item(), rel=1e-6)
    assert numbers["width"] == pytest.approx((along @ spread @ along).sqrt().item(), rel=1e-6)


@pytest.mark.parametrize(("d", "S", "s"), [(1, 10, 0.2), (5, 100, 0.5), (50, 10, 0.1)])
def test_estimates_are_the_librarys_own(explorer: EvidenceNeedle, d: int, S: int, s: float) -> None:
    """The same draws through the decoder, image by image, as bounds.naive_log_evidence does it."""
    explorer.at(d=d, S=S, s=s)
    world = LinearGaussian(explorer.full.loadings[:, :d], explorer.full.offset, s)
    ours = explorer._estimates(world, S)
    generator = torch.Generator().manual_seed(0)
    draws = [torch.randn(POOL, dtype=torch.float64, generator=generator)[: 5 * S] for _ in range(d)]
    z = torch.stack(draws, -1).reshape(5, S, d)
    theirs = [naive_log_evidence(world, explorer.image, group).item() for group in z]
    assert ours[:5].tolist() == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize(("d", "S", "s"), GRID)
def test_numbers_add_up_and_stay_on_the_screen(
    explorer: EvidenceNeedle, d: int, S: int, s: float
) -> None:
    n = explorer.at(d=d, S=S, s=s)
    assert n["log_evidence"] - n["median_estimate"] == pytest.approx(n["shortfall"])
    assert EDGES[0] < math.asinh(-n["shortfall"]) < EDGES[-1]
    assert n["distance"] + 3 * n["width"] < 11.5
    assert f"{S:,} prior draws" in explorer.sentence
    texts = sorted(text.get_window_extent().y0 for text in explorer.texts.values())
    heights = max(text.get_window_extent().height for text in explorer.texts.values())
    assert min(b - a for a, b in itertools.pairwise(texts)) > 0.8 * heights


def test_the_estimate_falls_further_short_as_d_grows(explorer: EvidenceNeedle) -> None:
    short = [explorer.at(d=d, S=1_000, s=0.2)["shortfall"] for d in DIMENSIONS]
    assert short == sorted(short)
    assert short[0] < 0.5
    assert short[-1] > 300


def test_reset_returns_to_the_opening(explorer: EvidenceNeedle) -> None:
    opening = EvidenceNeedle().numbers
    explorer.at(d=1, S=10, s=1.0)
    assert explorer.reset() == opening
