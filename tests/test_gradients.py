"""Gradient estimators against quadrature: the mean, and the variance of a single sample."""

import itertools
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import mpmath as mp
import pytest
import torch
from scipy import integrate
from torch import Tensor

from course_lib import gradients
from course_lib.distributions import Bernoulli
from course_lib.gradients import (
    ExactDerivative,
    coin_gradient,
    coin_score_function,
    pathwise,
    score_function,
)

PLACES = [(0.0, 1.0), (0.7, 0.4), (-2.0, 1.3), (3.0, 0.2)]


def moments(estimate: Callable[[float], float], split: float | None = None) -> tuple[float, float]:
    """Mean and variance of estimate(ε), ε ~ N(0, 1), by adaptive quadrature."""

    def expect(g: Callable[[float], float]) -> float:
        def weighted(e: float) -> float:
            return g(e) * math.exp(-0.5 * e * e) / math.sqrt(2 * math.pi)

        points = None if split is None else [split]
        return integrate.quad(weighted, -12, 12, limit=800, epsabs=1e-12, points=points)[0]

    mean = expect(estimate)
    return mean, expect(lambda e: (estimate(e) - mean) ** 2)


def at(estimator: Callable[[Tensor], Tensor]) -> Callable[[float], float]:
    """A per-sample estimator as a function of one ε."""
    return lambda e: estimator(torch.tensor([e], dtype=torch.float64)).item()


def agree(exact: ExactDerivative, path: tuple[float, float], score: tuple[float, float]) -> None:
    # quad promises 1e-12 absolute on each of two integrals; the factor covers their combination
    tolerance: dict[str, Any] = {"rel": 1e-9, "abs": 1e-9}
    assert path == pytest.approx((exact.gradient, exact.pathwise_variance), **tolerance)
    assert score == pytest.approx((exact.gradient, exact.score_variance), **tolerance)


@pytest.mark.equation("8.1")
@pytest.mark.equation("8.2")
@pytest.mark.equation("8.3")
@pytest.mark.parametrize(("mean", "std"), PLACES)
@pytest.mark.parametrize("part", ["mean", "std"])
def test_the_square(mean: float, std: float, part: str) -> None:
    exact = getattr(gradients, f"square_in_{part}")(mean, std)
    path = moments(at(lambda e: getattr(pathwise(torch.square, mean, std, e), part)))
    score = moments(at(lambda e: getattr(score_function(torch.square, mean, std, e), part)))
    agree(exact, path, score)


@pytest.mark.equation("8.4")
@pytest.mark.parametrize(("mean", "std"), PLACES)
@pytest.mark.parametrize(("omega", "baseline"), [(0.5, 0.0), (1.7, 0.3), (5.0, -1.0)])
def test_the_sine(mean: float, std: float, omega: float, baseline: float) -> None:
    def f(z: Tensor) -> Tensor:
        return torch.sin(omega * z)

    exact = gradients.sine_in_mean(omega, mean, std, baseline=baseline)
    path = moments(at(lambda e: pathwise(f, mean, std, e).mean))
    score = moments(at(lambda e: score_function(f, mean, std, e, baseline=baseline).mean))
    agree(exact, path, score)


def sine_in_many_digits(
    omega: float, mean: float, std: float, baseline: float
) -> tuple[mp.mpf, ...]:
    """The three numbers as the textbook writes them, in 160 digits."""
    with mp.workdps(160):
        w, m, s, b = (mp.mpf(v) for v in (omega, mean, std, baseline))
        spread = (w * s) ** 2
        decay = mp.exp(-spread / 2)
        wave, gradient = mp.cos(2 * w * m) * decay**4, w * mp.cos(w * m) * decay
        path = w**2 * (1 + wave) / 2 - gradient**2
        cross = mp.sin(w * m) * (1 - spread) * decay
        second = (1 - (1 - 4 * spread) * wave) / 2 - 2 * b * cross + b**2
        return tuple(float(v) for v in (gradient, path, second / s**2 - gradient**2))


@pytest.mark.equation("8.4")
@pytest.mark.parametrize("std", [1e-12, 1.2e-5, 1e-4, 0.03, 0.68, 0.72, 1.0, 30.0, 1e12])
@pytest.mark.parametrize(("omega", "mean"), [(1.0, 0.0), (3.0, 0.0), (3.0, 0.3), (-0.5, 7.0)])
@pytest.mark.parametrize("baseline", [0.0, 0.4, -1.0])
def test_the_sine_at_any_width(omega: float, mean: float, std: float, baseline: float) -> None:
    exact = gradients.sine_in_mean(omega, mean, std, baseline=baseline)
    found = exact.gradient, exact.pathwise_variance, exact.score_variance
    wanted = sine_in_many_digits(omega, mean, std, baseline)
    # A few roundings of sin ωμ, of which none is less than 0.1 from the baseline but for μ = 0.
    assert found == pytest.approx(wanted, rel=1e-14, abs=1e-320)
    assert exact.pathwise_variance >= 0
    assert exact.score_variance >= 0


def test_nothing_overflows_into_an_error() -> None:
    """Where no float is large enough, infinity says so."""
    assert gradients.square_in_mean(1e100, 1e-100).score_variance == math.inf
    assert gradients.square_in_std(1e100, 1e-100).score_variance == math.inf
    assert gradients.sine_in_mean(1e200, 0.0, 1.0).pathwise_variance == math.inf
    assert gradients.sine_in_mean(1e160, 0.0, 1e-323).pathwise_variance == 0.0  # 1e-332
    assert gradients.sine_in_mean(1.0, 0.0, 1e-150).score_variance == pytest.approx(2.0)
    assert gradients.step_in_mean(1e200, 0.0, 1e-200).score_variance == 0.0


@pytest.mark.equation("8.5")
@pytest.mark.parametrize(("mean", "std"), PLACES)
def test_the_step(mean: float, std: float) -> None:
    threshold = mean + 0.6 * std

    def f(z: Tensor) -> Tensor:
        return (z > threshold).double()

    exact = gradients.step_in_mean(threshold, mean, std)
    score = moments(at(lambda e: score_function(f, mean, std, e).mean), split=0.6)
    assert score == pytest.approx((exact.gradient, exact.score_variance), rel=1e-9, abs=1e-9)
    noise = torch.linspace(-3, 3, 101, dtype=torch.float64)
    assert not pathwise(f, mean, std, noise).mean.any()  # zero everywhere: wrong
    assert exact.gradient > 0


def test_the_ratio_for_the_square() -> None:
    for rho, ratio in [(0.0, 3.75), (1.0, 7.5), (3.0, 55.5)]:
        exact = gradients.square_in_mean(rho * 0.7, 0.7)
        assert exact.score_variance / exact.pathwise_variance == pytest.approx(ratio)


def test_the_order_flips_for_the_sine() -> None:
    below, above = (gradients.sine_in_mean(w, 0.0, 1.0) for w in (1.10898, 1.10900))
    assert below.pathwise_variance < below.score_variance
    assert above.pathwise_variance > above.score_variance
    five = gradients.sine_in_mean(5.0, 0.0, 1.0)
    assert (five.pathwise_variance, five.score_variance) == pytest.approx((12.5, 0.5), abs=1e-3)


@pytest.mark.equation("8.6")
def test_no_other_baseline_has_less_variance(generator: torch.Generator) -> None:
    noise = torch.randn(200_000, dtype=torch.float64, generator=generator)
    best = gradients.best_baseline(torch.square, 1.0, 1.0, noise)
    # E[z² ε²]/E[ε²] = μ² + 3σ² = 4; the spread of z²ε² is sqrt(Var) ≈ 13, so 4.5 s.e. = 0.13
    assert best == pytest.approx(4.0, abs=0.13)

    def variance(b: float) -> float:
        estimate = score_function(torch.square, 1.0, 1.0, noise, baseline=b).mean
        return estimate.square().mean().item()

    assert variance(best) < min(variance(best - 0.3), variance(best + 0.3), variance(0.0))
    assert variance(best) == pytest.approx(variance(best + 1e-4), rel=1e-6)  # flat there


NOISE = torch.linspace(-2, 2, 50, dtype=torch.float64)
THETA = torch.ones((), dtype=torch.float64, requires_grad=True)
COINS = Bernoulli(torch.tensor([0.4, -1.0, 2.0], dtype=torch.float64))
ZEROS = torch.zeros(4, 3, dtype=torch.float64)


def first(z: Tensor) -> Tensor:
    return z[..., 0]


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_the_pathwise_estimate_differentiates_in_any_mode(
    mode: Callable[[], AbstractContextManager[None]],
) -> None:
    """Where gradients are switched off, a learner's cell gets numbers, not zeros."""
    with mode():
        noise = NOISE.clone()
        estimate = pathwise(lambda z: THETA * torch.sin(z), 0.3, 0.7, noise)
    slope = torch.cos(0.3 + 0.7 * NOISE)
    torch.testing.assert_close(estimate.mean, slope, rtol=1e-15, atol=1e-15)
    torch.testing.assert_close(estimate.std, slope * NOISE, rtol=1e-15, atol=1e-15)
    assert not estimate.mean.requires_grad


def test_numbers_beyond_single_precision_pass() -> None:
    """mean and std are Python numbers: no default dtype may round them."""
    exact = gradients.square_in_mean(1e60, 1e-60)
    assert exact.gradient == 2e60
    assert exact.pathwise_variance == pytest.approx(4e-120, rel=1e-15)


def energy(z: Tensor) -> Tensor:
    """A function of three coins with every interaction."""
    return 2 * z[..., 0] - z[..., 1] * z[..., 2] + 3 * z.prod(-1) - z[..., 2]


@pytest.mark.parametrize("baseline", [0.0, 0.7])
def test_coins_against_autograd_and_plain_sums(baseline: float) -> None:
    logits = COINS.logits.clone().requires_grad_()
    states = [[a, b, c] for a in (0.0, 1.0) for b in (0.0, 1.0) for c in (0.0, 1.0)]
    p = logits.sigmoid()
    total = torch.zeros((), dtype=torch.float64)
    for state in states:
        z = torch.tensor(state, dtype=torch.float64)
        total = total + torch.where(z == 1, p, 1 - p).prod() * energy(z)
    (gradient,) = torch.autograd.grad(total, logits)
    exact = coin_gradient(energy, COINS, baseline=baseline)
    torch.testing.assert_close(exact.gradient, gradient, rtol=1e-13, atol=1e-13)
    for d in range(3):
        moments = torch.zeros(2, dtype=torch.float64)
        for state in states:
            z = torch.tensor(state, dtype=torch.float64)
            mass = torch.where(z == 1, p, 1 - p).prod().detach()
            one = (energy(z) - baseline) * (z[d] - p[d].detach())
            ours = coin_score_function(energy, COINS, z[None], baseline=baseline)[0, d]
            assert ours.item() == pytest.approx(one.item(), rel=1e-14, abs=1e-15)
            moments += mass * torch.stack([one, one.square()])
        assert moments[0].item() == pytest.approx(gradient[d].item(), rel=1e-12)
        variance = (moments[1] - moments[0].square()).item()
        assert exact.variance[d].item() == pytest.approx(variance, rel=1e-12)


def test_the_best_baseline_of_coins() -> None:
    """Of one coin it removes the variance altogether; of more, no other has less."""
    one = Bernoulli(torch.tensor([0.8], dtype=torch.float64))
    best = coin_gradient(lambda z: 5 - 7 * z[..., 0], one).best_baseline.item()
    p = 1 / (1 + math.exp(-0.8))
    assert best == pytest.approx((1 - p) * -2 + p * 5, rel=1e-14)
    exact = coin_gradient(lambda z: 5 - 7 * z[..., 0], one, baseline=best)
    assert exact.gradient.item() == pytest.approx(-7 * p * (1 - p), rel=1e-14)
    assert exact.variance.item() == pytest.approx(0, abs=1e-28)
    b = coin_gradient(energy, COINS).best_baseline
    for d in range(3):
        least = coin_gradient(energy, COINS, baseline=b[d].item()).variance[d]
        for other in (b[d] - 0.1, b[d] + 0.1):
            assert coin_gradient(energy, COINS, baseline=other.item()).variance[d] > least


def test_the_best_baseline_of_coins_is_a_ratio_of_moments() -> None:
    """E[f (z_d − p_d)²]/E[(z_d − p_d)²], by plain sums; for a certain coin its limit."""
    p = COINS.logits.sigmoid().tolist()
    sums = [[0.0, 0.0] for _ in p]
    for state in itertools.product((0.0, 1.0), repeat=3):
        mass = math.prod(a if z else 1 - a for a, z in zip(p, state, strict=True))
        for d, both in enumerate(sums):
            weight = mass * (state[d] - p[d]) ** 2
            both[0] += weight * energy(torch.tensor(state).double()).item()
            both[1] += weight
    wanted = [top / bottom for top, bottom in sums]
    assert coin_gradient(energy, COINS).best_baseline.tolist() == pytest.approx(wanted, rel=1e-13)
    for logit, other in ((math.inf, 40.0), (-math.inf, -40.0)):
        certain, nearly = (
            coin_gradient(energy, Bernoulli(torch.tensor([0.4, v, 2.0]).double()))
            for v in (logit, other)
        )
        assert certain.variance[1].item() == 0
        limit = nearly.best_baseline.tolist()  # sigmoid(−40) = 4e-18 from it
        assert certain.best_baseline.tolist() == pytest.approx(limit, rel=1e-14)


def test_coin_draws_have_that_mean_and_variance(generator: torch.Generator) -> None:
    z = COINS.sample((400_000,), generator=generator)
    estimate = coin_score_function(energy, COINS, z, baseline=0.5)
    exact = coin_gradient(energy, COINS, baseline=0.5)
    error = (exact.variance / len(z)).sqrt()
    assert bool(((estimate.mean(0) - exact.gradient).abs() < 4.5 * error).all())
    squares = (estimate - exact.gradient).square()  # their mean has the variance's own error
    error = squares.std(0) / math.sqrt(len(z))
    assert bool(((squares.mean(0) - exact.variance).abs() < 4.5 * error).all())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gradients.square_in_mean(0.0, 0.0), "std must be positive, got 0"),
        (lambda: gradients.sine_in_mean(1.0, math.nan, 1.0), "mean must be finite, got nan"),
        (lambda: pathwise(torch.sin, 0.0, 1.0, torch.zeros(0)), "noise must not be empty"),
        (lambda: score_function(torch.sin, 0.0, 1.0, torch.zeros(2, 2)), r"\(S,\).*\(2, 2\)"),
        (
            lambda: pathwise(torch.sum, 0.0, 1.0, NOISE),
            r"f must map z \(50,\) to \(50,\), got \(\)",
        ),
        (lambda: score_function(torch.sum, 0.0, 1.0, NOISE), r"f must map z \(50,\) to \(50,\)"),
        (lambda: pathwise(lambda z: z.detach() ** 2, 0.0, 1.0, NOISE), "at 50 of 50 samples"),
        (lambda: pathwise(lambda z: THETA * z.detach(), 0.0, 1.0, NOISE), "is detached from z"),
        (lambda: gradients.best_baseline(torch.sin, 0.0, 1.0, 0 * NOISE), "noise² must be pos"),
        (lambda: gradients.sine_in_mean(math.inf, 0.0, 1.0), "omega and baseline must be finite"),
        (lambda: gradients.step_in_mean(math.nan, 0.0, 1.0), "threshold must be finite, got nan"),
        (lambda: coin_gradient(first, Bernoulli(torch.zeros(17))), "at most 16 coins .*, got 17"),
        (lambda: coin_gradient(first, Bernoulli(torch.zeros(2, 3))), r"with batch \(\), got"),
        (lambda: coin_score_function(first, COINS, torch.zeros(4, 2)), r"3 entries .*\(4, 2\)"),
        (lambda: coin_score_function(first, COINS, 0.5 + ZEROS), "value must be 0 or 1"),
        (lambda: coin_score_function(torch.sum, COINS, ZEROS), r"f must map z \(4, 3\) to \(4,\)"),
        (
            lambda: coin_score_function(first, COINS, ZEROS, baseline=math.nan),
            "baseline must be finite, got nan",
        ),
        (
            lambda: coin_score_function(first, COINS, ZEROS, baseline=torch.zeros(4)),  # type: ignore[arg-type]
            "baseline must be one number",
        ),
        (
            lambda: coin_gradient(first, COINS, baseline=math.inf),
            "baseline must be finite, got inf",
        ),
        (lambda: coin_gradient(first, COINS, baseline=True), "baseline must be one number, got T"),
        (lambda: gradients.sine_in_mean(1e200, 1e200, 1.0), "omega mean must be finite, got inf"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_step_may_say_true_and_false() -> None:
    noise = torch.randn(50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    bools = score_function(lambda z: z > 0.3, 0.0, 1.0, noise, baseline=0.5)
    floats = score_function(lambda z: (z > 0.3).double(), 0.0, 1.0, noise, baseline=0.5)
    assert torch.equal(bools.mean, floats.mean)
    assert torch.equal(bools.std, floats.std)
