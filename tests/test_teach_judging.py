"""An answer that is collected in one process and judged in another gets the verdict that `check`
gives; and what a submission may pass on in place of an answer is worth nothing.
"""

import json
import math
from collections import deque
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from exercise_answers import CHOICES, DESIGNS, FUNCTIONS, NUMBERS
from exercise_kinds import EXACT
from exercise_mistakes import WRONG_DESIGNS, WRONG_FUNCTIONS, WRONG_NUMBERS
from torch import Tensor

from course_lib.checks import Verdict
from course_lib.checks.judging import verdict_on
from course_lib.distributions import DiagonalGaussian, FullGaussian, GaussianMixture, Laplace
from course_lib.exact import AffineGaussian, TanhArrow
from course_lib.exercises import EXERCISES
from course_lib.teach.judging import (
    UNREADABLE,
    is_blank,
    tried_answer,
    verdict_here,
    verdict_on_record,
)
from course_lib.teach.wire import read, written


def elsewhere(name: str, answer: Any) -> Verdict:
    """The verdict after a journey through JSON."""
    exercise = EXERCISES[name]
    return verdict_on_record(exercise, json.loads(json.dumps(tried_answer(exercise, answer))))


RIGHT: dict[str, Any] = NUMBERS | CHOICES | {name: pair[0] for name, pair in FUNCTIONS.items()}


@pytest.mark.parametrize("name", RIGHT)
def test_right_numbers_words_and_programs_are_right_elsewhere(name: str) -> None:
    verdict = elsewhere(name, RIGHT[name])
    assert verdict == verdict_here(EXERCISES[name], RIGHT[name])
    assert verdict.accepted


def test_groups_that_are_read_one_by_one_are_right_elsewhere() -> None:
    """`map` and `zip` are read as lists are, and can be read once."""
    groups = DESIGNS["9.d"]()
    exercise = EXERCISES["9.d"]
    assert verdict_here(exercise, map(list, groups)).accepted
    assert elsewhere("9.d", map(list, groups)) == verdict_here(exercise, map(list, groups))


def test_words_that_a_check_takes_for_a_set_are_one_elsewhere() -> None:
    words = dict.fromkeys(CHOICES["4.c"], True).keys()
    assert verdict_here(EXERCISES["4.c"], words).accepted
    assert elsewhere("4.c", words).accepted


@pytest.mark.parametrize("name", EXACT)
def test_known_mistakes_get_their_hints_elsewhere(name: str) -> None:
    for wrong, _ in (WRONG_NUMBERS | WRONG_FUNCTIONS)[name]:
        verdict = elsewhere(name, wrong)
        assert verdict == verdict_here(EXERCISES[name], wrong)
        assert not verdict.accepted


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_what_is_built_is_measured_elsewhere(name: str) -> None:
    exercise = EXERCISES[name]
    right = elsewhere(name, DESIGNS[name]())
    assert right.accepted, right.message
    assert right == verdict_here(exercise, DESIGNS[name]())
    for wrong, words in WRONG_DESIGNS[name]:
        verdict = elsewhere(name, wrong())
        assert not verdict.accepted
        assert words in verdict.message or type(wrong()).__name__ in verdict.message


@pytest.mark.parametrize("name", ["4.d", "8.d", "10.d", "11.d"])
def test_some_of_what_is_built_in_a_hurry(name: str) -> None:
    """As the slow test does for all."""
    verdict = elsewhere(name, DESIGNS[name]())
    assert verdict.accepted, verdict.message


@pytest.mark.parametrize("name", EXERCISES)
def test_a_blank_is_one_however_it_is_left(name: str) -> None:
    for answer in (..., None, [...], [..., ...], ""):
        if answer == "" and name in DESIGNS:
            continue
        exercise = EXERCISES[name]
        record = tried_answer(exercise, answer)
        if verdict_here(exercise, answer).message.endswith("not answered yet"):
            assert is_blank(exercise, record) or answer == ""
            assert verdict_on_record(exercise, record).message.endswith("not answered yet")


def stub(*given: Any) -> Any:
    """As it stands in the notebook."""


def without_return(*given: Any) -> None:
    """Does something, and gives nothing back."""
    len(given)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("2.d", stub),
        ("2.d", lambda x: ...),
        ("2.b", stub),
        ("4.c", []),
        ("4.c", "..."),
        ("4.c", ["i", ...]),
        ("4.a", ["second", "0", "…", "log 2"]),
        ("4.d", "..."),
        ("5.a", [1.0, ..., 2.0]),
        ("5.d", [0.5, ...]),
        ("9.d", []),
        ("10.d", {"z_2": ["x"], "z_1": ..., "z_3": ..., "z_4": ...}),
    ],
)
def test_what_is_half_empty_takes_the_place_of_no_answer(name: str, answer: Any) -> None:
    assert is_blank(EXERCISES[name], tried_answer(EXERCISES[name], answer))


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("2.d", lambda x: x),
        ("2.b", without_return),
        ("6.d", without_return),
        ("8.d", without_return),
        ("1.d", lambda: ...),  # which is never called
        ("4.c", ["ii"]),
        ("4.c", len),
        ("4.d", DiagonalGaussian.from_std(0.0, 1.0)),
        ("10.d", {"z_2": ["x"], "z_1": [], "z_3": [], "z_4": []}),
    ],
)
def test_what_is_wrong_is_an_answer(name: str, answer: Any) -> None:
    assert not is_blank(EXERCISES[name], tried_answer(EXERCISES[name], answer))


class OwnGaussian(DiagonalGaussian):
    """A learner's own kind of Gaussian."""


class OwnArrow(TanhArrow):
    """A learner's own arrow."""


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("1.d", OwnGaussian.from_std(3 / 1.01, math.sqrt(0.01 / 1.01))),
        ("11.d", OwnArrow(2.0, 2.0, 0.5, 0.3)),
        ("4.a", ["second", np.int64(0), np.float32(4.25), "log 2"]),
        ("4.a", ["second", torch.tensor(0), 4.2500001, "log 2"]),
        ("5.d", deque([0.383, 0.786])),
        ("9.d", [range(10 * group, 10 * group + 10) for group in range(10)]),
    ],
)
def test_what_the_notebook_reads_is_read_alike_by_the_grader(name: str, answer: Any) -> None:
    assert elsewhere(name, answer) == verdict_here(EXERCISES[name], answer)


class Wide(DiagonalGaussian):
    """A learner's own, whose density is not that of its parameters."""

    def log_prob(self, value: torch.Tensor) -> torch.Tensor:
        return DiagonalGaussian.from_std(3 / 1.01, math.sqrt(0.01 / 1.01)).log_prob(value)


class Elsewhere(DiagonalGaussian):
    """A learner's own that answers for another."""

    def __getattribute__(self, name: str) -> Any:
        good = DiagonalGaussian.from_std(3 / 1.01, math.sqrt(0.01 / 1.01))
        return getattr(good, name) if name == "log_prob" else super().__getattribute__(name)


def with_another_density() -> DiagonalGaussian:
    q = DiagonalGaussian.standard(1)
    q.log_prob = Wide.standard(1).log_prob  # type: ignore[method-assign]
    return q


@pytest.mark.parametrize(
    ("q", "kind"),
    [
        (Wide.standard(1), "a Wide"),
        (Elsewhere.standard(1), "an Elsewhere"),
        (with_another_density(), "a DiagonalGaussian"),
    ],
)
def test_what_does_something_its_own_way_is_not_judged_by_its_parameters(
    q: DiagonalGaussian, kind: str
) -> None:
    verdict = elsewhere("1.d", q)
    assert not verdict.accepted
    assert f"got {kind}" in verdict.message


class Refuses(list[int]):
    """A list that cannot be read."""

    def __iter__(self) -> Any:
        raise ZeroDivisionError


@pytest.mark.parametrize("value", [np.array(["i", "v"]), np.array([None]), Refuses([1])])
def test_what_cannot_be_written_is_a_thing(value: Any) -> None:
    assert written(value) == {"is": "thing", "type": type(value).__name__}
    assert written([value, 1])["parts"] == [written(value), written(1)]
    assert not elsewhere("4.c", value).accepted


VALUES: list[Any] = [
    None,
    True,
    7,
    -0.5,
    "q(z)",
    ["a", ("b", 1)],
    {"z_2": ["x"], "z_1": ("z_2", "x")},
    {"a", "b"},
    torch.arange(6, dtype=torch.float64).reshape(2, 3),
    torch.tensor(2.5),
    torch.tensor([True, False]),
    torch.zeros(0, 3),
    TanhArrow(1.0, 2.0, 3.0, 0.5, 0.25),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_come_back_as_they_were(value: Any) -> None:
    back = read(json.loads(json.dumps(written(value))))
    assert type(back) is type(value)
    if isinstance(value, Tensor):
        assert back.dtype == value.dtype
        assert torch.equal(back, value)
    else:
        assert back == value


def test_numbers_of_other_kinds_come_back_as_numbers() -> None:
    assert read(written(np.float64(0.5))) == 0.5
    assert read(written(Fraction(1, 4))) == 0.25
    assert read(written(2**70)) == 2.0**70
    assert math.isnan(read(json.loads(json.dumps(written(math.nan)))))
    assert read(written(np.arange(3))).tolist() == [0, 1, 2]
    assert read(written(torch.ones(2, dtype=torch.float16))).tolist() == [1.0, 1.0]


def test_distributions_come_back_with_their_parameters() -> None:
    point = torch.tensor([0.3], dtype=torch.float64)
    humps = DiagonalGaussian.from_std([[1.0], [-1.0]], [[0.2], [0.3]])
    root = torch.tensor([[0.7]], dtype=torch.float64)
    for q in (
        DiagonalGaussian.from_std(0.5, 2.0),
        GaussianMixture(torch.tensor([0.1, 0.9], dtype=torch.float64), humps),
        FullGaussian(point, root),
        Laplace(point, point),
    ):
        back = read(json.loads(json.dumps(written(q))))
        assert type(back) is type(q)
        assert torch.equal(back.log_prob(point), q.log_prob(point))
    arrow = read(written(AffineGaussian(0.5, -0.25, 2.0)))
    assert (arrow.slope.item(), arrow.offset.item(), arrow.std.item()) == (0.5, -0.25, 2.0)


# What a submission may write in place of an answer.
FORGED: list[Any] = [
    {},
    {"rows": []},
    {"rows": [[1, 2]]},
    {"rows": [[written(torch.zeros(3)), math.nan]] * 2},
    {"rows": [[written(torch.zeros(3).double()), 1e-16]] * 50},
    {"rows": "right"},
    {"value": None},
    {"value": {"is": "list", "parts": "abc"}},
    {"value": {"is": "list", "parts": [{"is": "set", "parts": [{"is": "list", "parts": []}]}]}},
    {"value": {"is": "set", "parts": [{"is": "list", "parts": []}]}},
    {"value": {"is": "tensor", "type": "torch.float64", "shape": [10**9], "data": ""}},
    {"value": {"is": "tensor", "type": "torch.float64", "shape": [-1], "data": "AAAAAAAAAAA="}},
    {"value": {"is": "tensor", "type": "torch.float64", "shape": [2], "data": "AAAAAAAAAAA="}},
    {"value": {"is": "tensor", "type": "torch.float64", "shape": [1], "data": "no base 64"}},
    {"value": {"is": "tensor", "type": "torch.qint8", "shape": [1], "data": "AAAAAAAAAAA="}},
    {"value": {"is": "DiagonalGaussian", "parts": []}},
    {"value": {"is": "DiagonalGaussian", "parts": [{"is": "word", "value": "a"}] * 2}},
    {"value": {"is": "function", "calls": [3]}},
    {"value": {"is": "function", "calls": []}},
    {"value": {"is": "function", "calls": [{"gave": {"is": "thing", "type": "x y"}}]}},
    {"value": {"is": "function", "calls": [{"raised": "SystemExit", "words": "x"}]}},
    {"value": {"is": "function", "calls": [{"late": True}]}},
    {"value": {"is": "function", "calls": [{"gave": written(torch.zeros(3)), "slope": 1}]}},
    {"value": {"is": "thing", "type": "__class__"}},
    {"value": {"is": "eval", "source": "1"}},
    {"refused": ["not", "words"]},
]


@pytest.mark.parametrize("forged", FORGED, ids=lambda forged: str(forged)[:60])
def test_what_is_no_answer_is_worth_nothing(forged: Any) -> None:
    for name in ("1.a", "2.b", "4.a", "4.c", "4.d", "8.d", "9.d", "10.d", "12.d"):
        verdict = verdict_on_record(EXERCISES[name], forged)
        assert not verdict.accepted
        assert "\n" not in verdict.message


def test_more_than_an_answer_holds_is_not_read() -> None:
    """Else a mixture of a million humps would be measured, and the grader be out of memory."""
    many = torch.zeros(65, dtype=torch.float64)
    humps = DiagonalGaussian(torch.zeros(65, 1).double(), torch.zeros(65, 1).double())
    assert UNREADABLE in elsewhere("4.d", GaussianMixture(many, humps)).message
    wide = DiagonalGaussian(torch.zeros(300, 1).double(), torch.zeros(300, 1).double())
    assert UNREADABLE in elsewhere("1.d", wide).message
    assert read(written(torch.zeros(250_001))).__class__.__name__ == "Tensor"
    assert not isinstance(read(written(torch.zeros(250_001))), Tensor)
    assert len(read(written([0] * 5_000))) == 1_000
    assert len(read(written("x" * 5_000))) == 300


def test_a_program_that_does_not_end_is_told_so() -> None:
    late = {"value": {"is": "function", "calls": [{"late": True}]}}
    assert "stopped after 60 seconds" in verdict_on_record(EXERCISES["8.d"], late).message


def test_as_many_rows_as_calls_are_wanted() -> None:
    exercise = EXERCISES["2.b"]
    with pytest.raises(ValueError, match=r"2\.b: 2 calls give as many rows, got 0"):
        verdict_on(exercise, [])  # type: ignore[arg-type]
