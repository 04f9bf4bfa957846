"""Eight programs: the healthy one, and seven with one fault each. Which log is whose is told here.

A fault replaces one method of `Hierarchy`, or its rate; what the method says when healthy stands in
`program`. If you want to diagnose the logs, read this afterwards.
"""

import torch
from torch import Tensor
from torch.distributions import Normal

from course_lib.shipped.clinic.program import Hierarchy


class Raw(Hierarchy):
    """Grey levels 0..255 go into the Bernoulli as they are."""

    def prepare(self, pixels: Tensor) -> Tensor:
        """Neither divided by 255 nor made black and white."""
        return pixels


class Grey(Hierarchy):
    """Grey levels 0..1 take the place of black and white."""

    def prepare(self, pixels: Tensor) -> Tensor:
        """Divided by 255 only."""
        return pixels / 255


class Sampled(Hierarchy):
    """`.sample()` for `.rsample()`."""

    def draw(self, q: Normal) -> Tensor:
        """No gradient passes through the draw."""
        drawn: Tensor = q.sample()
        return drawn


class Averaged(Hierarchy):
    """What a layer costs is averaged over images and units; the reconstruction is a sum."""

    def reduce(self, cost: Tensor) -> Tensor:
        """A mean over units too."""
        return cost.mean()


class Hasty(Hierarchy):
    """The learning rate is too high."""

    rate = 0.04


class Mistaken(Hierarchy):
    """The log-variance is taken for the log of the standard deviation, in the draw alone."""

    def draw(self, q: Normal) -> Tensor:
        """Scaled by exp(log-variance), which is the variance."""
        drawn: Tensor = q.mean + q.variance * torch.randn_like(q.mean)
        return drawn


class CountedTwice(Hierarchy):
    """The top layer's log q stands in the bound twice."""

    def cost_of_top(self, q_2: Normal, z_2: Tensor) -> Tensor:
        """The KL, which has log q(z_2|z_1) in it, and log q(z_2|z_1) once more."""
        once_more: Tensor = q_2.log_prob(z_2)
        return super().cost_of_top(q_2, z_2) + once_more


PROGRAMS: dict[str, type[Hierarchy]] = {
    "A": Mistaken,
    "B": Grey,
    "C": Hasty,
    "D": Sampled,
    "E": CountedTwice,
    "F": Averaged,
    "G": Hierarchy,
    "H": Raw,
}
