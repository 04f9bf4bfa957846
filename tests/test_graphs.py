"""A graph's nodes and arrows stand where they are said to; what would be hidden bows out."""

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.text import Annotation

from course_lib.plots import COLOURS, graph, ink, new_figure, panels

CHAIN = {"z₂": (0.0, 2.0), "z₁": (0.0, 1.0), "x": (0.0, 0.0)}


def panel() -> Axes:
    """A panel of 200 × 300 shown pixels, a hundred for a unit."""
    (ax,) = panels(new_figure(240, 340), left=20, right=20, top=20, bottom=20)
    ax.set(xlim=(-1.0, 1.0), ylim=(-0.5, 2.5))
    return ax


def arrows(ax: Axes) -> list[Any]:
    """The annotations that are arrows, in order."""
    return [text for text in ax.texts if isinstance(text, Annotation) and text.arrow_patch]


def test_nodes_stand_at_their_places_and_words_beside_their_arrows() -> None:
    ax = panel()
    graph(ax, CHAIN, {("z₂", "z₁"): "p(z₁|z₂)", ("z₁", "x"): "p(x|z₁)"}, of="likelihood")
    np.testing.assert_array_equal(
        [line.get_xydata() for line in ax.lines], [[[0, 2]], [[0, 1]], [[0, 0]]]
    )
    places = {text.get_text(): text.get_position() for text in ax.texts}
    assert places["z₂"] == (0.0, 2.0)
    assert places["p(z₁|z₂)"] == (0.2, 1.5)
    assert places["p(x|z₁)"] == (0.2, 0.5)
    (words,) = [text for text in ax.texts if text.get_text() == "p(x|z₁)"]
    assert words.get_color() == ink("likelihood")


def test_an_arrow_runs_from_circle_to_circle_and_its_head_is_at_the_end() -> None:
    """Of the hundred pixels between two middles it leaves free 17 points, 23.6 pixels, at each end.

    The outline of a head whose sides rise two for one across ends half its stroke of 2 points
    times √5 short of that, where the stroke's own pointed corner does.
    """
    ax = panel()
    graph(ax, CHAIN, {("x", "z₁"): ""}, of="q")
    (arrow,) = arrows(ax)
    assert (arrow.get_position(), arrow.xy) == ((0, 0), (0, 1))  # from, to
    ax.figure.canvas.draw()
    assert arrow.arrow_patch.get_edgecolor()[:3] == pytest.approx(
        [int(COLOURS["q"][i : i + 2], 16) / 255 for i in (1, 3, 5)]
    )
    box = arrow.arrow_patch.get_window_extent()
    free, corner = 17 * 100 / 72, 5**0.5 * 100 / 72
    assert box.y0 / 2 == pytest.approx(20 + 50 + free, abs=0.5)  # from the figure's lower edge
    assert box.y1 / 2 == pytest.approx(20 + 150 - free - corner, abs=0.5)
    assert box.x1 - box.x0 < 30  # straight up


@pytest.mark.parametrize(("ends", "side"), [(("x", "z₂"), 1), (("z₂", "x"), -1)])
def test_what_would_run_through_a_third_node_bows_out_to_its_right(
    ends: tuple[str, str], side: int
) -> None:
    """Three tenths of its length from the line, at its middle: 60 of 200 shown pixels."""
    ax = panel()
    graph(ax, CHAIN, {ends: ""}, of="q")
    ax.figure.canvas.draw()
    box = arrows(ax)[0].arrow_patch.get_window_extent()
    furthest = (box.x1 if side > 0 else box.x0) / 2 - 120  # from the middle of the panel
    assert furthest == pytest.approx(side * 60, abs=4)


@pytest.mark.parametrize(("ends", "side"), [(("x", "z₂"), 1), (("z₂", "x"), -1)])
def test_the_words_of_a_bow_stand_outside_it_beside_its_middle(
    ends: tuple[str, str], side: int
) -> None:
    """A fifth of a unit, 20 shown pixels, from the middle of the stroke, which is 2 points wide."""
    ax = panel()
    graph(ax, CHAIN, {ends: "q"}, of="q")
    ax.figure.canvas.draw()
    box = arrows(ax)[0].arrow_patch.get_window_extent()
    (words,) = [text.get_window_extent() for text in ax.texts if text.get_text() == "q"]
    free = (words.x0 - box.x1 if side > 0 else box.x0 - words.x1) / 2
    assert free == pytest.approx(20 - 100 / 72, abs=2)
    assert (words.y0 + words.y1) / 4 == pytest.approx(20 + 150, abs=3)  # as high as z₁


def test_a_node_beyond_the_end_bends_nothing() -> None:
    ax = panel()
    graph(ax, CHAIN, {("z₁", "z₂"): ""}, of="q")
    ax.figure.canvas.draw()
    box = arrows(ax)[0].arrow_patch.get_window_extent()
    assert box.x1 - box.x0 < 30


@pytest.mark.parametrize("ends", [("x", "z₃"), ("x", "x")])
def test_an_arrow_joins_two_nodes(ends: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=f"join two of z₂, z₁, x, got {ends[0]} → {ends[1]}"):
        graph(panel(), CHAIN, {ends: ""}, of="q")
