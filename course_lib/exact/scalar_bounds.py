"""Of a world with one latent number: L_K exactly for any K, and the best Gaussian q."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE, Numbers, require_broadcastable
from course_lib.distributions import DiagonalGaussian, FullGaussian
from course_lib.exact._observation import observation
from course_lib.exact.numerics.gaussian_algebra import require_gaussian
from course_lib.exact.numerics.log_mean import expected_log_mean, require_draws
from course_lib.exact.scalar_latent import ScalarLatent

REACH = 12.0  # standard deviations of q: exp(−72) is left
FEWEST, MOST = 501, 64_001  # nodes, doubled until L_K settles
SETTLED = 1e-8  # nats
NODES = 401  # for the best q; its derivatives are smooth
STEPS = 100
FLAT = 1e-8  # nats for each standard deviation, or unit of log σ: a slope that is none
PLACES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)  # of the posterior, where a search starts
WIDTHS = (1.0, 0.3, 0.1)  # in its standard deviations


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
    they agree to 1e-8. Raises ValueError if they do not, q is no such Gaussian, or counts is empty
    or has a K below 1.
    """
    require_gaussian("q", q, 1)
    require_draws(counts)
    x = observation(x)
    batch = require_broadcastable("q's batch", q.batch_shape, "x's batch", x.shape[:-1])
    mean = q.mean.double().expand(*batch, 1).reshape(-1)
    std = q.variance.double().sqrt().expand(*batch, 1).reshape(-1)
    rows = x.expand(*batch, x.shape[-1]).reshape(-1, x.shape[-1])
    columns = [_bounds(world, *row, counts) for row in zip(rows, mean, std, strict=True)]
    return torch.stack(columns, -1).reshape(len(counts), *batch)


def _bounds(
    world: ScalarWorld, x: Tensor, mean: Tensor, std: Tensor, counts: Sequence[int]
) -> Tensor:
    """L_K for each K, of one x (D,) and one q."""
    q = DiagonalGaussian(mean.reshape(1), std.log().reshape(1))
    size, cheap, before = FEWEST, torch.full((2,), torch.inf, **DOUBLE), None
    while size <= MOST:
        u = torch.linspace(-REACH, REACH, size, **DOUBLE).unsqueeze(-1)
        z = mean + std * u
        log_q = q.log_prob(z)
        log_w, log_probs = world.log_joint(x, z) - log_q, log_q + (std * (u[1] - u[0])).log()
        # L_1 and log p(x) settle first, and cost little.
        elbo, log_evidence = (log_probs.exp() * log_w).sum(), (log_w + log_probs).logsumexp(0)
        finer = torch.stack([elbo, log_evidence])
        if bool(((finer - cheap).abs() <= SETTLED).all()):
            found = expected_log_mean(log_w, log_probs, counts)
            if before is not None and bool(((found - before).abs() <= SETTLED).all()):
                return found
            before = found
        size, cheap = 2 * size - 1, finer
    raise ValueError(
        f"L_K has not settled with {MOST:,} nodes over q: the weight varies too fast within it"
    )


class _Local(NamedTuple):
    """The ELBO of N(m, s²), its slopes in m/s and log s, and their derivatives, (*starts,)."""

    value: Tensor
    slope: Tensor  # (*starts, 2)
    curve: Tensor  # (*starts, 2, 2)


def best_gaussian(world: ScalarLatent, x: Numbers) -> DiagonalGaussian:
    """argmax over N(m, s²) of the ELBO: the Gaussian nearest to p(z|x) in KL(q ‖ p(z|x)).

    world: for a decoder of your own, ScalarLatent(decoder). x: (*batch, D). Returns batch
    (*batch,), event (1,). Newton's method from 21 places of the posterior, by the derivatives
    E[h He_n(ε)] of E h(m + sε), which need none of the decoder. Where two are equally good, as for
    N(z², s²), the one of larger mean. Raises ValueError if the slope does not vanish.
    """
    x = observation(x)
    posterior = world.posterior(x)
    means = [posterior.quantile(place) for place in PLACES for _ in WIDTHS]
    stds = [width * posterior.std for _ in PLACES for width in WIDTHS]
    mean, log_std = torch.stack(means).squeeze(-1), torch.stack(stds).squeeze(-1).log()
    mean, log_std, at = _climb(world, x, mean, log_std)  # (21, *batch)
    good = at.value >= at.value.amax(0) - SETTLED
    best = mean.masked_fill(~good, -torch.inf).argmax(0, keepdim=True)  # (1, *batch)
    slope = at.slope.abs().amax(-1).gather(0, best)
    if not bool((slope <= 1e3 * FLAT).all()):
        raise ValueError(
            f"the best q has not been found: after {STEPS} steps its ELBO still rises by "
            f"{slope.max().item():.2g} nats for each standard deviation"
        )
    mean, log_std = (part.gather(0, best).squeeze(0).unsqueeze(-1) for part in (mean, log_std))
    return DiagonalGaussian(mean, log_std)


def _climb(
    world: ScalarLatent, x: Tensor, mean: Tensor, log_std: Tensor
) -> tuple[Tensor, Tensor, _Local]:
    """Every start (starts, *batch) at its local maximum, by damped Newton steps."""
    damping = torch.ones_like(mean)
    at = _local(world, x, mean, log_std)
    for _ in range(STEPS):
        # Shifted until it is negative definite: then the step goes up.
        top = torch.linalg.eigvalsh(at.curve)[..., -1].clamp(min=0.0)
        shift = (2 * top + damping).unsqueeze(-1).unsqueeze(-1) * torch.eye(2, **DOUBLE)
        step = torch.linalg.solve(shift - at.curve, at.slope.unsqueeze(-1)).squeeze(-1)
        step = step.clamp(-1.0, 1.0)
        new_mean, new_log_std = mean + step[..., 0] * log_std.exp(), log_std + step[..., 1]
        tried = _local(world, x, new_mean, new_log_std)
        better = tried.value > at.value
        mean, log_std = (
            torch.where(better, new_mean, mean),
            torch.where(better, new_log_std, log_std),
        )
        at = _Local(
            torch.where(better, tried.value, at.value),
            torch.where(better[..., None], tried.slope, at.slope),
            torch.where(better[..., None, None], tried.curve, at.curve),
        )
        damping = torch.where(better, damping / 10, (damping * 10).clamp(max=1e12))
        if bool(((at.slope.abs().amax(-1) <= FLAT) | (damping >= 1e12)).all()):
            break
    return mean, log_std, at


def _local(world: ScalarLatent, x: Tensor, mean: Tensor, log_std: Tensor) -> _Local:
    """With h = log p(x, z): slopes E[h ε], E[h He₂] + 1, curves E[h He_n] for n = 2, 3, 4."""
    u = torch.linspace(-REACH, REACH, NODES, **DOUBLE)
    mass = torch.exp(-0.5 * u.square())
    mass = mass / mass.sum()
    z = mean + log_std.exp() * u.reshape(-1, *[1] * mean.ndim)  # (N, starts, *batch)
    h = world.log_joint(x, z.unsqueeze(-1))
    square = u.square()
    hermite = torch.stack(
        [torch.ones_like(u), u, square - 1, u * (square - 3), square * (square - 6) + 3]
    )
    level, one, two, three, four = torch.tensordot(hermite * mass, h, dims=1).unbind(0)
    slope = torch.stack([one, two + 1], -1)
    curve = torch.stack(
        [torch.stack([two, three], -1), torch.stack([three, 2 * two + four], -1)], -1
    )
    return _Local(level + log_std, slope, curve)
