"""Explorer of chapter 12: the bound of a chain, layer by layer, in four readings of a formula."""

from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from itertools import accumulate, pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.chain_readings import (
    CONDITIONAL,
    CORRECT,
    MARGINAL,
    SHORT,
    errors,
    layer_costs,
    layer_kls,
    read,
)
from course_lib.exact import AffineGaussian, ChainExpectations, LinearGaussianChain
from course_lib.explorers.stage import Choice, Explorer, Reading, Slider
from course_lib.numerals import minus
from course_lib.plots import COLOURS, PIXEL_RATIO, Ledger, below, number, panels, printed, style

FORMULAS = {
    "correct": CORRECT,
    "conditional KL": CONDITIONAL,
    "marginal KL": MARGINAL,
    "sum to T−1": SHORT,
}
X = 1.0  # the observation
DEEPEST = 5
COLUMNS = DEEPEST + 2  # x, the layers, and what is counted again
AT = (0.15, *(1.2 + step for step in range(COLUMNS - 1)))  # the first has the longest name
NATS = (-3.4, 0.15)
WIDTH = 0.56  # of a bar
AGAIN = "#bbbbbb"  # as in the ledger, where a value lies above log p(x)
DIGITS = "₀₁₂₃₄₅"


@lru_cache(maxsize=DEEPEST)
def unit_chain(depth: int) -> tuple[LinearGaussianChain, list[AffineGaussian], float]:
    """The unit chain, its exact encoder, and log p(x) at X."""
    world = LinearGaussianChain.unit(depth)
    return world, world.exact_encoder(), world.log_evidence(X).item()


class ChainBound(Explorer):
    """The terms of the unit chain's bound at x = 1 as steps down from 0, beside exact log p(x).

    All layers of q are exact but the top one: its std is `ratio` times the exact one, and its mean
    is off by `shift`. Numbers, exact, in nats: log_evidence; value, of the formula drawn; elbo;
    error = value − elbo; gap = log_evidence − elbo; entropy, h(z_T|z_{T−1}); marginal_entropy,
    h(z_T|x); reconstruction; cost_t of each layer below the top; top_kl, as drawn; again, what
    the formula adds a second time, 0 if nothing.
    """

    title = "The bound of a chain, term by term, in four readings of one formula"
    height_px = 400
    controls = (
        Choice("formula", "formula", tuple(FORMULAS), start="conditional KL"),
        Slider("depth", "depth, T", 2, DEEPEST, 1, start=3),
        Slider("ratio", "q's top layer: std ÷ exact", 0.3, 2.0, 0.05, start=1.0),
        Slider("shift", "shift of its mean", -0.7, 0.7, 0.05, start=0.0),
    )

    def build(self, figure: Figure) -> None:
        """Left: the terms as steps, their numbers in a row below. Right: the ledger."""
        left, right = panels(
            figure, widths=(536, 186), left=8, right=4, top=50, bottom=84, across=58
        )
        self._build_steps(left)
        self.ledger = Ledger(right, NATS, gap_name="", bound_name="formula")
        self.moving(*self.ledger.artists)

    def _build_steps(self, ax: Axes) -> None:
        style(ax, title="one term after the other, from 0 down, in nats", keep="")
        ax.set(xlim=(-0.5, AT[-1] + 0.45), ylim=NATS)
        ax.axhline(0, color=COLOURS["axis"], linewidth=0.8)
        self.bars = [ax.add_patch(Rectangle((0, 0), WIDTH, 0, linewidth=0)) for _ in AT]
        self.bars[-1].set_hatch("////")
        self.missing = ax.add_patch(Rectangle((0, 0), WIDTH, 0, fill=False, linestyle=(0, (3, 2))))
        self.missing.set_edgecolor(COLOURS["axis"])
        (self.joints,) = ax.plot([], [], color=COLOURS["axis"], linewidth=0.9)
        (self.evidence,) = ax.plot(ax.get_xlim(), (0, 0), color=COLOURS["evidence"], linewidth=2)
        (self.level,) = ax.plot([], [], "--", color=COLOURS["elbo"], linewidth=1.2)
        self.rows = [[below(ax, x, px, of="text") for x in AT] for px in (16, 36, 62)]
        rule = 1 + 47 * PIXEL_RATIO / ax.bbox.height
        (line,) = ax.plot((0, 1), (1 - rule, 1 - rule), color=COLOURS["axis"], linewidth=0.8)
        line.set(transform=ax.transAxes, clip_on=False)
        self.moving(*self.bars, self.missing, self.joints, self.evidence, self.level)
        self.moving(*(text for row in self.rows for text in row))

    def update(self, formula: str, depth: int, ratio: float, shift: float) -> Reading:
        """Spoils q's top layer, reads the formula, and lays its terms end to end."""
        world, exact, log_p = unit_chain(depth)
        top = AffineGaussian(exact[-1].slope, exact[-1].offset + shift, ratio * exact[-1].std)
        terms, name = world.terms([*exact[:-1], top], X), FORMULAS[formula]
        every = read(terms)
        value, elbo = every[name].item(), every[CORRECT].item()
        parts = _drawn_terms(terms, name)
        numbers = {
            "log_evidence": log_p,
            "value": value,
            "elbo": elbo,
            "error": errors(terms)[name].item(),
            "gap": log_p - elbo,
            "entropy": terms.conditional_entropies[-1].item(),
            "marginal_entropy": terms.marginal_entropies[-1].item(),
        }
        numbers |= parts
        self._move_steps(list(parts.values()), log_p, depth)
        self._write(parts, printed(log_p, value)[1], name, depth)
        information = numbers["marginal_entropy"] - numbers["entropy"]
        self._move_missing(list(parts.values()), name, information, depth)
        # What another reading leaves below log p(x) is no KL, so not called a gap.
        self.ledger.set(log_p, value, below="gap =" if name == CORRECT else "below by")
        return Reading(numbers, _sentence(numbers, name, depth))

    def _move_steps(self, parts: list[float], log_p: float, depth: int) -> None:
        """Bars from one running sum to the next, joined by thin lines."""
        ends = [0.0, *accumulate(parts)]
        counted = depth + 2 if parts[-1] else depth + 1
        colours = [COLOURS["reconstruction"], *[COLOURS["kl"]] * depth, AGAIN]
        for i, bar in enumerate(self.bars):
            bar.set_visible(i < counted)
            if i < counted:
                bar.set(x=AT[i] - WIDTH / 2, y=ends[i], height=ends[i + 1] - ends[i])
                bar.set(facecolor=colours[i], edgecolor="white")
                bar.set_hatch("////" if i == depth + 1 else "")
        x = [(AT[i] + WIDTH / 2, AT[i + 1] - WIDTH / 2, np.nan) for i in range(counted - 1)]
        y = [(end, end, np.nan) for end in ends[1:counted]]
        self.joints.set_data(np.ravel(x), np.ravel(y))
        self.evidence.set_ydata((log_p, log_p))
        self.level.set_data((AT[counted - 1] + WIDTH / 2, AT[-1] + 0.45), (ends[counted],) * 2)

    def _move_missing(self, parts: list[float], name: str, gone: float, depth: int) -> None:
        """The part of the conditional KL that the marginal one lacks, as an empty box."""
        self.missing.set_visible(name in (MARGINAL, SHORT))
        foot = sum(parts[: depth + 1])
        self.missing.set(x=AT[depth] - WIDTH / 2, y=foot - gone, height=gone)

    def _write(self, parts: dict[str, float], total: str, name: str, depth: int) -> None:
        """Three rows under the bars: what it is, of which variables, how many nats."""
        top_given_below = f"z{DIGITS[depth]}|z{DIGITS[depth - 1]}"
        words, about = ["reconstruction"], ["x|z₁"]
        for t in range(1, depth):
            words.append(f"layer {t}")
            about.append(f"z{DIGITS[t]}")
        words.append("top KL")
        conditional = name in (CORRECT, CONDITIONAL)
        about.append(top_given_below if conditional else f"z{DIGITS[depth]}|x")
        if parts["again"]:
            words.append("again")
            about.append(top_given_below)
        values = _signed_parts(list(parts.values())[: len(words)], total)
        for row, texts in zip(self.rows, (words, about, values), strict=True):
            padded = texts + [""] * (COLUMNS - len(texts))
            for text, written in zip(row, padded, strict=True):
                text.set_text(written)


def _drawn_terms(terms: ChainExpectations, name: str) -> dict[str, float]:
    """The signed terms in the order in which they are drawn; their sum is the reading."""
    costs, kls = layer_costs(terms), layer_kls(terms)
    conditional = name in (CORRECT, CONDITIONAL)
    parts = {"reconstruction": terms.reconstruction.item()}
    parts |= {f"cost_{t}": -cost.item() for t, cost in enumerate(costs[:-1], start=1)}
    parts["top_kl"] = -(costs if conditional else kls)[-1].item()
    twice = name in (CONDITIONAL, MARGINAL)
    parts["again"] = terms.conditional_entropies[-1].item() if twice else 0.0
    return parts


def _signed_parts(parts: list[float], total: str) -> list[str]:
    """Each part with its sign, rounded so that they add up to `total` as printed."""
    unit = Decimal("0.001")
    ends = [Decimal(end).quantize(unit, ROUND_HALF_EVEN) for end in accumulate(parts)]
    ends[-1] = Decimal(total.replace("−", "-"))
    steps = [ends[0], *(b - a for a, b in pairwise(ends))]
    return [minus(f"{step:+f}") for step in steps]


def _sentence(r: dict[str, float], name: str, depth: int) -> str:
    top, low = f"z{DIGITS[depth]}", f"z{DIGITS[depth - 1]}"
    log_p, value, gap = printed(r["log_evidence"], r["value"])
    side = f"{gap.removeprefix('−')} above" if gap.startswith("−") else f"{gap} below"
    start = f"T = {depth}: the formula gives {value} nats, {side} log p(x) = {log_p}. "
    if name == CORRECT:
        return f"{start}It is the ELBO, and that gap is KL(q ‖ exact posterior)."
    excess = {
        CONDITIONAL: f"h({top}|{low}), which it counts twice",
        MARGINAL: f"h({top}|x): h({top}|{low}) counted twice, and a KL that lacks what {low} says",
        SHORT: f"what {low} says of {top} once x is known, which its KL lacks",
    }[name]
    return (
        f"{start}The ELBO is {number(r['elbo'])}. The formula adds {number(r['error'])} to it: "
        f"{excess}."
    )
