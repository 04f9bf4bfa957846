"""Worlds at scales that squares, products and plain QR would not survive, in many digits."""

import math
from fractions import Fraction

import mpmath as mp
import pytest
import torch
from torch import Generator, Tensor

from course_lib.exact import DiscreteChain, LinearGaussian, LinearGaussianChain

NOISES = [
    (1e-12, 1e-12, 1e-12),
    (1e-6, 1e-6, 1e-6),
    (1e12, 1e12, 1e12),
    (1.0, 1e-12, 1.0),  # one coordinate that is known beside two that are not
    (1e-12, 1.0, 1e12),
    (1e12, 1e-9, 1e-3),
]


def doubles(generator: Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


@pytest.mark.equation("1.2")
@pytest.mark.equation("2.2")
@pytest.mark.parametrize("latent", [1, 2, 3, 4])
@pytest.mark.parametrize("noise", NOISES)
def test_linear_gaussian_at_any_noise(
    noise: tuple[float, float, float], latent: int, generator: Generator
) -> None:
    w, b, x = doubles(generator, 3, latent), doubles(generator, 3), doubles(generator, 3)
    world = LinearGaussian(w, b, noise)
    with mp.workdps(150):
        loadings, r = mp.matrix(w.tolist()), mp.matrix((x - b).tolist())
        psi = mp.diag([mp.mpf(s) ** 2 for s in noise])
        c = loadings * loadings.T + psi
        quadratic = (r.T * mp.inverse(c) * r)[0]
        log_p = float(-(quadratic + mp.log(mp.det(c)) + 3 * mp.log(2 * mp.pi)) / 2)
        covariance = mp.inverse(mp.eye(latent) + loadings.T * mp.inverse(psi) * loadings)
        mean = covariance * loadings.T * mp.inverse(psi) * r
        mean = [float(v) for v in mean]
        variance = [float(covariance[i, i]) for i in range(latent)]
    # x − b is the one rounding that the oracle shares; what W cannot explain is then 1/noise away.
    assert world.log_evidence(x).item() == pytest.approx(log_p, rel=1e-12)
    posterior = world.posterior(x)
    assert posterior.mean.tolist() == pytest.approx(mean, rel=1e-11, abs=0)
    assert posterior.variance.tolist() == pytest.approx(variance, rel=1e-11, abs=0)


def test_the_factors_of_a_chain_with_one_sharp_coordinate(generator: Generator) -> None:
    """p(z_1|x) of a chain whose second pixel is known to 1e-10, first to ten."""
    slope = doubles(generator, 3, 2)
    chain = LinearGaussianChain(
        [slope, doubles(generator, 2, 2)], [0.3, -0.2], [(10, 1e-10, 1), 0.5]
    )
    factor = chain.posterior_factor(1)
    with mp.workdps(100):
        a, top = mp.matrix(slope.tolist()), mp.matrix(chain.arrows[1].slope.tolist())
        psi = mp.diag([1 / mp.mpf(s) ** 2 for s in (10, 1e-10, 1)])
        above = mp.inverse(top * top.T + mp.eye(2) * mp.mpf(0.5) ** 2)
        gain = mp.inverse(a.T * psi * a + above) * a.T * psi
        expected = [[float(gain[i, j]) for j in range(3)] for i in range(2)]
    wanted = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(factor.slope, wanted, rtol=1e-11, atol=0)


RARE = Fraction(1, 10**200)
TABLES = [
    [[RARE, 1 - RARE], [3 * RARE, 1 - 3 * RARE]],
    [[Fraction(1, 2), Fraction(1, 2)], [RARE, 1 - RARE]],
    [[RARE, 1 - RARE], [Fraction(1, 4), Fraction(3, 4)]],
]
PRIOR = [RARE, 1 - RARE]


def rare_chain() -> DiscreteChain:
    tables = [[[float(v) for v in row] for row in table] for table in TABLES]
    return DiscreteChain([float(v) for v in PRIOR], tables)


@pytest.mark.equation("10.4")
@pytest.mark.parametrize("level", [2, 3])
def test_top_down_factors_of_events_whose_probabilities_underflow(level: int) -> None:
    """1e-200 · 1e-200 is no float, and yet x is possible: fractions know."""
    up = [row[0] for row in TABLES[0]]  # p(x = 0|z_1)
    for table in TABLES[1 : level - 1]:
        up = [sum((p * v for p, v in zip(row, up, strict=True)), Fraction(0)) for row in table]
    joint = [[p * v for p, v in zip(row, up, strict=True)] for row in TABLES[level - 1]]
    wanted = [[float(v / sum(row)) for v in row] for row in joint]
    found = rare_chain().top_down_factor(level, torch.tensor(0))
    assert found.flatten().tolist() == pytest.approx([v for row in wanted for v in row], rel=1e-13)


@pytest.mark.equation("10.3")
def test_bottom_up_factors_of_events_whose_probabilities_underflow() -> None:
    """Where z_3 = 0 happens once in 1e200 times, and leads to z_2 = 0 once in 1e200."""
    chain = DiscreteChain(
        [1e-200, 1.0],
        [[[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]], [[1e-200, 1.0], [0.0, 1.0]]],
    )
    tables = chain.exact_encoder()
    assert tables[2].tolist() == [[1.0, 0.0], [pytest.approx(1e-200), 1.0]]
    assert chain.log_evidence(torch.tensor([0, 1])).tolist() == pytest.approx([-math.log(2)] * 2)


def test_belief_in_the_impossible_counts_however_small() -> None:
    """q = 1e-200 · 1e-200 > 0 on a configuration that p forbids: the ELBO is −∞."""
    half = [[0.5, 0.5], [0.5, 0.5]]
    chain = DiscreteChain([0.5, 0.5], [half, [[1.0, 0.0], [0.5, 0.5]]])
    small = [[1.0, 1e-200], [1.0, 1e-200]]
    terms = chain.terms([small, [[0.5, 0.5], [1e-200, 1.0]]], torch.tensor(0))
    assert terms.elbo.item() == -math.inf
    allowed = chain.terms([small, [[0.5, 0.5], [0.0, 1.0]]], torch.tensor(0))
    assert math.isfinite(allowed.elbo.item())
