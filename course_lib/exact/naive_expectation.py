"""What naive Monte Carlo finds on average: E[log p̂] for draws from a standard normal prior."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.exact.quadrature import WEIGHTS, panel_nodes

REACH = 10.0  # prior standard deviations: 1e-23 of the mass is beyond
PANELS = 80  # to start with
SPAN = 6.0  # nats over a panel: 1 − exp(−e^y) is then a polynomial of degree 32 to 2e-12
BELOW = 40.0  # exp(−40) is nothing beside one
MOST = 20_000  # panels
STEP = 0.25  # in u: the trapezoid rule errs by exp(−2π(π/2)/STEP) = 7e-18
ROWS = 32  # values of u taken together
CERTAIN = 4.0  # nats: exp(−e⁴) = 2e-24
NOTHING = 60.0  # nats: exp(−60) is nothing even beside 1/S

LogLikelihood = Callable[[Tensor], Tensor]


def expected_naive_log(log_likelihood: LogLikelihood, samples: int) -> Tensor:
    """E[log p̂], p̂ = (1/S) Σ_i exp ℓ(z_i), z_i ~ N(0, 1), ℓ = log_likelihood; nats, ().  (Eq. 2.6)

    With t = e^u, E[log p̂] − c = ∫ (exp(−e^{u+c}) − E[exp(−e^u p̂)]) du over all real u, for any c,
    here log p(x). Both terms are smooth on the scale of one, and the trapezoid rule is exact to
    rounding. The second is (1 − m)^S, m(u) = E_z[1 − exp(−e^{u + ℓ(z)}/S)].
    log_likelihood: from nodes (P, 33) to (P, 33).
    Raises ValueError if too many panels are needed.
    """
    values, weights, end = _grid(log_likelihood, samples)  # (N,), (N,)
    if end == math.inf:
        return torch.full((), -math.inf, dtype=torch.float64)  # p̂ = 0 has positive probability
    centre = torch.logsumexp(values + weights.log(), 0)
    low = -BELOW - max(float(values.max()), float(centre))
    u = torch.arange(low, max(end, 4.0 - float(centre)) + STEP, STEP, dtype=torch.float64)
    laplace = _log_laplace(u, values, weights, samples).exp()
    return centre + STEP * (torch.exp(-(u + centre).exp()) - laplace).sum()


def _grid(log_likelihood: LogLikelihood, samples: int) -> tuple[Tensor, Tensor, float]:
    """ℓ and the weights of the prior, (N,) each, over panels in which ℓ varies little; u.s end.

    Not e^ℓ but ℓ itself must vary little, where exp(−e^{u + ℓ}) is neither zero nor one.
    """
    edges = torch.linspace(-REACH, REACH, PANELS + 1, dtype=torch.float64)
    left, width = edges[:-1], edges.diff()
    values = log_likelihood(panel_nodes(left, width))  # (P, 33)
    while len(left) <= MOST:
        weights = _prior_weights(left, width)
        end = _end(values.reshape(-1), weights.reshape(-1), samples)
        seen = values.clamp(min=math.log(samples) - end - BELOW)  # less leaves no trace before end
        lowest, highest = seen.aminmax(dim=-1)
        rough = (highest - lowest > SPAN) & (weights.sum(-1) * samples > 1e-17)
        if end == math.inf or not bool(rough.any()):
            return seen.reshape(-1), weights.reshape(-1), end
        half = width[rough] / 2
        fresh, halves = torch.cat([left[rough], left[rough] + half]), torch.cat([half, half])
        values = torch.cat([values[~rough], log_likelihood(panel_nodes(fresh, halves))])
        left, width = torch.cat([left[~rough], fresh]), torch.cat([width[~rough], halves])
    raise ValueError(
        f"log p(x|z) varies too much over z for E[log p̂] with samples = {samples}: more than "
        f"{MOST} panels are needed; take a larger noise std or more samples"
    )


def _prior_weights(left: Tensor, width: Tensor) -> Tensor:
    """Clenshaw–Curtis weights times N(z; 0, 1), (P, 33)."""
    density = torch.exp(-0.5 * panel_nodes(left, width).square()) / math.sqrt(2.0 * math.pi)
    return density * WEIGHTS * (0.5 * width.unsqueeze(-1))


def _end(values: Tensor, weights: Tensor, samples: int) -> float:
    """The u from which on E[exp(−e^u p̂)] leaves no area, to within one; inf if p̂ may be zero.

    It must have fallen so far that, were it to stay there over all the nats that ℓ spans, less
    than exp(−BELOW) would come together.
    """
    top, bottom = float(values.max()), float(values.min())
    if bottom == -math.inf:
        return math.inf
    enough = -BELOW - math.log1p(top - bottom)
    low, high = -top, 4.0 + math.log(samples) - bottom  # at high, every term is below exp(−e⁴)
    while high - low > 1.0:
        middle = torch.full((1,), 0.5 * (low + high), dtype=torch.float64)
        gone = float(_log_laplace(middle, values, weights, samples)) < enough
        low, high = (low, float(middle)) if gone else (float(middle), high)
    return high


def _log_laplace(u: Tensor, values: Tensor, weights: Tensor, samples: int) -> Tensor:
    """log E[exp(−e^u p̂)] = S log(1 − m(u)), (U,), for ascending u (U,).

    1 − exp(−e^y) is one to rounding from y = CERTAIN on and counts for nothing below −NOTHING, so
    that for each stretch of u only a window of the sorted values is looked at.
    """
    values, order = values.sort()
    weights = weights[order]
    above = torch.cat(
        [weights.flip(0).cumsum(0).flip(0), torch.zeros(1).double()]
    )  # mass from i on
    missing = []
    for some in torch.split(u - math.log(samples), ROWS):
        window = torch.stack([-NOTHING - some[-1], CERTAIN - some[0]])
        first, last = torch.searchsorted(values, window).tolist()
        seen = -torch.expm1(-(some.unsqueeze(-1) + values[first:last]).exp())  # (rows, window)
        missing.append(seen @ weights[first:last] + above[last])
    # m is a mean of numbers up to one; rounding in the weights alone takes it above.
    return samples * torch.log1p(-torch.cat(missing).clamp(max=1.0))
