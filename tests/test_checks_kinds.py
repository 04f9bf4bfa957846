"""Exercises that are no number and no function: a choice with reasons, a design to measure."""

import copy
import json
import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from course_lib.checks import Blank, Blanks, Design, Exercise, MultipleChoice, Verdict
from course_lib.checks.answers import NoNumber
from course_lib.checks.copies import own
from course_lib.checks.multiple_choice import option_named
from course_lib.distributions import DiagonalGaussian, GaussianMixture
from course_lib.edition.answers import answer_in_words, answer_tables, mistakes_in_words
from course_lib.exercises import EXERCISES, AnyExercise, check, find, hint, judged

TEAMS = MultipleChoice(
    "0.c",
    right=["A's bound is higher", "C is empty"],
    reasons={"B's decoder is worse": "a bound may be loose.", "A wins": "the gap is not known."},
)


@pytest.mark.parametrize(
    ("answer", "accepted", "words"),
    [
        (["A's bound is higher", "C is empty"], True, "right"),
        (("c IS empty ", "a's bound is higher"), True, "right"),
        ({"A's bound is higher"}, False, "right so far, and one more holds"),
        ("C is empty", False, "right so far, and one more holds"),
        (
            ["C is empty", "A wins", "B's decoder is worse"],
            False,
            "not yet. Not “A wins”: the gap is not known.",
        ),
        (..., False, "not answered yet"),
        (None, False, "not answered yet"),
        ([], False, "not answered yet"),
        (["A wins", ...], False, "not answered yet"),
        ("…", False, "not answered yet"),
    ],
)
def test_a_choice_says_why_a_wrong_one_does_not_hold(
    answer: Any, accepted: bool, words: str
) -> None:
    verdict = TEAMS.judge(answer)
    assert verdict.accepted == accepted
    assert verdict.message == f"0.c: {words}"


@pytest.mark.parametrize(
    ("answer", "shown"), [("D", "'D'"), (3, "3"), (["A wins", 3], "3"), (len, "a function")]
)
def test_what_is_no_option_is_told_the_options(answer: Any, shown: str) -> None:
    options = """"A wins", "A's bound is higher", "B's decoder is worse", "C is empty\""""
    assert TEAMS.judge(answer).message == f"0.c: one of {options} is wanted, got {shown}"


@pytest.mark.parametrize(
    ("right", "reasons"), [([], {"a": "no."}), (["a"], {}), (["a"], {"a": "no.", "b": "no."})]
)
def test_a_choice_has_something_right_and_something_wrong(right: Any, reasons: Any) -> None:
    with pytest.raises(ValueError, match=r"0\.c: some options must hold and others not"):
        MultipleChoice("0.c", right, reasons)


@pytest.mark.parametrize("right", [["yes", "Yes "], "yes"])
def test_options_can_be_told_apart(right: Any) -> None:
    with pytest.raises(ValueError, match=r"0\.c: (options that differ|right must be a list)"):
        MultipleChoice("0.c", right, {"no": "no."})


def test_the_reason_is_the_same_in_whatever_order_the_answer_comes() -> None:
    wrong = {"A wins", "B's decoder is worse"}
    for answer in (wrong, sorted(wrong), sorted(wrong, reverse=True)):
        assert "Not “A wins”" in TEAMS.judge(answer).message


def gap(q: DiagonalGaussian) -> float:
    """KL(q ‖ N(1, ½)) in one dimension, by the textbook; changes what it is given."""
    if q.mean.numel() != 1:
        raise ValueError(f"a q of one dimension is wanted, got {q.mean.numel()}")
    mean, std = q.mean.item(), q.std.item()
    q.mean.zero_()
    return math.log(math.sqrt(0.5) / std) + std**2 + (mean - 1) ** 2 - 0.5


CLOSE = Design("0.d", gap, 0.001, "the gap", seconds=0.5)


def test_a_design_is_measured_and_told_its_figure() -> None:
    good = DiagonalGaussian.from_std(1.0, math.sqrt(0.5))
    assert CLOSE.judge(good).accepted
    assert CLOSE.judge(good).message.startswith("0.d: right: the gap is ")
    assert good.mean.item() == 1.0  # a copy was measured
    wide = CLOSE.judge(DiagonalGaussian.from_std(1.0, 1.0))
    assert not wide.accepted
    found = 0.5 - math.log(2) / 2  # log √½ + 1 − ½
    assert wide.message == (
        f"0.d: not yet: the gap is {found:.6g} nats, and at most 0.001 nats is asked"
    )


def test_a_design_is_measured_alike_whatever_the_reader_has_set() -> None:
    def noisy(answer: Any) -> float:
        return float(torch.rand(()) + torch.tensor(0.1))

    design = Design("0.d", noisy, 9.0, "it")
    before = design.judge(1).message
    torch.set_default_dtype(torch.float16)
    try:
        torch.manual_seed(5)
        assert design.judge(1).message == before
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_figure_that_misses_by_a_hair_shows_it() -> None:
    said = Design("0.d", lambda answer: 0.001 + 1e-10, 0.001, "the gap").judge(1).message
    assert "the gap is 0.001 nats and another 1e−10 nats, and at most 0.001 nats is asked" in said


def test_what_is_to_be_large_is_told_as_it_is_named() -> None:
    large = Design("0.d", lambda size: -size, -2.0, "the size", unit="", negative=True)
    assert large.judge(2.5).message == "0.d: right: the size is 2.5, and at least 2 was asked"
    assert large.judge(1.5).message == "0.d: not yet: the size is 1.5, and at least 2 is asked"
    hair = large.judge(2 - 1e-10)
    assert not hair.accepted
    assert "the size is 2 less 1e−10, and at least 2 is asked" in hair.message


def test_what_cannot_be_measured_is_told_why() -> None:
    two = DiagonalGaussian.standard(2)
    said = "0.d: your answer raised ValueError: a q of one dimension is wanted, got 2"
    assert CLOSE.judge(two).message == said
    assert "AttributeError" in CLOSE.judge(3.0).message
    assert CLOSE.judge(...).message == "0.d: not answered yet"
    nothing = Design("0.d", lambda answer: math.nan, 1.0, "it").judge(1)
    assert not nothing.accepted
    assert nothing.message == "0.d: not yet: it is NaN, no number"


@pytest.mark.parametrize("kind", ["dict_values", "generator"])
def test_what_can_be_read_only_once_is_asked_for_in_lists(kind: str) -> None:
    """Not called an error that the answer raised: the copy that failed is the course's."""
    given = {"dict_values": {1: 2}.values(), "generator": (n for n in (1, 2))}[kind]
    told = Design("0.d", gap, 0.001, "the gap").judge(given)
    wanted = "an answer that can be copied is wanted, as one in lists"
    assert told == Verdict(False, f"0.d: {wanted}, got a {kind}")


def test_a_design_that_never_ends_is_stopped() -> None:
    def endless(net: Any) -> float:
        while True:
            torch.ones(1)

    verdict = Design("0.d", endless, 1.0, "the loss", seconds=0.2).judge(torch.nn.Linear(1, 1))
    assert "stopped after 0.2 seconds" in verdict.message


def test_a_figure_that_is_asked_is_finite() -> None:
    with pytest.raises(ValueError, match=r"0\.d: most must be finite, got inf"):
        Design("0.d", gap, math.inf, "the gap")


# ---- Blanks ----

ELBO = Blanks(
    "0.e",
    [
        Blank("b", {"a": "that is p(z), the prior.", "c": "q is multiplied and divided by."}),
        Blank("Jensen", {"Bayes": "nothing is turned round here."}),
        Blank("≥", {"=": "the logarithm is not a straight line.", "≤": "it is concave."}),
    ],
    hints=("Look at q.", "Look at the logarithm."),
)


@pytest.mark.parametrize(
    ("answer", "accepted", "words"),
    [
        (("b", "Jensen", "≥"), True, "right"),
        (["B ", "jensen", "≥"], True, "right"),
        (
            ("a", "Jensen", "="),
            False,
            "not yet. Blank 1, “a”: that is p(z), the prior. "
            "Blank 3, “=”: the logarithm is not a straight line.",
        ),
        (("b", "Bayes", "≥"), False, "not yet. Blank 2, “Bayes”: nothing is turned round here."),
        (("b", "b", "≥"), False, """one of "Bayes", "Jensen" is wanted, got 'b'"""),
        (("b", 2, "≥"), False, """one of "Bayes", "Jensen" is wanted, got 2"""),
        (("b", "Jensen"), False, "3 words are wanted, one for each blank, got 2: ('b', 'Jensen')"),
        ("b", False, "3 words are wanted, one for each blank, got 1: 'b'"),
        (len, False, "3 words are wanted, one for each blank, got 1: a function"),
        (("b", ..., "≥"), False, "not answered yet"),
        ((..., ..., ...), False, "not answered yet"),
        ((), False, "not answered yet"),
        (..., False, "not answered yet"),
        (None, False, "not answered yet"),
    ],
)
def test_each_blank_is_judged_by_itself(answer: Any, accepted: bool, words: str) -> None:
    verdict = ELBO.judge(answer)
    assert verdict.accepted == accepted
    assert verdict.message == f"0.e: {words}"


@pytest.mark.parametrize(
    ("blanks", "says"),
    [
        ([], "two blanks or more, got 0"),
        ([Blank("a", {"b": "no."})], "two blanks or more, got 1"),
        ([Blank("a", {"b": "no."}), Blank("a", {})], "blank 2 needs wrong words beside 'a'"),
        ([Blank("a", {"a": "no."}), Blank("a", {"b": "no."})], "blank 1 needs wrong words"),
        ([Blank("a", {"A ": "no."}), Blank("a", {"b": "no."})], "options that differ in case"),
    ],
)
def test_blanks_have_something_to_choose_from(blanks: list[Blank], says: str) -> None:
    with pytest.raises(ValueError, match=f"0.e: {says}"):
        Blanks("0.e", blanks)


# ---- All kinds in the course ----

KINDS: list[AnyExercise] = [TEAMS, CLOSE, ELBO, Exercise("0.n", lambda: 2.0, hints=("Count.",))]


@pytest.fixture
def mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One exercise of each kind more."""
    monkeypatch.setattr("course_lib.exercises.registry.HINTS_GIVEN", Counter())
    for exercise in KINDS:
        monkeypatch.setitem(EXERCISES, exercise.name, exercise)


NUMBERS = MultipleChoice("0.e", ["-2", "16.16"], {"60000000": "no.", "0": "no.", "log 2": "no."})


@pytest.mark.parametrize(
    ("part", "option"),
    [
        (np.int64(0), "0"),
        (np.float32(16.16), "16.16"),
        (np.float16(16.16), "16.16"),
        (torch.tensor(16.16), "16.16"),
        (torch.tensor([-2]), "-2"),
        (Fraction(-2), "-2"),
        (-0.0, "0"),
        (16 + 0.1 + 0.06, "16.16"),
        (60_000_000, "60000000"),
        ("−2", "-2"),
        ("LOG  2", "log 2"),
        (math.log(2), "log 2"),
        (torch.tensor(2.0).log(), "log 2"),
        (0.6931, ""),
        (16.160001, ""),
        (math.nan, ""),
        (-2 + 0j, ""),
        (False, ""),
        (np.bool_(False), ""),
        (torch.tensor([-2, -2]), ""),
        (b"0", ""),
        (range(1), ""),
        (iter([-2]), "-2"),
        (iter([0]), "0"),
    ],
)
def test_a_real_number_of_any_type_names_the_option_that_writes_it(part: Any, option: str) -> None:
    if option:
        assert option_named(part, NUMBERS.options) == option
    else:
        with pytest.raises(NoNumber, match="is wanted, got"):
            option_named(part, NUMBERS.options)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("3.a", ["q(z)", "≥", "p(z)"]),
        ("2.c", ["p(x) is at least c", "q has the posterior’s shape where it draws"]),
        ("6.a", ["σ^2 tr Λ", "d / σ^2", "d / tr Λ", "harmonic"]),
        ("6.a", ["σ**2 tr Λ", "d/σ**2", "d / tr Λ", "harmonic"]),
        ("4.a", ["second", "0", 17 / 4, math.log(2)]),
    ],
)
def test_a_sign_may_be_written_as_a_keyboard_has_it(name: str, answer: list[Any]) -> None:
    assert judged(name, answer).message == f"{name}: right"
    assert not judged("3.a", ["q(z)", "≤", "p(z)"]).accepted


def test_a_number_is_compared_by_its_value() -> None:
    assert judged("4.a", ["second", np.int64(0), np.float32(4.25), "log 2"]).accepted
    assert "is wanted, got 4.2500001" in judged("4.a", ["second", 0, 4.2500001, "log 2"]).message
    with pytest.raises(ValueError, match="differ in case"):
        MultipleChoice("0.e", ["-2"], {"−2": "no."})


def test_a_number_and_a_word_without_its_blanks_are_read() -> None:
    for number in ("log 2", " LOG2", "log(2)"):
        answer = ["second", 0.0, "4.25", number]
        assert judged("4.a", answer).message == "4.a: right"
    assert "is wanted, got True" in judged("4.a", ["second", True, 4.25, "log 2"]).message
    with pytest.raises(ValueError, match="options that differ in case, blanks or signs alone"):
        MultipleChoice("0.c", ["log 2"], {"Log2": "no."})
    with pytest.raises(ValueError, match="options that differ in case, blanks or signs alone"):
        MultipleChoice("0.c", ["x²"], {"x^2": "no."})


def fitted_by_autograd() -> dict[str, Any]:
    """Answers whose parameters come of a computation that autograd knows."""
    out = torch.nn.Linear(1, 2).double()(torch.ones(1, dtype=torch.float64))
    place = torch.tensor([[1.35], [-1.35]], dtype=torch.float64, requires_grad=True)
    width = torch.full((2, 1), math.log(0.18), dtype=torch.float64, requires_grad=True)
    humps = DiagonalGaussian(place * 1, width * 1)
    weights = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    one = DiagonalGaussian(out[:1], out[1:])
    return {"1.d": one, "3.d": one, "4.d": GaussianMixture(weights * 1, humps)}


@pytest.mark.parametrize("name", ["1.d", "3.d", "4.d"])
def test_a_q_that_autograd_fitted_is_measured(name: str) -> None:
    answer = fitted_by_autograd()[name]
    verdict = judged(name, answer)
    assert "raised" not in verdict.message
    assert verdict.accepted == (name == "4.d")


class Encoder:
    """A learner's encoder as an object, which holds what autograd computed."""

    def __init__(self) -> None:
        self.gain = torch.nn.Linear(1, 1).double()(torch.ones(1, dtype=torch.float64))

    def __call__(self, x: torch.Tensor) -> DiagonalGaussian:
        return DiagonalGaussian.from_std(x / 2, 0 * (x + self.gain) + 1)


def test_an_encoder_that_is_an_object_is_measured_as_a_function_is() -> None:
    encoder = Encoder()
    assert judged("6.d", encoder) == judged("6.d", lambda x: encoder(x))
    assert "raised" not in judged("6.d", encoder).message


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("name", "mean", "variance"), [("1.d", 3 / 1.01, 0.01 / 1.01), ("3.d", 0.0, 1.0)]
)
def test_what_could_be_trained_further_is_a_number_like_any_other(
    name: str, mean: float, variance: float
) -> None:
    parts = (torch.tensor([part]).double() for part in (mean, 0.5 * math.log(variance)))
    q = DiagonalGaussian(*(torch.nn.Parameter(part) for part in parts))
    assert not own(q).mean.requires_grad
    assert q.mean.requires_grad
    plain = DiagonalGaussian(q.mean.detach(), q.log_std.detach())
    assert judged(name, q) == judged(name, plain)


class Slotted(DiagonalGaussian):
    """A learner's own, with a place for something more."""

    __slots__ = ("extra",)


def test_a_copy_has_slots_and_holds_itself() -> None:
    slotted: Any = Slotted.standard(1)
    slotted.extra, slotted.me = [slotted, [3]], slotted
    copied = own(slotted)
    assert copied.me is copied is copied.extra[0]
    assert copied.extra[1] == [3]
    assert copied.extra[1] is not slotted.extra[1]
    ring: list[Any] = [1]
    ring.append(ring)
    assert own(ring)[1] is not ring
    assert own((ring, 0))[0][1][1][0] == 1


def test_weights_stay_tied_within_a_network_and_no_further() -> None:
    net: Any = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    net[1].weight = net[0].weight
    net.computed = net[0].weight * 2
    holder = Encoder()
    holder.__dict__.update(nets=[net, {"again": net}], numbers=[net.computed, net.computed])
    first, second = own([net, net])
    third, fourth = own(holder).nets[0], own(holder).nets[1]["again"]
    nets = [net, first, second, third, fourth]
    assert all(one[1].weight is one[0].weight for one in nets)
    assert len({one[0].weight.data_ptr() for one in nets}) == 5
    assert all(isinstance(one[0].weight, torch.nn.Parameter) for one in nets)
    one, other = own(holder).numbers
    assert one.data_ptr() != other.data_ptr()


def test_copies_are_made_in_many_threads_at_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: own(Encoder()).gain.is_leaf, range(40)))
    assert all(found)
    with pytest.raises(RuntimeError, match="deepcopy"):  # what others see is as it was
        copy.deepcopy(Encoder())


class Counted(DiagonalGaussian):
    """A learner's own, with a list and a number twice."""

    def __init__(self, mean: torch.Tensor) -> None:
        super().__init__(mean, mean)
        self.seen: list[Any] = [mean, {"a": mean}]


def test_a_copy_shares_nothing_and_is_of_the_same_kind() -> None:
    mean = torch.zeros(1, dtype=torch.float64, requires_grad=True) * 1
    first = Counted(mean)
    copied = own(first)
    assert type(copied) is Counted
    tensors = [copied.mean, copied.log_std, copied.seen[0], copied.seen[1]["a"]]
    assert len({tensor.data_ptr() for tensor in [mean, *tensors]}) == 5
    copied.seen.append(3)
    copied.mean.add_(1)
    assert (mean.item(), len(first.seen)) == (0, 2)
    assert own(math.sin) is math.sin


@pytest.mark.usefixtures("mixed")
def test_check_judges_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    good = DiagonalGaussian.from_std(1.0, math.sqrt(0.5))
    check("0.c", "C is empty", "A's bound is higher")
    check("0.c", ["C is empty", "A's bound is higher"])
    check("0.e", "b", "Jensen", "≥")
    check("0.e", "b", "Jensen", "≤")
    check("0.d", good)
    check("0.n", 2)
    for exercise in KINDS:
        check(exercise.name)
        blank = f"{exercise.name}: not answered yet"
        assert judged(exercise.name, ...) == Verdict(False, blank, answered=False)
    said = capsys.readouterr().out.splitlines()
    assert said[:4] == [
        *["0.c: right"] * 2,
        "0.e: right",
        "0.e: not yet. Blank 3, “≤”: it is concave.",
    ]
    assert said[4].startswith("0.d: right: the gap is ")
    assert said[5:] == ["0.n: right: 2 nats", *(f"{e.name}: not answered yet" for e in KINDS)]


@pytest.mark.usefixtures("mixed")
def test_hints_are_found_for_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    for exercise in KINDS:
        assert find(exercise.name) is exercise
        hint(exercise.name)
    assert capsys.readouterr().out.splitlines() == [
        *("0.c has no hints", "0.d has no hints"),
        *("0.e, hint 1 of 2: Look at q.", "0.n, hint 1 of 1: Count."),
    ]


@pytest.mark.usefixtures("mixed")
def test_a_page_knows_every_kind() -> None:
    """A design, as a function, is for the notebook."""
    tables = answer_tables([exercise.name for exercise in KINDS])
    kinds = {name: table["kind"] for name, table in tables["exercises"].items()}
    assert kinds == {"0.c": "choice", "0.d": "design", "0.e": "blanks", "0.n": "numbers"}
    assert json.dumps(tables, allow_nan=False)
    assert answer_in_words("0.c") == "“A's bound is higher”, “C is empty”"
    assert answer_in_words("0.e") == "“b”, “Jensen”, “≥”"
    for name in ("0.c", "0.d", "0.e"):
        assert mistakes_in_words(name) == []
