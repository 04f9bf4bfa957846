"""Worlds whose latent is one of K states: evidence and posterior by enumeration."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.arguments import (
    as_double,
    require_all,
    require_broadcastable,
    require_finite,
    require_integers,
    require_nonempty,
    require_shape,
)
from course_lib.distributions import Bernoulli, Categorical, Distribution


class Selected:
    """p(x|z) for given states z: entry z of a distribution with batch (K,).

    components: batch (K,); index: integers 0 … K−1, (*n,), which is the batch shape.
    """

    def __init__(self, components: Distribution, index: Tensor) -> None:
        self._components, self._index = components, index
        self.batch_shape, self.event_shape = index.shape, components.event_shape

    @property
    def mean(self) -> Tensor:
        """E[x|z], (*n, *event)."""
        return self._components.mean[self._index]

    @property
    def variance(self) -> Tensor:
        """The variance of each coordinate, (*n, *event)."""
        return self._components.variance[self._index]

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value|z), (*samples, *n) nats, for value (*samples, *n, *event)."""
        table = state_log_probs(self._components, value)  # (*samples, *n, K)
        shape = require_broadcastable("value", table.shape[:-1], "batch", self.batch_shape)
        index = self._index.expand(shape).unsqueeze(-1)
        return table.expand(*shape, table.shape[-1]).gather(-1, index).squeeze(-1)

    def sample(self, shape: Sequence[int] = (), *, generator: torch.Generator) -> Tensor:
        """Draws (*shape, *n, *event): one from every state, of which z picks its own."""
        event = (1,) * len(self.event_shape)
        lead = (*require_shape("shape", shape), *self.batch_shape)
        every = self._components.sample(lead, generator=generator)  # (*shape, *n, K, *event)
        index = self._index.expand(lead).reshape(*lead, 1, *event)
        axis = len(lead)
        return every.gather(axis, index.expand(*lead, 1, *self.event_shape)).squeeze(axis)

    def entropy(self) -> Tensor:
        """The entropy of p(x|z), (*n,) nats."""
        return self._components.entropy()[self._index]


class DiscreteLatent:
    """z ~ prior over K states, x|z ~ entry z of `components`: a finite mixture.

    prior: Categorical with batch () over K; components: any distribution with batch (K,).
    z are integers (*n,); q are Categoricals over the K states. Everything is enumerated.
    Raises ValueError if K disagrees.
    """

    def __init__(self, prior: Categorical, components: Distribution) -> None:
        if not isinstance(prior, Categorical) or prior.batch_shape != ():
            raise ValueError(f"prior must be a Categorical with batch (), got {prior!r}")
        states = prior.log_probs.shape[-1]
        if components.batch_shape != (states,):
            raise ValueError(
                f"components must have batch ({states},), one for each state of the prior, "
                f"got {tuple(components.batch_shape)}"
            )
        self.prior, self.components, self.states = prior, components, states

    def decoder(self, z: Tensor) -> Selected:
        """p(x|z) for integers z (*n,), with batch (*n,)."""
        z = require_nonempty("z", require_integers("z", z)).long()
        require_all("z", z, (z >= 0) & (z < self.states), f"a state from 0 to {self.states - 1}")
        return Selected(self.components, z)

    def log_joint(self, x: Tensor, z: Tensor) -> Tensor:
        """log p(x|z) + log p(z), (*samples, *batch), for z (*samples, *batch)."""
        return self.decoder(z).log_prob(x) + self.prior.log_prob(z)

    def log_joints(self, x: Tensor) -> Tensor:
        """log p(x, z = k) for every state k, (*batch, K), for x (*batch, *event)."""
        return state_log_probs(self.components, x).double() + self.prior.log_probs.double()

    def log_evidence(self, x: Tensor) -> Tensor:
        """log p(x) = log Σ_k π_k p(x|k), (*batch,) nats; −inf if x is impossible.  (Eq. 1.7)"""
        return self.log_joints(x).logsumexp(-1)

    def posterior(self, x: Tensor) -> Categorical:
        """p(z = k|x) = π_k p(x|k)/p(x), for x (*batch, *event).

        Raises ValueError if some x is impossible: there is no posterior then.
        """
        joints = self.log_joints(x)
        possible = joints.amax(-1) > -math.inf
        if not bool(possible.all()):
            where = tuple(int(i) for i in (~possible).nonzero()[0])
            raise ValueError(f"x must be possible, got probability 0 in every state at {where}")
        return Categorical(joints)

    def elbo(self, q: Categorical, x: Tensor) -> Tensor:
        """Σ_k q_k [log p(x, k) − log q_k], (*batch,) nats, with 0 · log 0 = 0.  (Eq. 3.2)

        q: batch broadcastable with that of x. −inf where q_k > 0 and p(x, k) = 0.
        Raises ValueError unless q is a Categorical over K states.
        """
        if not isinstance(q, Categorical) or q.log_probs.shape[-1] != self.states:
            raise ValueError(f"q must be a Categorical over {self.states} states, got {q!r}")
        joints, log_q = self.log_joints(x), q.log_probs.double()
        require_broadcastable("q's batch", q.batch_shape, "x's batch", joints.shape[:-1])
        never = log_q == -math.inf
        ratio = (joints - log_q.masked_fill(never, 0.0)).masked_fill(never, 0.0)
        lost = ratio == -math.inf  # also where q_k is so small that its exp is 0
        terms = log_q.exp() * ratio.masked_fill(lost, 0.0)
        return terms.masked_fill(lost, -math.inf).sum(-1)

    def __repr__(self) -> str:
        return f"DiscreteLatent(K = {self.states})"


def state_log_probs(components: Distribution, x: Tensor) -> Tensor:
    """log p(x|k) for every k, (*batch, K), for x (*batch, *event)."""
    event = len(components.event_shape)
    require_nonempty("x", require_finite("x", x) if event else x)
    return components.log_prob(x.unsqueeze(x.ndim - event))


def two_state_world(prior: float = 0.3, probs: tuple[float, float] = (0.1, 0.8)) -> DiscreteLatent:
    """z is 1 with probability `prior`, and x is 1 with probability probs[z], else 0.

    With two states and two outcomes everything can be counted: prior 0.01 and probs (0.05, 0.9)
    is the rare illness and its test. Raises ValueError unless all three lie in [0, 1].
    """
    chance = require_finite("prior", as_double("prior", prior))
    require_all("prior", chance, (chance >= 0) & (chance <= 1), "a probability")
    if chance.ndim:
        raise ValueError(f"prior must be one number, got shape {tuple(chance.shape)}")
    given = as_double("probs", probs)
    if given.shape != (2,):
        raise ValueError(f"probs must be two numbers, got shape {tuple(given.shape)}")
    table = Categorical.from_probs(torch.stack([1.0 - chance, chance]))
    return DiscreteLatent(table, Bernoulli.from_probs(given.unsqueeze(-1)))
