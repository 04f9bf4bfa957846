"""The panels under ScalarLatent, and E[log p̂]: against SciPy, NumPy, closed forms, Monte Carlo."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import cubature, quad
from torch import Tensor
from torch.overrides import TorchFunctionMode

from course_lib.distributions import Bernoulli
from course_lib.exact import (
    LinearGaussian,
    ScalarLatent,
    linear_world,
    square_world,
    tanh_world,
)
from course_lib.exact.numerics.quadrature import (
    HALVED,
    INTEGRAL,
    POINTS,
    WEIGHTS,
    Panels,
    assess,
    ceiling,
    concatenate,
    log_total,
    panel_nodes,
    refine,
    start,
)


def test_the_rules_are_exact_for_polynomials() -> None:
    """Up to degree 32, the halved one to 16, and from the left end to every point."""
    for degree in range(33):
        values, exact = POINTS**degree, (1 + (-1) ** degree) / (degree + 1)
        assert (values @ WEIGHTS).item() == pytest.approx(exact, abs=1e-14)
        if degree <= 16:
            assert (values @ HALVED).item() == pytest.approx(exact, abs=1e-14)
        partial = (POINTS ** (degree + 1) - (-1) ** (degree + 1)) / (degree + 1)
        torch.testing.assert_close(INTEGRAL @ values, partial, rtol=0, atol=1e-13)
    assert (POINTS**32 @ HALVED - 2 / 33).abs().item() > 1e-6
    assert (HALVED[1::2] == 0).all()
    assert (WEIGHTS > 0).all()


@given(st.floats(-1, 1), st.floats(-7, 1), st.floats(0.5, 3))
def test_the_ceiling_is_above_every_concave_function(
    centre: float, log_width: float, power: float
) -> None:
    """Peaks far narrower than the gaps between points, and rounder or sharper than a parabola."""

    def concave(z: Tensor) -> Tensor:
        height: Tensor = -(((z - centre).abs() / 10.0**log_width) ** (1 + power))
        return height

    left, width = torch.tensor([-1.0]).double(), torch.tensor([2.0]).double()
    values = concave(panel_nodes(left, width))
    top = ceiling(width, values).item()
    assert top >= 0  # the peak itself
    assert top >= values.max().item()


@given(st.floats(-0.99, 0.99), st.floats(-6, 0))
def test_a_hidden_needle_is_found(centre: float, log_width: float) -> None:
    """From two panels over which exp underflows at every point but those of a broad bump."""
    width = 10.0**log_width

    def evaluate(z: Tensor, owner: Tensor) -> tuple[Tensor, Tensor]:
        del owner
        return -0.5 * ((z - centre) / width) ** 2, torch.ones_like(z)

    edges = torch.tensor([[-12.0, 0.0, 12.0]]).double()
    nodes = panel_nodes(edges[0, :-1], edges[0].diff())
    panels, error = refine(start(edges, *evaluate(nodes, torch.zeros(2).long())), evaluate)
    exact = math.log(width * math.sqrt(2 * math.pi))
    # z − centre is off by ε, which is ε/width standard deviations.
    assert abs(log_total(panels).item() - exact) <= error.item() + 1e-15 / width
    assert error.item() < 1e-8


def test_integrands_are_refined_apart() -> None:
    """Three of them, one already resolved, one narrow, one with a kink."""
    width = torch.tensor([1.0, 1e-3, 0.1], dtype=torch.float64)

    def evaluate(z: Tensor, owner: Tensor) -> tuple[Tensor, Tensor]:
        t = (z - 0.1) / width[owner].unsqueeze(-1)
        kinked = (owner == 2).unsqueeze(-1)
        return torch.where(kinked, -t.abs(), -0.5 * t.square()), torch.ones_like(z)

    edges = torch.linspace(-12, 12, 25).double().expand(3, -1)
    nodes = panel_nodes(edges[:, :-1].reshape(-1), edges.diff(dim=-1).reshape(-1))
    owner = torch.arange(3).repeat_interleave(24)
    panels, error = refine(start(edges, *evaluate(nodes, owner)), evaluate)
    exact = [math.sqrt(2 * math.pi), 1e-3 * math.sqrt(2 * math.pi), 0.2]
    assert log_total(panels).exp().tolist() == pytest.approx(exact, rel=1e-9)
    assert error[0] < 1e-12
    counts = torch.bincount(panels.owner)
    assert counts[0] < counts[2]


def gaussians(mean: Tensor, std: Tensor, score: Callable[[Tensor], Tensor]) -> Panels:
    """Refined panels of exp(−½ ((z − mean)/std)²) · score(z), for mean and std (n,)."""

    def evaluate(z: Tensor, owner: Tensor) -> tuple[Tensor, Tensor]:
        return -0.5 * ((z - mean[owner, None]) / std[owner, None]).square(), score(z)

    edges = torch.linspace(-12, 12, 9).double().expand(len(mean), -1)
    nodes = panel_nodes(edges[:, :-1].reshape(-1), edges.diff(dim=-1).reshape(-1))
    owner = torch.arange(len(mean)).repeat_interleave(8)
    return refine(start(edges, *evaluate(nodes, owner)), evaluate)[0]


def test_parts_of_many_integrands_keep_their_integrals_and_their_order() -> None:
    """E z² = m² + s², each of 60 of them, in parts of 1, 9 and 50."""
    generator = torch.Generator().manual_seed(2)
    mean = 2 * torch.rand(60, generator=generator, dtype=torch.float64) - 1
    std = 10 ** (-5 * torch.rand(60, generator=generator, dtype=torch.float64))
    sizes = [1, 9, 50]
    pairs = zip(mean.split(sizes), std.split(sizes), strict=True)
    panels = concatenate([gaussians(*pair, torch.square) for pair in pairs])
    assert panels.count == 60
    normaliser = std * math.sqrt(2 * math.pi)
    torch.testing.assert_close(log_total(panels).exp(), normaliser, rtol=1e-9, atol=0)
    second = panels.sum(panels.integral(panels.log_density.exp() * panels.score)) / normaliser
    torch.testing.assert_close(second, mean.square() + std.square(), rtol=1e-9, atol=0)


class Copied(TorchFunctionMode):
    """How many numbers torch.cat has copied."""

    count = 0

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Lets everything through."""
        result = func(*args, **(kwargs or {}))
        if func is torch.cat:
            self.count += result.numel()
        return result


def test_parts_are_joined_by_copying_each_number_once() -> None:
    """However many parts: their time is not that of their square."""
    part = gaussians(torch.zeros(2).double(), torch.tensor([1.0, 0.01]).double(), torch.ones_like)
    columns = (part.owner, part.left, part.width, part.log_density, part.score)
    with Copied() as copied:
        whole = concatenate([part] * 50)
    assert whole.count == 100
    assert copied.count == 50 * sum(column.numel() for column in columns)


@pytest.mark.equation("2.5")
@pytest.mark.parametrize(("w", "s", "x"), [(1.0, 1.0, 1.0), (2.0, 0.2, -1.0), (0.5, 0.1, 0.3)])
def test_one_draw_is_the_expected_log_likelihood(w: float, s: float, x: float) -> None:
    """S = 1: E log p(x|z) = −log s√(2π) − (x² + w²)/2s²."""
    exact = -math.log(s * math.sqrt(2 * math.pi)) - (x * x + w * w) / (2 * s * s)
    ours = linear_world(w, s).expected_naive_log_evidence(x, 1).item()
    assert ours == pytest.approx(exact, rel=1e-12)


@pytest.mark.equation("2.5")
@pytest.mark.parametrize(("make", "x"), [(tanh_world, 1.0), (square_world, -0.5)])
def test_two_draws_by_double_quadrature(make: Callable[[], ScalarLatent], x: float) -> None:
    model = make()

    def integrand(points: np.ndarray) -> np.ndarray:
        z = torch.from_numpy(points)
        pair = [model.decoder(z[:, i : i + 1]).log_prob(torch.tensor([x])) for i in range(2)]
        density = torch.exp(-0.5 * z.square().sum(-1)) / (2 * math.pi)
        return (density * (torch.logaddexp(*pair) - math.log(2))).numpy()

    value = float(cubature(integrand, [-9, -9], [9, 9], rtol=1e-9, atol=1e-9).estimate)
    ours = model.expected_naive_log_evidence(x, 2).item()
    assert ours == pytest.approx(value, rel=1e-8)


@pytest.mark.equation("2.5")
@pytest.mark.parametrize(
    ("model", "x", "samples"),
    [
        (tanh_world(), 1.0, 10),
        (tanh_world(s=0.05), 1.0, 3),
        (square_world(0.1), 2.0, 40),
        (linear_world(1.0, 0.3), 3.0, 200),
    ],
)
def test_more_draws_by_monte_carlo(model: ScalarLatent, x: float, samples: int) -> None:
    generator = torch.Generator().manual_seed(samples)
    repeats = 400_000 // samples
    z = model.prior.sample((samples, repeats), generator=generator)
    estimates = model.decoder(z).log_prob(torch.tensor([x]).double()).logsumexp(0)
    estimates -= math.log(samples)
    ours = model.expected_naive_log_evidence(x, samples).item()
    z_score = (estimates.mean().item() - ours) / (estimates.std().item() / math.sqrt(repeats))
    assert abs(z_score) < 4


@pytest.mark.equation("2.5")
def test_it_rises_to_the_evidence_from_below() -> None:
    model, x = tanh_world(), torch.tensor([[1.0], [-3.0]])
    values = [model.expected_naive_log_evidence(x, 2**k) for k in range(0, 31, 3)]
    evidence = model.log_evidence(x)
    for before, after in pairwise(values):
        assert (before < after).all()
    assert (values[-1] <= evidence + 1e-12).all()
    torch.testing.assert_close(values[-1], evidence, rtol=0, atol=1e-6)


def test_many_draws_from_a_narrow_world_agree_with_the_second_order() -> None:
    """s = 0.01: three draws nearly always miss; a hundred million never do."""
    model, closed = linear_world(1.0, 0.01), LinearGaussian([[1.0]], 0.0, 0.01)
    exact = (model.expected_naive_log_evidence(0.5, 10**8) - closed.log_evidence(0.5)).item()
    assert exact == pytest.approx(closed.naive_log_bias(0.5, 10**8).item(), rel=1e-4, abs=1e-12)


def test_a_likelihood_that_may_vanish_has_no_expected_log() -> None:
    model = ScalarLatent(lambda z: Bernoulli(torch.where(z < 0, -math.inf, z)))
    assert model.expected_naive_log_evidence(torch.ones(1), 100).item() == -math.inf


def test_too_narrow_a_world_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 20000 panels are needed"):
        linear_world(1.0, 1e-4).expected_naive_log_evidence(0.5, 2)
    with pytest.raises(ValueError, match="samples must be a whole number of at least 1, got 0"):
        tanh_world().expected_naive_log_evidence(0.5, 0)


def test_the_expected_log_mean_of_two_values_by_counting() -> None:
    """A step decoder makes p(x|z) one of two numbers: a binomial sum."""
    model = ScalarLatent(lambda z: Bernoulli(torch.where(z < 0, -1.0, 2.0).double()))
    chances = [1 / (1 + math.exp(1)), 1 / (1 + math.exp(-2))]
    for samples in (1, 4, 9):
        exact = sum(
            math.comb(samples, k)
            * 0.5**samples
            * math.log((k * chances[0] + (samples - k) * chances[1]) / samples)
            for k in range(samples + 1)
        )
        ours = model.expected_naive_log_evidence(torch.ones(1), samples).item()
        assert ours == pytest.approx(exact, rel=1e-11)
    assert quad(lambda z: math.exp(-0.5 * z * z), -9, 0)[0] / math.sqrt(
        2 * math.pi
    ) == pytest.approx(0.5)


@pytest.mark.parametrize(("rise", "split"), [(1.9, False), (2.1, True)])
def test_a_panel_is_split_where_a_peak_of_two_nats_may_hide(rise: float, split: bool) -> None:
    """A tent whose ridge lies between two points; its score is 0, and no sum tells of it."""
    middle, gap = POINTS[16:18].mean(), POINTS[17] - POINTS[16]
    tent = -(rise / gap) * (POINTS - middle).abs()
    whole = torch.tensor([-1.0]).double(), torch.tensor([2.0]).double()
    panel = Panels(1, torch.tensor([0]), *whole, tent.unsqueeze(0), 0 * tent.unsqueeze(0))
    assert assess(panel)[0].tolist() == [split]
