"""Sentences and numbers as templates and whole numbers, and back, letter by letter the same.

A sentence is a template with a mark wherever a number stood: "log p(x) is −1.516 nats" has the
template "log p(x) is ③ nats", where ③ stands for a number with three decimals, and −1516 beside it.
"""

import math
import re

# U+E000 to U+E009, of the private use area: no sentence holds them.
_FIRST, _MOST = 0xE000, 9
_NUMBER = re.compile(r"−?(?:0|[1-9]\d{0,8})(?:\.\d{1,9})?")
_LARGEST = 2**31 - 1
DIGITS = 6  # significant ones of a number
MINUS = "−"
# In place of an exponent, for what is no number.
NAN, INFINITE, MINUS_INFINITE = 1000, 1001, 1002
_WORDS = {NAN: "nan", INFINITE: "inf", MINUS_INFINITE: f"{MINUS}inf"}


def taken_apart(sentence: str) -> tuple[str, tuple[int, ...]]:
    """The template of a sentence and its numbers. Raises ValueError if it holds a mark itself."""
    if any(_FIRST <= ord(letter) <= _FIRST + _MOST for letter in sentence):
        raise ValueError(f"a sentence must not hold the letters U+E000 to U+E009: {sentence!r}")
    values: list[int] = []

    def mark(found: re.Match[str]) -> str:
        text = found[0]
        digits = text.removeprefix(MINUS).replace(".", "")
        if int(digits) > _LARGEST:
            return text
        minus = text.startswith(MINUS)
        values.append(-int(digits) if minus else int(digits))
        kept = MINUS if minus and not int(digits) else ""  # −0.00
        return kept + chr(_FIRST + len(text.partition(".")[2]))

    return _NUMBER.sub(mark, sentence), tuple(values)


def put_together(template: str, values: tuple[int, ...]) -> str:
    """The sentence of `taken_apart`."""
    left = iter(values)
    return "".join(
        _fixed(next(left), ord(letter) - _FIRST)
        if _FIRST <= ord(letter) <= _FIRST + _MOST
        else letter
        for letter in template
    )


def fields(template: str) -> int:
    """How many numbers a template has."""
    return sum(_FIRST <= ord(letter) <= _FIRST + _MOST for letter in template)


def _fixed(value: int, decimals: int) -> str:
    """−1516 with three decimals is −1.516."""
    digits = str(abs(value)).rjust(decimals + 1, "0")
    whole, part = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
    return (MINUS if value < 0 else "") + whole + (f".{part}" if part else "")


def significant(value: float) -> tuple[int, int]:
    """(m, e), for m · 10^e with six digits in m; see NAN for what is no number."""
    if math.isnan(value):
        return 0, NAN
    if math.isinf(value):
        return 0, INFINITE if value > 0 else MINUS_INFINITE
    mantissa, _, exponent = f"{value:.{DIGITS - 1}e}".partition("e")
    return int(mantissa.replace(".", "")), int(exponent) - (DIGITS - 1)


def shown(mantissa: int, exponent: int) -> str:
    """A number of six significant digits as text: −1.51632, 0.0012, 1.2e−07."""
    if exponent in _WORDS:
        return _WORDS[exponent]
    size = exponent + DIGITS - 1  # of the first digit
    sign, digits = MINUS if mantissa < 0 else "", str(abs(mantissa)).rjust(DIGITS, "0")
    if mantissa == 0:
        return "0"
    if -5 < size < DIGITS:
        if size < 0:
            digits, size = "0" * -size + digits, 0
        return sign + _tidied(digits[: size + 1], digits[size + 1 :])
    power = f"{abs(size):02d}"
    return f"{sign}{_tidied(digits[0], digits[1:])}e{MINUS if size < 0 else '+'}{power}"


def _tidied(whole: str, part: str) -> str:
    """Without zeros at its end."""
    part = part.rstrip("0")
    return f"{whole}.{part}" if part else whole
