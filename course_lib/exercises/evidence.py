"""Exercises on the evidence, p(x) = ∫ p(x|z) p(z) dz."""

import math

import torch

from course_lib.arguments import DOUBLE
from course_lib.checks import Exercise, Mistake
from course_lib.exact import LinearGaussian
from course_lib.exercises.given import FAR_APART, GROWTH, kindest, log_mean_exp
from course_lib.exercises.registry import register


def _sloped(slope: float) -> LinearGaussian:
    """z ~ N(0, 1), x|z ~ N(slope·z, 1)."""
    return LinearGaussian(torch.tensor([[slope]], **DOUBLE), torch.zeros(1, **DOUBLE), 1.0)


UNDERFLOWING = torch.tensor([-1000.0, -1002.0, -1001.0, -1050.0], **DOUBLE)
MODEST = torch.tensor([0.5, -1.0, 2.0], **DOUBLE)
HALF_PIXELS = 784 / 2

register(
    Exercise(
        "1.a",
        lambda: _sloped(2.0).log_evidence(torch.ones(1, **DOUBLE)),
        [
            Mistake(
                -0.5 * math.log(2 * math.pi) - 0.5,
                "That is N(0, 1): z moves x as well. What is the variance of 2z?",
            ),
            Mistake(
                -0.5 * math.log(2 * math.pi * 3) - 1 / 6,
                "The variance of 2z is 2², not 2.",
            ),
            Mistake(
                math.exp(-0.5 * math.log(2 * math.pi * 5) - 0.1),
                "That is p(x). The exercise asks for its logarithm.",
            ),
            Mistake(0.5 * math.log(2 * math.pi * 5) + 0.1, "Mind the sign: that is −log p(x)."),
        ],
        log_density=True,
    ),
    Exercise(
        "1.b",
        lambda: kindest(10).naive_samples_needed(torch.zeros(10, **DOUBLE), relative_error=0.1),
        [
            Mistake(GROWTH**10 * 100, "Nearly: the relative variance is (2/√3)^d − 1."),
            Mistake((GROWTH**10 - 1) * 10, "The error shrinks with √S, so divide by ε², not by ε."),
            Mistake(GROWTH**10 - 1, "That is r. The draws needed are r/ε²."),
            Mistake(10 * (GROWTH - 1) * 100, "Dimensions multiply, they do not add: (2/√3)^d − 1."),
        ],
        unit="draws",
        tolerance=2e-3,  # draws are whole: 321 and 322 stand on either side of 321.4
    ),
    Exercise(
        "1.c",
        lambda: log_mean_exp,
        [
            Mistake(
                lambda values: values.mean(),
                "That is the mean of the logs. It is never above the log of the mean; "
                "chapter 3 is about the difference.",
            ),
            Mistake(
                lambda values: torch.logsumexp(values, 0),
                "That is the log of the sum. A mean divides by S, so subtract log S.",
            ),
            Mistake(
                lambda values: values.exp().mean().log(),
                "Right on paper, but exp(−1000) is 0 in the machine. Take the maximum out first.",
            ),
        ],
        cases=[(UNDERFLOWING,), (MODEST,), (FAR_APART,)],
        tolerance=1e-10,
    ),
    Exercise(
        "1.d",
        lambda: -105 - HALF_PIXELS * math.log(2 * math.pi * 0.2**2),
        [
            Mistake(
                -105 + HALF_PIXELS * math.log(2 * math.pi * 0.2**2),
                "Mind the sign: the density divides by √(2πs²), and s is small here.",
            ),
            Mistake(
                -105 - HALF_PIXELS * math.log(2 * math.pi * 0.2),
                "The normaliser holds the variance s², not s.",
            ),
            Mistake(
                -105 - 2 * HALF_PIXELS * math.log(2 * math.pi * 0.2**2),
                "Each pixel owes ½ log(2πs²): half of what you added.",
            ),
            Mistake(-105 - HALF_PIXELS * math.log(2 * math.pi), "That leaves out s: log(2πs²)."),
            Mistake(
                -105 - 0.5 * math.log(2 * math.pi * 0.2**2),
                "That is one pixel's normaliser. There are 784.",
            ),
        ],
        counts=(784,),
        log_density=True,
    ),
)
