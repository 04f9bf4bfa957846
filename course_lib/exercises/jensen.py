"""Exercises on the bound that Jensen's inequality gives, and on pushing it uphill."""

import math
from typing import Any

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Blank, Blanks, Design, Exercise, Mistake, MultipleChoice
from course_lib.checks.answers import Refused, described
from course_lib.distributions import DiagonalGaussian, FullGaussian
from course_lib.exact import tanh_world
from course_lib.exercises.registry import register

WORLD = tanh_world(a=2.0, b=1.0, c=0.0, s=0.5)
# log p(x, z) and log q(z), (draws, images): one draw, two, and so many that sums and means differ.
CASES = [
    (torch.tensor([[-2.0, -3.5]], **DOUBLE), torch.tensor([[-1.0, 0.5]], **DOUBLE)),
    (
        torch.tensor([[-1.0, -2.5, -4.0], [-3.0, -0.5, -1.5]], **DOUBLE),
        torch.tensor([[-0.3, -1.1, 0.2], [0.7, -2.0, -0.9]], **DOUBLE),
    ),
    (
        torch.tensor([[-900.0, -1.0], [-2.0, -3.0], [-5.0, -7.5], [-4.0, -2.2]], **DOUBLE),
        torch.tensor([[-1.0, -0.2], [0.4, -1.3], [0.1, 0.6], [-2.1, -0.8]], **DOUBLE),
    ),
]


def _minus_elbo(log_joint: Tensor, log_q: Tensor) -> Tensor:
    """−ELBO, the mean over draws and images."""
    return -(log_joint - log_q).mean()


def _by_logsumexp(log_joint: Tensor, log_q: Tensor) -> Tensor:
    """The program that is given: −log of a sum of weights for each image."""
    return -torch.logsumexp(log_joint - log_q, 0).mean()


def _by_log_mean(log_joint: Tensor, log_q: Tensor) -> Tensor:
    log_weight = log_joint - log_q
    return -(torch.logsumexp(log_weight, 0) - math.log(len(log_weight))).mean()


def _gap(q: Any, x: float) -> float:
    """log p(x) − ELBO in the tanh world, by quadrature.

    Raises Refused unless q is one Gaussian over one number.
    """
    ours = isinstance(q, DiagonalGaussian | FullGaussian)
    if not ours or q.mean.shape != (1,):
        raise Refused(
            "a Gaussian q of one latent is wanted: DiagonalGaussian.from_std(mean, std); got "
            f"{described(q)}{f' whose mean is of shape {tuple(q.mean.shape)}' if ours else ''}"
        )
    seen = torch.tensor([x], **DOUBLE)
    return (WORLD.log_evidence(seen) - WORLD.elbo(q, seen)).item()


def gaussian_for(name: str, x: float, most: float) -> Design:
    """A Gaussian q for x in the tanh world, at most so many nats short."""
    return Design(
        name,
        lambda q: _gap(q, x),
        most=most,
        what="the gap",
        hints=(
            "The loop of “push q uphill” needs one change, and more steps.",
            f"Put x = {x:g} in place of x = 2, start at the prior, take a hundred gradient steps "
            "at the rate 0.05, and give the q that you end with.",
        ),
    )


register(
    Blanks(
        "3.a",
        [
            Blank(
                "q(z)",
                {
                    "p(z)": "E is an average over q, and what is multiplied by q must be divided "
                    "by q again.",
                    "p(x)": "p(x) has no z in it. Which density did the average multiply by?",
                    "p(z|x)": "Dividing by the posterior gives p(x) at every z, but nobody has it; "
                    "the average is over q.",
                },
            ),
            Blank(
                ">=",
                {
                    "<=": "Which is larger, the log of an average or the average of the logs? "
                    "Try the weights 1 and 3.",
                    "=": "Only if the log-weight is flat wherever q draws. This line holds for "
                    "every q.",
                },
            ),
            Blank(
                "p(z)",
                {
                    "q(z)": "KL(q ‖ q) is zero. What is left of log p(x, z) when log p(x|z) is "
                    "taken out?",
                    "p(x)": "A KL compares two densities of z. What is left of log p(x, z) when "
                    "log p(x|z) is taken out?",
                    "p(z|x)": "The KL to the posterior is what the bound loses, not a term of it. "
                    "Take log p(x|z) out of log p(x, z).",
                },
            ),
        ],
        hints=(
            "Read each line against the one above it: what was put in, and what was taken out?",
            "An average over q of f/q gives the integral of f. Jensen: the log of an average is at "
            "least the average of the logs. And log p(x, z) = log p(x|z) + log p(z).",
        ),
    ),
    Exercise(
        "3.b",
        lambda: _minus_elbo,
        [
            Mistake(
                _by_logsumexp,
                "That is the program as it was: it takes the log of a sum of weights. The ELBO "
                "takes the logs first.",
            ),
            Mistake(
                _by_log_mean,
                "Now it takes the log of the mean weight. That is a bound too, L_K of Going "
                "deeper, and it still gets better with the draws. The ELBO is the mean of the "
                "logs.",
            ),
            Mistake(
                lambda log_joint, log_q: -(log_joint - log_q).mean(0),
                "Those are losses, one an image. Average over the images too.",
            ),
            Mistake(
                lambda log_joint, log_q: -(log_joint - log_q).sum(0).mean(),
                "That adds up the draws. More draws would make the loss larger: average them.",
            ),
            Mistake(
                lambda log_joint, log_q: -(log_joint - log_q).sum(),
                "That adds up draws and images. Average over both.",
            ),
            Mistake(
                lambda log_joint, log_q: -(log_joint - log_q)[0].mean(),
                "That uses the first draw alone. All of them count: average.",
            ),
            Mistake(
                lambda log_joint, log_q: -log_joint.mean(),
                "log q(z) is gone. Without it nothing keeps q from becoming a spike.",
            ),
            Mistake(
                lambda log_joint, log_q: -(log_joint + log_q).mean(),
                "log q(z) is subtracted: the weight is p(x, z)/q(z).",
            ),
        ],
        cases=CASES,
        tolerance=1e-10,
        hints=(
            "For one draw the program is right. What changes with the second?",
            "Two orders are possible, the log of a mean and the mean of logs. Which is the ELBO?",
        ),
    ),
    MultipleChoice(
        "3.c",
        right=["c"],
        reasons={
            "a": "one batch is a few draws, and single log-weights may lie above log p(x); six in "
            "ten did in this chapter.",
            "b": "a step that is too long jumps over the summit and lands lower. The gradient was "
            "right, the rate was not.",
            "d": "that is what happens when q is not re-fitted: the ELBO rises by shrinking the "
            "gap.",
            "e": "the ELBO depends on p(x, z) and on q, and p(x) settles neither of them.",
        },
        hints=(
            "Which of the five is about exact averages, and not about draws or about training?",
            "ELBO ≤ log p(x) holds for every q, for exact averages. Look for the line that breaks "
            "it.",
        ),
    ),
    gaussian_for("3.d", 0.5, 0.025),
)
