"""Explorer of chapter 4: the gap is KL(q ‖ posterior), place by place, and no other divergence."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.bounds import gap
from course_lib.distributions import DiagonalGaussian, FullGaussian, kl_divergence
from course_lib.exact import LinearGaussian, ScalarLatent, square_world
from course_lib.exact.grid_posterior import GridPosterior
from course_lib.explorers.stage import Choice, Explorer, Reading, Slider
from course_lib.plots import (
    COLOURS,
    PIXEL_RATIO,
    TEXT_PT,
    Ledger,
    ink,
    label,
    number,
    panels,
    printed,
    spread,
    style,
)

Array = NDArray[np.float64]

EDGE = 3.5  # z is drawn from −EDGE to EDGE
Z = torch.linspace(-EDGE, EDGE, 701, **DOUBLE).unsqueeze(-1)
FAR = torch.linspace(-10.0, 10.0, 4001, **DOUBLE).unsqueeze(-1)  # in σ
NATS = (-6.0, -0.5)  # of the ledger
NAMES = {"posterior": "exact posterior p(z|x)", "q": "q(z)"}
WIDTHS = {"posterior": 156.0, "q": 44.0}  # the room of these labels, shown pixels
BELOW = "#777777"  # where the integrand is negative
ROWS = {
    "gap": ("KL(q ‖ posterior)", "the gap"),
    "posterior": ("KL(posterior ‖ q)", "turned round"),
    "kl": ("KL(q ‖ prior)", "in the ELBO"),
}


@dataclass(frozen=True)
class Observed:
    """A world and an observation: log p(x) in nats, the exact posterior, and it drawn over Z."""

    world: LinearGaussian | ScalarLatent
    x: Tensor  # (1,)
    log_evidence: float
    posterior: FullGaussian | GridPosterior
    log_density: Tensor  # (701,)


@lru_cache(maxsize=200)
def observed(name: str, x: float) -> Observed:
    """The exact answers for x|z ~ N(z, 1) or N(z², 0.5²), with z ~ N(0, 1)."""
    one = torch.ones(1, 1, **DOUBLE)
    world = LinearGaussian(one, 0.0, 1.0) if name == "linear" else square_world(s=0.5)
    seen = torch.tensor([x], **DOUBLE)
    posterior = world.posterior(seen)
    return Observed(world, seen, world.log_evidence(seen).item(), posterior, posterior.log_prob(Z))


def divergences(exact: Observed, q: DiagonalGaussian) -> dict[str, float]:
    """The ledger, KL(q ‖ posterior) split by the sign of its integrand, and two other KLs, nats."""
    posterior = exact.posterior
    if isinstance(posterior, FullGaussian):
        turned_round = kl_divergence(posterior, q)
    else:
        turned_round = posterior.expectation(lambda z: posterior.log_prob(z) - q.log_prob(z))
    z = q.mean + q.std * FAR
    values = integrand(q.log_prob(z), posterior.log_prob(z))
    step = (FAR[1] - FAR[0]) * q.std
    lost = gap(q, posterior).item()
    takes_back = -(values.clamp(max=0.0).sum() * step).item()
    return {
        "log_evidence": exact.log_evidence,
        "elbo": exact.world.elbo(q, exact.x).item(),
        "gap": lost,
        "turned_round": turned_round.item(),
        "prior_kl": kl_divergence(q, exact.world.prior).item(),
        "adds": lost + takes_back,
        "takes_back": takes_back,
    }


def integrand(log_q: Tensor, log_posterior: Tensor) -> Tensor:
    """q log(q / posterior), nats per unit of z: its integral over z is KL(q ‖ posterior)."""
    return log_q.exp() * (log_q - log_posterior)


class PosteriorGap(Explorer):
    """q against the exact posterior, the integrand of KL(q ‖ posterior), and the ledger.

    Numbers, exact, in nats: log_evidence, elbo, gap = KL(q ‖ posterior); turned_round =
    KL(posterior ‖ q); prior_kl = KL(q ‖ prior); adds and takes_back, the parts of the gap where
    q is above the posterior and where it is below.
    """

    title = "What the ELBO loses: how far q is from the exact posterior"
    height_px = 460
    controls = (
        Choice("world", "mean of x, given z", ("linear", "z²"), start="linear"),
        Slider("x", "observation, x", -1.0, 3.0, 0.05, start=1.0),
        Slider("mean", "mean of q, μ", -2.0, 2.0, 0.05, start=1.35),
        Slider("std", "standard deviation of q, σ", 0.1, 1.4, 0.02, start=0.5),
    )

    def build(self, figure: Figure) -> None:
        """Left: the densities over the integrand. Right: the ledger over the three divergences."""
        self.top, right, self.bottom, below = panels(
            figure, widths=(11, 7), heights=(20, 13), left=20, bottom=47, across=50, down=64
        )
        self._build_densities(self.top)
        self._build_integrand(self.bottom)
        self.ledger = Ledger(right, NATS)
        self.moving(*self.ledger.artists)
        self._build_divergences(below)

    def _build_densities(self, ax: Axes) -> None:
        style(ax, title="q against the exact posterior").set(xlim=(-EDGE, EDGE))
        ax.set_xticklabels([])
        z = Z[:, 0].numpy()
        prior = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
        (self.prior,) = ax.plot(z, prior, "--", color=COLOURS["prior"], linewidth=1.6)
        self.fill = ax.fill_between(z, 0, prior, color=COLOURS["posterior"], alpha=0.15)
        self.fill.set_linewidth(0)
        self.curves = {of: ax.plot(z, prior, color=COLOURS[of], linewidth=2.2)[0] for of in NAMES}
        # Beside its curve the prior's name would meet another curve somewhere.
        (key,) = ax.plot((0.75, 0.84), (1.1, 1.1), "--", color=COLOURS["prior"], linewidth=1.6)
        key.set(transform=ax.transAxes, clip_on=False)
        _corner_text(ax, 1.0, 1.06, ink("prior")).set_text("prior p(z)")
        self.names = {of: label(ax, 0, 1, NAMES[of], of=of, ha="center") for of in NAMES}
        # An annotation's own line costs several times what a plain one does.
        self.leads = {of: ax.plot([], [], color=COLOURS[of], linewidth=1.0)[0] for of in NAMES}
        self.moving(self.prior, self.fill, *self.leads.values(), *self.curves.values())
        self.moving(*self.names.values())

    def _build_integrand(self, ax: Axes) -> None:
        style(ax, title="q log(q / posterior)", x="latent z").set(xlim=(-EDGE, EDGE))
        z = Z[:, 0].numpy()
        self.above = ax.fill_between(z, 0, 0 * z, color=COLOURS["gap"], linewidth=0)
        self.under = ax.fill_between(z, 0, 0 * z, color=BELOW, linewidth=0)
        self.zero = ax.axhline(0, color=COLOURS["axis"], linewidth=0.8)
        self.adds = _corner_text(ax, 0.66, 1.08, ink("gap"))
        self.takes_back = _corner_text(ax, 1.0, 1.08, "#666666")
        self.beyond = _corner_text(ax, 1.0, 0.95, ink("gap"))
        self.moving(self.above, self.under, self.zero)
        self.moving(self.adds, self.takes_back, self.beyond)

    def _build_divergences(self, ax: Axes) -> None:
        style(ax, title="Three divergences, one gap", keep="").set(xlim=(0, 1), ylim=(0, 1))
        self.numerals = {}
        for row, (of, (name, remark)) in enumerate(ROWS.items()):
            y = 0.84 - 0.27 * row
            label(ax, 0.0, y, name, of=of)
            label(ax, 0.69, y, remark, of=of)
            self.numerals[of] = label(ax, 0.65, y, "", of=of, ha="right")
        self.moving(*self.numerals.values())

    def update(self, world: str, x: float, mean: float, std: float) -> Reading:
        """Moves the curves and the areas, and writes the ledger and the divergences."""
        exact, q = observed(world, x), DiagonalGaussian.from_std(mean, std)
        numbers = divergences(exact, q)
        log_q = q.log_prob(Z)
        self._move_densities(log_q.exp().numpy(), exact.log_density.exp().numpy(), mean)
        self._move_integrand(integrand(log_q, exact.log_density).numpy(), numbers)
        self.ledger.set(numbers["log_evidence"], numbers["elbo"])
        _, _, lost = printed(numbers["log_evidence"], numbers["elbo"])
        shown = {"gap": lost, "posterior": number(numbers["turned_round"])}
        shown["kl"] = number(numbers["prior_kl"])
        for of, text in shown.items():
            self.numerals[of].set_text(text)
        return Reading(numbers, _sentence(numbers, shown))

    def _move_densities(self, q: Array, posterior: Array, mean: float) -> None:
        z = Z[:, 0].numpy()
        self.curves["q"].set_ydata(q)
        self.curves["posterior"].set_ydata(posterior)
        self.fill.set_data(z, 0, posterior)
        top = 1.3 * max(0.5, q.max(), posterior.max())
        self.top.set_ylim(0, top)
        # Of two equal modes, the one away from q bears the name.
        away = np.where(z * mean > 0, (1.0 - 1e-9) * posterior, posterior)
        peaks = {"posterior": (z[away.argmax()], away.max()), "q": (mean, q.max())}
        self._name(peaks, 0.93 * top)

    def _name(self, peaks: dict[str, tuple[float, float]], height: float) -> None:
        """Names in one row above the curves, in the order of the peaks they lead to."""
        order = sorted(peaks, key=lambda of: -peaks[of][0])
        room = self.top.bbox.width / PIXEL_RATIO
        scale = room / (2 * EDGE)  # shown pixels a unit of z
        wanted = [(peaks[of][0] + EDGE) * scale for of in order]
        centres = spread(wanted, [WIDTHS[of] for of in order], room)
        for of, centre in zip(order, centres, strict=True):
            at, (peak, top) = centre / scale - EDGE, peaks[of]
            self.names[of].set_position((at, height))
            self.leads[of].set_data((at, peak), (0.94 * height, top))

    def _move_integrand(self, values: Array, numbers: dict[str, float]) -> None:
        z = Z[:, 0].numpy()
        self.above.set_data(z, 0, values.clip(min=0))
        self.under.set_data(z, 0, values.clip(max=0))
        top = 1.1 * max(0.5, values.max())
        self.bottom.set_ylim(min(1.1 * values.min(), -0.15 * top), top)
        _, _, lost = printed(numbers["log_evidence"], numbers["elbo"])
        takes_back = round(numbers["takes_back"], 3)
        adds = float(lost.replace("−", "-")) + takes_back
        self.adds.set_text(f"adds {number(adds)}")
        self.takes_back.set_text(f"takes back {number(takes_back)}")
        outside = numbers["gap"] - float(np.trapezoid(values, z))
        much = outside > 0.01 * numbers["gap"]
        self.beyond.set_text(f"{number(outside)} of it outside the frame" if much else "")


def _corner_text(ax: Axes, x: float, y: float, colour: str) -> Text:
    """Text that ends at (x, y), fractions of the panel."""
    text = ax.text(x, y, "", ha="right", va="bottom", fontsize=TEXT_PT, color=colour)
    text.set_transform(ax.transAxes)
    return text


def _sentence(numbers: dict[str, float], shown: dict[str, str]) -> str:
    evidence, elbo, lost = printed(numbers["log_evidence"], numbers["elbo"])
    return (
        f"log p(x) is {evidence} nats, whatever q is. This q has the ELBO {elbo}. What it loses, "
        f"{lost} nats, is KL(q ‖ posterior); KL(q ‖ prior), {shown['kl']}, is another number, and "
        f"so is KL(posterior ‖ q), {shown['posterior']}."
    )
