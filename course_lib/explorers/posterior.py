"""Explorer of chapter 2: the exact posterior, and the number that it knows at every z."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.bounds import candidate_log_evidence, log_weights
from course_lib.distributions import DiagonalGaussian, Distribution, expectation
from course_lib.exact import ScalarLatent
from course_lib.explorers.scenes.small_worlds import NAMES, small_world
from course_lib.explorers.stage import Choice, Explorer, Reading, Slider
from course_lib.plots import COLOURS, above, latent_ticks, number, panels, style

EDGE = 3.5  # z is drawn from −EDGE to EDGE
TOP = 2.15  # of the densities
NATS = (-8.0, 1.0)  # of Candidate's formula
DRAWS = 15  # of q, at the middles of 15 equal shares of its mass: fixed as the sliders move
SHARES = (torch.arange(DRAWS, **DOUBLE) + 0.5) / DRAWS
NOISE = torch.special.ndtri(SHARES)  # ε, carried to z = μ + σ ε


class PosteriorExplorer(Explorer):
    """Prior, likelihood, exact posterior and q over z; Candidate's formula with the last two.

    Numbers: log_evidence; candidate_low and candidate_high, the extremes of log p(x, z) −
    log p(z|x) over the drawn z; posterior_mean, posterior_std, and its number of modes; with q in
    the posterior's place: q_low and q_high at q's quantiles, q_middle at its mean, and
    q_average, the exact average over q.
    """

    title = "What the posterior knows at every z"
    height_px = 370
    controls = (
        Choice("world", "mean of x, given z", NAMES, start="z²"),
        Slider("x", "observation, x", -1.0, 3.0, 0.05, start=1.5),
        Slider("mean", "mean of q, μ", -2.5, 2.5, 0.05, start=1.15),
        Slider("std", "standard deviation of q, σ", 0.2, 2.0, 0.05, start=0.25),
    )

    def build(self, figure: Figure) -> None:
        """Left: four curves over z. Right: log p(x, z) less the log of a density over z."""
        self.z = torch.linspace(-EDGE, EDGE, 561, **DOUBLE).unsqueeze(-1)  # (561, 1)
        left, right = panels(figure, widths=(9, 10), left=20, top=86, across=60)
        self._build_densities(left)
        self._build_formula(right)

    def _build_densities(self, ax: Axes) -> None:
        z = self.z[:, 0].numpy()
        style(ax, x="latent z").set(xlim=(-EDGE, EDGE), ylim=(0, TOP))
        above(ax, 0.0, 60, "Over the latent z", of="text")
        above(ax, 0.0, 34, "prior p(z)", of="prior")
        above(ax, 0.25, 34, "likelihood p(x|z), scaled to its peak", of="likelihood")
        above(ax, 0.0, 14, f"q(z), {DRAWS} quantiles", of="q")
        above(ax, 0.43, 14, "exact posterior p(z|x)", of="posterior")
        prior = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
        ax.plot(z, prior, color=COLOURS["prior"], linestyle="--", linewidth=1.6)
        self.band = ax.fill_between(z, 0, prior, color=COLOURS["posterior"], alpha=0.15)
        self.band.set_linewidth(0)
        self.curves = {
            of: ax.plot(z, prior, color=COLOURS[of], linewidth=width)[0]
            for of, width in (("likelihood", 1.6), ("posterior", 2.2), ("q", 2.2))
        }
        self.ticks = latent_ticks(ax, np.zeros(DRAWS), of="q")
        self.moving(self.band, *self.curves.values(), self.ticks)

    def _build_formula(self, ax: Axes) -> None:
        z = self.z[:, 0].numpy()
        style(ax, x="latent z", keep="xy").set(xlim=(-EDGE, EDGE), ylim=NATS)
        above(ax, 0.0, 60, "log p(x, z) − log density(z), in nats", of="text")
        above(ax, 0.0, 34, "with the exact posterior, at every z:", of="evidence")
        above(ax, 0.0, 14, "at the dots:", of="q")
        above(ax, 0.61, 14, "◂ on average", of="q")
        # Text is the dearest artist, by the letter: only the numbers move.
        self.exact_text = above(ax, 0.65, 34, "", of="evidence")
        self.range_text = above(ax, 0.25, 14, "", of="q")
        self.average_text = above(ax, 0.86, 14, "", of="q")
        (self.with_q,) = ax.plot(z, 0 * z, color=COLOURS["q"], linewidth=2.2)
        (self.flat,) = ax.plot(z, 0 * z, color=COLOURS["evidence"], linewidth=2.2)
        self.dots = {
            marker: ax.plot([], [], marker, color=COLOURS["q"], markersize=5, clip_on=False)[0]
            for marker in ("o", "v", "^")
        }
        (self.average,) = ax.plot([EDGE], [0], "<", color=COLOURS["q"], markersize=9, clip_on=False)
        self.moving(self.with_q, self.flat, self.average, *self.dots.values())
        self.moving(self.exact_text, self.range_text, self.average_text)

    def update(self, world: str, x: float, mean: float, std: float) -> Reading:
        """Moves the curves and the draws, and reads the formula with either density."""
        model, seen = small_world(world), torch.tensor([x], **DOUBLE)
        q, posterior = DiagonalGaussian.from_std(mean, std), model.posterior(seen)
        log_joint = model.log_joint(seen, self.z)  # (561,)
        log_posterior = posterior.log_prob(self.z)
        self._move_densities(model, seen, q, log_posterior)
        exact = candidate_log_evidence(log_joint, log_posterior)
        draws = (q.mean + q.std * NOISE).unsqueeze(-1)  # (DRAWS, 1)
        weights = log_weights(model, q, seen, draws)  # (DRAWS,)
        numbers = {
            "log_evidence": posterior.log_evidence.item(),
            "candidate_low": exact.min().item(),
            "candidate_high": exact.max().item(),
            "posterior_mean": posterior.mean.item(),
            "posterior_std": posterior.variance.sqrt().item(),
            "modes": _modes(log_posterior),
            "q_low": weights.min().item(),
            "q_high": weights.max().item(),
            "q_middle": weights[DRAWS // 2].item(),
            "q_average": expectation(q, lambda z: log_weights(model, q, seen, z)).item(),
        }
        self._move_formula(exact, candidate_log_evidence(log_joint, q.log_prob(self.z)))
        self._move_dots(draws[:, 0], weights)
        self._write(numbers)
        return Reading(numbers, _sentence(numbers))

    def _move_densities(
        self, model: ScalarLatent, x: Tensor, q: Distribution, log_posterior: Tensor
    ) -> None:
        z = self.z[:, 0].numpy()
        log_likelihood = model.decoder(self.z).log_prob(x)
        heights = {
            "likelihood": (log_likelihood - log_likelihood.max()).exp().numpy(),
            "posterior": log_posterior.exp().numpy(),
            "q": q.log_prob(self.z).exp().numpy(),
        }
        for of, height in heights.items():
            self.curves[of].set_ydata(height)
        self.band.set_data(z, 0, heights["posterior"])

    def _move_formula(self, exact: Tensor, with_q: Tensor) -> None:
        self.flat.set_ydata(exact.numpy())
        # Far beyond the panel a line costs time and shows nothing.
        self.with_q.set_ydata(with_q.clamp(NATS[0] - 50, NATS[1] + 50).numpy())

    def _move_dots(self, z: Tensor, weights: Tensor) -> None:
        """q's quantiles on its curve; beyond the panel, as arrows at the edge."""
        self.ticks.set_xdata(z.numpy())
        low, high = NATS
        places = {
            "o": (weights >= low) & (weights <= high),
            "v": weights < low,
            "^": weights > high,
        }
        for marker, here in places.items():
            inside = here & (z.abs() <= EDGE)
            self.dots[marker].set_data(z[inside].numpy(), weights[inside].clamp(low, high).numpy())

    def _write(self, r: dict[str, float]) -> None:
        self.exact_text.set_text(number(r["log_evidence"]))
        self.range_text.set_text(f"{_three_digits(r['q_low'])} to {_three_digits(r['q_high'])}")
        self.average_text.set_text(_three_digits(r["q_average"]))
        self.average.set_ydata([min(max(r["q_average"], NATS[0]), NATS[1])])


def _three_digits(value: float) -> str:
    """Three digits or a whole number, so that the line keeps its length."""
    if abs(value) < 9.995:
        return number(value, 2)
    if abs(value) < 99.95:
        return number(value, 1)
    return number(value, 0)


def _modes(log_density: Tensor) -> int:
    """How many grid points are higher than both neighbours."""
    inner = log_density[1:-1]
    return int(((inner > log_density[:-2]) & (inner > log_density[2:])).sum())


def _sentence(r: dict[str, float]) -> str:
    modes = "one mode" if r["modes"] == 1 else f"{r['modes']:.0f} modes"
    return (
        f"The exact posterior has {modes}, mean {number(r['posterior_mean'], 2)} and standard "
        f"deviation {number(r['posterior_std'], 2)}; with it, log p(x, z) − log p(z|x) is "
        f"{number(r['log_evidence'])} nats at every z. With q in its place the formula gives "
        f"{number(r['q_low'], 2)} to {number(r['q_high'], 2)} nats at its {DRAWS} quantiles shown, "
        f"and {number(r['q_average'], 2)} on average over q."
    )
