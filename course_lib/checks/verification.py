"""`verify`: several routes to one equation, shown side by side, and an error when they disagree."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from course_lib.arguments import (
    DOUBLE,
    as_double,
    require_broadcastable,
    require_positive,
)
from course_lib.checks.answers import described
from course_lib.checks.sampling import MonteCarlo
from course_lib.checks.table import Table, display_table
from course_lib.numerals import minus, significant

Z_LIMIT = 4.0  # a true route is refused once in 16,000 seeds; the seeds are fixed
WIDEST = 0.1  # tolerance: at 1 all positive numbers would agree


class VerificationError(AssertionError):
    """Two routes to one quantity disagree."""


Route = float | Tensor | MonteCarlo


def verify(tag: str, tolerance: float = 1e-10, **routes: Route) -> None:
    """Shows every route to the equation `tag` and raises VerificationError if one disagrees with
    the first.

    Numbers and tensors agree within `tolerance`, relative to the larger of 1 and their size; a
    `monte_carlo(…)` route agrees if its z-score is at most 4. The first route must be exact: it is
    what the others are held to. One of two routes may be repeated to the shape of the other.
    Raises ValueError for what cannot be compared, or could not disagree: fewer than two routes, an
    estimate as the first, truth values, complex numbers, shapes of which neither contains the
    other, a tolerance above 0.1, or numbers none of which is larger than the tolerance (held
    against 0.0 they pass: that is a claim).
    """
    _require_routes("verify", tag, tolerance, routes)
    first, *others = routes
    if isinstance(routes[first], MonteCarlo):
        raise ValueError(
            f"verify({tag!r}): the first route must be exact, got an estimate in {_spaced(first)!r}"
        )
    reference = _tensor(routes[first], first)
    rows = [(_spaced(first), _text(reference, tolerance), "")]
    for name in others:
        value = routes[name]
        verdict = _compare(tag, first, reference, name, value, tolerance)
        rows.append((_spaced(name), _text(value, tolerance), verdict))
    display_table(Table(f"Equation {tag} holds", rows))


def verify_at_most(tag: str, tolerance: float = 1e-10, **routes: float | Tensor) -> None:
    """Shows that each route is at most the next one, entry by entry, and raises VerificationError
    if one is not.

    `tolerance` allows for rounding where two are equal. Raises ValueError as `verify` does, and for
    estimates: their noise would decide.
    """
    _require_routes("verify_at_most", tag, tolerance, routes)
    if any(isinstance(value, MonteCarlo) for value in routes.values()):
        raise ValueError(f"verify_at_most({tag!r}) orders exact numbers, got an estimate")
    names = list(routes)
    values = [_tensor(routes[name], name) for name in names]
    for i in range(len(names) - 1):
        _require_alike(names[i + 1], values[i + 1].shape, names[i], values[i].shape)
        low, high = torch.broadcast_tensors(values[i], values[i + 1])
        allowed = tolerance * torch.maximum(low.abs(), high.abs()).clamp(min=1.0)
        rounding = (low - high <= allowed) & allowed.isfinite()
        if not bool(((low <= high) | rounding).all()):
            raise VerificationError(
                f"equation {tag}: {_spaced(names[i])} ({_text(low)}) should be at most "
                f"{_spaced(names[i + 1])} ({_text(high)}), but exceeds it by "
                f"{significant((low - high).max().item())}"
            )
    rows = [
        (_spaced(name), _text(value), "" if i == 0 else f"at least {_spaced(names[i - 1])}")
        for i, (name, value) in enumerate(zip(names, values, strict=True))
    ]
    display_table(Table(f"Equation {tag} holds", rows))


def _require_routes(caller: str, tag: str, tolerance: float, routes: Mapping[str, Route]) -> None:
    """Raises ValueError unless there are two routes of numbers whose shapes fit the first's."""
    if len(routes) < 2:
        raise ValueError(f"{caller}({tag!r}) needs at least two routes, got {list(routes)}")
    require_positive("tolerance", as_double("tolerance", tolerance))
    if tolerance > WIDEST:
        raise ValueError(f"tolerance must be at most {WIDEST}, got {tolerance}")
    first, *_ = routes
    shape = _tensor(routes[first], first).shape
    for name, value in routes.items():
        _require_alike(name, _tensor(value, name).shape, first, shape)
        if isinstance(value, MonteCarlo) and shape.numel() != 1:
            raise ValueError(f"{name} estimates one number, but {first} has shape {tuple(shape)}")


def _require_alike(name: str, shape: torch.Size, first: str, wanted: torch.Size) -> None:
    """Raises ValueError unless one shape can be repeated to the other; a row against a column
    would compare each entry with every other.
    """
    common = require_broadcastable(name, shape, first, wanted)
    if common not in (shape, wanted):
        raise ValueError(
            f"{name} {tuple(shape)} and {first} {tuple(wanted)} broadcast to {tuple(common)}, "
            f"which is the shape of neither"
        )


def _require_size(
    name: str, value: Tensor, first: str, reference: Tensor, tolerance: float
) -> None:
    """Raises ValueError if two routes are both no larger than the tolerance: they would agree
    whatever they are. One of them may be 0: then the other is claimed to vanish.
    """
    for route in (reference, value):
        if bool((route == 0).all()) or not bool((route.abs() <= tolerance).all()):
            return
    raise ValueError(
        f"{first} ({_text(reference)}) and {name} ({_text(value)}) are both within the tolerance "
        f"{tolerance:g} of 0, so they could not disagree; compare their logarithms"
    )


def _compare(
    tag: str, first: str, reference: Tensor, name: str, value: Route, tolerance: float
) -> str:
    """What the table says of an agreeing route. Raises VerificationError that names both routes
    otherwise.
    """
    if isinstance(value, MonteCarlo):
        z = value.z_score(reference.item())
        if not abs(z) <= Z_LIMIT:
            raise VerificationError(
                f"equation {tag}: {_spaced(name)} gives {_text(value)} and {_spaced(first)} gives "
                f"{_text(reference)}: {abs(z):.1f} standard errors apart"
            )
        return minus(f"z = {z:+.1f}, {value.count:,} samples")
    other = _tensor(value, name)
    _require_size(name, other, first, reference, tolerance)
    difference = relative_difference(reference, other)
    if not difference <= tolerance:
        raise VerificationError(
            f"equation {tag}: {_spaced(name)} gives {_text(value)} and {_spaced(first)} gives "
            f"{_text(reference)}: they differ by {difference:.3g}, more than {tolerance:g}"
        )
    return f"agree to {tolerance:g}"


def relative_difference(a: Tensor, b: Tensor) -> float:
    """Largest |a − b| / max(1, |a|, |b|) over the broadcast entries; 0 where both are the same
    infinity, NaN if either is.
    """
    a, b = torch.broadcast_tensors(a, b)
    scale = torch.maximum(a.abs(), b.abs()).clamp(min=1.0)
    apart = torch.where(a == b, torch.zeros_like(a), (a - b).abs() / scale)
    apart = torch.where(torch.isinf(a) ^ torch.isinf(b), torch.full_like(a, math.inf), apart)
    return float("nan") if bool(torch.isnan(apart).any()) else apart.max().item()


def _tensor(value: Route, name: str = "a route") -> Tensor:
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


def _spaced(name: str) -> str:
    """A route's name in words."""
    return name.replace("_", " ")


def _text(value: Route, noise: float = 0.0) -> str:
    """A value as the table shows it: a number, estimate ± error, or the range of many.

    What is no larger than `noise` is rounding, differs between machines, and is shown as 0.
    """
    if isinstance(value, MonteCarlo):
        digits = (
            max(0, 1 - math.floor(math.log10(value.standard_error)))
            if value.standard_error > 0
            else 6
        )
        return minus(f"{value.estimate:.{digits}f} ± {value.standard_error:.{digits}f}")
    tensor = _tensor(value)
    tensor = torch.where(tensor.abs() <= noise, torch.zeros_like(tensor), tensor)
    if tensor.numel() == 1:
        return significant(tensor.item())
    low, high = significant(tensor.min().item()), significant(tensor.max().item())
    return f"{low} … {high} ({tensor.numel():,} values)"
