"""Whether a number is what a text says of it."""

import pytest
import torch

from course_lib.checks import rounds_to


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.4427, "1.44"),
        (20.08, "20"),
        (-2.33497, "−2.335"),
        (-2.33497, "-2.335"),
        (89_999.9, "90,000"),
        (0.0004, "0.000"),
        (-0.0004, "0.000"),
        (torch.tensor(0.7117, dtype=torch.float64), "0.712"),
        (torch.tensor([0.7117], dtype=torch.float64), "0.7"),
    ],
)
def test_a_text_that_rounds_its_number(number: float, text: str) -> None:
    assert rounds_to(number, text)


@pytest.mark.parametrize(
    ("number", "text"),
    [(1.4427, "1.45"), (1.4427, "1.442"), (1.46, "1.4"), (2.335, "−2.335"), (float("nan"), "0.0")],
)
def test_a_text_that_does_not(number: float, text: str) -> None:
    assert not rounds_to(number, text)


@pytest.mark.parametrize("text", ["", "half", "1.2.3"])
def test_a_text_without_a_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="float"):
        rounds_to(0.5, text)
