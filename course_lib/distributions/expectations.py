"""E_q f(z) and P_q(f(z) > t) for a Gaussian over one number, by quadrature.

For what is judged: `bounds.gap`, the notebooks and the explorers. The oracles have a quadrature of
their own, in `exact.numerics`, by another rule and with its own checks: had they this one, a
mistake here would stand on both sides of every comparison, and none would show it.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from course_lib.arguments import (
    DOUBLE,
    as_double,
    require_broadcastable,
    require_count,
    require_finite,
    require_no_nan,
    require_positive,
)
from course_lib.distributions.full_gaussian import Gaussian

Function = Callable[[Tensor], Tensor]

REACH = 12.0  # standard deviations that are integrated over: exp(−72) is left
PANELS = (32, 64)  # between two neighbouring breaks; the two results must agree
with torch.inference_mode(False):  # kept for later calls, which may want slopes
    POINTS, RULE = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(16))


def expectation(
    q: Gaussian,
    f: Function,
    nodes: int = 4001,
    tolerance: float = 1e-8,
    *,
    breaks: Sequence[float] = (),
) -> Tensor:
    """E_q f(z) for a one-dimensional Gaussian q, by the trapezoid rule over ±12 standard
    deviations.

    f maps z (nodes, *batch, 1) to (nodes, *batch), and where q's batch has 1 it may have more. For
    smooth f the rule converges faster than any power of the step. breaks: the z where f jumps or
    bends, as 1[z > 0.1] does at 0.1; between them the rule is Gauss and Legendre's. tolerance: of
    E_q|f|, or of 1 where f takes both signs.
    Sums in float64; float32 values of f agree no better than their rounding, so tolerance is then
    at least that. Returns (*batch,), of f's precision; ∞ or −∞ if f is that where q has mass.
    Raises ValueError if q has more dimensions or is too narrow for its precision to resolve
    mean + std u, if f gives NaN or another shape or is +∞ on one part and −∞ on another, if every
    second node changes the result, or q f has not fallen off at the ends: E_q f is then infinite,
    as E_q w² is under a q that is too narrow, or carried by what lies further out.
    """
    _require_line(q)
    nodes = require_count("nodes", nodes, least=101)
    require_positive("tolerance", as_double("tolerance", tolerance))
    u = torch.linspace(-REACH, REACH, nodes | 1, **DOUBLE)
    z, density = _at(q, u.reshape(-1, *[1] * q.mean.ndim))
    values = _require_one_each(f(z), z)
    allowed = max(tolerance, torch.finfo(values.dtype).eps)
    weighted = density * values  # (nodes, *batch)
    size = weighted.abs().sum(0) * (u[1] - u[0])  # E_q|f|
    _require_fallen(weighted[[0, -1]].abs().amax(0), size, values, allowed)
    if len(breaks):
        rough, found = (_between(q, f, breaks, panels) for panels in PANELS)
        what = f"{PANELS[0]} panels between breaks"
    else:
        step = u[1] - u[0]
        rough, found = 2 * step * weighted[::2].sum(0), step * weighted.sum(0)
        what = f"{nodes} nodes"
    scale = torch.where(_both_signs(values), size.clamp(min=1.0), size)
    return _agreed(found, rough, allowed * scale, what).to(values.dtype)


def _between(q: Gaussian, f: Function, breaks: Sequence[float], panels: int) -> Tensor:
    """E_q f with nodes strictly between the breaks, (*batch,): so many panels from each to next."""
    places = require_finite("breaks", as_double("breaks", breaks)).sort().values
    mean, std = q.mean.double(), q.scale_tril.squeeze(-1).double()  # (*batch, 1)
    cuts = ((places - mean) / std).clamp(-REACH, REACH)  # (*batch, B)
    ends = torch.full_like(cuts[..., :1], REACH)
    edges = torch.cat([-ends, cuts, ends], -1)
    starts = torch.arange(panels, **DOUBLE).unsqueeze(-1)
    shares = (starts + 0.5 * (1 + POINTS)) / panels  # (panels, 16)
    width = edges.diff(dim=-1)[..., None, None]  # (*batch, B + 1, 1, 1)
    u = (edges[..., :-1, None, None] + width * shares).flatten(-3).movedim(-1, 0)
    weights = (width * RULE / (2 * panels)).expand(*width.shape[:-2], panels, -1)
    weights = weights.flatten(-3).movedim(-1, 0)
    z, density = _at(q, u.unsqueeze(-1))
    values = _require_one_each(f(z), z)
    product = weights * density * values
    return product.masked_fill(weights == 0, 0.0).sum(0)  # a break beyond the reach cuts nothing


@torch.no_grad()
def probability(q: Gaussian, f: Function, threshold: float | Tensor = 0.0) -> Tensor:
    """P_q(f(z) > t) for a one-dimensional Gaussian q and continuous f, (*batch,).

    P_q(log w > log p(x)), for one, with f = log w and t = log p(x). The crossings of f with t are
    looked for among 4001 points over ±12 standard deviations, and at the summit of each dip and
    bump between them; they are found to rounding, and the pieces between them summed by Φ.
    f maps z (nodes, *batch, 1) to (nodes, *batch); threshold broadcasts with (*batch,), and so do q
    and z. A bisection has no slopes, so none are kept.
    Raises ValueError if q has more dimensions or is too narrow for its precision to resolve
    mean + std u, or if f gives NaN or another shape.
    """
    _require_line(q)
    level = require_no_nan("threshold", as_double("threshold", threshold))
    batch = require_broadcastable("q's batch", q.batch_shape, "threshold", level.shape)
    q = q.expand(batch)

    def above(u: Tensor) -> Tensor:
        z = _at(q, u.unsqueeze(-1))[0]
        return _require_one_each(f(z), z, wider=False).double() - level

    line = torch.linspace(-REACH, REACH, 4001, **DOUBLE)
    u = line.reshape(-1, *[1] * (q.mean.ndim - 1)).expand(-1, *q.batch_shape)
    u = _with_summits(u, above(u))
    values = above(u)
    low, high = u[:-1], u[1:]
    crossing = (values[:-1] > 0) != (values[1:] > 0)
    rising = values[1:] > 0
    low, high = torch.where(crossing, low, 0.0), torch.where(crossing, high, 0.0)
    for _ in range(60 if bool(crossing.any()) else 0):
        middle = 0.5 * (low + high)
        to_the_right = (above(middle) > 0) != rising
        low, high = torch.where(to_the_right, middle, low), torch.where(to_the_right, high, middle)
    # From −∞ up: each rise to above t adds what lies to its right, each fall takes it away.
    beyond = torch.special.ndtr(-high)
    beyond = torch.where(rising, beyond, -beyond)
    start = (values[0] > 0).double()
    return start + torch.where(crossing, beyond, 0.0).sum(0)


def _with_summits(u: Tensor, values: Tensor) -> Tensor:
    """u (N, *batch), with the summits of `values` that come nearest to 0 among the nodes.

    A node whose value is nearer to 0 than its neighbours' gives way to the vertex of the parabola
    through the three: so that a dip that only just reaches 0 is not stepped over.
    """
    before, at, after = values[:-2], values[1:-1], values[2:]
    nearest = (at.abs() <= before.abs()) & (at.abs() <= after.abs())
    nearest &= (before > 0).eq(at > 0) & (after > 0).eq(at > 0)
    curve = before - 2 * at + after
    shift = 0.5 * (before - after) / torch.where(curve == 0, 1.0, curve)
    shift = torch.where(nearest & shift.isfinite(), shift.clamp(-0.9, 0.9), 0.0)
    moved = u.clone()
    moved[1:-1] += shift * (u[1:-1] - u[:-2])
    return moved


def _at(q: Gaussian, u: Tensor) -> tuple[Tensor, Tensor]:
    """z at u standard deviations, (N, *batch, 1), of q's precision, and φ(u), (N, *batch)."""
    z = q.mean + q.scale_tril.squeeze(-1) * u.to(q.mean.dtype)
    density = torch.exp(-0.5 * u.square()) / math.sqrt(2 * math.pi)
    return z, density.squeeze(-1)


def _require_fallen(ends: Tensor, size: Tensor, values: Tensor, tolerance: float) -> None:
    """Raises ValueError if q |f| at the ends, per standard deviation, is a part of E_q|f|."""
    share = torch.where(values.isinf().any(0), 0.0, ends / size)  # 0/0 is no part either
    if bool((share > tolerance).any()):
        raise ValueError(
            f"q f has not fallen off: {REACH:g} standard deviations out it is still "
            f"{share.nan_to_num(0.0).max().item():.2g} of E_q|f| per standard deviation; E_q f is "
            "infinite, or carried by what lies further out (a wider q may have it)"
        )


def _both_signs(values: Tensor) -> Tensor:
    return (values > 0).any(0) & (values < 0).any(0)


def _agreed(fine: Tensor, coarse: Tensor, allowed: Tensor, what: str) -> Tensor:
    """`fine`. Raises ValueError if it is ∞ − ∞, or the sum over half of the nodes is elsewhere."""
    lost = fine.isnan() | coarse.isnan()
    if bool(lost.any()):
        raise ValueError(
            f"E_q f is no number at index {tuple(lost.nonzero()[0].tolist())}: q f adds up to +∞ "
            "over some z and to −∞ over others"
        )
    off = (fine - coarse).abs() > allowed
    if bool(off.any()):
        worst = (fine - coarse).abs()[off].max().item()
        raise ValueError(
            f"quadrature has not converged: halving {what} moves it by {worst:.3g}; if f jumps or "
            "bends, name the places as breaks=[…]"
        )
    return fine


def _require_line(q: Gaussian) -> None:
    """Raises ValueError unless q is a Gaussian over one number, and wide enough for its floats."""
    if not isinstance(q, Gaussian) or q.event_shape != (1,):
        found = f"event shape {tuple(q.event_shape)}" if hasattr(q, "event_shape") else repr(q)
        raise ValueError(f"expectation needs a Gaussian q over one dimension, got {found}")
    mean, std = q.mean.detach(), q.scale_tril.detach().squeeze(-1)  # (*batch, 1)
    eps = torch.finfo(mean.dtype).eps
    apart = eps * mean.abs()
    # z is off by up to half of that: E u² by apart²/(12 std²), which may be as large as rounding.
    narrow = ~(apart < (12 * eps) ** 0.5 * std)
    if bool(narrow.any()):
        at, width, space = (part[narrow][0].item() for part in (mean, std, apart))
        raise ValueError(
            f"q is too narrow for {mean.dtype}: a std of {width:.3g} at {at:g}, where numbers lie "
            f"{space:.2g} apart"
        )


def _require_one_each(values: Tensor, z: Tensor, *, wider: bool = True) -> Tensor:
    """Raises ValueError unless f gave one number, not NaN, for each z (nodes, *batch, 1).

    wider: whether it may give more where the batch has 1.
    """
    require_no_nan("f(z)", values)
    axes = zip(values.shape[1:], z.shape[1:-1], strict=False)
    whole = all(given == own or (wider and own == 1) for given, own in axes)
    fits = len(values) == len(z) and whole
    if values.ndim != z.ndim - 1 or not fits:
        raise ValueError(
            f"f must map z {tuple(z.shape)} to {tuple(z.shape[:-1])}, got {tuple(values.shape)}"
        )
    return values
