"""What log-weights say by themselves: L_K, what they are worth, averages under the posterior."""

import math

import torch
from torch import Tensor

from course_lib.arguments import (
    require_broadcastable,
    require_count,
    require_finite,
    require_log,
    require_nonempty,
)


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


def self_normalised_expectation(log_weights: Tensor, values: Tensor) -> Tensor:
    """E_{p(z|x)} f(z) ≈ Σ w_i f(z_i) / Σ w_i with z_i ~ q: p(x) cancels.  (Eq. 2.6)

    log_weights (S, *batch), values (S, *batch), finite; where one batch has 1, the other may have
    more. Returns (*batch,), biased of order 1/S.
    Raises ValueError if S < 1, the shapes do not fit, a log-weight is NaN or +∞, or all are −∞.
    """
    _require_log_weights(log_weights, 0)
    _require_some_weight(log_weights, 0)
    require_finite("values", values)
    require_broadcastable("log_weights", log_weights.shape, "values", values.shape)
    if values.ndim != log_weights.ndim or len(values) != len(log_weights):  # one value, one weight
        raise ValueError(
            f"values must have shape (S, *batch), as log_weights {tuple(log_weights.shape)} have, "
            f"got {tuple(values.shape)}"
        )
    return (torch.softmax(log_weights, 0) * values).sum(0)


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
