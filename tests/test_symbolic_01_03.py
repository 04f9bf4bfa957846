"""Equations 1.1 to 3.6 for all values of their symbols, and what the library makes of them."""

import math
from functools import cache
from itertools import product
from types import SimpleNamespace

import pytest
import sympy as sp
import torch
from proofs import (
    HALF,
    Refuted,
    average_over,
    gain,
    integral,
    inverse,
    linear_world,
    log_normal,
    m,
    matches,
    matrix,
    normal,
    prove,
    s,
    sigma,
    vector,
    w,
    x,
    z,
)
from sympy import Matrix, Symbol, exp, eye, log, oo, pi, sqrt

from course_lib import bounds
from course_lib.distributions import Bernoulli, Categorical, DiagonalGaussian
from course_lib.exact import (
    DiscreteLatent,
    LinearGaussian,
    expected_log_mean,
    expected_naive_log,
)
from course_lib.exact import linear_world as linear_world_on_a_grid

QUADRATURE = 1e-9  # of the library's integrals
ZERO, ONE = sp.Integer(0), sp.Integer(1)


def scalar_world(w: float, s: float) -> LinearGaussian:
    return LinearGaussian([[w]], 0.0, s)


def two_ends(m: float, sigma: float) -> torch.Tensor:
    """Two draws of z, (2, 1), over which a square averages as over N(m, σ²)."""
    return vector(m - sigma, m + sigma).unsqueeze(-1)


class MatrixWorld:
    """x = Wz + noise in D and d dimensions with free entries; y = x − b."""

    def __init__(self, data: int, latent: int) -> None:
        self.loadings = matrix("w", data, latent)
        self.stds = sp.symbols(f"s:{data}", positive=True)
        self.noise = sp.diag(*self.stds) ** 2
        self.y = Matrix(sp.symbols(f"y:{data}", real=True))
        self.z = Matrix(sp.symbols(f"z:{latent}", real=True))
        self.precision = eye(latent) + self.loadings.T * self.noise.inv() * self.loadings  # M
        self.covariance = self.loadings * self.loadings.T + self.noise
        self.mean = inverse(self.precision) * self.loadings.T * self.noise.inv() * self.y
        self.symbols = (*self.loadings, *self.stds, *self.y)

    @property
    def log_evidence(self) -> sp.Expr:
        """The claim of (1.2)."""
        return self._log_normal(self.y, self.covariance)

    @property
    def log_posterior(self) -> sp.Expr:
        """The claim of (2.2), at z."""
        return self._log_normal(self.z - self.mean, inverse(self.precision))

    @property
    def log_joint(self) -> sp.Expr:
        residual = self.y - self.loadings * self.z
        return self._log_normal(residual, self.noise) + self._log_normal(self.z, eye(len(self.z)))

    def numbers(self, values: tuple[float, ...]) -> tuple[LinearGaussian, torch.Tensor]:
        """The library's world and y, from the values of `symbols`."""
        data, latent = self.loadings.shape
        weights = vector(*values[: data * latent]).reshape(data, latent)
        stds = vector(*values[data * latent :][:data])
        return LinearGaussian(weights, 0.5, stds), vector(*values[-data:]) + 0.5

    @staticmethod
    def _log_normal(value: Matrix, covariance: Matrix) -> sp.Expr:
        quadratic = (value.T * inverse(covariance) * value)[0]
        return -HALF * (len(value) * log(2 * pi) + log(covariance.det()) + quadratic)


@cache
def matrix_world(data: int, latent: int) -> MatrixWorld:
    return MatrixWorld(data, latent)


@pytest.mark.proves("1.1", "all values, D = d = 1")
def test_the_evidence_integral() -> None:
    evidence = integral(normal(x, w * z, s**2) * normal(z, ZERO, ONE), z)
    prove(log(evidence), log_normal(x, ZERO, w**2 + s**2))
    matches(
        lambda w, s, x: linear_world_on_a_grid(w, s).log_evidence(x),
        linear_world().log_evidence,
        (w, s, x),
        rounding=QUADRATURE,
    )


@pytest.mark.proves("1.2", "all values, D = 2, d = 1 and D = d = 2")
@pytest.mark.proves("2.2", "all values, D = 2, d = 1 and D = d = 2")
@pytest.mark.parametrize("sizes", [(2, 1), (2, 2)], ids=str)
def test_joint_is_evidence_times_posterior(sizes: tuple[int, int]) -> None:
    """p(x, z) = p(x) p(z|x) at every z with both closed forms; each is a density, so both hold."""
    world = matrix_world(*sizes)
    prove(world.log_joint, world.log_evidence + world.log_posterior)
    covariance = inverse(world.precision)

    def library(*values: float) -> list[torch.Tensor]:
        found, data = world.numbers(values)
        posterior = found.posterior(data)
        return [found.log_evidence(data), posterior.mean, posterior.covariance]

    matches(library, [world.log_evidence, *world.mean, *covariance], world.symbols)


@pytest.mark.proves("2.3", "all values and every z, D = 3, d = 1")
def test_candidates_formula_at_every_z() -> None:
    world = matrix_world(3, 1)
    prove(world.log_joint - world.log_posterior, world.log_evidence)

    def library(z: float, *values: float) -> torch.Tensor:
        found, data = world.numbers(values)
        posterior = found.posterior(data).log_prob(vector(z))
        return bounds.candidate_log_evidence(found.log_joint(data, vector(z)), posterior)

    matches(library, world.log_evidence, (*world.z, *world.symbols))


def ppca() -> SimpleNamespace:
    """D = 4, d = 2 along the axes, which are the eigenvectors: λ are the data's variances."""
    variances = sp.symbols("lambda:4", positive=True)
    noise = (variances[2] + variances[3]) / 2
    loadings = sp.zeros(4, 2)
    loadings[0, 0], loadings[1, 1] = (sqrt(v - noise) for v in variances[:2])
    return SimpleNamespace(variances=variances, noise=noise, loadings=loadings)


def likelihood_slope(variances: Matrix, loadings: Matrix, noise: sp.Expr) -> list[sp.Expr]:
    """The slopes of the mean log-likelihood −½[log|C| + tr C⁻¹Λ] in W and in s²."""
    precision = (loadings * loadings.T + noise * eye(4)).inv()
    inner = precision * variances * precision - precision
    return [*(inner * loadings), inner.trace() / 2]


@pytest.mark.proves(
    "1.3",
    "partly: slope 0 in all of W and s², and s² the best there is, D = 4, d = 2; "
    "that W lies along the first eigenvectors is taken from the literature",
)
def test_ppca_is_where_the_likelihood_is_flat() -> None:
    best = ppca()
    for slope in likelihood_slope(sp.diag(*best.variances), best.loadings, best.noise):
        prove(slope, 0)
    left_out, other = sp.symbols("v u", positive=True)  # the mean left-out variance; any s²

    def profile(noise: sp.Expr) -> sp.Expr:
        return -log(noise) - left_out / noise

    prove(profile(left_out) - profile(other), gain(left_out / other))

    def library(*variances: float) -> list[torch.Tensor]:
        rows = torch.diag(2 * vector(*variances).sqrt())  # with their negatives: covariance diag(λ)
        world = LinearGaussian.fit_ppca(torch.cat([rows, -rows]), 2)
        return [world.loadings, world.noise_std.square()]

    matches(
        library,
        [*best.loadings, *[best.noise] * 4],
        best.variances,
        domain=lambda first, second, *rest: first > second > max(rest),
    )


def test_ppca_needs_the_covariance_over_n() -> None:
    """D = 1, d = 0 shows it: with N − 1 the likelihood still rises as s² falls."""
    count = Symbol("N", integer=True, positive=True)
    variance, noise = sp.symbols("lambda v", positive=True)
    slope = sp.diff(-HALF * (log(noise) + variance / noise), noise)
    prove(slope.subs(noise, variance), 0)
    with pytest.raises(Refuted):
        prove(slope.subs(noise, variance * count / (count - 1)), 0)


@pytest.mark.proves("1.4", "all values, K = 3")
def test_a_mixture_is_the_sum_of_its_joint_table() -> None:
    ones, zeros = sp.symbols("j:3", positive=True), sp.symbols("o:3", positive=True)
    prior = [one + zero for one, zero in zip(ones, zeros, strict=True)]  # p(z = k)
    mixture = sum(p * (one / p) for p, one in zip(prior, ones, strict=True))
    prove(mixture, sum(ones))

    def library(*values: float) -> torch.Tensor:
        j, o = vector(*values[:3]), vector(*values[3:])
        prior = Categorical.from_probs((j + o) / (j + o).sum())
        world = DiscreteLatent(prior, Bernoulli.from_probs((j / (j + o)).unsqueeze(-1)))
        return world.log_evidence(vector(1.0)).exp()

    matches(library, sum(ones) / sum(prior), (*ones, *zeros))


def three_states() -> tuple[list[sp.Expr], tuple[Symbol, ...]]:
    """Probabilities of three states, the last one what is left, and p(x|z) in each."""
    first, second = sp.symbols("p:2", positive=True)
    return [first, second, 1 - first - second], sp.symbols("l:3", positive=True)


def over_every_draw(states: int, draws: int, probs: list, f) -> sp.Expr:
    """E f(z_1, …, z_S) by enumeration."""
    every = product(range(states), repeat=draws)
    return sum(sp.prod([probs[i] for i in draw]) * f(draw) for draw in every)


@pytest.mark.proves("1.5", "all values, K = 3 states, S = 3: every draw")
def test_the_naive_estimate_is_unbiased() -> None:
    probs, given = three_states()
    mean = over_every_draw(3, 3, probs, lambda draw: sum(given[i] for i in draw) / 3)
    evidence = sum(p * v for p, v in zip(probs, given, strict=True))
    prove(mean, evidence)

    def library(p0: float, p1: float, *given: float) -> float:
        prior = Categorical.from_probs(vector(p0, p1, 1 - p0 - p1))
        world = DiscreteLatent(prior, Bernoulli.from_probs(vector(*given).unsqueeze(-1)))
        draws = torch.cartesian_prod(*[torch.arange(3)] * 3)  # (27, 3)
        chances = prior.log_prob(draws).sum(-1).exp()
        found = [bounds.naive_log_evidence(world, vector(1.0), draw).exp() for draw in draws]
        return (chances * torch.stack(found)).sum()

    matches(
        library,
        evidence,
        (*probs[:2], *given),
        domain=lambda p0, p1, *given: p0 + p1 < 1 and max(given) <= 1,
    )


@cache
def relative_variance() -> tuple[sp.Expr, sp.Expr]:
    """E p(x|z)², integrated, and r that follows from it."""
    square = integral(normal(x, w * z, s**2) ** 2 * normal(z, ZERO, ONE), z)
    return square, square / normal(x, ZERO, w**2 + s**2) ** 2 - 1


@pytest.mark.proves("1.6", "all values, D = d = 1")
def test_the_relative_variance_of_one_draw() -> None:
    square, r = relative_variance()
    half = normal(x, ZERO, w**2 + s**2 / 2) / (2 * s * sqrt(pi))  # half the noise variance
    prove(log(square), log(half))
    ratio, along = w**2 / s**2, x**2 / s**2  # the library's form of log(1 + r)
    form = HALF * log(1 + ratio**2 / (1 + 2 * ratio)) + along * ratio / (1 + ratio) / (
        1 + 2 * ratio
    )
    prove(log(half / normal(x, ZERO, w**2 + s**2) ** 2), form)
    # It grows with x², so x = 0, the prior's mean, is the kindest.
    assert sp.factor(sp.diff(form, x) / x).subs(w, Symbol("w", positive=True)).is_positive
    matches(
        lambda w, s, x: scalar_world(w, s).log_naive_relative_variance(vector(x)),
        log(r),
        (w, s, x),
    )
    variance, mean = sp.symbols("V M", positive=True)
    prove((variance - mean**2) / mean**2, variance / mean**2 - 1)


@cache
def relative_variance_of_a_mean() -> tuple[sp.Expr, sp.Expr]:
    """Of three draws of two states, by enumeration; and r, that of one."""
    first, *given = sp.symbols("p l0 l1", positive=True)
    probs = [first, 1 - first]
    mean = sum(p * v for p, v in zip(probs, given, strict=True))
    r = sum(p * v**2 for p, v in zip(probs, given, strict=True)) / mean**2 - 1

    def off(draw: tuple[int, ...]) -> sp.Expr:
        return (sum(given[i] for i in draw) / 3 - mean) ** 2

    return over_every_draw(2, 3, probs, off) / mean**2, r


@pytest.mark.proves("1.7", "all values, K = 2 states, S = 3: every draw")
def test_the_relative_error_of_a_mean() -> None:
    """S draws divide the relative variance by S, so that S = r/ε² gives ε²."""
    of_three, r = relative_variance_of_a_mean()
    prove(of_three, r / 3)
    error = Symbol("epsilon", positive=True)
    matches(
        lambda w, s, x, error: scalar_world(w, s).naive_samples_needed(vector(x), error).log(),
        log(relative_variance()[1] / error**2),
        (w, s, x, error),
    )


@pytest.mark.proves("2.1", "all values, D = d = 1")
def test_bayes_rule_in_the_linear_world() -> None:
    world = linear_world()
    posterior = log_normal(z, world.posterior_mean, world.posterior_std**2)
    joint = log_normal(x, w * z, s**2) + log_normal(z, ZERO, ONE)
    prove(joint - world.log_evidence, posterior)
    matches(
        lambda w, s, x, z: linear_world_on_a_grid(w, s).posterior(x).log_prob(vector(z)),
        posterior,
        (w, s, x, z),
        domain=lambda w, s, x, z: abs(z - w * x / (w**2 + s**2)) < 5 * s / math.hypot(w, s),
        rounding=QUADRATURE,
    )


@cache
def bias_of_the_log() -> sp.Expr:
    """E log(1 + d) to fourth order, d the relative error of a mean of S, by its cumulants."""
    count, r, third, fourth = sp.symbols("S r k3 k4", positive=True)
    moments = {2: r / count, 3: third / count**2, 4: fourth / count**3 + 3 * (r / count) ** 2}
    d = Symbol("d")
    series = sp.series(log(1 + d), d, 0, 5).removeO()
    return sum(series.coeff(d, power) * value for power, value in moments.items())


@pytest.mark.proves(
    "2.4", "partly: what follows −r/(2S) is of order 1/S², term by term; no bound on it"
)
def test_the_bias_of_the_log() -> None:
    bias, (count, r) = bias_of_the_log(), sp.symbols("S r", positive=True)
    prove(sp.limit(count * bias, count, oo), -r / 2)
    assert sp.limit(count**2 * (bias + r / (2 * count)), count, oo).is_finite
    matches(
        lambda w, s, x: scalar_world(w, s).naive_log_bias(vector(x), 7),
        -relative_variance()[1] / 14,
        (w, s, x),
    )


def test_the_moments_of_a_mean_of_two() -> None:
    """Its cumulants are those of one draw over S^(n − 1): every pair of draws, S = 2."""
    first, *given = sp.symbols("p l0 l1", positive=True)
    probs = [first, 1 - first]
    mean = sum(p * v for p, v in zip(probs, given, strict=True))

    def moment(draws: int, power: int) -> sp.Expr:
        return over_every_draw(
            2, draws, probs, lambda draw: (sum(given[i] for i in draw) / draws - mean) ** power
        )

    prove(moment(2, 3), moment(1, 3) / 4)
    fourth = moment(1, 4) - 3 * moment(1, 2) ** 2
    prove(moment(2, 4), fourth / 8 + 3 * (moment(1, 2) / 2) ** 2)


def prove_frullani() -> None:
    """log a = ∫ (e^−t − e^−ta) dt/t for every a > 0: both are 0 at a = 1, with the same slope."""
    a, t = sp.symbols("a t", positive=True)
    integrand = (exp(-t) - exp(-t * a)) / t
    prove(sp.diff(integrand, a), exp(-t * a))
    prove(sp.integrate(exp(-t * a), (t, 0, oo)), sp.diff(log(a), a))
    prove(integrand.subs(a, 1), log(ONE))


def prove_power(draws: int) -> None:
    """E of a product over independent draws is a power of one E: two states, every draw."""
    t, first, *given = sp.symbols("t p l0 l1", positive=True)
    probs, factors = [first, 1 - first], [exp(-t * v / draws) for v in given]
    product_of_draws = over_every_draw(
        2, draws, probs, lambda draw: sp.prod([factors[i] for i in draw])
    )
    prove(product_of_draws, sum(p * f for p, f in zip(probs, factors, strict=True)) ** draws)


@pytest.mark.proves("2.5", "all values; the power for two states, S = 3")
def test_the_expected_log_of_the_naive_estimate() -> None:
    prove_frullani()
    prove_power(3)
    one_draw = average_over(log_normal(x, w * z, s**2), z, ZERO, ONE)
    matches(
        lambda w, s, x: linear_world_on_a_grid(w, s).expected_naive_log_evidence(x, 1),
        one_draw,
        (w, s, x),
        rounding=QUADRATURE,
    )
    low, high = sp.symbols("l0 l1", positive=True)  # a likelihood with two values, by z's sign
    three_draws = over_every_draw(
        2, 3, [HALF, HALF], lambda draw: log(sum((low, high)[i] for i in draw) / 3)
    )

    def library(low: float, high: float) -> torch.Tensor:
        ends = vector(low, high).log()
        return expected_naive_log(lambda z: torch.where(z < 0, *ends), 3)

    matches(library, three_draws, (low, high), rounding=QUADRATURE)


@pytest.mark.proves("2.6", "the first equality, all values, K = 3")
def test_the_evidence_cancels_from_averages() -> None:
    joint, values = sp.symbols("j:3", positive=True), sp.symbols("f:3", real=True)
    q = sp.symbols("q:3", positive=True)
    weights = [j / p for j, p in zip(joint, q, strict=True)]
    above = sum(p * v * f for p, v, f in zip(q, weights, values, strict=True))
    ratio = above / sum(p * v for p, v in zip(q, weights, strict=True))
    posterior = sum(j * f for j, f in zip(joint, values, strict=True)) / sum(joint)
    prove(ratio, posterior)

    def library(*numbers: float) -> torch.Tensor:
        """Six draws, as many of each state as q = (1, 2, 3)/6 says."""
        draws = torch.tensor([0, 1, 1, 2, 2, 2])
        q = vector(1, 2, 3)[draws] / 6
        log_weights = vector(*numbers[:3])[draws].log() - q.log()
        return bounds.self_normalised_expectation(log_weights, vector(*numbers[3:])[draws])

    matches(library, posterior, (*joint, *values))


@pytest.mark.proves("3.1", "all values, D = d = 1, any Gaussian q")
def test_weights_average_to_the_evidence() -> None:
    world, q = linear_world(), normal(z, m, sigma**2)
    log_weight = log_normal(x, w * z, s**2) + log_normal(z, ZERO, ONE) - log(q)
    joint = normal(x, w * z, s**2) * normal(z, ZERO, ONE)
    prove(log(q) + log_weight, log(joint))
    prove(log(integral(joint, z)), world.log_evidence)

    def library(z: float, w: float, s: float, x: float, m: float, sigma: float) -> torch.Tensor:
        q = DiagonalGaussian.from_std(vector(m), vector(sigma))
        return bounds.log_weights(scalar_world(w, s), q, vector(x), vector(z))

    matches(library, log_weight, (z, *world.symbols))


@pytest.mark.proves("3.2", "all weights; the closed form for all values, D = d = 1")
def test_jensen_by_the_tangent() -> None:
    """log w ≤ log m + (w − m)/m at every w, with equality at w = m alone; then average over q."""
    weight, mean = sp.symbols("W M", positive=True)
    prove(log(mean) + (weight - mean) / mean - log(weight), gain(weight / mean))
    world = linear_world()

    def library(w: float, s: float, x: float, m: float, sigma: float) -> list[torch.Tensor]:
        q = DiagonalGaussian.from_std(vector(m), vector(sigma))
        z, model = two_ends(m, sigma), scalar_world(w, s)
        return [
            model.elbo(q, vector(x)),
            linear_world_on_a_grid(w, s).elbo(q, x),
            bounds.elbo(model, q, vector(x), z),
        ]

    matches(library, [world.elbo] * 3, world.symbols, rounding=QUADRATURE)


def kl_to_the_prior() -> sp.Expr:
    return HALF * (sigma**2 + m**2 - 1 - log(sigma**2))


@pytest.mark.proves("3.3", "all values, D = d = 1")
def test_the_elbo_is_two_terms() -> None:
    world = linear_world()
    prove(world.elbo, world.reconstruction - kl_to_the_prior())

    def library(w: float, s: float, x: float, m: float, sigma: float) -> list[torch.Tensor]:
        q = DiagonalGaussian.from_std(vector(m), vector(sigma))
        found = bounds.terms(scalar_world(w, s), q, vector(x), two_ends(m, sigma))
        return [found.reconstruction, found.kl, found.elbo]

    matches(library, [world.reconstruction, kl_to_the_prior(), world.elbo], world.symbols)


@pytest.mark.proves(
    "3.4", "partly: L_K ≤ L_{K+1} ≤ log p(x) for K ≤ 4, all weights; its limit is not proved"
)
@pytest.mark.parametrize("count", range(1, 5))
def test_one_weight_left_out(count: int) -> None:
    """The mean of K + 1 weights is the mean, over which one is left out, of means of K.

    The logarithm is concave (3.2), so L_K ≤ L_{K+1}; and 3.2 again gives L_K ≤ log p(x).
    """
    weights = sp.symbols(f"W:{count + 1}", positive=True)
    left_out = [(sum(weights) - one) / count for one in weights]
    prove(sum(left_out) / (count + 1), sum(weights) / (count + 1))
    matches(
        lambda *weights: bounds.importance_weighted_bound(vector(*weights).log()),
        log(sum(weights) / (count + 1)),
        weights,
    )


@pytest.mark.proves("3.5", "all values; the power for two states, K ≤ 4")
@pytest.mark.parametrize("count", range(1, 5))
def test_the_expected_log_of_a_mean(count: int) -> None:
    prove_frullani()
    prove_power(count)
    first, *weights = sp.symbols("p l0 l1", positive=True)
    enumerated = over_every_draw(
        2, count, [first, 1 - first], lambda draw: log(sum(weights[i] for i in draw) / count)
    )

    def library(first: float, *weights: float) -> torch.Tensor:
        probs = vector(first, 1 - first)
        return expected_log_mean(vector(*weights).log(), probs.log(), [count])

    matches(
        library,
        enumerated,
        (first, *weights),
        domain=lambda first, *weights: first < 1,
        rounding=QUADRATURE,
    )


@pytest.mark.proves("3.6", "1 ≤ ESS ≤ K for all weights, K = 4")
def test_the_effective_sample_size() -> None:
    weights = sp.symbols("W:4", positive=True)
    squares, pairs = sum(v**2 for v in weights), list(sp.utilities.iterables.subsets(weights, 2))
    total = sum(weights) ** 2
    # ESS < K by so much, 0 if all are equal; and ESS > 1 by so much, 0 if one stands alone.
    prove(4 * squares - total, sum((a - c) ** 2 for a, c in pairs))
    prove(total - squares, 2 * sum(a * c for a, c in pairs))
    matches(
        lambda *weights: bounds.effective_sample_size(vector(*weights).log()),
        total / squares,
        weights,
    )


WRONG = {
    "1.1, without the noise": lambda: (
        linear_world().log_evidence,
        log_normal(x, ZERO, w**2 + 2 * s**2),
    ),
    "1.2, half the quadratic form forgotten": lambda: (
        matrix_world(2, 1).log_joint,
        matrix_world(2, 1).log_evidence + matrix_world(2, 1).log_posterior + HALF * log(2 * pi),
    ),
    "1.3, divided by d + 1, not by D − d": lambda: (
        likelihood_slope(sp.diag(*ppca().variances), ppca().loadings, ppca().noise * 2 / 3)[-1],
        ZERO,
    ),
    "1.6, the noise variance not halved": lambda: (
        log(relative_variance()[0]),
        log(normal(x, ZERO, w**2 + s**2) / (2 * s * sqrt(pi))),
    ),
    "1.7, the relative error for its square": lambda: (
        relative_variance_of_a_mean()[0],
        sqrt(relative_variance_of_a_mean()[1] / 3),
    ),
    "2.4, without the half": lambda: (
        sp.limit(Symbol("S", positive=True) * bias_of_the_log(), Symbol("S", positive=True), oo),
        -Symbol("r", positive=True),
    ),
    "3.3, the KL added": lambda: (
        linear_world().elbo,
        linear_world().reconstruction + kl_to_the_prior(),
    ),
    "3.3, σ for σ²": lambda: (
        linear_world().rate,
        kl_to_the_prior().subs(sigma**2, sigma),
    ),
}


@pytest.mark.parametrize("claim", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_claim_is_refuted(claim) -> None:
    with pytest.raises(Refuted):
        prove(*claim())
