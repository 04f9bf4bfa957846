"""Answers as plain data: written in the process of a submission, read where they are judged.

A submission may write here what it likes. Whatever it writes is read as data: numbers, words,
lists, the course's distributions and arrows, and of a function what it returned when it was tried.
Nothing of it is run, and nothing is unpickled.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_lib.checks.time_limit import TookTooLong
from course_lib.distributions import DiagonalGaussian, FullGaussian, GaussianMixture, Laplace
from course_lib.exact import AffineGaussian, TanhArrow
from course_lib.teach.tensors import Record, read_tensor, written_tensor

FORMS: dict[type, tuple[str, ...]] = {
    DiagonalGaussian: ("mean", "log_std"),
    FullGaussian: ("mean", "scale_tril"),
    GaussianMixture: ("log_weights", "components"),
    Laplace: ("mean", "log_scale"),
    TanhArrow: ("a", "b", "c", "s", "d"),
    AffineGaussian: ("slope", "offset", "scale_tril"),
}
BY_NAME = {form.__name__: form for form in FORMS}
SEQUENCES: dict[str, Callable[[Any], Any]] = {"list": list, "tuple": tuple, "set": set}
MOST_OF_A_FORM = 256  # numbers of one parameter: 6.d looks at an encoder at 181 places
MOST_HUMPS = 64
MOST_PARTS = 1_000
MOST_LETTERS = 300
MOST_CALLS = 100
DEPTH = 6


def written(value: Any, depth: int = DEPTH) -> Record:
    """The value as data that JSON holds. What is no answer to any exercise keeps its type's name
    alone, as does what cannot be read; a number or letter too many is left out.
    """
    try:
        return _written(value, depth)
    except Exception:  # an array of words, a list that raises
        return {"is": "thing", "type": type(value).__name__[:60]}


def _written(value: Any, depth: int) -> Record:
    """The same, of what can be read."""
    if value is None or value is ...:
        return {"is": "blank"}
    if depth and (form := form_of(value)):
        parts = [getattr(value, name) for name in FORMS[form]]
        return {"is": form.__name__, "parts": [written(p, depth - 1) for p in parts]}
    if isinstance(value, str):
        return {"is": "word", "value": value[:MOST_LETTERS]}
    if isinstance(value, np.ndarray):
        return written_tensor(torch.from_numpy(np.array(value)))
    if isinstance(value, Tensor):
        return written_tensor(value)
    if depth and isinstance(value, list | tuple | Set):
        kind = next((k for k in ("list", "tuple") if isinstance(value, SEQUENCES[k])), "set")  # type: ignore[arg-type]
        return {"is": kind, "parts": [written(p, depth - 1) for p in [*value][:MOST_PARTS]]}
    if depth and isinstance(value, dict):
        pairs = [[written(k, 1), written(v, depth - 1)] for k, v in [*value.items()][:MOST_PARTS]]
        return {"is": "dict", "parts": pairs}
    if depth and isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray, Mapping)):
        # Whatever else is read part by part, as by `as_numbers`: a range, a deque, a map.
        return {"is": "list", "parts": [written(p, depth - 1) for p in islice(value, MOST_PARTS)]}
    if hasattr(value, "__float__"):
        return _number(value)
    return {"is": "thing", "type": type(value).__name__[:60]}


def form_of(value: Any) -> type | None:
    """Which of the course's forms a value is, if it is one; of a class made from one, that one,
    unless it does anything its own way: only the parameters are written.
    """
    kinds = type(value).__mro__
    form = next((kind for kind in kinds if kind in FORMS), None)
    ways = {name for name in dir(form) if not name.startswith("_")}
    methods = {name for name in ways if callable(getattr(form, name, None))}
    own = [vars(kind).keys() for kind in kinds[: kinds.index(form)]] if form else []
    changed = any((ways | {"__call__", "__getattribute__"}) & names for names in own)
    return None if changed or methods & getattr(value, "__dict__", {}).keys() else form


def _number(value: Any) -> Record:
    """A whole number as one, if it is of an ordinary size; a truth value as itself."""
    if isinstance(value, bool | np.bool_):
        return {"is": "number", "value": bool(value)}
    if isinstance(value, int | np.integer) and abs(int(value)) < 2**53:
        return {"is": "number", "value": int(value)}
    return {"is": "number", "value": float(value)}


def read(record: Any, depth: int = DEPTH + 2) -> Any:
    """The value that was written. Raises ValueError for what cannot have been written here, or
    holds more than an answer does.
    """
    kind = record.get("is") if isinstance(record, dict) and depth else None
    if kind == "blank":
        return None
    if kind == "word":
        return _typed(record, "value", str)[:MOST_LETTERS]
    if kind == "number":
        return _typed(record, "value", (bool, int, float))
    if kind == "tensor":
        return read_tensor(record)
    if kind == "thing":
        return _thing(_typed(record, "type", str))
    if kind == "function":
        return replayed(_typed(record, "calls", list))
    if kind == "dict":
        return {read(k, 1): read(v, depth - 1) for k, v in _pairs(record)}
    if kind in SEQUENCES:
        return SEQUENCES[kind](_parts(record, depth))
    if kind in BY_NAME:
        return _form(BY_NAME[kind], _parts(record, depth))
    raise ValueError("an answer that cannot be read")


def _typed(record: Record, key: str, kind: Any) -> Any:
    value = record.get(key)
    if not isinstance(value, kind):
        raise ValueError("an answer that cannot be read")
    return value


def _parts(record: Record, depth: int) -> list[Any]:
    parts = _typed(record, "parts", list)
    if len(parts) > MOST_PARTS:
        raise ValueError(f"a list of more than {MOST_PARTS:,} parts")
    return [read(part, depth - 1) for part in parts]


def _pairs(record: Record) -> list[list[Any]]:
    pairs = _typed(record, "parts", list)
    if len(pairs) > MOST_PARTS or not all(isinstance(p, list) and len(p) == 2 for p in pairs):
        raise ValueError("a dictionary that cannot be read")
    return list(pairs)


def _form(form: type, parts: list[Any]) -> Any:
    """A distribution or an arrow of these parts. Raises ValueError if they make none."""
    sizes = [part.numel() for part in parts if isinstance(part, Tensor)]
    most = MOST_HUMPS if form is GaussianMixture else MOST_OF_A_FORM
    if sizes and max(sizes) > most:
        raise ValueError(f"a {form.__name__} of more than {most:,} numbers")
    try:
        return form(*parts)
    except (TypeError, AttributeError, RuntimeError):
        raise ValueError(f"a {form.__name__} that is none") from None


def _thing(name: str) -> Any:
    """Something of a type of that name, which is no answer: so that a verdict can name it."""
    return type(name if name.isidentifier() else "Something", (), {})()


def recorded(function: Callable[..., Any], calls: list[Record]) -> Callable[..., Any]:
    """The function, which adds to `calls` what each call gave. (A function, since it is copied
    before it is measured, and a copy of an object would add to a copy of the list.)
    """

    def called(*given: Any) -> Any:
        call: Record = {}
        if len(calls) < MOST_CALLS:
            calls.append(call)
        try:
            gave = function(*given)
        except TookTooLong:
            call["late"] = True
            raise
        except BaseException as error:
            call["raised"] = type(error).__name__[:60]
            call["words"] = str(error)[:MOST_LETTERS]
            raise
        call["gave"] = written(gave)
        if isinstance(gave, Tensor) and gave.requires_grad:
            call["slope"] = _slope(gave, given)
        return gave

    return called


def _slope(gave: Tensor, given: tuple[Any, ...]) -> Record:
    """The derivative of the sum of what was given back, in the first argument; blank if it has
    none.
    """
    first = given[0] if given else None
    if not isinstance(first, Tensor) or not first.requires_grad:
        return written(None)
    (slope,) = torch.autograd.grad(gave.sum(), first, retain_graph=True, allow_unused=True)
    return written(slope)


def replayed(calls: list[Any]) -> Callable[..., Any]:
    """A function that gives in turn what was recorded, whatever it is given.

    The function raises what the recorded one did, and ValueError for what cannot be read.
    """
    left = iter(calls)

    def called(*given: Any) -> Any:
        call = next(left, None)
        if not isinstance(call, dict):
            raise ValueError("it was called more often than it was tried")
        if "late" in call:
            raise TookTooLong
        if "raised" in call:
            name = str(call["raised"])
            kind = type(name if name.isidentifier() else "Error", (Exception,), {})
            raise kind(str(call.get("words", ""))[:MOST_LETTERS])
        gave = read(call.get("gave"))
        if "slope" not in call or not isinstance(gave, Tensor):
            return gave
        slope = read(call["slope"])
        fits = given and isinstance(slope, Tensor) and slope.shape == given[0].shape
        return _sloped(given[0], gave, slope) if fits else gave.requires_grad_()

    return called


def _sloped(given: Tensor, gave: Tensor, slope: Tensor) -> Any:
    return _WithSlope.apply(given, gave, slope)  # type: ignore[no-untyped-call]


class _WithSlope(torch.autograd.Function):
    """Values of a function of one argument, whose derivative was recorded."""

    @staticmethod
    def forward(ctx: Any, given: Tensor, gave: Tensor, slope: Tensor) -> Tensor:
        """The values."""
        ctx.save_for_backward(slope)
        return gave.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The derivative of each, times what is behind it."""
        return gradients[0] * ctx.saved_tensors[0], None, None
