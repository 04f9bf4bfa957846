"""The chain's explorer: its numbers are those of one dense Gaussian q; rows and blocks add up."""

import itertools
import math
import re
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from course_lib.edition.number_words import NUMBER_WORDS
from course_lib.explorers.hvae_elbo import DEEPEST, FORMULAS, ROWS, ChainBound, lefts

STATES = [
    ("once", 2, 1.0),
    ("once", 5, 1.5),
    ("once", 3, 0.5),
    ("twice", 3, 1.0),
    ("twice", 2, 1.4),
    ("twice", 5, 0.3),
    ("once, and given x", 5, 1.5),
    ("once, and given x", 2, 0.3),
    ("given x instead", 2, 0.3),
    ("given x instead", 4, 1.45),
    ("given x instead", 5, 1.0),
]
Terms = tuple[float, float, list[float], list[float], float]


@pytest.fixture(scope="module")
def explorer() -> ChainBound:
    return ChainBound()


def dense(depth: int, ratio: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of q over (z_1, …, z_T) at x = 1, by its factors; they are
    N(z_{t−1} v_t/(1 + v_t), v_t/(1 + v_t)) with v_t = T − t + 1 = Var z_t, but for the top one."""
    mean, covariance = np.zeros(depth), np.zeros((depth, depth))
    below = 1.0
    for t in range(1, depth + 1):
        share = (depth - t + 1) / (depth - t + 2)
        top = t == depth
        mean[t - 1] = share * below
        if t > 1:
            covariance[t - 1, : t - 1] = covariance[: t - 1, t - 1] = (
                share * covariance[t - 2, : t - 1]
            )
            covariance[t - 1, t - 1] = share**2 * covariance[t - 2, t - 2]
        covariance[t - 1, t - 1] += share * (ratio**2 if top else 1.0)
        below = mean[t - 1]
    return mean, covariance


def by_matrices(depth: int, ratio: float) -> Terms:
    """log p(x), ELBO, the model's terms, the encoder's, and h(z_T|x)."""
    mean, covariance = dense(depth, ratio)
    spread = np.zeros(depth + 1)  # E (z_{t−1} − z_t)², t = 1 … T, then E z_T²
    spread[0] = (1 - mean[0]) ** 2 + covariance[0, 0]
    for t in range(1, depth):
        spread[t] = (mean[t - 1] - mean[t]) ** 2
        spread[t] += covariance[t - 1, t - 1] + covariance[t, t] - 2 * covariance[t - 1, t]
    spread[depth] = mean[-1] ** 2 + covariance[-1, -1]
    model = -0.5 * (spread + math.log(2 * math.pi))
    shares = [(depth - t + 1) / (depth - t + 2) for t in range(1, depth)] + [0.5 * ratio**2]
    encoder = [0.5 * math.log(2 * math.pi * math.e * share) for share in shares]
    entropy = 0.5 * np.linalg.slogdet(2 * math.pi * math.e * covariance)[1]
    assert sum(encoder) == pytest.approx(entropy)
    log_p = -0.5 * math.log(2 * math.pi * (depth + 1)) - 0.5 / (depth + 1)
    marginal = 0.5 * math.log(2 * math.pi * math.e * covariance[-1, -1])
    return log_p, model.sum() + entropy, model.tolist(), encoder, marginal


@pytest.mark.parametrize(("formula", "depth", "ratio"), STATES)
def test_numbers_are_those_of_matrices(
    explorer: ChainBound, formula: str, depth: int, ratio: float
) -> None:
    drawn = explorer.at(formula=formula, depth=depth, ratio=ratio)
    log_p, elbo, model, encoder, marginal = by_matrices(depth, ratio)
    errors = (0.0, encoder[-1], marginal - encoder[-1], marginal)
    error = dict(zip(FORMULAS, errors, strict=True))[formula]
    assert drawn["log_evidence"] == pytest.approx(log_p, abs=1e-10)
    assert drawn["elbo"] == pytest.approx(elbo, abs=1e-10)
    assert drawn["gap"] == pytest.approx(log_p - elbo, abs=1e-10)
    assert drawn["error"] == pytest.approx(error, abs=1e-10)
    assert drawn["value"] == pytest.approx(elbo + error, abs=1e-10)
    assert [drawn[f"model_{t}"] for t in range(depth + 1)] == pytest.approx(model)
    assert [drawn[f"encoder_{t}"] for t in range(1, depth + 1)] == pytest.approx(encoder)
    parts = [model[0], *(nats for pair in zip(model[1:], encoder, strict=True) for nats in pair)]
    the_screen_adds_up(explorer, drawn, depth)
    the_blocks_are_the_terms(explorer, [*parts, error], formula, depth)
    the_numbers_have_the_hues_of_their_blocks(explorer)
    nothing_overlaps(explorer)


def written(explorer: ChainBound) -> list[list[int]]:
    """The rows of numbers that are seen, in thousandths of a nat."""
    rows = [[text.get_text() for text in row if text.get_visible()] for row in explorer.rows]
    return [[round(1000 * float(text.replace("−", "-"))) for text in row] for row in rows]


def the_screen_adds_up(explorer: ChainBound, drawn: dict[str, float], depth: int) -> None:
    """The rows sum to what the ledger prints, to the digit; each number is its block's."""
    total = explorer.ledger._texts["elbo"].get_text().removeprefix("sum = ")
    model, encoder, error = written(explorer)
    assert sum(model + encoder + error) == round(1000 * float(total.replace("−", "-")))
    assert f"add up to {total} nats" in explorer.sentence
    for t, nats in enumerate(model):
        assert nats == pytest.approx(1000 * drawn[f"model_{t}"], abs=1.6)  # they take the rounding
    for t, nats in enumerate(encoder, start=1):
        assert nats == pytest.approx(1000 * drawn[f"encoder_{t}"], abs=0.501)
    assert len(model) == depth + 1
    assert len(encoder) == depth
    assert bool(error) == (explorer.bars[2 * depth + 1].get_visible())
    word = "below by" if drawn["value"] < drawn["log_evidence"] else "above by"
    word = word if error else "gap ="  # only the ELBO's distance is the KL
    assert explorer.ledger._texts["gap"].get_text().startswith(word)


def the_numbers_have_the_hues_of_their_blocks(explorer: Any) -> None:
    """Above each number stand blocks of one colour; it has their shares of red, green, blue."""
    for text in (text for row in explorer.rows for text in row if text.get_visible()):
        x = text.get_position()[0]
        above = [
            np.array(bar.get_facecolor()[:3])
            for bar in explorer.bars
            if bar.get_visible() and bar.get_x() < x < bar.get_x() + bar.get_width()
        ]
        assert above
        words = np.array(to_rgb(text.get_color()))
        for block in above:
            np.testing.assert_allclose(words / words.sum(), block / block.sum(), atol=0.005)


def the_blocks_are_the_terms(explorer: Any, parts: list[float], formula: str, depth: int) -> None:
    shown = [bar for bar in explorer.bars if bar.get_visible()]
    kept = parts[:-1] if formula == "once" else parts
    ends = [0.0, *itertools.accumulate(kept)]
    assert [bar.get_height() for bar in shown] == pytest.approx(kept)
    assert [bar.get_y() for bar in shown] == pytest.approx(ends[:-1])
    starts, width = lefts(depth)
    places = starts[: 2 * depth + 1]
    if formula != "once":
        places = [*places, starts[2 * depth if formula == "given x instead" else -1]]
    assert [bar.get_x() for bar in shown] == pytest.approx(places)
    assert starts[-1] + width == pytest.approx(1)
    assert [bar.get_hatch() for bar in shown].count("////") == (formula != "once")
    low, high = explorer.bars[0].axes.get_ylim()
    assert low < min(ends)
    assert max(ends) < high
    falls, rises = (marks.get_ydata() for marks in explorer.ways)
    assert len(falls) == sum(part < -0.2 for part in parts[:-1])  # a thin block has no room for one
    assert len(rises) == sum(part > 0.2 for part in parts[:-1])


def nothing_overlaps(explorer: ChainBound) -> None:
    rows = [*explorer.rows, explorer.names]
    texts = [text for row in rows for text in row if text.get_visible()]
    texts += [text for text in explorer.ledger._texts.values() if text.get_text()]
    ax = explorer.names[0].axes
    assert ax is not None
    titles = [text for text in ax.texts if text.get_text() in ROWS]
    assert len(titles) == len(ROWS)
    boxes = [text.get_window_extent() for text in texts + titles]
    for a, b in itertools.combinations(boxes, 2):
        assert not a.overlaps(b)
    edge = explorer.ledger.ax.figure.bbox
    assert all(edge.x0 <= box.x0 and box.x1 <= edge.x1 and edge.y0 <= box.y0 for box in boxes)


def test_a_block_that_stands_twice_reads_the_same_twice(explorer: ChainBound) -> None:
    for depth, step in itertools.product(range(2, DEEPEST + 1), range(6, 31)):
        explorer.at(formula="twice", depth=depth, ratio=step / 20)
        _, encoder, error = written(explorer)
        assert encoder[-1:] == error


def test_it_opens_where_the_top_is_counted_twice() -> None:
    opening = ChainBound().numbers
    assert opening["gap"] == pytest.approx(0, abs=1e-12)  # q is exact, and still
    assert opening["value"] - opening["log_evidence"] == pytest.approx(1.072365, abs=5e-7)


def test_only_the_bound_never_crosses(explorer: ChainBound) -> None:
    """Every corner: the ELBO stays below; with q(z_T|x) in place, the sum is above the ELBO."""
    highest = dict.fromkeys(FORMULAS, -math.inf)
    for depth, ratio in itertools.product((2, 5), (0.3, 1.0, 1.5)):
        for formula in FORMULAS:
            drawn = explorer.at(formula=formula, depth=depth, ratio=ratio)
            highest[formula] = max(highest[formula], drawn["value"] - drawn["log_evidence"])
            if formula == "given x instead":
                assert drawn["error"] > 0
    assert highest.pop("once") == pytest.approx(0, abs=1e-12)
    assert min(highest.values()) > 0.1


def test_reset_returns_to_the_opening(explorer: ChainBound) -> None:
    opening = ChainBound().numbers
    explorer.at(formula="once, and given x", depth=5, ratio=0.3)
    assert explorer.reset() == opening


@pytest.mark.parametrize("formula", [name for name in FORMULAS if name != "once"])
def test_elbo_and_what_is_added_make_the_sum_as_printed(explorer: ChainBound, formula: str) -> None:
    printed = r"add up to (\S+) nats.*The ELBO is (\S+); .* adds (\S+)\.$"
    for depth, twentieths in itertools.product(range(2, DEEPEST + 1), range(6, 31)):
        explorer.at(formula=formula, depth=depth, ratio=twentieths / 20)
        found = re.search(printed, explorer.sentence)
        assert found, explorer.sentence
        total, elbo, added = (Decimal(text.replace("−", "-")) for text in found.groups())
        assert elbo + added == total
        assert abs(float(elbo) - explorer.numbers["elbo"]) < 0.0015


NARROW = [("twice", depth, 0.3) for depth in range(2, DEEPEST + 1)]


@pytest.mark.parametrize(("formula", "depth", "ratio"), [*NARROW, ("twice", 3, 1.0)])
def test_the_words_for_the_hatched_block_hold_for_both_signs(
    explorer: Any, formula: str, depth: int, ratio: float
) -> None:
    """At 0.3 the entropy is below zero: the sum is then too low, and nothing says too much."""
    error = explorer.at(formula=formula, depth=depth, ratio=ratio)["error"]
    titles = [text.get_text() for text in explorer.names[0].axes.texts]
    said = NUMBER_WORDS["en"]["number.ChainBound.error"]
    assert not any("too much" in words for words in (*titles, said, explorer.sentence))
    assert "off by" in titles
    narrow = "A q so narrow has a negative entropy" in explorer.sentence
    assert narrow == (error < 0) == (ratio == 0.3)


def test_the_elbo_reads_the_same_under_every_formula(explorer: ChainBound) -> None:
    """As it is rounded, for every depth and ratio; T = 5 and 1.2 once read −1.936 and −1.935."""
    for depth, twentieths in itertools.product(range(2, DEEPEST + 1), range(6, 31)):
        for formula in FORMULAS:
            explorer.at(formula=formula, depth=depth, ratio=twentieths / 20)
            told = r"add up to (\S+) nats" if formula == "once" else r"The ELBO is (\S+);"
            found = re.search(told, explorer.sentence)
            assert found, explorer.sentence
            assert found[1].replace("−", "-") == f"{explorer.numbers['elbo']:.3f}"
