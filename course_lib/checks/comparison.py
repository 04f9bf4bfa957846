"""An answer's numbers beside the right ones: do they agree, and if not, which way and how far."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.checks.answers import NumberRow
from course_lib.checks.phrases import say
from course_lib.numerals import significant

SINGLE = torch.finfo(torch.float32).eps
STEPS = 16  # roundings that an answer in float32 may lose: our longest sums lose fewer


def agree(
    given: Sequence[NumberRow],
    wanted: Sequence[NumberRow],
    tolerance: float,
    losses: Sequence[Tensor] | None = None,
) -> bool:
    """Whether each call gives as many numbers as it should, each within `tolerance` ·
    max(1, |wanted|); NaN matches NaN, since a known mistake may end in 0/0, and an infinity only
    itself.

    losses: if given, how far float32's rounding of the arguments moves each number of each call,
    (n,) or one for all. Then the answer may also be off by some such roundings, of the arguments
    and of itself.
    """
    if sizes(given) != sizes(wanted):
        return False
    least = tolerance if losses is None else max(tolerance, STEPS * SINGLE)
    rooms = [None] * len(wanted) if losses is None else [STEPS * loss for loss in losses]
    return not any(
        bool(_wrong(a.values, b.values, least, room).any())
        for a, b, room in zip(given, wanted, rooms, strict=True)
    )


def hidden(given: Sequence[NumberRow], wanted: Sequence[NumberRow], tolerance: float) -> bool:
    """Whether a call in float64 lacks digits, which its type does not explain."""
    pairs = zip(given, wanted, strict=True)
    return any(a.epsilon < SINGLE and not agree([a], [b], tolerance) for a, b in pairs)


def sizes(calls: Sequence[NumberRow]) -> list[int]:
    """How many numbers each call gives."""
    return [call.values.numel() for call in calls]


def farthest(given: Sequence[NumberRow], wanted: Sequence[NumberRow]) -> float:
    """The largest |given − wanted| / max(1, |wanted|)."""
    pairs = zip(given, wanted, strict=True)
    return max(((a.values - b.values).abs() / _size(b.values)).max().item() for a, b in pairs)


def remark(
    given: Sequence[NumberRow],
    wanted: Sequence[NumberRow],
    tolerance: float,
    unit: str = "",
    names: Sequence[str] = (),
    *,
    factors: bool = True,
) -> str:
    """Which number is wrong, in which direction and by how much, to two digits.

    The sizes of the calls must agree. If all are off by one factor, or by one shift, that is said.
    names: what the numbers are called. factors: whether one number's factor is told as well.
    """
    a, b = (torch.cat([call.values for call in calls]) for calls in (given, wanted))
    wrong = _wrong(a, b, tolerance)
    if a.numel() > 1 and bool(wrong[b.abs() > tolerance].all()):
        common = _common(a, b)
        if common:
            return say("all off", off=common)
    place = int(wrong.nonzero()[0])
    which = names[place] if names else _which(place, sizes(wanted))
    words = off(a[place].item(), b[place].item(), unit, factors=factors)
    return say("off", which=which, off=words)


def off(given: float, wanted: float, unit: str = "", *, factors: bool = True) -> str:
    """In words: too high or too low, by how much, and by which factor if the signs agree."""
    if math.isnan(given):
        return say("NaN")
    if math.isinf(given):
        return say("infinite", given=significant(given))
    words = _shift(given - wanted, unit)
    if given * wanted <= 0 or not factors:
        return words
    ratio = max(given / wanted, wanted / given)
    return say("ratio", off=words, ratio=_two(ratio)) if ratio >= 1.1 else words


def quantity(value: float, unit: str) -> str:
    """A number with its unit: −2.5 nats."""
    return f"{significant(value)} {unit}".rstrip()


def _wrong(given: Tensor, wanted: Tensor, tolerance: float, room: Tensor | None = None) -> Tensor:
    """Where two rows differ by more than tolerance · max(1, |wanted|) and more than `room`."""
    same = (given == wanted) | (given.isnan() & wanted.isnan())
    allowed = tolerance * _size(wanted)
    if room is not None:
        allowed = torch.maximum(allowed, room)
    return ~(same | ((given - wanted).abs() <= allowed))


def _size(wanted: Tensor) -> Tensor:
    """max(1, |wanted|); 1 where that is infinite, since infinity agrees only with itself."""
    return wanted.abs().nan_to_num(posinf=1.0).clamp(min=1.0)


def _common(given: Tensor, wanted: Tensor) -> str:
    """The one factor or the one shift between all numbers and the right ones, or nothing."""
    some = wanted != 0
    ratios, shifts = given[some] / wanted[some], given - wanted
    if some.any() and given.any() and (given[~some] == 0).all() and _equal(ratios):
        factor = _common_factor(ratios)
        if factor:
            return say("times", factor=factor)
    if _equal(shifts):
        return _shift(shifts[0].item())
    return ""


def _shift(distance: float, unit: str = "") -> str:
    """Too high or too low, and by how much to two digits."""
    size = f"{_two(abs(distance))} {unit}".rstrip()
    return say("high" if distance > 0 else "low", distance=size)


def _common_factor(ratios: Tensor) -> str:
    """The factor in words. Near 1 its distance from 1 must be common to all, or there is none."""
    two, excess = _two(ratios[0].item()), ratios - 1
    if two != "1":
        return two
    sign = "+" if excess[0] > 0 else "−"
    return f"(1 {sign} {_two(abs(excess[0].item()))})" if _equal(excess) else ""


def _equal(values: Tensor) -> bool:
    """Whether they are one finite number, but for rounding that two digits do not show."""
    return bool(((values - values[0]).abs() <= 1e-4 * values[0].abs()).all())


def _which(place: int, counts: Sequence[int]) -> str:
    """The words for one number among those of all calls."""
    call = 0
    while place >= counts[call]:
        place, call = place - counts[call], call + 1
    one = counts[call] == 1
    which = say("it") if one else say("place", place=place + 1, count=counts[call])
    return which if len(counts) == 1 else say("call", call=call + 1, calls=len(counts), which=which)


def _two(value: float) -> str:
    """Two digits: enough to find the mistake. Whoever takes them off an answer comes near the
    right one, and with a second try to it: that is not prevented.
    """
    return significant(float(f"{value:.2g}"))


def one_digit(error: float) -> str:
    """A relative error to one digit: 3e-7."""
    return f"{error:.0e}".replace("e-0", "e-")
