"""The page's reader and canvas in a real browser, from a file, against Python's and the PNG."""

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from browsing import MARKS, browsing
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from matplotlib.patheffects import withStroke
from pictures import decoded
from PIL import Image
from playwright.sync_api import Page
from recorded import PLAYER, positions, sample

from course_lib.edition import EXPLORERS, Recording, pack, record
from course_lib.edition.packing import encoded
from course_lib.edition.stops import recorded_controls
from course_lib.explorers.stage import Explorer, Reading, Slider
from course_lib.plots import image_grid, panels

pytestmark = MARKS
SCRIPTS = ("recording.js", "picture.js")
QUICK = ["EvidenceNeedle", "PosteriorGap"]
# Mean difference of all channels of all pixels, of 255. Two rasterisers do not cover the pixels at
# an edge alike; the edges of letters and lines are a few in a hundred of a picture's pixels.
EDGES = 1.0
FRAMES = """async ([text, places]) => {
    window.recording = await course.openRecording(text);
    return places.map((indices) => {
        const frame = recording.frame(indices);
        const marks = (drawing) => drawing.map((m) =>
            [m.kind, m.which, m.style, m.clip, m.x, m.y, m.places]);
        return {...frame, drawings: frame.drawings.map(marks)};
    });
}"""
DRAWN = """([indices, scale]) => {
    const canvas = document.querySelector('canvas');
    canvas.width = recording.width * scale;
    canvas.height = recording.height * scale;
    recording.draw(canvas.getContext('2d'), recording.frame(indices), scale);
    return canvas.toDataURL();
}"""
BLENDED = """([from, to, share]) => {
    const canvas = document.querySelector('canvas');
    canvas.width = recording.width * 2;
    canvas.height = recording.height * 2;
    const [one, other] = [recording.frame(from), recording.frame(to)];
    recording.blend(canvas.getContext('2d'), one, other, share, 2);
    return canvas.toDataURL();
}"""
TABLES = """() => ({
    columns: recording.vertices.map((v) => [...v]),
    codes: recording.shapes.codes.map((v) => [...v]),
    shapes: [...recording.shapes.which].map((v, i) =>
        [v, recording.shapes.x[i], recording.shapes.y[i], recording.shapes.fine[i]]),
    images: recording.images.map((v) => [v.height, v.width, v.channels, ...v.bytes]),
})"""
OPENED = "text => course.openRecording(text).then(() => 'opened', error => error.message)"


class Everything(Explorer):
    """All that a Matplotlib artist may draw: dashes, hatches, clips, formulas, turned text."""

    title = "Everything"
    height_px = 300
    controls = (Slider("x", "place, x", 0.0, 1.0, 0.25, start=0.5),)

    def build(self, figure: Figure) -> None:
        left, right = panels(figure, widths=(1, 1))
        right.set(xlim=(0, 1), ylim=(0, 1))
        left.plot([0, 1], [0, 1], "--", linewidth=3)
        left.plot([0.1, 0.5, 0.4], [0.9, 0.8, 0.95], "-.", linewidth=6, solid_capstyle="round")
        left.set_ylabel("turned text")
        left.set_title(r"$\frac{\sqrt{z_1}}{2} \leq \mathrm{log}\,p(x)$")
        left.text(0.5, 0.5, "rimmed", path_effects=[withStroke(linewidth=3, foreground="white")])
        left.text(0.2, 0.2, "slanted", rotation=30, color="#0072b2")
        (self.line,) = left.plot([], [], "o:", color="#d55e00", alpha=0.5, markersize=9)
        self.bar = Rectangle((0.1, 0), 0.2, 0, hatch="////", edgecolor="white")
        self.dots = Rectangle((0.4, 0), 0.2, 0, hatch="..", facecolor="#cccccc")
        self.disc = Circle((0.8, 0.5), 0.3, color="#009e73", alpha=0.4)
        for patch in (self.bar, self.dots, self.disc):
            right.add_patch(patch)
        self.cut = right.plot([0.5, 1.0], [0.2, 0.8], color="black", linewidth=8)[0]
        self.cut.set_clip_path(self.disc)
        image_grid(right.inset_axes((0.7, 0.75, 0.2, 0.2)), np.eye(5)[None], columns=1)
        self.band = right.fill_between([0, 0.5, 1], 0, 0.1, color="#cc79a7", alpha=0.6)
        self.text = right.text(0.2, 0.9, "", ha="center", color="#aa0000")
        self.moving(self.line, self.bar, self.dots, self.disc, self.cut, self.band, self.text)

    def update(self, x: float) -> Reading:
        self.line.set_data([0.1, 0.5, np.nan, 0.7, 0.9], [x, 1 - x, 0, x, x])
        self.bar.set_height(x)
        self.dots.set_height(1 - x)
        self.band.set_data([0, 0.5, 1], 0, [x, 0.1, x])
        self.text.set_text(f"x = {x:.2f}")
        return Reading({"x": x}, f"x is {x}.")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page with the player's two scripts, opened as a file, which reports every error."""
    scripts = "".join(f'<script src="{(PLAYER / name).as_uri()}"></script>' for name in SCRIPTS)
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(f'<!doctype html><meta charset="utf-8"><canvas></canvas>{scripts}')
    errors: list[str] = []
    with browsing() as opened:
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.on("console", lambda message: errors.append(message.text))
        opened.goto(file.as_uri())
        yield opened
    assert not errors


def everything() -> tuple[Recording, Explorer]:
    explorer = Everything()
    return record(explorer, recorded_controls("Everything", explorer.controls, {})), explorer


def same(recording: Recording, page: Page, places: list[tuple[int, ...]]) -> None:
    """The page's frames are Python's: marks, sentence, numbers, idle, problem.

    A page also numbers the backgrounds, and draws one anew only where its number is another.
    """
    found = page.evaluate(FRAMES, [encoded(pack(recording)), places])
    marks: dict[int, object] = {}
    for indices, theirs in zip(places, found, strict=True):
        ours = json.loads(json.dumps(vars(recording.frame(indices))))
        number = theirs.pop("background")
        assert theirs == ours, indices
        assert marks.setdefault(number, ours["drawings"][0]) == ours["drawings"][0], indices


def pixels(address: str) -> np.ndarray:
    """What a canvas shows, (height, width, 3)."""
    data = base64.b64decode(address.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def difference(canvas: np.ndarray, stored: np.ndarray) -> float:
    """Mean difference from a stored picture, of 255.

    A figure of 919.99… drawn pixels is stored as 919 rows, of which the uppermost is left out.
    """
    return float(np.abs(canvas[len(canvas) - len(stored) :] - stored).mean())


def compared(recording: Recording, explorer: Explorer, page: Page, count: int) -> None:
    """The canvas shows what the notebook's picture does, and not what it does at another position.

    Of two positions each canvas is nearer to its own picture: where the pictures are alike, both
    differ from it by the same.
    """
    places = positions(recording, count, seed=3)
    same(recording, page, places)
    stored, drawn = [], []
    for indices in places:
        pairs = zip(recording.controls, indices, strict=True)
        explorer.at(**{control.name: control.values[i] for control, i in pairs})
        stored.append(decoded(explorer.png()).astype(int))
        drawn.append(pixels(page.evaluate(DRAWN, [indices, 2])))
    assert any(not np.array_equal(stored[0], other) for other in stored[1:])
    for i, canvas in enumerate(drawn):
        own = difference(canvas, stored[i])
        assert own < EDGES, places[i]
        for j, other in enumerate(stored):
            if not np.array_equal(other, stored[i]):
                assert own < difference(canvas, other), (places[i], places[j])


@pytest.mark.parametrize("name", QUICK)
def test_the_canvas_shows_the_notebooks_picture(page: Page, name: str) -> None:
    compared(sample(name), EXPLORERS[name].example(), page, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(EXPLORERS) - set(QUICK)))
def test_every_canvas_shows_the_notebooks_picture(page: Page, name: str) -> None:
    compared(sample(name), EXPLORERS[name].example(), page, 4)


def test_the_canvas_shows_all_that_matplotlib_draws(page: Page) -> None:
    recording, explorer = everything()
    compared(recording, explorer, page, 5)


@pytest.mark.parametrize("name", ["EvidenceNeedle", "Everything"])
def test_two_positions_in_place_of_each_other_are_noticed(page: Page, name: str) -> None:
    """Also where the two differ by a few letters and lines, by less than edges may."""
    if name == "Everything":
        recording, explorer = everything()
    else:
        recording, explorer = sample(name), EXPLORERS[name].example()
    compared(recording, explorer, page, 2)
    one, other = (np.ravel_multi_index(p, recording.counts) for p in positions(recording, 2, 3))
    order = np.arange(len(recording.said))
    order[[one, other]] = order[[other, one]]
    said = tuple(recording.said[i] for i in order)
    swapped = replace(recording, piles=recording.piles[order], said=said)
    with pytest.raises(AssertionError):
        compared(swapped, explorer, page, 2)


def test_the_tables_are_pythons(page: Page) -> None:
    recording = sample("EvidenceNeedle")
    same(recording, page, [(0,) * len(recording.counts)])
    tables, found = recording.tables, page.evaluate(TABLES)
    assert found["columns"] == [column.tolist() for column in tables.columns]
    assert found["codes"] == [list(codes) for codes in tables.codes]
    assert found["shapes"] == [[int(v) for v in shape] for shape in tables.shapes]
    assert found["images"] == [[*i.shape, *i.ravel().tolist()] for i in tables.images]


def test_a_frame_glides_to_the_next(page: Page) -> None:
    """At its end it is the next one; half-way the dotted bar is half as much lower."""
    recording, explorer = everything()
    page.evaluate(FRAMES, [encoded(pack(recording)), []])
    glide = [pixels(page.evaluate(BLENDED, [[1], [2], share])) for share in (0, 0.5, 1)]
    assert np.array_equal(glide[2], pixels(page.evaluate(DRAWN, [[2], 2])))
    assert isinstance(explorer, Everything)
    box = explorer.dots.get_window_extent()
    column = round(box.x0 + box.width / 10)
    before, half, after = (int((picture[:, column] != 255).any(-1).sum()) for picture in glide)
    assert before - after > 50
    assert abs(half - (before + after) / 2) <= 1


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda text: text, "opened"),
        (lambda text: text[: len(text) // 8 * 4], "recording.truncated"),
        (lambda text: text[:400] + ("A" if text[400] != "A" else "B") + text[401:], "altered"),
        (lambda text: "no base64!", "altered"),
        (lambda text: "", "recording.truncated"),
    ],
)
def test_a_recording_that_is_spoilt_is_refused(page: Page, spoil: Any, word: str) -> None:
    assert page.evaluate(OPENED, spoil(encoded(pack(everything()[0])))).endswith(word)


def test_an_old_browser_is_told(page: Page) -> None:
    found = page.evaluate(
        """async () => {
            const kept = window.DecompressionStream;
            delete window.DecompressionStream;
            try { return await course.openRecording('AAAA'); }
            catch (error) { return error.message; }
            finally { window.DecompressionStream = kept; }
        }"""
    )
    assert found == "recording.unsupported"
