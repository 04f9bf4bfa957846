"""An encoder that comes down, against the exact posteriors of linear chains and dense Gaussians."""

import math
from dataclasses import replace

import pytest
import torch
from test_vae import affine_net, random_world, within
from torch import Generator, Tensor
from torch.distributions import Independent, MultivariateNormal, Normal

from course_lib.distributions import DiagonalGaussian
from course_lib.exact import AffineGaussian, LinearGaussianChain
from course_lib.nets import GaussianNet, LogitNet
from course_lib.vae import VAE, Architecture, TopDownHVAE
from course_lib.vae.top_down import product

TWO = Architecture(6, (3, 2), ((5,), (4,)), direction="top-down")
DEEP = Architecture(6, (3, 2, 2), ((5,), (4,), (4,)), direction="top-down")


def scalar_world(generator: Generator, depth: int) -> LinearGaussianChain:
    """One number a layer, so that no factor of the posterior is slanted."""
    return random_world([1] * (depth + 1), generator)


def exact_twin(world: LinearGaussianChain) -> TopDownHVAE:
    """The encoder that is the exact posterior of a chain of single numbers.

    Features are x itself; p(x|z_t), a Gaussian in z_t, is what is seen of z_t from below, and the
    top one is p(z_T|x).
    """
    encoders = [affine_net(_seen_from_below(world, level)) for level in range(1, world.depth)]
    top = world.marginal(world.depth)  # N(0, 1)
    below = _seen_from_below(world, world.depth)
    precision = 1 / below.std**2 + 1 / top.variance
    gain = 1 / below.std**2 / precision
    encoders.append(
        affine_net(AffineGaussian(gain * below.slope, gain * below.offset, precision**-0.5))
    )
    return TopDownHVAE(encoders, [affine_net(arrow) for arrow in world.arrows])


def _seen_from_below(world: LinearGaussianChain, level: int) -> AffineGaussian:
    """p(x|z_t) as a Gaussian in z_t: mean (x − b)/a and std s/|a|, from x = a z_t + b + s ε."""
    a, b, variance = torch.ones(()), torch.zeros(()), torch.zeros(())
    a, b, variance = a.double(), b.double(), variance.double()
    for arrow in world.arrows[:level]:  # x first: x = a z + b + noise, then z = a' z' + b' + noise'
        variance = variance + a**2 * arrow.std.squeeze() ** 2
        b = b + a * arrow.offset.squeeze()
        a = a * arrow.slope.squeeze()
    return AffineGaussian(1 / a, -b / a, variance.sqrt() / a.abs())


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_a_chain_of_single_numbers_is_inferred_exactly(depth: int, generator: Generator) -> None:
    """Every weight is p(x): q is the posterior, and no draw of it can tell otherwise."""
    world = scalar_world(generator, depth)
    model = exact_twin(world)
    x = 2 * torch.randn(3, 1, dtype=torch.float64, generator=generator)
    log_p = world.log_evidence(x)
    found = model.log_weights(x, 20, generator=generator)
    torch.testing.assert_close(found, log_p.expand(20, 3), rtol=0, atol=1e-9)
    joint = model.log_joint(x, model.encode(x, (20,), generator=generator)[1])
    assert joint.std(0).min() > 0.1  # the draws do differ


@pytest.mark.parametrize("depth", [2, 3])
def test_factors_are_those_of_the_exact_posterior(depth: int, generator: Generator) -> None:
    world = scalar_world(generator, depth)
    model, x = exact_twin(world), torch.tensor([[1.3], [-0.4]], dtype=torch.float64)
    factors, z = model.encode(x, (4,), generator=generator)
    for level in range(2, depth + 1):
        given = torch.cat([z[level - 1], x.expand(4, 2, 1)], -1)
        exact = world.top_down_factor(level)(given)
        torch.testing.assert_close(factors[level - 2].mean, exact.mean, rtol=0, atol=1e-10)
        variance = exact.variance.expand_as(factors[level - 2].variance)
        torch.testing.assert_close(factors[level - 2].variance, variance, rtol=1e-10, atol=0)


@pytest.mark.parametrize("architecture", [TWO, DEEP], ids=["two", "three"])
def test_costs_are_kls_and_weights_the_bound(
    architecture: Architecture, generator: Generator
) -> None:
    """Each cost is the mean of log q − log p at draws of its own layer; none is negative."""
    model = _spread(architecture.build(seed=1).double(), generator)
    x = (torch.rand(2, 6, generator=generator) < 0.5).double()
    terms = model.terms(x, (30_000,), generator=generator)
    factors, z = model.encode(x, (30_000,), generator=generator)
    for level in range(1, model.depth + 1):
        above = model.generate(level + 1, z[level]) if level < model.depth else model.prior
        ratio = factors[level - 1].log_prob(z[level - 1]) - above.log_prob(z[level - 1])
        cost = terms.costs[level - 1]
        assert cost.shape == (30_000, 2)
        assert cost.min() >= 0
        within(ratio - cost.mean(0), torch.zeros(2).double(), sigmas=5.0)
    weights = model.log_weights(x, 30_000, generator=generator)
    within(weights - terms.elbo.mean(0), torch.zeros(2).double(), sigmas=5.0)


def test_weights_are_joint_less_q(generator: Generator) -> None:
    """At the same draws: what log_weights sums arrow by arrow is log p(x, z) − log q(z|x)."""
    model = _spread(DEEP.build(seed=2).double(), generator)
    x = (torch.rand(4, 6, generator=generator) < 0.5).double()
    found = model.log_weights(x, 7, generator=Generator().manual_seed(3))
    factors, z = model.encode(x, (7,), generator=Generator().manual_seed(3))
    log_q = sum(
        Independent(Normal(q.mean, q.std), 1).log_prob(level)
        for q, level in zip(factors, z, strict=True)
    )
    torch.testing.assert_close(found, model.log_joint(x, z) - log_q, rtol=0, atol=1e-10)


def test_a_product_of_gaussians_is_the_dense_one(generator: Generator) -> None:
    """N(a; z, A) N(b; z, B): by conditioning z ~ N(b, B) on the observation a = z + noise."""
    for scale in (1e-6, 1.0, 1e6):
        a, b = (torch.randn(3, dtype=torch.float64, generator=generator) for _ in range(2))
        s, r = (torch.rand(3, dtype=torch.float64, generator=generator) + 0.5 for _ in range(2))
        s = s * scale
        gain = (r.square().diag()) @ (r.square() + s.square()).diag().inverse()
        mean = b + gain @ (a - b)
        covariance = r.square().diag() - gain @ r.square().diag()
        q = product(DiagonalGaussian(a, s.log()), DiagonalGaussian(b, r.log()))
        torch.testing.assert_close(q.mean, mean, rtol=1e-9, atol=1e-9)
        if scale >= 1:  # beside s = 1e-6, the difference of two variances of order one says nothing
            torch.testing.assert_close(q.variance, covariance.diagonal(), rtol=1e-9, atol=0)
        else:
            torch.testing.assert_close(q.variance, s.square(), rtol=1e-9, atol=0)


def test_one_layer_is_the_vae_of_the_same_weights(generator: Generator) -> None:
    flat = Architecture(6, (2,), ((5,),)).build(seed=0)
    assert isinstance(flat, VAE)
    top = TopDownHVAE([flat.encoders[0]], list(flat.decoders))  # type: ignore[list-item]
    x = torch.zeros(3, 6)
    for name in ("elbo", "terms"):
        one, other = (
            getattr(model, name)(x, (5,), generator=Generator().manual_seed(1))
            for model in (flat, top)
        )
        torch.testing.assert_close(getattr(one, "elbo", one), getattr(other, "elbo", other))


def test_mean_factors_follow_the_means(generator: Generator) -> None:
    """Each factor below the top is the product, at the mean above: precisions added in full."""
    model = _spread(DEEP.build(seed=0).double(), generator)
    x = (torch.rand(4, 6, generator=generator) < 0.5).double()
    found = model.mean_factors(x)
    seen = model.seen_from_below(x)
    assert torch.equal(found[-1].mean, seen[-1].mean)
    for level in range(model.depth - 1, 0, -1):
        prior = model.generate(level + 1, found[level].mean)
        assert isinstance(prior, DiagonalGaussian)
        precision = 1 / seen[level - 1].variance + 1 / prior.variance
        weighted = seen[level - 1].mean / seen[level - 1].variance + prior.mean / prior.variance
        torch.testing.assert_close(found[level - 1].mean, weighted / precision)
        torch.testing.assert_close(found[level - 1].variance, 1 / precision)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda g: TopDownHVAE([], []),
            "encoders and decoders must be equally many, at least 1, got 0 and 0",
        ),
        (
            lambda g: TopDownHVAE(
                [GaussianNet(6, (5,), 3, generator=g), GaussianNet(3, (4,), 2, generator=g)],
                [LogitNet(3, (5,), 6, generator=g), GaussianNet(2, (4,), 3, generator=g)],
            ),
            "encoder 2 must map 5 to 2, got 3 to 2",
        ),
        (
            lambda g: TopDownHVAE(
                [LogitNet(6, (), 2, generator=g)],  # type: ignore[list-item]
                [LogitNet(2, (), 6, generator=g)],
            ),
            "encoders must give features and a Gaussian of them, such as GaussianNet, got LogitNet",
        ),
        (
            lambda g: TopDownHVAE(
                [GaussianNet(6, (), 3, generator=g), GaussianNet(6, (), 2, generator=g)],
                [LogitNet(3, (), 6, generator=g), LogitNet(2, (), 3, generator=g)],
            ).terms(torch.zeros(6), generator=g),
            "decoder 2 must give a DiagonalGaussian, got Bernoulli",
        ),
        (
            lambda g: Architecture(6, (2,), ((),), direction="sideways").build(seed=0),
            "direction must be one of bottom-up, top-down, got 'sideways'",
        ),
    ],
)
def test_bad_input_is_named(make: object, message: str, generator: Generator) -> None:
    with pytest.raises(ValueError, match=message):
        make(generator)  # type: ignore[operator]


def _spread(model: torch.nn.Module, generator: Generator) -> TopDownHVAE:
    """The model with biases and weights large enough for its factors to differ."""
    assert isinstance(model, TopDownHVAE)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, dtype=parameter.dtype, generator=generator)
            parameter.add_(0.4 * noise)
    return model


def test_a_gap_in_closed_form(generator: Generator) -> None:
    """A chain 1-1-1 under a wrong encoder: the ELBO by dense Gaussians, from the joint of q."""
    world = scalar_world(generator, 2)
    model = exact_twin(world)
    with torch.no_grad():
        for parameter in model.encoders.parameters():
            parameter.add_(0.3)
    x = torch.tensor([[0.8]], dtype=torch.float64)
    q, exact = _joint_of(model, x), world.joint_posterior(x)
    gap = torch.distributions.kl_divergence(
        q, MultivariateNormal(exact.mean.squeeze(0), exact.covariance)
    )
    elbo = model.elbo(x, (200_000,), generator=generator)
    within(elbo, world.log_evidence(x) - gap)
    assert gap > 0.02


def _joint_of(model: TopDownHVAE, x: Tensor) -> MultivariateNormal:
    """q(z_1, z_2|x) of single numbers: z_2 ~ N(m, v), z_1 = c + k z_2 + noise."""
    top = model.seen_from_below(x)[-1]
    at: list[DiagonalGaussian] = []
    for z in (0.0, 1.0):
        prior = model.generate(2, torch.full((1, 1), z, dtype=torch.float64))
        assert isinstance(prior, DiagonalGaussian)
        at.append(product(model.seen_from_below(x)[0], prior))
    k = (at[1].mean - at[0].mean).item()
    m, v, w = top.mean.item(), top.variance.item(), at[0].variance.item()
    mean = torch.tensor([at[0].mean.item() + k * m, m], dtype=torch.float64)
    covariance = torch.tensor([[w + k * k * v, k * v], [k * v, v]], dtype=torch.float64)
    assert math.isclose(at[0].variance.item(), at[1].variance.item())
    return MultivariateNormal(mean.detach(), covariance)


@pytest.mark.parametrize("direction", ["bottom-up", "top-down"])
def test_what_a_weight_is_made_of(direction: str, generator: Generator) -> None:
    """Factor by factor from torch's Gaussians, at the same draws; the weight is its terms' ELBO."""
    model = replace(DEEP, direction=direction).build(seed=2).double()
    x = (torch.rand(4, 6, generator=generator) < 0.5).double()
    weights, terms = model.weigh(x, 7, generator=Generator().manual_seed(3))
    factors, z = model.encode(x, (7,), generator=Generator().manual_seed(3))
    above = [model.generate(level, z[level - 1]) for level in range(2, model.depth + 1)]
    for cost, q, p, level in zip(terms.costs, factors, [*above, model.prior], z, strict=True):
        log_q, log_p = (
            Independent(Normal(of.mean, of.variance.sqrt()), 1).log_prob(level) for of in (q, p)
        )
        torch.testing.assert_close(cost, log_q - log_p, rtol=0, atol=1e-10)
    flips = torch.distributions.Bernoulli(model.generate(1, z[0]).mean)
    expected = flips.log_prob(x).sum(-1)
    torch.testing.assert_close(terms.reconstruction, expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(weights, terms.elbo, rtol=0, atol=1e-10)
    assert weights.requires_grad
    assert not terms.elbo.requires_grad
