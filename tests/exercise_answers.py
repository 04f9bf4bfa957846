"""Right answers to the exercises, written here again. None of them uses the course's own code.

A new exercise that asks for a number needs a row in NUMBERS: the number, or the list of them, from
a formula that the exercise's own oracle does not use. One that asks for a function needs a row in
FUNCTIONS: the function written plainly, and once more so that it works in place on its arguments.
A choice needs a row in CHOICES: the words that hold, or the word for each blank in order. A design
needs a row in DESIGNS: what makes an answer that reaches its figure.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor

from course_lib.data import binarise, load_digits, load_mnist
from course_lib.distributions import DiagonalGaussian, GaussianMixture
from course_lib.exact import AffineGaussian, TanhArrow, fit_ppca
from course_lib.shipped import load_model
from course_lib.vae import VAE

Function = Callable[..., Any]
LOG_TWO_PI = math.log(2 * math.pi)


def log_mean_exp(values: Tensor) -> Any:
    largest = values.max()
    return largest + (values - largest).exp().mean().log()


def log_mean_exp_in_place(values: Tensor) -> Any:
    largest = values.max()
    values -= largest
    values.exp_()
    return values.mean().log_().add_(largest)


def metropolis(log_density: Function, start: Tensor, steps: Tensor, uniforms: Tensor) -> Any:
    places = [start]
    for step, u in zip(steps, uniforms, strict=True):
        here, there = places[-1], places[-1] + step
        places.append(there if u.log() < log_density(there) - log_density(here) else here)
    return torch.stack(places[1:])


def metropolis_in_place(
    log_density: Function, start: Tensor, steps: Tensor, uniforms: Tensor
) -> Any:
    for i in range(len(steps)):
        steps[i] += start
        ratio = (log_density(steps[i]) - log_density(start)).exp_()
        steps[i] = steps[i] if uniforms[i] < ratio else start
        start.copy_(steps[i])
    return steps


def on_both_humps(x: float) -> GaussianMixture:
    """A Gaussian on each of the places where −z²/2 − 2(x − z²)² is level, as wide as it is bent."""
    place, std = math.sqrt(x - 0.125), 1 / math.sqrt(16 * x - 2)
    means = torch.tensor([[place], [-place]], dtype=torch.float64)
    parts = DiagonalGaussian.from_std(means, torch.full_like(means, std))
    return GaussianMixture(torch.zeros(2, dtype=torch.float64), parts)


def minus_elbo(log_joint: Tensor, log_q: Tensor) -> Any:
    rows = [(joint - q).mean() for joint, q in zip(log_joint, log_q, strict=True)]
    return -sum(rows) / len(rows)


def minus_elbo_in_place(log_joint: Tensor, log_q: Tensor) -> Any:
    log_joint -= log_q
    log_joint.neg_()
    return log_joint.mean()


def kl_of_gaussians(q: Any, p: Any) -> Any:
    ratio, shift = (q.log_std - p.log_std).exp(), (q.mean - p.mean) / p.log_std.exp()
    return (0.5 * (ratio**2 + shift**2 - 1) - (q.log_std - p.log_std)).sum(1)


def kl_of_gaussians_in_place(q: Any, p: Any) -> Any:
    q.log_std.sub_(p.log_std).mul_(2)
    q.mean.sub_(p.mean).div_(p.log_std.exp_()).square_()
    q.mean.add_(q.log_std.exp()).sub_(1).sub_(q.log_std)
    return q.mean.sum(1).div_(2)


def negative_elbo(log_likelihood: Tensor, mean: Tensor, std: Tensor) -> Any:
    found = []
    for pixels, m, s in zip(log_likelihood, mean, std, strict=True):
        rate = sum((a * a + b * b - 1) / 2 - b.log() for a, b in zip(m, s, strict=True))
        found.append(rate - sum(pixels))
    return sum(found) / len(found)


def negative_elbo_in_place(log_likelihood: Tensor, mean: Tensor, std: Tensor) -> Any:
    log_std = std.log()
    mean.square_().add_(std.square_()).sub_(1).div_(2).sub_(log_std)
    log_likelihood[:, 0] -= mean.sum(1)
    return log_likelihood.sum(1).neg_().mean()


def encoded(images: Tensor, mean_image: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Any:
    rows = [torch.tanh((image - mean_image) @ A) for image in images]
    return torch.stack([torch.stack([h @ B, torch.exp(h @ C)]) for h in rows], 1)


def encoded_in_place(images: Tensor, mean_image: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Any:
    images -= mean_image
    hidden = (images @ A).tanh_()
    return torch.stack([hidden @ B, (hidden @ C).exp_()])


def moments(x: Tensor, width: float) -> DiagonalGaussian:
    """In the tanh world, a = 2 and s = ½: the posterior's mean, and so much of its width."""
    z = torch.linspace(-8, 8, 1601, dtype=torch.float64)
    mass = torch.softmax(-z.square() / 2 - 2 * (x.double() - 2 * torch.tanh(z)).square(), -1)
    mean = (mass * z).sum(-1, keepdim=True)
    variance = (mass * (z - mean).square()).sum(-1, keepdim=True)
    return DiagonalGaussian(mean, variance.log() / 2 + math.log(width))


def log_posterior(joint: Tensor, step: float) -> Any:
    return torch.log_softmax(joint.reshape(-1), 0).reshape(joint.shape) - 2 * math.log(step)


def log_posterior_in_place(joint: Tensor, step: float) -> Any:
    joint -= joint.logsumexp((0, 1)) + 2 * math.log(step)
    return joint


def rsample(mean: Tensor, log_std: Tensor, noise: Tensor) -> Any:
    return torch.addcmul(mean, log_std.exp(), noise)


def rsample_in_place(mean: Tensor, log_std: Tensor, noise: Tensor) -> Any:
    log_std.exp_()
    noise *= log_std
    noise += mean
    return noise


def mean_elbo(batches: list[Tensor]) -> Any:
    return sum(sum(batch) for batch in batches) / sum(len(batch) for batch in batches)


def mean_elbo_in_place(batches: list[Tensor]) -> Any:
    count = sum(len(batch) for batch in batches)
    total = batches.pop().sum()
    while batches:
        total += batches.pop().sum()
    return total.div_(count)


def log_joint(prior: Tensor, arrows: list[Tensor], x: int, z: list[int]) -> Any:
    total = math.log(prior[z[-1]])
    for t, arrow in enumerate(arrows):
        total += math.log(arrow[z[t], z[t - 1] if t else x])
    return total


def log_joint_in_place(prior: Tensor, arrows: list[Tensor], x: int, z: list[int]) -> Any:
    z.insert(0, x)
    total = prior.log_()[z[-1]]
    for arrow, (below, above) in zip(arrows, pairwise(z), strict=True):
        arrow.log_()  # a table that stands in the list twice must not be changed twice
        total += arrow[above, below]
    arrows.clear()
    return total


def warmed(r: Tensor, cost: Tensor, step: int, warm: int) -> Any:
    weight = 1 if step > warm else step / warm
    rows = [[weight * c - a, a - c] for a, c in zip(r, cost, strict=True)]
    return torch.tensor(rows, dtype=torch.float64, device=r.device).mean(0)


def warmed_in_place(r: Tensor, cost: Tensor, step: int, warm: int) -> Any:
    elbo = r.mean() - cost.mean()
    cost *= min(step / warm, 1)
    cost -= r
    return torch.stack([cost.mean(), elbo])


def chain_elbo(x: Tensor, noise_1: Tensor, noise_2: Tensor, slopes: Any, stds: Any) -> Any:
    """The unit chain of two: squares at the draws, and the top's average square written out."""
    z_1 = slopes[0] * x + stds[0] * noise_1
    z_2 = slopes[1] * z_1 + stds[1] * noise_2
    top = (slopes[1] * z_1) ** 2 + stds[1] ** 2 - 1
    squares = (x - z_1) ** 2 + (z_1 - z_2) ** 2 - noise_1**2 + top
    return -squares.mean() / 2 - LOG_TWO_PI / 2 + math.log(stds[0] * stds[1])


def chain_elbo_in_place(x: Tensor, noise_1: Tensor, noise_2: Tensor, slopes: Any, stds: Any) -> Any:
    drawn = noise_1.square().mean() + 1 - stds[1] ** 2
    noise_1 *= stds[0]
    noise_1 += slopes[0] * x
    noise_2 *= stds[1]
    noise_2 += slopes[1] * noise_1
    drawn -= ((noise_2 - noise_1).square() + (noise_1 - x).square()).mean()
    noise_1 *= slopes[1]
    drawn -= noise_1.square().mean() + LOG_TWO_PI
    return math.log(stds[0] * stds[1]) + drawn / 2


# A right answer to each, and one that works in place.
FUNCTIONS: dict[str, tuple[Function, Function]] = {
    "1.c": (log_mean_exp, log_mean_exp_in_place),
    "2.b": (metropolis, metropolis_in_place),
    "3.b": (minus_elbo, minus_elbo_in_place),
    "4.b": (kl_of_gaussians, kl_of_gaussians_in_place),
    "5.b": (negative_elbo, negative_elbo_in_place),
    "6.b": (encoded, encoded_in_place),
    "7.b": (log_posterior, log_posterior_in_place),
    "8.b": (rsample, rsample_in_place),
    "9.b": (mean_elbo, mean_elbo_in_place),
    "10.b": (log_joint, log_joint_in_place),
    "11.b": (warmed, warmed_in_place),
    "12.b": (chain_elbo, chain_elbo_in_place),
}

CHOICES: dict[str, list[str]] = {
    "1.b": ["no ranking", "draw elsewhere"],
    "2.c": ["p(x) is at least c", "q has the posterior's shape where it draws"],
    "3.a": ["q(z)", ">=", "p(z)"],
    "3.c": ["c"],
    "4.a": ["second", "0", "4.25", "log 2"],
    "4.c": ["i", "v", "vi"],
    "5.c": ["a", "d", "f"],
    "6.a": ["σ² tr Λ", "d / σ²", "d / tr Λ", "harmonic"],
    "6.c": ["climb q for each test image", "more training images"],
    "7.c": ["a", "b"],
    "8.a": ["-log(u) / λ", "-z / λ", "-f'(z) z / λ", "1/λ - z"],
    "8.c": ["own value"],
    "9.c": ["a", "e"],
    "10.a": ["N(1.5, 0.5)", "N(2, 0.5)", "N(1.6, 0.67)"],
    "10.c": ["D: .sample() for .rsample()", "F: costs averaged over units"],
    "11.a": [
        "a_1 s_2 ε_1",
        "variances",
        "a_1² s_2² + s_1²",
        "tanh of a Gaussian is not Gaussian",
    ],
    "11.c": ["A: log-variance taken for log-std in the draw", "C: learning rate too high"],
    "12.a": ["H(top|below)", "H(top|x)", "nothing", "H(top|x) - H(top|below)"],
    "12.c": [
        "E: top log q counted twice",
        "E: top asleep, variance 2",
        "G: no fault to be seen",
    ],
}


def uphill_at_a_half() -> DiagonalGaussian:
    """Gradient ascent on the ELBO of x = ½ in the tanh world, by a sum over a grid of ε."""
    place = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    noise = torch.linspace(-6, 6, 61, dtype=torch.float64)
    mass = torch.softmax(-noise.square() / 2, 0)
    for _ in range(100):
        z = place[0] + place[1].exp() * noise
        log_joint = -2 * (0.5 - 2 * torch.tanh(z)) ** 2 - z.square() / 2
        (slope,) = torch.autograd.grad(mass @ log_joint + place[1], place)
        place = (place + 0.05 * slope).detach().requires_grad_()
    return DiagonalGaussian(place[:1].detach(), place[1:].detach())


def on_two_humps(mean: float = 1.35, std: float = 0.18) -> GaussianMixture:
    """Equal weights, on ±mean."""
    humps = DiagonalGaussian.from_std([[mean], [-mean]], [[std], [std]])
    return GaussianMixture(torch.zeros(2, dtype=torch.float64), humps)


def moments_of_the_seven() -> DiagonalGaussian:
    """The posterior's mean and width for test image 64: a coarse grid finds it, a fine one sums."""
    model = cast(VAE, load_model("mnist_vae_2d")).double()
    pixels = load_mnist("test").images.flatten(1)
    x = binarise(pixels, generator=torch.Generator().manual_seed(7)).double()[64]
    centre = torch.zeros(2, dtype=torch.float64)
    for reach in (3.0, 0.12):
        axis = torch.linspace(-reach, reach, 97, dtype=torch.float64)
        z = centre + torch.cartesian_prod(axis, axis)
        logits = model.decoder(z).logits  # type: ignore[attr-defined]
        log_joint = (x * logits - torch.nn.functional.softplus(logits)).sum(-1)
        log_joint -= z.square().sum(-1) / 2
        centre = z[log_joint.argmax()]
    mass = torch.softmax(log_joint, 0)
    mean = mass @ z
    return DiagonalGaussian(mean, (mass @ (z - mean).square()).log() / 2)


def alike_together() -> list[list[int]]:
    """Ten groups of ten digits, by what a model with nine latents made of them."""
    counts = load_digits().images.flatten(1).double()
    order = fit_ppca(counts, 9).log_evidence(counts[:100]).argsort().tolist()
    return [order[start : start + 10] for start in range(0, 100, 10)]


DESIGNS: dict[str, Callable[[], Any]] = {
    "1.d": lambda: DiagonalGaussian.from_std(300 / 101, 101**-0.5),  # the exact posterior
    "2.d": lambda: on_both_humps,
    "3.d": uphill_at_a_half,
    "4.d": on_two_humps,
    "5.d": lambda: (1 / 2.59, math.sqrt(1.59 / 2.59)),  # the posterior, if the noise were 1.59
    "6.d": lambda: lambda x: moments(x, 0.9),
    "7.d": moments_of_the_seven,
    "8.d": lambda: lambda z: z - torch.cos(25 * z) / 2,
    "9.d": alike_together,
    "10.d": lambda: {"z_2": "x", "z_3": ["z_2"], "z_4": ["z_3"], "z_1": ("x", "z_2")},
    "11.d": lambda: TanhArrow(-6.0, 0.5, -4.0, 0.3),  # leaning the other way
    "12.d": lambda: [AffineGaussian(0.0, 0.78, 0.33), AffineGaussian(0.19, -0.13, 0.053)],
}
# The numbers, by hand.
NUMBERS: dict[str, Any] = {
    "1.a": -105 - 392 * math.log(0.08 * math.pi),
    "2.a": [
        13 / 4,
        15 / 13,
        -0.5 * math.log(2 * math.pi * 4 / 13) - (15 / 13) ** 2 / (8 / 13),
        -0.5 * math.log(2 * math.pi * 13) - 25 / 26,
    ],
    "5.a": [math.log(4), 1.5 * math.log(2), 0.5 * math.log(2)],
    "7.a": [-1, 1.75],
    "9.a": [40 / 3, 20],
}
