"""Exercises on the posterior, p(z|x) = p(x|z) p(z) / p(x), and on a q in its place."""

from typing import Any

import torch

from course_lib.arguments import DOUBLE
from course_lib.checks import Design, Exercise, Mistake, MultipleChoice
from course_lib.checks.answers import NotAnswered, Refused
from course_lib.distributions import DiagonalGaussian, FullGaussian, GaussianMixture
from course_lib.exact import GridPosterior, square_world
from course_lib.exercises.completing import completed_square
from course_lib.exercises.given import require_one_q
from course_lib.exercises.registry import register
from course_lib.exercises.walks import lopsided, metropolis_rule, two_humps, walk, walk_case

SEEN = (1.5, 2.0, 3.0)  # x of 2.d
MOST = 0.1  # nats that 2.d may miss


def _in_double(q: Any) -> Any:
    """A q of 2.d in float64, in which a mixture's mass is seen to be whole.

    Raises NotAnswered for None, Refused for the exact posterior and for what is no one q.
    """
    if q is None:
        raise NotAnswered
    if isinstance(q, GridPosterior):
        raise Refused("that is the exact posterior, by quadrature; build a q from Gaussians")
    if (getattr(q, "batch_shape", ()), getattr(q, "event_shape", None)) != ((), (1,)):
        require_one_q(q)  # one of the learner's own may pass
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
    completed_square("2.a", 3, 2, 5),
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
