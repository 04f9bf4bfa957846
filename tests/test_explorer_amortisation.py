"""The explorer of chapter 6 against matrices written out here, and SciPy's optimiser."""

import itertools
import math
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, optimize, stats

from course_lib.explorers.amortisation import OWN, TABLES, AmortisedInference
from course_lib.plots import printed_parts

GRID = list(itertools.product((0.0, 0.4, 0.95), (-2.5, 0.35, 1.3), (OWN, *TABLES)))


@pytest.fixture(scope="module")
def explorer() -> AmortisedInference:
    return AmortisedInference()


def loadings(rho: float) -> NDArray[np.float64]:
    """w = (−a, 2a) for which I + wwᵀ has the inverse with correlation rho, by bisection."""

    def excess(a: float) -> float:
        covariance = np.linalg.inv(np.eye(2) + np.outer([-a, 2 * a], [-a, 2 * a]))
        return float(covariance[0, 1] / math.sqrt(covariance[0, 0] * covariance[1, 1]) - rho)

    return np.array([-1.0, 2.0]) * optimize.brentq(excess, 0.0, 50.0, xtol=1e-15, rtol=1e-14)


def looked_up(encoder: str, t: float) -> float:
    """Lloyd's quantiser by its other route: the edges that minimise the squared error."""
    if encoder == OWN:
        return t
    rows = TABLES[encoder]
    edges = quantiser(rows)
    low, high = edges[np.searchsorted(edges, t) - 1], edges[np.searchsorted(edges, t)]
    return cell_mean(low, high)


def cell_mean(low: float, high: float) -> float:
    mass = stats.norm.cdf(high) - stats.norm.cdf(low)
    return (stats.norm.pdf(low) - stats.norm.pdf(high)) / mass


@lru_cache(maxsize=8)
def quantiser(rows: int) -> NDArray[np.float64]:
    if rows == 1:
        return np.array([-np.inf, np.inf])

    def explained(inner: NDArray[np.float64]) -> float:
        ends = np.array([-np.inf, *np.sort(inner), np.inf])
        density, mass = stats.norm.pdf(ends), np.diff(stats.norm.cdf(ends))
        return float(-np.sum(np.diff(density) ** 2 / mass))

    start = stats.norm.ppf(np.arange(1, rows) / rows)
    best = optimize.minimize(explained, start, method="BFGS", options={"gtol": 1e-9})
    return np.array([-np.inf, *best.x, np.inf])


def elbo(
    w: NDArray[np.float64], x: float, mean: NDArray[np.float64], variances: NDArray[np.float64]
) -> float:
    """E_q[log p(x|z) + log p(z) − log q(z)] for x = w·z + N(0, 1) noise, term by term."""
    residual = x - w @ mean
    reconstruction = -0.5 * (math.log(2 * math.pi) + residual**2 + (w**2 * variances).sum())
    prior = -0.5 * (2 * math.log(2 * math.pi) + (mean**2 + variances).sum())
    entropy = 0.5 * (2 * math.log(2 * math.pi * math.e) + np.log(variances).sum())
    return float(reconstruction + prior + entropy)


@pytest.mark.parametrize(("rho", "x", "encoder"), GRID)
def test_numbers_are_those_of_matrices(
    explorer: AmortisedInference, rho: float, x: float, encoder: str
) -> None:
    drawn = explorer.at(rho=rho, x=x, encoder=encoder)
    w = loadings(rho)
    scale = math.sqrt(1 + w @ w)
    precision = np.eye(2) + np.outer(w, w)
    covariance = np.linalg.inv(precision)
    variances = 1 / np.diag(precision)
    best = elbo(w, scale * x, covariance @ w * scale * x, variances)
    # The optimiser finds the edges to about 1e-6; at the best edges their error counts squared,
    # but a row's constant moves with them.
    slack = 1e-4 if encoder in TABLES else 1e-9
    shared = elbo(w, scale * x, covariance @ w * scale * looked_up(encoder, x), variances)
    evidence = stats.norm.logpdf(scale * x, 0, scale)
    assert drawn["log_evidence"] == pytest.approx(evidence, abs=1e-9)
    assert drawn["best_elbo"] == pytest.approx(best, abs=1e-9)
    assert drawn["elbo"] == pytest.approx(shared, rel=slack, abs=slack)
    assert drawn["approximation"] == pytest.approx(evidence - best, abs=1e-9)
    assert drawn["amortisation"] == pytest.approx(best - shared, rel=slack, abs=slack)
    for i in (0, 1):
        assert drawn[f"posterior_std_{i + 1}"] == pytest.approx(math.sqrt(covariance[i, i]))
        assert drawn[f"q_std_{i + 1}"] == pytest.approx(math.sqrt(variances[i]))
    assert drawn["approximation"] == pytest.approx(-0.5 * math.log1p(-(rho**2)), abs=1e-9)
    the_screen_adds_up(explorer, drawn)
    nothing_overlaps(explorer)


def the_screen_adds_up(explorer: AmortisedInference, drawn: dict[str, float]) -> None:
    texts = printed_parts(drawn["log_evidence"], drawn["best_elbo"], drawn["elbo"])
    evidence, approximation, best, amortisation, bound = (
        float(text.replace("−", "-")) for text in texts
    )
    assert evidence - approximation == pytest.approx(best, abs=1e-9)
    assert best - amortisation == pytest.approx(bound, abs=1e-9)
    assert approximation == pytest.approx(drawn["approximation"], abs=1.01e-3)
    assert amortisation == pytest.approx(drawn["amortisation"], abs=1.01e-3)
    written = [text.get_text() for text in explorer.ledger.texts]
    assert all(part in line for part, line in zip(texts, written, strict=True))


def nothing_overlaps(explorer: AmortisedInference) -> None:
    boxes = [text.get_window_extent() for text in explorer.ledger.texts if text.get_visible()]
    boxes += [explorer.names.get_window_extent()]
    for a, b in itertools.combinations(boxes, 2):
        assert not a.overlaps(b)
    width = explorer.ledger.ax.figure.bbox.width
    assert all(0 <= box.x0 < box.x1 <= width for box in boxes)


@pytest.mark.parametrize("encoder", [OWN, *TABLES])
def test_without_an_encoder_nothing_is_said_of_one(
    explorer: AmortisedInference, encoder: str
) -> None:
    explorer.at(encoder=encoder)
    said = [text.get_text() for text in explorer.ledger.texts if text.get_visible()]
    assert len(said) == (3 if encoder == OWN else 5)
    assert any("amortisation" in line for line in said) is not (encoder == OWN)
    assert explorer.miss_name.get_visible() is not (encoder == OWN)


@pytest.mark.parametrize("encoder", list(TABLES))
def test_the_average_over_x_is_that_of_quadrature(
    explorer: AmortisedInference, encoder: str
) -> None:
    """The drawn amortisation of one x after the other, weighed with the density of x."""
    drawn = explorer.at(rho=0.8, x=0.0, encoder=encoder)
    w = loadings(0.8)
    edges = quantiser(TABLES[encoder])
    cells = zip(np.clip(edges[:-1], -12, 12), np.clip(edges[1:], -12, 12), strict=True)

    def cost(t: float, mean: float) -> float:
        return float(0.5 * (w @ w) * (t - mean) ** 2 * stats.norm.pdf(t))

    average = sum(integrate.quad(cost, a, b, args=(cell_mean(a, b),))[0] for a, b in cells)
    assert drawn["mean_amortisation"] == pytest.approx(average, rel=1e-6)
    for t in (-2.0, 0.7):
        here = explorer.at(x=t)["amortisation"]
        assert here == pytest.approx(0.5 * (w @ w) * (t - looked_up(encoder, t)) ** 2, abs=1e-3)


def test_the_more_x_share_a_row_the_more_is_lost(explorer: AmortisedInference) -> None:
    """Chapter 6, "16, 4, 2, 1 rows": one row misses x, in its std, by x itself, whose square is 1
    on average, so that at ρ = 0.95 it costs ½|w|² = 29.4 nats.
    """
    encoders = sorted(TABLES, key=lambda name: -TABLES[name])
    costs = [explorer.at(rho=0.95, encoder=name)["mean_amortisation"] for name in encoders]
    assert [TABLES[name] for name in encoders] == [16, 4, 2, 1]
    assert costs == sorted(costs)
    w = loadings(0.95)
    assert costs[-1] == pytest.approx(0.5 * (w @ w), rel=1e-9)
    assert costs[-1] == pytest.approx(29.4, abs=0.05)


def quantised(rows: int) -> list[float]:
    """The constants of a table: the means of its cells."""
    edges = quantiser(rows)
    return [cell_mean(low, high) for low, high in itertools.pairwise(edges)]


def mean_at(rho: float, t: float) -> NDArray[np.float64]:
    """The posterior mean at the position t."""
    w = loadings(rho)
    scale = math.sqrt(1 + w @ w)
    return np.asarray(np.linalg.inv(np.eye(2) + np.outer(w, w)) @ w * scale * t)


def test_what_is_drawn_is_what_is_said(explorer: Any) -> None:
    drawn = explorer.at(rho=0.8, x=1.3, encoder="4 rows")
    low, high = explorer.ledger.levels[2].get_ydata()[0], explorer.ledger.levels[0].get_ydata()[0]
    assert (low, high) == pytest.approx((drawn["elbo"], drawn["log_evidence"]))
    heights = [bar.get_height() for bar in explorer.ledger.bars]
    assert heights == pytest.approx([drawn["approximation"], drawn["amortisation"]])
    means = [mean_at(0.8, row) for row in quantised(4)]
    assert explorer.answers.get_xydata() == pytest.approx(np.array(means), abs=1e-4)
    ends = [mean_at(0.8, t) for t in (1.3, looked_up("4 rows", 1.3))]
    assert explorer.miss.get_xydata() == pytest.approx(np.array(ends), abs=1e-4)
    assert explorer.here.get_xydata() == pytest.approx(np.array(ends[:1]), abs=1e-9)
    target, best = explorer.target.get_xy(), explorer.best.get_xydata()
    for points, name in ((target, "posterior_std"), (best, "q_std")):
        reach = (points.max(0) - points.min(0)) / 2 / 1.5
        # 181 points come within 1 − cos(1°) of the ellipse's extremes.
        assert reach == pytest.approx([drawn[f"{name}_1"], drawn[f"{name}_2"]], rel=2e-4)


def test_reset_returns_to_the_opening(explorer: AmortisedInference) -> None:
    opening = AmortisedInference().numbers
    explorer.at(rho=0.0, x=-2.5, encoder="1 row")
    assert explorer.reset() == opening
