"""Exercises on the posterior, p(z|x) = p(x|z) p(z) / p(x)."""

import math

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.bounds import self_normalised_expectation
from course_lib.checks import Exercise, Mistake
from course_lib.exact import LinearGaussian
from course_lib.exercises.given import FAR_APART, GROWTH, kindest
from course_lib.exercises.registry import register


def _draws_for_bias(bias: float) -> Tensor:
    """S at which the second-order bias of log p̂ is −bias, in 30 of the kindest dimensions."""
    return -kindest(30).naive_log_bias(torch.zeros(30, **DOUBLE), 1) / bias


def _posterior_at_zero() -> Tensor:
    """log p(z = 0|x = 5) for x|z ~ N(3z, 2²)."""
    world = LinearGaussian(torch.tensor([[3.0]], **DOUBLE), torch.zeros(1, **DOUBLE), 2.0)
    return world.posterior(torch.tensor([5.0], **DOUBLE)).log_prob(torch.zeros(1, **DOUBLE))


def _normal(x: float, mean: float, variance: float) -> float:
    """log N(x; mean, variance)."""
    return -0.5 * math.log(2 * math.pi * variance) - (x - mean) ** 2 / (2 * variance)


JOINT = _normal(5, 0, 4) + _normal(0, 0, 1)  # log p(x = 5, z = 0)
RELATIVE = GROWTH**30 - 1  # r in 30 of the kindest dimensions
MODEST = torch.tensor([0.5, -1.0, 2.0, 0.0], **DOUBLE)
UNDERFLOWING = MODEST - 1000.0
VALUES = torch.tensor([1.0, 2.0, -3.0, 0.5], **DOUBLE)

register(
    Exercise(
        "2.a",
        _posterior_at_zero,
        [
            Mistake(JOINT, "That is log p(x, z), the joint. Bayes divides it by p(x)."),
            Mistake(
                _normal(5, 0, 4),
                "That is the likelihood log p(x | z = 0). The prior and p(x) are missing.",
            ),
            Mistake(JOINT - _normal(5, 0, 3 + 4), "In p(x) the variance of 3z is 3², not 3."),
            Mistake(JOINT - _normal(5, 0, 9 + 2), "In p(x) the noise has the variance 2², not 2."),
            Mistake(JOINT + _normal(5, 0, 13), "Mind the sign: divide by p(x), subtract its log."),
            Mistake(
                _normal(0, 15 / 13, (4 / 13) ** 2),
                "4/13 is the posterior's variance. It is not to be squared again.",
            ),
            Mistake(
                math.exp(_normal(0, 15 / 13, 4 / 13)),
                "That is p(z | x). The exercise asks for its logarithm.",
            ),
        ],
        log_density=True,
    ),
    Exercise(
        "2.b",
        lambda: _draws_for_bias(0.01),
        [
            Mistake(RELATIVE / 0.01, "The bias is r/(2S). The 2 comes from the series of log."),
            Mistake(
                RELATIVE / 0.01**2,
                "That is (1.7): a relative error of p̂ of 1 %. The bias of log p̂ shrinks with S, "
                "not with its root.",
            ),
            Mistake(RELATIVE / (2 * 0.01**2), "The bias is r/(2S): divide by 2·0.01, not squared."),
            Mistake((RELATIVE + 1) / 0.02, "Nearly: the relative variance is (2/√3)^d − 1."),
            Mistake(
                30 * (GROWTH - 1) / 0.02,
                "Dimensions multiply, they do not add: (2/√3)^d − 1.",
            ),
            Mistake(RELATIVE / 2 * 0.01, "Solve r/(2S) = 0.01 for S: the 0.01 goes below."),
        ],
        unit="draws",
    ),
    Exercise(
        "2.c",
        lambda: self_normalised_expectation,
        [
            Mistake(
                lambda log_weights, values: (
                    (log_weights.exp() * values).sum() / log_weights.exp().sum()
                ),
                "Right on paper, but every exp(−1000) is 0 in the machine, and 0/0 is no number. "
                "Take the largest log-weight out first.",
            ),
            Mistake(
                lambda log_weights, values: (log_weights.exp() * values).mean(),
                "That divides by S. Divide by the sum of the weights: it stands in for p(x).",
            ),
            Mistake(
                lambda log_weights, values: (
                    (log_weights - log_weights.max()).exp() * values
                ).mean(),
                "That divides by S. Divide by the sum of the weights: it stands in for p(x).",
            ),
            Mistake(
                lambda log_weights, values: values.mean(),
                "That is the average over q. The weights turn it into one over the posterior.",
            ),
            Mistake(
                lambda log_weights, values: (log_weights * values).sum() / log_weights.sum(),
                "Those are the log-weights. Exponentiate before you weigh with them.",
            ),
        ],
        cases=[(MODEST, VALUES), (UNDERFLOWING, VALUES), (FAR_APART, VALUES[:3])],
        tolerance=1e-10,
        unit="",
    ),
)
