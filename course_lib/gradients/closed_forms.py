"""What both estimators estimate, and with what variance, for z², sin ωz and a step."""

import math
from dataclasses import dataclass

from course_lib.arguments import as_double, require_finite, require_positive

# E[(cos θ − 1)² ε²] = Σ_n c_n sⁿ, n ≥ 2, for θ = √s ε; below s = ½ twenty terms leave 1e-17.
COSINE = [
    (-1) ** n * (2 * n + 1) / math.factorial(n) * (2 ** (n - 1) - 2 ** (1 - n))
    for n in range(2, 22)
]


@dataclass(frozen=True)
class ExactDerivative:
    """Of one derivative: its value, and the variance of a single sample of each estimator."""

    gradient: float
    pathwise_variance: float
    score_variance: float


def square_in_mean(mean: float, std: float) -> ExactDerivative:
    """f = z²: gradient 2μ; variances 4σ² and μ⁴/σ² + 14μ² + 15σ².  (Eq. 8.3)

    With ρ = μ/σ their ratio is ¼(ρ⁴ + 14ρ² + 15) ≥ 3.75 without a baseline. The best
    constant leaves 2ρ² + 3/2: the pathwise one always wins.
    Raises ValueError as `require_normal` does.
    """
    require_normal(mean, std)
    shift, spread, ratio = mean * mean, std * std, mean / std
    return ExactDerivative(2 * mean, 4 * spread, shift * ratio * ratio + 14 * shift + 15 * spread)


def square_in_std(mean: float, std: float) -> ExactDerivative:
    """f = z²: gradient 2σ; variances 4μ² + 8σ² and 2μ⁴/σ² + 60μ² + 74σ².  (Eq. 8.3)

    Raises ValueError as `require_normal` does.
    """
    require_normal(mean, std)
    shift, spread, ratio = mean * mean, std * std, mean / std
    score = 2 * shift * ratio * ratio + 60 * shift + 74 * spread
    return ExactDerivative(2 * std, 4 * shift + 8 * spread, score)


def sine_in_mean(
    omega: float, mean: float, std: float, *, baseline: float = 0.0
) -> ExactDerivative:
    """f = sin ωz: gradient g = ω cos(ωμ) δ with δ = e^{−ω²σ²/2}, and two variances.  (Eq. 8.4)

    pathwise  ½ω² (1 + cos(2ωμ) δ⁴) − g²
    score     [½(1 − cos(2ωμ)(1 − 4ω²σ²) δ⁴) − 2b sin(ωμ)(1 − ω²σ²) δ + b²]/σ² − g²

    The first grows like ω², the second stays: at μ = 0, σ = 1 they cross at ω = 1.10899.
    Computed as sums of squares, because these differences lose their digits where ωσ is small.
    Raises ValueError as `require_normal` does, and unless omega and baseline are finite.
    """
    require_normal(mean, std)
    require_finite("omega and baseline", as_double("omega and baseline", [omega, baseline]))
    require_finite("omega mean", as_double("omega mean", omega * mean))
    spread = min((omega * std) * (omega * std), 1e5)  # all exponentials are 0 by then
    sine, cosine = math.sin(omega * mean), math.cos(omega * mean)
    fallen = -math.expm1(-spread)  # 1 − δ²
    path = 0.5 * (omega * fallen) * omega * (fallen + 2 * (1 - fallen) * sine * sine)
    in_cosine, excess, in_sine = _sine_moments(spread)
    off = sine - baseline + sine * in_cosine
    score = off * off + sine * sine * excess + cosine * cosine * in_sine
    return ExactDerivative(omega * cosine * math.exp(-spread / 2), path, score / std / std)


def step_in_mean(threshold: float, mean: float, std: float) -> ExactDerivative:
    """f = 1[z > c]: gradient q(c), the density of q at the step, and score variance.  (Eq. 8.5)

    With a = (c − μ)/σ, q(c) = φ(a)/σ, and the score's second moment is (a φ(a) + 1 − Φ(a))/σ².
    The pathwise estimate is 0 at every sample: variance 0, and wrong by the whole gradient.
    Raises ValueError as `require_normal` does, and unless threshold is finite.
    """
    require_normal(mean, std)
    require_finite("threshold", as_double("threshold", threshold))
    a = (threshold - mean) / std
    density = math.exp(-0.5 * a * a) / math.sqrt(2 * math.pi)
    # φ² ≤ φ/√2π, so this is at least (a − 0.4) φ + 1 − Φ > 0: nothing cancels.
    second = (a * density if density else 0.0) + math.erfc(a / math.sqrt(2)) / 2 - density**2
    return ExactDerivative(density / std, 0.0, second / std / std)


def require_normal(mean: float, std: float) -> None:
    """Raises ValueError unless mean is finite and std positive: those of N(mean, std²)."""
    require_finite("mean", as_double("mean", float(mean)))
    require_positive("std", as_double("std", float(std)))


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
