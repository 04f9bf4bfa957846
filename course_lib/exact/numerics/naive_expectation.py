"""What naive Monte Carlo finds on average: E[log p̂] for draws from a standard normal prior."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from course_lib.arguments import DOUBLE
from course_lib.exact.numerics.quadrature import DEGREE, POINTS, WEIGHTS, panel_nodes

REACH = 10.0  # prior standard deviations: 1e-23 of the mass is beyond
PANELS = 80  # to start with
SPAN = 4.0  # nats over a panel: 1 − exp(−e^y) is then a polynomial of degree 32 to 2e-15
SMOOTH = 1e-9  # how far ℓ may be from the polynomial through every other point, relatively
BELOW = 40.0  # exp(−40) is nothing beside one
MOST = 20_000  # panels
STEP = 0.25  # in u: the trapezoid rule errs by exp(−2π(π/2)/STEP) = 7e-18
ROWS = 32  # values of u taken together
CERTAIN = 4.0  # nats: exp(−e⁴) = 2e-24
NOTHING = 60.0  # nats: exp(−60) is nothing even beside 1/S

# From values at the even points of a panel to those of their polynomial at the odd ones, (16, 17).
_ORDER = torch.arange(DEGREE // 2 + 1, **DOUBLE)
_CHEBYSHEV = torch.cos(_ORDER * POINTS.clamp(-1, 1).acos().unsqueeze(-1))  # (33, 17)
BETWEEN = _CHEBYSHEV[1::2] @ torch.linalg.inv(_CHEBYSHEV[::2])

LogLikelihood = Callable[[Tensor], Tensor]


class Table(NamedTuple):
    """ℓ at all nodes, ascending, (N,), their weights, and sums of weights, (N + 1,)."""

    values: Tensor
    weights: Tensor
    below: Tensor  # of all before
    above: Tensor  # of this and all after


def expected_naive_log(log_likelihood: LogLikelihood, samples: int) -> Tensor:
    """E[log p̂], p̂ = (1/S) Σ_i exp ℓ(z_i), z_i ~ N(0, 1), ℓ = log_likelihood; nats, ().  (Eq. 2.5)

    With t = e^u, E[log p̂] − c = ∫ (exp(−e^{u+c}) − E[exp(−e^u p̂)]) du over all real u, for any c,
    here log p(x). Both terms are smooth on the scale of one, and the trapezoid rule is exact to
    rounding. The second is (1 − m)^S, m(u) = E_z[1 − exp(−e^{u + ℓ(z)}/S)].
    log_likelihood: from nodes (P, 33) to (P, 33).
    Raises ValueError if too many panels are needed.
    """
    table, end = _grid(log_likelihood, samples)
    if end == math.inf:
        return torch.full((), -math.inf, **DOUBLE)  # p̂ = 0 has positive probability
    centre = torch.logsumexp(table.values + table.weights.log(), 0)
    low = -BELOW - max(float(table.values[-1]), float(centre))
    u = torch.arange(low, max(end, 4.0 - float(centre)) + STEP, STEP, **DOUBLE)
    laplace = _log_laplace(u, table, samples).exp()
    return centre + STEP * (torch.exp(-(u + centre).exp()) - laplace).sum()


def _grid(log_likelihood: LogLikelihood, samples: int) -> tuple[Table, float]:
    """ℓ and the weights of the prior over panels in which ℓ is smooth and varies little; u's end.

    Not e^ℓ but ℓ itself must vary little, where exp(−e^{u + ℓ}) is neither zero nor one.
    """
    edges = torch.linspace(-REACH, REACH, PANELS + 1, **DOUBLE)
    left, width = edges[:-1], edges.diff()
    values = log_likelihood(panel_nodes(left, width))  # (P, 33)
    while len(left) <= MOST:
        weights = _prior_weights(left, width)
        table = _table(values, weights)
        end = _end(table, samples)
        floor = math.log(samples) - end - BELOW  # a lower ℓ leaves no trace before the end of u
        rough = _is_rough(values, floor) & (weights.sum(-1) * samples > 1e-15) & (width > 1e-14)
        if end == math.inf or not bool(rough.any()):
            return table, end
        half = width[rough] / 2
        fresh, halves = torch.cat([left[rough], left[rough] + half]), torch.cat([half, half])
        values = torch.cat([values[~rough], log_likelihood(panel_nodes(fresh, halves))])
        left, width = torch.cat([left[~rough], fresh]), torch.cat([width[~rough], halves])
    raise ValueError(
        f"log p(x|z) varies too much over z for E[log p̂] with samples = {samples}: more than "
        f"{MOST} panels are needed; take a larger noise std or more samples"
    )


def _is_rough(values: Tensor, floor: float) -> Tensor:
    """Panels (P,) in which ℓ is above `floor` somewhere and varies much, or is no polynomial."""
    lowest, highest = values.clamp(min=floor).aminmax(dim=-1)
    off = (values[:, ::2] @ BETWEEN.mT - values[:, 1::2]).abs().amax(-1)  # (P,)
    bent = off > SMOOTH * values.abs().amax(-1).clamp(min=1.0)
    rough: Tensor = (highest - lowest > SPAN) | (bent & (highest > floor))
    return rough


def _table(values: Tensor, weights: Tensor) -> Table:
    ordered, order = values.reshape(-1).sort()
    sorted_weights = weights.reshape(-1)[order]
    up, down = sorted_weights.cumsum(0), sorted_weights.flip(0).cumsum(0).flip(0)
    return Table(ordered, sorted_weights, pad(up, (1, 0)), pad(down, (0, 1)))


def _prior_weights(left: Tensor, width: Tensor) -> Tensor:
    """Clenshaw–Curtis weights times N(z; 0, 1), (P, 33)."""
    density = torch.exp(-0.5 * panel_nodes(left, width).square()) / math.sqrt(2.0 * math.pi)
    return density * WEIGHTS * (0.5 * width.unsqueeze(-1))


def _end(table: Table, samples: int) -> float:
    """The u from which on E[exp(−e^u p̂)] leaves no area, to within one; inf if p̂ may be zero.

    It must have fallen so far that, were it to stay there over all the nats that ℓ spans, less
    than exp(−BELOW) would come together.
    """
    top, bottom = float(table.values[-1]), float(table.values[0])
    if bottom == -math.inf:
        return math.inf
    enough = -BELOW - math.log1p(top - bottom)
    low, high = -top, 4.0 + math.log(samples) - bottom  # at high, every term is below exp(−e⁴)
    while high - low > 1.0:
        middle = torch.full((1,), 0.5 * (low + high), **DOUBLE)
        gone = float(_log_laplace(middle, table, samples)) < enough
        low, high = (low, float(middle)) if gone else (float(middle), high)
    return high


def _log_laplace(u: Tensor, table: Table, samples: int) -> Tensor:
    """log E[exp(−e^u p̂)] = S log(1 − m(u)), (U,), for ascending u (U,).

    1 − exp(−e^y) is one to rounding from y = CERTAIN on and counts for nothing below −NOTHING, so
    that for each stretch of u only a window of the sorted values is looked at.
    """
    parts = []
    for some in torch.split(u - math.log(samples), ROWS):
        window = torch.stack([-NOTHING - some[-1], CERTAIN - some[0]])
        first, last = torch.searchsorted(table.values, window).tolist()
        power = (some.unsqueeze(-1) + table.values[first:last]).exp()  # e^y, (rows, window)
        weights = table.weights[first:last]
        missing = -torch.expm1(-power) @ weights + table.above[last]
        left = (-power).exp() @ weights + table.below[first]  # 1 − m with all of its digits
        parts.append(torch.where(missing < 0.5, torch.log1p(-missing), left.log()))
    return samples * torch.cat(parts)
