"""The bound and the evidence, step by step, as training goes on."""

import numpy as np
from matplotlib.axes import Axes

from course_lib.plots import COLOURS


class Trail:
    """An orange ELBO and a black log p(x), step by step up to now, and the gap between them."""

    def __init__(self, ax: Axes, elbo: list[float], evidence: list[float]) -> None:
        self._low = ax.get_ylim()[0]
        self._elbo, self._evidence = np.array(elbo), np.array(evidence)
        (self._lower,) = ax.plot([], [], ".-", color=COLOURS["elbo"], linewidth=2)
        (self._upper,) = ax.plot([], [], color=COLOURS["evidence"], linewidth=2.5)
        (self._gap,) = ax.plot([], [], color=COLOURS["gap"], linewidth=6)
        self._gap.set_solid_capstyle("butt")
        (self._arrow,) = ax.plot([], [], "v", color=COLOURS["elbo"], markersize=9, clip_on=False)
        (self._sunk,) = ax.plot([], [], "v", color=COLOURS["evidence"], markersize=6, clip_on=False)
        self.artists = (self._lower, self._upper, self._gap, self._arrow, self._sunk)

    def move(self, step: int | None) -> None:
        """Up to this step; None hides all."""
        count = 0 if step is None else step + 1
        steps, elbo, evidence = np.arange(count), self._elbo[:count], self._evidence[:count]
        self._lower.set_data(steps, elbo)
        self._upper.set_data(steps, evidence)
        here = slice(count - 1, count) if count else slice(0)
        foot = np.maximum(elbo[here], self._low)
        top = np.maximum(evidence[here], self._low)
        self._gap.set_data(np.repeat(steps[here], 2), np.concatenate([foot, top]))
        for arrow, levels in ((self._arrow, elbo), (self._sunk, evidence)):
            off = levels[here] < self._low
            arrow.set_data(steps[here][off], foot[off])
