"""Exercises on sums over a data set: their spread, their mean, their logs, and better batches."""

import math
from collections.abc import Sequence, Set
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, product
from typing import Any

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Design, Exercise, Mistake, MultipleChoice
from course_lib.checks.answers import NoNumber, Refused, as_numbers
from course_lib.data import load_digits
from course_lib.exact import fit_ppca
from course_lib.exercises.registry import register
from course_lib.numerals import minus

SIZE = 2  # of a batch, in 9.a
# ELBOs of images, a tensor a batch: one batch, two of which the last is smaller, and three.
CASES = [
    ([torch.tensor([-101.0, -97.5, -120.0], **DOUBLE)],),
    ([torch.tensor([-88.0, -140.5, -99.0], **DOUBLE), torch.tensor([-60.0, -70.0], **DOUBLE)],),
    (
        [
            torch.tensor([-93.25, -110.0, -91.5, -85.0], **DOUBLE),
            torch.tensor([-99.0, -104.5, -96.0, -130.0], **DOUBLE),
            torch.tensor([-180.0], **DOUBLE),
        ],
    ),
]
DIGITS, GROUPS = 100, 10


def two_spreads(name: str, values: Sequence[int]) -> Exercise:
    """The variances of a batch of two's estimate of the sum, without and with replacement.

    values: four ELBOs, whose mean is a whole number.
    """
    mean = sum(values) // len(values)
    squares = sum((value - mean) ** 2 for value in values)
    return Exercise(
        name,
        lambda: _spreads(values),
        _of_the_spreads(squares),
        unit="nats²",
        hints=(
            f"The mean of the four is {minus(str(mean))}. Add up their squared deviations from it: "
            f"{squares}. P and S² divide that by two different numbers.",
            f"P = {squares}/4 and S² = {squares}/3. Now (9.3), with N = 4 and B = 2.",
        ),
    )


def _of_the_spreads(squares: int) -> list[Mistake]:
    without, with_it = 4 * squares / 3, 2.0 * squares
    both = (without, with_it)
    return [
        Mistake([with_it, without], "Turn them round: without replacement the spread is less."),
        Mistake([v / 4 for v in both], "That is the variance of the plain sum: N/B is 2."),
        Mistake([v / 2 for v in both], "A variance takes N/B squared."),
        Mistake([v / 16 for v in both], "That is the variance of the mean over the batch."),
        Mistake([v**0.5 for v in both], "Those are standard deviations. Square them."),
        Mistake([squares, with_it], "Without replacement the variance S² divides by N − 1."),
        Mistake([without, 8 * squares / 3], "With replacement the variance P divides by N."),
    ]


def _spreads(values: Sequence[int]) -> list[float]:
    """The variances of (N/B) Σ over every batch, without and with replacement, in fractions."""
    found = []
    for batches in (combinations(values, SIZE), product(values, repeat=SIZE)):
        sums = [Fraction(len(values), SIZE) * sum(batch) for batch in batches]
        mean = Fraction(sum(sums), len(sums))
        found.append(float(sum((value - mean) ** 2 for value in sums) / len(sums)))
    return found


def _mean_elbo(batches: list[Tensor]) -> Tensor:
    """Every image counts once: the sum of all, over how many there are."""
    return torch.cat(list(batches)).mean()


def _mean_of_means(batches: list[Tensor]) -> Any:
    """The program that is given: every batch counts once."""
    return sum(batch.mean() for batch in batches) / len(batches)


@lru_cache(maxsize=1)
def _digit_elbos() -> Tensor:
    """Of the first hundred 8×8 digits under pPCA with ten latents, q the posterior: (100,)."""
    counts = load_digits().images.flatten(1).double()
    return fit_ppca(counts, 10).log_evidence(counts[:DIGITS])


def _grouped_spread(groups: Any) -> float:
    """The standard deviation of Σ_g N_g ℓ_g, one digit drawn from each group: √(Σ_g N_g² P_g).

    Raises Refused unless groups are ten lists that hold each of 0..99 once.
    """
    told = "ten groups of digits are wanted, with each of the numbers 0 to 99 in one of them"
    try:
        parts = [as_numbers(list(g) if isinstance(g, Set) else g).values for g in groups]
    except (NoNumber, TypeError):
        raise Refused(told) from None
    everyone = torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64, device="cpu")
    if len(parts) != GROUPS or everyone.sort().values.tolist() != list(range(DIGITS)):
        raise Refused(told)
    elbo = _digit_elbos()
    return math.sqrt(sum(len(p) ** 2 * elbo[p.long()].var(correction=0).item() for p in parts))


register(
    two_spreads("9.a", (-1, -2, -4, -5)),
    Exercise(
        "9.b",
        lambda: _mean_elbo,
        [
            Mistake(
                _mean_of_means,
                "That is the program as it was. What does one image of each batch add to the "
                "result?",
            ),
            Mistake(
                lambda batches: sum(batch.sum() for batch in batches),
                "That is the sum over the data set. Per image it is wanted.",
            ),
            Mistake(
                lambda batches: sum(batch.sum() for batch in batches) / len(batches),
                "That divides by the number of batches. Divide by the number of images.",
            ),
            Mistake(
                lambda batches: (
                    sum(batch.sum() for batch in batches) / (len(batches) * len(batches[0]))
                ),
                "That takes every batch for as large as the first.",
            ),
            Mistake(
                lambda batches: _mean_of_means(batches[:-1] or batches),
                "Now the last batch is left out, and its images are in the data set too.",
            ),
            Mistake(
                lambda batches: -_mean_elbo(batches),
                "Mind the sign: that is the loss. The ELBO is wanted.",
            ),
            Mistake(
                lambda batches: torch.stack([batch.mean() for batch in batches]).median(),
                "A median of batches is no mean of images.",
            ),
            Mistake(
                lambda batches: sum(batch.sum() for batch in batches) / 10_000,
                "Other test sets are tried too, of other sizes: count the images.",
            ),
        ],
        cases=CASES,
        tolerance=1e-10,
        hints=(
            "With batches of one size the program is right. When are they not all of one size?",
            "A mean of means gives every batch the same weight. Give every image the same weight.",
        ),
    ),
    MultipleChoice(
        "9.c",
        right=["a", "e"],
        reasons={
            "b": "H's ELBO is above zero, and no log-probability of black and white pixels "
            "can be. Look at the reconstruction before you compare: the two do not score the same "
            "kind of data.",
            "c": "a fault that leaves no trace in a log is a fault all the same. Nothing in log B "
            "is impossible, and that is all a log can say.",
            "d": "the costs are small because the reconstruction outweighs them a thousandfold and "
            "more. That is a consequence. Look at the sign of the reconstruction first.",
            "f": "such a mean would press the costs to zero and leave the reconstruction at that "
            "of the average image, near −206. Log B's costs are those of a healthy program.",
        },
        hints=(
            "Which numbers in the two logs cannot be, whatever the model? Black and white pixels "
            "have probabilities, and those are at most one.",
            "For log B ask of each statement: would one number be different if it were false? "
            "log p(x|z) is linear in a pixel, so a grey one scores like the average of its "
            "black-and-white draws.",
        ),
    ),
    Design(
        "9.d",
        _grouped_spread,
        most=150.0,
        what="the standard deviation",
        hints=(
            "Each group is a small data set, from which a batch of one is drawn. By (9.3) with "
            "B = 1 it adds N²P, its own. What makes P small within a group?",
            "Put digits together whose ELBOs are alike. They were alike an epoch ago: sort by "
            "`last_epoch` (`argsort`), and cut the order into ten.",
        ),
    ),
)
