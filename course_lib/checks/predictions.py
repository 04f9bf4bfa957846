"""`guess` and `reveal`: what a reader thinks will come, and how near it was.

    >>> from course_lib.checks import guess, reveal
    >>> guess("4.1", 3)
    4.1: noted, 3
    >>> reveal("4.1", 1.04347, unit="nats")
    4.1: you said 3; it is 1.04347 nats. Too high by a factor of 2.9.
    >>> reveal("4.2", "no")
    4.2: no

Nothing is marked, and a cell that nobody has filled prints the same on every machine. A guess is
remembered from one kernel to the next (see `checks.memory`) for `progress` alone, never for
`reveal`.
"""

import math
import re
from typing import Any

from course_lib.checks.answers import NoNumber, NotAnswered, as_numbers, described, is_blank
from course_lib.checks.memory import Remembered, remember
from course_lib.checks.phrases import say
from course_lib.checks.surroundings import restored
from course_lib.numerals import significant

GUESSES: dict[str, float | str] = {}  # by name, of this kernel
NAME = re.compile(r"\d{1,2}\.\d{1,2}")  # of the course's own guesses
EXPONENT = r"([eE][+-]?\d+)?"
THOUSANDS = re.compile(rf"[+-]?[1-9]\d{{0,2}}(,\d{{3}})+(\.\d*)?{EXPONENT}", re.ASCII)  # 1,000,000
# 1,386 is 1386 to some and 1.386 to others.
UNCLEAR = re.compile(rf"[+-]?[1-9]\d{{0,2}},\d{{3}}{EXPONENT}", re.ASCII)
PARTED = re.compile(rf"[+-]?[1-9]\d{{0,2}}( \d{{3}})+([.,]\d*)?{EXPONENT}", re.ASCII)
POWER = re.compile(r"^([+-]?)10(?:\^|\*\*)([+-]?\d+)$", re.ASCII)  # 10^18
# What may follow a number: 40 %, 310 nats, 18 of 20, 3 of 30 rounds.
UNIT = re.compile(
    r"( ?%| (nats?|percent|per cent|times|draws|pairs|steps|rounds|(of|in) [0-9]+( rounds)?))$",
    re.IGNORECASE | re.ASCII,
)
LONGEST = 80  # characters of a guess in words
NEAR = 1.1  # a factor below which a guess is off by some per cent
WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class _Unclear(NoNumber):
    """A number that may mean two, as it was written."""


def guess(name: str, answer: Any = ..., *more: Any) -> None:
    """Keeps what the reader thinks the answer to `name`, such as 4.1, will be: a number or a word.

    Prints one line, whatever it is given; what is neither number nor word is not kept. `...` takes
    back what was kept.
    """
    name = str(name)
    GUESSES.pop(name, None)
    try:
        with restored():
            GUESSES[name] = _read((answer, *more) if more else answer)
    except NotAnswered:
        print(say("no guess", which=name))
    except KeyboardInterrupt:
        raise
    except _Unclear as unclear:
        print(say("unclear guess", which=name, given=unclear))
    except BaseException:  # an object may raise anything when it is asked for its number
        print(say("no such guess", which=name, given=described(answer)))
    else:
        given = _shown(GUESSES[name])
        print(say("noted", which=name, given=given))
        if NAME.fullmatch(name):
            remember(Remembered(guesses={name: given}))


def reveal(name: str, value: float | str, unit: str = "") -> None:
    """Prints the answer to `name`, beside the reader's guess if there is one.

    A number that was guessed is told how far off it was: in per cent, as a factor, or in orders of
    magnitude. Raises ValueError unless the value is a number or a word.
    """
    name = str(name)
    try:
        truth = value if isinstance(value, str) else _number(value)
    except (NoNumber, NotAnswered):
        raise ValueError(
            f"{name}: value must be a number or a word, got {described(value)}"
        ) from None
    told = f"{_shown(truth)} {unit}".rstrip()
    if name not in GUESSES:
        print(f"{name}: {told}")
        return
    given = GUESSES[name]
    if isinstance(given, float) and isinstance(truth, float):
        told = say("told", truth=told, distance=distance(given, truth))
    elif _same(given, truth):
        print(say("guessed", which=name, truth=told))
        return
    print(say("you said", which=name, given=_shown(given), truth=told))


def distance(given: float, truth: float) -> str:
    """How far a guess is off, in words."""
    if math.isinf(given) or math.isinf(truth):
        return say("exactly" if given == truth else "infinitely far")
    if significant(given) == significant(truth) or _rounds_to(given, truth):
        return say("exactly")
    if given == 0 or truth == 0 or (given > 0) != (truth > 0):
        other = say("other sign") if given and truth else ""
        return f"{other} {say('off by', size=significant(abs(given - truth)))}".strip()
    decades = abs(math.log10(abs(given)) - math.log10(abs(truth)))
    if decades < math.log10(NEAR):
        percent = 100 * abs(given / truth - 1)
        return say("off by", size=f"{percent:.0f} %" if percent >= 1 else f"{percent:.1g} %")
    # Of a negative number the one of greater size is the lower one.
    way = "too high" if given > truth else "too low"
    if decades < 1:
        return say(way, size=say("a factor", factor=f"{10**decades:.2g}"))
    orders = round(decades)
    if orders == 1:
        return say(way, size=say("one order"))
    count = WORDS[orders] if orders < len(WORDS) else f"{orders:,}"
    return say(way, size=say("orders", count=count))


def _rounds_to(given: float, truth: float) -> bool:
    """Whether a guess is the truth, which was rounded before it was told: log 2, of 0.69.

    A truth that is told in one digit, such as 0.5, is taken as it is.
    """
    shown = significant(truth)
    decimals = shown.partition(".")[2]  # 5e−07 is none
    several = len(shown.lstrip("−0.").replace(".", "")) > 1
    return several and decimals.isdecimal() and abs(given - truth) <= 0.5 / 10 ** len(decimals)


def _read(answer: Any) -> float | str:
    """One number, or a word. Thousands may be set off by commas, 1,000,000, or by blanks, 10 000.

    Any other comma stands for the point, and a unit may follow.

    Raises NotAnswered for a blank, _Unclear where one comma may be either, NoNumber for anything
    else.
    """
    if not isinstance(answer, str) or is_blank(answer):
        return _number(answer)
    words = " ".join(answer.split())
    if len(words) > LONGEST:
        raise NoNumber("too long")
    plain = POWER.sub(r"\g<1>1e\2", UNIT.sub("", words.replace("−", "-")))
    if UNCLEAR.fullmatch(plain):
        raise _Unclear(words)
    try:
        plain = plain.replace(" ", "") if PARTED.fullmatch(plain) else plain
        number = float(plain.replace(",", "" if THOUSANDS.fullmatch(plain) else "."))
    except ValueError:
        return words
    return _number(number)


def _number(answer: Any) -> float:
    """One number. Raises NotAnswered for a blank, NoNumber for anything else, NaN too."""
    numbers = as_numbers(answer).values
    if numbers.numel() != 1 or bool(numbers.isnan().any()):
        raise NoNumber("not one number")
    return numbers.item()


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else significant(value)


def _same(given: float | str, truth: float | str) -> bool:
    return str(given).strip(" .").casefold() == str(truth).strip(" .").casefold()
