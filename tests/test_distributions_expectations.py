"""Expectations of functions that jump, bend or grow, and probabilities: SciPy and closed forms."""

import ast
import math
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from scipy import integrate
from scipy.optimize import brentq
from scipy.special import ndtr
from torch import Tensor

import course_lib
from course_lib.bounds import bits_per_dimension, gap, log_weights
from course_lib.distributions import DiagonalGaussian, FullGaussian, expectation, probability
from course_lib.exact import (
    LinearGaussian,
    ScalarChain,
    ScalarLatent,
    expected_importance_weighted_bound,
    linear_world,
    square_world,
    tanh_world,
)

WORLD, X = tanh_world(2.0, 1.5, 0.3, 0.5), torch.tensor([1.1], dtype=torch.float64)


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def first(z: Tensor) -> Tensor:
    return z[..., 0]


def weigh(z: float, x: float = 1.1) -> float:
    """p(x, z) of WORLD, but for a constant."""
    return math.exp(-0.5 * ((x - 2 * math.tanh(1.5 * z) - 0.3) / 0.5) ** 2 - 0.5 * z * z)


def integral(f: Callable[[float], float], *edges: float) -> float:
    pieces = pairwise(edges)
    return sum(integrate.quad(f, *piece, epsabs=1e-14, limit=500)[0] for piece in pieces)


def posterior_mean(f: Callable[[float], float], *breaks: float, x: float = 1.1) -> float:
    edges = (-9.0, *breaks, 9.0)
    total = integral(lambda z: weigh(z, x), -9.0, 0.0, 9.0)
    return integral(lambda z: f(z) * weigh(z, x), *edges) / total


def test_the_oracles_average_by_code_of_their_own() -> None:
    """Nothing in `exact` reaches for the expectations of `distributions`, by whatever import."""
    paths = sorted((Path(course_lib.__file__).parent / "exact").rglob("*.py"))
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    found = {
        f"{node.module}.{alias.name}"
        for node in imports
        for alias in node.names
        if str(node.module).startswith("course_lib.distributions")
    }
    assert "course_lib.distributions.DiagonalGaussian" in found
    shared = ("expectations", "expectation", "probability")
    assert not [name for name in found if set(name.split(".")) & set(shared)]


# Under the exact posterior


def test_an_indicator_under_the_posterior_by_three_routes() -> None:
    posterior = WORLD.posterior(X)
    exact = integral(weigh, 0.1234, 1.0, 9.0) / integral(weigh, -9.0, 0.0, 9.0)
    above = posterior.expectation(lambda z: (first(z) > 0.1234).double(), breaks=[0.1234])
    assert above.item() == pytest.approx(exact, abs=1e-12)
    assert 1 - posterior.cdf(doubles(0.1234)).item() == pytest.approx(exact, abs=1e-12)
    with pytest.raises(ValueError, match=r"or jumps: .* name the places .* as breaks=\[…\]"):
        posterior.expectation(lambda z: (first(z) > 0.1234).double())


@pytest.mark.parametrize("breaks", [[], [0.2], [-3.0, 0.2, 50.0], [1e9]])
def test_bends_and_breaks_for_several_x_at_once(breaks: list[float]) -> None:
    """|z − 0.2| bends; a smooth function may be cut anywhere, and beyond the grid."""
    x = doubles(1.1, -1.0, 3.0).unsqueeze(-1)
    posterior = WORLD.posterior(x)
    if 0.2 in breaks:
        found = posterior.expectation(lambda z: (first(z) - 0.2).abs(), breaks=breaks)
        wanted = [posterior_mean(lambda z: abs(z - 0.2), 0.2, x=v) for v in x[:, 0].tolist()]
    else:
        found = posterior.expectation(lambda z: first(z) ** 3, breaks=breaks)
        wanted = [posterior_mean(lambda z: z**3, 0.0, x=v) for v in x[:, 0].tolist()]
    assert found.tolist() == pytest.approx(wanted, abs=1e-11)


def test_a_fast_wave_is_refined_not_refused() -> None:
    found = WORLD.posterior(X).expectation(lambda z: torch.cos(40 * first(z)))
    total = integral(weigh, -9.0, 0.0, 9.0)
    wave = integrate.quad(weigh, -9, 9, weight="cos", wvar=40, epsabs=1e-14, limit=900)[0]
    assert found.item() == pytest.approx(wave / total, abs=1e-11)


def test_what_grows_beyond_the_grid_is_refused() -> None:
    """E exp(z²/2) under p(z) = exp(−z²/2)/√2π times a bounded likelihood: ∫ over all z."""
    narrow = ScalarLatent(WORLD.decoder, half_width=9.0)
    with pytest.raises(ValueError, match="f\\(z\\) grows too fast .* per standard deviation"):
        narrow.posterior(X).expectation(lambda z: (0.5 * first(z).square()).exp())
    with pytest.raises(ValueError, match="is below 1e-200, and only there: it overflows"):
        WORLD.posterior(X).expectation(lambda z: (0.49 * first(z).square()).exp())
    q = DiagonalGaussian.from_std(0.0, 1.0)
    never = WORLD.posterior(X).expectation(lambda z: torch.where(first(z) > 1, math.inf, 0.0))
    assert never.item() == math.inf
    assert gap(q, WORLD.posterior(X)).item() > 0


@pytest.mark.parametrize("probability_below", [1e-12, 1e-4, 0.3, 0.5, 0.97, 1 - 1e-9])
def test_quantiles_and_cdf_of_a_posterior(probability_below: float) -> None:
    x = doubles(1.1, -1.0).unsqueeze(-1)
    posterior = WORLD.posterior(x)
    at = posterior.quantile(probability_below)
    assert at.shape == (2, 1)
    for n, v in enumerate(x[:, 0].tolist()):
        place = at[n].item()
        edges = sorted({-12.0, -2.0, 0.0, 2.0, 12.0} | {place})
        parts = [integral(lambda z, v=v: weigh(z, v), *edge) for edge in pairwise(edges)]  # type: ignore[misc]
        below = sum(part for part, end in zip(parts, edges[1:], strict=True) if end <= place)
        # The panels are good to 1e-10 of the whole, and far better as a rule.
        assert below / sum(parts) == pytest.approx(probability_below, abs=1e-13, rel=1e-9)
    torch.testing.assert_close(posterior.cdf(at), torch.full((2,), probability_below).double())


def test_a_probability_has_no_slope_rather_than_a_wrong_one() -> None:
    mean = doubles(0.3).requires_grad_()
    q = DiagonalGaussian(mean, doubles(0.0))
    assert not probability(q, lambda z: z[..., 0]).requires_grad
    assert expectation(q, lambda z: z[..., 0]).requires_grad


@pytest.mark.parametrize("place", [-0.5, 0.0, 0.1234, 0.25, 0.5, 1.0, 1.25, 2.0])
def test_the_slope_of_a_cdf_is_the_density(place: float) -> None:
    """Also at a node of the grid, where round numbers lie; and the slope's slope, as far as SciPy's
    density and its differences say."""
    v = X.item()
    whole = sum(
        integral(lambda z: weigh(z, v), *e) for e in pairwise([-12.0, -2.0, 0.0, 2.0, 12.0])
    )
    z = doubles(place).requires_grad_()
    below = WORLD.posterior(X).cdf(z)
    (slope,) = torch.autograd.grad(below, z, create_graph=True)
    assert slope.item() == pytest.approx(weigh(place, v) / whole, rel=1e-7)
    (curve,) = torch.autograd.grad(slope, z)
    step = (weigh(place + 1e-5, v) - weigh(place - 1e-5, v)) / 2e-5 / whole
    assert curve.item() == pytest.approx(step, abs=1e-5)
    (slope,) = torch.autograd.grad(ScalarChain([(2.0, 1.5, 0.3, 0.5)]).marginal(1).cdf(z), z)
    assert slope.item() == pytest.approx(math.exp(-(place**2) / 2) / math.sqrt(2 * math.pi))


@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize("place", [0.5, 0.51, 0.5 + 1e-12])
def test_a_cdf_can_be_differentiated_in_z_and_x_in_any_order(place: float) -> None:
    """At a node, which 0.5 is, as elsewhere; also by torch.func."""
    z, x = doubles(place).requires_grad_(), X.clone().requires_grad_()

    def below(z: Tensor, x: Tensor) -> Tensor:
        return WORLD.posterior(x).cdf(z).squeeze()

    mixed = []
    for first_in, then_in in ((z, x), (x, z)):
        (slope,) = torch.autograd.grad(below(z, x), first_in, create_graph=True)
        mixed.append(torch.autograd.grad(slope, then_in)[0].item())
    assert mixed[0] == pytest.approx(mixed[1], rel=1e-6)
    (own,) = torch.autograd.grad(below(z, X), z)
    torch.testing.assert_close(torch.func.grad(below)(z.detach(), X), own)
    for moves in ((torch.ones(1).double(), 0 * X), (0 * X, torch.ones(1).double())):
        _, moved = torch.func.jvp(below, (z.detach(), X), moves)  # type: ignore[misc]
        slopes = torch.autograd.grad(below(z, x), (z, x))
        expected = sum((a * b).sum() for a, b in zip(slopes, moves, strict=True))
        torch.testing.assert_close(moved, expected, rtol=1e-6, atol=1e-9)


def test_two_modes_have_a_median_between_them() -> None:
    posterior = square_world(s=0.05).posterior(doubles(4.0))
    assert posterior.cdf(doubles(0.0)).item() == pytest.approx(0.5, abs=1e-12)
    quarters = posterior.quantile(doubles(0.25, 0.75))
    low, high = quarters.flatten().tolist()
    assert low == pytest.approx(-high, rel=1e-12)

    def density(z: float) -> float:
        return math.exp(-0.5 * ((4 - z * z) / 0.05) ** 2 - 0.5 * z * z + 2)

    parts = integral(density, 1.8, high), integral(density, high, 2.2)
    assert parts[0] == pytest.approx(parts[1], rel=1e-9)
    assert posterior.cdf(doubles(-60.0, -2.5, 2.5, 60.0).unsqueeze(-1)).tolist() == pytest.approx(
        [0, 0, 1, 1], abs=1e-15
    )
    with pytest.raises(ValueError, match="probability must be between 0 and 1, got 1"):
        posterior.quantile(1.0)
    with pytest.raises(ValueError, match="value must be finite, got nan"):
        posterior.cdf(doubles(math.nan))


def test_quantiles_and_cdf_of_a_marginal() -> None:
    """Of the prior, where Φ knows, and of p(x) of one tanh layer against SciPy."""
    chain = ScalarChain([(2.0, 1.5, 0.3, 0.5)])
    z = torch.linspace(-4, 4, 9, dtype=torch.float64)
    torch.testing.assert_close(chain.marginal(1).cdf(z), torch.special.ndtr(z), rtol=1e-12, atol=0)
    p = torch.special.ndtr(z)
    torch.testing.assert_close(chain.marginal(1).quantile(p), z, rtol=1e-9, atol=1e-12)
    x = chain.evidence.quantile(doubles(0.1, 0.5, 0.9).reshape(3, 1))
    assert x.shape == (3, 1)

    def below(z: float, x: float) -> float:
        """P(x' ≤ x | z) p(z), so that the oracle integrates over z alone."""
        noise = (x - 2 * math.tanh(1.5 * z) - 0.3) / 0.5
        return float(ndtr(noise)) * math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)

    for place, wanted in zip(x[:, 0].tolist(), (0.1, 0.5, 0.9), strict=True):
        total = integral(lambda z, place=place: below(z, place), -9.0, 0.0, 9.0)  # type: ignore[misc]
        assert total == pytest.approx(wanted, abs=1e-11)
    with pytest.raises(ValueError, match="probability must be between 0 and 1, got 0"):
        chain.evidence.quantile(0.0)


def test_a_marginal_refuses_what_its_grid_cannot_sum() -> None:
    at = ScalarChain([(2.0, 1.5, 0.3, 0.5)]).evidence
    with pytest.raises(ValueError, match="or jumps: halving it moves E f .* use cdf"):
        at.expectation((at.nodes > 0.1).double())
    with pytest.raises(ValueError, match="f grows too fast for the grid"):
        at.expectation((2 * at.nodes.square()).exp())
    with pytest.raises(ValueError, match="a value at each of"):
        at.expectation(torch.zeros(3).double())


# Under a Gaussian q


@pytest.mark.parametrize("kind", [DiagonalGaussian, FullGaussian])
def test_jumps_and_bends_under_q(kind: type) -> None:
    mean, std = doubles(0.4, -2.0).unsqueeze(-1), doubles(0.7, 0.01).unsqueeze(-1)
    q: DiagonalGaussian | FullGaussian = DiagonalGaussian.from_std(mean, std)
    q = q if kind is DiagonalGaussian else FullGaussian(mean, std.unsqueeze(-1))
    a = (0.1234 - mean) / std
    above = expectation(q, lambda z: (first(z) > 0.1234).double(), breaks=[0.1234])
    torch.testing.assert_close(above, torch.special.ndtr(-a)[:, 0], rtol=1e-13, atol=1e-30)
    hinge = expectation(q, lambda z: (first(z) - 0.1234).clamp(min=0), breaks=[0.1234, 0.1234])
    density = torch.exp(-0.5 * a.square()) / math.sqrt(2 * math.pi)
    wanted = std * density + (mean - 0.1234) * torch.special.ndtr(-a)
    torch.testing.assert_close(hinge, wanted[:, 0], rtol=1e-12, atol=1e-16)
    inside = expectation(
        q, lambda z: ((first(z) > -2.0) & (first(z) < 0.5)).double(), breaks=[0.5, -2.0, 1e6]
    )
    wanted = torch.special.ndtr((0.5 - mean) / std) - torch.special.ndtr((-2.0 - mean) / std)
    torch.testing.assert_close(inside, wanted[:, 0], rtol=1e-12, atol=0)
    with pytest.raises(ValueError, match=r"name the places as breaks=\[…\]"):
        expectation(q, lambda z: (first(z) > 0.1234).double())
    with pytest.raises(ValueError, match="halving 32 panels between breaks moves it"):
        expectation(q, lambda z: (first(z) > 0.1234).double(), breaks=[0.2])


@pytest.mark.parametrize(("mean", "std"), [(0.4, 0.7), (0.0, 0.1), (0.4, 0.70710)])
def test_an_infinite_second_moment_is_no_number(mean: float, std: float) -> None:
    """q w² = p(x, z)²/q grows like exp(z²(1/2σ² − 1)) where p(x|z) tends to a constant."""
    q = DiagonalGaussian.from_std(mean, std)
    with pytest.raises(ValueError, match="q f has not fallen off: 12 standard deviations out"):
        expectation(q, lambda z: (2 * log_weights(WORLD, q, X, z)).exp())


def test_a_finite_second_moment_is_had_however_small() -> None:
    """N(0.4, 0.9²) is wide enough; at x = 9 the second moment is 1e-80, far below a tolerance of
    1e-8 that knew no scale."""
    q = DiagonalGaussian.from_std(0.4, 0.9)
    for x in (1.1, 9.0):
        seen = doubles(x)

        def square(z: float, x: float = x) -> float:
            log_q = -0.5 * ((z - 0.4) / 0.9) ** 2 - math.log(0.9 * math.sqrt(2 * math.pi))
            joint = math.log(weigh(z, x)) - math.log(0.5 * 2 * math.pi)
            return math.exp(2 * joint - log_q + 240.0 * (x > 5))

        found = expectation(q, lambda z, seen=seen: (2 * log_weights(WORLD, q, seen, z)).exp())  # type: ignore[misc]
        wanted = math.log(integral(square, -10.0, -2.0, 0.0, 2.0, 11.2)) - 240.0 * (x > 5)
        assert found.log().item() == pytest.approx(wanted, rel=1e-9)


def test_a_jump_in_something_tiny_is_no_rounding() -> None:
    """The tolerance is of E|f|, not of one nat, when f has one sign."""
    q = DiagonalGaussian.from_std(0.0, 1.0)
    for tiny in (1e-20, -1e-20):

        def jump(z: Tensor, tiny: float = tiny) -> Tensor:
            return tiny * (first(z) > 0.1).double()

        with pytest.raises(ValueError, match="has not converged"):
            expectation(q, jump)
    assert expectation(q, lambda z: 1e-300 * first(z).square()).item() == pytest.approx(1e-300)


def test_a_needle_that_the_range_does_not_hold_is_refused() -> None:
    """E_q w = p(x), but ±12 of these standard deviations hold a tenth of the posterior."""
    q = DiagonalGaussian.from_std(0.4, 0.01)
    with pytest.raises(ValueError, match="carried by what lies further out"):
        expectation(q, lambda z: log_weights(WORLD, q, X, z).exp())


# Probabilities under q


@pytest.mark.parametrize("std", [0.3, 1.0, 2.5])
def test_the_probability_that_a_weight_beats_the_evidence(std: float) -> None:
    """P_q(log w > log p(x)) by SciPy's roots of a function that is written out here."""
    q = DiagonalGaussian.from_std(0.4, std)
    level = WORLD.log_evidence(X)
    found = probability(q, lambda z: log_weights(WORLD, q, X, z), level)

    def above(z: float) -> float:
        log_q = -0.5 * ((z - 0.4) / std) ** 2 - math.log(std) - 0.5 * math.log(2 * math.pi)
        joint = -0.5 * ((1.1 - 2 * math.tanh(1.5 * z) - 0.3) / 0.5) ** 2 - 0.5 * z * z
        return joint - math.log(0.5 * 2 * math.pi) - log_q - level.item()

    grid = [0.4 + std * u / 100 for u in range(-1000, 1001)]
    total = 0.0
    for low, high in pairwise(grid):
        a, b = above(low), above(high)
        if a > 0 and b > 0:
            total += float(ndtr((high - 0.4) / std) - ndtr((low - 0.4) / std))
        elif (a > 0) != (b > 0):
            root = brentq(above, low, high, xtol=1e-14)
            edge = (root, high) if b > 0 else (low, root)
            total += float(ndtr((edge[1] - 0.4) / std) - ndtr((edge[0] - 0.4) / std))
    assert found.item() == pytest.approx(total, abs=1e-11)


def test_probabilities_that_have_a_closed_form() -> None:
    q = DiagonalGaussian.from_std(doubles(0.0, 1.0).unsqueeze(-1), doubles(1.0, 0.5).unsqueeze(-1))
    right = probability(q, lambda z: first(z), doubles(0.3, 6.0))
    wanted = torch.special.ndtr(doubles(-0.3, -10.0))
    torch.testing.assert_close(right, wanted, rtol=1e-9, atol=0)
    left = probability(q, lambda z: -first(z), 0.3)
    torch.testing.assert_close(left, torch.special.ndtr(doubles(-0.3, -2.6)), rtol=1e-12, atol=0)
    standard = DiagonalGaussian.standard(1)
    outside = probability(standard, lambda z: first(z).square(), 1.0).item()
    assert outside == pytest.approx(math.erfc(1 / math.sqrt(2)), rel=1e-13)
    levels = doubles(0.3, 6.0, -1.0)  # one q, several thresholds
    wanted = torch.special.ndtr(-levels)
    for line in (standard, FullGaussian(doubles(0.0), torch.eye(1).double())):
        torch.testing.assert_close(probability(line, first, levels), wanted, rtol=1e-9, atol=0)
    table = probability(q, first, doubles(0.3, -1.0).unsqueeze(-1))  # (2, 2): level, q
    wanted = torch.special.ndtr(doubles(-0.3, 1.4, 1.0, 4.0)).reshape(2, 2)
    torch.testing.assert_close(table, wanted, rtol=1e-9, atol=0)
    assert probability(standard, lambda z: first(z) * 0 + 1).item() == 1.0
    assert probability(standard, lambda z: first(z) * 0 - 1).item() == 0.0


@pytest.mark.parametrize("half", [1e-3, 1e-5, 1e-8])
def test_a_dip_between_two_nodes_is_seen(half: float) -> None:
    """(z − c)² < h² for an interval far narrower than the step of the grid, 0.006."""
    standard, centre = DiagonalGaussian.standard(1), 0.7312
    dip = probability(standard, lambda z: (first(z) - centre).square(), half**2).item()
    mass = 2 * half * math.exp(-0.5 * centre**2) / math.sqrt(2 * math.pi)
    assert 1 - dip == pytest.approx(mass, rel=1e-6, abs=1e-15)
    bump = probability(standard, lambda z: -(first(z) - centre).square(), -(half**2)).item()
    assert bump == pytest.approx(mass, rel=1e-6, abs=1e-15)


# Units


def test_bits_per_dimension() -> None:
    """A uniform law of D bytes has 8 bits a byte; one nat more for D numbers is 1/(D ln 2) less."""
    assert bits_per_dimension(-784 * math.log(256), 784).item() == pytest.approx(8.0, rel=1e-14)
    assert bits_per_dimension(0.0, 3072, levels=256).item() == 8.0  # uniform on [0, 1]^D
    batch = bits_per_dimension(doubles(-90.0, -86.76), 784)
    assert batch.tolist() == pytest.approx([90 / 784 / math.log(2), 86.76 / 784 / math.log(2)])
    for bad in (0, 2.5):
        with pytest.raises(ValueError, match="dimensions must be a whole number of at least 1"):
            bits_per_dimension(-1.0, bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="log_evidence must be finite, got nan"):
        bits_per_dimension(math.nan, 784)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: expectation(None, first), "expectation needs a Gaussian q .*, got None"),  # type: ignore[arg-type]
        (lambda: probability(WORLD.posterior(X), first), "needs a Gaussian q"),  # type: ignore[arg-type]
        (lambda: probability(DiagonalGaussian.standard(1), first, math.nan), "threshold must be"),
        (
            lambda: probability(
                DiagonalGaussian(*doubles(0.0, 0.0).reshape(2, 1, 1).expand(2, 3, 1)),
                first,
                doubles(0.1, 0.2),
            ),
            r"q's batch \(3,\) and threshold \(2,\) do not broadcast",
        ),
        (
            lambda: log_weights(WORLD, (0.0, 1.0), X, doubles(0.0)),  # type: ignore[arg-type]
            r"q must be a distribution, got \(",
        ),
        (lambda: WORLD.elbo((0.0, 1.0), X), r"q must be a distribution, got \(0.0, 1.0\)"),  # type: ignore[arg-type]
        (lambda: gap(3.0, WORLD.posterior(X)), "q must be a distribution, got 3.0"),  # type: ignore[arg-type]
    ],
)
def test_bad_input_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_an_elbo_that_the_tails_carry_is_refused() -> None:
    """log N(x; e^z, 1) falls like e^2z: under N(0, 4²) its mean sits eight deviations out."""
    world = ScalarLatent(lambda z: DiagonalGaussian(z.exp(), torch.zeros_like(z)))

    def exact(s: float) -> float:
        square = 1 - 2 * math.exp(s * s / 2) + math.exp(2 * s * s)  # E (1 − e^z)²
        return -0.5 * (square + s * s + math.log(2 * math.pi)) + math.log(s) + 0.5

    for std in (0.5, 1.0, 1.5):
        found = world.elbo(DiagonalGaussian.from_std(0.0, std), 1.0)
        assert found.item() == pytest.approx(exact(std), rel=1e-10)
    mixed = torch.tensor([[0.5], [3.0]], dtype=torch.float64)  # one bad q among good ones is enough
    for wide in (3.0, 4.0, mixed):
        with pytest.raises(ValueError, match="q's tails carry the expectation of log p"):
            world.elbo(DiagonalGaussian.from_std(0.0, wide), 1.0)


def test_a_value_for_each_q_and_no_other_number() -> None:
    """z[:, 0] is the first q's, and would be averaged in the place of all three."""
    three = DiagonalGaussian.from_std(torch.tensor([[0.0], [1.0], [2.0]]), 1.0)
    for average in (expectation, probability):
        with pytest.raises(ValueError, match=r"to \(\d+, 3\), got \(\d+, 1\)"):
            average(three, lambda z: z[:, 0])
    one = DiagonalGaussian.from_std(torch.zeros(1, 1), 1.0)
    two_functions = expectation(one, lambda z: torch.cat([z[..., 0], z[..., 0].square()], 1))
    assert two_functions.tolist() == pytest.approx([0.0, 1.0], abs=1e-6)
    with pytest.raises(
        ValueError, match=r"f must map z \(4001, 1, 1\) to \(4001, 1\), got \(4001, 3\)"
    ):
        probability(one, lambda z: first(z) - torch.arange(3.0))  # which q each is of, no one says


def test_a_q_whose_variance_is_no_number_has_a_mean() -> None:
    """A std of 1e-25 can be held in single precision, its square cannot."""
    narrow = DiagonalGaussian.from_std(torch.zeros(1), 1e-25)
    half = expectation(narrow, lambda z: (z[..., 0] > 0).float(), breaks=[0.0])
    assert half.item() == pytest.approx(0.5, abs=1e-6)
    tiny = DiagonalGaussian(torch.zeros(1).double(), torch.tensor([-400.0]).double())
    exact = LinearGaussian([[1.0]], 0.0, 1.0).elbo(tiny, [0.0]).item()
    assert linear_world(1.0, 1.0).elbo(tiny, [0.0]).item() == pytest.approx(exact, rel=1e-9)
    bound = expected_importance_weighted_bound(linear_world(1.0, 1.0), tiny, [0.0], [1])
    assert bound.item() == pytest.approx(exact, rel=1e-9)


# Where floating-point numbers lie too far apart


@pytest.mark.parametrize(
    ("mean", "std"), [(1.0, 1e-15), (1.0, 1e-17), (3.0, 1e-17), (-1e9, 1e-6), (0.0, 0.0)]
)
@pytest.mark.parametrize("kind", [DiagonalGaussian, FullGaussian])
def test_a_q_narrower_than_its_numbers_is_refused(mean: float, std: float, kind: type) -> None:
    """KL(N(1, 1e-17²) ‖ p(z|x)) is 39.9242; the numbers that are left for z gave 40.4242."""
    log_std = math.log(std) if std else -800.0
    q: DiagonalGaussian | FullGaussian = DiagonalGaussian(doubles(mean), doubles(log_std))
    if kind is FullGaussian and std:
        q = FullGaussian(doubles(mean), doubles(std).reshape(1, 1))
    told = f"q is too narrow for torch.float64: a std of {std:.3g} at {mean:g}, where numbers lie"
    acts: list[Callable[[], Tensor]] = [
        lambda: gap(q, tanh_world().posterior([0.5])),
        lambda: expectation(q, first),
        lambda: expectation(q, lambda z: (first(z) > mean).double(), breaks=[mean]),
        lambda: probability(q, first, mean),
    ]
    for act in acts:
        with pytest.raises(ValueError, match=re.escape(told)):
            act()


@pytest.mark.parametrize(("mean", "std"), [(1.0, 1e-15), (1.0, 1e-17), (-3.0, 1e-12), (0.0, 0.0)])
def test_the_oracles_refuse_it_by_name_too(mean: float, std: float) -> None:
    q = DiagonalGaussian(doubles(mean), doubles(math.log(std) if std else -800.0))
    told = f"q is too narrow for float64: a std of {std:.3g} at {mean:g}, where numbers lie"
    with pytest.raises(ValueError, match=re.escape(told)):
        tanh_world().elbo(q, [0.5])
    with pytest.raises(ValueError, match=re.escape(told)):
        expected_importance_weighted_bound(tanh_world(), q, [0.5], [2])


@pytest.mark.parametrize(("mean", "std"), [(1.0, 1e-7), (3.0, 1e-6), (0.0, 1e-300), (-1e3, 1e-4)])
def test_a_q_just_as_narrow_as_float64_holds_has_its_gap(mean: float, std: float) -> None:
    """log p(x) − log p(x, m) − H(q): what bends in log p(x, z) is of the order σ²."""
    world, q = tanh_world(), DiagonalGaussian.from_std(mean, std)
    at = world.log_joint([0.5], doubles(mean))
    exact = (world.log_evidence([0.5]) - at - q.entropy()).item()
    assert gap(q, world.posterior([0.5])).item() == pytest.approx(exact, rel=1e-8)


def test_single_precision_has_its_own_limit() -> None:
    one = torch.ones(1)
    with pytest.raises(ValueError, match="too narrow for torch.float32: a std of 1e-05 at 1, "):
        expectation(DiagonalGaussian.from_std(one, 1e-5), first)
    assert expectation(DiagonalGaussian.from_std(one, 1e-3), first).item() == pytest.approx(1.0)
    for mean, std in ((100.0, 0.03), (0.5, 1e-4), (3.0, 1e-3)):
        q = DiagonalGaussian.from_std(mean * one, std)
        assert expectation(q, first).item() == pytest.approx(mean, rel=1e-6)
        beyond = probability(q, first, mean + std).item()
        assert beyond == pytest.approx(ndtr(-1.0), abs=1e-3)  # of a threshold that is rounded too


@pytest.mark.parametrize("breaks", [[], [0.0]])
def test_what_is_infinite_on_both_sides_has_no_expectation(breaks: list[float]) -> None:
    """E q f is ∞ − ∞; infinite on one side alone, it is that infinity."""
    q = DiagonalGaussian.from_std(doubles(0.5, 0.0).unsqueeze(-1), 1.0)
    with pytest.raises(ValueError, match=r"no number at index \(0,\): q f adds up to \+∞ .* −∞"):
        expectation(q, lambda z: first(z) * math.inf, breaks=breaks)
    one = expectation(q, lambda z: torch.where(first(z) > 0, math.inf, -1.0), breaks=breaks)
    assert one.tolist() == [math.inf, math.inf]
    assert (-one).equal(expectation(q, lambda z: torch.where(first(z) > 0, -math.inf, 1.0)))
