"""A posterior over one latent variable, known on a grid as finely as it needs."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.arguments import (
    require_event,
    require_generator,
    require_no_nan,
    require_shape,
)
from course_lib.exact.quadrature import INTEGRAL, Panels, panel_nodes


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

    def expectation(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        """E[f(z)] for f from (*batch, N, 1) to (*batch, N), smooth on the posterior's scale."""
        values = require_no_nan("f(z)", function(self.nodes))
        if values.shape != self.weights.shape:
            raise ValueError(
                f"function must map z {tuple(self.nodes.shape)} to {tuple(self.weights.shape)}, "
                f"got {tuple(values.shape)}"
            )
        return (self.weights * values).sum(-1)

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
        uniform = torch.rand(
            count, lead.numel(), generator=require_generator(generator), dtype=torch.float64
        )
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
    place = torch.arange(len(owner)) - (size.cumsum(0) - size)[owner]
    shape = (panels.count, int(size.max()))
    left, width = torch.zeros(shape).double(), torch.zeros(shape).double()
    values = torch.full((*shape, INTEGRAL.shape[0]), -torch.inf, dtype=torch.float64)
    left[owner, place] = panels.left[order]
    width[owner, place] = panels.width[order]
    values[owner, place] = panels.log_density[order]
    return left, width, values
