"""Whole numbers and sentences as a recording packs them, against the plainest way to do it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.edition.integers import Reader, Writer, decode, encode
from course_lib.edition.wording import (
    MINUS,
    fields,
    put_together,
    shown,
    significant,
    taken_apart,
)

INTEGERS = st.lists(st.integers(-(2**31), 2**31 - 1))


def plainly(values: list[int]) -> bytes:
    """One number after the other: 0, −1, 1, −2 as 0, 1, 2, 3, seven bits at a time."""
    found = bytearray()
    for value in values:
        left = 2 * value if value >= 0 else -2 * value - 1
        while left >= 128:
            found.append(128 + left % 128)
            left //= 128
        found.append(left)
    return bytes(found)


@given(INTEGERS)
def test_integers_are_packed_as_by_hand(values: list[int]) -> None:
    assert encode(values) == plainly(values)
    assert decode(plainly(values)).tolist() == values


def test_integers_that_do_not_fit_or_are_cut_off_are_refused() -> None:
    with pytest.raises(ValueError, match="must fit 32 bits, got 0 to 2147483648"):
        encode([0, 2**31])
    with pytest.raises(ValueError, match="cut off"):
        decode(encode([300])[:-1])


@given(st.lists(st.lists(st.integers(-(2**20), 2**20))), st.lists(st.integers(-9, 9)))
def test_a_reader_reads_what_was_written(rows: list[list[int]], column: list[int]) -> None:
    writer = Writer()
    writer.put(len(column), -5)
    writer.column(column)
    writer.curves(rows)
    reader = Reader(writer.packed())
    assert reader.take(2).tolist() == [len(column), -5]
    assert reader.column(len(column)).tolist() == column
    assert [row.tolist() for row in reader.curves()] == rows
    with pytest.raises(ValueError, match="1 numbers are wanted, 0 left"):
        reader.one()


@given(st.floats())
def test_numbers_are_shown_with_six_digits(value: float) -> None:
    expected = f"{value:.6g}".replace("-", MINUS)
    if value == 0:
        expected = "0"  # no minus before it
    assert shown(*significant(value)) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-1.516318, "−1.51632"),
        (855.0, "855"),
        (1234567.0, "1.23457e+06"),
        (1.2e-7, "1.2e−07"),
        (0.00012, "0.00012"),
        (999999.7, "1e+06"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_some_numbers_by_hand(value: float, text: str) -> None:
    assert shown(*significant(value)) == text


PIECES = st.sampled_from([*"0123456789.,−-+ ()²", "log p(x) = ", "−0.00", "007", "1,000"])


@given(st.lists(PIECES).map("".join))
def test_a_sentence_is_put_together_again(sentence: str) -> None:
    template, values = taken_apart(sentence)
    assert fields(template) == len(values)
    assert put_together(template, values) == sentence


def test_sentences_that_differ_in_numbers_share_a_template() -> None:
    first = taken_apart("log p(x) is −1.516 nats, 10 of 81.")
    other = taken_apart("log p(x) is 20.001 nats, 3 of 81.")
    assert first[0] == other[0]
    assert first[1] == (-1516, 10, 81)
    assert other[1] == (20001, 3, 81)


def test_a_sentence_that_holds_a_mark_is_refused() -> None:
    with pytest.raises(ValueError, match=r"U\+E000"):
        taken_apart("a \ue003 b")
