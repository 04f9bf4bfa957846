"""Choices, blanks and designs of the course: right ones pass, and each wrong one gets its reason.

No exercise says more than a line, whatever it is given. The same is asked of a choice, of blanks
and of a design that are made up here, so that nothing passes for want of an exercise.
"""

import copy
import math
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from exercise_answers import CHOICES, DESIGNS, FUNCTIONS, NUMBERS
from exercise_mistakes import WRONG_DESIGNS
from notebook_rules import Notebook, exercise_name

from course_lib.checks import Blank, Blanks, Design, Exercise, MultipleChoice, Verdict, judge
from course_lib.exercises import EXERCISES, AnyExercise
from course_lib.teach.notebooks import chapter_path


def off_one(answer: Any) -> float:
    """How far the length of a pair is from 1; the made-up design. A function may give the pair."""
    pair = answer(torch.ones(2)) if callable(answer) else answer
    if len(pair) != 2:
        raise ValueError(f"a pair is wanted, got {len(pair)} numbers")
    return abs(math.hypot(*map(float, pair)) - 1)


MADE_UP: dict[str, AnyExercise] = {
    "0.c": MultipleChoice("0.c", ["a", "b"], {"c": "it comes late.", "d": "it is last."}),
    "0.d": Design("0.d", off_one, 0.01, "the error", hints=("Short.", "Shorter.")),
    "0.e": Blanks(
        "0.e",
        [
            Blank("a", {"b": "that comes second here."}),
            Blank("c", {"a": "that stood there before.", "b": "that comes second here."}),
        ],
    ),
    "0.f": Exercise("0.f", lambda: lambda z: z + 1, cases=[(torch.zeros(2),)]),
}
ALL: dict[str, AnyExercise] = {**EXERCISES, **MADE_UP}
RIGHT_WORDS: dict[str, list[str]] = {"0.c": ["b", "a"], "0.e": ["a", "c"], **CHOICES}
RIGHT_DESIGNS: dict[str, Callable[[], Any]] = {"0.d": lambda: (0.6, 0.8), **DESIGNS}
WRONG: dict[str, list[tuple[Callable[[], Any], str]]] = {
    "0.d": [(lambda: (3.0, 4.0), "the error is 4 nats"), (lambda: (1.0,), "a pair is wanted")],
    **WRONG_DESIGNS,
}


def verdict(name: str, answer: Any) -> Verdict:
    exercise = ALL[name]
    return judge(exercise, answer) if isinstance(exercise, Exercise) else exercise.judge(answer)


# ---- Choices ----


@pytest.mark.parametrize("name", RIGHT_WORDS)
def test_the_right_words_are_right_however_they_are_written(name: str) -> None:
    right, exercise = RIGHT_WORDS[name], ALL[name]
    assert verdict(name, right) == Verdict(True, f"{name}: right")
    for change in (str.upper, str.lower, lambda word: f" {word} "):
        assert verdict(name, tuple(change(word) for word in right)).accepted
    if isinstance(exercise, MultipleChoice):
        assert verdict(name, right[::-1]).accepted
    assert not verdict(name, right[:-1]).accepted


def wrong_words(exercise: MultipleChoice | Blanks) -> Iterator[tuple[list[str], str, str]]:
    """An answer with one wrong word in it, the verdict's beginning, and the reason."""
    right = RIGHT_WORDS[exercise.name]
    if isinstance(exercise, MultipleChoice):
        for word, reason in exercise.reasons.items():
            yield [*right, word], f"Not “{word}”: ", reason
            yield [word], f"Not “{word}”: ", reason
        return
    for place, blank in enumerate(exercise.blanks):
        for word, reason in blank.reasons.items():
            answer = [*right[:place], word, *right[place + 1 :]]
            yield answer, f"Blank {place + 1}, “{word}”: ", reason


@pytest.mark.parametrize("name", RIGHT_WORDS)
def test_every_wrong_word_gets_its_reason(name: str) -> None:
    exercise = ALL[name]
    assert isinstance(exercise, MultipleChoice | Blanks)
    for answer, beginning, reason in wrong_words(exercise):
        assert verdict(name, answer) == Verdict(False, f"{name}: not yet. {beginning}{reason}")


@pytest.mark.parametrize("name", RIGHT_WORDS)
def test_a_reason_is_a_sentence_of_its_own(name: str) -> None:
    exercise = ALL[name]
    assert isinstance(exercise, MultipleChoice | Blanks)
    for blank in exercise.blanks if isinstance(exercise, Blanks) else [exercise]:
        reasons = list(blank.reasons.values())
        assert len(set(reasons)) == len(reasons), reasons
        for reason in reasons:
            assert reason.endswith((".", "?")), reason
            assert len(reason.split()) >= 3, reason


# As a text offers them: in quotes, or as a row of a list. "11.c" says its second four in a word.
QUOTED, ROW = r'"([^"\n]+)"', r"^- (?:\*\*)?(\w+)(?:: |\*\* )"
THE_SAME = ("and the same four for C", "A: ", "C: ")


def prose_of(name: str) -> str:
    """Of an exercise, from its name to the cell that checks it, whose comments may say more."""
    path = chapter_path(int(name.split(".")[0]))
    notebook = Notebook.read(path)
    (end,) = (cell.place for cell in notebook.exercises if exercise_name(cell) == name)
    words = [c.source for c in notebook.cells[:end] if not c.is_code or c.place == end]
    return "\n\n".join(words).split(f"**{name} ")[1]


@pytest.mark.parametrize("name", CHOICES)
def test_what_the_text_offers_is_what_can_be_answered(name: str) -> None:
    exercise, prose = EXERCISES[name], prose_of(name)
    assert isinstance(exercise, MultipleChoice | Blanks)
    parts = exercise.blanks if isinstance(exercise, Blanks) else [exercise]
    options = {word for part in parts for word in part.options}
    offered = set(re.findall(QUOTED, prose)) | set(re.findall(ROW, prose, re.M))
    marked = set(re.findall(f"`{QUOTED}`", prose)) | set(re.findall(ROW, prose, re.M))
    said, first, second = THE_SAME
    if said in prose:
        offered |= {word.replace(first, second) for word in offered}
    assert marked <= options <= offered


# ---- Designs ----


@pytest.mark.parametrize("name", RIGHT_DESIGNS)
def test_a_design_can_be_reached(name: str) -> None:
    found = verdict(name, RIGHT_DESIGNS[name]())
    assert found.accepted, found.message


@pytest.mark.parametrize("name", WRONG)
def test_a_design_that_falls_short_is_told_how(name: str) -> None:
    assert WRONG[name]
    for build, words in WRONG[name]:
        found = verdict(name, build())
        assert not found.accepted
        assert words in found.message


# ---- Hints ----


@pytest.mark.parametrize("name", [*EXERCISES, "0.d"])
def test_hints_come_in_two_steps(name: str) -> None:
    hints = ALL[name].hints
    assert len(set(hints)) == len(hints) == 2
    for words in hints:
        assert words.endswith((".", "?")), words
        assert "\n" not in words


# ---- Whatever comes ----


def forever(*arguments: Any) -> Any:
    while True:
        time.sleep(0.001)


def mutating(*arguments: Any) -> Any:
    for argument in arguments:
        if isinstance(argument, torch.Tensor):
            argument.detach().zero_()
        elif isinstance(argument, list):
            argument.clear()
    return arguments[0]


def talking(*arguments: Any) -> Any:
    print("a word")
    return torch.zeros(3, 5, 7)


def failing(*arguments: Any) -> Any:
    raise SystemExit("a\nb")


class Strange:
    """Raises at whatever it is asked."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no\n{name}")

    def __repr__(self) -> str:
        raise KeyError("none")


HOSTILE: dict[str, Any] = {
    "loops": forever,
    "changes what it is given": mutating,
    "prints": talking,
    "fails": failing,
    "gives nothing": lambda *arguments: None,
    "gives words": lambda *arguments: "a\nword",
    "is no number": math.nan,
    "is nothing": None,
    "has another shape": torch.zeros(2, 0, 3),
    "is a word": "b\nc",
    "is many words": ["b"] * 300,
    "is an object": Strange(),
    "is a kind": dict,
    "is a dictionary": {"a": [1, 2]},
}


def quick(exercise: AnyExercise) -> AnyExercise:
    """The same exercise, with what it has computed, but sooner out of patience."""
    if isinstance(exercise, Exercise):
        assert exercise.exact
    if isinstance(exercise, Exercise | Design):
        exercise = copy.copy(exercise)
        object.__setattr__(exercise, "seconds", 0.2)
    return exercise


@pytest.mark.parametrize("name", ALL)
def test_whatever_it_is_given_an_exercise_says_one_line(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ALL, name, quick(ALL[name]))
    for words, answer in HOSTILE.items():
        told = verdict(name, answer)
        assert not told.accepted, words
        assert told.message.startswith(f"{name}: "), words
        assert told.message.isprintable(), (words, told.message)
        assert 12 < len(told.message) < 700, (words, told.message)
    capsys.readouterr()


def test_each_of_the_made_up_ones_is_of_another_kind() -> None:
    assert len({type(exercise) for exercise in MADE_UP.values()}) == len(MADE_UP)
    assert all(isinstance(exercise, AnyExercise) for exercise in EXERCISES.values())
    assert set(FUNCTIONS) | set(NUMBERS) | set(CHOICES) | set(DESIGNS) == set(EXERCISES)
