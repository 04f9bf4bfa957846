"""Explorer of chapter 2: two curves of one shape, and log p(x) as what lies between them."""

import math
from decimal import Decimal

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.bounds import candidate_log_evidence
from course_lib.explorers.scenes.posterior_panel import (
    EDGE,
    TOP,
    PosteriorPanel,
    Z,
    posterior_in_words,
    posterior_numbers,
)
from course_lib.explorers.scenes.small_worlds import small_world
from course_lib.explorers.stage import Choice, Explorer, Reading, Slider
from course_lib.numerals import fixed_point
from course_lib.plots import COLOURS, above, label, number, panels, style

WORLDS = ("tanh", "z²")
NATS = (-12.0, 2.0)  # of the two log-densities
# Where the terms of (2.3) stand above the panel: a share of its width for each.
PLACES = {"likelihood": 0.0, "prior": 0.28, "posterior": 0.53, "evidence": 0.83}


class PosteriorPoint(Explorer):
    """log p(x, z) and log p(z|x) over z: everywhere log p(x) apart, also at the z that is chosen.

    Numbers: log_likelihood, log_prior and log_posterior at the chosen z; log_evidence, which is
    their sum with the last subtracted; candidate_low and candidate_high, the extremes of that sum
    over the drawn z; the posterior's mean, std and number of modes.
    """

    title = "One point of the posterior"
    height_px = 380
    controls = (
        Choice("world", "mean of x, given z", WORLDS, start="tanh"),
        Slider("x", "observation, x", -1.0, 2.0, 0.05, start=1.0),
        Slider("z", "one point, z", -2.5, 2.5, 0.05, start=0.3),
    )

    def build(self, figure: Figure) -> None:
        """Left: densities over z, and the point. Right: two log-densities, and the bar between."""
        left, right = panels(figure, widths=(9, 10), left=20, top=90, across=60)
        self.densities = PosteriorPanel(left, row_px=18)
        (self.stem,) = left.plot([0, 0], [0, TOP], color=COLOURS["axis"], linewidth=1.0)
        (self.height,) = left.plot([0], [0], "o", color=COLOURS["posterior"], markersize=7)
        self._build_logarithms(right)
        self.moving(*self.densities.artists, self.stem, self.height)

    def _build_logarithms(self, ax: Axes) -> None:
        z = Z[:, 0].numpy()
        style(ax, x="latent z", keep="xy").set(xlim=(-EDGE, EDGE), ylim=NATS)
        above(ax, 0.0, 64, "In nats:", of="text")
        above(ax, 0.2, 64, "log p(x, z), dashed", of="likelihood")
        above(ax, 0.62, 64, "log p(z|x)", of="posterior")
        names = ("log p(x|z)", "+ log p(z)", "− log p(z|x)", "= log p(x)")
        for (of, place), name in zip(PLACES.items(), names, strict=True):
            above(ax, place, 38, name, of=of)
        # Text is the dearest artist, by the letter: only the numbers move.
        self.texts = {of: above(ax, place, 18, "", of=of) for of, place in PLACES.items()}
        (self.joint,) = ax.plot(z, 0 * z, color=COLOURS["likelihood"], linewidth=2.2)
        self.joint.set_linestyle("--")
        (self.log_posterior,) = ax.plot(z, 0 * z, color=COLOURS["posterior"], linewidth=2.2)
        (self.bar,) = ax.plot([0, 0], [0, 0], color=COLOURS["evidence"], linewidth=5)
        self.bar.set_solid_capstyle("butt")
        (self.under,) = ax.plot([], [], "v", color=COLOURS["evidence"], markersize=8)
        self.under.set_clip_on(False)
        self.under_text = label(ax, 0.0, NATS[0] + 0.6, "", of="evidence")
        self.moving(self.joint, self.log_posterior, self.bar, self.under, self.under_text)
        self.moving(*self.texts.values())

    def update(self, world: str, x: float, z: float) -> Reading:
        """Moves the curves and the bar, and reads the three terms at the point."""
        model, seen = small_world(world), torch.tensor([x], **DOUBLE)
        posterior, point = model.posterior(seen), torch.tensor([z], **DOUBLE)
        log_joint, log_posterior = model.log_joint(seen, Z), posterior.log_prob(Z)  # (561,) each
        apart = candidate_log_evidence(log_joint, log_posterior)
        numbers = {
            "log_likelihood": model.decoder(point).log_prob(seen).item(),
            "log_prior": model.prior.log_prob(point).item(),
            "log_posterior": posterior.log_prob(point).item(),
            **posterior_numbers(posterior, log_posterior, apart),
        }
        self.densities.move(model, seen, log_posterior)
        self.stem.set_xdata([z, z])
        self.height.set_data([z], [math.exp(numbers["log_posterior"])])
        self._move_logarithms(log_joint, log_posterior)
        self._move_bar(z, numbers)
        terms = _terms(numbers)
        for of, text in terms.items():
            self.texts[of].set_text(text)
        return Reading(numbers, _sentence(numbers, terms, z))

    def _move_logarithms(self, log_joint: Tensor, log_posterior: Tensor) -> None:
        # Far below the panel a line costs time and shows nothing.
        self.joint.set_ydata(log_joint.clamp(min=NATS[0] - 30).numpy())
        self.log_posterior.set_ydata(log_posterior.clamp(min=NATS[0] - 30).numpy())

    def _move_bar(self, z: float, r: dict[str, float]) -> None:
        """From one curve to the other at z; cut at the panel's foot, an arrow with its length."""
        joint = r["log_likelihood"] + r["log_prior"]
        low, high = sorted((joint, r["log_posterior"]))
        self.bar.set_data([z, z], [max(low, NATS[0]), max(high, NATS[0])])
        below = low < NATS[0]
        self.under.set_data([z] if below else [], [NATS[0]] if below else [])
        outwards = 1 if z > r["posterior_mean"] else -1
        length = number(-r["log_evidence"], 2)  # p(x) is below 1 in both worlds, wherever x is
        self.under_text.set_text(f"length\n{length}" if below else "")
        self.under_text.set_position((z + 0.18 * outwards, NATS[0] + 1.0))
        self.under_text.set(ha="left" if outwards > 0 else "right")


def _terms(r: dict[str, float]) -> dict[str, str]:
    """The four numbers to two decimals, so that they add up as printed.

    The likelihood takes the rounding: it may be off by one or two in its last digit.
    """
    cent = Decimal("0.01")
    prior, posterior, evidence = (
        Decimal(r[name]).quantize(cent) for name in ("log_prior", "log_posterior", "log_evidence")
    )
    likelihood = evidence + posterior - prior
    return {
        "likelihood": fixed_point(likelihood),
        "prior": _signed(prior),
        "posterior": _signed(-posterior),
        "evidence": f"= {fixed_point(evidence)}",
    }


def _signed(value: Decimal) -> str:
    """With its sign apart, as a term of a sum: + 0.31, − 1.04."""
    return f"{'−' if value < 0 else '+'} {fixed_point(abs(value))}"


def _sentence(r: dict[str, float], terms: dict[str, str], z: float) -> str:
    return (
        f"{posterior_in_words(r)}. At z = {number(z, 2)}, log p(x|z) + log p(z) − log p(z|x) is "
        f"{terms['likelihood']} {terms['prior']} {terms['posterior']} {terms['evidence']} nats, "
        f"which is log p(x)."
    )
