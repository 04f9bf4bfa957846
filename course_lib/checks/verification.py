"""`verify`: several routes to one equation, shown side by side, and an error when they disagree."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.arguments import (
    as_double,
    require_broadcastable,
    require_finite,
    require_positive,
)
from course_lib.checks.table import Table, number, show

Z_LIMIT = 4.0  # a true route is refused once in 16,000 seeds; the seeds are fixed


class VerificationError(AssertionError):
    """Two routes to one quantity disagree."""


@dataclass(frozen=True)
class MonteCarlo:
    """An estimate with its standard error, from `count` independent samples."""

    estimate: float
    standard_error: float
    count: int

    def z_score(self, exact: float) -> float:
        """(estimate − exact) / standard error; 0 where both the difference and the error vanish."""
        difference = self.estimate - exact
        if self.standard_error == 0:
            return (
                0.0
                if abs(difference) <= 1e-12 * max(1.0, abs(exact))
                else math.copysign(math.inf, difference)
            )
        return difference / self.standard_error


Route = float | Tensor | MonteCarlo


def monte_carlo(samples: Tensor) -> MonteCarlo:
    """The mean of independent `samples` (n,) and its standard error. Raises ValueError below two
    samples, or if one is not finite.
    """
    require_finite("samples", samples)
    if samples.ndim != 1 or samples.numel() < 2:
        raise ValueError(
            f"samples must be one axis of at least 2, got shape {tuple(samples.shape)}"
        )
    values = samples.double()
    error = values.std().item() / math.sqrt(values.numel())
    return MonteCarlo(values.mean().item(), error, values.numel())


def verify(tag: str, tolerance: float = 1e-10, **routes: Route) -> None:
    """Shows every route to the equation `tag` and raises VerificationError if one disagrees with
    the first.

    Numbers and tensors agree within `tolerance`, relative to the larger of 1 and their size; a
    `monte_carlo(…)` route agrees if its z-score is at most 4. The first route must be exact: it is
    what the others are held to. Raises ValueError if there are fewer than two routes, or the first
    is an estimate.
    """
    _require_routes("verify", tag, tolerance, routes)
    first, *others = routes
    if isinstance(routes[first], MonteCarlo):
        raise ValueError(
            f"verify({tag!r}): the first route must be exact, got an estimate in {_words(first)!r}"
        )
    reference = _tensor(routes[first])
    rows = [(_words(first), _text(reference, tolerance), "")]
    for name in others:
        value = routes[name]
        verdict = _compare(tag, first, reference, name, value, tolerance)
        rows.append((_words(name), _text(value, tolerance), verdict))
    show(Table(f"Equation {tag} holds", rows))


def verify_at_most(tag: str, tolerance: float = 1e-10, **routes: float | Tensor) -> None:
    """Shows that each route is at most the next one, entry by entry, and raises VerificationError
    if one is not.

    `tolerance` allows for rounding where two are equal. Raises ValueError below two routes.
    """
    _require_routes("verify_at_most", tag, tolerance, routes)
    names = list(routes)
    values = [_tensor(routes[name]) for name in names]
    for i in range(len(names) - 1):
        low, high = torch.broadcast_tensors(values[i], values[i + 1])  # type: ignore[no-untyped-call]
        over = low - high
        allowed = tolerance * torch.maximum(low.abs(), high.abs()).clamp(min=1.0)
        if not bool(((over <= allowed) | (low == high)).all()):
            raise VerificationError(
                f"equation {tag}: {_words(names[i])} ({_text(low)}) should be at most "
                f"{_words(names[i + 1])} ({_text(high)}), but exceeds it by "
                f"{over.nan_to_num().max().item():.6g}"
            )
    rows = [
        (_words(name), _text(value), "" if i == 0 else f"at least {_words(names[i - 1])}")
        for i, (name, value) in enumerate(zip(names, values, strict=True))
    ]
    show(Table(f"Equation {tag} holds", rows))


def _require_routes(caller: str, tag: str, tolerance: float, routes: Mapping[str, Route]) -> None:
    """Raises ValueError unless there are two routes of numbers whose shapes fit the first's."""
    if len(routes) < 2:
        raise ValueError(f"{caller}({tag!r}) needs at least two routes, got {list(routes)}")
    require_positive("tolerance", as_double("tolerance", tolerance))
    first, *_ = routes
    shape = _tensor(routes[first], first).shape
    for name, value in routes.items():
        require_broadcastable(name, _tensor(value, name).shape, first, shape)
        if isinstance(value, MonteCarlo) and shape.numel() != 1:
            raise ValueError(f"{name} estimates one number, but {first} has shape {tuple(shape)}")


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
                f"equation {tag}: {_words(name)} gives {_text(value)} and {_words(first)} gives "
                f"{_text(reference)}: {abs(z):.1f} standard errors apart"
            )
        return f"z = {z:+.1f}, {value.count:,} samples".replace("-", "−")
    difference = distance(reference, _tensor(value))
    if not difference <= tolerance:
        raise VerificationError(
            f"equation {tag}: {_words(name)} gives {_text(value)} and {_words(first)} gives "
            f"{_text(reference)}: they differ by {difference:.3g}, more than {tolerance:g}"
        )
    return f"agree to {tolerance:g}"


def distance(a: Tensor, b: Tensor) -> float:
    """Largest |a − b| / max(1, |a|, |b|) over the broadcast entries; 0 where both are the same
    infinity, NaN if either is.
    """
    a, b = torch.broadcast_tensors(a, b)  # type: ignore[no-untyped-call]
    scale = torch.maximum(a.abs(), b.abs()).clamp(min=1.0)
    apart = torch.where(a == b, torch.zeros_like(a), (a - b).abs() / scale)
    apart = torch.where(torch.isinf(a) ^ torch.isinf(b), torch.full_like(a, math.inf), apart)
    return float("nan") if bool(torch.isnan(apart).any()) else apart.max().item()


def _tensor(value: Route, name: str = "a route") -> Tensor:
    if isinstance(value, MonteCarlo):
        return torch.tensor(value.estimate, dtype=torch.float64)
    try:
        result = torch.as_tensor(value, dtype=torch.float64).detach()
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{name} must be a number or a tensor, got {value!r}") from None
    if result.numel() == 0:
        raise ValueError(f"{name} must hold a number, got shape {tuple(result.shape)}")
    return result


def _words(name: str) -> str:
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
        return f"{value.estimate:.{digits}f} ± {value.standard_error:.{digits}f}".replace("-", "−")
    tensor = _tensor(value)
    tensor = torch.where(tensor.abs() <= noise, torch.zeros_like(tensor), tensor)
    if tensor.numel() == 1:
        return number(tensor.item())
    return (
        f"{number(tensor.min().item())} … {number(tensor.max().item())} ({tensor.numel():,} values)"
    )
