"""Equations 9.1 to 10.4 for all values of their symbols, and what the library makes of them."""

import math
from collections.abc import Callable
from functools import cache
from itertools import permutations, product
from typing import Any

import pytest
import sympy as sp
import torch
from proof_worlds import (
    HALF,
    ZERO,
    average_over,
    inverse,
    linear_world,
    log_normal,
    m,
    s,
    sigma,
    vector,
    w,
    x,
    z,
)
from proofs import Refuted, matches, prove
from sympy import Matrix, Rational, Symbol, log, sqrt

from course_lib import minibatch
from course_lib.evaluate import LogEvidence, SampledLogEvidence
from course_lib.exact import DiscreteChain
from course_lib.nets import GaussianNet
from course_lib.train import elbo
from course_lib.vae import VAE


@pytest.mark.proves(
    "9.1",
    "partly: the sum is an assumption, independence; what it costs a pair, for every correlation",
)
def test_two_correlated_data_are_no_sum() -> None:
    """A pair of standard normals with correlation ρ, at (1, 1)."""
    rho = Symbol("rho", real=True)
    covariance, ones = Matrix([[1, rho], [rho, 1]]), Matrix([1, 1])
    joint = -HALF * (log(covariance.det()) + (ones.T * inverse(covariance) * ones)[0])
    prove(joint + 1, -HALF * log(1 - rho**2) + rho / (1 + rho))
    prove((joint + 1).subs(rho, 0), 0)
    assert float((joint + 1).subs(rho, Rational(4, 5))) == pytest.approx(0.955270, abs=5e-7)

    def library(*logs: float) -> float:
        return LogEvidence(vector(*logs)).nll

    logs = sp.symbols("l:2", real=True)
    matches(library, -sum(logs) / 2, logs)


SIZES = [(4, 2), (5, 3)]


def batches(count: int, size: int, *, replacement: bool) -> list[tuple[int, ...]]:
    """All of them, in order, equally likely."""
    every = range(count)
    return list(product(every, repeat=size) if replacement else permutations(every, size))


@cache
def batch_moments(count: int, size: int, replacement: bool) -> tuple[sp.Expr, sp.Expr]:
    """Mean and variance of (N/B) Σ_batch ℓ, over every batch."""
    values = sp.symbols(f"l:{count}", real=True)
    every = batches(count, size, replacement=replacement)
    estimates = [Rational(count, size) * sum(values[i] for i in batch) for batch in every]
    mean = sum(estimates) / len(every)
    return mean, sum(sp.expand(value**2) for value in estimates) / len(every) - mean**2


def batch_variance(count: int, size: int, replacement: bool) -> sp.Expr:
    """The claim of (9.3)."""
    values = sp.symbols(f"l:{count}", real=True)
    mean = sum(values) / count
    squares = sum((value - mean) ** 2 for value in values)
    if replacement:
        return Rational(count**2, size) * squares / count
    return Rational(count * (count - size), size) * squares / (count - 1)


@pytest.mark.proves("9.2", "all values, N = 4, B = 2 and N = 5, B = 3: every batch")
@pytest.mark.proves("9.3", "all values, N = 4, B = 2 and N = 5, B = 3: every batch")
@pytest.mark.parametrize("replacement", [True, False], ids=["with", "without"])
@pytest.mark.parametrize(("count", "size"), SIZES)
def test_a_batch_is_unbiased_and_so_much_off(count: int, size: int, replacement: bool) -> None:
    values = sp.symbols(f"l:{count}", real=True)
    mean, spread = batch_moments(count, size, replacement)
    claim = batch_variance(count, size, replacement)
    prove(mean, sum(values))
    prove(spread, claim)
    index = torch.tensor(batches(count, size, replacement=replacement))

    def library(*values: float) -> list[torch.Tensor]:
        data = vector(*values)
        found = minibatch.estimate_variance(data, size, replacement=replacement)
        return [minibatch.estimate(data, index).mean(), found]

    matches(library, [sum(values), claim], values)


@pytest.mark.proves("9.4", "all values, N = 4, B = 2: every batch")
@pytest.mark.parametrize("replacement", [True, False], ids=["with", "without"])
def test_estimated_terms_add_their_own_variance(replacement: bool) -> None:
    variances = sp.symbols("v:4", positive=True)
    samples = Symbol("L", integer=True, positive=True)
    every = batches(4, 2, replacement=replacement)
    added = sum(Rational(4, 2) ** 2 * sum(variances[i] / samples for i in b) for b in every)
    claim = Rational(4, 2) * sum(variances) / samples
    prove(added / len(every), claim)
    matches(
        lambda samples, *v: minibatch.sampling_variance(vector(*v), 2, int(samples)),
        claim,
        (samples, *variances),
    )


@torch.no_grad()
def affine_net(slope: float, bias: float, log_std: float) -> GaussianNet:
    net = GaussianNet(1, (), 1, generator=torch.Generator()).double()
    net.mean.weight.fill_(slope)
    net.mean.bias.fill_(bias)
    assert isinstance(net.log_std, torch.nn.Linear)
    net.log_std.weight.zero_()
    net.log_std.bias.fill_(log_std)
    return net


@pytest.mark.proves("9.5", "all values, D = d = 1, any Gaussian q: its mean is the ELBO")
def test_one_draw_of_the_elbo() -> None:
    world = linear_world()
    kl = HALF * (sigma**2 + m**2 - 1 - log(sigma**2))
    one_draw = log_normal(x, w * z, s**2) - kl
    prove(average_over(one_draw, z, m, sigma), world.elbo)

    def library(w: float, s: float, x: float, m: float, sigma: float) -> list[torch.Tensor]:
        """One that is drawn, less what the claim says at that draw; and the KL."""
        model = VAE(affine_net(0.0, m, math.log(sigma)), affine_net(w, 0.0, math.log(s)))
        seeds = (torch.Generator().manual_seed(9) for _ in range(2))
        data = vector(x).unsqueeze(0)
        bound, terms = elbo(model, data, generator=next(seeds), progress=0.0)
        _, (drawn,) = model.encode(data, generator=next(seeds))
        values = {"w": w, "s": s, "x": x, "z": drawn.item(), "m": m, "sigma": sigma}
        point = {symbol: values[symbol.name] for symbol in one_draw.free_symbols}
        return [bound - float(one_draw.evalf(30, subs=point)), terms["cost_1"]]

    matches(library, [ZERO, kl], world.symbols)


@pytest.mark.proves("9.6", "all values, B = 3")
def test_the_loss_is_minus_the_mean() -> None:
    terms, count = sp.symbols("l:3", real=True), Symbol("N", integer=True, positive=True)
    prove(-sum(terms) / 3, -(count / 3 * sum(terms)) / count)


@pytest.mark.proves("9.8", "all values, K = 3 states, k = 2: its mean is p(x)")
def test_importance_sampling_is_unbiased() -> None:
    joint = sp.symbols("j:3", positive=True)
    first, second = sp.symbols("q:2", positive=True)
    q = (first, second, 1 - first - second)
    weights = [j / p for j, p in zip(joint, q, strict=True)]
    pairs = product(range(3), repeat=2)
    prove(sum(q[i] * q[k] * (weights[i] + weights[k]) / 2 for i, k in pairs), sum(joint))
    drawn = sp.symbols("W:2", positive=True)
    error = sqrt(sum(v**2 for v in drawn) / sum(drawn) ** 2 - HALF)

    def library(*weights: float) -> torch.Tensor:
        found = SampledLogEvidence.from_log_weights(vector(*weights).log().unsqueeze(1))
        return torch.cat([found.log_evidence, found.standard_error, found.effective_samples])

    matches(
        library,
        [log(sum(drawn) / 2), error, sum(drawn) ** 2 / sum(v**2 for v in drawn)],
        drawn,
    )


BITS = (0, 1)


class Tables:
    """A chain of T layers with two states each, every entry of every table free."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        chances = sp.symbols(f"p:{2 * depth + 1}", positive=True)  # of the state 0
        self.symbols = chances
        self.prior = [chances[0], 1 - chances[0]]
        # arrows[t][j][i] = p(z_t = i | z_{t+1} = j), with z_0 = x.
        self.arrows = [[[p, 1 - p] for p in chances[2 * t + 1 : 2 * t + 3]] for t in range(depth)]

    def joint(self, states: tuple[int, ...]) -> sp.Expr:
        """p(z_0, …, z_T), by (10.1)."""
        factors = [self.arrows[t][states[t + 1]][states[t]] for t in range(self.depth)]
        return self.prior[states[-1]] * sp.prod(factors)

    def sum_over(self, **fixed: int) -> sp.Expr:
        """The joint summed over all that is not fixed: z0=1 fixes x."""
        return sum(
            self.joint(states)
            for states in product(BITS, repeat=self.depth + 1)
            if all(states[int(name[1:])] == value for name, value in fixed.items())
        )

    def numbers(self, values: tuple[float, ...]) -> DiscreteChain:
        first, *rest = values
        rows = [vector(p, 1 - p) for p in rest]
        arrows = [torch.stack(rows[2 * t : 2 * t + 2]) for t in range(self.depth)]
        return DiscreteChain(vector(first, 1 - first), arrows)


@cache
def tables(depth: int) -> Tables:
    return Tables(depth)


def are_chances(*values: float) -> bool:
    return max(values) < 1


def observed(state: int) -> torch.Tensor:
    return torch.tensor(state)


@pytest.mark.proves("10.1", "all tables, T = 3, two states a layer: it sums to one")
def test_the_joint_of_a_chain() -> None:
    world = tables(3)
    prove(world.sum_over(), 1)
    joints = [world.joint((1, *z)) for z in product(BITS, repeat=3)]
    matches(
        lambda *v: world.numbers(v).log_joint(observed(1)).exp(),
        joints,
        world.symbols,
        domain=are_chances,
    )


@pytest.mark.proves("10.2", "all tables, T = 3, two states a layer: it sums to one for each x")
@pytest.mark.parametrize("data", BITS)
def test_the_encoder_of_a_chain(data: int) -> None:
    chances = sp.symbols("q:6", positive=True)
    up = [[[p, 1 - p] for p in chances[2 * t : 2 * t + 2]] for t in range(3)]
    q = [up[0][data][i] * up[1][i][k] * up[2][k][h] for i, k, h in product(BITS, repeat=3)]
    prove(sum(q), 1)

    def library(*v: float) -> torch.Tensor:
        rows = [vector(p, 1 - p) for p in v]
        encoder = [torch.stack(rows[2 * t : 2 * t + 2]) for t in range(3)]
        return tables(3).numbers((0.3, *v)).encoded(encoder, observed(data))

    matches(library, q, chances, domain=are_chances)


@pytest.mark.proves("10.3", "all tables, T = 2 and T = 3, two states a layer")
@pytest.mark.parametrize("depth", [2, 3])
def test_x_says_nothing_more_upwards(depth: int) -> None:
    """p(z_T|z_{T−1}, x) p(z_{T−1}) = p(z_T, z_{T−1}), which Bayes' rule writes with one arrow."""
    world = tables(depth)
    top, below = f"z{depth}", f"z{depth - 1}"
    for high, low, data in product(BITS, repeat=3):
        seen = {below: low, "z0": data}
        pair = world.sum_over(**{top: high, below: low})
        given_all = world.sum_over(**seen, **{top: high}) * world.sum_over(**{below: low})
        prove(given_all, pair * world.sum_over(**seen))
        prove(pair, world.prior[high] * world.arrows[depth - 1][high][low])
    factors = [
        world.sum_over(**{top: high, below: low}) / world.sum_over(**{below: low})
        for low, high in product(BITS, repeat=2)
    ]
    matches(
        lambda *v: world.numbers(v).exact_encoder()[-1],
        factors,
        world.symbols,
        domain=are_chances,
    )


@cache
def downwards() -> tuple[list[sp.Expr], list[sp.Expr]]:
    """p(z_1|z_2, x) p(x|z_2) by summing the joint, and by (10.4), at every state; T = 2."""
    world, counted, claimed = tables(2), [], []
    for data, high, low in product(BITS, repeat=3):
        given = world.sum_over(z0=data, z1=low, z2=high) / world.sum_over(z0=data, z2=high)
        likelihood = sum(world.arrows[1][high][k] * world.arrows[0][k][data] for k in BITS)
        counted.append(given)
        claimed.append(world.arrows[1][high][low] * world.arrows[0][low][data] / likelihood)
    return counted, claimed


@pytest.mark.proves("10.4", "all tables, T = 2, two states a layer, t = 2")
def test_x_is_needed_downwards() -> None:
    counted, claimed = downwards()
    prove(Matrix(counted), Matrix(claimed))
    world = tables(2)

    def library(*v: float) -> torch.Tensor:
        return world.numbers(v).top_down_factor(2, torch.tensor(BITS))

    matches(library, claimed, world.symbols, domain=are_chances)


def test_at_the_bottom_there_is_no_factor_downwards() -> None:
    """At t = 1 the left side of (10.4) is about x, which is given: the library asks for t ≥ 2."""
    chain = tables(2).numbers((0.3, 0.2, 0.9, 0.4, 0.6))
    with pytest.raises(ValueError, match="level must be from 2 to T = 2, got 1"):
        chain.top_down_factor(1, observed(1))


WRONG = {
    "9.2, without N/B": lambda: (
        batch_moments(4, 2, True)[0] / 2,
        sum(sp.symbols("l:4", real=True)),
    ),
    "9.3, with and without exchanged": lambda: (
        batch_moments(4, 2, False)[1],
        batch_variance(4, 2, True),
    ),
    "9.3, N for N − 1": lambda: (
        batch_moments(4, 2, False)[1],
        batch_variance(4, 2, False) * Rational(3, 4),
    ),
    "10.4, without the likelihood of x": lambda: (
        downwards()[0][0],
        tables(2).arrows[1][0][0],
    ),
}


@pytest.mark.parametrize("claim", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_claim_is_refuted(claim: Callable[[], tuple[Any, Any]]) -> None:
    with pytest.raises(Refuted):
        prove(*claim())
