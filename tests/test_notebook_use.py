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
from nbformat.v4 import new_code_cell, new_notebook, new_output
from notebook_rules import FOLDER
from traitlets.config import Config

from course_lib.explorers.posterior_point import PosteriorPoint
from course_lib.index import notebook_paths, text

PATHS = notebook_paths(FOLDER)
# What trains, or scores with many draws, takes seconds, and is run again alone once: with the runs
# in order and in reverse that makes three. Other cells are run again twice, in a row.
LONG = re.compile(r"\b(?:fit|trained|train_on_digits|sampled_log_evidence)\(")
AGAIN = 2

# Runs in the kernel, before the notebook: it remembers which explorers were shown, and moves
# them through the widgets on the page as a browser does, by messages to each widget.
HANDS = """
import asyncio as _asyncio

from course_lib.explorers.stage import Explorer as _Explorer


class _Hands:
    def __init__(self):
        self.shown, self.new, self.left = [], [], []

    def open(self, explorers):  # without those whose cell was run again
        return [explorer for explorer in explorers if not explorer._closed]

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
        explorers, self.new = self.open(self.new), []
        moved = 0
        for explorer in explorers:
            for widget, *ends in self.controls(explorer):
                for end in ends if last == "high" else ends[::-1]:
                    widget.set_state(end)
                    moved += 1
                    while explorer._handle is not None:  # until it is drawn
                        await _asyncio.sleep(0.01)
            self.left.append((explorer, explorer._values()))
        print(moved)

    def strayed(self):
        for explorer in self.open(self.new):
            standing, opened = dict(explorer.numbers), explorer.reset()
            if repr(standing) != repr(opened):  # as words: NaN equals NaN
                different = {k for k in standing | opened if standing.get(k) != opened.get(k)}
                print(f"{explorer.title}: {', '.join(sorted(different))}")
        for i, (explorer, values) in enumerate(self.left):
            if not explorer._closed and explorer._values() != values:
                print(f"{explorer.title}, which a reader had moved")
                self.left[i] = explorer, explorer._values()

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


def used(notebook: Any, folder: Path) -> list[str]:
    """All that a reader does to a notebook, in one kernel; what comes out otherwise than stored.

    First in order: whatever a cell shows is moved to its high ends before the next cell is run.
    Then each cell again, alone, twice, or once if it takes long; what it shows is moved to its low
    ends. At last all once more, from the last up. (A plain run in order is nbval's.)
    """
    with reading(notebook, folder) as reader:
        moved, strayed = 0, []
        for last, when in (("high", "in order"), ("low", "again, alone")):
            for place in reader.places:
                once = last == "high" or LONG.search(notebook.cells[place].source)
                for time in range(1, 1 + (1 if once else AGAIN)):
                    reader.runs(place, f"{when}, time {time}")
                strayed += reader.asks("_hands.strayed()").splitlines()
                moved += int(reader.asks(f"await _hands.move({last!r})"))
        for place in reversed(reader.places):
            reader.runs(place, "from the last to the first")
        found = [f"a cell moved {line}" for line in strayed] + reader.complaints
        return found if moved else ["nothing could be moved", *found]


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_cell_says_the_same_again_alone_in_another_order_and_whatever_is_moved(
    path: Path,
) -> None:
    found = used(nbformat.read(path, as_version=4), path.parent)
    assert not found, "\n\n".join(found)


# A cell, what it prints when run once in order, and when it first prints otherwise; None: never.
ALONE, BACK = "again, alone, time", "from the last"
CELLS: list[tuple[str, str, str | None]] = [
    ("count = 0", "", None),
    ("from course_lib.explorers.posterior_point import PosteriorPoint", "", None),
    ("mine = PosteriorPoint()\nprint(mine.numbers['log_prior'])\nmine", "", None),
    ("limit = 3", "", None),
    ("count += 1\nprint(count)", "1\n", f"{ALONE} 2"),  # counts its own runs
    ("print(mine._values()['x'] < 2)", "True\n", "in order"),  # reads an explorer's high end
    ("print(mine._values()['x'] > -1)", "True\n", f"{ALONE} 1"),  # and its low end
    ("print(limit)", "3\n", BACK),  # reads what a cell below changes
    ("limit = 4", "", None),
    ("pile = []", "", None),
    ("pile.append(1)", "", None),
    ("print(len(pile))", "1\n", f"{ALONE} 1"),  # reads what a cell above does once more
    ("print(1)", "1\n", None),
    ("mine.at(x=0.5)\nNone", "", None),  # moves what is the reader's
]


@pytest.mark.slow
def test_each_kind_of_dependence_is_noticed(tmp_path: Path) -> None:
    """In a notebook that runs as it is stored from top to bottom: which cell, and when first."""
    point = PosteriorPoint()
    cells = []
    for source, said, _ in CELLS:
        cell = new_code_cell(source)
        if source.endswith("\nmine"):
            said = f"{point.numbers['log_prior']}\n"
            cell.outputs = [new_output("execute_result", {"text/plain": repr(point)})]
        cell.outputs = [*([new_output("stream", text=said)] if said else []), *cell.outputs]
        cells.append(cell)
    point.close()
    found = used(new_notebook(cells=cells), tmp_path)
    assert found[0] == f"a cell moved {PosteriorPoint.title}, which a reader had moved"
    first: dict[int, str] = {}
    for line in found:
        if match := re.match(r"cell (\d+), ([^:]+): expected", line):
            first.setdefault(int(match[1]), match[2])
    expected = {place: when for place, (*_, when) in enumerate(CELLS) if when}
    assert {p: when for p, when in first.items() if not when.startswith(expected.get(p, "-"))} == {}
    assert first.keys() == expected.keys()
