"""A chain of finite states z_T → … → z_1 → x: every configuration of it enumerated."""

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from course_lib.arguments import (
    Numbers,
    as_double,
    require_all,
    require_count,
    require_finite,
    require_index,
    require_nonempty,
)
from course_lib.exact.chain_expectations import ChainExpectations


class DiscreteChain:
    """z_T ~ prior, z_{t−1}|z_t ~ row z_t of arrows[t−1], x = z_0; every state is an integer.

    prior: (K_T,) probabilities. arrows: T tables, as LinearGaussianChain orders its layers: entry
    0 is p(x|z_1), (K_1, K_0), entry T−1 is p(z_{T−1}|z_T), (K_T, K_{T−1}); rows sum to 1.
    A table over all configurations has axes (K_1, …, K_T), z_1 first. Works in float64.
    Raises ValueError if a table is no table of probabilities or the sizes do not chain.
    """

    def __init__(self, prior: Numbers, arrows: Sequence[Numbers]) -> None:
        self.prior = _table("prior", prior, 1)
        if not isinstance(arrows, (Sequence, Tensor)) or len(arrows) == 0:
            raise ValueError(f"arrows must be a list with one table a layer, got {arrows!r}")
        self.arrows = [
            _table(f"arrows[{t}], p(z_{t}|z_{t + 1}),", arrow, 2) for t, arrow in enumerate(arrows)
        ]
        self.sizes = [arrow.shape[1] for arrow in self.arrows] + [len(self.prior)]  # K_0, …, K_T
        _require_shapes("arrows", self.arrows, [(a, b) for b, a in pairwise(self.sizes)])

    @property
    def depth(self) -> int:
        """T."""
        return len(self.arrows)

    @property
    def states(self) -> Tensor:
        """All configurations (z_1, …, z_T), one a row: (Π K_t, T) integers.

        In the order of a table over all configurations that is flattened.
        """
        axes = [torch.arange(size, device="cpu") for size in self.sizes[1:]]
        return torch.cartesian_prod(*axes).reshape(-1, self.depth)

    def log_joint(self, x: Tensor) -> Tensor:
        """log p(x, z_{1:T}) for every configuration: (*batch, K_1, …, K_T) nats.  (Eq. 10.1)

        x: integers (*batch,). −inf where the configuration cannot be.
        """
        return sum(self._log_arrows(x), start=self._last(self.prior.log(), self.depth))

    def log_evidence(self, x: Tensor) -> Tensor:
        """log p(x), the sum over all configurations, (*batch,) nats; −inf if x is impossible."""
        return self._flat(self.log_joint(x)).logsumexp(-1)

    def posterior(self, x: Tensor) -> Tensor:
        """p(z_{1:T}|x) = p(x, z_{1:T})/p(x) for every configuration: (*batch, K_1, …, K_T).

        Raises ValueError if some x is impossible.
        """
        log_p = self.log_evidence(x)
        require_all("x", x, log_p > -math.inf, "possible under the chain")
        return (self.log_joint(x) - self._last(log_p, 0)).exp()

    def marginal(self, level: int) -> Tensor:
        """p(z_t), (K_t,), for t = level from 0 (x itself) to T. Raises ValueError for another."""
        level = require_count("level", level, least=0)
        if level > self.depth:
            raise ValueError(f"level must be from 0 to T = {self.depth}, got {level}")
        return self._log_marginals[level].exp()

    def exact_encoder(self) -> list[Tensor]:
        """The T exact factors p(z_t|z_{t−1}), (K_{t−1}, K_t), from z_1 given x up.  (Eq. 10.3)

        Each by Bayes' rule for its own arrow; no other layer enters, and above z_1 no x.
        Raises ValueError if some state of z_0, …, z_{T−1} is impossible: it has no row.
        """
        tables = []
        for level in range(1, self.depth + 1):
            below, above = self._log_marginals[level - 1], self._log_marginals[level]
            require_all(f"p(z_{level - 1})", below.exp(), below > -math.inf, "positive")
            joint = above + self.arrows[level - 1].mT.log()
            tables.append((joint - below.unsqueeze(-1)).exp())
        return tables

    def top_down_factor(self, level: int, x: Tensor) -> Tensor:
        """p(z_{t−1}|z_t, x) ∝ p(z_{t−1}|z_t) p(x|z_{t−1}), t = level from 2 to T.  (Eq. 10.4)

        There is none for t = 1: z_0 is x, and given. x: integers (*batch,). Returns (*batch, K_t,
        K_{t−1}): a table for each x.
        Raises ValueError if some state z_t makes x impossible.
        """
        level = require_count("level", level)
        if not 2 <= level <= self.depth:
            raise ValueError(f"level must be from 2 to T = {self.depth}, got {level}")
        likelihood = self.arrows[0].mT[self._observed(x)].log()  # log p(x|z_1), (*batch, K_1)
        for arrow in self.arrows[1 : level - 1]:
            likelihood = log_product(likelihood, arrow.mT.log())  # of z_{t−1}, up to t = level
        joint = self.arrows[level - 1].log() + likelihood.unsqueeze(-2)
        total = joint.logsumexp(-1, keepdim=True)  # log p(x|z_t)
        require_all(f"p(x|z_{level})", total.exp(), total > -math.inf, "positive")
        return (joint - total).exp()

    def encoded(self, encoder: Sequence[Numbers], x: Tensor) -> Tensor:
        """q(z_{1:T}|x) = Π_t q(z_t|z_{t−1}) for every configuration: (*batch, K_1, …, K_T).

        encoder: T tables, the t-th (K_{t−1}, K_t), rows sum to 1.  (Eq. 10.2)
        """
        first, *above = self._encoder(encoder)
        q = self._last(first[self._observed(x)], 1)
        for level, table in enumerate(above, 2):
            q = q * self._last(table, level)
        return q

    def terms(self, encoder: Sequence[Numbers], x: Tensor) -> ChainExpectations:
        """Every expectation in the ELBO under q(z_{1:T}|x) = Π_t q(z_t|z_{t−1}), enumerated.

        encoder: as for `encoded`. x: integers (*batch,). See ChainExpectations; the entropies
        are of states, so never negative. A term is −inf where q believes in what cannot be.
        """
        first, *above = self._encoder(encoder)
        factors = [self._last(first[self._observed(x)].log(), 1)]
        factors += [self._last(table.log(), level) for level, table in enumerate(above, 2)]
        log_q = sum(factors[1:], start=factors[0])
        q = log_q.exp()
        expected = [self._expectation(log_q, values) for values in self._log_arrows(x)]
        return ChainExpectations(
            reconstruction=expected[0],
            transitions=torch.stack(expected[1:]) if above else q.new_zeros(0, *x.shape),
            prior=self._expectation(log_q, self._last(self.prior.log(), self.depth)),
            conditional_entropies=torch.stack([-self._expectation(log_q, v) for v in factors]),
            marginal_entropies=torch.stack(
                [_entropy(self._over(q, level)) for level in range(1, self.depth + 1)]
            ),
        )

    @cached_property
    @torch.inference_mode(False)  # kept for later calls, which may want slopes
    def _log_marginals(self) -> list[Tensor]:
        """log p(z_0), …, log p(z_T), from the top down: products of rare events would underflow."""
        below = [self.prior.log()]
        for arrow in reversed(self.arrows):
            below.append(log_product(below[-1], arrow.log()))
        return below[::-1]

    def _log_arrows(self, x: Tensor) -> list[Tensor]:
        """log p(x|z_1), then log p(z_{t−1}|z_t) for t = 2 … T, each on its own axes."""
        first, *above = self.arrows
        seen = first.mT[self._observed(x)].log()  # (*batch, K_1)
        higher = [self._last(table.mT.log(), level) for level, table in enumerate(above, 2)]
        return [self._last(seen, 1), *higher]

    def _last(self, values: Tensor, level: int) -> Tensor:
        """`values`, whose last axis is z_level (0: the batch), with axes up to z_T appended."""
        return values.reshape(*values.shape, *(1,) * (self.depth - level))

    def _flat(self, values: Tensor) -> Tensor:
        """The axes (K_1, …, K_T) as one."""
        return values.flatten(values.ndim - self.depth)

    def _expectation(self, log_q: Tensor, values: Tensor) -> Tensor:
        """Σ q · values over all configurations, (*batch,).

        0 · (−inf) = 0, but a q > 0 that no float can hold still makes it −inf.
        """
        values = torch.where(log_q == -math.inf, 0.0, values)
        never = values == -math.inf
        return self._flat(torch.where(never, values, log_q.exp() * values)).sum(-1)

    def _over(self, q: Tensor, level: int) -> Tensor:
        """The marginal of q over z_level, (*batch, K_level)."""
        others = [axis for axis in range(-self.depth, 0) if axis != level - 1 - self.depth]
        return q.sum(others) if others else q

    def _encoder(self, encoder: Sequence[Numbers]) -> list[Tensor]:
        if not isinstance(encoder, Sequence):
            raise ValueError(f"encoder must be a list of tables, got {type(encoder).__name__}")
        tables = [
            _table(f"encoder[{t}], q(z_{t + 1}|z_{t}),", table, 2)
            for t, table in enumerate(encoder)
        ]
        _require_shapes("encoder", tables, list(pairwise(self.sizes)))
        return tables

    def _observed(self, x: Tensor) -> Tensor:
        return require_nonempty("x", require_index("x", x, self.sizes[0]))

    def __repr__(self) -> str:
        return f"DiscreteChain(sizes {self.sizes}, x first)"


def log_product(log_row: Tensor, log_table: Tensor) -> Tensor:
    """log Σ_k exp(log_row_k + log_table_kj), (*batch, J), for (*batch, K) and (K, J)."""
    return (log_row.unsqueeze(-1) + log_table).logsumexp(-2)


def _entropy(probs: Tensor) -> Tensor:
    """−Σ p log p over the last axis, nats, with 0 · log 0 = 0."""
    result: Tensor = -torch.special.xlogy(probs, probs).sum(-1)
    return result


def _table(name: str, values: Numbers, axes: int) -> Tensor:
    """Probabilities with that many axes, the last of which sums to 1, in float64."""
    table = as_double(name, values)
    if table.ndim != axes or table.numel() == 0:
        raise ValueError(f"{name} must be a table with {axes} axes, got {tuple(table.shape)}")
    require_all(name, require_finite(name, table), table >= 0, "at least 0")
    total = table.sum(-1)
    slack = 4 * table.shape[-1] * torch.finfo(table.dtype).eps  # sums that are 1 on paper
    require_all(f"each sum of {name}", total, (total - 1).abs() <= slack, "1")
    return table.double()


def _require_shapes(name: str, tables: list[Tensor], wanted: list[tuple[int, int]]) -> None:
    found = [tuple(table.shape) for table in tables]
    if found != wanted:
        raise ValueError(f"{name} must be tables of shapes {wanted}, got {found}")
