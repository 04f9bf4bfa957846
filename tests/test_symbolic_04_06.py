"""Equations 4.1 to 6.6 for all values of their symbols, and what the library makes of them."""

from functools import cache

import mpmath
import pytest
import sympy as sp
import torch
from proofs import (
    HALF,
    Refuted,
    average,
    beta,
    gain,
    integral,
    inverse,
    linear_world,
    log_normal,
    m,
    matches,
    matrix,
    mu,
    normal,
    prove,
    s,
    sigma,
    vector,
    w,
    x,
    z,
)
from sympy import Matrix, Symbol, diff, eye, log, oo, pi, sqrt

from course_lib import bounds
from course_lib.distributions import (
    Bernoulli,
    Categorical,
    DiagonalGaussian,
    FullGaussian,
    kl_bernoulli,
    kl_categorical,
    kl_diagonal,
    kl_divergence,
    kl_full,
)
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
from course_lib.exact import linear_world as linear_world_on_a_grid

ZERO, ONE = sp.Integer(0), sp.Integer(1)
mean_p, std_p = Symbol("mu_p", real=True), Symbol("sigma_p", positive=True)


def gaussian(mean: float, std: float) -> DiagonalGaussian:
    return DiagonalGaussian.from_std(vector(mean), vector(std))


def scalar_world(w: float, s: float) -> LinearGaussian:
    return LinearGaussian([[w]], 0.0, s)


@pytest.mark.proves("4.1", "all q and p: the tangent at each z, then the average over q")
def test_a_divergence_is_never_negative() -> None:
    """log q/p ≥ 1 − p/q at every z with q > 0, and E_q[p/q] ≤ 1: p sums to one over everything."""
    q, p = sp.symbols("q p", positive=True)
    prove(log(q / p) - (1 - p / q), gain(p / q))
    claim = gaussian_kl_claim()
    matches(
        lambda *v: kl_divergence(gaussian(*v[:2]), gaussian(*v[2:])),
        claim,
        (m, sigma, mean_p, std_p),
    )


@pytest.mark.proves("4.2", "all values, D = d = 1, any Gaussian q")
def test_elbo_and_gap_are_the_evidence() -> None:
    world = linear_world()
    prove(world.elbo + world.gap, world.log_evidence)

    def library(w: float, s: float, x: float, m: float, sigma: float) -> list[torch.Tensor]:
        model, q = scalar_world(w, s), gaussian(m, sigma)
        gap = bounds.gap(q, model.posterior(vector(x)))
        return [gap, model.elbo(q, vector(x)), model.elbo(q, vector(x)) + gap]

    matches(library, [world.gap, world.elbo, world.log_evidence], world.symbols)


class Cauchy:
    """A density that is positive everywhere, and has no mean."""

    batch_shape, event_shape = torch.Size(()), torch.Size((1,))

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        return -(torch.pi * (1 + z.square())).log().sum(-1)


def test_the_missing_identity_needs_a_finite_term() -> None:
    """E_q z² = ∞ under a Cauchy q: the ELBO is −∞ and the KL to a Gaussian posterior ∞.

    The integrals over ±L run away as L grows; the library's, which cannot reach the tails, says so.
    """
    q, end = 1 / (pi * (1 + z**2)), Symbol("L", positive=True)
    square = sp.integrate(z**2 * q, (z, -end, end))
    assert sp.limit(square, end, oo) == oo
    entropy = mpmath.quad(sp.lambdify(z, -q * log(q), "mpmath"), [-mpmath.inf, 0, mpmath.inf])
    assert entropy == pytest.approx(float(log(4 * pi)), rel=1e-9)  # finite: not to blame
    with pytest.raises(ValueError, match="q must have its mass between"):
        linear_world_on_a_grid(1.0, 1.0).elbo(Cauchy(), vector(1.0))


def gaussian_kl_claim() -> sp.Expr:
    ratio = sigma**2 / std_p**2
    return HALF * (ratio + (m - mean_p) ** 2 / std_p**2 - 1 - log(ratio))


@cache
def gaussian_kl() -> sp.Expr:
    """∫ q log q/p, by SymPy's integration."""
    e = Symbol("e", real=True)
    log_ratio = log_normal(z, m, sigma**2) - log_normal(z, mean_p, std_p**2)
    return integral(sp.expand(log_ratio.subs(z, m + sigma * e) * normal(e, ZERO, ONE)), e)


@pytest.mark.proves("4.3", "all values, one coordinate; the others add")
def test_the_divergence_of_two_gaussians() -> None:
    prove(gaussian_kl(), gaussian_kl_claim())
    matches(
        lambda *v: kl_diagonal(gaussian(*v[:2]), gaussian(*v[2:])),
        gaussian_kl_claim(),
        (m, sigma, mean_p, std_p),
    )


def root(name: str) -> Matrix:
    """A lower triangular 2 × 2 matrix with a positive diagonal."""
    first, last = sp.symbols(f"{name}0 {name}2", positive=True)
    return Matrix([[first, 0], [Symbol(f"{name}1", real=True), last]])


@pytest.mark.proves("4.4", "all values, d = 2: any means and covariances")
def test_the_divergence_of_two_full_gaussians() -> None:
    root_q, root_p = root("q"), root("p")
    shift = Matrix(sp.symbols("d0 d1", real=True))  # μ_q − μ_p
    noise = Matrix(sp.symbols("e0 e1", real=True))
    precision = inverse(root_p * root_p.T)
    from_p = shift + root_q * noise  # z − μ_p
    quadratic = ((from_p.T * precision * from_p) - noise.T * noise)[0]
    log_ratio = log((root_q * root_q.T).det() / (root_p * root_p.T).det())
    derived = HALF * (average(quadratic, *noise) - log_ratio)
    trace = (precision * root_q * root_q.T).trace()
    claim = HALF * (trace + (shift.T * precision * shift)[0] - 2 - log_ratio)
    prove(derived, claim)

    def library(*v: float) -> torch.Tensor:
        q, p = (vector(a, 0, c, d).reshape(2, 2) for a, c, d in (v[:3], v[3:6]))
        return kl_full(FullGaussian(vector(*v[6:]), q), FullGaussian(vector(0, 0), p))

    free = [entry for factor in (root_q, root_p) for entry in factor if entry != 0]
    matches(library, claim, (*free, *shift))


@pytest.mark.proves("4.5", "all values, D = 2 coins: every picture")
def test_the_divergence_of_coins() -> None:
    q, p = sp.symbols("q:2", positive=True), sp.symbols("p:2", positive=True)

    def chance(probs: tuple[Symbol, ...], picture: tuple[int, int]) -> sp.Expr:
        return sp.prod([a if on else 1 - a for a, on in zip(probs, picture, strict=True)])

    pictures = [(0, 0), (0, 1), (1, 0), (1, 1)]
    enumerated = sum(chance(q, i) * log(chance(q, i) / chance(p, i)) for i in pictures)
    claim = sum(
        a * log(a / c) + (1 - a) * log((1 - a) / (1 - c)) for a, c in zip(q, p, strict=True)
    )
    prove(enumerated, claim)

    def library(*v: float) -> torch.Tensor:
        return kl_bernoulli(
            Bernoulli.from_probs(vector(*v[:2])), Bernoulli.from_probs(vector(*v[2:]))
        )

    matches(library, claim, (*q, *p), domain=lambda *v: max(v) < 1)


@pytest.mark.proves("4.6", "all q and p, K = 3: 0 and flat at q = p, and convex everywhere")
def test_the_divergence_of_tables() -> None:
    q, p = sp.symbols("q0 q1", positive=True), sp.symbols("p0 p1", positive=True)
    full_q, full_p = (*q, 1 - sum(q)), (*p, 1 - sum(p))
    claim = sum(a * log(a / c) for a, c in zip(full_q, full_p, strict=True))
    same = dict(zip(q, p, strict=True))
    prove(claim.subs(same), 0)
    for entry in q:
        prove(diff(claim, entry).subs(same), 0)
    hessian = sp.hessian(claim, q)
    prove(hessian[0, 0], 1 / q[0] + 1 / full_q[2])
    prove(hessian.det(), 1 / (q[0] * q[1] * full_q[2]))

    def library(*v: float) -> torch.Tensor:
        q, p = (vector(a, c, 1 - a - c) for a, c in (v[:2], v[2:]))
        return kl_categorical(Categorical.from_probs(q), Categorical.from_probs(p))

    matches(library, claim, (*q, *p), domain=lambda *v: v[0] + v[1] < 1 and v[2] + v[3] < 1)


@pytest.mark.proves("5.1", "all values, D = 2, d = 1 and D = d = 2")
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


@pytest.mark.proves("5.2", "all values, N = 2 images, K = 3 states")
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


@pytest.mark.proves("5.3", "all values, D = d = 1, any Gaussian q")
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

    def library(w: float, s: float, x: float, m: float, sigma: float, beta: float) -> list:
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


@pytest.mark.proves("5.6", "all values, any decoder mean and any q: at each z and pixel")
def test_a_weight_is_a_noise_level() -> None:
    """The KL has weight β on both sides, so the pixels alone decide."""
    prove(weighted_less_tempered(), tempered_constant_claim())
    other = Symbol("s2", positive=True)

    def library(s: float, other: float, beta: float) -> list:
        world = LinearGaussian([[1.0], [2.0]], 0.0, vector(s, other))
        return [tempered_constant(world, beta), tempered(world, beta).noise_std.square()]

    total = tempered_constant_claim() + tempered_constant_claim().subs(s, other)
    matches(library, [total, beta * s**2, beta * other**2], (s, other, beta))


@pytest.mark.proves(
    "5.7",
    "partly: all values, in each direction i ≤ d; that W lies along the first eigenvectors is "
    "taken from (1.3)",
)
def test_which_directions_survive() -> None:
    """−½ log k − λ/2k over k = w² + βs² rises up to k = λ and falls after it."""
    variance, total = sp.symbols("lambda k", positive=True)

    def likelihood(k: sp.Expr) -> sp.Expr:
        return -HALF * log(k) - variance / (2 * k)

    prove(diff(likelihood(total), total), (variance - total) / (2 * total**2))
    prove(likelihood(variance) - likelihood(total), HALF * gain(variance / total))
    noise = Symbol("N", positive=True)
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


@pytest.mark.proves("6.1", "all data, N = 4: the best there is, over every mean and variance")
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


@pytest.mark.proves("6.3", "all values, D = d = 1: one slope, and 0 at the exact posterior")
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


@pytest.mark.proves("6.4", "all posteriors, d = 3: the best there is among diagonal q")
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


@pytest.mark.proves("6.5", "all posteriors and every d: the best there is among isotropic q")
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


@pytest.mark.proves("6.6", "all values; no part is negative, by (4.1) and by what λ* means")
def test_the_gap_has_two_parts() -> None:
    evidence, best, encoder = sp.symbols("P B E", real=True)
    prove(evidence - encoder, (evidence - best) + (best - encoder))

    def library(*values: float) -> list[torch.Tensor]:
        found = InferenceGap(*(vector(value) for value in values))
        return [found.approximation, found.amortisation]

    matches(library, [evidence - best, best - encoder], (evidence, best, encoder))


WRONG = {
    "4.2, the gap subtracted": lambda: (
        linear_world().elbo - linear_world().gap,
        linear_world().log_evidence,
    ),
    "4.2, the KL to the prior taken for the gap": lambda: (
        linear_world().elbo + linear_world().rate,
        linear_world().log_evidence,
    ),
    "4.3, without the − 1": lambda: (gaussian_kl(), gaussian_kl_claim() + HALF),
    "4.3, q and p exchanged": lambda: (
        gaussian_kl(),
        gaussian_kl_claim().subs({sigma: std_p, std_p: sigma}, simultaneous=True),
    ),
    "4.3, the log of σ for that of σ²": lambda: (
        gaussian_kl(),
        gaussian_kl_claim() + HALF * log(sigma / std_p),
    ),
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
def test_a_wrong_claim_is_refuted(claim) -> None:
    with pytest.raises(Refuted):
        prove(*claim())
