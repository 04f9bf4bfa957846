"""Gradient ascent on the ELBO: in q, for one x; and in a model of 200 x's, with or without its q's.

The model is the tanh world, z ~ N(0, 1), x|z ~ N(a tanh(bz) + c, s²).
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Generator, Tensor

from course_lib.arguments import DOUBLE
from course_lib.bounds import log_weights
from course_lib.distributions import DiagonalGaussian, expectation
from course_lib.exact import ScalarLatent

RATE = 0.05  # of plain gradient ascent in q
STEPS = 20
TRUTH = (2.0, 1.0, 0.5, 0.5)  # a, b, c, s of the data
START = (1.0, 1.0, -1.0, 0.5)
ROUNDS = 30
COUNT = 200
# In each round so many steps of Adam in a, b, c, log s, and in the q's.
MODEL_STEPS, MODEL_RATE = 10, 0.05
Q_STEPS, Q_RATE = 20, 0.1
FIRST = 100  # steps in the q's before the first round
Z = torch.linspace(-8.0, 8.0, 801, **DOUBLE)  # what the model's z is summed over
X = torch.linspace(-4.0, 4.5, 171, **DOUBLE)


@dataclass(frozen=True)
class QPath:
    """Where each step of q stands: mean, std, ELBO in nats; (STEPS + 1,) each."""

    mean: list[float]
    std: list[float]
    elbo: list[float]


@dataclass(frozen=True)
class ModelPath:
    """Where each round of the model stands.

    parameters: a, b, c, s, (ROUNDS + 1, 4). qs: their means and log σ's, (ROUNDS + 1, 2, COUNT).
    elbo and log_evidence: means over the x's, nats. density: p(x) at X, (ROUNDS + 1, 171).
    """

    parameters: Tensor
    qs: Tensor
    elbo: list[float]
    log_evidence: list[float]
    density: Tensor


def ascend_q(world: ScalarLatent, x: Tensor, mean: float, std: float) -> QPath:
    """Plain gradient ascent on the exact ELBO in q's mean and log σ, from N(mean, std²)."""
    at = torch.tensor([mean, math.log(std)], **DOUBLE, requires_grad=True)
    means, stds, elbos = [], [], []
    for _ in range(STEPS + 1):
        q = DiagonalGaussian(at[:1], at[1:])
        elbo = _elbo(world, q, x)
        (slope,) = torch.autograd.grad(elbo, at)
        means.append(at[0].item())
        stds.append(at[1].exp().item())
        elbos.append(elbo.item())
        with torch.no_grad():
            at += RATE * slope
    return QPath(means, stds, elbos)


def _elbo(world: ScalarLatent, q: DiagonalGaussian, x: Tensor) -> Tensor:
    """By quadrature, nats."""
    return expectation(q, lambda z: log_weights(world, q, x, z))


@lru_cache(maxsize=1)
def observations() -> Tensor:
    """COUNT x's, drawn from the tanh world with TRUTH: (COUNT,)."""
    a, b, c, s = TRUTH
    z, noise = torch.randn(2, COUNT, generator=Generator().manual_seed(0), **DOUBLE)
    x: Tensor = a * torch.tanh(b * z) + c + s * noise
    return x


@lru_cache(maxsize=4)
def ascend_model(refit: bool, start: tuple[float, float, float, float] = START) -> ModelPath:
    """ROUNDS of ascent on the mean ELBO of `observations`, from a, b, c, s and their fitted q's.

    refit: whether the q's follow in each round; else they stay as they were fitted to the start.
    """
    climber = _Climber(observations(), start)
    climber.step_qs(FIRST)
    stands = [climber.stand()]
    for _ in range(ROUNDS):
        climber.step_model(MODEL_STEPS)
        if refit:
            climber.step_qs(Q_STEPS)
        stands.append(climber.stand())
    parameters, qs, elbos, evidences, densities = zip(*stands, strict=True)
    return ModelPath(
        torch.stack(parameters), torch.stack(qs), [*elbos], [*evidences], torch.stack(densities)
    )


class _Climber:
    """A model and a q for each x, and the two sets of steps."""

    def __init__(self, x: Tensor, start: tuple[float, float, float, float]) -> None:
        a, b, c, s = start
        self.x = x
        self.model = torch.tensor([a, b, c, math.log(s)], **DOUBLE, requires_grad=True)
        self.qs = torch.zeros(2, len(x), **DOUBLE, requires_grad=True)  # means, log σ's
        self._model_adam = torch.optim.Adam([self.model], MODEL_RATE, maximize=True, foreach=False)
        self._q_adam = torch.optim.Adam([self.qs], Q_RATE, maximize=True, foreach=False)
        nodes = torch.linspace(-6.0, 6.0, 25, **DOUBLE)  # ε of μ + σ ε
        weights = torch.exp(-nodes.square() / 2)
        self.nodes, self.weights = nodes.unsqueeze(-1), weights / weights.sum()

    def elbo(self) -> Tensor:
        """Mean over the x's, nats: E_q log p(x|z) by the trapezoid rule, less the closed KL."""
        mean, log_std = self.qs
        log_likelihood = self._log_likelihood(self.x, mean + log_std.exp() * self.nodes)
        kl = 0.5 * (mean**2 + torch.exp(2 * log_std) - 1 - 2 * log_std)
        mean_elbo: Tensor = (self.weights @ log_likelihood - kl).mean()
        return mean_elbo

    def _log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        a, b, c, log_s = self.model
        residual = (x - a * torch.tanh(b * z) - c) / log_s.exp()
        log_likelihood: Tensor = -0.5 * residual**2 - log_s - 0.5 * math.log(2 * math.pi)
        return log_likelihood

    def log_evidence(self, x: Tensor) -> Tensor:
        """log p(x) of each x, by the trapezoid rule over Z."""
        log_prior = -0.5 * Z.square() - 0.5 * math.log(2 * math.pi)
        joint = self._log_likelihood(x, Z.unsqueeze(-1)) + log_prior.unsqueeze(-1)
        return joint.logsumexp(0) + (Z[1] - Z[0]).log()

    @torch.no_grad()
    def stand(self) -> tuple[Tensor, Tensor, float, float, Tensor]:
        """a, b, c, s; the q's; the ELBO; log p of the x's; p(x) at X."""
        a, b, c, log_s = self.model
        parameters = torch.stack([a, b, c, log_s.exp()])
        evidence = self.log_evidence(self.x).mean().item()
        elbo, density = self.elbo().item(), self.log_evidence(X).exp()
        return parameters, self.qs.clone(), elbo, evidence, density

    def step_model(self, count: int) -> None:
        self._step(self._model_adam, self.model, count)

    def step_qs(self, count: int) -> None:
        self._step(self._q_adam, self.qs, count)

    def _step(self, adam: torch.optim.Adam, moved: Tensor, count: int) -> None:
        for _ in range(count):
            (moved.grad,) = torch.autograd.grad(self.elbo(), moved)
            adam.step()
