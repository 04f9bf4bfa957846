"""Exercises on the Kullback–Leibler divergence, KL(q ‖ p) = E_q[log q − log p]."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Exercise, Mistake
from course_lib.distributions import Bernoulli, DiagonalGaussian, kl_divergence
from course_lib.exercises.registry import register

STANDARD = DiagonalGaussian.from_std(0.0, 1.0)
SHIFTED = DiagonalGaussian.from_std(1.0, 1.0)
FARTHER = DiagonalGaussian.from_std(3.0, 1.0)


def _log_ratio_variance(q: DiagonalGaussian, p: DiagonalGaussian) -> Tensor:
    """Var_q[log q(z) − log p(z)] in one dimension, by the trapezoid rule over ±12 σ."""
    u = torch.linspace(-12.0, 12.0, 4001, **DOUBLE).unsqueeze(-1)
    z = q.mean + q.std * u  # (4001, 1)
    weight = q.log_prob(z).exp() * q.std * (u[1] - u[0])
    log_ratio = q.log_prob(z) - p.log_prob(z)
    mean = (weight * log_ratio).sum()
    return (weight * (log_ratio - mean).square()).sum()


def _terms(q: DiagonalGaussian, p: DiagonalGaussian, power: float = 2.0) -> Tensor:
    """The textbook's terms, one a coordinate, with σ^power taken for the variance: 2 is right."""
    log_ratio = power * (q.log_std - p.log_std)
    shift = (q.mean - p.mean).square() / (power * p.log_std).exp()
    return 0.5 * (log_ratio.exp() + shift - 1 - log_ratio)


def _gaussian(mean: Sequence[object], log_std: Sequence[object]) -> DiagonalGaussian:
    return DiagonalGaussian(_double(mean), _double(log_std))


def _double(values: Sequence[object]) -> Tensor:
    return torch.tensor(values, **DOUBLE)


THREE = _gaussian(
    [[0.9, -0.4, 2.0], [1.4, 0.3, -1.1]], [[-0.7, 0.4, -2.3], [0.2, -1.0, 0.6]]
)  # (2, 3)
OTHER = _gaussian([[0.2, 0.0, 1.8], [-0.5, 2.0, 0.1]], [[-0.4, 0.0, -1.6], [0.9, -0.3, 0.5]])
BATCH = _gaussian(
    [[0.0, 1.0], [3.0, -2.0], [0.7, 0.2]], [[0.1, -13.8], [0.5, 0.3], [-1.0, -0.2]]
)  # (3, 2), σ down to 1e-6
ALWAYS_ZERO = Bernoulli.from_probs(_double([0.0]))
OFTEN_ZERO = Bernoulli.from_probs(_double([0.3]))
PRIOR = _gaussian([[0.0, 0.0]] * 3, [[0.0, 0.0]] * 3)

register(
    Exercise(
        "4.a",
        lambda: kl_divergence(STANDARD, SHIFTED),
        [
            Mistake(-0.5, "A KL is never negative: mind which density is on top in the log."),
            Mistake(1.0, "Nearly: the squared distance is 1, and it enters with a factor ½."),
            Mistake(0.0, "The widths are equal, so their terms cancel. The means are not."),
            Mistake(
                0.5 * math.erfc(0.5 / math.sqrt(2)),
                "That is how often one draw is negative. The KL is the mean of ½ − z.",
            ),
        ],
    ),
    Exercise(
        "4.b",
        lambda: _log_ratio_variance(STANDARD, FARTHER),
        [
            Mistake(4.5, "That is its mean. The log-ratio is 4½ − 3z: what is the variance of z?"),
            Mistake(29.25, "That is the mean of the square. Subtract the square of the mean."),
            Mistake(1.0, "That is the variance of z. In the log-ratio z comes with −3."),
            Mistake(3.0, "That is the standard deviation. The variance is its square."),
            Mistake(0.09, "That is the variance of a mean of 100 draws. Here it is one draw's."),
        ],
        unit="nats²",
    ),
    Exercise(
        "4.c",
        lambda: kl_divergence(ALWAYS_ZERO, OFTEN_ZERO),
        [
            Mistake(
                -math.log(0.3),
                "That is the cost of a one. Under q it never comes; what does q give always?",
            ),
            Mistake(math.log(0.7), "Mind the sign: a KL is never negative."),
            Mistake(
                math.inf,
                "That is the other direction. KL is infinite where p gives 0 and q does not.",
            ),
            Mistake(0.0, "0·log 0 = 0 is one of two terms. What does the zero cost under p?"),
            Mistake(-math.log10(0.7), "Nats are natural logarithms: that is log to base ten."),
        ],
    ),
    Exercise(
        "4.d",
        lambda: kl_divergence,
        [
            Mistake(
                lambda q, p: _terms(q, p).mean(-1),
                "Right up to a factor of d: did you take the mean over the latent dimensions? "
                "Independent coordinates add up.",
            ),
            Mistake(
                lambda q, p: _terms(q, p).sum(),
                "Sum over the last axis alone: each example of the batch keeps its own KL.",
            ),
            Mistake(_terms, "Those are the terms of each coordinate. Sum them over the last axis."),
            Mistake(
                lambda q, p: _terms(q, p, power=1.0).sum(-1),
                "You read log σ as log σ²: the variance is exp(2·log_std).",
            ),
            Mistake(
                lambda q, p: -_terms(q, p).sum(-1),
                "The sign is flipped: a KL is never negative. It is the ELBO that subtracts it.",
            ),
            Mistake(
                lambda q, p: 2 * _terms(q, p).sum(-1),
                "Twice too large: the factor ½ is missing.",
            ),
            Mistake(
                lambda q, p: kl_divergence(p, q),
                "That is KL(p ‖ q). The two directions differ.",
            ),
            Mistake(
                lambda q, p: kl_divergence(q, DiagonalGaussian.standard(q.event_shape[-1])),
                "That is the KL to N(0, I). Here p has a mean and a width of its own.",
            ),
        ],
        cases=[(THREE, OTHER), (BATCH, PRIOR), (THREE, THREE)],
        tolerance=1e-9,
    ),
)
