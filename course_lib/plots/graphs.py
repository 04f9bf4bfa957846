"""Graphs: variables in circles, arrows between them, and what each arrow stands for."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from course_lib.plots.drawing import DRAWING
from course_lib.plots.vocabulary import COLOURS, colour, label

NODE_PT = 27  # across a circle
_CLEAR_PT = 17  # from a circle's middle to an arrow's end
_BESIDE = 0.2  # from an arrow to its words, in data units

Places = Mapping[str, tuple[float, float]]
Arrows = Mapping[tuple[str, str], str]


@DRAWING
def graph(ax: Axes, places: Places, arrows: Arrows, *, of: str, bow: float = 0.6) -> None:
    """Nodes in circles at their places, and arrows of the colour of `of` from one to another.

    places: name → (x, y) in data units: set the limits of the panel first. arrows: (start, end) →
    words, which stand to the right of the arrow's middle; "" for none. An arrow that would run
    through a third node bows out to its own right, further the larger `bow` is, and its words stand
    beside the bow, outside. Raises ValueError for an arrow whose ends are not two of the nodes.
    """
    for name, place in places.items():
        ax.plot(*place, "o", markersize=NODE_PT, markerfacecolor="white", color=COLOURS["text"])
        label(ax, *place, name, of="text", ha="center")
    for (start, end), words in arrows.items():
        if start == end or not {start, end} <= places.keys():
            raise ValueError(f"arrows must join two of {', '.join(places)}, got {start} → {end}")
        look = {"arrowstyle": "-|>", "color": colour(of), "linewidth": 2}
        look |= {"shrinkA": _CLEAR_PT, "shrinkB": _CLEAR_PT}
        bent = bow if _is_between(places, start, end) else 0.0
        look["connectionstyle"] = f"arc3,rad={bent}"
        ax.annotate("", places[end], places[start], arrowprops=look)
        middle = (np.array(places[start]) + places[end]) / 2
        across, up = _bowed(ax, places[start], places[end], bent)
        text = label(ax, middle[0] + across + _BESIDE, middle[1] + up, words, of=of)
        if across < 0:
            text.set(x=middle[0] + across - _BESIDE, ha="right")


def _bowed(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], bent: float
) -> tuple[float, float]:
    """How far the middle of a bow lies off the straight line, in data units.

    On the screen it is half of `bent` of that line's length, at a right angle to it.
    """
    (x_1, y_1), (x_2, y_2) = ends = ax.transData.transform([start, end])
    shift = bent / 2 * np.array([y_2 - y_1, x_1 - x_2])
    middle, moved = ax.transData.inverted().transform([ends.mean(0), ends.mean(0) + shift])
    return tuple(moved - middle)


def _is_between(places: Places, start: str, end: str) -> bool:
    """Whether a third node lies on the line between two."""
    (x_1, y_1), (x_2, y_2) = places[start], places[end]
    for name, (x, y) in places.items():
        along = (x - x_1) * (x_2 - x_1) + (y - y_1) * (y_2 - y_1)
        off = (x - x_1) * (y_2 - y_1) - (y - y_1) * (x_2 - x_1)
        whole = (x_2 - x_1) ** 2 + (y_2 - y_1) ** 2
        if name not in (start, end) and 0 < along < whole and abs(off) < 0.01 * whole:
            return True
    return False
