"""Equations 11.1 to 11.7 for all values of their symbols, and what the library makes of them."""

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import pytest
import sympy as sp
import torch
from proof_worlds import (
    HALF,
    ONE,
    ZERO,
    average,
    folded,
    gain,
    log_normal,
    matrix,
    normal,
    s,
    scalar_chain,
    vector,
    z,
)
from proofs import Refuted, matches, prove
from sympy import Function, Matrix, Rational, Symbol, log, pi, sqrt, tanh

from course_lib.depth_study import chain as study_chain
from course_lib.depth_study import parameter_count
from course_lib.exact import (
    LinearGaussianChain,
    TanhArrow,
    best_gaussian_kl,
    one_layer_log_density,
)
from course_lib.nets import GaussianNet
from course_lib.vae import FlatTwin, MarkovHVAE


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
def affine_nets() -> tuple[tuple[Symbol, ...], dict[str, Any]]:
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
    assert isinstance(made.log_std, torch.nn.Linear)
    made.log_std.weight.fill_(c)
    made.log_std.bias.fill_(d)
    return made


def unrolled(*v: float) -> FlatTwin:
    decoders = [net(1, 0, 0, 0), net(*v[:4]), net(*v[4:])]
    return FlatTwin(MarkovHVAE([net(1, 0, 0, 0) for _ in range(3)], decoders))


@pytest.mark.proves("11.2", "all values, T = 3 scalar, any means and positive stds")
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

    def library(*v: float) -> list[Any]:
        flat = unrolled(*v[3:])
        z = flat.latents(vector(*v[:3]))
        return [z, flat.noise(z)[0]]

    latents = [with_nets(value) for value in model.latents]
    matches(library, [*latents, *model.noise], (*model.noise, *symbols))


def prove_each(left: list[sp.Expr], right: tuple[sp.Expr, ...]) -> None:
    """Expressions with arbitrary functions have no values to try: SymPy alone decides."""
    for one, other in zip(left, right, strict=True):
        assert sp.simplify(sp.expand_log(one - other, force=True)) == 0


@pytest.mark.proves("11.3", "all values, T = 3 scalar, any means and positive stds")
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


@pytest.mark.proves("11.4", "all values")
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
        right, left = one_layer_log_density(TanhArrow(a, b, c, s), vector(c + u, c - u)).unbind()
        return right - left

    matches(library, ZERO, (u, slope, steep, c, s), domain=lambda u, a, b, c, s: s > 0.2)
    # Zero is what any even function gives: its values, where tanh(bz) = 0, and at one point beside.
    flat = log(normal(u, ZERO, s**2))

    def level(u: float, a: float, c: float, s: float) -> torch.Tensor:
        return one_layer_log_density(TanhArrow(a, 0.0, c, s), vector(c + u))

    matches(level, flat, (u, slope, c, s), domain=lambda u, a, c, s: s > 0.2)
    given = joint(sp.Rational(2, 5), z).subs({slope: 2, steep: Rational(3, 2), s: HALF})
    total = mpmath.quad(sp.lambdify(z, given, "mpmath"), list(range(-9, 10)))
    found = one_layer_log_density(TanhArrow(2.0, 1.5, 0.3, 0.5), vector(0.7)).item()
    assert found == pytest.approx(float(mpmath.log(total)), rel=1e-11)


@pytest.mark.proves("11.6", "all p with a variance: the best of all m and v")
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


@pytest.mark.proves("11.7", "all values")
def test_the_parameters_are_counted() -> None:
    layers, hidden = sp.symbols("T h", integer=True, positive=True)

    def count(inputs: int, outputs: int) -> sp.Expr:
        return (inputs + 1) * hidden + (hidden + 1) * outputs

    counted = count(64, 16) + count(8, 64) + (layers - 1) * 2 * count(8, 16)
    claim = (154 * hidden + 80) + (layers - 1) * (50 * hidden + 32)
    prove(counted, claim)
    matches(lambda T, h: parameter_count(study_chain(int(T), int(h))), claim, (layers, hidden))


def third_mean() -> sp.Expr:
    model = Unfolded()
    return model.means[3](model.noise[2])


WRONG = {
    "11.1, the slope not squared": lambda: (
        folded(2)[1][0][1],
        folded(2)[0][0] * folded(2)[1][1][1] + folded(2)[0][4] ** 2,
    ),
    "11.2, divided by the variance": lambda: (
        with_nets((Unfolded().latents[1] - third_mean()) / Unfolded().widths[1] ** 2),
        Unfolded().noise[1],
    ),
    "11.3, one width missing": lambda: (
        with_nets(log(Unfolded().widths[0] * Unfolded().widths[1])),
        with_nets(log(Unfolded().widths[0])),
    ),
    "11.4, the latent not turned with x": lambda: (
        normal(ONE, tanh(z), s**2) * normal(z, ZERO, ONE),
        normal(-ONE, tanh(z), s**2) * normal(z, ZERO, ONE),
    ),
    "11.6, without the half": lambda: (
        HALF * log(2 * pi * sp.E * s**2),
        log(2 * pi * sp.E * s**2),
    ),
    "11.7, no bias at the outputs": lambda: (
        (Symbol("h") + 1) * Symbol("o"),
        Symbol("h") * Symbol("o"),
    ),
}


@pytest.mark.parametrize("claim", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_claim_is_refuted(claim: Callable[[], tuple[Any, Any]]) -> None:
    with pytest.raises(Refuted):
        prove(*claim())


def test_a_wrong_claim_on_arbitrary_functions_is_not_proved() -> None:
    model = Unfolded()
    determinant = Matrix(model.latents).jacobian(model.noise).det().doit()
    with pytest.raises(AssertionError):
        prove_each([determinant], (model.widths[0] * model.widths[1] ** 2,))
