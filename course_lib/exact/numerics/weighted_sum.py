"""Sums of a function over a grid, and whether two grids agree on one."""

from typing import NamedTuple

import torch
from torch import Tensor

TOLERANCE = 1e-8  # of E|f|: how far two grids may be apart


class WeightedSum(NamedTuple):
    """Σ weights · f, Σ weights · |f|, and whether f takes both signs, (*batch,) each."""

    value: Tensor
    size: Tensor
    both: Tensor

    @classmethod
    def of(cls, weights: Tensor, values: Tensor) -> "WeightedSum":
        """Of weights and values (*batch, N); where the density has no mass f does not count."""
        product = (weights * values).masked_fill(weights == 0, 0.0)
        endless = product.isinf()
        if bool((endless.any(-1) > (endless & (weights > 1e-200)).any(-1)).any()):
            raise ValueError(
                "f(z) is infinite where the density is below 1e-200, and only there: it overflows"
            )
        both = (values > 0).any(-1) & (values < 0).any(-1)
        return cls(product.sum(-1), product.abs().sum(-1), both)

    def agrees(self, other: "WeightedSum") -> bool:
        """Whether the two values are close. One with both signs may vanish by cancelling."""
        scale = torch.where(self.both, self.size.clamp(min=1.0), self.size)
        close = (self.value - other.value).abs() <= TOLERANCE * scale
        return bool((close | (self.value == other.value)).all())
