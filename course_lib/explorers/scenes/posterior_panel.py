"""Prior, likelihood and exact posterior over one latent number, in a panel whose curves move."""

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from course_lib.arguments import DOUBLE
from course_lib.exact import GridPosterior, ScalarLatent
from course_lib.plots import COLOURS, above, number, style

EDGE = 3.5  # z is drawn from −EDGE to EDGE
TOP = 2.15  # of the densities
Z = torch.linspace(-EDGE, EDGE, 561, **DOUBLE).unsqueeze(-1)  # (561, 1)


class PosteriorPanel:
    """Three curves over z, the posterior's filled; `artists` are what moves.

    row_px: how far above the panel the lower of two rows of names stands, in shown pixels.
    """

    def __init__(self, ax: Axes, row_px: float) -> None:
        z = Z[:, 0].numpy()
        style(ax, x="latent z").set(xlim=(-EDGE, EDGE), ylim=(0, TOP))
        above(ax, 0.0, row_px + 46, "Over the latent z", of="text")
        above(ax, 0.0, row_px + 20, "prior p(z)", of="prior")
        above(ax, 0.25, row_px + 20, "likelihood p(x|z), scaled to its peak", of="likelihood")
        above(ax, 0.0, row_px, "exact posterior p(z|x)", of="posterior")
        prior = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
        ax.plot(z, prior, color=COLOURS["prior"], linestyle="--", linewidth=1.6)
        self.band = ax.fill_between(z, 0, prior, color=COLOURS["posterior"], alpha=0.15)
        self.band.set_linewidth(0)
        self.curves: dict[str, Line2D] = {
            of: ax.plot(z, prior, color=COLOURS[of], linewidth=width)[0]
            for of, width in (("posterior", 2.6), ("likelihood", 1.4))
        }
        self.artists: list[Artist] = [self.band, *self.curves.values()]

    def move(self, model: ScalarLatent, x: Tensor, log_posterior: Tensor) -> None:
        """To what has been observed, x (1,); log_posterior is log p(z|x) at Z, (561,)."""
        log_likelihood = model.decoder(Z).log_prob(x)
        self.curves["likelihood"].set_ydata((log_likelihood - log_likelihood.max()).exp().numpy())
        height = log_posterior.exp().numpy()
        self.curves["posterior"].set_ydata(height)
        self.band.set_data(Z[:, 0].numpy(), 0, height)


def posterior_numbers(
    posterior: GridPosterior, log_posterior: Tensor, candidate: Tensor
) -> dict[str, float]:
    """What the exact posterior is, and how flat (2.3) comes out.

    log_posterior and candidate: log p(z|x), and log p(x, z) − log p(z|x), at Z, (561,) each.
    """
    return {
        "log_evidence": posterior.log_evidence.item(),
        "candidate_low": candidate.min().item(),
        "candidate_high": candidate.max().item(),
        "posterior_mean": posterior.mean.item(),
        "posterior_std": posterior.variance.sqrt().item(),
        "modes": modes(log_posterior),
    }


def posterior_in_words(r: dict[str, float]) -> str:
    """The beginning of a sentence, from these numbers."""
    humps = "one hump" if r["modes"] == 1 else "two humps"
    return (
        f"The exact posterior has {humps}, mean {number(r['posterior_mean'], 2)} and standard "
        f"deviation {number(r['posterior_std'], 2)}"
    )


def modes(log_density: Tensor) -> int:
    """How many grid points are higher than both neighbours, for log_density (561,)."""
    inner = log_density[1:-1]
    return int(((inner > log_density[:-2]) & (inner > log_density[2:])).sum())
