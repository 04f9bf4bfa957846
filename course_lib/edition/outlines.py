"""Paths as shapes of whole numbers, and places as marks have them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.path import Path
from numpy.typing import NDArray

from course_lib.edition.recording import CLOSE, COARSE, FINE, Interning
from course_lib.plots import PIXEL_RATIO

_FAR = 2.0**14  # drawn pixels; what lies farther off is as good as there

Floats = NDArray[np.float64]


def interned(known: Interning, path: Path, fine: bool) -> tuple[int, Floats]:
    """The number of a shape, and where it begins, in drawn pixels.

    A coarse shape is kept from its first vertex on, so that it is the same wherever it lies;
    its vertices are rounded before, so that no error adds up. A fine one has its own origin.
    """
    vertices, codes = vertices_of(path).copy(), codes_of(path)
    for i in np.flatnonzero(codes == CLOSE):
        vertices[i] = vertices[i - 1]  # it is of no account
    unit = FINE if fine else COARSE
    counts = rounded(vertices, unit)
    if fine:
        first = np.zeros(2)
    else:
        first = counts[0] * (PIXEL_RATIO / unit)
        counts = counts - counts[0]
    x, y = np.ascontiguousarray(counts.T)
    return known.shape(codes.tobytes(), x, y, fine), first


def near(vertices: Floats) -> Floats:
    """Vertices in drawn pixels; those far outside of the picture come a little nearer."""
    return np.clip(vertices, -_FAR, _FAR)


def rounded(drawn: Floats, unit: int) -> NDArray[np.int32]:
    """Drawn pixels as whole numbers of a `unit`-th of a shown pixel."""
    return np.floor(drawn * (unit / PIXEL_RATIO) + 0.5).astype(np.int32)


def counted(place: Sequence[float] | Floats, unit: int) -> tuple[int, int]:
    """One place of drawn pixels in a `unit`-th of a shown pixel."""
    x, y = rounded(np.asarray(place, dtype=float), unit)
    return int(x), int(y)


def vertices_of(path: Path) -> Floats:
    """A path's vertices (N, 2)."""
    found: Floats = np.asarray(path.vertices, dtype=float)
    return found


def codes_of(path: Path) -> NDArray[np.uint8]:
    """A path's codes, one for each vertex, a closing one as CLOSE."""
    if path.codes is None:
        codes = np.full(len(vertices_of(path)), Path.LINETO, np.uint8)
        codes[0] = Path.MOVETO
        return codes
    return np.where(np.asarray(path.codes) == Path.CLOSEPOLY, CLOSE, path.codes).astype(np.uint8)
