"""Equations 10.1 to 12.7 for all values of their symbols, and what the library makes of them."""

from functools import cache
from itertools import product

import pytest
import sympy as sp
import torch
from proofs import (
    HALF,
    Refuted,
    average,
    gain,
    integral,
    log_normal,
    m,
    matches,
    matrix,
    mu,
    normal,
    prove,
    s,
    vector,
    x,
    z,
)
from sympy import Function, Matrix, Symbol, log, pi, sqrt, tanh

from course_lib import readings
from course_lib.depth_study import chain as study_chain
from course_lib.depth_study import parameter_count
from course_lib.distributions import FullGaussian
from course_lib.exact import (
    AffineGaussian,
    DiscreteChain,
    LinearGaussianChain,
    TanhArrow,
    best_gaussian_kl,
    one_layer_log_density,
)
from course_lib.nets import GaussianNet
from course_lib.unrolled import Unrolled
from course_lib.vae import MarkovHVAE

ZERO, ONE = sp.Integer(0), sp.Integer(1)
BITS = (0, 1)


class Tables:
    """A chain of T layers with two states each, every entry of every table free."""

    def __init__(self, layers: int) -> None:
        self.layers = layers
        chances = sp.symbols(f"p:{2 * layers + 1}", positive=True)  # of the state 0
        self.symbols = chances
        self.prior = [chances[0], 1 - chances[0]]
        # arrows[t][j][i] = p(z_t = i | z_{t+1} = j), with z_0 = x.
        self.arrows = [[[p, 1 - p] for p in chances[2 * t + 1 : 2 * t + 3]] for t in range(layers)]

    def joint(self, states: tuple[int, ...]) -> sp.Expr:
        """p(z_0, …, z_T), by (10.1)."""
        factors = [self.arrows[t][states[t + 1]][states[t]] for t in range(self.layers)]
        return self.prior[states[-1]] * sp.prod(factors)

    def sum_over(self, **fixed: int) -> sp.Expr:
        """The joint summed over all that is not fixed: z0=1 fixes x."""
        return sum(
            self.joint(states)
            for states in product(BITS, repeat=self.layers + 1)
            if all(states[int(name[1:])] == value for name, value in fixed.items())
        )

    def numbers(self, values: tuple[float, ...]) -> DiscreteChain:
        first, *rest = values
        rows = [vector(p, 1 - p) for p in rest]
        arrows = [torch.stack(rows[2 * t : 2 * t + 2]) for t in range(self.layers)]
        return DiscreteChain(vector(first, 1 - first), arrows)


@cache
def tables(layers: int) -> Tables:
    return Tables(layers)


def are_chances(*values: float) -> bool:
    return max(values) < 1


def observed(x: int) -> torch.Tensor:
    return torch.tensor(x)


@pytest.mark.proves("10.1", "all tables, T = 3, two states a layer: it sums to one")
def test_the_joint_of_a_chain() -> None:
    world = tables(3)
    prove(world.sum_over(), 1)
    states = [(*z, 1) for z in product(BITS, repeat=3)]
    joints = [world.joint((1, *z)) for z in product(BITS, repeat=3)]
    assert len(states) == len(joints)
    matches(
        lambda *v: world.numbers(v).log_joint(observed(1)).exp(),
        joints,
        world.symbols,
        domain=are_chances,
    )


@pytest.mark.proves("10.2", "all tables, T = 3, two states a layer: it sums to one for each x")
@pytest.mark.parametrize("x", BITS)
def test_the_encoder_of_a_chain(x: int) -> None:
    chances = sp.symbols("q:6", positive=True)
    up = [[[p, 1 - p] for p in chances[2 * t : 2 * t + 2]] for t in range(3)]
    q = [up[0][x][i] * up[1][i][k] * up[2][k][h] for i, k, h in product(BITS, repeat=3)]
    prove(sum(q), 1)

    def library(*v: float) -> torch.Tensor:
        rows = [vector(p, 1 - p) for p in v]
        encoder = [torch.stack(rows[2 * t : 2 * t + 2]) for t in range(3)]
        return tables(3).numbers((0.3, *v)).encoded(encoder, observed(x))

    matches(library, q, chances, domain=are_chances)


@pytest.mark.proves("10.3", "all tables, T = 2 and T = 3, two states a layer")
@pytest.mark.parametrize("layers", [2, 3])
def test_x_says_nothing_more_upwards(layers: int) -> None:
    """p(z_T|z_{T−1}, x) p(z_{T−1}) = p(z_T, z_{T−1}), which Bayes' rule writes with one arrow."""
    world = tables(layers)
    top, below = f"z{layers}", f"z{layers - 1}"
    for high, low, x in product(BITS, repeat=3):
        seen = {below: low, "z0": x}
        pair = world.sum_over(**{top: high, below: low})
        given_all = world.sum_over(**seen, **{top: high}) * world.sum_over(**{below: low})
        prove(given_all, pair * world.sum_over(**seen))
        prove(pair, world.prior[high] * world.arrows[layers - 1][high][low])
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
    for x, high, low in product(BITS, repeat=3):
        given = world.sum_over(z0=x, z1=low, z2=high) / world.sum_over(z0=x, z2=high)
        likelihood = sum(world.arrows[1][high][k] * world.arrows[0][k][x] for k in BITS)
        counted.append(given)
        claimed.append(world.arrows[1][high][low] * world.arrows[0][low][x] / likelihood)
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


@cache
def folded(layers: int) -> tuple[tuple[Symbol, ...], list[tuple[sp.Expr, sp.Expr]]]:
    """Slopes, offsets and stds of a scalar chain, and mean and variance of z_0, …, z_T by (11.1)."""
    slopes = sp.symbols(f"a1:{layers + 1}", real=True)
    offsets = sp.symbols(f"b1:{layers + 1}", real=True)
    stds = sp.symbols(f"s1:{layers + 1}", positive=True)
    moments = [(ZERO, ONE)]
    for slope, offset, std in reversed(list(zip(slopes, offsets, stds, strict=True))):
        mean, variance = moments[0]
        moments.insert(0, (slope * mean + offset, slope**2 * variance + std**2))
    return (*slopes, *offsets, *stds), moments


def scalar_chain(layers: int, values: tuple[float, ...]) -> LinearGaussianChain:
    slopes, offsets, stds = (values[i * layers : (i + 1) * layers] for i in range(3))
    return LinearGaussianChain(slopes, offsets, stds)


@pytest.mark.proves("11.1", "all values, T = 3 scalar, and T = 2 with 2 × 2 slopes")
def test_a_linear_chain_folds() -> None:
    """Moments from the noises of each arrow; and one layer that has those of x."""
    symbols, moments = folded(3)
    slopes, offsets, stds = symbols[:3], symbols[3:6], symbols[6:]
    noise = sp.symbols("e0:4", real=True)
    value = noise[3]
    for t in (2, 1, 0):
        value = slopes[t] * value + offsets[t] + stds[t] * noise[t]
        mean, variance = moments[t]
        prove(average(value, *noise), mean)
        prove(average(value**2, *noise) - average(value, *noise) ** 2, variance)
    (first, spread), fresh = moments[1], Symbol("e9", real=True)
    flat = slopes[0] * (first + sqrt(spread) * fresh) + offsets[0] + stds[0] * noise[0]
    prove(average(flat, fresh, noise[0]), moments[0][0])
    prove(average((flat - moments[0][0]) ** 2, fresh, noise[0]), moments[0][1])

    def library(*v: float) -> list[torch.Tensor]:
        world = scalar_chain(3, v)
        flat = world.fold().evidence
        levels = [world.marginal(t) for t in range(4)]
        pairs = [[level.mean, level.covariance] for level in [*levels, flat]]
        return [part for pair in pairs for part in pair]

    matches(library, [part for pair in [*moments, moments[0]] for part in pair], symbols)


def test_a_linear_chain_of_vectors_folds() -> None:
    slopes = [matrix("A", 2, 2), matrix("B", 2, 2)]
    stds = [sp.symbols(f"{name}:2", positive=True) for name in ("f", "g")]
    noise = sp.symbols("e0:6", real=True)
    value = Matrix(noise[:2])
    for t in (0, 1):
        own = [std * e for std, e in zip(stds[t], noise[2 * t + 2 : 2 * t + 4], strict=True)]
        value = slopes[t] * value + Matrix(own)
    covariance = (value * value.T).applyfunc(lambda entry: average(entry, *noise))
    squares = [sp.diag(*std) ** 2 for std in stds]
    claim = slopes[1] * (slopes[0] * slopes[0].T + squares[0]) * slopes[1].T + squares[1]
    prove(covariance, claim)

    def library(*v: float) -> torch.Tensor:
        first, second = (vector(*v[i : i + 4]).reshape(2, 2) for i in (0, 4))
        world = LinearGaussianChain([second, first], [0, 0], [vector(*v[10:]), vector(*v[8:10])])
        return world.evidence.covariance

    LinearGaussianChain([[[1.0]]], [0.0], [1.0])
    matches(library, claim, (*slopes[0], *slopes[1], *stds[0], *stds[1]))


class Unfolded:
    """T = 3 scalar layers: means M_t(z) and stds S_t(z) > 0 are any functions of what is above."""

    def __init__(self) -> None:
        self.means = {t: Function(f"M{t}", real=True) for t in (2, 3)}
        self.stds = {t: Function(f"S{t}", positive=True) for t in (2, 3)}
        self.noise = sp.symbols("e1:4", real=True)
        third = self.noise[2]
        second = self.means[3](third) + self.stds[3](third) * self.noise[1]
        first = self.means[2](second) + self.stds[2](second) * self.noise[0]
        self.latents = (first, second, third)
        self.widths = (self.stds[2](second), self.stds[3](third))


@cache
def affine_nets() -> tuple[tuple[Symbol, ...], dict]:
    """M_t(z) = a_t z + b_t and S_t(z) = e^(c_t z + d_t), the nets without a hidden layer."""
    symbols = sp.symbols("a2 b2 c2 d2 a3 b3 c3 d3", real=True)
    made = {}
    for t, (a, b, c, d) in ((2, symbols[:4]), (3, symbols[4:])):
        u = Symbol("u", real=True)
        made[f"M{t}"] = sp.Lambda(u, a * u + b)
        made[f"S{t}"] = sp.Lambda(u, sp.exp(c * u + d))
    return symbols, made


def with_nets(expression: sp.Expr) -> sp.Expr:
    """With affine nets for the arbitrary functions."""
    _, made = affine_nets()
    return expression.replace(
        lambda node: isinstance(node, sp.core.function.AppliedUndef),
        lambda node: made[node.func.__name__](*node.args),
    )


@torch.no_grad()
def net(a: float, b: float, c: float, d: float) -> GaussianNet:
    made = GaussianNet(1, (), 1, generator=torch.Generator()).double()
    made.mean.weight.fill_(a)
    made.mean.bias.fill_(b)
    made.log_std.weight.fill_(c)
    made.log_std.bias.fill_(d)
    return made


def unrolled(*v: float) -> Unrolled:
    decoders = [net(1, 0, 0, 0), net(*v[:4]), net(*v[4:])]
    return Unrolled(MarkovHVAE([net(1, 0, 0, 0) for _ in range(3)], decoders))


@pytest.mark.proves("11.2", "T = 3 scalar, any means and positive stds: the map and its inverse")
def test_noises_and_latents_are_one_to_one() -> None:
    model = Unfolded()
    first, second, third = model.latents
    back = [
        (first - model.means[2](second)) / model.stds[2](second),
        (second - model.means[3](third)) / model.stds[3](third),
        third,
    ]
    prove_each(back, model.noise)
    symbols, _ = affine_nets()

    def library(*v: float) -> list:
        flat = unrolled(*v[3:])
        z = flat.latents(vector(*v[:3]))
        return [z, flat.noise(z)[0]]

    latents = [with_nets(value) for value in model.latents]
    matches(library, [*latents, *model.noise], (*model.noise, *symbols))


def prove_each(left: list[sp.Expr], right: tuple[sp.Expr, ...]) -> None:
    """Expressions with arbitrary functions have no values to try: SymPy alone decides."""
    for one, other in zip(left, right, strict=True):
        assert sp.simplify(sp.expand_log(one - other, force=True)) == 0


@pytest.mark.proves(
    "11.3", "T = 3 scalar, any means and positive stds: p and q change by one factor"
)
def test_the_determinant_is_the_product_of_the_stds() -> None:
    model = Unfolded()
    jacobian = Matrix(model.latents).jacobian(model.noise)
    determinant = jacobian.det().doit()
    prove_each([determinant], (model.widths[0] * model.widths[1],))
    log_joint = log_normal(model.latents[2], ZERO, ONE)
    for below, above, t in ((1, 2, 3), (0, 1, 2)):
        z, given = model.latents[below], model.latents[above]
        log_joint += log_normal(z, model.means[t](given), model.stds[t](given) ** 2)
    log_noise = sum(log_normal(e, ZERO, ONE) for e in model.noise)
    prove_each([log_joint + log(determinant)], (log_noise,))
    symbols, _ = affine_nets()

    def library(*v: float) -> torch.Tensor:
        flat = unrolled(*v[3:])
        return flat.noise(flat.latents(vector(*v[:3])))[1]

    log_det = with_nets(log(model.widths[0]) + log(model.widths[1]))
    matches(library, log_det, (*model.noise, *symbols))


@pytest.mark.proves("11.4", "all values: the integrand is symmetric; the third moment is odd")
def test_one_layer_is_symmetric() -> None:
    u, slope, steep, c = sp.symbols("u a b c", real=True)

    def joint(u: sp.Expr, z: sp.Expr) -> sp.Expr:
        """p(c + u, z), with c = 0."""
        return normal(u, slope * tanh(steep * z), s**2) * normal(z, ZERO, ONE)

    prove(joint(u, z), joint(-u, -z))  # and z runs over the whole line
    noise, mean = sp.symbols("e h", real=True)  # h = a tanh(bz), odd in z
    third = average((mean + s * noise) ** 3, noise)
    prove(third, -third.subs(mean, -mean))

    def library(u: float, a: float, b: float, c: float, s: float) -> torch.Tensor:
        right, left = one_layer_log_density(TanhArrow(a, b, c, s), vector(c + u, c - u))
        return right - left

    matches(library, ZERO, (u, slope, steep, c, s), domain=lambda u, a, b, c, s: s > 0.2)


@pytest.mark.proves("11.6", "any p with a mean and a variance: the best of all m and v")
def test_the_best_gaussian() -> None:
    variance, off, other = sp.symbols("P D v", positive=True)  # of p; (mean − m)²; any

    def fit(v: sp.Expr, off: sp.Expr) -> sp.Expr:
        """E_p log N(x; m, v)."""
        return -HALF * log(2 * pi) - HALF * log(v) - (variance + off) / (2 * v)

    prove(fit(variance, ZERO), -HALF * log(2 * pi * sp.E * variance))
    won = fit(variance, ZERO) - fit(other, off)
    prove(won, HALF * gain(variance / other) + off / (2 * other))
    points, masses = sp.symbols("x:3", real=True), sp.symbols("w:2", positive=True)
    masses = (*masses, 1 - sum(masses))
    mean = sum(p * v for p, v in zip(masses, points, strict=True))
    spread = sum(p * (v - mean) ** 2 for p, v in zip(masses, points, strict=True))
    logs = sp.symbols("l:3", real=True)
    claim = HALF * log(2 * pi * sp.E * spread) + sum(
        p * v for p, v in zip(masses, logs, strict=True)
    )

    def library(*v: float) -> float:
        mass = vector(v[3], v[4], 1 - v[3] - v[4])
        return best_gaussian_kl(vector(*v[:3]), mass, vector(*v[5:]))

    matches(library, claim, (*points, *masses[:2], *logs), domain=lambda *v: v[3] + v[4] < 1)


@pytest.mark.proves("11.7", "all T and h")
def test_the_parameters_are_counted() -> None:
    layers, hidden = sp.symbols("T h", integer=True, positive=True)

    def count(inputs: int, outputs: int) -> sp.Expr:
        return (inputs + 1) * hidden + (hidden + 1) * outputs

    counted = count(64, 16) + count(8, 64) + (layers - 1) * 2 * count(8, 16)
    claim = (154 * hidden + 80) + (layers - 1) * (50 * hidden + 32)
    prove(counted, claim)
    matches(lambda T, h: parameter_count(study_chain(int(T), int(h))), claim, (layers, hidden))


class GaussianChain:
    """A scalar chain and a q, every slope, offset and std free: the averages that make the bound.

    q(z_1|x) = N(c_1, r_1²), any function of x; q(z_t|z_{t−1}) = N(k_t z_{t−1} + c_t, r_t²).
    """

    def __init__(self, layers: int) -> None:
        self.layers = layers
        self.symbols, self.moments = folded(layers)
        slopes, offsets, stds = (self.symbols[i * layers : (i + 1) * layers] for i in range(3))
        self.slopes, self.offsets, self.stds = slopes, offsets, stds
        self.up = sp.symbols(f"k1:{layers + 1}", real=True)[1:]
        self.shifts = sp.symbols(f"c1:{layers + 1}", real=True)
        self.widths = sp.symbols(f"r1:{layers + 1}", positive=True)
        self.noise = sp.symbols(f"e1:{layers + 1}", real=True)
        self.latents = [self.shifts[0] + self.widths[0] * self.noise[0]]
        self.means = [self.shifts[0]]  # of q(z_t|z_{t−1})
        for t in range(1, layers):
            self.means.append(self.up[t - 1] * self.latents[-1] + self.shifts[t])
            self.latents.append(self.means[-1] + self.widths[t] * self.noise[t])
        values = [x, *self.latents]
        self.down = [
            self.average(
                log_normal(values[t], slopes[t] * values[t + 1] + offsets[t], stds[t] ** 2)
            )
            for t in range(layers)
        ]
        self.log_prior = self.average(log_normal(values[-1], ZERO, ONE))
        self.entropies = [
            -self.average(log_normal(value, mean, width**2))
            for value, mean, width in zip(self.latents, self.means, self.widths, strict=True)
        ]
        self.all_symbols = (x, *self.symbols, *self.up, *self.shifts, *self.widths)

    def average(self, polynomial: sp.Expr) -> sp.Expr:
        """Under q. Logs in it are free of the latents, and stay as they are."""
        logs = {term: sp.Dummy() for term in polynomial.atoms(log)}
        found = average(polynomial.xreplace(logs), *self.noise)
        return found.xreplace({dummy: term for term, dummy in logs.items()})

    def variance(self, value: sp.Expr) -> sp.Expr:
        return sp.expand(self.average(value**2) - self.average(value) ** 2)

    @property
    def bound(self) -> sp.Expr:
        """The claim of (12.1)."""
        return sum(self.down) + self.log_prior + sum(self.entropies)

    @property
    def conditional_kl(self) -> sp.Expr:
        """E KL(q(z_T|z_{T−1}) ‖ p(z_T)), each by (4.3)."""
        width = self.widths[-1]
        return self.average(HALF * (width**2 + self.means[-1] ** 2 - 1)) - log(width)

    @property
    def marginal_kl(self) -> sp.Expr:
        """KL(q(z_T|x) ‖ p(z_T)), by (4.3): q(z_T|x) is Gaussian."""
        variance = self.variance(self.latents[-1])
        return HALF * (variance + self.average(self.latents[-1]) ** 2 - 1 - log(variance))

    def marginal_entropy(self, level: int) -> sp.Expr:
        """h(z_t|x) of a Gaussian."""
        return HALF * log(2 * pi * sp.E * self.variance(self.latents[level - 1]))

    def numbers(self, values: tuple[float, ...]):
        """The library's terms, from the values of `all_symbols`."""
        data, layers = vector(values[0]), self.layers
        world = scalar_chain(layers, values[1 : 1 + 3 * layers])
        rest = values[1 + 3 * layers :]
        up, shifts, widths = (0.0, *rest[: layers - 1]), rest[layers - 1 : -layers], rest[-layers:]
        q = [AffineGaussian(*arrow) for arrow in zip(up, shifts, widths, strict=True)]
        return world.terms(q, data)


@cache
def gaussian_chain(layers: int) -> GaussianChain:
    return GaussianChain(layers)


LAYERS = pytest.mark.parametrize("layers", [2, 3])


@cache
def exact_factors(layers: int) -> list[tuple[sp.Expr, sp.Expr, sp.Expr]]:
    """Slope, offset and variance of each p(z_t|z_{t−1}), by (2.2) for its own arrow."""
    chain, found = gaussian_chain(layers), []
    for t in range(layers):
        (below, spread), (above, higher) = chain.moments[t], chain.moments[t + 1]
        slope = higher * chain.slopes[t] / spread
        found.append((slope, above - slope * below, higher * chain.stds[t] ** 2 / spread))
    return found


@pytest.mark.proves("12.1", "all values, T = 2 scalar: log p(x) less the KL to the exact posterior")
def test_the_bound_of_a_chain() -> None:
    chain = gaussian_chain(2)
    values, log_posterior = [x, *chain.latents], ZERO
    for t, (slope, offset, variance) in enumerate(exact_factors(2)):
        residual = values[t + 1] - slope * values[t] - offset
        square = residual**2  # averaged first: the variance is a fraction
        log_posterior += -HALF * log(2 * pi * variance) - chain.average(square) / (2 * variance)
    gap = -sum(chain.entropies) - log_posterior
    prove(chain.bound, log_normal(x, *chain.moments[0]) - gap)
    matches(lambda *v: chain.numbers(v).elbo, chain.bound, chain.all_symbols)


@pytest.mark.proves("12.2", "all values, T = 2 and T = 3 scalar")
@LAYERS
def test_the_bound_layer_by_layer(layers: int) -> None:
    chain = gaussian_chain(layers)
    below = [-h - p for h, p in zip(chain.entropies[:-1], chain.down[1:], strict=True)]
    prove(chain.bound, chain.down[0] - sum(below) - chain.conditional_kl)

    def library(*v: float) -> list[torch.Tensor]:
        terms = chain.numbers(v)
        return [terms.reconstruction, readings.layer_costs(terms)]

    matches(library, [chain.down[0], *below, chain.conditional_kl], chain.all_symbols)


@pytest.mark.proves(
    "12.3", "all values, T = 2 scalar: log w is log p(x) at every z, at the posterior"
)
def test_the_weight_at_the_exact_posterior() -> None:
    chain = gaussian_chain(2)
    latents = sp.symbols("z1:3", real=True)
    values = (x, *latents)
    log_weight = log_normal(latents[-1], ZERO, ONE)
    for t, (slope, offset, variance) in enumerate(exact_factors(2)):
        mean = chain.slopes[t] * values[t + 1] + chain.offsets[t]
        log_weight += log_normal(values[t], mean, chain.stds[t] ** 2)
        log_weight -= log_normal(values[t + 1], slope * values[t] + offset, variance)
    log_evidence = log_normal(x, *chain.moments[0])
    prove(log_weight, log_evidence)

    def library(*v: float) -> list[torch.Tensor]:
        world, data, z = scalar_chain(2, v[3:]), vector(v[0]), vector(*v[1:3])
        weight = world.log_joint(data, z) - world.joint_posterior(data).log_prob(z)
        return [weight, world.log_evidence(data)]

    matches(library, [log_evidence, log_evidence], (x, *latents, *chain.symbols))


@pytest.mark.proves("12.4", "all values, T = 2 scalar: q(z_1|z_2, x) by conditioning")
def test_the_bound_from_the_top() -> None:
    chain = gaussian_chain(2)
    first, second = chain.latents
    variance, mean = chain.variance(second), chain.average(second)
    shared = sp.expand(chain.average(first * second) - chain.average(first) * mean)
    left = chain.widths[0] ** 2 * chain.widths[1] ** 2 / variance  # of z_1 given z_2
    prove(chain.widths[0] ** 2 - shared**2 / variance, left)
    ratio = left / chain.stds[1] ** 2
    # The distance of the two means, over a common denominator: V (m_q − m_p).
    apart = variance * (chain.shifts[0] - chain.slopes[1] * second - chain.offsets[1]) + shared * (
        second - mean
    )
    square = chain.average(sp.expand(apart) ** 2) / variance**2
    lower = HALF * (ratio - 1 - log(ratio)) + square / (2 * chain.stds[1] ** 2)
    prove(chain.bound, chain.down[0] - chain.marginal_kl - lower)

    def library(*v: float) -> list[torch.Tensor]:
        return [readings.layer_kls(chain.numbers(v)), chain.numbers(v).top_down_kls]

    matches(library, [lower, chain.marginal_kl, lower], chain.all_symbols)


def reading(chain: GaussianChain, terms: int, cost: sp.Expr) -> sp.Expr:
    """R(m, C), by its definition (12.5)."""
    return sum(chain.down) + sum(chain.entropies[:terms]) - cost


@cache
def readings_of(layers: int) -> dict[str, tuple[sp.Expr, sp.Expr]]:
    """Each reading by (12.5), and its error by (12.6)."""
    chain = gaussian_chain(layers)
    conditional, marginal = chain.entropies[-1], chain.marginal_entropy(layers)
    return {
        readings.CORRECT: (reading(chain, layers - 1, chain.conditional_kl), ZERO),
        readings.CONDITIONAL: (reading(chain, layers, chain.conditional_kl), conditional),
        readings.MARGINAL: (reading(chain, layers, chain.marginal_kl), marginal),
        readings.SHORT: (reading(chain, layers - 1, chain.marginal_kl), marginal - conditional),
    }


@pytest.mark.proves("12.5", "all values, T = 2 and T = 3 scalar")
@pytest.mark.proves("12.6", "all values, T = 2 and T = 3 scalar")
@LAYERS
def test_the_four_readings(layers: int) -> None:
    chain = gaussian_chain(layers)
    for value, error in readings_of(layers).values():
        prove(value - chain.bound, error)
    # No information is negative: q(z_T|x) is no narrower than q(z_T|z_{T−1}).
    excess = chain.variance(chain.latents[-1]) - chain.widths[-1] ** 2
    prove(excess, chain.up[-1] ** 2 * chain.variance(chain.latents[-2]))

    def library(*v: float) -> list[torch.Tensor]:
        terms = chain.numbers(v)
        read, errors = readings.read(terms), readings.errors(terms)
        return [part for name in readings.READINGS for part in (read[name], errors[name])]

    expected = [part for name in readings.READINGS for part in readings_of(layers)[name]]
    matches(library, expected, chain.all_symbols)


@cache
def printed_gain() -> tuple[sp.Expr, sp.Expr]:
    """½ L + H of one Gaussian layer: at q = N(0, 2v), and at a q of any variance and offset."""
    v, q = sp.symbols("v q", positive=True)

    def value(variance: sp.Expr, offset: sp.Expr) -> sp.Expr:
        """E_q log p(z) + 2 h(q), p = N(0, v) the exact p(z_T|z_{T−1})."""
        density = -HALF * log(2 * pi * v) - (variance + offset**2) / (2 * v)
        return density + log(2 * pi * sp.E * variance)

    return value(2 * v, ZERO), value(q, mu)


@pytest.mark.proves("12.7", "all values, d = 1; any q against a Gaussian p(z_T|z_{T−1})")
def test_the_printed_supremum() -> None:
    v, q = sp.symbols("v q", positive=True)
    root = sqrt(normal(z, m, v))
    total = integral(root.subs(m, 0), z)
    prove(log(total), HALF * (HALF * log(2 * pi * v) + log(2)))
    prove(log(root / total), log_normal(z, m, 2 * v))  # the root is a Gaussian twice as wide
    log_q = Symbol("q_z", real=True)  # log q(z), any q: what is left is −2 KL(q ‖ root/total)
    beside = log_normal(z, m, v) / 2 - log(total)
    prove(log_normal(z, m, v) - 2 * log_q, 2 * log(total) - 2 * (log_q - beside))
    best, other = printed_gain()
    prove(best - other, gain(q / (2 * v)) + mu**2 / (2 * v))
    claim = HALF * log(2 * pi * v) + log(2)
    prove(best, claim)

    def library(x: float, v: float) -> torch.Tensor:
        top = FullGaussian(vector(0.3), vector(v).sqrt().unsqueeze(-1))
        return readings.printed_supremum(x, top)

    matches(library, x + claim, (x, v))


def test_the_shortest_reading_of_the_unit_chain() -> None:
    """(T − 1, marginal) at x = 1, T = 2, as q(z_2|z_1) shrinks to a line: its highest value.

    z_2 = A z_1 + c with z_1 ~ N(m, q); stationary where the text says, with its number.
    """
    variance, slope, shift = sp.symbols("q A c", positive=True)
    energy = (
        ((1 - m) ** 2 + variance)
        + ((1 - slope) ** 2 * variance + ((1 - slope) * m - shift) ** 2)
        + (slope**2 * variance + (slope * m + shift) ** 2)
    )
    entropies = log(2 * pi * sp.E * variance) + log(slope)
    value = -3 * HALF * log(2 * pi) - energy / 2 + entropies
    at = {m: sp.Rational(2, 3), variance: 1, slope: 1, shift: -sp.Rational(1, 3)}
    for parameter in at:
        prove(sp.diff(value, parameter).subs(at), 0)
    prove(value.subs(at), -HALF * log(2 * pi) - sp.Rational(1, 6))


WRONG = {
    "10.4, without the likelihood of x": lambda: (
        downwards()[0][0],
        tables(2).arrows[1][0][0],
    ),
    "11.1, the slope not squared": lambda: (
        gaussian_chain(2).moments[0][1],
        gaussian_chain(2).slopes[0] * gaussian_chain(2).moments[1][1]
        + gaussian_chain(2).stds[0] ** 2,
    ),
    "12.1, the entropies subtracted": lambda: (
        readings_of(2)[readings.CORRECT][0],
        gaussian_chain(2).bound - 2 * sum(gaussian_chain(2).entropies),
    ),
    "12.2, the marginal KL": lambda: (
        gaussian_chain(2).bound,
        readings_of(2)[readings.SHORT][0],
    ),
    "12.6, the printed formula is the bound": lambda: (
        readings_of(2)[readings.CONDITIONAL][0],
        gaussian_chain(2).bound,
    ),
    "12.6, the information with the wrong sign": lambda: (
        readings_of(2)[readings.SHORT][0] - gaussian_chain(2).bound,
        -readings_of(2)[readings.SHORT][1],
    ),
    "12.7, one variance for twice": lambda: (
        printed_gain()[0],
        HALF * log(2 * pi * Symbol("v", positive=True)),
    ),
}


@pytest.mark.parametrize("claim", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_claim_is_refuted(claim) -> None:
    with pytest.raises(Refuted):
        prove(*claim())
