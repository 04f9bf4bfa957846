"""What training makes go up: the ELBO, and its relatives that the literature trains.

An objective maps (model, x, generator, progress) to the bound per example, (batch,) nats, and to
the named terms that the history keeps. progress runs from 0 to 1 over the training.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Generator, Tensor

from course_lib.arguments import (
    as_double,
    require_count,
    require_nonempty,
    require_number,
    require_positive,
)
from course_lib.bounds import importance_weighted_bound

Bound = tuple[Tensor, dict[str, Tensor]]
OF_THE_EPOCH = ("epoch", "core_seconds", "rate")  # what a row of the history has beside the terms


class BoundTerms(Protocol):
    """The terms of an ELBO, (batch,) nats each, such as vae.ChainTerms."""

    @property
    def reconstruction(self) -> Tensor:
        """log p(x|z_1)."""
        ...

    @property
    def costs(self) -> Sequence[Tensor]:
        """What each layer costs, z_1's first."""
        ...

    @property
    def cost(self) -> Tensor:
        """The sum of the costs."""
        ...

    @property
    def elbo(self) -> Tensor:
        """reconstruction − cost."""
        ...

    def named(self) -> dict[str, Tensor]:
        """The terms by the names that the history keeps."""
        ...


class Trainable(Protocol):
    """What the objectives ask of a model: a torch.nn.Module that has these, as MarkovHVAE has."""

    def terms(self, x: Tensor, *, generator: Generator) -> BoundTerms:
        """The ELBO's terms for each x, at one sample of q."""
        ...

    def log_weights(self, x: Tensor, k: int, *, generator: Generator) -> Tensor:
        """log p(x, z) − log q(z|x) at k samples of q, (k, batch)."""
        ...


class Objective(Protocol):
    """A bound to maximise, per example, with its named terms.

    Those below take a Trainable; one of your own takes whatever model it knows how to bound.
    """

    def __call__(self, model: Any, x: Tensor, *, generator: Generator, progress: float) -> Bound:
        """The bound for each x and its terms, (batch,) each."""
        ...


def elbo(model: Trainable, x: Tensor, *, generator: Generator, progress: float) -> Bound:
    """The ELBO with one sample of q, as `model.terms` gives it.  (Eq. 9.5)"""
    _require_able(model, "terms")
    terms = model.terms(x, generator=generator)
    bound = terms.elbo
    return bound, {"elbo": bound, **terms.named()}


def importance_weighted(k: int) -> Objective:
    """L_k, the importance-weighted bound of k samples.  (Eq. 3.4)

    The history keeps it as bound_k, and of the same samples the means that are the ELBO and, if the
    model can weigh(x, k, …) as HVAEs can, its terms.
    Raises ValueError if k < 1. Source: Burda, Grosse & Salakhutdinov 2016, section 3.
    """
    k = require_count("k", k)

    def bound(model: Trainable, x: Tensor, *, generator: Generator, progress: float) -> Bound:
        _require_able(model, "log_weights")
        named: dict[str, Tensor] = {}
        if hasattr(model, "weigh"):
            log_weights, terms = model.weigh(x, k, generator=generator)  # each (k, batch)
            named = terms.named()
        else:
            log_weights = model.log_weights(x, k, generator=generator)  # (k, batch)
        value = importance_weighted_bound(log_weights)
        means = {name: term.mean(0) for name, term in named.items()}
        return value, {"elbo": log_weights.detach().mean(0), f"bound_{k}": value, **means}

    return bound


def warm_up(until: float, start: float = 0.0) -> Objective:
    """The ELBO with its costs times β, which rises from `start` to 1 while progress < until.

    Before that it is the ELBO + (1 − β) · cost: above the ELBO where the cost is positive, and no
    bound on log p(x).
    Afterwards it is the ELBO, which is what the history keeps as elbo throughout.
    Raises ValueError unless 0 < until ≤ 1 and 0 ≤ start ≤ 1.
    Source: Sønderby et al. 2016, section 2.3.
    """
    until = _require_until(until)
    start = require_number("start", start)
    if not 0 <= start <= 1:
        raise ValueError(f"start must lie in [0, 1], got {start}")

    def bound(model: Trainable, x: Tensor, *, generator: Generator, progress: float) -> Bound:
        _require_able(model, "terms")
        terms = model.terms(x, generator=generator)
        weight = min(1.0, start + (1 - start) * progress / until)
        value = terms.reconstruction - weight * terms.cost
        return value, {"elbo": terms.elbo, **terms.named()}

    return bound


def free_bits(nats: float, until: float = 1.0) -> Objective:
    """The ELBO in which a layer whose mean cost over the batch is below `nats` costs nothing.

    A layer is then free to say that much, so it does not die at the start. Until progress reaches
    `until` it is the ELBO + the costs that are let off: above the ELBO where these are positive,
    and no bound on log p(x). Afterwards it is the ELBO, which the history keeps throughout.
    Raises ValueError unless nats ≥ 0 and 0 < until ≤ 1.
    Source: Kingma et al. 2016, appendix C.8, per layer.
    """
    until = _require_until(until)
    nats = require_number("nats", nats)
    if nats < 0:
        raise ValueError(f"nats must be at least 0, got {nats}")

    def bound(model: Trainable, x: Tensor, *, generator: Generator, progress: float) -> Bound:
        _require_able(model, "terms")
        terms = model.terms(x, generator=generator)
        # max(mean cost, nats) has the gradient of the cost above that floor and none below it.
        # Without the floor every layer counts: a lower one's cost is no KL, and may be negative.
        charged = [cost for cost in terms.costs if progress >= until or cost.mean() > nats]
        return terms.reconstruction - sum(charged), {"elbo": terms.elbo, **terms.named()}

    return bound


def weighted_elbo(betas: Tensor | Sequence[float]) -> Objective:
    """E_q log p(x|z) − β KL(q ‖ p) of each stacked model with its own β.  (Eq. 5.2)

    betas: (M,). A lower bound on log p(x) for β ≥ 1, none for β < 1. The bound that is returned is
    summed over the models, so that each has the gradient that it would have alone. Raises
    ValueError unless there is one positive β for each model.
    Source: Higgins et al. 2017.
    """
    weights = require_positive("betas", require_nonempty("betas", as_double("betas", betas)))
    if weights.ndim != 1:
        raise ValueError(f"betas must be (M,), got shape {tuple(weights.shape)}")
    # A copy, so that what becomes of betas later is nothing to the objective; and one made outside
    # inference mode, as autograd may keep no tensor that was made inside.
    with torch.inference_mode(False):
        weights = weights.detach().clone()

    def bound(model: Trainable, x: Tensor, *, generator: Generator, progress: float) -> Bound:
        _require_able(model, "terms")
        terms = model.terms(x, generator=generator)  # each (M, B)
        if terms.cost.shape[:-1] != weights.shape:
            raise ValueError(
                f"betas {tuple(weights.shape)} must be as many as the models that are stacked, "
                f"whose terms have shape {tuple(terms.cost.shape)}"
            )
        value = terms.reconstruction - weights[:, None].to(terms.cost) * terms.cost
        named = {"elbo": terms.elbo, "reconstruction": terms.reconstruction, "cost": terms.cost}
        return value.sum(0), {name: term.detach().mean(0) for name, term in named.items()}

    return bound


def require_objective(objective: object) -> None:
    """Raises ValueError unless it can be called; also if it only makes objectives."""
    if not callable(objective):
        raise ValueError(f"objective must be callable, as warm_up(0.5) is, got {objective!r}")
    for maker, made in (
        (importance_weighted, "importance_weighted(5)"),
        (warm_up, "warm_up(0.5)"),
        (free_bits, "free_bits(0.5)"),
        (weighted_elbo, "weighted_elbo([0.5, 1.0])"),
    ):
        if objective is maker:
            raise ValueError(f"objective must be made with its number first: give {made}")


def require_bound(found: object, count: int) -> Bound:
    """What an objective returned for `count` examples.

    Raises ValueError unless it is the bound and its named terms, each (count,), under names that an
    epoch's row of the history does not have for something else.
    """
    if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], dict)):
        got = f"{type(found).__name__} {found!r}" if isinstance(found, tuple) else found
        raise ValueError(
            "objective must return the bound and its terms by name, such as "
            f'(elbo, {{"elbo": elbo}}), got {got}'
        )
    bound, terms = found
    for name, value in (("the bound", bound), *terms.items()):
        if not isinstance(value, Tensor) or value.shape != (count,):
            got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"{value!r}"
            raise ValueError(
                f"objective must return {name} as ({count},), one number an example, got {got}"
            )
    taken = sorted(terms.keys() & set(OF_THE_EPOCH))
    if taken:
        raise ValueError(f"objective must give its terms other names than {taken[0]!r}")
    return bound, terms


def _require_able(model: Trainable, method: str) -> None:
    """Raises ValueError unless the model has the method that the objective needs."""
    if not hasattr(model, method):
        raise ValueError(
            f"the model must have {method}(x, …), as MarkovHVAE has, got {type(model).__name__}"
        )


def _require_until(until: float) -> float:
    """Raises ValueError unless it is a share of the training."""
    until = require_number("until", until)
    if not 0 < until <= 1:
        raise ValueError(f"until must lie in (0, 1], got {until}")
    return until
