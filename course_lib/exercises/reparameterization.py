"""Exercises on the two gradients of E_q f(z), and on noise of the wrong scale."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.checks import Exercise, Mistake
from course_lib.distributions import DiagonalGaussian, kl_divergence
from course_lib.exercises.given import UNIT
from course_lib.exercises.registry import register


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


def _ratios(subtract: float = 1.0) -> list[float]:
    """(E score² − g²)/(E path² − g²) for f = z², σ = 1, at ρ = 0, 1, 3, by moments of ε.

    subtract: how much of g² is taken off; 0 leaves second moments.
    """
    found = []
    for rho in (0.0, 1.0, 3.0):
        # z = ρ + ε, so z⁴ε² = Σ_k C(4, k) ρ^{4−k} ε^{k+2}; E ε^{2m} = 1·3·5·…·(2m − 1)
        second = sum(math.comb(4, k) * rho ** (4 - k) * _moment(k + 2) for k in range(5))
        square = subtract * (2 * rho) ** 2
        found.append((second - square) / (4 * (rho**2 + 1) - square))
    return found


def _moment(power: int) -> float:
    """E ε^power for ε ~ N(0, 1)."""
    return 0.0 if power % 2 else float(math.prod(range(1, power, 2)))


def _excess(scale: float) -> Tensor:
    """By how much the best "ELBO" passes log p(x), if the noise of z is `scale` times σ.

    The unit world at x = 1. The best μ is the posterior's mean; σ is searched on a fine grid.
    """
    x = torch.ones(1, **DOUBLE)
    std = torch.linspace(0.5, 1.1, 60_001, **DOUBLE).unsqueeze(-1)
    mean = UNIT.posterior(x).mean
    believed = DiagonalGaussian.from_std(mean.expand_as(std), std)
    drawn = DiagonalGaussian.from_std(mean.expand_as(std), scale * std)
    reconstruction = UNIT.elbo(drawn, x) + kl_divergence(drawn, UNIT.prior)
    return (reconstruction - kl_divergence(believed, UNIT.prior)).max() - UNIT.log_evidence(x)


def _reparameterized(mean: Tensor, log_std: Tensor, noise: Tensor) -> Tensor:
    """z = μ + σ ε."""
    return mean + log_std.exp() * noise


def _leave_one_out(values: Tensor, noise: Tensor, std: float) -> Tensor:
    others = (values.sum() - values) / (len(values) - 1)
    return (values - others) * noise / std


MEAN = torch.tensor([0.5, -2.0], **DOUBLE)
LOG_STD = torch.tensor([-1.0, 0.7], **DOUBLE)
NOISE = torch.tensor([[0.3, -1.2], [1.0, 0.4], [-0.7, 2.0]], **DOUBLE)
VALUES = torch.tensor([-101.0, -97.5, -120.0, -99.0], **DOUBLE)
FOUR = torch.tensor([0.3, -1.2, 0.8, 0.1], **DOUBLE)

register(
    Exercise(
        "8.a",
        _ratios,
        [
            Mistake([1 / r for r in _ratios()], "Turn the ratio over: it is above one."),
            Mistake(
                [math.sqrt(r) for r in _ratios()],
                "That is the ratio of the standard deviations. Draws go with the variance.",
            ),
            Mistake(
                _ratios(subtract=0.0),
                "Those are second moments. A variance subtracts the squared gradient, (2μ)².",
            ),
            Mistake(
                [4 * r for r in _ratios()],
                "The pathwise variance is 4σ²: f′(z) = 2z, and the 2 is squared as well.",
            ),
            Mistake([15 / 4, 16 / 4, 96 / 4], "You left out the term 14ρ²."),
        ],
        unit="",
    ),
    Differentiated(
        "8.b",
        lambda: _reparameterized,
        [
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
                lambda mean, log_std, noise: _reparameterized(mean, log_std, noise).detach(),
                "The values are right, and no gradient reaches mean or log_std: it is .sample().",
            ),
            Mistake(
                lambda mean, log_std, noise: mean.detach() + log_std.exp() * noise,
                "The values are right, and no gradient reaches the mean.",
            ),
            Mistake(
                lambda mean, log_std, noise: mean + log_std.exp().detach() * noise,
                "The values are right, and no gradient reaches log_std.",
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
        cases=[(MEAN, LOG_STD, NOISE)],
        tolerance=1e-10,
        unit="",
    ),
    Exercise(
        "8.c",
        lambda: _leave_one_out,
        [
            Mistake(
                lambda values, noise, std: values * noise / std,
                "Unbiased, and as noisy as ever: subtract the mean of the other values.",
            ),
            Mistake(
                lambda values, noise, std: (values - values.mean()) * noise / std,
                "The mean of all S values holds the draw's own, which ties it to ε and shrinks "
                "the estimate to (S − 1)/S of itself. Leave the own value out.",
            ),
            Mistake(
                lambda values, noise, std: _leave_one_out(values, noise, 1.0),
                "∂ log q/∂μ is ε/σ: divide by σ.",
            ),
            Mistake(
                lambda values, noise, std: _leave_one_out(values, noise, std**2),
                "∂ log q/∂μ = (z − μ)/σ² = ε/σ. You divided once too often.",
            ),
            Mistake(
                lambda values, noise, std: _leave_one_out(values, noise, 1 / std),
                "∂ log q/∂μ is ε/σ: divide by σ, do not multiply.",
            ),
            Mistake(
                lambda values, noise, std: -_leave_one_out(values, noise, std),
                "Mind the sign: f less the baseline.",
            ),
            Mistake(
                lambda values, noise, std: _leave_one_out(values, noise, std).mean(),
                "That is their average. Return the S estimates: their spread is wanted too.",
            ),
            Mistake(
                lambda values, noise, std: (
                    (values - (values.sum() - values) / len(values)) * noise / std
                ),
                "S − 1 values are left after one is taken out: divide their sum by S − 1.",
            ),
        ],
        cases=[(VALUES, FOUR, 0.5), (VALUES[1:] + 90, FOUR[1:], 2.0)],
        tolerance=1e-10,
        unit="",
    ),
    Exercise(
        "8.d",
        lambda: _excess(0.1),
        [
            Mistake(
                0.5 * math.log(2),
                "That is for noise of no size at all. A tenth is small and not nothing.",
            ),
            Mistake(
                0.5 * math.log(2 / 1.1),
                "The scale enters as its square: a variance 0.01 σ².",
            ),
            Mistake(
                math.log(2 / 1.01),
                "Nearly: a factor of one half is missing.",
            ),
            Mistake(-0.5 * math.log(2 / 1.01), "Mind the sign: it stands above log p(x)."),
            Mistake(
                0.0,
                "With the right noise it could not pass log p(x). With this one it can: its KL "
                "charges for a σ that the decoder never sees.",
            ),
        ],
    ),
)
