"""Exercises on who does what: slopes in θ, the exact posterior on a grid, a report on two q's, and
a q for an image that gradient ascent from the encoder's answer does not find.
"""

import math
from functools import lru_cache
from typing import Any, cast

import torch
from torch import Generator, Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Design, Exercise, Mistake, MultipleChoice
from course_lib.checks.answers import Refused
from course_lib.data import binarise, load_mnist
from course_lib.distributions import DiagonalGaussian, kl_divergence
from course_lib.evaluate import LatentPlane, expected_log_likelihood
from course_lib.exact import LinearGaussian, elbo_slope, evidence_slope
from course_lib.exercises.registry import register
from course_lib.shipped import load_model
from course_lib.vae import VAE

# Two joints on a grid, with steps that differ: one of ordinary height, one of an image, whose
# exponentials underflow.
AXIS = torch.linspace(-6, 6, 61, **DOUBLE)
NODES = torch.cartesian_prod(AXIS, AXIS)
JOINT = (
    LinearGaussian([[1.0, 0.5]], 0.0, 0.8)
    .log_joint(torch.tensor([1.0], **DOUBLE), NODES)
    .reshape(61, 61)
)
STEP, FINER = 0.2, 0.05

IMAGE, SEED = 64, 7  # a test image, and how the test images were made black and white
QUADRATURE = 64  # nodes over q, in each direction
BOTH_TERMS = "log p(x) = −½ log(2πv) − x²/2v with v = w² + 1: both terms move with v."


def _grid_posterior(joint: Tensor, step: float) -> Tensor:
    """log p(z|x) at the nodes, by log Σ exp."""
    return joint - torch.logsumexp(joint.flatten(), 0) - 2 * math.log(step)


def the_seven() -> tuple[VAE, Tensor]:
    """The model whose latent is the plane, and test image 64 in black and white, (1, 784)."""
    model = cast(VAE, load_model("mnist_vae_2d")).double().requires_grad_(False)
    pixels = load_mnist("test").images.flatten(1)
    x = binarise(pixels, generator=Generator().manual_seed(SEED)).double()
    return model, x[IMAGE : IMAGE + 1]


@lru_cache(maxsize=1)
def _seven() -> tuple[VAE, Tensor, float]:
    """The model, the image, and its log p(x), nats."""
    model, x = the_seven()
    return model, x, LatentPlane(model, x).log_evidence(0)


def lost_on_the_seven(q: Any) -> float:
    """log p(x) − ELBO(q) of the image, by quadrature; nats.

    Raises Refused unless q is one DiagonalGaussian of two latents.
    """
    if not isinstance(q, DiagonalGaussian):
        raise Refused(f"a DiagonalGaussian is wanted, got {type(q).__name__}")
    if tuple(q.mean.shape) not in ((2,), (1, 2)):
        raise Refused(f"one q of two latents is wanted, got mean {tuple(q.mean.shape)}")
    model, x, log_evidence = _seven()
    one = DiagonalGaussian(q.mean.detach().double(), q.log_std.detach().double())
    likelihood = expected_log_likelihood(model, one, x, QUADRATURE)
    return log_evidence - float(likelihood - kl_divergence(one, model.prior))


def opposed_slopes(name: str, w: int, x: int) -> Exercise:
    """The slopes in w of the ELBO, the prior as q, and of log p(x): z ~ N(0, 1), x|z ~ N(wz, 1)."""
    world = LinearGaussian([[float(w)]], 0.0, 1.0)
    seen = [float(x)]
    return Exercise(
        name,
        lambda: torch.cat(
            [elbo_slope(world, world.prior, seen).flatten(), evidence_slope(world, seen).flatten()]
        ),
        _of_the_slopes(w, x),
        unit="",
        hints=(
            "The ELBO's slope is E_q[(x − wz) z], by (7.1). Which moments of z does it need, and "
            "what are they under the prior?",
            "p(x) is N(0, w² + 1). Write its log at x, with v = w² + 1, and differentiate: first "
            "in v, then by the chain rule in w.",
        ),
    )


def _of_the_slopes(w: int, x: int) -> list[Mistake]:
    v = w**2 + 1
    pull, spread = w * x**2 / v**2, w / v  # the two terms of the evidence's slope
    right = pull - spread
    return [
        Mistake([-w, w / v**2 - spread], f"Those are the slopes at x = 1. Here x is {x}."),
        Mistake([right, -w], "The right two numbers, in the other order."),
        Mistake([-w, pull], BOTH_TERMS),
        Mistake([-w, -spread], BOTH_TERMS),
        Mistake([-w, right / 2], "Nearly: by the chain rule dv/dw = 2w, not w."),
        Mistake([x - w, right], "You have put z = 1 into the ELBO's slope. Under q, E z = 0."),
        Mistake([0, right], "E_q z = 0, but E_q z² is not: x z − w z² is what is averaged."),
    ]


register(
    opposed_slopes("7.a", 1, 3),
    Exercise(
        "7.b",
        lambda: _grid_posterior,
        [
            Mistake(
                lambda joint, step: (joint.exp() / (joint.exp().sum() * step)).log(),
                "That is the program as it was: a cell's area is not its step, and exponentials of "
                "−900 underflow to 0.",
            ),
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
        cases=[(JOINT, STEP), (JOINT - 900.0, FINER)],
        tolerance=1e-10,
        hints=(
            "Two faults. Of what size is a cell of a grid with two directions? And what is "
            "exp(−900) in a computer?",
            "The sum times the area of a cell is p(x). Take its logarithm without leaving "
            "logarithms: torch.logsumexp(log_joint.flatten(), 0), and log of the area beside it.",
        ),
    ),
    MultipleChoice(
        "7.c",
        right=["a", "b"],
        reasons={
            "c": "it says how well draws agree that all come from one wrong place. The second q "
            "shows that the estimate is some seventy nats too low.",
            "d": "ten times as many draws gain a few nats, and seventy are missing: the posterior "
            "is many standard deviations of this q away, and no draw lands there.",
            "e": "by the second q's bound the decoder gives it e^−156.1 at least. Whether that is "
            "much is another question, but the 92 nats were not the decoder's.",
            "f": "log p(x) has no q in it, and the ascent moved nothing else. Only the bound rose.",
        },
        hints=(
            "Which of the numbers are bounds on log p(x), and what do they settle whatever q is? "
            "Which of them depend on where q draws?",
            "ELBO ≤ log p(x) for every q, so the second q settles how low log p(x) cannot be. "
            "Then ask what changed between the two halves of the report: θ, or q alone?",
        ),
    ),
    Design(
        "7.d",
        lost_on_the_seven,
        1.0,
        "the gap",
        hints=(
            "Gradient ascent ends on the hill on which it starts, and the first of 2,000 places "
            "may lie on any. What can the model itself say about each place, given the image?",
            "plane.log_joint(seven, [places]) is log p(z|x) at every place, up to a constant. "
            "Start at its largest, places[best][None], and call `ascend`.",
        ),
    ),
)
