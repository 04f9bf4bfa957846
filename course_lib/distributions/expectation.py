"""E_q f(z) for a Gaussian over one number, by quadrature."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.arguments import as_double, require_count, require_no_nan, require_positive
from course_lib.distributions.diagonal_gaussian import DiagonalGaussian
from course_lib.distributions.full_gaussian import FullGaussian


def expectation(
    q: DiagonalGaussian | FullGaussian,
    f: Callable[[Tensor], Tensor],
    nodes: int = 4001,
    tolerance: float = 1e-8,
) -> Tensor:
    """E_q f(z) for a one-dimensional Gaussian q, by the trapezoid rule over ±12 standard
    deviations.

    f maps z (nodes, *batch, 1) to (nodes, *batch). For smooth f the rule converges faster than any
    power of the step. Sums in float64; float32 values of f agree no better than their rounding,
    so tolerance is then at least that. Returns (*batch,), of f's precision; −inf if f is −inf
    where q has mass. Raises ValueError if q has more dimensions, f gives NaN or another shape, or
    every second node changes the result.
    """
    if q.event_shape != (1,):
        raise ValueError(
            f"expectation needs a q over one dimension, got event shape {tuple(q.event_shape)}"
        )
    require_count("nodes", nodes, least=101)
    require_positive("tolerance", as_double("tolerance", tolerance))
    u = torch.linspace(-12.0, 12.0, nodes | 1, dtype=torch.float64)
    nodes_of_q = u.to(q.mean.dtype).reshape(-1, *[1] * q.mean.ndim)
    z = q.mean + q.scale_tril.squeeze(-1) * nodes_of_q  # (nodes, *batch, 1)
    values = _require_one_each(f(z), z)
    density = torch.exp(-0.5 * u**2) / math.sqrt(2 * math.pi) * (u[1] - u[0])
    weighted = density.reshape(-1, *[1] * (values.ndim - 1)) * values  # (nodes, *batch)
    allowed = max(tolerance, torch.finfo(values.dtype).eps)
    found = _agreed(weighted.sum(0), 2 * weighted[::2].sum(0), nodes, allowed)
    return found.to(values.dtype)


def _agreed(fine: Tensor, coarse: Tensor, nodes: int, tolerance: float) -> Tensor:
    """`fine`. Raises ValueError if the sum over every second node is elsewhere."""
    off = (fine - coarse).abs() > tolerance * fine.abs().clamp(min=1.0)
    if bool(off.any()):
        worst = (fine - coarse).abs()[off].max().item()
        raise ValueError(
            f"quadrature has not converged: halving {nodes} nodes moves it by {worst:.3g}"
        )
    return fine


def _require_one_each(values: Tensor, z: Tensor) -> Tensor:
    """Raises ValueError unless f gave one number, not NaN, for each z (nodes, *batch, 1)."""
    require_no_nan("f(z)", values)
    if values.ndim != z.ndim - 1 or len(values) != len(z):
        raise ValueError(
            f"f must map z {tuple(z.shape)} to {tuple(z.shape[:-1])}, got {tuple(values.shape)}"
        )
    return values
