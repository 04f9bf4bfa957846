"""DiscreteLatent against enumeration in exact fractions and torch's own mixtures."""

import math
from fractions import Fraction
from itertools import product

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical as TorchCategorical
from torch.distributions import Independent, MixtureSameFamily, Normal

from course_lib.distributions import (
    Bernoulli,
    Categorical,
    DiagonalGaussian,
    FullGaussian,
    kl_divergence,
)
from course_lib.exact import DiscreteLatent, two_state_world

PRIOR, LIKELY = Fraction(3, 10), (Fraction(1, 10), Fraction(8, 10))


def evidence(x: int) -> Fraction:
    """p(x) of the default two-state world, counted."""
    share = [p if x else 1 - p for p in LIKELY]
    return (1 - PRIOR) * share[0] + PRIOR * share[1]


def mixture(seed: int = 0) -> DiscreteLatent:
    generator = torch.Generator().manual_seed(seed)
    logits, mean, std = (
        torch.randn(shape, generator=generator, dtype=torch.float64)
        for shape in ((4,), (4, 3), (4, 3))
    )
    return DiscreteLatent(Categorical(logits), DiagonalGaussian(mean, std))


def data(*batch: int, seed: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*batch, 3, generator=generator, dtype=torch.float64)


@pytest.mark.equation("1.7")
def test_two_states_are_counted() -> None:
    model = two_state_world()
    for x in (0, 1):
        ours = model.log_evidence(torch.tensor([float(x)])).item()
        assert ours == pytest.approx(math.log(evidence(x)), rel=1e-14, abs=0)
    total = model.log_evidence(torch.tensor([[0.0], [1.0]])).exp().sum().item()
    assert total == pytest.approx(1.0, rel=1e-14, abs=0)


@pytest.mark.equation("2.1")
def test_the_posterior_of_two_states_is_counted() -> None:
    posterior = two_state_world().posterior(torch.tensor([[0.0], [1.0]])).probs
    assert posterior[1, 1].item() == pytest.approx(
        PRIOR * LIKELY[1] / evidence(1), rel=1e-14, abs=0
    )
    assert posterior[0, 1].item() == pytest.approx(
        PRIOR * (1 - LIKELY[1]) / evidence(0), rel=1e-14, abs=0
    )


@pytest.mark.equation("1.7")
def test_log_evidence_is_that_of_torchs_mixture() -> None:
    model, x = mixture(), data(6, 2)
    components = model.components
    torchs = MixtureSameFamily(
        TorchCategorical(logits=model.prior.log_probs),
        Independent(Normal(components.mean, components.variance.sqrt()), 1),
    )
    torch.testing.assert_close(model.log_evidence(x), torchs.log_prob(x), rtol=1e-13, atol=1e-13)


def test_elbo_is_the_evidence_less_the_gap() -> None:
    model, x = mixture(), data(6, 2)
    q = Categorical(torch.randn(2, 4, generator=torch.Generator().manual_seed(8)).double())
    gap = kl_divergence(q, model.posterior(x))
    assert (gap > 0.01).all()
    torch.testing.assert_close(
        model.elbo(q, x), model.log_evidence(x) - gap, rtol=1e-12, atol=1e-12
    )
    torch.testing.assert_close(
        model.elbo(model.posterior(x), x), model.log_evidence(x), rtol=1e-13, atol=1e-13
    )


def test_elbo_of_certain_and_impossible_states() -> None:
    """0 · log 0 = 0, and −inf where q believes in what cannot be."""
    model = two_state_world(0.5, (0.0, 0.8))
    seen = torch.tensor([1.0], dtype=torch.float64)
    assert model.elbo(Categorical.from_probs([0.0, 1.0]), seen).item() == pytest.approx(
        math.log(0.4), rel=1e-14, abs=0
    )
    assert model.elbo(Categorical.from_probs([0.5, 0.5]), seen).item() == -math.inf
    rare = Categorical(
        torch.tensor([-800.0, 0.0], dtype=torch.float64)
    )  # a probability that no float holds
    assert model.elbo(rare, seen).item() == -math.inf
    assert model.posterior(seen).probs.tolist() == [0.0, 1.0]


def test_an_impossible_x_has_evidence_zero_and_no_posterior() -> None:
    model = two_state_world(0.5, (0.0, 0.0))
    x = torch.tensor([[0.0], [1.0]])
    assert model.log_evidence(x).tolist() == [0.0, -math.inf]
    with pytest.raises(ValueError, match=r"x must be possible.*at \(1,\)"):
        model.posterior(x)


@pytest.mark.parametrize("full", [False, True])
def test_decoder_picks_its_state(full: bool) -> None:
    model = mixture()
    if full:
        root = torch.diag_embed(model.components.variance.sqrt())
        model = DiscreteLatent(model.prior, FullGaussian(model.components.mean, root))
    z = torch.tensor([[0, 3, 1], [2, 2, 0]])
    x = data(5, 2, 3)
    chosen = model.decoder(z)
    assert chosen.batch_shape == (2, 3)
    for i, j in product(range(2), range(3)):
        state = int(z[i, j])
        alone = DiagonalGaussian.from_std(
            model.components.mean[state], model.components.variance[state].sqrt()
        )
        torch.testing.assert_close(chosen.log_prob(x)[:, i, j], alone.log_prob(x[:, i, j]))
        torch.testing.assert_close(chosen.mean[i, j], alone.mean)
        torch.testing.assert_close(chosen.variance[i, j], alone.variance)
        torch.testing.assert_close(chosen.entropy()[i, j], alone.entropy())
    joint = model.log_joint(x, z)
    torch.testing.assert_close(joint, chosen.log_prob(x) + model.prior.log_probs[z])


def test_one_x_and_many_states() -> None:
    """Samples lead: z (*samples, *batch) with x (*batch, D)."""
    model, x = mixture(), data(2)
    z = torch.tensor([[0, 1], [2, 3], [1, 1]])
    table = model.log_joints(x)  # (2, 4)
    torch.testing.assert_close(model.log_joint(x, z), table.gather(-1, z.mT).mT)


def test_samples_come_from_their_state() -> None:
    model = mixture()
    z = torch.tensor([3, 0])
    draws = model.decoder(z).sample((40_000,), generator=torch.Generator().manual_seed(1))
    assert draws.shape == (40_000, 2, 3)
    error = draws.std(0) / math.sqrt(40_000)
    assert ((draws.mean(0) - model.components.mean[z]) / error).abs().max() < 4
    counts = two_state_world().decoder(torch.ones(40_000, dtype=torch.int64))
    share = counts.sample(generator=torch.Generator().manual_seed(2)).mean().item()
    assert abs(share - 0.8) < 4 * math.sqrt(0.16 / 40_000)


def test_a_chain_of_three_is_one_latent_of_27_states() -> None:
    """z_3 → z_2 → z_1 → x, flattened, against the forward recursion in fractions."""
    top = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)]
    step = [[Fraction(1 + (i == j), 4) for j in range(3)] for i in range(3)]
    seen = [Fraction(1, 5), Fraction(1, 2), Fraction(9, 10)]
    states = list(product(range(3), repeat=3))
    joint = [top[c] * step[c][b] * step[b][a] for c, b, a in states]
    model = DiscreteLatent(
        Categorical.from_probs([float(p) for p in joint]),
        Bernoulli.from_probs(
            torch.tensor([[float(seen[a])] for _, _, a in states], dtype=torch.float64)
        ),
    )
    level = top
    for _ in range(2):
        level = [sum((level[i] * step[i][j] for i in range(3)), Fraction(0)) for j in range(3)]
    chance = sum(p * s for p, s in zip(level, seen, strict=True))
    ours = model.log_evidence(torch.tensor([1.0], dtype=torch.float64)).exp().item()
    assert ours == pytest.approx(float(chance), rel=1e-14, abs=0)


def test_errors_name_the_argument() -> None:
    table = Categorical.from_probs([0.5, 0.5])
    with pytest.raises(ValueError, match=r"components must have batch \(2,\).*got \(3,\)"):
        DiscreteLatent(table, DiagonalGaussian.from_std(torch.zeros(3, 1), torch.ones(3, 1)))
    with pytest.raises(ValueError, match=r"prior must be a Categorical with batch \(\)"):
        DiscreteLatent(DiagonalGaussian.standard(2), table)  # type: ignore[arg-type]
    model = two_state_world()
    with pytest.raises(ValueError, match="z must be a state from 0 to 1, got 2 at index"):
        model.decoder(torch.tensor([0, 2]))
    with pytest.raises(ValueError, match="q must be a Categorical over 2 states"):
        model.elbo(Categorical.from_probs([0.2, 0.3, 0.5]), torch.tensor([1.0]))
    with pytest.raises(ValueError, match=r"q's batch \(3,\) and x's batch \(2,\) do not"):
        model.elbo(Categorical(torch.zeros(3, 2)), torch.zeros(2, 1))
    for x, message in [
        (torch.zeros(0, 1), r"x must not be empty, got shape \(0, 1\)"),
        (torch.tensor([math.nan]), r"x must be finite, got nan"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.log_evidence(x)
    with pytest.raises(ValueError, match=r"shape must be a tuple such as \(5,\), got 2"):
        model.decoder(torch.tensor(1)).sample(2, generator=torch.Generator())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"probs must be two numbers, got shape \(3,\)"):
        two_state_world(0.3, (0.1, 0.2, 0.3))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"prior must be one number, got shape \(2,\)"):
        two_state_world([0.3, 0.3])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"prior must be a probability, got 1\.5"):
        two_state_world(1.5)


@pytest.mark.parametrize("kind", [torch.uint8, torch.int8, torch.int64])
def test_a_state_may_be_a_byte_however_many_states_there_are(kind: torch.dtype) -> None:
    """256 and 300 do not fit in a byte, and must not be turned into one for comparison."""
    for states in (200, 256, 300):
        prior = Categorical(torch.zeros(states).double())
        world = DiscreteLatent(prior, Bernoulli(torch.zeros(states, 1).double()))
        z = torch.tensor([0, 5, 100]).to(kind)
        assert prior.log_prob(z).tolist() == pytest.approx([-math.log(states)] * 3, rel=1e-14)
        assert world.decoder(z).batch_shape == (3,)
