"""Exercises on μ and σ as outputs: the best q of a family, and the cost of sharing an encoder."""

import math

import torch

from course_lib.checks import Exercise, Mistake, register
from course_lib.distributions import DiagonalGaussian, FullGaussian, kl_divergence
from course_lib.exact import LinearGaussian
from course_lib.exact.gaussian_fits import best_diagonal, best_isotropic


def _posterior(covariance: list[list[float]]) -> FullGaussian:
    """A Gaussian posterior with mean 0."""
    sigma = torch.tensor(covariance, dtype=torch.float64)
    return FullGaussian.from_covariance(torch.zeros(len(sigma)).double(), sigma)


CORRELATED = _posterior([[1.0, 0.9], [0.9, 1.0]])
UNEQUAL = _posterior([[1.0, 0.0], [0.0, 4.0]])
PAIR = torch.tensor([[1.0, 0.9], [0.9, 1.0]], dtype=torch.float64)
THREE = torch.tensor([[0.5, 0.2, 0.0], [0.2, 0.3, -0.1], [0.0, -0.1, 0.9]], dtype=torch.float64)

SLOPE = 1.5 / (1.5**2 + 0.6**2)  # of the posterior mean in x
PRECISION = 1 + 1.5**2 / 0.6**2  # of the posterior
SPREAD = 1.5**2 + 0.6**2  # the variance of x


def _mean_amortisation() -> torch.Tensor:
    """KL(N(x/2, v) ‖ posterior) at two x; it is quadratic in x, so its mean over x follows."""
    world = LinearGaussian([[1.5]], 0.0, 0.6)
    x = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    posterior = world.posterior(x)
    encoder = DiagonalGaussian(0.5 * x, 0.5 * posterior.variance.log())
    at_zero, at_one = kl_divergence(encoder, posterior)
    mean: torch.Tensor = at_zero + (at_one - at_zero) * world.evidence.variance[0]
    return mean


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
        lambda: (
            lambda covariance: (
                best_diagonal(
                    FullGaussian.from_covariance(torch.zeros(len(covariance)).double(), covariance)
                ).std
            )
        ),
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
    ),
    Exercise(
        "6.d",
        _mean_amortisation,
        [
            Mistake(
                PRECISION * (SLOPE - 0.5) ** 2 * SPREAD,
                "Twice too much: a shift δ costs ½ Λ δ².",
            ),
            Mistake(
                0.5 * PRECISION * (SLOPE - 0.5) ** 2,
                "That is the cost at x = 1. On average x² is 1.5² + 0.6².",
            ),
            Mistake(
                0.5 * (SLOPE - 0.5) ** 2 * SPREAD,
                "The shift counts in the posterior's own widths: multiply by its precision.",
            ),
            Mistake(
                0.5 * PRECISION * (SLOPE - 0.5) * math.sqrt(SPREAD),
                "Square the shift before you average: ½ Λ E (shift)².",
            ),
            Mistake(
                0.5 * (SLOPE - 0.5) ** 2 * SPREAD / PRECISION,
                "Multiply by the precision 1/v; you have divided by it.",
            ),
        ],
        tolerance=5e-5,
    ),
)
