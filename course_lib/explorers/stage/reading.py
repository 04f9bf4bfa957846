"""What an explorer says of its picture."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """What the picture now shows: its numbers by name, and a sentence that says them.

    idle: names of controls that have no part in it; they are greyed out until they do.
    """

    numbers: dict[str, float]
    sentence: str
    idle: Sequence[str] = ()


def not_drawn(error: Exception) -> Reading:
    """What is said of a value that cannot be drawn."""
    return Reading({}, f"This value cannot be drawn: {str(error) or repr(error)}")
