"""Stored pictures in 256 colours, half as large; no colour is off by what an eye would see."""

import base64
import functools
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLOURS = 256  # of a palette
_COMMON = 96  # colours that many pixels have are kept as they are

Colours = NDArray[np.int64]


@functools.cache
def in_palette(encoded: str) -> str:
    """A PNG in base64 → the same picture with a palette, or as it was if that is shorter.

    The colours that most pixels have are kept; the rest of the palette is spread so that every
    other colour has one near it. Raises ValueError if it is no PNG, or not whole.
    """
    picture = _decoded(encoded)
    pixels = np.asarray(picture, dtype=np.int64).reshape(-1, 3)
    codes = pixels @ np.array([1 << 16, 1 << 8, 1])
    known, place, count = np.unique(codes, return_inverse=True, return_counts=True)
    colours = np.stack([known >> 16, known >> 8 & 255, known & 255], -1)
    kept = _spread(colours, count)
    nearest = np.concatenate(
        [_distances(part, colours[kept]).argmin(1) for part in np.array_split(colours, 16)]
    )
    made = Image.fromarray(nearest[place].astype(np.uint8).reshape(picture.size[::-1]), "P")
    made.putpalette(colours[kept].astype(np.uint8).tobytes())
    written = io.BytesIO()
    made.save(written, "PNG", optimize=True)
    return min(encoded, base64.b64encode(written.getvalue()).decode("ascii"), key=len)


def _decoded(encoded: str) -> Image.Image:
    try:
        content = io.BytesIO(base64.b64decode(encoded, validate=True))
        return Image.open(content, formats=["PNG"]).convert("RGB")
    except (ValueError, OSError, SyntaxError) as error:  # as Pillow says of what is broken
        raise ValueError(f"a picture that is no PNG, or not whole: {error}") from error


def _spread(colours: Colours, count: Colours) -> list[int]:
    """Which of the colours (n, 3) a palette keeps: the common ones, then always the one that is
    furthest from all that are kept.
    """
    if len(colours) <= COLOURS:
        return list(range(len(colours)))
    kept: list[int] = np.argsort(-count, kind="stable")[:_COMMON].tolist()
    away = _distances(colours, colours[kept]).min(1)
    while len(kept) < COLOURS:
        kept.append(int(away.argmax()))
        away = np.minimum(away, _distances(colours, colours[kept[-1:]])[:, 0])
    return kept


def _distances(some: Colours, others: Colours) -> Colours:
    """(n, 3) and (m, 3) → (n, m): the largest difference in red, green or blue."""
    apart: Colours = np.abs(some[:, None] - others[None]).max(-1)
    return apart
