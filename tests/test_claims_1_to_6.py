"""What chapters 1 to 6 say of random things, over other seeds than the one that their cells use."""

import math

import pytest
import torch

from course_lib.data import load_mnist
from course_lib.exact import LinearGaussian

SEEDS = range(1, 41)


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def shares() -> torch.Tensor:
    """Chapter 1: what a hundred times the prior draws win back, for three digits, (40, 3).

    The noise outside the twenty directions of W costs the same at every z, so x is replaced by
    its twenty numbers along them: the shortfall stays what it is, and no image is decoded.
    """
    images = load_mnist("train").images[:10_000].flatten(1).double() / 255
    model = LinearGaussian.fit_ppca(images, latent=20)
    directions, loadings = torch.linalg.qr(model.loadings)
    zero = torch.zeros(20, dtype=torch.float64)
    inside = LinearGaussian(loadings, zero, model.noise_std[0].item())
    x = (load_mnist("test").images[:3].flatten(1).double() / 255 - model.offset) @ directions
    won_back = []
    for seed in SEEDS:
        z = torch.randn(100_000, 1, 20, dtype=torch.float64, generator=rng(seed))
        log_likelihood = torch.cat([inside.decoder(part).log_prob(x) for part in z.split(10_000)])
        few, many = (
            inside.log_evidence(x) - torch.logsumexp(log_likelihood[:count], 0) + math.log(count)
            for count in (1_000, 100_000)
        )
        won_back.append(1 - many / few)
    return torch.stack(won_back)


@pytest.mark.slow
def test_what_a_hundred_times_the_draws_win_back(shares: torch.Tensor) -> None:
    """Half of the forty times three shares lie between 37 and 53 %; all between 0 and 76 %."""
    assert round(shares.min().item(), 2) >= 0
    assert shares.quantile(0.25).item() == pytest.approx(0.37, abs=0.01)
    assert shares.quantile(0.75).item() == pytest.approx(0.53, abs=0.01)
    assert shares.max().item() == pytest.approx(0.76, abs=0.01)


def test_bits_per_dimension_of_the_seven() -> None:
    """Chapter 1's two numbers: a density over [0, 1] and over [0, 255], by the change of scale."""
    bits = -379.588 / (784 * math.log(2))
    assert round(bits, 1) == -0.7
    assert round(bits + math.log2(255), 1) == 7.3
