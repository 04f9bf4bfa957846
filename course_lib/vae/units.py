"""Which units of a chain's latents are in use: those whose posterior mean moves with x."""

import torch
from torch import Generator, Tensor

from course_lib.arguments import require_count, require_event, require_like
from course_lib.vae._fitting import common_weight
from course_lib.vae.hvae import HVAE
from course_lib.vae.stacked import StackedLinear

ACTIVE = 0.01  # Burda et al. 2016: a unit is active if its posterior mean varies by more


def active_units(model: HVAE, x: Tensor, *, samples: int = 32, generator: Generator) -> list[int]:
    """How many units of each layer have a posterior mean that varies over x by more than 0.01.

    x: (N, D) with N ≥ 2; returns T numbers, z_1's first. A layer without any is asleep.
    From the top, the reverse does not hold: where q(z_t|z_{t+1}, x) is p(z_t|z_{t+1}), layer t adds
    nothing and costs 0, and its units still move with z_{t+1}, which moves with x.
    Raises ValueError as `posterior_mean_variances` does.
    Source: Burda, Grosse & Salakhutdinov 2016, section 5.2.  (Eq. 9.7)
    """
    variances = posterior_mean_variances(model, x, samples=samples, generator=generator)
    return [int((variance > ACTIVE).sum()) for variance in variances]


@torch.no_grad()
def posterior_mean_variances(
    model: HVAE, x: Tensor, *, samples: int = 32, generator: Generator
) -> list[Tensor]:
    """Var over x of E_q[z_t|x] for each unit: T tensors (d_t,).

    In the layer that is drawn first, z_1 bottom-up and z_T top-down, the mean is the encoder's own.
    In the others it is an average over samples of the layer drawn before, whose noise would add to
    the variance: so two independent averages are taken, and their covariance over x is unbiased for
    the variance (it may come out slightly negative).
    Raises ValueError unless x is (N, D) with the model's D and precision, N ≥ 2, since a single row
    has no variance; if samples is below 1; or if it is several models, stacked.
    """
    _require_rows(model, x)
    halves = [_posterior_means(model, x, samples, generator) for _ in range(2)]
    return [
        ((a - a.mean(0)) * (b - b.mean(0))).sum(0) / (len(x) - 1)
        for a, b in zip(*halves, strict=True)
    ]


def _posterior_means(model: HVAE, x: Tensor, samples: int, generator: Generator) -> list[Tensor]:
    """E_q[z_t|x] for each layer, (N, d_t): averages of the factors' means over `samples` draws."""
    totals = [x.new_zeros(len(x), size) for size in model.sizes[1:]]
    samples = require_count("samples", samples)
    samples = samples if model.depth > 1 else 1  # a single layer's mean depends on no sample
    for _ in range(samples):
        factors, _ = model.encode(x, generator=generator)
        for total, factor in zip(totals, factors, strict=True):
            total += factor.mean / samples
    return totals


def _require_rows(model: HVAE, x: Tensor) -> None:
    """Raises ValueError unless x is (N, D), N ≥ 2, with the model's D, precision and device."""
    if any(isinstance(module, StackedLinear) for module in model.modules()):
        raise ValueError("model must be one model, got several at once; take one with unstack")
    require_event("x", require_like("x", x, common_weight(model)), model.sizes[0])
    if x.ndim != 2 or len(x) < 2:
        raise ValueError(f"x must be (N, D) with N ≥ 2, got shape {tuple(x.shape)}")
