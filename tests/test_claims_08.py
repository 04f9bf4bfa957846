"""What notebook 8 says over seeds, and where its cells print too little to show it."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm
from torch import Generator

from course_lib import train, vae
from course_lib.data import load_digits
from course_lib.distributions import Binomial, kl_divergence
from course_lib.explorers.reparameterization import GradientNoise

SEEDS = range(10)
EDGES = ((30.0, (0.0, 3.0)), (-30.0, (-9.0, -3.0)))  # and between which ε they are met


def wave(omega: float) -> tuple[float, float, float]:
    """Of E sin ωz under N(0, 1): the slope in μ, variances of a slope's and a height's draw."""

    def mean(f: Callable[[float], float]) -> float:
        return quad(lambda e: f(e) * np.exp(-(e**2) / 2) / np.sqrt(2 * np.pi), -12, 12, limit=500)[
            0
        ]

    gradient = mean(lambda e: omega * np.cos(omega * e))
    slopes = mean(lambda e: (omega * np.cos(omega * e)) ** 2) - gradient**2
    heights = mean(lambda e: (np.sin(omega * e) * e) ** 2) - gradient**2
    return gradient, slopes, heights


def test_at_two_the_heights_win_something_and_at_five_nobody_does() -> None:
    gradient, slopes, heights = wave(2.0)
    assert (gradient, slopes, heights) == pytest.approx((0.27, 1.93, 0.43), abs=0.005)
    assert heights / (0.1 * gradient) ** 2 == pytest.approx(590, rel=0.01)
    assert slopes / (0.1 * gradient) ** 2 == pytest.approx(2_600, rel=0.02)
    gradient, slopes, heights = wave(5.0)
    assert abs(gradient) < 2.5e-5
    assert slopes / heights == pytest.approx(25, rel=1e-3)
    assert heights / (0.1 * gradient) ** 2 > 1e11


def test_from_which_frequency_on_the_heights_have_the_smaller_variance() -> None:
    crossing = brentq(lambda omega: wave(omega)[1] - wave(omega)[2], 0.5, 2.0)
    assert crossing == pytest.approx(1.109, abs=5e-4)
    assert all(slopes > heights for _, slopes, heights in map(wave, np.arange(1.15, 6.05, 0.1)))


def test_the_law_for_fine_waves() -> None:
    """Under N(0, 1): ½ω² for the slopes and ½ for the weighted heights, once δ⁴ is gone."""
    for omega in (5.0, 8.0):
        gradient, slopes, heights = wave(omega)
        assert slopes == pytest.approx(omega**2 / 2, rel=1e-6)
        assert heights == pytest.approx(0.5, rel=1e-6)
        assert abs(gradient) < 2.5e-5


def average(f: Callable[[float], float]) -> float:
    """E f(ε), by quadrature."""
    return quad(lambda e: f(e) * norm.pdf(e), -12, 12, epsabs=1e-12, limit=500)[0]


def weighted_square(mean: float, std: float, b: float, e: float) -> float:
    """(z² − b) times the score."""
    return ((mean + std * e) ** 2 - b) * e / std


def least_worth(mean: float, std: float) -> float:
    """Weighted heights that one slope of z² is worth, with the best of all constants."""
    height = partial(weighted_square, mean, std)
    gradient = average(lambda e: height(0.0, e))
    best = minimize_scalar(lambda b: average(lambda e: height(b, e) ** 2), tol=1e-10)
    return (best.fun - gradient**2) / (2 * std) ** 2


def test_what_the_best_baseline_leaves_for_a_square() -> None:
    """2ρ² + 3/2, so never below 1.5, where no baseline at all leaves ¼(ρ⁴ + 14ρ² + 15)."""
    for mean, std in ((0.0, 1.0), (0.7, 1.3), (2.0, 1.0), (4.0, 1.0)):
        ratio = mean / std
        assert least_worth(mean, std) == pytest.approx(2 * ratio**2 + 1.5, rel=1e-6)
    assert least_worth(4.0, 1.0) == pytest.approx(33.5, rel=1e-6)


def weighted_twice(omega: float, e: float) -> float:
    return math.sin(omega * e) * e**2


def test_no_constant_helps_the_wave_under_a_q_in_its_middle() -> None:
    for omega in (0.5, 1.0, 2.0, 5.0):
        assert average(partial(weighted_twice, omega)) == pytest.approx(0, abs=1e-9)


def test_what_the_opening_s_axis_leaves_off() -> None:
    """Of f = z² under N(2, 1), beyond ±30: the share of one weighted height, and its variance's."""
    opened: Any = GradientNoise()
    assert opened.scale[-1].get_text() == "30"
    assert opened.beyond.get_text() == "100 of 4,000 lie off the axis"
    height = partial(weighted_square, 2.0, 1.0, 0.0)
    off = [brentq(lambda e, edge=edge: height(e) - edge, *near) for edge, near in EDGES]
    parts = [(off[0], 12.0), (-12.0, off[1])]
    share = sum(quad(norm.pdf, *part)[0] for part in parts)
    carried = sum(quad(lambda e: (height(e) - 4) ** 2 * norm.pdf(e), *part)[0] for part in parts)
    assert share == pytest.approx(0.0264, abs=5e-5)
    assert 0.55 < carried / 87 < 0.6
    wrong = average(lambda e: float(height(e) < 0))  # where the gradient is 4
    assert wrong == pytest.approx(0.5, abs=1e-3)  # "half the purple have the wrong sign"


def test_the_explorer_shows_what_is_to_be_tried() -> None:
    tried = GradientNoise()
    finer = tried.at(f="sin 2z", mean=0.0, std=1.0)["worth"]
    narrower = tried.at(std=0.4)["worth"]
    assert finer < 1 < narrower
    needle = tried.at(f="z²", mean=3.0, std=0.4)
    heights = (needle["gradient"] / 2) ** 2  # of f at μ
    assert heights == 9
    assert needle["worth"] == pytest.approx(992, abs=0.5)
    assert least_worth(3.0, 0.4) == pytest.approx(114, rel=1e-9)
    steps = [tried.at(f="step at ½", mean=mean, std=1.0) for mean in (-1.0, 0.0, 1.0)]
    assert all(step["pathwise_variance"] == 0 < step["gradient"] for step in steps)
    assert len({step["gradient"] for step in steps}) == 2  # −1.5 and ½ below, ½ above


def test_the_variance_of_a_step_s_weighted_height() -> None:
    """((c − μ) q(c) + P)/σ² − q(c)², whatever μ and σ."""
    for mean, std in ((0.0, 1.0), (1.2, 0.7), (-0.5, 2.0)):
        edge = (0.5 - mean) / std

        def moment(power: int, edge: float = edge) -> float:
            return quad(lambda e: e**power * norm.pdf(e), edge, 12, epsabs=1e-13)[0]

        at_c, share = norm.pdf(0.5, mean, std), norm.sf(0.5, mean, std)
        exact = (moment(2) - moment(1) ** 2) / std**2
        assert ((0.5 - mean) * at_c + share) / std**2 - at_c**2 == pytest.approx(exact, rel=1e-9)


def test_what_noise_of_another_scale_wins() -> None:
    """Of x = 1.5 z + 0.6 noise: ½ log of the precisions' ratio, and SciPy's for σ²."""
    information = (1.5 / 0.6) ** 2

    def lost(std: float, drawn: float) -> float:
        return 0.5 * information * drawn**2 + 0.5 * std**2 - math.log(std) - 0.5

    least = minimize_scalar(lambda s: lost(s, s), bounds=(0.1, 1.5), method="bounded").fun
    tenth = minimize_scalar(lambda s: lost(s, 0.1 * s), bounds=(0.1, 1.5), method="bounded").fun
    square = minimize_scalar(lambda s: lost(s, s * s), bounds=(0.1, 1.5), method="bounded").fun
    assert least - tenth == pytest.approx(0.960, abs=5e-4)
    assert least - tenth == pytest.approx(
        0.5 * math.log((1 + information) / (1 + information / 100)), abs=1e-9
    )
    assert least - square == pytest.approx(0.477, abs=5e-4)


def bound(
    model: vae.VAE, x: torch.Tensor, *, generator: Generator, progress: float, credit: float
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The ELBO whose draw has no path; with credit 1, the score function's gradient instead."""
    q = model.encoder(x)
    z = q.sample(generator=generator)
    f = model.decoder(z).log_prob(x)
    others = (f.sum() - f) / (len(f) - 1)
    elbo = f - kl_divergence(q, model.prior)
    return elbo + credit * (f - others).detach() * q.log_prob(z), {"elbo": elbo}


def trained(
    digits: torch.Tensor, seed: int, objective: train.Objective, epochs: int = 60
) -> tuple[vae.VAE, float]:
    """The notebook's model and settings from another seed, and its ELBO at the end."""
    sizes = vae.Architecture(64, (8,), ((64,),), likelihood="binomial")
    model = sizes.build(seed=seed, data_mean=digits.mean(0) / 16)
    assert isinstance(model, vae.VAE)
    steps = train.Settings(epochs=epochs, learning_rate=2e-3, seed=seed)
    history = train.fit(model, digits, steps, objective=objective, progress_bar=False)
    return model, history["elbo"][-1]


def worth(model: vae.VAE, x: torch.Tensor) -> list[float]:
    """Score-function draws that one pathwise draw is worth: plain, batch's mean, image's own."""
    q = model.requires_grad_(False).encoder(x)
    z = q.sample((500,), generator=Generator().manual_seed(2)).requires_grad_()
    log_p = model.decoder(z).log_prob(x).unsqueeze(-1)
    path = torch.autograd.grad(log_p.sum(), z)[0].var(0).sum()
    assert -120 < log_p.mean() < -105
    score = (z - q.mean) / q.std**2
    less = (0, log_p.mean(1, keepdim=True), log_p.mean(0))
    return [(((log_p - b) * score).detach().var(0).sum() / path).item() for b in less]


@pytest.mark.slow
def test_three_ways_to_train_an_encoder_from_ten_seeds() -> None:
    digits = load_digits().images.flatten(1).float()
    alone = Binomial(16, (digits.mean(0) / 16).logit()).log_prob(digits).mean().item()
    for seed in SEEDS:
        model, elbo = trained(digits, seed, train.objectives.elbo)
        _, by_score = trained(digits, seed, partial(bound, credit=1.0))
        _, by_sample = trained(digits, seed, partial(bound, credit=0.0))
        assert 17 < elbo - by_score < 31
        assert by_sample == pytest.approx(alone, abs=0.5)
        for found, mark in zip(worth(model, digits[:100]), (10_000, 500, 10), strict=True):
            assert 0.71 < found / mark < 1.41


@pytest.mark.slow
def test_the_score_function_comes_as_far_in_four_times_the_epochs() -> None:
    """C after 240 epochs, and A after 60: within six nats, where 20 were missing after 60."""
    digits = load_digits().images.flatten(1).float()
    for seed in range(3):
        _, by_score = trained(digits, seed, partial(bound, credit=1.0), epochs=240)
        _, elbo = trained(digits, seed, train.objectives.elbo)
        assert abs(elbo - by_score) < 6
