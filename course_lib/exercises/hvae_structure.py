"""Exercises on a chain of latents: its posterior's factors, a joint density with a factor too many,
two training logs, and the arrows of an encoder that starts in the middle.
"""

from collections.abc import Sequence, Set
from typing import Any

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Design, Exercise, Mistake, MultipleChoice
from course_lib.checks.answers import NotAnswered, Refused, described, is_blank
from course_lib.exact import DiscreteChain
from course_lib.exercises.conditionals import Known, three_conditionals
from course_lib.exercises.registry import register


def log_joint(prior: Tensor, arrows: Sequence[Tensor], x: int, z: Sequence[int]) -> Tensor:
    """The entry of DiscreteChain's table of all configurations."""
    seen = torch.tensor(x, dtype=torch.int64, device="cpu")
    table = DiscreteChain(prior, arrows).log_joint(seen)
    return table[tuple(z)]


def _steps(arrows: Sequence[Tensor], x: int, z: Sequence[int]) -> list[Tensor]:
    """log p(x|z_1), log p(z_1|z_2), …"""
    below = [x, *z[:-1]]
    return [table[above, low].log() for table, above, low in zip(arrows, z, below, strict=True)]


def _without_prior(prior: Tensor, arrows: Sequence[Tensor], x: int, z: Sequence[int]) -> Tensor:
    """log p(x, z_1, …|z_T)."""
    return torch.stack(_steps(arrows, x, z)).sum()


def _without_likelihood(
    prior: Tensor, arrows: Sequence[Tensor], x: int, z: Sequence[int]
) -> Tensor:
    """log p(z_1, …, z_T)."""
    return log_joint(prior, arrows, x, z) - _steps(arrows, x, z)[0]


def _backwards(prior: Tensor, arrows: Sequence[Tensor], x: int, z: Sequence[int]) -> Tensor:
    """The tables read with row and column exchanged."""
    turned = [table.mT for table in arrows]
    return prior[z[-1]].log() + torch.stack(_steps(turned, x, z)).sum()


def _likelihood_each_time(
    prior: Tensor, arrows: Sequence[Tensor], x: int, z: Sequence[int]
) -> Tensor:
    """log p(x|z_1) for each arrow above it, in place of once."""
    return log_joint(prior, arrows, x, z) + (len(z) - 2) * _steps(arrows, x, z)[0]


PRIOR = torch.tensor([0.5, 0.3, 0.2], **DOUBLE)
STEP = torch.tensor([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.15, 0.55]], **DOUBLE)
SEEN = torch.tensor([[0.9, 0.06, 0.04], [0.3, 0.5, 0.2], [0.15, 0.25, 0.6]], **DOUBLE)
HIGHER = torch.tensor([[0.6, 0.3, 0.1], [0.05, 0.9, 0.05], [0.25, 0.35, 0.4]], **DOUBLE)
CASES = [  # with every state of every table
    (PRIOR, [SEEN, STEP, HIGHER], 2, [0, 1, 2]),
    (PRIOR, [SEEN, STEP, HIGHER], 0, [2, 2, 0]),
    (PRIOR, [SEEN, STEP, HIGHER], 1, [1, 0, 1]),
    (PRIOR, [SEEN, STEP], 1, [2, 0]),
    (PRIOR, [SEEN], 0, [1]),
]

LATENTS = ("z_1", "z_2", "z_3", "z_4")  # of the unit chain of 10.d
NAMES = ["x", *LATENTS]
NOISES = torch.arange(5, 0, -1, **DOUBLE)  # of which each is the sum
COVARIANCE = torch.minimum(NOISES.unsqueeze(0), NOISES.unsqueeze(1))  # shared noises
FIRST, ENOUGH = "z_2", 5  # which is drawn first, and how many arrows an encoder may have


def missed(arrows: Any) -> float:
    """E_x KL(q(z|x) ‖ p(z|x)) in the unit chain of four; nats. arrows: what each latent reads.

    Every factor of q is the chain's own conditional density of the latent, given what it reads.
    Raises Refused unless each latent reads x and such as were drawn before it, z_2 is the first,
    and there are five arrows at most.
    """
    encoded = torch.zeros_like(COVARIANCE)
    encoded[0, 0] = COVARIANCE[0, 0]
    for latent, read in _in_order(arrows):
        own, known = NAMES.index(latent), [NAMES.index(name) for name in read]
        weights, noise = _predicted(own, known)
        encoded[own] = encoded[:, own] = weights @ encoded[known]
        encoded[own, own] = weights @ encoded[known][:, known] @ weights + noise
    ratio = torch.linalg.solve(COVARIANCE, encoded)
    return float(0.5 * (ratio.trace() - len(NAMES) - ratio.logdet()))


def _predicted(own: int, known: list[int]) -> tuple[Tensor, Tensor]:
    """Of one variable, least squares from others: their weights, and the variance that is left."""
    weights = torch.linalg.solve(COVARIANCE[known][:, known], COVARIANCE[known, own])
    return weights, COVARIANCE[own, own] - weights @ COVARIANCE[known, own]


def first_that_reads_too_little(arrows: Any) -> str:
    """Of an encoder that loses something: the first latent, in the order of drawing, that would be
    told more by all that was drawn before it than by what it reads.
    """
    drawn = [0]  # x
    for latent, read in _in_order(arrows):
        own = NAMES.index(latent)
        left, least = (
            _predicted(own, known)[1] for known in ([NAMES.index(name) for name in read], drawn)
        )
        if left > least + 1e-9:
            return f"In order of drawing, {latent} is the first that reads too little."
        drawn.append(own)
    raise AssertionError("an encoder that reads enough loses nothing")


def _in_order(arrows: Any) -> list[tuple[str, list[str]]]:
    """Each latent with what it reads, in the order in which they are drawn. Raises Refused, and
    NotAnswered where something is still empty.
    """
    if not isinstance(arrows, dict) or set(arrows) != set(LATENTS):
        raise Refused(
            f"a dictionary with the keys {', '.join(LATENTS)} is wanted, got {described(arrows)}"
        )
    if any(is_blank(part) for read in arrows.values() for part in (read, *_several(read))):
        raise NotAnswered
    order = [(latent, _names(latent, read)) for latent, read in arrows.items()]
    if order[0][0] != FIRST:
        raise Refused(f"{FIRST} is to be drawn first, and here {order[0][0]} is")
    drawn = ["x"]
    for latent, read in order:
        for name in read:
            if name not in drawn:
                raise Refused(
                    f"{latent} reads {described(name)}, and only {', '.join(drawn)} can be read"
                )
        drawn.append(latent)
    count = sum(len(set(read)) for _, read in order)
    if count > ENOUGH:
        raise Refused(f"that takes {count} arrows, and {ENOUGH} are enough")
    return [(latent, list(dict.fromkeys(read))) for latent, read in order]


def _several(read: Any) -> list[Any]:
    """The parts of a list; none of anything else."""
    return list(read) if isinstance(read, list | tuple | Set) else []


def _names(latent: str, read: Any) -> list[Any]:
    """What a latent reads, in a list. Raises Refused if it is neither a name nor a list."""
    if isinstance(read, str):
        return [read]
    if not isinstance(read, list | tuple | Set):
        raise Refused(f"{latent} reads a list of names, got {described(read)}")
    return _several(read)


register(
    three_conditionals("10.a", Known(3, 100, 3, 1, 2.4)),
    Exercise(
        "10.b",
        lambda: log_joint,
        [
            Mistake(
                _likelihood_each_time,
                "That is the program as it was, or one that does the same. Let it add up all "
                "configurations of three latents.",
            ),
            Mistake(_without_prior, "The prior of z_T is missing."),
            Mistake(
                _without_likelihood,
                "Now p(x|z₁) is missing altogether.",
            ),
            Mistake(
                _backwards,
                "You read a table the wrong way round: its row is the state above, z_t.",
            ),
            Mistake(
                lambda prior, arrows, x, z: log_joint(prior, arrows, x, z).exp(),
                "That is the probability. Its logarithm is asked for.",
            ),
        ],
        cases=CASES,
        tolerance=1e-10,
        hints=(
            "Write down the factors of (10.1) for T = 1, 2 and 3, and count how often the program "
            "takes each of them.",
            "For T = 2 the loop runs once, and all is well. How often does it run for T = 1 and "
            "for T = 3, and what is added each time?",
        ),
    ),
    MultipleChoice(
        "10.c",
        right=["D: .sample() for .rsample()", "F: costs averaged over units"],
        reasons={
            "D: layer 2 alone asleep": "a lower layer can do well while the upper one sleeps. "
            "Look at the reconstruction: about −205 in every epoch, the mean image's.",
            "D: overfitting": "these are the images that it trains on: overfitting would raise "
            "their ELBO. Look at how it falls, and which of the terms makes it fall.",
            "D: learning rate too high": "then every term would be wild in the first epochs. Look "
            "at the first three: calm, and a reconstruction that stands still.",
            "F: healthy, and better": "−82.4 after twenty epochs beats every model that the course "
            "ships. Add the two costs: under 3 nats cannot tell apart what a reconstruction of "
            "−79.5 tells apart.",
            "F: layer 2 alone asleep": "a sleeping layer has no active unit. Look at the last "
            "column: units of z₂ that move with x, and yet 0.0 nats.",
        },
        hints=(
            "Ask of each log: which term should have moved and stood still? Which two columns "
            "cannot both be true? Hold them against the healthy program's last line.",
            "In D no gradient of the reconstruction reaches the encoder. In F multiply the cost of "
            "z₁ by its 20 units, and that of z₂ by its 10.",
        ),
    ),
    Design(
        "10.d",
        missed,
        0.001,
        "the mean gap over x",
        hints=(
            "Once z₂ is drawn, it cuts the chain in two: x and z₁ on one side, z₃ and z₄ on the "
            "other. What can x still say about z₃, and what about z₁?",
            "z₁ lies between z₂ and x: it needs both, as in (10.4). z₃ and z₄ lie beyond z₂: each "
            "needs its neighbour alone, as in (10.3).",
        ),
        advice=first_that_reads_too_little,
    ),
)
