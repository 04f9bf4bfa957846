"""Numbers as the course writes them: with a true minus sign, and no zero below zero.

>>> from course_lib.numerals import number
>>> number(-2.70549, 3), number(-1e-9)
('−2.705', '0.000')
"""

import io
import math
import sys
from decimal import Decimal


def minus(text: str) -> str:
    """`text` with a true minus sign for every hyphen: −2.7, 1e−05."""
    return text.replace("-", "−")


def number(value: float, decimals: int = 3) -> str:
    """`value` with so many decimals, for sentences and labels: −2.705, −∞; never −0.000."""
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if abs(value) >= 1e7:
        return minus(f"{value:.3e}")
    text = f"{value:.{decimals}f}"
    return text.replace("-", "") if float(text) == 0 else minus(text)


def significant(value: float) -> str:
    """`value` with at most six significant digits, so that another machine prints the same."""
    text = minus(f"{value:.6g}")
    return "0" if text == "−0" else text


def fixed_point(value: Decimal) -> str:
    """All digits of `value`, in plain notation: −0.010; never −0.000."""
    return minus(f"{abs(value) if value == 0 else value:f}")


def exactly(text: str) -> Decimal:
    """What `number` or `fixed_point` wrote, digit by digit: for sums that hold as printed."""
    return Decimal(text.replace("−", "-"))


def print_any_sign() -> None:
    """Lets a command print a sign that its output's encoding lacks, as −, β or a name in another
    script where Windows sends it to a file: as an escape, where it would end the command.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # in a notebook it is another, which takes all
        sys.stdout.reconfigure(errors="backslashreplace")
