"""Explorer of chapter 7: from x find z, from z make x, in the plane of a trained model."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.data import load_mnist
from course_lib.distributions import DiagonalGaussian
from course_lib.explorers.scenes.encoded_digits import COPIES, DRAWS, EncodedDigits, shipped_digits
from course_lib.explorers.scenes.outlines import Array, outlines
from course_lib.explorers.stage import Choice, Explorer, Reading, Slider, Steps
from course_lib.plots import COLOURS, Ledger, caption, label, number, panels, printed, style
from course_lib.plots.tiles import Blit, Bytes, sheet
from course_lib.vae import VAE

REACH = 3.7  # of the latent plane that is drawn, prior standard deviations
FARTHEST = 3.4  # to which the point can be moved
WIDTHS, HEIGHTS = (234, 234, 210), (234, 113)  # of the panels, shown pixels
WINDOW = (-1.1, 0.25)  # of the ledger, from log p(x), in units of the largest gap of all images
WHICH = ("first", "second")
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
    """A point in the latent plane and what it decodes to; a test image, its q and its posterior.

    model: a VAE of black and white 28×28 images with a 2-D latent; by default the one that ships.
    Numbers, nats, exact: log_evidence, elbo, gap = KL(q ‖ posterior), reconstruction, kl; at the
    point: log_likelihood, log_prior, log_posterior. Places: q_mean_1, q_mean_2, and so on with
    q_std, posterior_mean, posterior_std.
    """

    title = "From x find z, from z make x"
    height_px = 464
    controls = (
        Steps("digit", "test image x, a handwritten", tuple(range(10)), start=2),
        Choice("which", "of that digit, the", WHICH, start="first"),
        Slider("z_1", "the point, z₁", -FARTHEST, FARTHEST, 0.02, start=0.0),
        Slider("z_2", "the point, z₂", -FARTHEST, FARTHEST, 0.02, start=0.0),
    )

    def __init__(self, model: VAE | None = None) -> None:
        self.digits = EncodedDigits(model, load_mnist("test")) if model else shipped_digits()
        super().__init__()

    def prepare(self) -> None:
        """The pictures that belong to an image, whatever the point."""
        self.shades = [_blue(found.shade) for found in self.digits.close_ups]
        sheets = [_squares(drawn) for drawn in self.digits.drawn]
        self.sheets = [sheet(images, DRAWS // 2, scale=4) for images in sheets]
        # One scale for all images, or a gap of 92 nats would look like one of 29.
        widest = max(1.0, self.digits.gaps.max().item())
        self.window = WINDOW[0] * widest, WINDOW[1] * widest  # nats from log p(x)

    def build(self, figure: Figure) -> None:
        """Above: plane, close-up, ledger. Below: pictures, draws, and the sum at the point."""
        plane, near, right, pair, drawn, point = panels(
            figure, WIDTHS, HEIGHTS, left=16, right=14, top=34, bottom=11, across=46, down=72
        )
        self._build_plane(plane)
        self._build_near(near)
        self.ledger = Ledger(right, self.window, decimals=1)
        style(right, title="This image's ledger, nats", keep="").set_ylabel("")
        style(pair, title="x, and what z decodes to", keep="")
        self.pair = Blit(pair, sheet(_squares(self.digits.x[:2]), 2, scale=8))
        style(drawn, title="Posterior draws, decoded", keep="")
        self.drawn = Blit(drawn, self.sheets[0])
        self._build_point(point)
        self.moving(*self.ledger.artists, self.pair, self.drawn)

    def _build_plane(self, ax: Axes) -> None:
        style(ax, title="Latent plane, codes of test images", keep="")
        ax.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal")
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
        (self.square,) = ax.plot([], [], color=COLOURS["posterior"], linewidth=1.6)
        self.here = _cross(ax)
        caption(ax, 0.0, "prior, 1σ 2σ", of="axis")
        caption(ax, 0.42, "close-up", of="posterior")
        caption(ax, 0.71, "+ the point", of="text")
        self.moving(self.square, self.here)

    def _build_near(self, ax: Axes) -> None:
        style(ax, title="Close-up: posterior and q", keep="")
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        self.shade = Blit(ax, self.shades[0])
        ax.plot([0, 1, 1, 0, 0], [0, 0, 1, 1, 0], color=COLOURS["posterior"], linewidth=1.2)
        (self.dots,) = ax.plot([], [], "o", color=COLOURS["posterior"], markersize=4)
        self.dots.set(markeredgecolor="white", markeredgewidth=0.7)
        (self.ellipse,) = ax.plot([], [], color=COLOURS["q"], linewidth=2.0)
        self.near = _cross(ax)
        self.width = caption(ax, 0.0, "", of="text")
        caption(ax, 0.39, "posterior", of="posterior")
        caption(ax, 0.73, "q, 1σ 2σ", of="q")
        self.moving(self.shade, self.dots, self.ellipse, self.near, self.width)

    def _build_point(self, ax: Axes) -> None:
        style(ax, title="At the point, nats", keep="").set(xlim=(0, 1), ylim=(0, 1))
        colours = ("likelihood", "prior", "posterior", "evidence")
        self.numerals = []
        for row, (name, of) in enumerate(zip(ROWS, colours, strict=True)):
            y = 0.92 - 0.24 * row - 0.06 * (row == 3)
            label(ax, 0.0, y, name, of=of)
            self.numerals.append(label(ax, 0.85, y, "", of=of, ha="right"))
        ax.plot([0, 0.85], [0.29, 0.29], color=COLOURS["evidence"], linewidth=0.8)
        self.moving(*self.numerals)

    def update(self, digit: int, which: str, z_1: float, z_2: float) -> Reading:
        """Moves the point, and for another image everything that is its own."""
        image = COPIES * digit + WHICH.index(which)
        z = torch.tensor([z_1, z_2], **DOUBLE)
        numbers = self.digits.at(image, z)
        self._move_plane(image, z)
        pictures = torch.stack([self.digits.x[image], self.digits.decoded(z)])
        self.pair.set_picture(sheet(_squares(pictures), 2, scale=8))
        self.drawn.set_picture(self.sheets[image])
        evidence = numbers["log_evidence"]
        self.ledger.ax.set_ylim(evidence + self.window[0], evidence + self.window[1])
        self.ledger.set(evidence, numbers["elbo"])
        for text, shown in zip(self.numerals, _sum(numbers), strict=True):
            text.set_text(shown)
        return Reading(numbers, _sentence(numbers, digit, which, z))

    def _move_plane(self, image: int, z: Tensor) -> None:
        near, q = self.digits.close_ups[image], self.digits.q
        corners = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
        self.square.set_data(*(corners * near.side + (near.left, near.bottom)).T)
        self.here.set_data((z[0].item(),), (z[1].item(),))
        self.near.set_data(*near.place(z).reshape(2, 1))
        self.shade.set_picture(self.shades[image])
        self.dots.set_data(*near.place(self.digits.draws[image]).T)
        stds = z.new_tensor([[1.0], [2.0]]) * q.std[image]
        both = DiagonalGaussian(q.mean[image].expand(2, 2), stds.log())
        self.ellipse.set_data(*near.place(torch.from_numpy(outlines(both, 60))).T)
        self.width.set_text(f"{number(near.side, 2)} wide")


def _cross(ax: Axes) -> Line2D:
    """A black plus with a white rim, for the point."""
    (cross,) = ax.plot([], [], "P", color="black", markersize=9)
    cross.set(markeredgecolor="white", markeredgewidth=1.0, zorder=5)
    return cross


def _blue(shade: Array) -> Bytes:
    """A density over its maximum, the first row at the bottom, as a picture: white to blue."""
    full = 0.75 * (1 - np.array(to_rgb(COLOURS["posterior"])))  # what the summit takes from white
    picture = np.full((*shade.shape, 4), 255, np.uint8)
    picture[..., :3] = np.round(255 * (1 - shade[::-1, :, None] * full))
    return picture


def _squares(pixels: Tensor) -> Array:
    """Pixels (N, 784) as images (N, 28, 28)."""
    result: Array = pixels.reshape(-1, 28, 28).numpy()
    return result


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


def _sentence(r: dict[str, float], digit: int, which: str, z: Tensor) -> str:
    evidence, elbo, gap = printed(r["log_evidence"], r["elbo"], decimals=1)
    point = ", ".join(number(value, 2) for value in z.tolist())
    return (
        f"At z = ({point}) the decoder gives the {which} {digit} log p(x|z) = "
        f"{number(r['log_likelihood'], 1)} nats. Asked for its z, the encoder answers "
        f"({_both(r, 'q')}); the exact posterior is ({_both(r, 'posterior')}). log p(x) is "
        f"{evidence}, the ELBO {elbo}, the gap {gap}."
    )
