"""Explorer of chapter 3: the log-weight over z, what Jensen's inequality loses, and K draws."""

import math
from functools import lru_cache

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.bounds import (
    effective_sample_size,
    importance_weighted_bound,
    log_weights,
)
from course_lib.distributions import DiagonalGaussian, expectation
from course_lib.exact import ScalarLatent
from course_lib.exact.numerics.log_mean import expected_log_mean
from course_lib.explorers.scenes.small_worlds import small_world
from course_lib.explorers.stage import Choice, Explorer, Reading, Slider
from course_lib.plots import (
    COLOURS,
    Ledger,
    above,
    inside,
    latent_ticks,
    number,
    panels,
    printed,
    style,
)

WORLDS = ("linear, x = 1.25", "tanh, x = 2")
EDGE = 3.5  # z is drawn from −EDGE to EDGE
TOP = 1.15  # of the densities
NATS = (-4.5, -0.4)  # of log-weights and bounds
MOST = 64  # draws
COUNTS = tuple(range(1, MOST + 1))
TALLEST = 4.0  # of a weight over the mean weight, as drawn


def world_and_x(name: str) -> tuple[ScalarLatent, Tensor]:
    """One of WORLDS: the model, and the x that was observed."""
    if name == WORLDS[0]:
        return small_world("linear"), torch.tensor([1.25], **DOUBLE)
    return small_world("tanh"), torch.tensor([2.0], **DOUBLE)


class LogWeights(Explorer):
    """q against the exact posterior, the log-weight over z, K draws, and the bound L_K.

    Numbers: log_evidence, log p(x) by quadrature; elbo and gap, their difference; bound, L_K
    exactly, and shortfall, log p(x) − L_K; lowest and highest log-weight within μ ± 2σ; estimate,
    the log of the mean of the K weights drawn, and effective_draws, their effective sample size.
    """

    title = "The log-weight, its mean, and the log of the mean weight"
    height_px = 420
    controls = (
        Choice("world", "world", WORLDS, start=WORLDS[0]),
        Slider("mean", "mean of q, μ", -1.0, 2.5, 0.05, start=0.0),
        Slider("std", "standard deviation of q, σ", 0.2, 2.0, 0.02, start=1.0),
        Slider("K", "draws, K", 1, MOST, 1, start=8),
    )

    def build(self, figure: Figure) -> None:
        """Above: densities, and K weights. Below, on one axis of nats: log-weight, L_K, ledger."""
        generator = torch.Generator().manual_seed(4)
        self.noise = torch.randn(MOST, generator=generator, **DOUBLE)  # ε of μ + σ ε
        self.z = torch.linspace(-EDGE, EDGE, 281, **DOUBLE).unsqueeze(-1)
        densities, draws = panels(figure, (34, 38), right=10, top=46, bottom=298, across=24)
        below = panels(figure, (34, 17, 19), right=10, top=196, bottom=46, across=24)
        self._build_densities(densities)
        self._build_draws(draws)
        self._build_log_weight(below[0])
        self._build_bound(below[1])
        self.ledger = Ledger(below[2], NATS, gap_name="lost to Jensen")
        style(below[2], keep="").set_ylabel("")
        above(below[2], 0.0, 34, "one draw, K = 1", of="text")
        self.moving(*self.ledger.artists)

    def _build_densities(self, ax: Axes) -> None:
        style(ax, keep="").set(xlim=(-EDGE, EDGE), ylim=(0, TOP))
        ax.axhline(0, color=COLOURS["axis"], linewidth=0.8)
        above(ax, 0.0, 30, "q(z) and its K draws", of="q")
        above(ax, 0.0, 11, "exact posterior p(z|x)", of="posterior")
        z = self.z[:, 0].numpy()
        self.band = ax.fill_between(z, 0, 0 * z, color=COLOURS["posterior"], alpha=0.15)
        self.band.set_linewidth(0)
        (self.posterior,) = ax.plot(z, 0 * z, color=COLOURS["posterior"], linewidth=2.2)
        (self.q,) = ax.plot(z, 0 * z, color=COLOURS["q"], linewidth=2.2)
        self.ticks = latent_ticks(ax, np.full(MOST, np.nan), of="q")
        self.moving(self.band, self.posterior, self.q, self.ticks)

    def _build_draws(self, ax: Axes) -> None:
        style(ax, keep="y").set(xlim=(0, 1), ylim=(0, TALLEST))
        ax.set_yticks([0, 1, 2, 3, 4])
        above(ax, 0.0, 30, "weights of these K draws over their mean, sorted", of="text")
        above(ax, 0.0, 11, "effective sample size:", of="q")
        self.worth = above(ax, 0.4, 11, "", of="q")
        self.bars = ax.stairs([0.0], [0.0, 1.0], fill=True, color=COLOURS["q"], alpha=0.75)
        ax.axhline(1, color=COLOURS["evidence"], linewidth=1.0, linestyle=":").set_zorder(3)
        self.moving(self.bars, self.worth)

    def _build_log_weight(self, ax: Axes) -> None:
        style(ax, x="latent z", keep="xy").set(xlim=(-EDGE, EDGE), ylim=NATS)
        above(ax, 0.0, 34, "log-weight, log p(x, z) − log q(z), nats", of="q")
        above(ax, 0.0, 13, "log of the mean weight", of="evidence")
        above(ax, 0.5, 13, "mean of the log-weight", of="elbo")
        ends = (-EDGE, EDGE)
        self.evidence = ax.plot(ends, ends, color=COLOURS["evidence"], linewidth=2)
        self.elbo = ax.plot(ends, ends, color=COLOURS["elbo"], linewidth=2)
        z = self.z[:, 0].numpy()
        (self.faint,) = ax.plot(z, 0 * z, color=COLOURS["q"], linewidth=1.2, linestyle=":")
        (self.curve,) = ax.plot(z, 0 * z, color=COLOURS["q"], linewidth=2.6)
        self.dots = {
            marker: ax.plot([], [], marker, color=COLOURS["q"], markersize=4.5, clip_on=False)[0]
            for marker in ("o", "v", "^")
        }
        self.moving(*self.evidence, *self.elbo, self.faint, self.curve, *self.dots.values())

    def _build_bound(self, ax: Axes) -> None:
        style(ax, x="draws, K").set(xscale="log", xlim=(0.85, 85), ylim=NATS)
        ax.set_xticks([1, 4, 16, 64], ["1", "4", "16", "64"])
        ax.minorticks_off()
        above(ax, 0.0, 34, "K draws: the bound $L_K$", of="text")
        self.bound_text = above(ax, 0.0, 13, "", of="elbo")
        (self.gap,) = ax.plot([1, 1], [0, 0], color=COLOURS["gap"], linewidth=6)
        self.gap.set_solid_capstyle("butt")
        self.line = ax.plot((0.85, 85), (0, 0), color=COLOURS["evidence"], linewidth=2)
        (self.bounds,) = ax.plot(COUNTS, COUNTS, color=COLOURS["elbo"], linewidth=2.2)
        (self.point,) = ax.plot([1], [0], "o", color=COLOURS["elbo"], markersize=7)
        self.moving(self.gap, *self.line, self.bounds, self.point, self.bound_text)

    def update(self, world: str, mean: float, std: float, K: int) -> Reading:
        """Moves the curves, the draws and the bounds, and reads them."""
        model, x = world_and_x(world)
        q = DiagonalGaussian.from_std(mean, std)
        evidence = _log_evidence(world)
        bounds = _bounds(model, q, x)  # (64,)
        elbo = expectation(q, lambda z: log_weights(model, q, x, z)).item()
        draws = (mean + std * self.noise[:K]).unsqueeze(-1)  # (K, 1)
        weights = log_weights(model, q, x, draws)  # (K,)
        low, high = self._move_log_weight(model, q, x)
        self._move_densities(q, evidence)
        self._move_draws(draws[:, 0], weights)
        self._move_levels(evidence, elbo, bounds, K)
        numbers = {
            "log_evidence": evidence,
            "elbo": elbo,
            "gap": evidence - elbo,
            "bound": bounds[K - 1].item(),
            "shortfall": evidence - bounds[K - 1].item(),
            "lowest": low,
            "highest": high,
            "estimate": importance_weighted_bound(weights).item(),
            "effective_draws": effective_sample_size(weights).item(),
        }
        self.worth.set_text(f"{numbers['effective_draws']:.1f} of {K}")
        return Reading(numbers, _sentence(numbers, mean, std, K))

    def _move_log_weight(
        self, model: ScalarLatent, q: DiagonalGaussian, x: Tensor
    ) -> tuple[float, float]:
        """The curve, thick where q draws; its lowest and highest point within two σ."""
        self.log_weight = log_weights(model, q, x, self.z)  # (281,)
        drawn = self.log_weight.clamp(NATS[0] - 30, NATS[1] + 30).numpy()
        near = ((self.z - q.mean).abs() < 3 * q.std)[:, 0].numpy()
        self.faint.set_ydata(drawn)
        self.curve.set_ydata(np.where(near, drawn, np.nan))
        inner = q.mean + q.std * torch.linspace(-2, 2, 81, **DOUBLE).unsqueeze(-1)
        lowest, highest = log_weights(model, q, x, inner).aminmax()
        return lowest.item(), highest.item()

    def _move_densities(self, q: DiagonalGaussian, evidence: float) -> None:
        log_q = q.log_prob(self.z)
        posterior = (self.log_weight + log_q - evidence).exp().numpy()
        self.band.set_data(self.z[:, 0].numpy(), 0, posterior)
        self.posterior.set_ydata(posterior)
        self.q.set_ydata(log_q.exp().numpy())

    def _move_draws(self, z: Tensor, weights: Tensor) -> None:
        """Ticks, dots on the curve (beyond the panel as arrows at its edge), and the bars."""
        shown = np.full(MOST, np.nan)
        shown[: len(z)] = z.numpy()
        self.ticks.set_xdata(inside(shown, -EDGE, EDGE))
        low, high = NATS
        places = {"v": weights < low, "^": weights > high}
        places["o"] = ~(places["v"] | places["^"])
        for marker, here in places.items():
            seen = here & (z.abs() <= EDGE)
            self.dots[marker].set_data(z[seen].numpy(), weights[seen].clamp(low, high).numpy())
        share = weights.softmax(0).sort(descending=True).values * len(z)
        self.bars.set_data(share.clamp(max=TALLEST).numpy(), np.linspace(0, 1, len(z) + 1))

    def _move_levels(self, evidence: float, elbo: float, bounds: Tensor, count: int) -> None:
        at = bounds[count - 1].item()
        for line in (*self.evidence, *self.line):
            line.set_ydata((evidence, evidence))
        for line in self.elbo:
            line.set_ydata((elbo, elbo))
        self.bounds.set_ydata(bounds.clamp(min=NATS[0] - 5).numpy())
        self.point.set_data([count], [max(at, NATS[0])])
        self.point.set_marker("o" if at >= NATS[0] else "v")
        self.gap.set_data((count, count), (max(at, NATS[0]), evidence))
        self.bound_text.set_text(f"K = {count}: {printed(evidence, at)[1]}")
        self.ledger.set(evidence, elbo)


@lru_cache(maxsize=2)
def _log_evidence(world: str) -> float:
    """log p(x) by quadrature."""
    model, x = world_and_x(world)
    return model.log_evidence(x).item()


def _bounds(model: ScalarLatent, q: DiagonalGaussian, x: Tensor) -> Tensor:
    """L_1, …, L_64 exactly, over a grid that holds all of q and of the prior."""
    mean, std = q.mean.item(), q.std.item()
    reach = 8.5 * std
    z = torch.linspace(min(mean - reach, -8), max(mean + reach, 8), 361, **DOUBLE)
    points = z.unsqueeze(-1)
    log_probs = q.log_prob(points) + math.log(z[1] - z[0])
    return expected_log_mean(log_weights(model, q, x, points), log_probs, COUNTS, step=0.4)


def _sentence(r: dict[str, float], mean: float, std: float, count: int) -> str:
    evidence, elbo, gap = printed(r["log_evidence"], r["elbo"])
    _, bound, short = printed(r["log_evidence"], r["bound"])
    return (
        f"With q = N({number(mean, 2)}, {number(std, 2)}²) the log of the mean weight is log p(x) "
        f"= {evidence} nats and the mean of the log-weights, the ELBO, is {elbo}: {gap} lost. "
        f"Within two standard deviations the log-weight runs from {number(r['lowest'], 2)} to "
        f"{number(r['highest'], 2)}. With K = {count} the bound is {bound}, short by {short}."
    )
