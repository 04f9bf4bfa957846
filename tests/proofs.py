"""Proofs by algebra: two expressions shown to be equal for every value of their symbols.

`prove(left, right)` has three ends. It returns: SymPy has turned the difference into zero. Or it
raises Refuted, with a point at which the two differ. Or it raises Undecided: no such point was
found, and no rewriting made the difference vanish. `matches` then holds the proved expression
against what the library computes, at random values of its symbols: that makes a proof of algebra a
test of code.

Letters are those of the equations: z is latent, x observed, q = N(m, σ²), p(x|z) = N(wz, s²).
"""

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import pytest
import sympy as sp
import torch
from sympy import Dummy, Expr, Matrix, Rational, Symbol, exp, expand, expand_log, log, pi, sqrt
from torch import Tensor

HALF = Rational(1, 2)
DIGITS = 30  # of the numbers at which a claim is tried
CLOSE = 1e-12  # two such numbers are equal, relative to the larger of 1 and their size
ROUNDING = 1e-11  # of the library's closed forms in float64, likewise
TRIES = 400  # random points at most, of which POINTS must be inside the domain
POINTS = 4

x, z, m, b, mu = sp.symbols("x z m b mu", real=True)
w = sp.Symbol("w", real=True)
s, sigma, beta = sp.symbols("s sigma beta", positive=True)


class Refuted(AssertionError):
    """The two sides differ: the message names a point."""


class Undecided(AssertionError):
    """No point tells the two sides apart, and no rewriting makes them one."""


def prove(left: Any, right: Any) -> None:
    """Returns if left = right for all values of the symbols, entry by entry for matrices.

    A log of a product is split as if its factors were positive. That errs by multiples of 2πi, and
    both sides are real: so if the real parts are the same, the two sides are.
    """
    pairs = zip(left, right, strict=True) if isinstance(left, sp.MatrixBase) else [(left, right)]
    for one, other in pairs:
        one, other = sp.sympify(one), sp.sympify(other)
        _try_to_refute(one, other)
        if not any(difference == 0 for difference in _rewritten(one - other)):
            raise Undecided(f"cannot show that {one} is {other}")


def _rewritten(difference: Expr) -> Iterator[Expr]:
    """The difference in ever more laborious forms; the first that is 0 ends the proof.

    Logs of products are split, so that equal ones cancel; what is left is put over one denominator.
    """
    terms = sp.Add.make_args(difference)
    logs, rest = (sp.Add(*(t for t in terms if t.has(log) is has)) for has in (True, False))
    split = _split(logs)
    unknown = {term: Dummy() for term in split.atoms(log)}
    yield expand(sp.fraction(sp.together(rest + split.xreplace(unknown)))[0])
    yield sp.simplify(difference)
    yield sp.simplify(_split(sp.simplify(logs + rest)))
    yield sp.simplify(expand_log(sp.logcombine(split + rest, force=True), force=True))


def _split(logs: Expr) -> Expr:
    """With the log of each factor on its own."""
    factored = logs.replace(log, lambda u: log(sp.factor(u)))
    return expand(expand_log(factored, force=True))


def _try_to_refute(left: Expr, right: Expr) -> None:
    """Raises Refuted where the two differ, Undecided if there is no point where both are real."""
    found = 0
    for point in random_points(left.free_symbols | right.free_symbols):
        one, other = left.evalf(DIGITS, subs=point), right.evalf(DIGITS, subs=point)
        if not (one.is_Float or one.is_Rational) or not (other.is_Float or other.is_Rational):
            continue  # outside the domain, such as probabilities that sum to more than one
        if abs(one - other) > CLOSE * max(1, abs(one), abs(other)):
            where = ", ".join(f"{name} = {float(value):g}" for name, value in point.items())
            raise Refuted(f"{float(one):g} is not {float(other):g} at {where or 'every point'}")
        found += 1
        if found == POINTS:
            return
    raise Undecided(f"no point found at which both {left} and {right} are real numbers")


def random_points(symbols: Iterable[Symbol]) -> Iterator[dict[Symbol, Expr]]:
    """Values for the symbols, always the same: small ones, which can be probabilities, and others.

    Of four points in a row every real symbol is negative at two. Integers, such as a count, are
    from 2 on.
    """
    names = sorted(symbols, key=str)
    chance = random.Random(20260)
    for attempt in range(TRIES):
        size = Rational(1, 3) if attempt % 2 else Rational(2)
        flip = attempt // 2
        yield {
            name: _random_value(name, size * (-1) ** (flip + place), chance)
            for place, name in enumerate(names)
        }


def _random_value(name: Symbol, size: Expr, chance: random.Random) -> Expr:
    if name.is_integer:
        return sp.Integer(chance.randint(2, 9))
    value = Rational(chance.randint(10, 100), 100) * size
    return abs(value) if name.is_nonnegative else value


def matches(
    compute: Callable[..., Any],
    expression: Any,
    symbols: Sequence[Symbol],
    *,
    domain: Callable[..., bool] = lambda *values: True,
    rounding: float = ROUNDING,
) -> None:
    """What the library computes from numbers is the proved expression at those numbers.

    compute: takes a float for each of the symbols, returns a number, a tensor or a list of those.
    expression: one, or a list or matrix of them in the same order. domain: whether such numbers are
    allowed.
    """
    expected = list(expression) if isinstance(expression, (list, tuple, sp.MatrixBase)) else None
    found = 0
    for point in random_points(symbols):
        values = [float(point[symbol]) for symbol in symbols]
        if not domain(*values):
            continue
        exact = {symbol: sp.Float(v, DIGITS) for symbol, v in zip(symbols, values, strict=True)}
        numbers = [_number(e, exact) for e in expected or [expression]]
        got = _flat(compute(*values))
        assert got == pytest.approx(numbers, rel=rounding, abs=rounding), f"at {point}"
        found += 1
        if found == POINTS:
            return
    raise AssertionError(f"only {found} of {TRIES} random points lie in the domain")


def _number(expression: Any, point: dict[Symbol, Expr]) -> float:
    return float(sp.sympify(expression).evalf(DIGITS, subs=point))


def _flat(value: Any) -> list[float]:
    """A number, a tensor or a list of those as one list of floats."""
    if isinstance(value, Tensor):
        return value.detach().double().flatten().tolist()
    if isinstance(value, (list, tuple)):
        return [number for part in value for number in _flat(part)]
    return [float(value)]


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


def logsumexp(values: Tensor) -> float:
    return float(torch.logsumexp(values, 0))


def close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=ROUNDING, abs_tol=ROUNDING)
