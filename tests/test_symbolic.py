"""What the symbolic proofs rest on: `prove` can say no, moments, a tangent."""

import math

import pytest
import sympy as sp
from proof_worlds import average, gain_is_never_negative, integral, moment, normal
from proofs import Refuted, Undecided, matches, prove
from sympy import Matrix, Symbol, cos, exp, log, sin, sqrt

a, c = sp.symbols("a c", positive=True)
t = Symbol("t", real=True)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((a + c) ** 2, a**2 + 2 * a * c + c**2),
        (log(a**2 * c), 2 * log(a) + log(c)),
        (log(a / c + 1), log(a + c) - log(c)),
        (a / (a + c) + c / (a + c), 1),
        (sin(t) ** 2 + cos(t) ** 2, 1),
        (sqrt(4 * a**2 * c), 2 * a * sqrt(c)),
        (exp(log(a) + log(c)), a * c),
        (Matrix([[a, 1], [0, c]]).det(), a * c),
        (Matrix([a, c]) + Matrix([c, a]), (a + c) * sp.ones(2, 1)),
        (sp.Integer(2), 2),
    ],
)
def test_what_is_equal_is_proved(left: sp.Expr, right: sp.Expr) -> None:
    prove(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((a + c) ** 2, a**2 + 2 * a * c - c**2),
        (log(a**2 * c), 2 * log(a) - log(c)),
        (log(a + c), log(a) + log(c)),
        (a / (a + c) + c / (a + c), sp.Rational(1000001, 1000000)),
        (sin(t) ** 2 + cos(t) ** 2, 2),
        (sqrt(t**2), t),  # true for half of all t
        (log(t**2), 2 * log(t)),  # for the other half the right side is no real number
        (log(t**2) ** 2, 4 * log(t) ** 2),
        (Matrix([a, c]), Matrix([a, a])),
        (sp.Integer(2), 3),
        (1 / sp.Integer(10) ** 9 + a, a),
    ],
)
def test_what_differs_is_refuted_with_a_point(left: sp.Expr, right: sp.Expr) -> None:
    with pytest.raises(Refuted, match="is not"):
        prove(left, right)


def test_what_is_nowhere_real_is_not_proved() -> None:
    with pytest.raises(Undecided, match="no point"):
        prove(log(-1 - a), log(-1 - a))


def test_a_number_that_only_looks_equal_is_not_proved() -> None:
    """e^(π√163) is an integer to 12 decimals: no point tells them apart, no algebra joins them."""
    with pytest.raises(Undecided, match="cannot show"):
        prove(exp(sp.pi * sqrt(163)), 640320**3 + 744)


def test_the_library_is_held_to_the_expression() -> None:
    matches(lambda a, c: [math.log(a), a * c], [log(a), a * c], (a, c))
    with pytest.raises(AssertionError):
        matches(lambda a, c: math.log(a), log(c), (a, c))
    with pytest.raises(AssertionError):
        matches(lambda a, c: a * c * (1 + 1e-9), a * c, (a, c))
    with pytest.raises(AssertionError, match="domain"):
        matches(lambda a, c: a, a, (a, c), domain=lambda a, c: a < 0)


@pytest.mark.parametrize("power", range(9))
def test_moments_of_a_standard_normal(power: int) -> None:
    e = Symbol("e", real=True)
    prove(integral(e**power * normal(e, sp.Integer(0), sp.Integer(1)), e), moment(power))


def test_averages_are_linear_and_noises_independent() -> None:
    e, h = sp.symbols("e h", real=True)
    prove(average((a * e + c * h + 1) ** 2, e, h), a**2 + c**2 + 1)
    prove(average(e**2 * h**4 + e * h, e, h), 3)


def test_the_tangent_lies_above_the_logarithm() -> None:
    gain_is_never_negative()
