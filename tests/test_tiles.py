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


@pytest.mark.parametrize("ink", [1.004, -0.002, 255.0, np.nan, np.inf])
def test_ink_outside_of_its_range_is_named(ink: float) -> None:
    """1.004 would be white paper: bytes begin again at 255."""
    images = np.zeros((2, 3, 3))
    images[1, 0, 2] = ink
    told = rf"images must hold ink from 0 to 1, got {ink:g} at index \(1, 0, 2\)"
    with pytest.raises(ValueError, match=told):
        sheet(images, 2, scale=1)
    with pytest.raises(ValueError, match=told):
        sheet(images.astype(np.float32), 2, scale=1, air=1)
    assert sheet(np.zeros((1, 3, 3)), 2, scale=1).shape == (3, 8, 4)
