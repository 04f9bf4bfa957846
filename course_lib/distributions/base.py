"""What every distribution of the course can do."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from course_lib.arguments import require_broadcastable, require_event


@runtime_checkable
class Distribution(Protocol):
    """A batch of probability distributions over events of one shape.

    log_prob sums over the event and keeps the batch; samples lead: (*samples, *batch, *event).
    Log-probabilities and entropies are in nats.
    """

    @property
    def batch_shape(self) -> torch.Size:
        """How many distributions there are, and how they are laid out."""
        ...

    @property
    def event_shape(self) -> torch.Size:
        """The shape of one outcome: (D,) for a vector, () for a category."""
        ...

    @property
    def mean(self) -> Tensor:
        """E[x], shape (*batch, *event)."""
        ...

    @property
    def variance(self) -> Tensor:
        """The variance of each coordinate of x, shape (*batch, *event)."""
        ...

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value), (*samples, *batch) nats. Raises ValueError outside the support's type."""
        ...

    def sample(self, shape: Sequence[int] = (), *, generator: torch.Generator) -> Tensor:
        """Independent draws (*shape, *batch, *event), without gradient."""
        ...

    def entropy(self) -> Tensor:
        """−E[log p(x)], (*batch,) nats."""
        ...


def require_distribution(name: str, value: object) -> None:
    """Raises ValueError unless `value` has a log_prob and an event_shape."""
    if not all(hasattr(value, part) for part in ("log_prob", "event_shape")):
        raise ValueError(f"{name} must be a distribution, got {value!r}")


class OfVectors(Protocol):
    """What is asked of a distribution over vectors before its outcomes are looked at."""

    batch_shape: torch.Size
    event_shape: torch.Size


def require_outcome(value: Tensor, q: OfVectors) -> None:
    """Raises ValueError unless `value` has the shape of q's outcomes, (*samples, *batch, D)."""
    require_event("value", value, q.event_shape[0])
    require_broadcastable("value", value.shape[:-1], "batch", q.batch_shape)
