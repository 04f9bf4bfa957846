"""Chapter 4's exercises that are no number: what is right, by SciPy, and what is said of the rest.

The bug hunt's answers are in exercise_answers and exercise_mistakes.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from notebook_rules import FOLDER, Notebook, exercise_name
from scipy.integrate import quad
from scipy.optimize import minimize

from course_lib.checks import Blanks, MultipleChoice
from course_lib.distributions import DiagonalGaussian, FullGaussian, GaussianMixture, Laplace
from course_lib.exact import square_world
from course_lib.exercises import find, judged
from course_lib.exercises.divergence import gap_to_two_humps

CHAPTER = Notebook.read(FOLDER / "04_kl_divergence.ipynb")
LOG_2_PI = math.log(2 * math.pi)


def log_normal(z: Any, mean: float, std: float) -> Any:
    return -0.5 * ((z - mean) / std) ** 2 - math.log(std) - 0.5 * LOG_2_PI


# ---- 4.a: blanks ----


def log_two_humps(z: Any) -> Any:
    return np.logaddexp(log_normal(z, -2, 0.5), log_normal(z, 2, 0.5)) - math.log(2)


def test_the_blanks_are_filled_by_the_best_gaussian_of_a_search() -> None:
    z = np.linspace(-12, 12, 24_001)
    step, p = z[1] - z[0], np.exp(log_two_humps(z))

    def turned_round(place: Any) -> float:
        return float(-step * np.sum(p * log_normal(z, place[0], math.exp(place[1]))))

    found = minimize(turned_round, (0.7, 0.1), method="Nelder-Mead", options={"xatol": 1e-9})
    assert found.x[0] == pytest.approx(0, abs=1e-4)
    assert math.exp(2 * found.x[1]) == pytest.approx(4.25, abs=1e-3)
    on_one = np.exp(log_normal(z, 2, 0.5))
    gap = step * np.sum(on_one * (log_normal(z, 2, 0.5) - log_two_humps(z)))
    assert gap == pytest.approx(math.log(2), abs=1e-3)
    assert judged("4.a", ["second", "0", "4.25", "log 2"]).message == "4.a: right"


def words_of_the_text(part: str) -> list[list[str]]:
    """The words that the text offers for each blank, in quotes behind it."""
    cell = next(cell for cell in CHAPTER.cells if part in cell.source and not cell.is_code)
    lines = cell.source.split(part)[1].split("**(")[1:]
    return [line.split("(", 1)[1].split(")")[0].split('"')[1::2] for line in lines]


def test_each_blank_offers_what_the_text_does() -> None:
    exercise = find("4.a")
    assert isinstance(exercise, Blanks)
    offered = words_of_the_text("**4.a Derive.**")
    assert [sorted(words) for words in offered] == [sorted(b.options) for b in exercise.blanks]


# ---- 4.b: the bug that the cell holds ----


def test_the_cells_function_is_the_bug_and_its_first_repairs_are_answered() -> None:
    (cell,) = (cell for cell in CHAPTER.exercises if exercise_name(cell) == "4.b")
    space: dict[str, Any] = {"torch": torch, "check": lambda *_: None}
    exec(cell.source, space)
    given: Callable[..., Any] = space["kl_on_a_grid"]
    q, p = (DiagonalGaussian.from_std([[0.0]], [[std]]) for std in (1.0, 2.0))
    assert given(q, p).item() == pytest.approx(1.5 - math.log(2), abs=1e-6)  # six σ
    assert judged("4.b", given).message.startswith("4.b: not yet. Those are still the numbers")
    repairs = {
        ".abs()": ("", "not yet. Without abs the fault shows"),
        "q.log_prob(z) - p.log_prob(z)": ("p.log_prob(z) - q.log_prob(z)", "not yet. Those are"),
        "chance = p": ("chance = q", "right"),
    }
    for old, (new, said) in repairs.items():
        exec(cell.source.replace(old, new), space)
        assert judged("4.b", space["kl_on_a_grid"]).message.startswith(f"4.b: {said}")


# ---- 4.c: a diagnosis ----


def test_every_subset_of_the_sentences_is_judged() -> None:
    exercise = find("4.c")
    assert isinstance(exercise, MultipleChoice)
    options = ["i", "ii", "iii", "iv", "v", "vi"]
    assert sorted(options) == exercise.options
    for size in range(1, 7):
        for chosen in itertools.combinations(options, size):
            said = judged("4.c", list(chosen))
            assert said.accepted == (set(chosen) == {"i", "v", "vi"})
            wrong = sorted(set(chosen) - {"i", "v", "vi"})
            if wrong:
                assert exercise.reasons[wrong[0]] in said.message


def test_the_sentences_hold_or_fail_in_worlds_with_those_logs() -> None:
    """Two worlds, (log p(x), ELBO): both have the logs of the text, and ii and iii differ."""
    a, b = -101.3 - 25.1, -103.9 - 22.8
    assert a > b  # i
    for log_p_a, log_p_b in ((a, b + 5), (a + 5, b)):
        assert log_p_a >= a  # v
        smaller = log_p_a - a < log_p_b - b  # ii
        assert smaller == (log_p_a == a)
    assert all(log_p - a < log_p - b for log_p in (-120.0, a))  # vi


# ---- 4.d: a design ----


def scipy_gap(log_q: Callable[[float], float], cuts: list[float]) -> float:
    """KL(q ‖ p(z|x)), p(z|x) ∝ N(z; 0, 1) N(2; z², 0.5²)."""

    def log_joint(z: float) -> float:
        return float(log_normal(z, 0, 1) + log_normal(2.0, z * z, 0.5))

    def total(f: Callable[[float], float]) -> float:
        parts = itertools.pairwise([-9.0, *cuts, 9.0])
        return sum(quad(f, a, b, limit=300, epsabs=1e-12)[0] for a, b in parts)

    log_p = math.log(total(lambda z: math.exp(log_joint(z))))
    return total(lambda z: math.exp(log_q(z)) * (log_q(z) - log_joint(z))) + log_p


def two(mean: float = 1.35, std: float = 0.18, share: float = 0.5) -> GaussianMixture:
    log_weights = torch.tensor([share, 1 - share], dtype=torch.float64).log()
    return GaussianMixture(
        log_weights, DiagonalGaussian.from_std([[mean], [-mean]], [[std], [std]])
    )


@pytest.mark.parametrize(
    ("mean", "std", "share"), [(1.35, 0.18, 0.5), (1.33, 0.188, 0.5), (1.2, 0.3, 0.3)]
)
def test_the_gap_of_a_mixture_is_that_of_scipy(mean: float, std: float, share: float) -> None:
    def log_q(z: float) -> float:
        left = log_normal(z, -mean, std) + math.log(1 - share)
        return float(np.logaddexp(log_normal(z, mean, std) + math.log(share), left))

    wanted = scipy_gap(log_q, [-mean, 0.0, mean])
    assert gap_to_two_humps(two(mean, std, share)) == pytest.approx(wanted, abs=1e-8)


def full_gaussian(mean: float, std: float) -> FullGaussian:
    numbers = (torch.tensor(values, dtype=torch.float64) for values in ([mean], [[std**2]]))
    return FullGaussian.from_covariance(*numbers)


def test_the_gap_of_a_gaussian_is_that_of_scipy() -> None:
    wanted = scipy_gap(lambda z: float(log_normal(z, 1.35, 0.18)), [0.0, 1.35, 2.2])
    for q in (DiagonalGaussian.from_std(1.35, 0.18), full_gaussian(1.35, 0.18)):
        assert gap_to_two_humps(q) == pytest.approx(wanted, abs=1e-8)


RIGHT = [two(), two(1.33, 0.188), two(1.34, 0.17), two(share=0.45)]
SHORT = [
    DiagonalGaussian.from_std(1.33, 0.188),
    DiagonalGaussian.from_std(0.0, 1.34),
    Laplace(torch.tensor([1.35]).double(), torch.tensor([-2.0]).double()),
    two(1.0),
    two(1.35, 0.1),
    two(share=0.1),
]
REFUSED: list[tuple[Any, str]] = [
    (3.0, "q must be one distribution of one number"),
    (RIGHT, "q must be one distribution of one number"),
    (DiagonalGaussian.from_std([[0.0], [1.0]], 1.0), "of event (1,) and batch (2,)"),
    (DiagonalGaussian.from_std([1.35, -1.35], 0.18), "q must be one distribution"),
    (DiagonalGaussian.from_std([[1.35], [-1.35]], [[0.18], [0.18]]), "q must be one distribution"),
    (square_world(s=0.5).posterior(torch.tensor([2.0]).double()), "q must be one distribution"),
    (DiagonalGaussian.from_std(0.0, 9.0), "between −12 and 12 q has the mass 0.8"),
    (DiagonalGaussian.from_std(1.35, 1e-5), "is it too wide or narrow?"),
]


@pytest.mark.parametrize("q", RIGHT)
def test_a_mixture_on_both_humps_is_accepted(q: GaussianMixture) -> None:
    assert judged("4.d", q).accepted


@pytest.mark.parametrize("q", SHORT)
def test_what_falls_short_is_told_by_how_much(q: Any) -> None:
    said = judged("4.d", q)
    assert not said.accepted
    assert said.message.startswith("4.d: not yet: the gap is ")


@pytest.mark.parametrize(("q", "words"), REFUSED)
def test_what_is_no_q_is_told_why(q: Any, words: str) -> None:
    said = judged("4.d", q)
    assert not said.accepted
    assert words in said.message
    assert "raised" not in said.message


@pytest.mark.parametrize("name", ["4.a", "4.b", "4.c", "4.d"])
def test_each_has_two_hints(name: str) -> None:
    first, second = find(name).hints
    assert first != second
