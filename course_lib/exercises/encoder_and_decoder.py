"""Exercises on who does what: slopes in θ, the exact posterior on a grid, a prior that learns."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Exercise, Mistake
from course_lib.distributions import DiagonalGaussian, kl_divergence
from course_lib.exact import LinearGaussian
from course_lib.exact.optima.loading_slopes import elbo_slope, evidence_slope
from course_lib.exercises.given import UNIT
from course_lib.exercises.registry import register

X = [3.0]

# Two joints on a grid: one of ordinary height, one of an image, whose exponentials underflow.
AXIS = torch.linspace(-6, 6, 61, **DOUBLE)
NODES = torch.cartesian_prod(AXIS, AXIS)
JOINT = (
    LinearGaussian([[1.0, 0.5]], 0.0, 0.8)
    .log_joint(torch.tensor([1.0], **DOUBLE), NODES)
    .reshape(61, 61)
)
STEP = 0.2

CODES = (
    torch.tensor([[1.0, -2.0], [0.0, 0.5], [2.0, 0.0]], **DOUBLE),
    torch.tensor([[0.1, 0.5], [0.3, 0.2], [0.2, 0.8]], **DOUBLE),
)
BOTH_TERMS = "log p(x) = −½ log(2πv) − x²/2v with v = w² + 1: both terms move with v."
Pair = Callable[[Tensor, Tensor], Tensor]


def _grid_posterior(joint: Tensor, step: float) -> Tensor:
    """log p(z|x) at the nodes, by log Σ exp."""
    return joint - torch.logsumexp(joint.flatten(), 0) - 2 * math.log(step)


def _climbed(mean: Tensor, std: Tensor) -> Tensor:
    """The prior's mean and standard deviation by Newton's method on the mean KL."""
    q, m, r = DiagonalGaussian(mean, std.log()), mean.mean(0), mean.std(0).log()
    for _ in range(60):
        at = torch.stack([m, r]).requires_grad_()
        cost = kl_divergence(q, DiagonalGaussian(at[0], at[1])).mean()
        slope = torch.autograd.grad(cost, at)[0]
        m = m - slope[0] * (2 * r).exp()  # ½ (m − …)²/s² has curvature 1/s²
        r = r - 0.5 * slope[1]  # near its least value the cost in log s has curvature 2
    return torch.stack([m, r.exp()])


def _stds(spread: Pair) -> Pair:
    """The right mean with another spread."""
    return lambda mean, std: torch.stack([mean.mean(0), spread(mean, std)])


register(
    Exercise(
        "7.a",
        lambda: torch.cat(
            [elbo_slope(UNIT, UNIT.prior, X).flatten(), evidence_slope(UNIT, X).flatten()]
        ),
        [
            Mistake([-1.0, -0.25], "Those are the slopes at x = 1. Here x is 3."),
            Mistake([1.75, -1.0], "The right two numbers, in the other order."),
            Mistake([-1.0, 2.25], BOTH_TERMS),
            Mistake([-1.0, -0.5], BOTH_TERMS),
            Mistake([-1.0, 0.875], "Nearly: by the chain rule dv/dw = 2w, not w."),
            Mistake([2.0, 1.75], "You have put z = 1 into the ELBO's slope. Under q, E z = 0."),
            Mistake([0.0, 1.75], "E_q z = 0, but E_q z² is not: x z − w z² is what is averaged."),
        ],
        unit="",
    ),
    Exercise(
        "7.b",
        lambda: _grid_posterior,
        [
            Mistake(
                lambda joint, step: (joint.exp() / (joint.exp().sum() * step**2)).log(),
                "For an image exp(log p(x, z)) underflows to 0, and 0/0 is no number. Stay in "
                "logarithms: torch.logsumexp.",
            ),
            Mistake(
                lambda joint, step: joint - torch.logsumexp(joint.flatten(), 0),
                "Those are masses of cells: they sum to one. A density has to be divided by the "
                "area of a cell.",
            ),
            Mistake(
                lambda joint, step: joint - torch.logsumexp(joint.flatten(), 0) - math.log(step),
                "The grid has two directions: a cell has the area step².",
            ),
            Mistake(
                lambda joint, step: (
                    joint - torch.logsumexp(joint.flatten(), 0) + 2 * math.log(step)
                ),
                "Mind the sign: log p(x) = log Σ + 2 log step is taken off.",
            ),
            Mistake(
                lambda joint, step: joint - torch.logsumexp(joint, 0) - 2 * math.log(step),
                "You have summed along one direction only; the evidence is one number.",
            ),
        ],
        cases=[(JOINT, STEP), (JOINT - 900.0, STEP)],
        tolerance=1e-10,
    ),
    Exercise(
        "7.c",
        lambda: _climbed,
        [
            Mistake(
                _stds(lambda mean, std: mean.std(0, correction=0)),
                "That is the spread of the means alone. Each q is wide itself: add its variance.",
            ),
            Mistake(
                _stds(lambda mean, std: std.square().mean(0).sqrt()),
                "That is the width of a typical q. The aggregate also spreads because the means "
                "differ.",
            ),
            Mistake(
                _stds(lambda mean, std: mean.std(0, correction=0) + std.mean(0)),
                "Variances add, standard deviations do not.",
            ),
            Mistake(
                _stds(lambda mean, std: (std.square() + mean.var(0, correction=0)).mean(0)),
                "Those are the variances. The function returns standard deviations.",
            ),
            Mistake(
                _stds(lambda mean, std: (std.square().mean(0) + mean.var(0)).sqrt()),
                "Nearly: divide by N, not by N − 1. The N images are all there is to encode.",
            ),
            Mistake(
                _stds(lambda mean, std: (std.square() + mean.square()).mean(0).sqrt()),
                "That is the spread round 0. The prior's mean has moved to m.",
            ),
        ],
        cases=[CODES],
        tolerance=1e-8,
        unit="",
    ),
    Exercise(
        "7.d",
        lambda: _excess_at_the_mean(),
        [
            Mistake(0.5, "Nearly: the variance of q is ½, and the quadratic term has ½ as well."),
            Mistake(-0.25, "Mind the sign: at its mean, z explains x better than a draw does."),
            Mistake(
                0.0,
                "The KL is the same, but log p(x|z) is curved: its mean is not its value"
                " at the mean.",
            ),
            Mistake(
                0.5 * math.log(2.0),
                "That is the mean KL to the prior. Compare log p(x|μ) with E_q log p(x|z).",
            ),
        ],
    ),
)


def _excess_at_the_mean() -> Tensor:
    """log p(x|μ) − KL − log p(x), q the exact posterior."""
    x = torch.tensor([0.7], **DOUBLE)
    q = UNIT.posterior(x)
    at_mean = UNIT.decoder(q.mean).log_prob(x) - kl_divergence(q, UNIT.prior)
    return (at_mean - UNIT.log_evidence(x)).squeeze()
