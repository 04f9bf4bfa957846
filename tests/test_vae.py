"""Chains of nets against exact worlds: affine nets set by hand, quadrature, and bounds."""

import json
import math
from itertools import pairwise

import pytest
import torch
from torch import Generator, Tensor, nn

from course_lib import bounds
from course_lib.distributions import kl_divergence
from course_lib.exact import AffineGaussian, LinearGaussianChain
from course_lib.nets import GaussianNet, LogitNet
from course_lib.vae import VAE, Architecture, MarkovHVAE

DEPTHS = [1, 2, 3, 4, 5, 6]


@torch.no_grad()
def affine_net(arrow: AffineGaussian) -> GaussianNet:
    """The net that computes exactly this arrow."""
    outputs, inputs = arrow.slope.shape
    net = GaussianNet(inputs, (), outputs, generator=Generator()).double()
    net.mean.weight.copy_(arrow.slope)
    net.mean.bias.copy_(arrow.offset)
    assert isinstance(net.log_std, nn.Linear)
    net.log_std.weight.zero_()
    net.log_std.bias.copy_(arrow.std.log())
    return net


def hvae(world: LinearGaussianChain, encoder: list[AffineGaussian]) -> MarkovHVAE:
    ups, downs = map(affine_net, encoder), map(affine_net, world.arrows)
    return MarkovHVAE(list(ups), list(downs))


def random_world(sizes: list[int], generator: Generator) -> LinearGaussianChain:
    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    slopes = [draw(low, high) for low, high in pairwise(sizes)]
    offsets = [draw(low) for low in sizes[:-1]]
    stds = [torch.exp(0.3 * draw(low)) for low in sizes[:-1]]
    return LinearGaussianChain(slopes, offsets, stds)


def random_encoder(sizes: list[int], generator: Generator) -> list[AffineGaussian]:
    def draw(*shape: int) -> Tensor:
        return 0.5 * torch.randn(*shape, dtype=torch.float64, generator=generator)

    pairs = pairwise(sizes)
    return [AffineGaussian(draw(up, low), draw(up), torch.exp(draw(up))) for low, up in pairs]


def within(estimates: Tensor, exact: Tensor, sigmas: float = 4.0) -> None:
    """Means over the leading axis against the exact value, in standard errors."""
    error = estimates.std(0) / math.sqrt(len(estimates))
    worst = ((estimates.mean(0) - exact).abs() / error.clamp(min=1e-12)).max().item()
    assert worst <= sigmas, f"{worst:.2f} standard errors off"


@pytest.mark.equation("12.2")
@pytest.mark.parametrize("depth", DEPTHS)
def test_every_term_has_the_mean_that_the_exact_chain_says(
    depth: int, generator: Generator
) -> None:
    sizes = [3, 2, 2, 1, 2, 1, 2][: depth + 1]
    world, encoder = random_world(sizes, generator), random_encoder(sizes, generator)
    x = torch.randn(2, 3, dtype=torch.float64, generator=generator)
    terms = hvae(world, encoder).terms(x, (20_000,), generator=generator)
    exact = world.terms(encoder, x)
    within(terms.reconstruction, exact.reconstruction)
    top_kl = -exact.conditional_entropies[-1] - exact.prior
    for level in range(depth - 1):
        cost = -exact.conditional_entropies[level] - exact.transitions[level]
        within(terms.costs[level], cost)
    if depth == 1:
        assert (terms.costs[0] == terms.costs[0][0]).all()  # no sample matters to a closed form
        expected = top_kl.expand(20_000, 2)
        torch.testing.assert_close(terms.costs[0], expected, rtol=1e-11, atol=1e-11)
    else:
        within(terms.costs[-1], top_kl)
    within(terms.elbo, exact.elbo)
    assert {term.shape for term in terms.named().values()} == {(20_000, 2)}
    assert torch.equal(terms.elbo, terms.reconstruction - terms.cost)
    torch.testing.assert_close(terms.cost, torch.stack(terms.costs).sum(0))


def test_only_one_layer_has_a_kl_in_its_terms(generator: Generator) -> None:
    x = torch.zeros(3, 6)
    for latents in ((2,), (2, 2), (2, 1, 2)):
        model = Architecture(6, latents, ((),) * len(latents)).build(seed=0)
        terms = model.terms(x, generator=generator)
        names = ["reconstruction", *(f"cost_{t}" for t in range(1, len(latents) + 1))]
        assert list(terms.named()) == names
        if len(latents) == 1:
            assert torch.equal(terms.kl, kl_divergence(model.mean_factors(x)[0], model.prior))
        else:
            with pytest.raises(ValueError, match=f"chain of {len(latents)} layers has no one KL"):
                _ = terms.kl


@pytest.mark.equation("12.3")
@pytest.mark.equation("10.1")
@pytest.mark.equation("10.2")
@pytest.mark.parametrize("depth", DEPTHS)
def test_the_log_weight_is_the_joint_minus_q_arrow_by_arrow(
    depth: int, generator: Generator
) -> None:
    sizes = [3, 2, 2, 1, 2, 1, 2][: depth + 1]
    world, encoder = random_world(sizes, generator), random_encoder(sizes, generator)
    model = hvae(world, encoder)
    x = torch.randn(4, 3, dtype=torch.float64, generator=generator)
    seed = generator.get_state()
    log_w = model.log_weights(x, 5, generator=generator)
    generator.set_state(seed)
    _, z = model.encode(x, (5,), generator=generator)
    expected = world.log_joint(x, z)
    for arrow, low, high in zip(encoder, [x, *z], z, strict=False):
        expected = expected - arrow(low).log_prob(high)
    torch.testing.assert_close(log_w, expected, rtol=1e-11, atol=1e-10)
    torch.testing.assert_close(model.log_joint(x, z), world.log_joint(x, z), rtol=1e-11, atol=1e-10)


@pytest.mark.equation("12.1")
@pytest.mark.parametrize("depth", DEPTHS)
def test_at_the_exact_posterior_one_sample_says_it_all(depth: int, generator: Generator) -> None:
    """Zero variance: every log-weight is log p(x), here of the unit chain, N(0, T + 1)."""
    world = LinearGaussianChain.unit(depth)
    model = hvae(world, world.exact_encoder())
    x = torch.tensor([[1.0], [-2.0]], dtype=torch.float64)
    log_w = model.log_weights(x, 50, generator=generator)
    expected = -0.5 * (x.squeeze(1) ** 2 / (depth + 1) + math.log(2 * math.pi * (depth + 1)))
    torch.testing.assert_close(log_w, expected.expand(50, 2), rtol=0, atol=1e-11)
    bound = model.importance_weighted(x, 50, generator=generator)
    torch.testing.assert_close(bound, expected, rtol=0, atol=1e-11)


def test_the_exercise_of_the_mismatched_chain(generator: Generator) -> None:
    """Unit chain, T = 2, x = 1, q(z_1|x) = N(x/2, ½), q(z_2|z_1) = N(z_1/2, ½): ELBO −1.674586."""
    half = AffineGaussian(0.5, 0.0, math.sqrt(0.5))
    model = hvae(LinearGaussianChain.unit(2), [half, half])
    x = torch.ones(1, 1, dtype=torch.float64)
    within(model.elbo(x, (40_000,), generator=generator), torch.tensor(-1.674586).double())


def test_one_layer_is_the_vae_weight_for_weight(generator: Generator) -> None:
    """MarkovHVAE([e], [d]), VAE(e, d) and the functions of bounds give the same bits."""
    encoder = GaussianNet(6, (5,), 2, generator=generator)
    decoder = LogitNet(2, (5,), 6, generator=generator)
    x = (torch.rand(7, 6, generator=generator) < 0.4).float()
    vae, chain = VAE(encoder, decoder), MarkovHVAE([encoder], [decoder])
    draws = [m.log_weights(x, 3, generator=Generator().manual_seed(1)) for m in (vae, chain)]
    assert torch.equal(*draws)
    q = vae.encoder(x)
    z = q.rsample((3,), generator=Generator().manual_seed(1))
    torch.testing.assert_close(draws[0], bounds.log_weights(vae, q, x, z), rtol=1e-5, atol=1e-5)
    terms = chain.terms(x, (3,), generator=Generator().manual_seed(1))
    assert torch.equal(terms.reconstruction.mean(0), bounds.terms(vae, q, x, z).reconstruction)
    assert torch.equal(terms.kl, kl_divergence(q, vae.prior).expand(3, 7))
    assert [name for name, _ in vae.named_parameters()] == [n for n, _ in chain.named_parameters()]


def test_a_nonlinear_chain_by_two_dimensional_quadrature(generator: Generator) -> None:
    """T = 2 with tanh nets: log p(x) and the ELBO on a grid of (z_1, z_2)."""
    nets = [
        GaussianNet(low, (3,), high, generator=generator).double()
        for low, high in [(1, 1), (1, 1), (1, 1), (1, 1)]
    ]
    with torch.no_grad():
        for parameter in nn.ModuleList(nets).parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
    model = MarkovHVAE(nets[:2], nets[2:])
    x = torch.tensor([[0.7]], dtype=torch.float64)
    axis = torch.linspace(-12, 12, 801, dtype=torch.float64)
    z1, z2 = torch.meshgrid(axis, axis, indexing="ij")
    z = [z1.unsqueeze(-1), z2.unsqueeze(-1)]
    with torch.no_grad():
        log_p = model.log_joint(x[0], z)
        log_q = model.infer(1, x[0]).log_prob(z[0]) + model.infer(2, z[0]).log_prob(z[1])
    cell = 2 * math.log((axis[1] - axis[0]).item())
    log_evidence = torch.logsumexp(log_p.flatten(), 0) + cell
    elbo = ((log_q + cell).exp() * (log_p - log_q)).sum()
    assert elbo < log_evidence
    log_w = model.log_weights(x, 100_000, generator=generator).squeeze(1)
    within(log_w, elbo)
    within((log_w - log_evidence).exp(), torch.ones(()))
    within(model.elbo(x, (100_000,), generator=generator).squeeze(1), elbo)


def test_ancestral_samples_have_the_exact_moments(generator: Generator) -> None:
    world = random_world([2, 3, 1], generator)
    model = hvae(world, random_encoder([2, 3, 1], generator))
    latents = model.sample_latents(40_000, generator=generator)
    x = model.sample(40_000, generator=generator)
    for level, values in enumerate([x, *latents]):
        marginal = world.marginal(level)
        within(values, marginal.mean)
        within((values - marginal.mean).square(), marginal.variance)


def test_resampling_keeps_the_level_and_redraws_below(generator: Generator) -> None:
    world = random_world([2, 3, 2, 1], generator)
    model = hvae(world, random_encoder([2, 3, 2, 1], generator))
    z = torch.tensor([[0.3, -0.2]], dtype=torch.float64).expand(40_000, 2)
    below, kept = model.resample(z, 2, generator=generator)
    assert torch.equal(kept, z)
    within(below, world.arrows[1](z[0]).mean)
    assert len(model.resample(below, 1, generator=generator)) == 1


def test_reconstruction_through_each_level_has_the_exact_mean(generator: Generator) -> None:
    """E[x'|x] climbs by the encoder's slopes and comes down by the decoder's."""
    sizes = [2, 2, 1]
    world, encoder = random_world(sizes, generator), random_encoder(sizes, generator)
    model = hvae(world, encoder)
    x = torch.tensor([[0.5, -1.0]], dtype=torch.float64)
    for level in (1, 2):
        value = x[0]
        for arrow in encoder[:level] + world.arrows[:level][::-1]:
            value = arrow.slope @ value + arrow.offset
        found = model.reconstruct(x.expand(40_000, 2), level, generator=generator).mean
        within(found, value)


@pytest.mark.equation("7.1")
def test_a_fixed_prior_keeps_theta_out_of_the_kl_and_a_learned_one_lets_it_in(
    generator: Generator,
) -> None:
    x = (torch.rand(7, 6, generator=generator) < 0.4).float()
    for learned in (False, True):
        model = Architecture(6, (2,), ((5,),), learned_prior=learned).build(seed=0)
        kl = model.terms(x, generator=generator).kl.sum()
        theta = [*model.decoders.parameters()] + ([model.prior_mean] if learned else [])
        gradients = torch.autograd.grad(kl, theta, allow_unused=True)
        assert all(g is None for g in gradients[: len([*model.decoders.parameters()])])
        if learned:
            assert gradients[-1] is not None
            assert gradients[-1].abs().max() > 0
    deep = Architecture(6, (2, 2), ((5,), (4,))).build(seed=0)
    kl = deep.terms(x, generator=generator).costs[0].sum()
    gradients = torch.autograd.grad(kl, list(deep.decoders[1].parameters()))
    assert all(g.abs().max() > 0 for g in gradients)  # θ of p(z_1|z_2) sits in layer 1's cost


def test_an_architecture_survives_json(generator: Generator) -> None:
    made = Architecture(6, (3, 2), ((5, 4), ()), "binomial", 16, True)
    assert Architecture.from_dict(json.loads(json.dumps(made.as_dict()))) == made
    model = made.build(seed=0, data_mean=torch.full((6,), 0.25))
    assert model.sizes == [6, 3, 2]
    assert model.decoders[0](torch.zeros(1, 3)).mean.flatten().tolist() == pytest.approx([4.0] * 6)
    # The encoder of counts reads x/16: the same as a plain net of the same weights at x/16.
    plain = GaussianNet(6, (5, 4), 3, generator=Generator())
    plain.load_state_dict(model.encoders[0].state_dict())
    x = torch.randint(0, 17, (3, 6), generator=generator).float()
    torch.testing.assert_close(model.mean_factors(x)[0].mean, plain(x / 16).mean)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, g: MarkovHVAE([], []), "at least 1, got 0 and 0"),
        (lambda m, g: MarkovHVAE([m.encoders[0]], []), "equally many, at least 1, got 1 and 0"),
        (
            lambda m, g: MarkovHVAE([m.encoders[0], m.encoders[0]], list(m.decoders)),
            "encoder 2 must map 3 to 3, got 6 to 3",
        ),
        (
            lambda m, g: MarkovHVAE(list(m.encoders), [m.decoders[0], m.decoders[0]]),
            "decoder 2 must map 2 to 3, got 3 to 6",
        ),
        (lambda m, g: Architecture(6, (), ()).build(seed=0), "at least one"),
        (lambda m, g: Architecture(6, (2,), ((3,), (4,))).build(seed=0), "one entry a layer"),
        (
            lambda m, g: Architecture(6, (2,), ((3,),), learned_prior="no").build(seed=0),  # type: ignore[arg-type]
            "learned_prior must be True or False, got 'no'",
        ),
        (lambda m, g: m.resample(torch.zeros(1, 2), 3, generator=g), r"level .* 1\.\.2, got 3"),
        (lambda m, g: m.reconstruct(torch.zeros(1, 6), 0, generator=g), r"level .* got 0"),
        (lambda m, g: m.log_weights(torch.zeros(1, 6), 0, generator=g), "k .* at least 1, got 0"),
        (lambda m, g: m.sample(0, generator=g), "count .* at least 1, got 0"),
        (lambda m, g: m.elbo(torch.zeros(1, 5), generator=g), r"encoder 1: .* 6 .*\(1, 5\)"),
        (lambda m, g: m.elbo(torch.full((1, 6), 0.5), generator=g), "grey pixels"),
        (lambda m, g: m.log_joint(torch.zeros(1, 6), [torch.zeros(1, 3)]), "2 tensors, .*got 1"),
    ],
)
def test_bad_input_is_named(call: object, message: str, generator: Generator) -> None:
    model = Architecture(6, (3, 2), ((), ())).build(seed=0)
    with pytest.raises(ValueError, match=message):
        call(model, generator)  # type: ignore[operator]


@pytest.mark.parametrize("layer", ["encoder 1", "encoder 2", "decoder 2"])
def test_a_nan_in_one_layer_names_the_layer(layer: str, generator: Generator) -> None:
    model = Architecture(6, (3, 2), ((), ())).build(seed=0)
    side, level = layer.split()
    net = getattr(model, f"{side}s")[int(level) - 1]
    with torch.no_grad():
        net.mean.weight[0, 0] = math.nan
    with pytest.raises(ValueError, match=f"{layer}: mean must be finite, got nan"):
        model.elbo(torch.ones(1, 6), generator=generator)


def test_a_nan_in_a_learned_prior_names_it(generator: Generator) -> None:
    model = Architecture(6, (3, 2), ((), ()), learned_prior=True).build(seed=0)
    with torch.no_grad():
        model.prior_log_std[1] = math.nan
    with pytest.raises(ValueError, match="prior: log_std must be finite, got nan at index"):
        model.elbo(torch.ones(1, 6), generator=generator)
