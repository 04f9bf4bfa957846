"""Arrays in, matplotlib axes out: the same thing has the same colour in every chapter.

>>> from course_lib.plots import ledger, new_figure, panels, show
>>> figure = new_figure(400, 300)
>>> (ax,) = panels(figure)
>>> drawn = ledger(ax, log_evidence=-1.0, elbo=-1.5)
>>> show(figure, "log p(x) is −1 nats, the ELBO −1.5, the gap 0.5.").width_px
400

vocabulary: colours, labels, samples, image grids. captions: words around a panel and over a row
of images. densities: densities over z, curves named at their ends, areas, outlines of
Gaussians in the plane. marks: named points and bars, bars of shares, estimates with their errors,
upright lines. graphs: nodes and the arrows between them. figures: figures
and panels in shown pixels, and their pictures. ledger: log p(x) = ELBO + gap; split_ledger: its
gap in two parts, for one datum or for several. curves: what each layer costs while it learns.
tiles: images drawn pixel by pixel. table: numbers side by side. drawing: what keeps the reader's
settings out.
"""

from course_lib.numerals import number
from course_lib.plots.captions import (
    above,
    below,
    caption,
    height_above,
    image_row,
    image_rows,
    named_rows,
)
from course_lib.plots.curves import layer_curves
from course_lib.plots.densities import area, curve, density, outline
from course_lib.plots.figures import PIXEL_RATIO, Picture, encode_png, new_figure, panels, show
from course_lib.plots.graphs import graph
from course_lib.plots.ledger import Ledger, ledger, printed, spread
from course_lib.plots.marks import estimates, histogram, named_bars, named_points, upright
from course_lib.plots.split_ledger import SplitLedger, printed_parts, split_bars
from course_lib.plots.table import table
from course_lib.plots.tiles import Blit, sheet
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
    "Blit",
    "ImageGrid",
    "Ledger",
    "Picture",
    "SplitLedger",
    "above",
    "area",
    "below",
    "caption",
    "curve",
    "density",
    "encode_png",
    "estimates",
    "graph",
    "height_above",
    "histogram",
    "image_grid",
    "image_row",
    "image_rows",
    "ink",
    "inside",
    "label",
    "latent_points",
    "latent_ticks",
    "layer_curves",
    "ledger",
    "named_bars",
    "named_points",
    "named_rows",
    "new_figure",
    "number",
    "outline",
    "panels",
    "printed",
    "printed_parts",
    "sheet",
    "show",
    "split_bars",
    "spread",
    "style",
    "table",
    "upright",
]
