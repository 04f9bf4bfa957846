"""Distribution functions and quantiles of a density that is known on panels of Chebyshev points."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE, Numbers, as_double, require_between
from course_lib.exact.numerics.quadrature import INTEGRAL, POINTS

HALVINGS = 50  # of a gap between two nodes: below the spacing of floats

# Barycentric weights of Chebyshev points: alternating signs, half at the ends.
with torch.inference_mode(False):  # kept for later calls, which may want slopes
    _SIGNS = torch.ones(len(POINTS), **DOUBLE)
    _SIGNS[1::2] = -1.0
    _SIGNS[[0, -1]] *= 0.5
    # The derivative's values at the points, from the polynomial's; each row sums to nothing.
    _DERIVATIVE = (
        _SIGNS / _SIGNS.unsqueeze(-1) / (POINTS.unsqueeze(-1) - POINTS).fill_diagonal_(1.0)
    )
    _DERIVATIVE.fill_diagonal_(0.0)
    _DERIVATIVE -= torch.diag(_DERIVATIVE.sum(-1))


@dataclass(frozen=True)
class Cumulative:
    """P(Z ≤ z) of several densities, by the integral of the polynomial on each panel.

    left, width: of the panels in ascending order, (count, P), with empty ones (width 0) at the end.
    within: P(left < Z ≤ node), at the nodes, (count, P, 33). Made by `of_panels`.
    """

    left: Tensor
    width: Tensor
    within: Tensor

    @classmethod
    def of_panels(cls, left: Tensor, width: Tensor, density: Tensor) -> "Cumulative":
        """From the values of the density at the nodes, (count, P, 33); normalised here."""
        within = (density @ INTEGRAL.mT) * (0.5 * width.unsqueeze(-1))
        within = within / within[..., -1].sum(-1)[:, None, None]
        # Rounding alone makes it fall where there is no mass.
        return cls(left, width, within.cummax(-1).values.clamp(min=0.0))

    @property
    def before(self) -> Tensor:
        """The mass of all panels before each, (count, P)."""
        mass = self.within[..., -1]
        return mass.cumsum(-1) - mass

    def cdf(self, z: Tensor) -> Tensor:
        """P(Z ≤ z), (count, n), for z (count, n)."""
        starts = self.left.masked_fill(self.width == 0, torch.inf).contiguous()
        panel = (torch.searchsorted(starts, z.contiguous(), right=True) - 1).clamp(min=0)
        left, width = self.left.gather(-1, panel), self.width.gather(-1, panel)
        share = ((z - left) / width).clamp(0.0, 1.0)
        within = interpolate(self._values(panel), 2 * share - 1)
        return (self.before.gather(-1, panel) + within).clamp(0.0, 1.0)

    def quantile(self, probability: Tensor) -> Tensor:
        """The least z with P(Z ≤ z) ≥ probability, (count, n), for probabilities (count, n)."""
        after = self.before + self.within[..., -1]
        panel = torch.searchsorted(after.contiguous(), probability.contiguous())
        panel = torch.minimum(panel, (self.width > 0).sum(-1, keepdim=True) - 1)  # p rounded up
        values = self._values(panel)  # (count, n, 33)
        target = (probability - self.before.gather(-1, panel)).unsqueeze(-1)
        upper = torch.searchsorted(values.contiguous(), target.contiguous()).clamp(
            1, len(POINTS) - 1
        )
        low, high = POINTS[upper - 1].squeeze(-1), POINTS[upper].squeeze(-1)
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            reached = interpolate(values, middle) >= target.squeeze(-1)
            low, high = torch.where(reached, low, middle), torch.where(reached, middle, high)
        width = self.width.gather(-1, panel)
        return self.left.gather(-1, panel) + 0.5 * (1 + high) * width

    def _values(self, panel: Tensor) -> Tensor:
        """`within` of the panels chosen, (count, n, 33), for indices (count, n)."""
        index = panel.unsqueeze(-1).expand(*panel.shape, len(POINTS))
        return self.within.gather(1, index)


def interpolate(values: Tensor, at: Tensor) -> Tensor:
    """The polynomial through `values` (*shape, 33) at the Chebyshev points, at `at` (*shape,)."""
    found: Tensor = _Interpolation.apply(values, at)  # type: ignore[no-untyped-call]
    return found


class _Interpolation(torch.autograd.Function):
    """The barycentric quotient, with the derivative's polynomial as its slope: at a node the
    quotient itself is a constant, and beside one its slope is lost to cancellation.

    The backward pass is made of this function, so that it can be differentiated again. What torch
    cannot do with any function of one's own: forward mode inside forward mode, which gives 0.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(values: Tensor, at: Tensor) -> Tensor:
        return (_shares(at) * values).sum(-1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def jvp(ctx: Any, values_moved: Tensor, at_moved: Tensor) -> Tensor:
        values, at = ctx.saved_tensors
        slope = interpolate(values @ _DERIVATIVE.mT, at)
        return interpolate(values_moved, at) + at_moved * slope

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor]:
        values, at = ctx.saved_tensors
        shares = None
        if ctx.needs_input_grad[0]:  # the polynomials that are 1 at one node each
            each = torch.eye(len(POINTS), dtype=at.dtype, device=at.device)
            each = each.expand(*at.shape, -1, -1)
            shares = interpolate(each, at.unsqueeze(-1).expand(*at.shape, len(POINTS)))
            shares = gradient.unsqueeze(-1) * shares
        return shares, gradient * interpolate(values @ _DERIVATIVE.mT, at)


def _shares(at: Tensor) -> Tensor:
    """How much each node's value counts at `at`, (*shape, 33); they sum to one."""
    away = at.unsqueeze(-1) - POINTS
    hit = away == 0
    pull = _SIGNS / away.masked_fill(hit, 1.0)
    pull = torch.where(hit.any(-1, keepdim=True), hit.to(pull), pull)
    return pull / pull.sum(-1, keepdim=True)


def require_probability(probability: Numbers) -> Tensor:
    """Raises ValueError unless every entry lies strictly between 0 and 1."""
    value = as_double("probability", probability).double()
    tiny = torch.finfo(torch.float64).tiny
    return require_between("probability", value, tiny, 1.0 - 2.0**-53, "between 0 and 1")
