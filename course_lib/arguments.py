"""What may enter a public function: a good argument passes, a bad one is told what is wrong.

Every message names the argument, its value or shape, and what was expected. Nothing is clamped.
The common case is cheap: one sum decides, and entries are looked at only when it is not finite.

    >>> from course_lib.arguments import require_count
    >>> require_count("draws", 0)
    Traceback (most recent call last):
    ValueError: draws must be a whole number of at least 1, got 0
"""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import zip_longest
from numbers import Integral
from typing import TypedDict

import torch
from torch import Tensor

Numbers = Tensor | float | Sequence[float] | Sequence[Sequence[float]]
DOUBLE: "Kind" = {"dtype": torch.float64, "device": "cpu"}


class Kind(TypedDict):
    """What a tensor takes from torch's defaults unless it is told: `torch.zeros(3, **DOUBLE)`."""

    dtype: torch.dtype
    device: str


class NotFiniteError(ValueError):
    """A number is NaN or infinite where it must not be: often the mark of a calculation gone wrong.

    A class of its own, because a training loop must tell it from input of the wrong shape or kind.
    """


class located(AbstractContextManager["located"]):  # a generator would cost ten times as much
    """Puts `place` before the message of a ValueError raised inside; its kind stays."""

    def __init__(self, place: str) -> None:
        self.place = place

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, ValueError):
            kind = NotFiniteError if isinstance(error, NotFiniteError) else ValueError
            raise kind(f"{self.place}: {error}") from error


def as_double(name: str, value: Numbers) -> Tensor:
    """`value` as a float64 tensor; a floating tensor keeps its own precision.

    Raises ValueError on integer tensors and on what is no array of numbers.
    """
    if isinstance(value, Tensor):
        return require_floating(name, value)
    try:
        return torch.tensor(value, **DOUBLE)  # a copy, of an array too
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{name} must be numbers or a tensor of floats, got {value!r}") from None


def require_tensor(name: str, value: Tensor, kind: str = "tensor") -> Tensor:
    """Raises ValueError unless `value` is a tensor, of whatever kind is asked for."""
    if not isinstance(value, Tensor):
        raise ValueError(f"{name} must be a {kind}, got {type(value).__name__}")
    return value


def require_floating(name: str, value: Tensor) -> Tensor:
    """Raises ValueError unless `value` is a tensor of floating-point numbers."""
    if not require_tensor(name, value, "tensor of floats").is_floating_point():
        raise ValueError(
            f"{name} must be a tensor of floats, got {value.dtype}; convert it with .double()"
        )
    return value


def require_integers(name: str, value: Tensor) -> Tensor:
    """Raises ValueError unless `value` is a tensor of integers (bool is none)."""
    require_tensor(name, value, "tensor of integers")
    if value.dtype == torch.bool or value.is_floating_point() or value.is_complex():
        raise ValueError(f"{name} must be a tensor of integers, got {value.dtype}")
    return value


def require_index(name: str, value: Tensor, size: int) -> Tensor:
    """`value` as int64, as bytes would be a mask. Raises ValueError unless 0 ≤ value < size."""
    index = require_integers(name, value).long()
    return require_all(name, index, (index >= 0) & (index < size), f"from 0 to {size - 1}")


def require_finite(name: str, value: Tensor) -> Tensor:
    """Raises ValueError if any entry is NaN or infinite; shows the first one and its index."""
    require_floating(name, value)
    # A sum over a NaN or an infinity is never finite; a sum of large finite numbers may overflow.
    if math.isfinite(value.detach().sum().item()):
        return value
    return require_all(name, value, torch.isfinite(value), "finite")


def require_no_nan(name: str, value: Tensor) -> Tensor:
    """Raises ValueError if any entry is NaN, with the first such index; infinities may pass."""
    if not math.isnan(require_floating(name, value).detach().sum().item()):
        return value
    return require_all(name, value, ~torch.isnan(value), "a number")


def require_log(name: str, value: Tensor) -> Tensor:
    """Raises ValueError if any entry is NaN or +inf; −inf, the log of zero, may pass."""
    if require_floating(name, value).detach().sum().item() < math.inf:  # NaN is not
        return value
    return require_all(name, value, value < math.inf, "a number below infinity, or −inf")


def require_positive(name: str, value: Tensor) -> Tensor:
    """Raises ValueError unless every entry is finite and above zero."""
    return require_all(name, require_finite(name, value), value > 0, "positive")


def require_between(name: str, value: Tensor, low: float, high: float, expected: str) -> Tensor:
    """Raises ValueError unless low ≤ value ≤ high everywhere; NaN is outside."""
    if require_floating(name, value).numel() == 0:
        return value
    least, most = value.detach().aminmax()
    if least.item() >= low and most.item() <= high:
        return value
    return require_all(name, value, (value >= low) & (value <= high), expected)


def require_all(name: str, value: Tensor, good: Tensor, expected: str) -> Tensor:
    """Raises ValueError that shows the first entry where `good` is False, and where it stands.

    It is a NotFiniteError if that entry is NaN or infinite. A float has eight digits, or as many
    more as tell it from its neighbours: 1.0000000001 is not 1.
    """
    if bool(good.all()):
        return value
    where = tuple(int(i) for i in (~good).nonzero()[0])
    entry = value.detach().expand(good.shape)[where].item()
    kind = ValueError if math.isfinite(entry) else NotFiniteError
    place = f" at index {where}" if where else ""
    floats = range(8, 18) if isinstance(entry, float) else ()
    texts = (f"{entry:.{digits}g}" for digits in floats)
    shown = next((text for text in texts if value.new_tensor(float(text)).item() == entry), entry)
    raise kind(f"{name} must be {expected}, got {shown}{place}")


def require_event(name: str, value: Tensor, size: int) -> Tensor:
    """Raises ValueError unless the last axis of `value` has `size` entries."""
    if require_floating(name, value).ndim == 0 or value.shape[-1] != size:
        raise ValueError(
            f"{name} must have {size} entries on its last axis, got shape {tuple(value.shape)}"
        )
    return value


def require_nonempty(name: str, value: Tensor) -> Tensor:
    """Raises ValueError if `value` holds no numbers at all."""
    if value.numel() == 0:
        raise ValueError(f"{name} must not be empty, got shape {tuple(value.shape)}")
    return value


def require_like(name: str, value: Tensor, weight: Tensor) -> Tensor:
    """Raises ValueError unless `value` has the precision and the device of a net's `weight`."""
    if require_tensor(name, value, "tensor of floats").dtype != weight.dtype:
        grey = " (grey levels 0..255 with data.binarise)" if value.dtype == torch.uint8 else ""
        raise ValueError(
            f"{name} must be {weight.dtype}, as the weights are, got {value.dtype}; "
            f"convert it with .to({weight.dtype}){grey}"
        )
    if value.device != weight.device:
        raise ValueError(
            f"{name} must be on {weight.device}, as the weights are, got {value.device}; "
            f'move it with .to("{weight.device}")'
        )
    return value


def require_same_dtype(first: str, a: Tensor, second: str, b: Tensor) -> None:
    """Raises ValueError unless the two tensors have one precision."""
    if a.dtype != b.dtype:
        raise ValueError(f"{first} ({a.dtype}) and {second} ({b.dtype}) must have one dtype")


def require_broadcastable(first: str, a: torch.Size, second: str, b: torch.Size) -> torch.Size:
    """The shape that `a` and `b` broadcast to. Raises ValueError that names both if none."""
    if a == b:
        return a
    # Not torch.broadcast_shapes: its first call imports sympy, which takes most of a second.
    shape = []
    for m, n in zip_longest(reversed(a), reversed(b), fillvalue=1):
        if m != n and 1 not in (m, n):
            raise ValueError(f"{first} {tuple(a)} and {second} {tuple(b)} do not broadcast")
        shape.append(n if m == 1 else m)
    return torch.Size(shape[::-1])


def require_expansion(name: str, wanted: Sequence[int], of: str, shape: torch.Size) -> None:
    """Raises ValueError unless `shape`, that of `of`, can be repeated to `wanted`."""
    target = require_shape(name, wanted)
    if shape != target and require_broadcastable(name, target, of, shape) != target:
        raise ValueError(f"{of} {tuple(shape)} cannot be repeated to {name} {tuple(target)}")


def is_whole(value: object) -> bool:
    """Whether it is a whole number, Python's or NumPy's; a bool is none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def require_count(name: str, value: int, least: int = 1) -> int:
    """Raises ValueError unless `value` is a whole number of at least `least`."""
    if not is_whole(value) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def require_number(name: str, value: float, *, positive: bool = False) -> float:
    """`value` as a float. Raises ValueError unless it is one finite number (bool is none)."""
    number = as_double(name, value) if hasattr(value, "__float__") else None
    if number is None or number.ndim > 0 or isinstance(value, bool):
        raise ValueError(f"{name} must be one number, got {value!r}")
    return (require_positive if positive else require_finite)(name, number).item()


def require_seed(name: str, value: int) -> int:
    """Raises ValueError unless `value` is a whole number that torch takes for a seed."""
    if not is_whole(value) or not -(2**63) <= value < 2**64:
        raise ValueError(f"{name} must be a whole number from -2**63 to 2**64 - 1, got {value!r}")
    return int(value)


def require_generator(generator: torch.Generator) -> torch.Generator:
    """Raises ValueError unless randomness comes from an explicit torch.Generator."""
    if not isinstance(generator, torch.Generator):
        raise ValueError(
            f"generator must be a torch.Generator, such as torch.Generator().manual_seed(0), "
            f"got {generator!r}"
        )
    return generator


def require_shape(name: str, shape: Sequence[int]) -> torch.Size:
    """`shape` as torch.Size. Raises ValueError unless it is a tuple of whole numbers from 0 up."""
    if not isinstance(shape, (tuple, list)):
        raise ValueError(f"{name} must be a tuple such as (5,), got {shape!r}")
    return torch.Size([require_count(f"an entry of {name}", n, least=0) for n in shape])
