"""Gradient estimators against quadrature: the mean, and the variance of a single sample."""

import math
from collections.abc import Callable

import pytest
import torch
from scipy import integrate
from torch import Tensor

from course_lib import gradients
from course_lib.gradients import Exact, pathwise, score_function

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


def agree(exact: Exact, path: tuple[float, float], score: tuple[float, float]) -> None:
    # quad promises 1e-12 absolute on each of two integrals; the factor covers their combination
    tolerance = {"rel": 1e-9, "abs": 1e-9}
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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gradients.square_in_mean(0.0, 0.0), "std must be positive, got 0"),
        (lambda: gradients.sine_in_mean(1.0, math.nan, 1.0), "mean must be finite, got nan"),
        (lambda: pathwise(torch.sin, 0.0, 1.0, torch.zeros(0)), "noise must not be empty"),
        (lambda: score_function(torch.sin, 0.0, 1.0, torch.zeros(2, 2)), r"\(S,\).*\(2, 2\)"),
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
