"""A panel with the log-weight over z and two levels: the log of the mean, the mean of the log."""

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.text import Text
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.bounds import log_weights
from course_lib.distributions import DiagonalGaussian
from course_lib.exact import ScalarLatent
from course_lib.plots import COLOURS, above, ink, printed, style

ROOM = 0.1  # between a level and its words, nats
LINE = 0.35  # from one line of words to the next, nats
NAMES = {"evidence": "log of the mean:", "elbo": "mean of the log:"}
EDGE = 3.5  # z is drawn from −EDGE to EDGE
GAP, LOST, END = 3.8, 4.0, 5.1  # right of that: the bar, its words, the panel's end
Z = torch.linspace(-EDGE, EDGE, 281, **DOUBLE).unsqueeze(-1)  # (281, 1)


class LogWeightPanel:
    """log w(z), thick where q draws; black across it log p(x), orange the ELBO, purple their gap.

    What lies beyond the panel is drawn at its edge, as an arrow. `artists` are what moves.
    """

    def __init__(self, ax: Axes, limits: tuple[float, float]) -> None:
        self._low, self._high = limits
        style(ax, x="latent z", y="nats", keep="xy").set(xlim=(-EDGE, END), ylim=limits)
        ax.spines["bottom"].set_bounds(-EDGE, EDGE)
        ax.set_xticks(range(-3, 4))
        ax.xaxis.set_label_coords(EDGE / (EDGE + END), -0.1)
        above(ax, 0.0, 30, "log-weight, log p(x, z) − log q(z)", of="q")
        ends = (-EDGE, GAP)
        z = Z[:, 0].numpy()
        (self._gap,) = ax.plot((GAP, GAP), ends, color=COLOURS["gap"], linewidth=8)
        self._gap.set_solid_capstyle("butt")
        (self._evidence,) = ax.plot(ends, ends, color=COLOURS["evidence"], linewidth=2)
        (self._elbo,) = ax.plot(ends, ends, color=COLOURS["elbo"], linewidth=2)
        (self._faint,) = ax.plot(z, 0 * z, color=COLOURS["q"], linewidth=1.2, linestyle=":")
        (self._curve,) = ax.plot(z, 0 * z, color=COLOURS["q"], linewidth=2.8)
        (self._arrow,) = ax.plot([], [], "v", color=COLOURS["elbo"], markersize=9, clip_on=False)
        self._texts = {of: self._text(ax, of) for of in ("evidence", "elbo", "gap")}
        self._names = {of: self._text(ax, of) for of in NAMES}
        for of, name in NAMES.items():
            self._names[of].set_text(name)

    def _text(self, ax: Axes, of: str) -> Text:
        """An empty text on white, so that it is read where the curve passes."""
        x, rise = (LOST, "center") if of == "gap" else (0.1 - EDGE, "bottom")
        white = {"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85}
        return ax.text(x, 0, "", color=ink(of), va=rise, bbox=white)

    @property
    def artists(self) -> list[Artist]:
        """Everything that `move` moves, in drawing order."""
        lines = (self._gap, self._evidence, self._elbo, self._faint, self._curve, self._arrow)
        return [*lines, *self._names.values(), *self._texts.values()]

    def move(
        self, world: ScalarLatent, x: Tensor, q: DiagonalGaussian, evidence: float, elbo: float
    ) -> None:
        """To this q and these levels, in nats."""
        drawn = log_weights(world, q, x, Z).clamp(self._low - 30, self._high + 30).numpy()
        near = ((Z - q.mean).abs() < 2 * q.std)[:, 0].numpy()
        self._faint.set_ydata(drawn)
        self._curve.set_ydata(np.where(near, drawn, np.nan))
        foot = max(elbo, self._low)
        self._evidence.set_ydata((evidence, evidence))
        self._elbo.set_ydata((elbo, elbo))
        self._gap.set_ydata((foot, evidence))
        self._arrow.set_data([0.0] if elbo < self._low else [], [self._low] * (elbo < self._low))
        self._write(evidence, elbo, foot)

    def _write(self, evidence: float, elbo: float, foot: float) -> None:
        log_p, bound, lost = printed(evidence, elbo)
        low = elbo < self._low + 2 * LINE
        foot_of_elbo = foot + ROOM if low else foot - ROOM - 2 * LINE
        written = {
            "evidence": (evidence + ROOM, f"log p(x) = {log_p}"),
            "elbo": (foot_of_elbo, f"ELBO = {bound}"),
            "gap": ((evidence + foot) / 2, f"gap:\n{lost}"),
        }
        for of, (y, text) in written.items():
            self._texts[of].set_text(text)
            self._texts[of].set_y(y)
            if of in NAMES:
                self._names[of].set_y(y + LINE)
