"""Equations 7.1 to 8.6 for all values of their symbols, and what the library makes of them."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import sympy as sp
import torch
from proof_worlds import (
    HALF,
    ONE,
    ZERO,
    average,
    average_over,
    gain,
    gaussian,
    integral,
    linear_world,
    log_normal,
    m,
    mu,
    normal,
    s,
    sigma,
    vector,
    w,
    x,
    z,
)
from proofs import Refuted, matches, prove
from sympy import Matrix, Symbol, cos, diff, erf, exp, log, oo, sin, sqrt

from course_lib import gradients
from course_lib.distributions import DiagonalGaussian
from course_lib.evaluate import best_prior
from course_lib.exact import LinearGaussian, elbo_slope, evidence_slope

e = Symbol("e", real=True)


draw = mu + sigma * e


# Six draws whose moments up to the fifth are those of a standard normal.
SIX = vector(math.sqrt(3), -math.sqrt(3), 0, 0, 0, 0)


@pytest.mark.proves("7.1", "all values, D = d = 1, θ = (w, s), any Gaussian q")
def test_the_slope_of_the_elbo() -> None:
    world = linear_world()
    for parameter in (w, s):
        slope = diff(log_normal(x, w * z, s**2), parameter)
        prove(diff(world.elbo, parameter), average_over(slope, z, m, sigma))

    def library(w: float, s: float, x: float, m: float, sigma: float) -> torch.Tensor:
        return elbo_slope(LinearGaussian([[w]], 0.7, s), gaussian(m, sigma), vector(x + 0.7))

    matches(library, diff(world.elbo, w), world.symbols)


@cache
def slopes(parameter: Symbol) -> tuple[sp.Expr, sp.Expr]:
    """E ∂ log p(x, z)/∂θ under the exact posterior, and under q."""
    world = linear_world()
    slope = diff(log_normal(x, w * z, s**2), parameter)
    return (
        average_over(slope, z, world.posterior_mean, world.posterior_std),
        average_over(slope, z, m, sigma),
    )


@pytest.mark.proves("7.3", "all values, D = d = 1, θ = (w, s), any Gaussian q")
@pytest.mark.parametrize("parameter", [w, s], ids=str)
def test_the_slopes_differ_by_that_of_the_gap(parameter: Symbol) -> None:
    world, (exact, ours) = linear_world(), slopes(parameter)
    prove(diff(world.log_evidence, parameter), exact)  # Fisher's identity
    missing = diff(world.log_evidence, parameter) - diff(world.elbo, parameter)
    prove(missing, diff(world.gap, parameter))
    prove(diff(world.gap, parameter), exact - ours)
    matches(
        lambda w, s, x: evidence_slope(LinearGaussian([[w]], 0.7, s), vector(x + 0.7)),
        diff(world.log_evidence, w),
        (w, s, x),
    )


@pytest.mark.proves("7.4", "all codes, N = 3: the best of all means and variances")
def test_the_best_prior() -> None:
    means, variances = sp.symbols("m:3", real=True), sp.symbols("v:3", positive=True)
    mean = sum(means) / 3

    def spread(about: sp.Expr) -> sp.Expr:
        pairs = zip(means, variances, strict=True)
        return sum(v + (value - about) ** 2 for value, v in pairs) / 3

    prove(spread(mu), spread(mean) + (mean - mu) ** 2)
    best, off, other = sp.symbols("V D v", positive=True)  # s², (m − μ)² and any variance

    def rate(variance: sp.Expr, square: sp.Expr) -> sp.Expr:
        return HALF * (square / variance + log(variance))

    won = rate(other, best + off) - rate(best, best)
    prove(won, HALF * gain(best / other) + off / (2 * other))

    def library(*v: float) -> list[torch.Tensor]:
        stds = vector(*v[3:]).sqrt().unsqueeze(-1)
        found = best_prior(DiagonalGaussian.from_std(vector(*v[:3]).unsqueeze(-1), stds))
        return [found.mean, found.variance]

    matches(library, [mean, spread(mean)], (*means, *variances))


def polynomial(degree: int) -> sp.Expr:
    """Σ k_i z^i with any coefficients."""
    return sum(k * z**i for i, k in enumerate(sp.symbols(f"k:{degree + 1}", real=True)))


def cubic(z: torch.Tensor, *k: float) -> torch.Tensor:
    return k[0] + k[1] * z + k[2] * z**2 + k[3] * z**3


@pytest.mark.proves("8.1", "partly: every polynomial of degree 5 and every wave, not every f")
def test_the_slope_goes_inside() -> None:
    f = polynomial(5)
    mean = average_over(f, z, mu, sigma)
    slope = diff(f, z).subs(z, draw)
    prove(diff(mean, mu), average(slope, e))
    prove(diff(mean, sigma), average(slope * e, e))
    frequency = Symbol("K", real=True)
    wave = integral(exp(frequency * sigma * e) * normal(e, ZERO, ONE), e)
    prove(wave, exp(frequency**2 * sigma**2 / 2))

    def library(mu: float, sigma: float, *k: float) -> list[torch.Tensor]:
        found = gradients.pathwise(lambda z: cubic(z, *k), mu, sigma, SIX)
        return [found.mean.mean(), found.std.mean()]

    mean = average_over(polynomial(3), z, mu, sigma)
    coefficients = sp.symbols("k:4", real=True)
    matches(library, [diff(mean, mu), diff(mean, sigma)], (mu, sigma, *coefficients))


@pytest.mark.proves("8.2", "partly: every polynomial of degree 5, not every f")
def test_the_score_function() -> None:
    f, b = polynomial(5), Symbol("b", real=True)
    mean = average_over(f, z, mu, sigma)
    credit = f.subs(z, draw) - b
    score = {
        parameter: diff(log_normal(z, mu, sigma**2), parameter).subs(z, draw)
        for parameter in (mu, sigma)
    }
    for parameter in (mu, sigma):
        prove(diff(mean, parameter), average(sp.expand(credit * score[parameter]), e))

    def library(mu: float, sigma: float, b: float, *k: float) -> list[torch.Tensor]:
        found = gradients.score_function(lambda z: cubic(z, *k), mu, sigma, SIX, baseline=b)
        return [found.mean.mean(), found.std.mean()]

    mean = average_over(polynomial(3), z, mu, sigma)
    coefficients = sp.symbols("k:4", real=True)
    matches(library, [diff(mean, mu), diff(mean, sigma)], (mu, sigma, b, *coefficients))


def variance(estimate: sp.Expr) -> sp.Expr:
    """Of a polynomial in e."""
    return average(sp.expand(estimate) ** 2, e) - average(estimate, e) ** 2


@cache
def square_variances() -> list[sp.Expr]:
    """f = z²: of the pathwise and the score-function estimate, in μ and in σ."""
    slopes = [2 * draw, draw**2 * e / sigma, 2 * draw * e, draw**2 * (e**2 - 1) / sigma]
    return [variance(slope) for slope in slopes]


SQUARE = [
    4 * sigma**2,
    mu**4 / sigma**2 + 14 * mu**2 + 15 * sigma**2,
    4 * mu**2 + 8 * sigma**2,
    2 * mu**4 / sigma**2 + 60 * mu**2 + 74 * sigma**2,
]


@pytest.mark.proves("8.3", "all values, and the slopes in σ too")
def test_the_variances_for_a_square() -> None:
    prove(Matrix(square_variances()), Matrix(SQUARE))
    rho = mu / sigma
    prove(SQUARE[1] / SQUARE[0], (rho**4 + 14 * rho**2 + 15) / 4)

    def library(mu: float, sigma: float) -> list[float]:
        mean, std = gradients.square_in_mean(mu, sigma), gradients.square_in_std(mu, sigma)
        return [
            *(mean.pathwise_variance, mean.score_variance, mean.gradient),
            *(std.pathwise_variance, std.score_variance, std.gradient),
        ]

    matches(library, [*SQUARE[:2], 2 * mu, *SQUARE[2:], 2 * sigma], (mu, sigma))


omega = Symbol("omega", positive=True)


@cache
def wave_average(frequency: sp.Expr, power: int) -> sp.Expr:
    """E[cos(kσe) e^n] for an even n, integrated; the sine's average is 0, being odd."""
    integrand = cos(frequency * sigma * e) * e**power * normal(e, ZERO, ONE)
    return sp.simplify(integral(integrand, e))


@cache
def sine_variances() -> list[sp.Expr]:
    """f = sin ωz: the gradient, and the variances of the pathwise and the score-function estimate.

    sin² and cos² are halves of 1 ∓ cos(2ωz), and cos(2ωz) averages to cos(2ωμ) E cos(2ωσe).
    """
    gradient = diff(sin(omega * mu) * wave_average(omega, 0), mu)
    twice = cos(2 * omega * mu)
    path = omega**2 * HALF * (1 + twice * wave_average(2 * omega, 0)) - gradient**2
    score = HALF * (1 - twice * wave_average(2 * omega, 2)) / sigma**2 - gradient**2
    return [gradient, path, score]


def sine_claims() -> list[sp.Expr]:
    decay = exp(-(omega**2) * sigma**2 / 2)
    gradient = omega * cos(omega * mu) * decay
    wave = cos(2 * omega * mu) * decay**4
    return [
        gradient,
        HALF * omega**2 * (1 + wave) - gradient**2,
        (1 - (1 - 4 * omega**2 * sigma**2) * wave) / (2 * sigma**2) - gradient**2,
    ]


@pytest.mark.proves("8.4", "all values")
def test_the_variances_for_a_sine() -> None:
    prove(Matrix(sine_variances()), Matrix(sine_claims()))

    def library(omega: float, mu: float, sigma: float) -> list[float]:
        found = gradients.sine_in_mean(omega, mu, sigma)
        return [found.gradient, found.pathwise_variance, found.score_variance]

    matches(library, sine_claims(), (omega, mu, sigma))


@pytest.mark.proves("8.5", "all values")
def test_the_variance_for_a_step() -> None:
    """The tails ∫_a^∞ φ, e φ and e² φ: each has the right derivative in a, and ends at 0."""
    a, threshold = sp.symbols("a c", real=True)
    density = normal(a, ZERO, ONE)
    tail = HALF * (1 - erf(a / sqrt(2)))
    for power, claim in enumerate((tail, density, a * density + tail)):
        prove(diff(claim, a), -(a**power) * density)
        assert sp.limit(claim, a, oo) == 0
    at = {a: (threshold - mu) / sigma}
    chance = tail.subs(at)  # E f
    gradient = density.subs(at) / sigma
    prove(diff(chance, mu), gradient)
    score = ((a * density + tail - density**2) / sigma**2).subs(at)

    def library(threshold: float, mu: float, sigma: float) -> list[float]:
        found = gradients.step_in_mean(threshold, mu, sigma)
        return [found.gradient, found.score_variance]

    matches(library, [gradient, score], (threshold, mu, sigma))


@cache
def variance_with_baseline(b: sp.Expr) -> sp.Expr:
    """Of (f − b) e/σ, from E f²e², E f e² and the gradient: any f, since E e² = 1."""
    square, first, slope = sp.symbols("F2 F1 G", real=True)
    return (square - 2 * b * first + b**2) / sigma**2 - slope**2


@pytest.mark.proves("8.6", "all f and b, for the slope in μ")
def test_the_best_baseline() -> None:
    b, best = sp.symbols("b F1", real=True)  # b* = E f e²
    won = variance_with_baseline(b) - variance_with_baseline(best)
    prove(won, (b - best) ** 2 / sigma**2)
    prove(won.subs(b, 0), best**2 / sigma**2)
    of_square = average(draw**2 * e**2, e)
    prove(of_square, mu**2 + 3 * sigma**2)
    matches(
        lambda mu, sigma: gradients.best_baseline(torch.square, mu, sigma, SIX),
        of_square,
        (mu, sigma),
    )


def test_the_slope_in_the_std_has_a_baseline_of_its_own() -> None:
    score = e**2 - 1
    best = average(sp.expand(draw**2 * score**2), e) / average(sp.expand(score**2), e)
    prove(best, mu**2 + 5 * sigma**2)
    with pytest.raises(Refuted):
        prove(best, mu**2 + 3 * sigma**2)


WRONG = {
    "7.1, q's mean for the average": lambda: (
        diff(linear_world().elbo, w),
        diff(log_normal(x, w * z, s**2), w).subs(z, m),
    ),
    "7.3, q and the posterior exchanged": lambda: (
        diff(linear_world().gap, w),
        slopes(w)[1] - slopes(w)[0],
    ),
    "8.2, σ² for σ": lambda: (
        diff(average_over(polynomial(2), z, mu, sigma), mu),
        average(sp.expand(polynomial(2).subs(z, draw) * e / sigma**2), e),
    ),
    "8.3, 12 for 14": lambda: (square_variances()[1], SQUARE[1] - 2 * mu**2),
    "8.3, 72 for 74": lambda: (square_variances()[3], SQUARE[3] - 2 * sigma**2),
    "8.4, + for −": lambda: (
        sine_variances()[2],
        sine_claims()[2].subs(1 - 4 * omega**2 * sigma**2, 1 + 4 * omega**2 * sigma**2),
    ),
    "8.6, the plain mean is best": lambda: (
        average(draw**2 * e**2, e),
        average(draw**2, e),
    ),
}


@pytest.mark.parametrize("claim", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_claim_is_refuted(claim: Callable[[], tuple[Any, Any]]) -> None:
    with pytest.raises(Refuted):
        prove(*claim())
