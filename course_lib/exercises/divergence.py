"""Exercises on the Kullback–Leibler divergence, KL(q ‖ p) = E_q[log q − log p]."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Blank, Blanks, Design, Exercise, Mistake, MultipleChoice
from course_lib.checks.answers import Refused
from course_lib.distributions import DiagonalGaussian, kl_divergence
from course_lib.exact import square_world
from course_lib.exercises.given import require_one_q
from course_lib.exercises.registry import register

STEP = 0.0005
LINE = torch.arange(-24_000, 24_001, **DOUBLE).unsqueeze(-1) * STEP  # z from −12 to 12


def _gaussians(mean: Sequence[float], std: Sequence[float]) -> DiagonalGaussian:
    """As many Gaussians over one number, batch (n,)."""
    columns = (torch.tensor(values, **DOUBLE).unsqueeze(-1) for values in (mean, std))
    return DiagonalGaussian.from_std(*columns)


NARROW = _gaussians([0.3, -1.1, 0.8], [0.5, 0.7, 1.2])
WIDE = _gaussians([0.1, 0.4, -0.6], [1.1, 1.3, 0.9])
LEFT = _gaussians([-0.7, 1.9], [1.4, 0.6])
RIGHT = _gaussians([0.9, 1.2], [0.8, 1.5])


def _sum_of_sizes(q: DiagonalGaussian, p: DiagonalGaussian) -> Tensor:
    """E_q|log q − log p|, on the grid of the exercise's cell."""
    z = LINE[::10].unsqueeze(1)  # (4801, 1, 1)
    log_ratio = q.log_prob(z) - p.log_prob(z)
    return (q.log_prob(z).exp() * log_ratio.abs()).sum(0) * (10 * STEP)


def gap_to_two_humps(q: Any, x: float = 2.0) -> float:
    """KL(q ‖ p(z|x)) in nats for z ~ N(0, 1), x|z ~ N(z², 0.5²), by the trapezoid rule.

    Raises Refused unless q is one distribution over one number, of a
    family that can be had without the posterior, with its mass between −12 and 12.
    """
    require_one_q(q)
    log_q = q.log_prob(LINE)
    mass = log_q.exp().sum().item() * STEP
    if abs(mass - 1) > 1e-5:
        raise Refused(f"between −12 and 12 q has the mass {mass:.6g}: is it too wide or narrow?")
    posterior = square_world(s=0.5).posterior(torch.tensor([x], **DOUBLE))
    seen = log_q > -700  # where q has no mass it adds nothing
    log_ratio = torch.where(seen, log_q - posterior.log_prob(LINE), 0.0)
    return float((log_q.exp() * log_ratio).sum()) * STEP


def covering_two_humps(name: str, m: float, s: float) -> Blanks:
    """Where KL(p ‖ q) puts a Gaussian, if p is ½N(−m, s²) + ½N(m, s²) with humps far apart."""
    return Blanks(
        name,
        [
            Blank("second", {"first": "E_p[log p] has no q in it: no choice of m or s moves it."}),
            _middle(m),
            _second_moment(m, s),
            Blank(
                "log 2",
                {
                    "0": "That needs q = p. Where q draws, p has only half of q's density.",
                    "infinite": "That would need a z where q draws and p is zero. KL(p ‖ q) is the "
                    "huge one here.",
                    "2": "The ratio of the densities is 2; the KL averages its logarithm.",
                },
            ),
        ],
        hints=(
            "Write log q(z) = −log s − (z − m)²/(2s²) and a constant, average it over p, and set "
            "its slope in m, then in s, to zero.",
            "E_p[z²] is the variance of a hump plus its squared distance from 0. And where a "
            "hump of p stands, p is half of a Gaussian.",
        ),
    )


def _middle(m: float) -> Blank:
    return Blank(
        "0",
        {
            f"{m:g}": "That is the middle of one hump. The slope is zero where m is E_p[z], "
            "and both humps are in that mean.",
            f"-{m:g}": "That would leave the right hump out, and an average over p pays for it "
            "there. Where is the mean of p?",
        },
    )


def _second_moment(m: float, s: float) -> Blank:
    near, far = s**2, m**2
    return Blank(
        f"{far + near:g}",
        {
            f"{near:g}": "That is the variance of one hump about its own middle. From m = 0 "
            f"each hump also lies {m:g} away.",
            f"{far:g}": f"Nearly: {m:g}² is the squared distance of a hump from 0. Each also has "
            "a width.",
            f"{m + near:g}": f"That is {m:g} + {near:g}: the distance of a hump from 0 is to be "
            "squared, as its width is.",
        },
    )


def two_humps_fitted(name: str, x: float) -> Design:
    """A q for the two humps of the z² world at x."""
    place, std = math.sqrt(x - 0.125) - 0.02, 1 / math.sqrt(16 * x - 2)
    return Design(
        name,
        lambda q: gap_to_two_humps(q, x),
        0.03,
        "the gap",
        hints=(
            "How many humps has the posterior, and how many has your q? Here one Gaussian loses "
            "log 2 at least.",
            "GaussianMixture takes the logs of the weights, (2,), and a DiagonalGaussian of batch "
            f"(2,). The posterior is even: if N({place:.2f}, {std:.2f}²) fits one hump, what fits "
            "the other?",
        ),
    )


register(
    covering_two_humps("4.a", 2, 0.5),
    Exercise(
        "4.b",
        lambda: kl_divergence,
        [
            Mistake(
                lambda q, p: kl_divergence(p, q),
                "Those are still the numbers of the function as it was given. No sign mends it: "
                "look at what the log-ratio is multiplied by.",
            ),
            Mistake(
                lambda q, p: -kl_divergence(p, q),
                "Without abs the fault shows: it is negative. It is not mended yet: whose chances "
                "are the weights?",
            ),
            Mistake(
                lambda q, p: -kl_divergence(q, p),
                "The right size, and the wrong sign: average log q − log p, in this order.",
            ),
            Mistake(
                _sum_of_sizes,
                "You took the size of every log-ratio. One of them may be negative; only their "
                "average may not.",
            ),
            Mistake(
                lambda q, p: kl_divergence(q, p) / 0.005,
                "A sum over a grid needs its step, 0.005.",
            ),
            Mistake(
                lambda q, p: kl_divergence(q, p).sum(),
                "Sum over the grid alone: each pair keeps a KL of its own.",
            ),
        ],
        cases=[(NARROW, WIDE), (LEFT, RIGHT)],
        tolerance=1e-7,
        hints=(
            "Run it on q = N(0, 1) and p = N(0, 2²), where the KL is log 2 − 3/8 = 0.318. What "
            "happens if you take `.abs()` away?",
            "E_q means: weigh every z by the chance that q gives it. And once q does the weighing, "
            "nothing negative is left to hide.",
        ),
    ),
    MultipleChoice(
        "4.c",
        ["i", "v", "vi"],
        {
            "ii": "A gap is log p(x) − ELBO, and two decoders have two values of log p(x). "
            "Nobody has computed either.",
            "iii": "The KL in a log is the one to the prior. How near q is to the posterior is the "
            "other KL, and no log shows it.",
            "iv": "The reconstruction term averages over q. A wide q blurs what the best decoder "
            "makes of it, so the term is not the decoder's alone.",
        },
        hints=(
            "Write down the ELBO of each team first. Then ask of every sentence: does it need "
            "log p(x)?",
            "In (4.2) the gap is log p(x) less the ELBO. With one decoder and one prior, log p(x) "
            "is the same number for both teams.",
        ),
    ),
    two_humps_fitted("4.d", 2.0),
)
