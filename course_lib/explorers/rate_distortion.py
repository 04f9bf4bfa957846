"""Explorer of chapter 5: what the weight of the KL buys and costs, for sixteen trained VAEs."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from course_lib.data import Images, load_digits
from course_lib.distributions import DiagonalGaussian
from course_lib.explorers.scenes.beta_sweep import BETAS, COUNT, SweepReport, quick_sweep
from course_lib.explorers.scenes.outlines import outlines
from course_lib.explorers.stage import Explorer, Reading, Steps
from course_lib.explorers.stage.work import at_work
from course_lib.plots import (
    COLOURS,
    Ledger,
    caption,
    image_grid,
    label,
    number,
    panels,
    printed,
    style,
)
from course_lib.vae import VAE

OPENING = 1.0  # the weight nearest to it opens
REACH = 4.4  # of the latent plane that is drawn, prior standard deviations
BUMPS = 240  # images whose q is drawn
DRAWS, COLUMNS = 12, 6  # prior draws that are decoded, and how many stand in a row
WIDTHS, HEIGHTS = (212, 236, 214), (236, 98)  # of the panels, shown pixels
WINDOW = (-40.0, 15.0)  # of the ledger, nats from log p(x)
ROWS = ("mean rate R", "information I(x; z)", "KL(aggregate ‖ prior)")


class RateDistortionTrade(Explorer):
    """Models trained with weight β on the KL: the two terms, the codes, the pictures, the bound.

    models: VAEs with a 2-D latent and a Binomial(16) likelihood, stacked in the order of `betas`
    (M,). images: the data set, counts 0..16, whose labels hold every digit.
    Numbers, nats. Means over the data: rate, distortion, elbo, mutual_information, aggregate_kl.
    Of the image: image_rate = KL(q ‖ prior); log_evidence, image_elbo and objective
    (reconstruction − β · image_rate) by quadrature; gap = KL(q ‖ posterior).
    """

    title = "What the two terms trade, at sixteen weights β"
    height_px = 462

    def __init__(self, models: VAE, betas: Tensor, images: Images) -> None:
        self.report = SweepReport(models, betas, images)
        values = self.report.betas
        start = min(values, key=lambda beta: abs(beta - OPENING))
        self.controls = (
            Steps("beta", "weight of the KL, β", values, start=start),
            Steps("digit", "image x, a handwritten", tuple(range(10)), start=4),
        )
        super().__init__()

    @classmethod
    @at_work()
    def example(cls) -> "RateDistortionTrade":
        """On a sweep that is trained for a few seconds."""
        betas = torch.tensor(BETAS, dtype=torch.float32, device="cpu")
        return cls(quick_sweep(), betas, load_digits())

    def prepare(self) -> None:
        """Prior draws, the same for every β, and a sample of the codes."""
        generator = torch.Generator().manual_seed(4)
        z = torch.randn(DRAWS, 2, generator=generator, dtype=torch.float32, device="cpu").double()
        self.drawn = self.report.decoded(z)  # (M, DRAWS, D)
        everyone = self.report.everyone
        apart = everyone.mean.shape[1] // BUMPS
        self.bumps = [
            outlines(DiagonalGaussian(mean[::apart][:BUMPS], log_std[::apart][:BUMPS]))
            for mean, log_std in zip(everyone.mean, everyone.log_std, strict=True)
        ]

    def build(self, figure: Figure) -> None:
        """Above: curve, latent plane, ledger. Below: images, prior draws, the rate in two parts."""
        curve, plane, right, pair, drawn, split = panels(
            figure, WIDTHS, HEIGHTS, left=52, right=14, top=40, bottom=14, across=36, down=74
        )
        self._build_curve(curve)
        self._build_plane(plane)
        self.ledger = Ledger(right, WINDOW, gap_name="", bound_name="objective", decimals=1)
        style(right, title="The objective for this x", keep="").set_ylabel("")
        caption(right, 0.0, "objective: reconstruction − β KL", of="elbo")
        style(pair, title="x and its reconstruction", keep="")
        self.pair = image_grid(pair, _enlarged(self.report.x[:2] / COUNT), columns=2)
        style(drawn, title=f"{DRAWS} prior draws, decoded", keep="")
        self.sheet = image_grid(drawn, _enlarged(self.drawn[0]), columns=COLUMNS)
        for ax in (pair, drawn):
            ax.set_anchor("NW")
        self._build_split(split)
        self.moving(*self.ledger.artists, self.pair.artist, self.sheet.artist)

    def _build_curve(self, ax: Axes) -> None:
        rate, distortion = self.report.rate, self.report.distortion
        low, high = min(distortion), max(distortion)
        margin = 0.12 * (high - low)
        style(ax, title="Distortion D against rate R", x="R, nats", keep="xy")
        ax.set(xlim=(-0.05 * max(rate), 1.1 * max(rate)), ylim=(low - margin, high + 1.5 * margin))
        ax.plot(rate, distortion, "-o", color=COLOURS["kl"], markersize=4.5, linewidth=1.6)
        (self.tangent,) = ax.plot([], [], color=COLOURS["axis"], linewidth=1.2)
        (self.here,) = ax.plot([], [], "o", color=COLOURS["elbo"], markersize=9)
        self.here_name = label(ax, 0, 0, "", of="elbo")
        self.curve = ax
        self.moving(self.tangent, self.here, self.here_name)

    def _build_plane(self, ax: Axes) -> None:
        style(ax, title="Codes in the latent plane", keep="")
        ax.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal")
        prior = DiagonalGaussian.from_std([[0.0, 0.0]] * 2, [[1.0, 1.0], [2.0, 2.0]])
        (self.cloud,) = ax.plot([], [], color=COLOURS["q"], linewidth=0.9, alpha=0.8)
        (self.circles,) = ax.plot(*outlines(prior, 96).T, "--", color="#555555", linewidth=1.5)
        (self.mine,) = ax.plot([], [], color="black", linewidth=2.4)
        caption(ax, 0.0, "prior, 1σ 2σ", of="axis")
        caption(ax, 0.42, f"{BUMPS} q's", of="q")
        caption(ax, 0.75, "q(z|x)", of="text")
        self.moving(self.cloud, self.circles, self.mine)

    def _build_split(self, ax: Axes) -> None:
        style(ax, title="The mean rate in two parts", keep="").set(xlim=(0, 1), ylim=(0, 1))
        self.numerals = []
        for row, name in enumerate(ROWS):
            y = 0.86 - 0.27 * row
            label(ax, 0.0, y, name, of="text")
            self.numerals.append(label(ax, 1.0, y, "", of="text", ha="right"))
        self.moving(*self.numerals)

    def update(self, beta: float, digit: int) -> Reading:
        """Moves the point, the ellipses, the images, the ledger and the parts of the rate."""
        at = self.report.betas.index(beta)
        numbers = self.report.numbers(at, digit)
        self._move_curve(beta, numbers["rate"], numbers["distortion"])
        self._move_plane(at, digit)
        pair = torch.stack([self.report.x[digit] / COUNT, self.report.rebuilt[at, digit]])
        self.pair.set(_enlarged(pair))
        self.sheet.set(_enlarged(self.drawn[at]))
        evidence = numbers["log_evidence"]
        self.ledger.ax.set_ylim(evidence + WINDOW[0], evidence + WINDOW[1])
        # With another weight the distance to log p(x) is no KL alone, so not called a gap.
        self.ledger.set(evidence, numbers["objective"], below="gap =" if beta == 1 else "below by")
        whole, part, rest = printed(numbers["rate"], numbers["mutual_information"], decimals=1)
        for text, shown in zip(self.numerals, (whole, part, f"+ {rest}"), strict=True):
            text.set_text(shown)
        return Reading(numbers, _sentence(numbers, beta, digit))

    def _move_curve(self, beta: float, rate: float, distortion: float) -> None:
        self.here.set_data((rate,), (distortion,))
        (left, right), (low, high) = self.curve.get_xlim(), self.curve.get_ylim()
        reach = min(0.3 * (right - left), 0.3 * (high - low) / beta)
        ends = np.array([-reach, reach])
        self.tangent.set_data(rate + ends, distortion - beta * ends)
        self.here_name.set_text(f"slope −{beta:g}")
        room = rate < 0.62 * right  # beside the point; else above it, clear of the curve
        self.here_name.set(ha="left" if room else "right")
        aside = rate + 0.04 * (right - left) if room else right
        self.here_name.set_position((aside, distortion + 0.1 * (high - low)))

    def _move_plane(self, at: int, digit: int) -> None:
        self.cloud.set_data(*self.bumps[at].T)
        q = self.report.q
        mine = DiagonalGaussian(q.mean[at, digit : digit + 1], q.log_std[at, digit : digit + 1])
        self.mine.set_data(*outlines(mine).T)

    def described(self) -> str:
        """Without what training gives, which another machine's last digits would change."""
        values = self._values()
        return (
            f"{self.title}: distortion against rate, the codes of {BUMPS} images in the latent "
            f"plane, decoded prior draws, and the objective beside the exact log p(x), for "
            f"β = {values['beta']:g} and a handwritten {values['digit']}."
        )


def _enlarged(pixels: Tensor) -> NDArray[np.float64]:
    """Images (N, 64) as (N, 32, 32): each pixel 4 × 4, so that the line between two is thin."""
    large: NDArray[np.float64] = pixels.reshape(-1, 8, 8).numpy().repeat(4, 1).repeat(4, 2)
    return large


def _sentence(r: dict[str, float], beta: float, digit: int) -> str:
    evidence, objective, gap = printed(r["log_evidence"], r["objective"], decimals=1)
    if gap.startswith("−"):
        verdict = f"{gap.removeprefix('−')} nats above it: no bound"
    else:
        verdict = f"{gap} nats below it: a bound"
    return (
        f"With β = {beta:g} an image costs R = {number(r['rate'], 1)} nats of code and "
        f"D = {number(r['distortion'], 1)} more given the code: ELBO {number(r['elbo'], 1)} on "
        f"average. For this {digit}, log p(x) is exactly {evidence}; the objective that was "
        f"trained is {objective}, {verdict}."
    )
