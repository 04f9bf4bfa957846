"""Slopes in θ against autograd and quadrature, and the prior that fits an encoder's answers."""

import math

import pytest
import torch
from scipy.integrate import quad
from torch import Generator, Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from course_lib.distributions import DiagonalGaussian
from course_lib.evaluate.codes import best_prior
from course_lib.exact import LinearGaussian
from course_lib.exact.optima.loading_slopes import elbo_slope, evidence_slope

OFFSET = torch.tensor([0.1, 0.2, -0.3], dtype=torch.float64)
NOISE = torch.tensor([0.8, 0.5, 0.6], dtype=torch.float64)
LOADINGS = torch.tensor([[1.5, 0.3], [0.0, 1.0], [-0.7, 0.4]], dtype=torch.float64)
WORLD = LinearGaussian(LOADINGS, OFFSET, NOISE)
X = torch.tensor([[1.0, -0.5, 0.3], [0.2, 2.0, -1.0]], dtype=torch.float64)


@pytest.mark.equation("7.3")
def test_slopes_are_those_of_autograd_on_dense_densities() -> None:
    w = LOADINGS.clone().requires_grad_()
    dense = MultivariateNormal(OFFSET, w @ w.T + NOISE.square().diag())
    for i, x in enumerate(X):
        (slope,) = torch.autograd.grad(dense.log_prob(x), w, retain_graph=True)
        torch.testing.assert_close(evidence_slope(WORLD, X)[i], slope, rtol=0, atol=1e-12)


@pytest.mark.equation("7.1")
def test_the_elbos_slope_is_the_mean_slope_of_the_log_likelihood() -> None:
    """Under q, by autograd at many draws with their antitheses; then by differences of the ELBO."""
    q = DiagonalGaussian.from_std([0.5, -0.3], [0.4, 0.7])
    noise = torch.randn(20_000, 2, dtype=torch.float64, generator=Generator().manual_seed(0))
    z = q.mean + q.std * torch.cat([noise, -noise])
    residual = (X[0] - OFFSET - z @ LOADINGS.T) / NOISE.square()
    each = residual.unsqueeze(-1) * z.unsqueeze(-2)  # (S, 3, 2)
    error = each.std(0) / math.sqrt(len(each))
    found = elbo_slope(WORLD, q, X)
    assert ((each.mean(0) - found[0]).abs() < 4 * error).all()
    for row in range(3):
        for column in range(2):
            step = torch.zeros_like(LOADINGS)
            step[row, column] = 1e-5
            up, down = (LinearGaussian(LOADINGS + s * step, OFFSET, NOISE) for s in (1, -1))
            difference = (up.elbo(q, X) - down.elbo(q, X)) / 2e-5
            torch.testing.assert_close(found[:, row, column], difference, rtol=0, atol=1e-7)


@pytest.mark.equation("7.3")
def test_the_slopes_differ_by_that_of_the_gap() -> None:
    q = DiagonalGaussian.from_std([0.5, -0.3], [0.4, 0.7])
    w = LOADINGS.clone().requires_grad_()
    precision = torch.eye(2).double() + w.T @ (w / NOISE.square()[:, None])
    mean = torch.linalg.solve(precision, w.T @ ((X[0] - OFFSET) / NOISE.square()))
    ours = MultivariateNormal(q.mean, q.std.square().diag())
    gap = kl_divergence(ours, MultivariateNormal(mean, precision_matrix=precision))
    (slope,) = torch.autograd.grad(gap, w)
    difference = evidence_slope(WORLD, X[0]) - elbo_slope(WORLD, q, X[0])
    torch.testing.assert_close(difference, slope, rtol=0, atol=1e-10)
    exact = elbo_slope(WORLD, WORLD.posterior(X), X)  # Fisher's identity
    torch.testing.assert_close(exact, evidence_slope(WORLD, X), rtol=0, atol=1e-12)


@pytest.mark.equation("7.3")
def test_the_smallest_example() -> None:
    """w = s = x = 1 with the prior as q: −1 against −¼, here by quadrature and differences."""
    world, x = LinearGaussian([[1.0]], 0.0, 1.0), [1.0]
    density = Normal(0.0, 1.0)

    def evidence(w: float) -> float:
        def joint(z: float) -> float:
            return math.exp(-0.5 * (1.0 - w * z) ** 2 - 0.5 * z * z) / (2 * math.pi)

        return math.log(quad(joint, -12, 12, epsabs=1e-13)[0])

    by_difference = (evidence(1.001) - evidence(0.999)) / 0.002
    assert evidence_slope(world, x).item() == pytest.approx(-0.25, abs=1e-14)
    assert by_difference == pytest.approx(-0.25, abs=1e-6)
    mean = quad(lambda z: (1 - z) * z * density.log_prob(torch.tensor(z)).exp().item(), -12, 12)[0]
    assert elbo_slope(world, world.prior, x).item() == pytest.approx(-1.0, abs=1e-14)
    assert mean == pytest.approx(-1.0, abs=1e-6)


def test_slopes_refuse_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="x"):
        evidence_slope(WORLD, [1.0, 2.0])
    with pytest.raises(ValueError, match="q"):
        elbo_slope(WORLD, DiagonalGaussian.standard(3), X)


def answers(count: int) -> DiagonalGaussian:
    generator = Generator().manual_seed(count)
    mean = torch.randn(count, 2, dtype=torch.float64, generator=generator) * 1.7 + 0.4
    return DiagonalGaussian(mean, torch.randn(count, 2, generator=generator).double() - 1.0)


def mean_kl(q: DiagonalGaussian, mean: Tensor, log_std: Tensor) -> Tensor:
    return kl_divergence(Normal(q.mean, q.std), Normal(mean, log_std.exp())).sum(-1).mean()


@pytest.mark.equation("7.4")
@pytest.mark.parametrize("count", [1, 2, 40])
def test_the_best_prior_is_where_an_optimiser_ends(count: int) -> None:
    q = answers(count)
    at = torch.zeros(2, 2, dtype=torch.float64, requires_grad=True)
    climber = torch.optim.LBFGS([at], max_iter=300, tolerance_grad=1e-13, tolerance_change=1e-16)

    def closure() -> Tensor:
        climber.zero_grad()
        cost = mean_kl(q, at[0], at[1])
        cost.backward()
        return cost

    for _ in range(5):
        climber.step(closure)
    found = best_prior(q)
    torch.testing.assert_close(
        torch.stack([found.mean, found.log_std]), at.detach(), atol=1e-6, rtol=0
    )


@pytest.mark.equation("7.4")
def test_the_best_prior_has_the_moments_of_the_aggregate() -> None:
    q, generator = answers(40), Generator().manual_seed(1)
    index = torch.randint(40, (200_000,), generator=generator)
    z = q.mean[index] + q.std[index] * torch.randn(200_000, 2, generator=generator).double()
    found = best_prior(q)
    assert ((z.mean(0) - found.mean).abs() < 4 * z.std(0) / math.sqrt(200_000)).all()
    torch.testing.assert_close(z.std(0), found.std, rtol=0.01, atol=0)


def test_the_best_prior_needs_several_answers() -> None:
    with pytest.raises(ValueError, match=r"q must have batch \(N,\), got \(\)"):
        best_prior(DiagonalGaussian.standard(2))
