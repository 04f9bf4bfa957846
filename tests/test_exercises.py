"""Every exercise takes right answers however they are written, and no wrong one.

The right answers are written here once more; the wrong ones are made from them: a result altered,
an argument altered, in every way that a slip of the pen can.
"""

import math
import pkgutil
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from exercise_answers import CHOICES, DESIGNS, FUNCTIONS, NUMBERS, Function
from exercise_kinds import CHOSEN, DESIGNED, EXACT, exact
from exercise_mistakes import WRONG_DESIGNS, WRONG_FUNCTIONS, WRONG_NUMBERS
from torch import Tensor

import course_lib.exercises
from course_lib.checks import Verdict
from course_lib.checks.answers import NumberRow
from course_lib.checks.comparison import SINGLE, STEPS, agree
from course_lib.distributions import DiagonalGaussian
from course_lib.exercises import judged

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
NO_GRADIENT = {"8.b"}  # what loses the gradient is no right answer there


def test_every_subject_is_listed() -> None:
    """A module that the room does not import registers nothing."""
    found = {module.name for module in pkgutil.iter_modules(course_lib.exercises.__path__)}
    assert found <= set(vars(course_lib.exercises))


def test_every_exercise_has_its_answers_here() -> None:
    """What a new one needs is said at the top of exercise_answers and exercise_mistakes."""
    assert set(FUNCTIONS) == {name for name in EXACT if exact(name).cases}
    assert set(NUMBERS) == {name for name in EXACT if not exact(name).cases}
    assert set(CHOICES) == set(CHOSEN)
    assert set(DESIGNS) == set(WRONG_DESIGNS) == set(DESIGNED)


def altered_parts(value: Any, change: Callable[[Any], Any]) -> Any:
    """The argument with every tensor of floats in it changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, DiagonalGaussian):
        return DiagonalGaussian(change(value.mean), change(value.log_std))
    return (
        type(value)(altered_parts(v, change) for v in value) if isinstance(value, list) else value
    )


def in_single(function: Function) -> Function:
    return lambda *args: function(*(altered_parts(a, lambda t: t.float()) for a in args))


# ---- Right, however written ----


def rows(result: Any) -> Any:
    return list(result) if isinstance(result, Tensor) and result.ndim else [result]


def plain(result: Any) -> Any:
    return torch.as_tensor(result, dtype=torch.float64).detach()


ONE_BUFFER = torch.zeros(5000, dtype=torch.float64)


def into_a_buffer(result: Any) -> Tensor:
    """The same memory is returned by every call."""
    result = plain(result)
    out = ONE_BUFFER[: result.numel()]
    return out.copy_(result.reshape(-1))


DIFFERENTIABLE_FORMS: list[Callable[[Any], Any]] = [
    lambda result: result,
    rows,
    lambda result: tuple(rows(result)),
    lambda result: [rows(row) for row in rows(result)],
    lambda result: result.unsqueeze(-1) if isinstance(result, Tensor) else [[result]],
]
FORMS: list[Callable[[Any], Any]] = [
    lambda result: plain(result).numpy(),
    lambda result: plain(result).tolist(),
    lambda result: [plain(row).numpy() for row in rows(result)],
    lambda result: np.asarray(plain(result), dtype=np.longdouble),
    lambda result: np.ma.masked_array(plain(result).numpy()),
    lambda result: plain(result).clone().requires_grad_(),
    lambda result: list(map(Decimal, plain(result).reshape(-1).tolist())),
    lambda result: (row for row in rows(result)),
    into_a_buffer,
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_right_function_is_right_in_every_form(name: str) -> None:
    for function in FUNCTIONS[name]:
        for form in DIFFERENTIABLE_FORMS + FORMS * (name not in NO_GRADIENT):
            verdict = judged(name, lambda *args, f=function, form=form: form(f(*args)))
            assert verdict.message == f"{name}: right"
            assert verdict.accepted


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_right_function_in_float32_is_right_to_its_digits(name: str) -> None:
    for function in FUNCTIONS[name]:
        single = in_single(function)
        verdict = judged(name, lambda *args, f=single: torch.as_tensor(f(*args)).float())
        if name == "8.b":  # its slopes come through what it returned
            verdict = judged(name, single)
        assert verdict.accepted, verdict.message
        assert verdict.message == f"{name}: right" or " right to " in verdict.message


@pytest.mark.parametrize("name", FUNCTIONS)
def test_digits_are_asked_for_where_the_type_does_not_explain_their_lack(name: str) -> None:
    asked = "Was some number in it rounded to float32, as torch.tensor(0.1) is?"
    for function in FUNCTIONS[name]:
        single = in_single(function)
        verdict = judged(name, lambda *args, f=single: as_double(f(*args)))
        assert verdict.accepted != (asked in verdict.message), verdict.message
        assert verdict.message == f"{name}: right" or asked in verdict.message


def as_double(result: Any) -> Any:
    return result.double() if isinstance(result, Tensor) else result


@pytest.mark.parametrize("size", [1.5e-6, 1e-7, 1e-9])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_float64_is_held_to_its_digits(name: str, size: float) -> None:
    """What float32 would be forgiven is not forgiven it."""
    function = FUNCTIONS[name][0]
    right = torch.cat([reading.values for reading in exact(name).exact])
    changes: list[Change] = [lambda v: v * (1 + size), lambda v: v + size]
    for change in changes:
        verdict = judged(name, lambda *args, change=change: change(joined(function(*args))))
        moved = ((change(right) - right).abs() / right.abs().clamp(min=1)).max().item()
        if moved > 2 * exact(name).tolerance:
            assert not verdict.accepted, verdict.message


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_number_has_a_room_of_its_own(name: str) -> None:
    """Float32 may lose what this number loses, not what the worst in the call does."""
    exercise = exact(name)
    for call, (reading, losses) in enumerate(zip(exercise.exact, exercise.losses, strict=True)):
        assert losses.shape == reading.values.shape
        for place in {int(losses.argmin()), int(losses.argmax())}:
            floor = SINGLE * max(1.0, abs(reading.values[place].item()))
            for sign in (1, -1):
                off = list(exercise.exact)
                row = reading.values.clone()
                row[place] += sign * 1.01 * STEPS * max(losses[place].item(), floor)
                off[call] = NumberRow(row, SINGLE)
                assert not agree(off, exercise.exact, exercise.tolerance, exercise.losses)


@pytest.mark.parametrize("size", [1e-4, 9e-4])
def test_one_rounded_call_excuses_no_other(size: float) -> None:
    """Float64 in one call, float32 in the other: the second's allowance is not the first's."""
    calls = iter([0, 1, 2])

    def mixed(values: Tensor) -> Any:
        right = FUNCTIONS["1.c"][0](values)
        return right.float() if next(calls) == 1 else right + size

    assert not judged("1.c", mixed).accepted


def test_a_table_of_float32_is_not_forgiven_its_worst_number() -> None:
    joint = FUNCTIONS["7.b"][0]
    wrong = judged("7.b", lambda *args: (joint(*args) + 1e-4).float())
    assert not wrong.accepted, wrong.message


def test_the_message_says_that_digits_are_lacking() -> None:
    single = in_single(FUNCTIONS["1.c"][0])
    words = r"1.c: right to [1-9]e-[78], in float32; float64 keeps sixteen digits"
    assert_matches(judged("1.c", single).message, words)
    assert_matches(
        judged("1.c", lambda v: FUNCTIONS["1.c"][0](v) + torch.tensor(0.1) - 0.1).message,
        r"1.c: not yet, but right to [1-9]e-9. Was some number in it rounded to float32, .*",
    )
    half = judged("1.c", lambda v: single(v).half())
    assert not half.accepted
    assert half.message.endswith("Half precision holds three digits: compute in float64")


def assert_matches(message: str, pattern: str) -> None:
    assert re.fullmatch(pattern, message), message


NUMBER_FORMS: list[Callable[[Any], Any]] = [
    lambda v: v,
    lambda v: torch.tensor(v, dtype=torch.float64),
    lambda v: torch.tensor(v, dtype=torch.float32, requires_grad=True),
    lambda v: np.asarray(v, dtype=np.float32),
    lambda v: np.float64(v) if isinstance(v, (int, float)) else np.array(v).reshape(-1, 1),
    lambda v: Fraction(v) if isinstance(v, (int, float)) else [Fraction(x) for x in v],
    lambda v: Decimal(v) if isinstance(v, (int, float)) else tuple(Decimal(x) for x in v),
    lambda v: [v] if isinstance(v, (int, float)) else [torch.tensor([x]) for x in v],
    lambda v: np.ma.masked_array(v),
    lambda v: [[[v]]],
    lambda v: float(f"{v:.4g}") if isinstance(v, (int, float)) else [float(f"{x:.4g}") for x in v],
]


@pytest.mark.parametrize("name", NUMBERS)
def test_a_right_number_is_right_in_every_form(name: str) -> None:
    for form in NUMBER_FORMS:
        verdict = judged(name, form(NUMBERS[name]))
        assert verdict.accepted, verdict.message


# ---- Wrong, however written ----

Change = Callable[[Tensor], Tensor]
# What may befall a number. None of these leaves it what it was, but for those listed further down.
CHANGES: dict[str, Change] = {
    "sign": torch.neg,
    "twice": lambda v: 2 * v,
    "half": lambda v: v / 2,
    "bits": lambda v: v / math.log(2),
    "nats again": lambda v: v * math.log(2),
    "decimal": lambda v: v / math.log(10),
    "square": torch.square,
    "root": lambda v: v.abs().sqrt(),
    "exp": torch.exp,
    "log": lambda v: v.abs().log(),
    "reciprocal": torch.reciprocal,
    "one more": lambda v: v + 1,
    "constant dropped": lambda v: v + HALF_LOG_TWO_PI,
    "constant twice": lambda v: v - HALF_LOG_TWO_PI,
    "log 2 more": lambda v: v + math.log(2),
    "log 2 less": lambda v: v - math.log(2),
    **{f"times {n}": lambda v, n=n: v * n for n in (3, 10, 25, 30, 100, 784)},  # type: ignore[misc]
    **{f"over {n}": lambda v, n=n: v / n for n in (3, 10, 25, 30, 100, 784)},  # type: ignore[misc]
}
ADDED = {w for w, change in CHANGES.items() if change(torch.tensor(0.0)).abs() > 0.4}
ROW_CHANGES: dict[str, Change] = {
    "summed": lambda v: v.sum(),
    "averaged": lambda v: v.mean(),
    "first": lambda v: v[:1],
    "reversed": lambda v: v.flip(0),
    "turned": lambda v: v.reshape(2, -1).mT if v.numel() in (4, 6, 8, 10) else v.flip(0),
    "times their count": lambda v: v * len(v),
    "over their count": lambda v: v / len(v),
    "centred": lambda v: v - v.mean(),
    "normalised": lambda v: v / v.sum(),
    "largest taken out": lambda v: v - v.max(),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_no_altered_number_is_right(name: str) -> None:
    right = torch.tensor(NUMBERS[name], dtype=torch.float64)
    # A count of thousands is typed to four digits: a nat more or less is no slip there.
    changes = {w: c for w, c in CHANGES.items() if right.max() < 1000 or w not in ADDED}
    wrong = {words: change(right) for words, change in changes.items()}
    if right.ndim:
        wrong |= {words: change(right) for words, change in ROW_CHANGES.items()}
        for i in range(len(right)):
            for words, change in CHANGES.items():
                one = right.clone()
                one[i] = change(right[i])
                wrong[f"{words}, number {i + 1}"] = one
    accepted = {words for words, value in wrong.items() if judged(name, value).accepted}
    # The ELBO's slope in 7.a is −1, and so is its reciprocal: no slip that anyone makes.
    assert accepted == ({"reciprocal, number 1"} if name == "7.a" else set())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_altered_result_is_right(name: str) -> None:
    function = FUNCTIONS[name][0]

    def altered(change: Change) -> Function:
        return lambda *args: change(joined(function(*args)))

    changes = CHANGES | ROW_CHANGES
    # One number in every case: the row is what it was.
    if all(reading.values.numel() == 1 for reading in exact(name).exact):
        changes = CHANGES
    accepted = [
        words for words, change in changes.items() if judged(name, altered(change)).accepted
    ]
    assert not accepted


NEAR: dict[str, tuple[Change, str]] = {
    "4 % more": (lambda v: v * 1.04, "every number is (1 + 0.04) times what it should be"),
    "4 % less": (lambda v: v * 0.96, "every number is 0.96 times what it should be"),
    "0.4 % less": (lambda v: v * 0.996, "every number is (1 − 0.004) times what it should be"),
    "1e-3 more": (lambda v: v * 1.001, "every number is (1 + 0.001) times what it should be"),
    "1e-5 more": (lambda v: v * 1.00001, "every number is (1 + 1e−05) times what it should be"),
    "1 more": (lambda v: v + 1.0, "every number is too high by 1"),
    "0.1 more": (lambda v: v + 0.1, "every number is too high by 0.1"),
    "0.1 less": (lambda v: v - 0.1, "every number is too low by 0.1"),
    "minus 4 % more": (lambda v: v * -1.04, "every number is −1 times what it should be"),
    "6 % more": (lambda v: v * 1.06, "every number is 1.1 times what it should be"),
}


@pytest.mark.parametrize("words", NEAR)
def test_a_factor_near_one_is_not_called_one(words: str) -> None:
    change, told = NEAR[words]
    function = FUNCTIONS["9.b"][0]
    assert judged("9.b", lambda *args: change(function(*args))).message.endswith(told)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_wrong_number_is_said_to_be_once_what_it_should_be(name: str) -> None:
    function = FUNCTIONS[name][0]
    for change, _ in NEAR.values():
        message = judged(name, lambda *args, c=change: c(joined(function(*args)))).message
        assert " is 1 times" not in message
        assert "a factor of 1 " not in message + " "
        assert not message.endswith(" by 0"), message


def joined(result: Any) -> Tensor:
    """The numbers of a result in a row, with their gradient."""
    parts = [torch.as_tensor(part, dtype=torch.float64).reshape(-1) for part in rows(result)]
    return torch.cat(parts) if not isinstance(result, tuple) else torch.tensor(result).double()


ARGUMENT_CHANGES: dict[str, Change] = {
    **{w: CHANGES[w] for w in ("sign", "twice", "half", "square", "root", "exp", "log")},
    **{w: CHANGES[w] for w in ("reciprocal", "one more")},
    "transposed": lambda v: v.mT if v.ndim == 2 else -v,
    "reversed": lambda v: v.flip(0) if v.ndim else -v,
    "last axis reversed": lambda v: v.flip(-1) if v.ndim else -v,
    "rolled": lambda v: v.roll(1, 0) if v.ndim else -v,
    "without the last": lambda v: v[:-1] if v.ndim else -v,
    "without the first": lambda v: v[1:] if v.ndim else -v,
    "zeros": torch.zeros_like,
    "ones": torch.ones_like,
    "averaged": lambda v: v.mean().expand_as(v),
    "averaged over rows": lambda v: v.mean(0, keepdim=True).expand_as(v) if v.ndim else -v,
    "averaged over columns": lambda v: v.mean(-1, keepdim=True).expand_as(v) if v.ndim else -v,
    "centred": lambda v: v - v.mean(),
    "standardised": lambda v: (v - v.mean()) / v.std(),
    "float32 and 1e-4": lambda v: v + 1e-4 * (1 + v.abs()),
}


def other(value: Any, generator: torch.Generator) -> Any:
    """Other arguments of the same kind: states among the first three, tables above 0, symmetric
    matrices again symmetric.
    """
    if isinstance(value, Tensor):
        factor = 1 + 0.3 * torch.rand(value.shape, generator=generator, dtype=value.dtype)
        new = value * factor + 0.1 * (value < 0)
        return (new + new.mT) / 2 if value.ndim == 2 and torch.equal(value, value.mT) else new
    if isinstance(value, DiagonalGaussian):
        return DiagonalGaussian(other(value.mean, generator), other(value.log_std, generator))
    if isinstance(value, (list, tuple)):
        return type(value)(other(part, generator) for part in value)
    if isinstance(value, float):
        return other(torch.tensor([value]), generator).item()
    if isinstance(value, int):
        low, high = (0, 3) if value < 3 else (value, 2 * value)
        return int(torch.randint(low, high, (), generator=generator))
    return value


def never_matters(
    name: str, path: tuple[Any, ...], change: Change, generator: torch.Generator
) -> bool:
    """Whether a right function gives the same after the change, on other arguments too: so the
    order of samples does not matter to a mean, nor a factor in all weights.
    """
    function = FUNCTIONS[name][0]
    for case in [*exact(name).cases] * 4:
        args = other(case, generator)
        if path in set(places(args)):
            was, now = (joined(function(*a)) for a in (args, changed(args, path, change)))
            if was.shape != now.shape or not torch.allclose(was, now, rtol=1e-9, atol=1e-9):
                return False
    return True


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the numbers of an argument stand: a tensor, a float, a parameter, a list's entry."""
    if isinstance(value, (Tensor, float)) or (isinstance(value, int) and value > 10):
        yield path
    elif isinstance(value, DiagonalGaussian):
        yield from ((*path, part) for part in ("mean", "log_std"))
    elif isinstance(value, (list, tuple)):
        for i, part in enumerate(value):
            yield from places(part, (*path, i))


def changed(value: Any, path: tuple[Any, ...], change: Change) -> Any:
    """A copy of the argument with the numbers at `path` changed."""
    if not path:
        new = change(torch.as_tensor(value, dtype=torch.float64))
        return new if isinstance(value, Tensor) else new.item()
    head, *rest = path
    if isinstance(value, DiagonalGaussian):
        parts = {"mean": value.mean, "log_std": value.log_std}
        return DiagonalGaussian(**(parts | {head: change(parts[head])}))
    entries = list(value)
    entries[head] = changed(entries[head], tuple(rest), change)
    return type(value)(entries)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_of_an_altered_argument_is_right(name: str, generator: torch.Generator) -> None:
    """So the cases tell apart what the arguments mean: none is 0 or 1 everywhere, no two axes are
    alike, no order is free that should not be.
    """
    exercise = exact(name)
    accepted = []
    for path in {path for case in exercise.cases for path in places(case)}:
        for words, change in ARGUMENT_CHANGES.items():
            answer = of_altered(FUNCTIONS[name][0], path, change)
            if judged(name, answer).accepted and not never_matters(name, path, change, generator):
                accepted.append((path, words))
    assert not accepted


def of_altered(function: Function, path: tuple[Any, ...], change: Change) -> Function:
    def answer(*args: Any) -> Any:
        return function(*(changed(args, path, change) if path in set(places(args)) else args))

    return answer


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_that_mixes_up_its_arguments_is_right(name: str) -> None:
    function, exercise = FUNCTIONS[name][0], exact(name)
    size = len(exercise.cases[0])
    swaps = [(i, j) for i in range(size) for j in range(i)]
    for i, j in swaps:
        order = list(range(size))
        order[i], order[j] = j, i
        answer = judged(name, lambda *args, o=tuple(order): function(*(args[k] for k in o)))
        assert not answer.accepted, order


@pytest.mark.parametrize("name", FUNCTIONS)
def test_known_mistakes_are_far_from_what_rounding_excuses(name: str) -> None:
    """In a thousand times the room that float32 is given, none of them would be right."""
    exercise = exact(name)
    losses = [60 * loss for loss in exercise.losses]
    for given, hint in exercise.known:
        assert not agree(given, exercise.exact, 1e-3, losses), hint


@pytest.mark.parametrize("name", EXACT)
def test_exact_answers_are_finite(name: str) -> None:
    """An infinity or NaN would agree with a program that overflows."""
    for reading in exact(name).exact:
        assert bool(torch.isfinite(reading.values).all())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_changing_the_arguments_first_makes_no_wrong_answer_right(name: str) -> None:
    """The exact answer is not computed from what the learner has changed."""

    def zeroed(*args: Any) -> Any:
        for argument in args:
            altered_parts(argument, lambda t: t.detach().zero_())
        return FUNCTIONS[name][0](*args)

    verdict = judged(name, zeroed)
    if name not in {"11.b"}:  # its arguments are tuples of numbers, which nobody can change
        assert not verdict.accepted
    assert judged(name, FUNCTIONS[name][0]).accepted


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_number_of_one_case_written_into_a_function_is_seen_in_another(name: str) -> None:
    """As the grid's step that the text names: right there, and for no other."""
    for case in exact(name).cases:
        for place, number in enumerate(case):
            if isinstance(number, int | float):
                fixed = _with_fixed(FUNCTIONS[name][0], place, number)
                assert not judged(name, fixed).accepted, f"argument {place} is always {number}"


def _with_fixed(function: Function, place: int, number: float) -> Function:
    """The function with a number in place of one argument, whatever is given there."""
    return lambda *args: function(*args[:place], number, *args[place + 1 :])


@pytest.mark.parametrize("name", EXACT)
def test_each_known_mistake_gets_the_hint_that_was_meant_for_it(name: str) -> None:
    """The mistakes are made here independently, so that a slip in an exercise's own is seen."""
    mistakes = (WRONG_FUNCTIONS | WRONG_NUMBERS)[name]
    assert len(mistakes) == len(exact(name).mistakes)
    for (wrong, beginning), mistake in zip(mistakes, exact(name).mistakes, strict=True):
        assert mistake.hint.startswith(beginning)
        verdict = judged(name, wrong)
        assert verdict == Verdict(False, f"{name}: not yet. {mistake.hint}")
