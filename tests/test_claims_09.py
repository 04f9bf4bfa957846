"""What notebook 9 says over seeds, and what its text and tables rest on."""

import math

import numpy as np
import pytest
import torch
from scipy.special import rel_entr, xlogy
from scipy.stats import multivariate_normal, norm
from torch import Generator
from torch.distributions import MultivariateNormal, Normal

from course_lib import train, vae
from course_lib.data import binarise, load_mnist
from course_lib.explorers.scenes.digit_bounds import digit_bounds, drawn_batches
from course_lib.shipped import load_model

IMAGES = 1000  # of the test set, two draws each


def test_a_pair_that_shares_a_latent_by_quadrature() -> None:
    """What the sum loses: at two points, and on average, with SciPy's bivariate Gaussian."""
    pair = multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]])

    def lost(a: float, b: float) -> float:
        return float(pair.logpdf([a, b]) - norm.logpdf(a) - norm.logpdf(b))

    assert lost(1, 1) == pytest.approx(0.955270, abs=1e-6)
    assert lost(1, -1) == pytest.approx(-3.489174, abs=1e-6)
    grid = np.linspace(-8, 8, 401)
    every = np.stack(np.meshgrid(grid, grid), -1)
    mass = pair.pdf(every) * (grid[1] - grid[0]) ** 2
    apart = norm.logpdf(every).sum(-1)
    mean = (mass * (pair.logpdf(every) - apart)).sum()
    assert mean == pytest.approx(-0.5 * math.log(1 - 0.8**2), abs=1e-9)
    assert mean == pytest.approx(0.511, abs=5e-4)


@pytest.mark.parametrize("way", ["with", "without"])
def test_two_standard_deviations_hold_about_95_percent_of_all_batches(way: str) -> None:
    """Of 400 batches of each size but the whole, which without replacement has no spread."""
    elbo = digit_bounds().elbo.numpy()
    inside = []
    for B in range(1, 100):
        spread = 100 * elbo.std() / math.sqrt(B)
        if way == "without":
            spread *= math.sqrt((100 - B) / 99)
        chosen = elbo[drawn_batches()[way][:, :B].numpy()]
        inside.append(np.abs(100 * chosen.mean(1) - elbo.sum()) < 2 * spread)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)
    assert min(np.mean(inside, 1)) > 0.9


def score(black: np.ndarray, white: np.ndarray) -> float:
    """The log-likelihood of pixels under the best probabilities of black, one for each entry."""
    both = np.maximum(black + white, 1e-300)
    return float((xlogy(black, black / both) + xlogy(white, white / both)).sum())


@pytest.mark.parametrize("seed", range(20))
def test_a_mean_over_pixels_never_pays_for_a_latent(seed: int) -> None:
    """Three pixels, five codes, any q: what the best factorised decoder gains, by enumeration."""
    rng = np.random.default_rng(seed)
    x = np.array(list(np.ndindex(2, 2, 2)))  # (8, 3)
    data = rng.dirichlet(np.full(8, 0.3))
    q = rng.dirichlet(np.full(5, 0.2), 8)  # (8, 5)
    prior = rng.dirichlet(np.ones(5))
    if seed == 0:  # three copies of one pixel, a code that tells it, no waste: the break-even
        data, q = np.eye(8)[0] / 2 + np.eye(8)[7] / 2, np.zeros((8, 5))
        q[:4, 0] = q[4:, 1] = 1
        prior = np.array([0.5, 0.5, 0, 0, 0])
    joint = data[:, None] * q
    rate = rel_entr(joint, data[:, None] * prior).sum()
    black, white = x.T @ joint, (1 - x).T @ joint  # (3, 5): of pixel i, with code z
    gain = score(black, white) - score(black.sum(1), white.sum(1))
    assert gain <= 3 * rate + 1e-12
    assert seed > 0 or gain == pytest.approx(3 * rate)


def test_a_prior_cut_down_to_a_share() -> None:
    """KL(p cut to a share s ‖ p) = −log s, here of N(0, 1) cut to its left; 3% and a third."""
    for nats, share in ((3.5, 0.03), (1.1, 1 / 3)):
        assert math.exp(-nats) == pytest.approx(share, abs=0.005)
        edge = norm.ppf(math.exp(-nats))
        z = np.linspace(edge - 9, edge, 100_001)
        cut = norm.pdf(z) / norm.cdf(edge)
        kl = np.trapezoid(cut * (np.log(cut) - norm.logpdf(z)), z)
        assert kl == pytest.approx(nats, abs=1e-6)


@pytest.mark.parametrize("replacement", [True, False])
def test_more_draws_for_fewer_images_lose(replacement: bool) -> None:
    """By simulation: 12 decodings as 12, 6, 4 and 3 images with 1, 2, 3 and 4 draws of z each."""
    rng = np.random.default_rng(0)
    values, within = rng.normal(size=40), rng.uniform(0.2, 2.0, 40)
    P, mean = values.var(), within.mean()
    last = 0.0
    for draws in (1, 2, 3, 4):
        B, runs = 12 // draws, 200_000
        order = rng.random((runs, 40)).argsort(1)[:, :B]
        index = rng.integers(0, 40, (runs, B)) if replacement else order
        noise = rng.normal(size=(runs, B)) * np.sqrt(within[index] / draws)
        sums = (values[index] + noise).sum(1) * 40 / B
        by_text = 40**2 / 12 * (P * draws + mean)
        if not replacement:
            by_text = 40**2 / 12 * (P * 40 / 39 * draws + mean) - 40 * P * 40 / 39
        assert sums.var() == pytest.approx(by_text, rel=5 * np.sqrt(2 / runs))
        assert by_text > last
        last = by_text


def share(found: list[torch.Tensor]) -> float:
    """v/(P + v) of pairs of draws, image by image, summed over components."""
    pairs = torch.stack(found).detach().reshape(IMAGES, 2, -1).double()
    v = (pairs[:, 0] - pairs[:, 1]).square().sum(-1).mean() / 2
    # Products of two draws of one image hold no noise of z: E g_1·g_2 − |E g|².
    same = (pairs[:, 0] * pairs[:, 1]).sum(-1).mean()
    total = pairs.mean(1).sum(0)
    cross = (total.square().sum() - pairs.mean(1).square().sum()) / (IMAGES * (IMAGES - 1))
    return (v / (same - cross + v)).item()


def shares(model: vae.HVAE) -> tuple[float, float]:
    """v/(P + v) of the ELBO and of its gradient, on test images."""
    draws, values, slopes = Generator().manual_seed(11), [], []
    x = binarise(load_mnist("test").images[:IMAGES].flatten(1), generator=draws)
    for image in x.repeat_interleave(2, 0).split(1):
        values.append(model.elbo(image, generator=draws).sum())
        slope = torch.autograd.grad(values[-1], list(model.parameters()))
        slopes.append(torch.nn.utils.parameters_to_vector(slope)[::97])
    return share(values), share(slopes)


def proved(model: vae.HVAE, seed: int, kinds: bool = True) -> float:
    """E log g/p over codes of test images, with PyTorch's Gaussians: one for each kind of digit, or
    one for all, fitted to codes of training images.
    """
    rng, found = Generator().manual_seed(seed), []
    train_set, test_set = load_mnist("train"), load_mnist("test")
    for pixels in (train_set.images[:20_000], test_set.images[:2_000]):
        with torch.no_grad():
            (q,) = model.mean_factors(binarise(pixels.flatten(1), generator=rng))
        found.append((q.mean, q.mean + q.std * torch.randn(q.mean.shape, generator=rng)))
    (mean, z), (_, new) = found
    used = mean.var(0) > 0.01
    z, new, labels = z[:, used].double(), new[:, used].double(), train_set.labels[:20_000]
    parts = [z[labels == kind] for kind in range(10)] if kinds else [z]
    log_g = torch.stack(
        [
            MultivariateNormal(own.mean(0), torch.cov(own.T)).log_prob(new)
            + math.log(len(own) / len(z))
            for own in parts
        ]
    )
    log_p = Normal(0.0, 1.0).log_prob(new).sum(1)
    return float((log_g.logsumexp(0) - log_p).mean())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_how_far_the_prior_is_from_the_codes_after_300_epochs(seed: int) -> None:
    model = load_model("mnist_hvae_1")
    assert 1.0 < proved(model, seed) < 1.2
    assert abs(proved(model, seed, kinds=False)) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_training_and_what_z_has_of_the_noise_of_the_gradient(seed: int) -> None:
    """The live training of the notebook, and what it says of one z for each image."""
    images = load_mnist("train").images.flatten(1)
    sizes = vae.Architecture(784, (20,), ((200,),))
    ink = images.float().mean(0) / 255
    model = sizes.build(seed=seed, data_mean=ink)
    assert shares(model)[1] < 0.4  # smaller before the first step than it will be
    steps = train.Settings(6, 250, 3e-3, seed=seed)
    history = train.fit(model, images, steps, prepare=binarise, progress_bar=False)
    assert history["elbo"] == sorted(history["elbo"])
    assert -120 < history["elbo"][-1] < -105
    assert 25 < history["cost_1"][-1] < 27
    assert 3.3 < proved(model, seed) < 3.7
    assert 0.2 < proved(model, seed, kinds=False) < 0.4
    of_value, of_slope = shares(model)
    assert 5 - 4 * of_value > 4.8
    assert 1.6 < 5 - 4 * of_slope < 2.1
    assert 1.4 < 1.5 * (1 - of_value / 2) < 1.5
    assert 0.87 < 1.5 * (1 - of_slope / 2) < 0.95


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_mean_over_pixels_leaves_no_unit_active(seed: int) -> None:
    def pixel_mean(
        model: vae.HVAE, x: torch.Tensor, *, generator: Generator, progress: float
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        terms = model.terms(x, generator=generator)
        return terms.reconstruction / 784 - terms.kl, {"elbo": terms.elbo, "cost_1": terms.kl}

    images = load_mnist("train").images.flatten(1)
    model = vae.Architecture(784, (20,), ((200,),)).build(
        seed=seed, data_mean=images.float().mean(0) / 255
    )
    steps = train.Settings(2, 250, 3e-3, seed=seed)
    history = train.fit(
        model, images, steps, prepare=binarise, objective=pixel_mean, progress_bar=False
    )
    kl, elbo = history["cost_1"][-1], history["elbo"][-1]
    assert kl < 0.1
    assert 80 < 26.0 / (kl - (elbo + kl) / 784) < 90  # 26.0 is the other's, within a percent
    x = binarise(load_mnist("test").images[:100].flatten(1), generator=Generator().manual_seed(1))
    assert vae.active_units(model, x, generator=Generator().manual_seed(4))[0] == 0
