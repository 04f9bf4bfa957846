"""What Gaussian and Laplace have in common: coordinates that are moved and widened."""

import math

import torch
from torch import Tensor

from course_lib.arguments import (
    Numbers,
    as_double,
    require_broadcastable,
    require_finite,
    require_nonempty,
    require_positive,
    require_same_dtype,
)
from course_lib.distributions.base import require_outcome


class LocationScale:
    """x_d = mean_d + e^(log_scale_d) u_d over vectors of D numbers, each u_d of one law.

    A kind of it says which law, and calls its log-scale by a name of its own, such as log_std.
    mean, log-scale: (*batch, D), finite, of one dtype; the batches broadcast, D must agree.
    Raises ValueError if the shapes or dtypes disagree or an entry is not finite.
    """

    def __init__(self, mean: Tensor, name: str, log_scale: Tensor) -> None:
        require_finite("mean", mean)
        require_finite(name, log_scale)
        require_same_dtype("mean", mean, name, log_scale)
        if mean.shape != log_scale.shape:
            mean, log_scale = _broadcast(mean, name, log_scale)
        if mean.ndim == 0 or mean.shape[-1] == 0:
            raise ValueError(
                f"mean must have shape (*batch, D) with D ≥ 1, got {tuple(mean.shape)}"
            )
        self.mean = require_nonempty("mean", mean)
        self._log_scale = log_scale
        self.batch_shape = mean.shape[:-1]
        self.event_shape = mean.shape[-1:]

    def standardised(self, value: Tensor) -> Tensor:
        """u_d = (x_d − mean_d) e^(−log_scale_d), (*samples, *batch, D), for value so shaped.

        Raises ValueError if the shapes do not fit or an entry is not finite.
        """
        require_outcome(value, self)
        require_finite("value", value)
        return divided_by_scale(value - self.mean, self._log_scale)

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"{kind}(batch {tuple(self.batch_shape)}, D = {self.event_shape[0]})"


def divided_by_scale(value: Tensor, log_scale: Tensor) -> Tensor:
    """value · e^(−log_scale), shapes broadcast; 0 stays 0, however narrow the distribution."""
    inverse = (-log_scale).exp()
    if math.isfinite(inverse.detach().sum().item()):  # the common case
        return value * inverse
    # Half of the factor twice. Past the limit even the least float, divided, has an infinite square
    most = 0.98 * math.log(torch.finfo(log_scale.dtype).max)
    half = (-0.5 * log_scale).clamp(max=most).exp()
    return value * half * half


def mean_and_log(mean: Numbers, name: str, scale: Numbers) -> tuple[Tensor, Tensor]:
    """mean and log scale as tensors, (*batch, D); what is no tensor takes the other's precision.

    One number serves every coordinate of the other argument; two numbers give D = 1.
    Raises ValueError unless every scale is positive and finite.
    """
    location, width = as_double("mean", mean), as_double(name, scale)
    if not isinstance(mean, Tensor):
        location = location.to(width)
    elif not isinstance(scale, Tensor):
        width = width.to(location)
    require_positive(name, width)
    if location.ndim == 0:
        location = location.expand(width.shape[-1:] or (1,))
    if width.ndim == 0:
        width = width.expand(location.shape[-1:])
    return location, width.log()


def _broadcast(mean: Tensor, name: str, log_scale: Tensor) -> tuple[Tensor, Tensor]:
    """Both in their common shape. Raises ValueError unless the last axes agree."""
    if mean.shape[-1:] != log_scale.shape[-1:]:
        raise ValueError(
            f"mean {tuple(mean.shape)} and {name} {tuple(log_scale.shape)} must match "
            f"on their last axis"
        )
    shape = require_broadcastable("mean", mean.shape, name, log_scale.shape)
    return mean.expand(shape), log_scale.expand(shape)
