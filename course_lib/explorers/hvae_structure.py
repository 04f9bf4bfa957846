"""Explorer of chapter 10: a trained chain of latents, and what each decides of the picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from numpy.typing import ArrayLike, NDArray

from course_lib.explorers.scenes.chain_families import Families, chain_families
from course_lib.explorers.stage import Choice, Explorer, Reading, Slider
from course_lib.plots import COLOURS, PIXEL_RATIO, label, panels, style
from course_lib.plots.tiles import Blit, Bytes, sheet

CHAINS = {
    "T = 1": "mnist_vae",
    "T = 3": "mnist_hvae_3",
    "T = 3, KL warmed up": "mnist_hvae_3_warm",
}
NOTHING = "nothing"
KEPT = {NOTHING: 4, "z₃": 3, "z₃, z₂": 2, "z₃, z₂, z₁": 1}  # and the lowest level that is kept
NAMES = ("x", "z₁", "z₂", "z₃")
ROWS, SHOWN = 6, 8  # families on the screen, and pictures of each
SIDE = 28 * 2 + 1  # from one picture to the next, in shown pixels: a pixel of a digit takes two
TALL = SIDE * ROWS - 1  # of the panels
WIDE = 286  # of the chain
LEFT, STRIP = 46, 200  # where its values begin, and how wide they are
SQUARE, PER_ROW = 8, 25  # the side of a latent's value, and how many stand in a row
FEET = (14, 124, 218, 311)  # of x, z_1, z_2, z_3, above the foot of the chain
LINES = (7, 4, 2, 1)  # of values, each as tall as a square
REACH = 3.0  # a latent of +3 is black, −3 white
INK, PALE = COLOURS["evidence"], "#a8a8a8"  # kept, drawn anew


@dataclass(frozen=True)
class Node:
    """One variable of the drawn chain: its name in a disc, its values, and what it decides.

    whole: the outline of a bar of 100%. fate: whether it is kept or drawn anew, in a word.
    """

    disc: Line2D
    name: Text
    values: Blit
    whole: Rectangle
    bar: Rectangle
    share: Text
    fate: Text

    @property
    def artists(self) -> tuple[Artist, ...]:
        """All of it, in drawing order."""
        return self.disc, self.name, self.values, self.whole, self.bar, self.share, self.fate

    def show(self, picture: Bytes, decided: float, percent: int, kept: bool) -> None:
        """Moves it to these values; ink if it is kept, pale if it is drawn anew."""
        self.disc.set_markerfacecolor(INK if kept else "white")
        self.name.set_color("white" if kept else INK)
        self.values.set_picture(picture)
        self.bar.set_width(STRIP * max(decided, 0.0))
        self.bar.set_facecolor(INK if kept else PALE)
        self.share.set_text(f"{percent}%")
        self.fate.set_text("kept" if kept else "anew")


class ChainOfLatents(Explorer):
    """Families of digits from a trained chain, which share z_k and all that is above it.

    Numbers: decided_3, decided_2, decided_1 and decided_x, the shares of the pixels' variance that
    each variable decides given those above it, which add up to 1 (0 for a level that the chain
    lacks); kept, the sum over the kept ones; alike, the share of pairs of relatives that show the
    same digit, as a nearest neighbour reads them; unrelated, that share among all pairs.
    """

    title = "A chain of latents: keep some, draw the rest anew"
    height_px = 60 + TALL + 4
    controls = (
        Choice("chain", "chain, trained on MNIST", tuple(CHAINS), start="T = 3, KL warmed up"),
        Choice("kept", "what a row keeps", tuple(KEPT), start="z₃"),
        Slider("page", "other ancestors", 1, 20, 1, start=1),
    )

    def prepare(self) -> None:
        """Every family of every chain."""
        self.chains = {name: chain_families(recipe) for name, recipe in CHAINS.items()}

    def build(self, figure: Figure) -> None:
        """Left: the chain behind the framed picture. Right: a family a row, its ancestor first."""
        widths = (WIDE, SIDE * SHOWN - 1)
        graph, members = panels(
            figure, widths=widths, left=2, right=11, top=60, bottom=4, across=46
        )
        self._build_graph(graph)
        self.members = _pictures(members)
        corner = (SIDE - 1.5, TALL - SIDE)
        self.frame = members.add_patch(Rectangle(corner, SIDE + 1, SIDE + 1, fill=False))
        self.frame.set(linewidth=2.0, edgecolor=INK, clip_on=False)
        self.shared = label(members, 0, TALL + 34, "", of="text")
        self.anew = label(members, 0, TALL + 13, "", of="text")
        self.moving(self.members, self.frame, self.shared, self.anew)

    def _build_graph(self, ax: Axes) -> None:
        style(ax, keep="").set(xlim=(0, WIDE), ylim=(0, TALL))
        label(ax, LEFT, TALL + 34, "the chain of the framed picture", of="text")
        label(ax, LEFT, TALL + 13, "bars: share of the pixels' variance", of="text")
        self.arrows = [self._arrow(ax, above) for above in (1, 2, 3)]
        self.nodes = [self._node(ax, level) for level in range(4)]

    def _arrow(self, ax: Axes, above: int) -> Line2D:
        start, end = (FEET[t] + SQUARE * LINES[t] / 2 for t in (above, above - 1))
        (arrow,) = ax.plot([20, 20], [start - 14, end + 17], "v-", color=COLOURS["axis"])
        arrow.set(markevery=[1], markersize=5)
        return self.moving(arrow)

    def _node(self, ax: Axes, level: int) -> Node:
        foot, tall = FEET[level], SQUARE * LINES[level]
        (disc,) = ax.plot([20], [foot + tall / 2], "o", markersize=19)
        disc.set_markeredgecolor(COLOURS["axis"])
        name = label(ax, 20, foot + tall / 2, NAMES[level], of="text", ha="center")
        corners = ax.transData.transform([(LEFT, foot), (LEFT + STRIP, foot + tall)])
        (left, low), (right, high) = ax.figure.transFigure.inverted().transform(corners)
        place = ax.figure.add_axes((left, low, right - left, high - low))
        style(place, keep="")
        blank = np.zeros((LINES[level], PER_ROW) if level else (28, 28))
        values = Blit(place, _tiles(blank, level))
        whole = Rectangle((LEFT, foot - 10), STRIP, 5, fill=False, linewidth=0.8)
        whole.set_edgecolor(COLOURS["axis"])
        bar = Rectangle((LEFT, foot - 10), 0, 5, linewidth=0)
        for patch in (bar, whole):
            ax.add_patch(patch)
        share = label(ax, LEFT + STRIP + 6, foot - 8, "", of="text")
        beside = LEFT + (STRIP + 6 if level else 62)  # x is a picture, narrower than a strip
        fate = label(ax, beside, foot + max(tall / 2, 11), "", of="axis")
        node = Node(disc, name, values, whole, bar, share, fate)
        self.moving(*node.artists)
        return node

    def update(self, chain: str, kept: str, page: int) -> Reading:
        """Shows six families of the chain, and what each of its variables decides."""
        found = self.chains[chain]
        level = min(KEPT[kept], found.depth + 1)  # what the chain lacks cannot be kept
        family = found.by_level[level]
        rows = slice(ROWS * (page - 1), ROWS * page)
        shown = family.pictures[rows, :SHOWN].reshape(-1, 28, 28)
        self.members.set_picture(sheet(shown, SHOWN, 2 * PIXEL_RATIO))
        levels = range(found.depth, -1, -1)  # z_T first, x last, as in `decided`
        parts = dict(zip(levels, found.decided, strict=True))
        percents = dict(zip(levels, whole_percents(found.decided), strict=True))
        self._show_chain(family, rows.start, level, parts, percents)
        numbers = {f"decided_{t or 'x'}": parts.get(t, 0.0) for t in (3, 2, 1, 0)}
        numbers["kept"] = sum(share for t, share in parts.items() if t >= level)
        said = sum(share for t, share in percents.items() if t >= level)
        numbers["alike"] = family.alike
        numbers["unrelated"] = found.by_level[found.depth + 1].alike
        return Reading(numbers, _sentence(numbers, said, level, found.depth, KEPT[kept]))

    def _show_chain(
        self,
        family: Families,
        first: int,
        level: int,
        parts: dict[int, float],
        percents: dict[int, int],
    ) -> None:
        """Moves the chain to the framed picture, the second of the first row."""
        depth = len(family.latents)
        for t, node in enumerate(self.nodes):
            shown = t <= depth
            for artist in node.artists:
                artist.set_visible(shown)
            if t > 0:
                self.arrows[t - 1].set_visible(shown)
            if shown:
                picture = _tiles(_shades(family, first, t), t)
                node.show(picture, parts[t], percents[t], kept=t >= level)
        same = listed(NAMES[depth : level - 1 : -1])
        fresh = listed(NAMES[level - 1 : 0 : -1])
        shared = f"the same {same}" if same else "nothing shared"
        self.shared.set_text(f"{shared} along a row")
        self.anew.set_text(
            f"each picture its own {fresh}" if fresh else "only pixels anew, not shown"
        )


def _shades(family: Families, which: int, level: int) -> NDArray[np.floating]:
    """x or z_level of one picture, 0 white to 1 black."""
    shades: NDArray[np.floating] = family.x[which]
    if level > 0:
        shades = 0.5 + 0.5 * family.latents[level - 1][which].reshape(-1, PER_ROW) / REACH
    return shades


def _pictures(ax: Axes) -> Blit:
    """The panel of the families, still blank, whose data units are shown pixels."""
    style(ax, keep="").set(xlim=(0, SIDE * SHOWN - 1), ylim=(0, TALL))
    return Blit(ax, sheet(np.zeros((ROWS * SHOWN, 28, 28)), SHOWN, 2 * PIXEL_RATIO))


def _tiles(values: ArrayLike, level: int) -> Bytes:
    """Shades 0 … 1 of x or of z_level as squares, white lines above them if they are few."""
    shades = np.clip(values, 0.0, 1.0)
    if level == 0:
        return sheet(shades[None], 1, 2 * PIXEL_RATIO)
    above = LINES[level] - len(shades)
    return sheet(np.pad(shades, ((above, 0), (0, 0)))[None], 1, SQUARE * PIXEL_RATIO)


def whole_percents(shares: Sequence[float]) -> list[int]:
    """Shares as whole percents that add up to 100: the largest remainders are rounded up.

    An estimate slightly below zero counts as 0, and the others are scaled to add up to 1.
    """
    positive = [max(share, 0.0) for share in shares]
    exact = [100 * share / sum(positive) for share in positive]
    whole = [math.floor(value) for value in exact]
    order = sorted(range(len(exact)), key=lambda i: whole[i] - exact[i])
    for i in order[: 100 - sum(whole)]:
        whole[i] += 1
    return whole


def listed(names: Sequence[str]) -> str:
    """z₃, z₂ and z₁."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _sentence(r: dict[str, float], said: int, level: int, depth: int, asked: int) -> str:
    pairs = f"two of a row show the same digit in {r['alike']:.0%} of all pairs"
    if level > depth:
        missing = " or ".join(NAMES[3 : asked - 1 : -1])  # nothing if nothing is to be kept
        lacks = f"This chain has one latent, z₁, and no {missing} to keep. " if missing else ""
        return f"{lacks}Every picture is drawn from the top down by itself, and {pairs}."
    same = listed(NAMES[depth : level - 1 : -1])
    decide = "decides" if level == depth else "together decide"
    rest = f"{pairs}, where unrelated ones do in {r['unrelated']:.0%}"
    if level == 1:
        rest = (
            "the rest is noise of single pixels, which the pictures, means of x given z₁, leave out"
        )
    return f"Kept is {same}, which {decide} {said}% of the pixels' variance; {rest}."
