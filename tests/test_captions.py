"""Words around a panel stand where they are said to, in shown pixels on the drawn figure."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.text import Text

from course_lib.plots import (
    above,
    below,
    caption,
    image_row,
    image_rows,
    ink,
    inside,
    named_rows,
    new_figure,
    panels,
)
from course_lib.plots.captions import height_above
from course_lib.plots.figures import shown_size

SCALES = ("linear", "log")


def panel(scale: str) -> Axes:
    """A panel whose units are none of pixels, 300 × 200 shown pixels."""
    (ax,) = panels(new_figure(400, 300), left=60, right=40, top=60, bottom=40)
    ax.set(xscale=scale, xlim=(2.0, 50.0), ylim=(-7.0, 4.0))
    return ax


def placed(text: Text) -> tuple[float, float]:
    """Where it starts, and its middle, in shown pixels from the figure's lower left."""
    text.set_text("lpl")
    text.figure.canvas.draw()
    box = text.get_window_extent()
    return box.x0 / 2, (box.y0 + box.y1) / 4


def test_a_label_above_starts_at_a_share_of_the_width() -> None:
    x, y = placed(above(panel("linear"), 0.25, 30, "", of="q"))
    assert x == pytest.approx(60 + 0.25 * 300, abs=1.5)
    assert y == pytest.approx(40 + 200 + 30, abs=1.5)


@pytest.mark.parametrize("scale", SCALES)
def test_at_the_left_edge_it_does_so_on_any_scale(scale: str) -> None:
    x, _ = placed(above(panel(scale), 0.0, 12, "", of="q"))
    assert x == pytest.approx(60, abs=1.5)


@pytest.mark.parametrize("scale", SCALES)
def test_a_text_below_stands_under_its_value(scale: str) -> None:
    ax = panel(scale)
    text = below(ax, 10.0, 16, of="axis")
    _, y = placed(text)
    assert y == pytest.approx(40 - 16, abs=1.5)
    share = {"linear": 8 / 48, "log": np.log(5) / np.log(25)}[scale]
    box = text.get_window_extent()
    assert (box.x0 + box.x1) / 4 == pytest.approx(60 + share * 300, abs=1.5)


def test_a_caption_stands_just_under_the_panel() -> None:
    text = caption(panel("linear"), 0.5, "", of="q")
    x, y = placed(text)
    assert x == pytest.approx(60 + 150, abs=1.5)
    assert 40 - 30 < y < 40


def test_the_height_follows_the_limits() -> None:
    ax = panel("linear")
    assert height_above(ax, 20) == pytest.approx(4 + 11 * 20 / 200)
    ax.set_ylim(0, 400)
    assert height_above(ax, 20) == pytest.approx(440)


def test_what_lies_beyond_is_not_drawn() -> None:
    seen = inside(np.array([-3.1, -3.0, 0.5, 2.0, 2.1, np.nan, np.inf]), -3.0, 2.0)
    assert np.array_equal(seen, [np.nan, -3.0, 0.5, 2.0, np.nan, np.nan, np.nan], equal_nan=True)


def test_words_over_a_row_stand_over_the_middles_of_its_images() -> None:
    """Four images of 7 × 10 in a row of 43 columns, 430 shown pixels wide: ten a pixel."""
    (ax,) = panels(new_figure(450, 110), left=10, right=10, top=30, bottom=10)
    images = np.arange(280.0).reshape(4, 7, 10) / 280
    row = image_row(ax, images, ["a", "b", "c", "d"], of="gap")
    assert np.asarray(row.artist.get_array()).shape == (7, 43)
    ax.figure.canvas.draw()
    for place, text in enumerate(ax.texts):
        box = text.get_window_extent()
        assert (box.x0 + box.x1) / 4 == pytest.approx(10 + 50 + 110 * place, abs=1.5)
        assert (box.y0 + box.y1) / 4 == pytest.approx(10 + 70 + 12, abs=1.5)
    assert [text.get_text() for text in ax.texts] == ["a", "b", "c", "d"]


def test_a_row_has_one_text_for_each_image() -> None:
    (ax,) = panels(new_figure(300, 100), top=30, bottom=6)
    with pytest.raises(ValueError, match=r"one text for each image, got 3 for \(2, 4, 4\)"):
        image_row(ax, np.zeros((2, 4, 4)), ["a", "b", "c"], of="gap")


def test_rows_of_images_have_their_names_above_them() -> None:
    """Three rows of ten images of 28 × 28: 289 columns in 440 shown pixels, so 43 high."""
    names = {"first": "q", "second": "prior", "third": "text"}
    figure = image_rows({name: (of, np.ones((10, 28, 28))) for name, of in names.items()})
    assert shown_size(figure) == (446, 3 * (43 + 19))
    figure.canvas.draw()
    for row, (ax, (name, of)) in enumerate(zip(figure.axes, names.items(), strict=True)):
        (text,) = ax.texts
        assert (text.get_text(), text.get_color()) == (name, ink(of))
        box = text.get_window_extent()
        assert box.x0 / 2 == pytest.approx(3, abs=2)
        assert 3 * 62 - (box.y0 + box.y1) / 4 == pytest.approx(62 * row + 9.5, abs=1.5)
        assert ax.images[0].get_window_extent().y1 / 2 < box.y0 / 2


def test_rows_of_images_have_their_names_beside_them() -> None:
    """Two rows of four images of 7 × 10: 43 × 15 tiles, ten shown pixels each, edges of 3."""
    names = ["first", "second, in\ntwo lines"]
    values = np.arange(560.0).reshape(2, 4, 7, 10) / 560
    figure = named_rows(values, names, of="prior", width=553, left=120)
    assert shown_size(figure) == (553, 156)
    (sheet,) = figure.axes
    drawn = np.asarray(sheet.images[0].get_array())
    assert drawn.shape == (15, 43)
    np.testing.assert_array_equal(drawn[8:, 11:21], values[1, 1])
    figure.canvas.draw()
    for row, (text, name) in enumerate(zip(sheet.texts, names, strict=True)):
        assert (text.get_text(), text.get_color()) == (name, ink("prior"))
        box = text.get_window_extent()
        assert box.x1 / 2 == pytest.approx(120 - 12, abs=1.5)
        assert 156 - (box.y0 + box.y1) / 4 == pytest.approx(3 + 35 + 80 * row, abs=1.5)


@pytest.mark.parametrize(
    ("shape", "left", "says"),
    [
        ((2, 4, 4, 4), 50, r"one for each row, got 1 for \(2, 4, 4, 4\)"),
        ((1, 4, 4), 50, r"one for each row, got 1 for \(1, 4, 4\)"),
        ((1, 0, 4, 4), 50, "none of them 0"),
        ((1, 2, 4, 4), 300, "the margins leave -3 × 1"),
    ],
)
def test_rows_without_a_name_an_image_or_room_are_refused(
    shape: tuple[int, ...], left: int, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        named_rows(np.zeros(shape), ["row"], of="q", width=300, left=left)


@pytest.mark.parametrize("shapes", [[], [(2, 4, 4), (3, 4, 4)], [(4, 4)]])
def test_rows_of_images_are_of_one_shape(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="rows must be images of one shape"):
        image_rows({str(i): ("q", np.zeros(shape)) for i, shape in enumerate(shapes)})
