"""A weighted sum of Gaussians: posteriors with several modes, and priors that are no Gaussian."""

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.arguments import located, require_broadcastable, require_event
from course_lib.distributions.categorical import Categorical
from course_lib.distributions.full_gaussian import Gaussian


class GaussianMixture:
    """Σ_k w_k N_k with w_k proportional to exp(log_weights_k).

    log_weights: (*batch, K), as the logits of a Categorical; components: a DiagonalGaussian or
    FullGaussian with batch (*batch, K). The batches broadcast.
    Raises ValueError if K differs, or on anything else as components.
    """

    def __init__(self, log_weights: Tensor, components: Gaussian) -> None:
        if not isinstance(components, Gaussian):
            raise ValueError(
                f"components must be a DiagonalGaussian or a FullGaussian, "
                f"got {type(components).__name__}"
            )
        with located("log_weights"):  # a Categorical calls them logits
            self.categories = Categorical(log_weights)
        if components.batch_shape[-1:] != log_weights.shape[-1:]:
            raise ValueError(
                f"log_weights {tuple(log_weights.shape)} and components with batch "
                f"{tuple(components.batch_shape)} must match on their last axis"
            )
        shape = require_broadcastable(
            "log_weights", log_weights.shape, "components' batch", components.batch_shape
        )
        self.components = components.expand(shape)  # batch (*batch, K)
        self.batch_shape = shape[:-1]
        self.event_shape = components.event_shape

    @property
    def log_weights(self) -> Tensor:
        """log w_k, normalised, (*batch, K)."""
        return self.categories.log_probs.expand(self.components.batch_shape)

    @property
    def mean(self) -> Tensor:
        """Σ_k w_k μ_k, (*batch, D)."""
        return (self.log_weights.exp().unsqueeze(-1) * self.components.mean).sum(-2)

    @property
    def variance(self) -> Tensor:
        """Σ_k w_k [σ_k² + (μ_k − mean)²], (*batch, D)."""
        spread = (self.components.mean - self.mean.unsqueeze(-2)).square()
        return (self.log_weights.exp().unsqueeze(-1) * (self.components.variance + spread)).sum(-2)

    def log_prob(self, value: Tensor) -> Tensor:
        """log Σ_k w_k N_k(value), in nats.

        value: (*samples, *batch, D). Returns (*samples, *batch).
        Raises ValueError if the shapes do not fit or an entry is not finite.
        """
        return torch.logsumexp(self.joint_log_prob(value), dim=-1)

    def joint_log_prob(self, value: Tensor) -> Tensor:
        """log [w_k N_k(value)] for every k, (*samples, *batch, K) nats."""
        require_event("value", value, self.event_shape[0])
        value = value.unsqueeze(-2)  # (*samples, *batch, 1, D)
        return self.log_weights + self.components.log_prob(value)

    def sample(self, shape: Sequence[int] = (), *, generator: torch.Generator) -> Tensor:
        """Draws (*shape, *batch, D): a component of each, then the Gaussian that it names."""
        categories = Categorical(self.log_weights).sample(shape, generator=generator)
        draws = self.components.sample(shape, generator=generator)  # (*shape, *batch, K, D)
        index = categories[..., None, None].expand(*categories.shape, 1, *self.event_shape)
        return draws.gather(-2, index).squeeze(-2)

    def entropy(self) -> Tensor:
        """A mixture's entropy has no closed form; raises NotImplementedError that says so."""
        raise NotImplementedError(
            "the entropy of a mixture has no closed form; average -log_prob over samples instead"
        )

    def __repr__(self) -> str:
        return (
            f"GaussianMixture(batch {tuple(self.batch_shape)}, "
            f"K = {self.log_weights.shape[-1]}, D = {self.event_shape[0]})"
        )
