"""The expected log of a mean of K random weights: an expectation over K draws, as one integral."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from course_lib.arguments import DOUBLE, require_count, require_no_nan

NEVER = -50.0  # an event of log probability below this ends the integral
CERTAIN = 4.0  # nats: e^(−e⁴) = 2e-24
ROWS = 32  # values of t taken together
STEP = 0.25  # of log t: the error of the trapezoid rule falls like e^(−10/STEP)
LOG_SPAN = 37.0  # e^−37 is below the rounding of one


class WeightedPoints(NamedTuple):
    """n values of log w in ascending order, the logs of their probabilities, and running sums.

    log_weights, log_probs: (n,). at_least: P(w ≥ each), with a zero at the end, (n + 1,).
    Made by `of`.
    """

    log_weights: Tensor
    log_probs: Tensor
    at_least: Tensor

    @classmethod
    def of(cls, log_weights: Tensor, log_probs: Tensor) -> "WeightedPoints":
        """From log w (n,) in any order, with log-probabilities (n,) that sum to one."""
        ascending, order = log_weights.sort()
        log_probs = log_probs[order]
        return cls(ascending, log_probs, pad(log_probs.exp().flip(0).cumsum(0).flip(0), (0, 1)))

    def lowest(self, draws: int) -> float:
        """The least log w that `draws` draws may all stay at or below: log probability ≥ NEVER.

        A smaller one always meets a larger one in the mean, and loses its last digits beside it.
        """
        more = self.at_least[1:]  # P(w > each)
        # Each of the two keeps the digits of a probability near zero that the other loses.
        at_most = torch.where(more < 0.5, torch.log1p(-more), self.log_probs.exp().cumsum(0).log())
        return self.log_weights[at_most >= NEVER / draws][0].item()

    def one_minus_laplace(self, log_t: Tensor) -> Tensor:
        """1 − E e^(−t w) for ascending t (m,); small values keep their digits.

        Where t w is below e^−LOG_SPAN a term is t w itself, and from e^CERTAIN on it is one: for
        each stretch of t only a window of the sorted weights is looked at.
        """
        log_shares = self.log_weights + self.log_probs
        log_below = pad(log_shares.logcumsumexp(0), (1, 0), value=-math.inf)  # of E w, before each
        probs = self.log_probs.exp()
        parts = []
        for some in torch.split(log_t, ROWS):
            window = torch.stack([-LOG_SPAN - some[-1], CERTAIN - some[0]])
            first, last = torch.searchsorted(self.log_weights, window).tolist()
            exponent = some.unsqueeze(-1) + self.log_weights[first:last]  # log t w, (rows, window)
            within = -(exponent.exp_().neg().expm1_() @ probs[first:last])
            parts.append(within + self.at_least[last] + (some + log_below[first]).exp())
        return torch.cat(parts).clamp(max=1.0)  # rounding may carry the sum of probabilities past


def expected_log_mean(log_weights: Tensor, log_probs: Tensor, counts: Sequence[int]) -> Tensor:
    """L_K = E log (1/K) Σ_k w(z_k), z_1, …, z_K independent draws: exactly, for any K.  (Eq. 3.5)

    log w (n,) and log probability (n,) of each of n values of z: all the states of a discrete
    latent, or the nodes of a grid with log q(z) plus the log of the spacing. With m = E w, which
    is p(x) where w = p(x, z)/q(z),
        L_K = log m + ∫_0^∞ (e^(−t) − (E e^(−t w/(K m)))^K) dt/t.
    The draws enter as a power, so K = 2²⁰ costs no more than K = 2. The integral is taken over
    log t by the trapezoid rule; K = 1 is a plain sum.
    Returns one number in nats for each K in `counts`; −∞ if all K weights may be zero at once.
    Raises ValueError if the shapes differ, an entry is NaN, the probabilities do not sum to one
    within 1e-6, all weights are zero, or counts is empty, no sequence, or has a K below 1.
    Source: Frullani's integral, log a = ∫_0^∞ (e^(−t) − e^(−at)) dt/t.
    """
    _require_weighted_points(log_weights, log_probs)
    draws = require_draws(counts)
    numbers = torch.tensor(draws, **DOUBLE)
    possible = log_probs > -math.inf  # where q(z) = 0 no draw falls, whatever its weight
    log_probs = log_probs[possible].double().log_softmax(0)
    log_mean = torch.logsumexp(log_weights[possible].double() + log_probs, 0)
    if not math.isfinite(log_mean.item()):
        raise ValueError(f"log_weights must have a positive, finite mean, got log {log_mean:g}")
    scaled = log_weights[possible].double() - log_mean  # log w/m
    if bool((scaled == -math.inf).any()):
        return torch.full_like(numbers, -math.inf)
    single = (log_probs.exp() * scaled).sum()
    points = WeightedPoints.of(scaled, log_probs)
    log_t = _nodes(points, [max(count, 2) for count in draws])
    missing = points.one_minus_laplace(log_t)  # (m,)
    powers = numbers.unsqueeze(-1)
    nothing = missing == 1  # all weights there: no power is left, and no slope
    power = torch.exp(powers * torch.log1p(-missing.masked_fill(nothing, 0.0)))
    integrand = torch.exp(-powers * log_t.exp()) - power.masked_fill(nothing, 0.0)
    return log_mean + torch.where(numbers == 1, single, STEP * integrand.sum(-1))


def require_draws(counts: Sequence[int]) -> list[int]:
    """Raises ValueError unless `counts` is a non-empty sequence of whole numbers of at least 1."""
    if not isinstance(counts, Sequence) or not counts:
        raise ValueError(f"counts must be a sequence of one K or more, got {counts!r}")
    return [require_count("K", k) for k in counts]


def _nodes(points: WeightedPoints, draws: Sequence[int]) -> Tensor:
    """log t from where both terms are one to where K weights would have to be small together."""
    lowest = min(points.lowest(min(draws)), 0.0)
    low, high = -math.log(max(draws)) - LOG_SPAN, math.log(LOG_SPAN) - lowest
    return torch.arange(low, high + STEP, STEP, **DOUBLE)


def _require_weighted_points(log_weights: Tensor, log_probs: Tensor) -> None:
    """Raises ValueError unless the two are (n,) and the probabilities sum to one within 1e-6."""
    if log_weights.ndim != 1 or log_weights.shape != log_probs.shape or not len(log_probs):
        raise ValueError(
            f"log_weights and log_probs must have one shape (n,), got {tuple(log_weights.shape)} "
            f"and {tuple(log_probs.shape)}"
        )
    require_no_nan("log_weights", log_weights)
    require_no_nan("log_probs", log_probs)
    total = torch.logsumexp(log_probs.double(), 0).exp().item()
    if not abs(total - 1.0) < 1e-6:
        raise ValueError(f"log_probs must be those of probabilities that sum to 1, got {total}")
