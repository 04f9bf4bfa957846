"""Annealed importance sampling against exact evidence, and against the density that it walks on."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import special
from test_evaluate import WORLD, affine_net, affine_vae, draws
from torch import Generator, Tensor

from course_lib.evaluate import annealed, annealed_log_evidence
from course_lib.evaluate.annealed import _Annealing, _Places, schedule
from course_lib.exact import LinearGaussianChain
from course_lib.vae import HVAE, MarkovHVAE, TopDownHVAE

CHAIN = LinearGaussianChain([1.3, 0.8], [0.2, -0.5], [0.7, 0.6])
WIDE = LinearGaussianChain(
    [[[1.1, 0.4], [-0.3, 0.8], [0.5, -0.9]], [[0.9, -0.6], [0.2, 1.2]]],
    [[0.1, -0.4, 0.3], [0.5, -0.2]],
    [[0.6, 0.5, 0.8], [0.4, 0.7]],
)
DIRECTIONS = ["bottom-up", "top-down"]


def affine_chain(world: LinearGaussianChain = CHAIN, direction: str = "bottom-up") -> HVAE:
    """A world's own decoders, and encoders that say N(0, 1) of every layer, whatever x is."""
    decoders = [affine_net(a.slope, a.offset, a.std.log()) for a in world.arrows]
    bottom_up, sizes = direction == "bottom-up", world.sizes
    encoders = [
        affine_net(
            torch.zeros(sizes[t], sizes[t - 1 if bottom_up else 0]).double(),
            torch.zeros(sizes[t]).double(),
            torch.zeros(sizes[t]).double(),
        )
        for t in range(1, world.depth + 1)
    ]
    return MarkovHVAE(encoders, decoders) if bottom_up else TopDownHVAE(encoders, decoders)


@pytest.mark.parametrize("temperatures", [1, 3, 8])
def test_the_weights_average_to_the_evidence_however_few_the_temperatures(
    temperatures: int, generator: Generator
) -> None:
    """One image, many chains: the mean weight over p(x), with its z-score."""
    x = draws(1, generator)
    found = annealed_log_evidence(
        affine_vae(), x, chains=20_000, temperatures=temperatures, leapfrogs=3, generator=generator
    )
    off = math.expm1((found.log_evidence - WORLD.log_evidence(x)).item())
    assert abs(off) <= 3 * found.standard_error.item()


def test_slow_annealing_meets_the_exact_evidence(generator: Generator) -> None:
    x = draws(8, generator)
    found = annealed_log_evidence(affine_vae(), x, chains=40, temperatures=300, generator=generator)
    assert abs(found.nll + WORLD.log_evidence(x).mean().item()) <= 3 * found.monte_carlo_error
    assert found.monte_carlo_error < 0.02
    assert bool((found.effective_samples > 20).all())


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_chain_of_two_layers_is_walked_as_a_whole(direction: str, seed: int) -> None:
    """Seven numbers, three of them x: within three errors from each of three seeds."""
    generator = Generator().manual_seed(seed)
    x = WIDE.evidence.sample((6,), generator=generator)
    model = affine_chain(WIDE, direction)
    found = annealed_log_evidence(model, x, chains=40, temperatures=60, generator=generator)
    assert abs(found.nll + WIDE.log_evidence(x).mean().item()) <= 3 * found.monte_carlo_error
    assert found.monte_carlo_error < 0.05


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_encoder_is_never_asked(direction: str, generator: Generator) -> None:
    """There is none."""
    model, x = affine_chain(CHAIN, direction), CHAIN.evidence.sample((2,), generator=generator)
    model.encoders = torch.nn.ModuleList()
    with pytest.raises(IndexError):
        model.log_weights(x, 1, generator=generator)
    annealed_log_evidence(model, x, chains=2, temperatures=2, generator=generator)


def test_a_narrow_layer_asks_for_no_narrow_steps(generator: Generator) -> None:
    """Its noise is N(0, 1) as any other's: with a spread of e^−12 sixty temperatures still do."""
    narrow = LinearGaussianChain([1.3, 0.8], [0.2, -0.5], [0.7, math.exp(-12)])
    x = narrow.evidence.sample((4,), generator=generator)
    found = annealed_log_evidence(
        affine_chain(narrow), x, chains=40, temperatures=60, generator=generator
    )
    assert abs(found.nll + narrow.log_evidence(x).mean().item()) <= 3 * found.monte_carlo_error
    assert found.monte_carlo_error < 0.05


def test_four_pilots_an_image_find_the_steps_and_are_thrown_away(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every image has its own step, moved by a twentieth at each temperature: towards 0.65."""
    started, accepted = [], []
    start, move = _Annealing.start, _Annealing.move

    def watched_start(self: _Annealing, chains: int) -> _Places:
        started.append(chains)
        return start(self, chains)

    def watched_move(self: _Annealing, at: _Places, beta: float, step: Tensor) -> Any:
        moved, taken = move(self, at, beta, step)
        accepted.append((step, taken))
        return moved, taken

    monkeypatch.setattr(_Annealing, "start", watched_start)
    monkeypatch.setattr(_Annealing, "move", watched_move)
    annealed_log_evidence(
        affine_vae(), draws(3, generator), chains=9, temperatures=6, generator=generator
    )
    assert started == [4, 9]
    pilots, walks = accepted[:5], accepted[5:]
    step = torch.full((3,), 0.1).double()
    for (used, taken), (walked, _) in zip(pilots, walks, strict=True):
        assert taken.shape == (4, 3)
        torch.testing.assert_close(used, step)
        grown = taken.mean(0) > 0.65
        step = step * (0.95 + 0.1 * grown)
        torch.testing.assert_close(walked, step)


def test_a_trajectory_that_diverges_is_rejected(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first step is ten times what leapfrogs bear: the pilots shorten it, and nothing fails."""
    monkeypatch.setattr(annealed, "FIRST_STEP", 20.0)
    x = draws(2, generator)
    found = annealed_log_evidence(  # in double precision it takes longer to overflow
        affine_vae().float(), x.float(), chains=40, temperatures=150, generator=generator
    )
    assert abs(found.nll + WORLD.log_evidence(x).mean().item()) <= 3 * found.monte_carlo_error
    assert found.monte_carlo_error < 0.2


def test_a_single_step_that_diverges_stays_where_it_is(generator: Generator) -> None:
    x = draws(2, generator)
    run = _Annealing(affine_vae(), x, 400, generator)
    at = run.start(5)
    steps = torch.tensor([1e3, 1e-3]).double()  # of the first image, of the second
    moved, accepted = run.move(at, 1.0, steps)
    assert torch.equal(moved.noise[:, 0], at.noise[:, 0])
    assert accepted[:, 0].tolist() == [0.0] * 5
    assert bool((moved.noise[:, 1] != at.noise[:, 1]).any())
    assert accepted[:, 1].mean() > 0.5
    here = run.places(moved.noise)  # what the chains carry along is what holds where they stand
    torch.testing.assert_close(moved.log_likelihood, here.log_likelihood)
    torch.testing.assert_close(moved.slope, here.slope)


def test_the_temperatures_lie_on_a_sigmoid_from_minus_4_to_4() -> None:
    line = np.linspace(-4, 4, 8)
    curve = special.expit(line)
    expected = (curve - curve[0]) / (curve[-1] - curve[0])
    assert schedule(7).tolist() == pytest.approx(expected.tolist(), abs=1e-7)  # a float32 line


def test_the_temperatures_rise_from_0_to_1_and_slowly_at_both_ends() -> None:
    betas = schedule(100)
    assert len(betas) == 101
    assert betas[[0, -1]].tolist() == [0.0, 1.0]
    rises = betas.diff()
    assert bool((rises > 0).all())
    assert rises[50] > 5 * rises[[0, -1]].max()


@pytest.mark.parametrize("name", ["chains", "temperatures", "leapfrogs"])
def test_bad_input_is_named(name: str, generator: Generator) -> None:
    model, x = affine_vae(), draws(1, generator)
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got 0"):
        annealed_log_evidence(model, x, generator=generator, **{name: 0})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"x must be \(N, D\)"):
        annealed_log_evidence(model, x[0], generator=generator)
