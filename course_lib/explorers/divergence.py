"""Explorer of chapter 4: the gap is KL(q ‖ posterior), and no other divergence."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.bounds import gap
from course_lib.distributions import DiagonalGaussian, FullGaussian, kl_divergence
from course_lib.exact import GridPosterior, LinearGaussian, ScalarLatent, square_world
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
NATS = (-5.0, -1.0)  # of the ledger
LINEAR, SQUARE = "linear, x = 1", "z², x = 2"
NAMES = {"posterior": "exact posterior p(z|x)", "q": "q(z)"}
WIDTHS = {"posterior": 156.0, "q": 44.0}  # the room of these labels, shown pixels


@dataclass(frozen=True)
class Observed:
    """A world and an observation: log p(x) in nats, the exact posterior, and it drawn over Z."""

    world: LinearGaussian | ScalarLatent
    x: Tensor  # (1,)
    log_evidence: float
    posterior: FullGaussian | GridPosterior
    log_density: Tensor  # (701,)


@lru_cache(maxsize=2)
def observed(name: str) -> Observed:
    """The exact answers for x|z ~ N(z, 1) and x = 1, or N(z², 0.5²) and x = 2; z ~ N(0, 1)."""
    one = torch.ones(1, 1, **DOUBLE)
    world = LinearGaussian(one, 0.0, 1.0) if name == LINEAR else square_world(s=0.5)
    seen = torch.tensor([1.0 if name == LINEAR else 2.0], **DOUBLE)
    posterior = world.posterior(seen)
    return Observed(world, seen, world.log_evidence(seen).item(), posterior, posterior.log_prob(Z))


def divergences(exact: Observed, q: DiagonalGaussian) -> dict[str, float]:
    """The ledger, and the two KLs that are taken for the gap, nats."""
    posterior = exact.posterior
    if isinstance(posterior, FullGaussian):
        turned_round = kl_divergence(posterior, q)
    else:
        turned_round = posterior.expectation(lambda z: posterior.log_prob(z) - q.log_prob(z))
    return {
        "log_evidence": exact.log_evidence,
        "elbo": exact.world.elbo(q, exact.x).item(),
        "gap": gap(q, posterior).item(),
        "prior_kl": kl_divergence(q, exact.world.prior).item(),
        "turned_round": turned_round.item(),
    }


class PosteriorGap(Explorer):
    """q over the exact posterior of one observation, and the ledger beside them.

    Numbers, exact, in nats: log_evidence, elbo, gap = KL(q ‖ posterior); prior_kl = KL(q ‖ prior),
    which is a term of the ELBO; turned_round = KL(posterior ‖ q).
    """

    title = "What the ELBO loses: how far q is from the exact posterior"
    height_px = 350
    controls = (
        Choice("world", "mean of x given z; the x seen", (LINEAR, SQUARE), start=LINEAR),
        Slider("mean", "mean of q, μ", -2.0, 2.0, 0.05, start=1.35),
        Slider("std", "standard deviation of q, σ", 0.1, 1.4, 0.02, start=0.5),
    )

    def build(self, figure: Figure) -> None:
        """Left: the densities. Right: the ledger."""
        self.densities, right = panels(figure, widths=(11, 7), left=20, bottom=47, across=50)
        self._build_densities(self.densities)
        self.ledger = Ledger(right, NATS)
        self.moving(*self.ledger.artists)

    def _build_densities(self, ax: Axes) -> None:
        style(ax, title="q over the exact posterior, scaled to fit", x="latent z").set(
            xlim=(-EDGE, EDGE)
        )
        z = Z[:, 0].numpy()
        prior = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
        (self.prior,) = ax.plot(z, prior, "--", color=COLOURS["prior"], linewidth=1.6)
        self.fill = ax.fill_between(z, 0, prior, color=COLOURS["posterior"], alpha=0.15)
        self.fill.set_linewidth(0)
        self.curves = {of: ax.plot(z, prior, color=COLOURS[of], linewidth=2.2)[0] for of in NAMES}
        # Beside its curve the prior's name would meet another curve somewhere.
        (key,) = ax.plot((0.75, 0.84), (1.1, 1.1), "--", color=COLOURS["prior"], linewidth=1.6)
        key.set(transform=ax.transAxes, clip_on=False)
        prior_name = ax.text(1.0, 1.06, "prior p(z)", color=ink("prior"), ha="right", va="bottom")
        prior_name.set(transform=ax.transAxes, fontsize=TEXT_PT)
        self.names = {of: label(ax, 0, 1, NAMES[of], of=of, ha="center") for of in NAMES}
        # An annotation's own line costs several times what a plain one does.
        self.leads = {of: ax.plot([], [], color=COLOURS[of], linewidth=1.0)[0] for of in NAMES}
        self.moving(self.prior, self.fill, *self.leads.values(), *self.curves.values())
        self.moving(*self.names.values())

    def update(self, world: str, mean: float, std: float) -> Reading:
        """Moves the curves and writes the ledger."""
        exact, q = observed(world), DiagonalGaussian.from_std(mean, std)
        numbers = divergences(exact, q)
        density = q.log_prob(Z).exp().numpy()
        self._move_densities(density, exact.log_density.exp().numpy(), mean)
        self.ledger.set(numbers["log_evidence"], numbers["elbo"])
        return Reading(numbers, _sentence(numbers))

    def _move_densities(self, q: Array, posterior: Array, mean: float) -> None:
        z = Z[:, 0].numpy()
        self.curves["q"].set_ydata(q)
        self.curves["posterior"].set_ydata(posterior)
        self.fill.set_data(z, 0, posterior)
        top = 1.3 * max(0.5, q.max(), posterior.max())
        self.densities.set_ylim(0, top)
        # Of two equal modes, the one away from q bears the name.
        away = np.where(z * mean > 0, (1.0 - 1e-9) * posterior, posterior)
        peaks = {"posterior": (z[away.argmax()], away.max()), "q": (mean, q.max())}
        self._name(peaks, 0.93 * top)

    def _name(self, peaks: dict[str, tuple[float, float]], height: float) -> None:
        """Names in one row above the curves, in the order of the peaks they lead to."""
        order = sorted(peaks, key=lambda of: -peaks[of][0])
        room = self.densities.bbox.width / PIXEL_RATIO
        scale = room / (2 * EDGE)  # shown pixels a unit of z
        wanted = [(peaks[of][0] + EDGE) * scale for of in order]
        centres = spread(wanted, [WIDTHS[of] for of in order], room)
        for of, centre in zip(order, centres, strict=True):
            at, (peak, top) = centre / scale - EDGE, peaks[of]
            self.names[of].set_position((at, height))
            self.leads[of].set_data((at, peak), (0.94 * height, top))


def _sentence(numbers: dict[str, float]) -> str:
    evidence, elbo, lost = printed(numbers["log_evidence"], numbers["elbo"])
    return (
        f"log p(x) is {evidence} nats, whatever q is. This q has the ELBO {elbo}. What it loses, "
        f"{lost} nats, is KL(q ‖ posterior). Other numbers: KL(q ‖ prior) is "
        f"{number(numbers['prior_kl'])}, KL(posterior ‖ q) is {number(numbers['turned_round'])}."
    )
