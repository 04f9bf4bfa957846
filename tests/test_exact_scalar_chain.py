"""ScalarChain against plain sums over grids, SciPy, ScalarLatent, and simulation."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.integrate import dblquad, quad
from torch import Generator, Tensor

from course_lib.checks import monte_carlo
from course_lib.distributions import DiagonalGaussian
from course_lib.exact import LinearGaussian, LinearGaussianChain, ScalarChain, tanh_world
from course_lib.exact.numerics.quadrature import WEIGHTS, panel_weights
from course_lib.exact.scalar_chain import standard_steps
from course_lib.exact.tanh_arrow import _matters

TWO = [(3.0, 0.5, 0.0, 0.4), (2.0, 3.0, 0.7, 0.3)]  # skew −0.124
SHARP = [(-2.0, 4.0, 1.0, 0.2), (1.5, -2.0, -0.4, 0.25), (2.0, 1.0, 0.3, 0.5)]


def normal(v: Any, mean: Any, s: float) -> Any:
    return np.exp(-0.5 * ((v - mean) / s) ** 2) / (s * math.sqrt(2 * math.pi))


def density(
    arrows: list[tuple[float, float, float, float]], x: NDArray[np.float64]
) -> NDArray[np.float64]:
    """p(x) by sums with equal steps, level by level from the prior: no code of the course.

    For smooth functions that vanish at both ends such a sum is exact to exp(−(2π s/h)²/2); the
    steps are a hundredth, so that even s = 0.2 over a slope of 8 leaves nothing.
    """
    z = np.arange(-9, 9, 0.005)
    p = normal(z, 0, 1)
    for a, b, c, s in reversed(arrows[1:]):
        below = np.arange(-9, 9, 0.005)
        p = np.concatenate(
            [
                normal(part[:, None], a * np.tanh(b * z) + c, s) @ p * 0.005
                for part in np.array_split(below, 20)
            ]
        )
        z = below
    a, b, c, s = arrows[0]
    found: NDArray[np.float64] = (
        normal(np.asarray(x)[:, None], a * np.tanh(b * z) + c, s) @ p * 0.005
    )
    return found


@pytest.mark.parametrize("arrows", [TWO[:1], TWO, SHARP])
def test_evidence_is_the_sum_over_a_fine_grid(
    arrows: list[tuple[float, float, float, float]],
) -> None:
    x = np.array([-3.5, -1.0, 0.0, 0.4, 2.0, 3.7])
    world = ScalarChain(arrows)
    value, error = world.log_evidence_with_error(torch.from_numpy(x)[:, None])
    np.testing.assert_allclose(value.numpy(), np.log(density(arrows, x)), rtol=0, atol=1e-10)
    assert float(error.max()) < 1e-9
    assert world.depth == len(arrows)


@pytest.mark.equation("1.1")
def test_evidence_by_scipy() -> None:
    (a1, b1, c1, s1), (a2, b2, c2, s2) = TWO

    def joint(z2: float, z1: float) -> float:
        low = normal(0.7, a1 * math.tanh(b1 * z1) + c1, s1)
        return float(low * normal(z1, a2 * math.tanh(b2 * z2) + c2, s2) * normal(z2, 0, 1))

    value, _ = dblquad(joint, -5, 7, -1.5, 1.5, epsabs=1e-9, epsrel=1e-9)
    left, _ = dblquad(joint, -5, 7, -9, -1.5, epsabs=1e-9, epsrel=1e-9)
    right, _ = dblquad(joint, -5, 7, 1.5, 9, epsabs=1e-9, epsrel=1e-9)
    exact = ScalarChain(TWO).log_evidence(0.7).item()
    assert exact == pytest.approx(math.log(value + left + right), abs=1e-7)


def test_one_layer_is_scalar_latent() -> None:
    world, one = tanh_world(2.0, 1.0, 0.3, 0.5), ScalarChain([(2.0, 1.0, 0.3, 0.5)])
    x = torch.tensor([[-4.0], [0.0], [1.0], [2.5]]).double()
    torch.testing.assert_close(one.log_evidence(x), world.log_evidence(x), rtol=0, atol=1e-11)
    q = DiagonalGaussian.from_std(0.3 * x, 0.7)
    elbo = one.elbo([lambda x: DiagonalGaussian.from_std(0.3 * x, 0.7)], x)
    torch.testing.assert_close(elbo, world.elbo(q, x), rtol=0, atol=1e-9)


def test_a_slope_so_gentle_that_it_is_linear() -> None:
    """a tanh(bz) = abz (1 − (bz)²/3 …): with b = 1e-4 and |z| < 6 the rest is below 1e-6."""
    flat = ScalarChain([(2e4, 1e-4, 0.5, 1.0), (1e4, 1e-4, -1.0, 0.5)])
    exact = LinearGaussianChain([2.0, 1.0], [0.5, -1.0], [1.0, 0.5])
    x = torch.tensor([[-2.0], [0.0], [3.0]]).double()
    torch.testing.assert_close(flat.log_evidence(x), exact.log_evidence(x), rtol=0, atol=1e-5)
    assert flat.evidence.variance == pytest.approx(exact.evidence.variance.item(), abs=1e-5)


def test_marginals_and_their_moments(generator: Generator) -> None:
    world = ScalarChain(TWO)
    z = torch.randn(3, 1_000_000, dtype=torch.float64, generator=generator)
    z1 = world.arrows[1].mean(z[0]) + 0.3 * z[1]
    x = world.arrows[0].mean(z1) + 0.4 * z[2]
    for level, draws in ((0, x), (1, z1), (2, z[0])):
        at = world.marginal(level)
        assert at.weights.sum().item() == pytest.approx(1, abs=1e-12)
        assert bool((at.weights > 0).all())
        assert abs(monte_carlo(draws).z_score(at.mean)) < 4
        assert abs(monte_carlo((draws - at.mean) ** 2).z_score(at.variance)) < 4
        third = monte_carlo((draws - at.mean) ** 3 / at.variance**1.5)
        assert abs(third.z_score(at.skew)) < 4
    assert world.evidence.skew == pytest.approx(-0.1240, abs=5e-5)
    assert abs(ScalarChain(TWO[:1]).evidence.skew) < 1e-12  # one layer is symmetric


def encoders() -> list[Callable[[Tensor], DiagonalGaussian]]:
    return [
        lambda x: DiagonalGaussian.from_std(0.3 * x, torch.full_like(x, 0.7)),
        lambda z: DiagonalGaussian.from_std(0.2 * z, torch.full_like(z, 0.6)),
    ]


def test_elbo_of_two_layers_by_a_plain_double_sum() -> None:
    world, x = ScalarChain(TWO), 0.8
    step = 0.005
    z1 = np.arange(0.24 - 6, 0.24 + 6, step)[:, None]
    z2 = np.arange(-5.5, 5.5, step)[None, :]
    (a1, b1, c1, s1), (a2, b2, c2, s2) = TWO
    log_normal: Callable[..., Any]
    log_normal = lambda v, m, s: -0.5 * ((v - m) / s) ** 2 - math.log(s * math.sqrt(2 * math.pi))  # noqa: E731
    log_q = log_normal(z1, 0.3 * x, 0.7) + log_normal(z2, 0.2 * z1, 0.6)
    log_p = log_normal(x, a1 * np.tanh(b1 * z1) + c1, s1) + log_normal(z2, 0, 1)
    log_p = log_p + log_normal(z1, a2 * np.tanh(b2 * z2) + c2, s2)
    wanted = float((np.exp(log_q) * (log_p - log_q)).sum() * step**2)
    assert world.elbo(encoders(), x).item() == pytest.approx(wanted, abs=1e-8)
    assert world.elbo(encoders(), x).item() < world.log_evidence(x).item()


@pytest.mark.equation("3.2")
@pytest.mark.parametrize(
    ("arrow", "std"),
    [((2.0, 2.0, 0.0, 0.5), 1.0), ((2.0, 2.0, 0.3, 0.1), 3.0), ((1.0, 9.0, 0, 0.2), 2.0)],
)
def test_elbo_under_any_ordinary_q(arrow: tuple[float, ...], std: float) -> None:
    """Where the first grid is too coarse, by SciPy, and as ScalarLatent has it."""
    a, b, c, s = arrow

    def integrand(z: float) -> float:
        density = normal(z, 0.4, std)
        log_p = -0.5 * ((0.5 - a * math.tanh(b * z) - c) / s) ** 2 - 0.5 * z * z
        log_p -= math.log(s) + math.log(2 * math.pi)
        return float(density * (log_p - math.log(density)))

    at = [0.4 - 10 * std, -1.0, 0.0, 1.0, 0.4 + 10 * std]
    wanted = sum(
        quad(integrand, low, high, epsabs=1e-12, epsrel=1e-12, limit=500)[0]
        for low, high in pairwise(at)
    )
    q = DiagonalGaussian.from_std(0.4, std)
    assert ScalarChain([arrow]).elbo([lambda _: q], 0.5).item() == pytest.approx(wanted, rel=1e-9)
    assert tanh_world(*arrow).elbo(q, 0.5).item() == pytest.approx(wanted, rel=1e-9)


@pytest.mark.long
def test_a_sharp_arrow_is_folded_where_it_matters() -> None:
    """A hundred thousand nodes, of which each x needs a thousand: no other sum is left out."""
    world, x = ScalarChain([(1.0, 1.0, 0.2, 0.003)]), torch.tensor([[-0.7], [0.5], [1.19]]).double()
    log_p = world.log_evidence(x)
    assert list(world._known) == [1]  # the grid over x itself is not asked for
    exact = tanh_world(1.0, 1.0, 0.2, 0.003).log_evidence(x)
    torch.testing.assert_close(log_p, exact, rtol=0, atol=1e-9)
    arrow, above = world.arrows[0], world.marginal(1)
    few = _matters(
        0.003, arrow.mean(above.nodes).reshape(-1, 33), above.log_density.reshape(-1, 33), x[1]
    )
    assert few.double().mean() < 0.02
    values = world.evidence.nodes
    for at in (0, len(values) // 3, len(values) // 2, -1):
        plain = -0.5 * ((values[at] - arrow.mean(above.nodes)) / 0.003).square() + above.log_density
        total = (plain.exp() * panel_weights(above.widths, WEIGHTS).reshape(-1)).sum().log()
        total = total - math.log(0.003 * math.sqrt(2 * math.pi))
        assert world.evidence.log_density[at].item() == pytest.approx(total.item(), abs=1e-12)


def test_expectations_by_simulation(generator: Generator) -> None:
    world, x = ScalarChain(TWO), torch.tensor([[-1.0], [0.5]]).double()
    q1, q2 = encoders()
    z1 = q1(x).rsample((200_000,), generator=generator)
    z2 = q2(z1).rsample(generator=generator)

    def f(z: list[Tensor]) -> Tensor:
        return (z[0] * torch.sin(z[1]) + z[1] * z[1]).squeeze(-1)

    exact = world.expectation([q1, q2], x, f)
    for row in range(2):
        assert abs(monte_carlo(f([z1, z2])[:, row]).z_score(exact[row].item())) < 4
    log_ratio = world.log_joint(x, [z1, z2]) - q1(x).log_prob(z1) - q2(z1).log_prob(z2)
    weights = log_ratio.exp()  # Σ p/q = p(x), whatever q is
    for row in range(2):
        evidence = world.log_evidence(x)[row].exp().item()
        assert abs(monte_carlo(weights[:, row]).z_score(evidence)) < 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ScalarChain([]), "arrows must be a list"),
        (lambda: ScalarChain([(1.0, 2.0, 3.0)]), r"numbers \(a, b, c, s\) or .*, got \(1.0, 2.0"),
        (lambda: ScalarChain([(1.0, 2.0, 3.0, 0.0)]), "positive s, got"),
        (lambda: ScalarChain([(1.0, math.inf, 3.0, 1.0)]), "finite a, b, c, d"),
        (lambda: ScalarChain([(1.0, 1.0, 0.0, 1e-9)]).evidence, "too sharp over"),
        (lambda: ScalarChain(TWO).marginal(3), "level must be from 0 to T = 2, got 3"),
        (lambda: ScalarChain(TWO).log_joint(0.0, [torch.zeros(1)]), "be 2 tensors, .*got 1"),
        (lambda: ScalarChain(TWO).elbo(encoders()[:1], 0.0), "q must hold 2 encoders, got 1"),
        (
            lambda: ScalarChain([(1e3, 1e-3, 0.0, 0.1)]).log_evidence(30.0),
            "x = 30 lies too far out",
        ),
        (
            lambda: ScalarChain(TWO[:1]).expectation(
                encoders()[:1], 0.0, lambda z: (z[0][..., 0] > 0.1234).double()
            ),
            "f varies too fast, or jumps, .* halving the grid changes the integral by",
        ),
        (
            lambda: ScalarChain(TWO[:1]).expectation(
                encoders()[:1], 0.0, lambda z: (z[0][..., 0].square()).exp()
            ),
            r"q's tails carry the expectation: 10 standard deviations out in z_1 .* of E\|f\|",
        ),
        (
            lambda: ScalarChain(TWO).expectation(
                encoders(), 0.0, lambda z: (2 * z[1][..., 0].square()).exp() + 0 * z[0][..., 0]
            ),
            "standard deviations out in z_2",
        ),
        (lambda: ScalarChain(TWO).elbo((0.0, 1.0), 0.0), r"q must be a list of 2 .*, got \(0.0,"),  # type: ignore[arg-type]
        (lambda: ScalarChain(TWO).elbo(encoders()[0](torch.zeros(1)), 0.0), "list of 2 functions"),  # type: ignore[arg-type]
        (
            lambda: ScalarChain(TWO).elbo([math.tanh, math.tanh], 0.0),  # type: ignore[list-item]
            r"q\(z_1\|z_0\) must be a Dia",
        ),
        (
            lambda: ScalarChain(TWO).elbo([lambda _: DiagonalGaussian.standard(2)] * 2, 0.0),
            r"q\(z_1\|z_0\) must have event shape \(1,\), got \(2,\)",
        ),
        (
            lambda: ScalarChain(TWO[:1]).expectation(
                encoders()[:1], 0.0, lambda z: z[0][..., 0] * math.nan
            ),
            r"f\(z\) must be a number, got nan",
        ),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_what_is_kept_in_inference_mode_serves_a_later_slope() -> None:
    """Nodes, marginals and singular values are made once; an inference tensor has no slopes."""
    standard_steps.cache_clear()
    chain, line = ScalarChain([(2.0, 1.0, 0.0, 0.5)]), LinearGaussian([[1.0, 0.5]], 0.0, 1.0)
    std = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    x = torch.tensor([0.4], dtype=torch.float64, requires_grad=True)

    def bound(std: Tensor) -> Tensor:
        return chain.elbo([lambda below: DiagonalGaussian.from_std(0.3 * below, std)], [1.0])

    with torch.inference_mode():
        bound(std), line.log_evidence(x), line.evidence
    (slope,) = torch.autograd.grad(bound(std), std)
    with torch.no_grad():
        step = (bound(std + 1e-5) - bound(std - 1e-5)) / 2e-5
    assert slope.item() == pytest.approx(step.item(), rel=1e-6)
    (slope,) = torch.autograd.grad(line.evidence.log_prob(x) + line.log_evidence(x), x)
    assert slope.item() == pytest.approx(-2 * 0.4 / (1 + 1.25), rel=1e-12)


@pytest.mark.parametrize(
    ("mean", "log_std"), [(0.0, -12.0), (0.0, -40.0), (0.0, -380.0), (0.3, -18.0), (2e-9, -37.0)]
)
def test_elbo_under_a_q_as_narrow_as_float64_holds(mean: float, log_std: float) -> None:
    """log p(x, m) + H(q): what bends in log p(x, z) is of the order σ², 4e-11 at most."""
    q = DiagonalGaussian(torch.tensor([mean]).double(), torch.tensor([log_std]).double())
    m = q.mean.item()  # as float64 holds it
    log_joint = -0.5 * ((0.5 - 2 * math.tanh(m)) / 0.5) ** 2 - math.log(0.5) - 0.5 * m**2
    exact = log_joint - math.log(2 * math.pi) + log_std + 0.5 * math.log(2 * math.pi * math.e)
    found = ScalarChain([(2.0, 1.0, 0.0, 0.5)]).elbo([lambda _: q], 0.5).item()
    assert found == pytest.approx(exact, abs=1e-8, rel=1e-11)


@pytest.mark.parametrize(("mean", "log_std"), [(0.3, -36.0), (0.3, -40.0), (0.0, -800.0)])
def test_a_q_that_float64_cannot_resolve_is_refused(mean: float, log_std: float) -> None:
    q = DiagonalGaussian(torch.tensor([mean]).double(), torch.tensor([log_std]).double())
    told = (
        r"q\(z_1\|z_0\) is too narrow for float64: a std of .* at 0.*, where numbers lie .* apart"
    )
    with pytest.raises(ValueError, match=told):
        ScalarChain([(2.0, 1.0, 0.0, 0.5)]).elbo([lambda _: q], 0.5)
