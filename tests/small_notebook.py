"""A small chapter with all that a notebook may hold, as a file, for the tests of the pages."""

import json
from pathlib import Path
from typing import Any

from course_lib.edition import read_chapter, write_single

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)


def words(source: str, **metadata: Any) -> dict[str, Any]:
    """A cell of Markdown."""
    return {"cell_type": "markdown", "source": source, "metadata": metadata}


def code(source: str, *outputs: dict[str, Any], hidden: bool = False) -> dict[str, Any]:
    """A cell of code that was run, with what it left."""
    return {
        "cell_type": "code",
        "source": source,
        "metadata": {"jupyter": {"source_hidden": True}} if hidden else {},
        "outputs": list(outputs),
        "execution_count": 1,
    }


def printed(text: str) -> dict[str, Any]:
    """What a cell printed."""
    return {"output_type": "stream", "name": "stdout", "text": text}


def picture(explorer: str) -> dict[str, Any]:
    """An explorer's stored picture."""
    about = {"width": 400, "height": 200, "alt": "log p(x) is −1.5 nats here.", "note": "n"}
    about |= {"explorer": explorer, "values": {"x": 1.0}}
    data = {"image/png": PIXEL, "text/plain": "a picture"}
    metadata = {"image/png": about}
    return {"output_type": "display_data", "data": data, "metadata": metadata}


OPENING = words("# 3 · What is it for?\n\n**The question.** Why?\n\n*About 35 minutes.*")


def write_notebook(folder: Path, *cells: dict[str, Any]) -> Path:
    """The opening and these cells as chapter 3."""
    path = folder / "03_small.ipynb"
    raw = {"cells": [OPENING, *cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


def write_page(folder: Path, *cells: dict[str, Any], places: dict[str, str] | None = None) -> Path:
    """The same as a page in one file. places: the page of each equation that is known."""
    chapter = read_chapter(write_notebook(folder, *cells), places)
    (path,) = write_single(folder / "made", [chapter])
    return path
