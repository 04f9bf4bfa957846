"""Kept letters against matplotlib's own: the same ink in the same place."""

from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray

from course_lib.explorers.stage.lettering import LetteringCanvas
from course_lib.plots import new_figure


def drawn(canvas: type[Any], text: str, **how: Any) -> NDArray[np.float64]:
    """Ink (0 to 1) of `text` in the middle of a white figure, drawn by `canvas`."""
    figure = new_figure(300, 60)
    where = {"ha": "center", "va": "center", "fontsize": 9.36}
    figure.text(0.5, 0.5, text).set(**{**where, **how})
    agg = canvas(figure)
    agg.draw()
    ink: NDArray[np.float64] = 1 - np.asarray(agg.buffer_rgba())[..., :3].mean(axis=-1) / 255
    return ink


def box(ink: np.ndarray) -> np.ndarray:
    """First and last row and column with ink."""
    rows, columns = np.nonzero(ink > 0.05)
    return np.array([rows.min(), rows.max(), columns.min(), columns.max()])


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("ELBO = −2.705", {}),
        ("gap = 0.953\nbelow", {}),
        ("log p̂(x), σ ‖ ∫ pÅ", {}),
        ("$q(z|x)$ and KL", {}),
        ("half of it", {"alpha": 0.5}),
        ("half of it", {"color": (0.2, 0.4, 0.6, 0.5)}),
        ("left", {"ha": "left", "va": "baseline"}),
        ("right", {"ha": "right", "va": "top", "color": "#d55e00"}),
        ("slanted", {"rotation": 30, "style": "italic"}),
    ],
)
def test_kept_letters_look_like_matplotlibs(text: str, how: dict[str, Any]) -> None:
    ours, theirs = drawn(LetteringCanvas, text, **how), drawn(FigureCanvasAgg, text, **how)
    # Each letter stands on a whole pixel, half a shown pixel apart: it is off by half at most,
    # and so is the line; kerning, which is left out, is a pixel in these words.
    assert np.abs(box(ours) - box(theirs)).max() <= 2
    assert ours.sum() == pytest.approx(theirs.sum(), rel=0.02)
    assert ours.max() == pytest.approx(theirs.max(), abs=0.02)


def test_a_number_put_together_from_kept_letters_is_that_number() -> None:
    figure = new_figure(300, 60)
    text = figure.text(0.1, 0.3, "", fontsize=9.36)
    canvas: FigureCanvasAgg = LetteringCanvas(figure)
    for value in ("1.234", "−5.678", "9.012"):  # by now every digit is kept
        text.set_text(value)
        canvas.draw()
    text.set_text("−2.705")
    canvas.draw()
    fresh = drawn(LetteringCanvas, "−2.705", x=0.1, y=0.3, ha="left", va="baseline")
    assert np.array_equal(1 - np.asarray(canvas.buffer_rgba())[..., :3].mean(axis=-1) / 255, fresh)


def test_letters_of_two_sizes_are_kept_apart() -> None:
    figure = new_figure(300, 60)
    small = figure.text(0.1, 0.3, "77", fontsize=8)
    large = figure.text(0.5, 0.3, "77", fontsize=16)
    canvas: FigureCanvasAgg = LetteringCanvas(figure)
    canvas.draw()
    widths = [text.get_window_extent().width for text in (small, large)]
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.1)  # hinting rounds advances
    ink = np.asarray(canvas.buffer_rgba())[..., 0] < 128
    assert ink[:, 300:].sum() > 2.5 * ink[:, :300].sum()  # four times the area, but for the strokes


def test_text_outside_its_clip_is_cut() -> None:
    figure = new_figure(300, 60)
    ax = figure.add_axes((0, 0, 0.5, 1))
    ax.set_axis_off()
    ax.text(0.9, 0.5, "a long text over the edge", clip_on=True)
    canvas: FigureCanvasAgg = LetteringCanvas(figure)
    canvas.draw()
    ink = np.asarray(canvas.buffer_rgba())[..., 0] < 128
    assert ink[:, :300].any()
    assert not ink[:, 301:].any()
