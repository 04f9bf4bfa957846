"""Explorer of chapter 5: what the weight of the KL buys and costs, for sixteen trained VAEs."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.arguments import DOUBLE, Numbers
from course_lib.data import Images, load_digits
from course_lib.distributions import DiagonalGaussian
from course_lib.explorers.scenes.beta_sweep import BETAS, SweepReport, trained_sweep
from course_lib.explorers.scenes.outlines import outlines
from course_lib.explorers.stage import Explorer, Reading, Steps
from course_lib.explorers.stage.work import at_work
from course_lib.numerals import exactly, fixed_point
from course_lib.plots import (
    COLOURS,
    caption,
    label,
    named_points,
    number,
    panels,
    printed,
    style,
)
from course_lib.vae import VAE

OPENING = 1.0  # the weight nearest to it opens, and is in the middle of the close-up
REACH = 3.6  # of the latent plane that is drawn, prior standard deviations
BUMPS = 240  # images whose q is drawn
NEAR = (-2.6, 3.5)  # the close-up reaches so far from its middle, nats; as many px a nat up
NAMED = (1.0, 8.0, 16.0, 32.0, 64.0)  # whose β stands beside their points
NAMED_NEAR = (0.1, 0.5, 1.0, 2.0)


class RateDistortionTrade(Explorer):
    """Models trained with weight β on the KL: distortion against rate, and the codes of images.

    models: VAEs with a 2-D latent and a Binomial(16) likelihood, stacked in the order of `betas`
    (M,). images: the data set, counts 0..16, whose labels hold every digit.
    Numbers, nats, means over the data: rate, distortion, elbo, mutual_information, aggregate_kl.
    """

    title = "What the two terms trade, at sixteen weights β"
    height_px = 424

    def __init__(self, models: VAE, betas: Numbers, images: Images) -> None:
        self.report = SweepReport(models, betas, images)
        values, start = self.report.betas, self.report.nearest(OPENING)
        self.controls = (Steps("beta", "weight of the KL, β", values, start=start),)
        super().__init__()

    @classmethod
    @at_work()
    def example(cls) -> "RateDistortionTrade":
        """On the sweep that the notebook trains, which takes some seconds."""
        return cls(trained_sweep(), torch.tensor(BETAS, **DOUBLE), load_digits())

    def prepare(self) -> None:
        """A sample of the codes of each model."""
        everyone = self.report.everyone
        apart = max(1, everyone.mean.shape[1] // BUMPS)
        self.bumps = [
            outlines(DiagonalGaussian(mean[::apart][:BUMPS], log_std[::apart][:BUMPS]))
            for mean, log_std in zip(everyone.mean, everyone.log_std, strict=True)
        ]

    def build(self, figure: Figure) -> None:
        """Left the curve, with a close-up in its empty corner; right the latent plane."""
        curve, plane = panels(
            figure, (352, 316), left=50, right=14, top=40, bottom=66, across=68, down=0
        )
        rate, distortion = self._along("rate"), self._along("distortion")
        low, high = min(distortion), max(distortion)
        margin = 0.06 * (high - low)
        style(curve, title="Distortion D against rate R", x="R, nats", keep="xy")
        curve.set(xlim=(-0.04 * max(rate), 1.08 * max(rate)))
        curve.set(ylim=(low - 2 * margin, high + margin))
        self.curve = _Curve(curve, rate, distortion, self.report.betas, NAMED)
        near = self._close_up(curve, rate, distortion)
        self.near = _Curve(near, rate, distortion, self.report.betas, NAMED_NEAR)
        self._build_plane(plane)
        self.moving(*self.curve.artists, *self.near.artists)

    def _close_up(self, curve: Axes, rate: list[float], distortion: list[float]) -> Axes:
        """Axes within the curve's, round its opening point, with one scale across and up."""
        left, bottom, width, height = curve.get_position().bounds
        box = (left + 0.38 * width, bottom + 0.44 * height, 0.6 * width, 0.5 * height)
        near: Axes = self.stage.figure.add_axes(box)
        at = self.report.betas.index(self.controls[0].start)
        up = 0.5 * (NEAR[1] - NEAR[0]) * near.bbox.height / near.bbox.width
        near.set(xlim=(rate[at] + NEAR[0], rate[at] + NEAR[1]))
        near.set(ylim=(distortion[at] - up, distortion[at] + up))
        style(near, title="close-up round β = 1", keep="")
        near.spines[:].set(visible=True, color=COLOURS["axis"], linewidth=0.8)
        return near

    def _along(self, name: str) -> list[float]:
        """One number of every model, in the order of β."""
        return [means[name] for means in self.report.means]

    def _build_plane(self, ax: Axes) -> None:
        style(ax, title="Codes in the latent plane", keep="")
        ax.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal")
        prior = DiagonalGaussian.from_std([[0.0, 0.0]] * 2, [[1.0, 1.0], [2.0, 2.0]])
        (self.cloud,) = ax.plot([], [], color=COLOURS["q"], linewidth=0.9, alpha=0.8)
        (self.circles,) = ax.plot(*outlines(prior, 96).T, "--", color="#555555", linewidth=1.5)
        caption(ax, 0.0, "prior, 1σ and 2σ", of="axis")
        caption(ax, 0.45, f"q(z|x) of {BUMPS} images, 1σ", of="q")
        self.parts = caption(ax, 0.0, "", of="text")
        self.parts.set_y(-0.165)
        self.moving(self.cloud, self.circles, self.parts)

    def update(self, beta: float) -> Reading:
        """Moves the point, its tangent and the ellipses."""
        at = self.report.betas.index(beta)
        numbers = dict(self.report.means[at])
        for drawn in (self.curve, self.near):
            drawn.move(beta, numbers["rate"], numbers["distortion"])
        self.cloud.set_data(*self.bumps[at].T)
        whole, part, rest = printed(numbers["rate"], numbers["mutual_information"], decimals=1)
        self.parts.set_text(f"R = {whole} nats: {part} tell the image, {rest} are waste")
        return Reading(numbers, _sentence(numbers, beta))

    def described(self) -> str:
        """Without what training gives, which another machine's last digits would change."""
        return (
            f"{self.title}: distortion against rate, and the codes of {BUMPS} images in the latent "
            f"plane, for β = {self._values()['beta']:g}."
        )


class _Curve:
    """The sixteen points in one panel, and what moves: the chosen one, and its line of slope −β."""

    def __init__(
        self,
        ax: Axes,
        rate: list[float],
        distortion: list[float],
        betas: list[float],
        named: tuple[float, ...],
    ) -> None:
        self.ax = ax
        (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
        names = {
            i: f"{beta:g}"
            for i, (beta, across, up) in enumerate(zip(betas, rate, distortion, strict=True))
            if beta in named and left < across < right and low < up < high
        }
        named_points(
            ax, rate, distortion, names, of="kl", shift=(0.024, 0.052), size=4.5, width=1.6
        )
        (self.tangent,) = ax.plot([], [], color=COLOURS["axis"], linewidth=1.2)
        (self.here,) = ax.plot([], [], "o", color=COLOURS["elbo"], markersize=8)
        place = right - 0.03 * (right - left), high - 0.09 * (high - low)
        self.outside = label(ax, *place, "", of="elbo", ha="right")
        self.artists = (self.tangent, self.here, self.outside)

    def move(self, beta: float, rate: float, distortion: float) -> None:
        """To the model of this weight."""
        (left, right), (low, high) = self.ax.get_xlim(), self.ax.get_ylim()
        self.here.set_data((rate,), (distortion,))
        reach, up = 0.3 * (right - left), 0.3 * (high - low)
        if beta * reach > up:
            reach = up / beta
        inside = left < rate < right and low < distortion < high
        self.outside.set_text("" if inside else f"β = {beta:g} lies outside")
        ends = np.array([-reach, reach])
        self.tangent.set_data(rate + ends, distortion - beta * ends)


def _sentence(r: dict[str, float], beta: float) -> str:
    whole, part, rest = printed(r["rate"], r["mutual_information"], decimals=1)
    elbo = number(r["elbo"], 1)
    distortion = fixed_point(-exactly(elbo) - exactly(whole))  # R + D is −ELBO as printed
    near = "are not" if exactly(rest) else "all but coincide with"
    return (
        f"With β = {beta:g} an image costs R = {whole} nats of code and D = "
        f"{distortion} more given the code: on average the ELBO is "
        f"{elbo}. Of the rate, {part} say which image it was, and {rest} are "
        f"waste: the codes together {near} the prior."
    )
