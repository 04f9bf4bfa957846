"""The known mistakes of the exercises, made here once more as a learner makes them: each wrong
answer and how its hint begins, in the order in which the exercise has them.

A new exercise needs a row in WRONG_NUMBERS or WRONG_FUNCTIONS, with an entry for each `Mistake`:
the wrong answer, made from the right one of exercise_answers or by hand, never by the course's
code, and enough of the hint's first words to tell it from the others. A design needs a row in
WRONG_DESIGNS: what makes a plausible wrong answer, and words that its verdict must have. (A choice
needs none: each of its wrong words is tried with its reason.)
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from exercise_answers import (
    FUNCTIONS,
    NUMBERS,
    alike_together,
    kl_of_gaussians,
    log_joint,
    moments,
    on_two_humps,
)
from torch import Tensor

from course_lib.distributions import DiagonalGaussian
from course_lib.exact import AffineGaussian, TanhArrow

Wrong = list[tuple[Any, str]]
R = NUMBERS  # the right ones
LOG_2, LOG_PI, LOG_2_PI = math.log(2), math.log(math.pi), math.log(2 * math.pi)


def normal(x: float, mean: float, variance: float) -> float:
    """log N(x; mean, variance)."""
    return -((x - mean) ** 2 / variance + math.log(variance) + LOG_2_PI) / 2


def over(factor: float, values: list[float]) -> list[float]:
    return [value / factor for value in values]


def average(values: Any) -> Any:
    return sum(values) / len(values)


JOINT_2 = normal(5, 0, 4) + normal(0, 0, 1)  # log p(x = 5, z = 0) of 2.a


def completed(precision: float, slope: float) -> list[float]:
    """The four numbers of 2.a if the square had been completed with these two."""
    at_zero = normal(0, slope / precision, 1 / precision)
    return [precision, slope / precision, at_zero, JOINT_2 - at_zero]


WRONG_NUMBERS: dict[str, Wrong] = {
    "1.a": [
        (-105, "That is what the program printed"),
        (-210 - R["1.a"], "Mind the sign"),
        (R["1.a"] + 210, "The −105 keeps its sign"),
        (-105 - 392 * (LOG_2_PI + math.log(0.2)), "The normaliser holds"),
        (2 * R["1.a"] + 105, "Each pixel owes"),
        (-105 - 392 * LOG_2_PI, "That leaves out s"),
        (-105 + (R["1.a"] + 105) / 784, "That is one pixel's"),
    ],
    "2.a": [
        (completed(9 / 4, 15 / 4), "In M the prior's own"),
        (completed(1 + 9 / 2, 15 / 2), "In M the noise has the variance"),
        (completed(1 + 3 / 4, 15 / 4), "In M the loading counts twice"),
        ([4 / 13, *R["2.a"][1:]], "M is the precision"),
        ([R["2.a"][0], 15 / 4, *R["2.a"][2:]], "That mean is w x/s²"),
        ([R["2.a"][0], 5 / 3, *R["2.a"][2:]], "x/w is where"),
        ([*R["2.a"][:2], JOINT_2, R["2.a"][3]], "Your third is log p(x, z)"),
        ([*R["2.a"][:2], normal(5, 0, 4), R["2.a"][3]], "Your third is the likelihood"),
        ([*R["2.a"][:2], normal(0, 0, 1), R["2.a"][3]], "Your third is the prior"),
        ([*R["2.a"][:2], normal(0, 15 / 13, 16 / 169), R["2.a"][3]], "4/13 is the posterior's"),
        ([*R["2.a"][:2], math.exp(R["2.a"][2]), R["2.a"][3]], "Your third is p(z | x)"),
        ([*R["2.a"][:3], JOINT_2 + R["2.a"][2]], "For the fourth subtract"),
        ([*R["2.a"][:3], JOINT_2], "Your fourth is still"),
        ([*R["2.a"][:3], normal(5, 0, 4)], "Your fourth is log p(x | z = 0)"),
        ([*R["2.a"][:3], normal(5, 0, 11)], "In p(x) the noise"),
        ([*R["2.a"][:3], math.exp(R["2.a"][3])], "Your fourth is p(x)"),
    ],
    "5.a": [
        ([3 * LOG_2, 2.5 * LOG_2, LOG_2 / 2], "log 8 is what a codeword costs"),
        ([2 * LOG_2, 2 * LOG_2, 0], "Images 3 and 4"),
        ([2 * LOG_2, math.log(3), math.log(4 / 3)], "The aggregate is not uniform"),
        ([math.log(4), LOG_2 / 2, 1.5 * LOG_2], "The last two"),
        ([2, 1.5, 0.5], "Those are bits"),
    ],
    "7.a": [
        ([-1, 1 / 4 - 1 / 2], "Those are the slopes at x = 1"),
        ([1.75, -1], "The right two numbers"),
        ([-1, 9 / 4], "log p(x) = −½ log(2πv)"),
        ([-1, -1 / 2], "log p(x) = −½ log(2πv)"),
        ([-1, 1.75 / 2], "Nearly: by the chain rule"),
        ([3 - 1, 1.75], "You have put z = 1"),
        ([0, 1.75], "E_q z = 0"),
    ],
    "9.a": [
        ([20, 40 / 3], "Turn them round"),
        (over(4, R["9.a"]), "That is the variance of the plain sum"),
        (over(2, R["9.a"]), "A variance takes N/B squared"),
        (over(16, R["9.a"]), "That is the variance of the mean"),
        ([value**0.5 for value in R["9.a"]], "Those are standard deviations"),
        ([4 * 2 / 2 * 10 / 4, 20], "Without replacement"),
        ([40 / 3, 16 / 2 * 10 / 3], "With replacement"),
    ],
}


def sum_of_sizes(q: Any, p: Any) -> Tensor:
    """E_q|log q − log p| on the grid that the exercise has."""
    z = torch.arange(-2400, 2401, dtype=torch.float64) * 0.005

    def log_density(one: Any) -> Any:
        u = (z - one.mean) / one.log_std.exp()  # (n, 4801)
        return -u * u / 2 - one.log_std - LOG_2_PI / 2

    chance = log_density(q).exp() * 0.005
    found: Tensor = (chance * (log_density(q) - log_density(p)).abs()).sum(1)
    return found


def turned(arrows: list[Tensor], x: int, z: list[int]) -> float:
    below = [x, *z]
    return sum(math.log(a[below[t], below[t + 1]]) for t, a in enumerate(arrows))


encoded, negative_elbo = FUNCTIONS["6.b"][0], FUNCTIONS["5.b"][0]
grid = FUNCTIONS["7.b"][0]
chain = FUNCTIONS["12.b"][0]


def log_normal(value: Tensor, mean: Any, std: float) -> Any:
    return -(((value - mean) / std) ** 2 + LOG_2_PI) / 2 - math.log(std)


def kl_to(q: tuple[Any, ...], mean: Any, std: float) -> Any:
    """From N(q[0], q[1]²) to N(mean, std²)."""
    ratio = (q[1] / std) ** 2
    return (ratio - 1 - math.log(ratio) + ((q[0] - mean) / std) ** 2) / 2


def at_draw(q: tuple[Any, ...], z_1: Tensor, z_2: Tensor) -> Any:
    return log_normal(z_1, q[0], q[1]) - log_normal(z_1, z_2, 1.0)


def with_cost(cost_1: Any, top: float = 1.0) -> Any:
    """The ELBO of 12.b with another cost of layer 1; q is mean and std of z_1, and mean of z_2."""

    def elbo(x: Tensor, noise_1: Tensor, noise_2: Tensor, slopes: Any, stds: Any) -> Any:
        z_1 = slopes[0] * x + stds[0] * noise_1
        middle = slopes[1] * z_1
        z_2 = middle + stds[1] * noise_2
        q = (slopes[0] * x, stds[0], middle)
        above = top * kl_to((middle, stds[1]), 0.0, 1.0)
        return (log_normal(x, z_1, 1.0) - cost_1(q, z_1, z_2) - above).mean()

    return elbo


def wrong_cost_mended(x: Tensor, noise_1: Tensor, noise_2: Tensor, slopes: Any, stds: Any) -> Any:
    """The ELBO of 12.b with the top's cost at the draw, and layer 1's still a KL."""
    z_1 = slopes[0] * x + stds[0] * noise_1
    z_2 = slopes[1] * z_1 + stds[1] * noise_2
    top = log_normal(z_2, slopes[1] * z_1, stds[1]) - log_normal(z_2, 0.0, 1.0)
    below = kl_to((slopes[0] * x, stds[0]), z_2, 1.0)
    return (log_normal(x, z_1, 1.0) - below - top).mean()


def top_twice(x: Tensor, noise_1: Tensor, noise_2: Tensor, slopes: Any, stds: Any) -> Any:
    """The ELBO of 12.b with log q of the top at the draws, beside its KL."""
    middle = slopes[1] * (slopes[0] * x + stds[0] * noise_1)
    at_draws = log_normal(middle + stds[1] * noise_2, middle, stds[1])
    return chain(x, noise_1, noise_2, slopes, stds) - at_draws.mean()


def printed(r: Tensor, cost: Tensor, in_loss: float, in_elbo: float) -> Tensor:
    """Loss and ELBO, with the weights that the cost has in each."""
    return torch.stack([(in_loss * cost - r).mean(), (r - in_elbo * cost).mean()])


def averaged(v: Tensor, m: Tensor, s: Tensor) -> Tensor:
    """−ELBO with the KL divided by the number of latents."""
    whole, rate = negative_elbo(v, m, s), negative_elbo(0 * v, m, s)
    found: Tensor = whole + (1 / m.shape[1] - 1) * rate
    return found


def log_std_for_std(images: Tensor, centre: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """The encoder of 6.b without its exp."""
    hidden = torch.tanh((images - centre) @ a)
    return torch.stack([hidden @ b, hidden @ c])


def visits(f: Any, z: Tensor, steps: Tensor, uniforms: Tensor, takes: Any = torch.lt) -> Any:
    """Of a chain: where it stands after each step, where it moved to, and each offer."""
    stands, moved, noted = [], [], []
    for step, u in zip(steps, uniforms, strict=True):
        offer = z + step
        if bool(takes(u, (f(offer) - f(z)).exp())):
            z = offer
            moved.append(z)
        stands.append(z)
        noted.append(offer)
    return torch.stack(stands), torch.stack(moved), torch.stack(noted)


def on_one_hump(x: float) -> DiagonalGaussian:
    return DiagonalGaussian.from_std(math.sqrt(x - 0.125), 1 / math.sqrt(16 * x - 2))


CUT = {"z_2": ["x"], "z_1": ["z_2", "x"], "z_3": ["z_2"], "z_4": ["z_3"]}  # 10.d's answer
WRONG_DESIGNS: dict[str, list[tuple[Callable[[], Any], str]]] = {
    "1.d": [
        (lambda: DiagonalGaussian.from_std(0.0, 1.0), "is 24.4722, and at most 0.1 is asked"),
        (lambda: DiagonalGaussian.from_std(3.0, 0.1), "is 0.302233, and at most 0.1 is asked"),
        (lambda: DiagonalGaussian.from_std(2.97, 0.07), "its tails are thinner than"),
        (lambda: (2.97, 0.1), "q must be one distribution of one number"),
    ],
    "2.d": [
        (lambda: on_one_hump, "is 0.777279 nats, and at most 0.1 nats is asked"),
        (lambda: on_one_hump(1.5), "a function of x is wanted"),
        (lambda: lambda x: x, "q must be one distribution of one number"),
    ],
    "9.d": [
        (lambda: [list(range(i, i + 10)) for i in range(0, 100, 10)], "is 299.782 nats"),
        (lambda: [list(range(i, 100, 10)) for i in range(10)], "the standard deviation is"),
        (lambda: alike_together()[:9], "ten groups of digits are wanted"),
        (lambda: [group[:1] for group in alike_together()], "ten groups of digits are wanted"),
        (lambda: [*alike_together()[:9], list(range(10))], "ten groups of digits are wanted"),
        (lambda: 10, "ten groups of digits are wanted"),
        (lambda: ["zero"] * 10, "ten groups of digits are wanted"),
    ],
    "3.d": [
        (lambda: DiagonalGaussian.standard(1), "the gap is"),
        (lambda: DiagonalGaussian.from_std(1.335, 0.463), "the gap is"),  # that of x = 2
        (lambda: DiagonalGaussian.from_std([0.3, 0.3], [0.3, 0.3]), "one latent"),
        (lambda: (0.3, 0.3), "DiagonalGaussian.from_std"),
    ],
    "4.d": [
        (lambda: DiagonalGaussian.from_std(1.35, 0.18), "the gap is 0.717"),  # one hump
        (lambda: DiagonalGaussian.from_std(0.0, 1.34), "the gap is 11.1"),
        (lambda: on_two_humps(1.35, 0.5), "the gap is"),
        (lambda: on_two_humps().components, "q must be one distribution"),
    ],
    "5.d": [
        (
            lambda: (0.5, 0.5**0.5),
            "5.d: not yet: its mean rate is 0.3466 nats, at most 0.2 is asked",
        ),
        (lambda: (0, 1), "the mean distortion is 2.41894 nats"),
        (lambda: (0.386, 0.7835**2), "its mean rate is"),  # a variance for a standard deviation
        (lambda: (1 / 3, (2 / 3) ** 0.5), "the mean distortion is"),  # β = 2, all but there
        (lambda: (0.4,), "5.d: two numbers are wanted"),
    ],
    "6.d": [
        (lambda: lambda x: moments(x, 1.0), "the mean gap over x is 0.07287"),
        (lambda: lambda x: moments(0 * x, 4.0), "the mean gap over x is "),
        (lambda: torch.zeros(3), "an encoder is wanted, a net or a function, got Tensor"),
    ],
    "7.d": [
        (lambda: DiagonalGaussian.standard(2), "and at most 1 nats is asked"),
        (lambda: DiagonalGaussian.from_std([1.29, 1.66], [0.02, 0.02]), "the gap is"),
        # Where the ascent ends that starts at the first of the 2,000 places, and at the second.
        (lambda: DiagonalGaussian.from_std([-1.215, -0.143], [0.068, 0.095]), "the gap is 19"),
        (lambda: DiagonalGaussian.from_std([-0.715, 0.502], [0.029, 0.029]), "the gap is 1"),
        (lambda: DiagonalGaussian.standard(3), "one q of two latents is wanted"),
        (lambda: DiagonalGaussian.standard(2).expand((5,)), "one q of two latents is wanted"),
        (lambda: (0.83, 0.55), "a DiagonalGaussian is wanted, got tuple"),
    ],
    "8.d": [
        (lambda: lambda z: z + torch.sin(2 * z), "over that of slopes is 0.698643"),
        (lambda: lambda z: torch.sin(2 * z), "the gradient in μ is 0.271, and at least 0.5"),
        (lambda: lambda z: (z > 0.5).double(), "autograd sees no slope of f"),
        (lambda: 0.5, "a function of z is wanted, got float"),
    ],
    "10.d": [
        (lambda: CUT | {"z_1": ["x"]}, "10.d: not yet: the mean gap over x is "),
        (lambda: CUT | {"z_1": ["x"]}, "asked. In order of drawing, z_1 is the first that reads"),
        (lambda: CUT | {"z_1": ["z_2"]}, "z_1 is the first that reads too little"),
        (lambda: CUT | {"z_2": []}, "z_2 is the first that reads too little"),
        (lambda: CUT | {"z_3": "x"}, "z_3 is the first that reads too little"),
        (lambda: CUT | {"z_3": "x", "z_4": "z_2"}, "z_3 is the first that reads too little"),
        (lambda: CUT | {"z_4": ["z_2"]}, "z_4 is the first that reads too little"),
        (lambda: CUT | {"z_3": ["x", "z_2"]}, "that takes 6 arrows, and 5 are enough"),
        (lambda: CUT | {"z_1": ["z_9"]}, "z_1 reads 'z_9', and only x, z_2 can be read"),
        (
            lambda: {"z_1": "x", "z_2": "z_1", "z_3": "z_2", "z_4": "z_3"},
            "z_2 is to be drawn first",
        ),
        (lambda: ["x", "z_1"], "a dictionary with the keys z_1, z_2, z_3, z_4 is wanted"),
    ],
    "11.d": [
        (lambda: TanhArrow(2.0, 0.7, 1.5, 0.3), "|skew| is 0.59"),
        (lambda: TanhArrow(2.0, 0.5, 2.0, 0.3), "|skew| is 0.65"),  # the best of the cell's table
        (lambda: TanhArrow(2.0, 4.0, 0.0, 0.3), "|skew| is "),  # symmetric
        (lambda: TanhArrow(4.0, 0.5, 3.0, 2.0), "its noise s stays 0.3, got 2"),
        (lambda: TanhArrow(4.0, 0.5, 30.0, 0.3), "must lie between"),
        (lambda: (4.0, 0.5, 3.0, 0.3), "a TanhArrow(a, b, c, 0.3) is wanted, got tuple"),
    ],
    "12.d": [
        (
            lambda: [AffineGaussian(0.68, 0.0, 0.25), AffineGaussian(0.16, -0.11, 0.08)],
            "the gap at x = 1 is 0.287",
        ),
        # What comes of raising the joint alone, the sum with log q(z_2|z_1) twice, and without it.
        (
            lambda: [AffineGaussian(0.0, 0.696, 0.0441), AffineGaussian(0.167, -0.117, 0.0094)],
            "the gap at x = 1 is 2.7",
        ),
        (
            lambda: [AffineGaussian(0.0, 0.768, 0.3434), AffineGaussian(0.196, -0.136, 0.0807)],
            "the gap at x = 1 is 0.208",
        ),
        (
            lambda: [AffineGaussian(0.0, 0.762, 0.3242), AffineGaussian(0.171, -0.119, 0.0095)],
            "the gap at x = 1 is 1.2",
        ),
        (lambda: [AffineGaussian(0.68, 0.0, 0.25)], "a list of two, got 1"),
        (lambda: [(0.68, 0.0, 0.25), (0.16, -0.11, 0.08)], "must be an AffineGaussian"),
        (lambda: AffineGaussian(0.68, 0.0, 0.25), "an encoder of two layers is wanted"),
    ],
}
WRONG_FUNCTIONS: dict[str, Wrong] = {
    "1.c": [
        (lambda v: sum(v) / len(v), "That is the mean of the logs"),
        (lambda v: FUNCTIONS["1.c"][0](v) + math.log(len(v)), "That is the log of the sum"),
        (lambda v: (v.exp().sum() / len(v)).log(), "Right on paper"),
        (lambda v: (v - v.mean()).exp().mean().log() + v.mean(), "Right as long as no value"),
    ],
    "2.b": [
        (lambda f, z, d, u: visits(f, z, d, u)[1], "Those are the places after"),
        (lambda f, z, d, u: visits(f, z, d, u)[2], "A refused proposal"),
        (lambda f, z, d, u: [z, *visits(f, z, d, u)[0]], "Nearly. Leave out the start"),
        (lambda f, z, d, u: [z, *visits(f, z, d, u)[0][:-1]], "Nearly. You note the place"),
        (lambda f, z, d, u: visits(f, z, d, u, lambda v, r: v < r.log())[0], "u is compared with"),
        (lambda f, z, d, u: visits(f, z, d, u, lambda v, r: r > 1)[0], "That takes steps up only"),
        (lambda f, z, d, u: visits(f, z, d, u, lambda v, r: v < 1 / r)[0], "The ratio is upside"),
        (lambda f, z, d, u: z + d.cumsum(0), "That takes every step"),
    ],
    "3.b": [
        (lambda p, q: -(p - q).exp().sum(0).log().mean(), "That is the program as it was"),
        (lambda p, q: -(p - q).exp().mean(0).log().mean(), "Now it takes the log of the mean"),
        (lambda p, q: -sum(p - q) / len(p), "Those are losses"),
        (lambda p, q: -(p - q).sum() / p.shape[1], "That adds up the draws"),
        (lambda p, q: (q - p).sum(), "That adds up draws and images"),
        (lambda p, q: (q - p)[0].sum() / p.shape[1], "That uses the first draw"),
        (lambda p, q: -p.sum() / p.numel(), "log q(z) is gone"),
        (lambda p, q: -(p + q).sum() / p.numel(), "log q(z) is subtracted"),
    ],
    "4.b": [
        (lambda q, p: kl_of_gaussians(p, q), "Those are still the numbers"),
        (lambda q, p: -kl_of_gaussians(p, q), "Without abs the fault shows"),
        (lambda q, p: -kl_of_gaussians(q, p), "The right size"),
        (sum_of_sizes, "You took the size of every log-ratio"),
        (lambda q, p: 200 * kl_of_gaussians(q, p), "A sum over a grid"),
        (lambda q, p: sum(kl_of_gaussians(q, p)), "Sum over the grid alone"),
    ],
    "5.b": [
        (lambda v, m, s: negative_elbo(v / v.shape[1], m, s), "The log-likelihood is still"),
        (lambda v, m, s: averaged(v / v.shape[1], m, s), "Now both are averaged"),
        (lambda v, m, s: averaged(v, m, s), "The pixels are summed"),
        (lambda v, m, s: negative_elbo(v, m, s) * len(v), "That is the sum over the images"),
        (lambda v, m, s: -negative_elbo(v, m, s), "That is the ELBO itself"),
    ],
    "6.b": [
        (lambda v, m, *w: encoded(v - v.mean(0), 0 * m, *w), "That is the program as it was"),
        (lambda v, m, *w: encoded(v - v.mean(), 0 * m, *w), "One number in place of many"),
        (lambda v, m, *w: encoded((v.mT - v.mean(1)).mT, 0 * m, *w), "Now each image is alone"),
        (lambda v, m, *w: encoded(v, 0 * m, *w), "Now it is a function of each image"),
        (log_std_for_std, "The mean of each q is right"),
        (lambda v, m, *w: encoded(v, -m, *w), "mean_image is taken off"),
        (lambda v, m, *w: encoded(v, m.mean(), *w), "mean_image has a number"),
    ],
    "7.b": [
        (lambda v, h: (v.exp() / v.exp().sum() / h).log(), "That is the program as it was"),
        (lambda v, h: (v.exp() / v.exp().sum() / h / h).log(), "For an image"),
        (lambda v, h: grid(v, 1.0), "Those are masses"),
        (lambda v, h: grid(v, h**0.5), "The grid has two directions"),
        (lambda v, h: grid(v, 1 / h), "Mind the sign"),
        (lambda v, h: torch.log_softmax(v, 0) - 2 * math.log(h), "You have summed along one"),
    ],
    "8.b": [
        (lambda m, s, e: m + s.detach().exp() * e, "The draws are right, but one of the two"),
        (
            lambda m, s, e: m.detach() + s.detach().exp() * e,
            "The draws are right, and no gradient reaches mean or log_std",
        ),
        (
            lambda m, s, e: m.detach() + s.exp() * e,
            "The draws are right, and no gradient reaches the mean",
        ),
        (lambda m, s, e: m + s.exp() ** 2 * e, "You multiplied the noise by the variance"),
        (lambda m, s, e: m + s.exp().sqrt() * e, "You read log σ as log σ²"),
        (lambda m, s, e: m + s * e, "log σ is a logarithm"),
        (lambda m, s, e: m + e, "That noise has the scale one"),
        (lambda m, s, e: m * s.exp() + s.exp() * e, "σ multiplies the noise alone"),
    ],
    "9.b": [
        (lambda batches: sum(map(average, batches)) / len(batches), "That is the program"),
        (lambda batches: sum(map(sum, batches)), "That is the sum over the data set"),
        (lambda batches: sum(map(sum, batches)) / len(batches), "That divides by the number"),
        (
            lambda batches: sum(map(sum, batches)) / len(batches) / len(batches[0]),
            "That takes every batch",
        ),
        (
            lambda batches: average(list(map(average, batches[:-1] or batches))),
            "Now the last batch",
        ),
        (lambda batches: -FUNCTIONS["9.b"][0](batches), "Mind the sign"),
        (lambda batches: sorted(map(average, batches))[(len(batches) - 1) // 2], "A median"),
        (lambda batches: sum(map(sum, batches)) / 10_000, "Other test sets are tried"),
    ],
    "10.b": [
        (
            lambda p, a, x, z: log_joint(p, a, x, z) + (len(a) - 2) * math.log(a[0][z[0], x]),
            "That is the program as it was",
        ),
        (lambda p, a, x, z: log_joint(p, a, x, z) - math.log(p[z[-1]]), "The prior of z_T"),
        (lambda p, a, x, z: log_joint(p, a, x, z) - math.log(a[0][z[0], x]), "Now p(x|z₁) is"),
        (lambda p, a, x, z: math.log(p[z[-1]]) + turned(a, x, z), "You read a table the wrong way"),
        (lambda p, a, x, z: math.exp(log_joint(p, a, x, z)), "That is the probability"),
    ],
    "11.b": [
        (lambda r, c, n, w: printed(r, c, min(1, n / w), min(1, n / w)), "That is the program"),
        (lambda r, c, n, w: printed(r, c, 1, 1), "Now the log is right, and"),
        (lambda r, c, n, w: printed(r, c, 1, min(1, n / w)), "The two are exchanged"),
        (lambda r, c, n, w: printed(r, c, n / w, 1), "The log is right. But β must stop"),
        (lambda r, c, n, w: printed(r, c, min(1, n / w), 0), "The loss is right. The ELBO"),
    ],
    "12.b": [
        (with_cost(lambda q, z_1, z_2: kl_to(q, z_2, 1.0)), "That is the program as it was"),
        (wrong_cost_mended, "The cost of the top was right as it was"),
        (with_cost(lambda q, z_1, z_2: kl_to(q, 0 * z_2, 1.0)), "That compares q(z_1|x) with"),
        (with_cost(lambda q, z_1, z_2: kl_to(q, q[2], 1.0)), "Now p(z_1|z_2) is taken at"),
        (with_cost(lambda q, z_1, z_2: kl_to(q, z_2.mean(), 1.0)), "One mean of all draws"),
        (with_cost(lambda q, z_1, z_2: 0.0), "The cost of layer 1 is gone"),
        (with_cost(lambda q, z_1, z_2: -log_normal(z_1, z_2, 1.0)), "log q(z_1|x) is missing"),
        (with_cost(lambda q, z_1, z_2: log_normal(z_1, q[0], q[1])), "log p(z_1|z_2) is missing"),
        (with_cost(lambda q, z_1, z_2: -at_draw(q, z_1, z_2)), "Mind the sign: a cost"),
        (
            with_cost(lambda q, z_1, z_2: log_normal(z_2, q[0], q[1]) + LOG_2_PI / 2),
            "Both logs must be taken at z_1",
        ),
        (top_twice, "Now log q(z_2|z_1) is"),
        (with_cost(at_draw, top=0.0), "The KL of the top layer is gone"),
        (lambda *given: -chain(*given), "That is the loss"),
    ],
}
