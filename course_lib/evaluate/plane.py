"""Every sum over the plane of a 2-D latent: log p(x), the posterior, E_q log p(x|z); no sampling.

Three grids: lines that sweep a square once for all data, a square for one datum, and cells that
grow smaller where a datum's posterior is.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import max_pool2d

from course_lib.arguments import require_count, require_event, require_number
from course_lib.distributions import DiagonalGaussian
from course_lib.evaluate._input import require_data, require_fitting
from course_lib.evaluate.likelihood import LogEvidence
from course_lib.evaluate.pairs import log_probs_of_pairs
from course_lib.vae import HVAE

PIECE = 2_000  # nodes decoded at once
EDGE, STEP = 9.0, 0.125  # cells are searched from −EDGE to EDGE, a node every STEP
DEEP = 45.0  # nats below the highest node at which a cell of the first grid no longer counts
SHALLOW = 25.0  # the same for smaller cells, whose highest node lies nearer to the summit
BUDGET = 6_000  # cells, at most, unless the first grid leaves more
FINEST = 1 / 128  # the smallest side of a cell


@dataclass(frozen=True)
class PlaneEvidence(LogEvidence):
    """log p(x) of each datum, (N,) nats, and what twice the step would have given."""

    coarse: Tensor

    @property
    def error(self) -> float:
        """The largest difference between the two steps, nats: far above the finer one's error."""
        return (self.log_evidence - self.coarse).abs().max().item()


@torch.no_grad()
def plane_log_evidence(
    model: HVAE, x: Tensor, *, edge: float = 6.0, step: float = 1 / 80
) -> PlaneEvidence:
    """log p(x) = log ∬ p(x|z) p(z) dz over |z_i| ≤ edge, by the trapezoid rule.  (Eq. 7.2)

    One decoded grid serves all images, so that ten thousand take minutes. x (N, D); pixels are
    flips or counts. Raises ValueError if they are not, the latent is not 2-D, x is not (N, D) or
    the grid is bad.
    """
    _require_plane(model)
    require_data(model, x)
    edge, step = require_number("edge", edge), require_number("step", step)
    if not 0 < step <= edge:
        raise ValueError(f"edge and step must satisfy 0 < step ≤ edge, got {edge} and {step}")
    half = 2 * math.ceil(edge / step / 2)  # even, so that every second node keeps both ends
    axis, step = _axis(edge, 2 * half + 1, x)
    fine, coarse = [], []
    for first in axis:
        line = torch.stack([first.expand_as(axis), axis], -1)  # (n, 2)
        heights = _log_joint_of_pairs(model, line, x)  # (N, n)
        fine.append(_log_trapezoid(heights, step))
        coarse.append(_log_trapezoid(heights[:, ::2], 2 * step))
    return PlaneEvidence(
        _log_trapezoid(torch.stack(fine, -1), step),
        _log_trapezoid(torch.stack(coarse[::2], -1), 2 * step),
    )


@dataclass(frozen=True)
class PlanePosterior:
    """p(z|x) over a square of the latent plane, for one x.  (Eq. 7.2)

    axis: (n,), the nodes of both coordinates. log_density: (n, n) nats, [i, j] at
    z = (axis[i], axis[j]). log_evidence: log of the integral of p(x, z) over the square; halving
    the nodes changes it by `error`, and `edge` is the posterior mass within two nodes of the edge:
    both say whether the square is fine and wide enough.
    """

    axis: Tensor
    log_density: Tensor
    log_evidence: float
    error: float
    edge: float


@torch.no_grad()
def posterior_on_grid(
    model: HVAE, x: Tensor, *, half_width: float = 5.0, nodes: int = 201
) -> PlanePosterior:
    """The exact posterior of one x (D,) under a model with a 2-D latent, by the trapezoid rule.

    (Eq. 7.2) Raises ValueError if the latent is not 2-D, x is not one datum or the grid is bad.
    """
    _require_plane(model)
    if require_fitting(model, x).ndim != 1:
        raise ValueError(f"x must be one datum ({model.sizes[0]},), got shape {tuple(x.shape)}")
    half_width = require_number("half_width", half_width, positive=True)
    nodes = require_count("nodes", nodes, least=9) | 1  # odd, so that halving keeps both ends
    axis, step = _axis(half_width, nodes, x)
    pieces = torch.split(torch.cartesian_prod(axis, axis), PIECE)
    heights = torch.cat([model.log_joint(x, [piece]) for piece in pieces])  # (n²,)
    log_joint = heights.double().reshape(nodes, nodes)
    fine = _log_integral(log_joint, step)
    error = abs(fine - _log_integral(log_joint[::2, ::2], 2 * step))
    density = log_joint - fine
    inner = _log_integral(density[2:-2, 2:-2], step)
    return PlanePosterior(axis, density, fine, error, max(0.0, 1 - math.exp(inner)))


@dataclass(frozen=True)
class PlaneCells:
    """The posterior of one datum as small squares: centres (k, 2), their side, and at each centre
    log p(x, z), (k,) nats.
    """

    centres: Tensor
    side: float
    log_joint: Tensor

    @property
    def log_evidence(self) -> float:
        """log ∬ p(x, z) dz by the midpoint rule, nats.  (Eq. 7.2)"""
        return torch.logsumexp(self.log_joint, 0).item() + 2 * math.log(self.side)

    @property
    def masses(self) -> Tensor:
        """The posterior's mass in each cell, (k,); they sum to one."""
        return torch.softmax(self.log_joint, 0)

    @property
    def mean(self) -> Tensor:
        """E[z|x], (2,)."""
        return self.masses @ self.centres

    @property
    def std(self) -> Tensor:
        """The standard deviations of both coordinates given x, (2,)."""
        return (self.masses @ (self.centres - self.mean).square()).sqrt()

    def sample(self, count: int, *, generator: Generator) -> Tensor:
        """Draws from the posterior, taken as flat within a cell: (count, 2)."""
        index = torch.multinomial(self.masses, count, replacement=True, generator=generator)
        dtype, device = self.centres.dtype, self.centres.device
        inside = torch.rand(count, 2, generator=generator, dtype=dtype, device=device) - 0.5
        return self.centres[index] + self.side * inside


class LatentPlane:
    """The exact posterior of each x (N, D) under a model with a 2-D latent, as cells.

    The pixels are flips (Bernoulli) or counts (Binomial). A first grid, the same for all x, finds
    for each the cells within DEEP nats of its highest node. When a datum's posterior is asked for,
    these are cut in four, those too low are dropped, and so on: log_evidence is good to 1e-3 nats
    for posteriors no narrower than 0.01, in float64.
    Raises ValueError if the latent is not 2-D, the pixels are neither, or x is not (N, D).
    """

    def __init__(self, model: HVAE, x: Tensor) -> None:
        _require_plane(model)
        self._model, self._x = model, require_data(model, x)
        axis, _ = _axis(EDGE, round(2 * EDGE / STEP) + 1, x)
        self._nodes = torch.cartesian_prod(axis, axis)  # (n², 2)
        self._heights = _log_joint_of_pairs(model, self._nodes, x)  # (N, n²)

    def log_evidence(self, datum: int) -> float:
        """log ∬ p(x|z) p(z) dz for x[datum], nats; raises as `cells` does.  (Eq. 7.2)"""
        return self.cells(datum).log_evidence

    def cells(self, datum: int) -> PlaneCells:
        """The posterior of x[datum], all but e^−20 of it.

        Raises ValueError if the posterior reaches the edge of the grid.
        """
        height = self._heights[datum]
        outer = self._nodes.abs().amax(-1) > EDGE - STEP / 2
        if bool(height[outer].max() > height.max() - 10.0):
            raise ValueError(f"the posterior of datum {datum} reaches beyond |z| = {EDGE:g}")
        kept = self._touching(height > height.max() - DEEP)
        found = PlaneCells(self._nodes[kept], STEP, height[kept])
        while found.side > FINEST and 4 * len(found.centres) <= BUDGET:
            found = self._cut(found, self._x[[datum]])
        return found

    def _touching(self, high: Tensor) -> Tensor:
        """The high cells of the first grid and their neighbours, which may hold a summit's edge."""
        count = math.isqrt(len(high))
        square = high.double().reshape(1, 1, count, count)
        return max_pool2d(square, 3, stride=1, padding=1).flatten() > 0

    def _cut(self, cells: PlaneCells, x: Tensor) -> PlaneCells:
        """Each cell in four, without those that are too low."""
        quarter = x.new_tensor([-0.25, 0.25]) * cells.side
        fine = cells.centres.unsqueeze(1) + torch.cartesian_prod(quarter, quarter)
        centres = fine.flatten(0, 1)  # (4k, 2)
        height = _log_joint_of_pairs(self._model, centres, x).squeeze(0)
        kept = height > height.max() - SHALLOW
        return PlaneCells(centres[kept], cells.side / 2, height[kept])


@torch.no_grad()
def expected_log_likelihood(model: HVAE, q: DiagonalGaussian, x: Tensor, nodes: int = 24) -> Tensor:
    """E_q log p(x|z) by Gauss–Hermite quadrature, nodes² points in the plane.

    q: batch (*models, B) over two latents. x (B, D). Returns (*models, B) nats, good to 0.02 for
    trained tanh nets even where q is as wide as the prior. Raises ValueError if q is not 2-D.
    """
    require_event("q's event", q.mean, 2)
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    axis = torch.from_numpy(points).to(q.mean)
    mass = torch.from_numpy(weights / weights.sum()).to(q.mean)
    noise = torch.cartesian_prod(axis, axis)  # (nodes², 2)
    weight = torch.outer(mass, mass).flatten()  # (nodes²,)
    shape = (-1, *[1] * (q.mean.ndim - 1), 2)
    values = model.generate(1, q.mean + q.std * noise.reshape(shape)).log_prob(x)
    result: Tensor = torch.tensordot(weight, values, 1)
    return result


def _require_plane(model: HVAE) -> None:
    """Raises ValueError unless the model's latents are one layer of two."""
    if model.depth != 1 or model.sizes[1] != 2:
        raise ValueError(f"the latent must be one layer of 2, got sizes {model.sizes[1:]}")


def _axis(edge: float, nodes: int, x: Tensor) -> tuple[Tensor, float]:
    """Nodes from −edge to edge, of x's kind, and their step, which float32 would round."""
    axis = torch.linspace(-edge, edge, nodes, dtype=x.dtype, device=x.device)
    return axis, 2 * edge / (nodes - 1)


@torch.no_grad()
def _log_joint_of_pairs(model: HVAE, z: Tensor, x: Tensor) -> Tensor:
    """log p(x_n, z_s) of every pair, for z (S, 2) and x (N, D): (N, S) nats."""
    pieces = torch.split(z, PIECE)
    pairs = [log_probs_of_pairs(model.generate(1, piece), x) for piece in pieces]
    return torch.cat(pairs, -1) + model.prior.log_prob(z)


def _log_trapezoid(heights: Tensor, step: float) -> Tensor:
    """log ∫ exp(heights) along the last axis by the trapezoid rule: both ends count half."""
    ends = heights.new_zeros(heights.shape[-1])
    ends[[0, -1]] = -math.log(2.0)
    return torch.logsumexp(heights + ends, -1).double() + math.log(step)


def _log_integral(heights: Tensor, step: float) -> float:
    """log ∬ exp(heights) over a square of nodes (n, n)."""
    return _log_trapezoid(_log_trapezoid(heights, step), step).item()
