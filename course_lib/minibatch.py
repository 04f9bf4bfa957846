"""The sum over a data set, estimated from a batch: unbiased, and how much it spreads.

Σ_n ℓ_n is what independence gives the log-likelihood (and the ELBO) of a data set. N/B times the
sum over a random batch of B estimates it; these are the closed forms of its variance.

    >>> import torch
    >>> from course_lib.minibatch import estimate
    >>> values = torch.tensor([1.0, 2.0, 3.0, 4.0])  # their sum is 10
    >>> estimate(values, torch.tensor([[0, 1], [2, 3]]))  # two batches, on average right
    tensor([ 6., 14.])
"""

from torch import Tensor

from course_lib.arguments import (
    require_all,
    require_count,
    require_finite,
    require_index,
    require_nonempty,
)


def estimate(values: Tensor, index: Tensor) -> Tensor:
    """(N/B) Σ_{n in batch} ℓ_n for each row of index.  (Eq. 9.2)

    values: (N,); index: (*batches, B) of 0..N−1. Returns (*batches,).
    Raises ValueError if values is not a vector, a batch is empty or an index is outside.
    """
    _require_vector("values", values)
    index = require_index("index", index, len(values))
    size = require_count("batch size", index.shape[-1] if index.ndim else 0)
    return values[index].sum(-1) * (len(values) / size)


def estimate_variance(values: Tensor, size: int, *, replacement: bool) -> Tensor:
    """The variance of `estimate` over all batches of `size`.  (Eq. 9.3)

    Without replacement N(N−B)S²/B with S² the variance over N−1: zero at B = N. With replacement
    N²P/B with P the variance over N. values: (N,). Returns ().
    Raises ValueError if size < 1, or size > N without replacement.
    """
    _require_vector("values", values)
    count = len(values)
    size = require_count("size", size)
    if replacement:
        return values.var(correction=0) * (count**2 / size)
    if size > count:
        raise ValueError(f"size must be at most N = {count} without replacement, got {size}")
    if size == count:
        return values.new_zeros(())
    return values.var() * (count * (count - size) / size)


def sampling_variance(variances: Tensor, size: int, samples: int) -> Tensor:
    """(N/B) Σ_n v_n/L: what estimating each ℓ_n adds to `estimate_variance`.  (Eq. 9.4)

    Each ℓ_n of the batch is replaced by the mean of L fresh, unbiased estimates of variance v_n.
    The same with and without replacement, and not zero at B = N. variances: v_n, (N,). Returns ().
    Raises ValueError if a variance is negative, or size or samples below 1.
    """
    _require_vector("variances", variances)
    require_all("variances", variances, variances >= 0, "at least 0")
    draws = require_count("size", size) * require_count("samples", samples)
    return variances.sum() * (len(variances) / draws)


def _require_vector(name: str, values: Tensor) -> None:
    """Raises ValueError unless values is (N,) with N ≥ 1, finite floats."""
    require_nonempty(name, require_finite(name, values))
    if values.ndim != 1:
        raise ValueError(f"{name} must be (N,), got shape {tuple(values.shape)}")
