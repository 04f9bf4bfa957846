"""What every chain with an encoder can do, whichever way its encoder runs."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from course_lib.arguments import require_count
from course_lib.bounds import importance_weighted_bound
from course_lib.distributions import DiagonalGaussian, Distribution
from course_lib.vae.generative import GenerativeChain


@dataclass(frozen=True)
class ChainTerms:
    """The terms of the ELBO of a chain at samples of q, (*samples, *batch) nats each.  (Eq. 12.2)

    ELBO = reconstruction − Σ_t costs[t−1]. reconstruction: log p(x|z_1).
    costs: T tensors. Bottom-up, the last is KL(q(z_T|z_{T−1}) ‖ p(z_T)) in closed form; the t-th
    before it is log q(z_t|z_{t−1}) − log p(z_t|z_{t+1}) at the sample: its mean is what layer t
    costs, but it is no KL, because its two factors condition on opposite neighbours. Top-down, all
    are KLs in closed form: KL(q(z_t|z_{t+1}, x) ‖ p(z_t|z_{t+1})) given z_{t+1}.  (Eq. 12.4)
    """

    reconstruction: Tensor
    costs: tuple[Tensor, ...]

    @property
    def cost(self) -> Tensor:
        """Σ_t costs[t−1]: what all layers cost at the sample."""
        return sum(self.costs[1:], start=self.costs[0])

    @property
    def kl(self) -> Tensor:
        """KL(q(z|x) ‖ p(z)) of a single layer, a VAE's: its cost, in closed form.

        Raises ValueError for a deeper chain, whose costs are no KLs.
        """
        if len(self.costs) > 1:
            raise ValueError(
                f"a chain of {len(self.costs)} layers has no one KL in its terms: costs are what "
                "its layers cost, and cost is their sum"
            )
        return self.costs[0]

    @property
    def elbo(self) -> Tensor:
        """E_q[log p(x, z) − log q(z|x)], estimated at the samples.  (Eq. 12.1)"""
        return self.reconstruction - self.cost

    def named(self) -> dict[str, Tensor]:
        """The terms by name: reconstruction, cost_1 … cost_T."""
        return {"reconstruction": self.reconstruction} | {
            f"cost_{level}": cost for level, cost in enumerate(self.costs, start=1)
        }


@torch.no_grad()
def sampled_terms(
    reconstruction: Tensor, log_q: Sequence[Tensor], log_p: Sequence[Tensor]
) -> ChainTerms:
    """The terms that a chain's factors give at samples, z_1's first; without gradient."""
    costs = (q - p for q, p in zip(log_q, log_p, strict=True))
    return ChainTerms(reconstruction.detach(), tuple(costs))


class HVAE(GenerativeChain):
    """A chain p(x, z_{1:T}) with an encoder q(z_{1:T}|x) of Gaussian factors, one a layer.

    Everything is per example, in nats; samples lead: results are (*samples, *batch). One that is
    made has a direction: MarkovHVAE is bottom-up, TopDownHVAE top-down.
    """

    direction: str
    encoders: nn.ModuleList

    @abstractmethod
    def encode(
        self, x: Tensor, shape: Sequence[int] = (), *, generator: Generator
    ) -> tuple[list[DiagonalGaussian], list[Tensor]]:
        """Draws z_1, …, z_T from q with reparameterised noise.  (Eq. 8.1)

        x (*batch, D). Returns the T factors of q, z_1's first, each given what its layer was drawn
        from, and the samples [z_1, …, z_T], each (*shape, *batch, d_t).
        """

    @abstractmethod
    def terms(self, x: Tensor, shape: Sequence[int] = (), *, generator: Generator) -> ChainTerms:
        """The ELBO's terms at samples of q, each (*shape, *batch) nats; x (*batch, D)."""

    @abstractmethod
    def mean_factors(self, x: Tensor) -> list[DiagonalGaussian]:
        """The T factors of q, z_1's first, each given the mean of the factor before it."""

    def elbo(self, x: Tensor, shape: Sequence[int] = (), *, generator: Generator) -> Tensor:
        """An unbiased estimate of the ELBO at each sample of q: (*shape, *batch).  (Eq. 12.1)"""
        return self.terms(x, shape, generator=generator).elbo

    def log_weights(self, x: Tensor, k: int, *, generator: Generator) -> Tensor:
        """log p(x, z) − log q(z|x) at k samples z = z_{1:T} of q: (k, *batch) nats.  (Eq. 12.3)

        Constant over the samples exactly when q is the posterior.
        """
        return self.weigh(x, k, generator=generator)[0]

    def weigh(self, x: Tensor, k: int, *, generator: Generator) -> tuple[Tensor, ChainTerms]:
        """`log_weights`, and what they are made of, (k, *batch) nats each, without gradient.

        The terms' reconstruction is log p(x|z_1), and the t-th cost log q(z_t|·) − log p(z_t|·):
        both factors at the sample, also where `terms` has a KL. So their elbo is the log-weight.
        """
        factors, z = self.encode(x, (require_count("k", k),), generator=generator)
        log_q = [q.log_prob(level) for q, level in zip(factors, z, strict=True)]
        reconstruction, *log_p = self.log_factors(x, z)
        log_joint = sum([reconstruction, *log_p[:-1]], start=log_p[-1])
        return log_joint - sum(log_q), sampled_terms(reconstruction, log_q, log_p)

    def importance_weighted(self, x: Tensor, k: int, *, generator: Generator) -> Tensor:
        """One estimate of L_k for each x: (*batch,) nats.  (Eq. 3.4)"""
        return importance_weighted_bound(self.log_weights(x, k, generator=generator))

    @torch.no_grad()
    def reconstruct(self, x: Tensor, level: int = 1, *, generator: Generator) -> Distribution:
        """p(x'|z_1) for z_level drawn from q given x, and all below it from the decoders.

        x (*batch, D). Level 1 is the plain reconstruction; a higher one keeps only what z_level
        knows. Raises ValueError if level is outside 1..T.
        """
        _, samples = self.encode(x, generator=generator)
        chain = self.resample(samples[self._level(level) - 1], level, generator=generator)
        return self.generate(1, chain[0])
