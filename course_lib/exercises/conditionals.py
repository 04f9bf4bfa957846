"""The exercise on who speaks about a latent of the unit chain of two, once others are known."""

from typing import NamedTuple

from course_lib.checks import Blank, Blanks


class Known(NamedTuple):
    """What is known in each blank: z_1 and x; z_2 and x again; x alone."""

    below: float
    beside: float
    above: float
    seen: float
    alone: float


def normal(mean: float, variance: float) -> str:
    """N(mean, variance), as a blank has it: two decimals, three digits."""
    return f"N({round(mean, 2):.3g}, {round(variance, 2):g})"


def given_the_layer_below(known: Known) -> Blank:
    """z_2, given z_1 and x."""
    z_1, x = known.below, known.beside
    return Blank(
        normal(z_1 / 2, 1 / 2),
        {
            normal(z_1, 1): "That is the arrow turned round as it stands. z₂ has a prior, "
            "N(0, 1), which pulls it towards 0.",
            normal(x / 3, 2 / 3): "That is p(z₂|x), z₁ unknown. z₁ is known.",
            normal((z_1 + x) / 3, 1 / 3): "That counts z₁ and x as two observations of z₂. x is "
            "one of z₁, which is known already.",
        },
    )


def given_both_neighbours(known: Known) -> Blank:
    """z_1, given z_2 and x."""
    z_2, x = known.above, known.seen
    return Blank(
        normal((z_2 + x) / 2, 1 / 2),
        {
            normal(z_2, 1): "That is p(z₁|z₂), the decoder. x says something too.",
            normal(2 * x / 3, 2 / 3): "That is p(z₁|x). z₂ says something too.",
            normal((z_2 + x) / 3, 1 / 3): "That counts the prior N(0, 1) once more. It belongs to "
            "z₂, which is known.",
        },
    )


def given_x_alone(known: Known) -> Blank:
    """z_1, given x."""
    x = known.alone
    return Blank(
        normal(2 * x / 3, 2 / 3),
        {
            normal(x / 2, 1 / 2): "That would be right if z₁ had the prior N(0, 1). With z₂ "
            "unknown, z₁ = z₂ + noise has the variance 2.",
            normal(x / 3, 2 / 3): "That is p(z₂|x).",
            normal(x, 1): "That is the likelihood, read as a density of z₁: z₁ has a prior, too.",
        },
    )


def three_conditionals(name: str, known: Known) -> Blanks:
    """The three together: z_2 ~ N(0, 1), and z_1 and x each add N(0, 1) to what is above."""
    return Blanks(
        name,
        [given_the_layer_below(known), given_both_neighbours(known), given_x_alone(known)],
        hints=(
            "For each line, draw the chain z₂ → z₁ → x and cross out what is known. Who are the "
            "neighbours of the latent that is asked for? Only they speak.",
            "Each neighbour that speaks is a Gaussian; their precisions add up, and the mean is "
            "weighted by them. Where z₂ is unknown, z₁'s own prior is N(0, 2).",
        ),
    )
