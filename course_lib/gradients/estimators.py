"""The pathwise gradient and the score function's, one estimate for each draw of N(mean, std²)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.arguments import (
    require_finite,
    require_nonempty,
    require_number,
    require_positive,
)
from course_lib.gradients.closed_forms import require_normal

Function = Callable[[Tensor], Tensor]
NUDGE = 1e-4  # standard deviations: a step moves at hardly any sample, all else at nearly all


@dataclass(frozen=True)
class Estimates:
    """One estimate of each derivative for every sample: ∂/∂mean and ∂/∂std of E_q f(z)."""

    mean: Tensor
    std: Tensor


def pathwise(f: Function, mean: float, std: float, noise: Tensor) -> Estimates:
    """f'(z) and f'(z) ε at z = mean + std·ε.  (Eq. 8.1)

    Unbiased if f is continuous and differentiable almost everywhere; blind to the jumps of a step.
    f maps (S,) to (S,) and is differentiated by autograd, under torch.no_grad() as well; noise:
    (S,) standard normal draws. Raises ValueError if f changes with z and autograd cannot tell how.
    Source: Kingma & Welling 2014; Rezende, Mohamed & Wierstra 2014.
    """
    _require(mean, std, noise)
    slope = _slope(f, mean + std * noise, std)
    return Estimates(slope, slope * noise)


def score_function(
    f: Function, mean: float, std: float, noise: Tensor, *, baseline: float = 0.0
) -> Estimates:
    """(f(z) − b) ∂ log q(z): (f − b) ε/std and (f − b)(ε² − 1)/std.  (Eq. 8.2)

    Unbiased for any f with a finite mean, and for any constant b, because E_q ∂ log q = 0; f is
    only evaluated, never differentiated. noise: (S,). Raises ValueError unless mean and baseline
    are finite, std is positive and f gives one value for each sample. Source: Williams 1992.
    """
    _require(mean, std, noise)
    baseline = require_number("baseline", baseline)
    with torch.no_grad():
        value = one_each(f, mean + std * noise).to(noise) - baseline
    return Estimates(value * noise / std, value * (noise.square() - 1) / std)


def best_baseline(f: Function, mean: float, std: float, noise: Tensor) -> float:
    """The b with the least variance for ∂/∂mean, E[f ε²]/E[ε²], estimated from noise.  (Eq. 8.6)

    It is not the best for ∂/∂std, which is E[f (ε² − 1)²]/E[(ε² − 1)²]: for f = z² the two are
    μ² + 3σ² and μ² + 5σ². noise: (S,) standard normal draws. Raises ValueError if all are 0.
    """
    _require(mean, std, noise)
    weight = noise.square()
    require_positive("the sum of noise²", weight.sum())
    return ((one_each(f, mean + std * noise) * weight).sum() / weight.sum()).item()


def one_each(f: Function, z: Tensor, shape: Sequence[int] | None = None) -> Tensor:
    """f(z). Raises ValueError unless it is one value for each sample: shape, or else that of z."""
    value = torch.as_tensor(f(z), dtype=None, device=z.device)  # as it is: a step may be bool
    wanted = tuple(z.shape if shape is None else shape)
    if value.shape != wanted:
        raise ValueError(f"f must map z {tuple(z.shape)} to {wanted}, got {tuple(value.shape)}")
    return value


def _slope(f: Function, z: Tensor, std: float) -> Tensor:
    """f'(z), (S,), whatever mode of autograd the caller has set."""
    with torch.inference_mode(False), torch.enable_grad():
        at = z.detach().clone().requires_grad_()
        value = one_each(f, at)
        if value.requires_grad:
            (slope,) = torch.autograd.grad(value.sum(), at, allow_unused=True)
            if slope is not None:
                return slope
    moved = one_each(f, z + NUDGE * std) != value.detach()
    if moved.double().mean() > 0.5:
        raise ValueError(
            f"f must be differentiable by autograd: it changes with z at {int(moved.sum())} of "
            f"{len(z)} samples, but its value is detached from z"
        )
    return torch.zeros_like(z)


def _require(mean: float, std: float, noise: Tensor) -> None:
    """Raises ValueError unless mean is finite, std positive and noise a vector of numbers."""
    require_normal(mean, std)
    require_nonempty("noise", require_finite("noise", noise))
    if noise.ndim != 1:
        raise ValueError(f"noise must be (S,), got shape {tuple(noise.shape)}")
