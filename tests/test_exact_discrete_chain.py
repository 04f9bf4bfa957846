"""DiscreteChain against counting in exact fractions, and against torch's own distributions."""

import math
from fractions import Fraction
from itertools import product

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical as TorchCategorical

from course_lib.distributions import Categorical
from course_lib.exact import DiscreteChain, DiscreteLatent

Row = list[Fraction]
Table = list[Row]


def weights(*integers: int) -> Row:
    return [Fraction(i, sum(integers)) for i in integers]


PRIOR = weights(3, 2, 1)
ARROWS: list[Table] = [
    [weights(1, 4), weights(1, 1), weights(9, 1)],  # p(x|z_1), three states to two
    [weights(5, 1, 1), weights(1, 2, 3), weights(1, 1, 7)],
    [weights(2, 1, 1), weights(1, 6, 1), weights(1, 2, 4)],
]
ENCODER: list[Table] = [
    [weights(1, 2, 5), weights(4, 1, 1)],  # q(z_1|x), two states to three
    [weights(3, 1, 1), weights(1, 1, 1), weights(1, 5, 2)],
    [weights(1, 1, 2), weights(7, 1, 2), weights(2, 3, 1)],
]
STATES = list(product(range(3), repeat=3))


def floats(table: Table) -> Tensor:
    return torch.tensor([[float(p) for p in row] for row in table], dtype=torch.float64)


def chain() -> DiscreteChain:
    prior = torch.tensor([float(p) for p in PRIOR], dtype=torch.float64)
    return DiscreteChain(prior, [floats(arrow) for arrow in ARROWS])


def encoder() -> list[Tensor]:
    return [floats(table) for table in ENCODER]


def joint(x: int, z: tuple[int, ...]) -> Fraction:
    down = ARROWS[0][z[0]][x] * ARROWS[1][z[1]][z[0]] * ARROWS[2][z[2]][z[1]]
    return PRIOR[z[2]] * down


def guess(x: int, z: tuple[int, ...]) -> Fraction:
    return ENCODER[0][x][z[0]] * ENCODER[1][z[0]][z[1]] * ENCODER[2][z[1]][z[2]]


def same(ours: Tensor, counted: list[Fraction]) -> None:
    """Within a few roundings of each probability, relative."""
    wanted = torch.tensor([float(p) for p in counted], dtype=torch.float64)
    torch.testing.assert_close(ours.flatten(), wanted, rtol=1e-14, atol=0)


@pytest.mark.equation("10.1")
def test_the_joint_is_the_product_of_the_tables() -> None:
    model = chain()
    assert model.states.tolist() == [list(z) for z in STATES]
    for x in (0, 1):
        ours = model.log_joint(torch.tensor(x)).exp()
        same(ours, [joint(x, z) for z in STATES])
        evidence = model.log_evidence(torch.tensor([x])).exp()
        same(evidence, [sum((joint(x, z) for z in STATES), Fraction(0))])
    assert model.log_evidence(torch.tensor([0, 1])).exp().sum().item() == pytest.approx(
        1.0, rel=1e-14, abs=0
    )


@pytest.mark.equation("10.2")
def test_the_encoder_is_the_product_of_its_tables() -> None:
    for x in (0, 1):
        ours = chain().encoded(encoder(), torch.tensor(x))
        same(ours, [guess(x, z) for z in STATES])


@pytest.mark.equation("10.3")
def test_exact_factors_are_counted_and_x_says_nothing_more() -> None:
    """p(z_t|z_{t−1}, x), counted with x, is the table that knows no x; their product is exact."""
    model = chain()
    tables = model.exact_encoder()
    for x in (0, 1):
        total = sum((joint(x, z) for z in STATES), Fraction(0))
        counted = [joint(x, z) / total for z in STATES]
        same(model.posterior(torch.tensor(x)), counted)
        same(model.encoded(tables, torch.tensor(x)), counted)
        for t, below, above in product((2, 3), range(3), range(3)):
            given = sum((joint(x, z) for z in STATES if z[t - 2] == below), Fraction(0))
            both = sum(
                (joint(x, z) for z in STATES if (z[t - 2], z[t - 1]) == (below, above)),
                Fraction(0),
            )
            same(tables[t - 1][below, above], [both / given])


@pytest.mark.equation("10.4")
def test_downwards_x_is_needed() -> None:
    """p(z_1|z_2, x) ∝ p(z_1|z_2) p(x|z_1), and it moves with x."""
    model, found = chain(), []
    for x in (0, 1):
        ours = model.top_down_factor(2, torch.tensor(x))  # (K_2, K_1)
        for above in range(3):
            counted = [ARROWS[1][above][low] * ARROWS[0][low][x] for low in range(3)]
            same(ours[above], [p / sum(counted) for p in counted])
        found.append(ours)
        for above, low in product(range(3), repeat=2):  # two levels up, counted over z_1
            given = [z for z in STATES if z[2] == above]
            whole = sum((joint(x, z) for z in given), Fraction(0))
            part = sum((joint(x, z) for z in given if z[1] == low), Fraction(0))
            same(model.top_down_factor(3, torch.tensor(x))[above, low], [part / whole])
    assert (found[0] - found[1]).abs().max() > 0.3


def test_marginals_are_those_of_the_joint() -> None:
    model = chain()
    for t in (1, 2, 3):
        counted = [
            sum((joint(x, z) for x in (0, 1) for z in STATES if z[t - 1] == k), Fraction(0))
            for k in range(3)
        ]
        same(model.marginal(t), counted)
    same(model.marginal(0), [sum((joint(x, z) for z in STATES), Fraction(0)) for x in (0, 1)])


def test_each_term_is_counted() -> None:
    """Expectations with exact probabilities; the logarithm is the only rounding."""
    x = torch.tensor([0, 1, 1])
    terms = chain().terms(encoder(), x)

    def expectation(seen: int, of: object) -> float:
        return math.fsum(float(guess(seen, z)) * of(z) for z in STATES)  # type: ignore[operator]

    def close(ours: Tensor, counted: float) -> None:
        assert ours.item() == pytest.approx(counted, rel=1e-14, abs=1e-14)

    for n, seen in enumerate(x.tolist()):
        close(
            terms.reconstruction[n],
            expectation(seen, lambda z, seen=seen: math.log(ARROWS[0][z[0]][seen])),
        )
        close(terms.prior[n], expectation(seen, lambda z: math.log(PRIOR[z[2]])))
        for t in (2, 3):
            close(
                terms.transitions[t - 2, n],
                expectation(seen, lambda z, t=t: math.log(ARROWS[t - 1][z[t - 1]][z[t - 2]])),
            )
        for t in (1, 2, 3):
            close(
                terms.conditional_entropies[t - 1, n],
                -expectation(
                    seen,
                    lambda z, t=t, s=seen: math.log(ENCODER[t - 1][(s, *z)[t - 1]][z[t - 1]]),
                ),
            )
            alone = [
                sum((guess(seen, z) for z in STATES if z[t - 1] == k), Fraction(0))
                for k in range(3)
            ]
            close(
                terms.marginal_entropies[t - 1, n],
                -math.fsum(float(p) * math.log(p) for p in alone),
            )


def test_the_bound_is_that_of_one_latent_of_27_states() -> None:
    """ELBO, evidence and gap against DiscreteLatent, which knows of no layers."""
    model, x = chain(), torch.tensor([0, 1])
    components = Categorical(floats(ARROWS[0]).log()[model.states[:, 0]])
    top = torch.tensor([float(joint(0, z) + joint(1, z)) for z in STATES], dtype=torch.float64)
    flat = DiscreteLatent(Categorical.from_probs(top), components)
    torch.testing.assert_close(model.log_evidence(x), flat.log_evidence(x), rtol=0, atol=1e-14)
    terms = model.terms(encoder(), x)
    q = Categorical.from_probs(model.encoded(encoder(), x).flatten(1))
    torch.testing.assert_close(terms.elbo, flat.elbo(q, x), rtol=0, atol=1e-14)
    assert (model.log_evidence(x) - terms.elbo > 0.1).all()
    exact = model.terms(model.exact_encoder(), x)
    torch.testing.assert_close(exact.elbo, model.log_evidence(x), rtol=0, atol=1e-14)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_other_depths_and_unequal_sizes(depth: int) -> None:
    sizes = [3, 2, 4, 3, 2][: depth + 1]
    generator = torch.Generator().manual_seed(depth)

    def table(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64).softmax(-1)

    model = DiscreteChain(table(sizes[-1]), [table(sizes[t + 1], sizes[t]) for t in range(depth)])
    q = [table(sizes[t], sizes[t + 1]) for t in range(depth)]
    x = torch.tensor([[0, 1, 2], [2, 2, 0]])
    assert model.posterior(x).shape == (2, 3, *sizes[1:])
    terms = model.terms(q, x)
    assert terms.transitions.shape == (depth - 1, 2, 3)
    posterior = TorchCategorical(probs=model.posterior(x).flatten(2))
    kl = torch.distributions.kl_divergence(
        TorchCategorical(probs=model.encoded(q, x).flatten(2)), posterior
    )
    torch.testing.assert_close(terms.elbo, model.log_evidence(x) - kl, rtol=0, atol=1e-13)
    one = model.terms(q, x[1, 0])
    torch.testing.assert_close(terms.elbo[1, 0], one.elbo, rtol=0, atol=1e-15)


def test_what_cannot_be() -> None:
    """0 · log 0 = 0, an impossible x has no posterior, and an impossible state no row."""
    sure = DiscreteChain([1.0, 0.0], [[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])
    x = torch.tensor([0, 1])
    exact = [[[0.0, 1.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]]
    assert sure.terms(exact, x).elbo.tolist() == pytest.approx([math.log(0.5)] * 2)
    spread = [[[0.5, 0.5]] * 2, [[0.5, 0.5]] * 2]
    assert sure.terms(spread, x).elbo.tolist() == [-math.inf] * 2
    with pytest.raises(ValueError, match=r"p\(z_1\) must be positive, got 0 at index \(0,\)"):
        sure.exact_encoder()
    never = DiscreteChain([1.0], [[[1.0, 0.0]]])
    assert never.log_evidence(x).tolist() == [0.0, -math.inf]
    with pytest.raises(ValueError, match=r"x must be possible under the chain, got 1 at index"):
        never.posterior(x)


@pytest.mark.parametrize("kind", [torch.uint8, torch.int8, torch.int16, torch.int32])
def test_every_kind_of_integer_is_a_state(kind: torch.dtype) -> None:
    """A tensor of bytes is no mask, though it is one to an index in square brackets."""
    long, x = torch.tensor([1, 0, 1]), torch.tensor([1, 0, 1], dtype=kind)
    model = chain()
    for of in (model.log_joint, model.posterior, lambda x: model.encoded(encoder(), x)):
        assert torch.equal(of(x), of(long))
    assert torch.equal(model.top_down_factor(3, x), model.top_down_factor(3, long))
    found, terms = (model.terms(encoder(), seen) for seen in (x, long))
    assert torch.equal(found.conditional_entropies, terms.conditional_entropies)
    assert torch.equal(found.reconstruction, terms.reconstruction)


def test_errors_name_the_argument() -> None:
    half = [[0.5, 0.5], [0.5, 0.5]]
    for arguments, message in [
        (([0.5, 0.6], [half]), r"each sum of prior must be 1, got 1\.1"),
        (([-0.5, 1.5], [half]), r"prior must be at least 0, got -0\.5 at index \(0,\)"),
        (([[1.0]], [half]), r"prior must be a table with 1 axes, got \(1, 1\)"),
        (([0.5, 0.5], []), r"arrows must be a list with one table a layer, got \[\]"),
        (([0.5, 0.5], [half, [[0.5, 0.5], [0.9, 0.2]]]), r"each sum of arrows\[1\], p\(z_1\|z_2\)"),
        (([1.0], [half]), r"arrows must be tables of shapes \[\(1, 2\)\], got \[\(2, 2\)\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            DiscreteChain(*arguments)  # type: ignore[arg-type]
    model, x = chain(), torch.tensor([0])
    with pytest.raises(ValueError, match=r"encoder must be tables of shapes \[\(2, 3\), \(3, 3\)"):
        model.encoded(encoder()[:2], x)
    with pytest.raises(ValueError, match=r"each sum of encoder\[0\], q\(z_1\|z_0\), must be 1"):
        model.terms([2 * t for t in encoder()], x)
    with pytest.raises(ValueError, match="encoder must be a list of tables, got Tensor"):
        model.encoded(torch.ones(2, 2), x)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="x must be from 0 to 1, got 2 at index"):
        model.log_evidence(torch.tensor([2]))
    with pytest.raises(ValueError, match=r"x must be a tensor of integers, got torch\.float32"):
        model.log_joint(torch.tensor([0.0]))
    with pytest.raises(ValueError, match="level must be from 0 to T = 3, got 4"):
        model.marginal(4)
    with pytest.raises(ValueError, match="level must be from 2 to T = 3, got 1"):
        model.top_down_factor(1, x)
