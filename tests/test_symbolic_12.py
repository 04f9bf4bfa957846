"""Equations 12.1 to 12.7 for all values of their symbols, and what the library makes of them."""

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
    folded,
    gain,
    integral,
    log_normal,
    m,
    mu,
    normal,
    scalar_chain,
    vector,
    x,
    z,
)
from proofs import Refuted, matches, prove
from sympy import Symbol, log, pi, sqrt

from course_lib import chain_readings as readings
from course_lib.distributions import FullGaussian
from course_lib.exact import (
    AffineGaussian,
)


class GaussianChain:
    """A scalar chain and a q, every slope, offset and std free: the averages that make the bound.

    q(z_1|x) = N(c_1, r_1²), any function of x; q(z_t|z_{t−1}) = N(k_t z_{t−1} + c_t, r_t²).
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.symbols, self.moments = folded(depth)
        slopes, offsets, stds = (self.symbols[i * depth : (i + 1) * depth] for i in range(3))
        self.slopes, self.offsets, self.stds = slopes, offsets, stds
        self.up = sp.symbols(f"k1:{depth + 1}", real=True)[1:]
        self.shifts = sp.symbols(f"c1:{depth + 1}", real=True)
        self.widths = sp.symbols(f"r1:{depth + 1}", positive=True)
        self.noise = sp.symbols(f"e1:{depth + 1}", real=True)
        self.latents = [self.shifts[0] + self.widths[0] * self.noise[0]]
        self.means = [self.shifts[0]]  # of q(z_t|z_{t−1})
        for t in range(1, depth):
            self.means.append(self.up[t - 1] * self.latents[-1] + self.shifts[t])
            self.latents.append(self.means[-1] + self.widths[t] * self.noise[t])
        values = [x, *self.latents]
        self.down = [
            self.average(
                log_normal(values[t], slopes[t] * values[t + 1] + offsets[t], stds[t] ** 2)
            )
            for t in range(depth)
        ]
        self.log_prior = self.average(log_normal(values[-1], ZERO, ONE))
        self.entropies = [
            -self.average(log_normal(value, mean, width**2))
            for value, mean, width in zip(self.latents, self.means, self.widths, strict=True)
        ]
        self.all_symbols = (x, *self.symbols, *self.up, *self.shifts, *self.widths)

    def average(self, polynomial: sp.Expr) -> sp.Expr:
        """Under q. Logs in it are free of the latents, and stay as they are."""
        logs = {term: sp.Dummy() for term in polynomial.atoms(log)}
        found = average(polynomial.xreplace(logs), *self.noise)
        return found.xreplace({dummy: term for term, dummy in logs.items()})

    def variance(self, value: sp.Expr) -> sp.Expr:
        return sp.expand(self.average(value**2) - self.average(value) ** 2)

    @property
    def bound(self) -> sp.Expr:
        """The claim of (12.1)."""
        return sum(self.down) + self.log_prior + sum(self.entropies)

    @property
    def conditional_kl(self) -> sp.Expr:
        """E KL(q(z_T|z_{T−1}) ‖ p(z_T)), each by (4.3)."""
        width = self.widths[-1]
        return self.average(HALF * (width**2 + self.means[-1] ** 2 - 1)) - log(width)

    @property
    def marginal_kl(self) -> sp.Expr:
        """KL(q(z_T|x) ‖ p(z_T)), by (4.3): q(z_T|x) is Gaussian."""
        variance = self.variance(self.latents[-1])
        return HALF * (variance + self.average(self.latents[-1]) ** 2 - 1 - log(variance))

    def marginal_entropy(self, level: int) -> sp.Expr:
        """h(z_t|x) of a Gaussian."""
        return HALF * log(2 * pi * sp.E * self.variance(self.latents[level - 1]))

    def numbers(self, values: tuple[float, ...]) -> Any:
        """The library's terms, from the values of `all_symbols`."""
        data, depth = vector(values[0]), self.depth
        world = scalar_chain(depth, values[1 : 1 + 3 * depth])
        rest = values[1 + 3 * depth :]
        up, shifts, widths = (0.0, *rest[: depth - 1]), rest[depth - 1 : -depth], rest[-depth:]
        q = [AffineGaussian(*arrow) for arrow in zip(up, shifts, widths, strict=True)]
        return world.terms(q, data)


@cache
def gaussian_chain(depth: int) -> GaussianChain:
    return GaussianChain(depth)


LAYERS = pytest.mark.parametrize("depth", [2, 3])


@cache
def exact_factors(depth: int) -> list[tuple[sp.Expr, sp.Expr, sp.Expr]]:
    """Slope, offset and variance of each p(z_t|z_{t−1}), by (2.2) for its own arrow."""
    chain, found = gaussian_chain(depth), []
    for t in range(depth):
        (below, spread), (above, higher) = chain.moments[t], chain.moments[t + 1]
        slope = higher * chain.slopes[t] / spread
        found.append((slope, above - slope * below, higher * chain.stds[t] ** 2 / spread))
    return found


@pytest.mark.proves("12.1", "all values, T = 2 scalar")
def test_the_bound_of_a_chain() -> None:
    chain = gaussian_chain(2)
    values, log_posterior = [x, *chain.latents], ZERO
    for t, (slope, offset, variance) in enumerate(exact_factors(2)):
        residual = values[t + 1] - slope * values[t] - offset
        square = residual**2  # averaged first: the variance is a fraction
        log_posterior += -HALF * log(2 * pi * variance) - chain.average(square) / (2 * variance)
    gap = -sum(chain.entropies) - log_posterior
    prove(chain.bound, log_normal(x, *chain.moments[0]) - gap)
    matches(lambda *v: chain.numbers(v).elbo, chain.bound, chain.all_symbols)


@pytest.mark.proves("12.2", "all values, T = 2 and T = 3 scalar")
@LAYERS
def test_the_bound_layer_by_layer(depth: int) -> None:
    chain = gaussian_chain(depth)
    below = [-h - p for h, p in zip(chain.entropies[:-1], chain.down[1:], strict=True)]
    prove(chain.bound, chain.down[0] - sum(below) - chain.conditional_kl)

    def library(*v: float) -> list[torch.Tensor]:
        terms = chain.numbers(v)
        return [terms.reconstruction, readings.layer_costs(terms)]

    matches(library, [chain.down[0], *below, chain.conditional_kl], chain.all_symbols)


@pytest.mark.proves("12.3", "all values, T = 2 scalar, at every z")
def test_the_joint_is_the_evidence_times_the_exact_factors() -> None:
    """So log w = log p(x) at the exact posterior. And ∫ p(x, z) dz = p(x), as the factors are
    densities: that is E_q w for every q > 0, which cancels. E_q log w = L is (12.1).
    """
    chain = gaussian_chain(2)
    latents = sp.symbols("z1:3", real=True)
    values = (x, *latents)
    log_weight = log_normal(latents[-1], ZERO, ONE)
    for t, (slope, offset, variance) in enumerate(exact_factors(2)):
        mean = chain.slopes[t] * values[t + 1] + chain.offsets[t]
        log_weight += log_normal(values[t], mean, chain.stds[t] ** 2)
        log_weight -= log_normal(values[t + 1], slope * values[t] + offset, variance)
    log_evidence = log_normal(x, *chain.moments[0])
    prove(log_weight, log_evidence)

    def library(*v: float) -> list[torch.Tensor]:
        world, data, z = scalar_chain(2, v[3:]), vector(v[0]), vector(*v[1:3])
        weight = world.log_joint(data, z.split(1, -1)) - world.joint_posterior(data).log_prob(z)
        return [weight, world.log_evidence(data)]

    matches(library, [log_evidence, log_evidence], (x, *latents, *chain.symbols))


@pytest.mark.proves("12.4", "all values, T = 2 scalar")
def test_the_bound_from_the_top() -> None:
    chain = gaussian_chain(2)
    first, second = chain.latents
    variance, mean = chain.variance(second), chain.average(second)
    shared = sp.expand(chain.average(first * second) - chain.average(first) * mean)
    left = chain.widths[0] ** 2 * chain.widths[1] ** 2 / variance  # of z_1 given z_2
    prove(chain.widths[0] ** 2 - shared**2 / variance, left)
    ratio = left / chain.stds[1] ** 2
    # The distance of the two means, over a common denominator: V (m_q − m_p).
    apart = variance * (chain.shifts[0] - chain.slopes[1] * second - chain.offsets[1]) + shared * (
        second - mean
    )
    square = chain.average(sp.expand(apart) ** 2) / variance**2
    lower = HALF * (ratio - 1 - log(ratio)) + square / (2 * chain.stds[1] ** 2)
    prove(chain.bound, chain.down[0] - chain.marginal_kl - lower)

    def library(*v: float) -> list[torch.Tensor]:
        return [readings.layer_kls(chain.numbers(v))]

    matches(library, [lower, chain.marginal_kl], chain.all_symbols)


def reading(chain: GaussianChain, terms: int, cost: sp.Expr) -> sp.Expr:
    """R(m, C), by its definition (12.5)."""
    return sum(chain.down) + sum(chain.entropies[:terms]) - cost


@cache
def readings_of(depth: int) -> dict[str, tuple[sp.Expr, sp.Expr]]:
    """Each reading by (12.5), and its error by (12.6)."""
    chain = gaussian_chain(depth)
    conditional, marginal = chain.entropies[-1], chain.marginal_entropy(depth)
    return {
        readings.CORRECT: (reading(chain, depth - 1, chain.conditional_kl), ZERO),
        readings.CONDITIONAL: (reading(chain, depth, chain.conditional_kl), conditional),
        readings.MARGINAL: (reading(chain, depth, chain.marginal_kl), marginal),
        readings.SHORT: (
            reading(chain, depth - 1, chain.marginal_kl),
            marginal - conditional,
        ),
    }


@pytest.mark.proves("12.5", "all values, T = 2 and T = 3 scalar")
@pytest.mark.proves("12.6", "all values, T = 2 and T = 3 scalar")
@LAYERS
def test_the_four_readings(depth: int) -> None:
    chain = gaussian_chain(depth)
    for value, error in readings_of(depth).values():
        prove(value - chain.bound, error)
    # No information is negative: q(z_T|x) is no narrower than q(z_T|z_{T−1}).
    excess = chain.variance(chain.latents[-1]) - chain.widths[-1] ** 2
    prove(excess, chain.up[-1] ** 2 * chain.variance(chain.latents[-2]))

    def library(*v: float) -> list[torch.Tensor]:
        terms = chain.numbers(v)
        read, errors = readings.read(terms), readings.errors(terms)
        return [part for name in readings.READINGS for part in (read[name], errors[name])]

    expected = [part for name in readings.READINGS for part in readings_of(depth)[name]]
    matches(library, expected, chain.all_symbols)


@cache
def printed_gain() -> tuple[sp.Expr, sp.Expr]:
    """½ L + H of one Gaussian layer: at q = N(0, 2v), and at a q of any variance and offset."""
    v, q = sp.symbols("v q", positive=True)

    def value(variance: sp.Expr, offset: sp.Expr) -> sp.Expr:
        """E_q log p(z) + 2 h(q), p = N(0, v) the exact p(z_T|z_{T−1})."""
        density = -HALF * log(2 * pi * v) - (variance + offset**2) / (2 * v)
        return density + log(2 * pi * sp.E * variance)

    return value(2 * v, ZERO), value(q, mu)


@pytest.mark.proves("12.7", "all values, d = 1")
def test_the_printed_supremum() -> None:
    v, q = sp.symbols("v q", positive=True)
    root = sqrt(normal(z, m, v))
    total = integral(root.subs(m, 0), z)
    prove(log(total), HALF * (HALF * log(2 * pi * v) + log(2)))
    prove(log(root / total), log_normal(z, m, 2 * v))  # the root is a Gaussian twice as wide
    log_q = Symbol("q_z", real=True)  # log q(z), any q: what is left is −2 KL(q ‖ root/total)
    beside = log_normal(z, m, v) / 2 - log(total)
    prove(log_normal(z, m, v) - 2 * log_q, 2 * log(total) - 2 * (log_q - beside))
    best, other = printed_gain()
    prove(best - other, gain(q / (2 * v)) + mu**2 / (2 * v))
    claim = HALF * log(2 * pi * v) + log(2)
    prove(best, claim)

    def library(x: float, v: float) -> torch.Tensor:
        top = FullGaussian(vector(0.3), vector(v).sqrt().unsqueeze(-1))
        return readings.printed_supremum(x, top)

    matches(library, x + claim, (x, v))


def test_the_shortest_reading_of_the_unit_chain() -> None:
    """(T − 1, marginal) at x = 1, T = 2, as q(z_2|z_1) shrinks to a line: its highest value.

    z_2 = A z_1 + c with z_1 ~ N(m, q); stationary where the text says, with its number.
    """
    variance, slope, shift = sp.symbols("q A c", positive=True)
    energy = (
        ((1 - m) ** 2 + variance)
        + ((1 - slope) ** 2 * variance + ((1 - slope) * m - shift) ** 2)
        + (slope**2 * variance + (slope * m + shift) ** 2)
    )
    entropies = log(2 * pi * sp.E * variance) + log(slope)
    value = -3 * HALF * log(2 * pi) - energy / 2 + entropies
    at = {m: sp.Rational(2, 3), variance: 1, slope: 1, shift: -sp.Rational(1, 3)}
    for parameter in at:
        prove(sp.diff(value, parameter).subs(at), 0)
    prove(value.subs(at), -HALF * log(2 * pi) - sp.Rational(1, 6))


WRONG = {
    "12.1, the entropies subtracted": lambda: (
        readings_of(2)[readings.CORRECT][0],
        gaussian_chain(2).bound - 2 * sum(gaussian_chain(2).entropies),
    ),
    "12.2, the marginal KL": lambda: (
        gaussian_chain(2).bound,
        readings_of(2)[readings.SHORT][0],
    ),
    "12.6, the printed formula is the bound": lambda: (
        readings_of(2)[readings.CONDITIONAL][0],
        gaussian_chain(2).bound,
    ),
    "12.6, the information with the wrong sign": lambda: (
        readings_of(2)[readings.SHORT][0] - gaussian_chain(2).bound,
        -readings_of(2)[readings.SHORT][1],
    ),
    "12.7, one variance for twice": lambda: (
        printed_gain()[0],
        HALF * log(2 * pi * Symbol("v", positive=True)),
    ),
}


@pytest.mark.parametrize("claim", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_claim_is_refuted(claim: Callable[[], tuple[Any, Any]]) -> None:
    with pytest.raises(Refuted):
        prove(*claim())
