"""Exercises on the bound that Jensen's inequality gives, and on its log-weights."""

import math

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.bounds import importance_weighted_bound
from course_lib.checks import Exercise, Mistake
from course_lib.distributions import DiagonalGaussian
from course_lib.exercises.given import UNIT, log_mean_exp
from course_lib.exercises.registry import register

X = torch.ones(1, **DOUBLE)
PRIOR = DiagonalGaussian.standard(1)
HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
LOG_EVIDENCE = -HALF_LOG_TWO_PI - 0.5 * math.log(2) - 0.25  # of x = 1, by hand
ELBO = -HALF_LOG_TWO_PI - 1  # of q = p(z), by hand
MANY = torch.tensor([[-1000.0, -1003.0, -999.0], [-1010.0, -1000.5, -1001.0]], **DOUBLE)
MODEST = torch.tensor([[0.3, -1.0], [2.0, 0.5], [-4.0, 1.0], [0.0, 0.0]], **DOUBLE)
# Rows that share no largest: what is taken out of one would leave nothing of another.
FAR_APART = torch.tensor([[-2500.0, -2501.0], [3.0, -1.0], [-900.0, 0.5]], **DOUBLE)


def _smallest_std() -> Tensor:
    """σ below which E_q w² is infinite: p(x, z)²/q(z) has the precision 2/v − 1/σ² in z."""
    return (UNIT.posterior(X).covariance / 2).sqrt().reshape(())


def _mean_bound(log_weights: Tensor) -> Tensor:
    """The mean over S rows of log-mean-exp over their K draws."""
    return importance_weighted_bound(log_weights, dim=1).mean()


register(
    Exercise(
        "3.a",
        lambda: UNIT.elbo(PRIOR, X),
        [
            Mistake(
                LOG_EVIDENCE, "That is log p(x). The ELBO of q = p(z) is another, lower number."
            ),
            Mistake(
                -HALF_LOG_TWO_PI - 0.5,
                "That is the log-weight at q's mean, z = 0. Average (1 − z)² over q: the variance "
                "of z counts too.",
            ),
            Mistake(-HALF_LOG_TWO_PI, "The average of (1 − z)² over N(0, 1) is 2, not 0."),
            Mistake(-ELBO, "Mind the sign: that is −ELBO."),
            Mistake(
                ELBO - HALF_LOG_TWO_PI - 0.5,
                "That is E log p(x, z) alone. Subtract E log q(z); with q = p(z) it cancels the "
                "prior.",
            ),
            Mistake(
                -1.0, "The density of N(z, 1) has a constant as well: −½ log 2π. Never drop it."
            ),
        ],
        log_density=True,
    ),
    Exercise(
        "3.b",
        lambda: UNIT.log_evidence(X) - UNIT.elbo(PRIOR, X),
        [
            Mistake(ELBO - LOG_EVIDENCE, "Mind the sign: log p(x) is the larger of the two."),
            Mistake(
                0.0,
                "KL(q ‖ p(z)) is zero for q = p(z), but that is a term of the ELBO. The gap is "
                "log p(x) − ELBO.",
            ),
            Mistake(
                0.5 * (0.5 + 0.25 - 1 + math.log(2)),
                "That is KL(posterior ‖ prior). The gap is log p(x) − ELBO.",
            ),
            Mistake(
                math.exp(LOG_EVIDENCE - ELBO),
                "That is the ratio of p(x) and exp(ELBO). In nats, take its logarithm.",
            ),
        ],
    ),
    Exercise(
        "3.c",
        lambda: _mean_bound,
        [
            Mistake(
                lambda log_weights: log_weights.mean(),
                "That is the mean of the logs, the ELBO. Within a row, take the log of the mean.",
            ),
            Mistake(
                log_mean_exp,
                "That is the log of the mean of all S·K weights: one draw of a bound with S·K in "
                "place of K. Average over the rows after the log.",
            ),
            Mistake(
                lambda log_weights: torch.logsumexp(log_weights, 1).mean(),
                "That is the log of the sum of K weights. A mean divides by K: subtract log K.",
            ),
            Mistake(
                lambda log_weights: importance_weighted_bound(log_weights, dim=0).mean(),
                "You averaged the weights over the S rows. The K draws are along the second axis.",
            ),
            Mistake(
                lambda log_weights: log_weights.exp().mean(1).log().mean(),
                "Right on paper, but exp(−1000) is 0 in the machine. Use torch.logsumexp.",
            ),
            Mistake(
                lambda log_weights: importance_weighted_bound(log_weights, dim=1),
                "Those are S estimates, one a row. Average them.",
            ),
            Mistake(
                lambda log_weights: importance_weighted_bound(log_weights, dim=1).sum(),
                "That is the sum of S estimates. Average them.",
            ),
            Mistake(
                lambda log_weights: log_weights.amax(1).mean(),
                "That is the largest of each row. The others count too: log-mean-exp.",
            ),
        ],
        cases=[(MANY,), (MODEST,), (FAR_APART,)],
        tolerance=1e-10,
    ),
    Exercise(
        "3.d",
        _smallest_std,
        [
            Mistake(0.25, "That is the variance. The exercise asks for the standard deviation."),
            Mistake(
                math.sqrt(0.5),
                "Here x pulls the tail in: p(x, z) falls like exp(−z²), so its square like "
                "exp(−2z²). √½ is right in the tanh world, where only the prior is left.",
            ),
            Mistake(
                1.0,
                "With σ = 1 the integrand is exp(−2z² + ½z²): it falls. How much smaller may σ be?",
            ),
        ],
        unit="",
    ),
)
