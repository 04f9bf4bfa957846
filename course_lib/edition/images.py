"""Images in parts that come again: pictures of a sheet one by one, each as small as it can be."""

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from course_lib.edition.recording import Interning
from course_lib.plots.tiles import BETWEEN, GREY

_LARGEST = 16  # drawn pixels that one pixel of an image may take

Bytes = NDArray[np.uint8]


class Part(NamedTuple):
    """A part of an image: its number, where it lies in it, and how large each pixel is drawn."""

    which: int
    left: int
    top: int
    scale: int


class ImageParts:
    """Takes images apart, each once."""

    def __init__(self, known: Interning) -> None:
        self._known = known
        self._parts: dict[bytes, tuple[Part, ...]] = {}

    def parts(self, image: Bytes) -> tuple[Part, ...]:
        """The parts between the grey lines of a sheet (height, width, 4), or the image itself."""
        key = hashlib.blake2b(image.tobytes() + str(image.shape).encode(), digest_size=16).digest()
        if key not in self._parts:
            rows, columns = between_lines(image), between_lines(image.swapaxes(0, 1))
            self._parts[key] = tuple(
                self._part(image[above:below, before:after], before, above)
                for above, below in rows
                for before, after in columns
            )
        return self._parts[key]

    def _part(self, image: Bytes, left: int, top: int) -> Part:
        pixels, scale = shrunk(image)
        return Part(self._known.image(pixels), left, top, scale)


def between_lines(image: Bytes) -> list[tuple[int, int]]:
    """The first row and the one after the last, of each part between the grey lines of a sheet."""
    grey = (image[..., :3] == GREY).all((1, 2)) & (image[..., 3] == 255).all(1)
    start, parts, i = 0, [], 0
    while i < len(grey):
        if grey[i : i + BETWEEN].all() and start < i < len(grey) - BETWEEN:
            parts.append((start, i))
            start = i = i + BETWEEN
        else:
            i += 1
    return [*parts, (start, len(grey))]


def shrunk(image: Bytes) -> tuple[Bytes, int]:
    """One pixel for each block of equal ones, grey if all are, and the side of a block."""
    height, width = image.shape[:2]
    for scale in range(min(_LARGEST, height, width), 0, -1):
        small = image[::scale, ::scale]
        if height % scale == width % scale == 0:
            again = small.repeat(scale, 0).repeat(scale, 1)
            if np.array_equal(again, image):
                break
    opaque = bool((small[..., 3] == 255).all())
    grey = opaque and bool((small[..., :1] == small[..., :3]).all())
    return np.ascontiguousarray(small[..., : 1 if grey else 3 if opaque else 4]), scale
