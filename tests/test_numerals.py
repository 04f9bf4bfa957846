"""Numbers as text: read back they are what they were, rounded, with no hyphen and no minus zero."""

import importlib
import io
import math
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_imports import COMMANDS

from course_lib.numerals import fixed_point, minus, number, significant


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-2.7049, "−2.705"),
        (-0.0004, "0.000"),
        (-math.inf, "−∞"),
        (math.inf, "∞"),
        (math.nan, "undefined"),
        (-2.5e8, "−2.500e+08"),
    ],
)
def test_numbers_have_a_true_minus_and_no_negative_zero(value: float, text: str) -> None:
    assert number(value) == text


def read(text: str) -> Decimal:
    assert "-" not in text
    return Decimal(text.replace("−", "-"))


@given(value=st.floats(-9e6, 9e6), decimals=st.integers(0, 6))
def test_a_number_is_off_by_half_its_last_digit_at_most(value: float, decimals: int) -> None:
    shown = read(number(value, decimals))
    assert abs(shown - Decimal(value)) <= Decimal(5).scaleb(-decimals - 1)
    assert shown.is_signed() == (shown < 0)


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_six_significant_digits_are_within_half_a_millionth(value: float) -> None:
    text = significant(value)
    assert float(read(text)) == pytest.approx(value, rel=5.1e-6)
    assert text != "−0"


@given(value=st.decimals(-1000, 1000, places=3))
def test_a_decimal_keeps_all_its_digits(value: Decimal) -> None:
    text = fixed_point(value)
    assert read(text) == value
    assert text.startswith("−") == (value < 0)


def test_no_decimal_is_minus_zero() -> None:
    assert fixed_point(Decimal("-0.000")) == "0.000"


def test_every_hyphen_is_a_minus() -> None:
    assert minus("-1e-05 … -2") == "−1e−05 … −2"


@pytest.mark.parametrize("command", COMMANDS.values())
def test_no_command_ends_at_a_sign_that_its_output_lacks(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows writes cp1252 where a command's output goes to a file: it has no −, and no β."""
    sent = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(sent, encoding="cp1252"))
    module, _, name = command.rpartition(".")
    with pytest.raises(SystemExit):
        sys.exit(getattr(importlib.import_module(module), name)(["--help"]))
    print("N(−1, σ²), 李")
    sys.stdout.flush()
    assert sent.getvalue().endswith("N(\\u22121, \\u03c3²), \\u674e\n".encode("cp1252"))
