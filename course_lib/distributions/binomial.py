"""Counts out of n: the natural likelihood of a pixel that is a number of inked cells."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from course_lib.arguments import (
    DOUBLE,
    Numbers,
    require_all,
    require_between,
    require_count,
    require_generator,
    require_shape,
)
from course_lib.distributions.base import require_outcome
from course_lib.distributions.bernoulli import require_logits, two_log_probs
from course_lib.distributions.log_probs import logits_of, weighted


class Binomial:
    """D independent counts of successes in n = total_count flips with P = 1/(1 + exp(−logits_d)).

    total_count: one whole number of at least 1. logits: (*batch, D), ±inf allowed.
    Raises ValueError on NaN, a missing event axis or another total_count.
    """

    def __init__(self, total_count: int, logits: Tensor) -> None:
        self.total_count = require_count("total_count", total_count)
        self.logits = require_logits(logits)
        self.batch_shape = logits.shape[:-1]
        self.event_shape = logits.shape[-1:]

    @classmethod
    def from_probs(cls, total_count: int, probs: Numbers) -> "Binomial":
        """From success probabilities (*batch, D) in [0, 1]; one number gives D = 1."""
        return cls(total_count, logits_of(probs))

    @property
    def mean(self) -> Tensor:
        """n p, (*batch, D)."""
        return self.total_count * self.logits.sigmoid()

    @property
    def variance(self) -> Tensor:
        """n p (1 − p), (*batch, D)."""
        return self.total_count * self.logits.sigmoid() * (-self.logits).sigmoid()

    @property
    def log_probs(self) -> Tensor:
        """log p and log(1 − p) of one flip, stacked first: (2, *batch, D)."""
        return two_log_probs(self.logits)

    def log_prob(self, value: Tensor) -> Tensor:
        """Σ_d [log C(n, x_d) + x_d log p_d + (n − x_d) log(1 − p_d)], in nats.

        value: whole numbers 0 … n, as floats, (*samples, *batch, D). Returns (*samples, *batch).
        Raises ValueError if the shapes do not fit or an entry is no such number.
        """
        require_outcome(value, self)
        require_counts("value", value, self.total_count)
        return self._log_mass(value).sum(-1)

    def sample(self, shape: Sequence[int] = (), *, generator: torch.Generator) -> Tensor:
        """Draws (*shape, *batch, D) of whole numbers, in the dtype of the logits."""
        probs = self.logits.detach().sigmoid()
        probs = probs.expand(require_shape("shape", shape) + probs.shape)
        count = torch.full_like(probs, float(self.total_count))
        return torch.binomial(count, probs, generator=require_generator(generator))

    def entropy(self) -> Tensor:
        """−Σ_d Σ_k P(x_d = k) log P(x_d = k), (*batch,) nats, by enumeration of k = 0 … n."""
        counts = torch.arange(self.total_count + 1, device=self.logits.device).to(self.logits)
        log_mass = self._log_mass(counts.reshape(-1, *[1] * self.logits.ndim))  # (n+1, *batch, D)
        return weighted(log_mass.exp(), -log_mass).sum(0).sum(-1)

    def _log_mass(self, value: Tensor) -> Tensor:
        """The log-probability of each coordinate, before the sum over the event."""
        coefficient = _log_coefficients(self.total_count).to(self.logits)[value.long()]
        success, failure = logsigmoid(self.logits), logsigmoid(-self.logits)
        return coefficient + weighted(value, success) + weighted(self.total_count - value, failure)

    def __repr__(self) -> str:
        return (
            f"Binomial(n = {self.total_count}, batch {tuple(self.batch_shape)}, "
            f"D = {self.event_shape[0]})"
        )


def require_counts(name: str, value: Tensor, most: int) -> None:
    """Raises ValueError unless every entry is one of the whole numbers 0 … most."""
    expected = f"a whole number from 0 to {most}"
    require_between(name, value, 0, most, expected)
    if not torch.equal(value, value.round()):
        require_all(name, value, value == value.round(), expected)


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # kept for later calls, which may want slopes
def _log_coefficients(n: int) -> Tensor:
    """log C(n, k) for k = 0 … n, in float64: lgamma in float32 would lose the small digits."""
    k = torch.arange(n + 1, **DOUBLE)
    top = torch.tensor(n + 1.0, **DOUBLE)
    return torch.lgamma(top) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
