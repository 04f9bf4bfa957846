"""What training makes go up: the ELBO, and its relatives that the literature trains.

An objective maps (model, x, generator, progress) to the bound per example, (batch,) nats, and to
the named terms that the history keeps. progress runs from 0 to 1 over the training.
"""

from typing import Any, Protocol

import torch
from torch import Generator, Tensor

Bound = tuple[Tensor, dict[str, Tensor]]


class Objective(Protocol):
    """A bound to maximise, per example, with its named terms."""

    def __call__(self, model: Any, x: Tensor, *, generator: Generator, progress: float) -> Bound:
        """The bound for each x and its terms, (batch,) each."""
        ...


def elbo(model: Any, x: Tensor, *, generator: Generator, progress: float) -> Bound:
    """The ELBO with one sample of q, as `model.terms` gives it.  (Eq. 9.5)"""
    terms = model.terms(x, generator=generator)
    bound = terms.elbo
    return bound, {"elbo": bound, **terms.named()}


def importance_weighted(k: int) -> Objective:
    """L_k, the importance-weighted bound of k samples.  (Eq. 3.4)

    Source: Burda, Grosse & Salakhutdinov 2016, section 3.
    """

    def bound(model: Any, x: Tensor, *, generator: Generator, progress: float) -> Bound:
        log_weights = model.log_weights(x, k, generator=generator)  # (k, batch)
        value = torch.logsumexp(log_weights, 0) - torch.log(torch.tensor(float(k)))
        return value, {"elbo": log_weights.mean(0), f"bound_{k}": value}

    return bound


def warm_up(until: float, start: float = 0.0) -> Objective:
    """The ELBO with its KL terms times β, which rises from `start` to 1 while progress < until.

    Afterwards it is the ELBO. Source: Sønderby et al. 2016, section 2.3.
    """

    def bound(model: Any, x: Tensor, *, generator: Generator, progress: float) -> Bound:
        terms = model.terms(x, generator=generator)
        weight = min(1.0, start + (1 - start) * progress / until)
        value = terms.reconstruction - weight * terms.kl
        return value, {"elbo": terms.elbo, **terms.named()}

    return bound


def free_bits(nats: float, until: float = 1.0) -> Objective:
    """The ELBO in which a layer's KL, averaged over the batch, costs nothing below `nats`.

    A layer is then free to say that much, so it does not die at the start; once progress reaches
    `until`, plain ELBO. Source: Kingma et al. 2016, appendix C.8, per layer.
    """

    def bound(model: Any, x: Tensor, *, generator: Generator, progress: float) -> Bound:
        terms = model.terms(x, generator=generator)
        floor = nats if progress < until else 0.0
        # max(mean KL, floor) has the gradient of the KL above the floor and none below it.
        charged = [kl for kl in terms.kls if kl.mean() > floor]
        return terms.reconstruction - sum(charged), {"elbo": terms.elbo, **terms.named()}

    return bound
