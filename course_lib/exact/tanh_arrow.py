"""Scalar arrows z_t → z_{t−1} with a tanh, and densities folded through them on a grid."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE, Numbers, require_event, require_finite, require_no_nan
from course_lib.distributions import DiagonalGaussian
from course_lib.exact.numerics.cumulative import Cumulative, require_probability
from course_lib.exact.numerics.quadrature import HALVED, WEIGHTS, panel_nodes, panel_weights
from course_lib.exact.numerics.standard_normal import LOG_TWO_PI
from course_lib.exact.numerics.tails import EDGE, require_fallen
from course_lib.exact.numerics.weighted_sum import WeightedSum

REACH = 10.0  # standard deviations of noise that are integrated over: exp(−50) is left
WIDTH = 2.0  # of a panel, in units of the smallest scale on which its integrand varies
MOST = 200_000  # nodes at one level
CHUNK = 4_000_000  # entries of a table held at a time
GROUP = 64  # values folded together
NEGLIGIBLE = 60.0  # nats below the peak of the joint density: exp(−60) = 9e-27 of it
WORST = 1e-8  # difference between the grid and its half above which a number is refused


@dataclass(frozen=True)
class TanhArrow:
    """v ↦ N(a tanh(bv + d) + c, s²): an arrow z_t → z_{t−1} between scalars; d is 0 unless given.

    Raises ValueError unless all are finite and s is positive.
    """

    a: float
    b: float
    c: float
    s: float
    d: float = 0.0

    def __post_init__(self) -> None:
        for name in "abcsd":  # a fraction is a number too
            object.__setattr__(self, name, float(getattr(self, name)))
        values = (self.a, self.b, self.c, self.s, self.d)
        if not all(math.isfinite(value) for value in values) or self.s <= 0:
            raise ValueError(f"an arrow must be finite a, b, c, d and positive s, got {values}")

    def mean(self, v: Tensor) -> Tensor:
        """a tanh(bv + d) + c, any shape."""
        return self.a * torch.tanh(self.b * v + self.d) + self.c

    def __call__(self, v: Tensor) -> DiagonalGaussian:
        """The distribution given v (*n, 1)."""
        mean = self.mean(require_event("v", v, 1).double())
        return DiagonalGaussian(mean, torch.full_like(mean, math.log(self.s)))

    @property
    def scale(self) -> float:
        """The least change of v that changes the arrow noticeably."""
        return min(1.0, self.s / max(abs(self.a * self.b), 1e-300), 1 / max(abs(self.b), 1e-300))


@dataclass(frozen=True)
class Marginal:
    """p(z_t) on a grid: nodes (N,), log density (N,), and how much each node weighs.

    weights: (N,), positive, Σ weights = 1: E f(z_t) = Σ_n weights_n f(nodes_n) for smooth f.
    """

    nodes: Tensor
    log_density: Tensor
    widths: Tensor  # of the panels, (P,)

    @property
    def weights(self) -> Tensor:
        """Density times the quadrature's weight, (N,)."""
        return self.log_density.exp() * panel_weights(self.widths, WEIGHTS).reshape(-1)

    def expectation(self, values: Tensor) -> Tensor:
        """E f(z_t) for f at the nodes, (*batch, N), smooth there; probabilities come from `cdf`.

        Raises ValueError if halving the grid changes E f by more than 1e-8 of E|f| (of 1 if f takes
        both signs), as a jump does, or if f times the density has not fallen off at the ends.
        """
        require_no_nan("f(z)", values)
        if values.ndim == 0 or values.shape[-1] != len(self.nodes):
            raise ValueError(
                f"f must have a value at each of {len(self.nodes)} nodes, got {tuple(values.shape)}"
            )
        found = WeightedSum.of(self.weights, values)
        rule = (HALVED / WEIGHTS).repeat(len(self.widths))
        halved = WeightedSum.of(self.weights * rule, values)
        if not found.agrees(halved):
            raise ValueError(
                f"f varies too fast for the grid, or jumps: halving it moves E f by "
                f"{(found.value - halved.value).abs().max().item():.2g}; for a probability use cdf"
            )
        reach = (self.nodes[-1] - self.nodes[0]) / (2 * REACH)
        require_fallen(
            (self.log_density.exp() * values.abs())[..., [0, -1]].amax(-1) * reach,
            found.size,
            "f grows too fast for the grid: at its end, f times the density",
            f"E|f| per {reach.item():.3g}",
        )
        return found.value

    def cdf(self, value: Tensor) -> Tensor:
        """P(z_t ≤ value), any shape."""
        require_finite("value", value)
        return self._cumulative.cdf(value.double().reshape(1, -1)).reshape(value.shape)

    def quantile(self, probability: Numbers) -> Tensor:
        """The z with P(z_t ≤ z) = probability, in the shape of `probability`.

        Raises ValueError unless each lies strictly between 0 and 1.
        """
        given = require_probability(probability)
        return self._cumulative.quantile(given.reshape(1, -1)).reshape(given.shape)

    @cached_property
    @torch.inference_mode(False)  # kept for later calls, which may want slopes
    def _cumulative(self) -> Cumulative:
        panels = (1, len(self.widths), len(WEIGHTS))
        density = self.log_density.exp().reshape(panels)
        left = self.nodes.reshape(panels)[..., 0]
        return Cumulative.of_panels(left, self.widths.unsqueeze(0), density)

    @property
    def mean(self) -> float:
        """E z_t."""
        return self.expectation(self.nodes).item()

    @property
    def variance(self) -> float:
        """E (z_t − mean)²."""
        return self.expectation((self.nodes - self.mean).square()).item()

    @property
    def skew(self) -> float:
        """E (z_t − mean)³ / variance^{3/2}: zero if the density is symmetric."""
        third = self.expectation((self.nodes - self.mean) ** 3).item()
        return third / math.sqrt(self.variance) ** 3


def fold(arrow: TanhArrow, above: Marginal, values: Tensor) -> tuple[Tensor, Tensor]:
    """log ∫ N(v; mean(z), s²) p(z) dz for v (N,), and the halved grid's difference; (N,) nats.

    Of a sharp arrow only the panels near a value matter, so values are taken in ascending groups.
    """
    size = len(WEIGHTS)
    means = arrow.mean(above.nodes).reshape(-1, size)  # (P, 33)
    log_prior = above.log_density.reshape(-1, size)
    rules = torch.stack([panel_weights(above.widths, r) for r in (WEIGHTS, HALVED)], -1)
    order = values.detach().argsort()
    parts = []
    for part in torch.split(values[order], min(GROUP, max(1, CHUNK // above.nodes.numel()))):
        keep = _matters(arrow.s, means, log_prior, part.detach())
        residual = (part.unsqueeze(-1) - means[keep].reshape(-1)) / arrow.s
        log_joint = log_prior[keep].reshape(-1) - 0.5 * residual.square()
        peak = log_joint.amax(-1, keepdim=True)
        parts.append(peak + ((log_joint - peak).exp() @ rules[keep].reshape(-1, 2)).log())
    constant = math.log(arrow.s) + 0.5 * LOG_TWO_PI
    fine, halved = (torch.cat(parts)[order.argsort()] - constant).unbind(-1)
    require_close("the arrow is too sharp: halving the grid", fine, halved)
    return fine, (fine - halved).abs()


def _matters(s: float, means: Tensor, log_prior: Tensor, values: Tensor) -> Tensor:
    """Panels (P,) whose joint density comes within NEGLIGIBLE of the peak for one of the values.

    means, log_prior: (P, 33). The middle of each panel bounds every value's peak from below.
    """
    middle = means.shape[-1] // 2
    residual = (values.unsqueeze(-1) - means[:, middle]) / s
    least = (log_prior[:, middle] - 0.5 * residual.square()).amax(-1).min()
    low, high = means.aminmax(dim=-1)
    gap = torch.maximum(low - values.max(), values.min() - high).clamp(min=0.0)
    top = log_prior.amax(-1) - 0.5 * (gap / s).square()
    matters: Tensor = top > least - NEGLIGIBLE
    return matters


def require_near(arrow: TanhArrow, above: Marginal, x: Tensor) -> None:
    """Raises ValueError for an x whose posterior has not fallen by EDGE nats at the grid's ends."""
    for part in torch.split(x.detach(), max(1, CHUNK // len(above.nodes))):
        residual = (part.unsqueeze(-1) - arrow.mean(above.nodes)) / arrow.s
        log_joint = above.log_density - 0.5 * residual.square()  # (N, nodes)
        excess = log_joint[:, [0, -1]].amax(-1) - log_joint.amax(-1)
        if float(excess.amax()) > -EDGE:
            raise ValueError(
                f"x = {part[excess.argmax()].item():g} lies too far out: its posterior reaches the "
                "end of the grid over z_1"
            )


def grid(low: float, high: float, scale: float) -> tuple[Tensor, Tensor]:
    """Nodes (P · 33,) of equal panels between the ends, and the panels' widths (P,)."""
    count = math.ceil((high - low) / (WIDTH * scale))
    if count * len(WEIGHTS) > MOST:
        raise ValueError(
            f"an arrow varies on the scale {scale:.3g}, too sharp over {high - low:.3g}"
        )
    edges = torch.linspace(low, high, count + 1, **DOUBLE)
    return panel_nodes(edges[:-1], edges.diff()).reshape(-1), edges.diff()


def require_close(what: str, fine: Tensor, halved: Tensor) -> None:
    """Raises ValueError if two sums of one integral differ noticeably."""
    apart = relative_change(fine, halved)
    if not apart <= WORST:
        raise ValueError(f"{what} changes the integral by {apart:.2g}")


def relative_change(fine: Tensor, halved: Tensor) -> float:
    """The largest difference, relative to the larger of 1 and the value."""
    return ((fine - halved).abs() / fine.abs().clamp(min=1.0)).amax().item()
