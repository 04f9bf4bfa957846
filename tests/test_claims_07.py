"""What notebook 7 says and its cells do not print."""

import itertools

import numpy as np
import pytest

from course_lib.explorers.encoder_and_decoder import WHICH, LatentWalk


@pytest.fixture(scope="module")
def explorer() -> LatentWalk:
    return LatentWalk()


def test_the_sum_at_the_point_does_not_move(explorer: LatentWalk) -> None:
    """Its parts run through hundreds of nats."""
    sums, parts = [], []
    for z_1, z_2 in itertools.product((-3.0, -0.5, 1.2, 3.4), repeat=2):
        drawn = explorer.at(digit=2, which="first", z_1=z_1, z_2=z_2)
        parts.append(drawn["log_likelihood"])
        sums.append(drawn["log_likelihood"] + drawn["log_prior"] - drawn["log_posterior"])
    assert np.ptp(sums) < 1e-9
    assert np.ptp(parts) > 200


def test_the_encoder_s_answer_is_better_by_far_than_where_the_point_begins(
    explorer: LatentWalk,
) -> None:
    """For each of the twenty images."""
    for digit, which in itertools.product(range(10), WHICH):
        start = explorer.at(digit=digit, which=which, z_1=0.0, z_2=0.0)
        there = explorer.at(z_1=round(start["q_mean_1"], 2), z_2=round(start["q_mean_2"], 2))
        assert there["log_likelihood"] > start["log_likelihood"] + 25


def test_the_two_nines_are_an_easy_and_a_hard_image(explorer: LatentWalk) -> None:
    assert round(explorer.at(digit=9, which="second")["gap"], 1) == 0.4
    assert 85 < explorer.at(digit=9, which="first")["gap"] < 95


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
    assert gap.max() > 0.1
