"""Exercises on the two terms of the ELBO: what the KL must cost, and what kills a latent."""

import math

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Exercise, Mistake
from course_lib.distributions import DiagonalGaussian, kl_divergence
from course_lib.exact import fit_ppca
from course_lib.exact.optima.kl_weight import mutual_information
from course_lib.exercises.given import UNIT
from course_lib.exercises.registry import register


def _first_squared_loading() -> Tensor:
    """w² of pPCA with one latent, fitted to data whose covariance has eigenvalues 3, 1, ½."""
    axes = torch.diag(torch.tensor([9.0, 3.0, 1.5], **DOUBLE).sqrt())  # 3 λ, of six data
    fitted = fit_ppca(torch.cat([axes, -axes]), latent=1)
    return fitted.loadings.square().sum()


def _kl_at(x: float) -> Tensor:
    """KL(p(z|x) ‖ p(z)) at one x of the unit world."""
    return kl_divergence(UNIT.posterior(torch.tensor([x], **DOUBLE)), UNIT.prior)


def _codes(means: list[float], stds: list[float], draws: list[float]) -> Tensor:
    """log q(z_n | x_m), (N, N): row n is the draw, column m the image."""
    q = DiagonalGaussian.from_std(_column(means), _column(stds))  # batch (N,)
    return q.log_prob(_column(draws).unsqueeze(1))


def _column(values: list[float]) -> Tensor:
    """(N, 1)."""
    return torch.tensor(values, **DOUBLE).unsqueeze(-1)


def _information(log_q: Tensor) -> Tensor:
    return (log_q.diagonal() - torch.logsumexp(log_q, 1) + math.log(len(log_q))).mean()


APART = _codes([-50.0, 0.0, 60.0], [0.5, 1.0, 0.1], [-50.3, 0.4, 60.1])  # exp underflows
MIXED = _codes([0.1, -0.4, 0.9, 2.0], [0.8, 0.5, 1.1, 0.6], [0.5, -0.9, 0.2, 2.2])
ROWS = torch.tensor([[-800.0], [3.0], [-2500.0], [40.0]], **DOUBLE)  # no one number scales all rows

register(
    Exercise(
        "5.a",
        lambda: mutual_information(UNIT),
        [
            Mistake(
                0.0,
                "A mean KL of zero makes every q(z|x) the prior: then z says nothing about x.",
            ),
            Mistake(math.log(2), "Nearly: an entropy is ½ log of a variance."),
            Mistake(_kl_at(0.0), "That is the KL at x = 0. Average it over x ~ N(0, 2)."),
            Mistake(_kl_at(1.0), "That is the KL at x = 1. Average it over x ~ N(0, 2)."),
            Mistake(0.5 * math.log2(2), "That is in bits. One bit is log 2 = 0.693 nats."),
            Mistake(-0.5 * math.log(2), "Mind the sign: a mean of KLs is never negative."),
        ],
    ),
    Exercise(
        "5.b",
        _first_squared_loading,
        [
            Mistake(3.0, "Part of that variance is noise, which is there in every direction."),
            Mistake(2.5, "The noise is the mean of what is left out, not the smallest of it."),
            Mistake(2.0, "The noise is the mean of what is left out, not the largest of it."),
            Mistake(
                1.5,
                "If that is w, square it. If it is 3 − 1.5, take the mean of the two "
                "eigenvalues that are left out, not their sum.",
            ),
            Mistake(0.75, "That is σ². The loading carries the rest of the first eigenvalue."),
        ],
        unit="",
    ),
    Exercise(
        "5.c",
        lambda: 784 / 2,
        [
            Mistake(784.0, "Nearly: −log N has (x − x̂)²/(2s²), and the program has no ½."),
            Mistake(1.0, "That would be ½ Σ (x − x̂)². The program divides the sum by 784."),
            Mistake(0.5, "That would be Σ (x − x̂)². The program divides the sum by 784."),
            Mistake(1 / 392, "Turned round: a small weight on the error is a large noise."),
            Mistake(math.sqrt(392), "That is s. The question is its square."),
        ],
        unit="",
    ),
    Exercise(
        "5.d",
        lambda: _information,
        [
            Mistake(
                lambda log_q: (log_q.diagonal() - torch.logsumexp(log_q, 1)).mean(),
                "Too small by log N: the aggregate is the mean of the densities, not their sum.",
            ),
            Mistake(
                lambda log_q: (log_q.diagonal() - log_q.mean(1)).mean(),
                "That averages the logs. The aggregate is a mean of densities: log-mean-exp.",
            ),
            Mistake(
                lambda log_q: _information(log_q.T),
                "The sum runs over the wrong axis: keep the draw z_n and go through the images m.",
            ),
            Mistake(
                lambda log_q: _information(log_q) * len(log_q),
                "That is the sum over n. The information is a mean over the data.",
            ),
            Mistake(
                lambda log_q: (log_q.diagonal() - log_q.exp().mean(1).log()).mean(),
                "Right on paper, but exp underflows for codes that lie far apart.",
            ),
            Mistake(
                lambda log_q: -_information(log_q),
                "The sign is flipped: the information is log q(z_n|x_n) less log of the mean.",
            ),
        ],
        cases=[(MIXED,), (APART,), (MIXED + ROWS,)],
        tolerance=1e-10,
    ),
)
