"""The summed plane against exact evidence, enumeration and the other two routes."""

import math

import pytest
import torch
from scipy import integrate
from test_evaluate import affine_vae, draws
from torch import Generator

from course_lib.data import binarise, load_mnist
from course_lib.distributions import Bernoulli, Binomial
from course_lib.evaluate import (
    LatentPlane,
    log_probs_of_pairs,
    plane_log_evidence,
    posterior_on_grid,
    sampled_log_evidence,
)
from course_lib.shipped import load_model
from course_lib.vae import Architecture


@pytest.mark.parametrize("likelihood", ["bernoulli", "binomial"])
def test_every_pair_has_its_log_probability(likelihood: str, generator: Generator) -> None:
    logits = torch.randn(5, 7, dtype=torch.float64, generator=generator)
    family = Bernoulli(logits) if likelihood == "bernoulli" else Binomial(16, logits)
    x = family.sample((3,), generator=generator)[:, 0]  # (3, 7)
    expected = family.log_prob(x.unsqueeze(1))  # (3, 5)
    torch.testing.assert_close(log_probs_of_pairs(family, x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.equation("7.2")
def test_all_images_of_a_small_model_add_up_to_one(generator: Generator) -> None:
    """p(x) over all 2⁴ images is a distribution: the plane's sums must make it one."""
    model = Architecture(4, (2,), ((6,),)).build(seed=3).double()
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0]).double()] * 4)
    found = plane_log_evidence(model, every, edge=8.0, step=1 / 10)
    assert found.log_evidence.exp().sum().item() == pytest.approx(1, abs=1e-10)
    assert found.error < 1e-8


@pytest.mark.equation("7.2")
def test_a_narrow_posterior_near_the_edge_of_a_cell_keeps_all_its_mass() -> None:
    """Of test image 64 a fifth lies in a cell whose own node is 56 nats below the highest."""
    model = load_model("mnist_vae_2d").double()
    pixels = load_mnist("test").images.flatten(1)
    x = binarise(pixels, generator=Generator().manual_seed(7)).double()[64:65]
    plain = plane_log_evidence(model, x, edge=1.5, step=1 / 80)
    assert plain.error < 0.01
    found = LatentPlane(model, x)
    assert found.log_evidence(0) == pytest.approx(-plain.nll, abs=1e-3)
    assert found.log_evidence(-1) == pytest.approx(-plain.nll, abs=1e-3)  # counted from the end


def test_importance_sampling_agrees(generator: Generator) -> None:
    model = Architecture(6, (2,), ((8,),)).build(seed=4).double()
    x = model.sample(6, generator=generator)
    exact, found = (
        plane_log_evidence(model, x, edge=7.0, step=1 / 10),
        sampled_log_evidence(model, x),
    )
    assert abs(found.nll - exact.nll) <= 3 * found.monte_carlo_error


def test_a_grid_that_is_too_coarse_says_so(generator: Generator) -> None:
    model = Architecture(6, (2,), ((8,),)).build(seed=4).double()
    model.decoders[0].logits.weight.data.mul_(40.0)  # type: ignore[union-attr,operator]
    x = model.sample(3, generator=generator)
    assert plane_log_evidence(model, x, step=1.0).error > 0.05


def test_bad_input_is_named(generator: Generator) -> None:
    model = Architecture(6, (3,), ((8,),)).build(seed=4)
    with pytest.raises(ValueError, match=r"one layer of 2, got sizes \[3\]"):
        plane_log_evidence(model, torch.zeros(1, 6))
    with pytest.raises(ValueError, match=r"one layer of 2, got sizes \[3\]"):
        LatentPlane(model, torch.zeros(1, 6))
    plane = Architecture(6, (2,), ((8,),)).build(seed=4)
    with pytest.raises(ValueError, match=r"x must be \(N, D\) with N ≥ 1, got shape \(6,\)"):
        LatentPlane(plane, torch.zeros(6))
    with pytest.raises(ValueError, match=r"x must be \(N, D\) with N ≥ 1, got shape \(6,\)"):
        plane_log_evidence(plane, torch.zeros(6))
    with pytest.raises(ValueError, match=r"0 < step ≤ edge, got 6.0 and 7.0"):
        plane_log_evidence(plane, torch.zeros(1, 6), step=7.0)
    with pytest.raises(ValueError, match="flips or counts, got DiagonalGaussian"):
        plane_log_evidence(affine_vae(), draws(2, generator))


@pytest.mark.equation("7.2")
def test_the_ends_count_half(generator: Generator) -> None:
    """On a square that cuts the mass off, SciPy's trapezoids of torch's densities."""
    model = Architecture(6, (2,), ((8,),)).build(seed=4).double()
    x = model.sample(3, generator=generator)
    axis = torch.linspace(-1, 1, 21, dtype=torch.float64)
    z = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)  # (21, 21, 2)
    flips = model.generate(1, z)
    assert isinstance(flips, Bernoulli)
    pixels = torch.distributions.Bernoulli(logits=flips.logits.detach())
    prior = torch.distributions.Normal(torch.zeros(2).double(), 1.0)
    found = plane_log_evidence(model, x, edge=1.0, step=1 / 10)
    errors = []
    for row, evidence in zip(x, found.log_evidence.tolist(), strict=True):
        joint = (pixels.log_prob(row).sum(-1) + prior.log_prob(z).sum(-1)).exp().numpy()
        fine, coarse = (
            math.log(integrate.trapezoid(integrate.trapezoid(part, dx=step), dx=step))
            for part, step in ((joint, 0.1), (joint[::2, ::2], 0.2))
        )
        grid = posterior_on_grid(model, row, half_width=1.0, nodes=21)
        assert evidence == pytest.approx(fine, abs=1e-12)
        assert grid.log_evidence == pytest.approx(fine, abs=1e-12)
        assert grid.error == pytest.approx(abs(fine - coarse), abs=1e-12)
        errors.append(abs(fine - coarse))
    assert found.error == pytest.approx(max(errors), abs=1e-12)


def test_no_image_is_no_input() -> None:
    model = Architecture(6, (2,), ((8,),)).build(seed=4)
    for call in (plane_log_evidence, sampled_log_evidence):
        with pytest.raises(ValueError, match=r"x must be \(N, D\) with N ≥ 1, got shape \(0, 6\)"):
            call(model, torch.zeros(0, 6))
