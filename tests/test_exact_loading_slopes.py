"""∂ log p(x)/∂W where the noise is anything from a trillionth to a trillion, in 120 digits."""

import mpmath as mp
import pytest
import torch
from torch import Generator, Tensor

from course_lib.exact import LinearGaussian
from course_lib.exact.optima.loading_slopes import elbo_slope, evidence_slope


def doubles(generator: Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def slope_in_many_digits(loadings: Tensor, residual: Tensor, noise: Tensor) -> Tensor:
    """(C⁻¹ r rᵀ C⁻¹ − C⁻¹) W, by an inverse: 120 digits leave 50 where C is worst."""
    with mp.workdps(120):
        w, r = mp.matrix(loadings.tolist()), mp.matrix(residual.tolist())
        psi = mp.diag([mp.mpf(s) ** 2 for s in noise.tolist()])
        inverse = mp.inverse(w * w.T + psi)
        weighted = inverse * r
        slope = weighted * (weighted.T * w) - inverse * w
        rows = [[float(slope[i, j]) for j in range(slope.cols)] for i in range(slope.rows)]
        return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.equation("7.3")
@pytest.mark.parametrize("size", [(3, 1), (4, 2), (2, 2), (1, 1), (2, 3), (1, 2)])
@pytest.mark.parametrize(
    "noise", [1e-12, 1e-9, 1e-8, 1e-4, 1.0, 1e6, 1e12, (1e-12, 1.0, 1e12), (1.0, 1e-9, 1e-3)]
)
def test_the_slope_at_any_noise(
    size: tuple[int, int], noise: float | tuple[float, float, float], generator: Generator
) -> None:
    """With an offset that is not zero, and noise that differs from coordinate to coordinate."""
    w, b, x = doubles(generator, *size), doubles(generator, size[0]), doubles(generator, 2, size[0])
    spread = 0.5 + torch.rand(4, dtype=torch.float64, generator=generator)
    spread *= torch.tensor([*noise, 1.0]) if isinstance(noise, tuple) else noise
    found = evidence_slope(LinearGaussian(w, b, spread[: size[0]]), x)
    for n in range(2):
        # x − b, W and the noise are rounded once each; a column is as good as its largest entries.
        exact = slope_in_many_digits(w, x[n] - b, spread[: size[0]])
        torch.testing.assert_close(found[n], exact, rtol=1e-11, atol=0)


@pytest.mark.equation("7.1")
@pytest.mark.parametrize("noise", [1e-3, 1.0, 1e6])
def test_fishers_identity_with_an_offset(noise: float, generator: Generator) -> None:
    """At the exact posterior the ELBO's slope is that of log p(x), whatever the offset."""
    w, b, x = doubles(generator, 3, 2), 10 * doubles(generator, 3), doubles(generator, 5, 3)
    world = LinearGaussian(w, b, noise)
    expected = evidence_slope(world, x)
    found = elbo_slope(world, world.posterior(x), x)
    # The residual x − b − Wμ of size `noise` is a difference of tens: it has 1e-14/noise left.
    torch.testing.assert_close(
        found, expected, rtol=1e-10, atol=1e-10 * float(expected.abs().max())
    )
