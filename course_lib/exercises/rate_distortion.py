"""Exercises on the two terms of the ELBO: what a code costs, and what a weight on the cost does."""

import math

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Design, Exercise, Mistake, MultipleChoice
from course_lib.checks.answers import NoNumber, NotAnswered, Refused, as_numbers
from course_lib.distributions import DiagonalGaussian, kl_divergence
from course_lib.exercises.given import UNIT
from course_lib.exercises.registry import register

LOG_2 = math.log(2)
# q(z|x_n) over eight codewords: images 3 and 4 share theirs, and the last two nobody uses.
CODES = 0.5 * torch.tensor(
    [
        [1, 1, 0, 0, 0, 0, 0, 0],
        [0, 0, 1, 1, 0, 0, 0, 0],
        [0, 0, 0, 0, 1, 1, 0, 0],
        [0, 0, 0, 0, 1, 1, 0, 0],
    ],
    **DOUBLE,
)
MOST_RATE = 0.2  # nats, in 5.d


def _three_numbers() -> Tensor:
    """Mean rate, information and KL(aggregate ‖ prior) of CODES, the prior uniform."""
    aggregate = CODES.mean(0)
    rate = torch.xlogy(CODES, CODES * 8).sum(1).mean()
    excess = torch.xlogy(aggregate, aggregate * 8).sum()
    return torch.stack([rate, rate - excess, excess])


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


def distortion_within_budget(code: object) -> float:
    """The mean of D over x ~ p(x) of the unit world, of q(z|x) = N(slope·x, std²): nats.

    code: slope and std. Raises Refused if it is no such pair, or if its mean rate is more than
    MOST_RATE.
    """
    try:
        values = as_numbers(code).values
    except (NoNumber, NotAnswered):
        values = torch.empty(0, **DOUBLE)
    if values.numel() != 2 or not bool(torch.isfinite(values).all()) or values[1] <= 0:
        raise Refused("two numbers are wanted, the slope and a positive standard deviation")
    slope, std = values.tolist()
    second = UNIT.evidence.covariance.item()  # E x², 2
    rate = 0.5 * (slope**2 * second + std**2 - 1) - math.log(std)
    if rate > MOST_RATE + 1e-9:
        raise Refused(f"not yet: its mean rate is {rate:.4f} nats, at most {MOST_RATE} is asked")
    return float(0.5 * (math.log(2 * math.pi) + (1 - slope) ** 2 * second + std**2))


register(
    Exercise(
        "5.a",
        _three_numbers,
        [
            Mistake(
                [3 * LOG_2, 2.5 * LOG_2, 0.5 * LOG_2],
                "log 8 is what a codeword costs to send. The choice between an image's two "
                "codewords is free, and carries log 2 of another message: take it off.",
            ),
            Mistake(
                [2 * LOG_2, 2 * LOG_2, 0.0],
                "Images 3 and 4 have the same code, so z cannot tell which of the two it was.",
            ),
            Mistake(
                [2 * LOG_2, 2 * LOG_2 - math.log(8 / 6), math.log(8 / 6)],
                "The aggregate is not uniform on six codewords: two images use 5 and 6.",
            ),
            Mistake(
                [2 * LOG_2, 0.5 * LOG_2, 1.5 * LOG_2],
                "The last two are exchanged: the information comes before the rest.",
            ),
            Mistake([2.0, 1.5, 0.5], "Those are bits. A bit is log 2 = 0.693 nats."),
        ],
        hints=(
            "R is a mean of KLs, and each is a sum over two codewords: q/p is ½ over ⅛ at both.",
            "The aggregate gives the eight codewords ⅛, ⅛, ⅛, ⅛, ¼, ¼, 0, 0. Its KL to the uniform "
            "prior is the third number; the second is what is left of R.",
        ),
        counts=(4,),
        names=("the mean rate R", "I(x; z)", "KL(aggregate ‖ prior)"),
    ),
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
    Design(
        "5.d",
        distortion_within_budget,
        1.61,
        "the mean distortion",
        hints=(
            "Which q is the best for a weight β? In this world it is a posterior: that of the "
            "world in which the noise variance is β instead of 1.",
            "That posterior is N(x/(1 + β), β/(1 + β)). With E x² = 2 its mean rate is a number "
            "for each β: find the β at which it is 0.2.",
        ),
    ),
)
