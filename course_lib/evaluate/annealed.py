"""log p(x) of a trained model by annealed importance sampling: a route that never asks the encoder.

Chains start at draws of the prior and are led to the posterior through the distributions
p(z) p(x|z)^β, β from 0 to 1, by Hamiltonian Monte Carlo.
"""

from typing import Any

import torch
from torch import Generator, Tensor

from course_lib.arguments import require_count
from course_lib.evaluate._input import differentiable_data, split_latents
from course_lib.evaluate.likelihood import SampledLogEvidence, by_pieces
from course_lib.vae import HVAE

ACCEPTANCE = 0.65  # what the step sizes aim at
FAR = 1e6  # a walk that leaves |z_i| ≤ FAR has diverged
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
    """log p̂(x) = log mean over chains of w, w = Π_s p(x|z^s)^(β_{s+1} − β_s).

    z^0 ~ p(z), and z^s comes from z^{s−1} by one Hamiltonian step of `leapfrogs` leapfrogs that
    leaves p(z) p(x|z)^{β_s} as it is. E w = p(x), however few the temperatures. Pilot chains find
    the step sizes, image by image, and are thrown away, so that the weights stay unbiased.
    x (N, D). Returns (N,) nats. Raises ValueError if x is not (N, D), N ≥ 1, a count is below 1, or
    all weights of an x are zero or one is no number.
    Source: Neal 2001; for decoder-based models Wu, Burda, Salakhutdinov & Grosse 2017.
    """
    for name, value in (("chains", chains), ("leapfrogs", leapfrogs)):
        require_count(name, value)
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


class _Annealing:
    """Chains for every image of x (N, D) at once; z has shape (chains, N, Σ d_t)."""

    def __init__(self, model: HVAE, x: Tensor, leapfrogs: int, generator: Generator) -> None:
        self.model, self.x, self.leapfrogs, self.generator = model, x, leapfrogs, generator

    def find_steps(self, betas: Tensor) -> Tensor:
        """Step sizes for each β between the ends, from pilots: (temperatures − 1, N)."""
        z, found = self.start(PILOTS), []
        step = self.x.new_full((len(self.x),), FIRST_STEP)
        for beta in betas[1:-1].tolist():
            z, accepted = self.move(z, beta, step)
            # Not step · where(…, 1.05, 0.95): two numbers alone have torch's default precision.
            step = torch.where(accepted.mean(0) > ACCEPTANCE, 1.05 * step, 0.95 * step)
            found.append(step)
        return torch.stack(found) if found else self.x.new_zeros(0, len(self.x))

    def log_weights(self, betas: Tensor, steps: Tensor, chains: int) -> Tensor:
        """log w of each chain, (chains, N)."""
        z = self.start(chains)
        log_w = self.x.new_zeros(chains, len(self.x))
        for s, rise in enumerate(betas.diff().tolist()):
            if s > 0:
                z, _ = self.move(z, betas[s].item(), steps[s - 1])
            with torch.no_grad():
                log_w = log_w + rise * self.log_likelihood(z)
        return log_w

    def start(self, chains: int) -> Tensor:
        """z ~ p(z_{1:T}), ancestrally."""
        drawn = self.model.sample_latents(chains * len(self.x), generator=self.generator)
        return torch.cat(drawn, -1).reshape(chains, len(self.x), -1)

    def move(self, z: Tensor, beta: float, step: Tensor) -> tuple[Tensor, Tensor]:
        """One Hamiltonian step that leaves p(z) p(x|z)^β as it is; and whether it was accepted.

        Where a step is too long for the density, the walk runs off. It is then rejected, as its
        reverse would be: the same points are visited, so the density still stays as it is.
        """
        size = step.unsqueeze(-1)  # (N, 1)
        kind: dict[str, Any] = {"dtype": z.dtype, "device": z.device}
        momentum = torch.randn(z.shape, generator=self.generator, **kind)
        height, slope = self.height_and_slope(z, beta)
        energy = height - 0.5 * momentum.square().sum(-1)
        moved, momentum = z, momentum + 0.5 * size * slope
        lost = torch.zeros_like(energy, dtype=torch.bool)  # (chains, N)
        for leap in range(self.leapfrogs):
            moved = moved + size * momentum
            lost = lost | ~(moved.abs() <= FAR).all(-1)  # NaN is no number at most FAR
            moved = torch.where(lost.unsqueeze(-1), z, moved)
            height, slope = self.height_and_slope(moved, beta)
            momentum = momentum + (1.0 if leap < self.leapfrogs - 1 else 0.5) * size * slope
        gain = height - 0.5 * momentum.square().sum(-1) - energy  # (chains, N)
        coin = torch.rand(gain.shape, generator=self.generator, **kind)
        accepted = (coin.log() < gain) & ~lost
        return torch.where(accepted.unsqueeze(-1), moved, z), accepted.to(z.dtype)

    def height_and_slope(self, z: Tensor, beta: float) -> tuple[Tensor, Tensor]:
        """log p(z) + β log p(x|z), (chains, N), and its slope in z."""
        leaf = z.detach().requires_grad_()
        with torch.enable_grad():
            height = self.log_prior(leaf) + beta * self.log_likelihood(leaf)
            (slope,) = torch.autograd.grad(height.sum(), leaf)
        return height.detach(), slope

    def log_prior(self, z: Tensor) -> Tensor:
        """log p(z_{1:T})."""
        latents = split_latents(self.model, z)
        total = self.model.prior.log_prob(latents[-1])
        for level in range(2, self.model.depth + 1):
            arrow = self.model.generate(level, latents[level - 1])
            total = total + arrow.log_prob(latents[level - 2])
        return total

    def log_likelihood(self, z: Tensor) -> Tensor:
        """log p(x|z_1)."""
        return self.model.generate(1, split_latents(self.model, z)[0]).log_prob(self.x)
