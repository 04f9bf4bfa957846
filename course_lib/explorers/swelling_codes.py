"""Explorer of chapter 5: the weight β swells the codes until the digit dissolves."""

import math

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.distributions import DiagonalGaussian
from course_lib.explorers.scenes.linear_digits import LATENT, Coded, LinearDigits
from course_lib.explorers.scenes.outlines import outlines
from course_lib.explorers.stage import Explorer, Reading, Steps
from course_lib.plots import COLOURS, Blit, caption, label, number, panels, sheet, style
from course_lib.plots.tiles import Bytes

WEIGHTS = (
    *(0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0),
    *(14.0, 16.0, 20.0, 24.0, 28.0, 32.0, 36.0, 40.0, 44.0, 48.0, 52.0, 56.0, 60.0, 64.0),
)
REACH = 2.4  # of the latent plane that is drawn, prior standard deviations
APART = 0.2  # and is hidden if one that is shown lies nearer than this
ABOVE = 0.25  # a numeral stands so far above the middle of its code
DRAWS = 4  # of the image's code, decoded
LARGE, SMALL = 43, 21  # drawn pixels for a pixel of x, and of a draw


class SwellingCodes(Explorer):
    """Ten digits, one of each, as codes in a plane; one of them, and what its code decodes to.

    Decoder and codes are the best linear ones for the weight β of the KL, in closed form.
    Numbers: rate = KL(q ‖ prior) of the image and mean_rate over the data, nats; width, the
    standard deviation of the codes along the first latent; error = E_q|x − x̂|², squared ink;
    alive, the latents that the decoder still uses, of 20.
    """

    title = "What the weight of the KL does to the codes, and to a digit"
    height_px = 396
    controls = (
        Steps("beta", "weight of the KL, β", WEIGHTS, start=1.0),
        Steps("digit", "image x, a handwritten", tuple(range(10)), start=4),
    )

    def prepare(self) -> None:
        """What each weight makes of the ten images, and the noise of the draws, always the same."""
        self.world = LinearDigits()
        self.coded = {beta: self.world.coded(beta) for beta in WEIGHTS}
        self.outlines = {beta: outlines(_in_plane(coded), 48) for beta, coded in self.coded.items()}
        generator = torch.Generator().manual_seed(5)
        self.noise = torch.randn(DRAWS, LATENT, generator=generator, **DOUBLE)

    def build(self, figure: Figure) -> None:
        """Left the plane of the two strongest latents, right x, what comes back, and four draws."""
        plane, right = panels(
            figure, (322, 346), left=14, right=14, top=40, bottom=34, across=104, down=0
        )
        style(plane, title="Ten codes q(z|x), two of 20 latents", keep="")
        plane.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal")
        prior = DiagonalGaussian.from_std([[0.0, 0.0]] * 2, [[1.0, 1.0], [2.0, 2.0]])
        plane.plot(*outlines(prior, 96).T, "--", color=COLOURS["axis"], linewidth=1.2)
        (self.codes,) = plane.plot([], [], color=COLOURS["q"], linewidth=1.6)
        (self.mine,) = plane.plot([], [], color=COLOURS["evidence"], linewidth=2.6)
        (self.middles,) = plane.plot([], [], "o", color=COLOURS["q"], markersize=3)
        self.numerals = [_numeral(plane, digit) for digit in range(10)]
        caption(plane, 0.0, "prior, 1σ and 2σ", of="axis")
        caption(plane, 0.42, "codes, 1σ", of="q")
        caption(plane, 0.74, "code of x", of="text")
        self._build_pictures(right)
        self.moving(
            self.codes, self.mine, self.middles, *self.numerals, self.price, self.pair, self.drawn
        )

    def _build_pictures(self, ax: Axes) -> None:
        style(ax, title="x, and what its code decodes to", keep="").set(xlim=(0, 1), ylim=(0, 1))
        low = ax.get_position()
        foot = ax.figure.add_axes((low.x0, low.y0, low.width, 85 / self.height_px))
        style(foot, title="Four draws of that code, decoded", keep="")
        blank = self.world.x[[0, 0]]
        self.pair = Blit(ax, _sheet(blank, LARGE))
        self.price = caption(foot, 0.0, "", of="text")
        self.price.set_y(-0.29)
        self.drawn = Blit(foot, _sheet(blank[[0, 0, 0, 0]], SMALL))

    def update(self, beta: float, digit: int) -> Reading:
        """Moves the ellipses and decodes the code of x."""
        coded = self.coded[beta]
        self._move_plane(beta, digit)
        z = coded.mean[digit] + coded.std * self.noise
        back = self.world.decoded(coded, coded.mean[digit])
        self.pair.set_picture(_sheet(torch.stack([self.world.x[digit], back]), LARGE))
        self.drawn.set_picture(_sheet(self.world.decoded(coded, z), SMALL))
        numbers = {
            "rate": coded.rates[digit].item(),
            "mean_rate": coded.rate,
            "width": coded.std[0].item(),
            "error": self.world.error(coded, digit),
            "alive": float(coded.alive),
        }
        rate, error = number(numbers["rate"], 1), number(numbers["error"], 2)
        self.price.set_text(f"the code costs {rate} nats; error {error} in squared ink")
        return Reading(numbers, _sentence(numbers, beta, digit))

    def _move_plane(self, beta: float, digit: int) -> None:
        every = self.outlines[beta]
        self.codes.set_data(*every.T)
        each = len(every) // 10
        self.mine.set_data(*every[each * digit : each * (digit + 1)].T)
        middles = self.coded[beta].mean[:, :2].tolist()
        self.middles.set_data(*zip(*middles, strict=True))
        self._write_numerals(middles, digit)

    def _write_numerals(self, middles: list[tuple[float, float]], digit: int) -> None:
        """That of the chosen digit, then each that does not lie on one before it."""
        shown: list[tuple[float, float]] = []
        for index in (digit, *(other for other in range(10) if other != digit)):
            across, up = middles[index]
            apart = all(math.dist(middles[index], other) > APART for other in shown)
            self.numerals[index].set_position((across, up + ABOVE))
            self.numerals[index].set_visible(apart)
            shown += [middles[index]] if apart else []


def _in_plane(coded: Coded) -> DiagonalGaussian:
    """The ten codes in the first two latents."""
    return DiagonalGaussian(coded.mean[:, :2], coded.std[:2].log().expand(10, 2))


def _numeral(ax: Axes, digit: int) -> Annotation:
    numeral = label(ax, 0, 0, str(digit), of="text", ha="center")
    numeral.set(fontweight="bold", path_effects=[withStroke(linewidth=3, foreground="white")])
    return numeral


def _sheet(ink: Tensor, scale: int) -> Bytes:
    """Images (N, 64) in one row. Ink that a linear decoder puts outside [0, 1] is drawn at the
    nearer end.
    """
    return sheet(ink.clamp(0, 1).reshape(-1, 8, 8).numpy(), len(ink), scale)


def _sentence(r: dict[str, float], beta: float, digit: int) -> str:
    if not r["alive"]:
        return (
            f"With β = {beta:g} every code is the prior. It costs nothing and says nothing of x: "
            f"whatever the image, the decoder gives the mean of all digits, and misses this "
            f"{digit} by {number(r['error'], 2)} in squared ink."
        )
    return (
        f"With β = {beta:g} the code of this {digit} costs {number(r['rate'], 1)} nats. Along the "
        f"first latent it is {number(r['width'], 2)} wide, where the prior is 1. What it decodes "
        f"to misses x by {number(r['error'], 2)} in squared ink, and {r['alive']:.0f} of "
        f"{LATENT} latents {'is' if r['alive'] == 1 else 'are'} in use."
    )
