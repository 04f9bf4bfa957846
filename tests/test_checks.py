"""The checks themselves: right answers pass, wrong ones fail, and the message says which."""

import math
import re
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from exercise_kinds import EXACT, exact

from course_lib.checks import (
    Exercise,
    Mistake,
    MonteCarlo,
    Verdict,
    VerificationError,
    judge,
    monte_carlo,
    verify,
    verify_at_most,
)
from course_lib.checks.table import FoldedTable
from course_lib.exercises import EXERCISES, check, judged


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The tables that a notebook is given to display."""
    tables: list[Any] = []
    module = types.SimpleNamespace(get_ipython=lambda: True, display=tables.append)
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return tables


def test_verify_shows_every_route(shown: list[Any]) -> None:
    verify("4.2", closed_form=-1.5155122, quadrature=-1.5155122 + 1e-13)
    assert list(shown[0].rows) == [
        ("closed form", "−1.51551", ""),
        ("quadrature", "−1.51551", "agrees to 1e-10"),
    ]


def test_rounding_is_shown_as_zero(shown: list[Any]) -> None:
    verify("1.7", tolerance=1e-8, zero=0.0, slope=4.05e-14)
    assert shown[0].rows[1] == ("slope", "0", "agrees to 1e-08")


def test_verify_raises_and_names_both_routes() -> None:
    with pytest.raises(VerificationError, match=r"4\.2: quadrature gives −1.5 and closed form"):
        verify("4.2", closed_form=-1.6, quadrature=-1.5)


def test_a_margin_that_is_rounding_is_none(shown: list[Any]) -> None:
    verify_at_most("1.1", a=1e6, b=1e6 * (1 + 3e-15))
    verify_at_most("1.1", a=-math.inf, b=torch.tensor([-math.inf, 2.0]))
    assert [table.rows[1][2] for table in shown] == ["0 above a", "at least 0 above a"]
    with pytest.raises(VerificationError, match="exceeds it by inf"):
        verify_at_most("1.1", a=math.inf, b=1.0)


def test_the_worst_of_many_numbers_is_named() -> None:
    right = torch.tensor([1.0, 2.0, 3.0])
    wrong = torch.tensor([1.1, 5.0, 3.0])
    words = "b gives 5 and a gives 2 in number 2 of 3: they differ by 0.6, more than 1e-10"
    with pytest.raises(VerificationError, match=words):
        verify("1.1", a=right, b=wrong)
    with pytest.raises(
        VerificationError, match=r"\(5\) should be at most a \(2\) in number 2 of 3"
    ):
        verify_at_most("1.1", b=wrong, a=right)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_verify_refuses_what_is_no_number(wrong: float) -> None:
    with pytest.raises(VerificationError):
        verify("4.1", exact=1.0, other=wrong)


def test_verify_accepts_the_same_infinity() -> None:
    verify("4.1", exact=-math.inf, other=-math.inf)


def test_verify_compares_every_entry_of_a_tensor() -> None:
    values = torch.linspace(0, 1, 5, dtype=torch.float64)
    verify("1.1", first=values, second=values.clone())
    altered = values.clone()
    altered[3] += 1e-6
    with pytest.raises(VerificationError):
        verify("1.1", first=values, second=altered)


def test_verify_judges_monte_carlo_by_its_z_score() -> None:
    samples = torch.randn(10_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    verify("1.4", exact=0.0, simulation=monte_carlo(samples))
    with pytest.raises(VerificationError, match="standard errors apart"):
        verify("1.4", exact=0.05, simulation=monte_carlo(samples))


def test_monte_carlo_gives_mean_and_standard_error() -> None:
    result = monte_carlo(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert result.estimate == 2.5
    assert result.standard_error == pytest.approx(math.sqrt(5 / 3) / 2)
    assert MonteCarlo(1.0, 0.0, 5).z_score(1.0) == 0.0
    assert MonteCarlo(1.0, 0.0, 5).z_score(2.0) == -math.inf


def test_monte_carlo_refuses_samples_that_are_no_numbers() -> None:
    for bad in (torch.tensor([1.0, math.nan]), torch.tensor([1.0, math.inf])):
        with pytest.raises(ValueError, match="samples must be finite, got (nan|inf) at index"):
            monte_carlo(bad)
    for kind in ([1.0, 2.0], torch.tensor([1, 2])):
        with pytest.raises(ValueError, match="samples must be a tensor of floats"):
            monte_carlo(kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("routes", "message"),
    [
        (
            {"exact": 1.0, "other": None},
            "other must be a number or .* real numbers, got None",
        ),
        ({"exact": 1.0, "other": "1.0"}, "other must be a number or .* real numbers, got '1.0'"),
        ({"exact": torch.ones(2), "other": torch.ones(3)}, r"other \(3,\) and exact \(2,\) do not"),
        ({"exact": 1.0, "other": 1.0, "tolerance": math.inf}, "tolerance must be finite, got inf"),
        ({"exact": 1.0, "other": 1.0, "tolerance": -1.0}, "tolerance must be positive, got -1"),
    ],
)
def test_what_cannot_be_compared_is_refused(routes: dict[str, Any], message: str) -> None:
    for compare in (verify, verify_at_most):
        with pytest.raises(ValueError, match=message):
            compare("1.1", **routes)


@pytest.mark.parametrize(
    "bad",
    [
        True,
        torch.tensor([True, False]),
        np.True_,
        1 + 0j,
        torch.tensor([1 + 0j]),
        np.ma.masked_array([1.0, 2.0], mask=[False, True]),
        torch.zeros(2, device="meta"),
        [1.0, "2"],
        {},
    ],
    ids=str,
)
def test_what_is_no_real_number_is_no_route(bad: Any) -> None:
    for compare in (verify, verify_at_most):
        for routes in ({"exact": 1.0, "other": bad}, {"exact": bad, "other": 1.0}):
            with pytest.raises(ValueError, match="must be a number or a tensor of real numbers"):
                compare("1.1", **routes)


@pytest.mark.parametrize(
    ("first", "second", "shape"), [((3,), (3, 1), "3, 3"), ((1, 2), (4, 1), "4, 2")]
)
def test_a_row_is_not_compared_with_a_column(
    first: tuple[int, ...], second: tuple[int, ...], shape: str
) -> None:
    """Equal numbers would pass, as each is compared with every other."""
    for compare in (verify, verify_at_most):
        with pytest.raises(ValueError, match=rf"broadcast to \({shape}\), which is the shape of"):
            compare("1.1", exact=torch.ones(first), other=torch.ones(second))


def test_one_number_may_be_repeated() -> None:
    verify("1.1", exact=2.0, other=torch.full((2, 3), 2.0))
    verify("1.1", exact=torch.tensor([1.0, 2.0]), other=torch.tensor([[1.0, 2.0]] * 3))
    with pytest.raises(VerificationError):
        verify("1.1", exact=2.0, other=torch.tensor([2.0, 2.0, 2.1]))


def test_a_chain_compares_neighbours() -> None:
    """Each fits the first, and not the next."""
    with pytest.raises(ValueError, match=r"high \(2,\) and low \(3,\) do not broadcast"):
        verify_at_most("1.1", zero=0.0, low=torch.ones(3), high=torch.ones(2))
    with pytest.raises(ValueError, match="which is the shape of neither"):
        verify_at_most("1.1", zero=0.0, low=torch.ones(3), high=torch.ones(3, 1))
    with pytest.raises(VerificationError, match="low .* should be at most high .* by 1$"):
        verify_at_most("1.1", zero=0.0, low=torch.tensor([1.0, 3.0]), high=2.0)


def test_an_estimate_is_not_ordered() -> None:
    for routes in ({"low": MonteCarlo(0.0, 1.0, 10), "high": 1.0}, {"low": 0.0, "high": DRAWN}):
        with pytest.raises(ValueError, match="orders exact numbers, got an estimate"):
            verify_at_most("1.1", **routes)  # type: ignore[arg-type]


DRAWN = MonteCarlo(5.0, 1.0, 10)


@pytest.mark.parametrize("exponent", [-11, -30, -300])
def test_numbers_below_the_tolerance_are_refused(exponent: int) -> None:
    """They would agree whatever they are."""
    with pytest.raises(ValueError, match="could not disagree; compare their logarithms"):
        verify("1.1", exact=10.0**exponent, other=5 * 10.0**exponent)
    with pytest.raises(ValueError, match="could not disagree"):
        verify(
            "1.1",
            exact=torch.tensor([0.0, 10.0**exponent], dtype=torch.float64),
            other=-(10.0**exponent),
        )


@pytest.mark.parametrize(
    "routes", [(0.0, 1e-11), (1e-11, 0.0), (0.0, 0.0), (torch.zeros(2), 1e-12)]
)
def test_a_number_may_be_claimed_to_vanish(routes: tuple[float | torch.Tensor, float]) -> None:
    verify("1.1", exact=routes[0], other=routes[1])
    with pytest.raises(VerificationError):
        verify("1.1", exact=routes[0], other=1e-9)


def test_a_tolerance_for_which_all_is_equal_is_refused() -> None:
    verify("1.1", tolerance=0.1, exact=1.0, other=1.05)
    for compare in (verify, verify_at_most):
        with pytest.raises(ValueError, match="tolerance must be at most 0.1, got 0.5"):
            compare("1.1", tolerance=0.5, exact=1.0, other=1.4)


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e-3])
def test_verify_is_as_strict_as_it_says(scale: float) -> None:
    """Relative to the larger of 1 and the numbers' size; either way round."""
    room = 1e-6 * max(1.0, scale)
    for sign in (1, -1):
        verify("1.1", 1e-6, exact=sign * scale, other=sign * (scale + 0.99 * room))
        verify("1.1", 1e-6, exact=sign * scale, other=sign * (scale - 0.99 * room))
        verify_at_most("1.1", 1e-6, low=sign * scale + 0.99 * room, high=sign * scale)
        for off in (1.02 * room, -1.02 * room):
            with pytest.raises(VerificationError, match="more than 1e-06"):
                verify("1.1", 1e-6, exact=sign * scale, other=sign * scale + off)
        with pytest.raises(VerificationError):
            verify_at_most("1.1", 1e-6, low=sign * scale + 1.02 * room, high=sign * scale)


def test_limits_are_allowed_themselves(shown: list[Any]) -> None:
    room = 2.0**-30
    verify("1.1", room, exact=0.0, other=room)
    verify("1.1", room, exact=1.0, other=1.0 - room)
    verify_at_most("1.1", room, low=room, high=0.0)
    verify("1.1", exact=0.0, simulation=MonteCarlo(-4.0, 1.0, 10))
    assert shown[0].rows[1] == ("other", "0", f"agrees to {room:g}")
    assert judge(Exercise("0.z", lambda: 0.5), 0.5 + 5e-4 * (1 - 1e-12)).accepted


def test_float32_is_compared_as_it_is() -> None:
    with pytest.raises(VerificationError, match=r"they differ by 1.49e-09, more than 1e-10"):
        verify("1.1", exact=0.1, other=torch.tensor(0.1, dtype=torch.float32))
    verify("1.1", 1e-7, exact=0.1, other=torch.tensor(0.1, dtype=torch.float32))
    torch.set_default_dtype(torch.float16)
    try:
        verify("1.1", exact=0.1, other=[[0.1]])  # type: ignore[arg-type]
        verify("1.1", exact=1e9, other=MonteCarlo(1e9, 1e-3, 10))
    finally:
        torch.set_default_dtype(torch.float32)


def test_infinities_agree_with_themselves_alone() -> None:
    both = torch.tensor([math.inf, -math.inf, 1.0])
    verify("1.1", exact=both, other=both.clone())
    verify_at_most("1.1", low=-math.inf, same=-math.inf, high=math.inf)
    for other in (-both, both.abs(), both.nan_to_num(), torch.full((3,), math.inf)):
        with pytest.raises(VerificationError):
            verify("1.1", exact=both, other=other)
    with pytest.raises(VerificationError):
        verify_at_most("1.1", low=math.inf, high=1.0)
    with pytest.raises(VerificationError):
        verify("1.1", exact=math.nan, other=math.nan)
    with pytest.raises(VerificationError):
        verify("1.1", exact=math.inf, simulation=DRAWN)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((math.nan, 1.0, 10), "estimate must be finite, got nan"),
        ((0.0, math.inf, 10), "standard_error must be finite and not negative, got inf"),
        ((0.0, math.nan, 10), "standard_error must be finite and not negative, got nan"),
        ((0.0, -1.0, 10), "standard_error must be finite and not negative, got -1"),
        ((0.0, 1.0, 1), "count must be a whole number of at least 2, got 1"),
    ],
)
def test_an_estimate_that_would_agree_with_all_is_refused(
    numbers: tuple[float, float, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        MonteCarlo(*numbers)


def test_z_scores_at_their_limit() -> None:
    assert MonteCarlo(1.5, 0.25, 5).z_score(1.0) == 2.0
    assert MonteCarlo(0.5, 0.25, 5).z_score(1.0) == -2.0
    for z in (3.99, -3.99):
        verify("1.1", exact=10.0, simulation=MonteCarlo(10.0 + z, 1.0, 10))
        with pytest.raises(VerificationError, match="4.1 standard errors apart"):
            verify("1.1", exact=10.0, simulation=MonteCarlo(10.0 + z * 4.1 / 3.99, 1.0, 10))


@pytest.mark.parametrize("size", [1e-20, 1.0, 1e20])
def test_equal_samples_have_no_error_and_only_rounding_is_forgiven(size: float) -> None:
    constant = monte_carlo(torch.full((1000,), 0.1 * size, dtype=torch.float64))
    assert constant.z_score(0.1 * size) == 0.0
    assert abs(constant.z_score(0.1 * size * (1 + 1e-12))) > 4
    assert MonteCarlo(size, 0.0, 5).z_score(size * 1.5) == -math.inf
    assert MonteCarlo(size, 0.0, 5).z_score(size * 0.5) == math.inf


def test_two_samples_are_enough() -> None:
    assert monte_carlo(torch.tensor([1.0, 3.0])) == MonteCarlo(2.0, 1.0, 2)
    with pytest.raises(ValueError, match=r"one axis of at least 2, got shape \(1,\)"):
        monte_carlo(torch.ones(1))
    with pytest.raises(ValueError, match=r"one axis of at least 2, got shape \(\)"):
        monte_carlo(torch.tensor(1.0))


def test_what_is_below_the_tolerance_by_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="could not disagree"):
        verify("1.1", 2.0**-30, exact=2.0**-30, other=-(2.0**-30))


def test_rounding_at_its_limit() -> None:
    """One part in 10¹⁴ is forgiven, two are not."""
    for sign in (1, -1):
        exact = sign * 2.0**50
        assert MonteCarlo(exact + sign * 11.0, 1.0, 10).z_score(exact) == 0.0  # 11 of 1.1e15
        assert MonteCarlo(exact + sign * 22.0, 1.0, 10).z_score(exact) == sign * 22.0


def test_a_verdict_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    verify(
        "1.1",
        exact=-1.5,
        seen=MonteCarlo(-1.52, 0.021, 1000),
        sure=MonteCarlo(-1.5, 0.0, 10),
        wide=MonteCarlo(-2.5, 32.0, 10),
    )
    verify("1.2", both=torch.tensor([-0.5, 1234.5678]), again=torch.tensor([-0.5, 1234.5678]))
    verify_at_most("1.3", low=-2e-11, high_up=torch.arange(1200.0))
    assert capsys.readouterr().out == (
        "✓ (1.1): exact, seen (n = 1,000), sure (n = 10) and wide (n = 10) agree\n"
        "✓ (1.2): both and again agree to 1e-10 in 2 numbers\n"
        "✓ (1.3): low ≤ high up in 1,200 numbers\n"
    )


def test_in_a_notebook_a_line_is_displayed_with_its_routes_folded(
    shown: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verify("1.1", exact=-1.5, seen=MonteCarlo(-1.52, 0.021, 1000), wide=MonteCarlo(-2.5, 32.0, 10))
    verify("1.2", both=torch.tensor([-0.5, 12.0]), again_so=torch.tensor([-0.5, 12.0]))
    verify("1.2", one=12.0, again=12.0)
    verify_at_most("1.3", low=-2.0, high_up=torch.arange(1200.0), last=1199.0)
    verify_at_most("1.3", low=-2.0, high=1.0, same=1.0 - 1e-12)
    assert [(table.line, list(table.rows)) for table in shown] == [
        (
            "✓ (1.1): exact, seen (n = 1,000) and wide (n = 10) agree",
            [
                ("exact", "−1.5", ""),
                ("seen", "−1.520 ± 0.021", "1.0 standard errors below, 1,000 samples"),
                ("wide", "−2 ± 32", "0.0 standard errors below, 10 samples"),
            ],
        ),
        (
            "✓ (1.2): both and again so agree to 1e-10 in 2 numbers",
            [
                ("both", "2 numbers", ""),
                ("again so", "2 numbers", "all agree to 1e-10"),
            ],
        ),
        (
            "✓ (1.2): one and again agree to 1e-10",
            [("one", "12", ""), ("again", "12", "agrees to 1e-10")],
        ),
        (
            "✓ (1.3): low ≤ high up ≤ last in 1,200 numbers",
            [
                ("low", "−2", ""),
                ("high up", "1,200 numbers", "at least 2 above low"),
                ("last", "1199", "at least 0 above high up"),
            ],
        ),
        (
            "✓ (1.3): low ≤ high ≤ same",
            [("low", "−2", ""), ("high", "1", "3 above low"), ("same", "1", "0 above high")],
        ),
    ]
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: None)
    verify("1.1", exact=1.0, other=1.0)
    assert len(shown) == 5
    assert capsys.readouterr().out == "✓ (1.1): exact and other agree to 1e-10\n"


def test_a_folded_table_escapes_its_text() -> None:
    table = FoldedTable("1 < 2", [("a", "1", "<ok>"), ("b", "2", "")])
    page = table._repr_html_()
    assert page.startswith("<details><summary>1 &lt; 2</summary><table><tr>")
    assert re.findall(r"text-align:(\w+);[^>]*>([^<]*)<", page) == [
        *(("left", "a"), ("right", "1"), ("left", "&lt;ok&gt;")),
        *(("left", "b"), ("right", "2"), ("left", "")),
    ]
    assert repr(table) == "1 < 2"


def test_an_estimate_of_one_number_is_not_held_to_several() -> None:
    with pytest.raises(ValueError, match=r"simulation estimates one number, but exact has.*\(2,\)"):
        verify("1.1", exact=torch.zeros(2), simulation=MonteCarlo(0.0, 1.0, 10))


@pytest.mark.parametrize("bad", [torch.ones(1), torch.ones(2, 2)])
def test_monte_carlo_refuses_what_has_no_standard_error(bad: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="samples must be one axis"):
        monte_carlo(bad)


def test_verify_needs_an_exact_first_route_and_two_of_them() -> None:
    with pytest.raises(ValueError, match="at least two"):
        verify("1.1", only=1.0)
    with pytest.raises(ValueError, match="first route must be exact"):
        verify("1.1", simulation=MonteCarlo(0.0, 1.0, 10), exact=0.0)
    with pytest.raises(ValueError, match="hold a number"):
        verify("1.1", exact=torch.zeros(0), other=torch.zeros(0))


def test_verify_at_most_orders_a_chain(shown: list[Any]) -> None:
    verify_at_most("3.2", elbo=-2.0, tighter=torch.tensor([-1.9, -1.8]), log_evidence=-1.5)
    assert [remark for _, _, remark in shown[0].rows] == [
        "",
        "at least 0.1 above elbo",
        "at least 0.3 above tighter",
    ]
    with pytest.raises(VerificationError, match=r"at most log evidence .* exceeds it by 0\.1"):
        verify_at_most("3.2", elbo=-1.4, log_evidence=-1.5)
    with pytest.raises(VerificationError):
        verify_at_most("3.2", elbo=math.nan, log_evidence=-1.5)


@pytest.fixture
def exercise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two exercises of this test's own, a number and a function."""
    number = Exercise("0.a", lambda: 2.0, [Mistake(-2.0, "mind the sign")])
    square = Exercise(
        "0.b",
        lambda: lambda z: z**2,
        [Mistake(lambda z: 2 * z, "that is its derivative")],
        cases=[(3.0,), (torch.tensor([1.0, 4.0]),)],
    )
    monkeypatch.setitem(EXERCISES, "0.a", number)
    monkeypatch.setitem(EXERCISES, "0.b", square)


@pytest.mark.usefixtures("exercise")
class TestJudge:
    def test_unanswered(self) -> None:
        assert judged("0.a", ...).message == "0.a: not answered yet"
        assert judged("0.b", lambda z: None).message == "0.b: not answered yet"
        assert not judged("0.a", None).accepted

    def test_right(self) -> None:
        assert judged("0.a", 2.0001).accepted
        assert judged("0.a", 2.0).message == "0.a: right: 2 nats"
        assert judged("0.b", lambda z: z * z).accepted

    def test_a_known_mistake_gets_its_hint(self) -> None:
        assert judged("0.a", -2.0).message == "0.a: not yet. mind the sign"
        assert judged("0.b", lambda z: z + z).message == "0.b: not yet. that is its derivative"

    def test_a_known_mistake_may_give_no_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ratio = Mistake(lambda z: z / z, "0/0 is no number")
        root = Exercise("0.c", lambda: lambda z: z + 1, [ratio], cases=[(torch.zeros(2),)])
        monkeypatch.setitem(EXERCISES, "0.c", root)
        assert judged("0.c", lambda z: 0 * z / z).message == "0.c: not yet. 0/0 is no number"
        half = judged("0.c", lambda z: torch.tensor([1.0, math.nan]))
        assert half.message == (
            "0.c: not yet. Your function gives other numbers than it should: number 2 of 2 is NaN, "
            "no number"
        )
        assert judged("0.c", lambda z: 1 + z).accepted

    def test_another_mistake_is_refused(self) -> None:
        verdict = judged("0.a", 7.0)
        assert not verdict.accepted
        assert "7 nats is not it" in verdict.message
        assert not judged("0.a", math.nan).accepted

    def test_an_answer_that_raises_is_reported(self) -> None:
        verdict = judged("0.b", lambda z: z / 0)
        assert "your answer raised" in verdict.message
        assert "a function is wanted, got 3.0" in judged("0.b", 3.0).message

    @pytest.mark.parametrize("shape", [(1,), (1, 1)])
    def test_one_number_may_have_axes(self, shape: tuple[int, ...]) -> None:
        assert judged("0.a", torch.full(shape, 2.0)).message == "0.a: right: 2 nats"
        assert judged("0.a", torch.full(shape, -2.0)).message == "0.a: not yet. mind the sign"
        assert judged("0.a", [[2.0]]).accepted

    def test_several_numbers_may_stand_in_a_column(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(EXERCISES, "0.d", Exercise("0.d", lambda: [1.0, 3.0]))
        assert judged("0.d", torch.tensor([[1.0], [3.0]])).accepted
        wrong = judged("0.d", [3.0, 1.0]).message
        assert wrong == (
            "0.d: not yet. At least one of your 2 numbers is not right: number 1 of 2 is too high "
            "by 2 nats, a factor of 3"
        )
        assert judged("0.d", 1.0).message == "0.d: not yet. 2 numbers are wanted, got 1"
        assert judged("0.a", [2.0, 2.0]).message == "0.a: not yet. One number is wanted, got 2"

    def test_text_is_no_number(self) -> None:
        assert judged("0.a", "text").message == "0.a: a number is wanted, got 'text'"
        assert judged("0.b", lambda z: "text").message == "0.b: a number is wanted, got 'text'"
        assert judged("0.a", {}).message == "0.a: a number is wanted, got {}"

    def test_an_unknown_name_is_an_error(self) -> None:
        with pytest.raises(ValueError, match=r"no exercise '9\.z'; did you mean 9"):
            judged("9.z", 1.0)

    @pytest.mark.parametrize("name", ["10.E", "10d", "answer_10_d", "10 d", "10,d", "1O.d"])
    def test_close_names_are_suggested(self, name: str) -> None:
        with pytest.raises(ValueError, match=r"no exercise '.*'; did you mean .*10\.d.*\?$"):
            check(name, 1.0)

    def test_a_name_like_none_gets_the_pattern(self) -> None:
        with pytest.raises(ValueError, match=r"no exercise 'kl'; names are such as 4\.b"):
            check("kl", 1.0)
        for name in (0.5, None, ["0.a"]):
            with pytest.raises(ValueError, match='check takes a name such as "1.a" before'):
                check(name)  # type: ignore[arg-type]

    @pytest.mark.parametrize("blank", [[...], (2.0, ...), "…", "...", " ", [[None]], torch.tensor])
    def test_an_ellipsis_anywhere_is_no_answer(self, blank: Any) -> None:
        unanswered = "0.a: not answered yet" if blank is not torch.tensor else "0.a: a number is"
        assert judged("0.a", blank).message.startswith(unanswered)
        assert judged("0.b", blank).message != "0.b: right"
        if isinstance(blank, (str, list)):
            assert judged("0.b", blank).message == "0.b: not answered yet"

    def test_a_function_that_returns_nothing(self) -> None:
        def untouched(z: Any) -> None: ...

        def documented(z: Any) -> None:
            """What it should do."""

        def forgotten(z: Any) -> None:
            z = z**2

        def partly(z: Any) -> Any:
            return z**2 if isinstance(z, float) else ...

        assert judged("0.b", untouched).message == "0.b: not answered yet"
        assert judged("0.b", documented).message == "0.b: not answered yet"
        for function in (forgotten, partly):
            words = judged("0.b", function).message
            assert words.endswith("gives back None or an ellipsis: is its return missing?")

    def test_several_answers_are_one_list(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(EXERCISES, "0.e", Exercise("0.e", lambda: [1.0, 3.0]))
        check("0.e", 1.0, 3.0)
        check("0.a", 1.0, 3.0)
        check("0.b", torch.square, 3.0)
        check("0.a")
        assert capsys.readouterr().out.splitlines() == [
            "0.e: right",
            "0.a: not yet. One number is wanted, got 2",
            "0.b: a function is wanted, got (a function, 3.0); give its name alone, with no call",
            "0.a: not answered yet",
        ]

    def test_a_function_is_no_number(self) -> None:
        assert judged("0.a", abs).message == "0.a: a number is wanted, got a function"

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            (5.0, "0.a: not yet: 5 nats is not it: it is too high by 3 nats, a factor of 2.5"),
            (0.8, "0.a: not yet: 0.8 nats is not it: it is too low by 1.2 nats, a factor of 2.5"),
            (2.123, "0.a: not yet: 2.123 nats is not it: it is too high by 0.12 nats"),
            (1.9, "0.a: not yet: 1.9 nats is not it: it is too low by 0.1 nats"),
            (2.3, "0.a: not yet: 2.3 nats is not it: it is too high by 0.3 nats, a factor of 1.1"),
            (0.3, "0.a: not yet: 0.3 nats is not it: it is too low by 1.7 nats, a factor of 6.7"),
            (-5.0, "0.a: not yet: −5 nats is not it: it is too low by 7 nats"),
            (0.0, "0.a: not yet: 0 nats is not it: it is too low by 2 nats"),
            (math.nan, "0.a: not yet: nan nats is not it: it is NaN, no number"),
            (
                math.inf,
                "0.a: not yet: inf nats is not it: it is inf, and a finite number is wanted",
            ),
            (
                4321.0,
                "0.a: not yet: 4321 nats is not it: it is too high by 4300 nats, a factor of 2200",
            ),
        ],
    )
    def test_a_wrong_number_is_told_which_way_and_how_far(self, given: float, words: str) -> None:
        assert judged("0.a", given) == Verdict(False, words)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda v: 3 * v, "every number is 3 times what it should be"),
            (lambda v: -3 * v, "every number is −3 times what it should be"),
            (lambda v: v + 0.35, "every number is too high by 0.35"),
            (lambda v: v - 0.35, "every number is too low by 0.35"),
            (
                lambda v: v + 5 * (v == 1),
                "in call 2 of 2 number 1 of 2 is too high by 5, a factor of 6",
            ),
            (
                lambda v: v - 5 * (v == 16),
                "in call 2 of 2 number 2 of 2 is too low by 5, a factor of 1.5",
            ),
            (lambda v: 0 * v, "in call 1 of 2 it is too low by 9"),
            (lambda v: v + v**2, "in call 1 of 2 it is too high by 81, a factor of 10"),
        ],
    )
    def test_a_wrong_function_is_told_which_way_and_how_far(
        self, change: Callable[[torch.Tensor], torch.Tensor], words: str
    ) -> None:
        verdict = judged("0.b", lambda z: change(torch.as_tensor(z) ** 2))
        assert not verdict.accepted
        assert verdict.message == (
            f"0.b: not yet. Your function gives other numbers than it should: {words}"
        )

    def test_where_a_zero_is_wanted_a_factor_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        steps = Exercise("0.f", lambda: lambda z: z, cases=[(torch.tensor([0.0, 1.0, 2.0]),)])
        monkeypatch.setitem(EXERCISES, "0.f", steps)
        assert "every number is 4 times what" in judged("0.f", lambda z: 4 * z).message
        assert judged("0.f", lambda z: 2 * z + (z == 0)).message.endswith(
            "number 1 of 3 is too high by 1"
        )

    def test_the_count_of_numbers_is_told(self) -> None:
        assert judged("0.b", lambda z: torch.ones(3)).message == (
            "0.b: not yet. One number is wanted in call 1 of 2, got 3"
        )
        assert judged("0.b", lambda z: 9.0).message == (
            "0.b: not yet. 2 numbers are wanted in call 2 of 2, got 1"
        )

    @pytest.mark.parametrize(
        ("off", "accepted"),
        [(0.99e-3, True), (1.01e-3, False), (-0.99e-3, True), (-1.01e-3, False)],
    )
    def test_the_tolerance_is_relative_to_the_answer(self, off: float, accepted: bool) -> None:
        assert judged("0.a", 2.0 + off).accepted == accepted  # 5e-4 of 2

    @pytest.mark.parametrize(("off", "accepted"), [(0.49e-3, True), (0.51e-3, False)])
    def test_of_a_small_answer_it_is_absolute(
        self, off: float, accepted: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(EXERCISES, "0.g", Exercise("0.g", lambda: 0.1))
        assert judged("0.g", 0.1 + off).accepted == accepted

    def test_at_the_tolerance_itself_an_answer_is_right(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        half = Exercise("0.h", lambda: 0.0, tolerance=2.0**-11)
        monkeypatch.setitem(EXERCISES, "0.h", half)
        assert judged("0.h", 2.0**-11).accepted
        assert not judged("0.h", 2.0**-11 + 2.0**-40).accepted

    def test_a_huge_answer_does_not_widen_its_own_room(self) -> None:
        assert not judged("0.a", 1e30).accepted


@pytest.mark.parametrize("answer", [320, 321, 322, 323])
def test_draws_may_be_counted_in_whole_numbers(
    answer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tolerance of 2e-3 takes either side of 321.4, as (1.5) has it with d = 10 and 10 %."""
    draws = Exercise("0.b", lambda: 100 * ((4 / 3) ** 5 - 1), unit="draws", tolerance=2e-3)
    monkeypatch.setitem(EXERCISES, "0.b", draws)
    assert judged("0.b", answer).accepted == (answer in (321, 322))


@pytest.mark.parametrize("name", sorted(EXACT))
def test_every_exercise_accepts_its_answer_and_hints_at_each_mistake(name: str) -> None:
    exercise = exact(name)
    assert judged(name, exercise.expected()).accepted
    for mistake in exercise.mistakes:
        verdict = judged(name, mistake.answer)
        assert not verdict.accepted
        assert verdict.message.endswith(mistake.hint)
