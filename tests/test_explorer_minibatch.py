"""The funnel, against a dense Gaussian, the moments of one and two draws, and fresh samples."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from course_lib.explorers.minibatch import GRID, LINES, MEAN, RIGHT, SCALES, SUM, DatasetFunnel
from course_lib.explorers.scenes.digit_bounds import (
    BATCHES,
    DIGITS,
    REPLACEMENT,
    WITH,
    WITHOUT,
    digit_bounds,
    drawn_batches,
    running_sums,
)

SIZES = (1, 2, 10, 63, 99, 100)


@pytest.fixture(scope="module")
def explorer() -> DatasetFunnel:
    return DatasetFunnel()


@pytest.fixture(scope="module")
def dense() -> tuple[torch.Tensor, torch.Tensor]:
    """ℓ_n and v_n from the 64 × 64 covariance and from eigenvalues, not from the library."""
    data = digit_bounds()
    W, b, s = data.world.loadings, data.world.offset, data.world.noise_std[0]
    covariance = W @ W.T + s**2 * torch.eye(64, dtype=torch.float64)
    evidence = torch.distributions.MultivariateNormal(b, covariance).log_prob(data.images)
    gain = torch.linalg.solve(covariance, W).T  # Cov(z, x) Cov(x)⁻¹, (d, 64)
    mean = (data.images - b) @ gain.T
    posterior = torch.eye(10, dtype=torch.float64) - gain @ W
    wide = 4 * torch.diag(torch.diagonal(posterior))  # the variance of q, twice the std
    q = torch.distributions.MultivariateNormal(mean, wide)
    gap = torch.distributions.kl_divergence(
        q, torch.distributions.MultivariateNormal(mean, posterior)
    )
    # log p(x|z) = c − ½(eᵀAe − 2aᵀe), e ~ N(0, I): the sum over A's eigendirections
    root = wide.sqrt()
    values, vectors = torch.linalg.eigh(root @ W.T @ W @ root / s**2)
    a = ((data.images - b - mean @ W.T) / s**2) @ W @ root @ vectors
    return evidence - gap, 0.5 * values.square().sum() + a.square().sum(1)


def test_every_digit_against_the_dense_gaussian(
    explorer: DatasetFunnel, dense: tuple[torch.Tensor, torch.Tensor]
) -> None:
    elbo, variance = dense
    data = digit_bounds()
    # a 64 × 64 solve at condition 1e3 leaves 1e-12 of numbers near 200
    assert data.elbo.tolist() == pytest.approx(elbo.tolist(), rel=1e-9)
    assert data.variance.tolist() == pytest.approx(variance.tolist(), rel=1e-8)
    assert explorer.numbers["exact"] == pytest.approx(elbo.sum().item(), rel=1e-10)


def test_one_sample_estimates_have_that_mean_and_variance(
    dense: tuple[torch.Tensor, torch.Tensor],
) -> None:
    """20,000 fresh estimates of each of five digits, by the library's decoder."""
    elbo, variance = dense
    index = torch.arange(5).repeat(20_000, 1)
    found = digit_bounds().estimated(index, 1, torch.Generator().manual_seed(3))
    error = (variance[:5] / 20_000).sqrt()
    assert ((found.mean(0) - elbo[:5]).abs() < 4 * error).all()
    # a variance of draws like these (excess kurtosis below 6) has relative error sqrt(8/20000)
    assert found.var(0).tolist() == pytest.approx(variance[:5].tolist(), rel=4 * 0.02)


@pytest.mark.parametrize(
    ("B", "replacement", "scale"), list(itertools.product(SIZES, REPLACEMENT, SCALES))
)
def test_spread_and_mean_at_every_corner(
    explorer: DatasetFunnel,
    dense: tuple[torch.Tensor, torch.Tensor],
    B: int,
    replacement: str,
    scale: str,
) -> None:
    """From the moments of one draw and the covariance of two, not from the closed form."""
    elbo, _ = dense
    n = explorer.at(B=B, replacement=replacement, scale=scale)
    factor = {RIGHT: DIGITS / B, SUM: 1.0, MEAN: 1 / B}[scale]
    one = elbo.var(correction=0).item()
    # two draws: independent with replacement; without it their covariance is −P/(N − 1)
    pair = 0.0 if replacement == WITH else -one / (DIGITS - 1)
    batch = factor**2 * (B * one + B * (B - 1) * pair)
    scale_of_rounding = 1e-5 * factor * B
    assert n["std"] == pytest.approx(math.sqrt(max(batch, 0)), rel=1e-9, abs=scale_of_rounding)
    assert n["expected"] == pytest.approx(factor * B * elbo.mean().item(), rel=1e-9)
    assert abs(n["drawn_mean"] - n["expected"]) <= 4 * n["std"] / math.sqrt(BATCHES) + 1e-8
    # a standard deviation of 400 draws has a relative error near 1/sqrt(800), and heavier tails
    assert n["drawn_std"] == pytest.approx(n["std"], rel=0.2, abs=1e-8)
    assert explorer.sentence.endswith("right on average.") == (scale == RIGHT)
    inked = elbo[drawn_batches()[replacement][0, :B]].sum().item()
    assert n["shown"] == pytest.approx(factor * inked, rel=1e-9)


def test_the_spread_closes_only_without_replacement(explorer: DatasetFunnel) -> None:
    closed = explorer.at(B=DIGITS, replacement=WITHOUT, scale=RIGHT)
    assert closed["std"] == 0
    assert closed["distinct"] == DIGITS
    assert "± 0.0" in explorer.spread_text.get_text()
    again = explorer.at(replacement=WITH)
    assert again["std"] > 90
    assert again["distinct"] < DIGITS


@pytest.mark.parametrize(
    ("B", "L", "std"), [(10, 1, 399), (10, 10, 310), (20, 1, 273), (100, 1, 83), (100, 10, 26)]
)
def test_the_table_of_images_and_draws(
    B: int, L: int, std: int, dense: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """What notebook 9 prints of (9.4): two digits of a batch repel each other, draws do not."""
    elbo, variance = dense
    one = elbo.var(correction=0).item()
    batch = B * one - B * (B - 1) * one / (DIGITS - 1)
    noise = B * variance.mean().item() / L
    assert round(DIGITS / B * math.sqrt(abs(batch) + noise)) == std


def test_batches_are_what_they_are_called() -> None:
    drawn = drawn_batches()
    assert (drawn[WITHOUT].sort(1).values == torch.arange(DIGITS)).all()
    # N draws with replacement leave out (1 − 1/N)^N of the digits; 400 rows, sd below 0.04 each
    left_out = 1 - np.mean([len(row.unique()) for row in drawn[WITH]]) / DIGITS
    assert left_out == pytest.approx((1 - 1 / DIGITS) ** DIGITS, abs=4 * 0.04 / math.sqrt(BATCHES))
    sums, elbo = running_sums(), digit_bounds().elbo
    for way, index in drawn.items():
        for row in (0, BATCHES - 1):
            direct = elbo[index[row, :7]].sum().item()
            assert sums[way][row, 6].item() == pytest.approx(direct, rel=1e-12)


def test_what_is_drawn_is_what_is_read(explorer: Any) -> None:
    for scale, B in itertools.product(SCALES, (1, 30, 100)):
        n = explorer.at(B=B, replacement=WITH, scale=scale)
        x, y = explorer.chosen.get_data()
        assert set(x) == {B}
        assert y == pytest.approx([n["expected"] + k * n["std"] for k in (-2, 2)], rel=1e-12)
        edges = explorer.band.get_paths()[0].vertices  # the band's edges at every B
        there = edges[np.isclose(edges[:, 0], B), 1]
        assert [there.min(), there.max()] == pytest.approx([y[0], y[1]], rel=1e-12)
        low, high = explorer.funnel.get_ylim()
        assert explorer.shown.get_xydata().tolist() == [[B, n["shown"]]]
        assert low < n["shown"] < high
        assert low < min(y[0], n["exact"]) < max(y[1], n["exact"]) < high
        sizes, heights = explorer.dots.get_data()
        assert len(sizes) == LINES * len(GRID)
        at = np.array(heights)[np.array(sizes) == 1]
        factor = DIGITS if scale == RIGHT else 1.0
        first = running_sums()[WITH][:LINES, 0].numpy() * factor
        assert sorted(at) == pytest.approx(sorted(first), rel=1e-12)
    explorer.at(B=10, replacement=WITHOUT, scale=RIGHT)
    shown = drawn_batches()[WITHOUT][0, :10]
    dark = 255 - explorer.grid._rows[::-1, :, 0].astype(int)  # from the top
    tall, wide = (side // 10 for side in dark.shape)  # a digit and its share of the lines between
    tiles = [
        dark[tall * (k // 10) :, wide * (k % 10) :][8:40, 8:40].max() for k in range(DIGITS)
    ]  # 8 × 8 pixels, each drawn with 6 × 6; the middle ones hold full ink
    assert sorted(np.argsort(tiles)[-10:]) == sorted(shown.tolist())
