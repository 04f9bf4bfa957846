"""log p(x) of a trained model by importance sampling that does not rely on the encoder.

Each datum gets a Gaussian of its own with a full covariance, fitted to its posterior: it can lie
slantwise, within a layer and across layers, which the encoder's cannot. It is a Gaussian of the
noise ε that makes the latents of all layers, where the prior is N(0, I), and one rate of descent
serves every layer.
"""

import torch
from torch import Generator, Tensor

from course_lib.arguments import require_count, require_number
from course_lib.distributions import FullGaussian
from course_lib.evaluate._ascent import ascend
from course_lib.evaluate._input import differentiable_data
from course_lib.evaluate._noise import encoded_noise
from course_lib.evaluate.likelihood import CHUNK, SampledLogEvidence, by_pieces
from course_lib.vae import HVAE, FlatTwin

RATE = 0.02  # the first of Adam's falling steps


def fitted_log_evidence(
    model: HVAE,
    x: Tensor,
    *,
    generator: Generator,
    k: int = 5000,
    widen: float = 1.2,
    steps: int = 2000,
    samples: int = 16,
    progress_bar: bool = False,
) -> SampledLogEvidence:
    """log p̂(x) = log (1/k) Σ N(ε_i; 0, I) p(x|z_1(ε_i))/q_x(ε_i), ε_i ~ q_x.  (Eq. 9.8)

    q_x is the `fitted_posterior` of x, too narrow as such fits are, `widened` so that no weight
    towers above the rest. The draws come after the fit, so E p̂(x) = p(x), however bad it is; but a
    second mode that the fit misses is missed by all draws, and by the error that they report.
    x (N, D). Returns (N,) nats. Raises ValueError if x is not (N, D), N ≥ 1, a count is below 1,
    widen < 1, an arrow between latents gives no DiagonalGaussian, or all weights of an x are zero
    or one is no number.
    """
    k = require_count("k", k)
    widen = _require_widening(widen)
    x = differentiable_data(model, x)

    def log_weights(piece: Tensor) -> Tensor:
        q = fitted_posterior(model, piece, generator=generator, steps=steps, samples=samples)
        return _log_weights(model, widened(q, widen), piece, k, generator)  # (k, piece)

    return by_pieces(x, log_weights, progress_bar=progress_bar)


@torch.inference_mode(False)  # follows slopes, also where the caller has switched gradients off
def fitted_posterior(
    model: HVAE, x: Tensor, *, generator: Generator, steps: int = 2000, samples: int = 16
) -> FullGaussian:
    """The Gaussian of ε_{1:T}, (N, Σ d_t), that maximises the ELBO of each x alone.  (Eq. 6.3)

    ε_T = (z_T − m)/s with the prior's m and s, and ε_t is the same of z_t with those of
    p(z_t|z_{t+1}); for one layer under N(0, I) it is z itself. Starts at the encoder's means and
    standard deviations; Adam, its rate falling to zero, follows the slopes at fresh noise.
    x (N, D). Raises ValueError if x is not (N, D), N ≥ 1, a count is below 1, or an arrow between
    latents gives no DiagonalGaussian.
    """
    x = differentiable_data(model, x)
    twin, start = FlatTwin(model), encoded_noise(model, x)
    mean, log_std = start.mean.clone(), start.log_std.clone()
    slant = mean.new_zeros(*mean.shape, mean.shape[-1])  # in units of the row's own width
    parameters = [part.requires_grad_() for part in (mean, log_std, slant)]
    one = torch.eye(mean.shape[-1], dtype=mean.dtype, device=mean.device)
    samples = require_count("samples", samples)

    def gaussian() -> FullGaussian:
        return FullGaussian(mean, log_std.exp().unsqueeze(-1) * (torch.tril(slant, -1) + one))

    def bound() -> Tensor:
        q = gaussian()
        noise = q.rsample((samples,), generator=generator)
        return (twin.log_joint(x, noise) - q.log_prob(noise)).mean(0)  # (N,)

    ascend(bound, parameters, steps=steps, rate=RATE)
    return FullGaussian(mean.detach(), gaussian().scale_tril.detach())


def widened(q: FullGaussian, widen: float) -> FullGaussian:
    """q with the precision I + (P − I)/widen² for its own P: it lies wider where x narrowed it.

    P − I is what x has added to the prior's precision. Directions in which it added nothing stay
    N(0, 1): widening all 150 numbers of a chain by a tenth would cost nine of ten effective draws.
    Raises ValueError if widen < 1.
    """
    kept = 1 / _require_widening(widen) ** 2
    one = torch.eye(q.mean.shape[-1], dtype=q.mean.dtype, device=q.mean.device)
    precision = (1 - kept) * one + kept * torch.cholesky_inverse(q.scale_tril)
    covariance = torch.cholesky_inverse(torch.linalg.cholesky(precision))
    return FullGaussian(q.mean, torch.linalg.cholesky(covariance))


def _require_widening(widen: float) -> float:
    widen = require_number("widen", widen, positive=True)
    if widen < 1:
        raise ValueError(f"widen must be at least 1, got {widen}")
    return widen


@torch.no_grad()
def _log_weights(model: HVAE, q: FullGaussian, x: Tensor, k: int, generator: Generator) -> Tensor:
    """log N(ε; 0, I) p(x|z_1(ε)) − log q(ε) at k draws, (k, N)."""
    twin, parts = FlatTwin(model), []
    for done in range(0, k, CHUNK):
        noise = q.rsample((min(CHUNK, k - done),), generator=generator)
        parts.append(twin.log_joint(x, noise) - q.log_prob(noise))
    return torch.cat(parts)
