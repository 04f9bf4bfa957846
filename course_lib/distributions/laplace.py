"""Double exponentials: what an absolute error is the log-likelihood of."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.arguments import Numbers, require_shape
from course_lib.distributions.location_scale import LocationScale, mean_and_log
from course_lib.distributions.noise import uniform_noise


class Laplace(LocationScale):
    """Independent densities exp(−|x_d − m_d|/b_d)/2b_d, with b = exp(log_scale).

    mean, log_scale: (*batch, D), finite, of one dtype; the batches broadcast, D must agree.
    Its standard deviation is √2 b.
    Raises ValueError if the shapes or dtypes disagree or an entry is not finite.
    """

    def __init__(self, mean: Tensor, log_scale: Tensor) -> None:
        super().__init__(mean, "log_scale", log_scale)

    @classmethod
    def from_scale(cls, mean: Numbers, scale: Numbers) -> "Laplace":
        """From numbers, lists or tensors; numbers and lists become float64.

        One number serves every coordinate of the other argument; two numbers give D = 1.
        Raises ValueError unless every scale is positive and finite.
        """
        return cls(*mean_and_log(mean, "scale", scale))

    @property
    def log_scale(self) -> Tensor:
        """log b, (*batch, D)."""
        return self._log_scale

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
        return -(self.standardised(value).abs() + self.log_scale + math.log(2.0)).sum(-1)

    def sample(self, shape: Sequence[int] = (), *, generator: torch.Generator) -> Tensor:
        """Draws (*shape, *batch, D), without gradient: an exponential with a fair sign."""
        size = (2, *require_shape("shape", shape))
        uniform, coin = uniform_noise(size, self.mean, generator)
        away = -self.scale.detach() * (-uniform).log1p()  # uniform < 1
        return self.mean.detach() + torch.where(coin < 0.5, -away, away)

    def entropy(self) -> Tensor:
        """Σ_d (1 + log 2b_d), (*batch,) nats."""
        return (self.log_scale + (1.0 + math.log(2.0))).sum(-1)
