"""The score function for coins, which no reparameterization reaches, and what it estimates."""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.arguments import require_event, require_nonempty, require_number
from course_lib.distributions import Bernoulli
from course_lib.gradients.estimators import Function, one_each

MOST_COINS = 16  # whose states are enumerated


@dataclass(frozen=True)
class CoinGradient:
    """∂ E_q f(z)/∂ logit_d, exactly, for coins q: everything (D,).

    variance: of a single sample of `coin_score_function`. best_baseline: the b with the least; of
    a coin that is certain, where every b has none, the limit.
    """

    gradient: Tensor
    variance: Tensor
    best_baseline: Tensor


def coin_score_function(f: Function, q: Bernoulli, z: Tensor, *, baseline: float = 0.0) -> Tensor:
    """(f(z) − b)(z_d − p_d), the score function's estimate of ∂ E_q f(z)/∂ logit_d, (S, D).

    q: D coins, batch (). z: draws from q, (S, D) of zeros and ones. f: from (S, D) to (S,), only
    evaluated. Unbiased for any constant b, since E_q (z_d − p_d) = 0.
    Raises ValueError if the shapes do not fit or baseline is no finite number.
    Source: Williams 1992; Mnih & Gregor 2014.
    """
    _require_coins(q)
    baseline = require_number("baseline", baseline)
    require_nonempty("z", require_event("z", z, q.event_shape[0]))
    q.log_prob(z)  # says so if one is neither 0 nor 1
    with torch.no_grad():
        values = one_each(f, z, z.shape[:-1]).to(z) - baseline
    return values.unsqueeze(-1) * (z - q.mean.detach())


def coin_gradient(f: Function, q: Bernoulli, *, baseline: float = 0.0) -> CoinGradient:
    """The gradient and the variance of one sample of it, by enumeration of all 2^D states.

    For one coin: gradient p(1 − p)(f(1) − f(0)), variance p(1 − p)[(1 − p)f(1) + p f(0) − b]², and
    none at all with the best baseline b = (1 − p)f(1) + p f(0): E f with p turned into 1 − p, as
    it is for each of several. q, f: as for `coin_score_function`. Raises ValueError if D > 16.
    """
    size = _require_coins(q)
    if size > MOST_COINS:
        raise ValueError(f"q must have at most {MOST_COINS} coins to enumerate, got {size}")
    numbers = torch.arange(2**size, device=q.logits.device)
    states = (numbers.unsqueeze(-1) >> numbers[:size] & 1).to(q.logits)
    mass = q.log_prob(states).exp().detach().unsqueeze(-1)  # (2^D, 1)
    estimate = coin_score_function(f, q, states, baseline=baseline)
    gradient = (mass * estimate).sum(0)
    variance = (mass * (estimate - gradient).square()).sum(0)
    signs = mass.new_ones(size, size).fill_diagonal_(-1.0)  # in each row one coin is turned
    turned = [Bernoulli(row * q.logits.detach()).log_prob(states).exp() for row in signs]
    best = torch.stack(turned) @ one_each(f, states, states.shape[:-1]).to(mass)
    return CoinGradient(gradient, variance, best)


def _require_coins(q: Bernoulli) -> int:
    """D. Raises ValueError unless q is a Bernoulli with batch ()."""
    if not isinstance(q, Bernoulli) or q.batch_shape:
        raise ValueError(f"q must be a Bernoulli with batch (), got {q!r}")
    return q.event_shape[0]
