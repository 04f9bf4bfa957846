"""Whether a text that rounds a number has rounded it well."""

from typing import SupportsFloat


def rounds_to(number: SupportsFloat, text: str) -> bool:
    """Whether `number`, rounded to as many decimals as `text` has, is what `text` says.

    text: as prose has it, such as "0.712", "−2.335" or "90,000"; number: a float, or a tensor
    with one entry. Ties go as Python's round has them.

    >>> from course_lib.checks import rounds_to
    >>> rounds_to(0.7117, "0.712"), rounds_to(0.7117, "0.71"), rounds_to(0.7117, "0.72")
    (True, True, False)

    Raises ValueError if the text is no number.
    """
    plain = text.replace("−", "-").replace(",", "")
    return round(float(number), len(plain.partition(".")[2])) == float(plain)
