"""Intervals for means, differences and ratios of spreads over few runs, by the bootstrap."""

import torch
from torch import Generator, Tensor

from course_lib.arguments import as_double, require_finite

RESAMPLES = 10_000
LEVEL = 0.95

Interval = tuple[float, float]


def mean_interval(values: Tensor) -> Interval:
    """A 95 % interval for the mean of a population of which `values` (n,) are draws."""
    return _percentiles(_resampled(_sample(values), 0).mean(-1))


def difference_interval(a: Tensor, b: Tensor) -> Interval:
    """A 95 % interval for E a − E b from two independent samples, (n,) and (m,)."""
    first, second = _resampled(_sample(a), 0), _resampled(_sample(b), 1)
    return _percentiles(first.mean(-1) - second.mean(-1))


def spread_interval(a: Tensor, b: Tensor) -> Interval:
    """A 95 % interval for std a / std b from two independent samples, (n,) and (m,).

    All three intervals are percentiles of 10,000 bootstrap samples (Efron 1979). With 20 draws each
    they are a little too narrow: of normal data each holds the truth in some 93 cases of 100.
    Raises ValueError below 5 draws.
    """
    if min(len(a), len(b)) < 5:
        raise ValueError(f"a spread needs at least 5 draws, got {len(a)} and {len(b)}")
    first, second = _resampled(_sample(a), 0), _resampled(_sample(b), 1)
    # A bootstrap sample may hold one draw n times, and then has no spread.
    return _percentiles((first.std(-1) / second.std(-1)).nan_to_num(nan=1.0))


def share_reversed(a: Tensor, b: Tensor) -> float:
    """How often one draw of each sample puts the two in the other order than their means do.

    Over all pairs of an entry of a (n,) and one of b (m,): 0 if the samples do not overlap, about
    ½ if they have the same mean.
    """
    a, b = _sample(a), _sample(b)
    sign = torch.sign(a.mean() - b.mean())
    return ((a[:, None] - b) * sign < 0).double().mean().item()


def _sample(values: Tensor) -> Tensor:
    values = as_double("a sample", values)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"a sample must be (n,) with n ≥ 2, got {tuple(values.shape)}")
    return require_finite("a sample", values).double()


def _resampled(values: Tensor, stream: int) -> Tensor:
    """Bootstrap samples, (RESAMPLES, n), always the same for the same n and stream."""
    generator = Generator().manual_seed(stream)
    index = torch.randint(len(values), (RESAMPLES, len(values)), generator=generator, device="cpu")
    return values[index]


def _percentiles(values: Tensor) -> Interval:
    tail = (1 - LEVEL) / 2
    low, high = (torch.quantile(values, share).item() for share in (tail, 1 - tail))
    return low, high
