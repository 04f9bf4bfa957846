"""A chain as a flat VAE over its noise: the same draws, the same p(x), the same log-weights."""

import pytest
import torch
from torch import Generator, Tensor

from course_lib.checks import monte_carlo
from course_lib.exact import LinearGaussianChain
from course_lib.nets import GaussianNet
from course_lib.vae import HVAE, Architecture, FlatTwin, MarkovHVAE


def model(*latents: int, learned_prior: bool = False) -> HVAE:
    hidden = ((6,),) * len(latents)
    built = Architecture(5, latents, hidden, learned_prior=learned_prior).build(seed=3).double()
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.mul_(1.7).add_(0.05)  # away from the symmetric start
    return built


def images(generator: Generator) -> Tensor:
    return (torch.rand(7, 5, generator=generator) < 0.4).double()


@pytest.mark.equation("11.3")
@pytest.mark.parametrize("latents", [(3,), (3, 2), (2, 3, 1)])
def test_log_weights_are_equal_draw_by_draw(latents: tuple[int, ...], generator: Generator) -> None:
    chain, x = model(*latents, learned_prior=True), images(generator)
    flat = FlatTwin(chain)
    ours = flat.log_weights(x, 50, generator=Generator().manual_seed(1))
    theirs = chain.log_weights(x, 50, generator=Generator().manual_seed(1))
    assert theirs.std() > 0.1
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-11)


@pytest.mark.equation("11.2")
def test_there_and_back_and_the_determinant(generator: Generator) -> None:
    flat = FlatTwin(model(2, 3, 1))
    noise = torch.randn(4, 6, dtype=torch.float64, generator=generator)
    z = flat.latents(noise)
    back, log_det = flat.noise(z)
    torch.testing.assert_close(back, noise, rtol=0, atol=1e-12)
    for row in range(4):
        jacobian = torch.autograd.functional.jacobian(
            lambda e: torch.cat(flat.latents(e)), noise[row]
        )
        torch.testing.assert_close(torch.linalg.slogdet(jacobian)[1], log_det[row])
        assert torch.equal(jacobian.tril(-1), torch.zeros(6, 6).double())  # z_1 knows all ε above


@pytest.mark.equation("11.2")
def test_the_flat_model_has_the_evidence_of_the_chain(generator: Generator) -> None:
    """An affine chain, whose p(x) is known: E_{p(ε)} p(x|ε) is it."""
    nets = []
    for slope, offset, std in ((1.5, 0.2, 0.5), (-0.8, 1.0, 0.7)):
        net = GaussianNet(1, (), 1, std=std, generator=generator).double()
        with torch.no_grad():
            net.mean.weight.fill_(slope)
            net.mean.bias.fill_(offset)
        nets.append(net)
    encoders = [GaussianNet(1, (), 1, generator=generator).double() for _ in range(2)]
    flat = FlatTwin(MarkovHVAE(encoders, nets))
    exact = LinearGaussianChain([1.5, -0.8], [0.2, 1.0], [0.5, 0.7])
    x = torch.tensor([2.0]).double()
    noise = flat.prior.sample((400_000,), generator=generator)
    with torch.no_grad():
        draws = flat.decoder(noise).log_prob(x).exp()
    assert abs(monte_carlo(draws).z_score(exact.log_evidence(x).exp().item())) < 4


def test_bad_input_is_named() -> None:
    flat = FlatTwin(model(2, 3))
    with pytest.raises(ValueError, match="noise must have 5 entries"):
        flat.latents(torch.zeros(4))
    strange = MarkovHVAE(
        list(flat.model.encoders),
        [flat.model.decoders[0], Architecture(2, (3,), ((4,),)).build(seed=0).decoders[0].double()],
    )
    with pytest.raises(ValueError, match="must give a DiagonalGaussian, got Bernoulli"):
        FlatTwin(strange).latents(torch.zeros(5))


@pytest.mark.equation("11.1")
def test_a_linear_chain_folds_whatever_its_depth(generator: Generator) -> None:
    for layers in (1, 2, 3, 9):
        flat = LinearGaussianChain.unit(layers).fold()
        assert flat.evidence.variance.item() == pytest.approx(layers + 1, rel=1e-12)
        assert flat.loadings.item() == pytest.approx(layers**0.5, rel=1e-12)
    A, B = (torch.randn(*shape, generator=generator).double() for shape in ((3, 2), (2, 4)))
    shift, std = torch.tensor([0.5, -1.0, 2.0]).double(), torch.tensor([0.7, 0.1, 2.0]).double()
    flat = LinearGaussianChain([A, B], [shift, -1.0], [std, 0.4]).fold()
    above = B @ B.T + 0.4**2 * torch.eye(2).double()  # of z_1, whose mean is −1
    mean, covariance = shift - A.sum(-1), A @ above @ A.T + std.square().diag()
    torch.testing.assert_close(flat.evidence.mean, mean)
    torch.testing.assert_close(flat.evidence.covariance, covariance)
    assert torch.equal(flat.noise_std, std)  # the last arrow is kept
