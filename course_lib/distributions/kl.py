"""KL(q ‖ p) for every pair of distributions that has a closed form."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_lib.arguments import require_broadcastable
from course_lib.distributions.base import Distribution
from course_lib.distributions.bernoulli import Bernoulli
from course_lib.distributions.binomial import Binomial
from course_lib.distributions.categorical import Categorical
from course_lib.distributions.continuous_bernoulli import ContinuousBernoulli
from course_lib.distributions.diagonal_gaussian import DiagonalGaussian
from course_lib.distributions.exp_remainder import exp_remainder
from course_lib.distributions.full_gaussian import FullGaussian, Gaussian
from course_lib.distributions.kl_laplace import kl_gaussian_laplace, kl_laplace, kl_laplace_gaussian
from course_lib.distributions.laplace import Laplace
from course_lib.distributions.location_scale import divided_by_scale
from course_lib.distributions.log_probs import relative_entropy_terms

FAR = 100.0  # of a ContinuousBernoulli's logit: what is left of exp(−FAR) is nothing beside 1


def kl_divergence(q: Distribution, p: Distribution) -> Tensor:
    """KL(q ‖ p) = E_q[log q(x) − log p(x)] ≥ 0, in closed form.  (Eq. 4.1)

    q, p: distributions over events of one shape, whose batches broadcast. Any two Gaussians,
    diagonal or full, have a closed form; so have two of one kind among Bernoulli,
    ContinuousBernoulli, Binomial (with one total_count), Categorical and Laplace, and a Laplace
    with a DiagonalGaussian.
    Returns (*batch,) nats: 0 when the two are equal, never below it but for rounding, and +inf
    where q has mass that p has not.
    Raises ValueError if the pair has no closed form here, or the shapes do not fit.
    """
    formula = _FORMULAS.get((type(q), type(p)))
    if formula is None:
        raise ValueError(
            f"KL({type(q).__name__} ‖ {type(p).__name__}) has no closed form here; "
            f"average q.log_prob(x) - p.log_prob(x) over samples x of q instead"
        )
    if q.event_shape != p.event_shape:
        raise ValueError(
            f"events {tuple(q.event_shape)} of q and {tuple(p.event_shape)} of p differ"
        )
    require_broadcastable("q's batch", q.batch_shape, "p's batch", p.batch_shape)
    return formula(q, p)


def has_kl_divergence(q: Distribution, p: Distribution) -> bool:
    """Whether `kl_divergence` has a closed form for two of these kinds."""
    return (type(q), type(p)) in _FORMULAS


def kl_diagonal(q: DiagonalGaussian, p: DiagonalGaussian) -> Tensor:
    """½ Σ_d [(e^r_d − 1 − r_d) + ((μ_q − μ_p)/σ_p)²], r = log σ_q²/σ_p².  (Eq. 4.3)

    This is the textbook ½ Σ [σ_q²/σ_p² + ((μ_q − μ_p)/σ_p)² − 1 − log σ_q²/σ_p²], arranged so
    that nothing cancels, however close the two are. Returns (*batch,) nats.
    Source: Kingma & Welling 2014, appendix B, for p = N(0, I).
    """
    log_ratio = 2.0 * (q.log_std - p.log_std)
    shift = divided_by_scale(q.mean - p.mean, p.log_std)
    return 0.5 * (exp_remainder(log_ratio) + shift.square()).sum(-1)


def kl_full(q: Gaussian, p: Gaussian) -> Tensor:
    """½ [tr(Σ_p⁻¹Σ_q) − D − log|Σ_q|/|Σ_p| + (μ_q−μ_p)ᵀ Σ_p⁻¹ (μ_q−μ_p)].  (Eq. 4.4)

    With A = L_p⁻¹ L_q, lower triangular, the first three terms are
    Σ_d [A_dd² − 1 − log A_dd²] + Σ_{i>j} A_ij²: a sum of terms that are never negative.
    q, p: DiagonalGaussian or FullGaussian. Returns (*batch,) nats.
    """
    below = p.whiten(_below_diagonal(q, p))
    shift = p.whiten((q.mean - p.mean).unsqueeze(-1)).squeeze(-1)  # (*batch, D)
    widths = exp_remainder(2.0 * _log_ratio(q, p)).sum(-1) + below.square().sum((-2, -1))
    return 0.5 * (widths + shift.square().sum(-1))


def kl_bernoulli(q: Bernoulli, p: Bernoulli) -> Tensor:
    """Σ_d [q_d log(q_d/p_d) + (1 − q_d) log((1 − q_d)/(1 − p_d))], 0 log 0 = 0.  (Eq. 4.5)

    Returns (*batch,) nats; +inf where p excludes what q allows.
    """
    return _flip_terms(q, p).sum(-1)


def kl_binomial(q: Binomial, p: Binomial) -> Tensor:
    """n times the KL of one flip, (*batch,) nats. Raises ValueError if total_count differs."""
    if q.total_count != p.total_count:
        raise ValueError(f"total_count {q.total_count} of q and {p.total_count} of p must be equal")
    return q.total_count * _flip_terms(q, p).sum(-1)


def kl_categorical(q: Categorical, p: Categorical) -> Tensor:
    """Σ_k q_k log(q_k/p_k), with 0 log 0 = 0.  (Eq. 4.6)

    Returns (*batch,) nats; +inf where p excludes a category that q allows.
    Raises ValueError if the numbers of categories differ.
    """
    sizes = q.log_probs.shape[-1], p.log_probs.shape[-1]
    if sizes[0] != sizes[1]:
        raise ValueError(f"q has {sizes[0]} categories and p has {sizes[1]}; they must match")
    return relative_entropy_terms(q.log_probs, p.log_probs).sum(-1)


def kl_continuous_bernoulli(q: ContinuousBernoulli, p: ContinuousBernoulli) -> Tensor:
    """Σ_d {(η_q − η_p) E_q[x] − A(η_q) + A(η_p)}, A(η) = log ∫₀¹ e^{ηu} du; (*batch,) nats.

    Each A is taken around its distribution's pivot e, A(η) = η e + B(η), and E_q[x] around q's,
    so that large logits of one sign do not cancel. Close logits would: with δ = η_p − η_q, the
    same is δ² ∫₀¹ (1 − t) Var(η_q + tδ) dt, smooth and positive.
    """
    change = (q.logits - p.logits) * q.mean_from_pivot - p.logits * (q.pivot - p.pivot)
    apart = change - q.log_normaliser + p.log_normaliser
    delta = p.logits - q.logits  # (*batch, D)
    # The variance falls like 1/η²: what is close is a matter of scale where logits are large.
    reach = (0.25 * torch.minimum(q.logits.abs(), p.logits.abs())).clamp(min=1.0)
    near = delta.abs() < reach
    delta = delta.masked_fill(~near, 0.0)
    nodes, weights = (part.to(delta) for part in _TAYLOR)
    between = q.logits.unsqueeze(-1) + delta.unsqueeze(-1) * nodes  # (*batch, D, 6)
    # Beyond FAR the variance is 1/η², which no float may hold; δ² Var(η) = (δ FAR/η)² Var(FAR).
    shrunk = FAR * (delta.unsqueeze(-1) / between.abs().clamp(min=FAR))
    curve = ContinuousBernoulli(between.clamp(-FAR, FAR)).variance
    return torch.where(near, (shrunk.square() * curve) @ weights, apart).sum(-1)


def _below_diagonal(q: Gaussian, p: Gaussian) -> Tensor:
    """L_q − L_p diag(A) below the diagonal: L_p⁻¹ turns it into A there. Exactly 0 when q = p.

    As (L_q − L_p) − L_p (diag(A) − 1), in which near neighbours are subtracted without rounding.
    """
    q_factor, p_factor = q.scale_tril, p.scale_tril
    if isinstance(p, DiagonalGaussian):
        return q_factor.tril(-1)
    q_diagonal, p_diagonal = (_diagonal(factor) for factor in (q_factor, p_factor))
    change = (q_diagonal - p_diagonal) / p_diagonal  # A_dd − 1
    return (q_factor - p_factor - p_factor * change.unsqueeze(-2)).tril(-1)


def _log_ratio(q: Gaussian, p: Gaussian) -> Tensor:
    """log A_dd, (*batch, D); from the difference of the two where both are known as numbers."""
    far = q.log_diagonal - p.log_diagonal
    if isinstance(q, DiagonalGaussian) or isinstance(p, DiagonalGaussian):
        return far  # here the logs are the parameters
    change = (_diagonal(q.scale_tril) - _diagonal(p.scale_tril)) / _diagonal(p.scale_tril)
    near = change.abs() < 0.5
    return torch.where(near, change.masked_fill(~near, 0.0).log1p(), far)


def _flip_terms(q: Bernoulli | Binomial, p: Bernoulli | Binomial) -> Tensor:
    """The KL of one flip of each coin, (*batch, D).

    Close logits, δ = η_p − η_q, give log p/q = −log[1 + (1 − q)(e^(−δ) − 1)] for heads and
    −log[1 + q (e^δ − 1)] for tails, which keep the digits that the two logs would lose.
    """
    apart = relative_entropy_terms(q.log_probs, p.log_probs).sum(0)
    delta = p.logits - q.logits
    near = delta.abs() < 1.0  # false where both are infinite, and the difference NaN
    if not bool(near.any()):
        return apart
    delta = delta.masked_fill(~near, 0.0)
    heads, tails = q.logits.sigmoid(), (-q.logits).sigmoid()
    close = heads * exp_remainder(-(tails * (-delta).expm1()).log1p())
    close = close + tails * exp_remainder(-(heads * delta.expm1()).log1p())
    return torch.where(near, close, apart)


def _diagonal(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1)


def _taylor_rule() -> tuple[Tensor, Tensor]:
    """Six nodes in [0, 1] and weights for ∫₀¹ (1 − t) f(t) dt, by Gauss and Legendre."""
    points, weights = np.polynomial.legendre.leggauss(6)
    nodes = torch.from_numpy(points + 1) / 2
    return nodes, (1 - nodes) * torch.from_numpy(weights) / 2


with torch.inference_mode(False):  # kept for later calls, which may want slopes
    _TAYLOR = _taylor_rule()


_FORMULAS: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {
    (DiagonalGaussian, DiagonalGaussian): kl_diagonal,
    (DiagonalGaussian, FullGaussian): kl_full,
    (FullGaussian, DiagonalGaussian): kl_full,
    (FullGaussian, FullGaussian): kl_full,
    (Bernoulli, Bernoulli): kl_bernoulli,
    (ContinuousBernoulli, ContinuousBernoulli): kl_continuous_bernoulli,
    (Binomial, Binomial): kl_binomial,
    (Categorical, Categorical): kl_categorical,
    (Laplace, Laplace): kl_laplace,
    (Laplace, DiagonalGaussian): kl_laplace_gaussian,
    (DiagonalGaussian, Laplace): kl_gaussian_laplace,
}
