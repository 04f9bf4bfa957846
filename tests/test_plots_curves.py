"""The picture of layers that fall asleep and wake: its data, its words, and room for them."""

import itertools
import re
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.plots import layer_curves, new_figure, panels, show
from course_lib.plots.figures import PIXEL_RATIO, agg_canvas

EPOCHS = np.arange(1, 301)
COUNTED = np.array([1, 2, 3, 5, 10, 20, 30, 50, 75, 100, 150, 200, 250, 300])
# z_1 awake; z_2 wakes after epoch 30; the others fall asleep at once, all three at the foot.
COSTS = np.array(
    [
        14 + 3 * np.log10(EPOCHS),
        6 * np.clip((EPOCHS - 30) / 100, 0, 1),
        *(np.exp(-EPOCHS / scale) for scale in (2, 3, 5)),
    ]
)
ACTIVE = np.array(
    [20 + COUNTED // 4, np.maximum(COUNTED - 30, 0) // 6, *[(COUNTED < 10) * n for n in (9, 4, 2)]]
)


def drawn(layers: int = 5, *, counts: bool = True) -> tuple[Figure, Axes]:
    figure = new_figure(700, 350)
    (ax,) = panels(figure, right=140)
    active = (COUNTED, ACTIVE[:layers]) if counts else None
    assert layer_curves(ax, EPOCHS, COSTS[:layers], active=active) is ax
    agg_canvas(figure).draw()
    return figure, ax


def words(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_a_line_is_what_its_layer_costs(layers: int) -> None:
    _, ax = drawn(layers)
    for line, costs in zip(ax.lines, COSTS[:layers], strict=True):
        np.testing.assert_array_equal(line.get_xdata(), EPOCHS)
        np.testing.assert_array_equal(line.get_ydata(), costs)
    assert len({line.get_color() for line in ax.lines}) == layers
    assert ax.get_xlim() == (1, 300)
    low, high = ax.get_ylim()
    assert low < 0 < COSTS.max() < high


def test_a_line_ends_in_its_name_and_its_cost() -> None:
    """14 + 3 log 300 = 21.4; of the layers without a unit it is said that they sleep."""
    _, ax = drawn()
    assert {
        "$z_1$  21.4 nats",
        "$z_2$  6.0 nats",
        *(f"$z_{level}$  0.0 nats, asleep" for level in (3, 4, 5)),
    } <= set(words(ax))
    assert "$z_3$  0.0 nats" in words(drawn(counts=False)[1])  # nobody counted
    _, ax = drawn(2)
    ends = [t.get_position()[1] for t in ax.texts if t.get_text().endswith(" nats")]
    assert sorted(ends) == pytest.approx([6.0, COSTS[0, -1]], abs=1e-6)
    assert ends == sorted(ends, reverse=True)  # z_1, the dearer, is written first


def test_a_row_counts_the_units_of_its_layer_above_the_epochs() -> None:
    """Where there is room: 1 to 50 lie well apart, 75 stands too near to 100, 250 to 300."""
    _, ax = drawn()
    ticks = [float(tick) for tick in ax.get_xticks()]
    assert ticks == [1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300]
    assert [text.get_text() for text in ax.get_xticklabels()] == [f"{tick:g}" for tick in ticks]
    heights = []
    for level, counts in enumerate(ACTIVE, start=1):
        (name,) = (t for t in ax.texts if t.get_text() == f"active units of $z_{level}$")
        heights.append(name.get_position()[1])
        row = [t for t in ax.texts if t.get_position()[1] == heights[-1] and t is not name]
        found = {float(t.get_position()[0]): int(t.get_text()) for t in row}
        assert found == {e: n for e, n in zip(COUNTED, counts, strict=True) if e in ticks}
        assert len({t.get_color() for t in [name, *row]}) == 1
    assert heights == sorted(heights)  # z_5 on top
    assert min(heights) > COSTS.max()


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("layers", [1, 3, 5])
def test_no_words_touch_and_all_are_on_the_picture(layers: int, counts: bool) -> None:
    _, ax = drawn(layers, counts=counts)
    boxes = [t.get_window_extent() for t in [*ax.texts, *ax.get_xticklabels(), ax.yaxis.label]]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.shrunk(0.98, 0.9).overlaps(other.shrunk(0.98, 0.9))
    width, height = (size * PIXEL_RATIO for size in (700, 350))
    assert all(b.x0 >= 0 and b.y0 >= 0 and b.x1 <= width and b.y1 <= height for b in boxes)


def test_without_counts_the_axis_has_round_epochs() -> None:
    _, ax = drawn(2, counts=False)
    assert ax.get_xticks().tolist() == [1, 2, 5, 10, 20, 50, 100, 200, 300]
    assert not any("active" in text for text in words(ax))


def test_costs_below_zero_and_of_nothing_are_drawn() -> None:
    """A lower layer's cost is no KL, and may be negative; a model that learns nothing costs 0."""
    for costs in (COSTS[:2] - 10, 0 * COSTS[:2]):
        (ax,) = panels(new_figure(700, 350), right=140)
        layer_curves(ax, EPOCHS, costs, active=(COUNTED, ACTIVE[:2]))
        low, high = ax.get_ylim()
        assert low < costs.min() <= costs.max() < high


def test_the_readers_settings_have_no_say() -> None:
    def picture() -> bytes:
        return show(drawn()[0], "layers").png

    plain = picture()
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 30, "axes.grid": True}):
        assert picture() == plain


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": EPOCHS - 1}, r"epochs must be \(E,\), E ≥ 2, and increase from 1 or more"),
        ({"epochs": EPOCHS[:1], "costs": COSTS[:, :1]}, r"E ≥ 2, and increase .*got \[1\.\]"),
        (
            {"costs": COSTS[:, :299]},
            r"costs must be \(T, 300\) with T from 1 to 5, got .*\(5, 299\)",
        ),
        ({"costs": np.zeros((6, 300))}, r"with T from 1 to 5, got shape \(6, 300\)"),
        ({"costs": np.zeros((0, 300))}, r"with T from 1 to 5, got shape \(0, 300\)"),
        ({"costs": COSTS * np.nan}, "epochs and costs must be finite"),
        ({"active": (COUNTED, ACTIVE[:4])}, r"numbers \(5, K\), got shapes \(14,\) and \(4, 14\)"),
        ({"active": ([], np.zeros((5, 0)))}, r"K ≥ 1, and numbers .* got shapes \(0,\) and"),
        ({"active": (COUNTED + 1, ACTIVE)}, "counts of epoch 301, which is none of the epochs"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], message: str) -> None:
    (ax,) = panels(new_figure(700, 350), right=140)
    given: dict[str, Any] = {"epochs": EPOCHS, "costs": COSTS, "active": (COUNTED, ACTIVE)}
    given |= change
    with pytest.raises(ValueError, match=message):
        layer_curves(ax, given["epochs"], given["costs"], active=given["active"])


def test_a_panel_too_low_for_the_rows_is_refused() -> None:
    (ax,) = panels(new_figure(700, 300), right=140)
    with pytest.raises(ValueError, match=re.escape("237 px high at least, got 202 px")):
        layer_curves(ax, EPOCHS, COSTS, active=(COUNTED, ACTIVE))
