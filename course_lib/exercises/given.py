"""What several subjects share: worlds, and log-weights on which a careless program overflows."""

import math

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.exact import LinearGaussian, LinearGaussianChain

UNIT = LinearGaussian([[1.0]], 0.0, 1.0)  # z ~ N(0, 1), x|z ~ N(z, 1)
UNIT_CHAIN = LinearGaussianChain.unit(2)  # z_2 → z_1 → x, each arrow adds N(0, 1)
GROWTH = 2 / math.sqrt(3)  # of 1 + the relative variance, for each dimension of the kindest world
# exp overflows unless the largest itself is taken out: not the first, the mean or the least.
FAR_APART = torch.tensor([-1900.0, -1000.0, -3000.0], **DOUBLE)


def kindest(size: int) -> LinearGaussian:
    """z ~ N(0, I), x|z ~ N(z, I)."""
    return LinearGaussian(torch.eye(size, **DOUBLE), torch.zeros(size, **DOUBLE), 1.0)


def log_mean_exp(values: Tensor) -> Tensor:
    """log of the mean of exp, over all entries."""
    return torch.logsumexp(values.flatten(), 0) - math.log(values.numel())
