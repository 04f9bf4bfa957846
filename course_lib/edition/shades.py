"""Colours as a page writes them."""

from collections.abc import Sequence
from typing import Any


def face_of(gc: Any, face: Any) -> tuple[float, ...]:
    """The colour that fills, with the opacity that counts."""
    if len(face) == 3 or gc.get_forced_alpha():
        return (*tuple(face)[:3], gc.get_alpha())
    return tuple(face)


def colour(rgba: Sequence[float]) -> str:
    """A colour as #rrggbbaa."""
    four = (*tuple(rgba), 1.0)[:4]
    return "#" + "".join(f"{round(255 * float(v)):02x}" for v in four)
