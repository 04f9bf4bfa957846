"""A net that gives a Gaussian: an encoder, an arrow between latents, a decoder of real numbers."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn

from course_lib.arguments import require_number
from course_lib.distributions import DiagonalGaussian
from course_lib.nets.layers import (
    Net,
    Trunk,
    affine,
    full_precision,
    require_input,
    require_sizes,
)


class GaussianNet(Net[DiagonalGaussian]):
    """v ↦ N(mean(v), diag std(v)²), with `std` one of three kinds.  (Eq. 6.2)

    std: "net" (a second head computes log_std from v, as an encoder does), "learned" (one number
    for all outputs, free of v), or a positive float (fixed; its log is kept, in float64).
    scale multiplies v first, so that an encoder of counts 0..16 reads numbers of order one.
    Shapes: v (*batch, inputs) → DiagonalGaussian with parameters (*batch, outputs).
    Raises ValueError for sizes below 1, a fixed std that is not positive, and a v of another width,
    precision or device.
    """

    @torch.inference_mode(False)  # weights that are made under inference mode could never learn
    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        outputs: int,
        *,
        generator: Generator,
        std: str | float = "net",
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        inputs, hidden, outputs = require_sizes(inputs, hidden, outputs)
        self.inputs, self.outputs = inputs, outputs
        self.scale = require_number("scale", scale, positive=True)
        self.trunk = Trunk(inputs, hidden, generator=generator)
        self.mean = affine(self.trunk.width, outputs, generator=generator)
        self.log_std: nn.Linear | Tensor
        if std == "net":
            self.log_std = affine(self.trunk.width, outputs, generator=generator)
        elif std == "learned":
            self.log_std = nn.Parameter(torch.zeros((), dtype=torch.float32, device="cpu"))
        elif isinstance(std, str):
            raise ValueError(f'std must be "net", "learned" or a positive number, got {std!r}')
        else:
            log_std = torch.tensor(
                math.log(require_number("std", std, positive=True)),
                dtype=torch.float64,
                device="cpu",
            )
            self.register_buffer("log_std", log_std, persistent=True)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        """Keeps a fixed log_std in float64: .float() and then .double() must not round it."""
        exact = self._buffers.get("log_std")
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if exact is not None:
            self._buffers["log_std"] = exact.to(self.mean.weight.device)
        return self

    @property
    def width(self) -> int:
        """How many features the last hidden layer has."""
        return self.trunk.width

    def forward(self, value: Tensor) -> DiagonalGaussian:
        """The Gaussian given `value` (*batch, inputs)."""
        return self.head(self.features(value))

    def features(self, value: Tensor) -> Tensor:
        """The last hidden layer given `value` (*batch, inputs): (*batch, width)."""
        require_input(value, self.mean.weight, self.inputs)
        hidden: Tensor = self.trunk(value if self.scale == 1.0 else self.scale * value)
        return hidden

    def head(self, features: Tensor) -> DiagonalGaussian:
        """The Gaussian given the last hidden layer (*batch, width)."""
        mean = full_precision(self.mean(features))  # (*batch, outputs)
        if isinstance(self.log_std, nn.Module):
            return DiagonalGaussian(mean, full_precision(self.log_std(features)))
        return DiagonalGaussian(mean, self.log_std.to(mean.dtype).expand_as(mean))
