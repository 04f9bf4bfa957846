"""Equations 3.1 to 4.6 for all values of their symbols, and what the library makes of them."""

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import pytest
import sympy as sp
import torch
from proof_worlds import (
    HALF,
    ONE,
    QUADRATURE,
    ZERO,
    average,
    gain,
    gaussian,
    integral,
    inverse,
    linear_world,
    log_normal,
    m,
    normal,
    over_every_draw,
    prove_frullani,
    prove_power,
    root,
    s,
    scalar_world,
    sigma,
    vector,
    w,
    x,
    z,
)
from proofs import Refuted, matches, prove
from sympy import Matrix, Symbol, diff, log, oo, pi

from course_lib import bounds
from course_lib.distributions import (
    Bernoulli,
    Categorical,
    DiagonalGaussian,
    FullGaussian,
    kl_bernoulli,
    kl_categorical,
    kl_diagonal,
    kl_divergence,
    kl_full,
)
from course_lib.exact import expected_log_mean
from course_lib.exact import linear_world as linear_world_on_a_grid


def two_ends(m: float, sigma: float) -> torch.Tensor:
    """Two draws of z, (2, 1), over which a square averages as over N(m, σ²)."""
    return vector(m - sigma, m + sigma).unsqueeze(-1)


@pytest.mark.proves("3.1", "all values, D = d = 1, any Gaussian q")
def test_weights_average_to_the_evidence() -> None:
    world, q = linear_world(), normal(z, m, sigma**2)
    log_weight = log_normal(x, w * z, s**2) + log_normal(z, ZERO, ONE) - log(q)
    joint = normal(x, w * z, s**2) * normal(z, ZERO, ONE)
    prove(log(q) + log_weight, log(joint))
    prove(log(integral(joint, z)), world.log_evidence)

    def library(z: float, w: float, s: float, x: float, m: float, sigma: float) -> torch.Tensor:
        q = DiagonalGaussian.from_std(vector(m), vector(sigma))
        return bounds.log_weights(scalar_world(w, s), q, vector(x), vector(z))

    matches(library, log_weight, (z, *world.symbols))


@pytest.mark.proves("3.2", "all values")
def test_jensen_by_the_tangent() -> None:
    """log w ≤ log m + (w − m)/m at every w, with equality at w = m alone; then average over q."""
    weight, mean = sp.symbols("W M", positive=True)
    prove(log(mean) + (weight - mean) / mean - log(weight), gain(weight / mean))
    world = linear_world()

    def library(w: float, s: float, x: float, m: float, sigma: float) -> list[torch.Tensor]:
        q = DiagonalGaussian.from_std(vector(m), vector(sigma))
        z, model = two_ends(m, sigma), scalar_world(w, s)
        return [
            model.elbo(q, vector(x)),
            linear_world_on_a_grid(w, s).elbo(q, x),
            bounds.elbo(model, q, vector(x), z),
        ]

    matches(library, [world.elbo] * 3, world.symbols, rounding=QUADRATURE)


def kl_to_the_prior() -> sp.Expr:
    return HALF * (sigma**2 + m**2 - 1 - log(sigma**2))


@pytest.mark.proves("3.3", "all values, D = d = 1")
def test_the_elbo_is_two_terms() -> None:
    world = linear_world()
    prove(world.elbo, world.reconstruction - kl_to_the_prior())

    def library(w: float, s: float, x: float, m: float, sigma: float) -> list[torch.Tensor]:
        q = DiagonalGaussian.from_std(vector(m), vector(sigma))
        found = bounds.terms(scalar_world(w, s), q, vector(x), two_ends(m, sigma))
        return [found.reconstruction, found.kl, found.elbo]

    matches(library, [world.reconstruction, kl_to_the_prior(), world.elbo], world.symbols)


@pytest.mark.proves("3.4", "all weights, K ≤ 4, and L_K ≤ L_{K+1}")
@pytest.mark.parametrize("count", range(1, 5))
def test_one_weight_left_out(count: int) -> None:
    """The mean of K + 1 weights is the mean, over which one is left out, of means of K.

    The logarithm is concave, so L_K ≤ L_{K+1}; by the tangent of (3.2), L_K ≤ log E w = log p(x).
    """
    weights = sp.symbols(f"W:{count + 1}", positive=True)
    left_out = [(sum(weights) - one) / count for one in weights]
    prove(sum(left_out) / (count + 1), sum(weights) / (count + 1))
    matches(
        lambda *weights: bounds.importance_weighted_bound(vector(*weights).log()),
        log(sum(weights) / (count + 1)),
        weights,
    )


@pytest.mark.proves("3.5", "all values; the power for two states, K ≤ 4")
@pytest.mark.parametrize("count", range(1, 5))
def test_the_expected_log_of_a_mean(count: int) -> None:
    prove_frullani()
    prove_power(count)
    first, *weights = sp.symbols("p l0 l1", positive=True)
    enumerated = over_every_draw(
        2, count, [first, 1 - first], lambda draw: log(sum(weights[i] for i in draw) / count)
    )

    def library(first: float, *weights: float) -> torch.Tensor:
        probs = vector(first, 1 - first)
        return expected_log_mean(vector(*weights).log(), probs.log(), [count])

    matches(
        library,
        enumerated,
        (first, *weights),
        domain=lambda first, *weights: first < 1,
        rounding=QUADRATURE,
    )


@pytest.mark.proves("3.6", "all weights, K = 4: 1 ≤ ESS ≤ K")
def test_the_effective_sample_size() -> None:
    weights = sp.symbols("W:4", positive=True)
    squares, pairs = sum(v**2 for v in weights), list(sp.utilities.iterables.subsets(weights, 2))
    total = sum(weights) ** 2
    # ESS < K by so much, 0 if all are equal; and ESS > 1 by so much, 0 if one stands alone.
    prove(4 * squares - total, sum((a - c) ** 2 for a, c in pairs))
    prove(total - squares, 2 * sum(a * c for a, c in pairs))
    matches(
        lambda *weights: bounds.effective_sample_size(vector(*weights).log()),
        total / squares,
        weights,
    )


mean_p, std_p = Symbol("mu_p", real=True), Symbol("sigma_p", positive=True)


@pytest.mark.proves("4.1", "all q and p")
def test_a_divergence_is_never_negative() -> None:
    """log q/p ≥ 1 − p/q at every z with q > 0, and E_q[p/q] ≤ 1: p sums to one over everything."""
    q, p = sp.symbols("q p", positive=True)
    prove(log(q / p) - (1 - p / q), gain(p / q))
    claim = gaussian_kl_claim()
    matches(
        lambda *v: kl_divergence(gaussian(*v[:2]), gaussian(*v[2:])),
        claim,
        (m, sigma, mean_p, std_p),
    )


@pytest.mark.proves("4.2", "all values, D = d = 1, any Gaussian q")
def test_elbo_and_gap_are_the_evidence() -> None:
    world = linear_world()
    prove(world.elbo + world.gap, world.log_evidence)

    def library(w: float, s: float, x: float, m: float, sigma: float) -> list[torch.Tensor]:
        model, q = scalar_world(w, s), gaussian(m, sigma)
        gap = bounds.gap(q, model.posterior(vector(x)))
        return [gap, model.elbo(q, vector(x)), model.elbo(q, vector(x)) + gap]

    matches(library, [world.gap, world.elbo, world.log_evidence], world.symbols)


class Cauchy:
    """A density that is positive everywhere, and has no mean."""

    batch_shape, event_shape = torch.Size(()), torch.Size((1,))

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        return -(torch.pi * (1 + z.square())).log().sum(-1)


def test_the_missing_identity_needs_a_finite_term() -> None:
    """E_q z² = ∞ under a Cauchy q: the ELBO is −∞ and the KL to a Gaussian posterior ∞.

    The integrals over ±L run away as L grows; the library's, which cannot reach the tails, says so.
    """
    q, end = 1 / (pi * (1 + z**2)), Symbol("L", positive=True)
    square = sp.integrate(z**2 * q, (z, -end, end))
    assert sp.limit(square, end, oo) == oo
    entropy = mpmath.quad(sp.lambdify(z, -q * log(q), "mpmath"), [-mpmath.inf, 0, mpmath.inf])
    assert entropy == pytest.approx(float(log(4 * pi)), rel=1e-9)  # finite: not to blame
    with pytest.raises(ValueError, match="q must have its mass between"):
        linear_world_on_a_grid(1.0, 1.0).elbo(Cauchy(), vector(1.0))  # type: ignore[arg-type]


def gaussian_kl_claim() -> sp.Expr:
    ratio = sigma**2 / std_p**2
    return HALF * (ratio + (m - mean_p) ** 2 / std_p**2 - 1 - log(ratio))


@cache
def gaussian_kl() -> sp.Expr:
    """∫ q log q/p, by SymPy's integration."""
    e = Symbol("e", real=True)
    log_ratio = log_normal(z, m, sigma**2) - log_normal(z, mean_p, std_p**2)
    return integral(sp.expand(log_ratio.subs(z, m + sigma * e) * normal(e, ZERO, ONE)), e)


@pytest.mark.proves("4.3", "all values, one coordinate; the others add")
def test_the_divergence_of_two_gaussians() -> None:
    prove(gaussian_kl(), gaussian_kl_claim())
    matches(
        lambda *v: kl_diagonal(gaussian(*v[:2]), gaussian(*v[2:])),
        gaussian_kl_claim(),
        (m, sigma, mean_p, std_p),
    )


@pytest.mark.proves("4.4", "all values, d = 2")
def test_the_divergence_of_two_full_gaussians() -> None:
    root_q, root_p = root("q"), root("p")
    shift = Matrix(sp.symbols("d0 d1", real=True))  # μ_q − μ_p
    noise = Matrix(sp.symbols("e0 e1", real=True))
    precision = inverse(root_p * root_p.T)
    from_p = shift + root_q * noise  # z − μ_p
    quadratic = ((from_p.T * precision * from_p) - noise.T * noise)[0]
    log_ratio = log((root_q * root_q.T).det() / (root_p * root_p.T).det())
    derived = HALF * (average(quadratic, *noise) - log_ratio)
    trace = (precision * root_q * root_q.T).trace()
    claim = HALF * (trace + (shift.T * precision * shift)[0] - 2 - log_ratio)
    prove(derived, claim)

    def library(*v: float) -> torch.Tensor:
        q, p = (vector(a, 0, c, d).reshape(2, 2) for a, c, d in (v[:3], v[3:6]))
        return kl_full(FullGaussian(vector(*v[6:]), q), FullGaussian(vector(0, 0), p))

    free = [entry for factor in (root_q, root_p) for entry in factor if entry != 0]
    matches(library, claim, (*free, *shift))


@pytest.mark.proves("4.5", "all values, D = 2 coins: every picture")
def test_the_divergence_of_coins() -> None:
    q, p = sp.symbols("q:2", positive=True), sp.symbols("p:2", positive=True)

    def chance(probs: tuple[Symbol, ...], picture: tuple[int, int]) -> sp.Expr:
        return sp.prod([a if on else 1 - a for a, on in zip(probs, picture, strict=True)])

    pictures = [(0, 0), (0, 1), (1, 0), (1, 1)]
    enumerated = sum(chance(q, i) * log(chance(q, i) / chance(p, i)) for i in pictures)
    claim = sum(
        a * log(a / c) + (1 - a) * log((1 - a) / (1 - c)) for a, c in zip(q, p, strict=True)
    )
    prove(enumerated, claim)

    def library(*v: float) -> torch.Tensor:
        return kl_bernoulli(
            Bernoulli.from_probs(vector(*v[:2])), Bernoulli.from_probs(vector(*v[2:]))
        )

    matches(library, claim, (*q, *p), domain=lambda *v: max(v) < 1)


@pytest.mark.proves("4.6", "all values, K = 3: never negative, and 0 at q = p")
def test_the_divergence_of_tables() -> None:
    q, p = sp.symbols("q0 q1", positive=True), sp.symbols("p0 p1", positive=True)
    full_q, full_p = (*q, 1 - sum(q)), (*p, 1 - sum(p))
    claim = sum(a * log(a / c) for a, c in zip(full_q, full_p, strict=True))
    same = dict(zip(q, p, strict=True))
    prove(claim.subs(same), 0)
    for entry in q:
        prove(diff(claim, entry).subs(same), 0)
    hessian = sp.hessian(claim, q)
    prove(hessian[0, 0], 1 / q[0] + 1 / full_q[2])
    prove(hessian.det(), 1 / (q[0] * q[1] * full_q[2]))

    def library(*v: float) -> torch.Tensor:
        q, p = (vector(a, c, 1 - a - c) for a, c in (v[:2], v[2:]))
        return kl_categorical(Categorical.from_probs(q), Categorical.from_probs(p))

    matches(library, claim, (*q, *p), domain=lambda *v: v[0] + v[1] < 1 and v[2] + v[3] < 1)


WRONG = {
    "3.3, the KL added": lambda: (
        linear_world().elbo,
        linear_world().reconstruction + kl_to_the_prior(),
    ),
    "3.3, σ for σ²": lambda: (
        linear_world().rate,
        kl_to_the_prior().subs(sigma**2, sigma),
    ),
    "4.2, the gap subtracted": lambda: (
        linear_world().elbo - linear_world().gap,
        linear_world().log_evidence,
    ),
    "4.2, the KL to the prior taken for the gap": lambda: (
        linear_world().elbo + linear_world().rate,
        linear_world().log_evidence,
    ),
    "4.3, without the − 1": lambda: (gaussian_kl(), gaussian_kl_claim() + HALF),
    "4.3, q and p exchanged": lambda: (
        gaussian_kl(),
        gaussian_kl_claim().subs({sigma: std_p, std_p: sigma}, simultaneous=True),
    ),
    "4.3, the log of σ for that of σ²": lambda: (
        gaussian_kl(),
        gaussian_kl_claim() + HALF * log(sigma / std_p),
    ),
}


@pytest.mark.parametrize("claim", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_claim_is_refuted(claim: Callable[[], tuple[Any, Any]]) -> None:
    with pytest.raises(Refuted):
        prove(*claim())
