"""Explorer of chapter 5: what was maximised with weight β, beside the exact log p(x)."""

import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.arguments import DOUBLE, Numbers
from course_lib.data import Images, load_digits
from course_lib.explorers.scenes.beta_sweep import BETAS, COUNT, SweepReport, trained_sweep
from course_lib.explorers.stage import Explorer, Reading, Steps
from course_lib.explorers.stage.work import at_work
from course_lib.plots import Blit, Ledger, caption, panels, printed, sheet, style
from course_lib.plots.tiles import Bytes
from course_lib.vae import VAE

OPENING = 0.5  # the weight nearest to it opens
DRAWS, COLUMNS = 10, 5  # prior draws that are decoded, and how many stand in a row
LARGE, SMALL = 34, 17  # drawn pixels for a pixel of x, and of a draw
WINDOW = (-46.0, 15.0)  # of the ledger, nats from log p(x)


class WeightedObjective(Explorer):
    """One image under models trained with weight β on the KL: the objective, log p(x), pictures.

    models: VAEs with a 2-D latent and a Binomial(16) likelihood, stacked in the order of `betas`
    (M,). images: the data set, counts 0..16, whose labels hold every digit.
    Numbers, nats, of the image: image_rate = KL(q ‖ prior); log_evidence, image_elbo and objective
    (reconstruction − β · image_rate) by quadrature; gap = KL(q ‖ posterior).
    """

    title = "The objective of weight β beside the exact log p(x)"
    height_px = 408

    def __init__(self, models: VAE, betas: Numbers, images: Images) -> None:
        self.report = SweepReport(models, betas, images)
        values, start = self.report.betas, self.report.nearest(OPENING)
        self.controls = (
            Steps("beta", "weight of the KL, β", values, start=start),
            Steps("digit", "image x, a handwritten", tuple(range(10)), start=4),
        )
        super().__init__()

    @classmethod
    @at_work()
    def example(cls) -> "WeightedObjective":
        """On the sweep that the notebook trains, which takes some seconds."""
        return cls(trained_sweep(), torch.tensor(BETAS, **DOUBLE), load_digits())

    def prepare(self) -> None:
        """Prior draws, the same for every β."""
        generator = torch.Generator().manual_seed(4)
        z = torch.randn(DRAWS, 2, generator=generator, dtype=torch.float32, device="cpu").double()
        drawn = self.report.decoded(z)  # (M, DRAWS, D)
        self.sheets = [_sheet(images, COLUMNS, SMALL, air=1) for images in drawn]

    def build(self, figure: Figure) -> None:
        """Left the ledger; right the image and its reconstruction, and prior draws, decoded."""
        left, right = panels(
            figure, (300, 348), left=24, right=20, top=40, bottom=44, across=108, down=0
        )
        box, share = right.get_position(), 154 / self.height_px
        foot = figure.add_axes((box.x0, box.y0 - 0.04, box.width, share))
        self.ledger = Ledger(left, WINDOW, gap_name="", bound_name="objective", decimals=1)
        style(left, title="This image, nats", keep="").set_ylabel("")
        caption(left, 0.0, "objective: reconstruction − β KL", of="elbo")
        style(right, title="x and its reconstruction", keep="")
        self.pair = Blit(right, _sheet(self.report.x[:2] / COUNT, 2, LARGE))
        style(foot, title=f"{DRAWS} prior draws, decoded", keep="")
        self.drawn = Blit(foot, self.sheets[0])
        self.moving(*self.ledger.artists, self.pair, self.drawn)

    def update(self, beta: float, digit: int) -> Reading:
        """Moves the ledger and the pictures."""
        at = self.report.betas.index(beta)
        numbers = self.report.of_image(at, digit)
        pair = torch.stack([self.report.x[digit] / COUNT, self.report.rebuilt[at, digit]])
        self.pair.set_picture(_sheet(pair, 2, LARGE))
        self.drawn.set_picture(self.sheets[at])
        evidence = numbers["log_evidence"]
        self.ledger.ax.set_ylim(evidence + WINDOW[0], evidence + WINDOW[1])
        # With another weight the distance to log p(x) is no KL alone, so not called a gap.
        self.ledger.set(evidence, numbers["objective"], below="gap =" if beta == 1 else "below by")
        return Reading(numbers, _sentence(numbers, beta, digit))

    def described(self) -> str:
        """Without what training gives, which another machine's last digits would change."""
        values = self._values()
        return (
            f"{self.title}, for β = {values['beta']:g} and a handwritten {values['digit']}, with "
            f"its reconstruction and {DRAWS} prior draws, decoded."
        )


def _sheet(ink: Tensor, columns: int, scale: int, air: int = 0) -> Bytes:
    """Images (N, 64) side by side."""
    return sheet(ink.reshape(-1, 8, 8).numpy(), columns, scale, air=air)


def _sentence(r: dict[str, float], beta: float, digit: int) -> str:
    evidence, objective, gap = printed(r["log_evidence"], r["objective"], decimals=1)
    if gap.startswith("−"):
        verdict = f"{gap.removeprefix('−')} nats above it: no bound"
    elif beta < 1:
        verdict = f"{gap} nats below it, by no rule: with β < 1 nothing keeps it there"
    else:
        verdict = f"{gap} nats below it: a bound"
    return (
        f"Under the model trained with β = {beta:g}, log p(x) of this {digit} is exactly "
        f"{evidence}; the objective that was trained is {objective}, {verdict}."
    )
