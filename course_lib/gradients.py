"""Two ways to differentiate E_q f(z) in q's mean and std, and how noisy each is.

q is N(mean, std²) over one number. Estimates are per sample, so that their mean and their variance
can both be looked at. The closed forms are for three functions: z², sin ωz and a step.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.arguments import require_finite, require_nonempty, require_positive

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Estimates:
    """One estimate of each derivative for every sample: ∂/∂mean and ∂/∂std of E_q f(z)."""

    mean: Tensor
    std: Tensor


@dataclass(frozen=True)
class Exact:
    """Of one derivative: its value, and the variance of a single sample of each estimator."""

    gradient: float
    pathwise_variance: float
    score_variance: float


def pathwise(f: Function, mean: float, std: float, noise: Tensor) -> Estimates:
    """f'(z) and f'(z) ε at z = mean + std·ε.  (Eq. 8.1)

    Unbiased if f is continuous and differentiable almost everywhere; blind to the jumps of a step.
    f maps (S,) to (S,) and is differentiated by autograd; noise: (S,) standard normal draws.
    Source: Kingma & Welling 2014; Rezende, Mohamed & Wierstra 2014.
    """
    _require(mean, std, noise)
    z = (mean + std * noise).detach().requires_grad_()
    value = f(z).sum()
    slope = torch.autograd.grad(value, z)[0] if value.requires_grad else torch.zeros_like(z)
    return Estimates(slope, slope * noise)


def score_function(
    f: Function, mean: float, std: float, noise: Tensor, *, baseline: float = 0.0
) -> Estimates:
    """(f(z) − b) ∂ log q(z): (f − b) ε/std and (f − b)(ε² − 1)/std.  (Eq. 8.2)

    Unbiased for any f with a finite mean, and for any constant b, because E_q ∂ log q = 0; f is
    only evaluated, never differentiated. noise: (S,).
    Source: Williams 1992.
    """
    _require(mean, std, noise)
    with torch.no_grad():
        value = torch.as_tensor(f(mean + std * noise)).to(noise) - baseline  # a step may be bool
    return Estimates(value * noise / std, value * (noise.square() - 1) / std)


def best_baseline(f: Function, mean: float, std: float, noise: Tensor) -> float:
    """The b with the least variance for ∂/∂mean, E[f ε²]/E[ε²], estimated from noise.  (Eq. 8.6)

    It is not the best for ∂/∂std, which is E[f (ε² − 1)²]/E[(ε² − 1)²]: for f = z² the two are
    μ² + 3σ² and μ² + 5σ². noise: (S,) standard normal draws.
    """
    _require(mean, std, noise)
    weight = noise.square()
    return ((f(mean + std * noise) * weight).sum() / weight.sum()).item()


def square_in_mean(mean: float, std: float) -> Exact:
    """f = z²: gradient 2μ; variances 4σ² and μ⁴/σ² + 14μ² + 15σ².  (Eq. 8.3)

    With ρ = μ/σ their ratio is ¼(ρ⁴ + 14ρ² + 15) ≥ 3.75: the pathwise one always wins.
    """
    _require(mean, std)
    return Exact(2 * mean, 4 * std**2, mean**4 / std**2 + 14 * mean**2 + 15 * std**2)


def square_in_std(mean: float, std: float) -> Exact:
    """f = z²: gradient 2σ; variances 4μ² + 8σ² and 2μ⁴/σ² + 60μ² + 74σ².  (Eq. 8.3)"""
    _require(mean, std)
    score = 2 * mean**4 / std**2 + 60 * mean**2 + 74 * std**2
    return Exact(2 * std, 4 * mean**2 + 8 * std**2, score)


def sine_in_mean(omega: float, mean: float, std: float, *, baseline: float = 0.0) -> Exact:
    """f = sin ωz: with d = e^{−ω²σ²/2} the gradient is g = ω cos(ωμ) d, and the variances are

    pathwise  ½ω² (1 + cos(2ωμ) d⁴) − g²
    score     [½(1 − cos(2ωμ)(1 − 4ω²σ²) d⁴) − 2b sin(ωμ)(1 − ω²σ²) d + b²]/σ² − g².  (Eq. 8.4)

    The first grows like ω², the second stays: at μ = 0, σ = 1 they cross at ω = 1.10899.
    """
    _require(mean, std)
    spread = (omega * std) ** 2
    decay = math.exp(-spread / 2)
    wave = math.cos(2 * omega * mean) * decay**4
    gradient = omega * math.cos(omega * mean) * decay
    path = 0.5 * omega**2 * (1 + wave) - gradient**2
    cross = math.sin(omega * mean) * (1 - spread) * decay  # E[f ε²]
    second = 0.5 * (1 - (1 - 4 * spread) * wave) - 2 * baseline * cross + baseline**2
    return Exact(gradient, path, second / std**2 - gradient**2)


def step_in_mean(threshold: float, mean: float, std: float) -> Exact:
    """f = 1[z > c]: gradient φ(a)/σ with a = (c − μ)/σ, and score variance.  (Eq. 8.5)

    The score's second moment is (a φ(a) + 1 − Φ(a))/σ². The pathwise estimate is 0 at every
    sample: variance 0, and wrong by the whole gradient.
    """
    _require(mean, std)
    a = (threshold - mean) / std
    density = math.exp(-0.5 * a * a) / math.sqrt(2 * math.pi)
    tail = 0.5 * math.erfc(a / math.sqrt(2))
    gradient = density / std
    return Exact(gradient, 0.0, (a * density + tail) / std**2 - gradient**2)


def _require(mean: float, std: float, noise: Tensor | None = None) -> None:
    """Raises ValueError unless mean is finite, std positive and noise a non-empty vector."""
    require_finite("mean", torch.tensor(float(mean)))
    require_positive("std", torch.tensor(float(std)))
    if noise is not None:
        require_nonempty("noise", noise)
        if noise.ndim != 1:
            raise ValueError(f"noise must be (S,), got shape {tuple(noise.shape)}")
