"""Double exponentials: what an absolute error is the log-likelihood of."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.arguments import (
    Numbers,
    as_double,
    require_broadcastable,
    require_event,
    require_finite,
    require_generator,
    require_nonempty,
    require_positive,
    require_same_dtype,
    require_shape,
)
from course_lib.distributions.diagonal_gaussian import divided_by_std


class Laplace:
    """Independent densities exp(−|x_d − m_d|/b_d)/2b_d, with b = exp(log_scale).

    mean, log_scale: (*batch, D), finite, of one dtype; they broadcast. Its standard deviation is
    √2 b. Raises ValueError if the shapes or dtypes disagree or an entry is not finite.
    """

    def __init__(self, mean: Tensor, log_scale: Tensor) -> None:
        require_finite("mean", mean)
        require_finite("log_scale", log_scale)
        require_same_dtype("mean", mean, "log_scale", log_scale)
        shape = require_broadcastable("mean", mean.shape, "log_scale", log_scale.shape)
        if not shape or shape[-1] == 0:
            raise ValueError(
                f"mean must have shape (*batch, D) with D ≥ 1, got {tuple(mean.shape)}"
            )
        self.mean = require_nonempty("mean", mean.expand(shape))
        self.log_scale = log_scale.expand(shape)
        self.batch_shape, self.event_shape = shape[:-1], shape[-1:]

    @classmethod
    def from_scale(cls, mean: Numbers, scale: Numbers) -> "Laplace":
        """From numbers, lists or tensors; numbers become float64, and two of them give D = 1."""
        a, b = as_double("mean", mean), require_positive("scale", as_double("scale", scale))
        return cls(a.reshape(a.shape or (1,)), b.log().reshape(b.shape or (1,)))

    @property
    def scale(self) -> Tensor:
        """b, (*batch, D)."""
        return self.log_scale.exp()

    @property
    def variance(self) -> Tensor:
        """2b², (*batch, D)."""
        return 2.0 * (2.0 * self.log_scale).exp()

    def log_prob(self, value: Tensor) -> Tensor:
        """−Σ_d [|x_d − m_d|/b_d + log 2b_d], in nats.

        value: (*samples, *batch, D). Returns (*samples, *batch).
        Raises ValueError if the shapes do not fit or an entry is not finite.
        """
        require_event("value", value, self.event_shape[0])
        require_finite("value", value)
        require_broadcastable("value", value.shape[:-1], "batch", self.batch_shape)
        away = divided_by_std((value - self.mean).abs(), self.log_scale)
        return -(away + self.log_scale + math.log(2.0)).sum(-1)

    def sample(self, shape: Sequence[int] = (), *, generator: torch.Generator) -> Tensor:
        """Draws (*shape, *batch, D), without gradient: an exponential with a fair sign."""
        size = (2, *require_shape("shape", shape), *self.mean.shape)
        uniform, coin = torch.rand(
            size,
            generator=require_generator(generator),
            dtype=self.mean.dtype,
            device=self.mean.device,
        )
        away = -self.scale.detach() * (-uniform).log1p()  # uniform < 1
        return self.mean.detach() + torch.where(coin < 0.5, -away, away)

    def entropy(self) -> Tensor:
        """Σ_d (1 + log 2b_d), (*batch,) nats."""
        return (self.log_scale + (1.0 + math.log(2.0))).sum(-1)

    def __repr__(self) -> str:
        return f"Laplace(batch {tuple(self.batch_shape)}, D = {self.event_shape[0]})"
