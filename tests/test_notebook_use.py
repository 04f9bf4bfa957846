"""What a reader does to a notebook: runs cells again, in any order, and moves what can be moved.

Each notebook runs in its own kernel, and whatever a cell writes is held against what is stored.
"""

import copy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell
from notebook_rules import FOLDER
from traitlets.config import Config

from course_lib.index import text

PATHS = sorted(FOLDER.glob("*.ipynb"))
AGAIN = 3  # how often each cell is run again, alone
# What trains, or scores with many draws, takes seconds, and is run again alone once: with the runs
# in order and in reverse that makes three.
LONG = re.compile(r"\b(?:fit|trained|train_on_digits|sampled_log_evidence)\(")

# Runs in the kernel, before the notebook: it remembers which explorers were shown, and moves
# them through the widgets on the page as a browser does, by messages to each widget.
HANDS = """
import asyncio as _asyncio

from course_lib.explorers.stage import Explorer as _Explorer


class _Hands:
    def __init__(self):
        self.shown, self.new = [], []

    def controls(self, widget):
        for child in getattr(widget, "children", ()):
            yield from self.controls(child)
        if hasattr(widget, "options"):
            yield widget, {"index": 0}, {"index": len(widget.options) - 1}
        elif hasattr(widget, "min") and hasattr(widget, "max"):
            log = widget.base if hasattr(widget, "base") else None
            low, high = (log**end if log else end for end in (widget.min, widget.max))
            yield widget, {"value": low}, {"value": high}
        elif isinstance(getattr(widget, "value", None), bool):
            yield widget, {"value": False}, {"value": True}

    async def move(self, last):
        explorers, self.new = self.new, []
        moved = 0
        for explorer in explorers:
            for widget, *ends in self.controls(explorer):
                for end in ends if last == "high" else ends[::-1]:
                    widget.set_state(end)
                    moved += 1
                    await _asyncio.sleep(0.05)
        await _asyncio.sleep(0.5 if moved else 0)
        print(moved)

    def strayed(self):
        for explorer in self.shown:
            standing, opened = dict(explorer.numbers), explorer.reset()
            if repr(standing) != repr(opened):  # as words: NaN equals NaN
                different = {k for k in standing | opened if standing.get(k) != opened.get(k)}
                print(f"{explorer.title}: {', '.join(sorted(different))}")

    def watch(self):
        bundle = _Explorer._repr_mimebundle_

        def remember(explorer, **kwargs):
            if not any(explorer is other for other in self.shown):
                self.shown.append(explorer)
                self.new.append(explorer)
            return bundle(explorer, **kwargs)

        _Explorer._repr_mimebundle_ = remember


_hands = _Hands()
_hands.watch()
"""


def words(outputs: list[Any]) -> list[str]:
    """The outputs as far as they are text: streams joined, then what is shown, and errors."""
    found: list[tuple[str, str]] = []
    for output in outputs:
        if output["output_type"] == "stream":
            kind = str(output["name"])
            before = found.pop()[1] if found and found[-1][0] == kind else ""
            found.append((kind, before + text(output["text"])))
        elif output["output_type"] == "error":
            found.append(("error", f"{output['ename']}: {output['evalue']}"))
        else:
            data = output["data"]
            found += [(m, text(data[m])) for m in sorted(data) if m.startswith("text/")]
    return [f"{kind}: {said}" for kind, said in found]


class Reader:
    """One who runs cells of one notebook, in one kernel, and notes what differs from the stored."""

    def __init__(self, client: NotebookClient, stored: Any) -> None:
        self.client, self.stored = client, stored
        self.places = [i for i, cell in enumerate(self.stored.cells) if cell.cell_type == "code"]
        self.complaints: list[str] = []

    def runs(self, place: int, when: str) -> None:
        """Runs a copy of one cell, counted from 0 among all."""
        cell = copy.deepcopy(self.stored.cells[place])
        cell.outputs = []
        self.client.execute_cell(cell, place)
        expected, got = words(self.stored.cells[place].outputs), words(cell.outputs)
        if expected != got:
            self.complaints.append(f"cell {place}, {when}: expected\n{expected}\ngot\n{got}")

    def asks(self, code: str) -> str:
        """Runs code that is no cell of the notebook; returns what it prints."""
        cell = new_code_cell(code)
        self.client.execute_cell(cell, len(self.stored.cells), store_history=False)
        said = words(cell.outputs)
        assert all(line.startswith("stdout: ") for line in said), said
        return "\n".join(line.removeprefix("stdout: ").strip() for line in said)


@contextmanager
def reading(notebook: Any, folder: Path) -> Iterator[Reader]:
    """A reader at a fresh kernel, in the notebook's folder."""
    played = copy.deepcopy(notebook)  # the client puts what it ran in the stored cell's place
    played.cells.append(new_code_cell())  # the place of code that is no cell
    client = NotebookClient(
        played,
        timeout=600,
        kernel_name="python3",
        allow_errors=True,  # an error is an output, compared like any other
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,  # as refresh.py stores them
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        resources={"metadata": {"path": str(folder)}},
    )
    client.reset_execution_trackers()
    with client.setup_kernel():
        reader = Reader(client, notebook)
        assert reader.asks(HANDS) == ""
        yield reader


def plays_again(notebook: Any, folder: Path) -> list[str]:
    """Run All; then each cell again, alone, three times or, if it takes long, once; then all once
    more, from the last up.
    """
    with reading(notebook, folder) as reader:
        for place in reader.places:
            reader.runs(place, "in order")
        strayed = reader.asks("_hands.strayed()").splitlines()
        for place in reader.places:
            long = LONG.search(notebook.cells[place].source)
            for time in range(1, 1 + (1 if long else AGAIN)):
                reader.runs(place, f"alone, time {time}")
        for place in reversed(reader.places):
            reader.runs(place, "from the last to the first")
        return [f"a cell moved {line}" for line in strayed] + reader.complaints


def moves_everything(notebook: Any, folder: Path) -> list[str]:
    """Twice through: whatever a cell shows is moved to its ends before the next cell is run."""
    with reading(notebook, folder) as reader:
        moved = 0
        for last in ("high", "low"):
            for place in reader.places:
                reader.runs(place, f"with every explorer above it at its {last} ends")
                moved += int(reader.asks(f"await _hands.move({last!r})"))
        return reader.complaints if moved else ["nothing could be moved", *reader.complaints]


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_cell_runs_again_alone_and_in_another_order(path: Path) -> None:
    found = plays_again(nbformat.read(path, as_version=4), path.parent)
    assert not found, "\n\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_whatever_the_reader_moves_the_cells_below_say_the_same(path: Path) -> None:
    found = moves_everything(nbformat.read(path, as_version=4), path.parent)
    assert not found, "\n\n".join(found)
