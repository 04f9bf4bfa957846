"""Nets that give a likelihood over pixels, by name, and where a decoder starts."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Generator, Tensor

from course_lib.arguments import require_between, require_count, require_finite
from course_lib.distributions import Bernoulli, Binomial, ContinuousBernoulli, Distribution
from course_lib.nets.gaussian_net import GaussianNet
from course_lib.nets.layers import (
    Net,
    Trunk,
    affine,
    full_precision,
    require_input,
    require_sizes,
)

LIKELIHOODS = ("bernoulli", "binomial", "continuous_bernoulli", "gaussian")


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
        inputs, hidden, outputs = require_sizes(inputs, hidden, outputs)
        self.inputs, self.outputs = inputs, outputs
        if not callable(family):
            raise ValueError(f"family must be a distribution such as Bernoulli, got {family!r}")
        self.family = family
        self.trunk = Trunk(inputs, hidden, generator=generator)
        self.logits = affine(self.trunk.width, outputs, generator=generator)

    def forward(self, value: Tensor) -> Distribution:
        """The likelihood given `value` (*batch, inputs)."""
        require_input(value, self.logits.weight, self.inputs)
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
    Raises ValueError for another kind, and for a size or a count below 1.
    """
    if kind == "gaussian":
        return GaussianNet(inputs, hidden, outputs, std="learned", generator=generator)
    count = require_count("count", count)
    families: dict[str, Callable[[Tensor], Distribution]] = {
        "bernoulli": Bernoulli,
        "continuous_bernoulli": ContinuousBernoulli,
        "binomial": partial(Binomial, count),
    }
    if kind not in families:
        raise ValueError(f"likelihood must be one of {', '.join(LIKELIHOODS)}, got {kind!r}")
    return LogitNet(inputs, hidden, outputs, families[kind], generator=generator)


@torch.no_grad()
def set_output_mean(net: GaussianNet | LogitNet, mean: Tensor) -> None:
    """Starts a decoder at the data's mean: bias = logit(mean), clipped to [0.001, 0.999].

    A continuous Bernoulli has another mean than σ(bias): it starts on the right side of ½, and
    nearer to ½ (0.14 for a pixel that is always black).
    mean: (outputs,), the mean of the training data as a probability (for counts, divided by the
    count); for a Gaussian net the mean itself. Without it the first epochs go into learning which
    pixels are always black. Raises ValueError for another net, shape or number.
    Source: the code of Burda, Grosse & Salakhutdinov 2016.
    """
    if not isinstance(net, (GaussianNet, LogitNet)):
        raise ValueError(f"net must be a GaussianNet or a LogitNet, got {type(net).__name__}")
    require_finite("mean", mean)
    if tuple(mean.shape) != (net.outputs,):
        raise ValueError(f"mean must have shape ({net.outputs},), got {tuple(mean.shape)}")
    if isinstance(net, GaussianNet):
        net.mean.bias.copy_(mean)
        return
    require_between("mean", mean, 0.0, 1.0, "in [0, 1]")
    net.logits.bias.copy_(mean.clamp(0.001, 0.999).logit())
