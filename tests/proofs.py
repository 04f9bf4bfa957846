"""Proofs by algebra: two expressions shown to be equal for every value of their symbols.

`prove(left, right)` has three ends. It returns: SymPy has turned the difference into zero. Or it
raises Refuted, with a point at which the two differ. Or it raises Undecided: no such point was
found, and no rewriting made the difference vanish. `matches` then holds the proved expression
against what the library computes, at random values of its symbols: that makes a proof of algebra a
test of code.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mpmath
import pytest
import sympy as sp
from sympy import Dummy, Expr, Rational, Symbol, expand, expand_log, log
from torch import Tensor

HALF = Rational(1, 2)
DIGITS = 30  # of the numbers at which a claim is tried
CLOSE = 1e-12  # two such numbers are equal, relative to the larger of 1 and their size
ROUNDING = 1e-11  # of the library's closed forms in float64, likewise
TRIES = 400  # random points at most, of which POINTS must be inside the domain
POINTS = 4


class Refuted(AssertionError):
    """The two sides differ: the message names a point."""


class Undecided(AssertionError):
    """No point tells the two sides apart, and no rewriting makes them one."""


def prove(left: Any, right: Any) -> None:
    """Returns if left = right for all values of the symbols, entry by entry for matrices.

    A log of a product is split as if its factors were positive. That errs by multiples of 2πi, and
    both sides are real: so if the real parts are the same, the two sides are. It is done only where
    the difference is linear in its logs: in a square of them 2πi would leave something real.
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
    if not _is_linear_in_logs(difference):
        yield expand(difference)
        yield sp.simplify(difference)
        return
    terms = sp.Add.make_args(difference)
    logs, rest = (sp.Add(*(t for t in terms if t.has(log) is has)) for has in (True, False))
    split = _split(logs)
    unknown = {term: Dummy() for term in split.atoms(log)}
    yield expand(sp.fraction(sp.together(rest + split.xreplace(unknown)))[0])
    yield sp.simplify(difference)
    yield sp.simplify(_split(sp.simplify(logs + rest)))
    yield sp.simplify(expand_log(sp.logcombine(split + rest, force=True), force=True))


def _is_linear_in_logs(expression: Expr) -> bool:
    """Whether no log is squared, multiplied by another, or inside another function."""
    unknown = {term: Dummy() for term in expression.atoms(log)}
    plain = expression.xreplace(unknown)
    return not any(expand(plain.diff(x)).has(*unknown.values()) for x in unknown.values())


def _split(logs: Expr) -> Expr:
    """With the log of each factor on its own."""
    factored = logs.replace(log, lambda u: log(sp.factor(u)))
    return expand(expand_log(factored, force=True))


def _try_to_refute(left: Expr, right: Expr) -> None:
    """Raises Refuted where the two differ, or where one is a real number and the other is none.

    Raises Undecided if there is no point where both are real.
    """
    names, found = sorted(left.free_symbols | right.free_symbols, key=str), 0
    left_at, right_at = _evaluator(names, [left]), _evaluator(names, [right])
    for point in random_points(names):
        one, other = left_at(point), right_at(point)
        if one is None and other is None:
            continue
        if one is None or other is None or not _close(one[0], other[0]):
            where = ", ".join(
                f"{name} = {value:g}" for name, value in zip(names, point, strict=True)
            )
            sides = (f"{float(v[0]):g}" if v else "no real number" for v in (one, other))
            raise Refuted(f"{' is not '.join(sides)} at {where or 'every point'}")
        found += 1
        if found == POINTS:
            return
    raise Undecided(f"no point found at which both {left} and {right} are real numbers")


def _close(one: Any, other: Any) -> bool:
    return bool(abs(one - other) <= CLOSE * max(1, abs(one), abs(other)))


def _evaluator(
    names: Sequence[Symbol], expressions: Sequence[Expr]
) -> Callable[[Sequence[float]], list[Any] | None]:
    """From a point to the values in DIGITS digits, or None where one is not a real number.

    Such a point is outside the domain: probabilities that sum to more than one, for example.
    """
    compute = sp.lambdify(names, expressions, "mpmath", cse=True)

    def values_at(point: Sequence[float]) -> list[Any] | None:
        with mpmath.workdps(DIGITS):
            try:
                values = [mpmath.mpmathify(value) for value in compute(*map(mpmath.mpf, point))]
            except ZeroDivisionError:
                return None
            inside = all(mpmath.im(value) == 0 and mpmath.isfinite(value) for value in values)
            return [mpmath.re(value) for value in values] if inside else None

    return values_at


def random_points(names: Sequence[Symbol]) -> Iterator[list[float]]:
    """Values for the symbols, always the same: small ones, which can be probabilities, and others.

    Of four points in a row every real symbol is negative at two. Integers, such as a count, are
    from 2 on.
    """
    chance = random.Random(20260)
    for attempt in range(TRIES):
        size, flip = (1 / 3 if attempt % 2 else 2.0), attempt // 2
        yield [
            _random_value(name, size * (-1) ** (flip + place), chance)
            for place, name in enumerate(names)
        ]


def _random_value(name: Symbol, size: float, chance: random.Random) -> float:
    if name.is_integer:
        return chance.randint(2, 9)
    value = chance.uniform(0.1, 1.0) * size
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

    compute: takes a number for each of the symbols, returns a number, a tensor or a list of those.
    expression: one, or a list or matrix of them in the same order. domain: whether such numbers are
    allowed.
    """
    several = isinstance(expression, (list, tuple, sp.MatrixBase))
    values_at, found = _evaluator(symbols, list(expression) if several else [expression]), 0
    for point in random_points(symbols):
        if not domain(*point):
            continue
        expected = values_at(point)
        assert expected is not None, f"the expression is no real number at {point}"
        numbers = [float(value) for value in expected]
        assert _flat(compute(*point)) == pytest.approx(numbers, rel=rounding, abs=rounding), point
        found += 1
        if found == POINTS:
            return
    raise AssertionError(f"only {found} of {TRIES} random points lie in the domain")


def _flat(value: Any) -> list[float]:
    """A number, a tensor or a list of those as one list of floats."""
    if isinstance(value, Tensor):
        return value.detach().double().flatten().tolist()
    if isinstance(value, (list, tuple)):
        return [number for part in value for number in _flat(part)]
    return [float(value)]
