"""The Gaussian q that comes nearest to the posterior over one latent number."""

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE, Numbers
from course_lib.distributions import DiagonalGaussian
from course_lib.exact._observation import observation
from course_lib.exact.scalar_latent import ScalarLatent

REACH = 12.0  # standard deviations of q: exp(−72) is left
NODES = 401  # over q; the derivatives of its ELBO are smooth
STEPS = 100
SETTLED = 1e-8  # nats: two q whose ELBOs differ by less are equally good
FLAT = 1e-8  # nats for each standard deviation, or unit of log σ: a slope that is none
PLACES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)  # of the posterior, where a search starts
WIDTHS = (1.0, 0.3, 0.1)  # in its standard deviations


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
    mean, log_std, at = _newton(world, x, mean, log_std)  # (21, *batch)
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


def _newton(
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
