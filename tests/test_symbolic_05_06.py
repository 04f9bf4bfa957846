"""Equations 5.1 to 6.6 for all values of their symbols, and what the library makes of them."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import sympy as sp
import torch
from proof_worlds import (
    HALF,
    ZERO,
    average,
    beta,
    gain,
    gaussian,
    inverse,
    linear_world,
    log_normal,
    m,
    matrix,
    mu,
    normal,
    root,
    s,
    scalar_world,
    sigma,
    vector,
    w,
    x,
    z,
)
from proofs import Refuted, matches, prove
from sympy import Matrix, Symbol, diff, eye, log, pi, sqrt

from course_lib import bounds
from course_lib.distributions import DiagonalGaussian, FullGaussian
from course_lib.evaluate import InferenceGap, RateDistortion, log_aggregate
from course_lib.exact import (
    LinearGaussian,
    best_diagonal,
    best_isotropic,
    best_squared_loadings,
    fit_gaussian,
    mutual_information,
    tempered,
    tempered_constant,
    weighted_bound,
    weighted_gap,
)


@pytest.mark.proves("5.3", "all values, D = 2, d = 1 and D = d = 2")
@pytest.mark.parametrize("sizes", [(2, 1), (2, 2)], ids=str)
def test_the_mean_rate_of_the_exact_posterior(sizes: tuple[int, int]) -> None:
    """E_x KL(p(z|x) ‖ p(z)) = ½[tr M⁻¹ + E|mean|² − d + log|M|], and the first three cancel.

    The mean is M⁻¹G(x − b), so E|mean|² is tr M⁻¹ (G C Gᵀ) M⁻¹ = tr M⁻¹(M − I) = d − tr M⁻¹.
    """
    data, latent = sizes
    loadings = matrix("w", data, latent)
    stds = sp.symbols(f"s:{data}", positive=True)
    noise = sp.diag(*stds) ** 2
    precision = eye(latent) + loadings.T * noise.inv() * loadings  # M
    covariance = loadings * loadings.T + noise  # C
    seen = loadings.T * noise.inv()  # G
    prove(seen * covariance * seen.T, (precision - eye(latent)) * precision)
    claim = HALF * log(precision.det())
    prove(HALF * log(covariance.det() / noise.det()), claim)

    def library(*v: float) -> torch.Tensor:
        weights = vector(*v[:-data]).reshape(data, latent)
        return mutual_information(LinearGaussian(weights, 0.0, vector(*v[-data:])))

    matches(library, claim, (*loadings, *stds))


@pytest.mark.proves("5.4", "all values, N = 2 images, K = 3 states")
def test_the_mean_rate_splits_in_two() -> None:
    prior = sp.symbols("p:3", positive=True)
    codes = [sp.symbols(f"{name}:3", positive=True) for name in ("a", "c")]
    aggregate = [(one + other) / 2 for one, other in zip(*codes, strict=True)]

    def kl(q: list[sp.Expr], p: list[sp.Expr]) -> sp.Expr:
        return sum(a * (log(a) - log(c)) for a, c in zip(q, p, strict=True))

    rate = sum(kl(q, prior) for q in codes) / 2
    information = sum(kl(q, aggregate) for q in codes) / 2
    prove(rate, information + kl(aggregate, prior))
    other_m, other_sigma = Symbol("n", real=True), Symbol("tau", positive=True)
    mixture = (normal(z, m, sigma**2) + normal(z, other_m, other_sigma**2)) / 2

    def library(*v: float) -> torch.Tensor:
        q = DiagonalGaussian.from_std(vector(*v[:2]).unsqueeze(-1), vector(*v[2:4]).unsqueeze(-1))
        return log_aggregate(q, vector(v[4]).unsqueeze(-1))

    matches(library, log(mixture), (m, other_m, sigma, other_sigma, z))


@pytest.mark.proves("5.1", "all values, D = d = 1, any Gaussian q")
def test_rate_and_distortion() -> None:
    world = linear_world()
    distortion, rate = -world.reconstruction, world.rate
    prove(world.elbo, -(distortion + rate))

    def library(distortion: float, rate: float) -> torch.Tensor:
        return RateDistortion(vector(rate).unsqueeze(0), vector(distortion)).elbo

    D, R = sp.symbols("D R", real=True)
    matches(library, -(D + R), (D, R))


@pytest.mark.proves("5.5", "all values, D = d = 1, any Gaussian q")
def test_what_a_weight_does_to_the_gap() -> None:
    world = linear_world()
    bound = world.reconstruction - beta * world.rate
    claim = world.gap + (beta - 1) * world.rate
    prove(world.log_evidence - bound, claim)

    def library(
        w: float, s: float, x: float, m: float, sigma: float, beta: float
    ) -> list[torch.Tensor]:
        arguments = scalar_world(w, s), gaussian(m, sigma), vector(x), beta
        return [weighted_bound(*arguments), weighted_gap(*arguments)]

    matches(library, [bound, claim], (*world.symbols, beta))


def tempered_constant_claim() -> sp.Expr:
    return HALF * (beta * log(beta) + (beta - 1) * log(2 * pi * s**2))


@cache
def weighted_less_tempered() -> sp.Expr:
    """log p(x|z) − β log p'(x|z) at one pixel, for a decoder with any mean h at z."""
    h = Symbol("h", real=True)
    return log_normal(x, h, s**2) - beta * log_normal(x, h, beta * s**2)


@pytest.mark.proves("5.6", "all values, any decoder mean, any q")
def test_a_weight_is_a_noise_level() -> None:
    """The KL has weight β on both sides, so the pixels alone decide."""
    prove(weighted_less_tempered(), tempered_constant_claim())
    other = Symbol("s2", positive=True)

    def library(s: float, other: float, beta: float) -> list[torch.Tensor]:
        world = LinearGaussian([[1.0], [2.0]], 0.0, vector(s, other))
        return [tempered_constant(world, beta), tempered(world, beta).noise_std.square()]

    total = tempered_constant_claim() + tempered_constant_claim().subs(s, other)
    matches(library, [total, beta * s**2, beta * other**2], (s, other, beta))


@pytest.mark.proves(
    "5.7",
    "partly: all values in each direction; that W lies along the first eigenvectors is taken over",
)
def test_which_directions_survive() -> None:
    """−½ log k − λ/2k over k = w² + βs² rises up to k = λ and falls after it."""
    variance, total = sp.symbols("lambda k", positive=True)

    def likelihood(k: sp.Expr) -> sp.Expr:
        return -HALF * log(k) - variance / (2 * k)

    prove(diff(likelihood(total), total), (variance - total) / (2 * total**2))
    prove(likelihood(variance) - likelihood(total), HALF * gain(variance / total))
    noise = Symbol("s2", positive=True)
    for alive in (True, False):
        matches(
            lambda variance, noise, beta: best_squared_loadings([variance], noise, beta),
            variance - beta * noise if alive else ZERO,
            (variance, noise, beta),
            domain=lambda variance, noise, beta, alive=alive: (variance > beta * noise) is alive,
        )


@cache
def four_data() -> tuple[tuple[Symbol, ...], sp.Expr, sp.Expr]:
    data = sp.symbols("x:4", real=True)
    mean = sum(data) / 4
    return data, mean, sum((value - mean) ** 2 for value in data) / 4


@pytest.mark.proves("6.1", "all data, N = 4: the best of all means and variances")
def test_the_likeliest_gaussian() -> None:
    data, mean, variance = four_data()
    prove(sum((value - mu) ** 2 for value in data), 4 * (variance + (mean - mu) ** 2))
    best, off, other = sp.symbols("V D v", positive=True)  # σ̂², (μ̂ − μ)² and any σ²

    def likelihood(spread: sp.Expr, square: sp.Expr) -> sp.Expr:
        return -2 * log(spread) - 4 * square / (2 * spread)

    won = likelihood(best, best) - likelihood(other, best + off)
    prove(won, 2 * gain(best / other) + 2 * off / other)

    def library(*data: float) -> list[torch.Tensor]:
        fitted = fit_gaussian(vector(*data).unsqueeze(-1))
        return [fitted.mean, fitted.variance]

    matches(library, [mean, variance], data)


@pytest.mark.proves("6.3", "all values, D = d = 1: one slope, which is 0 at the posterior")
def test_the_best_q_is_the_nearest_one() -> None:
    world = linear_world()
    exact = {m: world.posterior_mean, sigma: world.posterior_std}
    for parameter in (m, sigma):
        prove(diff(world.elbo, parameter), -diff(world.gap, parameter))
        prove(diff(world.elbo, parameter).subs(exact), 0)
    prove(world.gap.subs(exact), 0)  # and no gap is below 0, by (4.1)

    def library(w: float, s: float, x: float) -> list[torch.Tensor]:
        q = scalar_world(w, s).posterior(vector(x))
        return [q.mean, q.covariance.sqrt(), bounds.gap(q, q)]

    matches(library, [*exact.values(), ZERO], (w, s, x))


def symmetric(name: str, size: int) -> Matrix:
    return Matrix(
        size, size, lambda i, j: Symbol(f"{name}{min(i, j)}{max(i, j)}", real=True, positive=True)
    )


def energy(variances: list[sp.Expr], precisions: list[sp.Expr]) -> sp.Expr:
    """KL(N(m, diag v) ‖ posterior) up to what is free of q: ½ Σ [v_i Λ_ii − log v_i]."""
    pairs = zip(variances, precisions, strict=True)
    return HALF * sum(v * precision - log(v) for v, precision in pairs)


@pytest.mark.proves("6.4", "all posteriors, d = 3: the best of all diagonal q")
def test_the_best_diagonal() -> None:
    precision, variances = symmetric("L", 3), sp.symbols("v:3", positive=True)
    noise = sp.symbols("e:3", real=True)
    z = Matrix([sqrt(v) * e for v, e in zip(variances, noise, strict=True)])
    diagonal = [precision[i, i] for i in range(3)]
    trace = sum(v * entry for v, entry in zip(variances, diagonal, strict=True))
    prove(average((z.T * precision * z)[0], *noise), trace)  # only Λ's diagonal is seen
    won = energy(variances, diagonal) - energy([1 / entry for entry in diagonal], diagonal)
    prove(won, HALF * sum(gain(v * entry) for v, entry in zip(variances, diagonal, strict=True)))
    factor = root("l")
    exact = inverse(factor * factor.T)
    matches(
        lambda a, c, d: best_diagonal(posterior(a, c, d)).variance,
        [1 / exact[0, 0], 1 / exact[1, 1]],
        (factor[0, 0], factor[1, 0], factor[1, 1]),
    )


def posterior(first: float, below: float, last: float) -> FullGaussian:
    return FullGaussian(vector(0, 0), vector(first, 0, below, last).reshape(2, 2))


@pytest.mark.proves("6.6", "all posteriors, every d: the best of all isotropic q")
def test_the_best_isotropic() -> None:
    size, trace, variance = sp.symbols("d tr v", positive=True)

    def kl(v: sp.Expr) -> sp.Expr:
        return HALF * (v * trace - size * log(v))

    prove(kl(variance) - kl(size / trace), HALF * size * gain(variance * trace / size))
    factor = root("l")
    claim = 2 / inverse(factor * factor.T).trace()
    matches(
        lambda a, c, d: best_isotropic(posterior(a, c, d)).variance,
        [claim, claim],
        (factor[0, 0], factor[1, 0], factor[1, 1]),
    )


@pytest.mark.proves("6.5", "all values")
def test_the_gap_has_two_parts() -> None:
    evidence, best, encoder = sp.symbols("P B E", real=True)
    prove(evidence - encoder, (evidence - best) + (best - encoder))

    def library(*values: float) -> list[torch.Tensor]:
        found = InferenceGap(*(vector(value) for value in values))
        return [found.approximation, found.amortisation]

    matches(library, [evidence - best, best - encoder], (evidence, best, encoder))


WRONG = {
    "5.5, β for β − 1": lambda: (
        linear_world().log_evidence - linear_world().reconstruction + beta * linear_world().rate,
        linear_world().gap + beta * linear_world().rate,
    ),
    "5.6, β − 1 for β": lambda: (
        weighted_less_tempered(),
        tempered_constant_claim() - HALF * log(beta),
    ),
    "6.1, divided by N − 1": lambda: (
        sum((value - mu) ** 2 for value in four_data()[0]),
        4 * (four_data()[2] * sp.Rational(4, 3) + (four_data()[1] - mu) ** 2),
    ),
    "6.3, the posterior's variance for its std": lambda: (
        diff(linear_world().elbo, sigma).subs(sigma, linear_world().posterior_std ** 2),
        ZERO,
    ),
}


@pytest.mark.parametrize("claim", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_claim_is_refuted(claim: Callable[[], tuple[Any, Any]]) -> None:
    with pytest.raises(Refuted):
        prove(*claim())
