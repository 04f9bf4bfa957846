"""Arrays in, matplotlib axes out: the same thing has the same colour in every chapter.

>>> from course_lib.plots import ledger, new_figure, panels, show
>>> figure = new_figure(400, 300)
>>> (ax,) = panels(figure)
>>> drawn = ledger(ax, log_evidence=-1.0, elbo=-1.5)
>>> show(figure, "log p(x) is −1 nats, the ELBO −1.5, the gap 0.5.").width_px
400
"""

from course_lib.plots.figures import PIXEL_RATIO, Picture, encode_png, new_figure, panels, show
from course_lib.plots.ledger import Ledger, ledger
from course_lib.plots.vocabulary import (
    COLOURS,
    TEXT_PT,
    ImageGrid,
    image_grid,
    ink,
    label,
    latent_points,
    latent_ticks,
    number,
    style,
)

__all__ = [
    "COLOURS",
    "PIXEL_RATIO",
    "TEXT_PT",
    "ImageGrid",
    "Ledger",
    "Picture",
    "encode_png",
    "image_grid",
    "ink",
    "label",
    "latent_points",
    "latent_ticks",
    "ledger",
    "new_figure",
    "number",
    "panels",
    "show",
    "style",
]
