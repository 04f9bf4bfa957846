"""Where the ELBO of a VAE falls short of log p(x), datum by datum."""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from course_lib.arguments import require_count, require_number
from course_lib.bounds import elbo, importance_weighted_bound, log_weights
from course_lib.distributions import DiagonalGaussian
from course_lib.evaluate._input import (
    differentiable_data,
    require_data,
    require_fitting,
    require_one_layer,
)
from course_lib.vae import VAE


@dataclass(frozen=True)
class InferenceGap:
    """log p(x) − ELBO(encoder's q) = approximation + amortisation, (N,) nats each.  (Eq. 6.6)

    log_evidence: estimated by importance sampling. best_elbo: of the best diagonal Gaussian q for
    each datum on its own. elbo: of the encoder's q.
    """

    log_evidence: Tensor
    best_elbo: Tensor
    elbo: Tensor

    @property
    def approximation(self) -> Tensor:
        """What no diagonal Gaussian can give: log p(x) − best ELBO."""
        return self.log_evidence - self.best_elbo

    @property
    def amortisation(self) -> Tensor:
        """What one encoder for all data gives away: best ELBO − ELBO."""
        return self.best_elbo - self.elbo


@dataclass(frozen=True)
class GridPosterior:
    """p(z|x) over a square of the latent plane, for one x.  (Eq. 7.2)

    axis: (n,), the nodes of both coordinates. log_density: (n, n) nats, [i, j] at
    z = (axis[i], axis[j]). log_evidence: log of the integral of p(x, z) over the square; halving
    the nodes changes it by `error`, and `edge` is the posterior mass within two nodes of the edge:
    both say whether the square is fine and wide enough.
    """

    axis: Tensor
    log_density: Tensor
    log_evidence: float
    error: float
    edge: float


@torch.inference_mode(False)  # climbs by slopes, also where the caller has switched gradients off
def local_posterior(
    model: VAE,
    x: Tensor,
    *,
    generator: Generator,
    steps: int = 300,
    samples: int = 16,
    rate: float = 0.03,
) -> DiagonalGaussian:
    """The diagonal Gaussian q_n of each datum alone that maximises its ELBO.  (Eq. 6.3)

    Starts at the encoder's q and climbs by Adam with a falling rate; every step draws fresh noise.
    x (N, D). Returns batch (N,). The model's own weights do not move.
    Raises ValueError if x is not (N, D), N ≥ 1, a count is below 1, or the model has more layers.
    """
    require_one_layer(model)
    x = differentiable_data(model, x)
    with torch.no_grad():
        start = model.encoder(x)
    require_number("rate", rate, positive=True)
    mean = start.mean.clone().requires_grad_()
    log_std = start.log_std.clone().requires_grad_()
    climber = torch.optim.Adam([mean, log_std], lr=rate)
    for step in range(require_count("steps", steps)):
        climber.param_groups[0]["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        q = DiagonalGaussian(mean, log_std)
        bound = elbo(model, q, x, q.rsample((samples,), generator=generator))  # (N,)
        mean.grad, log_std.grad = torch.autograd.grad(-bound.sum(), [mean, log_std])
        climber.step()
    return DiagonalGaussian(mean.detach(), log_std.detach())


@torch.no_grad()
def inference_gap(
    model: VAE,
    x: Tensor,
    local: DiagonalGaussian,
    *,
    generator: Generator,
    samples: int = 1000,
    k: int = 5000,
) -> InferenceGap:
    """Splits the gap of each datum, given its `local_posterior`.  (Eq. 6.6)

    log p(x) is estimated with k samples of the local q, the better proposal; both ELBOs are means
    over the same `samples` standard normal draws. x (N, D).
    Raises ValueError if x is not (N, D), local has not a batch of N, a count is below 1, or the
    model has more layers.
    Source: Cremer, Li & Duvenaud 2018.
    """
    require_one_layer(model)
    if not isinstance(local, DiagonalGaussian):
        raise ValueError(f"local must be a DiagonalGaussian, got {type(local).__name__}")
    if tuple(local.batch_shape) != (len(require_data(model, x)),):
        raise ValueError(f"local must have batch {(len(x),)}, got {tuple(local.batch_shape)}")
    require_count("samples", samples)
    require_count("k", k)
    rows = []
    for i in range(len(x)):
        datum, q = x[i], DiagonalGaussian(local.mean[i], local.log_std[i])
        encoder = model.encoder(datum)
        size = (samples, *q.mean.shape)
        noise = torch.randn(size, dtype=x.dtype, device=x.device, generator=generator)
        bounds = [elbo(model, p, datum, p.mean + p.std * noise) for p in (q, encoder)]
        log_w = log_weights(model, q, datum, q.sample((k,), generator=generator))
        rows.append(torch.stack([importance_weighted_bound(log_w), *bounds]))
    return InferenceGap(*torch.stack(rows, 1))


@torch.no_grad()
def posterior_on_grid(
    model: VAE, x: Tensor, *, half_width: float = 5.0, nodes: int = 201
) -> GridPosterior:
    """The exact posterior of one x (D,) under a model with a 2-D latent, by the trapezoid rule.

    (Eq. 7.2) Raises ValueError if the latent is not 2-D, x is not one datum or the grid is bad.
    """
    if model.sizes[1] != 2 or model.depth != 1:
        raise ValueError(f"the latent must be one layer of 2, got sizes {model.sizes[1:]}")
    if require_fitting(model, x).ndim != 1:
        raise ValueError(f"x must be one datum ({model.sizes[0]},), got shape {tuple(x.shape)}")
    require_number("half_width", half_width, positive=True)
    nodes = require_count("nodes", nodes, least=9) | 1  # odd, so that halving keeps both ends
    axis = torch.linspace(-half_width, half_width, nodes, dtype=x.dtype, device=x.device)
    z = torch.cartesian_prod(axis, axis)  # (n², 2)
    parts = [
        model.decoder(part).log_prob(x) + model.prior.log_prob(part)
        for part in torch.split(z, 1000)
    ]
    log_joint = torch.cat(parts).double().reshape(len(axis), len(axis))
    fine, coarse = _log_integral(log_joint, axis), _log_integral(log_joint[::2, ::2], axis[::2])
    density = log_joint - fine
    inner = _log_integral(density[2:-2, 2:-2], axis[2:-2])
    return GridPosterior(axis, density, fine, abs(fine - coarse), max(0.0, 1 - math.exp(inner)))


def _log_integral(log_values: Tensor, axis: Tensor) -> float:
    """log ∬ exp(log_values) over a square with equal steps, by the trapezoid rule."""
    weights = torch.ones(len(axis), dtype=torch.float64, device=axis.device)
    weights[[0, -1]] = 0.5
    log_w = weights.log() + math.log((axis[1] - axis[0]).item())
    return torch.logsumexp((log_values + log_w[:, None] + log_w).flatten(), 0).item()
