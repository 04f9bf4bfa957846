"""Explorer of chapter 11: two layers of tanh against the best that one layer can do."""

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
from course_lib.exact import TanhArrow
from course_lib.exact.optima.one_layer_fit import (
    OneLayerFit,
    best_gaussian_kl,
    best_one_layer,
    one_layer_log_density,
)
from course_lib.explorers.stage import Choice, Explorer, Reading, Slider
from course_lib.plots import COLOURS, TEXT_PT, ink, latent_ticks, number, panels, style

Array = NDArray[np.float64]

LOWER = TanhArrow(3.0, 0.5, 0.0, 0.4)  # z_1 → x
A2, S2 = 2.0, 0.3  # of the upper arrow, z_2 → z_1
X = torch.linspace(-5.0, 5.0, 201, **DOUBLE)
FIT = slice(None, None, 4)  # steps of half the noise: sums over x are still good to 1e-9
Z = torch.linspace(-5.5, 5.5, 221, **DOUBLE)  # z_1, in steps of a sixth of its noise
TICKS = 40  # latent samples drawn


@dataclass(frozen=True)
class Comparison:
    """p(z_1) over Z and p(x) over X, the best one-layer model and its p(x), and the numbers."""

    latent: Array
    density: Array
    fitted: Array
    fit: OneLayerFit
    numbers: dict[str, float]


@lru_cache(maxsize=4000)
def compare(b2: float, c2: float, offset: bool) -> Comparison:
    """Two layers, z_2 ~ N(0, 1), z_1 ~ N(2 tanh(b2 z_2) + c2, 0.3²), x ~ N(3 tanh(z_1/2), 0.4²).

    offset: whether the one-layer model has an offset inside its tanh. Sums in equal steps over
    smooth densities, which are exact to rounding; tests hold them against ScalarChain.
    """
    log_latent = one_layer_log_density(TanhArrow(A2, b2, c2, S2), Z)
    density = _seen_through_the_lower_arrow(log_latent.exp())
    # Far out, where no mass is, the sum over z_1 may vanish: a floor that no sum can feel.
    log_density = (density + 1e-30).log()
    grid = X[FIT], density[FIT] / density[FIT].sum(), log_density[FIT]
    steep = 1.25 * max(b2, 0.25)
    inner = 0.37 * c2 if offset else 0.0
    starts = ((2.1, steep, 0.0, 0.45, inner), (0.5, 0.9, 0.0, 0.7, inner))
    fit = best_one_layer(*grid, bias=offset, starts=starts)
    fitted = one_layer_log_density(fit.arrow, X).exp()
    numbers = _numbers(density, fit, best_gaussian_kl(*grid))
    return Comparison(log_latent.exp().numpy(), density.numpy(), fitted.numpy(), fit, numbers)


def _seen_through_the_lower_arrow(latent: Tensor) -> Tensor:
    """p(x) over X, of p(z_1) over Z."""
    residual = (X[:, None] - LOWER.mean(Z)) / LOWER.s
    mass = latent * (Z[1] - Z[0])
    density: Tensor = torch.exp(-0.5 * residual.square()) @ mass / (LOWER.s * (2 * torch.pi) ** 0.5)
    return density


def _numbers(density: Tensor, fit: OneLayerFit, gaussian_kl: float) -> dict[str, float]:
    """What is read off a comparison; density: p(x) over X."""
    arrow = fit.arrow
    around = arrow.c + 2 * X  # it may reach beyond the frame
    return {
        "skew": _skew(X, density),
        "fit_skew": _skew(around, one_layer_log_density(arrow, around).exp()),
        "kl": fit.kl,
        "gaussian_kl": gaussian_kl,
        "a": arrow.a,
        "b": arrow.b,
        "c": arrow.c,
        "s": arrow.s,
        "d": arrow.d,
    }


def _skew(x: Tensor, density: Tensor) -> float:
    """E (x − mean)³ / variance^{3/2}, for equal steps."""
    mass = density / density.sum()
    mean = (mass * x).sum()
    variance = (mass * (x - mean) ** 2).sum()
    third = (mass * (x - mean) ** 3).sum()
    return float(third / variance**1.5)


class DepthAgainstOneLayer(Explorer):
    """p(x) of a chain of two tanh layers, the best one-layer model of it, and what that misses.

    Numbers: skew of p(x) and fit_skew of the best one-layer model; kl, KL(p ‖ best one layer), and
    gaussian_kl, KL(p ‖ best Gaussian), nats; a, b, c, s and d of the best one-layer model.
    """

    title = "Two layers against one"
    height_px = 340
    controls = (
        Slider("b2", "bend of the upper arrow, b₂", 0.0, 4.0, 0.1, start=1.0),
        Slider("c2", "offset between the layers, c₂", -1.5, 1.5, 0.05, start=1.0),
        Choice("inside", "one layer's inner offset, d", ("none", "free"), start="none"),
    )

    def prepare(self) -> None:
        """The noise of the latent samples, the same at every value."""
        generator = torch.Generator().manual_seed(11)
        self.noise = torch.randn(3, TICKS, generator=generator, **DOUBLE)

    def build(self, figure: Figure) -> None:
        """Left: p(z_1), what the upper layer hands down. Right: p(x) and the fit."""
        left, right = panels(figure, widths=(8, 12), left=20, bottom=47, across=36, top=38)
        self._build_latent(left)
        self._build_densities(right)

    def _build_latent(self, ax: Axes) -> None:
        self.left = style(ax, title="In the middle: p(z₁)", x="latent z₁")
        ax.set(xlim=(-5, 5))
        z = Z.numpy()
        (self.latent,) = ax.plot(z, 0 * z, color=COLOURS["prior"], linewidth=2.2)
        self.z_ticks = latent_ticks(ax, np.zeros(TICKS), of="prior")
        self.formula = _at(ax, 0.0, 0.94, "prior")
        self.moving(self.latent, self.z_ticks, self.formula)

    def _build_densities(self, ax: Axes) -> None:
        self.right = style(ax, title="What comes out: p(x)", x="observation x")
        ax.set(xlim=(-5, 5))
        x = X.numpy()
        (self.density,) = ax.plot(x, 0 * x, color=COLOURS["evidence"], linewidth=2.2)
        (self.fitted,) = ax.plot(x, 0 * x, "--", color=COLOURS["likelihood"], linewidth=2.2)
        self.words = {}
        rows = (("skew", "evidence", "-"), ("fit_skew", "likelihood", "--"), ("kl", "gap", ""))
        for row, (name, of, dashes) in enumerate(rows):
            y = 0.94 - 0.09 * row
            if dashes:
                _key(ax, y, of, dashes)
            self.words[name] = _at(ax, 0.085, y, of)
        self.x_ticks = latent_ticks(ax, np.zeros(TICKS), of="evidence")
        self.moving(self.density, self.fitted, self.x_ticks, *self.words.values())

    def update(self, b2: float, c2: float, inside: str) -> Reading:
        """Moves the curves and the samples, and writes the numbers."""
        found = compare(round(b2, 6), round(c2, 6), inside == "free")
        self.density.set_ydata(found.density)
        self.fitted.set_ydata(found.fitted)
        self.latent.set_ydata(found.latent)
        self.right.set_ylim(0, 1.55 * max(0.3, found.density.max(), found.fitted.max()))
        self.left.set_ylim(0, 1.3 * max(0.5, found.latent.max()))
        z1 = A2 * torch.tanh(b2 * self.noise[0]) + c2 + S2 * self.noise[1]
        self.z_ticks.set_xdata(z1.numpy())
        self.x_ticks.set_xdata((LOWER.mean(z1) + LOWER.s * self.noise[2]).numpy())
        sign = "−" if c2 < 0 else "+"
        self.formula.set_text(f"z₁ = 2 tanh({b2:.1f} z₂) {sign} {abs(c2):.2f} + noise")
        shown = {name: number(value, 4) for name, value in found.numbers.items()}
        self.words["skew"].set_text(f"two layers, skew {shown['skew']}")
        self.words["fit_skew"].set_text(f"the best one layer, skew {shown['fit_skew']}")
        self.words["kl"].set_text(f"which misses by {shown['kl']} nats")
        idle = ("inside",) if round(c2, 6) == 0 else ()  # p(x) is symmetric: d stays zero
        return Reading(dict(found.numbers), _sentence(found.numbers, b2, c2), idle)


def _key(ax: Axes, y: float, of: str, dashes: str) -> None:
    """A piece of a line in the panel's upper left, at `y` of its height."""
    (piece,) = ax.plot((0.01, 0.07), (y, y), dashes, color=COLOURS[of], linewidth=2.2)
    piece.set_transform(ax.transAxes)


def _at(ax: Axes, x: float, y: float, of: str) -> Text:
    """An empty text that begins at those shares of the panel."""
    written = ax.text(x, y, "", va="center", fontsize=TEXT_PT, color=ink(of))
    written.set_transform(ax.transAxes)
    return written


def _sentence(numbers: dict[str, float], b2: float, c2: float) -> str:
    shown = {name: number(value, 4) for name, value in numbers.items()}
    if b2 == 0 and c2 == 0:
        start = "b₂ and c₂ are zero: z₁ is a Gaussian round zero, the chain folds into one layer"
        return f"{start}, and the KL is {shown['kl']} nats."
    start = "b₂ is zero: z₁ is a Gaussian round c₂. " if b2 == 0 else ""
    return (
        f"{start}The chain's p(x) has skew {shown['skew']}. The best one-layer model has skew "
        f"{shown['fit_skew']} and misses it by {shown['kl']} nats; the best Gaussian misses it by "
        f"{shown['gaussian_kl']}."
    )
