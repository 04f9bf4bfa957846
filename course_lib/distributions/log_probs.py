"""Arithmetic with log-probabilities in which an impossible outcome, log 0 = −∞, stays exact."""

import math

import torch
from torch import Tensor

from course_lib.arguments import Numbers, as_double, require_between
from course_lib.distributions.exp_remainder import exp_remainder


def weighted(weight: Tensor, log_prob: Tensor) -> Tensor:
    """weight · log_prob with 0 · (−∞) = 0, in value and in gradient."""
    if math.isfinite(log_prob.detach().sum().item()):  # the common case: nothing is impossible
        return weight * log_prob
    return weight * log_prob.masked_fill(weight == 0, 0.0)


def logits_of(probs: Numbers) -> Tensor:
    """log p/(1 − p), −inf at probability 0 and +inf at 1; one number gives D = 1.

    Raises ValueError unless every probability lies in [0, 1].
    """
    probs = as_double("probs", probs)
    require_between("probs", probs, 0.0, 1.0, "between 0 and 1")
    return torch.logit(probs).reshape(probs.shape or (1,))


def relative_entropy_terms(log_q: Tensor, log_p: Tensor) -> Tensor:
    """q log(q/p) − q + p for each outcome, from log q and log p; +inf where p = 0 < q.

    Summed over all outcomes of two normalised distributions this is KL(q ‖ p), because the q and
    the p each sum to 1. Unlike q log(q/p), no term is negative, so nothing cancels between them:
    each is q (e^t − 1 − t) with t = log p − log q, and that is small when t is.
    """
    never = log_q == -math.inf
    outside = (log_p == -math.inf) & ~never
    ordinary = ~(never | outside)
    ratio = (log_p - log_q).masked_fill(~ordinary, 0.0)
    near = ordinary & (ratio.abs() < 1.0)
    small = ratio.masked_fill(~near, 0.0)  # keeps e^t from overflowing where it is not used
    q, p = log_q.exp(), log_p.exp()
    terms = torch.where(near, q * exp_remainder(small), p - q - q * ratio)
    return terms.masked_fill(outside, math.inf)
