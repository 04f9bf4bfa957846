"""Exercises with other numbers: every one that a class may get is solvable, and not by what is
published.
"""

import math
from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path
from statistics import pvariance
from typing import Any

import pytest
import torch
from exercise_answers import CHOICES, DESIGNS, NUMBERS
from exercise_kinds import EXACT, exact
from notebook_rules import Notebook, exercise_name, solved

from course_lib.checks import Design, Exercise
from course_lib.checks.comparison import agree
from course_lib.distributions import DiagonalGaussian, GaussianMixture
from course_lib.exact import TanhArrow
from course_lib.exercises import EXERCISES, find
from course_lib.index import text
from course_lib.teach import exercises_of, in_class
from course_lib.teach.judging import verdict_here
from course_lib.teach.key import computed
from course_lib.teach.notebooks import asked_in, chapter_path, read_notebook
from course_lib.teach.variation import require_class_name
from course_lib.teach.variations import BY_NAME, VARIATIONS

CASES = [
    pytest.param(v, numbers, id=f"{v.name}-{'-'.join(map(str, numbers))}")
    for v in VARIATIONS
    for numbers in v.others
]
OF_NUMBERS = [v for v in VARIATIONS if v.name in EXACT]
NAMES = {
    "DiagonalGaussian": DiagonalGaussian,
    "GaussianMixture": GaussianMixture,
    "TanhArrow": TanhArrow,
    "torch": torch,
}


def normal(mean: float, variance: float) -> str:
    return f"N({round(mean, 2):.3g}, {variance:g})"


def spreads(elbos: tuple[int, ...]) -> list[float]:
    """The variance of twice the sum of two, over all pairs without and with replacement."""
    pairs: list[list[tuple[int, ...]]] = [
        [*combinations(elbos, 2)],
        [*product(elbos, repeat=2)],
    ]
    return [pvariance([2 * sum(pair) for pair in one]) for one in pairs]


def square(w: int, s: int, x: int) -> list[float]:
    """2.a by hand: M, the mean, and two Gaussians' logarithms."""
    total = s * s + w * w
    at_zero = -math.log(2 * math.pi * s * s / total) / 2 - (w * x) ** 2 / (2 * s * s * total)
    return [
        total / (s * s),
        w * x / total,
        at_zero,
        -math.log(2 * math.pi * total) / 2 - x * x / (2 * total),
    ]


LOG_2 = math.log(2)
# Answers to the published designs: in 11.d the published one itself, which leans less than ours.
OLD = DESIGNS | {"11.d": lambda: TanhArrow(4.0, 0.5, 3.0, 0.3)}
# The right answer of given numbers, computed here again; of a design by a line of Python.
RIGHT: dict[str, Callable[..., Any]] = {
    "1.a": lambda s, r: -r - 784 * (math.log(s) + math.log(2 * math.pi) / 2),
    "2.a": square,
    "4.a": lambda m, s: ["second", "0", f"{m * m + s * s:g}", "log 2"],
    "5.a": lambda n: [math.log(n) - LOG_2, 1.5 * LOG_2, math.log(n) - 2.5 * LOG_2],
    "6.c": lambda before, after: {
        3.6: ["a richer q"],
        0.8: ["a wider encoder", "climb q for each test image"],
        2.7: ["a richer q", "more training images", "climb q for each test image"],
        1.2: ["a wider encoder", "more training images", "climb q for each test image"],
    }[after[0]],
    "7.a": lambda w, x: [-w, x * x * w / (w * w + 1) ** 2 - w / (w * w + 1)],
    "9.a": spreads,
    "12.a": lambda order: [CHOICES["12.a"][reading - 1] for reading in order],
    "10.a": lambda a, x, b, c, d: [
        normal(a / 2, 0.5),
        normal((b + c) / 2, 0.5),
        normal(2 * d / 3, 0.67),
    ],
}


def published(name: str) -> Any:
    """What the course's solution to a design builds."""
    path = chapter_path(int(name.split(".")[0]))
    notebook = Notebook.read(path)
    (cell,) = (cell for cell in notebook.exercises if exercise_name(cell) == name)
    return solved(notebook, cell)


def test_every_chapter_has_one() -> None:
    assert {int(name.split(".")[0]) for name in BY_NAME} == set(range(1, 13))


@pytest.mark.parametrize("variation", VARIATIONS, ids=lambda v: v.name)
def test_with_the_published_numbers_it_is_the_course_s_own(variation: Any) -> None:
    made, own = variation.made(variation.name, *variation.published), find(variation.name)
    assert computed(made) == computed(own)
    assert made.hints == own.hints
    if isinstance(own, Design):
        assert (made.most, made.what) == (own.most, own.what)
    assert variation.published not in variation.others
    assert len(set(variation.others)) == len(variation.others)


@pytest.mark.parametrize(("variation", "numbers"), CASES)
def test_its_right_answer_is_accepted_and_the_published_is_not(
    variation: Any, numbers: tuple[Any, ...]
) -> None:
    exercise = variation.made(variation.name, *numbers)
    if variation.answer is None:
        right = RIGHT[variation.name](*numbers)
    else:
        right = eval(variation.answer(*numbers), NAMES)
    verdict = verdict_here(exercise, right)
    assert verdict.accepted, verdict.message
    old = (NUMBERS | CHOICES).get(variation.name)
    old = OLD[variation.name]() if old is None else old
    assert verdict_here(find(variation.name), old).accepted
    assert not verdict_here(exercise, old).accepted


@pytest.mark.slow
@pytest.mark.parametrize("name", [v.name for v in VARIATIONS if v.answer is not None])
def test_the_published_program_is_refused_by_every_class(name: str) -> None:
    answer = published(name)
    for numbers in BY_NAME[name].others:
        assert not verdict_here(BY_NAME[name].made(name, *numbers), answer).accepted


@pytest.mark.parametrize("variation", OF_NUMBERS, ids=lambda v: v.name)
def test_its_known_mistakes_are_told_from_what_is_right(variation: Any) -> None:
    for numbers in variation.others:
        require_apart(variation.made(variation.name, *numbers))


def require_apart(exercise: Exercise) -> None:
    """Each mistake is far from the right answer, and none is lost because two are alike."""
    for mistake in exercise.mistakes:
        given = exercise.numbers(mistake.answer)[0].values
        filled = torch.where(given.isnan(), exercise.exact[0].values, given)
        row = [type(exercise.exact[0])(filled, exercise.exact[0].epsilon)]
        assert not agree(row, exercise.exact, 10 * exercise.tolerance), mistake.hint
    hints = [mistake.hint for mistake in exercise.mistakes]
    assert len(hints) == len(exact(exercise.name).mistakes)


@pytest.mark.parametrize(("variation", "numbers"), CASES)
def test_its_text_has_the_numbers_of_the_class_and_no_others(
    variation: Any, numbers: tuple[Any, ...]
) -> None:
    cells = read_notebook(chapter_path(int(variation.name.split(".")[0])))["cells"]
    (asked,) = (one for one in asked_in(cells) if one.name == variation.name)
    sources = [text(cells[place]["source"]) for place in (*asked.words, asked.cell)]
    one = type(variation)(
        variation.name, variation.published, [numbers], variation.made, variation.phrases
    )
    written = "\n".join(one.rewritten(sources, "any"))
    for old, new in zip(
        variation.phrases(*variation.published), variation.phrases(*numbers), strict=True
    ):
        assert new in written
        assert old == new or old not in written.replace(new, "")
    for options in getattr(variation.made(variation.name, *numbers), "blanks", ()):
        assert all(f'"{word}"' in written for word in options.options)


def test_a_text_that_has_changed_is_refused() -> None:
    with pytest.raises(ValueError, match=r"exercise 1.a: 'noise s = 0.2 on' must stand in"):
        BY_NAME["1.a"].rewritten(["no such words"], "spring27")


def test_numbers_come_from_the_name_alone() -> None:
    """The same on every machine and in every version: a class keeps its numbers over a term."""
    drawn = {name: BY_NAME[name].drawn("spring27") for name in ("1.a", "4.a", "7.a", "10.a")}
    assert drawn == DRAWN
    others = {BY_NAME["1.a"].drawn(f"group-{i}") for i in range(40)}
    assert len(others) > 10


DRAWN = {"1.a": (0.3, 136), "4.a": (4, 0.4), "7.a": (2, 9), "10.a": (5, 200, 1, 4, 3.6)}


@pytest.mark.parametrize(
    "name", ["", "spring 27", "s27!", "-s", "ü", "../x", "a" * 41, "a\nb", "٣"]
)
def test_an_odd_name_of_a_class_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a class is named with letters a to z, digits, - and _"):
        require_class_name(name)


def test_a_name_counts_in_any_case() -> None:
    assert require_class_name("Spring27") == "spring27"
    assert exercises_of(4, "SPRING27")["4.a"] == exercises_of(4, "spring27")["4.a"]


def test_no_chapter_13() -> None:
    with pytest.raises(ValueError, match="chapters are 1 to 12, got 13"):
        exercises_of(13)


def test_check_and_hint_know_the_class(capsys: pytest.CaptureFixture[str]) -> None:
    before = dict(EXERCISES)
    try:
        in_class("spring27")
        assert "numbers of its own in 1.a, 2.a, 3.d, 4.a" in capsys.readouterr().out
        assert find("4.a") == exercises_of(4, "spring27")["4.a"]
        assert find("4.b") is before["4.b"]
        assert exercises_of(4)["4.a"] is before["4.a"]
        with pytest.raises(ValueError, match="a class is named"):
            in_class("spring 27")
    finally:
        in_class("")
    assert dict(EXERCISES) == before
    assert list(EXERCISES) == list(before)


def test_an_assignment_names_its_numbers(tmp_path: Path) -> None:
    """Of every chapter, so that no phrase is lost in the notebooks."""
    from course_lib.teach import write_assignment

    for number in range(1, 13):
        raw = read_notebook(write_assignment(number, tmp_path, "spring27"))
        words = "\n".join(text(cell["source"]) for cell in raw["cells"])
        own = [v for v in VARIATIONS if v.name.split(".")[0] == str(number)]
        for variation in own:
            for phrase in variation.phrases(*variation.drawn("spring27")):
                assert words.count(phrase) == 1, phrase
