"""Explorers and figures are the same, whatever a reader has set in Matplotlib, torch and NumPy."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.style import use as use_style

from course_lib.edition import EXPLORERS
from course_lib.explorers.stage.work import at_work
from course_lib.plots import (
    COLOURS,
    image_grid,
    label,
    latent_points,
    latent_ticks,
    ledger,
    new_figure,
    panels,
    show,
    style,
)
from course_lib.plots.figures import OwnAxes

HERE = Path(__file__).parent

# Everything that a settings file, a style or a habit could change, and that would show.
RC: dict[Any, Any] = {
    "text.usetex": True,
    "figure.autolayout": True,
    "figure.facecolor": "black",
    "figure.subplot.left": 0.4,
    "axes.facecolor": "grey",
    "axes.grid": True,
    "axes.prop_cycle": mpl.cycler(color=["#123456", "#654321"]),  # type: ignore[attr-defined]
    "axes.spines.top": False,
    "axes.xmargin": 0.3,
    "axes.unicode_minus": False,
    "axes.titlesize": 30,
    "font.size": 25,
    "font.family": "monospace",
    "image.cmap": "hot",
    "image.origin": "lower",
    "image.interpolation": "bicubic",
    "legend.loc": "lower left",
    "lines.linewidth": 9,
    "lines.linestyle": ":",
    "lines.markersize": 20,
    "mathtext.fontset": "cm",
    "patch.linewidth": 5,
    "patch.force_edgecolor": True,
    "path.sketch": (3, 100, 2),
    "savefig.dpi": 30,
    "savefig.bbox": "tight",
    "savefig.facecolor": "black",
    "text.color": "white",
    "xtick.direction": "in",
    "xtick.minor.visible": True,
    "ytick.right": True,
}

# Run in a process of its own, as much is read when a module is imported. Prints the numbers and
# the pictures' hashes of every explorer at its start and at the upper end of each control.
PROGRAM = """
import decimal, hashlib, json, sys, warnings
import matplotlib.style, numpy, torch
hostile = sys.argv[1] == "hostile"
if hostile:
    matplotlib.style.use(["dark_background", "ggplot"])
    from test_surroundings import RC
    matplotlib.rcParams.update(RC)
    numpy.seterr(all="raise")
    numpy.set_printoptions(precision=1)
    decimal.getcontext().prec = 2
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)
    warnings.simplefilter("error")
from pictures import shown
from test_explorers import explorers
from test_surroundings import plain
kinds, found = explorers(), {}
figure = hashlib.sha256(plain()).hexdigest()
with torch.inference_mode(hostile):
    for kind in kinds:
        if len(sys.argv) > 2 and kind.__name__ not in sys.argv[2:]:
            continue
        explorer = kind.example()
        states = [{}] + [{c.name: c.sweep(2)[-1]} for c in explorer.controls]
        seen = []
        for state in states:
            explorer.reset()
            numbers = explorer.at(**state)
            picture = hashlib.sha256(shown(explorer).tobytes()).hexdigest()
            seen.append([state, numbers, explorer.sentence, picture])
        found[kind.__name__] = seen
        explorer.close()
print(json.dumps(found | {"a figure": [figure]}))
"""


def told(mood: str, *names: str) -> dict[str, list[list[object]]]:
    """What the program prints of these explorers, or of all."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])}
    program = [sys.executable, "-c", PROGRAM, mood, *names]
    run = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    found: dict[str, list[list[object]]] = json.loads(run.stdout)
    return found


def test_explorers_draw_the_same_whatever_is_set() -> None:
    """Three that compute in torch and in NumPy, with formulas, draws, images and a ledger."""
    some = ("EvidenceNeedle", "GradientNoise", "PosteriorGap")
    compare(told("clean", *some), told("hostile", *some), len(some) + 1)


@pytest.mark.slow
def test_all_explorers_draw_the_same_whatever_is_set() -> None:
    compare(told("clean"), told("hostile"), len(EXPLORERS) + 1)


def compare(
    clean: dict[str, list[list[object]]], hostile: dict[str, list[list[object]]], count: int
) -> None:
    """Numbers, sentences and pictures are equal, of `count` explorers and figures."""
    assert len(clean) == count
    for name, states in clean.items():
        for expected, found in zip(states, hostile[name], strict=True):
            assert found == expected, name


def plain() -> bytes:
    """A figure with everything that notebooks put on one, drawn from outside of the package."""
    figure = new_figure(800, 300)
    left, right, inner = panels(figure, (2, 1, 1))
    style(left, title="a title", x="latent $z$", y="nats", keep="xy")
    left.plot([0, 1, 2], [0.1, 0.8, 0.2])
    left.plot([0, 1], [1, 0], "o-", color=COLOURS["q"])
    left.bar([0.5], [0.4], hatch="////", edgecolor="white")
    left.fill_between([0, 1], [0, 0.1], alpha=0.5)
    left.axvline(0.3)
    left.text(0.5, 0.5, "words")
    left.hist([0.1, 0.2, 0.2])
    left.scatter([0.2], [0.3])
    left.legend(["one"])
    left.inset_axes((0.6, 0.6, 0.3, 0.3)).imshow(np.eye(3))
    label(left, 1, 0.4, "$q(z)$", of="q", point=(0.5, 0.5))
    latent_ticks(left, [0.5], of="q")
    latent_points(left, [[0.5, 0.6]], of="prior")
    ledger(right, -1.752, -2.705)
    image_grid(inner, np.eye(4).reshape(1, 4, 4), columns=1)
    figure.suptitle("over it")
    figure.add_axes((0.9, 0.9, 0.05, 0.05)).step([0, 1], [0, 1])
    figure.text(0.1, 0.1, "below")
    return show(figure, "Everything that notebooks draw.").png


@pytest.mark.parametrize("name", ["rc", "dark_background", "ggplot", "classic", "seaborn-v0_8"])
def test_figures_own_their_style(name: str) -> None:
    expected = plain()
    with mpl.rc_context():
        if name == "rc":
            mpl.rcParams.update(RC)
        else:
            use_style(name)
        before = dict(mpl.rcParams)
        assert plain() == expected
        assert dict(mpl.rcParams) == before  # the reader's own figures keep theirs


def test_other_axes_are_made_when_asked_for() -> None:
    figure = new_figure()
    assert figure.add_subplot(projection="polar").name == "polar"
    assert isinstance(figure.subplots(), OwnAxes)


def test_a_ledger_counts_with_all_its_digits() -> None:
    program = "import decimal; decimal.getcontext().prec = 2\nfrom course_lib.plots.ledger import "
    program += "printed\nprint(printed(-1.752, -2.705))"
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "PYTHONUTF8": "1"}
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert run.stdout.decode().strip() == "('−1.752', '−2.705', '0.953')"


def test_what_the_reader_has_set_is_set_again() -> None:
    old = np.geterr()
    try:
        torch.set_default_device("meta")
        np.seterr(all="raise")
        with torch.no_grad():
            with at_work(), at_work():
                assert torch.zeros(1, requires_grad=True).exp().requires_grad
                assert torch.zeros(1).device.type == "cpu"
                assert np.exp(np.float64(-1e4)) == 0
            assert not torch.is_grad_enabled()
        assert torch.zeros(1).device.type == "meta"
        assert set(np.geterr().values()) == {"raise"}
    finally:
        torch.set_default_device(None)
        np.seterr(**old)


@contextlib.contextmanager
def drawn_beside() -> Iterator[None]:
    """An explorer is drawn on another thread, as in JupyterLab, as long as the block runs."""
    draws, over = threading.Event(), threading.Event()

    def draw() -> None:
        with at_work():
            draws.set()
            over.wait(60)

    thread = threading.Thread(target=draw)
    thread.start()
    assert draws.wait(60)
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("before", [torch.float32, torch.float64])
def test_a_draw_leaves_the_dtype_of_the_cell_beside(before: torch.dtype) -> None:
    after = {torch.float32: torch.float64, torch.float64: torch.float32}[before]
    try:
        torch.set_default_dtype(before)
        with drawn_beside():
            assert torch.get_default_dtype() == before
            torch.set_default_dtype(after)
        assert torch.get_default_dtype() == after
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_draw_leaves_what_the_cell_beside_sets_in_matplotlib() -> None:
    with mpl.rc_context():
        mpl.rcParams.update(RC)
        mine: dict[Any, Any] = {"font.size": 31.0, "axes.facecolor": "pink", "lines.linewidth": 3.0}
        fresh: dict[Any, Any] = {"axes.titlepad": 11.0, "hatch.color": "red"}  # not set before
        with drawn_beside():
            mpl.rcParams.update(mine | fresh)
        for name, value in (RC | mine | fresh).items():
            read = mpl.RcParams({name: value})[name]  # as matplotlib writes it
            assert mpl.rcParams[name] == read, name


def test_a_draw_changes_nothing_where_nothing_was_set() -> None:
    """The cell beside meets no setting that is put aside and comes back."""
    with mpl.rc_context():
        mpl.rcdefaults()
        before = dict(mpl.rcParams)
        with drawn_beside():
            assert dict(mpl.rcParams) == before
            mpl.rcParams.update(RC)
        after = dict(mpl.rcParams)
        mpl.rcdefaults()
        mpl.rcParams.update(RC)
        assert after == dict(mpl.rcParams)


def test_no_test_compares_the_packed_bytes_of_a_frame() -> None:
    """Equal pixels may be packed differently in another run: pictures.py says how it was seen."""
    readers = {
        path.name for path in HERE.glob("*.py") if "_picture" + ".value" in path.read_text("utf-8")
    }
    assert readers == {"pictures.py"}
