"""Arrays in, matplotlib axes out: the same thing has the same colour in every chapter."""

from course_lib.numerals import number
from course_lib.plots.captions import above, below, caption
from course_lib.plots.figures import PIXEL_RATIO, Picture, encode_png, new_figure, panels, show
from course_lib.plots.ledger import Ledger, ledger
from course_lib.plots.split_ledger import SplitLedger
from course_lib.plots.vocabulary import (
    COLOURS,
    TEXT_PT,
    ImageGrid,
    image_grid,
    ink,
    inside,
    label,
    latent_points,
    latent_ticks,
    style,
)

__all__ = [
    "COLOURS",
    "PIXEL_RATIO",
    "TEXT_PT",
    "ImageGrid",
    "Ledger",
    "Picture",
    "SplitLedger",
    "above",
    "below",
    "caption",
    "encode_png",
    "image_grid",
    "ink",
    "inside",
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
