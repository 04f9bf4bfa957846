"""Exercises on the two terms of the ELBO: what a code costs, and what a weight on the cost does."""

import math

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Design, Exercise, Mistake, MultipleChoice
from course_lib.checks.answers import NoNumber, Refused, as_numbers
from course_lib.checks.phrases import say
from course_lib.distributions import DiagonalGaussian, kl_divergence
from course_lib.exercises.given import UNIT
from course_lib.exercises.registry import register

LOG_2 = math.log(2)
# Which codewords each of four images uses: 3 and 4 share theirs, and those after 6 nobody uses.
USED = ((1, 2), (3, 4), (5, 6), (5, 6))
MOST_RATE = 0.2  # nats, in 5.d
RATE_EXCESS = 1e-9  # what rounding may add to a mean rate


def codewords(name: str, count: int) -> Exercise:
    """Mean rate, information and KL(aggregate ‖ prior) of USED, the prior uniform on `count`."""
    return Exercise(
        name,
        lambda: _three_numbers(count),
        _of_the_codewords(count),
        hints=(
            f"R is a mean of KLs, and each is a sum over two codewords: q/p is ½ over 1/{count} at "
            "both.",
            "The aggregate gives ⅛ to each of the codewords 1 to 4, ¼ to 5 and 6, and nothing to "
            "the rest. Its KL to the uniform prior is the third number; the second is what is "
            "left of R.",
        ),
        counts=(4,),
        names=("the mean rate R", "I(x; z)", "KL(aggregate ‖ prior)"),
    )


def _three_numbers(count: int) -> Tensor:
    """The answer, from q(z|x_n) as a table."""
    codes = torch.zeros(len(USED), count, **DOUBLE)
    for row, used in zip(codes, USED, strict=True):
        row[[word - 1 for word in used]] = 0.5
    aggregate = codes.mean(0)
    rate = torch.xlogy(codes, codes * count).sum(1).mean()
    excess = torch.xlogy(aggregate, aggregate * count).sum()
    return torch.stack([rate, rate - excess, excess])


def _of_the_codewords(count: int) -> list[Mistake]:
    rate, told = math.log(count / 2), 1.5 * LOG_2
    excess = rate - told
    return [
        Mistake(
            [rate + LOG_2, rate + LOG_2 - excess, excess],
            f"log {count} is what a codeword costs to send. The choice between an image's two "
            "codewords is free, and carries log 2 of another message: take it off.",
        ),
        Mistake(
            [rate, 2 * LOG_2, rate - 2 * LOG_2],
            "Images 3 and 4 have the same code, so z cannot tell which of the two it was.",
        ),
        Mistake(
            [rate, math.log(3), math.log(count / 6)],
            "The aggregate is not uniform on six codewords: two images use 5 and 6.",
        ),
        Mistake(
            [rate, excess, told],
            "The last two are exchanged: the information comes before the rest.",
        ),
        Mistake(
            [value / LOG_2 for value in (rate, told, excess)],
            "Those are bits. A bit is log 2 = 0.693 nats.",
        ),
    ]


def _waves(rows: int, columns: int, low: float, high: float) -> Tensor:
    """Numbers (rows, columns) between low and high, no two alike."""
    waves = torch.arange(1, rows * columns + 1, **DOUBLE).square().sin().reshape(rows, columns)
    return low + (high - low) * (waves + 1) / 2


def _negative_elbo(log_likelihood: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    prior = DiagonalGaussian.from_std(torch.zeros_like(mean), torch.ones_like(std))
    rate = kl_divergence(DiagonalGaussian.from_std(mean, std), prior)  # (B,)
    return (rate - log_likelihood.sum(1)).mean()


def _weighed(
    log_likelihood: Tensor, mean: Tensor, std: Tensor, pixels: float, latents: float
) -> Tensor:
    """The loss in which each pixel and each latent has a weight of its own."""
    each = 0.5 * (mean.square() + std.square() - 1) - std.log()
    return latents * each.sum(1).mean() - pixels * log_likelihood.sum(1).mean()


def distortion_within_budget(code: object, budget: float = MOST_RATE) -> float:
    """The mean of D over x ~ p(x) of the unit world, of q(z|x) = N(slope·x, std²): nats.

    code: slope and std. Raises Refused if it is no such pair, or if its mean rate is more than
    the budget, nats; NotAnswered if one of them is still blank.
    """
    try:
        values = as_numbers(code).values
    except NoNumber:
        values = torch.empty(0, **DOUBLE)
    if values.numel() != 2 or not bool(torch.isfinite(values).all()) or values[1] <= 0:
        raise Refused("two numbers are wanted, the slope and a positive standard deviation")
    slope, std = values.tolist()
    second = UNIT.evidence.covariance.item()  # E x², 2
    rate = 0.5 * (slope * slope * second + std * std - 1) - math.log(std)
    if rate > budget + RATE_EXCESS:
        told = f"{rate:.4f}"
        if float(told) <= budget:
            told = say("a little more", asked=budget, size=f"{rate - budget:.1g}")
        raise Refused(f"not yet: its mean rate is {told} nats, at most {budget} is asked")
    return float(0.5 * (math.log(2 * math.pi) + (1 - slope) ** 2 * second + std**2))


def code_within(name: str, budget: float, most: float) -> Design:
    """A code of the unit world with at most so much rate and distortion, nats."""
    return Design(
        name,
        lambda code: distortion_within_budget(code, budget),
        most,
        "the mean distortion",
        hints=(
            "Which q is the best for a weight β? In this world it is a posterior: that of the "
            "world in which the noise variance is β instead of 1.",
            "That posterior is N(x/(1 + β), β/(1 + β)). With E x² = 2 its mean rate is a number "
            f"for each β: find the β at which it is {budget:g}.",
        ),
    )


register(
    codewords("5.a", 8),
    Exercise(
        "5.b",
        lambda: _negative_elbo,
        [
            Mistake(
                lambda log_likelihood, mean, std: _weighed(
                    log_likelihood, mean, std, 1 / log_likelihood.shape[1], 1.0
                ),
                "The log-likelihood is still averaged over the pixels. A pixel then counts 1/D, "
                "and against it the KL has the weight D.",
            ),
            Mistake(
                lambda log_likelihood, mean, std: _weighed(
                    log_likelihood, mean, std, 1 / log_likelihood.shape[1], 1 / mean.shape[1]
                ),
                "Now both are averaged, the one over D pixels and the other over d latents: the KL "
                "has the weight D/d. Sum both, and average over the images alone.",
            ),
            Mistake(
                lambda log_likelihood, mean, std: _weighed(
                    log_likelihood, mean, std, 1.0, 1 / mean.shape[1]
                ),
                "The pixels are summed, and the latents averaged: β = 1/d, and no bound.",
            ),
            Mistake(
                lambda log_likelihood, mean, std: (
                    len(mean) * _negative_elbo(log_likelihood, mean, std)
                ),
                "That is the sum over the images; their mean is wanted.",
            ),
            Mistake(
                lambda log_likelihood, mean, std: -_negative_elbo(log_likelihood, mean, std),
                "That is the ELBO itself. A loss goes down, so it is −ELBO.",
            ),
        ],
        cases=[
            (_waves(3, 5, -4.0, -0.2), _waves(3, 2, -1.5, 2.0), _waves(3, 2, 0.2, 1.7)),
            (_waves(2, 7, -9.0, -0.1), _waves(2, 4, -2.5, 1.0), _waves(2, 4, 0.3, 0.9)),
        ],
        tolerance=1e-10,
        hints=(
            "Over which axes does each of the two terms sum, and over which does it average?",
            "The log-likelihood of an image is the sum over its pixels. Here that sum is divided "
            "by their number.",
        ),
    ),
    MultipleChoice(
        "5.c",
        right=["a", "d", "f"],
        reasons={
            "b": "B reports −(D + 0.2 R). Counted in full, as A counts, its ELBO is −140.1.",
            "c": "The KL in the table is that to the prior. How far q is from the posterior is "
            "another KL, which no log shows.",
            "e": "Prior draws land where the prior is, and the decoder learned where the codes "
            "are. The table does not say how far apart the two lie.",
        },
        hints=(
            "Work out D + R for all three. And by (5.4), what can I(x; z) be at most?",
            "Three of them follow. A KL to the prior says nothing about the posterior, nor about "
            "how prior draws look.",
        ),
    ),
    code_within("5.d", MOST_RATE, 1.61),
)
