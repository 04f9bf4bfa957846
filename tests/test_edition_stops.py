"""At which positions explorers are recorded."""

import json
import math
from typing import Any

import pytest
from notebook_rules import FOLDER
from recorded import NOTEBOOKS

from course_lib.edition import EXPLORERS
from course_lib.edition.stops import MOST, MOST_OF, named_values, recorded_controls
from course_lib.explorers.stage import Choice, Slider, Steps, Toggle
from course_lib.index import notebook_paths

MEAN = Slider("mean", "mean of q, μ", -2.0, 2.0, 0.05, start=0.9)
STD = Slider("std", "standard deviation, σ", 0.1, 1.4, 0.02, start=0.5)
CHOICE = Choice("world", "world", ("linear", "tanh"), start="tanh")


def stored() -> list[tuple[str, dict[str, Any]]]:
    """The explorers in the notebooks, and where their controls stand."""
    found = []
    for path in notebook_paths(FOLDER):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                about = output.get("metadata", {}).get("image/png", {})
                if "explorer" in about:
                    found.append((about["explorer"], about["values"]))
    return found


def test_a_small_explorer_is_recorded_in_full() -> None:
    mean, world = recorded_controls("Any", (MEAN, CHOICE), {})
    assert mean.values == tuple(round(-2 + 0.05 * i, 2) for i in range(81))
    assert mean.shown[0] == "−2.00"
    assert (mean.kind, mean.start, mean.of) == ("slider", 58, 81)
    assert (world.kind, world.values, world.start, world.of) == ("choice", CHOICE.values, 1, 2)


def test_sliders_are_thinned_to_round_values_start_ends_and_what_is_named(monkeypatch: Any) -> None:
    monkeypatch.setitem(MOST_OF, "Any", 2 * 8 * 16)
    mean, std, _ = recorded_controls("Any", (MEAN, STD, CHOICE), {"std": {0.18, 1.34, 7.0}})
    # Each 0.5, and the start.
    assert mean.values == (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 0.9, 1.0, 1.5, 2.0)
    # Each 0.2, the ends 0.1 and 1.4, the start 0.5, and two that are named; 7.0 is out of range.
    assert std.values == (0.1, 0.18, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.34, 1.4)
    assert (mean.of, std.of) == (81, 66)
    assert std.shown[:2] == ("0.10", "0.18")


def test_what_cannot_be_thinned_enough_is_refused(monkeypatch: Any) -> None:
    monkeypatch.setitem(MOST_OF, "Any", 7)
    with pytest.raises(ValueError, match="no spacing keeps mean within 3 positions"):
        recorded_controls("Any", (MEAN, CHOICE), {"mean": {0.1, 0.2}})


def test_whole_numbers_steps_and_switches() -> None:
    count = Slider("K", "draws, K", 1, 64, 1, start=8)
    steps = Steps("b", "β", (0.1, 1.0, 100.0), start=1.0)
    draws, weights, switch = recorded_controls("Any", (count, steps, Toggle("on", "on", True)), {})
    assert draws.values == tuple(range(1, 65))
    assert all(isinstance(value, int) for value in draws.values)
    assert weights.shown == ("0.1", "1", "100")
    assert (switch.values, switch.start, switch.kind) == ((False, True), 1, "toggle")


def test_a_text_names_values_by_symbol(tmp_path: Any) -> None:
    """Of the notebook that shows the explorer, and of no other."""
    about = {"image/png": {"explorer": "Any", "values": {"mean": 1.2, "std": 0.3, "b2": 1.0}}}
    shown = {"cell_type": "code", "source": "", "metadata": {}, "execution_count": 1}
    shown["outputs"] = [{"metadata": about}]
    text = "With μ = −0.35 move **σ** to 0.64, then $b_2$ from 3; kμ = 1.7."
    cells = [{"cell_type": "markdown", "source": [text]}, shown]
    (tmp_path / "01_a.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    other = [{"cell_type": "markdown", "source": ["μ = 0.55"]}]
    (tmp_path / "02_b.ipynb").write_text(json.dumps({"cells": other}), encoding="utf-8")
    (tmp_path / "Untitled.ipynb").write_text('{"cells": []}', encoding="utf-8")  # by JupyterLab
    bend = Slider("b2", "bend of the arrow, b₂", 0.0, 4.0, 0.1, start=1.0)
    found = named_values("Any", (MEAN, STD, bend), tmp_path)
    assert found == {"mean": {1.2, -0.35}, "std": {0.3, 0.64}, "b2": {1.0, 3.0}}


def test_wherever_a_notebook_opens_an_explorer_it_is_recorded() -> None:
    assert len({name for name, _ in stored()}) == len(EXPLORERS)  # each is shown somewhere
    for name, values in stored():
        controls = tuple(EXPLORERS[name].controls)
        if controls:
            named = named_values(name, controls, NOTEBOOKS)
            stops = {c.name: c.values for c in recorded_controls(name, controls, named)}
            assert all(value in stops[control] for control, value in values.items()), name


def test_a_recording_has_so_many_positions_at_most() -> None:
    for name, kind in EXPLORERS.items():
        controls = tuple(kind.controls)
        stops = recorded_controls(name, controls, named_values(name, controls, NOTEBOOKS))
        assert math.prod(len(c.values) for c in stops) <= MOST_OF.get(name, MOST), name
