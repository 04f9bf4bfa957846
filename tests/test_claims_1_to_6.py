"""What chapters 1 to 6 say of random things, over other seeds than the one that their cells use."""

import copy
import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import brentq, minimize

from course_lib import bounds
from course_lib.data import load_digits, load_mnist
from course_lib.distributions import DiagonalGaussian, FullGaussian, kl_divergence
from course_lib.evaluate import inference_gap, local_posterior, rate_distortion
from course_lib.exact import (
    LinearGaussian,
    best_diagonal,
    best_isotropic,
    fit_ppca,
    square_world,
    tanh_world,
)
from course_lib.exercises.amortisation import missed
from course_lib.explorers.divergence import PosteriorGap
from course_lib.explorers.weighted_objective import WeightedObjective
from course_lib.nets import GaussianNet
from course_lib.train import Settings, fit
from course_lib.train.objectives import weighted_elbo
from course_lib.vae import VAE, Architecture, stack

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
    model = fit_ppca(images, latent=50)
    directions, loadings = torch.linalg.qr(model.loadings[:, :20])
    inside = LinearGaussian(loadings, torch.zeros(20, dtype=torch.float64), 0.2)
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
    """Of the 2, half of the forty shares lie between 31 and 50 %, half below 40; no digit's is
    above 80 %.
    """
    of_the_2 = shares[:, 1]
    assert shares.min().item() > -0.01
    assert of_the_2.quantile(0.25).item() == pytest.approx(0.31, abs=0.005)
    assert of_the_2.quantile(0.5).item() == pytest.approx(0.40, abs=0.005)
    assert of_the_2.quantile(0.75).item() == pytest.approx(0.50, abs=0.005)
    assert shares.max().item() == pytest.approx(0.79, abs=0.01)


@pytest.fixture(scope="module")
def the_2() -> tuple[torch.Tensor, torch.Tensor, float]:
    """Chapter 1's 2 with d = 20: w² of each latent, (20,), the z that W would need for it, (20,),
    and |x − b|² beyond W's directions. The columns of W are orthogonal.
    """
    images = load_mnist("train").images[:10_000].flatten(1).double() / 255
    W = fit_ppca(images, latent=50).loadings[:, :20]
    w2 = W.square().sum(0)
    centred = load_mnist("test").images[1].flatten().double() / 255 - images.mean(0)
    middle = W.T @ centred / w2
    return w2, middle, (centred.square().sum() - (w2 * middle.square()).sum()).item()


@pytest.mark.parametrize("seed", range(1, 6))
def test_all_hundred_estimates_of_the_2_are_far_too_small(seed: int, the_2: Any) -> None:
    """Chapter 1: each by more than a hundred nats, the middle one by a factor of 10^113. And on
    these hundred thousand draws the function of exercise 1.c says inf.
    """
    w2, middle, beyond = the_2
    z = torch.randn(100_000, 20, dtype=torch.float64, generator=rng(seed))
    exponent = -((z - middle).square() @ w2 + beyond) / (2 * 0.2**2)
    peak = -392 * math.log(2 * math.pi * 0.2**2)
    variance = w2 + 0.2**2  # of x along W's directions
    log_p = -0.5 * (w2 * middle.square() / variance + variance.log()).sum()
    log_p += -0.5 * beyond / 0.2**2 - 764 * math.log(0.2) - 392 * math.log(2 * math.pi)
    assert log_p.item() == pytest.approx(134.29, abs=5e-3)
    estimates = torch.logsumexp(exponent.reshape(100, 1_000), 1) - math.log(1_000) + peak
    assert (log_p - estimates.max()).item() > 100
    powers_of_ten = (log_p - estimates.median()).item() / math.log(10)
    assert powers_of_ten == pytest.approx(113, abs=5)
    assert (exponent - exponent.mean()).exp().mean().isinf()


def test_one_prior_draw_in_ten_lies_farther_out_than_the_2(the_2: Any) -> None:
    """Chapter 1: |z|² of a prior draw is chi-square(20); the 2 has its posterior's mean."""
    w2, middle, _ = the_2
    mean = w2 / (w2 + 0.2**2) * middle
    assert mean.norm().item() == pytest.approx(5.3, abs=0.05)
    assert stats.chi2.sf(mean.square().sum().item(), 20) == pytest.approx(0.10, abs=0.01)


def test_three_draws_in_a_thousand_hit_the_needle() -> None:
    """Chapter 1's narrow world: one such draw lifts the average of ten above p(x), by itself."""
    p_three = stats.norm.pdf(3, 0, math.sqrt(1.01))
    height = brentq(lambda off: stats.norm.pdf(off, 0, 0.1) / 10 - p_three, 0, 1)
    hits = stats.norm.cdf(3 + height) - stats.norm.cdf(3 - height)
    assert hits == pytest.approx(0.003, abs=5e-4)
    assert 1 - (1 - hits) ** 10 == pytest.approx(0.03, abs=5e-3)  # of ten together


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_the_mean_is_right_and_nearly_every_estimate_too_low(seed: int) -> None:
    """Chapter 1's narrow world, ten draws an estimate: z ~ N(0, 1), x|z ~ N(z, 0.1²), x = 3.

    The mean of a million terms has the relative error √(599/10⁶), 2.4 %.
    """
    z = torch.randn(100_000, 10, dtype=torch.float64, generator=rng(seed))
    normal = torch.distributions.Normal(z, 0.1)
    evidence = math.exp(-0.5 * math.log(2 * math.pi * 1.01) - 9 / 2.02)
    ratio = normal.log_prob(torch.tensor(3.0, dtype=torch.float64)).exp().mean(1) / evidence
    assert ratio.mean().item() == pytest.approx(1, abs=4 * 0.0245)
    assert (ratio < 1).double().mean().item() == pytest.approx(0.97, abs=0.003)
    assert ratio.median().log10().item() == pytest.approx(-47, abs=0.5)
    assert (ratio[ratio >= 1].sum() / ratio.sum()).item() > 0.99


def test_half_of_the_mean_comes_from_one_draw_in_ten_to_the_eighteen() -> None:
    """Chapter 1's 2. Where p(x|z) is above a level, |(z − m) w| is below one: a weighted sum of
    squares in twenty coordinates. The posterior is drawn by its precisions, 1 + w²/s².
    """
    images = load_mnist("train").images[:10_000].flatten(1).double() / 255
    W = fit_ppca(images, latent=50).loadings[:, :20]
    w2 = W.square().sum(0)  # the columns are orthogonal
    x = load_mnist("test").images[1].flatten().double() / 255
    m = W.T @ (x - images.mean(0)) / w2
    precision = 1 + w2 / 0.2**2
    mean = w2 / 0.2**2 * m / precision
    z = mean + torch.randn(400_000, 20, dtype=torch.float64, generator=rng(7)) / precision.sqrt()
    height = -(w2 * (z - m).square()).sum(1) / (2 * 0.2**2)  # log p(x|z), but for a constant
    high = height >= height.median()  # half of the mean
    # log p(z)/p(z|x), whose mean over the posterior's upper half is the prior's share of it
    log_prior = -0.5 * z.square().sum(1)
    log_posterior = 0.5 * (precision.log() - precision * (z - mean).square()).sum(1)
    share = torch.logsumexp((log_prior - log_posterior)[high], 0) - math.log(400_000)
    assert share.item() / math.log(10) == pytest.approx(-18.5, abs=0.1)
    log_size = (log_posterior - log_prior)[high]  # of p(x|z)/p(x), by Bayes' rule
    assert log_size.min().item() / math.log(10) > 17  # each astronomically large
    inside = ((z - mean).abs() * precision.sqrt() < 1).all(1).double().mean().item()
    assert inside == pytest.approx(math.erf(math.sqrt(0.5)) ** 20, abs=4 * 3.5e-5)
    assert 1 / math.erf(math.sqrt(0.5)) ** 20 == pytest.approx(2_000, rel=0.05)


def test_nine_directions_in_ten_are_nearly_at_right_angles() -> None:
    """Chapter 1, d = 20: cos² of the angle to a fixed direction is Beta(1/2, 19/2)."""
    assert stats.beta.cdf(math.sin(math.radians(22)) ** 2, 0.5, 9.5) == pytest.approx(0.905, 0.01)


def test_bits_per_dimension_of_the_seven() -> None:
    """Chapter 1's two numbers: a density over [0, 1] and over [0, 255], by the change of scale."""
    bits = -310.187 / (784 * math.log(2))
    assert round(bits, 1) == -0.6
    assert round(bits + math.log2(255), 1) == 7.4


def test_a_hundred_thousand_prior_draws_leave_the_seven_a_hundred_nats_short() -> None:
    """Chapter 2's question, over twelve seeds; by the twenty numbers along W, as `shares` is."""
    images = load_mnist("train").images[:10_000].flatten(1).double() / 255
    model = fit_ppca(images, latent=20)
    directions, loadings = torch.linalg.qr(model.loadings)
    zero = torch.zeros(20, dtype=torch.float64)
    inside = LinearGaussian(loadings, zero, model.noise_std[0].item())
    x = (load_mnist("test").images[0].flatten().double() / 255 - model.offset) @ directions
    for seed in range(1, 13):
        z = torch.randn(100_000, 20, dtype=torch.float64, generator=rng(seed))
        square = (x - z @ loadings.T).square().sum(-1)
        constant = 20 * (math.log(model.noise_std[0].item()) + 0.5 * math.log(2 * math.pi))
        log_likelihood = -0.5 * square / model.noise_std[0].item() ** 2 - constant
        estimate = torch.logsumexp(log_likelihood, 0) - math.log(100_000)
        assert inside.log_evidence(x) - estimate > 100


Z2 = np.linspace(-14, 14, 28_001)  # a grid over z, of step 0.001


def losses(x: float, mean: float, std: float) -> Any:
    """Chapter 2's z² world: q(z) [log p(x) − log p(x, z) + log q(z)], for each cell of Z2."""
    log_joint = stats.norm.logpdf(x, Z2**2, 0.5) + stats.norm.logpdf(Z2)
    log_q = stats.norm.logpdf(Z2, mean, std)
    log_p = math.log(np.exp(log_joint).sum() * 1e-3)
    return np.exp(log_q) * (log_p - log_joint + log_q) * 1e-3


def test_one_hump_is_log_2_short_and_a_wide_q_pays_for_what_cannot_be() -> None:
    """Chapter 2 at x = 1.5: 0.78 on either hump; over both 6.84, nine times as much, of which the
    one draw in seven that falls beyond 1.8 costs 6.1.
    """
    on_one, over_both = losses(1.5, 1.15, 0.25), losses(1.5, 0.0, 1.2)
    assert on_one.sum() == pytest.approx(0.783, abs=5e-4)
    assert losses(1.5, -1.15, 0.25).sum() == pytest.approx(on_one.sum(), abs=1e-9)
    assert over_both.sum() == pytest.approx(6.840, abs=5e-4)
    assert round(over_both.sum() / on_one.sum()) == 9
    assert over_both[np.abs(Z2) > 1.8].sum() == pytest.approx(6.1, abs=0.05)
    assert round(1 / (2 * stats.norm.cdf(-1.8 / 1.2))) == 7
    left = np.abs(Z2 + 1.17).argmin()  # over the other hump, log p(x, z) − log q(z) − log p(x)
    assert -losses(1.5, 1.15, 0.25)[left] / stats.norm.pdf(Z2[left], 1.15, 0.25) / 1e-3 > 40


def test_the_widths_of_a_q_in_the_middle() -> None:
    """Chapter 2, Try 2, at x = 1.5: 3.57 at σ = 0.25, and the least of the slider's, 1.59, at 0.75;
    6.84 at 1.2.
    """
    middle = {round(0.05 * i, 2): losses(1.5, 0.0, 0.05 * i).sum() for i in range(4, 41)}
    assert min(middle, key=lambda std: middle[std]) == 0.75
    assert middle[0.75] == pytest.approx(1.59, abs=0.005)
    assert middle[0.25] == pytest.approx(3.57, abs=0.005)
    assert middle[1.2] == pytest.approx(6.84, abs=0.005)


@pytest.mark.parametrize(
    ("x", "start", "least"),
    [
        (1.5, (1.15, 0.25), 0.74),
        (1.5, (0.0, 0.75), 1.59),
        (1, (0.9, 0.3), 0.73),
        (1, (0, 0.6), 0.55),
    ],
)
def test_the_best_q_of_each_kind(x: float, start: tuple[float, float], least: float) -> None:
    """Chapter 2: on one hump, and in the middle; where the humps overlap, the middle is cheaper."""

    def short_by(place: Any) -> float:
        return float(losses(x, place[0] if start[0] else 0.0, math.exp(place[1])).sum())

    found = minimize(short_by, (start[0], math.log(start[1])), method="Nelder-Mead")
    assert found.fun == pytest.approx(least, abs=0.005)


def test_how_much_prior_draws_vary_for_the_digits_of_chapter_1() -> None:
    """Chapter 2's powers of ten: r = E p(x|z)² / p(x)² − 1, for the 7, the 2 and the 1.

    The square of a density N(x; m, s²) is N(x; m, s²/2) / √(4π s²); so its mean over the prior is
    a Gaussian's density, as p(x) is. All is measured along the twenty directions of W: outside
    them both have the same factor.
    """
    images = load_mnist("train").images[:10_000].flatten(1).double() / 255
    model = fit_ppca(images, latent=50)
    directions, W = torch.linalg.qr(model.loadings[:, :20])
    x = (load_mnist("test").images[:3].flatten(1).double() / 255 - model.offset) @ directions
    zero, eye = torch.zeros(20).double(), torch.eye(20).double()

    def log_density(variance: float) -> torch.Tensor:
        covariance = W @ W.T + variance * eye
        of_each: torch.Tensor = torch.distributions.MultivariateNormal(zero, covariance).log_prob(x)
        return of_each

    log_square = log_density(0.04 / 2) - 10 * math.log(4 * math.pi * 0.04)
    powers = (log_square - 2 * log_density(0.04)) / math.log(
        10
    )  # of r + 1, which is r in all digits shown
    assert [round(power, 1) for power in powers.tolist()] == [15.8, 18.8, 14.7]


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_chain_that_forgets_its_stays_spreads_too_far(seed: int) -> None:
    """Exercise 2.b's two numbers, over five seeds of a thousand chains: 0.47 for 0.43."""

    def log_density(z: torch.Tensor) -> torch.Tensor:
        return -0.5 * z**2 - 2 * (1 - 2 * z.tanh()) ** 2

    generator, z = rng(seed), torch.zeros(1_000, dtype=torch.float64)
    places, taken_alone = [], []
    for step in range(300):
        there = z + 0.8 * torch.randn(1_000, dtype=torch.float64, generator=generator)
        u = torch.rand(1_000, dtype=torch.float64, generator=generator)
        taken = u < (log_density(there) - log_density(z)).exp()
        z = torch.where(taken, there, z)
        if step >= 50:
            places.append(z)
            taken_alone.append(z[taken])
    assert torch.cat(places).std().item() == pytest.approx(0.43, abs=0.01)
    assert torch.cat(taken_alone).std().item() == pytest.approx(0.47, abs=0.01)


@pytest.mark.parametrize("times", [1.2, math.sqrt(2), 2.0, 3.0])
def test_share_of_draws_above_log_p_follows_the_width(times: float) -> None:
    """Chapter 3's table: of the draws of N(m, (times·std)²), over N(m, std²) as the posterior."""
    z = times * torch.randn(400_000, dtype=torch.float64, generator=rng(3))
    above = (torch.distributions.Normal(0, 1).log_prob(z)) > torch.distributions.Normal(
        0, times
    ).log_prob(z)
    exact = math.erf(math.sqrt(math.log(times) / (times**2 - 1)))
    assert above.double().mean().item() == pytest.approx(exact, abs=4 * 0.5 / math.sqrt(400_000))


def test_more_often_than_not_ends_at_twice_the_posterior() -> None:
    def share(times: float) -> float:
        return math.erf(math.sqrt(math.log(times) / (times**2 - 1)))

    assert share(2.02) > 0.5 > share(2.03)


@pytest.mark.slow
def test_a_rotation_costs_between_3_2_and_3_6_nats_and_thin_tails_cost_more_than_width() -> None:
    """Chapter 3's three programs, with forty other rotations of the latent axes.

    What lies outside the twenty directions of W costs the same at every z, for every q and in
    log p(x), so here too x is replaced by its twenty numbers along them.
    """
    images = load_digits().images.flatten(1).double() / 16
    model = fit_ppca(images, latent=20)
    directions, loadings = torch.linalg.qr(model.loadings)
    first = LinearGaussian(loadings, torch.zeros(20, dtype=torch.float64), model.noise_std[:20])
    x = (images[:100] - model.offset) @ directions
    exact = first.log_evidence(x).mean()
    for seed in SEEDS:
        generator = rng(seed)
        turn = torch.linalg.qr(torch.randn(20, 20, dtype=torch.float64, generator=generator)).Q
        second = LinearGaussian(first.loadings @ turn, first.offset, first.noise_std)
        precision = 1 + second.loadings.square().sum(0) / second.noise_std[0] ** 2
        elbo, bound = [], []
        for wider in (1.0, 1.5):
            q = DiagonalGaussian.from_std(second.posterior(x).mean, wider / precision.sqrt())
            log_w = bounds.log_weights(second, q, x, q.sample((1000,), generator=generator))
            elbo.append((exact - second.elbo(q, x).mean()).item())
            bound.append(
                (exact - bounds.importance_weighted_bound(log_w[None], dim=1).mean()).item()
            )
        assert 3.15 < elbo[0] < 3.65 < elbo[1]
        assert bound[1] < bound[0]


def test_the_least_gap_of_a_gaussian_in_the_tanh_world() -> None:
    """Chapter 3, Try 3: about 0.06 is the least, over the explorer's sliders near it."""
    world, x = tanh_world(a=2.0, b=1.0, c=0.0, s=0.5), torch.tensor([2.0]).double()
    axes = torch.arange(1.0, 1.7, 0.05).double(), torch.arange(0.3, 0.7, 0.02).double()
    mean, std = torch.cartesian_prod(*axes).unsqueeze(-1).unbind(1)
    least = bounds.gap(DiagonalGaussian.from_std(mean, std), world.posterior(x)).min().item()
    assert round(least, 2) == 0.06


def test_the_turned_round_divergence_is_least_at_the_posteriors_own_mean_and_spread() -> None:
    """Chapter 4, Try 4: at μ = 0, σ = 1.34, among the explorer's settings beside it."""
    explorer = PosteriorGap()
    posterior = square_world(s=0.5).posterior(torch.tensor([2.0]).double())
    assert abs(posterior.mean.item()) < 1e-10
    assert posterior.variance.sqrt().item() == pytest.approx(1.34, abs=0.005)

    def turned(mean: float, std: float) -> float:
        return explorer.at(world="z², x = 2", mean=mean, std=std)["turned_round"]

    least = turned(0.0, 1.34)
    assert all(least < turned(*place) for place in ((0.1, 1.34), (-0.1, 1.34), (0, 1.3), (0, 1.38)))


def log_normal(z: Any, mean: Any, std: float) -> Any:
    return -0.5 * ((z - mean) / std) ** 2 - math.log(std * math.sqrt(2 * math.pi))


@pytest.fixture(scope="module")
def two_humps() -> tuple[Any, Any]:
    """Chapter 4's z² world at x = 2: z on a grid of step 0.0005, and log p(z|x) there."""
    z = np.linspace(-9, 9, 36_001)
    log_joint = log_normal(z, 0, 1) + log_normal(2, z * z, 0.5)
    return z, log_joint - math.log(np.exp(log_joint).sum() * 0.0005)


def test_of_two_humps_the_best_gaussian_keeps_to_one(two_humps: tuple[Any, Any]) -> None:
    """Chapter 4's table: mode-seeking by a search from several places."""
    z, log_p = two_humps

    def lost(place: Any) -> float:
        log_q = log_normal(z, place[0], math.exp(place[1]))
        return float(np.sum(np.exp(log_q) * (log_q - log_p)) * 0.0005)

    starts = itertools.product((-1.4, 0.0, 0.3, 1.4), (-1.6, -0.5, 0.3))
    best = min((minimize(lost, start, method="Nelder-Mead") for start in starts), key=by_value)
    assert abs(best.x[0]) == pytest.approx(1.3300, abs=2e-4)
    assert math.exp(best.x[1]) == pytest.approx(0.1880, abs=2e-4)
    assert best.fun == pytest.approx(0.7117, abs=5e-5)
    assert (
        0 < best.fun - math.log(2) < 0.02
    )  # half of the mass is missed, and a hump is no Gaussian
    assert lost([0.0, math.log(0.18)]) == pytest.approx(7.03, abs=5e-3)  # the wall
    # Even the least that lies halfway is a wall.
    halfway = min(lost([0.0, log_std]) for log_std in np.linspace(-2.5, 0.5, 61))
    assert halfway > 2 * best.fun


def test_two_gaussians_leave_hardly_a_gap(two_humps: tuple[Any, Any]) -> None:
    """Chapter 4, "when humps are near": at x = 2 a mixture of the best Gaussian and its mirror
    image leaves 0.019.
    """
    z, log_p = two_humps
    sides = [log_normal(z, mean, 0.1880) for mean in (-1.3300, 1.3300)]
    log_q = np.logaddexp(*sides) - math.log(2)
    lost = np.sum(np.exp(log_q) * (log_q - log_p)) * 0.0005
    assert lost == pytest.approx(0.019, abs=5e-4)


def by_value(found: Any) -> float:
    return float(found.fun)


def test_of_the_covering_gaussian_half_of_the_draws_fall_where_nothing_is(
    two_humps: tuple[Any, Any],
) -> None:
    z, log_p = two_humps
    p = np.exp(log_p) * 0.0005
    std = math.sqrt(np.sum(p * z * z))
    assert std == pytest.approx(1.3406, abs=5e-5)
    log_q = log_normal(z, 0, std)
    assert np.sum(p * (log_p - log_q)) == pytest.approx(1.2262, abs=5e-5)
    nothing = log_p < log_p.max() - math.log(100)
    assert np.sum(np.exp(log_q) * nothing) * 0.0005 == pytest.approx(0.51, abs=0.01)


def test_what_a_divergence_adds_and_takes_back_place_by_place() -> None:
    """Chapter 4's integrand: q = N(1.35, 0.5²), the posterior N(½, ½)."""

    def integrand(z: float) -> float:
        log_q = log_normal(z, 1.35, 0.5)
        return float(math.exp(log_q) * (log_q - log_normal(z, 0.5, math.sqrt(0.5))))

    left, right = brentq(integrand, 0.0, 1.2), brentq(integrand, 2.0, 30.0)
    assert quad(integrand, left, right)[0] == pytest.approx(0.955, abs=5e-4)
    assert -quad(integrand, -6, left)[0] == pytest.approx(0.136, abs=5e-4)
    assert quad(integrand, right, 40)[0] == pytest.approx(0, abs=1e-9)


def test_the_teams_divergences_by_hand() -> None:
    """Chapter 4: N(0.6, 0.6²) and N(0, 0.9²), from the prior and from N(½, ½): what A pays and
    loses, 0.37 and 0.034, and B, 0.01 and 0.319.
    """

    def kl(mean: float, std: float, of_mean: float, of_variance: float) -> float:
        ratio = std**2 / of_variance
        return 0.5 * (ratio + (mean - of_mean) ** 2 / of_variance - 1 - math.log(ratio))

    a, b = (0.6, 0.6), (0.0, 0.9)
    assert [round(kl(*q, 0, 1), 4) for q in (a, b)] == [0.3708, 0.0104]
    assert [round(kl(*q, 0.5, 0.5), 4) for q in (a, b)] == [0.0343, 0.3188]
    assert round(kl(*b, 0.5, 0.5) / kl(*a, 0.5, 0.5)) == 9  # "its gap is nine times A's"


def test_the_flipped_sign_rewards_whoever_leaves_the_prior() -> None:
    """Chapter 4: with q = N(½, σ²) and x = 1, ELBO + 2 KL(q ‖ prior) is −log σ and a constant,
    so that it grows without end as σ falls.
    """
    world, x = LinearGaussian([[1.0]], 0.0, 1.0), torch.ones(1).double()
    stds = torch.logspace(-6, 1, 71, dtype=torch.float64).unsqueeze(-1)
    q = DiagonalGaussian.from_std(torch.full_like(stds, 0.5), stds)
    flipped = world.elbo(q, x) + 2 * kl_divergence(q, world.prior)
    # E_q log p(x|z) is −½ log 2π − ⅛ − ½σ², the KL ½(σ² + ¼ − 1) − log σ
    by_hand = -0.5 * math.log(2 * math.pi) - 0.5 - stds[:, 0].log()
    torch.testing.assert_close(flipped, by_hand, rtol=0, atol=1e-10)


def test_of_two_unit_gaussians_the_log_ratio_is_a_straight_line() -> None:
    """Chapter 4, "one draw in three": log N(z; 0, 1) − log N(z; m, 1) is ½ − z for m = 1, below
    zero with probability Φ(−½), and 4½ − 3z for m = 3, of variance 9.
    """
    z = np.linspace(-6, 6, 121)
    for m, line in ((1.0, 0.5 - z), (3.0, 4.5 - 3 * z)):
        ratio = stats.norm.logpdf(z) - stats.norm.logpdf(z, m)
        np.testing.assert_allclose(ratio, line, rtol=0, atol=1e-12)
    assert stats.norm.cdf(-0.5) == pytest.approx(0.309, abs=5e-4)
    draws = torch.randn(100_000, dtype=torch.float64, generator=rng(3))
    assert (4.5 - 3 * draws).var().item() == pytest.approx(9, rel=4 * math.sqrt(2 / 100_000))


@pytest.fixture(scope="module")
def counts() -> torch.Tensor:
    return load_digits().images.flatten(1).float()


@pytest.fixture(scope="module", params=range(1, 4))
def start(request: pytest.FixtureRequest, counts: torch.Tensor) -> VAE:
    """Chapter 5's model at β = 1, from which its sixteen copies go on, with another seed."""
    net = Architecture(64, (2,), ((64, 64),), "binomial")
    model = net.build(seed=request.param, data_mean=counts.mean(0) / 16)
    fit(model, counts, Settings(60, 128, 0.03, 20, optimiser="muon"), progress_bar=False)
    assert isinstance(model, VAE)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 4))
def test_what_the_sixteen_models_trade(seed: int, counts: torch.Tensor) -> None:
    """Chapter 5: the rate falls, the ELBO is flat, the chords lie, the objective passes log p.

    Trained as the chapter trains its sixteen, in float64, where processors differ little.
    """
    counts = counts.double()
    betas = torch.tensor([0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 32, 64]).double()
    net = Architecture(64, (2,), ((32, 32),), "binomial")
    model = net.build(seed=seed, data_mean=(counts.mean(0) / 16).float()).double()
    fit(model, counts, Settings(100, 128, 0.01), progress_bar=False)
    assert isinstance(model, VAE)
    sweep = stack([model] * 16)
    fit(
        sweep,
        counts,
        Settings(30, 128, 0.005),
        objective=weighted_elbo(betas),
        progress_bar=False,
    )
    terms = rate_distortion(sweep, counts, samples=4, generator=rng(5))
    rate, distortion = terms.rate.mean(-1), terms.distortion.mean(-1)
    loss = rate + distortion
    assert (rate.diff() < 0).all()
    assert (loss[3:8] < loss.min() + 1).all()  # from ½ to 2
    chords = -distortion[9:14:2].diff() / rate[9:14:2].diff()
    assert (betas[9:12:2] < chords).all()
    assert (chords < betas[11:14:2]).all()
    assert rate[-1] < 0.3 < 0.5 < rate[-2]
    explorer = WeightedObjective(sweep, betas, load_digits())
    for beta in (0.1, 0.5):
        views = [explorer.at(beta=beta, digit=digit) for digit in range(10)]
        assert sum(view["objective"] > view["log_evidence"] for view in views) > 5


@pytest.mark.slow
def test_no_lively_model_was_found_where_a_collapsed_one_is_stable(
    start: VAE, counts: torch.Tensor
) -> None:
    """Chapter 5: going on from a lively model, the rate is all but gone above β = 53.6."""
    betas = torch.linspace(40, 70, 16)  # 40, 42, …, 70
    sweep = stack([start] * 16)
    settings = Settings(120, 256, 0.01, 20)
    fit(sweep, counts, settings, objective=weighted_elbo(betas), progress_bar=False)
    rate = rate_distortion(sweep, counts, samples=4, generator=rng(5)).rate.mean(-1)
    assert rate[0] > 0.5
    assert rate[betas == 48].item() < 0.1
    assert rate[betas > 53.6].max() < 0.025  # 0.02 as printed


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 4))
def test_latents_die_where_the_rule_says(seed: int, counts: torch.Tensor) -> None:
    """Chapter 5: sixteen linear VAEs, within 0.1 of (5.7) at each β."""
    ink, betas = counts / 16, torch.linspace(1, 20, 16)
    variances = torch.linalg.eigvalsh(torch.cov(ink.T.double(), correction=0)).flip(0)[:4]
    nets = (
        GaussianNet(64, (), 4, generator=rng(seed)),
        GaussianNet(4, (), 64, std=0.2, generator=rng(seed)),
    )
    lines: Any = stack([VAE(*nets)] * 16)
    settings = Settings(70, 128, 0.03, 10)
    objective = weighted_elbo(betas)
    fit(lines, ink - ink.mean(0), settings, objective=objective, progress_bar=False)
    squared = torch.linalg.svdvals(lines.decoder.mean.weight.detach()).square()
    assert (squared - (variances - 0.04 * betas[:, None]).clamp(min=0)).abs().max() < 0.1


@pytest.mark.slow
def test_a_net_learns_the_posteriors_mean_and_width_from_pairs() -> None:
    """Chapter 6: within 0.1 from −2 to 2 in runs other than the cell's own; and such a net misses
    by 0.07 to 0.09 nats, where 6.d asks for 0.06.
    """
    world = tanh_world(a=2.0, b=1.0, c=0.0, s=0.5)
    at = torch.linspace(-2, 2, 41, dtype=torch.float64).unsqueeze(-1)
    exact = world.posterior(at)
    assert exact.variance[20] < 0.3**2 < 0.5**2 < exact.variance[0]  # steep at 0, flat at −2
    for seed in (0, 1, 2, 21):
        generator = rng(seed)
        z = world.prior.sample((4_000,), generator=generator)
        x = world.decoder(z).sample(generator=generator)
        net = GaussianNet(1, (16,), 1, generator=generator).double()
        climber = torch.optim.Adam(net.parameters(), lr=0.02)
        for _ in range(600):
            climber.zero_grad()
            (-net(x).log_prob(z).mean()).backward()
            climber.step()
        q = net.requires_grad_(False)(at)
        off = torch.stack([q.mean - exact.mean, q.std - exact.variance.sqrt()]).abs().max()
        assert off < 0.1
        assert 0.065 < missed(net) < 0.095


@pytest.mark.parametrize("rho", [0.0, 0.05, 0.5, 0.9])
def test_one_width_for_both_latents_costs_more_where_they_differ(rho: float) -> None:
    """Chapter 6: stds 1 and 2, half a log of 25/16 more than two widths, whatever ρ; never less."""
    for ratio, more in ((2.0, math.log(25 / 16) / 2), (1.0, 0.0)):
        covariance = torch.tensor(
            [[1.0, ratio * rho], [ratio * rho, ratio**2]], dtype=torch.float64
        )
        posterior = FullGaussian.from_covariance(torch.zeros(2).double(), covariance)
        two = bounds.gap(best_diagonal(posterior), posterior).item()
        one = bounds.gap(best_isotropic(posterior), posterior).item()
        assert two == pytest.approx(-0.5 * math.log(1 - rho**2), abs=1e-7)
        assert one == pytest.approx(two + more, abs=1e-7)
    assert round(math.log(25 / 16) / 2, 3) == 0.223


def sharing(model: VAE, images: torch.Tensor) -> float:
    """What one encoder costs on sixty images, in nats."""
    generator = rng(6)
    local = local_posterior(model, images[:60], generator=generator, steps=100, rate=0.06)
    split = inference_gap(model, images[:60], local, generator=generator, samples=500, k=100)
    return split.amortisation.mean().item()


def digit_vae(images: torch.Tensor, *, units: int, epochs: int, seed: int) -> VAE:
    """Chapter 6's VAE, trained on these images."""
    net = Architecture(64, (8,), ((units,),), "binomial")
    model = net.build(seed=seed, data_mean=images.mean(0) / 16)
    assert isinstance(model, VAE)
    how = Settings(epochs, batch_size=100, learning_rate=5e-3, seed=seed)
    fit(model, images, how, progress_bar=False)
    return model


@pytest.mark.slow
def test_what_grows_is_paid_on_images_never_met(counts: torch.Tensor) -> None:
    """Chapter 6's picture with another seed: it is the third gap that grows."""
    seen, unseen = counts.split([1000, 797])
    seed = 1
    for units in (64, 256):
        third: dict[int, float] = {}
        model = Architecture(64, (8,), ((units,),), "binomial").build(
            seed=seed, data_mean=seen.mean(0) / 16
        )

        def measure(epoch: int, model: Any = model, third: Any = third) -> dict[str, float]:
            if epoch in (10, 200):
                third[epoch] = sharing(model, unseen) - sharing(model, seen)
            return {}

        how = Settings(200, batch_size=100, learning_rate=5e-3, seed=seed)
        fit(model, seen, how, measure=measure, progress_bar=False)
        assert abs(third[10]) < 1.5 < 2.5 < third[200]


@pytest.mark.slow
def test_an_image_of_two_humps_climbs_to_the_nearer_one(counts: torch.Tensor) -> None:
    """Chapter 6's 4: from the codes of similar images a q is found that is ten nats better."""
    model = digit_vae(counts[:1000], units=64, epochs=200, seed=0)
    x = counts[1022:1023]
    assert load_digits().labels[1022] == 4
    near = (counts[:1000] - x).square().sum(-1).argsort()[:12]
    codes = model.encoder(torch.cat([x, counts[near]]))
    place = torch.stack([codes.mean, codes.log_std]).detach().requires_grad_()
    climber = torch.optim.Adam([place], lr=0.05)
    generator = rng(6)
    for _ in range(400):
        q = DiagonalGaussian(*place)
        z = q.rsample((8,), generator=generator)
        climber.zero_grad()
        (-bounds.log_weights(model, q, x.expand(13, 64), z).mean(0).sum()).backward()
        climber.step()
    q = DiagonalGaussian(*place.detach())
    z = q.sample((2_000,), generator=generator)
    bound = bounds.log_weights(model, q, x.expand(13, 64), z).mean(0)
    assert 8 < bound[1:].max() - bound[0] < 12


@pytest.mark.slow
def test_fewer_images_widen_what_unseen_ones_cost(counts: torch.Tensor) -> None:
    """Chapter 6: two thousand steps on 250, 500 and 1,500 images."""
    costs = [
        sharing(digit_vae(counts[:size], units=64, epochs=epochs, seed=0), counts[1500:])
        for size, epochs in ((250, 800), (500, 400), (1500, 133))
    ]
    assert costs[0] > 20 > costs[1] > 10 > 6 > costs[2] > 4


@pytest.mark.slow
def test_what_unseen_images_cost_more_is_the_encoder_s_lack_of_images(counts: torch.Tensor) -> None:
    """With the decoder held, an encoder that has seen all images costs alike on all of them."""
    seen, unseen = counts.split([1000, 797])
    trained, costs = digit_vae(seen, units=64, epochs=100, seed=0), {}
    before = sharing(trained, seen), sharing(trained, unseen)
    assert 4 < before[0] < 5 < 6 < before[1] < 7
    for name, data in (("seen", seen), ("all", counts)):
        model, generator = copy.deepcopy(trained), rng(1)
        climber = torch.optim.Adam(model.encoder.parameters(), lr=2e-3)
        for _ in range(300):
            for batch in torch.randperm(len(data), generator=generator).split(100):
                climber.zero_grad()
                (-model.elbo(data[batch], generator=generator).mean()).backward()
                climber.step()
        costs[name] = sharing(model, seen), sharing(model, unseen)
    assert costs["seen"][0] < 3.1 < 4.4 < costs["seen"][1] < 5.5
    assert all(2 < cost < 3.1 for cost in costs["all"])
