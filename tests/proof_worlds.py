"""What several proofs share: averages, the tangent to the logarithm, and the linear world.

Letters are those of the equations: z is latent, x observed, q = N(m, σ²), p(x|z) = N(wz, s²).
"""

from collections.abc import Callable
from functools import cache
from itertools import product

import sympy as sp
import torch
from proofs import prove
from sympy import Dummy, Expr, Matrix, Rational, Symbol, exp, expand, log, oo, pi, sqrt
from torch import Tensor

from course_lib.distributions import DiagonalGaussian
from course_lib.exact import LinearGaussian, LinearGaussianChain

ZERO, ONE, HALF = sp.Integer(0), sp.Integer(1), Rational(1, 2)
QUADRATURE = 1e-9  # rounding of the library's integrals

x, z, m, b, mu, w = sp.symbols("x z m b mu w", real=True)
s, sigma, beta = sp.symbols("s sigma beta", positive=True)


def vector(*values: float) -> Tensor:
    """Numbers as a float64 tensor."""
    return torch.tensor(values, dtype=torch.float64)


def log_normal(value: Expr, mean: Expr, variance: Expr) -> Expr:
    """log N(value; mean, variance)."""
    return -log(2 * pi) / 2 - log(variance) / 2 - (value - mean) ** 2 / (2 * variance)


def normal(value: Expr, mean: Expr, variance: Expr) -> Expr:
    """N(value; mean, variance)."""
    return exp(-((value - mean) ** 2) / (2 * variance)) / sqrt(2 * pi * variance)


def integral(integrand: Expr, variable: Symbol) -> Expr:
    """Over the whole line."""
    return sp.integrate(integrand, (variable, -sp.oo, sp.oo), conds="none")


def average(polynomial: Expr, *noises: Symbol) -> Expr:
    """E of a polynomial in independent standard normals: E εⁿ is (n − 1)!!, or 0 if n is odd.

    The moments themselves are integrated in test_symbolic.py, up to n = 8.
    """
    terms = sp.Poly(expand(polynomial), *noises).terms()
    assert all(power <= 8 for powers, _ in terms for power in powers)
    return sum(factor * sp.prod([moment(power) for power in powers]) for powers, factor in terms)


def moment(power: int) -> Expr:
    """E εⁿ of a standard normal."""
    return sp.Integer(0) if power % 2 else sp.factorial2(power - 1)


def average_over(f: Expr, variable: Symbol, mean: Expr, std: Expr) -> Expr:
    """E f(variable) for a polynomial f and variable ~ N(mean, std²)."""
    noise = Dummy("e", real=True)
    return average(f.subs(variable, mean + std * noise), noise)


@cache
def gain_is_never_negative() -> None:
    """u − 1 − log u ≥ 0 for all u > 0, and 0 at u = 1 alone: the tangent to the logarithm.

    One stationary point, where it is 0, and a second derivative that is positive everywhere.
    """
    u = Symbol("u", positive=True)
    gain = u - 1 - log(u)
    assert sp.solve(sp.diff(gain, u), u) == [1]
    assert gain.subs(u, 1) == 0
    assert sp.diff(gain, u, 2).is_positive


def gain(u: Expr) -> Expr:
    """u − 1 − log u, by which a best value beats another: never negative."""
    gain_is_never_negative()
    return u - 1 - log(u)


class LinearWorld:
    """z ~ N(0, 1), x|z ~ N(wz, s²), and q = N(m, σ²): every average of the ELBO, for all values.

    By Gaussian averages of log-densities, term by term, not by the formulas that are to be proved.
    Its log p(x) and posterior are the claims of (1.1) and (2.1), and proved there.
    """

    variance = w**2 + s**2  # of x
    symbols = (w, s, x, m, sigma)

    def __init__(self) -> None:
        self.log_evidence = log_normal(x, sp.Integer(0), self.variance)
        self.posterior_mean, self.posterior_std = w * x / self.variance, s / sqrt(self.variance)
        self.reconstruction = average_over(log_normal(x, w * z, s**2), z, m, sigma)
        self.log_prior = average_over(log_normal(z, sp.Integer(0), sp.Integer(1)), z, m, sigma)
        self.entropy = -average_over(log_normal(z, m, sigma**2), z, m, sigma)
        log_posterior = log_normal(z, self.posterior_mean, self.posterior_std**2)
        self.log_posterior = average_over(log_posterior, z, m, sigma)

    @property
    def elbo(self) -> Expr:
        """E_q[log p(x, z) − log q(z)]."""
        return self.reconstruction + self.log_prior + self.entropy

    @property
    def rate(self) -> Expr:
        """KL(q ‖ p(z)) = E_q[log q − log p]."""
        return -self.entropy - self.log_prior

    @property
    def gap(self) -> Expr:
        """KL(q ‖ p(z|x)) = E_q[log q − log p(z|x)]."""
        return -self.entropy - self.log_posterior


@cache
def linear_world() -> LinearWorld:
    return LinearWorld()


def matrix(name: str, rows: int, columns: int) -> Matrix:
    """Real symbols, name00 to name…"""
    return Matrix(rows, columns, lambda i, j: Symbol(f"{name}{i}{j}", real=True))


def inverse(square: Matrix) -> Matrix:
    """By the adjugate, so that nothing but the determinant is divided by."""
    return square.adjugate() / square.det()


def scalar_world(w: float, s: float) -> LinearGaussian:
    return LinearGaussian([[w]], 0.0, s)


def over_every_draw(
    states: int, draws: int, probs: list[sp.Expr], f: Callable[[tuple[int, ...]], sp.Expr]
) -> sp.Expr:
    """E f(z_1, …, z_S) by enumeration."""
    every = product(range(states), repeat=draws)
    return sum(sp.prod([probs[i] for i in draw]) * f(draw) for draw in every)


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


def gaussian(mean: float, std: float) -> DiagonalGaussian:
    return DiagonalGaussian.from_std(vector(mean), vector(std))


def root(name: str) -> Matrix:
    """A lower triangular 2 × 2 matrix with a positive diagonal."""
    first, last = sp.symbols(f"{name}0 {name}2", positive=True)
    return Matrix([[first, 0], [Symbol(f"{name}1", real=True), last]])


@cache
def folded(depth: int) -> tuple[tuple[Symbol, ...], list[tuple[sp.Expr, sp.Expr]]]:
    """Slopes, offsets and stds of a scalar chain; mean and variance of z_0, …, z_T by (11.1)."""
    slopes = sp.symbols(f"a1:{depth + 1}", real=True)
    offsets = sp.symbols(f"b1:{depth + 1}", real=True)
    stds = sp.symbols(f"s1:{depth + 1}", positive=True)
    moments = [(ZERO, ONE)]
    for slope, offset, std in reversed(list(zip(slopes, offsets, stds, strict=True))):
        mean, variance = moments[0]
        moments.insert(0, (slope * mean + offset, slope**2 * variance + std**2))
    return (*slopes, *offsets, *stds), moments


def scalar_chain(depth: int, values: tuple[float, ...]) -> LinearGaussianChain:
    slopes, offsets, stds = (values[i * depth : (i + 1) * depth] for i in range(3))
    return LinearGaussianChain(slopes, offsets, stds)
