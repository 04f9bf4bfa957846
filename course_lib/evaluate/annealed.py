"""log p(x) of a trained model by annealed importance sampling: a route that never asks the encoder.

Chains start at draws of the prior and are led to the posterior through the distributions
p(z) p(x|z)^β, β from 0 to 1, by Hamiltonian Monte Carlo. They walk on the noise ε that makes the
latents of all layers, where p(z) is N(0, I) and one step size serves every layer.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from course_lib.arguments import require_count
from course_lib.evaluate._input import differentiable_data
from course_lib.evaluate.likelihood import SampledLogEvidence, by_pieces
from course_lib.vae import HVAE, FlatTwin

ACCEPTANCE = 0.65  # what the step sizes aim at
FAR = 1e6  # a walk that leaves |ε_i| ≤ FAR has diverged
FIRST_STEP = 0.1
PILOTS = 4  # chains an image that only find the step sizes
STEEPNESS = 4.0  # of the sigmoid along which β is spaced: small steps near both ends


@torch.inference_mode(False)  # walks by slopes, also where the caller has switched gradients off
def annealed_log_evidence(
    model: HVAE,
    x: Tensor,
    *,
    generator: Generator,
    chains: int = 16,
    temperatures: int = 1000,
    leapfrogs: int = 10,
    progress_bar: bool = False,
) -> SampledLogEvidence:
    """log p̂(x) = log mean over chains of w, w = Π_s p(x|z^s)^(β_{s+1} − β_s), z = z_{1:T}.

    z^0 ~ p(z), and z^s comes from z^{s−1} by one Hamiltonian step of `leapfrogs` leapfrogs that
    leaves p(z) p(x|z)^{β_s} as it is. E w = p(x), however few the temperatures. Pilot chains find
    the step sizes, image by image, and are thrown away, so that the weights stay unbiased.
    x (N, D). Returns (N,) nats. Raises ValueError if x is not (N, D), N ≥ 1, a count is below 1, an
    arrow between latents gives no DiagonalGaussian, or all weights of an x are zero or one is no
    number.
    Source: Neal 2001; for decoder-based models Wu, Burda, Salakhutdinov & Grosse 2017.
    """
    chains, leapfrogs = require_count("chains", chains), require_count("leapfrogs", leapfrogs)
    x = differentiable_data(model, x)
    betas = schedule(temperatures)

    def log_weights(piece: Tensor) -> Tensor:
        run = _Annealing(model, piece, leapfrogs, generator)
        return run.log_weights(betas, run.find_steps(betas), chains)  # (chains, piece)

    return by_pieces(x, log_weights, progress_bar=progress_bar)


def schedule(temperatures: int) -> Tensor:
    """β_0 = 0 < … < β_S = 1, (temperatures + 1,), spaced along a sigmoid."""
    count = require_count("temperatures", temperatures) + 1
    line = torch.linspace(-1, 1, count, dtype=torch.float32, device="cpu")
    curve = torch.sigmoid(STEEPNESS * line.double())
    return (curve - curve[0]) / (curve[-1] - curve[0])


@dataclass(frozen=True)
class _Places:
    """Where chains stand: ε (chains, N, Σ d_t), log p(x|z_1(ε)) (chains, N), and its slope in ε."""

    noise: Tensor
    log_likelihood: Tensor
    slope: Tensor

    def height(self, beta: float) -> Tensor:
        """log N(ε; 0, I) + β log p(x|z_1), (chains, N), but for a constant."""
        return beta * self.log_likelihood - 0.5 * self.noise.square().sum(-1)

    def pull(self, beta: float) -> Tensor:
        """The slope of `height` in ε."""
        return beta * self.slope - self.noise

    def moved_to(self, other: "_Places", accepted: Tensor) -> "_Places":
        """The other's place for those chains that accept it, (chains, N)."""
        wide = accepted.unsqueeze(-1)
        return _Places(
            torch.where(wide, other.noise, self.noise),
            torch.where(accepted, other.log_likelihood, self.log_likelihood),
            torch.where(wide, other.slope, self.slope),
        )


class _Annealing:
    """Chains for every image of x (N, D) at once."""

    def __init__(self, model: HVAE, x: Tensor, leapfrogs: int, generator: Generator) -> None:
        self.twin, self.x = FlatTwin(model), x
        self.leapfrogs, self.generator = leapfrogs, generator

    def find_steps(self, betas: Tensor) -> Tensor:
        """Step sizes for each β between the ends, from pilots: (temperatures − 1, N)."""
        at, found = self.start(PILOTS), []
        step = self.x.new_full((len(self.x),), FIRST_STEP)
        for beta in betas[1:-1].tolist():
            at, accepted = self.move(at, beta, step)
            # Not step · where(…, 1.05, 0.95): two numbers alone have torch's default precision.
            step = torch.where(accepted.mean(0) > ACCEPTANCE, 1.05 * step, 0.95 * step)
            found.append(step)
        return torch.stack(found) if found else self.x.new_zeros(0, len(self.x))

    def log_weights(self, betas: Tensor, steps: Tensor, chains: int) -> Tensor:
        """log w of each chain, (chains, N)."""
        at = self.start(chains)
        log_w = self.x.new_zeros(chains, len(self.x))
        for s, rise in enumerate(betas.diff().tolist()):
            if s > 0:
                at, _ = self.move(at, betas[s].item(), steps[s - 1])
            log_w = log_w + rise * at.log_likelihood
        return log_w

    def start(self, chains: int) -> _Places:
        """ε ~ N(0, I): draws of the prior."""
        return self.places(self.normal(chains, len(self.x), sum(self.twin.sizes)))

    def move(self, at: _Places, beta: float, step: Tensor) -> tuple[_Places, Tensor]:
        """One Hamiltonian step that leaves N(ε; 0, I) p(x|z_1)^β as it is; who accepted it.

        Where a step is too long for the density, the walk runs off. It is then rejected, as its
        reverse would be: the same points are visited, so the density still stays as it is.
        """
        size = step.unsqueeze(-1)  # (N, 1)
        momentum = self.normal(*at.noise.shape)
        energy = at.height(beta) - 0.5 * momentum.square().sum(-1)
        now, momentum = at, momentum + 0.5 * size * at.pull(beta)
        lost = torch.zeros_like(energy, dtype=torch.bool)  # (chains, N)
        for leap in range(self.leapfrogs):
            noise = now.noise + size * momentum
            lost = lost | ~(noise.abs() <= FAR).all(-1)  # NaN is no number at most FAR
            now = self.places(torch.where(lost.unsqueeze(-1), at.noise, noise))
            share = 1.0 if leap < self.leapfrogs - 1 else 0.5
            momentum = momentum + share * size * now.pull(beta)
        gain = now.height(beta) - 0.5 * momentum.square().sum(-1) - energy  # (chains, N)
        coin = torch.rand(gain.shape, generator=self.generator, **self.kind)
        accepted = (coin.log() < gain) & ~lost
        return at.moved_to(now, accepted), accepted.to(gain.dtype)

    def places(self, noise: Tensor) -> _Places:
        """What the likelihood and its slope are there."""
        leaf = noise.detach().requires_grad_()
        with torch.enable_grad():
            height = self.twin.decoder(leaf).log_prob(self.x)
            (slope,) = torch.autograd.grad(height.sum(), leaf)
        return _Places(noise, height.detach(), slope)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, **self.kind)

    @property
    def kind(self) -> dict[str, Any]:
        return {"dtype": self.x.dtype, "device": self.x.device}
