"""A posterior over one latent variable, known on a grid as finely as it needs."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from course_lib.arguments import (
    DOUBLE,
    Numbers,
    as_double,
    require_broadcastable,
    require_event,
    require_finite,
    require_generator,
    require_no_nan,
    require_shape,
)
from course_lib.exact.numerics.cumulative import Cumulative, require_probability
from course_lib.exact.numerics.quadrature import HALVED, INTEGRAL, WEIGHTS, Panels, panel_nodes
from course_lib.exact.numerics.tails import require_fallen
from course_lib.exact.numerics.weighted_sum import WeightedSum

PIECES = (1, 2, 4, 8)  # that a panel is cut into, until two grids agree
with torch.inference_mode(False):  # kept for later calls, which may want slopes
    GAUSS = tuple(torch.from_numpy(part) / 2 for part in np.polynomial.legendre.leggauss(24))


class GridPosterior:
    """p(z|x) = p(x, z)/p(x) for scalar z, one for each x, with event shape (1,).

    Made by ScalarLatent.posterior. nodes: (*batch, N, 1), and weights: (*batch, N), positive and
    summing to one: E[f(z)] = Σ_n weights_n f(nodes_n) for smooth f.
    """

    def __init__(
        self, log_joint: Callable[[Tensor], Tensor], panels: Panels, batch: torch.Size
    ) -> None:
        """log_joint: z (*samples, *batch, 1) to log p(x, z). panels: of that function, refined."""
        self._log_joint = log_joint
        self.batch_shape, self.event_shape = batch, torch.Size([1])
        left, width, values = pack(panels)
        peak = panels.peak()  # (count,)
        density = (values - peak[:, None, None]).exp()  # (count, P, 33)
        cells = (density @ INTEGRAL.mT) * (0.5 * width.unsqueeze(-1))  # from the panel's left
        total = cells[..., -1].sum(-1)
        self._left, self._width = left, width
        self._cumulative = Cumulative.of_panels(left, width, density)
        self._log_density = values - (peak + total.log())[:, None, None]
        # Rounding alone makes a cell of no mass come out negative.
        self._cells = (cells.diff(dim=-1) / total[:, None, None]).clamp(min=0.0)
        self.log_evidence = (peak + total.log()).reshape(batch)
        weights = density * INTEGRAL[-1] * (0.5 * width.unsqueeze(-1)) / total[:, None, None]
        self.nodes = panel_nodes(left, width).reshape(*batch, -1, 1)
        self.weights = weights.reshape(*batch, -1)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(z|x) = log p(x, z) − log p(x), at any z (*samples, *batch, 1), nats."""
        value = require_event("value", value, 1).double()
        return self._log_joint(value) - self.log_evidence

    def expectation(
        self, function: Callable[[Tensor], Tensor], breaks: Sequence[float] = ()
    ) -> Tensor:
        """E[f(z)], (*batch,), for f from (*batch, N, 1) to (*batch, N), smooth between the breaks.

        breaks: the z at which f jumps or bends, as z > 0.1 does at 0.1; P(z > 0.1) itself is
        1 − cdf(0.1). Panels are cut until two grids agree to 1e-8 of E|f|, or of 1 if f takes
        both signs. Raises ValueError if they do not, or if f grows so fast towards an end of the
        grid that what lies beyond would count: E f may then be infinite.
        """
        if len(breaks) == 0:
            values = self._values(function, self.nodes)
            halved = (HALVED / WEIGHTS).repeat(self._left.shape[1])
            found = WeightedSum.of(self.weights, values)
            if found.agrees(WeightedSum.of(self.weights * halved, values)):
                return self._require_fallen(values, found)
        before: WeightedSum | None = None
        for pieces in PIECES:
            nodes, weights = self._cut(
                require_finite("breaks", as_double("breaks", breaks)), pieces
            )
            found = WeightedSum.of(weights, self._values(function, nodes))
            if before is not None and before.agrees(found):
                return self._require_fallen(self._values(function, self.nodes), found)
            before = found
        raise ValueError(
            f"f(z) varies too fast for the posterior's grid, or jumps: with {PIECES[-1]} times the "
            "panels E[f(z)] still moves; name the places where f jumps or bends as breaks=[…]"
        )

    def cdf(self, value: Tensor) -> Tensor:
        """P(z ≤ value | x), (*samples, *batch), for value (*samples, *batch, 1)."""
        value = require_event("value", require_finite("value", value), 1).double().squeeze(-1)
        shape = require_broadcastable("value", value.shape, "batch", self.batch_shape)
        return self._by_row(self._cumulative.cdf, value.expand(shape))

    def quantile(self, probability: Numbers) -> Tensor:
        """The z with P(z ≤ · | x) = probability, (*samples, *batch, 1), for (*samples, *batch).

        One number serves every x. Raises ValueError unless each lies strictly between 0 and 1.
        """
        given = require_probability(probability)
        shape = require_broadcastable("probability", given.shape, "batch", self.batch_shape)
        return self._by_row(self._cumulative.quantile, given.expand(shape)).unsqueeze(-1)

    def _by_row(self, function: Callable[[Tensor], Tensor], value: Tensor) -> Tensor:
        """function, of (count, n) to (count, n), for values (*samples, *batch)."""
        count = self._left.shape[0]
        found: Tensor = function(value.reshape(-1, count).mT).mT.reshape(value.shape)
        return found

    def _values(self, function: Callable[[Tensor], Tensor], nodes: Tensor) -> Tensor:
        """f at nodes (*batch, N, 1). Raises ValueError unless it gives a number for each."""
        values = require_no_nan("f(z)", torch.as_tensor(function(nodes), **DOUBLE))
        if values.shape != nodes.shape[:-1]:
            raise ValueError(
                f"function must map z {tuple(nodes.shape)} to {tuple(nodes.shape[:-1])}, "
                f"got {tuple(values.shape)}"
            )
        return values

    def _cut(self, breaks: Tensor, pieces: int) -> tuple[Tensor, Tensor]:
        """Nodes (*batch, N, 1) inside panels cut at the breaks and into pieces; their weights."""
        ends = torch.stack([self._left, self._left + self._width], -1)  # (count, P, 2)
        inside = breaks.sort().values.clamp(ends[..., :1], ends[..., 1:])
        edges = torch.cat([ends[..., :1], inside, ends[..., 1:]], -1)
        low, width = edges[..., :-1].flatten(1), edges.diff(dim=-1).flatten(1) / pieces
        steps = torch.arange(pieces, device=width.device) * width.unsqueeze(-1)
        low = low.unsqueeze(-1) + steps  # (count, P', pieces)
        points, rule = GAUSS
        nodes = low.unsqueeze(-1) + (points + 0.5) * width[..., None, None]
        nodes = nodes.reshape(*self.batch_shape, -1, 1)
        density = self.log_prob(nodes.movedim(-2, 0)).movedim(0, -1).exp()
        weights = (rule * width[..., None, None]).expand(*low.shape, -1)
        return nodes, density * weights.reshape(density.shape)

    def _require_fallen(self, values: Tensor, found: WeightedSum) -> Tensor:
        """E f. Raises ValueError if one more standard deviation beyond the grid would count."""
        ends = (self._log_density.exp() * values.abs().reshape(self._log_density.shape))[
            ..., [0, -1]
        ]
        right = self._left + self._width
        closed = torch.isclose(self._left[:, 1:], right[:, :-1], rtol=0, atol=1e-9)
        ends[:, 1:, 0].masked_fill_(closed, 0.0)
        ends[:, :-1, 1].masked_fill_(closed, 0.0)
        require_fallen(
            ends.amax((1, 2)).reshape(self.batch_shape) * self.std.squeeze(-1),
            found.size,
            "f(z) grows too fast for the posterior's grid: at an end, f times the density",
            "E|f| per standard deviation; E f is infinite, or half_width is too small for it",
        )
        return found.value

    @property
    def mean(self) -> Tensor:
        """E[z], (*batch, 1)."""
        return (self.weights.unsqueeze(-1) * self.nodes).sum(-2)

    @property
    def variance(self) -> Tensor:
        """E[(z − mean)²], (*batch, 1)."""
        deviation = self.nodes - self.mean.unsqueeze(-2)
        return (self.weights.unsqueeze(-1) * deviation.square()).sum(-2)

    @property
    def std(self) -> Tensor:
        """The standard deviation, (*batch, 1)."""
        return self.variance.sqrt()

    def entropy(self) -> Tensor:
        """−E[log p(z|x)], (*batch,) nats."""
        values = self._log_density.reshape(self.weights.shape)
        return -(self.weights * values.masked_fill(self.weights == 0, 0.0)).sum(-1)

    @torch.no_grad()
    def sample(self, shape: Sequence[int] = (), *, generator: torch.Generator) -> Tensor:
        """Draws (*shape, *batch, 1) by inverting the cumulative distribution.

        A cell between two neighbouring nodes has its exact mass, and the density within it is taken
        as flat: cells are so narrow that a million draws do not show it.
        """
        lead = require_shape("shape", shape)
        count = self._left.shape[0]
        uniform = torch.rand(count, lead.numel(), generator=require_generator(generator), **DOUBLE)
        masses = self._cells.reshape(count, -1)  # (count, cells)
        cumulative = masses.cumsum(-1)
        target = uniform * cumulative[:, -1:]
        cell = torch.searchsorted(cumulative, target, right=True)
        cell = cell.clamp(max=cumulative.shape[-1] - 1)  # u rounded up to the total
        share = 1 - (cumulative.gather(-1, cell) - target) / masses.gather(-1, cell)
        nodes = self.nodes.reshape(count, -1, INTEGRAL.shape[0])
        low = nodes[..., :-1].reshape(count, -1).gather(-1, cell)
        width = nodes.diff(dim=-1).reshape(count, -1).gather(-1, cell)
        return (low + width * share).mT.reshape(*lead, *self.batch_shape, 1)

    def __repr__(self) -> str:
        return f"GridPosterior(batch {tuple(self.batch_shape)}, {self.weights.shape[-1]} nodes)"


def pack(panels: Panels) -> tuple[Tensor, Tensor, Tensor]:
    """Left ends (count, P), widths (count, P), log densities (count, P, 33), from left to right.

    An integrand with fewer panels than another is filled up with empty ones at its end.
    """
    order = panels.left.argsort(stable=True)
    order = order[panels.owner[order].argsort(stable=True)]
    owner = panels.owner[order]
    size = torch.bincount(owner, minlength=panels.count)  # (count,)
    place = torch.arange(len(owner), device=owner.device) - (size.cumsum(0) - size)[owner]
    shape = (panels.count, int(size.max()))
    left, width = (panels.left.new_zeros(shape) for _ in range(2))
    values = torch.full((*shape, INTEGRAL.shape[0]), -torch.inf, **DOUBLE)
    left[owner, place] = panels.left[order]
    width[owner, place] = panels.width[order]
    values[owner, place] = panels.log_density[order]
    return left, width, values
