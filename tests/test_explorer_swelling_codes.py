"""The opening explorer of chapter 5 against NumPy, and against an optimiser that knows no rule."""

import itertools
import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from course_lib.data import load_digits
from course_lib.explorers.scenes.linear_digits import LATENT, WHICH
from course_lib.explorers.swelling_codes import APART, WEIGHTS, SwellingCodes

Array = NDArray[np.float64]
INK: Array = load_digits().images.flatten(1).double().numpy() / 16
SOME = (0.1, 1.0, 4.0, 12.0, 40.0, 60.0, 64.0)


@pytest.fixture(scope="module")
def explorer() -> SwellingCodes:
    return SwellingCodes()


def image(digit: int) -> Array:
    found: Array = INK[(load_digits().labels == digit).numpy()][WHICH[digit]]
    return found


def world(beta: float) -> tuple[Array, Array, float]:
    """Loadings (64, 20), the data's mean and β times pPCA's noise variance, by NumPy alone."""
    mean = INK.mean(0)
    values, vectors = np.linalg.eigh((INK - mean).T @ (INK - mean) / len(INK))
    noise = float(values[:-LATENT].mean())
    top, directions = values[::-1][:LATENT], vectors[:, ::-1][:, :LATENT]
    return directions * np.sqrt(np.maximum(0, top - beta * noise)), mean, beta * noise


def posterior(x: Array, beta: float) -> tuple[Array, Array]:
    """Mean and covariance of p(z|x) in that world, by Bayes' rule for Gaussians."""
    loadings, mean, noise = world(beta)
    covariance = np.linalg.inv(np.eye(LATENT) + loadings.T @ loadings / noise)
    middle: Array = covariance @ loadings.T @ (x - mean) / noise
    return middle, np.asarray(covariance, dtype=np.float64)


@pytest.mark.parametrize("beta", SOME)
def test_numbers_are_those_of_the_posterior_with_more_noise(
    explorer: SwellingCodes, beta: float
) -> None:
    loadings, mean, _ = world(beta)
    for digit in (0, 4, 9):
        drawn, x = explorer.at(beta=beta, digit=digit), image(digit)
        m, covariance = posterior(x, beta)
        log_det = np.linalg.slogdet(covariance)[1]
        rate = 0.5 * (np.trace(covariance) + m @ m - LATENT - log_det)
        assert drawn["rate"] == pytest.approx(rate, abs=1e-9)
        assert drawn["width"] == pytest.approx(math.sqrt(covariance[0, 0]), rel=1e-9)
        missed = x - mean - loadings @ m
        spread = np.trace(loadings @ covariance @ loadings.T)
        assert drawn["error"] == pytest.approx(missed @ missed + spread, rel=1e-9)
        assert drawn["alive"] == np.linalg.matrix_rank(loadings, tol=1e-9)


@pytest.mark.parametrize("beta", SOME)
def test_the_mean_rate_is_that_of_all_the_data(explorer: SwellingCodes, beta: float) -> None:
    covariance = posterior(INK[0], beta)[1]  # the same for every x
    loadings, mean, noise = world(beta)
    means = (INK - mean) @ loadings @ covariance / noise
    log_det = np.linalg.slogdet(covariance)[1]
    rates = 0.5 * (np.trace(covariance) + (means**2).sum(1) - LATENT - log_det)
    assert explorer.at(beta=beta)["mean_rate"] == pytest.approx(rates.mean(), abs=1e-9)


def test_no_other_decoder_or_code_is_better() -> None:
    """L_β of the data, by autograd: no slope at what is drawn, in loadings, means and widths."""
    beta, noise = 8.0, world(1.0)[2]
    loadings, mean, _ = world(beta)
    covariance = posterior(INK[0], beta)[1]
    codes = (INK - mean) @ loadings @ covariance / (beta * noise)
    starts = (loadings, codes, np.log(np.diag(covariance)) / 2)
    W, m, log_std = (torch.tensor(part).requires_grad_() for part in starts)
    x = torch.tensor(INK - mean)
    error = (x - m @ W.T).square().sum(1).mean() + (W.square().sum(0) * (2 * log_std).exp()).sum()
    rate = 0.5 * (m.square() + (2 * log_std).exp() - 1).sum(1).mean() - log_std.sum()
    cost = error / (2 * noise) + beta * rate
    for slope in torch.autograd.grad(cost, (W, m, log_std)):
        assert slope.abs().max() < 1e-9


def test_codes_swell_and_the_digit_dissolves(explorer: SwellingCodes) -> None:
    for digit in range(10):
        drawn = [explorer.at(beta=beta, digit=digit) for beta in WEIGHTS]
        for name, sign in (("rate", -1), ("width", 1), ("alive", -1)):
            values = sign * np.array([numbers[name] for numbers in drawn])
            assert (np.diff(values) >= 0).all(), name
        errors = [numbers["error"] for numbers in drawn]  # of one image, not quite in order
        assert errors[-1] > 5 * errors[0] == 5 * min(errors)
        assert drawn[0]["alive"] == LATENT
        assert drawn[-1]["alive"] == drawn[-1]["rate"] == 0


def test_ellipses_and_pictures_are_what_they_say(explorer: SwellingCodes) -> None:
    explorer.at(beta=12.0, digit=4)
    m, covariance = posterior(image(4), 12.0)
    x, y = (np.asarray(part, dtype=np.float64) for part in explorer.mine.get_data())
    reach = [(np.nanmax(part) - np.nanmin(part)) / 2 for part in (x, y)]
    assert np.allclose(reach, np.sqrt(np.diag(covariance)[:2]))
    middle = [(np.nanmax(part) + np.nanmin(part)) / 2 for part in (x, y)]
    assert np.allclose(np.abs(middle), np.abs(m[:2]))  # an eigenvector has no sign of its own
    assert np.size(explorer.codes.get_xdata()) == 10 * len(x)
    loadings, mean, _ = world(12.0)
    back = np.clip(mean + loadings @ m, 0, 1).reshape(8, 8)
    shown = explorer.pair._rows[::-1]  # from the top
    tile = shown.shape[0] // 8
    expected = np.round(255 * (1 - np.stack([image(4).reshape(8, 8), back])))
    assert np.array_equal(shown[tile // 2 :: tile, tile // 2 : 8 * tile : tile, 0], expected[0])
    second = shown[tile // 2 :: tile, 8 * tile + 2 + tile // 2 :: tile, 0]
    assert np.abs(second.astype(float) - expected[1]).max() <= 1  # rounded


def test_the_sentence_has_the_numbers(explorer: SwellingCodes) -> None:
    drawn = explorer.at(beta=8.0, digit=2)
    for text in (f"{drawn['rate']:.1f} nats", f"{drawn['width']:.2f} wide", "of 20 latents"):
        assert text in explorer.sentence
    explorer.at(beta=64.0, digit=2)
    assert "every code is the prior" in explorer.sentence
    assert sum(numeral.get_visible() for numeral in explorer.numerals) == 1


def test_reset_returns_to_the_opening(explorer: SwellingCodes) -> None:
    opening = explorer.reset()
    explorer.at(beta=60.0, digit=9)
    assert explorer.reset() == opening


@pytest.mark.parametrize("beta", WEIGHTS)
def test_no_numeral_lies_on_another(explorer: SwellingCodes, beta: float) -> None:
    """And the chosen digit is always named."""
    for digit in (1, 7):
        explorer.at(beta=beta, digit=digit)
        shown = [numeral for numeral in explorer.numerals if numeral.get_visible()]
        assert str(digit) in [numeral.get_text() for numeral in shown]
        places = [numeral.get_position() for numeral in shown]
        least = APART - 1e-9  # a numeral stands ABOVE its code, and the sum rounds
        assert all(math.dist(a, b) > least for a, b in itertools.combinations(places, 2))
