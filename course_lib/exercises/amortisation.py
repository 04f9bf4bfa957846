"""Exercises on μ and σ as outputs: the best q of a family, and a σ that nobody chose."""

import math

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Exercise, Mistake
from course_lib.distributions import DiagonalGaussian, FullGaussian, kl_divergence
from course_lib.exact.optima.gaussian_fits import best_diagonal, best_isotropic
from course_lib.exercises.registry import register


def _posterior(covariance: Tensor) -> FullGaussian:
    """A Gaussian posterior with mean 0; covariance (d, d)."""
    return FullGaussian.from_covariance(torch.zeros(len(covariance), **DOUBLE), covariance)


def _best_std(covariance: Tensor) -> Tensor:
    """The standard deviations of the best diagonal q, (d,)."""
    return best_diagonal(_posterior(covariance)).std


PAIR = torch.tensor([[1.0, 0.9], [0.9, 1.0]], **DOUBLE)
CORRELATED = _posterior(PAIR)
UNEQUAL = _posterior(torch.tensor([[1.0, 0.0], [0.0, 4.0]], **DOUBLE))
THREE = torch.tensor([[0.5, 0.2, 0.0], [0.2, 0.3, -0.1], [0.0, -0.1, 0.9]], **DOUBLE)

ERROR = 0.2  # the mean squared error


register(
    Exercise(
        "6.a",
        lambda: kl_divergence(best_diagonal(CORRELATED), CORRELATED),
        [
            Mistake(1 - 0.9**2, "That is its variance, 1/Λ_ii. The gap is the KL of that q."),
            Mistake(
                -math.log(1 - 0.9**2),
                "Twice too much: log|Σ| comes with ½ in a Gaussian's KL.",
            ),
            Mistake(
                0.5 * math.log(1 - 0.9**2), "Mind the sign: a KL is never negative, log 0.19 is."
            ),
            Mistake(
                0.5 * (2 / 0.19 - 2 + math.log(0.19)),
                "That q has the marginal variances, 1 and 1. The best one is narrower: 1/Λ_ii.",
            ),
            Mistake(-0.5 * math.log(1 - 0.9), "Nearly: 1 − ρ², not 1 − ρ."),
        ],
    ),
    Exercise(
        "6.b",
        lambda: kl_divergence(best_isotropic(UNEQUAL), UNEQUAL),
        [
            Mistake(1.6, "That is its variance, 2/tr Λ. Now the KL of that q to the posterior."),
            Mistake(
                0.5 * (2.5 + 2.5 / 4 - 2 + math.log(4 / 2.5**2)),
                "That q has the mean of the two variances, 2.5. It is the precisions that are "
                "averaged: σ² = d / tr Λ.",
            ),
            Mistake(
                0.5 * (2.25 + 2.25 / 4 - 2 + math.log(4 / 2.25**2)),
                "That q has σ = 1.5, the mean of the two. Average the precisions, 1 and ¼.",
            ),
            Mistake(
                0.5 * (2 + 2 / 4 - 2),
                "That q has σ² = 2, the geometric mean. Set the derivative of the KL to zero.",
            ),
            Mistake(math.log(1.6**2 / 4), "Mind the ½ and the sign: ½ log(|Σ| / σ⁴) is the KL."),
            Mistake(
                math.log(4 / 1.6**2),
                "Twice too much: log|Σ| comes with ½ in a Gaussian's KL.",
            ),
        ],
    ),
    Exercise(
        "6.c",
        lambda: _best_std,
        [
            Mistake(
                lambda covariance: covariance.diagonal().sqrt(),
                "Those are the marginal standard deviations. The best diagonal q is narrower: "
                "invert the covariance first, and take 1/Λ_ii.",
            ),
            Mistake(
                lambda covariance: 1 / torch.linalg.inv(covariance).diagonal(),
                "Those are the variances σ_i². The function returns standard deviations.",
            ),
            Mistake(
                lambda covariance: torch.linalg.inv(covariance).diagonal().sqrt(),
                "Those are √Λ_ii. A large precision is a small width: divide 1 by them.",
            ),
            Mistake(
                lambda covariance: torch.linalg.inv(covariance).diagonal(),
                "That is the precision's diagonal. σ_i is one over its root.",
            ),
            Mistake(
                lambda covariance: (
                    (len(covariance) / torch.linalg.inv(covariance).trace())
                    .sqrt()
                    .expand(len(covariance))
                ),
                "That is the best isotropic q, one σ for all. Here each coordinate has its own.",
            ),
            Mistake(
                lambda covariance: torch.linalg.cholesky(covariance).diagonal(),
                "That is the Cholesky factor's diagonal: the spread of z_i given the ones before "
                "it. Given all the others it is 1/√Λ_ii.",
            ),
        ],
        cases=[(PAIR,), (THREE,)],
        tolerance=1e-10,
        unit="",
    ),
    Exercise(
        "6.d",
        lambda: kl_divergence(
            DiagonalGaussian.from_std(0.0, math.sqrt(ERROR)), DiagonalGaussian.standard(1)
        ),
        [
            Mistake(
                -0.5 * math.log(ERROR),
                "That compares the normalisers alone. The squared errors weigh e/(2σ²): ½ at the "
                "best σ, e/2 at σ = 1.",
            ),
            Mistake(
                ERROR - 1 - math.log(ERROR), "Twice too much: each term of log N comes with ½."
            ),
            Mistake(
                0.5 * (1 + math.log(ERROR) - ERROR),
                "Mind the sign: the best σ gains. You have subtracted the other way round.",
            ),
            Mistake(
                0.5 * (math.sqrt(ERROR) - 1 - math.log(math.sqrt(ERROR))),
                "The best σ² is the mean squared error itself; you have taken its root for σ².",
            ),
            Mistake(
                0.5 * (ERROR**2 - 1 - math.log(ERROR**2)),
                "That is σ = 0.2. The mean squared error is σ², not σ.",
            ),
        ],
    ),
)
