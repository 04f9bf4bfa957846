"""Bounds against quadrature by SciPy, enumeration and torch.distributions."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from torch import Tensor

from course_lib.bounds import (
    candidate_log_evidence,
    effective_sample_size,
    elbo,
    gap,
    importance_weighted_bound,
    log_weights,
    naive_log_evidence,
    self_normalised_expectation,
    terms,
)
from course_lib.distributions import Categorical, DiagonalGaussian, FullGaussian, expectation


def Normal(mean: Any, std: Any) -> torch.distributions.Normal:
    """torch's normal in double precision, whatever it is given: its own default is single."""
    mean, std = (torch.as_tensor(v, dtype=torch.float64) for v in (mean, std))
    return torch.distributions.Normal(mean, std)


X = torch.tensor([1.0], dtype=torch.float64)
LOG_EVIDENCE = Normal(0.0, math.sqrt(2)).log_prob(torch.tensor(1.0).double()).item()
POSTERIOR = DiagonalGaussian.from_std(0.5, math.sqrt(0.5))  # of the model below at x = 1


def numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@dataclass
class Line:
    """z ~ N(0, 1), x|z ~ N(z, 1): a latent model in two lines, of this test's own."""

    prior = DiagonalGaussian.standard(1)

    def decoder(self, z: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(z, torch.zeros_like(z))


def weight(z: Any, mean: float, std: float) -> float:
    """w(z) = p(x, z)/q(z) at x = 1, by torch.distributions alone."""
    z = torch.as_tensor(z, dtype=torch.float64)
    log = Normal(z, 1.0).log_prob(X[0]) + Normal(0.0, 1.0).log_prob(z)
    return float((log - Normal(mean, std).log_prob(z)).item())


def average(f: Callable[[float], float], mean: float, std: float) -> float:
    """E_q f(z) by SciPy."""
    density = Normal(mean, std)

    def integrand(z: float) -> float:
        at = torch.tensor(z, dtype=torch.float64)
        return f(z) * float(density.log_prob(at).exp().item())

    return integrate.quad(integrand, mean - 12 * std, mean + 12 * std, epsabs=1e-11, limit=200)[0]


@pytest.mark.equation("3.1")
@pytest.mark.parametrize(("mean", "std"), [(0.5, 0.7), (0.0, 1.0), (-0.3, 0.9)])
def test_weights_average_to_the_evidence(mean: float, std: float) -> None:
    q = DiagonalGaussian.from_std(mean, std)
    z = torch.linspace(-2, 2, 9, dtype=torch.float64).unsqueeze(-1)
    ours = log_weights(Line(), q, X, z)
    assert ours.tolist() == pytest.approx([weight(v, mean, std) for v in z[:, 0]], abs=1e-12)
    mean_weight = expectation(q, lambda z: log_weights(Line(), q, X, z).exp())
    assert mean_weight.log().item() == pytest.approx(LOG_EVIDENCE, abs=1e-10)


@pytest.mark.equation("3.2")
@pytest.mark.parametrize(("mean", "std"), [(0.5, 0.7), (2.0, 0.1), (-3.0, 2.0)])
def test_elbo_is_the_mean_log_weight(mean: float, std: float) -> None:
    q = DiagonalGaussian.from_std(mean, std)
    exact = average(lambda z: weight(z, mean, std), mean, std)
    by_expectation = expectation(q, lambda z: log_weights(Line(), q, X, z))
    assert by_expectation.item() == pytest.approx(exact, abs=1e-9)
    z = q.sample((200_000,), generator=torch.Generator().manual_seed(0))
    error = log_weights(Line(), q, X, z).std() / math.sqrt(200_000)
    assert abs(elbo(Line(), q, X, z).item() - exact) < 4 * error.item()
    assert exact <= LOG_EVIDENCE


@pytest.mark.equation("3.3")
def test_two_terms_make_the_elbo() -> None:
    q = DiagonalGaussian.from_std(0.3, 0.8)
    z = q.sample((50_000,), generator=torch.Generator().manual_seed(1))
    both = terms(Line(), q, X, z)
    reconstruction = average(lambda z: Normal(z, 1.0).log_prob(X[0]).item(), 0.3, 0.8)
    error = Line().decoder(z).log_prob(X).std().item() / math.sqrt(50_000)
    kl = torch.distributions.kl_divergence(Normal(0.3, 0.8), Normal(0.0, 1.0)).item()
    assert both.reconstruction.item() == pytest.approx(reconstruction, abs=4 * error)
    assert both.kl.item() == pytest.approx(kl, abs=1e-12)
    assert both.elbo.item() == (both.reconstruction - both.kl).item()


class TestTheSampleAxis:
    """An average over samples needs an axis of them, else it would run over the data."""

    x = torch.linspace(-1, 2, 4, dtype=torch.float64).unsqueeze(-1)  # four data
    q = DiagonalGaussian(0.5 * x, torch.zeros_like(x))

    @pytest.mark.parametrize("bound", [elbo, terms])
    def test_draws_without_it_are_refused(self, bound: Callable[..., Any]) -> None:
        z = self.q.rsample(generator=torch.Generator().manual_seed(0))  # (4, 1)
        with pytest.raises(ValueError, match=r"z must lead with a sample axis.*z \(4, 1\)"):
            bound(Line(), self.q, self.x, z)
        single = bound(Line(), self.q, self.x, z.unsqueeze(0))
        assert getattr(single, "elbo", single).shape == (4,)

    @pytest.mark.parametrize("bound", [elbo, terms])
    def test_one_q_for_all_data_needs_it_before_theirs(self, bound: Callable[..., Any]) -> None:
        q = DiagonalGaussian.standard(1)
        with pytest.raises(ValueError, match=r"z must lead with a sample axis.*x \(4, 1\)"):
            bound(Line(), q, self.x, torch.zeros(1, 1).double())

    def test_the_prior_is_drawn_from_along_it(self) -> None:
        z = torch.tensor([[0.2], [-0.3]]).double()
        with pytest.raises(ValueError, match=r"z must lead with a sample axis.*x \(4, 1\)"):
            naive_log_evidence(Line(), self.x, z[:1])
        with pytest.raises(ValueError, match=r"z must lead with a sample axis.*z \(1,\)"):
            naive_log_evidence(Line(), X, z[0])
        found = naive_log_evidence(Line(), self.x, z.unsqueeze(1))
        by_hand = Normal(z, 1.0).log_prob(self.x.T).exp().mean(0).log()
        torch.testing.assert_close(found, by_hand)


@pytest.mark.equation("3.4")
def test_importance_weighted_bound_against_a_plane_of_quadrature() -> None:
    """E log ½(w(z₁) + w(z₂)) over a product grid, and the order L₁ ≤ L₂ ≤ L₄ ≤ log p(x)."""
    q = DiagonalGaussian.from_std(-0.5, 0.9)
    u = torch.linspace(-9, 9, 601, dtype=torch.float64)
    mass = Normal(0.0, 1.0).log_prob(u).exp() * (u[1] - u[0])
    grid = log_weights(Line(), q, X, (-0.5 + 0.9 * u).unsqueeze(-1))
    pairs = torch.logaddexp(grid[:, None], grid[None, :]) - math.log(2)
    exact = (mass[:, None] * mass[None, :] * pairs).sum().item()
    z = q.sample((4, 100_000), generator=torch.Generator().manual_seed(2))
    w = log_weights(Line(), q, X, z)
    two = importance_weighted_bound(w[:2])
    assert abs(two.mean().item() - exact) < 4 * two.std().item() / math.sqrt(100_000)
    one, four = importance_weighted_bound(w[:1]).mean(), importance_weighted_bound(w).mean()
    assert one < two.mean() < four < LOG_EVIDENCE
    assert torch.equal(importance_weighted_bound(w[:1]), w[0])


@given(st.lists(st.floats(-2000, 2000), min_size=1, max_size=20))
def test_importance_weighted_bound_lies_between_mean_and_maximum(values: list[float]) -> None:
    w = torch.tensor(values, dtype=torch.float64)
    bound = importance_weighted_bound(w).item()
    slack = 1e-12 * (1 + abs(bound))
    assert w.mean().item() - slack <= bound <= w.max().item() + slack


@pytest.mark.equation("3.6")
@given(st.lists(st.floats(0.01, 50), min_size=1, max_size=12), st.floats(-900, 900))
def test_effective_sample_size_is_the_ratio_of_sums(weights: list[float], shift: float) -> None:
    w = torch.tensor(weights, dtype=torch.float64)
    ratio = sum(weights) ** 2 / sum(v**2 for v in weights)
    assert effective_sample_size(w.log() + shift).item() == pytest.approx(ratio, rel=1e-9)
    assert 1 - 1e-9 <= ratio <= len(weights) + 1e-9


@dataclass
class Switch:
    """z is 0, 1 or 2, and says where x is: enumerable."""

    prior = Categorical.from_probs(torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64))
    means = torch.tensor([[-1.0], [0.0], [2.0]], dtype=torch.float64)

    def decoder(self, z: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian.from_std(self.means[z], 1.0)


@pytest.mark.equation("1.3")
def test_naive_estimate_is_unbiased_over_every_draw_of_three() -> None:
    """All 27 ordered triples of draws, with their probabilities: E p̂ = p, and E log p̂ < log p."""
    world, probs = Switch(), [0.2, 0.5, 0.3]
    evidence: Any = sum(
        p * Normal(m, 1.0).log_prob(X[0]).exp()
        for p, m in zip(probs, world.means[:, 0], strict=True)
    )
    triples = torch.tensor(list(itertools.product(range(3), repeat=3)))
    chance = torch.tensor(probs, dtype=torch.float64)[triples].prod(-1)
    estimates = torch.stack([naive_log_evidence(world, X, z) for z in triples])
    assert (chance * estimates.exp()).sum().item() == pytest.approx(evidence.item(), rel=1e-12)
    assert (chance * estimates).sum().item() < evidence.log().item() - 1e-3


@pytest.mark.equation("2.3")
def test_candidates_formula_is_the_same_number_everywhere() -> None:
    z = torch.linspace(-6, 6, 25, dtype=torch.float64)
    log_joint = Normal(z, 1.0).log_prob(X[0]) + Normal(0.0, 1.0).log_prob(z)
    log_posterior = POSTERIOR.log_prob(z.unsqueeze(-1))
    everywhere = candidate_log_evidence(log_joint, log_posterior)
    assert (everywhere - LOG_EVIDENCE).abs().max().item() < 1e-12


@pytest.mark.equation("2.6")
def test_self_normalised_expectation_finds_posterior_moments() -> None:
    q = DiagonalGaussian.from_std(0.0, 1.0)
    z = q.sample((200_000,), generator=torch.Generator().manual_seed(3))
    w = log_weights(Line(), q, X, z)
    normalised = torch.softmax(w, 0)
    for f, exact in [(z[:, 0], 0.5), (z[:, 0] ** 2, 0.75)]:
        estimate = self_normalised_expectation(w, f)
        error = (normalised**2 * (f - estimate) ** 2).sum().sqrt()  # delta method
        assert abs(estimate.item() - exact) < 4 * error.item()
    for shift in (700.0, -1000.0):  # exp of which overflows, or is 0
        shifted = self_normalised_expectation(w + shift, z[:, 0]).item()
        assert shifted == pytest.approx(self_normalised_expectation(w, z[:, 0]).item(), abs=1e-9)


@pytest.mark.equation("4.2")
@given(st.floats(-3, 3), st.floats(0.05, 3))
def test_elbo_and_gap_add_up_to_the_evidence(mean: float, std: float) -> None:
    q = DiagonalGaussian.from_std(mean, std)
    bound = expectation(q, lambda z: log_weights(Line(), q, X, z))
    assert bound.item() + gap(q, POSTERIOR).item() == pytest.approx(LOG_EVIDENCE, abs=1e-9)


def test_gap_by_quadrature_equals_the_closed_form() -> None:
    class Opaque:
        """The posterior without its type, so that no closed form applies."""

        event_shape = POSTERIOR.event_shape
        log_prob = staticmethod(POSTERIOR.log_prob)

    q = DiagonalGaussian.from_std(1.0, 0.4)
    assert gap(q, Opaque()).item() == pytest.approx(gap(q, POSTERIOR).item(), abs=1e-10)  # type: ignore[arg-type]


def test_batches_keep_their_axis() -> None:
    x = torch.linspace(-1, 1, 6, dtype=torch.float64).unsqueeze(-1)  # (6, 1)
    q = DiagonalGaussian(x / 2, torch.zeros_like(x))
    z = q.sample((10,), generator=torch.Generator().manual_seed(4))  # (10, 6, 1)
    assert log_weights(Line(), q, x, z).shape == (10, 6)
    assert elbo(Line(), q, x, z).shape == (6,)
    assert terms(Line(), q, x, z).elbo.shape == (6,)
    assert expectation(q, lambda z: z[..., 0]).tolist() == pytest.approx((x / 2)[:, 0].tolist())


@pytest.mark.parametrize("mean", [0.3, -2.0])
def test_expectation_in_single_precision(mean: float) -> None:
    q = DiagonalGaussian(torch.tensor([[mean], [mean + 1]]), torch.tensor([[-0.5], [1.0]]))
    second = expectation(q, lambda z: z[..., 0].square())
    assert second.dtype == torch.float32
    assert second.tolist() == pytest.approx((q.mean**2 + q.variance)[:, 0].tolist(), rel=1e-6)
    x = X.float()
    below = expectation(q, lambda z: log_weights(Line(), q, x, z))
    exact = LOG_EVIDENCE - torch.stack([gap(_double(q, i), POSTERIOR) for i in range(2)])
    assert below.tolist() == pytest.approx(exact.tolist(), rel=1e-6)


def _double(q: DiagonalGaussian, i: int) -> DiagonalGaussian:
    """One of a batch of q, in double precision."""
    return DiagonalGaussian(q.mean[i].double(), q.log_std[i].double())


def test_expectation_says_when_it_cannot_be_trusted() -> None:
    q = DiagonalGaussian.from_std(0.0, 1.0)
    with pytest.raises(ValueError, match="has not converged: halving 4001 nodes moves it by"):
        expectation(q, lambda z: (z[..., 0] > 0.1).double())
    with pytest.raises(ValueError, match=r"f\(z\) must be a number, got nan at index \(0,\)"):
        expectation(q, lambda z: z[..., 0] * math.nan)
    with pytest.raises(ValueError, match=r"one dimension, got event shape \(2,\)"):
        expectation(DiagonalGaussian.standard(2), lambda z: z[..., 0])
    assert expectation(q, lambda z: torch.where(z[..., 0] > 0, -math.inf, 0.0)).item() == -math.inf


def test_quadrature_takes_101_nodes_and_no_fewer() -> None:
    q = DiagonalGaussian.from_std(0.0, 1.0)
    assert expectation(q, lambda z: z[..., 0].square(), nodes=101).item() == pytest.approx(1.0)
    with pytest.raises(ValueError, match="nodes must be a whole number of at least 101, got 100"):
        expectation(q, lambda z: z[..., 0].square(), nodes=100)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: importance_weighted_bound(torch.zeros(0)), "K must be .* at least 1, got 0"),
        (lambda: importance_weighted_bound(numbers(math.nan)), "log_weights .*got nan at index"),
        (lambda: importance_weighted_bound(numbers(0, math.inf)), "log_weights .*got inf at index"),
        (lambda: importance_weighted_bound(torch.zeros(2).long()), "log_weights .*floats.*int64"),
        (
            lambda: importance_weighted_bound(torch.zeros(3, 0), dim=1),
            "K must be .* at least 1, got 0",
        ),
        (lambda: importance_weighted_bound(torch.zeros(0, 3), dim=1), r"not be empty.*\(0, 3\)"),
        (lambda: importance_weighted_bound(torch.tensor(0.0)), r"axis of log_weights \(\), got 0"),
        (lambda: effective_sample_size(numbers(0, math.inf)), "log_weights .*got inf at index"),
        (lambda: effective_sample_size(torch.full((3,), -math.inf)), "one finite entry"),
        (lambda: elbo(Line(), POSTERIOR, X, torch.zeros(0, 1).double()), "z must not be empty"),
        (lambda: log_weights(Line(), POSTERIOR, X, torch.zeros(5, 2).double()), "1 entries"),
        (lambda: log_weights(Line(), POSTERIOR, X, torch.zeros(5, 1).long()), "tensor of floats"),
        (lambda: log_weights(Line(), POSTERIOR, X, [0.0]), "z must be a tensor, got list"),  # type: ignore[arg-type]
        (
            lambda: elbo(Line(), POSTERIOR, X * math.nan, torch.zeros(5, 1).double()),
            "x must be fin",
        ),
        (
            lambda: terms(Line(), POSTERIOR.expand((3,)), X, torch.zeros(5, 1).double()),
            r"q's batch",
        ),
        (lambda: self_normalised_expectation(numbers(0, 0), numbers(1, 1, 1)), r"\(2,\) and val"),
        (lambda: self_normalised_expectation(numbers(0, 0), numbers(1, math.nan)), "values .*nan"),
        (lambda: self_normalised_expectation(numbers(-math.inf), numbers(1)), "one finite entry"),
        (lambda: self_normalised_expectation(numbers(math.inf), numbers(1)), "log_weights .*inf"),
        (lambda: candidate_log_evidence(numbers(math.nan), 0.0), "log_joint must be .*nan"),
        (
            lambda: candidate_log_evidence(numbers(-math.inf), -math.inf),
            "log_posterior must be fin",
        ),
        (lambda: candidate_log_evidence(numbers(0, 0), numbers(0, 0, 0)), r"log_joint \(2,\) and"),
        (lambda: candidate_log_evidence(torch.zeros(0), torch.zeros(0)), "must not be empty"),
        (lambda: expectation(POSTERIOR, lambda z: z), r"f must map z \(4001, 1\) to \(4001,\)"),
        (lambda: expectation(POSTERIOR, lambda z: z[..., 0], tolerance=math.nan), "tolerance must"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("bound", [log_weights, elbo, terms, naive_log_evidence])
def test_a_decoder_without_a_finite_density_is_refused(
    bound: Callable[..., Any], value: float
) -> None:
    class Broken(Line):
        def decoder(self, z: Tensor) -> DiagonalGaussian:
            given = super().decoder(z)
            given.log_prob = lambda x: z[..., 0] * 0 + value  # type: ignore[assignment, method-assign]
            return given

    q = () if bound is naive_log_evidence else (POSTERIOR,)
    with pytest.raises(ValueError, match=rf"decoder's log p\(x\|z\) must be .*got {value}"):
        bound(Broken(), *q, X, torch.zeros(5, 1).double())


def test_a_full_gaussian_over_one_number_is_a_diagonal_one() -> None:
    full = FullGaussian(numbers(0.3), torch.full((1, 1), 0.5, dtype=torch.float64))
    second = expectation(full, lambda z: z[..., 0].square())
    assert second.item() == pytest.approx(0.3**2 + 0.5**2, rel=1e-12)
