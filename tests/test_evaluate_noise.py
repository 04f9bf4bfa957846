"""The noise that makes a chain's latents, against the change of variables that it stands for."""

import pytest
import torch
from torch import Generator, Tensor
from torch.distributions import Normal

from course_lib.distributions import DiagonalGaussian
from course_lib.evaluate._noise import encoded_noise
from course_lib.vae import HVAE, Architecture, FlatTwin


@torch.no_grad()
def chain(direction: str, generator: Generator) -> HVAE:
    """Three layers, 3, 2 and 2 wide, with weights far from zero and a prior other than N(0, I)."""
    model = Architecture(4, (3, 2, 2), ((5,), (4,), (4,)), direction=direction).build(seed=1)
    model = model.double()
    for weight in model.parameters():
        weight.add_(0.5 * torch.randn(weight.shape, generator=generator).double())
    model.prior_mean = torch.tensor([0.3, -1.0]).double()
    model.prior_log_std = torch.tensor([-0.7, 0.4]).double()
    return model


@pytest.mark.parametrize("direction", ["bottom-up", "top-down"])
def test_the_prior_of_the_latents_is_n_0_i_of_the_noise(
    direction: str, generator: Generator
) -> None:
    """log p(z(ε)) + log |det ∂z/∂ε| = log N(ε; 0, I), the determinant by automatic slopes."""
    model = chain(direction, generator)
    flat = FlatTwin(model)
    noise, x = torch.randn(7, generator=generator).double(), torch.ones(4).double()

    def side_by_side(noise: Tensor) -> Tensor:
        return torch.cat(flat.latents(noise))

    jacobian = torch.autograd.functional.jacobian(side_by_side, noise)
    latents = flat.latents(noise)
    likelihood = flat.decoder(noise).log_prob(x)
    log_prior = model.log_joint(x, latents) - likelihood
    standard = Normal(0.0, 1.0).log_prob(noise).sum()
    stretch = torch.linalg.slogdet(jacobian).logabsdet
    torch.testing.assert_close(log_prior + stretch, standard)
    assert stretch.abs() > 0.1
    logits = model.generate(1, latents[0]).logits  # type: ignore[attr-defined]
    torch.testing.assert_close(likelihood, torch.nn.functional.logsigmoid(logits).sum())


@pytest.mark.parametrize("direction", ["bottom-up", "top-down"])
def test_the_encoder_in_noise_is_multiplied_by_the_prior(
    direction: str, generator: Generator
) -> None:
    """Layer by layer along the means: precisions add, and means by their share of them."""
    model = chain(direction, generator)
    x = (torch.rand(2, 4, generator=generator) < 0.5).double()
    found, factors = encoded_noise(model, x), model.mean_factors(x)
    priors = [
        model.generate(2, factors[1].mean),
        model.generate(3, factors[2].mean),
        DiagonalGaussian(torch.tensor([0.3, -1.0]).double(), torch.tensor([-0.7, 0.4]).double()),
    ]
    start = 0
    for q, p in zip(factors, priors, strict=True):
        assert isinstance(p, DiagonalGaussian)
        end = start + q.mean.shape[-1]
        precision = (p.std / q.std) ** 2
        mean = (q.mean - p.mean) / p.std * precision / (precision + 1)
        torch.testing.assert_close(found.mean[:, start:end], mean)
        torch.testing.assert_close(found.std[:, start:end], (precision + 1) ** -0.5)
        start = end
    assert start == 7
