"""Exact log p(x) of a model with a 2-D latent: the whole plane, summed."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from course_lib.arguments import require_event, require_number, require_same_dtype
from course_lib.distributions import Bernoulli, Binomial, Distribution
from course_lib.evaluate._input import require_data
from course_lib.vae import MarkovHVAE


@dataclass(frozen=True)
class PlaneEvidence:
    """log p(x) of each image, (N,) nats, and what twice the step would have given."""

    log_evidence: Tensor
    coarse: Tensor

    @property
    def nll(self) -> float:
        """−log p(X)/N, nats."""
        return -self.log_evidence.mean().item()

    @property
    def error(self) -> float:
        """The largest difference between the two steps, nats: far above the finer one's error."""
        return (self.log_evidence - self.coarse).abs().max().item()


@torch.no_grad()
def plane_log_evidence(
    model: MarkovHVAE, x: Tensor, *, edge: float = 6.0, step: float = 1 / 80
) -> PlaneEvidence:
    """log p(x) = log ∬ p(x|z) p(z) dz over |z_i| ≤ edge, by the trapezoid rule.  (Eq. 7.2)

    One decoded grid serves all images, so that ten thousand take minutes. x (N, D); pixels are
    flips or counts. Raises ValueError if they are not, the latent is not 2-D, x is not (N, D) or
    the grid is bad.
    """
    if model.depth != 1 or model.sizes[1] != 2:
        raise ValueError(f"the latent must be one layer of 2, got sizes {model.sizes[1:]}")
    require_data(model, x)
    if not 0 < require_number("step", step) <= require_number("edge", edge):
        raise ValueError(f"edge and step must satisfy 0 < step ≤ edge, got {edge} and {step}")
    half = 2 * math.ceil(edge / step / 2)  # even, so that every second node keeps both ends
    axis = torch.linspace(-edge, edge, 2 * half + 1, dtype=x.dtype, device=x.device)
    weight = torch.zeros_like(axis)
    weight[[0, -1]] = -math.log(2.0)  # the trapezoid rule halves both ends
    fine, coarse = [], []
    for first, share in zip(axis, weight, strict=True):
        z = torch.stack([first.expand_as(axis), axis], -1)  # (n, 2): one line of the grid
        pairs = log_probs_of_pairs(model.generate(1, z), x)  # (N, n)
        heights = pairs + model.prior.log_prob(z) + weight + share
        fine.append(heights.logsumexp(-1))
        coarse.append(heights[:, ::2].logsumexp(-1))
    cell = 2 * math.log(edge / half)  # not axis[1] − axis[0], which float32 rounds
    sums = torch.stack(fine).double().logsumexp(0), torch.stack(coarse[::2]).double().logsumexp(0)
    return PlaneEvidence(sums[0] + cell, sums[1] + cell + math.log(4))


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
