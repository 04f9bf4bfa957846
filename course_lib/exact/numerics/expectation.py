"""Expectations of a log ratio under any q over one variable, by quadrature.

For the oracles alone: it shares no code with `distributions.expectation`, by which `bounds` and the
notebooks average, so that each can judge the other. There the nodes are chosen beforehand; here a
panel is split until two sums over it agree.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.distributions import DiagonalGaussian, Distribution, FullGaussian
from course_lib.exact.numerics.gaussian_algebra import require_resolved
from course_lib.exact.numerics.quadrature import Panels, panel_nodes, refine, start
from course_lib.exact.numerics.standard_normal import LOG_TWO_PI
from course_lib.exact.numerics.tails import require_fallen

REACH = 10.0  # standard deviations of a Gaussian q that are integrated over: exp(−50) is left
PANELS = 10  # to start with, for a Gaussian q
MASS = 1e-8  # how far ∫ q may be from one

LogDensity = Callable[[Tensor, Tensor], Tensor]


def expected_log_ratio(log_q: LogDensity, log_p: LogDensity, edges: Tensor) -> Tensor:
    """∫ q(z) [log p(z) − log q(z)] dz for each of several q, (count,); p need not be normalised.

    log_q, log_p: from nodes (P, 33) and the index of q for each panel (P,) to (P, 33).
    edges: (count, P+1), where the panels start. −inf if q has mass where p has none.
    Raises ValueError if q does not integrate to one between the edges, or if q times the log ratio
    has not fallen off there: the value is then carried by what lies beyond, or −∞.
    """
    count = len(edges)
    every = torch.arange(count, device=edges.device)
    impossible = edges.new_zeros(count, dtype=torch.bool)

    def evaluate(z: Tensor, owner: Tensor) -> tuple[Tensor, Tensor]:
        density, target = log_q(z, owner), log_p(z, owner)
        outside = (density > -math.inf) & (target == -math.inf)
        impossible[owner[outside.any(-1)]] = True
        # Where q has no mass the ratio does not count, whatever it is: 0 · log 0 = 0.
        return density, (target - density).nan_to_num(0.0, 0.0, 0.0)

    left, width = edges[:, :-1].reshape(-1), edges.diff(dim=-1).reshape(-1)
    owner = every.repeat_interleave(edges.shape[1] - 1)
    first = start(edges, *evaluate(panel_nodes(left, width), owner))
    panels, _ = refine(first, evaluate)
    value = _mean_score(panels, edges)
    ends = edges[:, [0, -1]]
    density, score = evaluate(ends, every)
    beyond = density.exp() * score.abs() * (ends.diff() / (2 * REACH))  # a tenth of the reach
    size = panels.sum(panels.integral(panels.log_density.exp() * panels.score.abs()))
    require_fallen(
        beyond.amax(-1)[~impossible],
        size[~impossible],
        f"q's tails carry the expectation of log p(x, z) − log q(z): {REACH:g} standard deviations "
        "out, q times it",
        "its mean size",
    )
    return torch.where(impossible, -math.inf, value)


def _mean_score(panels: Panels, edges: Tensor) -> Tensor:
    """∫ exp(log_density) · score, (count,). Raises ValueError unless the density sums to one."""
    weights = panels.log_density.exp()
    mass = panels.sum(panels.integral(weights))
    if float((mass - 1.0).abs().max()) > MASS:
        raise ValueError(
            f"q must have its mass between {edges.min().item():.12g} and "
            f"{edges.max().item():.12g}, got {mass[(mass - 1.0).abs().argmax()].item():.12g} there"
        )
    return panels.sum(panels.integral(weights * panels.score))


def spread_of(q: Distribution, batch: torch.Size, edges: Tensor) -> tuple[LogDensity, Tensor]:
    """log q as a function of nodes (P, 33) and owners (P,), and the edges to start from.

    A Gaussian is integrated over its own mean ± 10 std, anything else between the given edges.
    Raises ValueError if a Gaussian is too narrow for float64.
    """
    count = batch.numel()
    if not isinstance(q, (DiagonalGaussian, FullGaussian)):

        def log_density(z: Tensor, owner: Tensor) -> Tensor:
            value = z.reshape(*z.shape, *(1 for _ in batch), 1)  # (P, 33, 1, …, 1)
            every = q.log_prob(value).double().expand(*z.shape, *batch).reshape(*z.shape, count)
            return every.gather(-1, owner[:, None, None].expand(*z.shape, 1)).squeeze(-1)

        return log_density, edges.expand(count, -1)
    mean = q.mean.double().expand(*batch, 1).reshape(count, 1)
    std = q.scale_tril.squeeze(-1).double().expand(*batch, 1).reshape(count, 1)
    require_resolved("q", mean.detach(), std.detach())
    constant = -std.log() - 0.5 * LOG_TWO_PI

    def log_gaussian(z: Tensor, owner: Tensor) -> Tensor:
        return constant[owner] - 0.5 * ((z - mean[owner]) / std[owner]).square()

    steps = torch.linspace(-REACH, REACH, PANELS + 1, **DOUBLE)
    return log_gaussian, mean + std * steps
