"""Two ways to differentiate E_q f(z) in q's mean and std, and how noisy each is.

q is N(mean, std²) over one number. Estimates are per sample, so that their mean and their variance
can both be looked at. The closed forms are for three functions: z², sin ωz and a step. For coins,
which no reparameterization reaches, there is the score function alone, and enumeration.

>>> import torch
>>> from course_lib.gradients import pathwise, score_function
>>> noise = torch.tensor([-1.0, 0.0, 1.0])
>>> pathwise(torch.square, 1.0, 1.0, noise).mean  # 2z at z = 1 + ε
tensor([0., 2., 4.])
>>> score_function(torch.square, 1.0, 1.0, noise).mean  # z² ε
tensor([-0., 0., 4.])
"""

from course_lib.gradients.closed_forms import (
    ExactDerivative,
    sine_in_mean,
    square_in_mean,
    square_in_std,
    step_in_mean,
)
from course_lib.gradients.coins import CoinGradient, coin_gradient, coin_score_function
from course_lib.gradients.estimators import Estimates, best_baseline, pathwise, score_function

__all__ = [
    "CoinGradient",
    "Estimates",
    "ExactDerivative",
    "best_baseline",
    "coin_gradient",
    "coin_score_function",
    "pathwise",
    "score_function",
    "sine_in_mean",
    "square_in_mean",
    "square_in_std",
    "step_in_mean",
]
