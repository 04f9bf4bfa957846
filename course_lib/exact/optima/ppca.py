"""Maximum likelihood for the linear-Gaussian world with equal noise: probabilistic PCA."""

import torch
from torch import Tensor

from course_lib.arguments import require_count, require_finite, require_floating
from course_lib.exact.linear_gaussian import LinearGaussian

ROWS = 512  # images centred at a time: what fits the cache
BLOCKS = 4  # column blocks of the symmetric product, of which the lower triangle is never formed


def covariance_upper(data: Tensor) -> tuple[Tensor, Tensor]:
    """The mean (D,) and the upper triangle of the covariance (D, D) of data (N, D), over N."""
    count, size = data.shape
    mean = data.mean(0, dtype=torch.float64)
    total = data.new_zeros(size, size, dtype=torch.float64)
    step = -(-size // BLOCKS)
    for first in range(0, count, ROWS):
        rows = data[first : first + ROWS].double() - mean  # (rows, D)
        for left in range(0, size, step):
            total[left : left + step, left:] += rows[:, left : left + step].mT @ rows[:, left:]
    return mean, total / count


def fit_ppca(data: Tensor, latent: int) -> LinearGaussian:
    """The world of `latent` dimensions and equal noise that makes data (N, D) likeliest.  (Eq. 1.6)

    σ² = mean of the D−d smallest eigenvalues λ, W = U_d (Λ_d − σ²I)^½, b = mean.
    data: (N, D), N ≥ 2; latent: d, from 1 to D−1, so that σ² is the mean of a variance that is left
    out. λ, U: eigenvalues and eigenvectors of the covariance of the data, divided by N: with N − 1
    the likelihood is not at its highest. W is unique up to a rotation; each column is given the
    sign that makes its largest entry positive.
    Raises ValueError if data or latent are not such, or if σ² = 0: then the likelihood of the
    data has no maximum.
    Source: Tipping & Bishop 1999, Probabilistic principal component analysis, equations 7 and 8.
    """
    latent = require_count("latent", latent)
    size = _require_data(data, latent)
    mean, covariance = covariance_upper(data)
    values, vectors = torch.linalg.eigh(covariance, UPLO="U")  # ascending
    noise = values[: size - latent].mean()
    floor = size * torch.finfo(torch.float64).eps * values[-1]
    if noise <= floor:
        raise ValueError(
            f"latent = {latent} leaves a noise variance of {noise.item():.3g}, zero to rounding: "
            f"the likelihood grows without bound; take a smaller latent or more data"
        )
    top = vectors[:, size - latent :].flip(-1)  # (D, d), largest eigenvalue first
    peak = top.gather(0, top.abs().argmax(0, keepdim=True))  # (1, d)
    spread = (values[size - latent :].flip(-1) - noise).clamp(min=0.0)  # rounding alone is below 0
    return LinearGaussian(top * peak.sign() * spread.sqrt(), mean, float(noise.sqrt()))


def _require_data(data: Tensor, latent: int) -> int:
    """D. Raises ValueError unless data is finite, (N ≥ 2, D ≥ 2), and latent from 1 to D−1."""
    require_floating("data", data)
    if data.ndim != 2 or data.shape[0] < 2 or data.shape[1] < 2:
        raise ValueError(f"data must be (N ≥ 2, D ≥ 2), got shape {tuple(data.shape)}")
    require_finite("data", data)
    if latent >= data.shape[1]:
        raise ValueError(f"latent must be below D = {data.shape[1]}, got {latent}")
    return data.shape[1]
