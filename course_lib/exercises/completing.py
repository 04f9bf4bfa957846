"""The exercise on a square that is completed: a Gaussian posterior, and the evidence from it."""

import math

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Exercise, Mistake
from course_lib.checks.exercise import ANY
from course_lib.exact import LinearGaussian


def completed_square(name: str, w: int, s: int, x: int) -> Exercise:
    """M, the posterior's mean, log p(z = 0|x) and log p(x) for z ~ N(0, 1), x|z ~ N(wz, s²)."""
    return Exercise(
        name,
        lambda: _four_numbers(w, s, x),
        [
            *_of_the_square(w, s, x),
            *_of_the_density_at_zero(w, s, x),
            *_of_the_evidence(w, s, x),
        ],
        log_density=True,
        names=("M", "the posterior's mean", f"log p(z = 0 | x = {x})", f"log p(x = {x})"),
        unit="",
        hints=(
            f"Write log p(x, z) = −½({x} − {w}z)²/{s**2} − ½z² + const, and collect the terms with "
            "z² and z: they are −½Mz² and hz.",
            "The mean is h/M, the variance 1/M. Then (2.3) at z = 0: log p(x | 0) + log p(0), less "
            f"your third number. Check it: x is Gaussian too, with variance {w}² + {s}².",
        ),
    )


def _four_numbers(w: int, s: int, x: int) -> Tensor:
    """The answer, from the world with that loading and noise."""
    world = LinearGaussian(torch.tensor([[w]], **DOUBLE), torch.zeros(1, **DOUBLE), s)
    seen, zero = torch.tensor([x], **DOUBLE), torch.zeros(1, **DOUBLE)
    posterior = world.posterior(seen)
    precision = posterior.covariance[0, 0].reciprocal()
    return torch.stack(
        [precision, posterior.mean[0], posterior.log_prob(zero), world.log_evidence(seen)]
    )


def _of_the_square(w: int, s: int, x: int) -> list[Mistake]:
    """Mistakes in the first two numbers."""
    v, total = s**2, w**2 + s**2
    of_m = {
        w**2 / v: "In M the prior's own precision is missing: 1 + w²/s². The others follow from M.",
        1 + w**2 / s: f"In M the noise has the variance s² = {s}², not {s}. The others follow "
        "from M.",
        1 + w / v: "In M the loading counts twice: 1 + w²/s², not w/s². The others follow from M.",
        v / total: "M is the precision. You gave its inverse, the variance.",
    }
    of_the_mean = {
        w * x / v: "That mean is w x/s², the slope at z = 0. Divide it by M: there the slope is "
        "zero.",
        x / w: "x/w is where the likelihood peaks. The prior pulls back.",
    }
    return [
        Mistake(_alone(place, value), hint)
        for place, known in enumerate((of_m, of_the_mean))
        for value, hint in known.items()
    ]


def _of_the_density_at_zero(w: int, s: int, x: int) -> list[Mistake]:
    """Mistakes in the third number."""
    v, total = s**2, w**2 + s**2
    mean, variance = w * x / total, v / total
    known = {
        _normal(x, 0, v) + _normal(0, 0, 1): "Your third is log p(x, z), the joint. Bayes divides "
        "it by p(x). Without p(x) you get it from M and the mean: the posterior is Gaussian.",
        _normal(x, 0, v): "Your third is the likelihood log p(x | z = 0), not the posterior's "
        "density there.",
        _normal(
            0, 0, 1
        ): "Your third is the prior log p(z = 0), not the posterior's density there.",
        _normal(0, mean, variance**2): f"{v}/{total} is the posterior's variance. It is not to be "
        "squared again.",
        math.exp(_normal(0, mean, variance)): "Your third is p(z | x): take its logarithm.",
    }
    return [Mistake(_alone(2, value), hint) for value, hint in known.items()]


def _of_the_evidence(w: int, s: int, x: int) -> list[Mistake]:
    """Mistakes in the fourth number."""
    v, total = s**2, w**2 + s**2
    joint = _normal(x, 0, v) + _normal(0, 0, 1)  # log p(x, z = 0)
    known = {
        joint + _normal(0, w * x / total, v / total): "For the fourth subtract the posterior's "
        "log-density from log p(x, z).",
        joint: "Your fourth is still log p(x, z), at z = 0.",
        _normal(x, 0, v): "Your fourth is log p(x | z = 0): z is still in it.",
        _normal(x, 0, w**2 + s): f"In p(x) the noise has the variance {s}².",
        math.exp(_normal(x, 0, total)): "Your fourth is p(x): take its logarithm.",
    }
    return [Mistake(_alone(3, value), hint) for value, hint in known.items()]


def _normal(x: float, mean: float, variance: float) -> float:
    """log N(x; mean, variance)."""
    return -0.5 * math.log(2 * math.pi * variance) - (x - mean) ** 2 / (2 * variance)


def _alone(place: int, value: float) -> list[float]:
    """One of the four numbers, whatever the others are."""
    return [value if i == place else ANY for i in range(4)]
