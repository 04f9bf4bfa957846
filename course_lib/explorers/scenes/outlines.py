"""Outlines of Gaussians in a latent plane."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import pad

from course_lib.arguments import DOUBLE
from course_lib.distributions import DiagonalGaussian

Array = NDArray[np.float64]


def outlines(q: DiagonalGaussian, corners: int = 24) -> Array:
    """The ellipses one standard deviation from the mean of each q (N, 2), as one broken line.

    Returns (N·(corners + 2), 2), a NaN after each ellipse.
    """
    angle = 2 * math.pi * torch.linspace(0, 1, corners + 1, **DOUBLE).to(q.mean)
    circle = torch.stack([angle.cos(), angle.sin()], -1)  # (corners + 1, 2)
    closed = q.mean.unsqueeze(-2) + q.std.unsqueeze(-2) * circle  # (N, corners + 1, 2)
    broken = pad(closed, (0, 0, 0, 1), value=math.nan)
    result: Array = broken.flatten(0, -2).double().numpy()
    return result
