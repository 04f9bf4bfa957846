"""Laplace, top-down factors, decoder variances: closed forms against independent ones."""

import math
from itertools import pairwise

import pytest
import torch
from scipy import integrate, stats
from torch import Generator, Tensor
from torch import distributions as td

from course_lib.distributions import DiagonalGaussian, Laplace, kl_divergence
from course_lib.exact import (
    LinearGaussian,
    LinearGaussianChain,
    best_decoder_variance,
    equivalent_beta,
)


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def normal(generator: Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def test_laplace_agrees_with_torch(generator: Generator) -> None:
    mean, log_scale = normal(generator, 4, 3), normal(generator, 4, 3)
    ours, theirs = Laplace(mean, log_scale), td.Laplace(mean, log_scale.exp())
    x = 3 * normal(generator, 5, 4, 3)
    torch.testing.assert_close(ours.log_prob(x), theirs.log_prob(x).sum(-1), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(ours.entropy(), theirs.entropy().sum(-1))
    torch.testing.assert_close(ours.variance, theirs.variance)
    draws = ours.sample((20_000,), generator=generator)
    assert draws.shape == (20_000, 4, 3)
    for n in range(3):
        law = stats.laplace(mean[0, n].item(), log_scale[0, n].exp().item())
        assert stats.kstest(draws[:, 0, n].numpy(), law.cdf).pvalue > 1e-4
    one = Laplace.from_scale(0.5, 2.0)
    assert one.log_prob(doubles(0.5)).item() == pytest.approx(-math.log(4))
    assert "batch (4,), D = 3" in repr(ours)


PAIRS = [(0.0, 1.0, 0.0, 1.0), (0.3, 0.2, -1.0, 2.0), (5.0, 3.0, 0.0, 0.1)]


@pytest.mark.parametrize("pair", PAIRS)
def test_kl_of_laplace_and_gaussian_by_quadrature(pair: tuple[float, float, float, float]) -> None:
    """∫ q log(q/p), cut where q bends or bulges, by SciPy."""
    m, b, n, s = pair
    laplace, gaussian = Laplace.from_scale(m, b), DiagonalGaussian.from_std(n, s)
    laws = {"l": stats.laplace(m, b), "g": stats.norm(n, s)}

    def by_quadrature(q: str, p: str, centre: float, width: float) -> float:
        def integrand(z: float) -> float:
            log_q = float(laws[q].logpdf(z))
            return math.exp(log_q) * (log_q - float(laws[p].logpdf(z)))

        cuts = sorted({m, *(centre + width * t for t in (-40, -10, -3, -1, 0, 1, 3, 10, 40))})
        return sum(
            integrate.quad(integrand, *piece, epsabs=1e-12, epsrel=1e-10, limit=400)[0]
            for piece in pairwise(cuts)
        )

    forwards = by_quadrature("l", "g", m, b)
    assert kl_divergence(laplace, gaussian).item() == pytest.approx(forwards, rel=1e-8)
    backwards = by_quadrature("g", "l", n, s)
    assert kl_divergence(gaussian, laplace).item() == pytest.approx(backwards, rel=1e-8)


def test_kl_of_two_laplaces(generator: Generator) -> None:
    q = Laplace(normal(generator, 6, 3), normal(generator, 6, 3))
    p = Laplace(normal(generator, 6, 3), normal(generator, 6, 3))
    theirs = td.kl_divergence(td.Laplace(q.mean, q.scale), td.Laplace(p.mean, p.scale)).sum(-1)
    torch.testing.assert_close(kl_divergence(q, p), theirs, rtol=1e-12, atol=1e-12)
    assert kl_divergence(q, q).tolist() == [0.0] * 6
    for apart in (1e-6, 1e-9, 1e-12):  # ½ r² + ½ t², where the textbook form has no digit left
        near = Laplace(doubles(apart), doubles(-apart))
        exact = near.log_scale.item() ** 2 / 2 + near.mean.item() ** 2 / 2
        found = kl_divergence(near, Laplace(doubles(0.0), doubles(0.0))).item()
        assert found == pytest.approx(exact, rel=2 * apart + 1e-12, abs=0)


def test_a_laplace_names_bad_parameters() -> None:
    with pytest.raises(ValueError, match="scale must be positive, got 0"):
        Laplace.from_scale(0.0, 0.0)
    with pytest.raises(ValueError, match="mean .*2.* and log_scale .*3.* must match on their last"):
        Laplace(torch.zeros(2), torch.zeros(3))
    with pytest.raises(ValueError, match="value must have 1 entries"):
        Laplace.from_scale(0.0, 1.0).log_prob(torch.zeros(2).double())


@pytest.mark.parametrize("sizes", [(2, 3, 2), (3, 1, 2, 2), (1, 1, 1, 1, 1)])
def test_top_down_factors_are_conditionals_of_the_joint(
    sizes: tuple[int, ...], generator: Generator
) -> None:
    """p(z_{t−1}|z_t, x) from the joint covariance of everything, by Schur's complement."""
    top = len(sizes) - 1
    slopes = [normal(generator, low, high) for low, high in pairwise(sizes)]
    offsets = [normal(generator, low) for low in sizes[:-1]]
    stds = [0.3 + torch.rand(low, dtype=torch.float64, generator=generator) for low in sizes[:-1]]
    chain = LinearGaussianChain(slopes, offsets, stds)
    means, maps = [torch.zeros(sizes[top]).double()], [[torch.eye(sizes[top]).double()]]
    for t in range(top - 1, -1, -1):  # each level as a map of all noises above it
        means.append(slopes[t] @ means[-1] + offsets[t])
        maps.append([slopes[t] @ m for m in maps[-1]] + [stds[t].diag()])
    wide = [
        torch.cat(
            [
                *m,
                *(torch.zeros(len(m[0]), sizes[top - k]).double() for k in range(len(m), top + 1)),
            ],
            -1,
        )
        for m in maps
    ]
    level_of = {top - k: (means[k], wide[k]) for k in range(top + 1)}
    for t in range(2, top + 1):
        (mean, own), given = level_of[t - 1], [level_of[t], level_of[0]]
        seen = torch.cat([m for _, m in given])
        known = torch.cat([m for m, _ in given])
        gain = own @ seen.mT @ torch.linalg.inv(seen @ seen.mT)
        factor = chain.top_down_factor(t)
        torch.testing.assert_close(factor.slope, gain, rtol=1e-9, atol=1e-10)
        torch.testing.assert_close(factor.offset, mean - gain @ known, rtol=1e-9, atol=1e-10)
        covariance = own @ own.mT - gain @ seen @ own.mT
        v = normal(generator, 4, len(known))
        torch.testing.assert_close(factor(v).covariance[0], covariance, rtol=1e-9, atol=1e-10)
    with pytest.raises(ValueError, match=f"level must be from 2 to T = {top}, got 1"):
        chain.top_down_factor(1)


def test_down_and_up_the_posterior_is_one(generator: Generator) -> None:
    """log p(z_2|x) + log p(z_1|z_2, x) = log p(z_1|x) + log p(z_2|z_1), at any z and x."""
    chain = LinearGaussianChain(
        [normal(generator, 2, 2), normal(generator, 2, 1)], [0.2, -1], [0.5, 0.3]
    )
    x, z1, z2 = normal(generator, 5, 2), normal(generator, 5, 2), normal(generator, 5, 1)
    joint = chain.joint_posterior(x).log_prob(torch.cat([z1, z2], -1))
    down = chain.top_down_factor(2)(torch.cat([z2, x], -1)).log_prob(z1)
    loadings = chain.arrows[0].slope @ chain.arrows[1].slope
    noise = chain.arrows[0].slope * 0.3
    covariance = noise @ noise.mT + 0.25 * torch.eye(2).double()
    root = torch.linalg.cholesky(covariance)
    middle = chain.arrows[0].slope @ chain.arrows[1].offset + chain.arrows[0].offset
    white = LinearGaussian(
        torch.linalg.solve(root, loadings), torch.linalg.solve(root, middle), 1.0
    )
    top = white.posterior(torch.linalg.solve(root, x.mT).mT).log_prob(z2)  # p(z_2|x)
    torch.testing.assert_close(top + down, joint, rtol=1e-10, atol=1e-10)


def test_the_best_decoder_variance_maximises_the_likelihood(generator: Generator) -> None:
    errors = normal(generator, 7, 5, 3).square() * doubles(1.0, 4.0, 0.01)
    best = best_decoder_variance(errors).item()

    def likelihood(variance: float) -> float:
        return float((-0.5 * errors / variance - 0.5 * math.log(variance)).sum())

    assert likelihood(best) > max(likelihood(best * 1.01), likelihood(best / 1.01))
    each = best_decoder_variance(errors, per_dimension=True)
    assert each.tolist() == pytest.approx(errors.flatten(0, 1).mean(0).tolist())
    assert each.mean().item() == pytest.approx(best)
    for bad, message in (
        (doubles(1, -1), "at least 0"),
        (doubles(0, 0), "must be positive, got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            best_decoder_variance(bad)
    one_exact = doubles(0, 1, 0, 4).reshape(2, 2)
    assert best_decoder_variance(one_exact).item() == 1.25
    with pytest.raises(ValueError, match="must be positive, got 0"):
        best_decoder_variance(one_exact, per_dimension=True)


def test_a_fixed_variance_is_a_beta() -> None:
    """β(ELBO of the fixed decoder) = L_β of the other, but for a constant free of q."""
    x, fixed, variance = doubles(0.7, -1.2), 0.5, 0.08
    beta = equivalent_beta(fixed, variance).item()
    assert beta == pytest.approx(6.25)
    loadings = [[1.0], [0.4]]
    held, other = (LinearGaussian(loadings, 0.1, math.sqrt(v)) for v in (fixed, variance))
    gaps = []
    for mean, std in ((0.0, 1.0), (0.4, 0.3), (-1.0, 0.05)):
        q = DiagonalGaussian.from_std(mean, std)
        kl = kl_divergence(q, other.prior)
        weighted = other.elbo(q, x) + (1 - beta) * kl
        gaps.append((beta * held.elbo(q, x) - weighted).item())
    assert gaps == pytest.approx([gaps[0]] * 3, abs=1e-11)
    with pytest.raises(ValueError, match="variance must be positive, got 0"):
        equivalent_beta(0.5, 0.0)
