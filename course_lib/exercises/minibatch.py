"""Exercises on sums over a data set: their spread, what breaks them, and their scale."""

import math
from fractions import Fraction
from itertools import combinations, product

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Exercise, Mistake
from course_lib.distributions import DiagonalGaussian, FullGaussian
from course_lib.exercises.registry import register

VALUES, SIZE = (-1, -2, -4, -5), 2
WITHOUT, WITH = 40 / 3, 20.0
PAIR = torch.tensor([1.0, -1.0], **DOUBLE)
RHO = 0.8
FEW = torch.tensor([-101.0, -97.5, -120.0], **DOUBLE)
MORE = torch.tensor([-88.0, -140.5, -99.0, -93.25, -110.0], **DOUBLE)


def _spreads() -> list[float]:
    """The variances of (N/B) Σ over every batch, without and with replacement, in fractions."""
    found = []
    for batches in (combinations(VALUES, SIZE), product(VALUES, repeat=SIZE)):
        sums = [Fraction(len(VALUES), SIZE) * sum(batch) for batch in batches]
        mean = Fraction(sum(sums), len(sums))
        found.append(float(sum((value - mean) ** 2 for value in sums) / len(sums)))
    return found


def _lost() -> Tensor:
    """log p(x₁, x₂) − log p(x₁) − log p(x₂) for unit variances and correlation 0.8."""
    covariance = torch.tensor([[1.0, RHO], [RHO, 1.0]], **DOUBLE)
    joint = FullGaussian.from_covariance(torch.zeros(2, **DOUBLE), covariance)
    alone = DiagonalGaussian.from_std([0.0, 0.0], [1.0, 1.0])
    return joint.log_prob(PAIR) - alone.log_prob(PAIR)


def _variance(size: int, samples: int) -> float:
    """Of the mean of B independent terms: each varies by P with its image, by v/L with its z's."""
    between, within = 4.0, 2.0  # P and the mean of the v_n, nats²
    return (between + within / samples) / size


def _of_the_data_set(batch_elbo: Tensor, N: int) -> Tensor:
    """N/B times the batch's sum."""
    return batch_elbo.sum() * N / len(batch_elbo)


register(
    Exercise(
        "9.a",
        _spreads,
        [
            Mistake([WITH, WITHOUT], "Turn them round: without replacement the spread is less."),
            Mistake([WITHOUT / 4, WITH / 4], "That is the variance of the plain sum: N/B is 2."),
            Mistake([WITHOUT / 2, WITH / 2], "A variance takes N/B squared."),
            Mistake([WITHOUT / 16, WITH / 16], "That is the variance of the mean over the batch."),
            Mistake(
                [math.sqrt(WITHOUT), math.sqrt(WITH)], "Those are standard deviations. Square them."
            ),
            Mistake([10.0, WITH], "Without replacement the variance S² divides by N − 1."),
            Mistake([WITHOUT, 80 / 3], "With replacement the variance P divides by N."),
        ],
        unit="nats²",
    ),
    Exercise(
        "9.b",
        _lost,
        [
            Mistake(3.489174, "Mind the sign: the joint density is the smaller one here."),
            Mistake(0.955270, "That is the pair (1, 1). Here the two disagree in sign."),
            Mistake(0.510826, "You kept the normaliser and left out the exponent."),
            Mistake(-4.0, "You kept the exponent and left out the normaliser, −½ log(1 − ρ²)."),
            Mistake(-2.978349, "The normaliser is −½ log(1 − ρ²): mind the half."),
            Mistake(-4.510826, "1 − ρ² is below one, so −½ log(1 − ρ²) is positive."),
        ],
    ),
    Exercise(
        "9.c",
        lambda: _of_the_data_set,
        [
            Mistake(
                lambda batch_elbo, N: batch_elbo.sum(),
                "You forgot N/B: that is the batch's sum, not an estimate of the data set's.",
            ),
            Mistake(
                lambda batch_elbo, N: batch_elbo.mean(),
                "That is the ELBO per example. The data set has N of them.",
            ),
            Mistake(
                lambda batch_elbo, N: batch_elbo.mean() * N / len(batch_elbo),
                "The mean has divided by B already, and N/B divides once more.",
            ),
            Mistake(
                lambda batch_elbo, N: batch_elbo.sum() * N,
                "That counts each example B times too often: divide by B.",
            ),
            Mistake(
                lambda batch_elbo, N: batch_elbo.sum() * len(batch_elbo) / N,
                "Turn the factor over: the data set is the larger one.",
            ),
            Mistake(
                lambda batch_elbo, N: -_of_the_data_set(batch_elbo, N),
                "Mind the sign: that is the loss. The ELBO goes up.",
            ),
            Mistake(
                lambda batch_elbo, N: -batch_elbo.mean(),
                "That is the loss of the training loop. The ELBO of the data set is wanted.",
            ),
            Mistake(
                lambda batch_elbo, N: (
                    torch.logsumexp(batch_elbo, 0) + math.log(N / len(batch_elbo))
                ),
                "Logs are added, not exponentiated: the density of the set is a product.",
            ),
        ],
        cases=[(FEW, 60_000), (MORE, 100)],
        tolerance=1e-10,
    ),
    Exercise(
        "9.d",
        lambda: _variance(20, 5) / _variance(100, 1),
        [
            Mistake(1.0, "C is the same, but only z's own part depends on B times L alone."),
            Mistake(5.0, "Only the batch's part grows with L. B times L, and z's part, stay."),
            Mistake(
                (4 + 2 / 5) / (4 + 2),
                "That decodes 500: five z's for all hundred images. C is 100, so B falls to 20.",
            ),
            Mistake((4 * 5 + 2 / 5) / (4 + 2), "B falls as L rises: B times L, not L, divides v."),
            Mistake((4 + 2 * 5) / (4 + 2), "The other way round: the batch's part grows with L."),
            Mistake(
                math.sqrt(_variance(20, 5) / _variance(100, 1)),
                "That is the factor of the standard deviation. Square it.",
            ),
            Mistake(
                _variance(100, 1) / _variance(20, 5),
                "Turn it over: fewer images make the variance larger.",
            ),
        ],
        unit="",
    ),
)
