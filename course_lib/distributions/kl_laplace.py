"""KL between double exponentials and Gaussians with independent coordinates, (*batch,) nats."""

import math

import torch
from torch import Tensor

from course_lib.distributions.diagonal_gaussian import HALF_LOG_TWO_PI, DiagonalGaussian
from course_lib.distributions.exp_remainder import exp_remainder
from course_lib.distributions.laplace import Laplace
from course_lib.distributions.location_scale import divided_by_scale

FAR = 100.0  # standard deviations: e^(−5000) is 0 in every precision, and erf is 1


def kl_laplace(q: Laplace, p: Laplace) -> Tensor:
    """Σ_d [(e^r − 1 − r) + δ g(t)], g(t) = 1 − (1 − e^(−t))/t, with r = log b_q/b_p.

    δ and t are |m_q − m_p| over b_p and over b_q. This is the textbook's
    log b_p/b_q + (b_q e^(−t) + |m_q − m_p|)/b_p − 1, in terms that are never negative, and none of
    them 0 · ∞ however narrow q is. Source: Gil, Alajaji & Linder 2013, table 2.
    """
    away = (q.mean - p.mean).abs()
    delta, t = divided_by_scale(away, p.log_scale), divided_by_scale(away, q.log_scale)
    near = t < 1
    small, large = t.masked_fill(~near | (t == 0), 1.0), t.masked_fill(near, 1.0)
    share = torch.where(near, exp_remainder(-small) / small, 1 + (-large).expm1() / large)
    # Where g(t) is no float but 0, q is so wide that the first term is all that counts.
    moved = torch.where((t > 0) & (share > 0), delta, 0.0) * share
    return (exp_remainder(q.log_scale - p.log_scale) + moved).sum(-1)


def kl_laplace_gaussian(q: Laplace, p: DiagonalGaussian) -> Tensor:
    """Σ_d {[2b² + (m − μ)²]/2σ² + ½ log 2πσ² − 1 − log 2b}: q Laplace(m, b), p N(μ, σ²)."""
    spread = (2 * (q.log_scale - p.log_std)).exp()  # b²/σ²
    shift = divided_by_scale(q.mean - p.mean, p.log_std)
    constant = HALF_LOG_TWO_PI - 1.0 - math.log(2.0)
    return (spread + 0.5 * shift.square() + p.log_std - q.log_scale + constant).sum(-1)


def kl_gaussian_laplace(q: DiagonalGaussian, p: Laplace) -> Tensor:
    """Σ_d {E|z − m|/b + log 2b − ½ log 2πeσ²}: q N(μ, σ²), p Laplace(m, b).

    E|z − m|/b = (|μ − m|/b) erf(a/√2) + (σ/b) √(2/π) e^(−a²/2), a = |μ − m|/σ.
    """
    away, ratio = (q.mean - p.mean).abs(), q.log_std - p.log_scale
    delta = divided_by_scale(away, p.log_scale)
    a = divided_by_scale(away, q.log_std).clamp(max=FAR)
    # Where a is no float but 0, q is so wide that the second term is all that counts.
    beyond = torch.where(a > 0, delta, 0.0) * torch.special.erf(a / math.sqrt(2))
    within = math.sqrt(2 / math.pi) * (ratio - 0.5 * a.square()).exp()
    constant = math.log(2.0) - HALF_LOG_TWO_PI - 0.5
    total: Tensor = (beyond + within - ratio + constant).sum(-1)
    return total
