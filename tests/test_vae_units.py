"""Active units against slopes set by hand: chains whose posterior means are known."""

import math

import pytest
import torch
from test_evaluate import affine_net, affine_vae, draws
from test_vae_top_down import exact_twin, scalar_world
from torch import Generator

from course_lib.vae import VAE, Architecture, MarkovHVAE, active_units, posterior_mean_variances


@pytest.mark.equation("9.7")
def test_active_units_of_a_chain_have_the_exact_variances(generator: Generator) -> None:
    """z_1 = x-dependent in one unit of two, z_2 in one of two: Var E[z_t|x] = slopes² Var x."""
    eye = torch.eye(2).double()
    up = [
        affine_net(torch.diag(torch.tensor([0.9, 0.05]).double()), torch.ones(2).double(), eye[0]),
        affine_net(torch.diag(torch.tensor([0.5, 9.0]).double()), torch.ones(2).double(), eye[1]),
    ]
    down = [affine_net(eye, eye[0], eye[0]), affine_net(eye, eye[0], eye[0])]
    model = MarkovHVAE(up, down)
    x = torch.randn(4000, 2, dtype=torch.float64, generator=generator)
    found = posterior_mean_variances(model, x, samples=8, generator=generator)
    spread = x.var(0)
    torch.testing.assert_close(found[0], torch.tensor([0.81, 0.0025]).double() * spread)
    # The second unit of layer 2 has the mean 9·0.05·x + 9·noise: naive averages of 8 samples would
    # report 0.2025 + 81 (its std is 1)/8 = 10; the covariance of two averages does not.
    exact = torch.tensor([0.45, 0.45]).double() ** 2 * spread
    noise = torch.tensor([0.5 * math.e, 9.0]).double().square() / 8  # of one average, per x
    error = ((2 * exact * noise + noise**2) / 4000).sqrt()
    assert ((found[1] - exact).abs() <= 4 * error).all()
    assert active_units(model, x, samples=8, generator=generator)[0] == 1


def test_from_the_top_as_well_the_noise_of_the_samples_does_not_count(generator: Generator) -> None:
    """x = a z_1 + …, z_1 = b z_2 + …: E[z_t|x] has the slope Cov(z_t, x) / Var x."""
    world = scalar_world(generator, 2)
    (a, s), (b, r) = [(arrow.slope.item(), arrow.std.item()) for arrow in world.arrows]
    below = b**2 + r**2  # Var z_1
    evidence = a**2 * below + s**2  # Var x
    x = world.marginal(0).sample((4000,), generator=generator)
    found = posterior_mean_variances(exact_twin(world), x, samples=8, generator=generator)
    spread = x.var().item()
    assert found[1].item() == pytest.approx((a * b / evidence) ** 2 * spread, rel=1e-6)
    exact = (a * below / evidence) ** 2 * spread
    noise = (below - a**2 * below**2 / evidence) / 8  # at most: all of Var(z_1|x)
    assert abs(found[0].item() - exact) <= 4 * math.sqrt((2 * exact * noise + noise**2) / 4000)


def test_from_the_top_a_layer_that_adds_nothing_counts_by_what_is_above(
    generator: Generator,
) -> None:
    """z_1 is seen with a std of e^40 from below: q(z_1|z_2, x) is the decoder's p(z_1|z_2)."""
    model = exact_twin(scalar_world(generator, 2))
    head = getattr(model.encoders[0], "log_std")  # noqa: B009  whose type mypy cannot know
    with torch.no_grad():
        head.weight.fill_(0.0)
        head.bias.fill_(40.0)
    x = 3 * torch.randn(500, 1, dtype=torch.float64, generator=generator)
    terms = model.terms(x, generator=generator)
    assert terms.costs[0].max().item() < 1e-12
    assert active_units(model, x, generator=generator) == [1, 1]


@pytest.mark.equation("9.7")
def test_a_unit_is_active_from_a_variance_of_a_hundredth_on(generator: Generator) -> None:
    """Burda et al. count variances above 10^−2; of −1 and 1 the variance is 2."""
    eye = torch.eye(2).double()
    slopes = torch.tensor([0.0099 / 2, 0.0101 / 2]).double().sqrt()
    model = VAE(affine_net(slopes.diag(), eye[0], eye[0]), affine_net(eye, eye[0], eye[0]))
    x = torch.tensor([[-1.0, -1.0], [1.0, 1.0]], dtype=torch.float64)
    variances = posterior_mean_variances(model, x, generator=generator)[0]
    torch.testing.assert_close(variances, torch.tensor([0.0099, 0.0101]).double())
    assert active_units(model, x, generator=generator) == [1]


def test_bad_input_is_named(generator: Generator) -> None:
    with pytest.raises(ValueError, match=r"N ≥ 2, got shape \(1, 3\)"):
        active_units(affine_vae(), draws(1, generator), generator=generator)
    with pytest.raises(ValueError, match=r"x must have 3 entries on its last axis, got .*\(4, 2\)"):
        active_units(affine_vae(), draws(4, generator)[:, :2], generator=generator)
    model = Architecture(3, (2,), ((4,),)).build(seed=0)
    with pytest.raises(ValueError, match=r"x must be torch.float32, as the weights are"):
        active_units(model, draws(4, generator), generator=generator)
    with pytest.raises(ValueError, match="samples must be a whole number of at least 1, got 0"):
        active_units(affine_vae(), draws(4, generator), samples=0, generator=generator)
