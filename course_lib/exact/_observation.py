"""What a world of scalar latents is asked about: x, as one tensor."""

from torch import Tensor

from course_lib.arguments import (
    Numbers,
    as_double,
    require_event,
    require_finite,
    require_nonempty,
)


def observation(x: Numbers, size: int | None = None) -> Tensor:
    """x in float64, (*batch, D); a lone number is a vector of one.

    Raises ValueError if x is empty, an entry is not finite, or D is not the `size` given.
    """
    x = require_finite("x", as_double("x", x).double())
    x = x.reshape(1) if x.ndim == 0 else require_nonempty("x", x)
    return x if size is None else require_event("x", x, size)
