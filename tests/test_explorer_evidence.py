"""The explorer of chapter 1 against a dense Gaussian and the library's own estimator."""

import itertools
import math

import numpy as np
import pytest
import torch
from matplotlib.lines import Line2D

from course_lib.bounds import naive_log_evidence
from course_lib.exact import LinearGaussian
from course_lib.explorers.evidence import EDGES, EvidenceNeedle, folded
from course_lib.explorers.scenes.prior_draws import DIMENSIONS, DRAWS, POOL

GRID = list(itertools.product((1, 8, 50), DRAWS, (0.1, 0.2, 0.55, 1.0)))


@pytest.fixture(scope="module")
def explorer() -> EvidenceNeedle:
    return EvidenceNeedle()


def points(line: Line2D) -> torch.Tensor:
    """Where its points stand, along and off, (2, n)."""
    return torch.stack([torch.as_tensor(np.asarray(part)) for part in line.get_data()])


@pytest.mark.parametrize(("d", "s"), [(1, 0.1), (1, 1.0), (20, 0.2), (50, 0.1), (50, 1.0)])
def test_evidence_and_needle_are_those_of_a_dense_gaussian(
    explorer: EvidenceNeedle, d: int, s: float
) -> None:
    """log p(x) from the 784 × 784 covariance, the posterior from joint conditioning."""
    numbers = explorer.at(d=d, s=s, S=100)
    W, b, x = explorer.full.loadings[:, :d], explorer.full.offset, explorer.image
    covariance = W @ W.T + s**2 * torch.eye(784, dtype=torch.float64)
    dense = torch.distributions.MultivariateNormal(b, covariance)
    assert numbers["log_evidence"] == pytest.approx(dense.log_prob(x).item(), abs=1e-6)
    gain = torch.linalg.solve(covariance, W).T  # Cov(z, x) Cov(x)⁻¹, (d, 784)
    mean = gain @ (x - b)
    spread = torch.eye(d, dtype=torch.float64) - gain @ W
    along = mean / mean.norm()
    assert numbers["distance"] == pytest.approx(mean.norm().item(), rel=1e-6)
    assert numbers["width"] == pytest.approx((along @ spread @ along).sqrt().item(), rel=1e-6)


@pytest.mark.parametrize(("d", "S", "s"), [(1, 10, 0.2), (5, 100, 0.5), (50, 10, 0.1)])
def test_estimates_are_the_librarys_own(explorer: EvidenceNeedle, d: int, S: int, s: float) -> None:
    """The same draws through the decoder, image by image, as bounds.naive_log_evidence does it."""
    explorer.at(d=d, S=S, s=s)
    world = LinearGaussian(explorer.full.loadings[:, :d], explorer.full.offset, s)
    ours = explorer._estimates(world, S)
    generator = torch.Generator().manual_seed(0)
    draws = [torch.randn(POOL, dtype=torch.float64, generator=generator)[: 5 * S] for _ in range(d)]
    z = torch.stack(draws, -1).reshape(5, S, d)
    theirs = [naive_log_evidence(world, explorer.image, group).item() for group in z]
    assert ours[:5].tolist() == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize(("d", "S", "s"), GRID)
def test_numbers_add_up_and_stay_on_the_screen(
    explorer: EvidenceNeedle, d: int, S: int, s: float
) -> None:
    n = explorer.at(d=d, S=S, s=s)
    assert n["log_evidence"] - n["median_estimate"] == pytest.approx(n["shortfall"])
    assert EDGES[0] < math.asinh(-n["shortfall"]) < EDGES[-1]
    ahead, off = points(explorer.blue)
    assert ahead.max() < 11.6
    assert off.min() >= 0
    assert off.max() < 9.6
    assert f"{S:,} prior draws" in explorer.sentence
    texts = sorted(text.get_window_extent().y0 for text in explorer.texts.values())
    heights = max(text.get_window_extent().height for text in explorer.texts.values())
    assert min(b - a for a, b in itertools.pairwise(texts)) > 0.8 * heights


@pytest.mark.parametrize("d", DIMENSIONS)
def test_dots_stand_at_their_length_and_angle(explorer: EvidenceNeedle, d: int) -> None:
    """Length by the norm, angle by the scalar product with the direction that the model gives."""
    explorer.at(d=d, S=1_000, s=0.2)
    W, centred = explorer.full.loadings[:, :d], explorer.image - explorer.full.offset
    mean = torch.linalg.solve(W.T @ W + 0.2**2 * torch.eye(d, dtype=torch.float64), W.T @ centred)
    z = draws_by_hand(d, 300)
    length = z.norm(dim=1)
    angle = torch.arccos((z @ mean / (length * mean.norm())).clamp(-1, 1))
    ahead, off = points(explorer.grey)
    assert torch.allclose(torch.hypot(ahead, off), length)
    assert torch.allclose(torch.atan2(off, ahead), angle, atol=1e-6)
    assert points(explorer.shell)[0].max().item() == pytest.approx(math.sqrt(d))


def draws_by_hand(d: int, count: int) -> torch.Tensor:
    """The first draws of the pool, (count, d), in the order in which it is filled."""
    generator = torch.Generator().manual_seed(0)
    columns = [torch.randn(POOL, dtype=torch.float64, generator=generator) for _ in range(d)]
    return torch.stack(columns, -1)[:count]


@pytest.mark.parametrize(("d", "S"), [(1, 10), (20, 1_000), (50, 100_000)])
def test_the_best_draw_is_the_one_whose_likelihood_is_highest(
    explorer: EvidenceNeedle, d: int, S: int
) -> None:
    """Found by decoding every draw to its image; at another noise it is the same."""
    explorer.at(d=d, S=S, s=0.2)
    W, b, x = explorer.full.loadings[:, :d], explorer.full.offset, explorer.image
    parts = draws_by_hand(d, S).split(5_000)
    squares = torch.cat([(x - b - z @ W.T).square().sum(1) for z in parts])
    best = torch.cat(parts)[squares.argmin()]
    grey = torch.round(255 * (1 - (b + W @ best).clamp(0, 1))).byte().reshape(28, 28)
    shown = explorer.pictures[0]._rows[::-1][2::5, 2::5, 0]
    assert torch.equal(torch.tensor(shown.copy()), grey)
    for s in (0.2, 1.0):
        numbers = explorer.at(s=s)
        along = LinearGaussian(W, b, s).posterior(x).mean
        cosine = best @ along / (best.norm() * along.norm())
        assert math.cos(math.radians(numbers["best_angle"])) == pytest.approx(cosine.item())


@pytest.mark.parametrize("s", [0.1, 0.2, 0.55, 1.0])
@pytest.mark.parametrize("d", DIMENSIONS)
def test_the_words_beside_the_blue_dots_touch_nothing(
    explorer: EvidenceNeedle, d: int, s: float
) -> None:
    """No dot, not the shell, not the line to the ring, not the frames of the pictures."""
    explorer.at(d=d, S=1_000, s=s)
    words = explorer.words["blue"]
    assert words.axes is not None
    box = words.get_window_extent().transformed(words.axes.transData.inverted())
    start, end = points(explorer.leader).T[:, :, None]
    line = start + torch.linspace(0, 1, 200) * (end - start)
    drawn = torch.cat([*map(points, (explorer.blue, explorer.grey, explorer.shell)), line], 1)
    touched = (drawn[0] > box.x0) & (drawn[0] < box.x1) & (drawn[1] > box.y0) & (drawn[1] < box.y1)
    assert not touched.any()
    assert box.x1 < 11.6
    assert box.y1 < 6.3  # where the pictures begin


def test_the_line_leaves_the_inside_of_the_ring_free(explorer: EvidenceNeedle) -> None:
    """With one latent the blue dots lie there."""
    explorer.at(d=1, S=1_000, s=0.2)
    ring = explorer.ring
    assert ring.axes is not None
    ends = torch.stack([points(explorer.leader)[:, 0], points(ring)[:, 0]])
    start, middle = ring.axes.transData.transform(ends.numpy())
    assert math.dist(start, middle) > 0.45 * ring.get_markersize() * ring.axes.figure.dpi / 72


def test_blue_dots_are_draws_of_the_integrand(explorer: EvidenceNeedle) -> None:
    """Their mean length² and mean place along the direction, within four standard errors."""
    numbers = explorer.at(d=20, S=10, s=0.2)
    ahead, off = points(explorer.blue)
    error = numbers["width"] / math.sqrt(len(ahead))
    assert abs(ahead.mean().item() - numbers["distance"]) < 4 * error
    W, s = explorer.full.loadings[:, :20], 0.2
    variance = 1 / (1 + W.square().sum(0) / s**2)  # the columns of W are orthogonal
    squares = ahead**2 + off**2
    expected = numbers["distance"] ** 2 + variance.sum().item()
    assert abs(squares.mean().item() - expected) < 4 * (squares.std() / len(ahead) ** 0.5).item()


def test_folding_keeps_lengths_of_one_and_many_dimensions() -> None:
    along = torch.tensor([0.6, 0.8], dtype=torch.float64)
    z = torch.tensor([[3.0, 4.0], [-4.0, 3.0], [-3.0, -4.0]], dtype=torch.float64)
    assert folded(z, along) == pytest.approx(torch.tensor([[5.0, 0], [0, 5], [-5, 0]]).numpy())


def test_the_estimate_falls_further_short_as_d_grows(explorer: EvidenceNeedle) -> None:
    short = [explorer.at(d=d, S=1_000, s=0.2)["shortfall"] for d in DIMENSIONS]
    assert short == sorted(short)
    assert short[0] < 0.5
    assert short[-1] > 300


def test_reset_returns_to_the_opening(explorer: EvidenceNeedle) -> None:
    opening = EvidenceNeedle().numbers
    explorer.at(d=1, S=10, s=1.0)
    assert explorer.reset() == opening
