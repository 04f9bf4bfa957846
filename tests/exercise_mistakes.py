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
    latents,
    log_joint,
    moments,
    on_two_humps,
    score_estimates,
)
from torch import Tensor

from course_lib.distributions import DiagonalGaussian

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


def phi(z: float) -> float:
    """The standard normal's distribution function."""
    return float(torch.special.ndtr(torch.tensor(z, dtype=torch.float64)))


JOINT_2 = normal(5, 0, 4) + normal(0, 0, 1)  # log p(x = 5, z = 0) of 2.a


def completed(precision: float, slope: float) -> list[float]:
    """The four numbers of 2.a if the square had been completed with these two."""
    at_zero = normal(0, slope / precision, 1 / precision)
    return [precision, slope / precision, at_zero, JOINT_2 - at_zero]


LOG_P_12 = normal(1, 0, 3)  # of the unit chain of two, at x = 1
SECOND_MOMENTS = [(r**4 + 18 * r**2 + 15) / (4 * r**2 + 4) for r in (0, 1, 3)]
H_HALF, H_ONE = (LOG_PI + 1) / 2, (LOG_2_PI + 1) / 2  # entropies of variances ½ and 1

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
    "7.d": [
        (1 / 2, "Nearly"),
        (-1 / 4, "Mind the sign"),
        (0, "The KL is the same"),
        (LOG_2 / 2, "That is the mean KL"),
    ],
    "8.a": [
        ([4 / 15, 2 / 15, 2 / 111], "Turn the ratio over"),
        ([value**0.5 for value in R["8.a"]], "That is the ratio of the standard deviations"),
        (SECOND_MOMENTS, "Those are second moments"),
        ([15, 30, 222], "The pathwise variance"),
        ([15 / 4, 4, 24], "You left out the term 14ρ²"),
    ],
    "8.d": [
        (LOG_2 / 2, "That is for noise of no size"),
        ((LOG_2 - math.log(1.1)) / 2, "The scale enters as its square"),
        (2 * R["8.d"], "Nearly"),
        (-R["8.d"], "Mind the sign"),
        (0, "With the right noise"),
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
    "10.a": [
        ([1.2, 0.5], "That is right if z₁"),
        ([0.8, 2 / 3], "That is p(z₂|x)"),
        ([1.6, (2 / 3) ** 0.5], "The second number is the variance"),
        ([2.4, 1], "That is the likelihood"),
    ],
    "10.b": [
        ([100 / 3, 2 / 3], "That is p(z₂|x)"),
        ([3, 1], "That is the arrow turned round"),
        ([1.5, 0.5**0.5], "The second number is the variance"),
        ([(3 + 100) / 3, 1 / 3], "You gave z₂ two observations"),
    ],
    "10.c": [
        ([3, 1], "That is p(z₁|z₂)"),
        ([2 / 3, 2 / 3], "That is p(z₁|x)"),
        ([2, 0.5**0.5], "The second number is the variance"),
        ([4 / 3, 1 / 3], "You counted the prior"),
    ],
    "11.a": [
        (9, "Nine arrows"),
        (10**0.5, "That is the standard deviation"),
        (3, "That is the std of z_1"),
        (1, "Each arrow has slope one"),
    ],
    "11.d": [
        (1 - R["11.d"], "That is how often"),
        (phi(-0.5 / 1.6), "Independent spreads"),
        (phi(-0.5 / 1.2), "The first depth"),
        (phi(-0.5 / (0.4**4 + 1.2**4) ** 0.5), "Square the standard deviations once"),
    ],
    "12.a": [
        (LOG_P_12, "That is log p(x)."),
        (LOG_P_12 - R["12.a"], "That is the gap"),
        (2 * LOG_P_12 - R["12.a"], "That lies above"),
        (R["12.a"] + H_HALF, "That is the printed formula"),
        # q(z_2|x) is N(¼, ⅝); the mutual information of z_1 and z_2 under q is ½ log(⅝ / ½).
        (R["12.a"] + math.log(1.25) / 2, "That has KL(q(z_2|x) ‖ p(z_2))"),
        # KL(N(z_1/2, ½) ‖ N(0, 1)), averaged over z_1 ~ N(½, ½).
        (R["12.a"] + (0.5 + 0.75 / 4 - 1 + LOG_2) / 2, "The KL of the top layer"),
        (R["12.a"] - 2 * H_HALF, "That is E log p(x, z_1, z_2)"),
    ],
    "12.c": [
        (3 * (H_ONE + math.log(0.3)), "A latent that says nothing"),
        (25 * H_ONE, "The three narrow ones have less"),
        (22 * H_ONE, "The three narrow ones count"),
        (R["12.c"] - 6 * math.log(0.3), "Mind the sign: a narrow"),
        (R["12.c"] - 1.5 * math.log(0.3), "0.3 is the standard deviation"),
        (1.5 * (0.09 - 1 - 2 * math.log(0.3)), "That is the KL to the prior"),
        (-R["12.c"], "Mind the sign: −E log q"),
        (R["12.c"] / 25, "That is per latent"),
    ],
    "12.d": [
        (LOG_P_12 + H_HALF, "That is its value at the exact posterior"),
        (LOG_P_12, "That is log p(x), which"),
        (LOG_PI / 2 + LOG_2, "That is by how much"),
        (LOG_P_12 + LOG_2_PI / 2 + LOG_2, "The variance of p(z_2|z_1)"),
        (LOG_P_12 + LOG_PI / 2, "The log 2 of (12.7)"),
        (LOG_P_12 + H_ONE, "You have added the entropy"),
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


def above_of_noise(arrows: list[Any], noise: list[Tensor]) -> Tensor:
    parts = [arrow(noise[t + 1]) for t, arrow in enumerate(arrows)]
    z = [mean + std * noise[t] for t, (mean, std) in enumerate(parts)]
    return torch.stack([*z, noise[-1]])


def with_spread(arrows: list[Any], noise: list[Tensor], spread: float) -> Tensor:
    found: Tensor = latents([lambda z, f=f: (f(z)[0], torch.tensor(spread)) for f in arrows], noise)
    return found


def turned(arrows: list[Tensor], x: int, z: list[int]) -> float:
    below = [x, *z]
    return sum(math.log(a[below[t], below[t + 1]]) for t, a in enumerate(arrows))


fold = FUNCTIONS["11.b"][0]
encoded, negative_elbo = FUNCTIONS["6.b"][0], FUNCTIONS["5.b"][0]
grid = FUNCTIONS["7.b"][0]
chain = FUNCTIONS["12.b"][0]


def averaged(v: Tensor, m: Tensor, s: Tensor) -> Tensor:
    """−ELBO with the KL divided by the number of latents."""
    whole, rate = negative_elbo(v, m, s), negative_elbo(0 * v, m, s)
    found: Tensor = whole + (1 / m.shape[1] - 1) * rate
    return found


def log_std_for_std(images: Tensor, centre: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """The encoder of 6.b without its exp."""
    hidden = torch.tanh((images - centre) @ a)
    return torch.stack([hidden @ b, hidden @ c])


def stack(mean: Tensor, spread: Tensor) -> Tensor:
    return torch.stack([mean.mean(0), spread])


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


WRONG_DESIGNS: dict[str, list[tuple[Callable[[], Any], str]]] = {
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
    "1.d": [
        (lambda: DiagonalGaussian.from_std(0.0, 1.0), "is 24.4722, and at most 0.1 is asked"),
        (lambda: DiagonalGaussian.from_std(3.0, 0.1), "is 0.302233, and at most 0.1 is asked"),
        (lambda: DiagonalGaussian.from_std(2.97, 0.07), "its tails are thinner than"),
        (lambda: (2.97, 0.1), "a distribution of one number is wanted"),
    ],
    "2.d": [
        (lambda: on_one_hump, "is 0.777279 nats, and at most 0.1 nats is asked"),
        (lambda: on_one_hump(1.5), "a function of x is wanted"),
        (lambda: lambda x: x, "q must be a distribution"),
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
    "6.d": [
        (lambda: lambda x: moments(x, 1.0), "the mean gap over x is 0.07287"),
        (lambda: lambda x: moments(0 * x, 4.0), "the mean gap over x is "),
        (lambda: torch.zeros(3), "an encoder is wanted, a net or a function, got Tensor"),
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
        (lambda v, h: (v.exp() / v.exp().sum() / h / h).log(), "For an image"),
        (lambda v, h: grid(v, 1.0), "Those are masses"),
        (lambda v, h: grid(v, h**0.5), "The grid has two directions"),
        (lambda v, h: grid(v, 1 / h), "Mind the sign"),
        (lambda v, h: torch.log_softmax(v, 0) - 2 * math.log(h), "You have summed along one"),
    ],
    "7.c": [
        (lambda m, s: stack(m, m.var(0, correction=0).sqrt()), "That is the spread of the means"),
        (lambda m, s: stack(m, (s**2).mean(0).sqrt()), "That is the width of a typical q"),
        (lambda m, s: stack(m, m.std(0, correction=0) + s.mean(0)), "Variances add"),
        (lambda m, s: stack(m, (s**2).mean(0) + m.var(0, correction=0)), "Those are the variances"),
        (lambda m, s: stack(m, ((s**2).mean(0) + m.var(0)).sqrt()), "Nearly: divide by N"),
        (lambda m, s: stack(m, (s**2 + m**2).mean(0).sqrt()), "That is the spread round 0"),
    ],
    "8.b": [
        (lambda m, s, e: m + s.exp() ** 2 * e, "You multiplied the noise by the variance"),
        (lambda m, s, e: m + s.exp().sqrt() * e, "You read log σ as log σ²"),
        (lambda m, s, e: m + s * e, "log σ is a logarithm"),
        (
            lambda m, s, e: m.detach() + s.detach().exp() * e,
            "The values are right, and no gradient reaches mean or log_std",
        ),
        (
            lambda m, s, e: m.detach() + s.exp() * e,
            "The values are right, and no gradient reaches the mean",
        ),
        (
            lambda m, s, e: m + s.detach().exp() * e,
            "The values are right, and no gradient reaches log_std.",
        ),
        (lambda m, s, e: m + e, "That noise has the scale one"),
        (lambda m, s, e: m * s.exp() + s.exp() * e, "σ multiplies the noise alone"),
    ],
    "8.c": [
        (lambda v, e, s: v * e / s, "Unbiased, and as noisy"),
        (lambda v, e, s: (v - sum(v) / len(v)) * e / s, "The mean of all S values"),
        (lambda v, e, s: score_estimates(v, e, 1), "∂ log q/∂μ is ε/σ: divide by σ."),
        (lambda v, e, s: score_estimates(v, e, s) / s, "∂ log q/∂μ = (z − μ)/σ²"),
        (lambda v, e, s: score_estimates(v, e, 1) * s, "∂ log q/∂μ is ε/σ: divide by σ, do not"),
        (lambda v, e, s: score_estimates(-v, e, s), "Mind the sign"),
        (lambda v, e, s: sum(score_estimates(v, e, s)) / len(v), "That is their average"),
        (lambda v, e, s: (v - (sum(v) - v) / len(v)) * e / s, "S − 1 values are left"),
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
    ],
    "10.d": [
        (lambda p, a, x, z: log_joint(p, a, x, z) - math.log(p[z[-1]]), "The prior of z_T"),
        (lambda p, a, x, z: log_joint(p, a, x, z) - math.log(a[0][z[0], x]), "p(x|z₁) is missing"),
        (lambda p, a, x, z: math.log(p[z[-1]]) + turned(a, x, z), "You read a table the wrong way"),
        (lambda p, a, x, z: math.exp(log_joint(p, a, x, z)), "That is the probability"),
        (
            lambda p, a, x, z: log_joint(p, a, x, z) + (len(a) - 2) * math.log(a[0][z[0], x]),
            "p(x|z₁) stands outside",
        ),
    ],
    "11.b": [
        (lambda u, v: (*fold(u, v)[:2], v[2]), "The upper arrow's noise"),
        (lambda u, v: (*fold(u, v)[:2], (u[2] ** 2 + v[2] ** 2) ** 0.5), "Nearly: the lower slope"),
        (lambda u, v: (*fold(u, v)[:2], abs(v[0]) * u[2] + v[2]), "Independent noises"),
        (lambda u, v: (*fold(u, v)[:2], fold(u, v)[2] ** 2), "That is the variance"),
        (lambda u, v: (u[0] * v[0], u[1] + v[1], fold(u, v)[2]), "The upper offset"),
        (lambda u, v: fold(v, u), "You went up"),
    ],
    "11.c": [
        (lambda a, e: with_spread(a, e, 1.0), "ε_t enters with"),
        (lambda a, e: with_spread(a, e, 0.0), "Each level has noise"),
        (above_of_noise, "Each arrow reads the latent"),
        (lambda a, e: list(latents(a, e))[::-1], "z_1 first"),
    ],
    "12.b": [
        (lambda x, p, q: chain(x, p, torch.cat([q, q[-1:]])), "log q(z_T|z_{T−1}) is subtracted"),
        (
            lambda x, p, q: chain(x, torch.cat([p, p[-1:]]), torch.cat([q, q[-1:]])),
            "The top layer is in twice",
        ),
        (lambda x, p, q: chain(x, p[:-1], q[:-1]), "The top layer's KL is missing"),
        (lambda x, p, q: chain(x, p[:-1], q), "log p(z_T) is missing"),
        (lambda x, p, q: chain(x, p, q[:-1]), "log q(z_T|z_{T−1}) is missing"),
        (lambda x, p, q: chain(0 * x, p, q), "The reconstruction"),
        (lambda x, p, q: chain(x, p, -q), "Mind the sign: log q"),
        (lambda x, p, q: chain(x, p / len(p), q / len(q)), "Sum over the layers"),
        (lambda x, p, q: len(x) * chain(x, p, q), "That is the sum over the samples"),
        (lambda x, p, q: x + sum(p) - sum(q), "Those are the log-weights"),
        (lambda x, p, q: -chain(x, p, q), "That is the loss"),
    ],
}
