"""An estimate from samples, and the error it comes with."""

import math
import sys
from dataclasses import dataclass

from torch import Tensor

from course_lib.arguments import as_double, require_between, require_count, require_finite

ROUNDING = 1e-14  # relative, of a mean of up to millions of float64 numbers


@dataclass(frozen=True)
class MonteCarlo:
    """An estimate with its standard error, from `count` independent samples.

    Raises ValueError if a number is not finite, the error is negative, or there are fewer than two
    samples.
    """

    estimate: float
    standard_error: float
    count: int

    def __post_init__(self) -> None:
        require_finite("estimate", as_double("estimate", self.estimate))
        error = as_double("standard_error", self.standard_error)
        require_between("standard_error", error, 0.0, sys.float_info.max, "finite and not negative")
        object.__setattr__(self, "count", require_count("count", self.count, least=2))

    def z_score(self, exact: float) -> float:
        """(estimate − exact) / standard error; 0 where the difference is rounding, and infinite
        where the samples were all the same and are not the exact number.
        """
        difference = self.estimate - exact
        if abs(difference) <= ROUNDING * max(abs(self.estimate), abs(exact)) < math.inf:
            return 0.0
        if self.standard_error == 0:
            return math.copysign(math.inf, difference)
        return difference / self.standard_error


def monte_carlo(samples: Tensor) -> MonteCarlo:
    """The mean of independent `samples` (n,) and its standard error. Raises ValueError below two
    samples, or if one is not finite.
    """
    require_finite("samples", samples)
    if samples.ndim != 1 or samples.numel() < 2:
        raise ValueError(
            f"samples must be one axis of at least 2, got shape {tuple(samples.shape)}"
        )
    values = samples.double()
    error = values.std().item() / math.sqrt(values.numel())
    return MonteCarlo(values.mean().item(), error, values.numel())
