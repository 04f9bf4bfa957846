"""Exercises on the bound of a chain: readings of a formula, a KL that is none, logs, an encoder."""

import math
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from course_lib.arguments import DOUBLE
from course_lib.checks import Exercise, Mistake, MultipleChoice
from course_lib.exercises.curved_chain import curved_encoder
from course_lib.exercises.readings import four_readings
from course_lib.exercises.registry import register

Pair = tuple[float, float]

STANDARD = Normal(0.0, 1.0)


def chain_elbo(
    x: Tensor,
    noise_1: Tensor,
    noise_2: Tensor,
    slopes: Pair = (0.6, 0.4),
    stds: Pair = (0.9, 0.6),
    cost_1: Callable[[Normal, Normal, Tensor, Tensor], Tensor] | None = None,
    cost_2: Callable[[Normal, Tensor], Tensor] | None = None,
) -> Tensor:
    """The ELBO of the unit chain of two layers, over draws of q; the costs may be others."""
    q_1 = Normal(slopes[0] * x, stds[0])
    z_1 = q_1.mean + q_1.stddev * noise_1
    q_2 = Normal(slopes[1] * z_1, stds[1])
    z_2 = q_2.mean + q_2.stddev * noise_2
    first = (cost_1 or _at_the_draw)(q_1, q_2, z_1, z_2)
    second = kl_divergence(q_2, STANDARD) if cost_2 is None else cost_2(q_2, z_2)
    bound: Tensor = (Normal(z_1, 1.0).log_prob(x) - first - second).mean()
    return bound


def _at_the_draw(q_1: Normal, _q_2: Normal, z_1: Tensor, z_2: Tensor) -> Tensor:
    cost: Tensor = q_1.log_prob(z_1) - Normal(z_2, 1.0).log_prob(z_1)
    return cost


def _with(**costs: Any) -> Callable[..., Tensor]:
    """The ELBO with other costs."""
    return lambda *given: chain_elbo(*given, **costs)


def _top_at_the_draw(q_2: Normal, z_2: Tensor) -> Tensor:
    cost: Tensor = q_2.log_prob(z_2) - STANDARD.log_prob(z_2)
    return cost


def _averaged(
    whole: tuple[bool, ...],
    x: Tensor,
    noise_1: Tensor,
    noise_2: Tensor,
    slopes: Pair = (0.6, 0.4),
    stds: Pair = (0.9, 0.6),
) -> Tensor:
    """The same ELBO, log by log: at the draw, or as its average over the last latent in it."""
    q_1 = Normal(slopes[0] * x, stds[0])
    z_1 = q_1.mean + q_1.stddev * noise_1
    q_2 = Normal(slopes[1] * z_1, stds[1])
    z_2 = q_2.mean + q_2.stddev * noise_2
    drawn: list[Tensor] = [Normal(z_1, 1.0).log_prob(x), Normal(z_2, 1.0).log_prob(z_1)]
    drawn += [STANDARD.log_prob(z_2), -q_1.log_prob(z_1), -q_2.log_prob(z_2)]
    means: list[Tensor] = [Normal(q_1.mean, 1.0).log_prob(x) - q_1.variance / 2]
    means += [Normal(q_2.mean, 1.0).log_prob(z_1) - q_2.variance / 2]
    means += [STANDARD.log_prob(q_2.mean) - q_2.variance / 2, q_1.entropy(), q_2.entropy()]
    chosen = [m if w else d for d, m, w in zip(drawn, means, whole, strict=True)]
    return torch.stack([log.mean() for log in chosen]).sum()


NOISE = torch.randn(6, 5, generator=torch.Generator().manual_seed(12), **DOUBLE)
CASES = [
    (torch.tensor(1.0, **DOUBLE), *NOISE[:2], (2 / 3, 0.5), (math.sqrt(2 / 3), math.sqrt(0.5))),
    (torch.tensor(-0.4, **DOUBLE), *NOISE[2:4], (0.6, 0.4), (0.9, 0.6)),
    (torch.tensor(2.3, **DOUBLE), *NOISE[4:], (0.5, 0.8), (0.7, 1.1)),
]

register(
    four_readings("12.a", (1, 2, 3, 4)),
    Exercise(
        "12.b",
        lambda: chain_elbo,
        [
            Mistake(
                _with(cost_1=lambda q, _q2, _z1, z_2: kl_divergence(q, Normal(z_2, 1.0))),
                "That is the program as it was: its cost of layer 1 averages over a z_1 that z_2 "
                "was not drawn from.",
            ),
            Mistake(
                _with(
                    cost_1=lambda q, _q2, _z1, z_2: kl_divergence(q, Normal(z_2, 1.0)),
                    cost_2=_top_at_the_draw,
                ),
                "The cost of the top was right as it was; you mended that one. Which other is no "
                "KL? See (12.2).",
            ),
            Mistake(
                _with(cost_1=lambda q, *_: kl_divergence(q, STANDARD)),
                "That compares q(z_1|x) with N(0, 1), as if z_1 were on top. Its prior is "
                "p(z_1|z_2).",
            ),
            Mistake(
                _with(cost_1=lambda q, q_2, *_: kl_divergence(q, Normal(q_2.mean, 1.0))),
                "Now p(z_1|z_2) is taken at the mean of q(z_2|z_1) in place of the draw, and it "
                "still is a KL.",
            ),
            Mistake(
                _with(
                    cost_1=lambda q, _q2, _z1, z_2: kl_divergence(q, Normal(z_2.mean(), 1.0)),
                ),
                "One mean of all draws has taken the place of z_2, and it still is a KL.",
            ),
            Mistake(
                _with(cost_1=lambda _q, _q2, z_1, _z2: 0 * z_1),
                "The cost of layer 1 is gone: every log p and every log q stands there once.",
            ),
            Mistake(
                _with(cost_1=lambda _q, _q2, z_1, z_2: -Normal(z_2, 1.0).log_prob(z_1)),
                "log q(z_1|x) is missing.",
            ),
            Mistake(
                _with(cost_1=lambda q, _q2, z_1, _z2: q.log_prob(z_1)),
                "log p(z_1|z_2) is missing.",
            ),
            Mistake(
                _with(cost_1=lambda *given: -_at_the_draw(*given)),
                "Mind the sign: a cost is log q − log p.",
            ),
            Mistake(
                _with(
                    cost_1=lambda q, _q2, _z1, z_2: q.log_prob(z_2) - Normal(z_2, 1.0).log_prob(z_2)
                ),
                "Both logs must be taken at z_1; you took them at z_2.",
            ),
            Mistake(
                _with(cost_2=lambda q_2, z_2: kl_divergence(q_2, STANDARD) + q_2.log_prob(z_2)),
                "Now log q(z_2|z_1) is subtracted twice: the KL has it already.",
            ),
            Mistake(
                _with(cost_2=lambda _q2, z_2: 0 * z_2),
                "The KL of the top layer is gone, and it was right.",
            ),
            Mistake(
                lambda *given: -chain_elbo(*given),
                "That is the loss. The ELBO goes up.",
            ),
        ],
        cases=CASES,
        tolerance=1e-10,
        also_right=[partial(_averaged, whole) for whole in product((False, True), repeat=5)],
        hints=(
            "Which of the two costs may be written as a KL? See (12.2).",
            "z_2 was drawn given this z_1. A closed form over all z_1 forgets that: take log q and "
            "log p at the draw.",
        ),
    ),
    MultipleChoice(
        "12.c",
        right=[
            "E: top log q counted twice",
            "E: top asleep, variance 2",
            "G: no fault to be seen",
        ],
        reasons={
            "E: top KL left out": "then nothing would stand in the column of z₂, or nothing would "
            "pull at it. A number stands there, and no KL can have it: look at its sign.",
            "E: log-variance taken for log-std": "log A of chapter 11 shows that: z₁'s cost falls "
            "below zero, while z₂'s, a KL, stays above. Here it is the KL itself that is negative.",
            "E: top carries 16 nats": "a layer that carries something about the image has active "
            "units. Look at the last column: none is left.",
            "E: better bound": "its printed ELBO is no bound. Put back what z₂ really costs: ten "
            "KLs from N(0, 2) to N(0, 1), each ½(2 − 1 − log 2).",
            "G: top too cheap": "nothing says that layers must cost alike. What would be "
            "suspicious is a top cost below zero, a cost that never stops growing, or units that "
            "fall asleep.",
        },
        hints=(
            "The cost of z₂ is a KL in closed form. Which values can it have?",
            "Divide E's last cost of z₂ by its ten latents, and look for the number in the text "
            "after (12.7).",
        ),
    ),
    curved_encoder("12.d", 1.0, 0.05),
)
