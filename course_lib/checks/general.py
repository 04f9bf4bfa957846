"""The mistakes that anyone makes with any formula, found from the exact answer alone.

A sign, the base of a logarithm, a factor ½, a mean for a sum, a dropped ½ log 2π, a root, a
reciprocal: what each of them makes of the right numbers, and the words for it. A hint says what is
true of the numbers, and asks for the rest.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from course_lib.checks.answers import NumberRow
from course_lib.checks.comparison import agree, sizes
from course_lib.checks.phrases import say

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
# A slip that moves every number by less is no mistake that could be told from rounding.
NEAREST = 1e-3
SEVERAL = 4  # numbers of one answer, at most, that are looked at one by one

Change = Callable[[Tensor], Tensor]
Made = TypeVar("Made")
OF_LOGARITHMS = {"bits", "times log 2", "base ten"}  # where the unit is nats
# What may lack a Gaussian's constant; in a KL, an information or a mean it never stands.
OF_LOG_DENSITIES = {"lacks constant", "has constant", "lacks constants", "has constants"}
CHANGES: dict[str, Change] = {
    "sign": torch.neg,
    "half": lambda right: right / 2,
    "twice": lambda right: right * 2,
    "bits": lambda right: right / math.log(2),
    "times log 2": lambda right: right * math.log(2),
    "base ten": lambda right: right / math.log(10),
    "square": torch.square,
    "root": torch.sqrt,
    "logarithm": torch.log,
    "exponential": torch.exp,
    "reciprocal": torch.reciprocal,
    "lacks constant": lambda right: right + HALF_LOG_TWO_PI,
    "has constant": lambda right: right - HALF_LOG_TWO_PI,
}
COUNTED: dict[str, Callable[[Tensor, int], Tensor]] = {
    "mean": lambda right, n: right / n,
    "sum": lambda right, n: right * n,
    "lacks constants": lambda right, n: right + n * HALF_LOG_TWO_PI,
    "has constants": lambda right, n: right - n * HALF_LOG_TWO_PI,
}

Calls = list[NumberRow]
Counts = Sequence[int]  # one a call


def general_mistakes(
    exact: Calls,
    counts: Sequence[Counts],
    tolerance: float,
    unit: str = "nats",
    log_density: bool = False,
    names: Sequence[str] = (),
) -> list[tuple[Calls, str]]:
    """What each general mistake makes of the exact answer, call by call, and its hint.

    counts: how many terms the answer may be a sum or a mean of, each a number for every call. Left
    out is what gives no finite numbers, or moves them by so little that it might be rounding;
    what is said of logarithms, where the unit is not nats; and of a Gaussian's constant, unless
    log_density says that one is in the answer. names: what the numbers of one answer are called.
    """
    left_out = set() if unit == "nats" else set(OF_LOGARITHMS)
    left_out |= set() if log_density else OF_LOG_DENSITIES
    made = [*_of_all(exact, counts, left_out)]
    if len(exact) == 1 and 1 < exact[0].values.numel() <= SEVERAL:
        made += _of_one(exact[0], left_out, names)
    return [(calls, hint) for calls, hint in made if _tells(calls, exact, tolerance)]


def counts_of(cases: Sequence[tuple[object, ...]]) -> list[Counts]:
    """The sizes above 1 of the cases' tensors, axis by axis: what a function may sum over."""
    shapes = [[shape for argument in case for shape in _shapes(argument)] for case in cases]
    found: list[Counts] = []
    for same_argument in zip(*shapes, strict=False):
        axes = min(len(shape) for shape in same_argument)
        for axis in range(1, axes + 1):
            sizes_there = [shape[-axis] for shape in same_argument]
            if max(sizes_there) > 1 and sizes_there not in found:
                found.append(sizes_there)
    return found


def _shapes(argument: object) -> Iterator[torch.Size]:
    """Of every tensor in an argument, its lists, and the objects in it, as a Gaussian's mean."""
    if isinstance(argument, Tensor):
        yield argument.shape
    elif isinstance(argument, list | tuple):
        for part in argument:
            yield from _shapes(part)
    else:
        parts = getattr(argument, "__dict__", {}).values()
        yield from (part.shape for part in parts if isinstance(part, Tensor))


def _of_all(
    exact: Calls, counts: Sequence[Counts], left_out: set[str]
) -> Iterator[tuple[Calls, str]]:
    """The same mistake in every number."""
    for name, change in _but(CHANGES, left_out):
        yield [_row(change(call.values)) for call in exact], say(name)
    for ns in counts:
        for name, counted in _but(COUNTED, left_out):
            pairs = zip(exact, ns, strict=True)
            hint = say(name, n="n" if len(set(ns)) > 1 else ns[0])
            yield [_row(counted(call.values, n)) for call, n in pairs], hint


def _of_one(
    exact: NumberRow, left_out: set[str], names: Sequence[str]
) -> Iterator[tuple[Calls, str]]:
    """The mistake in one number, the others being right."""
    count = exact.values.numel()
    for place in range(count):
        for name, change in _but(CHANGES, left_out):
            values = exact.values.clone()
            values[place] = change(values[place])
            hint = say("of one", place=place + 1, count=count, hint=say(name))
            if names:
                hint = say("all but", which=names[place], hint=say(name))
            yield [_row(values)], hint


def _but(changes: dict[str, Made], left_out: set[str]) -> list[tuple[str, Made]]:
    return [(name, change) for name, change in changes.items() if name not in left_out]


def _row(values: Tensor) -> NumberRow:
    return NumberRow(values, torch.finfo(torch.float64).eps)


def _tells(calls: Calls, exact: Calls, tolerance: float) -> bool:
    """Whether it can be told from the right answer, and is one."""
    finite = all(bool(call.values.isfinite().all()) for call in calls)
    return (
        finite
        and sizes(calls) == sizes(exact)
        and not agree(calls, exact, max(NEAREST, 10 * tolerance))
    )
