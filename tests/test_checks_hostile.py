"""Whatever a learner's answer is or does: one readable line, and the next answer is judged as if it
had never been.
"""

import decimal
import functools
import itertools
import os
import random
import subprocess
import sys
import warnings
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch
from exercise_answers import FUNCTIONS, NUMBERS
from exercise_kinds import EXACT, exact
from torch import Tensor

from course_lib.checks import Exercise
from course_lib.checks.copies import own
from course_lib.checks.surroundings import undisturbed
from course_lib.exercises import EXERCISES, check, judged, register


class Silent(BaseException):
    """An error that cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Exiting(Exception):
    """An error whose text leaves the program, and a setting changed."""

    def __str__(self) -> str:
        torch.set_default_dtype(torch.float16)
        raise SystemExit(3)


class Awkward:
    """An object that raises whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise ZeroDivisionError(name)

    def __refuse(self, *args: Any) -> Any:
        raise ZeroDivisionError("asked")

    __eq__ = __bool__ = __repr__ = __str__ = __len__ = __iter__ = __float__ = __refuse
    __hash__ = __array__ = __index__ = __getitem__ = __contains__ = __refuse


class AwkwardCall(Awkward):
    """The same, that can be called and gives back nothing."""

    def __call__(self, *args: Any) -> None: ...


class Nameless(type):
    """A class whose name raises."""

    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise ZeroDivisionError("no name")


class Anonymous(metaclass=Nameless):
    """An object of it."""


class Frame:
    """As a table of another library: an array when asked."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.values, dtype=dtype)


def itself() -> list[Any]:
    inner: list[Any] = [1.0]
    inner.append(inner)
    return inner


async def later(*args: Any) -> float:
    return 0.5


# What an answer may be, or a function return. Made anew for each use: some can be used up.
THINGS: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "ellipsis": lambda: [0.5, ...],
    "nan": lambda: float("nan"),
    "infinity": lambda: torch.tensor([float("-inf")]),
    "text": lambda: "0.5",
    "bytes": lambda: b"0.5",
    "long text": lambda: "0" * 10**7,
    "truth": lambda: True,
    "truths": lambda: torch.tensor([True, False]),
    "complex": lambda: 0.5 + 0j,
    "complex tensor": lambda: torch.tensor([0.5 + 1j]),
    "complex array": lambda: np.array([0.5 + 0j]),
    "empty": lambda: torch.zeros(0),
    "empty lists": lambda: [[], []],
    "wrong shape": lambda: torch.zeros(3, 0, 5),
    "many": lambda: torch.zeros(20_000),
    "a billion": lambda: torch.zeros(1).expand(10**9),
    "long list": lambda: [1.0] * 20_000,
    "endless": itertools.count,
    "generator": lambda: (x for x in (0.5, Awkward())),
    "itself": itself,
    "deep": lambda: functools.reduce(lambda inner, _: [inner], range(5_000), 1.0),  # type: ignore[arg-type, return-value]
    "awkward": Awkward,
    "awkward list": lambda: [0.5, Awkward()],
    "anonymous": Anonymous,
    "dictionary": lambda: {"answer": 0.5},
    "set": lambda: {0.5},
    "huge": lambda: 10**400,
    "endless digits": lambda: 10**6000,
    "decimal nan": lambda: Decimal("sNaN"),
    "fraction": lambda: Fraction(10**400, 3),
    "meta": lambda: torch.zeros(2, device="meta"),
    "sparse": lambda: torch.eye(2).to_sparse(),
    "wants a gradient": lambda: torch.ones(2, requires_grad=True) * 3,
    "masked": lambda: np.ma.masked_array([0.5, 1.0], mask=[True, False]),
    "masked number": lambda: np.ma.masked,
    "dates": lambda: np.array(["2020-01-01"], dtype="datetime64[D]"),
    "records": lambda: np.zeros(2, dtype=[("a", float)]),
    "objects": lambda: np.array([None, "a", Fraction(1, 2)], dtype=object),
    "read-only": lambda: np.broadcast_to(np.float32(0.25), (3,)),
    "frame": lambda: Frame([[1.0, 2.0]]),
    "frame of text": lambda: Frame(["a"]),
    "coroutine": later,
    "module": lambda: torch.nn.Linear(2, 1),
    "type": lambda: float,
    "parameter": lambda: torch.nn.Parameter(torch.zeros(2)),
    "half": lambda: torch.zeros(2, dtype=torch.bfloat16),
    "bits": lambda: torch.zeros(2, dtype=torch.uint8),
}


def tensors(value: Any) -> list[Tensor]:
    """Every tensor in an argument, however deep."""
    if isinstance(value, Tensor):
        return [value]
    parts = value if isinstance(value, (list, tuple)) else getattr(value, "__dict__", {}).values()
    return [found for part in parts for found in tensors(part)]


def spoil(*args: Any) -> float:
    """Every tensor becomes NaN and every list empty."""
    for tensor in tensors(args):
        tensor.detach().fill_(float("nan"))
    for value in args:
        if isinstance(value, list):
            value.clear()
        if hasattr(value, "mean"):
            vars(value).clear() if not isinstance(value, Tensor) else value.detach().resize_(0)
    return 0.0


def unsettle(*args: Any) -> float:
    """Every setting of the kernel that it can find is changed."""
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    torch.set_default_dtype(torch.float16)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(2)
    torch.autograd.set_detect_anomaly(True)
    torch.inference_mode().__enter__()
    np.seterr(all="raise")
    np.set_printoptions(precision=1)
    torch.set_printoptions(precision=1, sci_mode=True)
    torch.set_float32_matmul_precision("medium")
    torch.set_flush_denormal(True)
    mpl.rcParams["figure.dpi"] = 7
    mpl.rcParams["axes.prop_cycle"] = mpl.cycler(color=["k"])  # type: ignore[attr-defined]
    warnings.simplefilter("ignore")
    decimal.getcontext().prec = 3
    sys.setrecursionlimit(2000)
    os.chdir("/")
    sys.stdout = sys.stderr = None
    return 0.0


def shut(*args: Any) -> float:
    print("a word")
    sys.stdout.close()
    sys.stderr.close()
    return 0.0


def enter(*args: Any) -> float:
    with sys.stdout, sys.stderr as err:
        print("a word", file=err)
    return 0.0


def throw(error: BaseException) -> Callable[..., Any]:
    def answer(*args: Any) -> Any:
        raise error

    return answer


def forever(*args: Any) -> Any:
    return forever(*args)


def leave(*args: Any) -> Any:
    sys.exit("bye")


DEEDS: dict[str, Callable[..., Any]] = {
    "spoils": spoil,
    "unsettles": unsettle,
    "shuts": shut,
    "enters": enter,
    "leaves": leave,
    "recurses": forever,
    "stops": throw(StopIteration(3)),
    "silent": throw(Silent()),
    "exits": throw(Exiting()),
    "awkward call": AwkwardCall(),
    "long": throw(ValueError("a\nb" * 10**6)),
    "memory": throw(MemoryError()),
    "ends": throw(GeneratorExit()),
    "group": throw(BaseExceptionGroup("two", [SystemExit(1), KeyError("x")])),
    "warns": lambda *args: warnings.warn("careful", stacklevel=1),
    "no arguments": lambda: 0.0,
    "defaults": lambda a=1, *rest, b=2, **named: a,
    "partial": functools.partial(lambda word, *args: word, "word"),
    "class": type("Answer", (), {"__init__": lambda self, *args: None}),
    "network": torch.nn.Linear(2, 1),
    "coroutine function": later,
    "method": "word".join,
    "generator function": lambda *args: (yield from args),
    "gives its arguments": lambda *args: args,
}
HOSTILE = {
    **{f"returns {words}": lambda *args, make=make: make() for words, make in THINGS.items()},
    **DEEDS,
}


def snapshot(value: Any) -> Any:
    """All that an object holds, as plain values that can be compared."""
    if isinstance(value, Tensor):
        return (value.dtype, value.shape, value.requires_grad, value.detach().numpy().tobytes())
    if isinstance(value, (list, tuple)):
        return [snapshot(part) for part in value]
    if isinstance(value, dict):
        return {key: snapshot(part) for key, part in value.items()}
    if callable(value):
        return getattr(value, "__qualname__", "a callable")
    if not hasattr(value, "__dict__"):
        return value
    return snapshot(vars(value))


def contents(name: str) -> Any:
    exercise = exact(name)
    module = sys.modules[exercise.expected.__module__]
    constants = {k: v for k, v in vars(module).items() if k.isupper()}
    mistakes = [mistake.answer for mistake in exercise.mistakes]
    return snapshot([exercise.cases, exercise.expected(), mistakes, constants])


def settings() -> Any:
    return snapshot(
        [
            *(torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled()),
            *(torch.get_rng_state(), torch.get_num_threads(), torch.is_anomaly_enabled()),
            *(torch.are_deterministic_algorithms_enabled(), torch.is_inference_mode_enabled()),
            *(np.random.get_state()[1].tolist(), np.geterr(), np.get_printoptions()),  # type: ignore[index]  # noqa: NPY002
            *(random.getstate(), list(warnings.filters), decimal.getcontext().prec),
            *(sys.getrecursionlimit(), Path.cwd(), sys.stdout, sys.stderr),
            *(str(torch.tensor([1 / 3, 1e5])), torch.get_float32_matmul_precision()),
            *(sys.float_info.min * 0.5 > 0, sorted(mpl.rcParams.copy().items())),
        ]
    )


@pytest.mark.parametrize(
    ("things", "words"),
    [
        (["many", "long list", "endless", "a billion"], "at most 10,000 numbers can be read; this"),
        (["long text"], "a number is wanted, got '0000"),
        (["huge"], "a number is wanted, got 1000000000000...00000000000000"),
        (["truth"], "a number is wanted, got True"),
        (["truths"], "a number is wanted, got a tensor of shape (2,) and type torch.bool"),
        (["empty lists"], r"a number is wanted, got [[], []]"),
        (
            ["complex tensor"],
            "a number is wanted, got a tensor of shape (1,) and type torch.complex",
        ),
        (["complex array"], "a number is wanted, got an array of shape (1,) and type complex128"),
        (["meta"], "a number is wanted, got a tensor of shape (2,) and type torch.float32 on meta"),
        (["dictionary"], "a number is wanted, got {'answer': 0.5}"),
        (["bytes"], "a number is wanted, got b'0.5'"),
        (["complex"], "a number is wanted, got (0.5+0j)"),
        (["decimal nan"], "a number is wanted, got a Decimal"),
        (["itself", "deep"], "a number is wanted, got lists more than 8 deep"),
        (["module"], "a number is wanted, got a Linear"),
        (["objects"], "not answered yet"),
        (["wrong shape"], "a number is wanted, got a tensor of shape (3, 0, 5)"),
        (["masked number"], "a number is wanted, got an array of shape ()"),
    ],
)
def test_the_line_says_what_came(things: list[str], words: str) -> None:
    for thing in things:
        assert judged("1.a", THINGS[thing]()).message.startswith(f"1.a: {words}")


@pytest.mark.parametrize("three", [3, torch.tensor(3), np.int8(3), torch.tensor([3.0]).double()])
def test_whole_numbers_lack_no_digits(three: Any) -> None:
    assert judged("1.a", three).message == (
        "1.a: not yet: 3 nats is not it: it is too low by 430 nats"
    )
    assert judged("1.a", torch.tensor(3.0).half()).message.endswith("compute in float64")


def test_ten_thousand_numbers_are_read() -> None:
    for make in (torch.ones, np.ones, lambda n: [1.0] * n, lambda n: iter([1.0] * n)):
        assert judged("1.a", make(10_000)).message.endswith("One number is wanted, got 10,000")
        assert "at most 10,000 numbers" in judged("1.a", make(10_001)).message


def test_lists_are_read_eight_deep() -> None:
    lists: Any = NUMBERS["1.a"]
    for _ in range(8):
        lists = [lists]
        assert judged("1.a", lists).accepted
    assert not judged("1.a", [lists]).accepted


def assert_readable(message: str, name: str) -> None:
    assert message.startswith(f"{name}: ")
    assert "\n" not in message
    assert len(message) < 400, message


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_answer_reaches_the_exercise_or_the_kernel(name: str) -> None:
    before, around = contents(name), settings()
    for words, answer in HOSTILE.items():
        verdict = judged(name, answer)
        assert not verdict.accepted, words
        assert_readable(verdict.message, name)
        assert settings() == around, words
    assert contents(name) == before
    for answer in FUNCTIONS[name]:
        assert judged(name, answer).message == f"{name}: right"


@pytest.mark.parametrize("name", NUMBERS)
def test_no_thing_passes_for_a_number(name: str) -> None:
    before = contents(name)
    for words, make in THINGS.items():
        verdict = judged(name, make())
        assert not verdict.accepted, words
        assert_readable(verdict.message, name)
    for words, answer in DEEDS.items():
        assert_readable(judged(name, answer).message, name)
        assert not judged(name, answer).accepted, words
    assert contents(name) == before
    assert judged(name, NUMBERS[name]).accepted


def test_an_answer_that_works_in_place_makes_no_wrong_one_right() -> None:
    """Once the cases had been changed by the first, the second agreed with the oracle."""

    def in_place(log_likelihood: Tensor) -> Tensor:
        m = log_likelihood.max()
        log_likelihood -= m
        return m + log_likelihood.exp().mean().log()

    for _ in range(2):
        assert judged("1.c", in_place).message == "1.c: right"
        wrong = judged("1.c", lambda v: v.exp().mean().log())
        assert wrong.message.startswith("1.c: not yet. Right on paper")


@pytest.mark.parametrize(("length", "end"), [(288, "x"), (289, "…")])
def test_a_long_error_is_cut(length: int, end: str) -> None:
    """At 300 signs, with the error's name."""
    line = judged("1.c", throw(ValueError("x" * length))).message
    told = line.removeprefix("1.c: your answer raised ")
    assert told[:12] == "ValueError: "
    assert (len(told), told[-1]) == (300, end)


def test_the_reader_may_stop_the_cell() -> None:
    around = settings()

    def stopped(*args: Any) -> Any:
        unsettle()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judged("1.c", stopped)
    assert settings() == around


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path.cwd())
    folder = tmp_path / "gone"
    folder.mkdir()
    os.chdir(folder)
    folder.rmdir()
    assert judged("1.c", FUNCTIONS["1.c"][0]).accepted


def test_prints_are_shown_before_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    check("9.b", shut)
    first, *between, last = capsys.readouterr().out.splitlines()
    assert first == "a word"
    assert set(between) <= {"a word"}
    assert last.startswith("9.b: not yet")


def test_an_answer_may_use_the_output_in_a_with_block(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = sys.stdout, sys.stderr
    assert "your answer raised" not in judged("9.b", enter).message
    assert (sys.stdout, sys.stderr) == (out, err)
    print("still open")
    shown = capsys.readouterr()
    assert shown.out == "still open\n"
    assert shown.err == "a word\n" * len(exact("9.b").cases)


@pytest.mark.parametrize(
    "hostile",
    [
        lambda: torch.set_flush_denormal(True),
        lambda: torch.set_default_dtype(torch.float64),
        lambda: torch.set_default_dtype(torch.float16),
        lambda: torch.set_default_device("meta"),
        lambda: torch.set_grad_enabled(False),
        lambda: np.seterr(all="raise"),
    ],
)
def test_the_verdict_does_not_depend_on_the_readers_settings(
    hostile: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    dtype, errors = torch.get_default_dtype(), np.geterr()
    for name in EXACT:  # nothing that was computed before is used
        monkeypatch.setitem(EXERCISES, name, fresh(exact(name)))
    try:
        hostile()
        around = settings()
        for name, answers in FUNCTIONS.items():
            assert judged(name, answers[0]).message == f"{name}: right"
            assert not judged(name, lambda *args: 1.0).accepted
            assert snapshot(exact(name).losses) == LOSSES[name]
        for name, number in NUMBERS.items():
            assert judged(name, number).accepted
        assert settings() == around
    finally:
        torch.set_default_dtype(dtype)
        torch.set_default_device(None)
        torch.set_grad_enabled(True)
        torch.set_flush_denormal(False)
        np.seterr(**errors)


def test_a_device_that_a_with_block_sets_reaches_no_exact_answer() -> None:
    with torch.device("meta"):
        with undisturbed():
            assert torch.zeros(1).device.type == "cpu"
        assert torch.zeros(1).device.type == "meta"
        for name in FUNCTIONS:
            exercise = fresh(exact(name))
            assert snapshot(exercise.exact) == snapshot(exact(name).exact)
            assert snapshot(exercise.losses) == LOSSES[name]


def fresh(exercise: Exercise) -> Exercise:
    fields = ("name", "expected", "mistakes", "unit", "tolerance", "cases")
    return type(exercise)(**{field: getattr(exercise, field) for field in fields})


# As they are where nobody has set anything.
LOSSES = {name: snapshot(exact(name).losses) for name in FUNCTIONS}


# ---- Copies ----


def test_a_copy_shares_nothing() -> None:
    table = torch.eye(2)
    network = torch.nn.Linear(2, 2)
    network.bias = torch.nn.Parameter(network.weight[0])
    generator = torch.Generator().manual_seed(3)
    value = ([table, table], {"a": np.ones(2)}, network, generator, torch.ones(1).expand(3), 0.5)
    (first, second), arrays, net, chance, spread, number = own(value)
    first += 1
    arrays["a"] += 1
    spread += torch.arange(3)
    with torch.no_grad():
        net.weight += 1
    torch.randn(5, generator=chance)
    assert torch.equal(second, torch.eye(2))
    assert torch.equal(table, torch.eye(2))
    assert spread.tolist() == [1, 2, 3]
    assert value[1]["a"].tolist() == [1, 1]
    assert not torch.equal(net.weight, network.weight)
    assert torch.equal(generator.get_state(), torch.Generator().manual_seed(3).get_state())
    assert number == 0.5


def test_what_cannot_be_copied_is_no_case() -> None:
    with pytest.raises(ValueError, match="0.x: a case that cannot be copied"):
        Exercise("0.x", lambda: abs, cases=[((x for x in "ab"),)])
    with pytest.raises(ValueError, match="0.x: a case is a tuple of arguments, got 3.0"):
        Exercise("0.x", lambda: abs, cases=[3.0])  # type: ignore[list-item]


@pytest.mark.parametrize("tolerance", [0.0, -1e-3, 0.5, float("nan"), float("inf")])
def test_a_tolerance_that_lets_everything_pass_is_refused(tolerance: float) -> None:
    with pytest.raises(ValueError, match="0.x: tolerance must be between 0 and 0.01, got"):
        Exercise("0.x", lambda: 1.0, tolerance=tolerance)


def test_a_tolerance_of_a_hundredth_is_allowed() -> None:
    assert Exercise("0.x", lambda: 1.0, tolerance=0.01).tolerance == 0.01


def test_what_float32_loses_is_known() -> None:
    """A sum moves by 2⁻²⁴ of each term: of their difference, or of their sum."""
    numbers, table = torch.tensor([1.0, 2.0]).double(), torch.tensor([[1.0, 4.0], [4.0, 2.0]])
    cases = [(numbers,), ([table.double()],), (torch.tensor([3, 4]),), (numbers[1].clone(),)]
    total = Exercise(
        "0.x", lambda: lambda v: (v[0] if isinstance(v, list) else v).sum() ** 1.0, cases=cases
    )
    wanted = [[3 * 2**-24], [7 * 2**-24], [0.0], [2 * 2**-24]]
    assert [loss.tolist() for loss in total.losses] == [
        pytest.approx(loss, rel=1e-6) for loss in wanted
    ]
    assert numbers.tolist() == [1, 2]
    each = Exercise("0.x", lambda: lambda v: v, cases=[(torch.tensor([1.0, 300.0]).double(),)])
    assert each.losses[0].tolist() == pytest.approx([2**-24, 300 * 2**-24], rel=1e-6)
    assert Exercise("0.x", lambda: 1.0).losses[0].tolist() == [0.0]


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match="exercise 1.a is registered twice"):
        register(EXERCISES["1.a"])


PLOTTING = """
import sys
from course_lib.exercises import EXERCISES, judged
assert "matplotlib" not in sys.modules
def wrong(values):
    import matplotlib
    matplotlib.rcParams["lines.linewidth"] = 9
    return 0.0
judged("1.c", wrong)
import matplotlib
print(matplotlib.rcParams["lines.linewidth"] == matplotlib.rcParamsDefault["lines.linewidth"])
"""


def test_matplotlib_is_loaded_by_nobody_but_the_learner_and_is_set_back_then_too() -> None:
    """In a process of its own, where no other test has loaded it."""
    root = Path(__file__).resolve().parent.parent
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PLOTTING], cwd=root, capture_output=True, text=True
    )
    assert (run.returncode, run.stdout.strip()) == (0, "True"), run.stderr
