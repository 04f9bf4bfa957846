"""Explorer of chapter 7: an image's q, from the encoder's answer to one of its own."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from course_lib.distributions import DiagonalGaussian
from course_lib.explorers.scenes.encoded_digits import EncodedDigits
from course_lib.explorers.scenes.image_pair import empty_pair, pair
from course_lib.explorers.scenes.outlines import Array, outlines
from course_lib.explorers.scenes.own_paths import PIXELS, STEPS, STOPS, own_paths, shipped_paths
from course_lib.explorers.stage import Explorer, Reading, Steps
from course_lib.plots import (
    COLOURS,
    PIXEL_RATIO,
    Blit,
    Ledger,
    above,
    below,
    number,
    panels,
    printed,
    style,
)
from course_lib.plots.tiles import Bytes

BANDS = (3.0, 10.0, 30.0, 60.0, 100.0)  # nats below the summit: where the blues change
SHADES = (0.9, 0.62, 0.42, 0.26, 0.12)  # of blue within them; beyond the last one white
LEDGER = (-1.12, 0.16)  # its ends, from log p(x), in units of the largest gap of all images
SIDE = PIXELS // PIXEL_RATIO  # of the latent plane, shown pixels


class OwnQ(Explorer):
    """The first test image of a digit, its exact posterior, and q after steps of gradient ascent.

    Numbers: log_evidence, elbo and gap = KL(q ‖ posterior), nats, by quadrature; mean_1, mean_2,
    std_1 and std_2 of q; away, how far its mean has come, in standard deviations that q began with.
    """

    title = "One image, one q: the encoder's answer, and gradient ascent from there"
    height_px = 450
    controls = (
        Steps("digit", "test image x, the first", tuple(range(10)), start=9),
        Steps("steps", "steps of gradient ascent", STOPS, start=0),
    )

    def __init__(self, digits: EncodedDigits | None = None) -> None:
        """digits: of another model; by default those of the one that ships."""
        if not (digits is None or isinstance(digits, EncodedDigits)):
            raise ValueError(f"digits must be EncodedDigits(model, images), got {digits!r:.80}")
        self.paths = own_paths(digits) if digits else shipped_paths()
        super().__init__()

    def prepare(self) -> None:
        """What belongs to an image, whatever the step."""
        self.shades = [_bands(found.below) for found in self.paths.landscapes]
        self.gaps = self.paths.log_evidence - self.paths.elbo  # (S, N)

    def build(self, figure: Figure) -> None:
        """Left the latent plane near the posterior, right the images and the ledger."""
        (plane,) = panels(figure, left=16, right=800 - 16 - SIDE, top=62, bottom=450 - 62 - SIDE)
        self._build_plane(plane)
        self.pair = empty_pair(figure, 28, "q's mean, decoded", of="q")
        (right,) = panels(figure, left=452, right=64, top=206, bottom=16)
        widest = self.gaps.max().item()
        self.window = LEDGER[0] * widest, LEDGER[1] * widest
        self.ledger = Ledger(right, self.window, decimals=1)
        style(right, keep="").set_ylabel("")
        self.moving(*self.ledger.artists, self.pair)

    def _build_plane(self, ax: Axes) -> None:
        style(ax, keep="").set(xlim=(0, 1), ylim=(0, 1))
        above(ax, 0.0, 46, "exact posterior: its blues change 3, 10, 30, 60, 100", of="posterior")
        above(ax, 0.0, 28, "nats below its summit (uneven steps); white: lower", of="posterior")
        above(ax, 0.0, 10, "q, 1σ and 2σ; dashed: the encoder's; dots: the way", of="q")
        self.shade = Blit(ax, self.shades[0])
        # Where the blues end in white the frame alone shows where the square ends.
        (frame,) = ax.plot([0, 1, 1, 0, 0], [0, 0, 1, 1, 0], color=COLOURS["posterior"])
        frame.set(linewidth=1.0, clip_on=False)
        orange = COLOURS["q"]
        (self.start,) = ax.plot([], [], "--", color=orange, linewidth=1.0)
        (self.way,) = ax.plot([], [], ".-", color=orange, linewidth=0.8, markersize=3, alpha=0.6)
        (self.ellipse,) = ax.plot([], [], color=orange, linewidth=1.6)
        self.wide = below(ax, 0.5, 9, of="axis")
        self.moving(self.shade, frame, self.start, self.way, self.ellipse, self.wide)

    def update(self, digit: int, steps: int) -> Reading:
        """Moves q to where it stands after so many steps."""
        stop, paths = STOPS.index(steps), self.paths
        near = paths.landscapes[digit]
        mean, std = paths.means[stop, digit], paths.log_stds[stop, digit].exp()
        first = paths.log_stds[0, digit].exp()
        self.shade.set_picture(self.shades[digit])
        self.way.set_data(*near.place(paths.means[: stop + 1, digit].numpy()).T)
        self.start.set_data(*near.place(_ellipses(paths.means[0, digit], first)).T)
        self.ellipse.set_data(*near.place(_ellipses(mean, std)).T)
        self.wide.set_text(f"z₁ across, z₂ upwards; the square is {number(near.side, 2)} wide")
        self.pair.set_picture(pair(paths.x[digit], paths.at_mean[stop, digit]))
        evidence, elbo = paths.log_evidence[digit].item(), paths.elbo[stop, digit].item()
        self.ledger.ax.set_ylim(evidence + self.window[0], evidence + self.window[1])
        self.ledger.set(evidence, elbo)
        numbers = {"log_evidence": evidence, "elbo": elbo, "gap": evidence - elbo}
        for i in (0, 1):
            numbers |= {f"mean_{i + 1}": mean[i].item(), f"std_{i + 1}": std[i].item()}
        numbers["away"] = ((mean - paths.means[0, digit]) / first).norm().item()
        return Reading(numbers, _sentence(numbers, digit, steps))


def _ellipses(mean: torch.Tensor, std: torch.Tensor) -> Array:
    """One and two standard deviations out: (…, 2), with breaks."""
    both = torch.stack([std, 2 * std])
    return outlines(DiagonalGaussian(mean.expand(2, 2), both.log()), 60)


def _bands(fallen: Array) -> Bytes:
    """Nats below the summit, the first row at the bottom, as blues from dark to white."""
    shades = np.array([*SHADES, 0.0])[:, None]
    full = 1 - np.array(to_rgb(COLOURS["posterior"]))  # what the darkest takes from white
    blues = np.full((len(shades), 4), 255, np.uint8)
    blues[:, :3] = np.round(255 * (1 - shades * full))
    # A view of rows from below, as the canvas counts: shown without a copy.
    return blues[np.digitize(fallen, BANDS)][::-1]


def _sentence(r: dict[str, float], digit: int, steps: int) -> str:
    evidence, elbo, gap = printed(r["log_evidence"], r["elbo"], decimals=1)
    mean = f"({number(r['mean_1'], 2)}, {number(r['mean_2'], 2)})"
    std = f"({number(r['std_1'], 3)}, {number(r['std_2'], 3)})"
    if steps == 0:
        whose = "The encoder's q"
    else:
        whose = f"After {steps} of {STEPS} steps, q" if steps < STEPS else f"After {STEPS} steps, q"
    moved = "" if steps == 0 else f" It has moved {number(r['away'], 1)} of the encoder's σ."
    return (
        f"The first {digit}, log p(x) = {evidence} nats. {whose} has mean {mean} and σ {std}, the "
        f"ELBO {elbo}, and misses log p(x) by {gap} nats.{moved}"
    )
