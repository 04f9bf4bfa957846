"""Explorer of chapter 1: the integrand of p(x) is a needle, and draws from the prior miss it."""

from functools import lru_cache

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.data import load_mnist
from course_lib.exact import LinearGaussian, fit_ppca
from course_lib.explorers.stage import Explorer, Reading, Slider, Steps
from course_lib.plots import (
    COLOURS,
    TEXT_PT,
    image_grid,
    ink,
    label,
    latent_ticks,
    number,
    panels,
    printed,
    spread,
    style,
)

DIMENSIONS = (1, 2, 3, 5, 8, 12, 20, 30, 50)
DRAWS = (10, 100, 1_000, 10_000, 100_000)
POOL = 2**17  # prior draws, shared out among the estimates
ESTIMATES = 100  # at most; fewer where the pool does not suffice
TICKS = 200  # prior draws shown
DIGIT = 1  # of the test images: a two
FOOT, REACH = 0.16, 0.22  # where the bars of the histogram start, and the longest of them
EDGES = np.linspace(np.arcsinh(-4000), np.arcsinh(20), 91)  # of the histogram, asinh of nats


@lru_cache(maxsize=1)
def digit_model() -> tuple[LinearGaussian, Tensor]:
    """pPCA with 50 latents fitted to 10,000 MNIST images, grey levels in [0, 1], and one image."""
    train = load_mnist("train").images[:10_000].flatten(1).double() / 255  # (10000, 784)
    image = load_mnist("test").images[DIGIT].flatten().double() / 255  # (784,)
    return fit_ppca(train, latent=max(DIMENSIONS)), image


class EvidenceNeedle(Explorer):
    """A real digit under a linear-Gaussian model with d latents and noise s.

    Numbers: log_evidence, exact; median_estimate of log p̂ over `estimates` estimates from S draws
    each; shortfall, their difference, nats; distance and width of the integrand along the line
    from the prior's centre to the posterior's, in prior standard deviations.
    """

    title = "A digit, the integral that is its evidence, and the draws that miss it"
    controls = (
        Steps("d", "latent dimensions, d", DIMENSIONS, start=20),
        Steps("S", "prior draws, S", DRAWS, start=1_000),
        Slider("s", "noise, s (grey levels)", 0.1, 1.0, 0.05, start=0.2),
    )

    def build(self, figure: Figure) -> None:
        """Left: prior and integrand along one line. Right: estimates against the exact value."""
        left, right = panels(figure, widths=(11, 9), left=20, across=70)
        self._build_line(left)
        self._build_estimates(right)
        inset = left.inset_axes((0.0, 0.52, 0.19, 0.35))
        image_grid(inset, self.image.reshape(1, 28, 28).numpy(), columns=1)
        inset.set_title("the digit x", fontsize=TEXT_PT, color=COLOURS["text"], pad=3)

    def prepare(self) -> None:
        """For every d and each draw of the pool, |x − b − W z|², which does not depend on s.

        The columns of W are orthogonal, so the square splits into what they cannot reach and a
        sum of w_i²(z_i − m_i)² that grows by one term with each latent.
        """
        full, self.image = digit_model()
        self.full = full
        norms = full.loadings.square().sum(0)  # w², (50,)
        centred = self.image - full.offset
        best = full.loadings.mT @ centred / norms  # m, (50,)
        generator = torch.Generator().manual_seed(0)
        square = centred.square().sum().repeat(POOL)  # (POOL,)
        self.squares, shown = {}, []
        for i in range(max(DIMENSIONS)):
            z = torch.randn(POOL, generator=generator, **DOUBLE)
            shown.append(z[:TICKS])
            square += norms[i] * ((z - best[i]).square() - best[i] ** 2)
            if i + 1 in DIMENSIONS:
                self.squares[i + 1] = square.clone()
        self.shown = torch.stack(shown, -1)  # (TICKS, 50)

    def _build_line(self, ax: Axes) -> None:
        style(ax, title="The integrand, from the prior's centre out", y="each scaled to its peak")
        ax.set(xlim=(-4, 11.5), ylim=(0, 1.18))
        ax.set_xlabel("prior standard deviations", fontsize=TEXT_PT, loc="right", labelpad=3)
        self.t = np.linspace(-4, 11.5, 700)
        prior = np.exp(-0.5 * self.t**2)
        ax.plot(self.t, prior, color=COLOURS["prior"], linestyle="--", linewidth=1.6)
        label(ax, -1.6, 0.36, "prior p(z)", of="prior", ha="right")
        (self.needle,) = ax.plot(self.t, prior, color=COLOURS["posterior"], linewidth=2.2)
        self.ticks = latent_ticks(ax, np.full(TICKS, np.nan), of="prior")
        self.needle_label = label(ax, 0, 1.1, "where the integrand is", of="posterior", ha="center")
        self.ticks_label = label(ax, -4, -0.175, "", of="prior")
        self.moving(self.needle, self.ticks, self.needle_label, self.ticks_label)

    def _build_estimates(self, ax: Axes) -> None:
        style(ax, title="Estimates against the exact value", y="nats above or below it", keep="y")
        ax.set(xlim=(0, 1), ylim=(EDGES[0], EDGES[-1]))
        marks = (10, 1, 0, -1, -10, -100, -1000)
        ax.set_yticks(np.arcsinh(marks), [number(m, 0) for m in marks])
        (line,) = ax.plot((0, 1), (0, 0), color=COLOURS["evidence"], linewidth=2)
        line.set_zorder(3)
        self.gap = ax.add_patch(Rectangle((0.03, 0), 0.09, 0, linewidth=0))
        self.gap.set(facecolor=COLOURS["gap"], edgecolor="white", hatch="////")
        none = np.full(len(EDGES) - 1, FOOT)
        self.bars = ax.stairs(
            none, EDGES, baseline=FOOT, orientation="horizontal", fill=True, color=COLOURS["prior"]
        )
        self.texts = {
            of: ax.text(1, 0, "", ha="right", va="center", fontsize=TEXT_PT, color=ink(of))
            for of in ("evidence", "gap", "prior")
        }
        self.right = ax
        self.moving(self.gap, self.bars, *self.texts.values())

    def update(self, d: int, S: int, s: float) -> Reading:
        """Moves the needle, the ticks, the histogram and the three numbers."""
        world = LinearGaussian(self.full.loadings[:, :d], self.full.offset, s)
        exact = world.log_evidence(self.image).item()
        distance, width = self._move_line(world, min(S, TICKS), S)
        estimates = self._estimates(world, S)
        median = float(np.median(estimates))
        self._move_estimates(exact, estimates - exact, median - exact)
        numbers = {
            "log_evidence": exact,
            "median_estimate": median,
            "shortfall": exact - median,
            "distance": distance,
            "width": width,
            "estimates": float(len(estimates)),
        }
        return Reading(numbers, _sentence(numbers, d, S))

    def _estimates(self, world: LinearGaussian, draws: int) -> NDArray[np.float64]:
        """log p̂(x) of as many groups of `draws` as the pool gives, at most ESTIMATES."""
        d, s = world.loadings.shape[1], world.noise_std[0]
        groups = min(ESTIMATES, POOL // draws)
        square = self.squares[d][: groups * draws].reshape(groups, draws)
        peak = -0.5 * len(self.image) * torch.log(2 * torch.pi * s**2)
        log_mean = torch.logsumexp(-0.5 * square / s**2, 1) - np.log(draws)
        result: NDArray[np.float64] = (peak + log_mean).numpy()
        return result

    def _move_line(self, world: LinearGaussian, ticks: int, draws: int) -> tuple[float, float]:
        posterior = world.posterior(self.image)
        distance = posterior.mean.norm()
        along = posterior.mean / distance  # (d,)
        width = (posterior.scale_tril.mT @ along).norm().item()
        # The grid is coarser than the narrowest needle: a node at its tip keeps its height.
        t = np.sort(np.append(self.t[:-1], distance.item()))
        height = np.exp(-0.5 * ((t - distance.item()) / width) ** 2)
        self.needle.set_data(t, np.where(height > 2e-3, height, np.nan))
        self.needle_label.set_position((min(max(distance.item(), 1.2), 8.9), 1.1))
        shown = np.full(TICKS, np.nan)
        shown[:ticks] = (self.shown[:ticks, : len(along)] @ along).numpy()
        self.ticks.set_xdata(shown)
        self.ticks_label.set_text(f"| {ticks} of {draws:,} prior draws")
        return distance.item(), width

    def _move_estimates(self, exact: float, relative: NDArray[np.float64], median: float) -> None:
        counts, _ = np.histogram(np.arcsinh(relative), EDGES)
        self.bars.set_data(FOOT + REACH * counts / max(counts.max(), 1))
        at = float(np.arcsinh(median))
        self.gap.set(height=at)
        evidence, estimate, gap = printed(exact, exact + median, decimals=2)
        self.texts["evidence"].set_text(f"exact log p(x) = {evidence}")
        many = f"median of {len(relative)}" if len(relative) > 1 else "one estimate"
        self.texts["prior"].set_text(f"{many}: {estimate}")
        self.texts["gap"].set_text(_off(gap))
        self._place(at)

    def _place(self, at: float) -> None:
        """Each text beside what it names, never on another."""
        foot, top = self.right.get_ylim()
        height = self.right.bbox.height / (2 * (top - foot))  # shown pixels a unit
        line = -foot * height
        wanted = [line + 13, min(line + at / 2 * height, line - 13), line + at * height]
        centres = spread(wanted, [18.0] * 3, (top - foot) * height)
        for of, centre in zip(("evidence", "gap", "prior"), centres, strict=True):
            self.texts[of].set_y(foot + centre / height)


def _off(gap: str) -> str:
    """By how much an estimate misses log p(x): the printed gap in words."""
    if gap.startswith("−"):
        return f"over by {gap.removeprefix('−')}"
    return f"short by {gap}"


def _sentence(r: dict[str, float], d: int, draws: int) -> str:
    evidence, estimate, gap = printed(r["log_evidence"], r["median_estimate"], decimals=2)
    return (
        f"With d = {d} the integrand sits {number(r['distance'], 1)} prior standard deviations out "
        f"and is {number(r['width'], 2)} wide. The exact log p(x) is {evidence} nats. The median "
        f"of {r['estimates']:.0f} estimates, {draws:,} prior draws each, is {estimate} nats: "
        f"{_off(gap)}."
    )
