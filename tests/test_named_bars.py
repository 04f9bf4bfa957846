"""Bars and estimates stand where they are said to, with their numbers and their names."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from course_lib.plots import COLOURS, estimates, ink, named_bars, new_figure, panels


def panel() -> Axes:
    """A panel of 300 × 200 shown pixels; x from 2 to 50, y from −7 to 4."""
    (ax,) = panels(new_figure(400, 300), left=60, right=40, top=60, bottom=40)
    ax.set(xlim=(2.0, 50.0), ylim=(-7.0, 4.0))
    return ax


def test_a_bar_has_its_number_over_it_and_its_name_beneath() -> None:
    """Of y from −7 to 4, 11 in all, 0.06 is 0.66 and 0.09 is 0.99."""
    ax = panel()
    bars = named_bars(ax, [3.25, 12.4], ["a", "b"], of="gap")
    assert [bar.get_height() for bar in bars] == [3.25, 12.4]
    assert [bar.get_x() + bar.get_width() / 2 for bar in bars] == pytest.approx([0, 1])
    assert to_hex(bars[0].get_facecolor()) == COLOURS["gap"]
    words = {text.get_text(): text.get_position() for text in ax.texts}
    assert list(words) == ["a", "3.2", "b", "12"]
    assert words["a"] == pytest.approx((0, -7.99))
    assert words["3.2"] == pytest.approx((0, 3.91))
    assert words["12"] == pytest.approx((1, 13.06))
    assert ax.get_xlim() == (-0.6, 1.6)
    with pytest.raises(ValueError, match=r"must have shape \(2,\), got \(1,\)"):
        named_bars(panel(), [1.0], ["a", "b"], of="gap")


def test_an_estimate_has_a_bar_of_two_errors_and_its_name_before_the_panel() -> None:
    """x runs from 2 to 50: 0.03 of that is 1.44, so a name ends at 0.56."""
    ax = panel()
    estimates(ax, {"first": (20.0, 1.5, "q"), "second": (30.0, 0.0, "posterior")})
    drawn = [np.asarray(line.get_xydata()).tolist() for line in ax.lines]
    assert drawn == [[[30, 0], [30, 0]], [[30, 0]], [[17, 1], [23, 1]], [[20, 1]]]
    assert [line.get_color() for line in ax.lines[::2]] == [COLOURS["posterior"], COLOURS["q"]]
    first, second = sorted(ax.texts, key=lambda text: text.get_text())
    assert first.get_position() == pytest.approx((0.56, 1))
    assert second.get_position() == pytest.approx((0.56, 0))
    assert (first.get_horizontalalignment(), first.get_color()) == ("right", ink("q"))
    assert ax.get_ylim() == (-0.6, 1.7)
    with pytest.raises(ValueError, match="of 'third' must not be negative, got -1"):
        estimates(panel(), {"third": (0.0, -1.0, "q")})
