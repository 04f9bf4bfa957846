"""Where the draws of a distribution come from: uniform and normal numbers like its parameters."""

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.arguments import require_generator, require_shape


def normal_noise(shape: Sequence[int], like: Tensor, generator: torch.Generator) -> Tensor:
    """Draws of N(0, 1), (*shape, *like.shape), of like's precision and on its device."""
    size = require_shape("shape", shape) + like.shape
    require_generator(generator)
    return torch.randn(size, generator=generator, dtype=like.dtype, device=like.device)


def uniform_noise(shape: Sequence[int], like: Tensor, generator: torch.Generator) -> Tensor:
    """Draws from [0, 1), (*shape, *like.shape), of like's precision and on its device."""
    size = require_shape("shape", shape) + like.shape
    require_generator(generator)
    return torch.rand(size, generator=generator, dtype=like.dtype, device=like.device)
