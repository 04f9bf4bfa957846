"""A gap in two parts, datum by datum: bars that add up, and their sums over them."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from course_lib.plots import COLOURS, new_figure, panels, split_bars


def test_bars_stand_upon_each_other_and_say_their_sum() -> None:
    (ax,) = panels(new_figure(400, 246), top=46, bottom=0)  # 200 shown pixels high
    ax.set(xlim=(-0.5, 2.5), ylim=(0, 40))
    split_bars(ax, [1.25, 0.0, 3.0], [30.0, 2.4, 0.75])
    shape, sharing = ax.containers
    assert [(bar.get_y(), bar.get_height()) for bar in shape] == [(0, 1.25), (0, 0), (0, 3.0)]
    assert [(bar.get_y(), bar.get_height()) for bar in sharing] == [(1.25, 30), (0, 2.4), (3, 0.75)]
    assert [bar.get_x() + bar.get_width() / 2 for bar in sharing] == pytest.approx([0, 1, 2])
    assert {bar.get_hatch() for bar in shape} == {"////"}
    assert {bar.get_hatch() for bar in sharing} == {None}
    for bar in (*shape, *sharing):
        assert bar.get_facecolor()[:3] == pytest.approx(to_rgb(COLOURS["gap"]))
    assert [text.get_text() for text in ax.texts] == ["31", "2", "4"]
    ax.figure.canvas.draw()
    for text, total in zip(ax.texts, (31.25, 2.4, 3.75), strict=True):
        box = text.get_window_extent()
        assert (box.y0 + box.y1) / 4 == pytest.approx(total * 200 / 40 + 11, abs=1.5)


def test_parts_belong_to_the_same_data() -> None:
    (ax,) = panels(new_figure(400, 246))
    with pytest.raises(ValueError, match=r"must be \(N,\), got \(2,\) and \(3,\)"):
        split_bars(ax, np.ones(2), np.ones(3))
