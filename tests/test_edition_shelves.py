"""The panels of a picture one under another: nothing is cut, nothing is lost, all can be read."""

import json
import random
import re
from itertools import pairwise

import numpy as np
import pytest
from pictures import shown
from player_pages import PLAYER

from course_lib.edition import EXPLORERS
from course_lib.plots import PIXEL_RATIO
from course_lib.plots.vocabulary import TEXT_PX

Box = tuple[int, int, int, int]
SOURCE = (PLAYER / "shelves.js").read_text(encoding="utf-8")
SHELVES: dict[str, list[list[Box]]] = {
    name: [[tuple(box) for box in row] for row in json.loads(rows)]
    for name, rows in re.findall(r"^    (\w+): (\[\[\[.*\]\]\]),$", SOURCE, re.M)
}
PHONE = 366  # pixels for a picture on a screen of 390
LETTERS = 8  # pixels, at least


def boxes(name: str) -> list[Box]:
    return [box for row in SHELVES[name] for box in row]


@pytest.mark.parametrize("name", EXPLORERS)
def test_parts_lie_in_the_picture_and_on_a_phone_their_letters_can_be_read(name: str) -> None:
    kind = EXPLORERS[name]
    for left, top, width, height in boxes(name):
        assert min(left, top) >= 0
        assert (left + width, top + height) <= (kind.width_px, kind.height_px)
    for row in SHELVES[name]:
        for (left, _, width, _), (right, _, _, _) in pairwise(row):
            assert left == right or left + width <= right  # in the order of the picture
        assert TEXT_PX * PHONE / sum(width for _, _, width, _ in row) >= LETTERS


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPLORERS)
def test_all_that_is_drawn_lies_within_a_part(name: str) -> None:
    """At 40 random values, and at both ends of each control: the edges stay white, as all else."""
    explorer, chance = EXPLORERS[name].example(), random.Random(0)
    ways = [control.sweep(2001 if hasattr(control, "low") else 60) for control in explorer.controls]
    places = [[chance.choice(way) for way in ways] for _ in range(40)]
    places += [[way[end] for way in ways] for end in (0, -1)]
    ratio = PIXEL_RATIO
    for place in places:
        explorer.at(**dict(zip((c.name for c in explorer.controls), place, strict=True)))
        drawn: np.ndarray = np.any(shown(explorer) < 250, axis=-1)
        for left, top, width, height in boxes(name):
            right, foot = left + width, top + height
            inner = (
                slice(ratio * top + 1, ratio * foot - 1),
                slice(ratio * left + 1, ratio * right - 1),
            )
            drawn[inner] = False
        where = np.argwhere(drawn)[:, ::-1] / ratio
        assert not len(where), f"{place}: drawn between the parts at {where[0]}"
    explorer.close()
