"""The ELBO of any latent model and any q, its terms, and the plainest estimate of log p(x)."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from course_lib.arguments import (
    require_broadcastable,
    require_event,
    require_finite,
    require_log,
    require_nonempty,
    require_tensor,
)
from course_lib.distributions import Distribution, kl_divergence
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
    kl = kl_divergence(q, model.prior)
    return ElboTerms(reconstruction, kl.expand_as(reconstruction))


def naive_log_evidence(model: LatentModel, x: Tensor, z: Tensor) -> Tensor:
    """log p̂(x), p̂(x) = (1/S) Σ p(x|z_i) with z_i ~ p(z) along the leading axis.  (Eq. 1.3)

    p̂ is unbiased for p(x); its log is not: it falls short on average. z (S, *batch, d). Returns
    (*batch,) nats. Raises ValueError if z is empty or has no sample axis, or the decoder gives NaN
    or +∞.
    """
    _require_tensor("z", z)
    _require_tensor("x", x)
    given = model.decoder(z)
    _require_sample_axis(model, given, x, z, model.prior.batch_shape)
    return torch.logsumexp(_log_likelihood(given, x), 0) - math.log(z.shape[0])


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
