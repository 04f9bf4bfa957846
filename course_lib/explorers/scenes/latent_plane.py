"""What explorers draw of a model with a two-dimensional latent: exact numbers, outlines of q."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.nn.functional import pad

from course_lib.arguments import DOUBLE, require_event
from course_lib.distributions import DiagonalGaussian
from course_lib.evaluate import log_probs_of_pairs
from course_lib.vae import VAE, MarkovHVAE

Array = NDArray[np.float64]

EDGE, STEP = 9.0, 0.125  # the plane is searched from −EDGE to EDGE, a node every STEP
DEEP = 45.0  # nats below the highest node at which a cell of the first grid no longer counts
SHALLOW = 25.0  # the same for smaller cells, whose highest node lies nearer to the summit
BUDGET = 6_000  # cells, at most, unless the first grid leaves more
FINEST = 1 / 128  # the smallest side of a cell


@dataclass(frozen=True)
class Cells:
    """The posterior of one datum as small squares: centres (k, 2), their side, and at each centre
    log p(x, z), (k,) nats.
    """

    centres: Tensor
    side: float
    log_joint: Tensor

    @property
    def log_evidence(self) -> float:
        """log ∬ p(x, z) dz by the midpoint rule, nats."""
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
    """The exact posterior of data x (B, D) under a model with a 2-D latent.

    The pixels are flips (Bernoulli) or counts (Binomial). A first grid, the same for all x, finds
    for each the cells within DEEP nats of its highest node. When a datum's posterior is asked for,
    these are cut in four, those too low are dropped, and so on: log_evidence is good to 1e-4 nats
    for posteriors no narrower than 0.01. Float64.
    """

    def __init__(self, model: VAE, x: Tensor) -> None:
        self._model, self._x = model, require_event("x", x, model.sizes[0])
        count = round(2 * EDGE / STEP) + 1
        axis = torch.linspace(-EDGE, EDGE, count, dtype=x.dtype, device=x.device)
        self._nodes = torch.cartesian_prod(axis, axis)  # (n², 2)
        self._heights = self._log_joint(self._nodes, x)  # (n², B)

    def log_evidence(self, datum: int) -> float:
        """log ∬ p(x|z) p(z) dz for x[datum], nats; raises as `cells` does."""
        return self.cells(datum).log_evidence

    def cells(self, datum: int) -> Cells:
        """The posterior of x[datum], all but e^−20 of it.

        Raises ValueError if the posterior reaches the edge of the grid.
        """
        height = self._heights[:, datum]
        outer = self._nodes.abs().amax(-1) > EDGE - STEP / 2
        if bool(height[outer].max() > height.max() - 10.0):
            raise ValueError(f"the posterior of datum {datum} reaches beyond |z| = {EDGE:g}")
        kept = height > height.max() - DEEP
        found = Cells(self._nodes[kept], STEP, height[kept])
        while found.side > FINEST and 4 * len(found.centres) <= BUDGET:
            found = self._cut(found, self._x[datum : datum + 1])
        return found

    def _cut(self, cells: Cells, x: Tensor) -> Cells:
        """Each cell in four, without those that are too low."""
        quarter = x.new_tensor([-0.25, 0.25]) * cells.side
        fine = cells.centres.unsqueeze(1) + torch.cartesian_prod(quarter, quarter)
        centres = fine.flatten(0, 1)  # (4k, 2)
        values = self._log_joint(centres, x).squeeze(-1)
        kept = values > values.max() - SHALLOW
        return Cells(centres[kept], cells.side / 2, values[kept])

    @torch.no_grad()
    def _log_joint(self, z: Tensor, x: Tensor) -> Tensor:
        """log p(x, z) for every pair of z (S, 2) and x (B, D): (S, B)."""
        parts = [
            log_probs_of_pairs(self._model.decoder(piece), x).mT for piece in torch.split(z, 2000)
        ]
        return torch.cat(parts) + self._model.prior.log_prob(z).unsqueeze(-1)


@torch.no_grad()
def expected_log_likelihood(
    model: MarkovHVAE, q: DiagonalGaussian, x: Tensor, nodes: int = 24
) -> Tensor:
    """E_q log p(x|z) by Gauss–Hermite quadrature, nodes² points in the plane; no sampling.

    q: batch (*models, B) over two latents. x (B, D). Returns (*models, B) nats, good to 0.02 for
    trained tanh nets even where q is as wide as the prior.
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


def outlines(q: DiagonalGaussian, corners: int = 24) -> Array:
    """The ellipses one standard deviation from the mean of each q (N, 2), as one broken line.

    Returns (N·(corners + 2), 2), a NaN after each ellipse.
    """
    angle = 2 * math.pi * torch.linspace(0, 1, corners + 1, **DOUBLE).to(q.mean)
    circle = torch.stack([angle.cos(), angle.sin()], -1)  # (corners + 1, 2)
    closed = q.mean.unsqueeze(-2) + q.std.unsqueeze(-2) * circle  # (N, corners + 1, 2)
    broken = pad(closed, (0, 0, 0, 1), value=math.nan)
    result: Array = broken.flatten(0, -2).double().numpy()
    return result
