"""A learner's answer, read as numbers however it is written."""

import inspect
import reprlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_lib.checks.phrases import say

MOST = 10_000  # numbers in one answer; the longest that an exercise wants has some thousands
DEPTH = 8  # lists within lists
BLANKS = ("", "...", "…")


class NoNumber(ValueError):
    """An answer that cannot be read as numbers."""


class Refused(ValueError):
    """An answer that breaks a condition of its exercise; the learner is told the error's words."""


class NotAnswered(Exception):
    """An answer that is still empty: None or an ellipsis, alone or among others."""


@dataclass(frozen=True)
class NumberRow:
    """The numbers of an answer in a row, float64 (n,), and the relative spacing `epsilon` of the
    coarsest type among them: 2⁻⁵² for a float, 2⁻²³ for float32.
    """

    values: Tensor
    epsilon: float


def as_numbers(answer: Any) -> NumberRow:
    """Numbers, tensors, arrays and sequences of them, as one row; a copy, nothing is shared.

    Raises NoNumber for what holds no real numbers or more than 10,000, NotAnswered for a blank.
    """
    row: list[float] = []
    coarsest = sys.float_info.epsilon
    for part in _leaves(answer, DEPTH):
        numbers, epsilon = _leaf(part)
        row += numbers
        coarsest = max(coarsest, epsilon)
        _require_few(len(row))
    if not row:
        raise NoNumber(say("no number", given=described(answer)))
    return NumberRow(torch.tensor(row, dtype=torch.float64, device="cpu"), coarsest)


def _require_few(count: int) -> None:
    if count > MOST:
        raise NoNumber(f"at most {MOST:,} numbers can be read; this answer has more")


def described(answer: Any) -> str:
    """A few words that show an answer: itself if it is short and plain, else of what kind it is."""
    try:
        if isinstance(answer, (Tensor, np.ndarray)):
            kind = "tensor" if isinstance(answer, Tensor) else "array"
            where = f" on {answer.device}" if getattr(answer, "is_meta", False) else ""
            return f"{_article(kind)} of shape {tuple(answer.shape)} and type {answer.dtype}{where}"
        if isinstance(answer, (str, bytes, int, float, complex, list, tuple, dict, set)):
            return _SHORT.repr(answer)
        if answer is None or inspect.isroutine(answer):
            return "a function" if callable(answer) else "None"
        return _article(type(answer).__name__[:60])
    except Exception:  # a repr, a shape or a name may raise anything
        return "something that cannot be shown"


def _article(words: str) -> str:
    return f"{'an' if words[:1].lower() in 'aeiou' else 'a'} {words}"


class _Short(reprlib.Repr):
    """A repr of reasonable length, in which objects are named by their kind, without an address."""

    def repr_instance(self, x: Any, level: int) -> str:
        """Of a number or bytes as they are; of anything else its kind."""
        plain = x is None or x is ... or isinstance(x, (bool, float, complex, bytes))
        return super().repr_instance(x, level) if plain else described(x)


_SHORT = _Short()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 2, 40, 40, 30


def is_blank(answer: Any) -> bool:
    """Whether nothing is answered yet: None, an ellipsis, or an empty text."""
    return answer is None or answer is ... or (isinstance(answer, str) and answer.strip() in BLANKS)


def _leaves(answer: Any, depth: int) -> Iterator[Any]:
    """The parts of nested sequences that are none themselves, in order."""
    if is_blank(answer):
        raise NotAnswered(say("blank"))
    if not _is_sequence(answer):
        yield answer
        return
    if depth == 0:
        raise NoNumber(say("no number", given=f"lists more than {DEPTH} deep"))
    for part in islice(answer, MOST + 1):
        yield from _leaves(part, depth - 1)


def _is_sequence(answer: Any) -> bool:
    """Whether its parts are to be read one by one. A set and a dictionary have no order."""
    if isinstance(answer, (Tensor, np.ndarray, str, bytes, bytearray, Mapping, Set)):
        return False
    return isinstance(answer, Iterable) and not hasattr(answer, "__array__")


def _leaf(part: Any) -> tuple[list[float], float]:
    """The numbers of one part, and the spacing of their type. Raises NoNumber if there are none."""
    try:
        if isinstance(part, Tensor):
            return _of_tensor(part)
        if isinstance(part, np.generic) or hasattr(part, "__array__"):
            return _of_array(part)
        if isinstance(part, (bool, str, bytes, bytearray)) or not hasattr(part, "__float__"):
            raise TypeError("no number")
        return [float(part)], 0.0
    except NoNumber:
        raise
    except (TypeError, ValueError, OverflowError, RuntimeError):
        if inspect.iscoroutine(part):
            part.close()  # Python would warn that nobody waited for it
        raise NoNumber(say("no number", given=described(part))) from None


def _of_tensor(part: Tensor) -> tuple[list[float], float]:
    """Raises TypeError for truth values, complex numbers, and what holds no values; NoNumber for
    too many.
    """
    if part.dtype == torch.bool or part.is_complex() or part.is_meta:
        raise TypeError("no real numbers")
    _require_few(part.numel())
    plain = part.detach().to_dense().reshape(-1)
    epsilon = torch.finfo(plain.dtype).eps if plain.is_floating_point() else 0.0
    return list(map(float, plain.tolist())), epsilon


def _of_array(part: Any) -> tuple[list[float], float]:
    """Raises TypeError for anything but real numbers and for masked entries; NoNumber for too
    many.
    """
    if np.ma.isMaskedArray(part) and np.ma.is_masked(part):
        raise TypeError("a masked entry is no number")
    found = np.asarray(part).reshape(-1)
    if found.dtype.kind not in "iufO":
        raise TypeError("no real numbers")
    _require_few(found.size)
    if found.dtype.kind == "O":  # such as fractions
        several = as_numbers(found.tolist())
        return several.values.tolist(), several.epsilon
    epsilon = float(np.finfo(found.dtype).eps) if found.dtype.kind == "f" else 0.0
    return found.astype(np.float64).tolist(), epsilon
