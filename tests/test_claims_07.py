"""What notebook 7 says and its cells do not print."""

import itertools
import math
from typing import cast

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Generator, Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from course_lib.data import binarise, load_mnist
from course_lib.distributions import DiagonalGaussian
from course_lib.evaluate import (
    LatentPlane,
    SampledLogEvidence,
    local_posterior,
    sampled_log_evidence,
)
from course_lib.explorers.encoder_and_decoder import LatentWalk
from course_lib.explorers.own_q import OwnQ
from course_lib.explorers.scenes.encoded_digits import shipped_digits
from course_lib.explorers.scenes.own_paths import ascend
from course_lib.shipped import load_model
from course_lib.vae import VAE

NINE = 18  # of the twenty images
MODEL = cast(VAE, load_model("mnist_vae_2d")).double()
PRIOR = Independent(Normal(torch.zeros(2).double(), torch.ones(2).double()), 1)


@pytest.fixture(scope="module")
def explorer() -> LatentWalk:
    return LatentWalk()


def bits(place: int) -> Tensor:
    """A test image, black and white, (1, 784)."""
    pixels = load_mnist("test").images.flatten(1)
    return binarise(pixels, generator=Generator().manual_seed(7)).double()[place : place + 1]


def missed(q: DiagonalGaussian, x: Tensor, log_evidence: float) -> float:
    """log p(x) − ELBO by 60² nodes, with torch's densities. q: one of two latents, batch (1,)."""
    points, weights = np.polynomial.hermite.hermgauss(60)
    axis, mass = torch.as_tensor(points * math.sqrt(2)), torch.as_tensor(weights / weights.sum())
    z = q.mean + q.std * torch.cartesian_prod(axis, axis)
    logits = MODEL.decoder(z).logits  # type: ignore[attr-defined]
    fit = torch.outer(mass, mass).flatten() @ Independent(Bernoulli(logits=logits), 1).log_prob(x)
    kl = kl_divergence(Independent(Normal(q.mean, q.std), 1), PRIOR)
    elbo: float = (fit - kl).item()
    return log_evidence - elbo


def from_the_prior(x: Tensor, seed: int = 0) -> DiagonalGaussian:
    """A narrow q at the best of 2,000 draws of the prior. x: (1, 784)."""
    tries = MODEL.prior.sample((2_000,), generator=Generator().manual_seed(seed))
    top = tries[MODEL.log_joint(x[0], [tries]).argmax()][None]
    return DiagonalGaussian(top, torch.full_like(top, 0.05).log())


def test_the_average_elbo_of_a_test_image() -> None:
    """−132 nats: of all ten thousand, one draw each."""
    pixels = load_mnist("test").images.flatten(1)
    x = binarise(pixels, generator=Generator().manual_seed(7)).double()
    found = torch.cat(
        [MODEL.elbo(part, generator=Generator().manual_seed(1)) for part in x.split(2_000)]
    )
    assert found.mean().item() == pytest.approx(-132, abs=0.5)


def test_the_sum_at_the_point_does_not_move(explorer: LatentWalk) -> None:
    """Its parts run through hundreds of nats."""
    sums, parts = [], []
    for z_1, z_2 in itertools.product((-3.0, -0.5, 1.2, 2.8), repeat=2):
        drawn = explorer.at(digit=2, z_1=z_1, z_2=z_2)
        parts.append(drawn["log_likelihood"])
        sums.append(drawn["log_likelihood"] + drawn["log_prior"] - drawn["log_posterior"])
    assert np.ptp(sums) < 1e-9
    assert np.ptp(parts) > 200


def test_the_encoder_s_answer_is_better_by_far_than_where_the_point_begins() -> None:
    """For each of the twenty images."""
    digits = shipped_digits()
    for image in range(20):
        start = digits.at(image, torch.zeros(2, dtype=torch.float64))["log_likelihood"]
        assert digits.at(image, digits.q.mean[image])["log_likelihood"] > start + 25


def test_seven_of_the_twenty_have_a_lower_log_p_than_the_nine() -> None:
    """So −156 is nothing unusual."""
    log_evidence = shipped_digits().log_evidence
    assert log_evidence[NINE].item() == pytest.approx(-156, abs=0.5)
    assert (log_evidence < log_evidence[NINE]).sum() == 7
    assert log_evidence.mean().item() == pytest.approx(-133, abs=0.5)


def test_the_encoder_s_mean_is_ninety_nats_short_of_the_best_point_for_the_nine() -> None:
    """The best of the posterior's cells, which lie closer than the sliders' steps."""
    digits = shipped_digits()
    logits = MODEL.decoder(digits.cells[NINE].centres).logits  # type: ignore[attr-defined]
    found = logits @ digits.x[NINE] - torch.nn.functional.softplus(logits).sum(-1)
    answer = digits.at(NINE, digits.q.mean[NINE])["log_likelihood"]
    assert (found.max() - answer).item() == pytest.approx(91.6, abs=0.1)


def test_the_circles_hold_39_and_86_percent_of_the_prior() -> None:
    """At one and two standard deviations, in two dimensions."""
    assert stats.chi2(2).cdf([1, 4]) == pytest.approx([0.39, 0.86], abs=0.005)


def test_the_two_nines_are_an_easy_and_a_hard_image() -> None:
    """The first lies twenty of q's σ off, the first 5 more than fifty and it loses less."""
    digits = shipped_digits()
    assert digits.gaps[[NINE, NINE + 1]].tolist() == pytest.approx([92.0, 0.4], abs=0.05)
    means = torch.stack([found.mean for found in digits.cells])
    off = ((means - digits.q.mean) / digits.q.std).norm(dim=-1)
    assert off[NINE].item() == pytest.approx(20, abs=0.1)
    assert off[10] > 50
    assert digits.gaps[10] < 30


def test_the_92_is_how_far_below_its_summit_the_posterior_is_where_q_draws() -> None:
    """And the summits of q and of the posterior are about equally high."""
    digits = shipped_digits()
    cells, q = digits.cells[NINE], Independent(Normal(digits.q.mean[NINE], digits.q.std[NINE]), 1)
    summit = cells.log_joint.max().item() - cells.log_evidence
    assert summit == pytest.approx(q.log_prob(q.mean).item(), abs=0.5)
    z = q.sample((4_000,))
    logits = MODEL.decoder(z).logits  # type: ignore[attr-defined]
    joint = Independent(Bernoulli(logits=logits), 1).log_prob(digits.x[NINE]) + PRIOR.log_prob(z)
    assert (summit - (joint.mean() - cells.log_evidence)).item() == pytest.approx(93, abs=1.5)


@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_steps_win_the_92_back_with_other_noise_too(seed: int) -> None:
    """Of one image, from the encoder's answer."""
    digits, generator = shipped_digits(), Generator().manual_seed(seed)
    own = local_posterior(MODEL, digits.x[NINE : NINE + 1], generator=generator, steps=100)
    left = missed(own, digits.x[NINE], digits.log_evidence[NINE].item())
    assert left == pytest.approx(0.1, abs=0.05)


def test_which_images_end_on_a_lower_hill_and_which_start_mends_them() -> None:
    """Of twenty: the better of both starts leaves one more than a nat short, the second 0."""
    digits = shipped_digits()
    tries = MODEL.prior.sample((2_000,), generator=Generator().manual_seed(0))
    logits = MODEL.decoder(tries).logits  # type: ignore[attr-defined]
    log_joint = digits.x @ logits.T - torch.nn.functional.softplus(logits).sum(-1)
    tops = tries[(log_joint + PRIOR.log_prob(tries)).argmax(-1)]
    ends = []
    for start in (digits.q, DiagonalGaussian(tops, torch.full_like(tops, 0.05).log())):
        q = ascend(MODEL, digits.x, start)[-1]
        each = [DiagonalGaussian(q.mean[i : i + 1], q.log_std[i : i + 1]) for i in range(20)]
        evidence = digits.log_evidence.tolist()
        ends.append([missed(each[i], digits.x[i], evidence[i]) for i in range(20)])
    encoder, prior = np.array(ends)
    assert np.flatnonzero(encoder > 2).tolist() == [1, 10, 12]  # the second 0, the first 5 and 6
    assert (prior[[10, 12]] < 0.2).all()
    assert np.flatnonzero(np.minimum(encoder, prior) > 1).tolist() == [1]
    assert prior[14] > 10 > 1 > encoder[14]  # a 7, for which the encoder knew better


def test_the_first_0_has_two_hills_of_like_mass_and_one_ascent_is_unfinished() -> None:
    """A q on a hill that holds the share s of the mass misses −log s nats at least."""
    digits = shipped_digits()
    x, evidence = digits.x[:1], digits.log_evidence[0].item()
    one = ascend(MODEL, x, MODEL.encoder(x))[-1]
    short = ascend(MODEL, x, from_the_prior(x))[-1]
    other = ascend(MODEL, x, short)[-1]
    assert missed(short, x[0], evidence) == pytest.approx(3.1, abs=0.05)
    assert missed(other, x[0], evidence) == pytest.approx(1.0, abs=0.05)
    shares = [math.exp(-missed(q, x[0], evidence)) for q in (one, other)]
    assert min(shares) > 0.35
    assert 0.9 < sum(shares) <= 1
    assert (one.mean - other.mean).norm() > 5 * torch.maximum(one.std, other.std).max()


def test_test_image_64_is_lost_from_the_encoder_s_answer_and_found_from_the_prior() -> None:
    """Exercise 7.d: 37 nats, 29 after a hundred steps; from the best of 2,000 draws under ½."""
    x = bits(64)
    log_evidence = LatentPlane(MODEL, x).log_evidence(0)
    start = MODEL.encoder(x)
    assert missed(start, x[0], log_evidence) == pytest.approx(37, abs=0.5)
    assert missed(ascend(MODEL, x, start)[-1], x[0], log_evidence) == pytest.approx(29, abs=0.5)
    for seed in range(3):
        found = ascend(MODEL, x, from_the_prior(x, seed))[-1]
        assert missed(found, x[0], log_evidence) < 0.5


def test_the_report_of_exercise_7_c() -> None:
    """A thousand draws of the encoder's q say −229 and a few, of the image's own −156.00.

    Ten times as many draws of the encoder's gain a few nats on average, where seventy are missing.
    """
    digits = shipped_digits()
    x = digits.x[NINE : NINE + 1]
    start = MODEL.encoder(x)
    own = ascend(MODEL, x, start)[-1]
    said: dict[str, list[float]] = {"start": [], "own": [], "more": []}
    for name, q, k in (("start", start, 1_000), ("own", own, 1_000), ("more", start, 10_000)):
        for seed in range(20):
            noise = torch.randn(k, 2, generator=Generator().manual_seed(seed)).double()
            z = q.mean + q.std * noise
            log_q = Independent(Normal(q.mean, q.std), 1).log_prob(z)
            weight = MODEL.log_joint(x[0], [z]) - log_q
            said[name].append((torch.logsumexp(weight, 0) - math.log(k)).item())
    assert np.mean(said["start"]) == pytest.approx(-228.5, abs=1)
    assert said["start"] == pytest.approx([-228.5] * 20, abs=7)
    assert said["own"] == pytest.approx([-156.0] * 20, abs=0.05)
    assert 1 < np.mean(said["more"]) - np.mean(said["start"]) < 5
    assert max(said["more"]) < -156 - 50
    assert missed(own, x[0], 0.0) == pytest.approx(156.1, abs=0.05)


def test_sampling_from_the_encoder_s_q_does_not_notice_the_nine() -> None:
    """From each of twenty seeds it is some seventy nats too low, and says ± 1 or less.

    No draws say more: of positive weights the error of the mean is the mean at most, as here.
    """
    lonely = torch.full((1_000, 1), -math.inf).double()
    lonely[0, 0] = 0.0
    assert SampledLogEvidence.from_log_weights(lonely).standard_error.item() == pytest.approx(
        1, abs=1e-3
    )
    digits = shipped_digits()
    x, exact = digits.x[NINE : NINE + 1], digits.log_evidence[NINE].item()
    for seed in range(20):
        run = sampled_log_evidence(MODEL, x, k=1_000, seed=seed)
        assert 66 < exact - run.log_evidence.item() < 78
        assert run.standard_error.item() <= 1 + 1e-9


def test_the_mean_in_place_of_draws_gains_half_of_one_less_the_variance() -> None:
    """In a linear world, z ~ N(0, 1), x|z ~ N(z, 1), q the posterior N(x/2, ½): a quarter nat."""
    x = 0.7
    at_mean = stats.norm.logpdf(x, x / 2)
    average = stats.norm(x / 2, 0.5**0.5).expect(lambda z: stats.norm.logpdf(x, z))
    assert at_mean - average == pytest.approx(0.5 * (1 - 0.5), abs=1e-9)


def test_the_formula_on_grey_pixels_is_the_average_over_all_ways_to_make_them_black() -> None:
    """It is linear in each pixel: of three, the eight ways are added up."""
    grey, logits = torch.tensor([0.2, 0.9, 0.5]).double(), torch.tensor([1.5, -0.3, 4.0]).double()
    formula = (grey * logits - torch.nn.functional.softplus(logits)).sum()
    average = 0.0
    for ways in itertools.product((0.0, 1.0), repeat=3):
        b = torch.tensor(ways).double()
        chance = Independent(Bernoulli(grey), 1).log_prob(b).exp()
        average += (chance * Independent(Bernoulli(logits=logits), 1).log_prob(b)).item()
    assert formula.item() == pytest.approx(average, abs=1e-12)


def test_the_first_nine_stays_near_sixty_then_comes_down_and_overshoots() -> None:
    """Near 60 from 7 steps to 13; at 27 a nat is left, at 35 eight again, at 50 less than one."""
    moved = OwnQ()
    gaps = {steps: moved.at(digit=9, steps=steps)["gap"] for steps in (7, 10, 13, 27, 35, 50)}
    assert all(59 < gaps[steps] < 63 for steps in (7, 10, 13))
    assert [round(gaps[steps]) for steps in (27, 35)] == [1, 8]
    assert gaps[50] < 1


def test_turning_the_loadings_leaves_log_p_alone_and_moves_the_elbo() -> None:
    """The bound touches log p(x) at exactly two of 180 degrees, 90 apart; by matrices alone."""
    weights = np.array([[1.5, 1.2], [0.5, 1.4], [-1.0, 0.4]])
    x, noise = np.array([1.0, 0.5, -0.5]), 0.4**2
    angles = np.deg2rad(np.arange(0, 180, 0.1))
    evidence, gaps = [], []
    for angle in angles:
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        turned = weights @ turn
        covariance = turned @ turned.T + noise * np.eye(3)
        quadratic = x @ np.linalg.solve(covariance, x)
        evidence.append(-0.5 * (quadratic + np.linalg.slogdet(2 * np.pi * covariance)[1]))
        precision = np.eye(2) + turned.T @ turned / noise  # of the posterior
        # KL of the best diagonal q: ½ (Σ log Λ_ii − log |Λ|), whatever x is.
        gaps.append(0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1]))
    assert np.ptp(evidence) < 1e-12
    gap = np.array(gaps)
    low = (gap < np.roll(gap, 1)) & (gap < np.roll(gap, -1))
    assert np.rad2deg(np.diff(angles[low])) == pytest.approx([90])
    assert gap[low].max() < 1e-5
    assert np.rad2deg(angles[low]) == pytest.approx([45, 135], abs=0.5)
    assert gap.max() == pytest.approx(0.195, abs=0.005)
