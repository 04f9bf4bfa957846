"""The checks themselves: right answers pass, wrong ones fail, and the message says which."""

import importlib
import math

import pytest
import torch

from course_lib.checks import (
    EXERCISES,
    Exercise,
    Mistake,
    MonteCarlo,
    VerificationError,
    judge,
    monte_carlo,
    verify,
    verify_at_most,
)


def test_verify_shows_every_route(capsys):
    verify("4.2", closed_form=-1.5155122, quadrature=-1.5155122 + 1e-13)
    out = capsys.readouterr().out
    assert "Equation 4.2 holds" in out
    assert "closed form  −1.51551" in out
    assert "quadrature   −1.51551  agree to 1e-10" in out


def test_rounding_is_shown_as_zero(capsys):
    verify("1.7", tolerance=1e-8, zero=0.0, slope=4.05e-14)
    assert "slope  0  agree to 1e-08" in capsys.readouterr().out


def test_verify_raises_and_names_both_routes():
    with pytest.raises(VerificationError, match=r"4\.2: quadrature gives −1.5 and closed form"):
        verify("4.2", closed_form=-1.6, quadrature=-1.5)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_verify_refuses_what_is_no_number(wrong):
    with pytest.raises(VerificationError):
        verify("4.1", exact=1.0, other=wrong)


def test_verify_accepts_the_same_infinity():
    verify("4.1", exact=-math.inf, other=-math.inf)


def test_verify_compares_every_entry_of_a_tensor():
    values = torch.linspace(0, 1, 5, dtype=torch.float64)
    verify("1.1", first=values, second=values.clone())
    altered = values.clone()
    altered[3] += 1e-6
    with pytest.raises(VerificationError):
        verify("1.1", first=values, second=altered)


def test_verify_judges_monte_carlo_by_its_z_score():
    samples = torch.randn(10_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    verify("1.4", exact=0.0, simulation=monte_carlo(samples))
    with pytest.raises(VerificationError, match="standard errors apart"):
        verify("1.4", exact=0.05, simulation=monte_carlo(samples))


def test_monte_carlo_gives_mean_and_standard_error():
    result = monte_carlo(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert result.estimate == 2.5
    assert result.standard_error == pytest.approx(math.sqrt(5 / 3) / 2)
    assert MonteCarlo(1.0, 0.0, 5).z_score(1.0) == 0.0
    assert MonteCarlo(1.0, 0.0, 5).z_score(2.0) == -math.inf


def test_monte_carlo_refuses_samples_that_are_no_numbers():
    for bad in (torch.tensor([1.0, math.nan]), torch.tensor([1.0, math.inf])):
        with pytest.raises(ValueError, match="samples must be finite, got (nan|inf) at index"):
            monte_carlo(bad)
    for kind in ([1.0, 2.0], torch.tensor([1, 2])):
        with pytest.raises(ValueError, match="samples must be a tensor of floats"):
            monte_carlo(kind)


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
def test_what_cannot_be_compared_is_refused(routes, message):
    for compare in (verify, verify_at_most):
        with pytest.raises(ValueError, match=message):
            compare("1.1", **routes)


def test_an_estimate_of_one_number_is_not_held_to_several():
    with pytest.raises(ValueError, match=r"simulation estimates one number, but exact has.*\(2,\)"):
        verify("1.1", exact=torch.zeros(2), simulation=MonteCarlo(0.0, 1.0, 10))


@pytest.mark.parametrize("bad", [torch.ones(1), torch.ones(2, 2)])
def test_monte_carlo_refuses_what_has_no_standard_error(bad):
    with pytest.raises(ValueError, match="samples must be one axis"):
        monte_carlo(bad)


def test_verify_needs_an_exact_first_route_and_two_of_them():
    with pytest.raises(ValueError, match="at least two"):
        verify("1.1", only=1.0)
    with pytest.raises(ValueError, match="first route must be exact"):
        verify("1.1", simulation=MonteCarlo(0.0, 1.0, 10), exact=0.0)
    with pytest.raises(ValueError, match="hold a number"):
        verify("1.1", exact=torch.zeros(0), other=torch.zeros(0))


def test_verify_at_most_orders_a_chain(capsys):
    verify_at_most("3.2", elbo=-2.0, tighter=torch.tensor([-1.9, -1.8]), log_evidence=-1.5)
    assert "at least elbo" in capsys.readouterr().out
    with pytest.raises(VerificationError, match=r"at most log evidence .* exceeds it by 0\.1"):
        verify_at_most("3.2", elbo=-1.4, log_evidence=-1.5)
    with pytest.raises(VerificationError):
        verify_at_most("3.2", elbo=math.nan, log_evidence=-1.5)


@pytest.fixture
def exercise(monkeypatch):
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
    def test_unanswered(self):
        assert judge("0.a", ...).message == "0.a: not answered yet"
        assert judge("0.b", lambda z: None).message == "0.b: not answered yet"
        assert not judge("0.a", None).accepted

    def test_right(self):
        assert judge("0.a", 2.0001).accepted
        assert judge("0.a", 2.0).message == "0.a: right: 2 nats"
        assert judge("0.b", lambda z: z * z).accepted

    def test_a_known_mistake_gets_its_hint(self):
        assert judge("0.a", -2.0).message == "0.a: not yet. mind the sign"
        assert judge("0.b", lambda z: z + z).message == "0.b: not yet. that is its derivative"

    def test_a_known_mistake_may_give_no_number(self, monkeypatch):
        ratio = Mistake(lambda z: z / z, "0/0 is no number")
        root = Exercise("0.c", lambda: lambda z: z + 1, [ratio], cases=[(torch.zeros(2),)])
        monkeypatch.setitem(EXERCISES, "0.c", root)
        assert judge("0.c", lambda z: 0 * z / z).message == "0.c: not yet. 0/0 is no number"
        half = judge("0.c", lambda z: torch.tensor([1.0, math.nan]))
        assert half.message == (
            "0.c: not yet. Your function gives other numbers than it should: number 2 of 2 is NaN, "
            "no number"
        )
        assert judge("0.c", lambda z: 1 + z).accepted

    def test_another_mistake_is_refused(self):
        verdict = judge("0.a", 7.0)
        assert not verdict.accepted
        assert "7 nats is not it" in verdict.message
        assert not judge("0.a", math.nan).accepted

    def test_an_answer_that_raises_is_reported(self):
        verdict = judge("0.b", lambda z: z / 0)
        assert "your answer raised" in verdict.message
        assert "a function is wanted, got 3.0" in judge("0.b", 3.0).message

    @pytest.mark.parametrize("shape", [(1,), (1, 1)])
    def test_one_number_may_have_axes(self, shape):
        assert judge("0.a", torch.full(shape, 2.0)).message == "0.a: right: 2 nats"
        assert judge("0.a", torch.full(shape, -2.0)).message == "0.a: not yet. mind the sign"
        assert judge("0.a", [[2.0]]).accepted

    def test_several_numbers_may_stand_in_a_column(self, monkeypatch):
        monkeypatch.setitem(EXERCISES, "0.d", Exercise("0.d", lambda: [1.0, 3.0]))
        assert judge("0.d", torch.tensor([[1.0], [3.0]])).accepted
        wrong = judge("0.d", [3.0, 1.0]).message
        assert wrong == (
            "0.d: not yet. At least one of your 2 numbers is not right: number 1 of 2 is too high "
            "by 2 nats, a factor of 3"
        )
        assert judge("0.d", 1.0).message == "0.d: not yet. 2 numbers are wanted, got 1"
        assert judge("0.a", [2.0, 2.0]).message == "0.a: not yet. One number is wanted, got 2"

    def test_text_is_no_number(self):
        assert judge("0.a", "text").message == "0.a: a number is wanted, got 'text'"
        assert judge("0.b", lambda z: "text").message == "0.b: a number is wanted, got 'text'"
        assert judge("0.a", {}).message == "0.a: a number is wanted, got {}"

    def test_an_unknown_name_is_an_error(self):
        with pytest.raises(ValueError, match=r"no exercise '9\.z'"):
            judge("9.z", 1.0)


@pytest.mark.parametrize("answer", [320, 321, 322, 323])
def test_draws_may_be_counted_in_whole_numbers(answer):
    assert judge("1.b", answer).accepted == (answer in (321, 322))  # 321.4 are needed


def _course_exercises():
    importlib.import_module("course_lib.exercises")
    return sorted(EXERCISES)


@pytest.mark.parametrize("name", _course_exercises())
def test_every_exercise_accepts_its_answer_and_hints_at_each_mistake(name):
    exercise = EXERCISES[name]
    assert judge(name, exercise.expected()).accepted
    for mistake in exercise.mistakes:
        verdict = judge(name, mistake.answer)
        assert not verdict.accepted
        assert verdict.message.endswith(mistake.hint)
