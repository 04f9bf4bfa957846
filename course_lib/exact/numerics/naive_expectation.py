"""What naive Monte Carlo finds on average: E[log p̂] for draws from a standard normal prior."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE, require_count
from course_lib.exact.numerics.log_mean import WeightedPoints, expected_log_mean
from course_lib.exact.numerics.quadrature import (
    DEGREE,
    POINTS,
    WEIGHTS,
    panel_nodes,
    panel_weights,
)
from course_lib.exact.numerics.standard_normal import standard_normal

REACH = 10.0  # prior standard deviations: 1e-23 of the mass is beyond
PANELS = 80  # to start with
SPAN = 4.0  # nats over a panel: 1 − exp(−e^y) is then a polynomial of degree 32 to 2e-15
SMOOTH = 1e-9  # how far ℓ may be from the polynomial through every other point, relatively
BELOW = 40.0  # exp(−40) is nothing beside one
MOST = 20_000  # panels

# From values at the even points of a panel to those of their polynomial at the odd ones, (16, 17).
with torch.inference_mode(False):  # kept for later calls, which may want slopes
    _ORDER = torch.arange(DEGREE // 2 + 1, **DOUBLE)
    _CHEBYSHEV = torch.cos(_ORDER * POINTS.clamp(-1, 1).acos().unsqueeze(-1))  # (33, 17)
    BETWEEN = _CHEBYSHEV[1::2] @ torch.linalg.inv(_CHEBYSHEV[::2])

LogDecoder = Callable[[Tensor], Tensor]


def expected_naive_log(log_likelihood: LogDecoder, samples: int) -> Tensor:
    """E[log p̂], p̂ = (1/S) Σ_i exp ℓ(z_i), z_i ~ N(0, 1), ℓ = log_likelihood; nats, ().  (Eq. 2.5)

    By the integral of `expected_log_mean`, over panels of the prior that are cut until it is exact.
    log_likelihood: from nodes (P, 33) to (P, 33). −∞ if p̂ = 0 has positive probability.
    Raises ValueError if samples is no whole number of at least 1, or too many panels are needed.
    """
    values, weights = _points(log_likelihood, require_count("samples", samples))
    if float(values.detach().amin()) == -math.inf:
        return torch.full((), -math.inf, **DOUBLE)
    return expected_log_mean(values.flatten(), weights.flatten().log(), [samples]).squeeze(0)


def _points(log_likelihood: LogDecoder, samples: int) -> tuple[Tensor, Tensor]:
    """ℓ and the weights of the prior over panels in which ℓ is smooth and varies little, (P, 33).

    Not e^ℓ but ℓ itself must vary little, where exp(−t e^ℓ) is neither zero nor one for some t.
    """
    edges = torch.linspace(-REACH, REACH, PANELS + 1, **DOUBLE)
    left, width = edges[:-1], edges.diff()
    values = log_likelihood(panel_nodes(left, width))
    while len(left) <= MOST:
        weights = standard_normal(panel_nodes(left, width)) * panel_weights(width, WEIGHTS)
        rough = _is_rough(values, weights, samples) & (width > 1e-14)
        if not bool(rough.any()):
            return values, weights
        half = width[rough] / 2
        fresh, halves = torch.cat([left[rough], left[rough] + half]), torch.cat([half, half])
        values = torch.cat([values[~rough], log_likelihood(panel_nodes(fresh, halves))])
        left, width = torch.cat([left[~rough], fresh]), torch.cat([width[~rough], halves])
    raise ValueError(
        f"log p(x|z) varies too much over z for E[log p̂] with samples = {samples}: more than "
        f"{MOST} panels are needed; take a larger noise std or more samples"
    )


@torch.no_grad()
def _is_rough(values: Tensor, weights: Tensor, samples: int) -> Tensor:
    """Panels (P,) that a draw may fall in, where ℓ varies much or is no polynomial.

    Only where ℓ leaves a trace: not far below the lowest value that S draws may stay beneath. None
    if p̂ may be zero.
    """
    floor = WeightedPoints.of(values.flatten(), weights.flatten().log()).lowest(samples) - BELOW
    lowest, highest = values.clamp(min=floor).aminmax(dim=-1)
    off = (values[:, ::2] @ BETWEEN.mT - values[:, 1::2]).abs().amax(-1)
    bent = off > SMOOTH * values.abs().amax(-1).clamp(min=1.0)
    varies = (highest - lowest > SPAN) | (bent & (highest > floor))
    rough: Tensor = varies & (weights.sum(-1) * samples > 1e-15) & (values.amin() > -math.inf)
    return rough
