"""The functions f of chapter 8's explorer, and what is exact about the gradient of their mean."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib import gradients

FUNCTIONS = ("z²", "sin ωz", "step at ½")
STEP = 0.5  # where the step is
EDGE = 5.0  # z is drawn from −EDGE to EDGE


@dataclass(frozen=True)
class Target:
    """f, what is exact about its gradient in μ, E[f ε²], and the range in which f is drawn."""

    f: Callable[[Tensor], Tensor]
    exact: gradients.ExactDerivative
    baseline: float
    low: float
    high: float


def target(name: str, mean: float, std: float, omega: float) -> Target:
    """The function called `name` under q = N(mean, std²)."""
    if name == FUNCTIONS[0]:
        exact = gradients.square_in_mean(mean, std)
        return Target(torch.square, exact, mean**2 + 3 * std**2, 0.0, EDGE**2)
    if name == FUNCTIONS[1]:
        exact, spread = gradients.sine_in_mean(omega, mean, std), (omega * std) ** 2
        baseline = math.sin(omega * mean) * (1 - spread) * math.exp(-spread / 2)
        return Target(lambda z: torch.sin(omega * z), exact, baseline, -1.0, 1.0)
    exact = gradients.step_in_mean(STEP, mean, std)
    second = (exact.score_variance + exact.gradient**2) * std**2  # E[f² ε²], and f² = f
    return Target(lambda z: (z > STEP).double(), exact, second, 0.0, 1.0)
