"""Independent coin flips: the likelihood of black-and-white pixels."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from course_lib.arguments import Numbers, require_all, require_no_nan, require_nonempty
from course_lib.distributions.base import require_outcome
from course_lib.distributions.log_probs import logits_of, weighted
from course_lib.distributions.noise import uniform_noise


class Bernoulli:
    """D independent coins, P(x_d = 1) = 1/(1 + exp(−logits_d)).

    logits: (*batch, D); ±inf is a coin that never or always falls on 1.
    Raises ValueError on NaN or a missing event axis.
    """

    def __init__(self, logits: Tensor) -> None:
        self.logits = require_logits(logits)
        self.batch_shape = logits.shape[:-1]
        self.event_shape = logits.shape[-1:]

    @classmethod
    def from_probs(cls, probs: Numbers) -> "Bernoulli":
        """From P(x_d = 1), (*batch, D), each in [0, 1]; one number gives D = 1.

        At 0 and at 1 the logit is infinite, and so has no slope: gradients in probs are NaN there.
        """
        return cls(logits_of(probs))

    @property
    def mean(self) -> Tensor:
        """P(x_d = 1), (*batch, D)."""
        return self.logits.sigmoid()

    @property
    def variance(self) -> Tensor:
        """p (1 − p), (*batch, D)."""
        return self.logits.sigmoid() * (-self.logits).sigmoid()

    @property
    def log_probs(self) -> Tensor:
        """log P(x_d = 1) and log P(x_d = 0), stacked first: (2, *batch, D)."""
        return two_log_probs(self.logits)

    def log_prob(self, value: Tensor) -> Tensor:
        """Σ_d [x_d log p_d + (1 − x_d) log(1 − p_d)], in nats; −inf where that is impossible.

        value: zeros and ones, as floats, (*samples, *batch, D). Returns (*samples, *batch).
        Raises ValueError if the shapes do not fit or an entry is neither 0 nor 1.
        """
        require_outcome(value, self)
        require_binary("value", value)
        # For x in {0, 1} both terms are log σ(±logit): one function, right at ±inf as well.
        return logsigmoid((2.0 * value).sub_(1.0) * self.logits).sum(-1)

    def sample(self, shape: Sequence[int] = (), *, generator: torch.Generator) -> Tensor:
        """Draws (*shape, *batch, D) of zeros and ones, in the dtype of the logits."""
        probs = self.mean.detach()
        return (uniform_noise(shape, probs, generator) < probs).to(probs.dtype)

    def entropy(self) -> Tensor:
        """−Σ_d [p log p + (1 − p) log(1 − p)], (*batch,) nats, with 0 · log 0 = 0."""
        log_probs = self.log_probs
        return weighted(log_probs.exp(), -log_probs).sum(0).sum(-1)

    def __repr__(self) -> str:
        return f"Bernoulli(batch {tuple(self.batch_shape)}, D = {self.event_shape[0]})"


def two_log_probs(logits: Tensor) -> Tensor:
    """log σ(logits) and log σ(−logits), (2, *batch, D)."""
    return logsigmoid(torch.stack((logits, -logits)))


def require_logits(logits: Tensor) -> Tensor:
    """Raises ValueError unless logits is (*batch, D), D ≥ 1, of floats and without NaN."""
    require_no_nan("logits", logits)
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise ValueError(
            f"logits must have shape (*batch, D) with D ≥ 1, got {tuple(logits.shape)}"
        )
    return require_nonempty("logits", logits)


def require_binary(name: str, value: Tensor) -> None:
    """Raises ValueError unless every entry is 0 or 1."""
    # x − x² is 0 for 0 and 1 alone, and NaN for +∞; a sum of sizes is 0 only if all of them are.
    # Three passes, a sixth of what a comparison with 0 and with 1 takes.
    excess = torch.addcmul(value, value, value, value=-1.0).detach()
    if excess.abs_().sum().item() != 0.0:
        drawn = "data.binarise draws them from grey levels 0..255"
        advice = f"0 or 1 ({drawn}; grey pixels need ContinuousBernoulli or Binomial)"
        require_all(name, value, (value == 0) | (value == 1), advice)
