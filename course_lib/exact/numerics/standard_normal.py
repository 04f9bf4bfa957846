"""N(z; 0, 1), the prior of every scalar latent."""

import math

import torch
from torch import Tensor

LOG_TWO_PI = math.log(2.0 * math.pi)


def log_standard_normal(z: Tensor) -> Tensor:
    """log N(z; 0, 1), any shape."""
    return -0.5 * (z.square() + LOG_TWO_PI)


def standard_normal(z: Tensor) -> Tensor:
    """N(z; 0, 1), any shape; zero at ±∞."""
    return torch.exp(-0.5 * z.square()) / math.sqrt(2.0 * math.pi)
