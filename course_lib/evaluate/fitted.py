"""log p(x) of a trained model by importance sampling that does not rely on the encoder.

Each datum gets a Gaussian of its own with a full covariance, fitted to its posterior: it can lie
slantwise, which the encoder's cannot.
"""

import torch
from torch import Generator, Tensor

from course_lib.arguments import require_count, require_number
from course_lib.distributions import FullGaussian
from course_lib.evaluate._ascent import ascend
from course_lib.evaluate._input import differentiable_data, split_latents
from course_lib.evaluate.likelihood import CHUNK, SampledLogEvidence, by_pieces
from course_lib.vae import HVAE

RATE = 0.02  # the first of Adam's falling steps


def fitted_log_evidence(
    model: HVAE,
    x: Tensor,
    *,
    generator: Generator,
    k: int = 5000,
    widen: float = 1.1,
    steps: int = 1000,
    samples: int = 16,
    progress_bar: bool = False,
) -> SampledLogEvidence:
    """log p̂(x) = log (1/k) Σ p(x, z_i)/q_x(z_i), z_i ~ q_x = N(m_x, widen² L_x L_xᵀ).  (Eq. 9.8)

    m_x and L_x maximise the ELBO of x alone over all Gaussians of z = z_{1:T}, by `steps` of Adam
    with `samples` draws each. A q so fitted is too narrow; `widen` makes up for that, so that no
    weight towers above the rest. The draws come after the fit, so E p̂(x) = p(x), however bad it is;
    but a second mode that the fit misses is missed by all draws, and by the error that they report.
    x (N, D). Returns (N,) nats. Raises ValueError if x is not (N, D), N ≥ 1, a count is below 1,
    widen is not positive, or all weights of an x are zero or one is no number.
    """
    require_count("k", k)
    require_number("widen", widen, positive=True)
    x = differentiable_data(model, x)

    def log_weights(piece: Tensor) -> Tensor:
        q = fitted_posterior(model, piece, generator=generator, steps=steps, samples=samples)
        wide = FullGaussian(q.mean, widen * q.scale_tril)
        return _log_weights(model, wide, piece, k, generator)  # (k, piece)

    return by_pieces(x, log_weights, progress_bar=progress_bar)


@torch.inference_mode(False)  # follows slopes, also where the caller has switched gradients off
def fitted_posterior(
    model: HVAE, x: Tensor, *, generator: Generator, steps: int = 1000, samples: int = 16
) -> FullGaussian:
    """The Gaussian of z_{1:T}, (N, Σ d_t), that maximises the ELBO of each x alone.  (Eq. 6.3)

    Starts at the encoder's means and standard deviations; Adam, its rate falling to zero, follows
    the slopes at fresh noise.
    x (N, D). Raises ValueError if x is not (N, D), N ≥ 1, or a count is below 1.
    """
    x = differentiable_data(model, x)
    mean, log_std = (part.requires_grad_() for part in _start(model, x))
    slant = mean.new_zeros(*mean.shape, mean.shape[-1], requires_grad=True)
    require_count("samples", samples)

    def gaussian() -> FullGaussian:
        return FullGaussian(mean, torch.tril(slant, -1) + torch.diag_embed(log_std.exp()))

    def bound() -> Tensor:
        q = gaussian()
        z = q.rsample((samples,), generator=generator)
        return (_log_joint(model, x, z) - q.log_prob(z)).mean(0)  # (N,)

    ascend(bound, [mean, log_std, slant], steps=steps, rate=RATE)
    return FullGaussian(mean.detach(), gaussian().scale_tril.detach())


@torch.no_grad()
def _start(model: HVAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """The encoders' means and log standard deviations along the path of the means, (N, Σ d_t)."""
    factors = model.mean_factors(x)
    means = torch.cat([factor.mean for factor in factors], -1)
    return means.clone(), torch.cat([factor.log_std for factor in factors], -1).clone()


def _log_joint(model: HVAE, x: Tensor, z: Tensor) -> Tensor:
    """log p(x, z_{1:T}) for z_{1:T} side by side, (samples, N)."""
    return model.log_joint(x, split_latents(model, z))


@torch.no_grad()
def _log_weights(model: HVAE, q: FullGaussian, x: Tensor, k: int, generator: Generator) -> Tensor:
    """log p(x, z) − log q(z) at k draws, (k, N)."""
    parts = []
    for done in range(0, k, CHUNK):
        z = q.rsample((min(CHUNK, k - done),), generator=generator)
        parts.append(_log_joint(model, x, z) - q.log_prob(z))
    return torch.cat(parts)
