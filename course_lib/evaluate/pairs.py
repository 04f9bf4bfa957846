"""log p(x|z) of every datum at every latent, by one matrix product."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from course_lib.arguments import require_event, require_same_dtype
from course_lib.distributions import Bernoulli, Binomial, Distribution


def log_probs_of_pairs(likelihood: Distribution, x: Tensor) -> Tensor:
    """log p(x_b | z_s) of every pair, for x (B, D) and a likelihood of batch (S,): (B, S) nats.

    Σ_d log C(n, x_d) + x·η − n Σ_d log(1 + e^η_d), η = logits, n = 1 for flips: linear in x but
    for the first term, so that one matrix product serves all pairs.
    Raises ValueError for another likelihood, other shapes or two precisions.
    """
    if not isinstance(likelihood, Binomial | Bernoulli):
        raise ValueError(f"pixels must be flips or counts, got {type(likelihood).__name__}")
    require_event("x", x, likelihood.event_shape[0])
    require_same_dtype("x", x, "logits", likelihood.logits)
    if x.ndim != 2 or likelihood.logits.ndim != 2:
        raise ValueError(
            f"x must be (B, D) and logits (S, D), got {tuple(x.shape)} and "
            f"{tuple(likelihood.logits.shape)}"
        )
    count = likelihood.total_count if isinstance(likelihood, Binomial) else 1
    flat = Binomial(count, torch.zeros_like(x[0]))  # every flip is fair
    coefficients = flat.log_prob(x) - flat.log_prob(torch.zeros_like(x[0]))  # (B,)
    none = -count * softplus(likelihood.logits).sum(-1)  # log p(0), (S,)
    return x @ likelihood.logits.mT + none + coefficients.unsqueeze(-1)
