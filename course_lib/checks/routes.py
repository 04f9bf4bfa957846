"""A route to an equation: the numbers that it gives, and the words for it."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks.answers import described
from course_lib.checks.sampling import MonteCarlo
from course_lib.numerals import minus, significant

Route = float | Tensor | MonteCarlo


def route_tensor(value: Route, name: str = "a route") -> Tensor:
    """The route in float64. Raises ValueError unless it holds real numbers."""
    raw: object = value.estimate if isinstance(value, MonteCarlo) else value
    try:
        given = torch.as_tensor(raw, dtype=None, device="cpu").detach()
        if given.dtype == torch.bool or given.is_complex() or np.ma.isMaskedArray(raw):
            raise TypeError("no real numbers")
        if not isinstance(raw, Tensor):  # Python's numbers have been rounded to the default
            given = torch.as_tensor(raw, **DOUBLE)
        result = given.double()
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(
            f"{name} must be a number or a tensor of real numbers, got {described(value)}"
        ) from None
    if result.numel() == 0:
        raise ValueError(f"{name} must hold a number, got shape {tuple(result.shape)}")
    return result


def spaced(name: str) -> str:
    """A route's name in words."""
    return name.replace("_", " ")


def route_text(value: Route, noise: float = 0.0) -> str:
    """A value as the table shows it: a number, estimate ± error, or how many there are.

    What is no larger than `noise` is rounding, differs between machines, and is shown as 0.
    """
    if isinstance(value, MonteCarlo):
        digits = (
            max(0, 1 - math.floor(math.log10(value.standard_error)))
            if value.standard_error > 0
            else 6
        )
        return minus(f"{value.estimate:.{digits}f} ± {value.standard_error:.{digits}f}")
    tensor = route_tensor(value)
    if tensor.numel() > 1:
        return f"{tensor.numel():,} numbers"
    return significant(0.0 if abs(tensor.item()) <= noise else tensor.item())


def agreeing(routes: Mapping[str, Route], tolerance: float) -> str:
    """Which routes agree, how closely the exact ones do, and in how many numbers."""
    exact = [name for name in routes if not isinstance(routes[name], MonteCarlo)]
    line = f"{_listed([_named(name, routes[name]) for name in routes])} agree"
    if len(exact) == len(routes):
        line += f" to {tolerance:g}"
    return line + in_numbers(max(route_tensor(routes[name]).numel() for name in exact))


def _named(name: str, value: Route) -> str:
    """A route in words; of an estimate also from how many draws."""
    draws = f" (n = {value.count:,})" if isinstance(value, MonteCarlo) else ""
    return spaced(name) + draws


def _listed(names: list[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]])


def in_numbers(count: int) -> str:
    """How many numbers agree, where it is more than one."""
    return f" in {count:,} numbers" if count > 1 else ""


def room(low: Tensor, high: Tensor, tolerance: float) -> str:
    """The least distance between two routes, to two digits: it is a difference, and loses digits.

    What is no larger than the tolerance, relative to max(1, |low|, |high|), is shown as 0.
    """
    low, high = torch.broadcast_tensors(low, high)
    apart = torch.where(low == high, torch.zeros_like(low), high - low)
    rounding = tolerance * torch.maximum(low.abs(), high.abs()).clamp(min=1.0)
    several = low.numel() > 1
    size = "0" if bool((apart <= rounding).any()) else minus(f"{apart.min().item():.2g}")
    return f"at least {size}" if several else size


def largest(size: Tensor, a: Tensor, b: Tensor) -> tuple[str, str, str]:
    """The entries of both where `size` is largest, or NaN, and which of how many that is."""
    place = int(size.nan_to_num(nan=math.inf, posinf=math.inf).argmax())
    count = size.numel()
    x, y = (v.reshape(-1)[place].item() for v in torch.broadcast_tensors(a, b))
    where = f" in number {place + 1:,} of {count:,}" if count > 1 else ""
    return significant(x), significant(y), where
