"""The one-layer tanh model that comes closest to a given p(x), and the Gaussian that does."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE, require_between, require_finite
from course_lib.exact.numerics.bent_panels import (
    Nodes,
    Rule,
    far_rule,
    graded_rule,
    plain_rule,
    reached,
    require_reached,
    resolved,
)
from course_lib.exact.numerics.standard_normal import LOG_TWO_PI
from course_lib.exact.tanh_arrow import TanhArrow

STEPS = 60  # of the optimiser, at most, with each rule for the sums over z
CONVERGED = 1e-10  # nats: a step that gains less is the last
UNSETTLED = 1e-4  # nats: if the last step of all gains more, the fit is not to be trusted
_HELD = "a steeper tanh would gain more, and the sums over z cannot follow it"
FINALISTS = 2  # starts that are followed further where a tanh grows too steep for fixed panels
# a and s in standard deviations of p.
STARTS = ((1.1, 1.0, 0.23), (1.1, 4.0, 0.23), (0.5, 0.6, 0.25), (0.25, 5.0, 0.5), (3.5, 1.0, 0.7))


class Ascent(NamedTuple):
    """Where each start came: θ (S, 5), and (S,) each of three things.

    E_p log p_θ, what is left to gain, and whether only the steepness of the tanh stopped it.
    """

    theta: Tensor
    value: Tensor
    slack: Tensor
    walled: Tensor


# θ to the mean log-density, its gradient and the mean square of the scores
BoundAndSlopes = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]


@dataclass(frozen=True)
class OneLayerFit:
    """The best arrow from z ~ N(0, 1) to x, and KL(p ‖ its p(x)) in nats."""

    arrow: TanhArrow
    kl: float


def one_layer_log_density(arrow: TanhArrow, x: Tensor) -> Tensor:
    """log ∫ N(x; a tanh(bz + d) + c, s²) N(z; 0, 1) dz for x (N,); symmetric about c if d = 0.

    p(c + u) = p(c − u), because −z is as likely as z and tanh is odd.  (Eq. 11.4)
    By Gauss–Legendre sums over |z| ≤ 9, and over |z| ≤ 40 where x is so far out that what made it
    may lie beyond. Raises ValueError if the tanh is too steep for their panels, or 40 too near.
    """
    theta = _row(arrow.a, arrow.b, arrow.c, arrow.s, arrow.d)
    for rule in (plain_rule, graded_rule):
        nodes = rule(theta)
        if bool(resolved(theta, nodes).all()):
            found = _log_density(theta, x, nodes)
            far = ~reached(theta, x, found)
            if not bool(far.any()):
                return found
            nodes = far_rule(theta)
            if bool(resolved(theta, nodes).all()):
                found = found.masked_scatter(far, _log_density(theta, x[far], nodes))
                return require_reached(theta, x, found)
    raise ValueError(f"the tanh is too steep for its noise: {arrow}")


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
    standard deviation as the origin and unit of x. A tanh that grows steeper and steeper, as it
    does for two separate peaks, is followed by sums that grow finer with it, as far as b matters.
    Raises ValueError unless the three have one shape and mass sums to 1, or if the best fit is no
    maximum yet: it says how far it came.
    """
    mean, std = _moments(x, mass, log_density)
    if starts is None:
        starts = [(a * std, b, 0.0, s * std) for a, b, s in STARTS]
    free = torch.tensor([1.0, 1.0, 1.0, 1.0, float(bias)], **DOUBLE)
    theta = torch.cat([_row(a / std, b, c / std, s / std, *d) for a, b, c, s, *d in starts])
    unit = (x - mean) / std
    for rule in (plain_rule, graded_rule):
        ascent = _ascend(theta, partial(_objective, x=unit, mass=mass, free=free, rule=rule), rule)
        best = int(ascent.value.argmax())
        left = ascent.slack[best].item()
        kl = float((mass * log_density).sum() - (ascent.value[best] - math.log(std)))
        settled = left <= UNSETTLED and not bool(ascent.walled[best])
        if settled and (kl <= UNSETTLED or not bool(ascent.walled.any())):
            break  # no start that a wall stopped could do noticeably better
        theta = ascent.theta[ascent.value.argsort(descending=True)[:FINALISTS]]
    a, b, c, log_std, d = ascent.theta[best].tolist()
    arrow = TanhArrow(a * std, b, c * std + mean, math.exp(log_std) * std, d)
    if not settled:
        why = _HELD if bool(ascent.walled[best]) else f"step {STEPS} still gains {left:.2g} nats"
        raise ValueError(
            f"the fit has not converged: {why}; the best so far, with KL {kl:.3g}, is {arrow}"
        )
    return OneLayerFit(arrow, kl)


def best_gaussian_kl(x: Tensor, mass: Tensor, log_density: Tensor) -> float:
    """min over m, v of KL(p ‖ N(m, v)) = ½ log(2πe Var x) + E log p(x), nats, at p's own moments.

    x, mass, log_density: as in `best_one_layer`.  (Eq. 11.6)
    """
    _, std = _moments(x, mass, log_density)
    value = 0.5 * (LOG_TWO_PI + 1) + math.log(std) + (mass * log_density).sum()
    return float(value)


def _log_density(theta: Tensor, x: Tensor, nodes: Nodes) -> Tensor:
    """log p_θ(x), (N,), of one θ (1, 5)."""
    a, b, c, log_std, d = theta[0].unbind()
    miss = (x[:, None] - a * torch.tanh(b * nodes.z[0] + d) - c) * torch.exp(-log_std)  # (N, K)
    height = nodes.log_mass[0] - 0.5 * miss.square()
    return height.logsumexp(-1) - log_std - 0.5 * LOG_TWO_PI


def _evaluate(theta: Tensor, x: Tensor, nodes: Nodes) -> tuple[Tensor, Tensor]:
    """log p_θ(x), (S, N), and its derivatives in a, b, c, log s and d, (S, N, 5); θ (S, 5)."""
    a, b, c, log_std, d = theta.unsqueeze(-1).unbind(1)  # each (S, 1)
    bend = torch.tanh(b * nodes.z + d)  # (S, K)
    inner = a * (1 - bend.square())
    inverse = torch.exp(-log_std)
    z = (x[:, None] - (a * bend + c)[:, None]) * inverse[:, None]  # (S, N, K): standardised
    height = nodes.log_mass[:, None] - 0.5 * z.square()
    top = height.amax(-1, keepdim=True)  # far from every node all the densities underflow
    density = torch.exp(height - top)
    total = density.sum(-1)
    pull = density * z  # (S, N, K)
    slopes = torch.stack([bend, inner * nodes.z, torch.ones_like(bend), inner], -1)  # (S, K, 4)
    in_mean = (pull @ slopes) * (inverse[:, None] / total[..., None])  # a, b, c, d
    in_log_std = (pull * z).sum(-1) / total - 1
    value = total.log() + top.squeeze(-1) - log_std - 0.5 * LOG_TWO_PI
    gradient = torch.cat([in_mean[..., :3], in_log_std[..., None], in_mean[..., 3:]], -1)
    return value, gradient


def _ascend(theta: Tensor, objective: BoundAndSlopes, rule: Rule) -> Ascent:
    """Each row of θ (S, 5) taken to its local maximum; b by factors under the graded rule."""
    damping = theta.new_full((len(theta),), 1e-3)
    done = walled = theta.new_zeros(len(theta), dtype=torch.bool)
    slack = torch.full_like(damping, math.inf)
    value, gradient, fisher = objective(theta)
    for _ in range(STEPS):
        tried = _moved(theta, _step(gradient, fisher, damping), rule)
        found = objective(tried)
        inside = resolved(tried, rule(tried))
        better = (found[0] > value) & inside
        gain = torch.where(better, found[0] - value, 0.0)
        # Once at the wall, ever smaller steps along it are no way off.
        walled = (walled & ~(better & (damping < 1))) | ((found[0] > value) & ~inside)
        theta, value, gradient, fisher = (
            torch.where(better.reshape(-1, *[1] * (old.ndim - 1)), new, old)
            for new, old in zip((tried, *found), (theta, value, gradient, fisher), strict=True)
        )
        damping = torch.where(better, damping / 5, damping * 5)
        small = better & (gain < CONVERGED)
        slack = torch.where(
            done, slack, torch.where(small, gain, torch.maximum(gain, _promise(gradient, fisher)))
        )
        done = done | small | (damping > 1e3)
        if bool(done.all()):
            break
    return Ascent(theta, value, slack, walled)


def _promise(gradient: Tensor, fisher: Tensor) -> Tensor:
    """What an all but undamped step promises, (S,) nats: a wall raises the damping, not this."""
    step = _step(gradient, fisher, torch.full_like(gradient[:, 0], 1e-3))
    return 0.5 * (gradient * step).sum(-1)


def _step(gradient: Tensor, fisher: Tensor, damping: Tensor) -> Tensor:
    """The damped step of Fisher scoring, (S, 5)."""
    scale = fisher.diagonal(dim1=-2, dim2=-1) + 1e-9
    system = fisher + torch.diag_embed(damping.unsqueeze(-1) * scale)
    step: Tensor = torch.linalg.solve(system, gradient)
    return step.clamp(-0.7, 0.7)


def _moved(theta: Tensor, step: Tensor, rule: Rule) -> Tensor:
    """θ after a step.

    Under the graded rule b changes by a factor, so that it may grow without end, and the bend moves
    by a step of z, so that it need not wander as b grows.
    """
    moved = theta + step
    if rule is graded_rule:
        moved[:, 1] = theta[:, 1] * step[:, 1].exp()
        moved[:, 4] = moved[:, 1] * (theta[:, 4] / theta[:, 1] - step[:, 4])
    return moved


def _row(a: float, b: float, c: float, s: float, d: float = 0.0) -> Tensor:
    """θ of one model, (1, 5)."""
    return torch.tensor([[a, b, c, math.log(s), d]], **DOUBLE)


def _objective(
    theta: Tensor, x: Tensor, mass: Tensor, free: Tensor, rule: Rule
) -> tuple[Tensor, Tensor, Tensor]:
    """E_p log p_θ(x), (S,); its gradient (S, 5); E_p of the squared scores, (S, 5, 5).

    Under the graded rule the derivatives in b and d are those in log |b| and in −d/b, the place of
    the bend: see `_moved`.
    """
    value, score = _evaluate(theta, x, rule(theta))
    score = score * free
    if rule is graded_rule:
        b, d = theta[:, 1, None], theta[:, 4, None]
        in_log_b, in_place = b * score[..., 1] + d * score[..., 4], -b * score[..., 4]
        score = torch.stack([score[..., 0], in_log_b, *score[..., 2:4].unbind(-1), in_place], -1)
    weighted = score * mass[:, None]
    return (value * mass).sum(-1), weighted.sum(1), weighted.mT @ score


def _moments(x: Tensor, mass: Tensor, log_density: Tensor) -> tuple[float, float]:
    """Mean and standard deviation of p, once the three are known to fit together."""
    shapes = {tuple(v.shape) for v in (x, mass, log_density)}
    if len(shapes) != 1 or x.ndim != 1:
        raise ValueError(f"x, mass and log_density must be (N,) each, got shapes {sorted(shapes)}")
    require_finite("log_density", log_density)
    require_between("the sum of mass", mass.sum(), 1 - 1e-6, 1 + 1e-6, "1")
    mean = (mass * x).sum()
    return mean.item(), (mass * (x - mean).square()).sum().sqrt().item()
