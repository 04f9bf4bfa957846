"""Exercises on chains that fold, a warm-up that prints the wrong bound, two training logs, and an
upper arrow to be built.
"""

import math

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Blank, Blanks, Design, Exercise, Mistake, MultipleChoice
from course_lib.checks.answers import Refused
from course_lib.exact import ScalarChain, TanhArrow
from course_lib.exercises.registry import register

LOWER = TanhArrow(3.0, 0.5, 0.0, 0.4)  # the explorer's, z_1 → x
NOISE = 0.3  # of the upper arrow
FARTHEST, STEEPEST = 10.0, 10.0  # of the sums over z that are still resolved


def warmed_up(reconstruction: Tensor, cost: Tensor, step: int, warm: int) -> Tensor:
    """β · cost − reconstruction, and the ELBO, each a mean over the batch: (2,)."""
    return _printed(reconstruction, cost, _beta(step, warm), 1.0)


def _beta(step: int, warm: int) -> float:
    return min(1.0, step / warm)


def _printed(reconstruction: Tensor, cost: Tensor, in_loss: float, in_elbo: float) -> Tensor:
    """Loss and ELBO, with the weights of the cost in each."""
    loss, elbo = in_loss * cost - reconstruction, reconstruction - in_elbo * cost
    return torch.stack([loss.mean(), elbo.mean()])


def lean(arrow: TanhArrow) -> float:
    """−|skew of p(x)| of the chain with this upper arrow, by quadrature.

    Raises Refused unless it is a TanhArrow with noise 0.3, and one whose sums can be trusted.
    """
    if not isinstance(arrow, TanhArrow):
        raise Refused(f"a TanhArrow(a, b, c, 0.3) is wanted, got {type(arrow).__name__}")
    if not math.isclose(arrow.s, NOISE, rel_tol=1e-7):  # 0.3 in float32 as well
        raise Refused(f"its noise s stays 0.3, got {arrow.s}")
    if max(abs(arrow.a), abs(arrow.c)) > FARTHEST or abs(arrow.b) > STEEPEST:
        raise Refused(f"a, b and c must lie between −10 and 10, got {arrow}")
    return -abs(ScalarChain([LOWER, arrow]).evidence.skew)


RATE, WIDTH = "learning rate too high", "log-variance taken for log-std in the draw"
PIXELS, ASLEEP = "pixels left at 0 to 255", "layer 2 fell asleep"
BATCH = tuple(torch.tensor(values, **DOUBLE) for values in ([-20.5, -31.0, -24.2], [4.3, 5.8, 7.0]))


def leaning(name: str, least: float) -> Design:
    """An upper arrow that makes p(x) as skew as that."""
    return Design(
        name,
        lean,
        -least,
        "|skew|",
        unit="",
        negative=True,
        hints=(
            "In the table z₁ lies within 2 of c, but for its noise. Where is the lower tanh flat, "
            "and where steep? Most of z₁ must lie where it is flat, and one tail where it is not.",
            "A longer tail needs a larger a: try 4, or 6. Then c must shift z₁ until most of it "
            "lies above 2, where 3 tanh(z₁/2) hardly grows, and b stay small: one hump, one tail.",
        ),
    )


register(
    Blanks(
        "11.a",
        [
            Blank(
                "a_1 s_2 ε_1",
                {
                    "s_2 ε_1": "z_1 is multiplied by a_1 on its way to x, and its noise is a part "
                    "of z_1.",
                    "a_2 s_2 ε_1": "a_2 multiplies z_2, before ε_1 is added; it never meets ε_1.",
                },
            ),
            Blank(
                "variances",
                {
                    "standard deviations": "Two independent draws of N(0, 1) add up to N(0, 2), "
                    "whose standard deviation is √2, not 2.",
                    "densities": "The density of a sum is a convolution. Adding two densities "
                    "would be a mixture.",
                },
            ),
            Blank(
                "a_1² s_2² + s_1²",
                {
                    "s_2² + s_1²": "That forgets the slope through which the upper noise passes.",
                    "(a_1 s_2 + s_1)²": "That adds the standard deviations.",
                    "a_2² s_2² + s_1²": "It is the lower slope that multiplies ε_1: see blank 1.",
                },
            ),
            Blank(
                "tanh of a Gaussian is not Gaussian",
                {
                    "the noises are no longer independent": "ε_0 and ε_1 are drawn as before, "
                    "independently. What changes is the map that ε_1 goes through.",
                    "p(x|z_1) is not Gaussian": "It still is: N(a_1 tanh z_1, s_1²). Gaussian "
                    "arrows are not enough.",
                },
            ),
        ],
        hints=(
            "Write z_1 out inside x: a_1 (a_2 z_2 + s_2 ε_1) + s_1 ε_0. Multiply out.",
            "Two independent Gaussian noises add up to one whose variance is the sum of theirs; "
            "a factor in front of a noise is squared in its variance.",
        ),
    ),
    Exercise(
        "11.b",
        lambda: warmed_up,
        [
            Mistake(
                lambda r, cost, n, w: _printed(r, cost, _beta(n, w), _beta(n, w)),
                "That is the program as it was: what it prints is the weighted bound, so while β "
                "is small the cost hardly shows in the log.",
            ),
            Mistake(
                lambda r, cost, n, w: _printed(r, cost, 1.0, 1.0),
                "Now the log is right, and the warm-up is gone: β no longer weighs the cost in "
                "the loss.",
            ),
            Mistake(
                lambda r, cost, n, w: _printed(r, cost, 1.0, _beta(n, w)),
                "The two are exchanged: β belongs into the loss, not into the ELBO.",
            ),
            Mistake(
                lambda r, cost, n, w: _printed(r, cost, n / w, 1.0),
                "The log is right. But β must stop at 1; yours goes on rising after step `warm`.",
            ),
            Mistake(
                lambda r, cost, n, w: _printed(r, cost, _beta(n, w), 0.0),
                "The loss is right. The ELBO has its cost, counted once; you print the "
                "reconstruction alone.",
            ),
        ],
        cases=[(*BATCH, 30, 100), (*BATCH, 250, 100), (*BATCH, 30, 40)],
        tolerance=1e-10,
        unit="",
        hints=(
            "At step 0 β is zero. What does the function print then, and is that a bound on "
            "log p(x)?",
            "The loss may weigh the cost as it likes. What is called ELBO counts it once, "
            "whatever β is: two different sums.",
        ),
    ),
    MultipleChoice(
        "11.c",
        right=[f"A: {WIDTH}", f"C: {RATE}"],
        reasons={
            f"A: {RATE}": "its ELBO rises evenly from the first epoch to the last. Add its two "
            "costs instead: what should that sum be?",
            f"A: {PIXELS}": "its reconstruction is negative, as the log of a probability of black "
            "and white pixels must be. With 255 in place of 1 it would be hugely positive.",
            f"A: {ASLEEP}": "layer 2 costs 12.7 nats and eight of its ten units are active: it is "
            "awake. Look at the sign of what z₁ costs, and at the sum of both.",
            f"C: {WIDTH}": "its two costs are positive and add up to a positive number in every "
            "epoch, as a KL must. Look at how it starts.",
            f"C: {PIXELS}": "its reconstruction is negative, as it must be for black and white "
            "pixels; with 255 in place of 1 it would be hugely positive.",
            f"C: {ASLEEP}": "layer 2 nearly sleeps, but that is not what went wrong first: an "
            "ELBO of −245 after the first epoch is worse than ignoring every latent.",
        },
        hints=(
            "Add the two costs in each row. Bottom-up, layer 1's may be negative; their sum is "
            "KL(q(z₁, z₂|x) ‖ p(z₁, z₂)) on average. In which log is that impossible?",
            "The mean image alone gives about −206 nats. Which program is below that after a "
            "whole epoch, and what makes training worse than no training?",
        ),
    ),
    leaning("11.d", 1.0),
)
