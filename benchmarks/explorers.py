"""How long an explorer takes in the kernel, from a slider's value to the picture's bytes.

    python benchmarks/explorers.py            a Markdown table, one row an explorer
    python benchmarks/explorers.py --check    also exits 1 if one is slower than the course promises

Beside it, in the same run, the usual way: ipywidgets.interact with a function that makes a new
figure, draws the same picture in full with matplotlib's own canvas, and turns it into a PNG of the
same size as Jupyter's inline backend does. It calls the explorer's own build and update, and
keeps what the explorer prepared, so that only the way of drawing differs.

Times are those for which the kernel held a core, which is what a clock shows on an idle machine;
the clock's own median stands beside them, and is longer while other programs run.
"""

import argparse
import contextlib
import importlib
import io
import os
import pkgutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import ipywidgets as widgets
from IPython.core.pylabtools import print_figure
from matplotlib.backends.backend_agg import FigureCanvasAgg

import course_lib.explorers
from course_lib.explorers.stage import Explorer, Slider
from course_lib.explorers.stage.canvas import Stage
from course_lib.plots import new_figure

MEDIAN_MS, P95_MS, RATIO = 20.0, 40.0, 6.0
FEWEST = 100  # values swept through the controls
AFRESH = 20  # of them drawn afresh too, spread evenly: each takes a tenth of a second


def explorers() -> list[type[Explorer]]:
    """Every explorer of the package; the demonstration of the engine's tests if there is none."""
    found = set()
    for module in pkgutil.walk_packages(course_lib.explorers.__path__, "course_lib.explorers."):
        for thing in vars(importlib.import_module(module.name)).values():
            if isinstance(thing, type) and issubclass(thing, Explorer) and thing is not Explorer:
                found.add(thing)
    if not found:
        sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
        found.add(importlib.import_module("test_engine").GaussianGap)
    return sorted(found, key=lambda kind: (kind.__module__, kind.__name__))


def sweep(explorer: Explorer) -> Iterator[tuple[str, Any]]:
    """Each control in turn through its range, the others at their start: (name, value) pairs.

    Listed values come once each, or as often as it takes if there is no slider to sweep.
    """
    sliders = sum(isinstance(control, Slider) for control in explorer.controls)
    for control in explorer.controls:
        listed = len(getattr(control, "values", (False, True)))
        values = control.sweep(listed if not isinstance(control, Slider) else 1 + FEWEST // sliders)
        if not sliders:
            values = values * (1 + FEWEST // (listed * len(explorer.controls)))
        for value in (*values, control.start):
            yield control.name, value


@dataclass(frozen=True)
class Times:
    """Milliseconds of each of several runs: on the clock, and holding a core."""

    clock: list[float]
    core: list[float]

    @classmethod
    def of(cls, runs: Iterable[Callable[[], None]]) -> "Times":
        """Runs each once."""
        taken = []
        for run in runs:
            clock, core = time.perf_counter(), time.process_time()
            run()
            taken.append((1e3 * (time.perf_counter() - clock), 1e3 * (time.process_time() - core)))
        return cls(*(list(column) for column in zip(*taken, strict=True)))


def setting(
    inputs: dict[str, Any], pairs: Iterable[tuple[str, Any]]
) -> Iterator[Callable[[], None]]:
    """What sets each value in turn, but for those that stand already: they are no event."""
    for name, value in pairs:
        if inputs[name].value != value:
            yield partial(setattr, inputs[name], "value", value)


def moved(explorer: Explorer) -> Times:
    """From setting a slider to the new picture's bytes in the image widget."""
    return Times.of(setting(explorer._widgets, sweep(explorer)))


def afresh(explorer: Explorer) -> Times:
    """The same through ipywidgets.interact, with a new figure for each value."""

    def draw(**values: Any) -> None:
        explorer._stage = Stage(new_figure(explorer.width_px, explorer.height_px))
        figure = explorer._stage.figure
        explorer.build(figure)
        explorer.update(**values)
        for artist in explorer._stage._moving:
            artist.set_animated(False)
        FigureCanvasAgg(figure)
        print_figure(figure, fmt="png", dpi=figure.dpi)

    inputs = {control.name: control.widget() for control in explorer.controls}
    pairs = list(sweep(explorer))
    with contextlib.redirect_stdout(io.StringIO()):  # it clears its output with an escape code
        widgets.interactive(draw, **inputs).update()
        return Times.of(setting(inputs, pairs[:: max(1, len(pairs) // AFRESH)]))


def row(kind: type[Explorer]) -> tuple[str, bool]:
    """One line of the table, and whether this explorer keeps the promise."""
    explorer = kind.example()
    moved(explorer)  # once unmeasured: caches fill while a reader still looks for the slider
    ours, usual = moved(explorer), median(afresh(explorer).core)
    middle, p95 = median(ours.core), sorted(ours.core)[int(0.95 * len(ours.core))]
    kept = middle <= MEDIAN_MS and p95 <= P95_MS and usual / middle >= RATIO
    cells = [kind.__name__, f"{kind.width_px}×{kind.height_px}", str(len(ours.core))]
    cells += [f"{ms:.1f}" for ms in (middle, p95, median(ours.clock), usual, usual / middle)]
    return "| " + " | ".join([*cells, "yes" if kept else "**no**"]) + " |", kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 if an explorer is too slow")
    parser.add_argument("names", nargs="*", help="only these, such as PosteriorExplorer")
    asked = parser.parse_args()
    every = {kind.__name__: kind for kind in explorers()}
    if unknown := set(asked.names) - every.keys():
        parser.error(f"no explorer {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    titles = ["explorer", "shown px", "values", "median ms", "p95 ms", "clock ms"]
    titles += ["interact ms", "ratio", "kept"]
    print("| " + " | ".join(titles) + " |\n|---|---|" + "---:|" * 6 + "---|")
    kept = []
    for name in asked.names or every:
        line, good = row(every[name])
        print(line, flush=True)
        kept.append(good)
    print(
        f"\nPromised: median ≤ {MEDIAN_MS:.0f} ms, p95 ≤ {P95_MS:.0f} ms, interact ≥ {RATIO:.0f} "
        "times as long. Every picture is drawn at twice its shown size."
    )
    return int(asked.check and not all(kept))


if __name__ == "__main__":
    sys.exit(main())
