"""Sums over z ~ N(0, 1) of what depends on a tanh(bz + d): panels that know where it bends."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_lib.arguments import DOUBLE, require_all
from course_lib.exact.numerics.standard_normal import LOG_TWO_PI, log_standard_normal
from course_lib.exact.numerics.tails import EDGE

CUTS = (0.0, 0.1, 0.3, 0.8, 2.0, 4.0, 9.0)  # panels over |z|, narrow where a tanh is steep
# More panels around bz + d = 0: where a tanh rises by twelfths, and in its tails.
RISES = [math.atanh(n / 12) for n in range(12)]
with torch.inference_mode(False):  # kept for later calls, which may want slopes
    BENDS = torch.tensor([*RISES, 1.9, 2.3, 2.8, 3.5, 4.5, 6.0, 9.0, 20.0], **DOUBLE)
FARTHEST = 40.0  # of |z|: exp(−800) is left
RESOLVED = 8.0  # noise stds that the mean may run through within a panel of 16 points


class Nodes(NamedTuple):
    """For sums over z ~ N(0, 1): nodes and logs of their weights, (S, K); edges, (S, P + 1).

    The edges are those of the panels. S is 1 where they serve every θ.
    """

    z: Tensor
    log_mass: Tensor
    edges: Tensor


Rule = Callable[[Tensor], Nodes]  # θ (S, 5), rows (a, b, c, log s, d), to nodes


def _panels(edges: Tensor) -> Nodes:
    """Sixteen nodes in each panel between edges (S, P + 1)."""
    points, weights = (torch.from_numpy(part) / 2 for part in np.polynomial.legendre.leggauss(16))
    width = edges.diff(dim=-1).unsqueeze(-1)
    z = edges[:, :-1].unsqueeze(-1) + (points + 0.5) * width  # (S, P, 16)
    log_mass = (weights * width).log() + log_standard_normal(z)  # −∞ in an empty panel
    return Nodes(z.flatten(1), log_mass.flatten(1), edges)


def plain_rule(theta: Tensor) -> Nodes:
    """One rule for every θ (S, 5): panels that are narrow around z = 0."""
    return _PLAIN


def graded_rule(theta: Tensor) -> Nodes:
    """A rule for each θ (S, 5): panels around the bend of its tanh as well, however steep."""
    return _around_the_bend(theta, _FIXED)


def far_rule(theta: Tensor) -> Nodes:
    """As `graded_rule`, and out to |z| = 40: for an x that hardly any z makes."""
    return _around_the_bend(theta, _FAR)


def _around_the_bend(theta: Tensor, fixed: Tensor) -> Nodes:
    """Panels between the fixed edges (P + 1,), and more where the tanh of each θ (S, 5) rises."""
    _, b, _, _, d = theta.unsqueeze(-1).unbind(1)
    inner = (_BENDS - d) / b.abs().clamp(min=1e-9) * b.sign()
    edges = fixed.expand(len(theta), -1)
    return _panels(torch.cat([inner.clamp(fixed[0], fixed[-1]), edges], -1).sort(-1).values)


with torch.inference_mode(False):  # kept for later calls, which may want slopes
    _BENDS = torch.cat([-BENDS[1:].flip(0), BENDS])
    _HALF = torch.tensor(CUTS, **DOUBLE)
    _FIXED = torch.cat([-_HALF.flip(0), _HALF[1:]])
    _OUTER = torch.arange(CUTS[-1] + 1, FARTHEST + 1, **DOUBLE)
    _FAR = torch.cat([-_OUTER.flip(0), _FIXED, _OUTER])
    _PLAIN = _panels(_FIXED.unsqueeze(0))


def resolved(theta: Tensor, nodes: Nodes) -> Tensor:
    """Whether the sums over z are good for θ (S, 5): (S,).

    By the steepest place of each panel, which may lie between its nodes: the one nearest the bend.
    """
    a, b, _, log_std, d = theta.unsqueeze(-1).unbind(1)
    low, high = nodes.edges[:, :-1], nodes.edges[:, 1:]
    bend = torch.where(b == 0, 0.0, -d / b)
    steepest = torch.minimum(torch.maximum(bend.nan_to_num(0.0), low), high)
    slope = (a * b).abs() * (1 - torch.tanh(b * steepest + d).square())
    return (slope * (high - low) * torch.exp(-log_std)).amax(-1) < RESOLVED


def reached(theta: Tensor, x: Tensor, log_density: Tensor, edge: float = CUTS[-1]) -> Tensor:
    """Whether next to nothing of p(x) lies beyond |z| = edge, (N,); θ (1, 5), x (N,).

    Above it is at most P(z > edge) times the largest p(x|z), whose mean lies between those at the
    edge and at ∞; and the same below.
    """
    a, b, c, log_std, d = theta[0].unbind()
    side, end = torch.tensor([-1.0, 1.0], **DOUBLE), torch.tensor(edge, **DOUBLE)
    means = c + a * torch.stack([torch.tanh(b * side * end + d), side * b.sign()])  # (2, sides)
    nearest = torch.minimum(torch.maximum(x[:, None], means.amin(0)), means.amax(0))
    miss = (x[:, None] - nearest) * torch.exp(-log_std)  # (N, sides)
    most = -0.5 * miss.square().amin(-1) - log_std - 0.5 * LOG_TWO_PI
    beyond = most + torch.special.log_ndtr(-end)
    within: Tensor = beyond <= log_density - EDGE
    return within


def require_reached(theta: Tensor, x: Tensor, log_density: Tensor) -> Tensor:
    """Raises ValueError if some of p(x) may lie beyond |z| = 40, where `far_rule` ends."""
    good = reached(theta, x, log_density, FARTHEST)
    require_all("x", x, good, f"so near that draws z from −{FARTHEST:g} to {FARTHEST:g} make it")
    return log_density
