"""The four readings of one formula: by matrices, by counting 27 states, by sampling, by optimiser.

The numbers of the unit chain are asserted to six digits as the course prints them.
"""

import itertools
import math

import pytest
import torch
from test_exact_chain import SIZES, blocks, chain, dense_posterior, encoder, joint_of_q, normal
from test_vae import hvae, random_encoder, random_world, within
from torch import Generator, Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from course_lib.chain_readings import (
    CONDITIONAL,
    CORRECT,
    MARGINAL,
    READINGS,
    SHORT,
    errors,
    layer_costs,
    layer_kls,
    printed_supremum,
    read,
    sample_terms,
)
from course_lib.distributions import DiagonalGaussian, FullGaussian
from course_lib.exact import AffineGaussian, DiscreteChain, LinearGaussianChain
from course_lib.vae import Architecture
from course_lib.vae.stacked import stack, unstack

UNIT = {  # log p(x) and the three excesses at x = 1 under the exact posterior
    2: (-1.634911, 1.072365, 1.216206, 0.143841),
    3: (-1.737086, 1.072365, 1.275097, 0.202733),
    4: (-1.823657, 1.072365, 1.307367, 0.235002),
    5: (-1.898152, 1.072365, 1.327778, 0.255413),
}


def counted(depth: int, seed: int) -> tuple[DiscreteChain, list[Tensor]]:
    """A chain of three states a layer, and a Markov q that is not its posterior."""
    tables = torch.softmax(1.5 * normal(2 * depth, 3, 3, seed=seed), -1)
    prior = torch.softmax(normal(3, seed=seed + 1), -1)
    return DiscreteChain(prior, list(tables[:depth])), list(tables[depth:])


def at(table: Tensor, *index: int) -> float:
    return float(table[index])


@pytest.mark.equation("12.5")
@pytest.mark.equation("12.6")
@pytest.mark.parametrize("depth", list(UNIT))
def test_the_table_of_the_unit_chain(depth: int) -> None:
    """h(z_T|z_{T−1}) = ½ log πe, h(z_T|x) = ½ log 2πe T/(T+1), by hand: Var(z_T|x) = T/(T+1)."""
    world = LinearGaussianChain.unit(depth)
    terms = world.terms(world.exact_encoder(), 1.0)
    log_p = -0.5 * math.log(2 * math.pi * (depth + 1)) - 0.5 / (depth + 1)
    conditional = 0.5 * math.log(math.pi * math.e)
    marginal = 0.5 * math.log(2 * math.pi * math.e * depth / (depth + 1))
    by_hand = [0.0, conditional, marginal, marginal - conditional]
    for name, error, value in zip(READINGS, by_hand, read(terms).values(), strict=True):
        assert value.item() == pytest.approx(log_p + error, abs=1e-10), name
        assert errors(terms)[name].item() == pytest.approx(error, abs=1e-10), name
    assert [log_p, *by_hand[1:]] == pytest.approx(UNIT[depth], abs=5e-7)


@pytest.mark.equation("12.5")
@pytest.mark.equation("12.6")
@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_any_gaussian_chain_by_dense_matrices(depth: int) -> None:
    """The ELBO from dense Gaussians; the errors from determinants of q's joint covariance."""
    sizes = [2, 3, 1, 2, 2, 1][: depth + 1]
    world, q, x = chain(sizes), encoder(sizes), normal(2, seed=99)
    joint, exact = joint_of_q(q, x), world.joint_posterior(x)
    posterior = MultivariateNormal(exact.mean, exact.covariance)
    elbo = (world.log_evidence(x) - kl_divergence(joint, posterior)).item()
    low, covariance = sum(sizes[1:-2]), joint.covariance_matrix[-sum(sizes[-2:]) :, :]
    covariance = covariance[:, low:]  # of (z_{T−1}, z_T) given x
    top = covariance[sizes[-2] :, sizes[-2] :]
    two_pi_e = sizes[-1] * math.log(2 * math.pi * math.e)
    marginal = 0.5 * (two_pi_e + torch.logdet(top)).item()
    below = torch.logdet(covariance[: sizes[-2], : sizes[-2]])
    conditional = 0.5 * (two_pi_e + torch.logdet(covariance) - below).item()
    found, off = read(world.terms(q, x)), errors(world.terms(q, x))
    expected = [0.0, conditional, marginal, marginal - conditional]
    for name, error in zip(READINGS, expected, strict=True):
        assert found[name].item() == pytest.approx(elbo + error, abs=1e-9), name
        assert off[name].item() == pytest.approx(error, abs=1e-10), name


@pytest.mark.equation("12.5")
@pytest.mark.equation("12.6")
@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_by_counting_every_state(depth: int) -> None:
    """Each reading as it is written, one configuration after the other; the errors likewise."""
    world, q = counted(depth, seed=depth)
    x, total = 1, dict.fromkeys(READINGS, 0.0)
    conditional = marginal = information = 0.0
    tops = [0.0, 0.0, 0.0]  # q(z_T|x)
    weights = {}
    for z in itertools.product(range(3), repeat=depth):
        path = list(zip([x, *z], z, strict=False))
        weights[z] = math.prod(at(table, a, b) for table, (a, b) in zip(q, path, strict=True))
        tops[z[-1]] += weights[z]
    assert sum(weights.values()) == pytest.approx(1, abs=1e-12)
    for z, weight in weights.items():
        path = list(zip([x, *z], z, strict=False))
        log_q = [math.log(at(table, a, b)) for table, (a, b) in zip(q, path, strict=True)]
        log_p = sum(math.log(at(t, b, a)) for t, (a, b) in zip(world.arrows, path, strict=True))
        log_prior, log_top = math.log(at(world.prior, z[-1])), math.log(tops[z[-1]])
        kls = log_q[-1] - log_prior, log_top - log_prior
        total[CORRECT] += weight * (log_p - sum(log_q[:-1]) - kls[0])
        total[CONDITIONAL] += weight * (log_p - sum(log_q) - kls[0])
        total[MARGINAL] += weight * (log_p - sum(log_q) - kls[1])
        total[SHORT] += weight * (log_p - sum(log_q[:-1]) - kls[1])
        conditional -= weight * log_q[-1]
        marginal -= weight * log_top
        information += weight * (log_q[-1] - log_top)
    terms = world.terms(q, torch.tensor(x))
    expected = dict(zip(READINGS, (0.0, conditional, marginal, information), strict=True))
    for name in READINGS:
        assert read(terms)[name].item() == pytest.approx(total[name], abs=1e-10), name
        assert errors(terms)[name].item() == pytest.approx(expected[name], abs=1e-10), name
        assert total[name] - total[CORRECT] == pytest.approx(expected[name], abs=1e-10), name
    assert total[CORRECT] < world.log_evidence(torch.tensor(x)).item()
    assert information > 0.01


@pytest.mark.equation("12.2")
@pytest.mark.equation("12.4")
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_layer_by_layer_by_counting(depth: int) -> None:
    """Costs as averages of log-ratios, KLs from tables of q(z_t|z_{t+1}, x) made by Bayes."""
    world, q = counted(depth, seed=depth)
    x = torch.tensor([0, 2])
    weights, terms = world.encoded(q, x), world.terms(q, x)  # (2, 3, …, 3)
    axes = "abcde"[:depth]
    costs, kls = [], []
    for t in range(1, depth + 1):
        pair = torch.einsum(f"x{axes}->x{axes[t - 1 : t + 1]}", weights)  # of (z_t, z_{t+1})
        p = world.prior if t == depth else world.arrows[t].mT  # (z_t[, z_{t+1}])
        given = pair if t == depth else pair / pair.sum(1, keepdim=True)
        kls.append((pair * (given / p).log()).flatten(1).sum(1))
        up = q[t - 1]
        first = up[x].log() if t == 1 else up.log()
        low = torch.einsum(f"x{axes}->x{axes[max(t - 2, 0) : t]}", weights)
        entropy = -(low * first).flatten(1).sum(1)
        costs.append(-entropy - (pair * p.log()).flatten(1).sum(1))
    torch.testing.assert_close(layer_costs(terms), torch.stack(costs), rtol=0, atol=1e-12)
    torch.testing.assert_close(layer_kls(terms), torch.stack(kls), rtol=0, atol=1e-12)
    assert (layer_kls(terms) > 0).all()
    elbo = read(terms)[CORRECT]
    for parts in (costs, kls):
        torch.testing.assert_close(terms.reconstruction - sum(parts), elbo, rtol=0, atol=1e-12)


@pytest.mark.equation("12.2")
@pytest.mark.equation("12.4")
def test_a_layers_cost_may_be_negative_where_its_kl_is_not() -> None:
    """z_1 = z_2 + 0.1 ε: bottom-up, layer 1 "costs" log 0.1/0.71 and more; top-down it is a KL.

    x = z_1 + ε = 1. By hand: p(z_1|x) = N(1.01/2.01, 1.01/2.01), p(z_2|z_1) = N(z_1/1.01,
    0.01/1.01), p(z_2|x) = N(1/2.01, 1.01/2.01), p(z_1|z_2, x) = N((100 z_2 + 1)/101, 1/101).
    """
    world = LinearGaussianChain([1.0, 1.0], [0.0, 0.0], [1.0, 0.1])
    terms = world.terms(world.exact_encoder(), 1.0)
    costs, kls = layer_costs(terms).tolist(), layer_kls(terms).tolist()
    assert costs[0] < -1.4
    assert 0 < kls[0] < 0.004

    def kl(ratio: float, square: float) -> float:
        """Of two Gaussians: the ratio of their variances, E of the squared distance of means."""
        return 0.5 * (ratio - 1 - math.log(ratio) + square)

    spread = 1.01 / 2.01
    assert costs[1] == pytest.approx(kl(0.01 / 1.01, (spread + spread**2) / 1.01**2), abs=1e-12)
    assert kls[1] == pytest.approx(kl(spread, 1 / 2.01**2), abs=1e-12)
    apart = (spread + spread**2) / (0.01 * 101**2)  # E (1 − z_2)²/101² over 0.01
    assert kls[0] == pytest.approx(kl(1 / 1.01, apart), abs=1e-12)
    assert sum(costs) == pytest.approx(sum(kls), abs=1e-12)


@pytest.mark.equation("12.2")
@pytest.mark.equation("12.4")
def test_layer_by_layer_by_dense_matrices() -> None:
    """Costs from log-densities' moments, KLs from conditionals of q by Schur complements."""
    world, q, x = chain(), encoder(), normal(2, seed=99)
    terms, joint, places = world.terms(q, x), joint_of_q(q, x), blocks(SIZES)
    mean, covariance = joint.mean, joint.covariance_matrix
    costs, kls = [], []
    for level, here in enumerate(places, start=1):
        whole, given = covariance[here, here], torch.zeros(0, 0).double()
        size, above = len(whole), slice(0, 0)
        slope, offset, std = torch.zeros(size, 0).double(), torch.zeros(size), torch.ones(size)
        if level < 3:
            above, arrow = places[level], world.arrows[level]
            slope, offset, std, given = (
                arrow.slope,
                arrow.offset,
                arrow.std,
                covariance[above, above],
            )
        cross = covariance[here, above]
        error = whole - slope @ cross.mT - cross @ slope.mT + slope @ given @ slope.mT
        at_mean = mean[here] - slope @ mean[above] - offset
        energy = (error.diagonal() + at_mean.square()) / std.square()  # of z_t under p(z_t|z_{t+1})
        log_p = -0.5 * (energy + math.log(2 * math.pi)).sum() - std.log().sum()
        entropy = MultivariateNormal(torch.zeros(size).double(), scale_tril=q[level - 1].scale_tril)
        costs.append(-entropy.entropy() - log_p)
        left = whole - cross @ torch.linalg.inv(given) @ cross.mT  # of z_t given z_{t+1} and x
        kls.append(-MultivariateNormal(torch.zeros(size).double(), left).entropy() - log_p)
    torch.testing.assert_close(layer_costs(terms), torch.stack(costs), rtol=0, atol=1e-11)
    torch.testing.assert_close(layer_kls(terms), torch.stack(kls), rtol=0, atol=1e-11)
    elbo = world.log_evidence(x) - kl_divergence(joint, dense_posterior(world, x))
    for parts in (layer_costs(terms), layer_kls(terms)):
        torch.testing.assert_close(terms.reconstruction - parts.sum(0), elbo, rtol=0, atol=1e-10)


@pytest.mark.equation("12.5")
@pytest.mark.equation("12.6")
@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_by_sampling_the_chain_of_nets(depth: int, generator: Generator) -> None:
    """log-densities at samples of MarkovHVAE; the marginal of z_T is known, q being affine."""
    sizes = [2, 2, 1, 2, 1, 2][: depth + 1]
    world, q = random_world(sizes, generator), random_encoder(sizes, generator)
    x = torch.tensor([[0.4, -0.9]], dtype=torch.float64)
    model, exact = hvae(world, q), read(world.terms(q, x))
    factors, z = model.encode(x, (40_000,), generator=generator)
    log_q = [f.log_prob(v) for f, v in zip(factors, z, strict=True)]
    joint = joint_of_q(q, x[0])
    d = sizes[-1]
    top = MultivariateNormal(joint.mean[-d:], joint.covariance_matrix[-d:, -d:])
    log_p = model.log_joint(x, z)
    total = sum(log_q[1:], start=log_q[0])
    within(log_p - total, exact[CORRECT], 3.0)
    within(log_p - total - log_q[-1], exact[CONDITIONAL], 3.0)
    within(log_p - total - top.log_prob(z[-1]), exact[MARGINAL], 3.0)
    within(log_p - total + log_q[-1] - top.log_prob(z[-1]), exact[SHORT], 3.0)


@pytest.mark.long
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_sampled_terms_hold_the_exact_ones_between_them(depth: int, generator: Generator) -> None:
    """Small groups: every other term is unbiased, the two entropies stand apart, truth inside."""
    sizes = [2, 2, 3, 2][: depth + 1]
    world, q = random_world(sizes, generator), random_encoder(sizes, generator)
    x = torch.tensor([[0.4, -0.9], [1.0, 0.2]], dtype=torch.float64)
    exact = world.terms(q, x)
    model = hvae(world, q)
    low, high = sample_terms(model, x, groups=600, size=12, generator=generator)
    for name in ("reconstruction", "prior"):
        within(getattr(low, name), getattr(exact, name))
    for name in ("transitions", "conditional_entropies")[depth == 1 :]:
        within(getattr(low, name).transpose(0, 1), getattr(exact, name))
    error = high.marginal_entropies.std(1) / math.sqrt(600) + 1e-12  # level 1 has no noise
    assert (low.marginal_entropies.mean(1) <= exact.marginal_entropies + 4 * error).all()
    assert (high.marginal_entropies.mean(1) >= exact.marginal_entropies - 4 * error).all()
    width = (high.marginal_entropies - low.marginal_entropies).mean(1)
    assert torch.equal(width[0], torch.zeros(2).double())  # q(z_1|x) is one Gaussian
    assert (width[1:] > 0.01).all()
    low, high = sample_terms(model, x, groups=40, size=300, generator=generator)
    near = (high.marginal_entropies - low.marginal_entropies).mean(1)
    assert (near[1:] < 0.2 * width[1:]).all()
    error = high.marginal_entropies.std(1) / math.sqrt(40) + 1e-12
    for found in (low, high):
        off = (found.marginal_entropies.mean(1) - exact.marginal_entropies).abs()
        assert (off <= near + 4 * error).all()
    if depth == 1:
        torch.testing.assert_close(read(low)[SHORT], read(low)[CORRECT], rtol=0, atol=1e-13)


@pytest.mark.long
def test_the_lower_entropy_of_two_members_is_that_of_their_mixture(generator: Generator) -> None:
    """size = 2: the lower one is the entropy of ½(N + N), at most log 2 above h(z_T|z_{T−1})."""
    world = LinearGaussianChain.unit(2)
    model = hvae(world, world.exact_encoder())
    x = torch.ones(1, 1, dtype=torch.float64)
    low, high = sample_terms(model, x, groups=4000, size=2, generator=generator)
    gain = (low.marginal_entropies[-1] - low.conditional_entropies[-1]).mean()
    assert 0 < gain < math.log(2)
    # The upper one is E_{u, u'} of the cross-entropy of two Gaussians of variance ½ whose means,
    # z_1/2, differ by a normal number of variance 2·(2/3)/4 = 1/3: h + (1/3)/(2·½).
    exact = 0.5 * math.log(math.pi * math.e) + 1 / 3
    within(high.marginal_entropies[-1], torch.tensor([exact]).double())


@pytest.mark.parametrize("batch", [(5,), (1,)])
def test_the_groups_of_stacked_models_come_before_the_models(
    batch: tuple[int, ...], generator: Generator
) -> None:
    """(groups, M, B), and layers first: as of one model, whose batch is (M, B)."""
    build = Architecture(4, (2, 3), ((5,), (5,))).build
    x = torch.rand(*batch, 4, generator=generator).round()
    found = sample_terms(
        stack([build(seed=seed) for seed in range(3)]), x, groups=2, size=4, generator=generator
    )
    for term in found:
        assert term.reconstruction.shape == term.prior.shape == (2, 3, *batch)
        assert term.transitions.shape == (1, 2, 3, *batch)
        assert (
            term.conditional_entropies.shape == term.marginal_entropies.shape == (2, 2, 3, *batch)
        )
    many = stack([build(seed=seed) for seed in range(3)])
    own = torch.stack([unstack(many, m).encoders[0](x).entropy() for m in range(3)])  # no noise
    for term in found:
        torch.testing.assert_close(term.marginal_entropies[0], own.expand(2, -1, -1))


@pytest.mark.equation("12.7")
def test_the_printed_formula_is_maximised_by_a_doubled_variance() -> None:
    """Unit chain, T = 2: an optimiser over every affine q finds variance 1, and −0.369399."""
    world = LinearGaussianChain.unit(2)
    supremum = printed_supremum(world.log_evidence(1.0), world.posterior_factor(2)([0.0]))
    assert supremum.item() == pytest.approx(-0.369399, abs=5e-7)
    value, q = maximised(world, CONDITIONAL)
    assert value == pytest.approx(supremum.item(), abs=1e-9)
    assert q[1].std.square().item() == pytest.approx(1.0, abs=1e-6)
    assert q[1].slope.item() == pytest.approx(0.5, abs=1e-6)
    assert q[0].std.square().item() == pytest.approx(2 / 3, abs=1e-6)
    value, q = maximised(world, CORRECT)
    assert value == pytest.approx(world.log_evidence(1.0).item(), abs=1e-9)
    assert q[1].std.square().item() == pytest.approx(0.5, abs=1e-6)


@pytest.mark.equation("12.7")
def test_the_supremum_in_several_dimensions() -> None:
    """Doubling the covariance of the top factor reaches it, and nothing else tried passes it."""
    sizes, x = [2, 3, 2], normal(2, seed=99)
    world = chain(sizes)
    q = world.exact_encoder()
    top = q[-1]
    supremum = printed_supremum(world.log_evidence(x), top(torch.zeros(3).double())).item()
    doubled = AffineGaussian(top.slope, top.offset, math.sqrt(2) * top.scale_tril)
    reached = read(world.terms([*q[:-1], doubled], x))[CONDITIONAL].item()
    assert reached == pytest.approx(supremum, abs=1e-10)
    for seed in range(20):
        root = doubled.scale_tril + 0.2 * normal(2, 2, seed=seed).tril()
        slope = doubled.slope + 0.1 * normal(2, 3, seed=seed + 50)
        other = AffineGaussian(slope, doubled.offset, root.abs().tril())
        assert read(world.terms([*q[:-1], other], x))[CONDITIONAL].item() < supremum


def test_the_short_sum_with_the_marginal_kl_drives_the_top_to_a_point() -> None:
    world = LinearGaussianChain.unit(2)
    value, q = maximised(world, SHORT)
    assert value == pytest.approx(-1.085605, abs=5e-7)
    assert q[1].std.item() < 1e-3
    assert value > world.log_evidence(1.0).item() + 0.5


def maximised(world: LinearGaussianChain, name: str) -> tuple[float, list[AffineGaussian]]:
    """The largest value of a reading over affine q with one number a layer, and that q."""
    numbers = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)  # slope, offset, log std

    def q() -> list[AffineGaussian]:
        return [AffineGaussian(row[0], row[1], row[2].exp()) for row in numbers]

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = -read(world.terms(q(), 1.0))[name].sum()
        value.backward()
        return value

    optimiser = torch.optim.LBFGS(
        [numbers],
        max_iter=300,
        tolerance_grad=1e-12,
        tolerance_change=1e-15,
        line_search_fn="strong_wolfe",
    )
    optimiser.step(loss)
    return -loss().item(), q()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, x, g: sample_terms(m, x, groups=0, size=3, generator=g), "groups .* got 0"),
        (lambda m, x, g: sample_terms(m, x, groups=1, size=1, generator=g), "size .* 2, got 1"),
        (
            lambda m, x, g: sample_terms(m, x[:, :4], groups=1, size=2, generator=g),
            r"encoder 1: .* 6 .*\(1, 4\)",
        ),
        (
            lambda m, x, g: printed_supremum(math.nan, DiagonalGaussian.standard(1)),
            "log_evidence must be finite, got nan",
        ),
    ],
)
def test_bad_input_is_named(call: object, message: str, generator: Generator) -> None:
    model = Architecture(6, (3, 2), ((), ())).build(seed=0)
    with pytest.raises(ValueError, match=message):
        call(model, torch.ones(1, 6), generator)  # type: ignore[operator]


def test_the_supremum_takes_either_gaussian() -> None:
    """½ log |2πV| + d log 2 for V = diag(¼, 4), |V| = 1: log 2π + 2 log 2."""
    std = torch.tensor([0.5, 2.0], dtype=torch.float64)
    expected = math.log(2 * math.pi) + 2 * math.log(2)
    for top in (
        DiagonalGaussian.from_std(torch.zeros(2).double(), std),
        FullGaussian(torch.zeros(2).double(), std.diag()),
    ):
        assert printed_supremum(0.0, top).item() == pytest.approx(expected, abs=1e-12)
