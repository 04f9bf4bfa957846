"""Explorer of chapter 1: p(x) comes from one direction, and prior draws lie in all the others."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from course_lib.exact import LinearGaussian
from course_lib.explorers.scenes.framed_digit import framed, picture
from course_lib.explorers.scenes.prior_draws import (
    DIMENSIONS,
    DOTS,
    DRAWS,
    POOL,
    PriorDraws,
    digit_model,
)
from course_lib.explorers.stage import Explorer, Reading, Slider, Steps
from course_lib.plots import (
    COLOURS,
    TEXT_PT,
    ink,
    label,
    latent_points,
    number,
    panels,
    printed,
    spread,
    style,
)

ESTIMATES = 100  # at most; fewer where the pool does not suffice
ALONG, OFF = (-4.0, 11.6), (-0.25, 9.6)  # of the folded space, prior standard deviations
PICTURES, SIDE, TOP = (5.4, 8.8), 2.7, 9.0  # left edges, side and upper edge of the two
RING = 0.25  # radius of the ring, in units of the folded space
HIGHEST, HALF_WORDS = 4.6, 0.75  # middle at most, and half the height, of the words in blue
FOOT, REACH = 0.16, 0.22  # where the bars of the histogram start, and the longest of them
EDGES = np.linspace(np.arcsinh(-4000), np.arcsinh(20), 91)  # of the histogram, asinh of nats

Numbers = NDArray[np.float64]


class EvidenceNeedle(Explorer):
    """A real digit under a linear-Gaussian model with d latents and noise s.

    Left, the d-dimensional space of z folded flat: each dot at its distance |z| from the centre and
    its angle to the direction of the digit's z, so nothing is projected. Right, estimates of
    log p(x), as nats short of it.

    Numbers: log_evidence, exact; median_estimate of log p̂ over `estimates` estimates from S draws
    each; shortfall, their difference, nats; distance of the integrand's mean from the prior's
    centre and its width in that direction; shell, √d, about where prior draws lie, all three in
    prior standard deviations; best_angle, of the best of the first S prior draws to the digit's
    direction, degrees.
    """

    title = "A digit, where its p(x) comes from, and the draws that miss it"
    controls = (
        Steps("d", "latent dimensions, d", DIMENSIONS, start=20),
        Steps("S", "prior draws, S", DRAWS, start=1_000),
        Slider("s", "noise, s (grey levels)", 0.1, 1.0, 0.05, start=0.2),
    )

    def build(self, figure: Figure) -> None:
        """Left: the folded space and two pictures. Right: estimates against the exact value."""
        left, right = panels(figure, widths=(404, 240), left=12, across=70)
        self._build_space(left)
        self._build_estimates(right)

    def prepare(self) -> None:
        """The model with all its latents, the image, and the prior draws."""
        self.full, self.image = digit_model()
        self.draws = PriorDraws(self.full, self.image)

    def _build_space(self, ax: Axes) -> None:
        style(ax, title="Distance from the centre, angle to this digit")
        ax.set(xlim=ALONG, ylim=OFF)
        ax.spines["bottom"].set_visible(False)
        ax.set_xticks([])
        ax.axhline(0, color=COLOURS["axis"], linewidth=0.8)
        ax.plot(0, 0, "+", color=COLOURS["axis"], markersize=9)
        label(ax, 0.3, -0.75, "centre", of="axis", ha="right")
        label(ax, ALONG[1], -1.5, "direction of this digit →", of="axis", ha="right")
        (self.shell,) = ax.plot([], [], color=COLOURS["axis"], linewidth=1.2, linestyle="--")
        none = np.full((1, 2), np.nan)
        self.grey = latent_points(ax, none, of="prior", size=3)
        self.blue = latent_points(ax, none, of="posterior", size=3)
        (self.ring,) = ax.plot(0, 0, "o", markersize=9, color="k", markerfacecolor="none", zorder=4)
        (self.leader,) = ax.plot([], [], color="k", linewidth=1)
        self.words = {
            "shell": label(ax, 0, -0.75, "", of="axis"),
            "grey": label(ax, ALONG[0], OFF[1] - 0.1, "", of="prior"),
            "blue": label(ax, 0, 0, "where p(x)\ncomes from", of="posterior"),
            "best": label(ax, PICTURES[0] + SIDE / 2, 9.4, "", of="text", ha="center"),
        }
        label(ax, PICTURES[1] + SIDE / 2, 9.4, "the digit x", of="posterior", ha="center")
        self.pictures = [framed(ax, left, TOP) for left in PICTURES]
        self.pictures[1].set_picture(picture(self.image))
        self.moving(self.shell, self.grey, self.blue, self.ring, self.leader, *self.pictures)
        self.moving(*self.words.values())

    def _build_estimates(self, ax: Axes) -> None:
        style(ax, title="Estimates, in nats off log p(x)", keep="y")
        ax.set(xlim=(0, 1), ylim=(EDGES[0], EDGES[-1]))
        marks = (10, 1, 0, -1, -10, -100, -1000)
        ax.set_yticks(np.arcsinh(marks), [number(m, 0) for m in marks])
        label(ax, 0.03, EDGES[-1] - 0.3, "the scale is stretched", of="axis")
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
        self.texts["evidence"].set_text("log p(x), exact")
        self.right = ax
        self.moving(self.gap, self.bars, *self.texts.values())

    def update(self, d: int, S: int, s: float) -> Reading:
        """Moves the dots, the two pictures, the histogram and its words."""
        world = LinearGaussian(self.full.loadings[:, :d], self.full.offset, s)
        exact = world.log_evidence(self.image).item()
        estimates = self._estimates(world, S)
        median = float(np.median(estimates))
        self._move_estimates(estimates - exact, median - exact)
        numbers = {
            "log_evidence": exact,
            "median_estimate": median,
            "shortfall": exact - median,
            "estimates": float(len(estimates)),
            "shell": d**0.5,
        } | self._move_space(world, S)
        return Reading(numbers, _sentence(numbers, d, S))

    def _estimates(self, world: LinearGaussian, draws: int) -> Numbers:
        """log p̂(x) of as many groups of `draws` as the pool gives, at most ESTIMATES."""
        d, s = world.loadings.shape[1], world.noise_std[0]
        groups = min(ESTIMATES, POOL // draws)
        square = self.draws.squares[d][: groups * draws].reshape(groups, draws)
        peak = -0.5 * len(self.image) * torch.log(2 * torch.pi * s**2)
        log_mean = torch.logsumexp(-0.5 * square / s**2, 1) - np.log(draws)
        result: Numbers = (peak + log_mean).numpy()
        return result

    def _move_space(self, world: LinearGaussian, draws: int) -> dict[str, float]:
        posterior = world.posterior(self.image)
        d, distance = len(posterior.mean), posterior.mean.norm()
        along = posterior.mean / distance  # (d,)
        width = (posterior.scale_tril.mT @ along).norm().item()
        dots = min(draws, DOTS)
        blue = posterior.mean + self.draws.noise[:, :d] @ posterior.scale_tril.mT
        best = self.draws.best[d, draws]
        ring = folded(best[None], along)[0]
        self.grey.set_data(*folded(self.draws.shown[:dots, :d], along).T)
        self.blue.set_data(*(places := folded(blue, along)).T)
        self.ring.set_data(ring[:1], ring[1:])
        self._lead(ring, np.array([PICTURES[0], TOP - SIDE]))
        mean = world.offset + world.loadings @ best
        self.pictures[0].set_picture(picture(mean.clamp(0, 1)))
        angles = np.linspace(0, np.pi, 200)
        self.shell.set_data(d**0.5 * np.cos(angles), d**0.5 * np.sin(angles))
        self._write(d, draws, dots, places)
        angle = float(np.degrees(np.arctan2(ring[1], ring[0])))
        return {"distance": distance.item(), "width": width, "best_angle": angle}

    def _write(self, d: int, draws: int, dots: int, blue: Numbers) -> None:
        """The words of the left panel, the blue ones beside their cloud or above it."""
        self.words["grey"].set_text(f"{dots} of {draws:,} prior draws")
        self.words["best"].set_text(f"best of {draws:,}")
        self.words["shell"].set(text=f"√{d} = {number(d**0.5, 1)}", x=d**0.5 - 0.2)
        right, top = blue.max(0)
        height = min(max(blue[:, 1].mean(), 0.9), HIGHEST)
        clear = 0.8 if d <= 5 else 0.3  # of the line to the ring, which rises from the centre
        place = (max(right, self._farthest(height, d)) + clear, height)
        if right > 8.7:  # no room beside
            place = (right - 1.7, top + 0.9)
        self.words["blue"].set_position(place)

    def _farthest(self, height: float, d: int) -> float:
        """How far right the shell and the grey dots reach beside words at this height."""
        ahead, off = (np.asarray(part) for part in self.grey.get_data())
        beside = ahead[abs(off - height) < HALF_WORDS]
        shell = max(d - max(height - HALF_WORDS, 0) ** 2, 0) ** 0.5
        return float(max(shell, beside.max(initial=0)))

    def _lead(self, ring: Numbers, end: Numbers) -> None:
        """The line from the edge of the ring, so that what lies in it can be seen."""
        start = ring + RING * (end - ring) / np.hypot(*(end - ring))
        self.leader.set_data(*np.transpose([start, end]))

    def _move_estimates(self, relative: Numbers, median: float) -> None:
        counts, _ = np.histogram(np.arcsinh(relative), EDGES)
        self.bars.set_data(FOOT + REACH * counts / max(counts.max(), 1))
        at = float(np.arcsinh(median))
        self.gap.set(height=at)
        many = f"median of {len(relative)}" if len(relative) > 1 else "one estimate"
        self.texts["prior"].set_text(many)
        self.texts["gap"].set_text(_off(number(-median, 2)))
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


def folded(z: Tensor, along: Tensor) -> Numbers:
    """Of each z (S, d): how far it lies along the direction, and how far off that line, (S, 2).

    The distance from the origin and the angle to the direction stay what they are.
    """
    ahead = z @ along
    off = (z - ahead[:, None] * along).norm(dim=1)
    result: Numbers = torch.stack([ahead, off], 1).numpy()
    return result


def _off(gap: str) -> str:
    """By how much an estimate misses log p(x): the printed gap in words."""
    return f"over by {gap[1:]}" if gap.startswith("−") else f"short by {gap}"


def _sentence(r: dict[str, float], d: int, draws: int) -> str:
    evidence, estimate, gap = printed(r["log_evidence"], r["median_estimate"], decimals=2)
    who = f"median of {r['estimates']:.0f} estimates" if r["estimates"] > 1 else "one estimate"
    each = " each" * (r["estimates"] > 1)
    return (
        f"With d = {d} prior draws lie about √{d} = {number(r['shell'], 1)} from the centre, in "
        f"all directions. p(x) comes from one place, {number(r['distance'], 1)} out and "
        f"{number(r['width'], 2)} wide. The exact log p(x) is {evidence} nats. The {who}, from "
        f"{draws:,} prior draws{each}, is {estimate} nats: {_off(gap)}."
    )
