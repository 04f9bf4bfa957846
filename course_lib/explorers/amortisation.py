"""Explorer of chapter 6: what the family of q costs, and what sharing one encoder costs."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.bounds import gap
from course_lib.distributions import DiagonalGaussian, FullGaussian
from course_lib.exact import LinearGaussian
from course_lib.exact.optima.gaussian_fits import best_diagonal, best_table
from course_lib.explorers.stage import Choice, Explorer, Reading, Slider
from course_lib.plots import COLOURS, SplitLedger, above, number, panels, printed_parts, style

Array = NDArray[np.float64]

RATIO = 2.0  # z_2 moves x twice as much as z_1
EDGES = (4.54, 3.0)  # of the latent plane
FARTHEST = 2.5  # x, in its standard deviations
CONTOUR = 1.5  # an ellipse is drawn this many standard deviations wide
NATS = (-9.0, -0.5)  # of the ledger
OWN = "no encoder"
TABLES = {"16 rows": 16, "4 rows": 4, "2 rows": 2, "1 row": 1}
CIRCLE = torch.linspace(0, 2 * math.pi, 181, **DOUBLE)


@dataclass(frozen=True)
class PairWorld:
    """x = w_2 z_2 − w_1 z_1 + noise of std 1, with w_2 = 2 w_1 set by the posterior's correlation.

    scale: the standard deviation of x. Positions t are x divided by it.
    """

    world: LinearGaussian
    scale: float

    def posterior(self, t: Tensor) -> FullGaussian:
        """p(z|x) at x = scale · t, t (*batch,)."""
        return self.world.posterior((self.scale * t).unsqueeze(-1))


@lru_cache(maxsize=200)
def pair_world(rho: float) -> PairWorld:
    """The world whose posterior has correlation rho, 0 ≤ rho < 1.

    M = I + wwᵀ gives rho = w_1 w_2 / √((1 + w_1²)(1 + w_2²)): quadratic in w_1², RATIO given.
    """
    a, b = (1 - rho**2) * RATIO**2, rho**2 * (1 + RATIO**2)
    weight = math.sqrt((b + math.sqrt(b**2 + 4 * a * rho**2)) / (2 * a))
    loadings = torch.tensor([[-weight, RATIO * weight]], **DOUBLE)
    return PairWorld(LinearGaussian(loadings, 0.0, 1.0), math.sqrt(1 + (1 + RATIO**2) * weight**2))


@lru_cache(maxsize=8)
def table(rows: int) -> tuple[Tensor, Tensor]:
    """The best table of `rows` constants for t ~ N(0, 1): edges and constants."""
    return best_table(rows)


def looked_up(encoder: str, t: Tensor) -> Tensor:
    """The position for which the encoder's q is right: t itself, or its row's constant."""
    if encoder == OWN:
        return t
    edges, constants = table(TABLES[encoder])
    return constants[torch.bucketize(t, edges)]


def mean_square_error(encoder: str) -> float:
    """E (t − looked-up t)² over t ~ N(0, 1): with rows that are means, 1 − E (looked-up t)²."""
    if encoder == OWN:
        return 0.0
    edges, constants = table(TABLES[encoder])
    below = torch.special.ndtr(torch.cat([edges, torch.tensor([math.inf], **DOUBLE)]))
    masses = below.diff(prepend=torch.zeros(1, **DOUBLE))
    return 1.0 - float((masses * constants.square()).sum())


class AmortisedInference(Explorer):
    """An exact posterior, the best diagonal q for this x, and the q of a shared encoder.

    Numbers, exact, in nats: log_evidence, best_elbo, elbo, approximation, amortisation, and
    mean_amortisation, over all x of the world; posterior_std_1, posterior_std_2, q_std_1, q_std_2.
    """

    title = "What q's family costs, and what sharing one encoder costs"
    height_px = 430
    controls = (
        Slider("rho", "posterior correlation, ρ", 0.0, 0.95, 0.01, start=0.85),
        Slider("x", "observation x, in its std", -FARTHEST, FARTHEST, 0.05, start=2.0),
        Choice("encoder", "the encoder's table", (OWN, *TABLES), start="4 rows"),
    )

    def build(self, figure: Figure) -> None:
        """Left: the latent plane. Right: the ledger."""
        plane, right = panels(figure, widths=(420, 230), left=34, right=10, top=84, across=66)
        self._build_plane(plane)
        self.ledger = SplitLedger(right, NATS)
        self.moving(*self.ledger.artists)

    def _build_plane(self, ax: Axes) -> None:
        across, up = EDGES
        style(ax, x="latent $z_1$", keep="xy").set(xlim=(-across, across), ylim=(-up, up))
        above(ax, 0.0, 58, f"latent plane, $z_2$ upwards; contours {CONTOUR} std out", of="text")
        above(ax, 0.0, 36, "exact posterior, ● its mean", of="posterior")
        above(ax, 0.46, 36, "prior (dashed)", of="prior")
        self.miss_name = above(ax, 0.73, 36, "the miss", of="gap")
        self.names = above(ax, 0.0, 14, "", of="q")
        ring = CONTOUR * torch.stack([CIRCLE.cos(), CIRCLE.sin()], -1).numpy()
        ax.plot(ring[:, 0], ring[:, 1], "--", color=COLOURS["prior"], linewidth=1.2)
        (self.target,) = ax.fill([], [], facecolor=COLOURS["posterior"], alpha=0.3)
        self.answers = self._line(ax, "q", 0.0)
        self.answers.set(marker="o", markersize=5, markeredgewidth=0, linestyle="none")
        self.best = self._line(ax, "q", 1.8, (0, (2, 1)))
        self.shared = self._line(ax, "q", 2.4)
        self.miss = self._line(ax, "gap", 3.0)
        self.here = self._line(ax, "posterior", 0.0)
        self.here.set(marker="o", markersize=6, linestyle="none")
        self.moving(self.target, self.answers, self.best, self.shared, self.names)
        self.moving(self.miss, self.miss_name, self.here)

    @staticmethod
    def _line(ax: Axes, of: str, width: float, dashes: object = "-") -> Line2D:
        (line,) = ax.plot([], [], color=COLOURS[of], linewidth=width, solid_capstyle="butt")
        line.set_linestyle(dashes)  # type: ignore[arg-type]
        return line

    def update(self, rho: float, x: float, encoder: str) -> Reading:
        """Fits q for this x, looks the encoder's q up, and splits the gap."""
        pair, t = pair_world(rho), torch.tensor(x, **DOUBLE)
        posterior = pair.posterior(t)
        best = best_diagonal(posterior)
        q = DiagonalGaussian(pair.posterior(looked_up(encoder, t)).mean, best.log_std)
        seen = (pair.scale * t).unsqueeze(-1)
        approximation = gap(best, posterior).item()
        loadings = pair.world.loadings.square().sum().item()
        numbers = {
            "log_evidence": pair.world.log_evidence(seen).item(),
            "best_elbo": pair.world.elbo(best, seen).item(),
            "elbo": pair.world.elbo(q, seen).item(),
            "approximation": approximation,
            "amortisation": gap(q, posterior).item() - approximation,
            "mean_amortisation": 0.5 * loadings * mean_square_error(encoder),
        }
        for i in (0, 1):
            numbers[f"posterior_std_{i + 1}"] = posterior.variance[i].sqrt().item()
            numbers[f"q_std_{i + 1}"] = best.std[i].item()
        self._move(posterior, best, q, encoder)
        self._move_answers(pair, encoder)
        self.ledger.set(numbers["log_evidence"], numbers["best_elbo"], numbers["elbo"])
        return Reading(numbers, _sentence(numbers, encoder))

    def _move(
        self, posterior: FullGaussian, best: DiagonalGaussian, q: DiagonalGaussian, encoder: str
    ) -> None:
        own = encoder == OWN
        self.target.set_xy(_ellipse(posterior))
        self.best.set_data(*_ellipse(best).T)
        self.shared.set_data(*_ellipse(q).T)
        self.best.set_visible(not own)
        self.miss_name.set_visible(not own)
        self.here.set_data(*posterior.mean.unsqueeze(-1).numpy())
        self.miss.set_data(*torch.stack([posterior.mean, q.mean], -1).numpy())
        told = "best q for this x (dashed), the encoder's q, ● the table's means"
        self.names.set_text("q of its own for this x" if own else told)

    def _move_answers(self, pair: PairWorld, encoder: str) -> None:
        """The means of which the encoder's table has one for each row."""
        self.answers.set_visible(encoder != OWN)
        if encoder != OWN:
            self.answers.set_data(*pair.posterior(table(TABLES[encoder])[1]).mean.T.numpy())


def _ellipse(q: DiagonalGaussian | FullGaussian) -> Array:
    """The contour of q, CONTOUR standard deviations out: (181, 2)."""
    circle = CONTOUR * torch.stack([CIRCLE.cos(), CIRCLE.sin()])  # (2, 181)
    return (q.mean + (q.scale_tril @ circle).T).numpy()


def _sentence(r: dict[str, float], encoder: str) -> str:
    evidence, approximation, best, amortisation, elbo = printed_parts(
        r["log_evidence"], r["best_elbo"], r["elbo"]
    )
    own = f"{number(r['posterior_std_1'], 2)} and {number(r['posterior_std_2'], 2)}"
    given = f"{number(r['q_std_1'], 2)} and {number(r['q_std_2'], 2)}"
    if encoder == OWN:
        shared = "No encoder is shared, so nothing more is lost."
    else:
        shared = (
            f"The encoder's table ({encoder}) loses {amortisation} more at this x, and "
            f"{number(r['mean_amortisation'])} on average over x: its ELBO is {elbo}."
        )
    return (
        f"log p(x) is {evidence} nats. The best q without correlation has the ELBO {best}: "
        f"its shape costs {approximation} nats. Its standard deviations are {given}, "
        f"the posterior's {own}. "
        f"{shared}"
    )
