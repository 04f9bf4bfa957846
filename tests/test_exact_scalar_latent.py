"""ScalarLatent and GridPosterior against mpmath, SciPy, closed forms and enumeration."""

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import kstest, norm
from torch import Tensor

from course_lib.distributions import (
    Bernoulli,
    DiagonalGaussian,
    Distribution,
    FullGaussian,
    GaussianMixture,
    kl_divergence,
)
from course_lib.exact import LinearGaussian, ScalarLatent, linear_world, square_world, tanh_world
from course_lib.exact import scalar_latent as module
from course_lib.exact.scalar_latent import TooNarrow

MEANS: dict[str, Callable[[mpmath.mpf], mpmath.mpf]] = {
    "tanh": lambda z: 2 * mpmath.tanh(z),
    "steep": lambda z: 3 * mpmath.tanh(4 * z) + mpmath.mpf("0.5"),
    "square": lambda z: z * z,
    "shifted": lambda z: (z - mpmath.mpf("0.125")) ** 2,
}
PEAKS: dict[str, Callable[[float], list[float]]] = {
    "tanh": lambda x: [math.atanh(min(max(x / 2, -0.99999), 0.99999))],
    "steep": lambda x: [math.atanh(min(max((x - 0.5) / 3, -0.99999), 0.99999)) / 4],
    "square": lambda x: [-math.sqrt(max(x, 0.0)), math.sqrt(max(x, 0.0))],
    "shifted": lambda x: [0.125 - math.sqrt(x), 0.125 + math.sqrt(x)],
}


def world(name: str, s: float) -> ScalarLatent:
    made = {
        "tanh": lambda: tanh_world(2.0, 1.0, 0.0, s),
        "steep": lambda: tanh_world(3.0, 4.0, 0.5, s),
        "square": lambda: square_world(s),
        "shifted": lambda: ScalarLatent(
            lambda z: DiagonalGaussian.from_std((z - 0.125).square(), s)
        ),
    }
    return made[name]()


def moments(name: str, x: float, s: float) -> tuple[float, float, float]:
    """log p(x), E[z|x], Var[z|x] by mpmath in 30 digits, cut at the peaks and far around them."""
    with mpmath.workdps(30):
        slopes = [float(mpmath.diff(MEANS[name], p)) for p in PEAKS[name](x)]
        cuts = {-14.0, -2.0, 0.0, 2.0, 14.0}
        for peak, slope in zip(PEAKS[name](x), slopes, strict=True):
            width = min(1.0, s / max(abs(slope), 1e-3))
            cuts |= {peak + k * width for k in (-400, -60, -20, -8, -3, 0, 3, 8, 20, 60, 400)}
        ends = sorted(c for c in cuts if -14 <= c <= 14)

        def joint(z: mpmath.mpf) -> mpmath.mpf:
            exponent = ((x - MEANS[name](z)) / mpmath.mpf(s)) ** 2 + z * z
            return mpmath.exp(-exponent / 2) / (2 * mpmath.pi * s)

        area, first, second = (mpmath.quad(lambda z, k=k: joint(z) * z**k, ends) for k in range(3))
        mean = first / area
        return float(mpmath.log(area)), float(mean), float(second / area - mean**2)


@pytest.mark.equation("1.1")
def test_the_numbers_of_the_text() -> None:
    assert linear_world(2.0, 1.0).log_evidence(1.0).item() == pytest.approx(-1.823657, abs=5e-7)
    world = linear_world()
    assert world.log_evidence(1.0).item() == pytest.approx(-1.515512, abs=5e-7)
    assert world.elbo(world.prior, 1.0).item() == pytest.approx(-1.918939, abs=5e-7)


@pytest.mark.equation("1.1")
@pytest.mark.parametrize(
    ("name", "s", "x"),
    [
        ("tanh", 0.5, 1.0),
        ("tanh", 0.5, 5.0),
        ("tanh", 1e-3, 1.3),
        ("tanh", 1e-6, 0.4),
        ("steep", 0.1, 2.0),
        ("steep", 30.0, 2.0),
        ("square", 0.5, 0.0),
        ("square", 0.1, 3.0),
        ("square", 1e-6, 3.0),
        ("square", 0.2, -1.0),
        ("shifted", 1e-3, 1.5),  # two needles, of which the first grid sees one
        ("shifted", 1e-5, 0.7),
    ],
)
def test_evidence_and_posterior_in_thirty_digits(name: str, s: float, x: float) -> None:
    log_p, mean, variance = moments(name, x, s)
    ours, error = world(name, s).log_evidence_with_error(x)
    # Near the peak ∂ log p(x, z) is about 1/s per unit of the decoder's mean, itself off by ε.
    slack = 1e-12 + 10 * 2.3e-16 * (1 + abs(x)) / s
    assert ours.item() == pytest.approx(log_p, abs=slack)
    assert error.item() < 1e-8
    posterior = world(name, s).posterior(x)
    std = math.sqrt(variance)
    assert posterior.mean.item() == pytest.approx(mean, abs=slack * std + 1e-14)
    assert posterior.variance.item() == pytest.approx(variance, rel=10 * slack)


@pytest.mark.equation("1.1")
@example(1.0, -2.40625, 1.4039851007065485)  # its halved grid leaves more than rounding
@given(st.floats(-3, 3), st.floats(-6, 6), st.floats(-6, 6))
def test_the_linear_world_at_extremes(log_w: float, log_s: float, units: float) -> None:
    """Slopes 1e-3 to 1e3, noise 1e-6 to 1e6, x up to six deviations of p(x) away.

    What is left is rounding, or what the world itself says of its error.
    """
    w, s = 10.0**log_w, 10.0**log_s
    closed, x = LinearGaussian([[w]], 0.0, s), units * math.hypot(w, s)
    expected, peak = closed.log_evidence(x).item(), closed.posterior(x)
    linear = linear_world(w, s)
    posterior = linear.posterior(x)
    # w z is off by ε of itself near the peak, which is that over s deviations.
    slack = 1e-12 + 30 * 2.3e-16 * (1 + abs(x)) / s
    if slack > 1e-7:  # there the world may refuse: its own error bound is 1e-6
        return
    told = linear.log_evidence_with_error(x)[1].item()
    assert told < 1e-9 + slack
    slack += told
    assert posterior.log_evidence.item() == pytest.approx(expected, rel=1e-14, abs=slack)
    std = peak.variance.sqrt().item()
    assert posterior.mean.item() == pytest.approx(peak.mean.item(), abs=slack * std + 1e-14)
    assert posterior.std.item() == pytest.approx(std, rel=10 * slack, abs=0)


def test_beyond_float64_it_refuses_or_is_right() -> None:
    refused = 0
    for s in [10.0**-k for k in range(6, 14)]:
        for x in (1.3, -0.2, 5.0):
            exact = LinearGaussian([[1.0]], 0.0, s).log_evidence(x).item()
            try:
                ours, error = linear_world(1.0, s).log_evidence_with_error(x)
            except TooNarrow:
                refused += 1
                assert s < 1e-8
            else:
                assert abs(ours.item() - exact) <= error.item() + 1e-14
                assert s > 1e-12
    assert refused > 0


def test_a_batch_is_its_rows_however_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Needles in different places, refined together, padded to one length."""
    world, x = square_world(0.01), torch.tensor([[[0.0], [1.0]], [[4.0], [-0.01]], [[0.3], [9.0]]])
    together, posterior = world.log_evidence(x), world.posterior(x)
    assert together.shape == posterior.batch_shape == (3, 2)
    z = torch.randn(5, 3, 2, 1, generator=torch.Generator().manual_seed(0))
    q = DiagonalGaussian.from_std(torch.zeros(2, 1), 0.5)
    bounds = world.elbo(q, x)
    for i in range(3):
        for j in range(2):
            alone = world.posterior(x[i, j])
            assert together[i, j].item() == pytest.approx(alone.log_evidence.item(), rel=1e-13)
            assert posterior.mean[i, j].item() == pytest.approx(alone.mean.item(), abs=1e-13)
            assert posterior.std[i, j].item() == pytest.approx(alone.std.item(), rel=1e-12)
            assert posterior.entropy()[i, j].item() == pytest.approx(alone.entropy().item())
            torch.testing.assert_close(
                posterior.log_prob(z)[:, i, j], alone.log_prob(z[:, i, j]), rtol=1e-12, atol=1e-12
            )
            single = world.elbo(DiagonalGaussian.from_std(0.0, 0.5), x[i, j])
            assert bounds[i, j].item() == pytest.approx(single.item(), rel=1e-13)
    steps = posterior.nodes.squeeze(-1).diff(dim=-1)
    assert (steps[posterior.weights[..., 1:] > 0] >= 0).all()
    monkeypatch.setattr(module, "CHUNK", 1)
    torch.testing.assert_close(world.log_evidence(x), together, rtol=1e-14, atol=0)
    torch.testing.assert_close(world.posterior(x).mean, posterior.mean, rtol=0, atol=1e-14)


def test_a_decoder_of_many_numbers() -> None:
    """x of four numbers, linear in z: LinearGaussian knows."""
    loadings = torch.tensor([[1.0], [-2.0], [0.5], [0.0]], dtype=torch.float64)
    closed = LinearGaussian(loadings, 0.3, 0.4)
    world = ScalarLatent(closed.decoder)
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(world.log_evidence(x), closed.log_evidence(x), rtol=0, atol=1e-11)
    torch.testing.assert_close(world.posterior(x).mean, closed.posterior(x).mean)
    q = DiagonalGaussian.from_std(0.2, 0.3)
    torch.testing.assert_close(world.elbo(q, x), closed.elbo(q, x), rtol=0, atol=1e-11)


def test_a_bernoulli_decoder_by_scipy() -> None:
    world = ScalarLatent(lambda z: Bernoulli(torch.cat([3.0 * z - 1.0, -z], -1)))
    total = 0.0
    for x in ([0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]):

        def joint(z: float, x: list[float] = x) -> float:
            a, b = 1 / (1 + math.exp(1 - 3 * z)), 1 / (1 + math.exp(z))
            return (a if x[0] else 1 - a) * (b if x[1] else 1 - b) * norm.pdf(z)

        expected = math.log(quad(joint, -12, 12, epsabs=1e-14, epsrel=1e-12)[0])
        ours = world.log_evidence(torch.tensor(x)).item()
        assert ours == pytest.approx(expected, abs=1e-11)
        total += math.exp(ours)
    assert total == pytest.approx(1.0, abs=1e-12)


def test_a_decoder_with_a_step() -> None:
    """Mean −1 below z = 0.3 and +1 above: two Gaussians, weighed by Φ; the halved grid sees it."""
    world = ScalarLatent(lambda z: DiagonalGaussian.from_std((z - 0.3).sign(), 0.5))
    below = norm.cdf(0.3)
    for x in (-1.0, 0.2, 2.0):
        exact = below * norm.pdf(x, -1, 0.5) + (1 - below) * norm.pdf(x, 1, 0.5)
        ours, error = world.log_evidence_with_error(x)
        assert abs(ours.item() - math.log(exact)) <= error.item() + 1e-14
        assert error.item() < 1e-8


@pytest.mark.equation("2.1")
@pytest.mark.parametrize("name", ["tanh", "square"])
def test_the_posterior_is_a_density(name: str) -> None:
    """Scored anywhere, its integral by SciPy is one, its entropy and mean are those integrals."""
    x, s = 1.2, 0.3
    posterior = world(name, s).posterior(x)

    def density(z: float) -> float:
        return posterior.log_prob(torch.tensor([z], dtype=torch.float64)).exp().item()

    def integral(f: Callable[[float], float]) -> float:
        return quad(f, -9, 9, points=[-1.1, 0.0, 1.1], limit=300, epsabs=1e-11)[0]

    assert integral(density) == pytest.approx(1.0, abs=1e-9)
    assert posterior.mean.item() == pytest.approx(integral(lambda z: z * density(z)), abs=1e-8)
    entropy = integral(lambda z: -density(z) * math.log(max(density(z), 1e-300)))
    assert posterior.entropy().item() == pytest.approx(entropy, abs=1e-8)
    cubic = posterior.expectation(lambda z: z.squeeze(-1) ** 3).item()
    assert cubic == pytest.approx(integral(lambda z: z**3 * density(z)), abs=1e-8)
    assert posterior.weights.sum().item() == pytest.approx(1.0, abs=1e-13)


@pytest.mark.equation("2.3")
def test_candidates_formula_is_flat_in_z() -> None:
    model, z = tanh_world(), torch.linspace(-4, 4, 81, dtype=torch.float64).unsqueeze(-1)
    closed = model.log_joint(1.0, z) - model.posterior(1.0).log_prob(z)
    assert (closed.max() - closed.min()).item() < 1e-12
    assert closed[0].item() == pytest.approx(moments("tanh", 1.0, 0.5)[0], abs=1e-12)


@pytest.mark.parametrize(("make", "x"), [(tanh_world, 1.0), (square_world, 1.5)])
def test_samples_follow_the_posterior(make: Callable[[], ScalarLatent], x: float) -> None:
    """Kolmogorov–Smirnov against the cumulative distribution by a fine trapezoid rule."""
    posterior = make().posterior(torch.tensor([[x], [0.5]]))
    draws = posterior.sample((50, 1000), generator=torch.Generator().manual_seed(1))
    assert draws.shape == (50, 1000, 2, 1)
    grid = torch.linspace(-8, 8, 160_001, dtype=torch.float64)
    density = posterior.log_prob(grid.reshape(-1, 1, 1)).exp().T.numpy()  # (2, 160001)
    for row, some in enumerate(draws.reshape(-1, 2).T.numpy()):
        cumulative = np.concatenate([[0], np.cumsum(density[row, 1:] + density[row, :-1]) * 5e-5])
        p_value = kstest(some, lambda v, c=cumulative: np.interp(v, grid.numpy(), c)).pvalue  # type: ignore[misc]
        assert p_value > 1e-4


def test_samples_of_a_needle_have_its_moments() -> None:
    posterior = square_world(1e-6).posterior(4.0)  # at ±2, of width 2.5e-7
    draws = posterior.sample((40_000,), generator=torch.Generator().manual_seed(2)).squeeze(-1)
    off = (draws.abs() - 2.0) / 2.5e-7
    assert abs(off.mean().item()) < 4 / math.sqrt(40_000)
    assert abs(off.std().item() - 1) < 4 / math.sqrt(80_000)
    assert abs((draws > 0).double().mean().item() - 0.5) < 4 * 0.5 / math.sqrt(40_000)


def shapes_of_q(x: float) -> dict[str, Distribution]:
    mixture = GaussianMixture(
        torch.tensor([0.3, 0.7]).double().log(),
        DiagonalGaussian.from_std(torch.tensor([[-1.0], [1.1]]).double(), 0.2),
    )
    return {
        "diagonal": DiagonalGaussian.from_std(0.4, 0.7),
        "full": FullGaussian(torch.tensor([-0.3]).double(), torch.tensor([[1.4]]).double()),
        "wide": DiagonalGaussian.from_std(-2.0, 30.0),
        "needle": DiagonalGaussian.from_std(0.9, 1e-6),
        "mixture": mixture,
        "posterior of another x": square_world(0.7).posterior(x + 0.5),
    }


@pytest.mark.parametrize("name", [*shapes_of_q(1.0)])
@pytest.mark.parametrize("make", [tanh_world, square_world])
def test_elbo_by_scipy_for_any_q(make: Callable[[], ScalarLatent], name: str) -> None:
    model, x = make(), 1.0
    q = shapes_of_q(x)[name]
    centre, std = q.mean.item(), math.sqrt(q.variance.item())

    def integrand(t: float) -> float:
        z = torch.tensor([centre + std * t], dtype=torch.float64)
        log_q = q.log_prob(z).item()
        return std * math.exp(log_q) * (model.log_joint(x, z).item() - log_q)

    expected = quad(integrand, -9, 9, points=[-2, 0, 2], limit=500, epsabs=1e-9, epsrel=1e-10)[0]
    ours = model.elbo(q, x).item()
    assert ours == pytest.approx(expected, rel=1e-8, abs=1e-7)
    assert ours <= model.log_evidence(x).item()


def test_elbo_of_the_exact_posterior_is_the_evidence() -> None:
    for model in (tanh_world(), square_world(0.05), tanh_world(s=1e-4)):
        x = torch.tensor([[0.7], [1.6]])
        torch.testing.assert_close(
            model.elbo(model.posterior(x), x), model.log_evidence(x), rtol=0, atol=1e-9
        )


@given(st.floats(-4, 4), st.floats(-4, 3), st.floats(-4, 4), st.floats(-3, 3))
def test_elbo_in_the_linear_world_at_extremes(
    mean: float, log_std: float, x: float, log_s: float
) -> None:
    q, s = DiagonalGaussian.from_std(mean, 10.0**log_std), 10.0**log_s
    closed = LinearGaussian([[1.5]], 0.0, s).elbo(q, x).item()
    # Near z = x/w the ratio itself is off by ε x/s², which an average over q keeps.
    slack = 1e-11 + 1e-14 * (1 + abs(x) + abs(mean)) / s**2
    assert linear_world(1.5, s).elbo(q, x).item() == pytest.approx(closed, rel=1e-9, abs=slack)


def test_elbo_is_minus_infinity_where_q_believes_the_impossible() -> None:
    """x = 1 has probability 0 for z below 0."""
    model = ScalarLatent(lambda z: Bernoulli(torch.where(z < 0, -math.inf, 0.0)), half_width=12.0)
    x = torch.ones(2, 1)
    assert model.log_evidence(x)[0].item() == pytest.approx(math.log(0.25), abs=1e-8)
    q = DiagonalGaussian.from_std(torch.tensor([[0.0], [20.0]]).double(), 1.0)
    bound = model.elbo(q, x)
    assert bound[0].item() == -math.inf
    gain = math.log(0.5) - kl_divergence(q, model.prior)[1].item()
    assert bound[1].item() == pytest.approx(gain, rel=1e-12)


def test_gradients_pass_through_to_the_decoder() -> None:
    """∂ log p/∂a by autodiff, by Fisher's identity and by differences."""
    a = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(tanh_world(a).log_evidence(1.0), a)
    posterior = tanh_world().posterior(1.0)

    def score(z: Tensor) -> Tensor:
        mean = torch.tanh(z.squeeze(-1))
        return (1.0 - 2.0 * mean) * mean / 0.25

    assert slope.item() == pytest.approx(posterior.expectation(score).item(), rel=1e-12)
    high, low = (tanh_world(2.0 + h).log_evidence(1.0).item() for h in (1e-5, -1e-5))
    assert slope.item() == pytest.approx((high - low) / 2e-5, abs=1e-8)


def test_what_cannot_be_had_is_refused() -> None:
    def noisy(z: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian.from_std(torch.sin(1e9 * z), 0.1)

    def silent(z: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian.from_std(torch.zeros(1).double(), 1.0)

    class Broken:
        event_shape = torch.Size([1])

        def __init__(self, z: Tensor) -> None:
            self.z, self.batch_shape = z.squeeze(-1), z.shape[:-1]

        def log_prob(self, value: Tensor) -> Tensor:
            return torch.where(self.z > 2.0, math.nan, value.squeeze(-1))

    for model, x, message in [
        (ScalarLatent(noisy), 0.3, "does not converge"),
        (linear_world(1.0, 1e-3), 60.0, "half_width = 40 cuts off part"),
        (ScalarLatent(tanh_world().decoder, half_width=4.0), 1.0, "half_width = 4 cuts off"),
        (ScalarLatent(Broken), 0.3, r"decoder must give log p.*got nan at z = 2\.00"),  # type: ignore[arg-type]
        (ScalarLatent(silent), 0.3, r"a distribution for each z, .* got batch \(\)"),
        (
            ScalarLatent(lambda z: Bernoulli(torch.full_like(z, -math.inf))),
            1.0,
            "x must be possible",
        ),
        (tanh_world(), math.nan, "x must be finite, got nan"),
        (ScalarLatent(lambda z: z), 1.0, r"a distribution for each z, .* got Tensor"),  # type: ignore[arg-type, return-value]
    ]:
        with pytest.raises(ValueError, match=message):
            model.log_evidence(x)
    mixture = GaussianMixture(
        torch.zeros(2).double(),
        DiagonalGaussian.from_std(torch.tensor([[0.0], [300.0]]).double(), 1.0),
    )
    with pytest.raises(ValueError, match=r"q must have its mass between -40 and 40, got 0\.5"):
        tanh_world().elbo(mixture, 1.0)


def test_errors_name_the_argument() -> None:
    with pytest.raises(ValueError, match="s must be positive, got 0"):
        tanh_world(s=0.0)
    with pytest.raises(ValueError, match=r"a must be one number, got shape \(2,\)"):
        tanh_world([1.0, 2.0])
    with pytest.raises(ValueError, match="half_width must be positive"):
        ScalarLatent(tanh_world().decoder, half_width=-1.0)
    with pytest.raises(ValueError, match="nodes must be a whole number of at least 288"):
        ScalarLatent(tanh_world().decoder, nodes=10)
    with pytest.raises(ValueError, match="decoder must be a function of z, got float"):
        ScalarLatent(1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"half_width must be one number, got shape \(2,\)"):
        ScalarLatent(tanh_world().decoder, half_width=[1.0, 2.0])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="z must have 1 entries"):
        tanh_world().decoder(torch.zeros(3))
    with pytest.raises(ValueError, match="z must be finite, got inf"):
        tanh_world().decoder(torch.tensor([math.inf]))
    posterior = tanh_world().posterior(1.0)
    with pytest.raises(
        ValueError, match=r"function must map z \(\d+, 1\) to \(\d+,\), got \(\d+, 1"
    ):
        posterior.expectation(lambda z: z)
    with pytest.raises(ValueError, match=r"f\(z\) must be a number, got nan"):
        posterior.expectation(lambda z: z[..., 0] * math.nan)
    with pytest.raises(ValueError, match=r"q must have event shape \(1,\), got \(2,\)"):
        tanh_world().elbo(DiagonalGaussian.standard(2), 1.0)


def test_the_least_number_of_nodes_is_enough() -> None:
    decoder = tanh_world()._decode
    with pytest.raises(ValueError, match="nodes must be a whole number of at least 288, got 287"):
        ScalarLatent(decoder, nodes=287)
    least = ScalarLatent(decoder, nodes=288).log_evidence([[1.0]])
    torch.testing.assert_close(least, tanh_world().log_evidence([[1.0]]), rtol=0, atol=1e-8)
