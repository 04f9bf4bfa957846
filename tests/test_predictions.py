"""A reader's guesses: kept or refused in one line, and beside the answer how far off they were."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from course_lib.checks import guess, reveal
from course_lib.checks.predictions import GUESSES


@pytest.fixture(autouse=True)
def a_kernel_of_its_own() -> Iterator[None]:
    GUESSES.clear()
    yield
    GUESSES.clear()


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return str(capsys.readouterr().out)


def test_where_nothing_was_typed_the_answer_stands_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    guess("4.1", ...)
    guess("4.2")
    guess("4.3", "")
    reveal("4.1", 1.043469, "nats")
    reveal("4.2", "no")
    assert said(capsys) == (
        "4.1: no guess yet\n4.2: no guess yet\n4.3: no guess yet\n4.1: 1.04347 nats\n4.2: no\n"
    )


@pytest.mark.parametrize(
    ("given", "truth", "words"),
    [
        (3, 1.04347, "you said 3; it is 1.04347 nats. Too high by a factor of 2.9."),
        (1.04347, 1.04347, "you said 1.04347; it is 1.04347 nats. Exactly."),
        (1.0, 1.04347, "you said 1; it is 1.04347 nats. Off by 4 %."),
        (-1, 1.04347, "you said −1; it is 1.04347 nats. The other sign. Off by 2.04347."),
        (0, 2, "you said 0; it is 2 nats. Off by 2."),
        (2, 0, "you said 2; it is 0 nats. Off by 2."),
        (1000, 1e6, "you said 1000; it is 1e+06 nats. Too low by three orders of magnitude."),
        (5e6, 2e5, "you said 5e+06; it is 200000 nats. Too high by an order of magnitude."),
        (1, 1e30, "you said 1; it is 1e+30 nats. Too low by 30 orders of magnitude."),
        (-400, -105, "you said −400; it is −105 nats. Too low by a factor of 3.8."),
        (-10, -105, "you said −10; it is −105 nats. Too high by an order of magnitude."),
        (math.inf, 3, "you said inf; it is 3 nats. One of them is infinite."),
        ("2", 4, "you said 2; it is 4 nats. Too low by a factor of 2."),
        ("small", 4, "you said small; it is 4 nats"),
        ("−3", -3.0, "you said −3; it is −3 nats. Exactly."),
        ("1,000,000", 1e6, "you said 1e+06; it is 1e+06 nats. Exactly."),
        ("10,000.0", 1e4, "you said 10000; it is 10000 nats. Exactly."),
        ("1 000e3", 1e6, "you said 1e+06; it is 1e+06 nats. Exactly."),
        ("1,000,000e3", 1e9, "you said 1e+09; it is 1e+09 nats. Exactly."),
        ("−1,234,567.5", -1234567.5, "you said −1.23457e+06; it is −1.23457e+06 nats. Exactly."),
        ("+1,500.", 1500, "you said 1500; it is 1500 nats. Exactly."),
        ("0,500", 0.5, "you said 0.5; it is 0.5 nats. Exactly."),
        ("10,00", 10, "you said 10; it is 10 nats. Exactly."),
        ("1234,567", 1234.567, "you said 1234.57; it is 1234.57 nats. Exactly."),
        ("0,5", 0.25, "you said 0.5; it is 0.25 nats. Too high by a factor of 2."),
        ("40 %", 38, "you said 40; it is 38 nats. Off by 5 %."),
        ("310 nats", 310, "you said 310; it is 310 nats. Exactly."),
        ("18 of 20", 17, "you said 18; it is 17 nats. Off by 6 %."),
        ("10^18", 1e21, "you said 1e+18; it is 1e+21 nats. Too low by three orders of magnitude."),
        (math.log(2), 0.69, "you said 0.693147; it is 0.69 nats. Exactly."),
        (0.6951, 0.69, "you said 0.6951; it is 0.69 nats. Off by 0.7 %."),
        (0.6849, 0.69, "you said 0.6849; it is 0.69 nats. Off by 0.7 %."),
        (0.54, 0.5, "you said 0.54; it is 0.5 nats. Off by 8 %."),
        (3.84, 3.8, "you said 3.84; it is 3.8 nats. Exactly."),
        (-0.0694, -0.069, "you said −0.0694; it is −0.069 nats. Exactly."),
        (7.3, 7, "you said 7.3; it is 7 nats. Off by 4 %."),
        (1.096, 1.0, "you said 1.096; it is 1 nats. Off by 10 %."),
        (1.099, 1.0, "you said 1.099; it is 1 nats. Off by 10 %."),
        (1.004, 1.0, "you said 1.004; it is 1 nats. Off by 0.4 %."),
        (1e300, 1e-300, "you said 1e+300; it is 1e−300 nats. Too high by 600 orders of magnitude."),
        (1e-200, 3e-200, "you said 1e−200; it is 3e−200 nats. Too low by a factor of 3."),
        (torch.tensor([2.0]), 4, "you said 2; it is 4 nats. Too low by a factor of 2."),
    ],
)
def test_a_number_is_told_how_far_off_it_is(
    given: Any, truth: float, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    guess("4.1", given)
    said(capsys)
    reveal("4.1", truth, unit="nats")
    assert said(capsys) == f"4.1: {words}\n"


def test_choices_are_compared_as_people_write_them(capsys: pytest.CaptureFixture[str]) -> None:
    guess("4.3", " Yes.")
    assert said(capsys) == "4.3: noted, Yes.\n"
    reveal("4.3", "yes")
    reveal("4.3", "no")
    assert said(capsys) == "4.3: you said so, and it is: yes\n4.3: you said Yes.; it is no\n"


class Refuses:
    """An object that raises when it is asked for its number."""

    def __float__(self) -> float:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ([1, 2], "[1, 2]"),
        ({"a": 1}, "{'a': 1}"),
        (True, "True"),
        (math.nan, "nan"),
        ("nan", "'nan'"),
        (1j, "1j"),
        (len, "a function"),
        (Refuses(), "a Refuses"),
        ("a" * 81, "'aaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaaaa'"),
    ],
)
def test_what_is_no_guess_is_refused_in_one_line(
    given: Any, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    guess("4.1", 3)
    said(capsys)
    guess("4.1", given)
    assert said(capsys) == f"4.1: a guess is a number or a word, got {shown}; nothing is noted\n"
    reveal("4.1", 7.0)
    assert said(capsys) == "4.1: 7\n"


@pytest.mark.parametrize("typed", ["1,386", "−10,000", " +1,000e3 "])
def test_one_comma_that_may_part_thousands_is_asked_about(
    typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """2 log 2 is 1,386 to whoever writes a decimal comma."""
    guess("4.1", 7)
    guess("4.1", typed)
    reveal("4.1", 1.386)
    assert said(capsys).splitlines()[1:] == [
        f"4.1: {typed.strip()} has thousands to some and a decimal comma to others; write it "
        "without the comma, or with a point; nothing is noted",
        "4.1: 1.386",
    ]


def test_a_guess_of_several_numbers_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    guess("4.1", 3, 4)
    assert said(capsys) == "4.1: a guess is a number or a word, got 3; nothing is noted\n"


def test_a_word_that_is_revealed_stays_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    reveal("4.2", "infinity")
    assert said(capsys) == "4.2: infinity\n"


def test_a_name_may_be_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    guess(4.1, 3)  # type: ignore[arg-type]
    reveal("4.1", 3.0)
    reveal(4.1, 4.0)  # type: ignore[arg-type]
    guess(["4.1"], 3)  # type: ignore[arg-type]
    assert said(capsys) == (
        "4.1: noted, 3\n4.1: you said 3; it is 3. Exactly.\n"
        "4.1: you said 3; it is 4. Too low by a factor of 1.3.\n['4.1']: noted, 3\n"
    )


def test_none_is_no_guess_yet(capsys: pytest.CaptureFixture[str]) -> None:
    guess("4.1", None)
    assert said(capsys) == "4.1: no guess yet\n"


def test_what_is_revealed_is_a_number_or_a_word() -> None:
    with pytest.raises(ValueError, match=r"4\.1: value must be a number or a word, got \[1, 2\]"):
        reveal("4.1", [1, 2])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="got nan"):
        reveal("4.1", math.nan)
