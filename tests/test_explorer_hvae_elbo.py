"""The chain's explorer: its numbers are those of one dense Gaussian q, its rows and bars add up."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from course_lib.explorers.hvae_elbo import AT, FORMULAS, WIDTH, ChainBound

STATES = [
    ("correct", 2, 1.0, 0.0),
    ("correct", 5, 2.0, 0.7),
    ("conditional KL", 3, 1.0, 0.0),
    ("conditional KL", 2, 1.4, 0.0),
    ("conditional KL", 5, 0.3, 0.7),
    ("marginal KL", 5, 2.0, -0.7),
    ("marginal KL", 2, 0.3, 0.35),
    ("sum to T−1", 2, 0.3, 0.0),
    ("sum to T−1", 4, 1.55, -0.2),
]


@pytest.fixture(scope="module")
def explorer() -> ChainBound:
    return ChainBound()


def dense(
    depth: int, ratio: float, shift: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of q over (z_1, …, z_T) at x = 1, by its factors; they are
    N(z_{t−1} v_t/(1 + v_t), v_t/(1 + v_t)) with v_t = T − t + 1 = Var z_t, but for the top one."""
    mean, covariance = np.zeros(depth), np.zeros((depth, depth))
    below = 1.0
    for t in range(1, depth + 1):
        share = (depth - t + 1) / (depth - t + 2)
        top = t == depth
        mean[t - 1] = share * below + (shift if top else 0.0)
        if t > 1:
            covariance[t - 1, : t - 1] = covariance[: t - 1, t - 1] = (
                share * covariance[t - 2, : t - 1]
            )
            covariance[t - 1, t - 1] = share**2 * covariance[t - 2, t - 2]
        covariance[t - 1, t - 1] += share * (ratio**2 if top else 1.0)
        below = mean[t - 1]
    return mean, covariance


def by_matrices(depth: int, ratio: float, shift: float) -> tuple[float, ...]:
    """log p(x), ELBO, h(z_T|z_{T−1}), h(z_T|x)."""
    mean, covariance = dense(depth, ratio, shift)
    spread = np.zeros(depth + 1)  # E (z_{t−1} − z_t)², t = 1 … T, then E z_T²
    spread[0] = (1 - mean[0]) ** 2 + covariance[0, 0]
    for t in range(1, depth):
        spread[t] = (mean[t - 1] - mean[t]) ** 2
        spread[t] += covariance[t - 1, t - 1] + covariance[t, t] - 2 * covariance[t - 1, t]
    spread[depth] = mean[-1] ** 2 + covariance[-1, -1]
    log_joint = -0.5 * (spread + math.log(2 * math.pi)).sum()
    entropy = 0.5 * np.linalg.slogdet(2 * math.pi * math.e * covariance)[1]
    log_p = -0.5 * math.log(2 * math.pi * (depth + 1)) - 0.5 / (depth + 1)
    conditional = 0.5 * math.log(2 * math.pi * math.e * 0.5 * ratio**2)
    marginal = 0.5 * math.log(2 * math.pi * math.e * covariance[-1, -1])
    return log_p, log_joint + entropy, conditional, marginal


@pytest.mark.parametrize(("formula", "depth", "ratio", "shift"), STATES)
def test_numbers_are_those_of_matrices(
    explorer: ChainBound, formula: str, depth: int, ratio: float, shift: float
) -> None:
    drawn = explorer.at(formula=formula, depth=depth, ratio=ratio, shift=shift)
    log_p, elbo, conditional, marginal = by_matrices(depth, ratio, shift)
    error = dict(zip(FORMULAS, (0.0, conditional, marginal, marginal - conditional), strict=True))[
        formula
    ]
    assert drawn["log_evidence"] == pytest.approx(log_p, abs=1e-10)
    assert drawn["elbo"] == pytest.approx(elbo, abs=1e-10)
    assert drawn["gap"] == pytest.approx(log_p - elbo, abs=1e-10)
    assert drawn["error"] == pytest.approx(error, abs=1e-10)
    assert drawn["value"] == pytest.approx(elbo + error, abs=1e-10)
    parts = [drawn["reconstruction"], *(drawn[f"cost_{t}"] for t in range(1, depth))]
    parts += [drawn["top_kl"], drawn["again"]]
    assert sum(parts) == pytest.approx(drawn["value"], abs=1e-10)
    assert (drawn["again"] == 0) == (formula in ("correct", "sum to T−1"))
    the_screen_adds_up(explorer, drawn)
    the_bars_are_the_terms(explorer, parts, drawn)
    nothing_overlaps(explorer)


def the_screen_adds_up(explorer: ChainBound, drawn: dict[str, float]) -> None:
    """The row of numbers sums to the formula's value as the ledger prints it, to the digit."""
    row = [text.get_text() for text in explorer.rows[2] if text.get_text()]
    total = sum(round(1000 * float(text.replace("−", "-"))) for text in row)
    written = explorer.ledger._texts["elbo"].get_text().removeprefix("formula = ")
    assert total == round(1000 * float(written.replace("−", "-")))
    assert total / 1000 == pytest.approx(drawn["value"], abs=1.01e-3)
    assert f"gives {written} nats" in explorer.sentence
    word = "below by" if drawn["value"] < drawn["log_evidence"] else "above by"
    word = word if drawn["error"] else "gap ="  # only the ELBO's distance is the KL
    assert explorer.ledger._texts["gap"].get_text().startswith(word)
    names = [text.get_text() for text in explorer.rows[0] if text.get_text()]
    assert len(names) == len(row)
    assert ("again" in names) == (drawn["again"] != 0)


def the_bars_are_the_terms(explorer: Any, parts: list[float], drawn: dict[str, float]) -> None:
    shown = [bar for bar in explorer.bars if bar.get_visible()]
    kept = [part for part in parts if part]
    assert [bar.get_height() for bar in shown] == pytest.approx(kept)
    feet = [bar.get_y() for bar in shown]
    assert feet == pytest.approx([0.0, *itertools.accumulate(kept[:-1])])
    assert [bar.get_x() + WIDTH / 2 for bar in shown] == pytest.approx(AT[: len(shown)])
    assert explorer.level.get_ydata()[0] == pytest.approx(drawn["value"])
    low, high = explorer.bars[0].axes.get_ylim()
    ends = [0.0, *itertools.accumulate(kept)]
    assert low < min(ends)
    assert max(ends) < high
    if explorer.missing.get_visible():
        gone = drawn["marginal_entropy"] - drawn["entropy"]
        top = explorer.missing.get_y() + explorer.missing.get_height()
        assert explorer.missing.get_height() == pytest.approx(gone)
        assert top == pytest.approx(sum(parts[:-1]))


def nothing_overlaps(explorer: ChainBound) -> None:
    texts = [text for row in explorer.rows for text in row if text.get_text()]
    texts += [text for text in explorer.ledger._texts.values() if text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    for a, b in itertools.combinations(boxes, 2):
        assert not a.overlaps(b)
    edge = explorer.ledger.ax.figure.bbox
    assert all(edge.x0 <= box.x0 and box.x1 <= edge.x1 and edge.y0 <= box.y0 for box in boxes)


def test_it_opens_where_the_printed_formula_crosses_the_line() -> None:
    opening = ChainBound().numbers
    assert opening["gap"] == pytest.approx(0, abs=1e-12)  # q is exact, and still
    assert opening["value"] - opening["log_evidence"] == pytest.approx(1.072365, abs=5e-7)


def test_only_the_correct_reading_never_crosses(explorer: ChainBound) -> None:
    """Every corner: the ELBO stays below, the marginal KL with the short sum above the ELBO."""
    highest = dict.fromkeys(FORMULAS, -math.inf)
    for depth, ratio, shift in itertools.product((2, 5), (0.3, 1.0, 2.0), (-0.7, 0.0, 0.7)):
        for formula in FORMULAS:
            drawn = explorer.at(formula=formula, depth=depth, ratio=ratio, shift=shift)
            highest[formula] = max(highest[formula], drawn["value"] - drawn["log_evidence"])
            if formula == "sum to T−1":
                assert drawn["error"] > 0
    assert highest.pop("correct") == pytest.approx(0, abs=1e-12)
    assert min(highest.values()) > 0.1


def test_reset_returns_to_the_opening(explorer: ChainBound) -> None:
    opening = ChainBound().numbers
    explorer.at(formula="marginal KL", depth=5, ratio=0.3, shift=0.7)
    assert explorer.reset() == opening
