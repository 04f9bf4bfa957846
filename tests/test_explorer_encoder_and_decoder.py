"""The explorer of chapter 7 against torch.distributions, another grid and importance sampling."""

import math
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from torch import Generator, Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from course_lib.data import binarise, load_mnist
from course_lib.evaluate import LatentPlane, plane, posterior_on_grid
from course_lib.explorers.encoder_and_decoder import (
    APART,
    FARTHEST,
    REACH,
    LatentWalk,
    apart,
)
from course_lib.explorers.own_q import OwnQ
from course_lib.explorers.scenes.encoded_digits import COPIES, chosen, shipped_digits
from course_lib.shipped import load_model
from course_lib.vae import VAE, Architecture

WHICH = ("first", "second")
SOME = [(2, "first"), (5, "first"), (8, "second"), (1, "second")]  # narrow, far, two modes, wide


@pytest.fixture(scope="module")
def explorer() -> LatentWalk:
    return LatentWalk()


@lru_cache(maxsize=1)
def model() -> VAE:
    found = load_model("mnist_vae_2d").double()
    assert isinstance(found, VAE)
    return found


@lru_cache(maxsize=1)
def pictures() -> tuple[Tensor, list[int]]:
    images, labels = load_mnist("test")
    generator = Generator().manual_seed(7)
    return binarise(images.flatten(1), generator=generator).double(), labels.tolist()


def image(digit: int, which: str) -> Tensor:
    pixels, labels = pictures()
    places = [place for place, label in enumerate(labels) if label == digit]
    return pixels[places[WHICH.index(which)]]


def likelihood(z: Tensor) -> Independent[Bernoulli]:
    return Independent(Bernoulli(logits=model().decoder(z).logits), 1)  # type: ignore[attr-defined]


def posterior(x: Tensor) -> Independent[Normal]:
    q = model().encoder(x)
    return Independent(Normal(q.mean, q.std), 1)


PRIOR = Independent(Normal(torch.zeros(2).double(), torch.ones(2).double()), 1)


@pytest.mark.equation("7.2")
@pytest.mark.parametrize(("digit", "which"), SOME)
def test_log_evidence_is_that_of_importance_sampling(
    explorer: LatentWalk, digit: int, which: str
) -> None:
    """Draws from the cells, each even within its own: unbiased for p(x) wherever the cells lie."""
    x = image(digit, which)
    found = explorer.digits.cells[COPIES * digit + WHICH.index(which)]
    generator = Generator().manual_seed(digit)
    index = torch.multinomial(found.masses, 4000, replacement=True, generator=generator)
    inside = torch.rand(4000, 2, generator=generator, dtype=torch.float64) - 0.5
    z = found.centres[index] + found.side * inside
    log_q = found.masses[index].log() - 2 * math.log(found.side)
    log_w = likelihood(z).log_prob(x) + PRIOR.log_prob(z) - log_q
    w = (log_w - found.log_evidence).exp()
    assert w.mean().item() == pytest.approx(1.0, abs=4 * w.std().item() / math.sqrt(4000))
    assert w.std() < 0.5  # the cells are small beside the posterior


@pytest.mark.equation("7.2")
def test_log_evidence_is_that_of_a_plain_grid(explorer: LatentWalk) -> None:
    exact = posterior_on_grid(model(), image(1, "first"), half_width=4.5, nodes=181)
    assert exact.edge < 1e-6
    drawn = explorer.at(digit=1)
    assert drawn["log_evidence"] == pytest.approx(exact.log_evidence, abs=5e-3)
    z = torch.cartesian_prod(exact.axis, exact.axis)
    mass = torch.softmax(exact.log_density.flatten(), 0)
    mean = mass @ z
    std = (mass @ (z - mean).square()).sqrt()
    for i in (0, 1):
        assert drawn[f"posterior_mean_{i + 1}"] == pytest.approx(mean[i].item(), abs=1e-3)
        assert drawn[f"posterior_std_{i + 1}"] == pytest.approx(std[i].item(), abs=1e-3)


@pytest.mark.equation("7.2")
def test_finer_cells_change_nothing(explorer: LatentWalk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all twenty, with no bound on the number of cells and a quarter of their smallest area."""
    found = [cells.log_evidence for cells in explorer.digits.cells]
    narrow = min(range(20), key=lambda i: explorer.digits.cells[i].std.min().item())
    monkeypatch.setattr(plane, "SHALLOW", 30.0)
    monkeypatch.setattr(plane, "BUDGET", 60_000)
    monkeypatch.setattr(plane, "FINEST", 1 / 256)
    for i in {narrow, 3, 16}:
        finer = LatentPlane(model(), explorer.digits.x[i : i + 1]).cells(0)
        assert finer.side < explorer.digits.cells[i].side
        assert found[i] == pytest.approx(finer.log_evidence, abs=1e-4)


@pytest.mark.parametrize(("digit", "which"), SOME)
def test_the_elbo_and_the_point_by_torchs_densities(
    explorer: LatentWalk, digit: int, which: str
) -> None:
    """The reconstruction by 40² nodes of quadrature in place of 16²."""
    x, z = image(digit, which), torch.tensor([0.5, -1.2], dtype=torch.float64)
    drawn = explorer.digits.at(COPIES * digit + WHICH.index(which), z)
    if which == "first":
        assert drawn == explorer.at(digit=digit, z_1=0.5, z_2=-1.2)
    points, weights = np.polynomial.hermite.hermgauss(40)
    axis = torch.as_tensor(points * math.sqrt(2))
    mass = torch.as_tensor(weights / weights.sum())
    q = posterior(x)
    nodes = q.mean + q.stddev * torch.cartesian_prod(axis, axis)
    reconstruction = torch.outer(mass, mass).flatten() @ likelihood(nodes).log_prob(x)
    kl = kl_divergence(q, PRIOR)
    assert drawn["reconstruction"] == pytest.approx(reconstruction.item(), abs=2e-3)
    assert drawn["kl"] == pytest.approx(kl.item(), abs=1e-9)
    assert drawn["elbo"] == pytest.approx((reconstruction - kl).item(), abs=2e-3)
    assert drawn["gap"] == pytest.approx(drawn["log_evidence"] - drawn["elbo"], abs=1e-12)
    assert drawn["log_likelihood"] == pytest.approx(likelihood(z).log_prob(x).item(), abs=1e-9)
    assert drawn["log_prior"] == pytest.approx(PRIOR.log_prob(z).item(), abs=1e-12)
    for i in (0, 1):
        assert drawn[f"q_mean_{i + 1}"] == pytest.approx(q.mean[i].item(), abs=1e-12)
        assert drawn[f"q_std_{i + 1}"] == pytest.approx(q.stddev[i].item(), abs=1e-12)


def test_the_screen_adds_up_at_every_image(explorer: LatentWalk) -> None:
    for digit in range(10):
        z = FARTHEST * math.cos(digit), FARTHEST * math.sin(2 * digit)
        drawn = explorer.at(digit=digit, z_1=z[0], z_2=z[1])
        assert drawn["gap"] > 0
        shown = [text.get_text().replace("−", "-") for text in explorer.numerals]
        assert float(shown[0]) + float(shown[1]) + float(shown[2]) == pytest.approx(
            float(shown[3]), abs=1e-9
        )
        names = ("log_likelihood", "log_prior", "log_evidence")
        for text, name in zip((shown[0], shown[1], shown[3]), names, strict=True):
            assert float(text) == pytest.approx(drawn[name], abs=0.0501)
        assert float(shown[2]) == pytest.approx(-drawn["log_posterior"], abs=0.151)
        assert all(word in explorer.sentence for word in (f"the first {digit}", shown[3][1:]))
        everything_is_in_its_panel(explorer, drawn, z)


def everything_is_in_its_panel(
    explorer: LatentWalk, drawn: dict[str, float], z: tuple[float, float]
) -> None:
    """The point, the posterior and q, each at its place, and the numbers."""
    places = {
        explorer.here: z,
        explorer.exact: (drawn["posterior_mean_1"], drawn["posterior_mean_2"]),
        explorer.answer: (drawn["q_mean_1"], drawn["q_mean_2"]),
    }
    for marker, place in places.items():
        assert tuple(np.asarray(marker.get_xydata())[0].tolist()) == place
        assert max(map(abs, place)) < REACH
    figure = explorer.numerals[0].figure
    assert figure is not None
    width = figure.bbox.width
    assert all(text.get_window_extent().x1 <= width for text in explorer.numerals)


def test_draws_are_those_of_the_posterior(explorer: LatentWalk) -> None:
    found = explorer.digits.cells[16]  # two modes
    z = found.sample(40_000, generator=Generator().manual_seed(0))
    error = found.std / math.sqrt(40_000)
    assert ((z.mean(0) - found.mean).abs() < 4 * error).all()
    assert torch.allclose(z.std(0), found.std, rtol=0.03)


def test_pictures_are_what_the_decoder_gives(explorer: LatentWalk) -> None:
    explorer.at(digit=4, z_1=1.0, z_2=2.0)
    shown = explorer.pair._rows[::-1, :, 0]
    x = image(4, "first").reshape(28, 28).numpy()
    decoded = likelihood(torch.tensor([1.0, 2.0]).double()).mean.reshape(28, 28).numpy()
    assert np.array_equal(shown[5::10, 5:280:10], np.round(255 * (1 - x)))
    assert np.abs(shown[5::10, 287::10] - 255 * (1 - decoded)).max() <= 0.5001


def test_every_marker_that_moves_is_in_the_key(explorer: LatentWalk) -> None:
    """Its sign stands above the plane, in the darkened colour of the marker."""
    signs = {("P", True): "✚", ("o", True): "●", ("o", False): "○"}
    lines: list[Any] = [part for part in explorer.stage.moving if isinstance(part, Line2D)]
    assert len(lines) == 3
    for line in lines:
        sign = signs[line.get_marker(), line.get_markerfacecolor() != "none"]
        (name,) = [text for text in line.axes.texts if text.get_text().startswith(sign)]
        colour, words = (np.array(to_rgb(c)) for c in (line.get_color(), name.get_color()))
        assert np.ptp(words - colour * words.sum() / max(colour.sum(), 1e-9)) < 0.02
        assert name.get_position()[1] > REACH


def test_reset_returns_to_the_opening(explorer: LatentWalk) -> None:
    opening = explorer.reset()
    explorer.at(digit=3, z_1=-3.0, z_2=3.0)
    assert explorer.reset() == opening
    assert "z = (0.00, 0.00)" in repr(explorer)


def test_another_model_can_be_walked_in() -> None:
    other = Architecture(784, (2,), ((5,),)).build(seed=0)
    assert isinstance(other, VAE)
    numbers = LatentWalk(other).numbers
    assert numbers["gap"] > 0
    assert shipped_digits().model is not other


def test_too_few_images_are_named() -> None:
    with pytest.raises(ValueError, match="digit 1 needs 2 images, got 0"):
        chosen(torch.tensor([0, 0, 2]))


def test_numerals_come_apart_and_stay_where_they_are_far() -> None:
    points = np.array([[0.0, 0.0], [0.1, 0.0], [0.05, 0.1], [3.0, 3.0]])
    placed = apart(points)
    distance = np.linalg.norm(placed[:, None] - placed, axis=-1) + 9 * np.eye(4)
    assert distance.min() > 0.98 * APART
    assert np.array_equal(placed[3], points[3])


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        (Architecture(784, (2,), ((4,),), "binomial", 16), "for each pixel, got a Binomial"),
        (Architecture(64, (2,), ((4,),)), "784 pixels and 2 latents, got 64 and 2"),
        (Architecture(784, (3,), ((4,),)), "784 pixels and 2 latents, got 784 and 3"),
    ],
)
def test_a_model_of_other_pixels_is_named(architecture: Architecture, message: str) -> None:
    model = architecture.build(seed=0)
    assert isinstance(model, VAE)
    with pytest.raises(ValueError, match=message):
        LatentWalk(model)


def test_another_model_is_named() -> None:
    with pytest.raises(ValueError, match="model must be a VAE, of one layer, got a MarkovHVAE"):
        LatentWalk(load_model("mnist_hvae_2"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="digits must be EncodedDigits"):
        OwnQ(load_model("mnist_vae_2d"))  # type: ignore[arg-type]
