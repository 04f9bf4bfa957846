"""The best one-layer model against SciPy's optimisers on sums that are written out here."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import logsumexp
from torch import Generator, Tensor

from course_lib.exact import ScalarChain, TanhArrow, tanh_world
from course_lib.exact.numerics.bent_panels import Rule, graded_rule, plain_rule
from course_lib.exact.optima import one_layer_fit as module
from course_lib.exact.optima.one_layer_fit import (
    best_gaussian_kl,
    best_one_layer,
    one_layer_log_density,
)
from course_lib.exact.tanh_arrow import fold

pytestmark = pytest.mark.long  # searches over four numbers
LOW = (3.0, 0.5, 0.0, 0.4)
Z = np.linspace(-8, 8, 801)
WEIGHTS = np.exp(-0.5 * Z**2) / np.exp(-0.5 * Z**2).sum()


def grid(b2: float, c2: float) -> tuple[Tensor, Tensor, Tensor]:
    """x, mass and log p(x) of the two-layer world, in equal steps of a quarter of its noise."""
    world, x = ScalarChain([LOW, (2.0, b2, c2, 0.3)]), torch.linspace(-5.6, 5.6, 113).double()
    log_density = fold(world.arrows[0], world.marginal(1), x)[0]
    mass = log_density.exp() / log_density.exp().sum()
    return x, mass, log_density


def slow_kl(x: Tensor, mass: Tensor, log_density: Tensor, bias: bool) -> float:
    """The least KL by BFGS from a dozen starts, on a plain grid over z."""
    at, p, log_p = (v.numpy() for v in (x, mass, log_density))

    def kl(theta: NDArray[np.float64]) -> float:
        a, log_b, c, log_s, d = (*theta, 0.0)[:5]
        mean = a * np.tanh(np.exp(log_b) * Z + d) + c
        density = np.exp(-0.5 * ((at[:, None] - mean) / np.exp(log_s)) ** 2) @ WEIGHTS
        return float((p * (log_p - np.log(density + 1e-300) + log_s)).sum()) + 0.5 * math.log(
            2 * math.pi
        )

    extra = [0.2] if bias else []
    starts = [
        [a, b, (p * at).sum(), s, *extra]
        for a in (0.5, 2.0, 4.0)
        for b in (-1.0, 1.0)
        for s in (-0.9, 0.0)
    ]
    return min(float(minimize(kl, start, method="BFGS").fun) for start in starts)


def test_density_is_that_of_the_scalar_world() -> None:
    x = torch.linspace(-4, 4, 9, dtype=torch.float64)
    for a, b, c, s in ((2.0, 1.0, 0.3, 0.5), (3.0, 0.2, -1.0, 0.4), (2.2, 5.0, 0.4, 0.45)):
        wanted = tanh_world(a, b, c, s).log_evidence(x[:, None])
        found = one_layer_log_density(TanhArrow(a, b, c, s), x)
        torch.testing.assert_close(found, wanted, rtol=0, atol=3e-6)


@pytest.mark.equation("11.4")
def test_one_layer_is_symmetric_and_an_offset_inside_breaks_it() -> None:
    u = torch.linspace(0.1, 4, 40, dtype=torch.float64)
    for a, b, c, s in ((2.0, 1.0, 0.3, 0.5), (-3.0, 2.0, -1.0, 0.9)):
        up, down = (one_layer_log_density(TanhArrow(a, b, c, s), c + sign * u) for sign in (1, -1))
        torch.testing.assert_close(up, down, rtol=0, atol=1e-12)
        assert abs(ScalarChain([(a, b, c, s)]).evidence.skew) < 1e-12
        leaning = ScalarChain([(a, b, c, s, 0.5)]).evidence.skew
        assert abs(leaning) > 0.1


@pytest.mark.parametrize("rule", [plain_rule, graded_rule])
def test_scores_are_the_derivatives(rule: Rule, generator: Generator) -> None:
    theta = torch.tensor([[2.1, 1.3, 0.2, -0.7, 0.3], [0.8, 3.0, -1.0, 0.1, -0.5]]).double()
    theta.requires_grad_()
    x = torch.randn(7, dtype=torch.float64, generator=generator)
    value, score = module._evaluate(theta, x, rule(theta.detach()))
    for row in range(2):
        for n in range(7):
            (exact,) = torch.autograd.grad(value[row, n], theta, retain_graph=True)
            torch.testing.assert_close(score[row, n], exact[row], rtol=0, atol=1e-12)


@pytest.mark.equation("11.5")
@pytest.mark.parametrize(
    ("b2", "c2", "bias"),
    [(3.0, 0.7, False), (1.0, 1.5, False), (0.5, 0.7, False), (3.0, 0.7, True), (1.0, 1.5, True)],
)
def test_no_start_finds_a_closer_one(b2: float, c2: float, bias: bool) -> None:
    world = grid(b2, c2)
    fit = best_one_layer(*world, bias=bias)
    assert fit.kl == pytest.approx(slow_kl(*world, bias), abs=1e-6)
    x, mass, log_density = world
    direct = mass * (log_density - one_layer_log_density(fit.arrow, x))
    assert float(direct.sum()) == pytest.approx(fit.kl, abs=1e-12)
    assert (fit.arrow.d != 0) == bias


@pytest.mark.equation("11.5")
def test_the_number_of_the_text() -> None:
    assert best_one_layer(*grid(3.0, 0.7)).kl == pytest.approx(0.00619, abs=5e-6)
    assert best_one_layer(*grid(3.0, 0.7), bias=True).kl > 0.003


@pytest.mark.parametrize(
    "arrow", [(2.0, 1.0, 0.3, 0.5), (3.0, 0.15, 0.0, 0.4), (2.2, 4.0, 1.0, 0.4)]
)
def test_a_one_layer_model_is_found_again(arrow: tuple[float, float, float, float]) -> None:
    at = ScalarChain([arrow]).evidence
    fit = best_one_layer(at.nodes, at.weights, at.log_density)
    assert abs(fit.kl) < 1e-8


@pytest.mark.parametrize(("mean", "std"), [(0.0, 0.01), (0.0, 15.0), (300.0, 1000.0)])
def test_a_gaussian_of_any_width_is_found(mean: float, std: float) -> None:
    x = mean + std * torch.linspace(-8, 8, 401, dtype=torch.float64)
    log_density = torch.distributions.Normal(mean, torch.tensor(std).double()).log_prob(x)
    mass = log_density.exp() / log_density.exp().sum()
    assert abs(best_one_layer(x, mass, log_density).kl) < 1e-6


def two_peaks(gap: float, s: float, share: float) -> tuple[Tensor, Tensor, Tensor]:
    """share · N(−gap, s²) + (1 − share) · N(gap, s²), in steps of a third of s."""
    x = torch.linspace(-gap - 8 * s, gap + 8 * s, int(6 * (gap + 8 * s) / s), dtype=torch.float64)
    peaks = [
        math.log(p) - 0.5 * ((x - m) / s).square() for p, m in ((share, -gap), (1 - share, gap))
    ]
    log_density = torch.stack(peaks).logsumexp(0) - math.log(s * math.sqrt(2 * math.pi))
    return x, log_density.exp() / log_density.exp().sum(), log_density


@pytest.mark.equation("11.5")
@pytest.mark.parametrize(
    ("gap", "s", "share", "bias"),
    [(2.0, 0.3, 0.5, False), (2.0, 0.1, 0.5, True), (1.0, 0.3, 0.5, False), (2.0, 0.3, 0.3, True)],
)
def test_two_peaks_are_a_tanh_that_becomes_a_step(
    gap: float, s: float, share: float, bias: bool
) -> None:
    """a = gap, b → ∞, s, and d/b → Φ⁻¹(1 − share): the KL comes as near to 0 as one likes."""
    fit = best_one_layer(*two_peaks(gap, s, share), bias=bias)
    assert abs(fit.kl) < 1e-8
    assert abs(fit.arrow.a) == pytest.approx(gap, rel=1e-3)
    assert fit.arrow.s == pytest.approx(s, rel=1e-3)
    place = fit.arrow.d / fit.arrow.b * math.copysign(1.0, fit.arrow.a)
    assert place == pytest.approx(float(torch.special.ndtri(torch.tensor(1 - share))), abs=1e-5)


def test_uneven_peaks_without_a_bias_stay_far(generator: Generator) -> None:
    """One layer gives each peak half of its mass: KL = log 2 − H(0.3), in nats."""
    exact = math.log(2) + 0.3 * math.log(0.3) + 0.7 * math.log(0.7)
    assert best_one_layer(*two_peaks(2.0, 0.3, 0.3)).kl == pytest.approx(exact, abs=1e-7)


def step_kl(x: Tensor, mass: Tensor, log_density: Tensor) -> float:
    """The least KL of what a tanh becomes as b → ∞, ½N(c − a, s²) + ½N(c + a, s²), by SciPy."""
    at, p, log_p = (v.numpy() for v in (x, mass, log_density))

    def kl(theta: NDArray[np.float64]) -> float:
        a, c, log_s = theta
        peaks = [-0.5 * ((at - c - sign * a) / np.exp(log_s)) ** 2 for sign in (-1, 1)]
        log_q = np.logaddexp(*peaks) - log_s - math.log(2 * math.sqrt(2 * math.pi))
        return float((p * (log_p - log_q)).sum())

    starts = [(a, c, log_s) for a in (0.5, 2.0) for c in (-1.0, 0.0, 1.0) for log_s in (-0.5, 0.5)]
    return min(float(minimize(kl, start, method="BFGS").fun) for start in starts)


def test_a_start_at_the_wall_is_followed_where_another_has_settled() -> None:
    """Shallow tanhs settle first, 0.004 nats above the step that the steep ones would become."""
    world = two_peaks(2.0, 0.7, 0.2)
    assert best_one_layer(*world).kl == pytest.approx(step_kl(*world), abs=1e-6)


@pytest.mark.equation("11.4")
@pytest.mark.parametrize("b", [12.5, 100.0, 1e4])
def test_the_density_of_a_steep_tanh(b: float) -> None:
    """Between the peaks of a steep tanh, by SciPy over the place where it bends."""
    arrow, x = TanhArrow(2.0, b, 0.1, 0.3, 0.4 * b), torch.tensor([-2.0, 0.2, 1.7]).double()

    def joint(u: float, at: float) -> float:  # u = b (z + 0.4)
        z = u / b - 0.4
        mean = 2.0 * math.tanh(u) + 0.1
        return math.exp(-0.5 * ((at - mean) / 0.3) ** 2 - 0.5 * z * z) / (b * 0.3 * 2 * math.pi)

    for at, found in zip(x.tolist(), one_layer_log_density(arrow, x).tolist(), strict=True):
        edges = [-9 * b, -20.0, -3.0, 0.0, 3.0, 20.0, 9 * b]
        parts = [
            quad(joint, *e, args=(at,), epsabs=0, epsrel=1e-12, limit=500)[0]
            for e in pairwise(edges)
        ]
        assert found == pytest.approx(math.log(sum(parts)), abs=1e-9)


def test_a_wall_is_no_maximum(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no finer sums to turn to, the fit says that it stopped, and where."""
    monkeypatch.setattr(module, "graded_rule", plain_rule)
    with pytest.raises(
        ValueError, match=r"converged: a steeper .* with KL 0.0\d+, is TanhArrow\(a="
    ):
        best_one_layer(*two_peaks(2.0, 0.3, 0.5))


def test_density_far_from_every_node_is_no_floor() -> None:
    far = one_layer_log_density(TanhArrow(1.0, 1.0, 0.0, 0.1), torch.tensor([6.0]).double())
    assert far.item() == pytest.approx(-0.5 * (5 / 0.1) ** 2, rel=2e-2)


def test_a_fit_that_still_climbs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEPS", 1)
    with pytest.raises(ValueError, match=r"not converged: step 1 still gains [\d.e-]+ nats"):
        best_one_layer(*grid(3.0, 0.7), starts=[(2.1, 1.0, 0.0, 20.0)])


@pytest.mark.equation("11.6")
def test_the_best_gaussian() -> None:
    x, mass, log_density = grid(3.0, 0.7)
    best = best_gaussian_kl(x, mass, log_density)
    assert best == pytest.approx(0.4587, abs=5e-5)

    def kl(theta: NDArray[np.float64]) -> float:
        log_gaussian = -0.5 * ((x - theta[0]) / math.exp(theta[1])) ** 2 - theta[1]
        return float((mass * (log_density - log_gaussian)).sum()) + 0.5 * math.log(2 * math.pi)

    found = minimize(kl, [0.0, 0.0])
    assert best == pytest.approx(found.fun, abs=1e-8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, m, v: best_one_layer(x, m, v[:-1]), r"must be \(N,\) each"),
        (lambda x, m, v: best_gaussian_kl(x, (1 + 2e-6) * m, v), r"must be 1, got 1\.000002"),
        (lambda x, m, v: best_gaussian_kl(x, 2 * m, v), "sum of mass must be 1, got 2"),
        (
            lambda x, m, v: one_layer_log_density(TanhArrow(3.0, 9.0, 0.0, 0.001), x),
            "too steep for its noise",
        ),
    ],
)
def test_bad_input_is_named(call: Callable[..., object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(*grid(3.0, 0.7))


@pytest.mark.parametrize("arrow", [(20.0, 0.05, 0.0, 0.25), (20.0, 0.05, 0.0, 0.5)])
def test_an_x_that_only_far_draws_can_make_has_its_density(arrow: tuple[float, ...]) -> None:
    """At 12 and 18 the z that make x lie beyond 9; against the scalar world's own quadrature."""
    x = torch.tensor([0.5, 3.0, 6.0, 9.0, 12.0, -18.0], dtype=torch.float64)
    found = one_layer_log_density(TanhArrow(*arrow), x)
    exact = tanh_world(*arrow).log_evidence(x[:, None])
    assert found.tolist() == pytest.approx(exact.tolist(), abs=1e-8)


def test_an_x_that_not_even_draws_of_forty_make_is_refused() -> None:
    """What makes 100 lies around z = 50; the reference is a fine sum over |z| ≤ 150."""
    arrow, x = TanhArrow(2000.0, 0.0005, 0.0, 1.0), torch.tensor([3.0, 20.0, 100.0]).double()
    z = np.linspace(-150, 150, 600_001)
    log_joint = -0.5 * (x.numpy()[:, None] - 2000 * np.tanh(0.0005 * z)) ** 2 - 0.5 * z * z
    exact = logsumexp(log_joint, axis=1) + math.log(z[1] - z[0]) - math.log(2 * math.pi)
    near = one_layer_log_density(arrow, x[:2])
    assert near.tolist() == pytest.approx(exact[:2].tolist(), abs=1e-8)
    assert exact[2] == pytest.approx(-2501.79, abs=0.01)  # the sum over |z| ≤ 40 is −2605.16
    with pytest.raises(ValueError, match=r"x must be so near .* −40 to 40 .*, got 100 at .*\(2,\)"):
        one_layer_log_density(arrow, x)
