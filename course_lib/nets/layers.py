"""What nets are made of: the base that says what a net gives, hidden layers, affine maps."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Generic, TypeVar

import torch
from torch import Generator, Tensor, nn

from course_lib.arguments import require_count, require_event, require_generator, require_like
from course_lib.distributions import Distribution

Sizes = tuple[int, tuple[int, ...], int]  # inputs, the hidden widths, outputs
Given_co = TypeVar("Given_co", bound=Distribution, covariant=True)


class Net(nn.Module, Generic[Given_co]):
    """Maps (*batch, inputs) to a distribution with batch (*batch,) and event (outputs,).

    A net names its distribution, as in Net[DiagonalGaussian], so that q = net(x) has that type.
    A chain also takes a module that is no Net, if it has inputs and outputs and does the same.
    """

    inputs: int
    outputs: int

    def __call__(self, value: Tensor) -> Given_co:
        """The distribution given `value`, by forward(value)."""
        given: Given_co = super().__call__(value)
        return given


class Trunk(nn.Sequential):
    """The hidden layers: affine, tanh, affine, tanh …; the identity if there are none."""

    def __init__(self, inputs: int, hidden: Sequence[int], *, generator: Generator) -> None:
        sizes = [inputs, *hidden]
        layers: list[nn.Module] = []
        for wide_in, wide_out in pairwise(sizes):
            layers += [affine(wide_in, wide_out, generator=generator), nn.Tanh()]
        super().__init__(*layers)
        self.width = sizes[-1]


def affine(inputs: int, outputs: int, *, generator: Generator) -> nn.Linear:
    """v ↦ W v + b with Glorot-uniform W and b = 0; torch's global random state is not touched."""
    require_generator(generator)
    layer = blank_affine(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


@torch.inference_mode(False)
def blank_affine(inputs: int, outputs: int, dtype: torch.dtype = torch.float32) -> nn.Linear:
    """An affine layer on the CPU whose weights are still to be filled in."""
    options = {"dtype": dtype, "device": "cpu"}
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs, **options)
    return layer


def require_sizes(inputs: int, hidden: Sequence[int], outputs: int) -> Sizes:
    """The three, in Python's ints. Raises ValueError unless every layer has at least one unit."""
    if not isinstance(hidden, (list, tuple)):
        raise ValueError(f"hidden must be a tuple such as (200, 200), got {hidden!r}")
    widths = tuple(require_count("hidden", width) for width in hidden)
    return require_count("inputs", inputs), widths, require_count("outputs", outputs)


def require_input(value: Tensor, weight: Tensor, inputs: int) -> None:
    """Raises ValueError unless a net with this weight can read `value`."""
    if weight.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"a net's weights must be float32 or float64, got {weight.dtype}; convert them with "
            '.float(), and ask for Settings(precision="bfloat16") to train faster'
        )
    require_event("value", require_like("value", value, weight), inputs)


def full_precision(value: Tensor) -> Tensor:
    """Leaves autocast: bfloat16 is enough for matrix products, not for sums over 784 pixels."""
    return value.float() if value.dtype == torch.bfloat16 else value
