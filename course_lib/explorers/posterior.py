"""Explorer of chapter 2: a q of one's own in the posterior's place, and what it costs."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.bounds import candidate_log_evidence, log_weights
from course_lib.distributions import DiagonalGaussian, expectation
from course_lib.explorers.scenes.posterior_panel import (
    EDGE,
    PosteriorPanel,
    Z,
    posterior_in_words,
    posterior_numbers,
)
from course_lib.explorers.scenes.small_worlds import world_and_x
from course_lib.explorers.stage import Choice, Explorer, Reading, Slider
from course_lib.plots import COLOURS, above, label, latent_ticks, number, panels, printed, style

WORLDS = ("linear, x = 1.25", "tanh, x = 1", "z², x = 1.5")
NATS = (-8.0, 1.0)  # of Candidate's formula
DRAWS = 15  # of q, at the middles of 15 equal shares of its mass: fixed as the sliders move
SHARES = (torch.arange(DRAWS, **DOUBLE) + 0.5) / DRAWS
NOISE = torch.special.ndtri(SHARES)  # ε, carried to z = μ + σ ε
NEAR = 3.0  # standard deviations of q: beyond, where it hardly ever draws, the curve ends
MARGIN = 0.56  # to the right of the panel, in z: where the average stands


class PosteriorExplorer(Explorer):
    """Prior, likelihood, exact posterior and q over z; Candidate's formula with the last two.

    Numbers: log_evidence; candidate_low and candidate_high, the extremes of log p(x, z) −
    log p(z|x) over the drawn z; posterior_mean, posterior_std, and its number of modes; with q in
    the posterior's place: q_low and q_high at q's quantiles, q_middle at its mean, q_average, the
    exact average over q, and short, by how much that is below log_evidence.
    """

    title = "q in the posterior's place"
    height_px = 400
    controls = (
        Choice("world", "mean of x, given z", WORLDS, start="z², x = 1.5"),
        Slider("mean", "mean of q, μ", -2.5, 2.5, 0.05, start=1.15),
        Slider("std", "standard deviation of q, σ", 0.2, 2.0, 0.05, start=0.25),
    )

    def build(self, figure: Figure) -> None:
        """Left: four curves over z. Right: log p(x, z) less the log of a density over z."""
        left, right = panels(figure, widths=(9, 10), left=20, right=62, top=112, across=60)
        self.densities = PosteriorPanel(left, row_px=38)
        above(left, 0.0, 18, f"q(z), {DRAWS} quantiles", of="q")
        (self.q,) = left.plot(Z[:, 0].numpy(), Z[:, 0].numpy(), color=COLOURS["q"], linewidth=2.2)
        self.ticks = latent_ticks(left, np.zeros(DRAWS), of="q")
        self.moving(*self.densities.artists, self.q, self.ticks)
        self._build_formula(right)

    def _build_formula(self, ax: Axes) -> None:
        z = Z[:, 0].numpy()
        style(ax, x="latent z", keep="xy").set(xlim=(-EDGE, EDGE), ylim=NATS)
        above(ax, 0.0, 84, "log p(x, z) − log of a density, in nats", of="text")
        above(ax, 0.0, 58, "of the exact posterior, at every z:", of="evidence")
        above(ax, 0.0, 38, "of q, on average:", of="q")
        above(ax, 0.62, 38, "short by", of="gap")
        above(ax, 0.0, 18, "of q, at the quantiles:", of="q")
        # Text is the dearest artist, by the letter: only the numbers move.
        places = {"evidence": (0.68, 58), "average": (0.36, 38), "gap": (0.82, 38), "q": (0.45, 18)}
        self.texts = {
            name: above(ax, *place, "", of="q" if name == "average" else name)
            for name, place in places.items()
        }
        (self.with_q,) = ax.plot(z, 0 * z, color=COLOURS["q"], linewidth=2.4)
        (self.flat,) = ax.plot(z, 0 * z, color=COLOURS["evidence"], linewidth=2.2)
        self.dots = {
            marker: ax.plot([], [], marker, color=COLOURS["q"], markersize=5, clip_on=False)[0]
            for marker in ("o", "v", "^")
        }
        self._build_average(ax)
        self.moving(self.with_q, self.flat, *self.dots.values(), *self.texts.values())

    def _build_average(self, ax: Axes) -> None:
        """Beside the panel: the average over q, and what it is short of the line."""
        place = EDGE + MARGIN
        (self.short,) = ax.plot([place] * 2, [0, 0], color=COLOURS["gap"], linewidth=6)
        self.short.set_solid_capstyle("butt")
        (self.average,) = ax.plot([place], [0], "o", color=COLOURS["q"], markersize=7)
        label(ax, place, NATS[1] - 0.6, "average", of="q", ha="center")
        self.below = label(ax, place, NATS[0] - 0.75, "", of="q", ha="center")
        for artist in (self.short, self.average):
            artist.set_clip_on(False)
        self.moving(self.short, self.average, self.below)

    def update(self, world: str, mean: float, std: float) -> Reading:
        """Moves the curves and the draws, and reads the formula with either density."""
        model, seen = world_and_x(world)
        q, posterior = DiagonalGaussian.from_std(mean, std), model.posterior(seen)
        log_joint = model.log_joint(seen, Z)  # (561,)
        log_posterior, log_q = posterior.log_prob(Z), q.log_prob(Z)
        exact = candidate_log_evidence(log_joint, log_posterior)
        draws = (q.mean + q.std * NOISE).unsqueeze(-1)  # (DRAWS, 1)
        weights = log_weights(model, q, seen, draws)  # (DRAWS,)
        average = expectation(q, lambda z: log_weights(model, q, seen, z)).item()
        numbers = {
            **posterior_numbers(posterior, log_posterior, exact),
            "q_low": weights.min().item(),
            "q_high": weights.max().item(),
            "q_middle": weights[DRAWS // 2].item(),
            "q_average": average,
            "short": posterior.log_evidence.item() - average,
        }
        self.densities.move(model, seen, log_posterior)
        self.q.set_ydata(log_q.exp().numpy())
        self.ticks.set_xdata(draws[:, 0].numpy())
        self._move_formula(exact, candidate_log_evidence(log_joint, log_q), q)
        self._move_dots(draws[:, 0], weights)
        self._move_average(numbers)
        return Reading(numbers, self._written(numbers))

    def _move_formula(self, exact: Tensor, with_q: Tensor, q: DiagonalGaussian) -> None:
        """The line and the curve, as far as q draws."""
        self.flat.set_ydata(exact.numpy())
        # Far beyond the panel a line costs time and shows nothing.
        drawn = with_q.clamp(NATS[0] - 50, NATS[1] + 50).numpy()
        near = ((Z - q.mean).abs() < NEAR * q.std)[:, 0].numpy()
        self.with_q.set_ydata(np.where(near, drawn, np.nan))

    def _move_dots(self, z: Tensor, weights: Tensor) -> None:
        """q's quantiles on its curve; beyond the panel, as arrows at the edge."""
        low, high = NATS
        places = {
            "o": (weights >= low) & (weights <= high),
            "v": weights < low,
            "^": weights > high,
        }
        for marker, here in places.items():
            inside = here & (z.abs() <= EDGE)
            self.dots[marker].set_data(z[inside].numpy(), weights[inside].clamp(low, high).numpy())

    def _move_average(self, r: dict[str, float]) -> None:
        """At its place beside the panel; if that is too low, an arrow with its true value."""
        low = max(r["q_average"], NATS[0])
        below = r["q_average"] < NATS[0]
        self.short.set_ydata([low, r["log_evidence"]])
        self.average.set_ydata([low])
        self.average.set_marker("v" if below else "o")
        self.below.set_text(_three_digits(r["q_average"]) if below else "")

    def _written(self, r: dict[str, float]) -> str:
        """Writes the numbers above the panel, and gives back the sentence with the same."""
        evidence, average, short = printed(r["log_evidence"], r["q_average"])
        extremes = f"{_three_digits(r['q_low'])} to {_three_digits(r['q_high'])}"
        texts = {"evidence": evidence, "average": average, "gap": short, "q": extremes}
        for name, text in texts.items():
            self.texts[name].set_text(text)
        return (
            f"{posterior_in_words(r)}; with it, log p(x, z) − log p(z|x) is {evidence} nats at "
            f"every z. With q in its place the formula gives {extremes} nats at {DRAWS} quantiles "
            f"of q, and {average} on average over q: short by {short}."
        )


def _three_digits(value: float) -> str:
    """Three digits or a whole number, so that the line keeps its length."""
    if abs(value) < 9.995:
        return number(value, 2)
    if abs(value) < 99.95:
        return number(value, 1)
    return number(value, 0)
