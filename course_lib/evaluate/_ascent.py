"""Gradient ascent by which data get a q of their own."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.arguments import require_count, require_number


def ascend(
    bound: Callable[[], Tensor], parameters: Sequence[Tensor], *, steps: int, rate: float
) -> None:
    """Moves the parameters so that Σ_n bound()_n rises, by Adam with a rate that falls to zero.

    bound is computed anew at every step, (N,) nats: it may draw fresh noise each time. The falling
    rate, half a cosine, lets the noise of the last steps average out.
    Raises ValueError if steps < 1 or rate is not positive.
    """
    rate = require_number("rate", rate, positive=True)
    adam = torch.optim.Adam(parameters, lr=rate)
    for step in range(require_count("steps", steps)):
        adam.param_groups[0]["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        slopes = torch.autograd.grad(-bound().sum(), parameters)
        for parameter, slope in zip(parameters, slopes, strict=True):
            parameter.grad = slope
        adam.step()
