"""The evidence lower bound, its terms, its importance-weighted kin, and its gap: per example, in
nats.

A latent model is anything with a `prior` and a `decoder`: the exact worlds, the VAEs, or your own
two-line class. Samples lead: z (*samples, *batch, d) and x (*batch, D) give (*samples, *batch).
Every bound goes up when it improves.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from course_lib.arguments import require_count, require_event, require_nonempty
from course_lib.distributions import DiagonalGaussian, Distribution, FullGaussian, kl_divergence


class LatentModel(Protocol):
    """p(x, z) = p(x|z) p(z), as two distributions."""

    @property
    def prior(self) -> Distribution:
        """p(z), batch shape ()."""
        ...

    def decoder(self, z: Tensor) -> Distribution:
        """p(x|z) for z (*samples, *batch, d), batch shape (*samples, *batch)."""
        ...


@dataclass(frozen=True)
class Terms:
    """The two terms of the ELBO, (*batch,) nats each."""

    reconstruction: Tensor
    kl: Tensor

    @property
    def elbo(self) -> Tensor:
        """E_q log p(x|z) − KL(q ‖ p(z)).  (Eq. 3.3)"""
        return self.reconstruction - self.kl


def log_weights(model: LatentModel, q: Distribution, x: Tensor, z: Tensor) -> Tensor:
    """log w(z) = log p(x|z) + log p(z) − log q(z), so that p(x) = E_q w(z).  (Eq. 3.1)

    The identity needs q(z) > 0 wherever p(x, z) > 0; where q leaves a part out, E_q w is the mass
    it covers. z (*samples, *batch, d), x (*batch, D). Returns (*samples, *batch) nats; −inf where
    p(x, z) = 0. Raises ValueError if z does not have q's event size.
    """
    if q.event_shape:
        require_event("z", z, q.event_shape[-1])
    return model.decoder(z).log_prob(x) + model.prior.log_prob(z) - q.log_prob(z)


def elbo(model: LatentModel, q: Distribution, x: Tensor, z: Tensor) -> Tensor:
    """ELBO = E_q[log p(x, z) − log q(z)], averaged over leading samples z ~ q.  (Eq. 3.2)

    z (S, *batch, d). Returns (*batch,) nats: an unbiased estimate, which may lie above log p(x) by
    chance.
    """
    require_nonempty("z", z)
    return log_weights(model, q, x, z).mean(dim=0)


def terms(model: LatentModel, q: Distribution, x: Tensor, z: Tensor) -> Terms:
    """E_q log p(x|z), averaged over samples z ~ q, and KL(q ‖ p(z)) in closed form.  (Eq. 3.3)

    z (S, *batch, d). Returns Terms of (*batch,) nats. Raises ValueError if the KL has no closed
    form.
    """
    require_nonempty("z", z)
    if q.event_shape:
        require_event("z", z, q.event_shape[-1])
    return Terms(model.decoder(z).log_prob(x).mean(dim=0), kl_divergence(q, model.prior))


def importance_weighted_bound(log_weights: Tensor, dim: int = 0) -> Tensor:
    """L_K = E log (1/K) Σ_k w(z_k): one estimate, from K log-weights along `dim`.  (Eq. 3.4)

    K = 1 is the ELBO; L_K never falls with K, and reaches log p(x) where w has a finite mean.
    Returns the shape without `dim`, in nats. Raises ValueError if K < 1 or a log-weight is NaN.
    Source: Burda, Grosse & Salakhutdinov 2016.
    """
    count = require_count("K", log_weights.shape[dim])
    _reject_nan("log_weights", log_weights)
    return torch.logsumexp(log_weights, dim) - math.log(count)


def effective_sample_size(log_weights: Tensor, dim: int = 0) -> Tensor:
    """ESS = (Σ w)² / Σ w², from 1 to K: so many equal weights are worth as much.  (Eq. 3.6)

    Returns the shape without `dim`. Raises ValueError if K < 1, a log-weight is NaN, or all are
    −inf.
    """
    require_count("K", log_weights.shape[dim])
    _reject_nan("log_weights", log_weights)
    if bool((log_weights.amax(dim) == -math.inf).any()):
        raise ValueError("log_weights must hold one finite entry along each row, got only -inf")
    normalised = torch.log_softmax(log_weights, dim)
    return torch.exp(-torch.logsumexp(2 * normalised, dim))


def naive_log_evidence(model: LatentModel, x: Tensor, z: Tensor) -> Tensor:
    """log p̂(x), p̂(x) = (1/S) Σ p(x|z_i) with z_i ~ p(z) along the leading axis.  (Eq. 1.5)

    p̂ is unbiased for p(x); its log is not: it falls short on average. z (S, *batch, d). Returns
    (*batch,) nats.
    """
    require_nonempty("z", z)
    return torch.logsumexp(model.decoder(z).log_prob(x), 0) - math.log(z.shape[0])


def candidate_log_evidence(log_joint: Tensor, log_posterior: Tensor) -> Tensor:
    """log p(x) = log p(x, z) − log p(z|x): the same number at every z.  (Eq. 2.3)

    Knowing the posterior's density at one point is knowing the evidence. Shapes broadcast; nats.
    Source: Chib 1995, who calls it the basic marginal likelihood identity.
    """
    return log_joint - log_posterior


def self_normalised_expectation(log_weights: Tensor, values: Tensor) -> Tensor:
    """E_{p(z|x)} f(z) ≈ Σ w_i f(z_i) / Σ w_i with z_i ~ q: p(x) cancels.  (Eq. 2.6)

    log_weights (S, *batch), values (S, *batch). Returns (*batch,), biased of order 1/S.
    """
    require_nonempty("log_weights", log_weights)
    _reject_nan("log_weights", log_weights)
    return (torch.softmax(log_weights, 0) * values).sum(0)


def gap(q: Distribution, posterior: Distribution) -> Tensor:
    """KL(q ‖ p(z|x)), which is log p(x) − ELBO(q) exactly.  (Eq. 4.2)

    Closed form where there is one, else quadrature over a one-dimensional q. Returns (*batch,)
    nats, ≥ 0.
    """
    gaussians = (DiagonalGaussian, FullGaussian)
    if isinstance(q, gaussians) and isinstance(posterior, gaussians):
        return kl_divergence(q, posterior)
    if isinstance(q, DiagonalGaussian) and q.event_shape == (1,):
        return expectation(q, lambda z: q.log_prob(z) - posterior.log_prob(z))
    return kl_divergence(q, posterior)


def expectation(
    q: DiagonalGaussian, f: Callable[[Tensor], Tensor], nodes: int = 4001, tolerance: float = 1e-8
) -> Tensor:
    """E_q f(z) for a one-dimensional Gaussian q, by the trapezoid rule over ±12 standard
    deviations.

    f maps z (nodes, *batch, 1) to (nodes, *batch). For smooth f the rule converges faster than any
    power of the step. Returns (*batch,); −inf if f is −inf where q has mass. Raises ValueError if q
    has more dimensions, f gives NaN, or every second node changes the result.
    """
    if q.event_shape != (1,):
        raise ValueError(
            f"expectation needs a q over one dimension, got event shape {tuple(q.event_shape)}"
        )
    require_count("nodes", nodes, least=101)
    u = torch.linspace(-12.0, 12.0, nodes | 1, dtype=q.mean.dtype)
    z = q.mean + q.std * u.reshape(-1, *[1] * q.mean.ndim)  # (nodes, *batch, 1)
    values = f(z)
    _reject_nan("f(z)", values)
    density = torch.exp(-0.5 * u**2) / math.sqrt(2 * math.pi) * (u[1] - u[0])
    weighted = density.reshape(-1, *[1] * (values.ndim - 1)) * values  # (nodes, *batch)
    fine, coarse = weighted.sum(0), 2 * weighted[::2].sum(0)
    off = (fine - coarse).abs() > tolerance * fine.abs().clamp(min=1.0)
    if bool(off.any()):
        worst = (fine - coarse).abs()[off].max().item()
        raise ValueError(
            f"quadrature has not converged: halving {nodes} nodes moves it by {worst:.3g}"
        )
    return fine


def _reject_nan(name: str, value: Tensor) -> None:
    """Raises ValueError that counts the NaN entries of `value`, if there are any."""
    count = int(torch.isnan(value).sum())
    if count:
        raise ValueError(f"{name} must hold no NaN, got {count} of {value.numel()}")
