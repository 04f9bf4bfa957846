"""Exercises on the factors of a chain's posterior, and on its joint density."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Exercise, Mistake
from course_lib.exact import DiscreteChain
from course_lib.exercises.given import UNIT_CHAIN
from course_lib.exercises.registry import register


def _upwards(level: int, below: float) -> list[float]:
    """Mean and variance of p(z_level|z_{level−1}) in the unit chain of two."""
    q = UNIT_CHAIN.posterior_factor(level)([below])
    return [q.mean.item(), q.variance.item()]


def _downwards(above: float, x: float) -> list[float]:
    """Mean and variance of p(z_1|z_2 = above, x), by conditioning the joint posterior on z_2."""
    joint = UNIT_CHAIN.posterior([x])
    (own, shared), (_, top) = joint.covariance.tolist()
    first, second = joint.mean.tolist()
    return [first + shared / top * (above - second), own - shared**2 / top]


def _std_given(answer: list[float]) -> Mistake:
    """The standard deviation in place of the variance."""
    mean, variance = answer
    return Mistake([mean, math.sqrt(variance)], "The second number is the variance, not its root.")


def _log_joint(prior: Tensor, arrows: Sequence[Tensor], x: int, z: Sequence[int]) -> Tensor:
    """The exact answer to 10.d: the entry of DiscreteChain's table of all configurations."""
    seen = torch.tensor(x, dtype=torch.int64, device="cpu")
    table = DiscreteChain(prior, arrows).log_joint(seen)
    return table[tuple(z)]


def _steps(arrows: Sequence[Tensor], x: int, z: Sequence[int]) -> list[Tensor]:
    """log p(x|z_1), log p(z_1|z_2), …"""
    below = [x, *z[:-1]]
    return [table[above, low].log() for table, above, low in zip(arrows, z, below, strict=True)]


def _without_prior(prior: Tensor, arrows: Sequence[Tensor], x: int, z: Sequence[int]) -> Tensor:
    """log p(x, z_1, …|z_T)."""
    return torch.stack(_steps(arrows, x, z)).sum()


def _without_likelihood(
    prior: Tensor, arrows: Sequence[Tensor], x: int, z: Sequence[int]
) -> Tensor:
    """log p(z_1, …, z_T)."""
    return _log_joint(prior, arrows, x, z) - _steps(arrows, x, z)[0]


def _backwards(prior: Tensor, arrows: Sequence[Tensor], x: int, z: Sequence[int]) -> Tensor:
    """The tables read with row and column exchanged."""
    turned = [table.mT for table in arrows]
    return prior[z[-1]].log() + torch.stack(_steps(turned, x, z)).sum()


def _likelihood_each_time(
    prior: Tensor, arrows: Sequence[Tensor], x: int, z: Sequence[int]
) -> Tensor:
    """log p(x|z_1) for each arrow above it, in place of once."""
    return _log_joint(prior, arrows, x, z) + (len(z) - 2) * _steps(arrows, x, z)[0]


PRIOR = torch.tensor([0.5, 0.3, 0.2], **DOUBLE)
STEP = torch.tensor([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.15, 0.55]], **DOUBLE)
SEEN = torch.tensor([[0.9, 0.06, 0.04], [0.3, 0.5, 0.2], [0.15, 0.25, 0.6]], **DOUBLE)
HIGHER = torch.tensor([[0.6, 0.3, 0.1], [0.05, 0.9, 0.05], [0.25, 0.35, 0.4]], **DOUBLE)
CASES = [  # with every state of every table
    (PRIOR, [SEEN, STEP, HIGHER], 2, [0, 1, 2]),
    (PRIOR, [SEEN, STEP, HIGHER], 0, [2, 2, 0]),
    (PRIOR, [SEEN, STEP, HIGHER], 1, [1, 0, 1]),
    (PRIOR, [SEEN, STEP], 1, [2, 0]),
    (PRIOR, [SEEN], 0, [1]),
]

register(
    Exercise(
        "10.a",
        lambda: _upwards(1, 2.4),
        [
            Mistake(
                [1.2, 0.5],
                "That is right if z₁ ~ N(0, 1). Here z₁ = z₂ + noise, so its variance is 2.",
            ),
            Mistake([0.8, 2 / 3], "That is p(z₂|x). The question is z₁, one arrow lower."),
            _std_given(_upwards(1, 2.4)),
            Mistake(
                [2.4, 1.0], "That is the likelihood, seen from z₁. The prior N(0, 2) is missing."
            ),
        ],
        unit="",
    ),
    Exercise(
        "10.b",
        lambda: _upwards(2, 3.0),
        [
            Mistake(
                [100 / 3, 2 / 3],
                "That is p(z₂|x), for somebody who does not know z₁. You know it.",
            ),
            Mistake([3.0, 1.0], "That is the arrow turned round. Weigh it with the prior N(0, 1)."),
            _std_given(_upwards(2, 3.0)),
            Mistake(
                [103 / 3, 1 / 3],
                "You gave z₂ two observations. x is one of z₁, and z₁ is known already.",
            ),
        ],
        unit="",
    ),
    Exercise(
        "10.c",
        lambda: _downwards(3.0, 1.0),
        [
            Mistake([3.0, 1.0], "That is p(z₁|z₂), the decoder. x says something too."),
            Mistake([2 / 3, 2 / 3], "That is p(z₁|x). z₂ says something too."),
            _std_given(_downwards(3.0, 1.0)),
            Mistake(
                [4 / 3, 1 / 3],
                "You counted the prior N(0, 1) once more. It belongs to z₂, which is known.",
            ),
        ],
        unit="",
    ),
    Exercise(
        "10.d",
        lambda: _log_joint,
        [
            Mistake(
                _without_prior,
                "The prior of z_T is missing.",
            ),
            Mistake(
                _without_likelihood,
                "p(x|z₁) is missing: arrows[0].",
            ),
            Mistake(
                _backwards,
                "You read a table the wrong way round: its row is the state above, z_t.",
            ),
            Mistake(
                lambda prior, arrows, x, z: _log_joint(prior, arrows, x, z).exp(),
                "That is the probability. Its logarithm is asked for.",
            ),
            Mistake(
                _likelihood_each_time,
                "p(x|z₁) stands outside the product: once, not once for each arrow above it.",
            ),
        ],
        cases=CASES,
        tolerance=1e-10,
    ),
)
