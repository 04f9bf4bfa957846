"""The plotting vocabulary: colours stay apart, numbers add up, labels never touch."""

import itertools
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from pictures import decoded

from course_lib.plots import (
    COLOURS,
    Ledger,
    encode_png,
    image_grid,
    ink,
    label,
    latent_points,
    latent_ticks,
    ledger,
    new_figure,
    panels,
    sheet,
    show,
    style,
)
from course_lib.plots.ledger import printed, spread
from course_lib.plots.vocabulary import TEXT_PX, contrast

THINGS = [
    *("prior", "likelihood", "posterior", "q", "evidence", "gap", "reconstruction", "kl"),
]
# Linear sRGB as a reader sees it: Machado, Oliveira & Fernandes (2009), severity 1.
SEEN = {
    "all cones": np.eye(3),
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
}


def linear(colour: str) -> np.ndarray:
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear sRGB under D65."""
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750]]
    xyz = np.array([*to_xyz, [0.0193339, 0.1191920, 0.9503041]]) @ np.clip(rgb, 0, 1)
    t = xyz / (0.95047, 1.0, 1.08883)
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("seen", SEEN)
def test_colours_stay_apart_for_colour_blind_readers(seen: str) -> None:
    # A difference of 2.3 in CIE 1976 is just noticed side by side; five times that carries a line.
    seen_as = {thing: lab(np.array(SEEN[seen]) @ linear(COLOURS[thing])) for thing in THINGS}
    for one, other in itertools.combinations(THINGS, 2):
        assert np.linalg.norm(seen_as[one] - seen_as[other]) > 5 * 2.3, (one, other)


@pytest.mark.parametrize(
    ("one", "other"), [("posterior", "q"), ("evidence", "elbo"), ("reconstruction", "kl")]
)
def test_what_is_compared_stays_apart_in_grey(one: str, other: str) -> None:
    assert abs(lab(linear(COLOURS[one]))[0] - lab(linear(COLOURS[other]))[0]) > 10


@pytest.mark.parametrize("thing", COLOURS)
def test_labels_have_contrast(thing: str) -> None:
    luminance = linear(ink(thing)) @ (0.2126, 0.7152, 0.0722)
    assert 1.05 / (luminance + 0.05) >= 4.5


# Of #000000 and #ffffff by definition; of the others as the Web Content Accessibility Guidelines'
# formula gives them, worked out by hand: #0a0a0a lies on its straight piece, 10/255 < 0.04045, so
# that its luminance is 10/255/12.92 and the contrast 1.05/(0.0030353 + 0.05).
@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ("#000000", 21.0),
        ("#ffffff", 1.0),
        ("#0a0a0a", 19.79829),
        ("#ff0000", 1.05 / (0.2126 + 0.05)),
        ("#00ff00", 1.05 / (0.7152 + 0.05)),
        ("#0000ff", 1.05 / (0.0722 + 0.05)),
        ("#808080", 1.05 / (((128 / 255 + 0.055) / 1.055) ** 2.4 + 0.05)),
        ("#767676", 4.5422),
    ],
)
def test_contrast_is_that_of_the_guidelines(colour: str, expected: float) -> None:
    assert contrast(to_rgb(colour)) == pytest.approx(expected, rel=1e-5)


def test_an_unknown_colour_is_refused() -> None:
    with pytest.raises(ValueError, match="no colour for 'posteriour'; COLOURS has prior"):
        ink("posteriour")


@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    small=st.booleans(),
)
def test_another_decoder_reads_every_pixel_back(
    seed: int, height: int, width: int, small: bool
) -> None:
    rgba = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    assert np.array_equal(decoded(encode_png(rgba, small)), rgba[..., :3])


def test_a_picture_is_twice_its_shown_size_and_says_what_it_shows() -> None:
    figure = new_figure(640, 200)
    (ax,) = panels(figure)
    ax.plot([0, 1], [0, 1], color="#d55e00")
    data, metadata = show(figure, "A line rises from 0 to 1.")._repr_mimebundle_()
    pixels = decoded(data["image/png"])
    assert pixels.shape == (400, 1280, 3)
    about = {"width": 640, "height": 200, "alt": "A line rises from 0 to 1."}
    assert metadata == {"image/png": about}
    assert data["text/plain"] == "A line rises from 0 to 1."
    assert (pixels == (0xD5, 0x5E, 0x00)).all(axis=-1).any()


@pytest.mark.parametrize("alt", ["", "  \n", None])
def test_a_picture_needs_words(alt: str) -> None:
    with pytest.raises(ValueError, match="alt must say what the picture shows"):
        show(new_figure(), alt)


@pytest.mark.parametrize(
    ("size", "says"),
    [((0, 350), "width_px"), ((800, 3.5), "height_px"), ((801, 350), "at most 800")],
)
def test_a_figure_of_no_size_is_refused(size: tuple[int, int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        new_figure(*size)


def test_a_figure_from_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match="must come from new_figure"):
        show(Figure(), "A figure.")


def test_panels_share_the_room_in_shown_pixels() -> None:
    boxes = [np.asarray(ax.bbox.extents) / 2 for ax in panels(new_figure(800, 600), (2, 1), (1, 1))]
    # 800 − 44 − 16 − 64 = 676 across, 600 − 46 − 52 − 84 = 418 down
    assert np.allclose(boxes[0], (44, 600 - 46 - 209, 44 + 676 * 2 / 3, 600 - 46))
    assert np.allclose(boxes[3], (800 - 16 - 676 / 3, 52, 800 - 16, 52 + 209))


def test_panels_without_room_are_refused() -> None:
    with pytest.raises(ValueError, match=r"1 × 3 panels do not fit 180 × 350 px"):
        panels(new_figure(180, 350), (1, 1, 1))


@pytest.mark.parametrize("size", [(60, 350), (800, 98), (59, 350), (800, 97)])
def test_panels_that_would_be_a_line_or_less_are_refused(size: tuple[int, int]) -> None:
    """The margins alone take 44 + 16 across and 46 + 52 down; one pixel more is a panel."""
    with pytest.raises(ValueError, match=r"1 × 1 panels do not fit .* the margins leave"):
        panels(new_figure(*size))
    (panel,) = panels(new_figure(61, 99))
    assert np.allclose(np.asarray(panel.bbox.size) / 2, (1, 1))


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        ({"widths": ()}, r"widths must be positive, finite and at least one, got \(\)"),
        ({"widths": (1, math.nan)}, r"widths must be positive.*got \(1, nan\)"),
        ({"heights": (math.inf, 1)}, r"heights must be positive.*got \(inf, 1\)"),
        ({"heights": (-1, 2)}, r"heights must be positive.*got \(-1, 2\)"),
    ],
)
def test_panels_share_by_positive_numbers(shares: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        panels(new_figure(), **shares)


def test_what_cannot_be_drawn_is_refused() -> None:
    (ax,) = panels(new_figure())
    with pytest.raises(ValueError, match="keep must be 'x', 'y', 'xy' or '', got 'z'"):
        style(ax, keep="z")  # type: ignore[arg-type]
    for shape, kind in (((2, 2, 3), np.uint8), ((2, 2, 4), float), ((2, 2), np.uint8)):
        with pytest.raises(ValueError, match=r"rgba must be uint8 \(height, width, 4\), got"):
            encode_png(np.zeros(shape, dtype=kind))
    bad: tuple[tuple[dict[str, Any], str], ...] = (
        ({"columns": 1.5}, "columns must be a whole number of at least 1, got 1.5"),
        ({"columns": 1, "value_range": (math.nan, 1)}, r"value_range must be .*got \(nan, 1\)"),
        ({"columns": 1, "value_range": (1, 0)}, r"value_range must be .*got \(1, 0\)"),
    )
    for arguments, says in bad:
        with pytest.raises(ValueError, match=says):
            image_grid(ax, np.zeros((1, 2, 2)), **arguments)


def test_text_is_never_smaller_than_shown_output() -> None:
    figure = new_figure()
    left, right = panels(figure, (2, 1))
    style(left, title="title", x="latent $z$", y="nats", keep="xy").plot([0, 1], [0, 1])
    label(left, 0.5, 0.5, "q", of="q")
    ledger(right, -1.0, -2.0)
    show(figure, "Text.")
    texts: list[Any] = figure.findobj(lambda a: hasattr(a, "get_fontsize"))
    sizes = [text.get_fontsize() for text in texts]
    assert min(sizes) * 100 / 72 >= 13 - 1e-9  # shown pixels


def test_a_label_leads_to_its_point() -> None:
    (ax,) = panels(new_figure())
    text = label(ax, 0.1, 0.9, "posterior", of="posterior", point=(0.5, 0.5))
    assert (text.xy, text.get_position()) == ((0.5, 0.5), (0.1, 0.9))
    assert text.arrow_patch is not None
    assert label(ax, 0.1, 0.9, "posterior", of="posterior").arrow_patch is None


def read(text: str) -> Decimal:
    return Decimal(text.replace("−", "-").replace("∞", "Infinity"))


@given(log_evidence=st.floats(-1e6, 1e6), gap=st.floats(-10, 1e6))
def test_the_ledger_adds_up_as_printed(log_evidence: float, gap: float) -> None:
    elbo = log_evidence - gap
    evidence, bound, rest = (read(text) for text in printed(log_evidence, elbo))
    assert evidence == bound + rest
    # Two numbers are rounded once, to half of 0.001, so the third is off by 0.001 at most.
    assert abs(float(evidence) - log_evidence) <= 0.0005 * (1 + 1e-6)
    assert abs(float(rest) - (log_evidence - elbo)) <= 0.0005 * (1 + 1e-6)
    assert abs(float(bound) - elbo) <= 0.001 * (1 + 1e-6)
    assert "−0.000" not in printed(log_evidence, elbo)


def test_an_infinite_gap_is_printed_as_such() -> None:
    assert printed(-1.752, -math.inf) == ("−1.752", "−∞", "∞")


@given(
    wanted=st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3),
    heights=st.lists(st.floats(1, 60), min_size=3, max_size=3),
)
def test_spread_boxes_neither_overlap_nor_leave_the_room(
    wanted: list[float], heights: list[float]
) -> None:
    room = 200.0
    centres = spread(wanted, heights, room)
    edges = [(c + h / 2, c - h / 2) for c, h in zip(centres, heights, strict=True)]
    flat = [room, *itertools.chain(*edges), 0.0]
    assert all(upper >= lower - 1e-9 for upper, lower in itertools.pairwise(flat))


def test_boxes_that_fit_stay_where_they_are_wanted() -> None:
    assert spread([150, 100, 20], [20, 20, 20], 200) == [150, 100, 20]


def demo_ledger() -> Ledger:
    """As in an explorer: beside a panel twice as wide."""
    return Ledger(panels(new_figure(), (2, 1))[1], limits=(-4.0, -1.25))


ONE = demo_ledger()


@given(
    log_evidence=st.one_of(st.floats(-4.5, -1), st.sampled_from([-4.0, -1.25, -1.3, -3.95])),
    gap=st.one_of(
        st.floats(-1, 4), st.floats(0, 0.05), st.sampled_from([0.0, 1e-12, 999.0, math.inf])
    ),
)
def test_ledger_labels_never_touch(log_evidence: float, gap: float) -> None:
    ONE.set(log_evidence, log_evidence - gap)
    texts = [text for text in [*ONE._texts.values(), ONE._name] if text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    figure = ONE.ax.figure.bbox
    panel = ONE.ax.bbox
    for box in boxes:
        assert box.x1 <= figure.x1
        assert panel.y0 - 8 <= box.y0  # descenders may pass the foot by 4 shown pixels
        assert box.y1 <= panel.y1 + 8
    line = ONE._evidence.get_window_extent()
    assert not any(
        line.y0 + 1 < box.y1 and box.y0 < line.y1 - 1 and box.x0 < line.x1 for box in boxes
    )


def test_the_line_of_log_p_keeps_three_pixels_from_the_labels_above_and_below() -> None:
    """Labels are one text line high, 1.4 times the text's size, and stand about their middle."""
    drawn = demo_ledger()
    room, half = drawn.ax.bbox.height / 2, 1.4 * TEXT_PX / 2  # shown pixels

    def middles(log_evidence: float, elbo: float) -> tuple[float, float, float]:
        """Of the line, of the label of log p(x), and of the gap's."""
        drawn.set(log_evidence, elbo)
        evidence, gap = (drawn._texts[of].get_position()[1] for of in ("evidence", "gap"))
        return (log_evidence + 4.0) / 2.75 * room, evidence * room, gap * room

    line, evidence, gap = middles(-2.0, -2.01)  # so near that the labels press on the line
    assert evidence - half - line == pytest.approx(3)
    assert line - (gap + half) == pytest.approx(3)
    line, evidence, _ = middles(-3.5, -1.5)  # an ELBO above log p(x), whose label is then below
    assert line - (evidence + half) == pytest.approx(3)


@pytest.mark.parametrize("above", [0.001, 0.01, 0.1, 0.3, 0.6, 0.9])
def test_a_sum_above_log_p_moves_no_label_from_what_it_names(above: float) -> None:
    """The label of log p(x) is three pixels below its line, the sum's on its own or just over the
    line of log p(x); the words of their distance stand between them if they fit, else over both.
    """
    drawn = demo_ledger()
    drawn.set(-2.5, -2.5 + above)
    line = 2 * TEXT_PX * 0.7  # drawn pixels, half a line of text
    scale = drawn.ax.bbox.height / 2.75
    foot, end = (drawn.ax.bbox.y0 + scale * (4.0 - 2.5 + up) for up in (0.0, above))
    middles = {
        of: drawn.ax.bbox.y0 + text.get_position()[1] * drawn.ax.bbox.height
        for of, text in drawn._texts.items()
    }
    assert foot - middles["evidence"] - line == pytest.approx(6)
    assert middles["elbo"] == pytest.approx(max(end, foot + 6 + line))
    between = foot < middles["gap"] < end
    assert between == (above >= 0.6)  # three lines of text are 0.6 nats here
    assert between or middles["gap"] > middles["elbo"]


@pytest.mark.parametrize("elbo", [-2.705, -1.753, -1.5])
def test_the_words_of_a_distance_have_the_hue_of_its_bar(elbo: float) -> None:
    """As dark as text must be, or as the bar is: the same shares of red, green and blue."""
    drawn: Any = demo_ledger()
    drawn.set(-1.752, elbo)
    bar = np.array(drawn._bar.get_facecolor()[:3])
    for text in (drawn._texts["gap"], drawn._name):
        words = np.array(to_rgb(text.get_color()))
        np.testing.assert_allclose(words / words.sum(), bar / bar.sum(), atol=0.005)


def test_the_ledger_draws_what_it_prints() -> None:
    drawn: Any = demo_ledger()
    drawn.set(-1.752, -2.705)
    assert (drawn._bar.get_y(), drawn._bar.get_height()) == pytest.approx((-2.705, 0.953))
    assert list(drawn._evidence.get_ydata()) == [-1.752, -1.752]
    assert [t.get_text() for t in drawn._texts.values()] == [
        *("log p(x) = −1.752", "gap = 0.953", "ELBO = −2.705"),
    ]
    assert not any(arrow.get_visible() for arrow in drawn._beyond.values())


def test_the_ledger_shows_values_beyond_its_limits() -> None:
    drawn: Any = demo_ledger()
    drawn.set(-1.752, -math.inf)
    assert drawn._beyond["elbo"].get_visible()
    assert drawn._beyond["elbo"].get_marker() == "v"
    assert drawn._bar.get_y() == -4.0
    drawn.set(-5.0, -1.0)
    assert [arrow.get_marker() for arrow in drawn._beyond.values()] == ["v", "^"]
    assert drawn._texts["gap"].get_text() == "above by 4.000"
    assert drawn._name.get_text() == "not a lower bound"


def test_rounding_does_not_break_the_bound() -> None:
    drawn = demo_ledger()
    drawn.set(-1.752, math.nextafter(-1.752, 0))  # q is the posterior, up to the last bit
    assert drawn._texts["gap"].get_text() == "gap = 0.000"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ((math.nan, -1), "log_evidence"),
        ((-math.inf, -1), "log_evidence"),
        ((-1, math.nan), "elbo"),
        ((-1, math.inf), "elbo"),
    ],
)
def test_a_ledger_of_no_numbers_is_refused(values: tuple[float, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        demo_ledger().set(*values)


def test_ledger_limits_increase() -> None:
    with pytest.raises(ValueError, match=r"limits must be finite and increasing, got \(1, 1\)"):
        Ledger(panels(new_figure())[0], limits=(1, 1))


@pytest.mark.parametrize("elbo", [-2.705, -1.752, -math.inf, -1.5])
def test_a_static_ledger_holds_both_numbers(elbo: float) -> None:
    drawn = ledger(panels(new_figure())[0], -1.752, elbo)
    low, high = drawn.ax.get_ylim()
    assert all(low < value < high for value in (-1.752, elbo) if math.isfinite(value))


def test_latent_samples_are_drawn_where_they_are() -> None:
    (ax,) = panels(new_figure())
    ticks: Any = latent_ticks(ax, [0.5, -1.0], of="q", row=1)
    assert list(ticks.get_xdata()) == [0.5, -1.0]
    assert ticks.get_transform() == ax.get_xaxis_transform()
    above: Any = latent_ticks(ax, [0.0], of="prior")
    assert ticks.get_ydata()[0] > above.get_ydata()[0]
    points: Any = latent_points(ax, [[1.0, 2.0], [3.0, 4.0]], of="prior")
    assert points.get_xydata().tolist() == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(ValueError, match=r"\(S,\), got \(1, 2\)"):
        latent_ticks(ax, [[1.0, 2.0]], of="q")
    with pytest.raises(ValueError, match=r"\(S, 2\), got \(2,\)"):
        latent_points(ax, [1.0, 2.0], of="q")


def test_an_image_grid_keeps_every_pixel_in_reading_order() -> None:
    (ax,) = panels(new_figure())
    images = np.arange(3 * 2 * 2, dtype=float).reshape(3, 2, 2)
    grid = image_grid(ax, images, columns=2, value_range=(0, 11))
    nan = np.nan
    sheet = [
        [0, 1, nan, 4, 5],
        [2, 3, nan, 6, 7],
        [nan] * 5,
        [8, 9, nan, nan, nan],
        [10, 11, nan, nan, nan],
    ]
    drawn: Any = grid.artist
    assert np.array_equal(np.ma.filled(drawn.get_array(), nan), sheet, equal_nan=True)
    grid.set(images[::-1])
    assert drawn.get_array()[0, 0] == 8
    with pytest.raises(ValueError, match=r"shape \(3, 2, 2\), got \(2, 2, 2\)"):
        grid.set(images[:2])


@pytest.mark.parametrize("shape", [(2, 2), (0, 2, 2)])
def test_an_image_grid_needs_images(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"images must have shape \(N, H, W\)"):
        image_grid(panels(new_figure())[0], np.zeros(shape), columns=2)


def test_images_that_fill_their_frame_stand_apart() -> None:
    """Two of 1 × 2 pixels, black, one under the other, each under a blank row."""
    stacked = sheet(np.ones((2, 1, 2)), 1, 1, air=1)
    white, black, line = [255] * 2, [0] * 2, [221] * 2
    assert stacked[..., 0].tolist() == [white, black, line, line, white, black]
    assert sheet(np.ones((2, 1, 2)), 1, 1)[..., 0].tolist() == [black, line, line, black]
