"""One printed formula for the bound of a chain, the four ways to read it, and how far each is off.

    E log p(x|z_1) + Σ_{t≥2} E log p(z_{t−1}|z_t) − Σ_{t≥1} E log q(z_t|z_{t−1}) − KL(q(z_T) ‖ p)

The sum over q may go on to T or stop at T − 1, and the KL may be of q(z_T|z_{T−1}), averaged over
z_{T−1}, or of the marginal q(z_T|x). One of the four is the ELBO. All are per example, in nats.

    >>> from course_lib.chain_readings import printed_supremum
    >>> from course_lib.distributions import DiagonalGaussian
    >>> top = DiagonalGaussian.standard(1)
    >>> round(printed_supremum(-1.0, top).item(), 4)  # a "bound" on log p(x) = −1 that is above it
    0.6121
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import torch
from torch import Generator, Tensor

from course_lib.arguments import Numbers, as_double, require_count, require_finite
from course_lib.distributions import (
    DiagonalGaussian,
    Distribution,
    FullGaussian,
    kl_divergence,
)
from course_lib.exact import ChainExpectations

CORRECT = "correct"
CONDITIONAL = "printed, conditional KL"
MARGINAL = "printed, marginal KL"
SHORT = "sum to T−1, marginal KL"
READINGS = (CORRECT, CONDITIONAL, MARGINAL, SHORT)


class ChainModel(Protocol):
    """A trained chain, as `sample_terms` asks for one: vae.MarkovHVAE is one."""

    direction: str

    @property
    def prior(self) -> DiagonalGaussian:
        """p(z_T)."""
        ...

    def encode(
        self, x: Tensor, shape: Sequence[int], *, generator: Generator
    ) -> tuple[list[DiagonalGaussian], list[Tensor]]:
        """The factors q(z_t|z_{t−1}) and [z_1, …, z_T] drawn from them, (*shape, *batch, d_t)."""
        ...

    def generate(self, level: int, z: Tensor) -> Distribution:
        """p(z_{t−1}|z_t), t = level; p(x|z_1) for level 1."""
        ...


def read(terms: ChainExpectations) -> dict[str, Tensor]:
    """What each reading of the formula gives, by the names in READINGS, (*batch,) each.  (Eq. 12.5)

    "correct" is the ELBO; the others miss it by `errors`. For T = 1, where z_0 is x, the sum to
    T − 1 is empty and its two readings are both the ELBO.
    """
    entropies = terms.conditional_entropies
    lower = terms.reconstruction + terms.transitions.sum(0) + entropies[:-1].sum(0)
    conditional_kl, marginal_kl = layer_costs(terms)[-1], layer_kls(terms)[-1]
    return {
        CORRECT: terms.elbo,
        CONDITIONAL: lower + entropies[-1] - conditional_kl,
        MARGINAL: lower + entropies[-1] - marginal_kl,
        SHORT: lower - marginal_kl,
    }


def errors(terms: ChainExpectations) -> dict[str, Tensor]:
    """How far each reading lies above the ELBO: an entropy of q's top layer, or a difference of
    two.  (Eq. 12.6)

    0, h(z_T|z_{T−1}), h(z_T|x) and I_q(z_T; z_{T−1}|x) = h(z_T|x) − h(z_T|z_{T−1}) ≥ 0. The second
    and third are differential entropies in a continuous chain, and may have either sign. Every term
    must be finite: where the ELBO is −∞, so are the readings, and −∞ − (−∞) says nothing.
    """
    conditional, marginal = terms.conditional_entropies[-1], terms.marginal_entropies[-1]
    return {
        CORRECT: torch.zeros_like(conditional),
        CONDITIONAL: conditional,
        MARGINAL: marginal,
        SHORT: marginal - conditional,
    }


def layer_costs(terms: ChainExpectations) -> Tensor:
    """E[log q(z_t|z_{t−1}) − log p(z_t|z_{t+1})] for t = 1 … T, (T, *batch) nats.  (Eq. 12.2)

    ELBO = reconstruction − their sum. The last is E KL(q(z_T|z_{T−1}) ‖ p(z_T)); the others are no
    KLs, since q looks down and p looks up, and may be negative.
    """
    return -terms.conditional_entropies - _log_priors(terms)


def layer_kls(terms: ChainExpectations) -> Tensor:
    """E KL(q(z_t|z_{t+1}, x) ‖ p(z_t|z_{t+1})) for t < T, then KL(q(z_T|x) ‖ p(z_T)).  (Eq. 12.4)

    (T, *batch) nats, none below 0. ELBO = reconstruction − their sum, the same as of `layer_costs`.
    By Bayes within q, h(z_t|z_{t+1}, x) = h(z_t|x) + h(z_{t+1}|z_t) − h(z_{t+1}|x).
    """
    conditional, marginal = terms.conditional_entropies, terms.marginal_entropies
    reversed_entropies = marginal[:-1] + conditional[1:] - marginal[1:]
    return -torch.cat([reversed_entropies, marginal[-1:]]) - _log_priors(terms)


def _log_priors(terms: ChainExpectations) -> Tensor:
    """E log p(z_t|z_{t+1}) for t = 1 … T − 1, then E log p(z_T): (T, *batch)."""
    return torch.cat([terms.transitions, terms.prior.unsqueeze(0)])


def printed_supremum(log_evidence: Numbers, top: DiagonalGaussian | FullGaussian) -> Tensor:
    """max over q of "printed, conditional KL" in a linear-Gaussian chain, nats.  (Eq. 12.7)

    log p(x) + ½ log |2πV| + d log 2, with V (d, d) the covariance of `top`, the exact
    p(z_T|z_{T−1}): reached by q(z_T|z_{T−1}) ∝ p(z_T|z_{T−1})^½, whose covariance is 2V, above the
    exact factors of the layers below. log_evidence: (*batch,), broadcastable with top's batch.
    Raises ValueError if an entry of it is not finite.
    """
    log_p = require_finite("log_evidence", as_double("log_evidence", log_evidence))
    return log_p + top.entropy() + top.event_shape[0] * (math.log(2) - 0.5)


@torch.no_grad()
def sample_terms(
    model: ChainModel, x: Tensor, *, groups: int, size: int, generator: Generator
) -> tuple[ChainExpectations, ChainExpectations]:
    """The terms of a trained chain at x (*batch, D), twice: with h(z_t|x) from below and above.

    Every group of samples makes its own estimates: a term is (groups, *batch), behind the layers'
    axis if it has one. All are unbiased but those of h(z_t|x).
    For t ≥ 2, q(z_t|x) = E q(z_t|z_{t−1}) is an endless mixture, whose density has no formula. A
    group of `size` climbs from x stands in for it: −log of the mean of q(z_t|z_{t−1}^k) over the
    group, at the z_t of each of its members. With a member's own component in the mean this is too
    low on average (entropy is concave), without it too high (Jensen); the two meet as `size` grows.
    A reading with the marginal KL adds h(z_T|x), and is too low or too high with it.
    Raises ValueError if groups < 1 or size < 2, if the model is encoded from the top, whose
    q(z_t|x) is another, and as `model.encode` does.
    Source: Yin & Zhou 2018, Semi-Implicit Variational Inference, for the lower one.
    """
    groups = require_count("groups", groups)
    size = require_count("size", size, least=2)
    if model.direction != "bottom-up":
        raise ValueError(f"model must be encoded bottom-up, got one that is {model.direction}")
    found = [_group(model, x, size, generator) for _ in range(groups)]
    place = -1 - found[0]["prior"].ndim  # before the batch, to which stacked models add an axis
    joined = {name: torch.stack([group[name] for group in found], dim=place) for name in found[0]}
    above = joined.pop("above")
    below = ChainExpectations(**joined)
    return below, replace(below, marginal_entropies=above)


def _group(model: ChainModel, x: Tensor, size: int, generator: Generator) -> dict[str, Tensor]:
    """One group's means, (*batch,) or layers first; "above" holds the upper marginal entropies."""
    factors, z = model.encode(x, (size,), generator=generator)
    arrows = [model.generate(t, z[t - 1]).log_prob(z[t - 2]).mean(0) for t in range(2, len(z) + 1)]
    entropies = [factors[0].entropy(), *(factor.entropy().mean(0) for factor in factors[1:])]
    reconstruction = model.generate(1, z[0]).log_prob(x).mean(0)
    bounds = [(entropies[0], entropies[0])]  # q(z_1|x) is one Gaussian: exact
    bounds += [_mixture_entropy(q, own) for q, own in zip(factors[1:], z[1:], strict=True)]
    top_kl = kl_divergence(factors[-1], model.prior).expand(z[-1].shape[:-1]).mean(0)
    none = reconstruction.new_zeros(0, *reconstruction.shape)
    return {
        "reconstruction": reconstruction,
        "transitions": torch.stack(arrows) if arrows else none,
        "prior": -top_kl - entropies[-1],
        "conditional_entropies": torch.stack(entropies),
        "marginal_entropies": torch.stack([below for below, _ in bounds]),
        "above": torch.stack([above for _, above in bounds]),
    }


def _mixture_entropy(q: DiagonalGaussian, z: Tensor) -> tuple[Tensor, Tensor]:
    """−mean log of the mixture of q's members, at the member's own z, with and without itself.

    q: batch (size, *batch), z (size, *batch, d) drawn from it. Returns two (*batch,).
    """
    size = len(z)
    pairs = q.log_prob(z.unsqueeze(1))  # (size, size, *batch): z of the first under q of the second
    own = torch.eye(size, dtype=torch.bool, device=z.device).reshape(
        size, size, *[1] * (pairs.ndim - 2)
    )
    with_own = torch.logsumexp(pairs, 1) - math.log(size)
    without = torch.logsumexp(pairs.masked_fill(own, -math.inf), 1) - math.log(size - 1)
    return -with_own.mean(0), -without.mean(0)
