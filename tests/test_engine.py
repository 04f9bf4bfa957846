"""The explorer engine, on a demonstration explorer whose numbers are known in closed form."""

import math

import numpy as np
from matplotlib.figure import Figure

from course_lib.explorers.engine import Explorer, Reading, Slider, Toggle
from course_lib.plots import COLOURS, Ledger, label, latent_ticks, number, panels, style

LOG_EVIDENCE = -1.752
POSTERIOR = (0.3, 0.25)  # mean, standard deviation


def density(z, mean, std):
    return np.exp(-0.5 * ((z - mean) / std) ** 2) / (std * math.sqrt(2 * math.pi))


def gaussian_kl(mean, std):
    centre, width = POSTERIOR
    return math.log(width / std) + (std**2 + (mean - centre) ** 2) / (2 * width**2) - 0.5


class GaussianGap(Explorer):
    """q against the exact posterior N(0.3, 0.25²), with the ledger beside it."""

    title = "q against the exact posterior"
    controls = (
        Slider("mean", "mean of q, μ", -2.0, 2.0, 0.05, start=0.9),
        Slider("std", "standard deviation of q, σ", 0.1, 2.0, 0.05, start=0.5),
        Toggle("filled", "fill q", start=False),
    )

    def build(self, figure: Figure) -> None:
        left, right = panels(figure, widths=(2, 1))
        style(left, title=self.title, x="latent $z$").set(xlim=(-3, 3), ylim=(0, 1.8))
        self.z = np.linspace(-3, 3, 400)
        left.plot(self.z, density(self.z, 0, 1), "--", color=COLOURS["prior"])
        label(left, -1.3, 0.25, "prior $p(z)$", of="prior", ha="right")
        exact = density(self.z, *POSTERIOR)
        left.fill_between(self.z, 0, exact, color=COLOURS["posterior"], alpha=0.15, linewidth=0)
        left.plot(self.z, exact, color=COLOURS["posterior"], linewidth=2.2)
        label(
            left,
            -0.7,
            1.55,
            "exact posterior $p(z|x)$",
            of="posterior",
            point=(0.28, 1.59),
            ha="right",
        )
        (self.line,) = left.plot(self.z, 0 * self.z, color=COLOURS["q"], linewidth=2.2)
        self.band = left.fill_between(
            self.z, 0, 0 * self.z, color=COLOURS["q"], alpha=0.3, linewidth=0
        )
        self.name = label(left, 0, 0, "$q(z|x)$", of="q")
        self.ticks = latent_ticks(left, np.zeros(9), of="q")
        self.ledger = Ledger(right, limits=(-6.0, -1.25))
        self.moving(self.line, self.band, self.name, self.ticks, *self.ledger.artists)

    def update(self, mean: float, std: float, filled: bool) -> Reading:
        q = density(self.z, mean, std)
        self.line.set_ydata(q)
        self.band.set_visible(filled)
        self.band.set_data(self.z, 0, q)
        self.name.set_position((mean + std, density(mean + std, mean, std) + 0.05))
        self.ticks.set_xdata(mean + std * np.linspace(-2, 2, 9))
        gap = gaussian_kl(mean, std)
        elbo = LOG_EVIDENCE - gap
        self.ledger.set(LOG_EVIDENCE, elbo)
        return Reading(
            {"elbo": elbo, "gap": gap}, f"The ELBO lies {number(gap)} nats under log p(x)."
        )
