"""Which exercises may have other numbers, chapter by chapter, and which numbers these may be.

For each class every one of them gets numbers that differ from the published, by the class's name.
"""

from collections.abc import Sequence
from itertools import permutations

from course_lib.exercises.completing import completed_square
from course_lib.exercises.conditionals import (
    Known,
    given_both_neighbours,
    given_the_layer_below,
    given_x_alone,
    three_conditionals,
)
from course_lib.exercises.divergence import covering_two_humps, two_humps_fitted
from course_lib.exercises.encoder_and_decoder import opposed_slopes
from course_lib.exercises.evidence import normaliser_owed
from course_lib.exercises.jensen import gaussian_for
from course_lib.exercises.log_of_gaps import paid_for
from course_lib.exercises.markov_hvae import leaning
from course_lib.exercises.minibatch import two_spreads
from course_lib.exercises.rate_distortion import code_within, codewords
from course_lib.exercises.readings import four_readings
from course_lib.exercises.reparameterization import rippled
from course_lib.numerals import minus
from course_lib.teach.variation import Variation

COUNTS = {8: "Eight", 10: "Ten", 12: "Twelve", 20: "Twenty", 24: "Twenty-four"}


def _one_of(*words: str) -> str:
    """Words to choose from, in quotes: "a", "b" or "c"."""
    quoted = [f'"{word}"' for word in words]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _humps(m: float, s: float) -> list[str]:
    near, far = s**2, m**2
    third = _one_of(f"{near:g}", f"{m + near:g}", f"{far:g}", f"{far + near:g}")
    return [
        f"$N(-{m:g},{s:g}^2)$ and $N({m:g},{s:g}^2)$",
        f"({_one_of(f'-{m:g}', '0', f'{m:g}')})",
        f"({third})",
    ]


def _square(w: int, s: int, x: int) -> list[str]:
    return [
        rf"N({w}z,{s}^2)$, $x={x}$",
        f"p({x},z)=",
        rf"\mid x{{=}}{x})",
        f"log p(x{{=}}{x})$",
        f"log p(z=0|x={x}), log p(x={x});",
    ]


def _conditionals(*numbers: float) -> list[str]:
    known = Known(*numbers)
    blanks = (given_the_layer_below(known), given_both_neighbours(known), given_x_alone(known))
    offered = [
        sorted(blank.options, key=lambda word: float(word[2:].split(",")[0])) for blank in blanks
    ]
    choices = [_one_of(*words).replace('"N', '`"N').replace(')"', ')"`') for words in offered]
    return [
        f"You know $z_1={known.below:g}$ and x = {known.beside:g}. $z_2$ is ___: {choices[0]}",
        f"You know $z_2={known.above:g}$ and x = {known.seen:g}. $z_1$ is ___: {choices[1]}",
        f"You know x = {known.alone:g} alone. $z_1$ is ___: {choices[2]}",
    ]


def _row(epochs: int, gaps: tuple[float, ...]) -> str:
    return f"| {epochs} | {' | '.join(f'{gap:.1f}' for gap in gaps)} |"


def _readings(order: Sequence[int]) -> list[str]:
    """The list of readings, of which the first is written in full."""
    below, seen = r"$q(z_T\mid z_{T-1})$", r"$q(z_T\mid x)$"
    words = {1: ("$T$", below), 2: ("$T$", seen), 3: ("$T-1$", below), 4: ("$T-1$", seen)}
    told = ["the sum over log q ends at {}, the KL is of {};", *["at {}, of {};"] * 3]
    lines = [
        f"- [{place}] {line.format(*words[reading])}"
        for place, (line, reading) in enumerate(zip(told, order, strict=True), start=1)
    ]
    return ["\n".join(lines).removesuffix(";") + "."]


def _two_humps(x: float) -> list[str]:
    if x == 2:
        return ["In the z² world, with x = 2, the best Gaussian has a gap of 0.712."]
    return [f"In the z² world, with x = {x:g}, a single Gaussian has a gap of log 2 at least."]


def _on_both_humps(x: float) -> str:
    place, std = (x - 0.125) ** 0.5 - 0.01, (16 * x - 2) ** -0.5
    humps = f"[[{place:.3f}], [-{place:.3f}]], [[{std:.3f}], [{std:.3f}]]"
    return f"GaussianMixture(torch.zeros(2).double(), DiagonalGaussian.from_std({humps}))"


VARIATIONS = [
    Variation(
        "1.a",
        (0.2, 105),
        [(s, r) for s in (0.1, 0.12, 0.15, 0.25, 0.3) for r in (88, 97, 112, 124, 136)],
        normaliser_owed,
        lambda s, r: [f"noise s = {s:g} on", f"of −{r}. Its", f"z)=-{r}-"],
    ),
    Variation(
        "2.a",
        (3, 2, 5),
        [(w, s, x) for w, s in ((2, 3), (4, 3), (5, 3), (5, 2)) for x in (7, 8, 9)],
        completed_square,
        _square,
    ),
    Variation(
        "3.d",
        (0.5, 0.025),
        [(-1.5, 0.08), (-1.0, 0.065), (-0.8, 0.05), (-0.3, 0.015), (1.2, 0.075), (1.5, 0.08)],
        gaussian_for,
        lambda x, most: [f"$x={x:g}$. Find", f"within {most:g} nats"],
        lambda x, most: "DiagonalGaussian.from_std({}, {})".format(
            *{
                -1.5: (-1.009, 0.421),
                -1.0: (-0.623, 0.345),
                -0.8: (-0.48, 0.318),
                -0.3: (-0.17, 0.28),
                1.2: (0.776, 0.376),
                1.5: (1.009, 0.421),
            }[x]
        ),
    ),
    Variation(
        "4.a",
        (2, 0.5),
        [(m, s) for m in (1.5, 3, 4, 5) for s in (0.2, 0.3, 0.4)],
        covering_two_humps,
        _humps,
    ),
    Variation(
        "4.d",
        (2.0,),
        [(2.5,), (3.0,), (3.5,), (4.0,)],
        two_humps_fitted,
        _two_humps,
        _on_both_humps,
    ),
    Variation(
        "5.a",
        (8,),
        [(count,) for count in COUNTS if count != 8],
        codewords,
        lambda count: [f"{COUNTS[count]} codewords are"],
    ),
    Variation(
        "5.d",
        (0.2, 1.61),
        [(0.1, 1.81), (0.15, 1.7), (0.25, 1.54), (0.3, 1.48), (0.35, 1.42), (0.4, 1.38)],
        code_within,
        lambda rate, most: [f"at most {rate:g} nats and a mean distortion of at most {most:g}."],
        lambda rate, most: {
            0.1: "[0.276, 0.851]",
            0.15: "[0.336, 0.815]",
            0.25: "[0.429, 0.756]",
            0.3: "[0.467, 0.73]",
            0.35: "[0.502, 0.706]",
            0.4: "[0.534, 0.683]",
        }[rate],
    ),
    Variation(
        "6.c",
        ((0.8, 3.0, 7.0), (0.9, 1.0, 10.6)),
        [
            ((3.4, 2.6, 3.9), (3.6, 0.9, 1.7)),
            ((0.7, 4.6, 5.5), (0.8, 4.4, 5.2)),
            ((2.4, 3.1, 6.8), (2.7, 0.8, 9.9)),
            ((1.1, 5.2, 8.3), (1.2, 4.1, 9.0)),
        ],
        paid_for,
        lambda before, after: [_row(50, before), _row(400, after)],
    ),
    Variation(
        "7.a",
        (1, 3),
        [(1, 4), (1, 5), (1, 6), (2, 6), (2, 8), (2, 9)],
        opposed_slopes,
        lambda w, x: [f"take w = {w} and the prior as q, but x = {x}."],
    ),
    Variation(
        "8.d",
        (0.5,),
        [(1.5,), (2.0,), (2.5,), (3.0,), (4.0,)],
        rippled,
        lambda least: [f"at least {least:g}, and the variance"],
        lambda least: f"lambda z: {least + 0.5:g} * (z + 0.5 * torch.sin(20 * z))",
    ),
    Variation(
        "9.a",
        ((-1, -2, -4, -5),),
        [
            ((-1, -3, -5, -7),),
            ((-1, -2, -3, -6),),
            ((-2, -3, -7, -8),),
            ((-3, -4, -6, -11),),
            ((-1, -2, -3, -10),),
            ((-2, -4, -6, -12),),
        ],
        two_spreads,
        lambda elbos: [minus("ELBOs {}, {}, {} and {}.".format(*elbos))],
    ),
    Variation(
        "10.a",
        (3, 100, 3, 1, 2.4),
        [
            (below, beside, above, seen, alone)
            for below, beside in ((2, 50), (4, 80), (5, 200))
            for above, seen in ((4, 1), (5, 2), (1, 4))
            for alone in (1.8, 3, 3.6)
        ],
        lambda name, *numbers: three_conditionals(name, Known(*numbers)),
        _conditionals,
    ),
    Variation(
        "11.d",
        (1.0,),
        [(1.4,), (1.5,), (1.6,), (1.7,)],
        leaning,
        lambda least: [f"is at least {least:g}."],
        lambda least: "TanhArrow(6.0, 0.6, 5.0, 0.3)",
    ),
    Variation(
        "12.a",
        ((1, 2, 3, 4),),
        [(order,) for order in permutations((1, 2, 3, 4)) if order != (1, 2, 3, 4)],
        four_readings,
        _readings,
    ),
]
BY_NAME = {variation.name: variation for variation in VARIATIONS}
