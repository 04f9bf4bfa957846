"""Equations 1.1 to 2.6 for all values of their symbols, and what the library makes of them."""

import math
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
import sympy as sp
import torch
from proof_worlds import (
    HALF,
    ONE,
    QUADRATURE,
    ZERO,
    average_over,
    gain,
    integral,
    inverse,
    linear_world,
    log_normal,
    matrix,
    normal,
    over_every_draw,
    prove_frullani,
    prove_power,
    s,
    scalar_world,
    vector,
    w,
    x,
    z,
)
from proofs import Refuted, matches, prove
from sympy import Matrix, Symbol, eye, log, oo, pi, sqrt

from course_lib import bounds
from course_lib.distributions import Bernoulli, Categorical
from course_lib.exact import DiscreteLatent, LinearGaussian, expected_naive_log, fit_ppca
from course_lib.exact import linear_world as linear_world_on_a_grid


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
        return self._log_normal(self.y, inverse(self.covariance), self.covariance.det())

    @property
    def log_posterior(self) -> sp.Expr:
        """The claim of (2.2), at z."""
        return self._log_normal(self.z - self.mean, self.precision, 1 / self.precision.det())

    @property
    def log_joint(self) -> sp.Expr:
        residual = self.y - self.loadings * self.z
        likelihood = self._log_normal(residual, self.noise.inv(), self.noise.det())
        return likelihood + self._log_normal(self.z, eye(len(self.z)), ONE)

    def numbers(self, values: tuple[float, ...]) -> tuple[LinearGaussian, torch.Tensor]:
        """The library's world and y, from the values of `symbols`."""
        data, latent = self.loadings.shape
        weights = vector(*values[: data * latent]).reshape(data, latent)
        stds = vector(*values[data * latent :][:data])
        return LinearGaussian(weights, 0.5, stds), vector(*values[-data:]) + 0.5

    @staticmethod
    def _log_normal(value: Matrix, precision: Matrix, determinant: sp.Expr) -> sp.Expr:
        """Of mean 0; determinant: that of the covariance."""
        quadratic = (value.T * precision * value)[0]
        return -HALF * (len(value) * log(2 * pi) + log(determinant) + quadratic)


@cache
def matrix_world(data: int, latent: int) -> MatrixWorld:
    return MatrixWorld(data, latent)


@cache
def evidence_by_integration() -> sp.Expr:
    return integral(normal(x, w * z, s**2) * normal(z, ZERO, ONE), z)


@pytest.mark.proves("1.1", "all values, D = d = 1")
def test_the_evidence_integral() -> None:
    prove(log(evidence_by_integration()), linear_world().log_evidence)
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
    "1.6",
    "partly, D = 4, d = 2: W and s² are stationary, and s² is the best; that W lies "
    "along the first eigenvectors is taken over",
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
        world = fit_ppca(torch.cat([rows, -rows]), 2)
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


@pytest.mark.proves("1.7", "all values, K = 3")
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


@pytest.mark.proves("1.3", "all values, K = 3 states, S = 3: every draw")
def test_the_naive_estimate_is_unbiased() -> None:
    probs, given = three_states()
    mean = over_every_draw(3, 3, probs, lambda draw: sum(given[i] for i in draw) / 3)
    evidence = sum(p * v for p, v in zip(probs, given, strict=True))
    prove(mean, evidence)

    def library(p0: float, p1: float, *given: float) -> torch.Tensor:
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


@pytest.mark.proves("1.4", "all values, D = d = 1")
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
def variance_of_a_mean() -> tuple[sp.Expr, sp.Expr]:
    """Of three draws of two states, by enumeration; and that of one draw."""
    first, *given = sp.symbols("p l0 l1", positive=True)
    probs = [first, 1 - first]
    mean = sum(p * v for p, v in zip(probs, given, strict=True))
    one_draw = sum(p * v**2 for p, v in zip(probs, given, strict=True)) - mean**2

    def off(draw: tuple[int, ...]) -> sp.Expr:
        return (sum(given[i] for i in draw) / 3 - mean) ** 2

    return over_every_draw(2, 3, probs, off), one_draw


@pytest.mark.proves("1.5", "all values, K = 2 states, S = 3: every draw")
def test_the_relative_error_of_a_mean() -> None:
    """S draws divide the variance by S, and so the relative one, r: S = r/ε² makes it ε²."""
    of_three, of_one = variance_of_a_mean()
    prove(of_three, of_one / 3)
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


@pytest.mark.proves("2.4", "partly: what follows is of order 1/S², term by term; no bound on it")
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
        return expected_naive_log(lambda z: torch.where(z < 0, ends[0], ends[1]), 3)

    matches(library, three_draws, (low, high), rounding=QUADRATURE)


@pytest.mark.proves("2.6", "all values, K = 3: the first equality")
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


WRONG = {
    "1.1, the noise counted twice": lambda: (
        log(evidence_by_integration()),
        log_normal(x, ZERO, w**2 + 2 * s**2),
    ),
    "1.2, a factor 2π too many": lambda: (
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
        variance_of_a_mean()[0],
        sqrt(variance_of_a_mean()[1] / 3),
    ),
    "2.4, without the half": lambda: (
        sp.limit(Symbol("S", positive=True) * bias_of_the_log(), Symbol("S", positive=True), oo),
        -Symbol("r", positive=True),
    ),
}


@pytest.mark.parametrize("claim", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_claim_is_refuted(claim: Callable[[], tuple[Any, Any]]) -> None:
    with pytest.raises(Refuted):
        prove(*claim())
