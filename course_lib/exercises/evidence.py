"""Exercises on the evidence, p(x) = ∫ p(x|z) p(z) dz."""

import math
from typing import Any

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Design, Exercise, Mistake, MultipleChoice
from course_lib.checks.answers import Refused
from course_lib.exact import LinearGaussian
from course_lib.exercises.given import require_one_q
from course_lib.exercises.registry import register

UNDERFLOWING = torch.tensor([-1000.0, -1002.0, -1001.0, -1050.0], **DOUBLE)
MODEST = torch.tensor([0.5, -1.0, 2.0], **DOUBLE)
# exp overflows unless the largest itself is taken out: not the first, the mean or the least.
FAR_APART = torch.tensor([-1900.0, -1000.0, -3000.0], **DOUBLE)
HALF_PIXELS = 784 / 2
NARROW, SEEN = LinearGaussian([[1.0]], 0.0, 0.1), torch.tensor([3.0], **DOUBLE)
GRID, STEP = torch.linspace(-20, 20, 80_001, **DOUBLE).unsqueeze(-1), 5e-4
MOST_LOG = 700.0  # above it exp overflows


def log_mean_exp(values: Tensor) -> Tensor:
    """log of the mean of exp, over all entries."""
    return torch.logsumexp(values.flatten(), 0) - math.log(values.numel())


def error_of_one_draw(q: Any) -> float:
    """√r, the relative error of p(x, z)/q(z) at one z drawn from q, as an estimate of p(x).

    In the narrow world, z ~ N(0, 1), x|z ~ N(z, 0.1²), x = 3: r = ∫ p(x, z)²/q(z) dz / p(x)² − 1,
    on a grid of z from −20 to 20. With q = the prior it is (1.4). Raises Refused unless q is
    one of the course's distributions of one number, if the integrand is largest at an end, and if
    no float holds r.
    """
    require_one_q(q)
    log_q = q.log_prob(GRID).double()
    log_square = 2 * (NARROW.log_joint(SEEN, GRID) - NARROW.log_evidence(SEEN)) - log_q
    if log_square.argmax() in (0, len(GRID) - 1):
        raise Refused(
            "its tails are thinner than those of p(x, z)²: the variance is infinite"
            if _grows_for_ever(q)
            else "nearly all of its variance is from z beyond ±20, where it hardly ever draws: is "
            "it in the right place, and wide enough?"
        )
    log_second = float(log_square.logsumexp(0)) + math.log(STEP)
    if log_second > MOST_LOG:
        power = 0.5 * log_second / math.log(10)
        told = f"not yet: the relative error of one draw is 10^{power:.0f}"
        raise Refused(f"{told}, and at most 0.1 is asked")
    return math.sqrt(max(math.exp(log_second) - 1, 0.0))


def _grows_for_ever(q: Any) -> bool:
    """Whether p(x, z)²/q(z) still grows a million units out, on either side."""
    far = torch.tensor([[-2e6], [-1e6], [1e6], [2e6]], **DOUBLE)
    log_square = 2 * NARROW.log_joint(SEEN, far) - q.log_prob(far).double()
    return bool(log_square[0] > log_square[1]) or bool(log_square[3] > log_square[2])


def normaliser_owed(name: str, s: float, reported: int) -> Exercise:
    """log p(x|z), of which a program reports −reported, the part without the normaliser; the noise
    is s on 784 pixels.
    """
    return Exercise(
        name,
        lambda: -reported - HALF_PIXELS * math.log(2 * math.pi * s**2),
        _of_the_normaliser(s, reported),
        counts=(784,),
        log_density=True,
        hints=(
            "Write down the density of one Gaussian pixel, with its normaliser, and take the log.",
            "The normaliser is 1/√(2πs²). Its log is the same for each of the 784 pixels.",
        ),
    )


def _of_the_normaliser(s: float, reported: int) -> list[Mistake]:
    owed = HALF_PIXELS * math.log(2 * math.pi * s**2)
    known = {
        -reported: "That is what the program printed: the part with x in it. The log of a Gaussian "
        "density has a second part, −½ log(2πs²), and each of the 784 pixels owes it.",
        -reported + owed: "Mind the sign: the density divides by √(2πs²), and s is small here.",
        reported - owed: f"The −{reported} keeps its sign: the program has put the minus in "
        "already.",
        -reported - HALF_PIXELS * math.log(2 * math.pi * s): "The normaliser holds the variance "
        "s², not s.",
        -reported - 2 * owed: "Each pixel owes ½ log(2πs²): half of what you added.",
        -reported - HALF_PIXELS * math.log(2 * math.pi): "That leaves out s: log(2πs²).",
        -reported - owed / 784: "That is one pixel's normaliser. There are 784.",
    }
    return [Mistake(value, hint) for value, hint in known.items()]


register(
    normaliser_owed("1.a", 0.2, 105),
    MultipleChoice(
        "1.b",
        right=("no ranking", "draw elsewhere"),
        reasons={
            "A wins": "A's numbers are higher, by many standard errors. But both are short of "
            "log p(x), and B, with more latents, by more: exactly, A has −69.4 nats and B +260.3.",
            "B wins": "So it is: exactly, A has −69.4 nats and B +260.3. But nothing in this "
            "report says so; it would look the same if B were the worse model.",
            "p̂ is biased": "Over all runs that there could be, the average of p̂ is p(x), exactly. "
            "Any run that you make practically never meets the terms that matter.",
            "more repeats": "That shrinks the ±, which says how well the repeats fix their own "
            "average. What all of them miss, it does not see.",
        },
        hints=(
            "What does a ± from repeats say: how near their average is to the truth, or how well "
            "they fix that average?",
            "How many nats each model falls short is not in the report. What would make it small?",
        ),
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
            Mistake(
                lambda values: values.mean() + (values - values.mean()).exp().mean().log(),
                "Right as long as no value lies more than 709 nats above their mean, where exp "
                "overflows. The draws of a digit differ by thousands.",
            ),
        ],
        cases=[(UNDERFLOWING,), (MODEST,), (FAR_APART,)],
        tolerance=1e-10,
        hints=(
            "Try it on torch.tensor([-1900.0, -1000.0, -3000.0]). Which line gives inf?",
            "exp(1000) overflows, exp(−1000) is a harmless 0. What must be taken out so that no "
            "exponent is positive?",
        ),
    ),
    Design(
        "1.d",
        error_of_one_draw,
        0.1,
        "the relative error of one draw",
        unit="",
        hints=(
            "Where is p(x | z) p(z) large, and how wide is that place? Both factors have a say.",
            "The product of two Gaussians in z is one, up to a factor: precisions add, 1 + 1/0.1², "
            "and the mean is x/0.1² divided by that sum.",
        ),
    ),
)
