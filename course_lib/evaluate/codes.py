"""What a trained encoder says about x: rate, distortion, mutual information."""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from course_lib.arguments import require_count, require_event
from course_lib.distributions import DiagonalGaussian
from course_lib.evaluate._input import require_data, require_one_layer
from course_lib.vae import HVAE, VAE


@dataclass(frozen=True)
class RateDistortion:
    """The two costs of sending x through z, per example, (N,) nats: ELBO = −(D + R).  (Eq. 5.1)

    costs: (T, N), what each layer costs, E_q[log q(z_t|z_{t−1}) − log p(z_t|z_{t+1})]; the top
    one's is a KL to the prior, the others are no KLs: see vae.ChainTerms.
    distortion: −E_q log p(x|z_1).
    """

    costs: Tensor
    distortion: Tensor

    @property
    def rate(self) -> Tensor:
        """E_q[log q(z|x) − log p(z)], the sum over layers, (N,); for one layer KL(q ‖ p)."""
        return self.costs.sum(0)

    @property
    def elbo(self) -> Tensor:
        """−(distortion + rate), (N,)."""
        return -(self.distortion + self.rate)


@dataclass(frozen=True)
class Surgery:
    """Mean rate = mutual information + KL of the aggregate posterior, nats.  (Eq. 5.4)

    rate is exact given q; the other two are averages over samples, each with a standard error.
    """

    rate: float
    mutual_information: float
    mutual_information_error: float
    aggregate_kl: float
    aggregate_kl_error: float


@torch.no_grad()
def rate_distortion(
    model: HVAE, x: Tensor, *, samples: int = 1, generator: Generator
) -> RateDistortion:
    """Both terms for each row of x (N, D), averaged over `samples` draws of q.  (Eq. 5.1)

    Raises ValueError if samples is below 1, or x does not fit the model.
    """
    terms = model.terms(x, (require_count("samples", samples),), generator=generator)
    costs = torch.stack([cost.mean(0) for cost in terms.costs])
    return RateDistortion(costs, -terms.reconstruction.mean(0))


@torch.no_grad()
def surgery(model: VAE, x: Tensor, *, samples: int = 1, generator: Generator) -> Surgery:
    """Splits the mean rate over the rows of x, taken as the whole data set.  (Eq. 5.4)

    I_q(x; z) = E[log q(z|x) − log q_agg(z)] with q_agg = (1/N) Σ_n q(z|x_n), and the rest is
    KL(q_agg ‖ p) = E[log q_agg(z) − log p(z)], both at z ~ q_agg. Costs N² densities a sample.
    Raises ValueError if x is not (N, D), N ≥ 1, samples is below 1, or the model has more layers.
    Source: Hoffman & Johnson 2016.
    """
    require_one_layer(model)
    q = model.encoder(require_data(model, x))
    prior = model.prior
    information, excess = [], []
    for _ in range(require_count("samples", samples)):
        z = q.sample(generator=generator)  # (N, d)
        aggregate = log_aggregate(q, z)
        information.append(q.log_prob(z) - aggregate)
        excess.append(aggregate - prior.log_prob(z))
    rate = model.terms(x, generator=generator).kl.mean().item()
    return Surgery(rate, *_mean_and_error(information), *_mean_and_error(excess))


@torch.no_grad()
def log_aggregate(q: DiagonalGaussian, z: Tensor, *, chunk: int = 64) -> Tensor:
    """log q_agg(z) = log (1/N) Σ_n q(z|x_n) for q of batch (N,) and z (M, d): (M,) nats.

    Raises ValueError unless q has one batch axis, and z is (M, d): draws (S, N, d) would be held
    each against the q of its own place alone.
    Source: the aggregate posterior of Makhzani et al. 2015.
    """
    _require_one_batch_axis(q)
    if require_event("z", z, q.event_shape[0]).ndim != 2:
        raise ValueError(f"z must be (M, {q.event_shape[0]}), got {tuple(z.shape)}")
    chunk = require_count("chunk", chunk)
    parts = [torch.logsumexp(q.log_prob(part.unsqueeze(1)), 1) for part in torch.split(z, chunk)]
    return torch.cat(parts) - math.log(q.batch_shape[0])


def best_prior(q: DiagonalGaussian) -> DiagonalGaussian:
    """The diagonal Gaussian prior that makes the mean of KL(q_n ‖ prior) least.  (Eq. 7.4)

    It has the aggregate posterior's mean m = (1/N) Σ_n μ_n and variances (1/N) Σ_n [σ_n² +
    (μ_n − m)²]: the mean KL is −(1/N) Σ_n H(q_n) − E_{q_agg} log p(z), and among Gaussians that
    expectation is largest where the moments agree. q: batch (N,). Returns batch ().
    Raises ValueError unless q has one batch axis.
    """
    _require_one_batch_axis(q)
    mean = q.mean.mean(0)
    variance = (q.variance + (q.mean - mean).square()).mean(0)
    return DiagonalGaussian(mean, 0.5 * variance.log())


def _require_one_batch_axis(q: DiagonalGaussian) -> None:
    if not hasattr(q, "batch_shape"):
        raise ValueError(f"q must be a distribution, got {type(q).__name__}")
    if len(q.batch_shape) != 1:
        raise ValueError(f"q must have batch (N,), got {tuple(q.batch_shape)}")


def _mean_and_error(parts: list[Tensor]) -> tuple[float, float]:
    """The mean over samples and examples, and its standard error.

    Examples' own means differ, and all of them are in: only the spread within an example is error.
    With one sample an example that spread is unknown, so the whole spread is taken: an upper bound.
    One sample of one example says nothing of any spread: the error is then NaN.
    """
    values = torch.stack(parts).double()  # (samples, N)
    count = values.numel()
    if count == 1:
        return values.mean().item(), math.nan
    spread = values.var(0).mean() if len(parts) > 1 else values.var()
    return values.mean().item(), (spread / count).sqrt().item()
