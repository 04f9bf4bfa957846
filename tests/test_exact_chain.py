"""LinearGaussianChain and AffineGaussian against dense conditioning, quadrature and counting."""

import math
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import cubature
from torch import Tensor
from torch.distributions import MultivariateNormal
from torch.distributions import kl_divergence as torch_kl

from course_lib.distributions import DiagonalGaussian, FullGaussian
from course_lib.exact import AffineGaussian, LinearGaussianChain

EPS = torch.finfo(torch.float64).eps
SIZES = [2, 3, 1, 2]  # x, z_1, z_2, z_3


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def chain(sizes: list[int] = SIZES, seed: int = 0) -> LinearGaussianChain:
    pairs = list(pairwise(sizes))
    return LinearGaussianChain(
        [normal(a, b, seed=seed + i) for i, (a, b) in enumerate(pairs)],
        [normal(a, seed=seed + 10 + i) for i, (a, _) in enumerate(pairs)],
        [(0.5 * normal(a, seed=seed + 20 + i)).exp() for i, (a, _) in enumerate(pairs)],
    )


def encoder(sizes: list[int] = SIZES, seed: int = 50) -> list[AffineGaussian]:
    """A Markov q that is far from the posterior, with full covariances."""
    arrows = []
    for i, (below, above) in enumerate(pairwise(sizes)):
        root = 0.3 * normal(above, above, seed=seed + i).tril(-1) + 0.6 * torch.eye(above).double()
        slope = 0.5 * normal(above, below, seed=seed + 10 + i)
        arrows.append(AffineGaussian(slope, normal(above, seed=seed + 20 + i), root))
    return arrows


def joint_of_all(model: LinearGaussianChain) -> tuple[Tensor, Tensor]:
    """Mean and covariance of (x, z_1, …, z_T), by pushing covariances down the arrows."""
    top = model.sizes[-1]
    mean, covariance = torch.zeros(top).double(), torch.eye(top).double()
    for arrow in reversed(model.arrows):
        first = torch.zeros(len(arrow.slope), len(mean)).double()
        first[:, : arrow.slope.shape[1]] = arrow.slope
        cross = first @ covariance
        below = cross @ first.mT + arrow.std.square().diag()
        covariance = torch.cat(
            [torch.cat([below, cross], -1), torch.cat([cross.mT, covariance], -1)]
        )
        mean = torch.cat([first @ mean + arrow.offset, mean])
    return mean, covariance


def joint_of_q(q: list[AffineGaussian], x: Tensor) -> MultivariateNormal:
    """q(z_{1:T}|x) as one dense Gaussian, arrow by arrow upwards, for one x."""
    mean, covariance = x, torch.zeros(len(x), len(x)).double()
    for arrow in q:
        last = torch.zeros(len(arrow.slope), len(mean)).double()
        last[:, -arrow.slope.shape[1] :] = arrow.slope
        cross = last @ covariance
        above = cross @ last.mT + arrow.scale_tril @ arrow.scale_tril.mT
        covariance = torch.cat(
            [torch.cat([covariance, cross.mT], -1), torch.cat([cross, above], -1)]
        )
        mean = torch.cat([mean, last @ mean + arrow.offset])
    return MultivariateNormal(mean[len(x) :], covariance[len(x) :, len(x) :])


def blocks(sizes: list[int]) -> list[slice]:
    """Where z_1, …, z_T stand in their concatenation."""
    ends = np.cumsum([0, *sizes[1:]])
    return [slice(int(a), int(b)) for a, b in pairwise(ends)]


def dense_posterior(model: LinearGaussianChain, x: Tensor) -> MultivariateNormal:
    mean, covariance = joint_of_all(model)
    size = model.sizes[0]
    gain = covariance[size:, :size] @ torch.linalg.inv(covariance[:size, :size])
    left = covariance[size:, size:] - gain @ covariance[:size, size:]
    return MultivariateNormal(mean[size:] + (x - mean[:size]) @ gain.mT, 0.5 * (left + left.mT))


@pytest.mark.parametrize("depth", [1, 2, 3, 9])
def test_unit_chain_evidence(depth: int) -> None:
    """x ~ N(0, T + 1)."""
    model = LinearGaussianChain.unit(depth)
    x = torch.tensor([[1.0], [-2.5]], dtype=torch.float64)
    expected = -0.5 * (x.square() / (depth + 1) + math.log(2 * math.pi * (depth + 1)))
    torch.testing.assert_close(model.log_evidence(x), expected.squeeze(-1), rtol=1e-14, atol=0)
    assert model.evidence.variance.item() == pytest.approx(depth + 1, rel=1e-14)


def test_unit_chain_posterior_in_fractions() -> None:
    """T = 2: p(z_1|x) = N(2x/3, 2/3), p(z_2|z_1) = N(z_1/2, 1/2), and p(z_1|z_2, x)."""
    model = LinearGaussianChain.unit(2)
    first, second = model.exact_encoder()
    for factor, slope in ((first, Fraction(2, 3)), (second, Fraction(1, 2))):
        assert factor.slope.item() == pytest.approx(float(slope), rel=1e-14)
        assert factor.std.square().item() == pytest.approx(float(slope), rel=1e-14)
        assert factor.offset.item() == pytest.approx(0.0, abs=1e-15)
    for depth in range(1, 8):  # in general p(z_1|x) = N(Tx/(T+1), T/(T+1))
        factor = LinearGaussianChain.unit(depth).posterior_factor(1)
        assert factor.slope.item() == pytest.approx(depth / (depth + 1), rel=1e-14)
    joint = model.joint_posterior(1.0)
    precision = torch.linalg.inv(joint.covariance)
    assert (1 / precision[0, 0]).item() == pytest.approx(0.5, rel=1e-14)  # Var(z_1|z_2, x)


def test_unit_chain_mismatched_q() -> None:
    model, half = LinearGaussianChain.unit(2), math.sqrt(0.5)
    q = [AffineGaussian(0.5, 0.0, half)] * 2
    assert model.elbo(q, 1.0).item() == pytest.approx(-1.674586, abs=5e-7)
    gap = model.log_evidence(1.0) - model.elbo(q, 1.0)
    assert gap.item() == pytest.approx(0.039674, abs=5e-7)


@pytest.mark.parametrize("sizes", [SIZES, [1, 1], [1, 4], [3, 1, 3]])
def test_evidence_prior_and_posterior_are_those_of_the_dense_joint(sizes: list[int]) -> None:
    model, x = chain(sizes), normal(4, 2, sizes[0], seed=99)
    mean, covariance = joint_of_all(model)
    size = sizes[0]
    evidence = MultivariateNormal(mean[:size], covariance[:size, :size])
    for ours in (model.log_evidence(x), model.evidence.log_prob(x), model.fold().log_evidence(x)):
        torch.testing.assert_close(ours, evidence.log_prob(x), rtol=0, atol=1e-10)
    torch.testing.assert_close(model.prior.mean, mean[size:], rtol=0, atol=1e-12)
    torch.testing.assert_close(model.prior.covariance, covariance[size:, size:])
    expected = dense_posterior(model, x)
    torch.testing.assert_close(model.posterior(x).mean, expected.mean, rtol=0, atol=1e-10)
    torch.testing.assert_close(
        model.posterior(x).covariance, expected.covariance_matrix.expand(4, 2, -1, -1)
    )


def test_marginals_are_blocks_of_the_joint() -> None:
    model = chain()
    mean, covariance = joint_of_all(model)
    first = 0
    for level, size in enumerate(SIZES):
        block = slice(first, first + size)
        torch.testing.assert_close(model.marginal(level).mean, mean[block])
        torch.testing.assert_close(model.marginal(level).covariance, covariance[block, block])
        first += size
    assert LinearGaussianChain.unit(3).marginal(1).variance.item() == pytest.approx(3, rel=1e-14)
    assert LinearGaussianChain.unit(3).fold().loadings.item() == pytest.approx(math.sqrt(3))


def test_log_joint_is_bayes_and_the_decoder_sees_z1_alone() -> None:
    model, x, z = chain(), normal(2, seed=99), normal(50, sum(SIZES[1:]), seed=98)
    bayes = model.log_evidence(x) + dense_posterior(model, x).log_prob(z)
    torch.testing.assert_close(
        model.log_joint(x, z.split(SIZES[1:], -1)), bayes, rtol=0, atol=1e-10
    )
    flat = model.prior.log_prob(z) + model.decoder(z).log_prob(x)
    torch.testing.assert_close(flat, bayes, rtol=0, atol=1e-10)


def test_bottom_up_factors_lose_nothing_and_need_no_x() -> None:
    """Multiplied, they are the exact posterior; conditioned on x as well, they do not move."""
    model, x = chain(), normal(2, seed=99)
    expected, ours = dense_posterior(model, x), joint_of_q(model.exact_encoder(), x)
    torch.testing.assert_close(ours.mean, expected.mean, rtol=0, atol=1e-10)
    torch.testing.assert_close(
        ours.covariance_matrix, expected.covariance_matrix, rtol=0, atol=1e-10
    )
    _, covariance = joint_of_all(model)
    given, wanted = slice(0, 5), slice(5, 6)  # z_2 given x and z_1
    gain = covariance[wanted, given] @ torch.linalg.inv(covariance[given, given])
    assert gain[:, :2].abs().max().item() < 1e-12
    torch.testing.assert_close(gain[:, 2:], model.posterior_factor(2).slope, rtol=0, atol=1e-12)


@pytest.mark.parametrize("sizes", [SIZES, [1, 1], [2, 3], [1, 1, 1, 1, 1]])
def test_elbo_is_the_evidence_less_the_gap_in_matrices(sizes: list[int]) -> None:
    model, q = chain(sizes), encoder(sizes)
    for seed in (1, 2):
        x = normal(sizes[0], seed=seed)
        gap = torch_kl(joint_of_q(q, x), dense_posterior(model, x))
        assert gap > 0.1
        bound = model.log_evidence(x) - gap
        assert model.elbo(q, x).item() == pytest.approx(bound.item(), abs=1e-9)
        dense = joint_of_q(q, x)
        flat = FullGaussian(dense.mean, dense.scale_tril)
        assert model.elbo(flat, x).item() == pytest.approx(bound.item(), abs=1e-9)
        spread = DiagonalGaussian(dense.mean, dense.variance.sqrt().log())
        mean_field = torch_kl(
            MultivariateNormal(dense.mean, dense.variance.diag()), dense_posterior(model, x)
        )
        assert model.elbo(spread, x).item() == pytest.approx(
            (model.log_evidence(x) - mean_field).item(), abs=1e-9
        )
    exact = model.elbo(model.exact_encoder(), x)
    assert exact.item() == pytest.approx(model.log_evidence(x).item(), abs=1e-11)


def test_elbo_by_double_quadrature() -> None:
    model = LinearGaussianChain([0.8, -1.2], [0.3, 0.1], [0.7, 1.1])
    q = [AffineGaussian(0.4, 0.2, 0.5), AffineGaussian(-0.3, 0.1, 0.8)]
    x = torch.tensor([0.9], dtype=torch.float64)

    def integrand(points: np.ndarray) -> np.ndarray:
        z = torch.from_numpy(points)
        log_q = q[0](x).log_prob(z[:, :1]) + q[1](z[:, :1]).log_prob(z[:, 1:])
        return (log_q.exp() * (model.log_joint(x, z.split(1, -1)) - log_q)).numpy()

    # Ten standard deviations of q on either side: exp(−50) is left out.
    value = cubature(integrand, [-4.5, -9.0], [5.6, 9.0], rtol=1e-9, atol=1e-9).estimate
    assert model.elbo(q, x).item() == pytest.approx(float(value), abs=1e-8)


def test_each_term_by_monte_carlo() -> None:
    model, q, x = chain(), encoder(), normal(2, seed=99)
    terms, generator, count = model.terms(q, x), torch.Generator().manual_seed(4), 20_000
    below, levels = x.expand(count, 2), []
    for arrow in q:
        levels.append(arrow(below).sample(generator=generator))
        conditional = -arrow(below).log_prob(levels[-1])
        below = levels[-1]
        exact = terms.conditional_entropies[len(levels) - 1]
        assert abs(conditional.mean() - exact) < 4 * conditional.std() / math.sqrt(count)
    values = [x.expand(count, 2), *levels]
    expected = [terms.reconstruction, *terms.transitions]
    for arrow, down, up, exact in zip(model.arrows, values[:-1], values[1:], expected, strict=True):
        draws = arrow(up).log_prob(down)
        assert abs(draws.mean() - exact) < 4 * draws.std() / math.sqrt(count)
    draws = DiagonalGaussian.standard(SIZES[-1]).log_prob(levels[-1])
    assert abs(draws.mean() - terms.prior) < 4 * draws.std() / math.sqrt(count)


def test_marginal_entropies_are_those_of_blocks_of_q() -> None:
    model, q, x = chain(), encoder(), normal(2, seed=99)
    terms, joint = model.terms(q, x), joint_of_q(q, x)
    for level, block in enumerate(blocks(SIZES)):
        alone = MultivariateNormal(joint.mean[block], joint.covariance_matrix[block, block])
        torch.testing.assert_close(terms.marginal_entropies[level], alone.entropy())


def test_batches_are_rows() -> None:
    model, q, x = chain(), encoder(), normal(3, 4, 2, seed=99)
    terms = model.terms(q, x)
    assert terms.transitions.shape == (2, 3, 4)
    assert terms.conditional_entropies.shape == terms.marginal_entropies.shape == (3, 3, 4)
    alone = model.terms(q, x[1, 2])
    for name in ("reconstruction", "transitions", "prior", "elbo", "marginal_entropies"):
        torch.testing.assert_close(getattr(terms, name)[..., 1, 2], getattr(alone, name))
    assert LinearGaussianChain.unit(1).terms(
        [AffineGaussian(0.5, 0.0, 1.0)], x[..., :1]
    ).transitions.shape == (0, 3, 4)


@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(-6, 6)), min_size=1, max_size=5))
def test_extreme_noise_in_sixty_digits(layers: list[tuple[float, float]]) -> None:
    """Slopes and stds from 1e-6 to 1e6 in one chain: evidence, factors, and a tight ELBO."""
    slopes = [math.copysign(10.0 ** (abs(a) - 1.5), a) for a, _ in layers]
    stds = [10.0**s for _, s in layers]
    model = LinearGaussianChain(slopes, [0.0] * len(layers), stds)
    with mpmath.workdps(60):
        variances = [mpmath.mpf(1)]
        for slope, std in zip(reversed(slopes), reversed(stds), strict=True):
            variances.insert(0, mpmath.mpf(slope) ** 2 * variances[0] + mpmath.mpf(std) ** 2)
        x = float(mpmath.sqrt(variances[0])) * 1.3
        log_p = -(mpmath.log(2 * mpmath.pi * variances[0]) + mpmath.mpf(x) ** 2 / variances[0]) / 2
        factors = []
        for t, slope in enumerate(slopes):
            gain = mpmath.mpf(slope) * variances[t + 1] / variances[t]
            factors.append((gain, mpmath.sqrt(variances[t + 1] - gain * slope * variances[t + 1])))
    tail = len(layers) * 1e3 * EPS  # a few roundings a layer, on numbers that no step cancels
    assert model.log_evidence(x).item() == pytest.approx(float(log_p), rel=tail, abs=tail)
    for level, (gain, std) in enumerate(factors, start=1):
        factor = model.posterior_factor(level)
        assert factor.std.item() == pytest.approx(float(std), rel=tail, abs=0)
        # The mean is right on the scale of what is left to know.
        reach = float(mpmath.sqrt(variances[level - 1]))
        off = abs(factor.slope.item() - float(gain)) * reach
        assert off <= tail * (float(std) * (1 + reach / stds[level - 1]) + abs(float(gain)) * reach)
    # An arrow's error is a difference of two means, each off by ε of itself, over the arrow's std.
    far = max(math.sqrt(float(v)) / s for v, s in zip(variances[:-1], stds, strict=True))
    exact = model.elbo(model.exact_encoder(), x).item()
    slack = tail * far
    assert exact == pytest.approx(float(log_p), rel=tail, abs=slack + slack**2)


def test_affine_gaussian_is_the_gaussian_it_says() -> None:
    root = torch.tensor([[0.5, 0.0], [-0.2, 0.8]], dtype=torch.float64)
    arrow = AffineGaussian([[1.0], [2.0]], [0.1, -0.1], root)
    given = torch.tensor([[3.0], [-1.0]])
    expected = MultivariateNormal(
        torch.tensor([[3.1, 5.9], [-0.9, -2.1]]).double(), scale_tril=root
    )
    value = normal(5, 2, 2, seed=3)
    torch.testing.assert_close(
        arrow(given).log_prob(value), expected.log_prob(value), rtol=0, atol=1e-6
    )
    torch.testing.assert_close(arrow.std, expected.stddev[0])


def test_errors_name_the_argument() -> None:
    for arguments, message in [
        (([], [], []), r"one entry a layer, got lengths \(0, 0, 0\)"),
        ((1.0, 0.0, 1.0), "slopes must be a list with one entry a layer, got 1.0"),
        (([1.0], [0.0], [1.0, 1.0]), r"got lengths \(1, 1, 2\)"),
        (([1.0], [0.0], [-1.0]), "std must be positive, got -1"),
        (([[[1.0, 2.0]], [[1.0, 2.0]]], [0.0] * 2, [1.0] * 2), "slopes, from the top down, must"),
        (
            ([torch.eye(2)], [0.0], [[[1.0, 0.0], [0.5, 1.0]]]),
            r"one number or \(d,\), got a matrix",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            LinearGaussianChain(*arguments)  # type: ignore[arg-type]
    model = chain()
    with pytest.raises(ValueError, match="latents must be 3 tensors, z_1 first, got 1"):
        model.log_joint(torch.zeros(2), [torch.zeros(6)])
    with pytest.raises(ValueError, match="z_2 must have 1 entries"):
        model.log_joint(torch.zeros(2), [torch.zeros(3), torch.zeros(2), torch.zeros(2)])
    with pytest.raises(ValueError, match="x must have 2 entries"):
        model.log_evidence(torch.zeros(3))
    with pytest.raises(ValueError, match=r"q must have slopes of shapes .*, got \[\(3, 2\)\]"):
        model.elbo(encoder()[:1], torch.zeros(2))
    with pytest.raises(ValueError, match=r"q must have event shape \(6,\), got \(2,\)"):
        model.elbo(DiagonalGaussian.standard(2), torch.zeros(2))
    with pytest.raises(ValueError, match="q must hold an AffineGaussian a layer, got 1"):
        model.elbo([1, 2, 3], torch.zeros(2))  # type: ignore[list-item]
    with pytest.raises(ValueError, match="q must be a list of AffineGaussians, got Diagonal"):
        model.terms(DiagonalGaussian.standard(6), torch.zeros(2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"q's batch \(3,\) and x's batch \(4,\) do not"):
        model.elbo(DiagonalGaussian.standard(6).expand((3,)), torch.zeros(4, 2))
    with pytest.raises(ValueError, match=r"x must not be empty, got shape \(0, 2\)"):
        model.log_evidence(torch.zeros(0, 2))
    with pytest.raises(ValueError, match="x must be finite, got nan"):
        model.joint_posterior([0.0, math.nan])
    with pytest.raises(ValueError, match="level must be from 1 to T = 3, got 4"):
        model.posterior_factor(4)
    with pytest.raises(ValueError, match="level must be from 0 to T = 3, got 4"):
        model.marginal(4)
    with pytest.raises(ValueError, match="slope must be one number or"):
        AffineGaussian([1.0, 2.0], 0.0, 1.0)
    with pytest.raises(ValueError, match="positive diagonal"):
        AffineGaussian([[1.0], [2.0]], 0.0, torch.zeros(2, 2))
