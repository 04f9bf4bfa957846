"""The one-layer tanh model that comes closest to a given p(x), and the Gaussian that does."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course_lib.arguments import require_finite
from course_lib.exact.tanh_arrow import TanhArrow

STEPS = 60  # of the optimiser, at most
CONVERGED = 1e-10  # nats: a step that gains less is the last
UNSETTLED = 1e-4  # nats: if the last step of all gains more, the fit is not to be trusted
RESOLVED = 8.0  # noise stds that the mean may run through within a panel of 16 points
CUTS = (0.0, 0.1, 0.3, 0.8, 2.0, 4.0, 9.0)  # panels over |z|, narrow where a tanh is steep
# a and s in standard deviations of p.
STARTS = ((1.1, 1.0, 0.23), (1.1, 4.0, 0.23), (0.5, 0.6, 0.25), (0.25, 5.0, 0.5), (3.5, 1.0, 0.7))
LOG_TWO_PI = math.log(2 * math.pi)

# θ to the mean log-density, its gradient and the mean square of the scores
Objective = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]


@dataclass(frozen=True)
class OneLayerFit:
    """The best arrow from z ~ N(0, 1) to x, and KL(p ‖ its p(x)) in nats."""

    arrow: TanhArrow
    kl: float


def one_layer_log_density(arrow: TanhArrow, x: Tensor) -> Tensor:
    """log ∫ N(x; a tanh(bz + d) + c, s²) N(z; 0, 1) dz for x (N,); symmetric about c if d = 0.

    p(c + u) = p(c − u), because −z is as likely as z and tanh is odd.  (Eq. 11.4)
    By Gauss–Legendre sums. Raises ValueError if the tanh is too steep for their panels.
    """
    theta = _row(arrow.a, arrow.b, arrow.c, arrow.s, arrow.d)
    if not bool(_resolved(theta).all()):
        raise ValueError(f"the tanh is too steep for its noise: {arrow}")
    return _evaluate(theta, x)[0][0]


def best_one_layer(
    x: Tensor,
    mass: Tensor,
    log_density: Tensor,
    *,
    bias: bool = False,
    starts: Sequence[Sequence[float]] | None = None,
) -> OneLayerFit:
    """argmin over (a, b, c, s) of KL(p ‖ p_{abcs}) = E_p[log p(x) − log p_{abcs}(x)].  (Eq. 11.5)

    x, mass, log_density: p on a grid, (N,) each; mass sums to 1, as Marginal.weights do.
    bias: whether d, inside the tanh, is free as well. starts: (a, b, c, s) or (a, b, c, s, d) each,
    c from the mean; all are improved at once, by damped steps of Fisher scoring, with p's mean and
    standard deviation as the origin and unit of x.
    Raises ValueError unless the three have one shape and mass sums to 1, or if the last step still
    gains much.
    """
    mean, std = _moments(x, mass, log_density)
    if starts is None:
        starts = [(a * std, b, 0.0, s * std) for a, b, s in STARTS]
    free = torch.tensor([1.0, 1.0, 1.0, 1.0, float(bias)], dtype=torch.float64)
    theta = torch.cat([_row(a / std, b, c / std, s / std, *d) for a, b, c, s, *d in starts])
    unit = (x - mean) / std
    theta, value, gain = _climb(theta, lambda t: _objective(t, unit, mass, free))
    best = int(value.argmax())
    if gain[best] > UNSETTLED:
        raise ValueError(
            f"the fit has not converged: step {STEPS} still gains {gain[best]:.2g} nats"
        )
    a, b, c, log_std, d = theta[best].tolist()
    kl = (mass * log_density).sum() - (value[best] - math.log(std))
    return OneLayerFit(TanhArrow(a * std, b, c * std + mean, math.exp(log_std) * std, d), kl.item())


def best_gaussian_kl(x: Tensor, mass: Tensor, log_density: Tensor) -> float:
    """min over m, v of KL(p ‖ N(m, v)) = ½ log(2πe Var x) + E log p(x), nats, at p's own moments.

    x, mass, log_density: as in `best_one_layer`.  (Eq. 11.6)
    """
    _, std = _moments(x, mass, log_density)
    value = 0.5 * (LOG_TWO_PI + 1) + math.log(std) + (mass * log_density).sum()
    return float(value)


def _rule() -> tuple[Tensor, ...]:
    """Nodes, log weights and panel widths for expectations under N(0, 1), on both sides of 0."""
    points, weights = np.polynomial.legendre.leggauss(16)
    cuts = torch.tensor(CUTS, dtype=torch.float64)
    low, width = cuts[:-1], cuts.diff()
    shares, rule = (torch.from_numpy(v) / 2 for v in (points + 1, weights))
    half = (low[:, None] + shares * width[:, None]).reshape(-1)
    log_mass = (rule * width[:, None]).reshape(-1).log() - 0.5 * (half.square() + LOG_TWO_PI)
    widths = width.repeat_interleave(len(points))
    return tuple(
        torch.cat([sign * v.flip(0), v]) for sign, v in ((-1, half), (1, log_mass), (1, widths))
    )


NODES, LOG_MASS, WIDTHS = _rule()


def _resolved(theta: Tensor) -> Tensor:
    """Whether the sums over z are good for θ (S, 5): (S,)."""
    a, b, _, log_std, d = theta.unsqueeze(-1).unbind(1)
    slope = (a * b).abs() * (1 - torch.tanh(b * NODES + d).square())
    return (slope * WIDTHS * torch.exp(-log_std)).amax(-1) < RESOLVED


def _evaluate(theta: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """log p_θ(x), (S, N), and its derivatives in a, b, c, log s and d, (S, N, 5); θ (S, 5)."""
    a, b, c, log_std, d = theta.unsqueeze(-1).unbind(1)  # each (S, 1)
    bend = torch.tanh(b * NODES + d)  # (S, K)
    inner = a * (1 - bend.square())
    inverse = torch.exp(-log_std)
    z = (x[:, None] - (a * bend + c)[:, None]) * inverse[:, None]  # (S, N, K): standardised
    height = LOG_MASS - 0.5 * z.square()
    top = height.amax(-1, keepdim=True)  # far from every node all the densities underflow
    density = torch.exp(height - top)
    total = density.sum(-1)
    pull = density * z  # (S, N, K)
    slopes = torch.stack([bend, inner * NODES, torch.ones_like(bend), inner], -1)  # (S, K, 4)
    in_mean = (pull @ slopes) * (inverse[:, None] / total[..., None])  # a, b, c, d
    in_log_std = (pull * z).sum(-1) / total - 1
    value = total.log() + top.squeeze(-1) - log_std - 0.5 * LOG_TWO_PI
    gradient = torch.cat([in_mean[..., :3], in_log_std[..., None], in_mean[..., 3:]], -1)
    return value, gradient


def _climb(theta: Tensor, objective: Objective) -> tuple[Tensor, Tensor, Tensor]:
    """Each row of θ (S, 5) at its local maximum, the values there, and its last gains, (S,)."""
    damping = torch.full((len(theta),), 1e-3, dtype=torch.float64)
    done = torch.zeros(len(theta), dtype=torch.bool)
    value, gradient, fisher = objective(theta)
    for _ in range(STEPS):
        scale = fisher.diagonal(dim1=-2, dim2=-1) + 1e-9
        system = fisher + torch.diag_embed(damping.unsqueeze(-1) * scale)
        tried = theta + torch.linalg.solve(system, gradient).clamp(-0.7, 0.7)
        found = objective(tried)
        better = (found[0] > value) & _resolved(tried)
        gain = torch.where(better, found[0] - value, 0.0)
        theta = torch.where(better[:, None], tried, theta)
        gradient = torch.where(better[:, None], found[1], gradient)
        fisher = torch.where(better[:, None, None], found[2], fisher)
        value = torch.where(better, found[0], value)
        damping = torch.where(better, damping / 5, damping * 5)
        done = done | (better & (gain < CONVERGED)) | (damping > 1e3)
        if bool(done.all()):
            break
    return theta, value, gain


def _row(a: float, b: float, c: float, s: float, d: float = 0.0) -> Tensor:
    """θ of one model, (1, 5)."""
    return torch.tensor([[a, b, c, math.log(s), d]], dtype=torch.float64)


def _objective(
    theta: Tensor, x: Tensor, mass: Tensor, free: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """E_p log p_θ(x), (S,); its gradient (S, 5); E_p of the squared scores, (S, 5, 5)."""
    value, score = _evaluate(theta, x)
    score = score * free
    weighted = score * mass[:, None]
    return (value * mass).sum(-1), weighted.sum(1), weighted.mT @ score


def _moments(x: Tensor, mass: Tensor, log_density: Tensor) -> tuple[float, float]:
    """Mean and standard deviation of p, once the three are known to fit together."""
    shapes = {tuple(v.shape) for v in (x, mass, log_density)}
    if len(shapes) != 1 or x.ndim != 1:
        raise ValueError(f"x, mass and log_density must be (N,) each, got shapes {sorted(shapes)}")
    require_finite("log_density", log_density)
    if abs(float(mass.sum()) - 1) > 1e-6:
        raise ValueError(f"mass must sum to 1, got {float(mass.sum()):g}")
    mean = (mass * x).sum()
    return mean.item(), (mass * (x - mean).square()).sum().sqrt().item()
