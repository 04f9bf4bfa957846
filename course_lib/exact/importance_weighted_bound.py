"""L_K of a world with one latent number: exactly, for any number of draws."""

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE, Numbers, require_broadcastable
from course_lib.distributions import DiagonalGaussian, FullGaussian
from course_lib.exact._observation import observation
from course_lib.exact.numerics.gaussian_algebra import require_gaussian, require_resolved
from course_lib.exact.numerics.log_mean import expected_log_mean, require_draws

REACH = 12.0  # standard deviations of q: exp(−72) is left
FEWEST, MOST = 501, 64_001  # nodes, doubled until L_K settles
SETTLED = 1e-8  # nats


class ScalarWorld(Protocol):
    """What knows log p(x, z) for one latent number: ScalarLatent, or LinearGaussian with d = 1."""

    def log_joint(self, x: Tensor, z: Tensor) -> Tensor:
        """log p(x, z), (*samples, *batch), for x (*batch, D) and z (*samples, *batch, 1)."""
        ...


def expected_importance_weighted_bound(
    world: ScalarWorld, q: DiagonalGaussian | FullGaussian, x: Numbers, counts: Sequence[int]
) -> Tensor:
    """L_K = E log (1/K) Σ_k p(x, z_k)/q(z_k), z_k ~ q independent: exactly, for each K in counts.

    q over one number and x (*batch, D), whose batches broadcast. Returns
    (len(counts), *batch) nats: K = 1 is the ELBO, and log p(x) is the limit. By the sums of
    `expected_log_mean` over q's mean ± 12 standard deviations, on grids that are doubled until
    they agree to 1e-8. Raises ValueError if they do not, q is no such Gaussian or too narrow for
    float64, or counts is empty or has a K below 1.
    """
    require_gaussian("q", q, 1)
    require_draws(counts)
    x = observation(x)
    batch = require_broadcastable("q's batch", q.batch_shape, "x's batch", x.shape[:-1])
    mean = q.mean.double().expand(*batch, 1).reshape(-1)
    std = q.scale_tril.squeeze(-1).double().expand(*batch, 1).reshape(-1)
    require_resolved("q", mean.detach(), std.detach())
    rows = x.expand(*batch, x.shape[-1]).reshape(-1, x.shape[-1])
    columns = [_settled_bounds(world, *row, counts) for row in zip(rows, mean, std, strict=True)]
    return torch.stack(columns, -1).reshape(len(counts), *batch)


def _settled_bounds(
    world: ScalarWorld, x: Tensor, mean: Tensor, std: Tensor, counts: Sequence[int]
) -> Tensor:
    """L_K for each K, of one x (D,) and one q."""
    q = DiagonalGaussian(mean.reshape(1), std.log().reshape(1))
    size, cheap, before = FEWEST, math.inf, None
    while size <= MOST:
        u = torch.linspace(-REACH, REACH, size, **DOUBLE).unsqueeze(-1)
        z = mean + std * u
        log_q = q.log_prob(z)
        log_w, log_probs = world.log_joint(x, z) - log_q, log_q + (std * (u[1] - u[0])).log()
        # L_1 settles first, and costs little. The mean weight may never settle: a narrow q has it
        # from beyond the ends of the grid, where no K draws fall.
        finer = (log_probs.exp() * log_w).sum().item()
        if abs(finer - cheap) <= SETTLED:
            found = expected_log_mean(log_w, log_probs, counts)
            if before is not None and bool(((found - before).abs() <= SETTLED).all()):
                return found
            before = found
        size, cheap = 2 * size - 1, finer
    raise ValueError(
        f"L_K has not settled with {MOST:,} nodes over q: the weight varies too fast within it"
    )
