"""Recordings show and say what a fresh explorer does, and have the same bytes in every process."""

import base64
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from recorded import faults, few, positions, sample
from test_explorers import explorers

from course_lib.edition import EXPLORERS, Recording, pack, record, script, unpack
from course_lib.edition.recording import LETTERS, RecordedControl
from course_lib.edition.stops import recorded_controls
from course_lib.explorers.stage import Explorer, Reading, Slider, Toggle
from course_lib.plots import panels

ROOT = Path(__file__).resolve().parent.parent
QUICK = ["EvidenceNeedle", "PosteriorGap", "ChainOfLatents"]


class Half(Explorer):
    """A line that cannot be drawn at x above 2, and a switch that does nothing there."""

    title = "Half"
    controls = (Slider("x", "place, x", 0, 4, 1, start=1), Toggle("up", "upwards", start=True))

    def build(self, figure: Figure) -> None:
        (ax,) = panels(figure)
        (self.line,) = ax.plot([0, 1], [0, 1])
        self.moving(self.line)

    def update(self, x: int, up: bool) -> Reading:
        if x > 2:
            raise ValueError(f"x is {x}")
        self.line.set_ydata((0, x if up else -x))
        return Reading({"x": float(x)}, f"x is {x}.", idle=("up",) if x == 0 else ())


@pytest.fixture(scope="module")
def half() -> Recording:
    return record(Half(), recorded_controls("Half", Half.controls, {}))


def unpacked(name: str) -> Recording:
    return unpack(pack(sample(name)))


def test_every_explorer_is_recorded() -> None:
    assert set(EXPLORERS.values()) == set(explorers())


@pytest.mark.parametrize("name", QUICK)
def test_a_recording_shows_and_says_what_a_fresh_explorer_does(name: str) -> None:
    recording, explorer = unpacked(name), EXPLORERS[name].example()
    assert not faults(recording, explorer, positions(recording, 6, seed=1))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(EXPLORERS) - set(QUICK)))
def test_every_recording_shows_and_says_what_a_fresh_explorer_does(name: str) -> None:
    recording, explorer = unpacked(name), EXPLORERS[name].example()
    assert not faults(recording, explorer, positions(recording, 50, seed=1))


def test_a_position_that_cannot_be_drawn_says_why(half: Recording) -> None:
    frame = half.frame((3, 1))
    assert frame.problem == frame.sentence == "This value cannot be drawn: x is 3"
    assert frame.numbers == ()
    assert frame.drawings[0] == half.frame((0, 0)).drawings[0]  # the background
    assert frame.drawings[1] == ()
    assert half.frame((2, 1)).problem is None


def test_what_is_greyed_out_changes_nothing(half: Recording) -> None:
    assert half.frame((0, 0)) == half.frame((0, 1))
    assert half.frame((0, 0)).idle == ("up",)
    assert half.frame((1, 0)).drawings != half.frame((1, 1)).drawings


def test_positions_are_counted_with_the_last_control_first(half: Recording) -> None:
    assert half.counts == (5, 2)
    assert half.position((2, 1)) == 5
    assert half.stops({"x": 2}) == (2, 1)
    assert half.stops({"x": 2, "up": False}) == (2, 0)
    assert half.stops({"x": 2.5}) is None
    assert half.stops({"y": 2}) is None
    with pytest.raises(ValueError, match=r"Half has \(5, 2\) stops, none is \(5, 0\)"):
        half.frame((5, 0))


def test_a_stored_sentence_is_known_for_this_recordings(half: Recording) -> None:
    assert half.shows({"x": 2, "up": False}, "x is 2.")
    assert not half.shows({"x": 2, "up": False}, "x is 3.")
    assert not half.shows({"x": 7}, "x is 7.")


def test_unpacking_gives_back_what_was_packed(half: Recording) -> None:
    for recording in (half, sample("EvidenceNeedle"), sample("ChainOfLatents")):
        again = unpack(pack(recording))
        for name in ("name", "title", "width", "height", "hatch_px", "controls", "layers", "said"):
            assert getattr(again, name) == getattr(recording, name), name
        assert np.array_equal(again.piles, recording.piles)
        ours, theirs = vars(recording.tables), vars(again.tables)
        for name in ("codes", "shapes", "rows", "styles", "clips"):
            assert theirs[name] == ours[name], name
        for name in ("columns", "images"):
            pairs = zip(theirs[name], ours[name], strict=True)
            assert all(np.array_equal(one, other) for one, other in pairs), name


def test_the_bytes_are_those_of_another_process() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests'); from recorded import sample\n"
        "from course_lib.edition import pack\n"
        "sys.stdout.buffer.write(pack(sample('EvidenceNeedle')))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True
    )
    assert run.returncode == 0, run.stderr.decode()
    assert run.stdout == pack(sample("EvidenceNeedle"))


def test_a_byte_altered_is_noticed(half: Recording) -> None:
    data = pack(half)
    for at in random.Random(0).sample(range(4, len(data)), 40):
        altered = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises(ValueError, match=r"altered|cut off"):
            unpack(altered)
    with pytest.raises(ValueError, match="begins with b'CVR1', got b'DVR1'"):
        unpack(b"D" + data[1:])


def test_a_recording_cut_off_is_noticed(half: Recording) -> None:
    data = pack(half)
    with pytest.raises(ValueError, match=f"cut off: {len(data) - 112} bytes of {len(data) - 12}"):
        unpack(data[:-100])


def test_two_positions_swapped_are_noticed() -> None:
    recording = sample("PosteriorGap")
    piles = recording.piles.copy()
    piles[[0, 1]] = piles[[1, 0]]
    found = faults(replace(recording, piles=piles), EXPLORERS["PosteriorGap"](), [(0, 0, 0)])
    assert any("is off by" in fault for fault in found)


def test_a_sentence_and_numbers_of_another_position_are_noticed() -> None:
    recording = sample("PosteriorGap")
    said = (recording.said[1], *recording.said[1:])
    found = faults(replace(recording, said=said), EXPLORERS["PosteriorGap"](), [(0, 0, 0)])
    assert [fault.split(": ")[-1].split(" ")[0] for fault in found if " says " in fault]
    assert any("has the numbers" in fault for fault in found)


def test_a_shape_moved_by_a_pixel_is_noticed() -> None:
    recording = sample("EvidenceNeedle")
    layers = tuple(
        tuple(tuple(mark._replace(x=mark.x + 4) for mark in drawing) for drawing in layer)
        for layer in recording.layers
    )
    moved = replace(recording, layers=layers)
    found = faults(moved, EXPLORERS["EvidenceNeedle"](), [(0, 0, 0)])
    drawings = [drawing for drawing in recording.frame((0, 0, 0)).drawings[1:] if drawing]
    lines = [sum(mark.kind == LETTERS for mark in drawing) for drawing in drawings]
    assert len(found) == sum(max(1, count) for count in lines)  # each line of a text by itself


def test_the_script_hands_over_what_was_packed(half: Recording) -> None:
    text = script("Half", pack(half))
    start, end = 'course.received("Half", "', '");\n'
    assert text.startswith(start)
    assert text.endswith(end)
    assert base64.b64decode(text[len(start) : -len(end)], validate=True) == pack(half)


def test_few_stops_keep_the_start() -> None:
    control = RecordedControl("x", "x", "slider", (0, 1, 2, 3), ("0", "1", "2", "3"), 2, 4)
    assert few(control, 2, 0).values[few(control, 2, 0).start] == 2
