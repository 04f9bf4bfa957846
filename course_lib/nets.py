"""Encoders and decoders: modules that take a batch and return a distribution.

A net with no hidden layers is affine, so its weights can be set by hand and it can be held against
the exact worlds. Hidden units are tanh; weights start Glorot-uniform, drawn from `generator`, and
biases at zero, as in Burda, Grosse & Salakhutdinov 2016. Weights are float32 on the CPU, whatever
torch's defaults are; net.double() makes them float64.

    >>> import torch
    >>> from course_lib.nets import GaussianNet
    >>> net = GaussianNet(2, (), 1, std=0.5, generator=torch.Generator().manual_seed(0))
    >>> net(torch.tensor([1.0, 2.0])).std.item()  # a distribution, not a point
    0.5
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Generic, TypeVar

import torch
from torch import Generator, Tensor, nn

from course_lib.arguments import (
    require_count,
    require_event,
    require_finite,
    require_generator,
    require_like,
    require_number,
)
from course_lib.distributions import (
    Bernoulli,
    Binomial,
    ContinuousBernoulli,
    DiagonalGaussian,
    Distribution,
)

LIKELIHOODS = ("bernoulli", "binomial", "continuous_bernoulli", "gaussian")


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


class GaussianNet(Net[DiagonalGaussian]):
    """v ↦ N(mean(v), diag std(v)²), with `std` one of three kinds.  (Eq. 6.2)

    std: "net" (a second head computes log_std from v, as an encoder does), "learned" (one number
    for all outputs, free of v), or a positive float (fixed, and kept to the last bit of a float64).
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
        self.inputs, self.outputs = _sizes(inputs, hidden, outputs)
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
        _require_input(value, self.mean.weight, self.inputs)
        hidden: Tensor = self.trunk(value if self.scale == 1.0 else self.scale * value)
        return hidden

    def head(self, features: Tensor) -> DiagonalGaussian:
        """The Gaussian given the last hidden layer (*batch, width)."""
        mean = full_precision(self.mean(features))  # (*batch, outputs)
        if isinstance(self.log_std, nn.Module):
            return DiagonalGaussian(mean, full_precision(self.log_std(features)))
        return DiagonalGaussian(mean, self.log_std.to(mean.dtype).expand_as(mean))


class LogitNet(Net[Distribution]):
    """v ↦ a likelihood over pixels with parameters logits(v).

    family: a callable from logits (*batch, outputs) to a distribution: Bernoulli for black and
    white pixels, ContinuousBernoulli for grey ones in [0, 1], Binomial for counts.
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        outputs: int,
        family: Callable[[Tensor], Distribution] = Bernoulli,
        *,
        generator: Generator,
    ) -> None:
        super().__init__()
        self.inputs, self.outputs = _sizes(inputs, hidden, outputs)
        if not callable(family):
            raise ValueError(f"family must be a distribution such as Bernoulli, got {family!r}")
        self.family = family
        self.trunk = Trunk(inputs, hidden, generator=generator)
        self.logits = affine(self.trunk.width, outputs, generator=generator)

    def forward(self, value: Tensor) -> Distribution:
        """The likelihood given `value` (*batch, inputs)."""
        _require_input(value, self.logits.weight, self.inputs)
        hidden = self.trunk(value)  # (*batch, width)
        return self.family(full_precision(self.logits(hidden)))


def likelihood_net(
    kind: str,
    inputs: int,
    hidden: Sequence[int],
    outputs: int,
    *,
    generator: Generator,
    count: int = 16,
) -> GaussianNet | LogitNet:
    """The decoder net of a likelihood, one of LIKELIHOODS. `count` is Binomial's number of trials.

    "gaussian" has one learned std for all pixels; use GaussianNet itself for another kind.
    """
    if kind == "gaussian":
        return GaussianNet(inputs, hidden, outputs, std="learned", generator=generator)
    require_count("count", count)
    families: dict[str, Callable[[Tensor], Distribution]] = {
        "bernoulli": Bernoulli,
        "continuous_bernoulli": ContinuousBernoulli,
        "binomial": partial(Binomial, count),
    }
    if kind not in families:
        raise ValueError(f"likelihood must be one of {', '.join(LIKELIHOODS)}, got {kind!r}")
    return LogitNet(inputs, hidden, outputs, families[kind], generator=generator)


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


@torch.no_grad()
def set_output_mean(net: GaussianNet | LogitNet, mean: Tensor) -> None:
    """Starts a decoder at the data's mean: bias = logit(mean), clipped to [0.001, 0.999].

    mean: (outputs,), the mean of the training data as a probability (for counts, divided by the
    count); for a Gaussian net the mean itself. Without it the first epochs go into learning which
    pixels are always black. Source: the code of Burda, Grosse & Salakhutdinov 2016.
    """
    if not isinstance(net, (GaussianNet, LogitNet)):
        raise ValueError(f"net must be a GaussianNet or a LogitNet, got {type(net).__name__}")
    require_finite("mean", mean)
    if tuple(mean.shape) != (net.outputs,):
        raise ValueError(f"mean must have shape ({net.outputs},), got {tuple(mean.shape)}")
    if isinstance(net, GaussianNet):
        net.mean.bias.copy_(mean)
        return
    if bool((mean < 0).any()) or bool((mean > 1).any()):
        raise ValueError(f"mean must lie in [0, 1], got {mean.min():g} to {mean.max():g}")
    net.logits.bias.copy_(mean.clamp(0.001, 0.999).logit())


def _sizes(inputs: int, hidden: Sequence[int], outputs: int) -> tuple[int, int]:
    """Raises ValueError unless every layer has at least one unit."""
    if not isinstance(hidden, (list, tuple)):
        raise ValueError(f"hidden must be a tuple such as (200, 200), got {hidden!r}")
    for width in hidden:
        require_count("hidden", width)
    return require_count("inputs", inputs), require_count("outputs", outputs)


def _require_input(value: Tensor, weight: Tensor, inputs: int) -> None:
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
