"""KL between double exponentials and Gaussians with independent coordinates, (*batch,) nats."""

import math

import torch
from torch import Tensor

from course_lib.distributions.diagonal_gaussian import (
    HALF_LOG_TWO_PI,
    DiagonalGaussian,
    divided_by_std,
)
from course_lib.distributions.exp_remainder import exp_remainder
from course_lib.distributions.laplace import Laplace


def kl_laplace(q: Laplace, p: Laplace) -> Tensor:
    """Σ_d [(e^r − 1 − r) + e^r (e^(−t) − 1 + t)], r = log b_q/b_p, t = |m_q − m_p|/b_q.

    The textbook's log b_p/b_q + (b_q e^(−t) + |m_q − m_p|)/b_p − 1, in terms that are never
    negative. Source: Gil, Alajaji & Linder 2013, table 2.
    """
    r = q.log_scale - p.log_scale
    t = divided_by_std((q.mean - p.mean).abs(), q.log_scale)
    return (exp_remainder(r) + r.exp() * exp_remainder(-t)).sum(-1)


def kl_laplace_gaussian(q: Laplace, p: DiagonalGaussian) -> Tensor:
    """Σ_d {[2b² + (m − μ)²]/2σ² + ½ log 2πσ² − 1 − log 2b}: q Laplace(m, b), p N(μ, σ²)."""
    spread = (2 * (q.log_scale - p.log_std)).exp()  # b²/σ²
    shift = divided_by_std(q.mean - p.mean, p.log_std)
    constant = HALF_LOG_TWO_PI - 1.0 - math.log(2.0)
    return (spread + 0.5 * shift.square() + p.log_std - q.log_scale + constant).sum(-1)


def kl_gaussian_laplace(q: DiagonalGaussian, p: Laplace) -> Tensor:
    """Σ_d {E|z − m|/b + log 2b − ½ log 2πeσ²}: q N(μ, σ²), p Laplace(m, b).

    E|z − m| = σ [√(2/π) e^(−a²/2) + a erf(a/√2)], a = |μ − m|/σ.
    """
    a = divided_by_std((q.mean - p.mean).abs(), q.log_std)
    folded = math.sqrt(2 / math.pi) * torch.exp(-0.5 * a.square())  # E|z − m|/σ, at first near m
    folded = folded + a * torch.special.erf(a / math.sqrt(2))
    ratio = q.log_std - p.log_scale
    constant = math.log(2.0) - HALF_LOG_TWO_PI - 0.5
    total: Tensor = (ratio.exp() * folded - ratio + constant).sum(-1)
    return total
