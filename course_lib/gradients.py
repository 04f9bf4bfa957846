"""Two ways to differentiate E_q f(z) in q's mean and std, and how noisy each is.

q is N(mean, std²) over one number. Estimates are per sample, so that their mean and their variance
can both be looked at. The closed forms are for three functions: z², sin ωz and a step. For coins,
which no reparameterisation reaches, there is the score function alone, and enumeration.

    >>> from course_lib.gradients import pathwise, score_function
    >>> noise = torch.tensor([-1.0, 0.0, 1.0])
    >>> pathwise(torch.square, 1.0, 1.0, noise).mean  # 2z at z = 1 + ε
    tensor([0., 2., 4.])
    >>> score_function(torch.square, 1.0, 1.0, noise).mean  # z² ε
    tensor([-0., 0., 4.])
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.arguments import (
    as_double,
    require_event,
    require_finite,
    require_floating,
    require_nonempty,
    require_positive,
)
from course_lib.distributions import Bernoulli

Function = Callable[[Tensor], Tensor]
NUDGE = 1e-4  # standard deviations: a step moves at hardly any sample, all else at nearly all
MOST_COINS = 16  # whose states are enumerated
# E[(cos θ − 1)² ε²] = Σ_n c_n sⁿ, n ≥ 2, for θ = √s ε; below s = ½ twenty terms leave 1e-17.
COSINE = [
    (-1) ** n * (2 * n + 1) / math.factorial(n) * (2 ** (n - 1) - 2 ** (1 - n))
    for n in range(2, 22)
]


@dataclass(frozen=True)
class Estimates:
    """One estimate of each derivative for every sample: ∂/∂mean and ∂/∂std of E_q f(z)."""

    mean: Tensor
    std: Tensor


@dataclass(frozen=True)
class Exact:
    """Of one derivative: its value, and the variance of a single sample of each estimator."""

    gradient: float
    pathwise_variance: float
    score_variance: float


def pathwise(f: Function, mean: float, std: float, noise: Tensor) -> Estimates:
    """f'(z) and f'(z) ε at z = mean + std·ε.  (Eq. 8.1)

    Unbiased if f is continuous and differentiable almost everywhere; blind to the jumps of a step.
    f maps (S,) to (S,) and is differentiated by autograd, under torch.no_grad() as well; noise:
    (S,) standard normal draws. Raises ValueError if f changes with z and autograd cannot tell how.
    Source: Kingma & Welling 2014; Rezende, Mohamed & Wierstra 2014.
    """
    _require(mean, std, noise)
    slope = _slope(f, mean + std * noise, std)
    return Estimates(slope, slope * noise)


def _slope(f: Function, z: Tensor, std: float) -> Tensor:
    """f'(z), (S,), whatever mode of autograd the caller has set."""
    with torch.inference_mode(False), torch.enable_grad():
        at = z.detach().clone().requires_grad_()
        value = _one_each(f, at)
        if value.requires_grad:
            (slope,) = torch.autograd.grad(value.sum(), at, allow_unused=True)
            if slope is not None:
                return slope
    moved = _one_each(f, z + NUDGE * std) != value.detach()
    if moved.double().mean() > 0.5:
        raise ValueError(
            f"f must be differentiable by autograd: it changes with z at {int(moved.sum())} of "
            f"{len(z)} samples, but its value is detached from z"
        )
    return torch.zeros_like(z)


def _one_each(f: Function, z: Tensor, shape: Sequence[int] | None = None) -> Tensor:
    """f(z). Raises ValueError unless it is one value for each sample: shape, or else that of z."""
    value = torch.as_tensor(f(z), dtype=None, device=z.device)  # as it is: a step may be bool
    wanted = tuple(z.shape if shape is None else shape)
    if value.shape != wanted:
        raise ValueError(f"f must map z {tuple(z.shape)} to {wanted}, got {tuple(value.shape)}")
    return value


def _require_coins(q: Bernoulli) -> int:
    """D. Raises ValueError unless q is a Bernoulli with batch ()."""
    if not isinstance(q, Bernoulli) or q.batch_shape:
        raise ValueError(f"q must be a Bernoulli with batch (), got {q!r}")
    return q.event_shape[0]


def score_function(
    f: Function, mean: float, std: float, noise: Tensor, *, baseline: float = 0.0
) -> Estimates:
    """(f(z) − b) ∂ log q(z): (f − b) ε/std and (f − b)(ε² − 1)/std.  (Eq. 8.2)

    Unbiased for any f with a finite mean, and for any constant b, because E_q ∂ log q = 0; f is
    only evaluated, never differentiated. noise: (S,). Source: Williams 1992.
    """
    _require(mean, std, noise)
    with torch.no_grad():
        value = _one_each(f, mean + std * noise).to(noise) - baseline
    return Estimates(value * noise / std, value * (noise.square() - 1) / std)


@dataclass(frozen=True)
class CoinGradient:
    """∂ E_q f(z)/∂ logit_d, exactly, for coins q: everything (D,).

    variance: of a single sample of `coin_score_function`. best_baseline: the b with the least; of
    a coin that is certain, where every b has none, the limit.
    """

    gradient: Tensor
    variance: Tensor
    best_baseline: Tensor


def coin_score_function(f: Function, q: Bernoulli, z: Tensor, *, baseline: float = 0.0) -> Tensor:
    """(f(z) − b)(z_d − p_d), the score function's estimate of ∂ E_q f(z)/∂ logit_d, (S, D).

    q: D coins, batch (). z: draws from q, (S, D) of zeros and ones. f: from (S, D) to (S,), only
    evaluated. Unbiased for any constant b, since E_q (z_d − p_d) = 0.
    Raises ValueError if the shapes do not fit. Source: Williams 1992; Mnih & Gregor 2014.
    """
    _require_coins(q)
    require_nonempty("z", require_event("z", z, q.event_shape[0]))
    q.log_prob(z)  # says so if one is neither 0 nor 1
    with torch.no_grad():
        values = _one_each(f, z, z.shape[:-1]).to(z) - baseline
    return values.unsqueeze(-1) * (z - q.mean.detach())


def coin_gradient(f: Function, q: Bernoulli, *, baseline: float = 0.0) -> CoinGradient:
    """The gradient and the variance of one sample of it, by enumeration of all 2^D states.

    For one coin: gradient p(1 − p)(f(1) − f(0)), variance p(1 − p)[(1 − p)f(1) + p f(0) − b]², and
    none at all with the best baseline b = (1 − p)f(1) + p f(0): E f with p turned into 1 − p, as
    it is for each of several. q, f: as for `coin_score_function`. Raises ValueError if D > 16.
    """
    size = _require_coins(q)
    if size > MOST_COINS:
        raise ValueError(f"q must have at most {MOST_COINS} coins to enumerate, got {size}")
    numbers = torch.arange(2**size, device=q.logits.device)
    states = (numbers.unsqueeze(-1) >> numbers[:size] & 1).to(q.logits)
    mass = q.log_prob(states).exp().detach().unsqueeze(-1)  # (2^D, 1)
    estimate = coin_score_function(f, q, states, baseline=baseline)
    gradient = (mass * estimate).sum(0)
    variance = (mass * (estimate - gradient).square()).sum(0)
    signs = mass.new_ones(size, size).fill_diagonal_(-1.0)  # in each row one coin is turned
    turned = [Bernoulli(row * q.logits.detach()).log_prob(states).exp() for row in signs]
    best = torch.stack(turned) @ _one_each(f, states, states.shape[:-1]).to(mass)
    return CoinGradient(gradient, variance, best)


def best_baseline(f: Function, mean: float, std: float, noise: Tensor) -> float:
    """The b with the least variance for ∂/∂mean, E[f ε²]/E[ε²], estimated from noise.  (Eq. 8.6)

    It is not the best for ∂/∂std, which is E[f (ε² − 1)²]/E[(ε² − 1)²]: for f = z² the two are
    μ² + 3σ² and μ² + 5σ². noise: (S,) standard normal draws. Raises ValueError if all are 0.
    """
    _require(mean, std, noise)
    weight = noise.square()
    require_positive("the sum of noise²", weight.sum())
    return ((_one_each(f, mean + std * noise) * weight).sum() / weight.sum()).item()


def square_in_mean(mean: float, std: float) -> Exact:
    """f = z²: gradient 2μ; variances 4σ² and μ⁴/σ² + 14μ² + 15σ².  (Eq. 8.3)

    With ρ = μ/σ their ratio is ¼(ρ⁴ + 14ρ² + 15) ≥ 3.75: the pathwise one always wins.
    """
    _require(mean, std)
    shift, spread, ratio = mean * mean, std * std, mean / std
    return Exact(2 * mean, 4 * spread, shift * ratio * ratio + 14 * shift + 15 * spread)


def square_in_std(mean: float, std: float) -> Exact:
    """f = z²: gradient 2σ; variances 4μ² + 8σ² and 2μ⁴/σ² + 60μ² + 74σ².  (Eq. 8.3)"""
    _require(mean, std)
    shift, spread, ratio = mean * mean, std * std, mean / std
    score = 2 * shift * ratio * ratio + 60 * shift + 74 * spread
    return Exact(2 * std, 4 * shift + 8 * spread, score)


def sine_in_mean(omega: float, mean: float, std: float, *, baseline: float = 0.0) -> Exact:
    """f = sin ωz: gradient g = ω cos(ωμ) d with d = e^{−ω²σ²/2}, and two variances.  (Eq. 8.4)

    pathwise  ½ω² (1 + cos(2ωμ) d⁴) − g²
    score     [½(1 − cos(2ωμ)(1 − 4ω²σ²) d⁴) − 2b sin(ωμ)(1 − ω²σ²) d + b²]/σ² − g²

    The first grows like ω², the second stays: at μ = 0, σ = 1 they cross at ω = 1.10899.
    Computed as sums of squares, because these differences lose their digits where ωσ is small.
    """
    _require(mean, std)
    require_finite("omega and baseline", as_double("omega and baseline", [omega, baseline]))
    spread = min((omega * std) * (omega * std), 1e5)  # all exponentials are 0 by then
    sine, cosine = math.sin(omega * mean), math.cos(omega * mean)
    fallen = -math.expm1(-spread)  # 1 − d²
    path = 0.5 * omega * omega * fallen * (fallen + 2 * (1 - fallen) * sine * sine)
    in_cosine, excess, in_sine = _sine_moments(spread)
    off = sine - baseline + sine * in_cosine
    score = off * off + sine * sine * excess + cosine * cosine * in_sine
    return Exact(omega * cosine * math.exp(-spread / 2), path, score / std / std)


def _sine_moments(s: float) -> tuple[float, float, float]:
    """Three moments of θ = √s ε, of which the score's variance is made.

    E[(cos θ − 1)ε²]; how far its square is below E[(cos θ − 1)²ε²]; and E[sin²θ ε²] − s e^−s, the
    variance of ε sin θ.
    """
    in_cosine = math.expm1(-s / 2) - s * math.exp(-s / 2)
    if s < 0.5:
        square = sum(c * s**n for n, c in enumerate(COSINE, start=2))
    else:
        square = 1.5 - 2 * (1 - s) * math.exp(-s / 2) + 0.5 * (1 - 4 * s) * math.exp(-2 * s)
    in_sine = -0.5 * math.expm1(-2 * s) + s * math.exp(-s) * (2 * math.exp(-s) - 1)
    return in_cosine, square - in_cosine * in_cosine, in_sine


def step_in_mean(threshold: float, mean: float, std: float) -> Exact:
    """f = 1[z > c]: gradient φ(a)/σ with a = (c − μ)/σ, and score variance.  (Eq. 8.5)

    The score's second moment is (a φ(a) + 1 − Φ(a))/σ². The pathwise estimate is 0 at every
    sample: variance 0, and wrong by the whole gradient.
    """
    _require(mean, std)
    require_finite("threshold", as_double("threshold", threshold))
    a = (threshold - mean) / std
    density = math.exp(-0.5 * a * a) / math.sqrt(2 * math.pi)
    # φ² ≤ φ/√2π, so this is at least (a − 0.4) φ + 1 − Φ > 0: nothing cancels.
    second = (a * density if density else 0.0) + math.erfc(a / math.sqrt(2)) / 2 - density**2
    return Exact(density / std, 0.0, second / std / std)


def _require(mean: float, std: float, noise: Tensor | None = None) -> None:
    """Raises ValueError unless mean is finite, std positive and noise a non-empty vector."""
    require_finite("mean", as_double("mean", float(mean)))
    require_positive("std", as_double("std", float(std)))
    if noise is not None:
        require_nonempty("noise", require_floating("noise", noise))
        if noise.ndim != 1:
            raise ValueError(f"noise must be (S,), got shape {tuple(noise.shape)}")
