"""Chapter 11's exercises: blanks, a warm-up to mend, two logs, an upper arrow to build."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from notebook_rules import Notebook

from course_lib.checks import Blanks, Design
from course_lib.exact import ScalarChain, TanhArrow
from course_lib.exercises import EXERCISES, judged
from course_lib.exercises.markov_hvae import LOWER, lean
from course_lib.shipped.clinic import clinic_log
from course_lib.shipped.clinic.faults import PROGRAMS
from course_lib.teach.judging import tried_answer, verdict_on_record
from course_lib.teach.notebooks import chapter_path


def test_the_words_of_the_derivation_are_those_of_numbers() -> None:
    """400,000 draws of x = a_1 (a_2 z + s_2 ε_1) + s_1 ε_0: each right word fits, no wrong one."""
    a_1, a_2, s_1, s_2 = -1.7, 0.6, 0.4, 1.3
    z, e_0, e_1 = np.random.default_rng(11).normal(size=(3, 400_000))
    x = a_1 * (a_2 * z + s_2 * e_1) + s_1 * e_0
    rest = x - a_1 * a_2 * z - s_1 * e_0
    noise = float((x - a_1 * a_2 * z).var())
    first, second, third, fourth = _blanks()
    parts = {"a_1 s_2 ε_1": a_1 * s_2, "s_2 ε_1": s_2, "a_2 s_2 ε_1": a_2 * s_2}
    assert {word for word, slope in parts.items() if np.allclose(rest, slope * e_1)} == {first}
    sums = {
        "variances": (a_1 * s_2) ** 2 + s_1**2,
        "standard deviations": (abs(a_1 * s_2) + s_1) ** 2,
    }
    assert {word for word, v in sums.items() if v == pytest.approx(noise, rel=0.01)} == {second}
    variances = {
        "a_1² s_2² + s_1²": a_1**2 * s_2**2 + s_1**2,
        "s_2² + s_1²": s_2**2 + s_1**2,
        "(a_1 s_2 + s_1)²": (a_1 * s_2 + s_1) ** 2,
        "a_2² s_2² + s_1²": a_2**2 * s_2**2 + s_1**2,
    }
    assert {w for w, v in variances.items() if v == pytest.approx(noise, rel=0.01)} == {third}
    bent = np.tanh(3 * z)  # a Gaussian has excess kurtosis 0, this has less than −1
    assert (bent**4).mean() / (bent**2).mean() ** 2 - 3 < -1
    assert fourth == "tanh of a Gaussian is not Gaussian"


def _blanks() -> list[str]:
    exercise = EXERCISES["11.a"]
    assert isinstance(exercise, Blanks)
    return [blank.right for blank in exercise.blanks]


def test_the_logs_have_the_signs_that_the_reasons_name() -> None:
    """What is said of A and C, read off the logs that the exercise shows."""
    assert (PROGRAMS["A"].__name__, PROGRAMS["C"].__name__) == ("Mistaken", "Hasty")
    mistaken, hasty = clinic_log("A"), clinic_log("C")
    assert mistaken.costs.sum(0)[-1].item() == pytest.approx(-10.6, abs=0.1)  # no KL is
    assert mistaken.costs[1, -1].item() == pytest.approx(12.7, abs=0.05)
    assert mistaken.active[1, -1] == 8
    assert (mistaken.elbo.diff() > 0).all()
    assert (hasty.costs > 0).all()
    assert hasty.elbo[0].item() == pytest.approx(-245, abs=0.5)
    assert hasty.costs[1, -1] < 1
    for log in (mistaken, hasty):
        assert (log.reconstruction < 0).all()


@pytest.mark.parametrize("numbers", [(4.0, 0.5, 3.0), (2.0, 1.0, -1.0), (1.0, 0.3, 0.0)])
def test_the_figure_is_the_skew(numbers: tuple[float, float, float]) -> None:
    """By a double sum over z_2 and the noise of z_1, of the moments that 3 tanh(z_1/2) has."""
    a, b, c = numbers
    grid = np.linspace(-8, 8, 801)
    weight = np.exp(-0.5 * grid**2) / np.exp(-0.5 * grid**2).sum()
    z_1 = a * np.tanh(b * grid)[:, None] + c + 0.3 * grid
    mean = 3 * np.tanh(z_1 / 2)
    both = weight[:, None] * weight
    middle = float((both * mean).sum())
    variance = float((both * (mean - middle) ** 2).sum()) + 0.4**2
    skew = float((both * (mean - middle) ** 3).sum()) / math.pow(variance, 1.5)
    assert lean(TanhArrow(a, b, c, 0.3)) == pytest.approx(-abs(skew), abs=1e-6)


def test_an_arrow_that_leans_enough_is_accepted_and_the_explorer_has_none() -> None:
    assert isinstance(EXERCISES["11.d"], Design)
    assert judged("11.d", TanhArrow(4.0, 0.5, 3.0, 0.3)).accepted
    assert judged("11.d", TanhArrow(-4.0, 0.5, -3.0, 0.3)).accepted
    at_hand = [(b, c) for b in (0.2, 0.5, 0.7, 1.0, 2.0, 4.0) for c in (0.5, 1.0, 1.5, 2.0, 3.0)]
    assert all(lean(TanhArrow(2.0, b, c, 0.3)) > -0.7 for b, c in at_hand)


@dataclass(frozen=True)
class Named(TanhArrow):
    """A learner's own, with a word beside its numbers."""

    name: str = "mine"


def test_an_arrow_of_the_learner_s_own_is_an_arrow() -> None:
    assert lean(Named(4.0, 0.5, 3.0, 0.3)) == lean(TanhArrow(4.0, 0.5, 3.0, 0.3))


@pytest.mark.parametrize("noise", [np.float32(0.3), torch.tensor(0.3).double(), Fraction(3, 10)])
def test_the_noise_of_an_arrow_may_be_of_any_kind(noise: Any) -> None:
    """And is so where the arrow is read again from what was handed in."""
    exercise, arrow = EXERCISES["11.d"], TanhArrow(4.0, 0.5, 3.0, noise)
    assert judged("11.d", arrow).accepted
    assert verdict_on_record(exercise, tried_answer(exercise, arrow)).accepted


def test_the_table_of_11_d_falls_short_at_its_a_and_reaches_far_enough_at_4() -> None:
    """Of the cell that is given: no b and c of it lean enough at a = 2; at a = 4 up to 1.31."""
    path = chapter_path(11)
    (cell,) = [
        c for c in Notebook.read(path).code if c.calls("check") and "answer_11_d" in c.source
    ]
    shown: dict[str, Any] = {"ScalarChain": ScalarChain, "TanhArrow": TanhArrow}
    shown |= {"check": lambda *_: None, "table": lambda *_, **__: None}
    for a, most in ((2.0, 0.66), (4.0, 1.31)):
        exec(cell.source.replace("0.4), 2.0", f"0.4), {a}"), shown)
        skews = {
            (b, c): skew
            for b, row in list(shown["rows"].items())[1:]
            for c, skew in zip(shown["rows"]["c"], row, strict=True)
        }
        assert (shown["below"], shown["a"]) == (LOWER, a)
        assert max(map(abs, skews.values())) == pytest.approx(most, abs=0.005)
        for (b, c), skew in skews.items():
            figure = lean(TanhArrow(a, float(b.removeprefix("b = ")), c, 0.3))
            assert figure == pytest.approx(-abs(skew), abs=1e-9)


def test_the_mended_warm_up_prints_the_bound() -> None:
    """Whatever β is, the second number is the ELBO; the first, from step `warm` on, minus it."""
    r, cost = (torch.tensor(v, dtype=torch.float64) for v in ([-9.0, -7], [2.5, 4]))

    def mended(r: torch.Tensor, cost: torch.Tensor, step: int, warm: int) -> torch.Tensor:
        return torch.stack([(min(1, step / warm) * cost - r).mean(), (r - cost).mean()])

    assert judged("11.b", mended).accepted
    assert mended(r, cost, 0, 10).tolist() == [8.0, -11.25]
    assert mended(r, cost, 10, 10).tolist() == [11.25, -11.25]
