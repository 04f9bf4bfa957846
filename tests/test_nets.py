"""Nets against hand-made matrix products, and their likelihoods against torch.distributions."""

import copy
import math
from pathlib import Path

import pytest
import torch
from scipy import stats
from torch import Generator, Tensor

from course_lib import checkpoint
from course_lib.distributions import Bernoulli, Binomial, ContinuousBernoulli, DiagonalGaussian
from course_lib.nets import LIKELIHOODS, GaussianNet, LogitNet, affine, likelihood_net
from course_lib.nets import set_output_mean as start_at


def by_hand(net: GaussianNet | LogitNet, value: Tensor, head: str) -> Tensor:
    """The net's output from its own weights, one matrix product after another."""
    weights = dict(net.named_parameters())
    hidden = value
    for layer in range(0, len(net.trunk), 2):
        inside = hidden @ weights[f"trunk.{layer}.weight"].T + weights[f"trunk.{layer}.bias"]
        hidden = (inside.exp() - (-inside).exp()) / (inside.exp() + (-inside).exp())  # tanh
    return hidden @ weights[f"{head}.weight"].T + weights[f"{head}.bias"]


@pytest.mark.equation("6.2")
@pytest.mark.parametrize("hidden", [(), (4,), (4, 3)])
def test_an_encoder_is_a_gaussian_with_both_parameters_from_x(
    hidden: tuple[int, ...], generator: Generator
) -> None:
    net = GaussianNet(5, hidden, 2, generator=generator).double()
    torch.nn.init.normal_(net.mean.bias, generator=generator)
    value = torch.randn(7, 3, 5, dtype=torch.float64, generator=generator)
    q = net(value)
    assert isinstance(q, DiagonalGaussian)
    torch.testing.assert_close(q.mean, by_hand(net, value, "mean"), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(q.log_std, by_hand(net, value, "log_std"), rtol=1e-12, atol=1e-12)


def test_the_std_may_be_fixed_or_learned(generator: Generator) -> None:
    value = torch.randn(3, 5, generator=generator)
    fixed = GaussianNet(5, (), 2, std=0.25, generator=generator)
    assert fixed(value).std.flatten().tolist() == pytest.approx([0.25] * 6)
    assert "log_std" in fixed.state_dict()
    assert "log_std" not in dict(fixed.named_parameters())
    learned = GaussianNet(5, (), 2, std="learned", generator=generator)
    learned(value).log_std.sum().backward()
    assert learned.log_std.grad == 6.0  # one number for all six


@pytest.mark.parametrize("std", [0.6, 0.1, 1 / 3, 1e-6, 1e6])
def test_a_fixed_std_keeps_every_digit_of_a_double(std: float, tmp_path: Path) -> None:
    """Against SciPy. On the way to float32, to a file and back nothing is rounded."""
    net = GaussianNet(2, (), 1, std=std, generator=Generator().manual_seed(0))
    net.float()
    checkpoint.save(tmp_path / "a", net.state_dict(), {})
    other = GaussianNet(2, (), 1, std=7.0, generator=Generator().manual_seed(1))
    checkpoint.restore(other, checkpoint.load(tmp_path / "a")[0], source="a")
    value = torch.tensor([[0.3, -1.2]], dtype=torch.float64)
    for found in (net.double(), other.float().double(), copy.deepcopy(other).half().double()):
        q = found(value)
        assert q.log_std.dtype == torch.float64
        x = q.mean + 1.3 * std
        expected = stats.norm(q.mean.item(), std).logpdf(x.item())
        # x − mean, of size 1.3 std, is off by ε(|x| + |mean|), which is that many std.
        slack = 4e-16 * (abs(x.item()) + abs(q.mean.item())) / std
        assert q.log_prob(x).item() == pytest.approx(expected, rel=4e-15, abs=2 * slack)
    assert net.float()(value.float()).log_std.dtype == torch.float32


def test_the_precision_of_one_net_is_named_where_another_is_given(generator: Generator) -> None:
    net = GaussianNet(5, (), 2, generator=generator)
    with pytest.raises(ValueError, match=r"value must be torch.float32, .* got torch.float64"):
        net(torch.zeros(1, 5).double())
    with pytest.raises(ValueError, match=r"value must be on cpu, .* got meta; move it with"):
        net(torch.zeros(1, 5, device="meta"))


def test_scale_multiplies_the_input(generator: Generator) -> None:
    value = torch.randn(3, 5, generator=generator)
    plain = GaussianNet(5, (4,), 2, generator=generator)
    scaled = GaussianNet(5, (4,), 2, generator=generator, scale=1 / 16)
    scaled.load_state_dict(plain.state_dict())
    torch.testing.assert_close(scaled(16 * value).mean, plain(value).mean)


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("bernoulli", lambda out: torch.distributions.Bernoulli(logits=out)),
        ("binomial", lambda out: torch.distributions.Binomial(16, logits=out)),
        ("continuous_bernoulli", lambda out: torch.distributions.ContinuousBernoulli(logits=out)),
    ],
)
def test_likelihoods_score_as_torch_does(kind: str, family: object, generator: Generator) -> None:
    net = likelihood_net(kind, 3, (4,), 6, generator=generator).double()
    z = torch.randn(5, 3, dtype=torch.float64, generator=generator)
    reference = family(by_hand(net, z, "logits"))  # type: ignore[operator]
    x = net(z).sample(generator=generator).double()
    expected = reference.log_prob(x).sum(-1)
    torch.testing.assert_close(net(z).log_prob(x), expected, rtol=1e-10, atol=1e-10)


def test_the_gaussian_likelihood_has_one_learned_std(generator: Generator) -> None:
    net = likelihood_net("gaussian", 3, (4,), 6, generator=generator)
    assert isinstance(net, GaussianNet)
    assert net.log_std.shape == ()
    assert net(torch.zeros(1, 3)).std.flatten().tolist() == [1.0] * 6


def test_the_families_are_the_named_ones(generator: Generator) -> None:
    kinds = {
        "bernoulli": Bernoulli,
        "binomial": Binomial,
        "continuous_bernoulli": ContinuousBernoulli,
    }
    for kind, family in kinds.items():
        net = likelihood_net(kind, 2, (), 3, generator=generator)
        assert isinstance(net(torch.zeros(1, 2)), family)
    assert set(LIKELIHOODS) == {*kinds, "gaussian"}


def test_glorot_weights_fill_their_interval_and_biases_are_zero(generator: Generator) -> None:
    before = torch.get_rng_state()
    layer = affine(300, 200, generator=generator)
    assert torch.equal(before, torch.get_rng_state())
    bound = math.sqrt(6 / 500)
    assert layer.weight.abs().max() <= bound
    # 60,000 uniform draws: the sample variance has relative standard error sqrt(0.8/60000) = 0.4 %
    assert layer.weight.var().item() == pytest.approx(bound**2 / 3, rel=0.02)
    assert not layer.bias.any()


def test_the_output_starts_at_the_mean_of_the_data(generator: Generator) -> None:
    net = LogitNet(2, (), 4, generator=generator)
    start_at(net, torch.tensor([0.0, 0.25, 0.5, 1.0]))
    expected = [0.001, 0.25, 0.5, 0.999]
    assert net(torch.zeros(1, 2)).mean.flatten().tolist() == pytest.approx(expected, rel=1e-5)
    gaussian = GaussianNet(2, (), 2, std=1.0, generator=generator)
    start_at(gaussian, torch.tensor([-3.0, 7.0]))
    assert gaussian(torch.zeros(1, 2)).mean.flatten().tolist() == [-3.0, 7.0]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda g: GaussianNet(0, (), 1, generator=g), "inputs .* at least 1, got 0"),
        (lambda g: GaussianNet(3, (4, 0), 1, generator=g), "hidden .* at least 1, got 0"),
        (lambda g: LogitNet(3, (), -1, generator=g), "outputs .* at least 1, got -1"),
        (lambda g: GaussianNet(3, (), 1, std=0.0, generator=g), "std must be positive, got 0"),
        (lambda g: GaussianNet(3, (), 1, std="big", generator=g), "got 'big'"),
        (lambda g: likelihood_net("poisson", 3, (), 1, generator=g), "bernoulli.*got 'poisson'"),
        (lambda g: GaussianNet(3, (), 1, generator=g)(torch.zeros(2, 4)), r"3 .*\(2, 4\)"),
        (
            lambda g: LogitNet(3, (), 1, generator=g)(torch.zeros(2, 3).int()),
            "value must be torch.float32, as the weights are, got torch.int32",
        ),
        (
            lambda g: start_at(LogitNet(3, (), 2, generator=g), torch.tensor([0.5, 20.0])),
            r"mean must be in \[0, 1\], got 20 at index",
        ),
        (
            lambda g: start_at(LogitNet(3, (), 2, generator=g), torch.zeros(3)),
            r"mean must have shape \(2,\), got \(3,\)",
        ),
    ],
)
def test_bad_input_is_named(build: object, message: str, generator: Generator) -> None:
    with pytest.raises(ValueError, match=message):
        build(generator)  # type: ignore[operator]


def test_grey_pixels_do_not_pass_for_a_bernoulli(generator: Generator) -> None:
    with pytest.raises(ValueError, match="grey pixels need ContinuousBernoulli or Binomial"):
        LogitNet(2, (), 3, generator=generator)(torch.zeros(1, 2)).log_prob(torch.full((1, 3), 0.4))
