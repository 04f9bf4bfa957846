"""Pictures at whole pixels: what is drawn, compared with what was given, pixel by pixel."""

import numpy as np
import pytest

from course_lib.plots import new_figure, panels
from course_lib.plots.tiles import Blit, sheet


def test_a_sheet_is_dark_ink_on_white_with_lines_between() -> None:
    ink = np.zeros((3, 1, 2))
    ink[2, 0, 1] = 1.0
    picture = sheet(ink, 2, scale=3)
    assert picture.shape == (2 * 3 + 2, 2 * 6 + 2, 4)
    assert (picture[5:, 3:6] == [0, 0, 0, 255]).all()
    assert (picture[:3, :6] == 255).all()
    assert (picture[3:5, :, 0] == 221).all()


def test_a_blit_is_drawn_pixel_by_pixel() -> None:
    figure = new_figure(100, 80)
    (ax,) = panels(figure, left=10, right=10, top=10, bottom=10)
    ax.set_axis_off()
    picture = np.random.default_rng(0).integers(0, 255, (60, 40, 4)).astype(np.uint8)
    picture[..., 3] = 255
    blit = Blit(ax, picture)
    figure.canvas.draw()
    drawn = np.asarray(figure.canvas.buffer_rgba())  # type: ignore[attr-defined]
    assert np.array_equal(drawn[20:80, 20:60], picture)
    with pytest.raises(ValueError, match=r"must have shape \(60, 40, 4\), got \(2, 2, 4\)"):
        blit.set_picture(picture[:2, :2])
