"""The evidence lower bound, its terms, its importance-weighted kin, and its gap, in nats.

A latent model is anything with a `prior` and a `decoder`: the exact worlds, the VAEs, or your own
two-line class. Samples lead: z (*samples, *batch, d) and x (*batch, D) give (*samples, *batch).
Per example, too; every bound goes up when it improves.

    >>> import torch
    >>> from course_lib.bounds import importance_weighted_bound
    >>> importance_weighted_bound(torch.tensor([1.0, 3.0]).log())  # log 2, the log of the mean
    tensor(0.6931)
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from course_lib.arguments import (
    Numbers,
    as_double,
    require_broadcastable,
    require_count,
    require_event,
    require_finite,
    require_log,
    require_nonempty,
    require_tensor,
)
from course_lib.distributions import Distribution, Gaussian, expectation, kl_divergence
from course_lib.distributions.base import require_distribution


class LatentModel(Protocol):
    """p(x, z) = p(x|z) p(z), as two distributions."""

    @property
    def prior(self) -> Distribution:
        """p(z), batch shape ()."""
        ...

    def decoder(self, z: Tensor, /) -> Distribution:
        """p(x|z) for z (*samples, *batch, d), batch shape (*samples, *batch)."""
        ...


@dataclass(frozen=True)
class ElboTerms:
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
    p(x, z) = 0. Raises ValueError if z is empty or does not fit q, if q(z) = 0, or if the decoder
    gives NaN or +∞.
    """
    _require_samples(q, x, z)
    return _log_weights(model, q, x, z, model.decoder(z))


def elbo(model: LatentModel, q: Distribution, x: Tensor, z: Tensor) -> Tensor:
    """ELBO = E_q[log p(x, z) − log q(z)], averaged over leading samples z ~ q.  (Eq. 3.2)

    z (S, *batch, d). Returns (*batch,) nats: an unbiased estimate, which may lie above log p(x) by
    chance. Raises ValueError as `log_weights` does, and if z has no sample axis.
    """
    _require_samples(q, x, z)
    given = model.decoder(z)
    _require_sample_axis(model, given, x, z, q.batch_shape)
    return _log_weights(model, q, x, z, given).mean(dim=0)


def terms(model: LatentModel, q: Distribution, x: Tensor, z: Tensor) -> ElboTerms:
    """E_q log p(x|z), averaged over samples z ~ q, and KL(q ‖ p(z)) in closed form.  (Eq. 3.3)

    z (S, *batch, d). Returns ElboTerms of (*batch,) nats. Raises ValueError if the KL has no closed
    form, z is empty, has no sample axis or does not fit q, or the decoder gives NaN or +∞.
    """
    _require_samples(q, x, z)
    given = model.decoder(z)
    _require_sample_axis(model, given, x, z, q.batch_shape)
    reconstruction = _log_likelihood(given, x).mean(dim=0)
    return ElboTerms(reconstruction, kl_divergence(q, model.prior))


def importance_weighted_bound(log_weights: Tensor, dim: int = 0) -> Tensor:
    """L_K = E log (1/K) Σ_k w(z_k): one estimate, from K log-weights along `dim`.  (Eq. 3.4)

    K = 1 is the ELBO; L_K never falls with K, and reaches log p(x) where w has a finite mean.
    Returns the shape without `dim`, in nats. Raises ValueError if K < 1 or a log-weight is NaN or
    +∞. Source: Burda, Grosse & Salakhutdinov 2016.
    """
    count = _require_log_weights(log_weights, dim)
    return torch.logsumexp(log_weights, dim) - math.log(count)


def effective_sample_size(log_weights: Tensor, dim: int = 0) -> Tensor:
    """ESS = (Σ w)² / Σ w², from 1 to K: so many equal weights are worth as much.  (Eq. 3.6)

    Returns the shape without `dim`. Raises ValueError if K < 1, a log-weight is NaN or +∞, or
    all are −∞.
    """
    _require_log_weights(log_weights, dim)
    _require_some_weight(log_weights, dim)
    normalised = torch.log_softmax(log_weights, dim)
    return torch.exp(-torch.logsumexp(2 * normalised, dim))


def naive_log_evidence(model: LatentModel, x: Tensor, z: Tensor) -> Tensor:
    """log p̂(x), p̂(x) = (1/S) Σ p(x|z_i) with z_i ~ p(z) along the leading axis.  (Eq. 1.5)

    p̂ is unbiased for p(x); its log is not: it falls short on average. z (S, *batch, d). Returns
    (*batch,) nats. Raises ValueError if z is empty or has no sample axis, or the decoder gives NaN
    or +∞.
    """
    _require_tensor("z", z)
    _require_tensor("x", x)
    given = model.decoder(z)
    _require_sample_axis(model, given, x, z, model.prior.batch_shape)
    return torch.logsumexp(_log_likelihood(given, x), 0) - math.log(z.shape[0])


def candidate_log_evidence(log_joint: Numbers, log_posterior: Numbers) -> Tensor:
    """log p(x) = log p(x, z) − log p(z|x): the same number at every z.  (Eq. 2.3)

    Knowing the posterior's density at one point is knowing the evidence. Shapes broadcast; nats.
    Raises ValueError if they do not, on NaN and +∞, and where the posterior's density is zero.
    Source: Chib 1995, who calls it the basic marginal likelihood identity.
    """
    joint = require_log("log_joint", as_double("log_joint", log_joint))
    posterior = require_finite("log_posterior", as_double("log_posterior", log_posterior))
    require_broadcastable("log_joint", joint.shape, "log_posterior", posterior.shape)
    return require_nonempty("log_joint - log_posterior", joint - posterior)


def self_normalised_expectation(log_weights: Tensor, values: Tensor) -> Tensor:
    """E_{p(z|x)} f(z) ≈ Σ w_i f(z_i) / Σ w_i with z_i ~ q: p(x) cancels.  (Eq. 2.6)

    log_weights (S, *batch), values (S, *batch), finite. Returns (*batch,), biased of order 1/S.
    Raises ValueError if S < 1, the shapes do not fit, a log-weight is NaN or +∞, or all are −∞.
    """
    _require_log_weights(log_weights, 0)
    _require_some_weight(log_weights, 0)
    require_finite("values", values)
    require_broadcastable("log_weights", log_weights.shape, "values", values.shape)
    return (torch.softmax(log_weights, 0) * values).sum(0)


def gap(q: Distribution, posterior: Distribution) -> Tensor:
    """KL(q ‖ p(z|x)), which is log p(x) − ELBO(q) exactly where it is finite.  (Eq. 4.2)

    If the KL or the ELBO is finite, so is the other. Where q has mass that the posterior has not,
    or tails so much heavier as a Cauchy's are beside a Gaussian's, the KL is +∞, the ELBO −∞, and
    their sum says nothing. Closed form where there is one, else quadrature over a one-dimensional
    q. Returns (*batch,) nats, ≥ 0.
    """
    require_distribution("q", q)
    require_distribution("posterior", posterior)
    if isinstance(q, Gaussian) and isinstance(posterior, Gaussian):
        return kl_divergence(q, posterior)
    if isinstance(q, Gaussian) and q.event_shape == (1,):
        return expectation(q, lambda z: q.log_prob(z) - posterior.log_prob(z))
    return kl_divergence(q, posterior)


def bits_per_dimension(log_evidence: Numbers, dimensions: int, *, levels: int = 1) -> Tensor:
    """−log p(x) / (D log 2), and log₂ of the levels more: nats per image into bits per number.

    log_evidence: log p(x) or a bound on it, any shape, nats. dimensions: D, the numbers in one x.
    levels: how many values a number had before it was scaled to [0, 1], 256 for bytes; then the
    density, of x scaled and dequantised, is turned into the probability of the original bytes.
    Leave it at 1 for a log-probability, as of black and white pixels. Returns that shape.
    Raises ValueError if an entry is not finite or a count below 1.
    Source: Theis, van den Oord & Bethge 2016, section 3.1.
    """
    value = require_finite("log_evidence", as_double("log_evidence", log_evidence))
    scale = require_count("dimensions", dimensions) * math.log(2)
    return math.log2(require_count("levels", levels)) - value / scale


def _log_weights(
    model: LatentModel, q: Distribution, x: Tensor, z: Tensor, given: Distribution
) -> Tensor:
    """`log_weights`, where given is p(x|z) at these z. Raises ValueError if q(z) = 0."""
    log_joint = _log_likelihood(given, x) + model.prior.log_prob(z)
    return log_joint - require_finite("q.log_prob(z)", q.log_prob(z))


def _log_likelihood(given: Distribution, x: Tensor) -> Tensor:
    """log p(x|z) of given = p(x|z). Raises ValueError if the decoder makes it NaN or +∞."""
    return require_log("the decoder's log p(x|z)", given.log_prob(x))


def _require_sample_axis(
    model: LatentModel, given: Distribution, x: Tensor, z: Tensor, batch: torch.Size
) -> None:
    """Raises ValueError unless z leads with an axis more than `batch`, its source's, and x have."""
    data_axes = max(len(batch), x.ndim - len(given.event_shape))
    if z.ndim - len(model.prior.event_shape) <= data_axes:
        raise ValueError(
            "z must lead with a sample axis, such as q.rsample((1,), generator=…), got "
            f"z {tuple(z.shape)} for x {tuple(x.shape)} and a q of batch {tuple(batch)}"
        )


def _require_tensor(name: str, value: Tensor) -> None:
    """Raises ValueError unless `value` holds finite numbers; states may be integers."""
    require_nonempty(name, require_tensor(name, value))
    if value.is_floating_point():
        require_finite(name, value)


def _require_samples(q: Distribution, x: Tensor, z: Tensor) -> None:
    """Raises ValueError unless z (*samples, *batch, *event) fits q, and x and z are finite."""
    _require_tensor("z", z)
    require_distribution("q", q)
    if q.event_shape:
        require_event("z", z, q.event_shape[-1])
    batch = z.shape[: z.ndim - len(q.event_shape)]
    require_broadcastable("z", batch, "q's batch", q.batch_shape)
    _require_tensor("x", x)


def _require_log_weights(log_weights: Tensor, dim: int) -> int:
    """K, their number along `dim`. Raises ValueError if it is 0, or one is NaN or +∞."""
    require_log("log_weights", log_weights)
    shape = tuple(log_weights.shape)
    if dim not in range(-len(shape), len(shape)):
        raise ValueError(f"dim must be an axis of log_weights {shape}, got {dim}")
    count = require_count("K", shape[dim])
    require_nonempty("log_weights", log_weights)
    return count


def _require_some_weight(log_weights: Tensor, dim: int) -> None:
    """Raises ValueError if all weights along `dim` are zero: they cannot be normalised."""
    if bool((log_weights.amax(dim) == -math.inf).any()):
        raise ValueError("log_weights must hold one finite entry along each row, got only -inf")
