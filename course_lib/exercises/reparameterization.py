"""Exercises on the two gradients of E_q f(z): another q, a cut path, a biased baseline, an f that
reverses the order.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Blank, Blanks, Design, Exercise, Mistake, MultipleChoice
from course_lib.checks.answers import Refused
from course_lib.exercises.registry import register
from course_lib.numerals import number

FAR = 8.0  # standard deviations; beyond them lies less than 2e-15 of N(0, 1)
GRIDS = (160_001, 211_403)  # points: what one of them cannot resolve, they do not agree on
LEAST_GRADIENT, MOST_RATIO = 0.5, 0.05


@dataclass(frozen=True)
class Differentiated(Exercise):
    """An exercise on a function whose gradients count as much as its values.

    Every case's tensors but the last become leaves that ask for a gradient. The answer is the
    function's value and the derivatives of its sum; zero where no gradient arrives.
    """

    def result(self, function: Callable[..., Any], case: tuple[Any, ...]) -> Any:
        """What it returns, then the derivatives of Σ_k k · (k-th number): none weigh alike."""
        leaves = [given.requires_grad_() for given in case[:-1]]
        # The function gets clones: torch lets nobody change in place what a gradient is asked for.
        returned = function(*(leaf.clone() for leaf in leaves), case[-1])
        if isinstance(returned, Tensor) and returned.numel() != case[-1].numel():
            shapes = tuple(case[-1].shape), tuple(returned.shape)
            raise Refused("a z of the noise's shape {} is wanted, got {}".format(*shapes))
        parts = [part.reshape(-1) for part in _with_gradient(returned)]
        if not parts:
            return [returned, [torch.zeros_like(leaf) for leaf in leaves]]
        row = torch.cat(parts)
        total = (row * torch.arange(1, len(row) + 1, device=row.device)).sum()
        slopes = torch.autograd.grad(total, leaves, allow_unused=True)
        pairs = zip(leaves, slopes, strict=True)
        return [returned, [torch.zeros_like(x) if s is None else s for x, s in pairs]]


def _with_gradient(returned: Any) -> list[Tensor]:
    """The tensors through which a gradient can flow, of a tensor or of lists of some."""
    if isinstance(returned, (list, tuple)):
        return [found for part in returned for found in _with_gradient(part)]
    return [returned] if isinstance(returned, Tensor) and returned.requires_grad else []


def _reparameterized(mean: Tensor, log_std: Tensor, noise: Tensor) -> Tensor:
    """z = μ + σ ε."""
    return mean + log_std.exp() * noise


def variance_ratio(f: Any, least: float = LEAST_GRADIENT) -> float:
    """Var[f(z) ε]/Var[f′(z)] of z = ε ~ N(0, 1): the score function's over the pathwise one.

    Raises Refused unless f is smooth as far as two grids can tell, and the gradient in μ of its
    average is `least` in size.
    """
    if not callable(f):
        raise Refused(f"a function of z is wanted, got {type(f).__name__}")
    _moments(f, 3)  # what is no function of z is refused before it gets a hundred thousand
    first, second = (_moments(f, count) for count in GRIDS)
    if not all(map(math.isfinite, (*first, *second))):
        raise Refused("f or its slope is no finite number somewhere between z = −8 and 8")
    size = max(1.0, *map(abs, first))
    if not all(
        math.isclose(a, b, rel_tol=1e-3, abs_tol=1e-6 * size)
        for a, b in zip(first, second, strict=True)
    ):
        raise Refused("f changes too fast to be measured: a ripple with ω below 1,000 will do")
    slope, weighted, square_of_slope, square_of_weighted = first
    if not math.isclose(slope, weighted, rel_tol=1e-3, abs_tol=1e-4):
        raise Refused(
            f"the slopes average to {slope:.3f} and the weighted heights to "
            f"{weighted:.3f}: f must have no jumps, and autograd must see all of it"
        )
    if round(abs(weighted), 6) < least:  # z/2 has 0.5, of which the grids' ends leave 1e-13 out
        told = number(weighted, 3 if abs(round(weighted, 3)) < least else 6)  # no 0.500 below 0.5
        raise Refused(f"the gradient in μ is {told}, and at least {least} in size is asked")
    narrow = square_of_slope - slope**2
    if narrow <= 1e-9 * square_of_slope:
        raise Refused("autograd sees one slope everywhere: a straight line, or the rest detached")
    return (square_of_weighted - weighted**2) / narrow


def _moments(f: Callable[[Tensor], Any], count: int) -> list[float]:
    """E f′(ε), E f(ε)ε and the means of their squares, by a trapezoidal sum over `count` points."""
    noise = torch.linspace(-FAR, FAR, count, **DOUBLE)
    mass = torch.softmax(-noise.square() / 2, 0)
    with torch.enable_grad():
        z = noise.clone().requires_grad_()
        height = f(z)
        if not isinstance(height, Tensor) or height.shape != z.shape:
            shape = tuple(height.shape) if isinstance(height, Tensor) else type(height).__name__
            raise Refused(f"f must map z {tuple(z.shape)} to as many numbers, got {shape}")
        if not height.requires_grad:
            raise Refused("autograd sees no slope of f: write it with torch, and detach nothing")
        (slope,) = torch.autograd.grad(height.sum(), z)
    weighted = height.detach().double() * noise
    return [(mass @ values).item() for values in (slope, weighted, slope**2, weighted**2)]


MEAN = torch.tensor([0.5, -2.0], **DOUBLE)
LOG_STD = torch.tensor([-1.0, 0.7], **DOUBLE)
NARROW = torch.tensor([-5.0, -8.0], **DOUBLE)  # of log σ: whoever keeps σ from zero changes it
NOISE = torch.tensor([[0.3, -1.2], [1.0, 0.4], [-0.7, 2.0]], **DOUBLE)


def rippled(name: str, least: float) -> Design:
    """An f for which the score function wins, with a gradient of at least so much."""
    return Design(
        name,
        lambda f: variance_ratio(f, least),
        MOST_RATIO,
        "the variance of weighted heights over that of slopes",
        unit="",
        hints=(
            "A fine ripple has steep slopes and small heights, but no gradient. What has one?",
            "Add the two: something that rises all the way, such as z, and a ripple a · sin ωz. "
            "The slopes' variance is about a²ω²/2. The heights' hardly notices the ripple.",
        ),
    )


register(
    Blanks(
        "8.a",
        [
            Blank(
                "-log(u) / λ",
                {
                    "-λ log(u)": "The mean of −log u is 1, so this has the mean λ. The mean of q "
                    "is 1/λ.",
                    "exp(-λ u)": "That is the share of q beyond u, a number below 1. Set the share "
                    "equal to u and solve for z.",
                    "λ + u": "That is uniform, on (λ, λ + 1). q reaches from 0 to infinity.",
                },
            ),
            Blank(
                "-z / λ",
                {
                    "z / λ": "Mind the sign: a larger λ brings every z nearer to 0.",
                    "-λ z": "−log(u)/λ has the derivative log(u)/λ². Write it with z.",
                    "1 / z": "1/z grows where z is small, and a small z hardly moves: its move is "
                    "proportional to z.",
                },
            ),
            Blank(
                "-f'(z) z / λ",
                {
                    "f'(z)": "That would be so if z moved by as much as λ does. The chain rule "
                    "multiplies by ∂z/∂λ.",
                    "f'(z) z": "The chain rule multiplies by ∂z/∂λ, and that is not z.",
                    "-f(z) z / λ": "A draw is moved, so f changes by its slope and not by its "
                    "height.",
                },
            ),
            Blank(
                "1/λ - z",
                {
                    "-z": "That leaves out the factor λ in front of the exponential. The score is "
                    "zero on average, and −z is not.",
                    "-λ z": "That is a part of log q itself. Differentiate it in λ.",
                    "z - 1/λ": "Mind the sign: a larger λ makes large z less likely.",
                },
            ),
        ],
        hints=(
            "How large a share of q lies beyond z? That share, of a draw z, is uniform on (0, 1).",
            "The share is exp(−λz): set it equal to u. For the third blank take the chain rule, as "
            "in (8.1). For the fourth differentiate log q(z) = log λ − λz.",
        ),
    ),
    Differentiated(
        "8.b",
        lambda: _reparameterized,
        [
            Mistake(
                lambda mean, log_std, noise: mean + log_std.exp().detach() * noise,
                "The draws are right, but one of the two gradients still does not arrive.",
            ),
            Mistake(
                lambda mean, log_std, noise: _reparameterized(mean, log_std, noise).detach(),
                "The draws are right, and no gradient reaches mean or log_std: it is .sample().",
            ),
            Mistake(
                lambda mean, log_std, noise: mean.detach() + log_std.exp() * noise,
                "The draws are right, and no gradient reaches the mean.",
            ),
            Mistake(
                lambda mean, log_std, noise: mean + (2 * log_std).exp() * noise,
                "You multiplied the noise by the variance. Its square root, σ, is what scales it.",
            ),
            Mistake(
                lambda mean, log_std, noise: mean + (0.5 * log_std).exp() * noise,
                "You read log σ as log σ². Halve only what is the logarithm of a variance.",
            ),
            Mistake(
                lambda mean, log_std, noise: mean + log_std * noise,
                "log σ is a logarithm: exponentiate it first.",
            ),
            Mistake(
                lambda mean, log_std, noise: mean + noise,
                "That noise has the scale one. Multiply it by σ.",
            ),
            Mistake(
                lambda mean, log_std, noise: log_std.exp() * (mean + noise),
                "σ multiplies the noise alone, not the mean.",
            ),
        ],
        cases=[(MEAN, LOG_STD, NOISE), (MEAN, NARROW, NOISE)],
        tolerance=1e-10,
        unit="",
        hints=(
            "Two paths lead back from z, one to the mean and one to log σ. Follow both.",
            "The KL alone wants every σ to be 1, so nothing else reaches log σ. Which word in its "
            "line hands out plain numbers, which autograd cannot follow?",
        ),
    ),
    MultipleChoice(
        "8.c",
        right=["own value"],
        reasons={
            "poor baseline": "any constant b leaves the mean as it is, good or poor; only the "
            "variance pays for it.",
            "few draws": "few draws make an estimate noisy. The mean of a million of them would "
            "still be right.",
            "jumps": "the score function never differentiates f, so jumps do it no harm.",
            "twice σ": "the ratio would then be 1/σ, whatever S is.",
        },
        hints=(
            "Write the four ratios as fractions with S below the line.",
            "They are (S − 1)/S: a share 1/S of each estimate is lost. What stands in a mean of S "
            "values with the weight 1/S, and depends on the draw's own noise?",
        ),
    ),
    rippled("8.d", LEAST_GRADIENT),
)
