"""Explorer of chapter 7: from z make x, from x find z, in the plane of a trained model."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.data import load_mnist
from course_lib.distributions import DiagonalGaussian
from course_lib.explorers.scenes.encoded_digits import COPIES, EncodedDigits, shipped_digits
from course_lib.explorers.scenes.image_pair import empty_pair, pair
from course_lib.explorers.scenes.outlines import Array, outlines
from course_lib.explorers.stage import Explorer, Reading, Slider, Steps
from course_lib.plots import COLOURS, above, label, number, panels, printed, style
from course_lib.vae import VAE

REACH = 3.2  # of the latent plane that is drawn, prior standard deviations
FARTHEST = 3.0  # to which the point can be moved
SIDE = 380  # of the plane, shown pixels
# The light hues of Tol (2021) and one more: pale, so that what moves stands out; the numerals on
# the map say which is which to readers who cannot tell them apart.
TINTS = (
    "#77aadd",
    "#ee8866",
    "#eedd88",
    "#ffaabb",
    "#99ddff",
    "#44bb99",
    "#bbcc33",
    "#c9a27e",
    "#b9a3d9",
    "#cccccc",
)
ROWS = ("log p(x|z)", "log p(z)", "−log p(z|x)", "sum: log p(x)")
APART = 0.55  # the least distance of two numerals on the map


class LatentWalk(Explorer):
    """A point in the latent plane and what it decodes to, beside the first test image of a digit.

    model: a VAE of black and white 28×28 images with a 2-D latent; by default the one that ships.
    Numbers, nats, exact: log_evidence, elbo, gap = KL(q ‖ posterior), reconstruction, kl; at the
    point: log_likelihood, log_prior, log_posterior. Places: q_mean_1, q_mean_2, and so on with
    q_std, posterior_mean, posterior_std.
    """

    title = "From z make x, from x find z"
    height_px = 450
    controls = (
        Steps("digit", "test image x, the first", tuple(range(10)), start=9),
        Slider("z_1", "the point, z₁", -FARTHEST, FARTHEST, 0.02, start=0.0),
        Slider("z_2", "the point, z₂", -FARTHEST, FARTHEST, 0.02, start=0.0),
    )

    def __init__(self, model: VAE | None = None) -> None:
        if not (model is None or isinstance(model, VAE)):
            raise ValueError(f"model must be a VAE, of one layer, got a {type(model).__name__}")
        self.digits = EncodedDigits(model, load_mnist("test")) if model else shipped_digits()
        super().__init__()

    def build(self, figure: Figure) -> None:
        """Left the plane. Right the two pictures, and below them the sum at the point."""
        (plane,) = panels(figure, left=16, right=784 - SIDE, top=54, bottom=396 - SIDE)
        self._build_plane(plane)
        self.pair = empty_pair(figure, 54, "what z decodes to", of="likelihood")
        (point,) = panels(figure, left=452, right=64, top=266, bottom=20)
        self._build_point(point)
        self.moving(self.pair)

    def _build_plane(self, ax: Axes) -> None:
        style(ax, keep="")
        ax.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal")
        above(ax, 0.0, 40, "latent plane; dots: codes of 1,500 test images", of="text")
        above(ax, 0.0, 22, "prior, 1σ and 2σ", of="axis")
        above(ax, 0.335, 22, "● posterior of x", of="posterior")
        above(ax, 0.665, 22, "○ q's mean", of="q")
        above(ax, 0.92, 22, "✚ z", of="text")
        codes, labels = self.digits.codes.numpy(), self.digits.labels.numpy()
        for digit, tint in enumerate(TINTS):
            mine = codes[labels == digit]
            ax.plot(*mine.T, ".", color=tint, markersize=2.5)
        middles = apart(np.array([np.median(codes[labels == digit], 0) for digit in range(10)]))
        for digit, (x, y) in enumerate(middles):
            name = label(ax, x, y, str(digit), of="text", ha="center")
            name.set(fontweight="bold", path_effects=[withStroke(linewidth=3, foreground="white")])
        prior = DiagonalGaussian.from_std([[0.0, 0.0]] * 2, [[1.0, 1.0], [2.0, 2.0]])
        ax.plot(*outlines(prior, 96).T, "--", color=COLOURS["axis"], linewidth=1.2)
        (self.exact,) = ax.plot([], [], "o", color=COLOURS["posterior"], markersize=5)
        (self.answer,) = ax.plot([], [], "o", color=COLOURS["q"], markersize=10)
        self.answer.set(markerfacecolor="none", markeredgewidth=2.0)
        self.here = _cross(ax)
        self.moving(self.exact, self.answer, self.here)

    def _build_point(self, ax: Axes) -> None:
        style(ax, keep="").set(xlim=(0, 1), ylim=(0, 1))
        above(ax, 0.0, 12, "at the point z, nats", of="text")
        colours = ("likelihood", "prior", "posterior", "evidence")
        self.numerals = []
        for row, (name, of) in enumerate(zip(ROWS, colours, strict=True)):
            y = 0.88 - 0.22 * row - 0.06 * (row == 3)
            label(ax, 0.0, y, name, of=of)
            self.numerals.append(label(ax, 0.8, y, "", of=of, ha="right"))
        ax.plot([0, 0.8], [0.29, 0.29], color=COLOURS["evidence"], linewidth=0.8)
        self.moving(*self.numerals)

    def update(self, digit: int, z_1: float, z_2: float) -> Reading:
        """Moves the point, and for another image what is its own."""
        image = COPIES * digit
        z = torch.tensor([z_1, z_2], **DOUBLE)
        numbers = self.digits.at(image, z)
        self.here.set_data((z_1,), (z_2,))
        for marker, of in ((self.exact, "posterior"), (self.answer, "q")):
            marker.set_data(*[(numbers[f"{of}_mean_{i}"],) for i in (1, 2)])
        self.pair.set_picture(pair(self.digits.x[image], self.digits.decoded(z)))
        for text, shown in zip(self.numerals, _sum(numbers), strict=True):
            text.set_text(shown)
        return Reading(numbers, _sentence(numbers, digit, z))


def _cross(ax: Axes) -> Line2D:
    """A black plus with a white rim, for the point."""
    (cross,) = ax.plot([], [], "P", color="black", markersize=9)
    cross.set(markeredgecolor="white", markeredgewidth=1.0, zorder=5)
    return cross


def apart(points: Array) -> Array:
    """The points (N, 2), moved as little as it takes until no two are nearer than APART."""
    placed = points.copy()
    for _ in range(200):
        step = placed[:, None] - placed
        distance = np.hypot(*np.moveaxis(step, -1, 0)) + np.eye(len(points)) * APART
        short = np.maximum(APART - distance, 0) / distance
        placed += 0.25 * (step * short[..., None]).sum(1)
    return placed


def _sum(r: dict[str, float]) -> list[str]:
    """log p(x|z) + log p(z) − log p(z|x) = log p(x), rounded so that it adds up as printed."""
    likelihood = round(r["log_likelihood"], 1)
    prior = round(r["log_prior"], 1)
    evidence = round(r["log_evidence"], 1)
    added = evidence - likelihood - prior  # −log p(z|x)
    sign = "+" if added > 0.05 else ""  # a minus comes with the number
    return [number(likelihood, 1), number(prior, 1), sign + number(added, 1), number(evidence, 1)]


def _both(r: dict[str, float], of: str) -> str:
    """Mean ± standard deviation of both latents."""
    first = f"{number(r[f'{of}_mean_1'], 2)} ± {number(r[f'{of}_std_1'], 2)}"
    second = f"{number(r[f'{of}_mean_2'], 2)} ± {number(r[f'{of}_std_2'], 2)}"
    return f"{first}, {second}"


def _sentence(r: dict[str, float], digit: int, z: Tensor) -> str:
    evidence, elbo, gap = printed(r["log_evidence"], r["elbo"], decimals=1)
    point = ", ".join(number(value, 2) for value in z.tolist())
    return (
        f"At z = ({point}) the decoder gives the first {digit} log p(x|z) = "
        f"{number(r['log_likelihood'], 1)} nats. Asked for its z, the encoder answers "
        f"({_both(r, 'q')}); the exact posterior is ({_both(r, 'posterior')}). log p(x) is "
        f"{evidence}, the ELBO {elbo}, the gap {gap}."
    )
