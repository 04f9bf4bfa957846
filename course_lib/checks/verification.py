"""`verify`: several routes to one equation, and an error when they disagree.

It prints one line, `✓ (4.2): by hand and log p agree to 1e-10`. In a notebook a click on it shows
what every route gave.
"""

import itertools
import math
from collections.abc import Mapping

import torch
from torch import Tensor

from course_lib.arguments import (
    as_double,
    require_broadcastable,
    require_positive,
)
from course_lib.checks.routes import (
    Route,
    agreeing,
    in_numbers,
    largest,
    room,
    route_tensor,
    route_text,
    spaced,
)
from course_lib.checks.sampling import MonteCarlo
from course_lib.checks.table import FoldedTable, display_table
from course_lib.numerals import significant

Z_LIMIT = 4.0  # a true route is refused once in 16,000 seeds; the seeds are fixed
WIDEST = 0.1  # tolerance: at 1 all positive numbers would agree


class VerificationError(AssertionError):
    """Two routes to one quantity disagree."""


def verify(tag: str, tolerance: float = 1e-10, **routes: Route) -> None:
    """Says in one line that all routes to the equation `tag` agree, and raises VerificationError if
    one disagrees with the first.

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
            f"verify({tag!r}): the first route must be exact, got an estimate in {spaced(first)!r}"
        )
    reference = route_tensor(routes[first], first)
    rows = [(spaced(first), route_text(reference, tolerance), "")]
    for name in others:
        value = routes[name]
        verdict = _compare(tag, first, reference, name, value, tolerance)
        rows.append((spaced(name), route_text(value, tolerance), verdict))
    display_table(FoldedTable(f"✓ ({tag}): {agreeing(routes, tolerance)}", rows))


def verify_at_most(tag: str, tolerance: float = 1e-10, **routes: float | Tensor) -> None:
    """Says in one line that each route is at most the next one, entry by entry, and raises
    VerificationError if one is not.

    `tolerance` allows for rounding where two are equal. Raises ValueError as `verify` does, and for
    estimates: their noise would decide.
    """
    _require_routes("verify_at_most", tag, tolerance, routes)
    if any(isinstance(value, MonteCarlo) for value in routes.values()):
        raise ValueError(f"verify_at_most({tag!r}) orders exact numbers, got an estimate")
    names = list(routes)
    values = [route_tensor(routes[name], name) for name in names]
    for i in range(len(names) - 1):
        _require_alike(names[i + 1], values[i + 1].shape, names[i], values[i].shape)
        low, high = torch.broadcast_tensors(values[i], values[i + 1])
        allowed = tolerance * torch.maximum(low.abs(), high.abs()).clamp(min=1.0)
        rounding = (low - high <= allowed) & allowed.isfinite()
        if not bool(((low <= high) | rounding).all()):
            excess = low - high
            least, most, where = largest(excess, low, high)
            raise VerificationError(
                f"equation {tag}: {spaced(names[i])} ({least}) should be at most "
                f"{spaced(names[i + 1])} ({most}){where}, but exceeds it by "
                f"{significant(excess.max().item())}"
            )
    rows = [(spaced(names[0]), route_text(values[0]), "")]
    for (below, low), (name, high) in itertools.pairwise(zip(names, values, strict=True)):
        above = f"{room(low, high, tolerance)} above {spaced(below)}"
        rows.append((spaced(name), route_text(high), above))
    count = max(value.numel() for value in values)
    line = " ≤ ".join(map(spaced, names)) + in_numbers(count)
    display_table(FoldedTable(f"✓ ({tag}): {line}", rows))


def _require_routes(caller: str, tag: str, tolerance: float, routes: Mapping[str, Route]) -> None:
    """Raises ValueError unless there are two routes of numbers whose shapes fit the first's."""
    if len(routes) < 2:
        raise ValueError(f"{caller}({tag!r}) needs at least two routes, got {list(routes)}")
    require_positive("tolerance", as_double("tolerance", tolerance))
    if tolerance > WIDEST:
        raise ValueError(f"tolerance must be at most {WIDEST}, got {tolerance}")
    first, *_ = routes
    shape = route_tensor(routes[first], first).shape
    for name, value in routes.items():
        _require_alike(name, route_tensor(value, name).shape, first, shape)
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
        f"{first} ({route_text(reference)}) and {name} ({route_text(value)}) are both within the "
        f"tolerance {tolerance:g} of 0, so they could not disagree; compare their logarithms"
    )


def _compare(
    tag: str, first: str, reference: Tensor, name: str, value: Route, tolerance: float
) -> str:
    """What is said of a route that agrees. Raises VerificationError that names both routes
    otherwise.
    """
    if isinstance(value, MonteCarlo):
        z = value.z_score(reference.item())
        if not abs(z) <= Z_LIMIT:
            raise VerificationError(
                f"equation {tag}: {spaced(name)} gives {route_text(value)} and {spaced(first)} "
                f"gives {route_text(reference)}: {abs(z):.1f} standard errors apart"
            )
        side = "above" if z > 0 else "below"
        return f"{abs(z):.1f} standard errors {side}, {value.count:,} samples"
    other = route_tensor(value, name)
    _require_size(name, other, first, reference, tolerance)
    difference = relative_difference(reference, other)
    if not difference <= tolerance:
        apart = relative_differences(reference, other)
        wanted, found, where = largest(apart, reference, other)
        raise VerificationError(
            f"equation {tag}: {spaced(name)} gives {found} and {spaced(first)} gives {wanted}"
            f"{where}: they differ by {difference:.3g}, more than {tolerance:g}"
        )
    several = max(reference.numel(), other.numel()) > 1
    return f"{'all agree to' if several else 'agrees to'} {tolerance:g}"


def relative_difference(a: Tensor, b: Tensor) -> float:
    """The largest of `relative_differences`, NaN if one is."""
    apart = relative_differences(a, b)
    return float("nan") if bool(torch.isnan(apart).any()) else apart.max().item()


def relative_differences(a: Tensor, b: Tensor) -> Tensor:
    """|a − b| / max(1, |a|, |b|) of the broadcast entries; 0 where both are the same infinity,
    infinite where one alone is, NaN where either is.
    """
    a, b = torch.broadcast_tensors(a, b)
    scale = torch.maximum(a.abs(), b.abs()).clamp(min=1.0)
    apart = torch.where(a == b, torch.zeros_like(a), (a - b).abs() / scale)
    return torch.where(torch.isinf(a) ^ torch.isinf(b), torch.full_like(a, math.inf), apart)
