"""The expected log of a mean of K weights: against enumeration, SciPy, mpmath and its own laws."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import mpmath
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from course_lib.exact.numerics.log_mean import expected_log_mean

COUNTS = (1, 2, 3, 8, 64, 2**20)


def discrete(weights: list[float], probs: list[float], counts: Sequence[int]) -> torch.Tensor:
    log_weights = torch.tensor(weights, dtype=torch.float64).log()
    return expected_log_mean(log_weights, torch.tensor(probs, dtype=torch.float64).log(), counts)


def gaussian(
    tilt: float, counts: Sequence[int], half_width: float = 12.0, nodes: int = 2401
) -> torch.Tensor:
    """log w(z) = tilt·z², z ~ N(0, 1), on a grid."""
    z = torch.linspace(-half_width, half_width, nodes, dtype=torch.float64)
    log_probs = -0.5 * z**2 - 0.5 * math.log(2 * math.pi) + (z[1] - z[0]).log()
    return expected_log_mean(tilt * z**2, log_probs, counts)


@pytest.mark.equation("3.5")
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_every_ordered_draw_of_four_states(count: int) -> None:
    """All 4^K sequences with their probabilities; the rule's own error is below 1e-13."""
    weights, probs = [3.0, 0.02, 1.0, 40.0], [0.2, 0.5, 0.25, 0.05]
    total = 0.0
    for draw in itertools.product(range(4), repeat=count):
        mean = sum(weights[i] for i in draw) / count
        total += math.prod(probs[i] for i in draw) * math.log(mean)
    assert discrete(weights, probs, [count]).item() == pytest.approx(total, abs=1e-12)


@pytest.mark.equation("3.5")
@pytest.mark.parametrize("tilt", [-0.75, 0.3, 0.46])
def test_a_plane_of_quadrature_for_two_gaussian_draws(tilt: float) -> None:
    """E log ½(w(z₁) + w(z₂)) by SciPy in polar coordinates, where the radius is an exponential.

    tilt = 0.3 and 0.46: E w² is infinite.
    """

    def half(angle: float) -> float:
        c, s = math.cos(angle) ** 2, math.sin(angle) ** 2

        def integrand(u: float) -> float:  # u = r²/2, density e^−u
            return math.exp(-u) * (2 * u * tilt * c + math.log1p(math.exp(2 * u * tilt * (s - c))))

        return integrate.quad(integrand, 0, 60, epsabs=1e-12)[0]

    value = integrate.quad(half, 0, math.pi / 2, epsabs=1e-11)[0] / (math.pi / 2) - math.log(2)
    assert gaussian(tilt, [2]).item() == pytest.approx(value, abs=1e-10)


@pytest.mark.equation("3.5")
def test_a_gamma_mean_of_exponential_weights() -> None:
    """w ~ Exp(1): the mean of K is Gamma(K)/K, and E log is digamma(K) − log K."""
    share = torch.linspace(-40.0, 5.0, 9001, dtype=torch.float64)  # log w
    log_probs = share - share.exp() + (share[1] - share[0]).log()
    ours = expected_log_mean(share, log_probs, COUNTS)
    exact = [float(mpmath.digamma(k) - mpmath.log(k)) for k in COUNTS]
    # e^−40 of the mass is cut off; at K = 2²⁰ the rest is the spacing of numbers near t = 1.
    assert ours.tolist() == pytest.approx(exact, abs=1e-12)


def test_simulation_agrees() -> None:
    rng = torch.Generator().manual_seed(5)
    z = torch.randn(16, 100_000, dtype=torch.float64, generator=rng)
    samples = torch.logsumexp(-0.75 * z**2, 0) - math.log(16)
    error = samples.std().item() / math.sqrt(samples.numel())
    assert abs(samples.mean().item() - gaussian(-0.75, [16]).item()) < 4 * error


def test_the_gap_falls_like_one_over_k_if_the_variance_is_finite() -> None:
    """To first order in 1/K the gap is r/(2K), r the relative variance of w."""
    first, second = (1 + 1.5) ** -0.5, (1 + 3.0) ** -0.5  # E w, E w² of exp(−0.75 z²)
    r = second / first**2 - 1
    gap = math.log(first) - gaussian(-0.75, [2**16]).item()
    assert gap == pytest.approx(r / 2**17, rel=1e-3)


def test_the_gap_falls_like_a_small_power_of_k_if_the_tail_is_heavy() -> None:
    """log w = a z²: P(w > t) ~ t^(−1/2a) up to logarithms, and the gap falls like K^(1 − 1/2a).

    The logarithm √(log K) that multiplies the power moves the slope between K and 4K by about
    −½/log K, which is 0.007 here.
    """
    tilt = 0.35
    counts = [2**96, 2**98]
    gaps = math.log((1 - 2 * tilt) ** -0.5) - gaussian(tilt, counts, half_width=30.0, nodes=6001)
    slope = (gaps[1] / gaps[0]).log().item() / math.log(4)
    assert slope == pytest.approx(1 - 1 / (2 * tilt), abs=0.02)


weights = st.lists(st.floats(-600, 600), min_size=1, max_size=6)


@given(weights, st.floats(-1000, 1000))
def test_between_the_mean_log_and_the_log_mean_and_rising(
    values: list[float], shift: float
) -> None:
    log_w = torch.tensor(values, dtype=torch.float64)
    log_p = torch.full_like(log_w, -math.log(len(values)))
    ours = expected_log_mean(log_w, log_p, COUNTS)
    mean_log, log_mean = log_w.mean(), torch.logsumexp(log_w, 0) - math.log(len(values))
    slack = 1e-10 * (1 + log_w.abs().max().item())
    assert ours[0].item() == pytest.approx(mean_log.item(), abs=slack)
    assert bool((ours.diff() >= -slack).all())
    assert ours[-1].item() <= log_mean.item() + slack
    moved = expected_log_mean(log_w + shift, log_p, COUNTS)
    assert (moved - shift - ours).abs().max().item() <= 1e-10 * (1 + abs(shift)) + slack


@pytest.mark.parametrize("states", [3, 6, 10, 49])
def test_more_draws_than_a_sum_of_probabilities_can_tell_from_one(states: int) -> None:
    """K = 2¹⁰⁰: the mean of the weights, to r/2K, however the probabilities round."""
    weights = [float(n) for n in range(1, states + 1)]
    found = discrete(weights, [1 / states] * states, [2**100]).item()
    assert found == pytest.approx(math.log((states + 1) / 2), abs=1e-14)


def test_equal_weights_leave_no_gap() -> None:
    assert expected_log_mean(
        torch.full((7,), 2.5).double(), torch.full((7,), 1 / 7).double().log(), COUNTS
    ).tolist() == pytest.approx([2.5] * len(COUNTS), abs=1e-12)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("weights", [(0.0, 1.0, 2.0), (0.0, 0.0, 0.0), (-3.0, 0.5, 9.0)])
def test_the_slope_in_each_weight_and_probability(weights: tuple[float, ...], count: int) -> None:
    """Against that of the sum over all ordered draws."""
    log_w = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
    logits = torch.tensor([0.4, -0.3, 0.1], dtype=torch.float64, requires_grad=True)
    log_p = logits.log_softmax(0)
    slopes = torch.autograd.grad(expected_log_mean(log_w, log_p, [count]).sum(), (log_w, logits))
    draws = torch.tensor(list(itertools.product(range(3), repeat=count)))
    means = logits.log_softmax(0)[draws].sum(1).exp() @ log_w[draws].logsumexp(1)
    for slope, exact in zip(slopes, torch.autograd.grad(means, (log_w, logits)), strict=True):
        torch.testing.assert_close(slope, exact, rtol=1e-9, atol=1e-11)


def test_weights_that_vanish_make_it_minus_infinity() -> None:
    assert discrete([0.0, 1.0], [0.1, 0.9], COUNTS).tolist() == [-math.inf] * len(COUNTS)
    rare = torch.tensor([0.0, -800.0], dtype=torch.float64)  # a probability that no float holds
    impossible = torch.tensor([0.0, -math.inf], dtype=torch.float64)
    assert expected_log_mean(impossible, rare, COUNTS).tolist() == [-math.inf] * len(COUNTS)


@pytest.mark.parametrize("unseen", [0.0, math.inf])
def test_a_state_that_q_never_draws_does_not_count(unseen: float) -> None:
    kept = discrete([unseen, 1.0], [0.0, 1.0], [1, 5])
    assert kept.tolist() == pytest.approx([0.0, 0.0], abs=1e-12)


@pytest.mark.parametrize(
    ("weights", "probs", "counts", "message"),
    [
        ([0.0], [0.0, 0.0], [1], r"one shape \(n,\), got \(1,\) and \(2,\)"),
        ([[0.0]], [[0.0]], [1], "one shape"),
        ([], [], [1], "one shape"),
        ([math.nan], [0.0], [1], "log_weights must be a number"),
        ([0.0], [math.nan], [1], "log_probs must be a number"),
        ([0.0, 0.0], [0.0, 0.0], [1], "sum to 1, got 2"),
        ([0.0], [2e-6], [1], r"sum to 1, got 1\.000002"),
        ([-math.inf], [0.0], [1], "positive, finite mean, got log -inf"),
        ([math.inf], [0.0], [1], "positive, finite mean, got log inf"),
        ([0.0], [0.0], [0], "K must be a whole number of at least 1, got 0"),
    ],
)
def test_bad_input_is_named(
    weights: list[Any], probs: list[Any], counts: Any, message: str
) -> None:
    log_w, log_p = (torch.tensor(v, dtype=torch.float64) for v in (weights, probs))
    with pytest.raises(ValueError, match=message):
        expected_log_mean(log_w, log_p, counts)


def test_probabilities_may_underflow() -> None:
    """A q so narrow that most of the posterior has q(z) = 0 in floating point, yet E w is right."""
    z = torch.linspace(-12, 12, 4801, dtype=torch.float64)
    q, posterior = stats.norm(-2.0, 0.1), stats.norm(0.5, math.sqrt(0.5))
    log_q, log_posterior = (torch.from_numpy(d.logpdf(z.numpy())) for d in (q, posterior))
    ours = expected_log_mean(log_posterior - log_q, log_q + math.log(0.005), [1, 2])
    kl = math.log(math.sqrt(0.5) / 0.1) + (0.01 + 2.5**2) / 1.0 - 0.5
    assert ours[0].item() == pytest.approx(-kl, abs=1e-10)
    assert -kl < ours[1].item() < 0
