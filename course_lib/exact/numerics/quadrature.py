"""Integrals over one variable that are refined until they agree, for many integrands at once.

The line is cut into panels of 33 Chebyshev points. The 17 even ones are the halved grid: where
the two Clenshaw–Curtis sums differ, or where a peak may hide between two points, a panel is split.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE

DEGREE = 32  # of the polynomial on a panel
PARTS = 4  # a panel is split into so many: a needle of width 1e-6 needs ten rounds
ROUNDS = 30  # 4**−30 of a panel is far below the spacing of floating-point numbers
TOLERANCE = 1e-10  # of one panel, relative to the whole integral
NEGLIGIBLE = 50.0  # nats below the peak: exp(−50) = 2e-22
HIDDEN = 2.0  # nats by which a peak may rise between points before its panel is split
ROUNDING = 8 * 2.0**-52  # relative, of z and of what the decoder makes of it
MOST = 20_000  # panels in one call, and 100 more for each integrand

Evaluate = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def antiderivative(degree: int) -> tuple[Tensor, Tensor]:
    """Chebyshev points on [−1, 1], (n+1,), and the matrix (n+1, n+1) from values there to the
    integral from −1 to each point, exact for polynomials of that degree.

    Its last row holds the Clenshaw–Curtis weights.
    """
    angle = math.pi * (1 - torch.arange(degree + 1, **DOUBLE) / degree)
    order = torch.arange(degree + 2, **DOUBLE)
    chebyshev = torch.cos(angle.unsqueeze(-1) * order)  # T_k at each point, (n+1, n+2)
    integral = torch.empty(degree + 1, degree + 1, **DOUBLE)
    integral[:, 0] = chebyshev[:, 1]
    integral[:, 1] = chebyshev[:, 2] / 4
    up, down = 2 * (order[2:-1] + 1), 2 * (order[2:-1] - 1)
    integral[:, 2:] = chebyshev[:, 3:] / up - chebyshev[:, 1:-2] / down
    integral = integral - integral[:1]
    return torch.cos(angle), integral @ torch.linalg.inv(chebyshev[:, :-1])


with torch.inference_mode(False):  # kept for later calls, which may want slopes
    POINTS, INTEGRAL = antiderivative(DEGREE)
    WEIGHTS = INTEGRAL[-1]  # (33,)
    HALVED = torch.zeros(DEGREE + 1, **DOUBLE)
    HALVED[::2] = antiderivative(DEGREE // 2)[1][-1]
    GAPS = POINTS.diff()  # (32,)
    RULES = torch.stack([WEIGHTS, HALVED], -1)  # (33, 2)


@dataclass(frozen=True)
class Panels:
    """Panels of one or more integrands exp(log_density) · score.

    owner: which integrand a panel belongs to, (P,). left, width: (P,). log_density, score: (P, 33).
    """

    count: int  # of integrands
    owner: Tensor
    left: Tensor
    width: Tensor
    log_density: Tensor
    score: Tensor

    @property
    def nodes(self) -> Tensor:
        """The points, (P, 33)."""
        return panel_nodes(self.left, self.width)

    def peak(self) -> Tensor:
        """The largest log density of each integrand, (count,)."""
        start = torch.full((self.count,), -math.inf, **DOUBLE)
        return start.scatter_reduce(0, self.owner, self.log_density.detach().amax(-1), "amax")

    def density(self) -> Tensor:
        """exp(log_density), with the peak of each integrand at one, (P, 33)."""
        return (self.log_density - self.peak()[self.owner].unsqueeze(-1)).exp()

    def sum(self, values: Tensor) -> Tensor:
        """Sums over the panels of each integrand: (P,) to (count,)."""
        return torch.zeros(self.count, **DOUBLE).index_add(0, self.owner, values)

    def integral(self, values: Tensor) -> Tensor:
        """∫ values over each panel, for values at the nodes; (P, 33) to (P,)."""
        return (values @ WEIGHTS) * (0.5 * self.width)

    def select(self, mask: Tensor) -> "Panels":
        """The panels where mask, (P,), is True."""
        return Panels(
            self.count,
            self.owner[mask],
            self.left[mask],
            self.width[mask],
            self.log_density[mask],
            self.score[mask],
        )


def panel_nodes(left: Tensor, width: Tensor) -> Tensor:
    """The Chebyshev points of panels, (*shape, 33)."""
    return left.unsqueeze(-1) + (0.5 * (1.0 + POINTS)) * width.unsqueeze(-1)


def panel_weights(width: Tensor, rule: Tensor) -> Tensor:
    """The weights at those points by `rule`, WEIGHTS or HALVED, (*shape, 33)."""
    return 0.5 * width.unsqueeze(-1) * rule


def start(edges: Tensor, log_density: Tensor, score: Tensor) -> Panels:
    """One panel between each two neighbouring edges, (count, P+1), of each integrand.

    log_density, score: the values at the nodes, (count · P, 33).
    """
    count, size = edges.shape[0], edges.shape[1] - 1
    owner = torch.arange(count, device=edges.device).repeat_interleave(size)  # (count · P,)
    left, width = edges[:, :-1].reshape(-1), edges.diff(dim=-1).reshape(-1)
    return Panels(count, owner, left, width, log_density, score)


def refine(panels: Panels, evaluate: Evaluate) -> tuple[Panels, Tensor]:
    """Panels split until every one is resolved, and the error of the integrals (count,).

    evaluate: takes nodes (P, 33) and owners (P,), and returns log_density and score (P, 33).
    The error is that of the halved grid, far above what is left, and relative to
    ∫ exp(log_density) max(|score|, 1).
    Raises ValueError if that does not end.
    """
    for _ in range(ROUNDS):
        unresolved, negligible, error = assess(panels)
        if not bool(unresolved.any()):
            return panels, error
        kept = panels.select(~(unresolved | negligible))
        finer = subdivide(panels.select(unresolved), evaluate)
        panels = _pooled(panels.count, [kept, finer], [kept.owner, finer.owner])
        if len(panels.owner) > MOST + 100 * panels.count:
            break
    raise ValueError(
        f"the integral over z does not converge: {int(unresolved.sum())} panels of width down to "
        f"{panels.width.min().item():.3g} are unresolved; the decoder varies too fast in z"
    )


def subdivide(panels: Panels, evaluate: Evaluate) -> Panels:
    """Each panel cut into PARTS equal ones, with the values there."""
    width = (panels.width / PARTS).repeat_interleave(PARTS)
    step = torch.arange(PARTS, **DOUBLE).repeat(len(panels.owner))
    left = panels.left.repeat_interleave(PARTS) + step * width
    owner = panels.owner.repeat_interleave(PARTS)
    values = evaluate(panel_nodes(left, width), owner)
    return Panels(panels.count, owner, left, width, *values)


@torch.no_grad()
def assess(panels: Panels) -> tuple[Tensor, Tensor, Tensor]:
    """Which panels are unresolved, which do not matter, (P,) each, and the error, (count,)."""
    density = panels.density()
    integrand = density * panels.score  # (P, 33)
    sums = (integrand @ RULES) * (0.5 * panels.width.unsqueeze(-1))  # (P, 2): all nodes, and half
    error = (sums[:, 0] - sums[:, 1]).abs()
    # The least scale is one: a score is in nats, and one that vanishes has no relative error.
    scale = density * panels.score.abs().clamp(min=1.0)
    size = panels.sum(panels.integral(scale))  # (count,)
    rough = error > TOLERANCE * size[panels.owner]
    if bool(rough.any()):  # what rounding alone explains, no refinement will mend
        rough &= error > rounding(panels, integrand)
    top = ceiling(panels.width, panels.log_density)
    matters = top > panels.peak()[panels.owner] - NEGLIGIBLE
    hidden = matters & (top > panels.log_density.amax(-1) + HIDDEN)
    return rough | hidden, ~matters, panels.sum(error) / size


def ceiling(width: Tensor, values: Tensor) -> Tensor:
    """How high `values` (P, 33) may rise anywhere in a panel, (P,), if concave between its points.

    A concave function lies below the line through any two of its points, outside of them: in each
    gap it lies below the lines that come in through the points on either side.
    """
    gaps = GAPS * (0.5 * width.unsqueeze(-1))  # (P, 32)
    slope = values.diff(dim=-1) / gaps
    # A value of −inf is the edge of a support, and says nothing about slopes.
    slope = slope.nan_to_num(0.0, 0.0, 0.0)
    inner = values[:, 1:-1]  # (P, 31)
    after = inner + slope[:, :-1].clamp(min=0.0) * gaps[:, 1:]  # bounds the gap after each point
    before = inner - slope[:, 1:].clamp(max=0.0) * gaps[:, :-1]  # and the gap before it
    middle = torch.minimum(after[:, :-1], before[:, 1:]).amax(-1)
    sides = torch.maximum(before[:, 0], after[:, -1])
    return torch.maximum(torch.maximum(middle, sides), values.amax(-1))


def log_total(panels: Panels) -> Tensor:
    """log ∫ exp(log_density), (count,)."""
    return panels.peak() + panels.sum(panels.integral(panels.density())).log()


def rounding(panels: Panels, values: Tensor) -> Tensor:
    """How far rounding of z may move ∫ values over each panel, for values (P, 33); (P,).

    z is off by ε|z|, and the integrand by its slope times that: ∫ |v'| |z| ε dz is a sum of |Δv|.
    """
    change = values.detach().diff(dim=-1).abs() * panels.nodes[:, 1:].abs()
    return ROUNDING * change.sum(-1)


def rounding_of_total(panels: Panels) -> Tensor:
    """How far rounding of z may move log ∫ exp(log_density), (count,)."""
    density = panels.density().detach()
    total = panels.sum(panels.integral(density))
    return panels.sum(rounding(panels, density)) / total


def concatenate(parts: Sequence[Panels]) -> Panels:
    """All integrands of all parts, in order."""
    *firsts, count = accumulate((part.count for part in parts), initial=0)
    owners = [part.owner + first for part, first in zip(parts, firsts, strict=True)]
    return _pooled(count, parts, owners)


def _pooled(count: int, parts: Sequence[Panels], owners: Sequence[Tensor]) -> Panels:
    """The panels of all parts, each copied once, with their owners among `count` integrands."""
    return Panels(
        count,
        torch.cat(list(owners)),
        torch.cat([part.left for part in parts]),
        torch.cat([part.width for part in parts]),
        torch.cat([part.log_density for part in parts]),
        torch.cat([part.score for part in parts]),
    )
