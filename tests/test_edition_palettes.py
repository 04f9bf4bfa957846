"""Pictures of the pages in 256 colours: how far a colour may be off, and what stays as it is."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from course_lib.edition.palettes import in_palette
from course_lib.index import notebook_paths

NOTEBOOKS = notebook_paths()


def encoded(pixels: NDArray[np.uint8]) -> str:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return base64.b64encode(written.getvalue()).decode("ascii")


def pixels_of(png: str) -> NDArray[np.int64]:
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    return np.asarray(picture).astype(np.int64)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_colour_of_a_stored_picture_is_seen_to_be_off(path: Path) -> None:
    before = after = 0
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                stored = "".join(output["data"]["image/png"]).replace("\n", "")
                made = in_palette(stored)
                assert np.abs(pixels_of(made) - pixels_of(stored)).max() <= 16
                before, after = before + len(stored), after + len(made)
    assert after < 0.7 * before


def test_a_picture_of_few_colours_is_the_same() -> None:
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (256, 3), dtype=np.uint8)
    pixels = colours[rng.integers(0, 256, (90, 120))]
    made = in_palette(encoded(pixels))
    assert (pixels_of(made) == pixels).all()
    assert Image.open(io.BytesIO(base64.b64decode(made))).mode == "P"


def test_what_a_palette_makes_no_shorter_stays() -> None:
    pixel = encoded(np.full((1, 1, 3), 200, dtype=np.uint8))
    assert in_palette(pixel) == pixel
