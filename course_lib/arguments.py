"""What may enter a public function: a good argument passes through, a bad one is explained.

Every message names the argument, gives its value or shape, and says what was expected.
Nothing is clamped.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

Numbers = Tensor | float | Sequence[float] | Sequence[Sequence[float]]


def as_double(name: str, value: Numbers) -> Tensor:
    """`value` as a float64 tensor; floating tensors keep their own precision.

    Raises ValueError on integer tensors.
    """
    if isinstance(value, Tensor):
        return require_floating(name, value)
    return torch.as_tensor(value, dtype=torch.float64)


def require_floating(name: str, value: Tensor) -> Tensor:
    """Raises ValueError unless `value` is a tensor of floating-point numbers."""
    if not isinstance(value, Tensor):
        raise ValueError(f"{name} must be a tensor of floats, got {type(value).__name__}")
    if not value.is_floating_point():
        raise ValueError(
            f"{name} must be a tensor of floats, got {value.dtype}; convert it with .double()"
        )
    return value


def require_finite(name: str, value: Tensor) -> Tensor:
    """Raises ValueError if any entry is NaN or infinite, with the first such and its index."""
    require_floating(name, value)
    bad = ~torch.isfinite(value)
    if bool(bad.any()):
        raise ValueError(f"{name} must be finite, got {_first(value, bad)}")
    return value


def require_positive(name: str, value: Tensor) -> Tensor:
    """Raises ValueError unless every entry is finite and above zero."""
    require_finite(name, value)
    bad = value <= 0
    if bool(bad.any()):
        raise ValueError(f"{name} must be positive, got {_first(value, bad)}")
    return value


def require_event(name: str, value: Tensor, size: int) -> Tensor:
    """Raises ValueError unless the last axis of `value` has `size` entries."""
    require_floating(name, value)
    if value.ndim == 0 or value.shape[-1] != size:
        raise ValueError(
            f"{name} must have {size} entries on its last axis, got shape {tuple(value.shape)}"
        )
    return value


def require_nonempty(name: str, value: Tensor) -> Tensor:
    """Raises ValueError if `value` holds no numbers at all."""
    if value.numel() == 0:
        raise ValueError(f"{name} must not be empty, got shape {tuple(value.shape)}")
    return value


def require_broadcastable(first: str, a: torch.Size, second: str, b: torch.Size) -> torch.Size:
    """The shape that `a` and `b` broadcast to; ValueError that names both if there is none."""
    try:
        return torch.Size(torch.broadcast_shapes(a, b))  # type: ignore[no-untyped-call]
    except RuntimeError:
        raise ValueError(f"{first} {tuple(a)} and {second} {tuple(b)} do not broadcast") from None


def require_count(name: str, value: int, least: int = 1) -> int:
    """Raises ValueError unless `value` is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return value


def _first(value: Tensor, bad: Tensor) -> str:
    """The first offending entry and its index, as text."""
    where = tuple(int(i) for i in bad.nonzero()[0])
    return f"{value[where].item():g} at index {where}" if where else f"{value.item():g}"
