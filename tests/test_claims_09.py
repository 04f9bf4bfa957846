"""What notebook 9 says over seeds, and what a reader sees in its explorer."""

import numpy as np
import pytest
import torch
from torch import Generator

from course_lib import train, vae
from course_lib.data import binarise, load_mnist
from course_lib.explorers.minibatch import DatasetFunnel

IMAGES = 1000  # of the test set, two draws each


def test_the_explorer_shows_what_is_to_be_tried() -> None:
    tried = DatasetFunnel()
    full, again = tried.at(B=100), tried.at(replacement="with")
    assert full["std"] == 0
    assert round(again["std"]) == 99
    assert again["distinct"] == 63
    states = ((100, "1"), (100, "10"), (10, "1"), (10, "10"), (10, "exact"), (20, "1"))
    stds = [round(tried.at(replacement="without", B=B, L=L)["std"]) for B, L in states]
    assert stds == [83, 26, 399, 310, 299, 273]
    mean = tried.at(scale="the mean")["expected"]
    assert mean > -200 > tried.at(scale="the sum")["expected"]


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
    train.fit(model, images, steps, prepare=binarise, objective=pixel_mean, progress_bar=False)
    x = binarise(load_mnist("test").images[:100].flatten(1), generator=Generator().manual_seed(1))
    assert vae.active_units(model, x, generator=Generator().manual_seed(4))[0] == 0
