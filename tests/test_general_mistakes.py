"""What anyone gets wrong with any formula is recognised, in every exercise, and answered in words.

The wrong answers are made from the right ones of exercise_answers, which are written independently.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from exercise_answers import FUNCTIONS, NUMBERS
from exercise_kinds import EXACT, exact
from torch import Tensor

from course_lib.checks import Exercise, Mistake, judge
from course_lib.exercises import judged

BARE = ("is not it", "gives other numbers", "At least one of")  # direction and distance alone
SLIPS: dict[str, Callable[[Tensor], Tensor]] = {
    "sign": lambda y: -y,
    "base 2": lambda y: y / math.log(2),
    "base 10": lambda y: y / math.log(10),
    "half": lambda y: y / 2,
    "twice": lambda y: y * 2,
    "root": lambda y: y**0.5,
    "square": lambda y: y**2,
    "reciprocal": lambda y: 1 / y,
    "constant": lambda y: y + math.log(2 * math.pi) / 2,
    "logarithm": lambda y: y.log(),
    "exponential": lambda y: y.exp(),
    "cube": lambda y: y**3,
    "sign and half": lambda y: -y / 2,
    "sign of one": lambda y: torch.cat([-y[:1], y[1:]]) if y.ndim and len(y) > 1 else y,
}

INVENTED = ("cube", "sign and half", "sign of one")  # that nothing is listed for


def slips(name: str) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    """Those that the exercise invites: in logarithms if it asks for nats, in the constant of a
    Gaussian if one is in its answer.
    """
    exercise = exact(name)
    for slip, change in SLIPS.items():
        invited = exercise.unit == "nats" or slip not in ("base 2", "base 10")
        if invited and (exercise.log_density or slip != "constant"):
            yield slip, change


def wrong_answers() -> Iterator[tuple[str, str, Any]]:
    """Exercise, slip, and what the slip makes of the right answer; not where it changes nothing."""
    for name, right in NUMBERS.items():
        values = torch.tensor(right, dtype=torch.float64)
        for slip, change in slips(name):
            if differs(change(values), values):
                yield name, slip, change(values)
        for count in exact(name).counts:
            yield name, "mean", values / count
            yield name, "sum", values * count
    for name, (right_function, *_) in FUNCTIONS.items():
        cases = exact(name).cases
        results = [torch.as_tensor(right_function(*case)).double() for case in cases]
        right_row = torch.cat([y.reshape(-1) for y in results])
        for slip, change in slips(name):
            if differs(torch.cat([change(y).reshape(-1) for y in results]), right_row):
                yield name, slip, after(right_function, change)
        if all(first_axes(case)[-1] > 1 for case in cases):
            yield name, "mean", mean_for_sum(right_function)


def mean_for_sum(function: Callable[..., Any]) -> Callable[..., Any]:
    """Divides by the size of the last axis of the first tensor that it is given."""
    return lambda *arguments: torch.as_tensor(function(*arguments)) / first_axes(arguments)[-1]


def first_axes(argument: Any) -> tuple[int, ...]:
    if isinstance(argument, Tensor):
        return argument.shape
    several = isinstance(argument, list | tuple)
    parts = argument if several else getattr(argument, "__dict__", {}).values()
    return next((axes for axes in map(first_axes, parts) if axes), (1,))


def after(function: Callable[..., Any], change: Callable[[Tensor], Tensor]) -> Callable[..., Any]:
    return lambda *arguments: change(torch.as_tensor(function(*arguments)))


def differs(wrong: Tensor, right: Tensor) -> bool:
    """Whether it is another answer that is a number everywhere."""
    far = (wrong - right).abs() > 0.02 * right.abs().clamp(min=1)
    return bool(wrong.isfinite().all() and far.any())


def test_three_wrong_answers_in_four_get_words_that_help() -> None:
    """In the course, and in each exercise of those that are listed."""
    bare: list[tuple[str, str]] = []
    tried: Counter[str] = Counter()
    for name, slip, answer in wrong_answers():
        verdict = judged(name, answer)
        assert not verdict.accepted, (name, slip)
        tried[name] += 1
        if any(words in verdict.message for words in BARE):
            bare.append((name, slip))
    assert set(tried) == set(EXACT)
    assert min(tried.values()) >= 8
    assert len(bare) <= tried.total() / 4, bare
    # 8.b judges slopes, which a slip in the value changes in other ways.
    assert {name for name, slip in bare if slip not in INVENTED} <= {"8.b"}


# ---- What each is called, on numbers of our own ----

SIX = Exercise("0.m", lambda: 6.0, unit="nats", counts=(4,), log_density=True)
ROOTS = {
    -6.0: "The size is right, and the sign is not.",
    3.0: "That is half of it",
    12.0: "That is twice too large",
    6 / math.log(2): "That is 1/log 2 times it",
    6 * math.log(2): "That is log 2 times it",
    6 / math.log(10): "That is with logarithms to base ten",
    36.0: "That is its square",
    math.sqrt(6): "That is its square root",
    math.log(6): "That is its logarithm",
    math.exp(6): "That is e to the power of it",
    1 / 6: "That is 1 divided by it",
    6 + 0.918939: "That is ½ log 2π too high: the Gaussian's",
    6 - 0.918939: "That is ½ log 2π too low: is",
    1.5: "That is 4 times too small: a mean over 4 terms",
    24.0: "That is 4 times too large: a sum over 4 terms",
    6 + 4 * 0.918939: "That is ½ log 2π too high for each of 4 dimensions",
    6 - 4 * 0.918939: "That is ½ log 2π too low for each of 4 dimensions",
}


@pytest.mark.parametrize(("wrong", "words"), ROOTS.items())
def test_each_slip_has_words_of_its_own(wrong: float, words: str) -> None:
    verdict = judge(SIX, wrong)
    assert not verdict.accepted
    assert verdict.message.startswith(f"0.m: not yet. {words}")


def test_an_exercise_knows_its_own_mistakes_first() -> None:
    taught = Exercise("0.m", lambda: 6.0, [Mistake(-6.0, "That is −ELBO.")])
    assert judge(taught, -6.0).message == "0.m: not yet. That is −ELBO."


@pytest.mark.parametrize("right", [0.0, 1.0, 1.0004])
def test_a_slip_that_changes_nothing_is_none(right: float) -> None:
    """The reciprocal of one, the square of nought: these answers are right."""
    exercise = Exercise("0.m", lambda: right)
    exact = exercise.exact[0].values.item()
    assert all(abs(calls[0].values.item() - exact) > 5e-3 for calls, _ in exercise.known)
    assert judge(exercise, right).accepted


def test_one_of_several_numbers_is_named() -> None:
    pair = Exercise("0.m", lambda: [6.0, 0.3, 2.5])
    assert judge(pair, [6.0, -0.3, 2.5]).message == (
        "0.m: not yet. Number 2 of 3 alone is not right. The size is right, and the sign is not."
    )
    assert "alone" not in judge(pair, [-6.0, -0.3, 2.5]).message


def test_a_mean_is_found_where_every_case_has_another_number_of_dimensions() -> None:
    cases = [(torch.tensor([1.0, 2.0, 4.0]),), (torch.tensor([[3.0, 5.0]]),)]
    total = Exercise("0.m", lambda: lambda z: z.sum(-1), cases=cases)
    assert judge(total, lambda z: z.mean(-1)).message == (
        "0.m: not yet. That is n times too small: a mean over n terms where a sum is wanted?"
    )
    assert "a mean over" not in judge(total, lambda z: z.sum(-1) / 3).message  # the second has 2


def test_of_a_number_that_is_no_log_density_nothing_is_said_of_logarithms() -> None:
    half = Exercise("0.m", lambda: 0.5, unit="", counts=(4,))
    information = Exercise("0.m", lambda: 0.5)  # in which no constant stands
    assert "0.m: not yet: " in judge(information, 1.418939).message
    assert "1/log 2 times" in judge(information, 0.5 / math.log(2)).message
    for wrong in (0.5 / math.log(2), 0.5 * math.log(2), 0.5 / math.log(10), 1.418939):
        assert "0.m: not yet: " in judge(half, wrong).message
    assert "too large: is a factor" in judge(half, 1.0).message
