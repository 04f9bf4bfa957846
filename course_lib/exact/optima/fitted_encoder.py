"""The encoder of a chain of scalars that gradient ascent finds, whatever is to be raised."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE, require_count
from course_lib.exact.affine_gaussian import AffineGaussian

STEPS, RATE = 300, 0.1  # of Adam

Score = Callable[[Sequence[AffineGaussian]], Tensor]


def fit_encoder(score: Score, layers: int = 2) -> list[AffineGaussian]:
    """q(z_1|x) and each q(z_t|z_{t−1}) that ascent on the mean of `score` leads to.

    Three numbers a layer are free, the slope and offset of its mean and log σ; all start at zero,
    and Adam takes 300 steps.
    score: from a list of so many AffineGaussians of one number, q(z_1|x) first, to a tensor that is
    differentiable in them: a bound, or one number for each of some draws.
    Raises ValueError unless layers ≥ 1, and if the mean of the score is not a finite number.
    """
    free = torch.zeros(require_count("layers", layers), 3, **DOUBLE, requires_grad=True)
    adam = torch.optim.Adam([free], lr=RATE, maximize=True)
    for step in range(STEPS):
        mean = score([AffineGaussian(a, b, log_std.exp()) for a, b, log_std in free]).mean()
        if not mean.isfinite():
            raise ValueError(f"the mean score must be finite, got {mean.item()} in step {step + 1}")
        (free.grad,) = torch.autograd.grad(mean, free)
        adam.step()
    return [AffineGaussian(a, b, log_std.exp()) for a, b, log_std in free.detach()]
