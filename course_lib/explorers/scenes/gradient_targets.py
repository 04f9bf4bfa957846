"""The functions f of chapter 8's explorer, and what is exact about the gradient of their mean."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib import gradients

FUNCTIONS = ("z²", "sin z", "sin 2z", "step at ½")
WAVES = {"sin z": 1.0, "sin 2z": 2.0}  # their ω
STEP = 0.5  # where the step is
EDGE = 4.0  # z is drawn from −EDGE to EDGE


@dataclass(frozen=True)
class Target:
    """f, what is exact about its gradient in μ, and the range in which f is drawn."""

    f: Callable[[Tensor], Tensor]
    exact: gradients.ExactDerivative
    low: float
    high: float


def target(name: str, mean: float, std: float) -> Target:
    """The function called `name` under q = N(mean, std²)."""
    if name == FUNCTIONS[0]:
        return Target(torch.square, gradients.square_in_mean(mean, std), 0.0, EDGE**2)
    if name in WAVES:
        omega = WAVES[name]
        exact = gradients.sine_in_mean(omega, mean, std)
        return Target(lambda z: torch.sin(omega * z), exact, -1.0, 1.0)
    exact = gradients.step_in_mean(STEP, mean, std)
    return Target(lambda z: (z > STEP).double(), exact, 0.0, 1.0)
