"""Families of digits and the explorer of chapter 10, against fresh siblings and counted pairs."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from course_lib.data import load_mnist
from course_lib.explorers.hvae_structure import (
    CHAINS,
    KEPT,
    NAMES,
    ROWS,
    SHOWN,
    ChainOfLatents,
    listed,
    whole_percents,
)
from course_lib.explorers.scenes import chain_families as families
from course_lib.plots.tiles import Blit
from course_lib.shipped import load_model

CORNERS = [*itertools.product(CHAINS, KEPT, (1,)), *itertools.product(CHAINS, ["z₃"], (20,))]


@pytest.fixture(scope="module")
def explorer() -> ChainOfLatents:
    return ChainOfLatents()


def test_explained_variance_of_a_nest_whose_shares_are_known() -> None:
    """x = 2a + b + c/2 with independent N(0, 1): a family shares a, so 4/5.25 is decided."""
    draws: Any = np.random.default_rng(0).standard_normal
    found = [
        families.explained(
            2 * draws((120, 1, 50)) + draws((120, 10, 50)) + 0.5 * draws((120, 10, 50))
        )
        for _ in range(20)
    ]
    error = np.std(found) / math.sqrt(20)
    assert abs(np.mean(found) - 4 / 5.25) < 4 * error < 0.01
    none = [families.explained(draws((120, 10, 50))) for _ in range(20)]
    assert abs(np.mean(none)) < 4 * np.std(none) / math.sqrt(20) < 0.01


@pytest.mark.parametrize("name", CHAINS.values())
def test_shares_of_variance_are_those_of_fresh_siblings(name: str) -> None:
    """Two who share z_k have covariance Var E[x|z_k]: no family mean, no correction."""
    model, found = load_model(name), families.chain_families(name)
    generator = torch.Generator().manual_seed(77)
    above = np.cumsum(found.decided)
    for level in range(model.depth, 0, -1):
        batches = []
        for _ in range(10):  # as many families as the explorer has, ten times
            z = model.sample_latents(families.FAMILIES, generator=generator)[level - 1]
            low = model.resample(z.expand(2, *z.shape), level, generator=generator)[0]
            pair = model.generate(1, low).mean.double()  # (2, 120, 784)
            centred = pair - pair.mean((0, 1))
            ink = pair.mean((0, 1))
            share = centred.prod(0).mean(0).sum() / (ink * (1 - ink)).sum()
            batches.append(share.item())
        # one batch errs as the explorer's families do, or more; the mean of ten errs less
        error = np.std(batches, ddof=1) * math.sqrt(1 + 1 / 10)
        assert above[model.depth - level] == pytest.approx(np.mean(batches), abs=4 * float(error))
    assert sum(found.decided) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("name", CHAINS.values())
def test_a_family_keeps_what_it_says(name: str) -> None:
    found = families.chain_families(name)
    ancestors = found.by_level[1]  # its members have all latents of the ancestor
    for level, family in found.by_level.items():
        assert family.pictures.shape == (families.FAMILIES, families.MEMBERS, 28, 28)
        assert np.allclose(family.pictures[:, 0], ancestors.pictures[:, 0], atol=1e-6)
        for t, (mine, its) in enumerate(zip(family.latents, ancestors.latents, strict=True), 1):
            assert np.array_equal(mine, its) == (t >= level)
        assert set(np.unique(family.x)) == {0.0, 1.0}
        moved = np.ptp(family.pictures, axis=1).max((1, 2))  # of each family
        assert (moved < 1e-6).all() if level == 1 else (moved > 0.1).all()


@pytest.mark.parametrize("name", CHAINS.values())
def test_the_framed_chain_leads_to_the_framed_picture(name: str) -> None:
    model = load_model(name)
    for family in families.chain_families(name).by_level.values():
        decoded = model.generate(1, torch.from_numpy(family.latents[0])).mean
        assert np.allclose(decoded.reshape(-1, 28, 28), family.pictures[:, 1], atol=1e-6)


def test_pairs_are_counted() -> None:
    digits = torch.tensor([[3, 3, 8, 3], [1, 7, 9, 4], [0, 0, 5, 5]])
    pairs = [a == b for row in digits.tolist() for a, b in itertools.combinations(row, 2)]
    assert families.same_pairs(digits) == pytest.approx(sum(pairs) / len(pairs))


def test_the_reader_takes_the_nearest_and_is_mostly_right() -> None:
    test, known = load_mnist("test"), load_mnist("train")
    pictures = test.images[:1000].flatten(1).float() / 255
    seen = families.read_digits(pictures)
    # a share of 1,000 has a standard error below 1%
    assert (seen == test.labels[:1000]).float().mean() > 0.9
    halves = known.images[:5000].double().reshape(-1, 14, 2, 14, 2).mean((2, 4)).flatten(1) / 255
    for picture, digit in zip(pictures[:20], seen[:20], strict=True):
        small = picture.double().reshape(14, 2, 14, 2).mean((1, 3)).flatten()
        assert known.labels[(halves - small).square().sum(1).argmin()] == digit


@pytest.mark.parametrize(("chain", "kept", "page"), CORNERS)
def test_every_corner(explorer: ChainOfLatents, chain: str, kept: str, page: int) -> None:
    n = explorer.at(chain=chain, kept=kept, page=page)
    found = families.chain_families(CHAINS[chain])
    level = min(KEPT[kept], found.depth + 1)
    parts = [n[f"decided_{t}"] for t in "321x"]
    assert sum(parts) == pytest.approx(1.0, abs=1e-12)
    latent = parts[:3][: 4 - level] if level < 4 else []
    assert n["kept"] == pytest.approx(sum(latent), abs=1e-12)
    assert n["alike"] == found.by_level[level].alike
    shown = found.by_level[level].pictures[ROWS * (page - 1) : ROWS * page]
    assert drawn(explorer.members, SHOWN) == pytest.approx(
        shown[:, :SHOWN].reshape(-1, 28, 28), abs=0.5 / 255 + 1e-6
    )
    for t, values in enumerate(found.by_level[level].latents, 1):  # whatever is kept: full contrast
        ink = np.clip(0.5 + values[ROWS * (page - 1)] / 6, 0, 1)
        strip = 1 - explorer.nodes[t].values._rows[::-1, :, 0] / 255
        tiles = [
            strip[16 * row + 8, 16 * column + 8]
            for row in range(len(strip) // 16)
            for column in range(25)
        ]
        assert tiles[-len(ink) :] == pytest.approx(ink, abs=0.5 / 255 + 1e-6)
    the_screen_says_it(explorer, n, level, found.depth)
    nothing_overlaps(explorer)


def drawn(blit: Blit, columns: int) -> NDArray[np.float64]:
    """The pictures on a sheet of ROWS × columns, as ink: one of each 4 × 4 drawn pixels."""
    sheet = 1 - blit._rows[::-1, :, 0] / 255
    return np.stack(
        [
            sheet[114 * row : 114 * row + 112 : 4, 114 * column : 114 * column + 112 : 4]
            for row in range(ROWS)
            for column in range(columns)
        ]
    )


def the_screen_says_it(
    explorer: ChainOfLatents, n: dict[str, float], level: int, depth: int
) -> None:
    printed = [
        int(node.share.get_text().removesuffix("%"))
        for node in explorer.nodes
        if node.share.get_visible()
    ]
    assert len(printed) == depth + 1
    assert sum(printed) == 100
    exact = [100 * n[f"decided_{t}"] for t in "x123"[: depth + 1]]
    assert printed == pytest.approx(exact, abs=1)
    for t, node in enumerate(explorer.nodes[: depth + 1]):
        inked = np.array_equal(node.disc.get_markerfacecolor(), "#222222")
        assert inked == (t >= level)
        assert node.bar.get_width() == pytest.approx(2 * max(100 * n[f"decided_{t or 'x'}"], 0))
        assert node.whole.get_width() == 2 * 100  # the outline is 100%
        assert node.fate.get_text() == ("kept" if t >= level else "anew")
    assert not any(node.disc.get_visible() for node in explorer.nodes[depth + 1 :])
    said = f"{sum(printed[level:])}% of the pixels"
    assert (said in explorer.sentence) == (level <= depth)
    assert (NAMES[level] in explorer.shared.get_text()) if level <= depth else True
    assert [arrow.get_visible() for arrow in explorer.arrows] == [t <= depth for t in (1, 2, 3)]


def nothing_overlaps(explorer: ChainOfLatents) -> None:
    texts = [explorer.shared, explorer.anew, *(node.share for node in explorer.nodes)]
    texts += [node.fate for node in explorer.nodes]
    boxes = [text.get_window_extent() for text in texts if text.get_visible()]
    for a, b in itertools.combinations(boxes, 2):
        assert not a.overlaps(b)
    width = explorer._stage.figure.bbox.width
    assert all(0 <= box.x0 < box.x1 <= width for box in boxes)


def test_whole_percents_add_up() -> None:
    assert whole_percents([0.194, 0.310, 0.151, 0.345]) == [19, 31, 15, 35]
    assert whole_percents([-0.002, 0.335, 0.335, 0.332]) == [0, 34, 33, 33]
    assert whole_percents([0.628, 0.372]) == [63, 37]
    for below in (-0.01, -0.3):  # an estimate below zero lets the others add up to more than 1
        assert sum(whole_percents([below, 0.5, 0.5 - below])) == 100
    assert whole_percents([-0.01, 0.5, 0.51]) == [0, 50, 50]
    for shares in np.random.default_rng(1).dirichlet(np.ones(4), 200):
        whole = whole_percents(list(shares))
        assert sum(whole) == 100
        assert max(abs(whole - 100 * shares)) < 1


def test_names_are_listed() -> None:
    assert [listed(NAMES[t:0:-1]) for t in (1, 2, 3)] == ["z₁", "z₂ and z₁", "z₃, z₂ and z₁"]


def test_more_kept_is_more_alike(explorer: ChainOfLatents) -> None:
    """What the chapter teaches: true of these chains, awake or asleep at the top."""
    for chain in ("T = 3", "T = 3, KL warmed up"):
        alike = [explorer.at(chain=chain, kept=kept)["alike"] for kept in KEPT]
        assert alike[0] - 0.03 < alike[1] < alike[2] < alike[3] == 1
        assert 0.08 < alike[0] < 0.15


def test_reset_returns_to_the_opening(explorer: ChainOfLatents) -> None:
    opening = ChainOfLatents().numbers
    explorer.at(chain="T = 1", kept="nothing", page=7)
    assert explorer.reset() == opening


def test_a_latent_that_the_chain_has_not_is_not_painted(explorer: ChainOfLatents) -> None:
    """A Blit paints past Matplotlib, so it has to ask for itself whether it is visible."""
    explorer.at(chain="T = 3", kept="nothing", page=1)
    explorer.at(chain="T = 1", kept="nothing", page=1)
    canvas = np.asarray(explorer._stage._canvas.buffer_rgba())
    for node in explorer.nodes[2:]:
        values = node.values
        height, width = values._shape[:2]
        top = canvas.shape[0] - values._top
        place = canvas[top : top + height, values._left : values._left + width, :3]
        assert place.size
        assert (place == 255).all()
