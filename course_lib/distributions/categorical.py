"""One of K categories."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.arguments import (
    Numbers,
    as_double,
    require_all,
    require_broadcastable,
    require_finite,
    require_floating,
    require_generator,
    require_integers,
    require_nonempty,
    require_shape,
)


class Categorical:
    """The distribution over 0 … K−1 with p_k proportional to exp(logits_k).

    logits: (*batch, K); −inf is a category that never occurs. The event shape is ().
    Raises ValueError on NaN, +inf, or a batch entry whose logits are all −inf.
    """

    def __init__(self, logits: Tensor) -> None:
        require_floating("logits", logits)
        if logits.ndim == 0 or logits.shape[-1] == 0:
            raise ValueError(
                f"logits must have shape (*batch, K) with K ≥ 1, got {tuple(logits.shape)}"
            )
        log_probs = require_nonempty("logits", logits).log_softmax(-1)
        # NaN, +inf and a row of nothing but −inf all leave a NaN behind, and nothing else does.
        if not math.isfinite(log_probs.detach().amax(-1).sum().item()):
            raise ValueError(
                f"logits must be finite or −inf, with a finite one in each row, got {logits}"
            )
        self.log_probs = log_probs  # normalised, (*batch, K)
        self.batch_shape = logits.shape[:-1]
        self.event_shape = torch.Size()

    @classmethod
    def from_probs(cls, probs: Numbers) -> "Categorical":
        """From probabilities (*batch, K) that sum to 1 over the last axis; zeros are allowed.

        Raises ValueError if they do not, or one is negative or not finite.
        """
        probs = require_finite("probs", as_double("probs", probs))
        require_all("probs", probs, probs >= 0, "at least 0")
        if probs.ndim:
            total = probs.detach().sum(-1)
            # A table that sums to 1 on paper does so within a rounding of each entry.
            slack = 4 * probs.shape[-1] * torch.finfo(probs.dtype).eps
            require_all("the sum of probs", total, (total - 1).abs() <= slack, "1")
        zero = probs == 0
        return cls(probs.masked_fill(zero, 1.0).log().masked_fill(zero, -math.inf))

    @property
    def probs(self) -> Tensor:
        """p_k, (*batch, K)."""
        return self.log_probs.exp()

    @property
    def mean(self) -> Tensor:
        """Σ_k k p_k, (*batch,): the mean of the index."""
        return (self.probs * self._index()).sum(-1)

    @property
    def variance(self) -> Tensor:
        """Σ_k (k − mean)² p_k, (*batch,): the variance of the index."""
        return (self.probs * (self._index() - self.mean.unsqueeze(-1)).square()).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p_value, in nats; −inf for a category of probability 0.

        value: integers 0 … K−1, (*samples, *batch). Returns (*samples, *batch).
        Raises ValueError on floats, on indices out of range and on shapes that do not fit.
        """
        index = require_integers("value", value).long()  # bytes could not be held against K
        size = self.log_probs.shape[-1]
        shape = require_broadcastable("value", value.shape, "batch", self.batch_shape)
        inside = (index >= 0) & (index < size)
        require_all("value", index, inside, f"a category from 0 to {size - 1}")
        table = self.log_probs.expand((*shape, size))
        return table.gather(-1, index.expand(shape).unsqueeze(-1)).squeeze(-1)

    def sample(self, shape: Sequence[int] = (), *, generator: torch.Generator) -> Tensor:
        """Draws (*shape, *batch) of int64."""
        lead = require_shape("shape", shape)
        require_generator(generator)
        size = lead + self.batch_shape
        if size.numel() == 0:
            return torch.empty(size, dtype=torch.int64, device=self.log_probs.device)
        rows = self.probs.detach().reshape(-1, self.log_probs.shape[-1])  # (batch, K)
        draws = torch.multinomial(rows, lead.numel(), replacement=True, generator=generator)
        return draws.mT.reshape(size)

    def entropy(self) -> Tensor:
        """−Σ_k p_k log p_k, (*batch,) nats, with 0 · log 0 = 0."""
        finite = self.log_probs.masked_fill(self.log_probs == -math.inf, 0.0)
        return 0.0 - (self.probs * finite).sum(-1)

    def _index(self) -> Tensor:
        size, device = self.log_probs.shape[-1], self.log_probs.device
        return torch.arange(size, device=device).to(self.log_probs)  # (K,)

    def __repr__(self) -> str:
        return f"Categorical(batch {tuple(self.batch_shape)}, K = {self.log_probs.shape[-1]})"
