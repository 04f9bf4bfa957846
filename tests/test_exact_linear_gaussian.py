"""LinearGaussian against dense Gaussians, 60-digit arithmetic, quadrature and Monte Carlo."""

import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import cubature, quad
from torch import Tensor
from torch.distributions import MultivariateNormal

from course_lib.distributions import DiagonalGaussian, FullGaussian, kl_divergence
from course_lib.exact import LinearGaussian, fit_ppca, linear_world

EPS = torch.finfo(torch.float64).eps
mpmath.mp.dps = 60


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def world(size: int = 5, latent: int = 2, seed: int = 0) -> LinearGaussian:
    return LinearGaussian(
        normal(size, latent, seed=seed),
        normal(size, seed=seed + 1),
        normal(size, seed=seed + 2).exp(),
    )


def dense(model: LinearGaussian) -> MultivariateNormal:
    covariance = model.loadings @ model.loadings.mT + model.noise_std.square().diag()
    return MultivariateNormal(model.offset, covariance)


def forward(root: mpmath.matrix, right: mpmath.matrix) -> list[mpmath.mpf]:
    """Solves root · v = right for a lower triangular root."""
    solution: list[mpmath.mpf] = []
    for i in range(root.rows):
        known = mpmath.fdot((root[i, j], solution[j]) for j in range(i))
        solution.append((right[i] - known) / root[i, i])
    return solution


def precise(model: LinearGaussian, x: Tensor, noise_scale: float = 1.0) -> mpmath.mpf:
    """log N(x; b, W Wᵀ + Ψ · noise_scale) in 60 digits, by the D × D matrix itself."""
    w = mpmath.matrix(model.loadings.tolist())
    noise = [mpmath.mpf(s) ** 2 * noise_scale for s in model.noise_std.tolist()]
    covariance = w * w.T + mpmath.diag(noise)
    pairs = zip(x.tolist(), model.offset.tolist(), strict=True)
    difference = mpmath.matrix([mpmath.mpf(a) - mpmath.mpf(b) for a, b in pairs])
    root = mpmath.cholesky(covariance)
    standard = forward(root, difference)
    volume = sum(mpmath.log(2 * mpmath.pi * root[i, i] ** 2) for i in range(len(noise)))
    return -(volume + sum(v**2 for v in standard)) / 2


def rounding(model: LinearGaussian, x: Tensor) -> float:
    """What rounding may do to log p(x).

    QR of an n × d matrix is exact for one that is off by about n d ε of its norm. Here that is the
    standardised loadings A, and the standardised x, y, is projected: the residual r is off by
    n d ε |y|, half its square by |r| times that; a diagonal entry of L, at least one, by n d ε |A|.
    """
    size, latent = model.loadings.shape
    scaled = model.loadings / model.noise_std.unsqueeze(-1)
    y = ((x - model.offset) / model.noise_std).norm().item()
    unit = (size + latent) * latent * EPS
    off = unit * (1 + y)
    residual = math.sqrt(2 * abs(float(precise(model, x))) + y)  # at least |r|, generously
    slack: float = (
        off * (1 + min(residual, y)) + off**2 + unit * latent * (1 + scaled.norm().item())
    )
    return slack


@pytest.mark.equation("1.2")
def test_the_numbers_of_the_text() -> None:
    assert LinearGaussian([[2.0]], 0.0, 1.0).log_evidence(1.0).item() == pytest.approx(
        -1.823657, abs=5e-7
    )
    assert LinearGaussian([[1.0]], 0.0, 1.0).log_evidence(1.0).item() == pytest.approx(
        -1.515512, abs=5e-7
    )


@pytest.mark.equation("1.2")
@pytest.mark.parametrize(("size", "latent"), [(1, 1), (5, 2), (2, 5), (3, 3), (20, 4)])
def test_log_evidence_is_that_of_the_dense_gaussian(size: int, latent: int) -> None:
    model, x = world(size, latent), normal(3, 4, size, seed=9)
    # The condition number of the dense covariance is a few thousand: 1e-12 is what is left of ε.
    torch.testing.assert_close(model.log_evidence(x), dense(model).log_prob(x), rtol=0, atol=1e-10)
    torch.testing.assert_close(
        model.evidence.log_prob(x), dense(model).log_prob(x), rtol=0, atol=1e-10
    )


def test_log_evidence_by_double_quadrature() -> None:
    model, x = world(3, 2), normal(3, seed=9)

    def joint(z: np.ndarray) -> np.ndarray:
        return model.log_joint(x, torch.from_numpy(z)).exp().numpy()

    area = cubature(joint, [-8, -8], [8, 8], atol=1e-10, rtol=1e-9).estimate
    # What the square leaves out is below exp(−32); the rest is the quadrature's own tolerance.
    assert model.log_evidence(x).item() == pytest.approx(math.log(area), abs=1e-6)


@given(st.floats(-6, 6), st.floats(-6, 6), st.floats(0, 8), st.floats(-2, 2), st.integers(0, 10**6))
def test_log_evidence_at_extremes_in_sixty_digits(
    noise: float, scale: float, condition: float, far: float, seed: int
) -> None:
    """Noise 1e-6 to 1e6, loadings of condition up to 1e8, x from the model or 100 times as far."""
    shape = torch.linalg.qr(normal(6, 2, seed=seed)).Q * torch.tensor([1.0, 10.0**-condition])
    std = 10.0**noise * normal(6, seed=seed + 1).exp()
    model = LinearGaussian(10.0**scale * shape, normal(6, seed=seed + 2), std)
    draw = model.offset + model.loadings @ normal(2, seed=seed + 3) + std * normal(6, seed=seed + 4)
    x = model.offset + (draw - model.offset) * 10.0**far
    error = abs(float(precise(model, x) - mpmath.mpf(model.log_evidence(x).item())))
    assert error <= rounding(model, x) + EPS * abs(model.log_evidence(x).item()) * 10


@pytest.mark.parametrize("noise", [1e-6, 1e6])
def test_fifty_by_eight_in_sixty_digits(noise: float) -> None:
    model = LinearGaussian(normal(50, 8), normal(50, seed=1), noise)
    x = model.offset + model.loadings @ normal(8, seed=2) + noise * normal(50, seed=3)
    error = abs(float(precise(model, x) - mpmath.mpf(model.log_evidence(x).item())))
    assert error <= rounding(model, x)


def test_nothing_of_size_d_by_d_is_formed() -> None:
    """D = 20,000, whose D × D matrix would take 3 GB: one loading a coordinate, so a product."""
    size = 20_000
    loadings = torch.zeros(size, 3, dtype=torch.float64)
    loadings[[7, 70, 700], [0, 1, 2]] = 2.0
    model, x = LinearGaussian(loadings, 0.5, 0.1), normal(2, size)
    std = (loadings.square().sum(-1) + 0.01).sqrt()
    expected = DiagonalGaussian.from_std(0.5, std).log_prob(x)
    assert model.log_evidence(x).tolist() == pytest.approx(expected.tolist(), rel=1e-11, abs=0)
    assert model.posterior(x).mean.shape == (2, 3)
    assert torch.isfinite(model.log_naive_relative_variance(x)).all()


@pytest.mark.equation("2.2")
@pytest.mark.parametrize(("size", "latent"), [(1, 1), (5, 2), (2, 5)])
def test_posterior_is_the_joint_gaussian_conditioned(size: int, latent: int) -> None:
    model, x = world(size, latent), normal(4, size, seed=9)
    gain = model.loadings.mT @ torch.linalg.inv(dense(model).covariance_matrix)
    posterior = model.posterior(x)
    assert posterior.batch_shape == (4,)
    torch.testing.assert_close(posterior.mean, (x - model.offset) @ gain.mT, rtol=1e-9, atol=1e-10)
    covariance = torch.eye(latent).double() - gain @ model.loadings
    torch.testing.assert_close(
        posterior.covariance, covariance.expand(4, -1, -1), rtol=1e-8, atol=1e-10
    )


@pytest.mark.equation("2.2")
def test_posterior_is_bayes_at_every_z() -> None:
    model, x, z = world(4, 3), normal(4, seed=9), normal(100, 3, seed=8)
    bayes = model.log_joint(x, z) - dense(model).log_prob(x)
    torch.testing.assert_close(model.posterior(x).log_prob(z), bayes, rtol=0, atol=1e-10)


@given(st.floats(-6, 6), st.floats(-3, 3))
def test_posterior_of_one_number_at_any_noise(noise: float, loading: float) -> None:
    w, s, x = 10.0**loading, 10.0**noise, 0.7
    posterior = LinearGaussian([[w]], 0.0, s).posterior(x)
    std = s / math.hypot(w, s)
    # B is orthonormal to a few ε, so that L⁻¹Bᵀy is right to a few ε|y| posterior deviations.
    exact = w * x / (w * w + s * s)
    assert posterior.mean.item() == pytest.approx(exact, rel=8 * EPS, abs=8 * EPS * x / s * std)
    assert posterior.variance.item() == pytest.approx(std**2, rel=16 * EPS, abs=0)


def test_elbo_of_the_text_and_of_the_exact_posterior() -> None:
    model = LinearGaussian([[1.0]], 0.0, 1.0)
    assert model.elbo(model.prior, 1.0).item() == pytest.approx(-1.918939, abs=5e-7)
    narrow = DiagonalGaussian.from_std(0.5, 0.1)
    reconstruction = model.elbo(narrow, 1.0) + kl_divergence(narrow, model.prior)
    assert reconstruction.item() == pytest.approx(-1.048939, abs=5e-7)
    model, x = world(6, 3), normal(7, 6, seed=9)
    torch.testing.assert_close(
        model.elbo(model.posterior(x), x), model.log_evidence(x), rtol=0, atol=1e-11
    )


@pytest.mark.parametrize("size", [5, 1])
def test_elbo_plus_gap_is_the_evidence(size: int) -> None:
    """With one observed number and two latent ones as well, where AᵀA has no inverse."""
    model, x = world(size, 2), normal(3, size, seed=9)
    root = normal(3, 2, 2, seed=4).tril(-1) + torch.eye(2).double() * 0.7
    mean = normal(3, 2, seed=5)
    for q in (FullGaussian(mean, root), DiagonalGaussian(mean, normal(2, seed=6))):
        scale = root if isinstance(q, FullGaussian) else torch.diag_embed(q.std)
        gap = torch.distributions.kl_divergence(
            MultivariateNormal(mean, scale_tril=scale),
            MultivariateNormal(model.posterior(x).mean, scale_tril=model.posterior(x).scale_tril),
        )
        torch.testing.assert_close(
            model.elbo(q, x), dense(model).log_prob(x) - gap, rtol=0, atol=1e-10
        )


def test_elbo_by_monte_carlo() -> None:
    model, x = world(4, 2), normal(4, seed=9)
    q = FullGaussian(normal(2, seed=5), torch.tensor([[0.8, 0.0], [-0.5, 0.3]]).double())
    z = q.sample((20_000,), generator=torch.Generator().manual_seed(1))
    ratio = model.log_joint(x, z) - q.log_prob(z)
    z_score = (ratio.mean() - model.elbo(q, x)) / (ratio.std() / math.sqrt(len(z)))
    assert abs(z_score.item()) < 4


@pytest.mark.equation("1.4")
def test_relative_variance_of_the_text() -> None:
    one = LinearGaussian([[1.0]], 0.0, 1.0)
    assert one.log_naive_relative_variance(0.0).exp().item() == pytest.approx(0.154701, abs=5e-7)
    fifty = LinearGaussian(torch.eye(50), 0.0, 1.0)
    ratio = fifty.log_naive_relative_variance(torch.zeros(50)).exp().item()
    assert ratio == pytest.approx((2 / math.sqrt(3)) ** 50 - 1, rel=1e-13, abs=0)
    assert ratio == pytest.approx(1327.83, abs=5e-3)


@pytest.mark.equation("1.4")
@pytest.mark.parametrize(("w", "s", "x"), [(1.0, 1.0, 0.0), (2.0, 0.5, 1.5), (0.3, 2.0, -4.0)])
def test_relative_variance_by_quadrature(w: float, s: float, x: float) -> None:
    def moment(power: int) -> float:
        def f(z: float) -> float:
            likelihood = math.exp(-0.5 * ((x - w * z) / s) ** 2) / (s * math.sqrt(2 * math.pi))
            return likelihood**power * math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)

        return quad(f, -12, 12, epsabs=0, epsrel=1e-12, limit=400)[0]

    ratio = LinearGaussian([[w]], 0.0, s).log_naive_relative_variance(x).exp().item()
    assert ratio == pytest.approx(moment(2) / moment(1) ** 2 - 1, rel=1e-9, abs=0)


@pytest.mark.equation("1.4")
@given(st.floats(-4, 4), st.floats(-4, 4), st.integers(0, 10**6))
def test_relative_variance_in_sixty_digits(noise: float, scale: float, seed: int) -> None:
    """From r = 1e-24, where 1 + r is 1, to log r = 1e15: digits are kept all the way."""
    model = LinearGaussian(
        10.0**scale * normal(4, 2, seed=seed), 0.0, 10.0**noise * normal(4, seed=seed + 1).exp()
    )
    x = 10.0**noise * normal(4, seed=seed + 2)
    with mpmath.workdps(100):
        variance = [mpmath.mpf(s) ** 2 for s in model.noise_std.tolist()]
        size = mpmath.mpf(1)
        for v in variance:
            size *= 2 * mpmath.sqrt(mpmath.pi * v)
        log_second = precise(model, x, mpmath.mpf(1) / 2) - mpmath.log(size)
        exact = mpmath.log(mpmath.expm1(log_second - 2 * precise(model, x)))
    ours = model.log_naive_relative_variance(x).item()
    # Singular values are off by ε of the largest, which is below 1e6 times the smallest here;
    # a coordinate of x along a direction by as much. Then r is off by about that, relatively.
    spread = torch.linalg.cond(model.loadings / model.noise_std.unsqueeze(-1)).item()
    assert ours == pytest.approx(float(exact), rel=1e-12, abs=100 * EPS * max(1.0, spread))


@pytest.mark.equation("1.4")
def test_relative_variance_by_monte_carlo() -> None:
    model, x = world(3, 2, seed=3), normal(3, seed=9)
    z = model.prior.sample((200_000,), generator=torch.Generator().manual_seed(2))
    weight = (model.decoder(z).log_prob(x) - dense(model).log_prob(x)).exp()  # mean 1
    square = (weight - 1).square()
    z_score = (square.mean() - model.log_naive_relative_variance(x).exp()) / (
        square.std() / math.sqrt(len(z))
    )
    assert abs(z_score.item()) < 4


@pytest.mark.equation("1.5")
def test_samples_needed_of_the_text() -> None:
    fifty = LinearGaussian(torch.eye(50), 0.0, 1.0)
    needed = fifty.naive_samples_needed(torch.zeros(50))
    assert round(needed.item()) == 132_783
    assert fifty.naive_samples_needed(torch.zeros(50), 0.01).item() == pytest.approx(
        100 * needed.item(), rel=1e-12, abs=0
    )


@pytest.mark.equation("1.5")
def test_so_many_samples_give_that_error() -> None:
    """Repeat p̂ with S = r/ε² draws: its relative variance is ε², by chi-square of the repeats."""
    model, x = LinearGaussian([[1.5]], 0.2, 0.8), torch.tensor([1.0], dtype=torch.float64)
    count = round(model.naive_samples_needed(x, 0.05).item())
    z = model.prior.sample((count, 4000), generator=torch.Generator().manual_seed(3))
    estimate = (model.decoder(z).log_prob(x) - dense(model).log_prob(x)).exp().mean(0)
    square = (estimate - 1).square()
    z_score = (square.mean() - 0.05**2) / (square.std() / math.sqrt(4000))
    assert abs(z_score.item()) < 4


def test_samples_needed_overflow_to_infinity_but_their_log_does_not() -> None:
    near = LinearGaussian(torch.eye(3), 0.0, 1e-3)
    x = torch.full((3,), 2.0)
    assert near.log_naive_samples_needed(x).item() == pytest.approx(
        math.log(near.naive_samples_needed(x).item()), rel=1e-13, abs=0
    )
    far, x = LinearGaussian(torch.eye(50), 0.0, 0.1), torch.full((50,), 6.0)
    assert far.naive_samples_needed(x).item() == math.inf
    assert 709 < far.log_naive_samples_needed(x).item() < 1e6


@pytest.mark.equation("2.4")
@pytest.mark.parametrize("x", [0.0, 1.0, -2.5])
def test_log_bias_is_right_to_second_order(x: float) -> None:
    """Against the exact E[log p̂] by quadrature: the error is of order S^−2, S² of it rests."""
    closed, grid = LinearGaussian([[1.3]], 0.0, 0.9), linear_world(1.3, 0.9)
    scaled = []
    for samples in (1000, 2000, 4000):
        exact = grid.expected_naive_log_evidence(x, samples) - closed.log_evidence(x)
        scaled.append((samples**2 * (exact - closed.naive_log_bias(x, samples))).item())
    # The next order changes S² × error by a share of about 1/S; its own size is of order one.
    assert scaled[1] == pytest.approx(scaled[2], rel=0.05, abs=0)
    assert scaled[0] == pytest.approx(scaled[2], rel=0.1, abs=0)


@pytest.mark.equation("1.6")
def test_ppca_of_the_text() -> None:
    """Six points whose covariance has eigenvalues exactly (3, 1, 0.5)."""
    points = torch.tensor([3.0, 1.0, 0.5]).double().mul(3).sqrt().diag()
    fitted = fit_ppca(torch.cat([points, -points]), 1)
    assert fitted.noise_std.square().tolist() == pytest.approx([0.75] * 3, rel=1e-12, abs=0)
    assert fitted.loadings.square().sum().item() == pytest.approx(2.25, rel=1e-12, abs=0)
    assert fitted.loadings[0, 0].item() == pytest.approx(1.5, rel=1e-12, abs=0)


@pytest.mark.equation("1.6")
def test_ppca_is_where_the_dense_likelihood_is_flat_and_highest() -> None:
    data = normal(300, 4) @ world(6, 4).loadings.mT + 0.3 * normal(300, 6, seed=7)
    fitted = fit_ppca(data, 2)

    def likelihood(w: Tensor, b: Tensor, log_std: Tensor) -> Tensor:
        covariance = w @ w.mT + (2 * log_std).exp() * torch.eye(6).double()
        mean: Tensor = MultivariateNormal(b, covariance).log_prob(data).mean()
        return mean

    log_std = fitted.noise_std[0].log()
    start = [p.detach().requires_grad_() for p in (fitted.loadings, fitted.offset, log_std)]
    best = likelihood(*start)
    for slope in torch.autograd.grad(best, start):
        assert slope.abs().max().item() < 1e-9
    for seed in range(20):
        moved = [p + 0.05 * normal(*p.shape or (1,), seed=seed) for p in start]
        assert likelihood(*moved) < best


@pytest.mark.equation("1.6")
def test_ppca_is_a_fixed_point_of_em() -> None:
    """Tipping & Bishop's EM step, written with the data themselves, leaves W and σ² as they are."""
    data = normal(500, 3) @ normal(7, 3, seed=5).mT + normal(500, 7, seed=6)
    fitted = fit_ppca(data, 3)
    centred, posterior = data - data.mean(0), fitted.posterior(data)
    second = posterior.covariance.sum(0) + posterior.mean.mT @ posterior.mean
    loadings = (centred.mT @ posterior.mean) @ torch.linalg.inv(second)
    torch.testing.assert_close(loadings, fitted.loadings, rtol=0, atol=1e-10)
    left = centred.square().sum() - (loadings.mT @ loadings * second).sum()
    assert fitted.noise_std[0].square().item() == pytest.approx(
        left.item() / data.numel(), rel=1e-10, abs=0
    )


@pytest.mark.parametrize("size", [2, 5, 9])
def test_ppca_covariance_is_summed_in_blocks(size: int) -> None:
    """More rows than one block, a mean far from zero, and float32 that is summed in float64."""
    data = (normal(1500, size) * torch.arange(1, size + 1) + 1000).float()
    fitted = fit_ppca(data, 1)
    values = np.linalg.eigvalsh(np.cov(data.double().numpy().T, bias=True))
    assert fitted.noise_std[0].square().item() == pytest.approx(
        values[:-1].mean(), rel=1e-10, abs=0
    )
    assert fitted.loadings.square().sum().item() == pytest.approx(
        values[-1] - values[:-1].mean(), rel=1e-9, abs=0
    )


def test_ppca_refuses_what_has_no_maximum() -> None:
    flat = normal(50, 2) @ normal(5, 2, seed=1).mT
    with pytest.raises(ValueError, match=r"latent = 2 leaves a noise variance"):
        fit_ppca(flat, 2)
    with pytest.raises(ValueError, match="latent must be below D = 5, got 5"):
        fit_ppca(flat, 5)
    with pytest.raises(ValueError, match=r"data must be .*got shape \(5,\)"):
        fit_ppca(flat[0], 1)
    with pytest.raises(ValueError, match="data must be finite"):
        fit_ppca(flat.log(), 1)


def test_gradients_of_the_evidence_and_of_the_elbo() -> None:
    """w = s = x = 1 and q = prior: ∂_w log p = −1/4, but ∂_w ELBO = −1."""
    w = torch.ones(1, 1, dtype=torch.float64, requires_grad=True)
    model = LinearGaussian(w, 0.0, 1.0)
    (evidence,) = torch.autograd.grad(model.log_evidence(1.0), w, retain_graph=True)
    (bound,) = torch.autograd.grad(model.elbo(model.prior, 1.0), w)
    assert evidence.item() == pytest.approx(-0.25, rel=1e-13, abs=0)
    assert bound.item() == pytest.approx(-1.0, rel=1e-13, abs=0)


def test_float32_is_taken_and_float64_given() -> None:
    model, x = world(5, 2), normal(5).float()
    assert model.log_evidence(x).dtype == torch.float64
    assert model.log_evidence(x).item() == model.log_evidence(x.double()).item()
    q = DiagonalGaussian.standard(2, dtype=torch.float32)
    assert model.elbo(q, x).dtype == torch.float64
    assert model.log_joint(x, torch.zeros(3, 2)).shape == (3,)


def test_errors_name_the_argument() -> None:
    for arguments, message in [
        (([1.0, 2.0], 0.0, 1.0), r"loadings must be \(D, d\)"),
        (([[1.0], [2.0]], [0.0] * 3, 1.0), r"offset must be one number or \(2,\), got \(3,\)"),
        (([[1.0], [2.0]], 0.0, 0.0), "noise_std must be positive, got 0"),
        (([[math.nan]], 0.0, 1.0), "loadings must be finite"),
    ]:
        with pytest.raises(ValueError, match=message):
            LinearGaussian(*arguments)  # type: ignore[arg-type]
    model = world(5, 2)
    with pytest.raises(ValueError, match="x must have 5 entries"):
        model.log_evidence(torch.zeros(4))
    with pytest.raises(ValueError, match="x must be finite"):
        model.log_evidence(torch.full((5,), math.inf))
    with pytest.raises(ValueError, match=r"q must have event shape \(2,\), got \(3,\)"):
        model.elbo(DiagonalGaussian.standard(3), torch.zeros(5))
    for call in (model.log_evidence, model.posterior, model.log_naive_relative_variance):
        with pytest.raises(ValueError, match=r"x must not be empty, got shape \(0, 5\)"):
            call(torch.zeros(0, 5))
    with pytest.raises(ValueError, match=r"q's batch \(3,\) and x's batch \(4,\) do not"):
        model.elbo(DiagonalGaussian.standard(2).expand((3,)), torch.zeros(4, 5))
    with pytest.raises(ValueError, match=r"relative_error \(3,\) and x's batch \(2,\) do not"):
        model.naive_samples_needed(torch.zeros(2, 5), torch.full((3,), 0.1))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="relative_error must be positive"):
        model.naive_samples_needed(torch.zeros(5), 0.0)
    with pytest.raises(ValueError, match="samples must be a whole number"):
        model.naive_log_bias(torch.zeros(5), 0)
