"""Exercises on the posterior, p(z|x) = p(x|z) p(z) / p(x), and on a q in its place."""

import math
from typing import Any

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Design, Exercise, Mistake, MultipleChoice
from course_lib.checks.answers import NotAnswered, Refused
from course_lib.checks.exercise import ANY
from course_lib.distributions import DiagonalGaussian, FullGaussian, GaussianMixture
from course_lib.exact import GridPosterior, LinearGaussian, square_world
from course_lib.exercises.registry import register
from course_lib.exercises.walks import lopsided, metropolis_rule, two_humps, walk, walk_case

SEEN = (1.5, 2.0, 3.0)  # x of 2.d
MOST = 0.1  # nats that 2.d may miss


def _completed() -> Tensor:
    """M, the posterior's mean, log p(z = 0|x = 5) and log p(x = 5) for x|z ~ N(3z, 2²)."""
    world = LinearGaussian(torch.tensor([[3.0]], **DOUBLE), torch.zeros(1, **DOUBLE), 2.0)
    x, zero = torch.tensor([5.0], **DOUBLE), torch.zeros(1, **DOUBLE)
    posterior = world.posterior(x)
    precision = posterior.covariance[0, 0].reciprocal()
    return torch.stack(
        [precision, posterior.mean[0], posterior.log_prob(zero), world.log_evidence(x)]
    )


def _normal(x: float, mean: float, variance: float) -> float:
    """log N(x; mean, variance)."""
    return -0.5 * math.log(2 * math.pi * variance) - (x - mean) ** 2 / (2 * variance)


JOINT = _normal(5, 0, 4) + _normal(0, 0, 1)  # log p(x = 5, z = 0)


def _alone(place: int, value: float) -> list[float]:
    """Of 2.a one number, whatever the others are."""
    return [value if i == place else ANY for i in range(4)]


def _in_double(q: Any) -> Any:
    """A q of 2.d in float64, in which a mixture's mass is seen to be whole.

    Raises NotAnswered for None, Refused for the exact posterior.
    """
    if q is None:
        raise NotAnswered
    if isinstance(q, GridPosterior):
        raise Refused("that is the exact posterior, by quadrature; build a q from Gaussians")
    if not isinstance(q, GaussianMixture):
        return q
    parts = q.components
    if isinstance(parts, DiagonalGaussian):
        doubled = DiagonalGaussian(parts.mean.double(), parts.log_std.double())
        return GaussianMixture(q.log_weights.double(), doubled)
    full = FullGaussian(parts.mean.double(), parts.scale_tril.double())
    return GaussianMixture(q.log_weights.double(), full)


def _worst_miss(q_of: Any) -> float:
    """max over the x of 2.d of log p(x) − E_q[log p(x, z) − log q(z)], by quadrature.

    Raises Refused unless q_of is a function.
    """
    if not callable(q_of):
        raise Refused("a function of x is wanted, which gives a distribution over z")
    world, misses = square_world(s=0.5), []
    for x in SEEN:
        q = _in_double(q_of(x))
        seen = torch.tensor([x], **DOUBLE)
        misses.append((world.log_evidence(seen) - world.elbo(q, seen)).item())
    return max(misses)


register(
    Exercise(
        "2.a",
        _completed,
        [
            Mistake(
                _alone(0, 9 / 4),
                "In M the prior's own precision is missing: 1 + w²/s². The others follow from M.",
            ),
            Mistake(
                _alone(0, 1 + 9 / 2),
                "In M the noise has the variance s² = 2², not 2. The others follow from M.",
            ),
            Mistake(
                _alone(0, 1 + 3 / 4),
                "In M the loading counts twice: 1 + w²/s², not w/s². The others follow from M.",
            ),
            Mistake(_alone(0, 4 / 13), "M is the precision. You gave its inverse, the variance."),
            Mistake(
                _alone(1, 15 / 4),
                "That mean is w x/s², the slope at z = 0. Divide it by M: there the slope is zero.",
            ),
            Mistake(_alone(1, 5 / 3), "x/w is where the likelihood peaks. The prior pulls back."),
            Mistake(
                _alone(2, JOINT),
                "Your third is log p(x, z), the joint. Bayes divides it by p(x). Without p(x) you "
                "get it from M and the mean: the posterior is Gaussian.",
            ),
            Mistake(
                _alone(2, _normal(5, 0, 4)),
                "Your third is the likelihood log p(x | z = 0), not the posterior's density there.",
            ),
            Mistake(
                _alone(2, _normal(0, 0, 1)),
                "Your third is the prior log p(z = 0), not the posterior's density there.",
            ),
            Mistake(
                _alone(2, _normal(0, 15 / 13, (4 / 13) ** 2)),
                "4/13 is the posterior's variance. It is not to be squared again.",
            ),
            Mistake(
                _alone(2, math.exp(_normal(0, 15 / 13, 4 / 13))),
                "Your third is p(z | x): take its logarithm.",
            ),
            Mistake(
                _alone(3, JOINT + _normal(0, 15 / 13, 4 / 13)),
                "For the fourth subtract the posterior's log-density from log p(x, z).",
            ),
            Mistake(_alone(3, JOINT), "Your fourth is still log p(x, z), at z = 0."),
            Mistake(
                _alone(3, _normal(5, 0, 4)), "Your fourth is log p(x | z = 0): z is still in it."
            ),
            Mistake(_alone(3, _normal(5, 0, 9 + 2)), "In p(x) the noise has the variance 2²."),
            Mistake(
                _alone(3, math.exp(_normal(5, 0, 13))),
                "Your fourth is p(x): take its logarithm.",
            ),
        ],
        log_density=True,
        names=("M", "the posterior's mean", "log p(z = 0 | x = 5)", "log p(x = 5)"),
        unit="",
        hints=(
            "Write log p(x, z) = −½(5 − 3z)²/4 − ½z² + const, and collect the terms with z² and z: "
            "they are −½Mz² and hz.",
            "The mean is h/M, the variance 1/M. Then (2.3) at z = 0: log p(x | 0) + log p(0), less "
            "your third number. Check it: x is Gaussian too, with variance 3² + 2².",
        ),
    ),
    Exercise(
        "2.b",
        lambda: walk(metropolis_rule),
        [
            Mistake(
                walk(metropolis_rule, keep="steps taken"),
                "Those are the places after the steps that were taken, fewer than there are "
                "proposals. What does the chain do when it refuses one?",
            ),
            Mistake(
                walk(metropolis_rule, keep="what was proposed"),
                "A refused proposal is a place where the chain has never been. It stays at z.",
            ),
            Mistake(
                walk(metropolis_rule, keep="the start as well"),
                "Nearly. Leave out the start: one place is wanted for each proposal.",
            ),
            Mistake(
                walk(metropolis_rule, keep="where it stood"),
                "Nearly. You note the place before each step: note it after u has decided.",
            ),
            Mistake(
                walk(lambda u, here, there: bool(u < there - here)),
                "u is compared with a ratio of densities. You dropped the exp of their logarithms.",
            ),
            Mistake(
                walk(lambda u, here, there: bool(there > here)),
                "That takes steps up only, and sits at a peak. A step down is taken now and then.",
            ),
            Mistake(
                walk(lambda u, here, there: bool(u < (here - there).exp())),
                "The ratio is upside down: the density there over the density here.",
            ),
            Mistake(
                walk(lambda u, here, there: True),
                "That takes every step: a random walk that knows nothing of the density.",
            ),
        ],
        cases=[walk_case(two_humps, 0.4, 1), walk_case(lopsided, -0.5, 2)],
        tolerance=1e-10,
        unit="",
        hints=(
            "Call it with a hundred steps. How many places does it give back?",
            "Where the density is high, most steps are refused, and the chain stays. If these "
            "stays are not counted, which places get too few?",
        ),
    ),
    MultipleChoice(
        "2.c",
        right=["p(x) is at least c", "q has the posterior's shape where it draws"],
        reasons={
            "q is the posterior": "Flat where q draws says nothing of where q never draws. Half of "
            "a posterior with two humps is just as flat.",
            "p(x) equals c": "That needs a q that covers the posterior. Half of it gives a "
            "constant too, log 2 too low.",
            "p(x) is at most c": "What q leaves out can only add to p(x).",
            "more draws of q will tell whether it is the posterior": "No draw of q ever falls "
            "where q is zero. What could tell is a z from elsewhere, such as one from the prior.",
        },
        hints=(
            "A constant difference of logarithms is a constant ratio: in the places that q draws, "
            "q(z) = p(x, z)/c. Of which shape is that? And what is q elsewhere?",
            "p(x) is the integral of p(x, z) over all z. Integrate over the places that q draws "
            "alone: there it is c q(z). The rest is not negative.",
        ),
    ),
    Design(
        "2.d",
        _worst_miss,
        MOST,
        "the worst of the three misses",
        hints=(
            "How many humps has the posterior, and where are they? The section above has a formula "
            "for the place and the curvature of one.",
            "A mixture of two Gaussians: GaussianMixture(torch.zeros(2), DiagonalGaussian.from_std("
            "means, stds)), with means and stds of shape (2, 1). Both depend on x.",
        ),
    ),
)
