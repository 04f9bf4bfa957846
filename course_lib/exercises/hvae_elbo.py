"""Exercises on the bound of a chain: its terms, one counted twice, and what that rewards."""

import math

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.chain_readings import SHORT, errors, layer_costs
from course_lib.checks import Exercise, Mistake
from course_lib.exact import AffineGaussian
from course_lib.exercises.given import UNIT_CHAIN
from course_lib.exercises.registry import register

X = 1.0
HALF = AffineGaussian(0.5, 0.0, math.sqrt(0.5))
TERMS = UNIT_CHAIN.terms([HALF, HALF], X)
ELBO = TERMS.elbo.item()
LOG_P = UNIT_CHAIN.log_evidence(X).item()
TWICE = TERMS.conditional_entropies[-1].item()  # h(z_2|z_1), also of the exact posterior

ENTROPY = 0.5 * math.log(2 * math.pi * math.e)  # of N(0, 1)
NARROW = math.log(0.3)

SUPREMUM = LOG_P + 0.5 * math.log(math.pi) + math.log(2)

LOGS = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(12), **DOUBLE)
CASES = [
    (LOGS[0, 0] - 80, LOGS[1, :3] - 20, LOGS[2, :3] + 5),
    (LOGS[1, 0] - 2, LOGS[0, :1] - 1, LOGS[2, :1]),
    (LOGS[2, 0, :2], LOGS[0, :, :2], LOGS[1, :, :2]),  # fewer samples than layers
]


def chain_elbo(log_x: Tensor, log_p: Tensor, log_q: Tensor) -> Tensor:
    """The mean over S samples of log p(x|z_1) + Σ_t log p(z_t|…) − Σ_t log q(z_t|z_{t−1})."""
    return (log_x + log_p.sum(0) - log_q.sum(0)).mean()


register(
    Exercise(
        "12.a",
        lambda: TERMS.elbo,
        [
            Mistake(
                LOG_P, "That is log p(x). This q is not the posterior: p(z_1|x) is N(2x/3, ⅔)."
            ),
            Mistake(LOG_P - ELBO, "That is the gap. The ELBO is log p(x) less the gap."),
            Mistake(
                LOG_P + LOG_P - ELBO,
                "That lies above log p(x), so it is no bound: subtract the gap.",
            ),
            Mistake(
                ELBO + TWICE,
                "That is the printed formula: h(z_2|z_1) stands in the sum and in the KL. Count it "
                "once.",
            ),
            Mistake(
                ELBO + errors(TERMS)[SHORT].item(),
                "That has KL(q(z_2|x) ‖ p(z_2)) at the top. With the sum over q from below, the KL "
                "is of q(z_2|z_1), averaged over z_1.",
            ),
            Mistake(
                ELBO + layer_costs(TERMS)[-1].item(),
                "The KL of the top layer is missing.",
            ),
            Mistake(
                ELBO - TERMS.conditional_entropies.sum().item(),
                "That is E log p(x, z_1, z_2). Now subtract E log q.",
            ),
        ],
        log_density=True,
    ),
    Exercise(
        "12.b",
        lambda: chain_elbo,
        [
            Mistake(
                lambda log_x, log_p, log_q: (
                    log_x + log_p.sum(0) - log_q.sum(0) - log_q[-1]
                ).mean(),
                "log q(z_T|z_{T−1}) is subtracted twice: that is the formula of the note.",
            ),
            Mistake(
                lambda log_x, log_p, log_q: (
                    log_x + log_p.sum(0) - log_q.sum(0) - (log_q[-1] - log_p[-1])
                ).mean(),
                "The top layer is in twice: its row of log_p and of log_q already make its KL.",
            ),
            Mistake(
                lambda log_x, log_p, log_q: (log_x + log_p[:-1].sum(0) - log_q[:-1].sum(0)).mean(),
                "The top layer's KL is missing: take the last rows as well.",
            ),
            Mistake(
                lambda log_x, log_p, log_q: (log_x + log_p[:-1].sum(0) - log_q.sum(0)).mean(),
                "log p(z_T) is missing.",
            ),
            Mistake(
                lambda log_x, log_p, log_q: (log_x + log_p.sum(0) - log_q[:-1].sum(0)).mean(),
                "log q(z_T|z_{T−1}) is missing.",
            ),
            Mistake(
                lambda log_x, log_p, log_q: (log_p.sum(0) - log_q.sum(0)).mean(),
                "The reconstruction, log p(x|z_1), is missing.",
            ),
            Mistake(
                lambda log_x, log_p, log_q: (log_x + log_p.sum(0) + log_q.sum(0)).mean(),
                "Mind the sign: log q is subtracted.",
            ),
            Mistake(
                lambda log_x, log_p, log_q: (log_x + log_p.mean(0) - log_q.mean(0)).mean(),
                "Sum over the layers; the mean is over the samples alone.",
            ),
            Mistake(
                lambda log_x, log_p, log_q: (log_x + log_p.sum(0) - log_q.sum(0)).sum(),
                "That is the sum over the samples. An average under q is their mean.",
            ),
            Mistake(
                lambda log_x, log_p, log_q: log_x + log_p.sum(0) - log_q.sum(0),
                "Those are the log-weights of the samples, one each. The ELBO is their mean.",
            ),
            Mistake(
                lambda log_x, log_p, log_q: (log_q.sum(0) - log_p.sum(0) - log_x).mean(),
                "That is the loss. The ELBO goes up.",
            ),
        ],
        cases=CASES,
        tolerance=1e-10,
    ),
    Exercise(
        "12.c",
        lambda: 25 * ENTROPY + 3 * NARROW,
        [
            Mistake(
                3 * (ENTROPY + NARROW),
                "A latent that says nothing has an entropy too: ½ log 2πe, that of the prior.",
            ),
            Mistake(25 * ENTROPY, "The three narrow ones have less entropy: log 0.3 each."),
            Mistake(22 * ENTROPY, "The three narrow ones count as well: each ½ log 2πe + log 0.3."),
            Mistake(
                25 * ENTROPY - 3 * NARROW,
                "Mind the sign: a narrow Gaussian has less entropy, and log 0.3 is negative.",
            ),
            Mistake(
                25 * ENTROPY + 1.5 * NARROW,
                "0.3 is the standard deviation: h = ½ log 2πeσ², so log σ comes without the ½.",
            ),
            Mistake(
                3 * (-0.5 - NARROW + 0.5 * 0.09),
                "That is the KL to the prior of three latents of mean 0. The excess is an entropy.",
            ),
            Mistake(
                -(25 * ENTROPY + 3 * NARROW),
                "Mind the sign: −E log q is the entropy, and the formula adds it.",
            ),
            Mistake((25 * ENTROPY + 3 * NARROW) / 25, "That is per latent: sum over the 25."),
        ],
        counts=(25,),
    ),
    Exercise(
        "12.d",
        lambda: SUPREMUM,
        [
            Mistake(
                LOG_P + TWICE,
                "That is its value at the exact posterior. Another q makes it higher still: double "
                "the variance of the top layer.",
            ),
            Mistake(LOG_P, "That is log p(x), which the printed formula passes."),
            Mistake(SUPREMUM - LOG_P, "That is by how much it passes log p(x). Add log p(x)."),
            Mistake(
                LOG_P + 0.5 * math.log(2 * math.pi) + math.log(2),
                "The variance of p(z_2|z_1) is ½, not 1.",
            ),
            Mistake(LOG_P + 0.5 * math.log(math.pi), "The log 2 of (12.7) is missing."),
            Mistake(
                LOG_P + 0.5 * math.log(2 * math.pi * math.e),
                "You have added the entropy of the doubled q, 1.4189. Doubling the variance also "
                "costs ELBO: ½(2 − 1 − log 2).",
            ),
        ],
        log_density=True,
    ),
)
