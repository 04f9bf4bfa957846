"""The explorer of a q of one's own against torch's densities, Adam by hand, another quadrature."""

import itertools
import math
from typing import cast

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from pictures import shown
from torch import Generator, Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from course_lib.data import binarise, load_mnist
from course_lib.explorers.own_q import BANDS, SHADES, OwnQ
from course_lib.explorers.scenes.encoded_digits import shipped_digits
from course_lib.explorers.scenes.own_paths import DRAWS, PIXELS, RATE, STEPS, STOPS
from course_lib.plots import COLOURS
from course_lib.shipped import load_model
from course_lib.vae import VAE

DIGITS = range(10)
PRIOR = Independent(Normal(torch.zeros(2).double(), torch.ones(2).double()), 1)
MODEL = cast(VAE, load_model("mnist_vae_2d")).double()


@pytest.fixture(scope="module")
def explorer() -> OwnQ:
    return OwnQ()


def image(digit: int) -> Tensor:
    images, labels = load_mnist("test")
    pixels = binarise(images.flatten(1), generator=Generator().manual_seed(7)).double()
    return pixels[labels.tolist().index(digit)]


def log_likelihood(z: Tensor, x: Tensor) -> Tensor:
    logits = MODEL.decoder(z).logits  # type: ignore[attr-defined]
    value: Tensor = Independent(Bernoulli(logits=logits), 1).log_prob(x)
    return value


def log_joint(z: Tensor, x: Tensor) -> Tensor:
    value: Tensor = log_likelihood(z, x) + PRIOR.log_prob(z)
    return value


@pytest.mark.parametrize(("digit", "steps"), [(9, 0), (9, 10), (9, 100), (5, 100), (0, 30), (1, 3)])
def test_the_elbo_by_torchs_densities(explorer: OwnQ, digit: int, steps: int) -> None:
    """E_q log p(x|z) by 40² nodes in place of 10²; log p(x) is tested in the other explorer."""
    drawn = explorer.at(digit=digit, steps=steps)
    mean, std = (
        torch.tensor([drawn[f"{of}_1"], drawn[f"{of}_2"]]).double() for of in ("mean", "std")
    )
    points, weights = np.polynomial.hermite.hermgauss(40)
    axis, mass = torch.as_tensor(points * math.sqrt(2)), torch.as_tensor(weights / weights.sum())
    nodes = mean + std * torch.cartesian_prod(axis, axis)
    fit = torch.outer(mass, mass).flatten() @ log_likelihood(nodes, image(digit))
    elbo = fit - kl_divergence(Independent(Normal(mean, std), 1), PRIOR)
    assert drawn["elbo"] == pytest.approx(elbo.item(), abs=2e-3)
    assert drawn["gap"] == pytest.approx(drawn["log_evidence"] - drawn["elbo"], abs=1e-12)
    exact = shipped_digits().cells[2 * digit].log_evidence
    assert drawn["log_evidence"] == exact


@pytest.mark.equation("6.3")
@pytest.mark.parametrize("digit", [9, 5])
def test_the_way_is_that_of_adam_by_hand(explorer: OwnQ, digit: int) -> None:
    """One image alone; Adam's two averages and the falling rate written out; torch's densities."""
    x, generator = image(digit), Generator().manual_seed(0)
    q = MODEL.encoder(x)
    at = torch.cat([q.mean, q.std.log()]).detach().requires_grad_()  # mean, log σ
    first, second = torch.zeros(4).double(), torch.zeros(4).double()
    found = [at.detach().clone()]
    for step in range(STEPS):
        noise = torch.randn(DRAWS, 2, generator=generator, dtype=torch.float64)
        z = at[:2] + at[2:].exp() * noise
        log_q = Independent(Normal(at[:2], at[2:].exp()), 1).log_prob(z)
        (slope,) = torch.autograd.grad((log_joint(z, x) - log_q).mean(), at)
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope**2
        ahead = first / (1 - 0.9 ** (step + 1))
        size = (second / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8
        rate = RATE * (1 + math.cos(math.pi * step / STEPS)) / 2
        at = (at + rate * ahead / size).detach().requires_grad_()
        found.append(at.detach().clone())
    for stop in STOPS:
        drawn = explorer.at(digit=digit, steps=stop)
        names = ("mean_1", "mean_2", "std_1", "std_2")
        expected = torch.cat([found[stop][:2], found[stop][2:].exp()])
        assert [drawn[n] for n in names] == pytest.approx(expected.tolist(), abs=1e-5)
        away = ((found[stop][:2] - found[0][:2]) / found[0][2:].exp()).norm().item()
        assert drawn["away"] == pytest.approx(away, abs=1e-3)


@pytest.mark.parametrize("digit", DIGITS)
def test_a_landscape_lies_where_it_is(explorer: OwnQ, digit: int) -> None:
    """At two hundred of its pixels: nats below the highest cell of the posterior."""
    near = explorer.paths.landscapes[digit]
    row, column = np.random.default_rng(digit).integers(0, PIXELS, (2, 200))
    share = (np.stack([column, row], -1) + 0.5) / PIXELS
    z = torch.from_numpy(share * near.side + (near.left, near.bottom))
    cells = shipped_digits().cells[2 * digit]
    summit = log_joint(cells.centres, image(digit)).max()
    below = (summit - log_joint(z, image(digit))).numpy()
    np.testing.assert_allclose(near.below[row, column], below, rtol=0, atol=0.35)
    np.testing.assert_allclose(near.place(z.numpy()), share, rtol=0, atol=1e-12)


def test_the_blues_change_where_the_picture_says(explorer: OwnQ) -> None:
    """Each pixel has the blue of its band, the first row at the bottom."""
    blue = np.array(to_rgb(COLOURS["posterior"]))
    for digit in DIGITS:
        explorer.at(digit=digit, steps=0)
        shown = explorer.shade._rows[..., :3]  # from below
        below: NDArray[np.float64] = explorer.paths.landscapes[digit].below
        for shade, low, high in zip(
            (*SHADES, 0.0), (-math.inf, *BANDS), (*BANDS, math.inf), strict=True
        ):
            inside = (below >= low) & (below < high)
            expected = np.round(255 * (1 - shade * (1 - blue)))
            assert (shown[inside] == expected).all()
    assert all(a > b for a, b in itertools.pairwise(SHADES))


@pytest.mark.parametrize("digit", [0, 5, 9])
def test_the_square_has_an_edge_where_its_blues_end_in_white(explorer: OwnQ, digit: int) -> None:
    """On all four sides, from corner to corner, whichever image is shown."""
    explorer.at(digit=digit, steps=0)
    pixels = shown(explorer).astype(int)
    blue = np.round(255 * np.array(to_rgb(COLOURS["posterior"])))
    framed = (np.abs(pixels - blue) < 30).all(-1)
    left, top, side = 2 * 16, 2 * 62, PIXELS  # as it is drawn, at twice its shown size
    for near in (0, side):
        assert framed[top + near - 2 : top + near + 2, left + 2 : left + side - 2].any(0).all()
        assert framed[top + 2 : top + side - 2, left + near - 2 : left + near + 2].any(1).all()


@pytest.mark.parametrize("digit", DIGITS)
def test_everything_is_in_the_square(explorer: OwnQ, digit: int) -> None:
    """The way, both ellipses of both q's, and all but a fiftieth of the posterior."""
    near, cells = explorer.paths.landscapes[digit], shipped_digits().cells[2 * digit]
    inside = ((near.place(cells.centres.numpy()) - 0.5).__abs__() < 0.5).all(-1)
    assert cells.masses.numpy()[inside].sum() > 0.98
    for steps in STOPS:
        drawn = explorer.at(digit=digit, steps=steps)
        for line in (explorer.way, explorer.ellipse, explorer.start):
            places = np.asarray(line.get_xydata())
            places = places[~np.isnan(places).any(-1)]
            assert ((places > -0.02) & (places < 1.02)).all()
        assert np.asarray(explorer.way.get_xydata()).shape[0] == STOPS.index(steps) + 1
        end = near.left + near.side * np.asarray(explorer.way.get_xdata())[-1]
        assert end == pytest.approx(drawn["mean_1"], abs=1e-9)


def test_the_ledger_shows_every_gap_whole_and_all_on_one_scale(explorer: OwnQ) -> None:
    """A bar is as long as its gap: 92 nats are no arrow at the foot, and three times 30."""
    lengths, gaps = [], []
    for digit in DIGITS:
        for steps in STOPS:
            drawn = explorer.at(digit=digit, steps=steps)
            bar, *others = explorer.ledger.artists
            assert not any(arrow.get_visible() for arrow in others[2:4])
            lengths.append(bar.get_window_extent().height)
            gaps.append(drawn["gap"])
            assert drawn["gap"] > 0
    assert max(gaps) > 90
    np.testing.assert_allclose(np.array(lengths) / max(lengths), np.array(gaps) / max(gaps), 1e-9)


def test_pictures_are_what_the_decoder_makes_of_the_mean(explorer: OwnQ) -> None:
    drawn = explorer.at(digit=9, steps=100)
    shown = explorer.pair._rows[::-1, :, 0]
    mean = torch.tensor([drawn["mean_1"], drawn["mean_2"]]).double()
    decoded = torch.sigmoid(MODEL.decoder(mean).logits)  # type: ignore[attr-defined]
    assert np.array_equal(shown[5::10, 5:280:10], 255 * (1 - image(9).reshape(28, 28)).numpy())
    expected = 255 * (1 - decoded.reshape(28, 28).numpy())
    assert np.abs(shown[5::10, 287::10] - expected).max() <= 0.5001


def test_the_sentence_says_the_step_and_adds_up(explorer: OwnQ) -> None:
    explorer.at(digit=9, steps=0)
    assert "The encoder's q" in explorer.sentence
    assert "moved" not in explorer.sentence
    explorer.at(digit=9, steps=10)
    for words in ("After 10 of 100 steps", "−217.0", "61.0", "moved 11.6 of the encoder's σ"):
        assert words in explorer.sentence
    explorer.at(digit=9, steps=100)
    assert "After 100 steps" in explorer.sentence
