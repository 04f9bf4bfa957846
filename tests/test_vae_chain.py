"""A chain of tanh nets set by hand beside the ScalarChain that it is; files of another depth."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy import stats
from test_vae import within
from torch import Generator, Tensor, nn

from course_lib import checkpoint
from course_lib.chain_readings import layer_costs, read, sample_terms
from course_lib.distributions import DiagonalGaussian, FullGaussian
from course_lib.evaluate import sampled_log_evidence
from course_lib.exact import ScalarChain
from course_lib.nets import GaussianNet
from course_lib.shipped import load_model
from course_lib.vae import VAE, Architecture, MarkovHVAE

ARROWS = [(2.0, 1.2, 0.3, 0.6), (1.5, 0.8, 0.0, 0.7)]  # z_1 → x, z_2 → z_1: (a, b, c, s)
UP = [(1.1, 0.6, -0.1, 0.6), (1.0, 0.7, 0.0, 0.8)]  # x → z_1, z_1 → z_2


@torch.no_grad()
def tanh_net(a: float, b: float, c: float, s: float) -> GaussianNet:
    """v ↦ N(a tanh(bv) + c, s²), as weights."""
    net = GaussianNet(1, (1,), 1, std=s, generator=Generator()).double()
    arrow: Any = net  # whose first layer is affine, and whose log_std is a number
    for layer, weight, bias in ((arrow.trunk[0], b, 0.0), (arrow.mean, a, c)):
        layer.weight.fill_(weight)
        layer.bias.fill_(bias)
    arrow.log_std.fill_(math.log(s))
    return net


@pytest.fixture
def model() -> MarkovHVAE:
    return MarkovHVAE([tanh_net(*up) for up in UP], [tanh_net(*arrow) for arrow in ARROWS])


@pytest.mark.equation("12.1")
@pytest.mark.equation("12.3")
def test_a_nonlinear_chain_has_the_bound_and_the_evidence_of_quadrature(
    model: MarkovHVAE, generator: Generator
) -> None:
    """The world of two tanh arrows: log joint, ELBO by 2-D quadrature, log p(x) by weights."""
    world, x = ScalarChain(ARROWS), torch.tensor([[0.7], [-1.0], [2.6]], dtype=torch.float64)
    z = torch.randn(2, 50, 1, 1, dtype=torch.float64, generator=generator).unbind(0)
    torch.testing.assert_close(model.log_joint(x, z), world.log_joint(x, z), rtol=0, atol=1e-11)
    elbo = world.elbo(list(model.encoders), x)
    log_p = world.log_evidence(x)
    assert (elbo < log_p - 0.01).all()
    within(model.elbo(x, (100_000,), generator=generator), elbo)
    within(model.log_weights(x, 100_000, generator=generator), elbo)
    # Not every q covers the posterior: where the weights' spread is known, log p(x) is met.
    found = sampled_log_evidence(model, x, k=100_000)
    close = found.standard_error < 0.02
    assert close.any()
    off = (found.log_evidence - log_p).abs()
    assert (off[close] <= 4 * found.standard_error[close]).all()


@pytest.mark.equation("12.2")
@pytest.mark.equation("12.5")
def test_sampled_terms_of_a_nonlinear_chain_by_quadrature(
    model: MarkovHVAE, generator: Generator
) -> None:
    """Each layer's cost, and h(z_2|x) of a top marginal that is no Gaussian, on a grid."""
    world, x = ScalarChain(ARROWS), torch.tensor([[0.7]], dtype=torch.float64)
    up = list(model.encoders)

    def mean(function: object) -> torch.Tensor:
        return world.expectation(up, x, function)  # type: ignore[arg-type]

    first = mean(lambda z: up[0](x).log_prob(z[0]) - model.generate(2, z[1]).log_prob(z[0]))
    second = mean(lambda z: up[1](z[0]).log_prob(z[1]) - world.prior.log_prob(z[1]))
    axis = torch.linspace(-7, 7, 2001, dtype=torch.float64).unsqueeze(-1)
    q1 = FullGaussian(up[0](x).mean[0], up[0](x).scale_tril[0])
    weights = q1.log_prob(axis).exp() * 0.007
    density = weights @ up[1](axis).log_prob(axis.unsqueeze(1)).T.exp()  # of z_2 given x
    entropy = -torch.special.xlogy(density, density).sum() * 0.007
    low, high = sample_terms(model, x, groups=200, size=100, generator=generator)
    within(layer_costs(low)[0], first)
    within(layer_costs(low)[1], second)
    error = low.marginal_entropies[-1].std() / math.sqrt(200)
    assert low.marginal_entropies[-1].mean() - 4 * error <= entropy
    assert entropy <= high.marginal_entropies[-1].mean() + 4 * error
    assert (high.marginal_entropies - low.marginal_entropies).mean() < 0.02
    exact = world.elbo(up, x)
    within(read(low)["correct"], exact)
    within(read(low)["printed, marginal KL"], exact + entropy)


def saved(folder: Path, *latents: int) -> tuple[Path, Architecture]:
    made = Architecture(6, latents, ((4,),) * len(latents))
    path = folder / f"depth{len(latents)}.safetensors"
    about = {"kind": "model", "architecture": made.as_dict()}
    checkpoint.save(path, made.build(seed=0).state_dict(), about)
    return path, made


def test_a_checkpoint_of_another_depth_is_refused_and_named(tmp_path: Path) -> None:
    """Both ways: a layer too many in the file, and a layer that the file does not have."""
    shallow, two = saved(tmp_path, 3, 2)
    deep, three = saved(tmp_path, 3, 2, 2)
    for path, wrong in ((deep, two), (shallow, three)):
        tensors, _ = checkpoint.load(path)
        with pytest.raises(ValueError, match=r"another architecture: for (en|de)coders\.2\."):
            checkpoint.restore(wrong.build(seed=0), tensors, source=str(path))
    assert load_model(shallow).depth == 2
    assert load_model(deep).depth == 3


def test_a_nan_in_the_likelihood_names_its_layer(generator: Generator) -> None:
    model = Architecture(6, (3, 2), ((), ())).build(seed=0)
    with torch.no_grad():
        model.decoders[0].logits.weight[0, 0] = math.nan  # type: ignore[union-attr,operator]
    with pytest.raises(ValueError, match="decoder 1: logits must be a number, got nan"):
        model.elbo(torch.ones(1, 6), generator=generator)


def test_data_of_another_width_are_named(tmp_path: Path) -> None:
    path, _ = saved(tmp_path, 3, 2)
    with pytest.raises(ValueError, match=r"x must have 6 entries .*\(1, 784\)"):
        sampled_log_evidence(load_model(path), torch.zeros(1, 784), k=2)


class Halving(nn.Module):
    """v ↦ N(v/2, 0.3²), with sizes and a distribution, but no Net."""

    inputs, outputs = 1, 1

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(0.5, dtype=torch.float64))

    def forward(self, value: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(self.slope * value, torch.full_like(value, math.log(0.3)))


def test_a_module_that_is_no_net_serves_as_one() -> None:
    """By SciPy: every factor of log p(x, z) − log q(z|x), at numbers of one's own."""
    model = VAE(Halving(), Halving())
    x, z = torch.tensor([[0.7], [-0.2]], dtype=torch.float64)
    joint = stats.norm.logpdf(0.7, -0.1, 0.3) + stats.norm.logpdf(-0.2)
    assert model.log_joint(x, [z]).item() == pytest.approx(joint, abs=1e-12)
    log_q = stats.norm.logpdf(-0.2, 0.35, 0.3)
    assert model.encoder(x).log_prob(z).item() == pytest.approx(log_q, abs=1e-12)
