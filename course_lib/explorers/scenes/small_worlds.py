"""Three worlds with one latent, whose posteriors are Gaussian, bent, and in two parts."""

from functools import lru_cache

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.exact import ScalarLatent, linear_world, square_world, tanh_world


@lru_cache(maxsize=3)
def small_world(name: str) -> ScalarLatent:
    """x|z ~ N(z, 0.75²), N(2 tanh z, 0.5²) or N(z², 0.5²), all with z ~ N(0, 1).

    Raises ValueError for another name than linear, tanh and z².
    """
    if name == "linear":
        return linear_world(w=1.0, s=0.75)
    if name == "tanh":
        return tanh_world(a=2.0, b=1.0, c=0.0, s=0.5)
    if name == "z²":
        return square_world(s=0.5)
    raise ValueError(f"name must be linear, tanh or z², got {name!r}")


def world_and_x(name: str) -> tuple[ScalarLatent, Tensor]:
    """The world that a choice such as "z², x = 1.5" names, and x, (1,)."""
    world, _, x = name.partition(", x = ")
    return small_world(world), torch.tensor([float(x)], **DOUBLE)
