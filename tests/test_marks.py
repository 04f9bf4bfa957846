"""Points, bars and upright lines stand where they are said to, their names beside them."""

import math
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.text import Text

from course_lib.plots import COLOURS, histogram, named_points, new_figure, panels, style, upright


def panel() -> Axes:
    """A panel of 300 × 200 shown pixels; x from 2 to 50, y from −7 to 4."""
    (ax,) = panels(new_figure(400, 300), left=60, right=40, top=60, bottom=40)
    ax.set(xlim=(2.0, 50.0), ylim=(-7.0, 4.0))
    return ax


def test_a_name_begins_beside_its_point_in_shares_of_the_panel() -> None:
    ax = panel()
    x, y = [10.0, 26.0, 40.0], [3.0, -1.5, -4.0]
    line: Any = named_points(ax, x, y, {1: "β = 1", 2: "β = 2"}, of="kl", shift=(0.1, 0.2))
    assert line.get_xydata().tolist() == [[10, 3], [26, -1.5], [40, -4]]
    assert line.get_color() == COLOURS["kl"]
    assert [text.get_text() for text in ax.texts] == ["β = 1", "β = 2"]
    ax.figure.canvas.draw()
    box = ax.texts[0].get_window_extent()
    # 26 is the middle of 2 to 50, −1.5 of −7 to 4: 150 and 100 px, and a tenth and a fifth more.
    assert box.x0 / 2 == pytest.approx(60 + 150 + 30, abs=1.5)
    assert (box.y0 + box.y1) / 4 == pytest.approx(40 + 100 + 40, abs=1.5)


@pytest.mark.parametrize(
    ("x", "y", "names", "says"),
    [
        ([1.0, 2.0], [1.0], {}, r"shape \(N,\), got \(2,\) and \(1,\)"),
        ([[1.0, 2.0]], [[1.0, 2.0]], {}, r"got \(1, 2\) and \(1, 2\)"),
        ([1.0, 2.0], [1.0, 2.0], {2: "third"}, "points 0 to 1, got 2"),
        ([1.0, 2.0], [1.0, 2.0], {-1: "last"}, "points 0 to 1, got -1"),
    ],
)
def test_points_that_cannot_be_named_are_refused(x: Any, y: Any, names: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        named_points(panel(), x, y, names, of="kl")


def test_bars_are_the_shares_of_values_or_of_their_weights() -> None:
    """Counted by hand: of five values two are in [0, 1), two in [1, 2], and one is beyond."""
    values = [0.1, 0.9, 1.0, 2.0, 7.0]
    bars = histogram(panel(), values, [0, 1, 2], "All", of="prior")
    assert [bar.get_height() for bar in bars] == pytest.approx([0.4, 0.4])
    assert [bar.get_x() for bar in bars] == [0, 1]
    weighed = histogram(panel(), values, [0, 1, 2], of="posterior", weights=[1, 0, 4, 2, 3])
    assert [bar.get_height() for bar in weighed] == pytest.approx([0.1, 0.6])
    assert to_hex(weighed[0].get_facecolor()) == COLOURS["posterior"]


def test_a_histogram_has_a_title_a_named_axis_below_and_none_beside() -> None:
    ax = panel()
    histogram(ax, [1.0], [0, 2], "Where they are", of="prior", x="how far off")
    assert ax.get_title(loc="left") == "Where they are"
    assert ax.get_xlabel() == "how far off"
    assert ax.spines["bottom"].get_visible()
    assert not ax.spines["left"].get_visible()
    assert not len(ax.get_yticks())


def test_titles_side_by_side_are_of_one_size_and_height() -> None:
    """That of a histogram, in the colour of its bars, beside that of another panel."""
    left, right = panels(new_figure(600, 300), (1, 1), left=60, top=60, bottom=40, across=40)
    style(left, title="Where they are", keep="xy")
    histogram(right, [1.0], [0, 2], "Where they are", of="posterior")
    left.figure.canvas.draw()
    titles: Any = [text for ax in (left, right) for text in ax.get_children() if is_title(text)]
    one, other = (text.get_window_extent() for text in titles)
    assert (other.y0, other.y1) == (one.y0, one.y1)
    assert other.x1 - other.x0 == pytest.approx(one.x1 - one.x0)
    assert [text.get_color() for text in titles] == [COLOURS["text"], COLOURS["posterior"]]


def is_title(artist: Any) -> bool:
    return isinstance(artist, Text) and artist.get_text() == "Where they are"


@pytest.mark.parametrize(
    ("values", "weights", "says"),
    [
        ([1.0, 2.0], [1.0], r"got \(2,\) and \(1,\)"),
        ([[1.0]], None, r"got \(1, 1\) and \(1, 1\)"),
        ([], None, "positive and finite, got 0"),
        ([1.0], [0.0], "positive and finite, got 0"),
        ([1.0], [math.inf], "positive and finite, got inf"),
        ([1.0], [math.nan], "positive and finite, got nan"),
    ],
)
def test_values_that_share_nothing_out_are_refused(values: Any, weights: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        histogram(panel(), values, [0, 1], of="prior", weights=weights)


def test_an_upright_line_has_its_name_over_its_end() -> None:
    ax = panel()
    name = upright(ax, 14.0, "p(x)", of="evidence")
    (line,) = ax.lines
    assert np.asarray(line.get_xdata()).tolist() == [14, 14]
    ax.figure.canvas.draw()
    assert line.get_window_extent().height / 2 == pytest.approx(200, abs=1.5)
    box = name.get_window_extent()
    assert (box.x0 + box.x1) / 4 == pytest.approx(60 + 300 / 4, abs=1.5)
    assert (box.y0 + box.y1) / 4 == pytest.approx(40 + 1.12 * 200, abs=1.5)
