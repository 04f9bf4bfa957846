"""The encoder of a chain of scalars that gradient ascent finds, whatever is to be raised."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.arguments import DOUBLE, require_count, require_floating
from course_lib.exact.affine_gaussian import AffineGaussian

STEPS, RATE = 300, 0.1  # of Adam

Score = Callable[[Sequence[AffineGaussian]], Tensor]


@torch.inference_mode(False)  # climbs also where the caller has switched gradients off
def fit_encoder(score: Score, layers: int = 2) -> list[AffineGaussian]:
    """q(z_1|x) and each q(z_t|z_{t−1}) that ascent on the mean of `score` leads to.

    Three numbers a layer are free, the slope and offset of its mean and log σ; all start at zero,
    and Adam takes 300 steps.
    score: from a list of so many AffineGaussians of one number, q(z_1|x) first, to a tensor that is
    differentiable in them: a bound, or one number for each of some draws.
    Raises ValueError unless layers ≥ 1, and if the score is no tensor of floats, depends on none of
    the numbers or has a mean that is not finite.
    """
    free = torch.zeros(require_count("layers", layers), 3, **DOUBLE, requires_grad=True)
    adam = torch.optim.Adam([free], lr=RATE, maximize=True)
    for step in range(STEPS):
        found = score([AffineGaussian(a, b, log_std.exp()) for a, b, log_std in free])
        mean = require_floating("score(q)", found).mean()
        if not mean.isfinite():
            raise ValueError(f"the mean score must be finite, got {mean.item()} in step {step + 1}")
        free.grad = _slope(mean, free)
        adam.step()
    return [AffineGaussian(a, b, log_std.exp()) for a, b, log_std in free.detach()]


def _slope(mean: Tensor, free: Tensor) -> Tensor:
    """Raises ValueError where no slope leads from the score to q."""
    slope = torch.autograd.grad(mean, free, allow_unused=True)[0] if mean.requires_grad else None
    if slope is None:
        raise ValueError(
            f"score(q) must be computed from q, differentiably, got {mean.item()} whatever q is"
        )
    return slope
