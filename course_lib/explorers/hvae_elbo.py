"""Explorer of chapter 12: the bound of a chain, density by density, and a q counted twice."""

from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from itertools import accumulate, pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.chain_readings import CONDITIONAL, CORRECT, MARGINAL, SHORT, errors, read
from course_lib.exact import AffineGaussian, LinearGaussianChain
from course_lib.explorers.stage import Choice, Explorer, Reading, Slider
from course_lib.numerals import exactly, minus, number
from course_lib.plots import COLOURS, Ledger, below, ink, panels, printed, style

FORMULAS = {
    "once": CORRECT,
    "twice": CONDITIONAL,
    "given x instead": SHORT,
    "once, and given x": MARGINAL,
}
X = 1.0  # the observation
DEEPEST = 5
APART = 0.5  # between two columns, in widths of a block; x stands further off, for its number
NATS = (-3.65, 0.15)
MARKED = 0.2  # nats: in a block that is less high, ▼ or ▲ has no room
ROWS = {"log p": "prior", "−log q": "q", "off by": "q"}  # of numbers, and their colours
DIGITS = "₀₁₂₃₄₅"


@lru_cache(maxsize=DEEPEST)
def unit_chain(depth: int) -> tuple[LinearGaussianChain, list[AffineGaussian], float]:
    """The unit chain, its exact encoder, and log p(x) at X."""
    world = LinearGaussianChain.unit(depth)
    return world, world.exact_encoder(), world.log_evidence(X).item()


def lefts(depth: int) -> tuple[list[float], float]:
    """Where each block begins, and how wide it is, in shares of the panel.

    x has one block, z_t two: the model's and the encoder's. One more follows the last of them.
    """
    starts = [0.0]
    for t in range(depth):
        first = 1.4 + APART + t * (2 + APART)
        starts += [first, first + 1]
    starts.append(starts[-1] + 1)
    width = 1 / (starts[-1] + 1)
    return [start * width for start in starts], width


class ChainBound(Explorer):
    """The densities of the unit chain's bound at x = 1 as steps from 0, beside exact log p(x).

    All layers of q are exact but the top one, whose std is `ratio` times the exact one. Numbers,
    exact, in nats: log_evidence; value, the sum of the blocks; elbo; error = value − elbo, the
    hatched block; gap = log_evidence − elbo; entropy, h(z_T|z_{T−1}); marginal_entropy, h(z_T|x);
    model_0 … model_T, E log p(x|z_1), …, E log p(z_T); encoder_t, −E log q(z_t|z_{t−1}).
    """

    title = "The bound of a chain, density by density"
    height_px = 390
    controls = (
        Choice("formula", "log q of the top layer", tuple(FORMULAS), start="twice"),
        Slider("depth", "depth, T", 2, DEEPEST, 1, start=3),
        Slider("ratio", "q's top layer: std ÷ exact", 0.3, 1.5, 0.05, start=1.0),
    )

    def build(self, figure: Figure) -> None:
        """Left: the blocks, their numbers in rows below. Right: the ledger."""
        left, right = panels(
            figure, widths=(474, 182), left=78, right=4, top=42, bottom=92, across=58
        )
        self._build_steps(left)
        self.ledger = Ledger(right, NATS, gap_name="", bound_name="sum")
        self.moving(*self.ledger.artists)

    def _build_steps(self, ax: Axes) -> None:
        style(ax, title="add up the blocks, from 0, in nats", keep="")
        ax.set(xlim=(0, 1), ylim=NATS)
        ax.axhline(0, color=COLOURS["axis"], linewidth=0.8)
        count = 2 * DEEPEST + 2
        self.bars = [ax.add_patch(Rectangle((0, 0), 0, 0, linewidth=0)) for _ in range(count)]
        (self.joints,) = ax.plot([], [], color=COLOURS["axis"], linewidth=0.9)
        (self.evidence,) = ax.plot((0, 1), (0, 0), color=COLOURS["evidence"], linewidth=2)
        self.evidence.set_zorder(0.5)  # behind the blocks
        self.ways = [ax.plot([], [], sign, color="white", markersize=5)[0] for sign in "v^"]
        (self.level,) = ax.plot([], [], "--", color=COLOURS["elbo"], linewidth=1.2)
        self.names = [below(ax, 0.0, 15, of="text") for _ in range(DEEPEST + 1)]
        self.rows = []
        for row, (name, of) in enumerate(ROWS.items()):
            one = below(ax, -0.03, 37 + 20 * row, of=of)
            one.set(text=name, ha="right")
            self.rows.append([below(ax, 0.0, 37 + 20 * row, of=of) for _ in range(DEEPEST + 1)])
        self.rows[0][0].set_color(ink("reconstruction"))  # as the block above it
        self.moving(self.evidence, *self.bars, self.joints, self.level, *self.ways)
        self.moving(*self.names, *(text for row in self.rows for text in row))

    def update(self, formula: str, depth: int, ratio: float) -> Reading:
        """Spoils q's top layer, reads the formula, and lays its blocks end to end."""
        world, exact, log_p = unit_chain(depth)
        top = AffineGaussian(exact[-1].slope, exact[-1].offset, ratio * exact[-1].std)
        terms, name = world.terms([*exact[:-1], top], X), FORMULAS[formula]
        value, elbo = read(terms)[name].item(), terms.elbo.item()
        model = [terms.reconstruction.item(), *terms.transitions.tolist(), terms.prior.item()]
        encoder = terms.conditional_entropies.tolist()
        numbers = {
            "log_evidence": log_p,
            "value": value,
            "elbo": elbo,
            "error": errors(terms)[name].item(),
            "gap": log_p - elbo,
            "entropy": encoder[-1],
            "marginal_entropy": terms.marginal_entropies[-1].item(),
        }
        numbers |= {f"model_{t}": nats for t, nats in enumerate(model)}
        numbers |= {f"encoder_{t}": nats for t, nats in enumerate(encoder, start=1)}
        self._move_steps(in_order(model, encoder), numbers["error"], name, depth)
        self.evidence.set_ydata((log_p, log_p))
        shown = _shown(elbo, numbers["error"])
        error = self._write(model, encoder, numbers["error"], printed(log_p, shown)[1], name)
        # What another sum leaves below log p(x) is no KL, so not called a gap.
        self.ledger.set(log_p, shown, below="gap =" if name == CORRECT else "below by")
        return Reading(numbers, _sentence(numbers | {"value": shown}, error, name, depth))

    def _move_steps(self, parts: list[float], error: float, name: str, depth: int) -> None:
        """Blocks from one running sum to the next, joined by lines; hatched the error."""
        starts, width = lefts(depth)
        ends = [0.0, *accumulate([*parts, error])]
        colours = [COLOURS["reconstruction"], *[COLOURS["prior"], COLOURS["q"]] * depth]
        places = [*range(len(parts)), hatched_at(name, depth)]
        for i, bar in enumerate(self.bars):
            shown = i < len(parts) or (i == len(parts) and name != CORRECT)
            bar.set_visible(shown)
            if shown:
                bar.set(x=starts[places[i]], y=ends[i], width=width, height=ends[i + 1] - ends[i])
                bar.set(facecolor=[*colours, COLOURS["q"]][i], edgecolor="white")
                bar.set_hatch("////" if i == len(parts) else "")
        x = [(starts[i] + width, starts[i + 1], np.nan) for i in range(len(parts) - 1)]
        y = [(end, end, np.nan) for end in ends[1 : len(parts)]]
        self.joints.set_data(np.ravel(x), np.ravel(y))
        middles = [(starts[i] + width / 2, ends[i] + part / 2) for i, part in enumerate(parts)]
        for marks, up in zip(self.ways, (False, True), strict=True):
            way = 1 if up else -1
            seen = [m for m, part in zip(middles, parts, strict=True) if way * part > MARKED]
            marks.set_data(*zip(*seen, strict=True))
        self.level.set_data((starts[-1], 1.0), (ends[-1], ends[-1]))
        self.level.set_visible(name in (CORRECT, SHORT))

    def _write(
        self, model: list[float], encoder: list[float], error: float, total: str, name: str
    ) -> str:
        """Columns and their numbers, which add up to `total`; returns the error."""
        depth = len(encoder)
        starts, width = lefts(depth)
        written = _signed(model, [*encoder, error], total)
        columns = [starts[0] + width / 2, *(starts[2 * t] for t in range(1, depth + 1))]
        for t, text in enumerate(self.names):
            text.set_visible(t <= depth)
            if t <= depth:
                text.set(text=f"z{DIGITS[t]}" if t else "x", x=columns[t])
        rows = {0: [0, *range(1, 2 * depth, 2)], 1: range(2, 2 * depth + 1, 2)}
        rows[2] = [] if name == CORRECT else [2 * depth + 1]
        for row, texts in enumerate(self.rows):
            places = list(rows[row])
            for text in texts:
                text.set_visible(bool(places))
                if places:
                    i = places.pop(0)
                    at = starts[hatched_at(name, depth) if row == 2 else i] + width / 2
                    text.set(text=written[i], x=at)
        return written[-1].removeprefix("+")


def in_order(model: list[float], encoder: list[float]) -> list[float]:
    """log p(x|z_1), then of each latent the model's term and the encoder's."""
    pairs = zip(model[1:], encoder, strict=True)
    return [model[0], *(nats for pair in pairs for nats in pair)]


def hatched_at(name: str, depth: int) -> int:
    """Which place the hatched block has: the last, or upon that of the encoder's top layer."""
    return 2 * depth if name == SHORT else 2 * depth + 1


def _shown(elbo: float, error: float) -> float:
    """The sum of the blocks as it is printed: it takes up the rounding of its two parts.

    So the ELBO reads the same under every formula, and a block that stands twice the same twice.
    """
    return float(exactly(number(elbo)) + exactly(number(error)))


def _signed(model: list[float], rest: list[float], total: str) -> list[str]:
    """The blocks in order, each with its sign, so that they add up to `total` as printed.

    rest: the encoder's terms and the error. Those are rounded as they are, so that a block
    that stands twice reads the same twice; the model's terms, one more than the encoder's, take
    up the rounding.
    """
    unit = Decimal("0.001")
    known = [Decimal(nats).quantize(unit, ROUND_HALF_EVEN) for nats in rest]
    due = exactly(total) - sum(known)
    off = (float(due) - sum(model)) / len(model)
    ends = [Decimal(0)]
    ends += [Decimal(end).quantize(unit) for end in accumulate(nats + off for nats in model)]
    ends[-1] = due
    first, *steps = [b - a for a, b in pairwise(ends)]
    pairs = zip(steps, known, strict=False)
    ordered = [first, *(step for pair in pairs for step in pair), known[-1]]
    return [minus(f"{step:+f}") for step in ordered]


def _sentence(r: dict[str, float], error: str, name: str, depth: int) -> str:
    top, low = f"z{DIGITS[depth]}", f"z{DIGITS[depth - 1]}"
    log_p, value, gap = printed(r["log_evidence"], r["value"])
    side = f"{gap.removeprefix('−')} above" if gap.startswith("−") else f"{gap} below"
    start = f"T = {depth}: the blocks add up to {value} nats, {side} log p(x) = {log_p}. "
    if name == CORRECT:
        return f"{start}Their sum is the ELBO, and that gap is KL(q ‖ exact posterior)."
    why = {
        CONDITIONAL: f"log q({top}|{low}) is counted twice",
        MARGINAL: f"log q({top}|x) is counted as well as log q({top}|{low})",
        SHORT: f"log q({top}|x) is counted in place of log q({top}|{low})",
    }[name]
    narrow = ". A q so narrow has a negative entropy" if error.startswith("−") else ""
    return f"{start}The ELBO is {number(r['elbo'])}; {why}{narrow}, and that adds {error}."
