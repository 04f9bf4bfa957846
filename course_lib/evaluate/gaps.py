"""Where the ELBO of a VAE falls short of log p(x), datum by datum."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from course_lib.arguments import require_count
from course_lib.bounds import elbo, importance_weighted_bound, log_weights
from course_lib.distributions import DiagonalGaussian
from course_lib.evaluate._ascent import ascend
from course_lib.evaluate._input import differentiable_data, require_data, require_one_layer
from course_lib.vae import VAE


@dataclass(frozen=True)
class InferenceGap:
    """log p(x) − ELBO(encoder's q) = approximation + amortisation, (N,) nats each.  (Eq. 6.5)

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


@torch.inference_mode(False)  # follows slopes, also where the caller has switched gradients off
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

    Starts at the encoder's q; Adam, its rate falling to zero, follows the slopes at fresh noise.
    x (N, D). Returns batch (N,). The model's own weights do not move.
    Raises ValueError if x is not (N, D), N ≥ 1, a count is below 1, or the model has more layers.
    """
    require_one_layer(model)
    x = differentiable_data(model, x)
    with torch.no_grad():
        start = model.encoder(x)
    mean = start.mean.clone().requires_grad_()
    log_std = start.log_std.clone().requires_grad_()

    def bound() -> Tensor:
        q = DiagonalGaussian(mean, log_std)
        return elbo(model, q, x, q.rsample((samples,), generator=generator))  # (N,)

    ascend(bound, [mean, log_std], steps=steps, rate=rate)
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
    """Splits the gap of each datum, given its `local_posterior`.  (Eq. 6.5)

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
    samples = require_count("samples", samples)
    k = require_count("k", k)
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
