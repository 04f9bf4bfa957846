"""The whole edition as its command makes it, once: each page in a browser, in light and dark.

Recordings that a build has kept in runs/ are taken from there. Where there are none, as in CI, the
explorers are recorded at FEW positions each, which takes a minute and not seven: the command finds
these as if a build had kept them.
"""

import json
import math
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from browsing import CHROMIUM, FLAGS, MARKS, PATIENCE
from edition_browsing import Browsing, taken_from_elsewhere
from playwright.sync_api import Browser, Locator, expect, sync_playwright

from course_lib.edition import EXPLORERS, command, pack, record, stops
from course_lib.edition.cache import keep, kept
from course_lib.edition.recorder import key
from course_lib.edition.recording import RecordedControl
from course_lib.edition.stops import named_values
from course_lib.explorers.stage.controls import Control
from course_lib.index import ROOT, notebook_paths

NOTEBOOKS = ROOT / "notebooks"
FEW = 350  # positions, and no more than the edition has of any explorer
FEW_OF = {
    **{name: min(most, FEW) for name, most in stops.MOST_OF.items()},
    "LatentWalk": 1_600,  # the likeliest z of ten digits, and each digit at all of them
}

# What moves a control of each kind from wherever it stands.
KEYS = {
    "slider": ("ArrowRight", "Home", "End"),
    "list": ("ArrowDown", "Home", "End"),
    "buttons": ("ArrowRight", "ArrowLeft"),
    "box": ("Space",),
}
# Each scheme at a width of its own.
SCHEMES: dict[Literal["light", "dark"], int] = {"light": 1280, "dark": 390}


def explorers_shown() -> dict[str, int]:
    """How many explorers each notebook shows."""
    shown = {}
    for path in notebook_paths(NOTEBOOKS):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        pictures = [output.get("metadata", {}).get("image/png", {}) for output in outputs]
        shown[path.stem] = sum("explorer" in picture for picture in pictures)
    return shown


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


def few_stops(name: str, controls: Sequence[Control]) -> tuple[RecordedControl, ...]:
    """An explorer's controls at few stops, the values that the notebooks name among these."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stops, "MOST", FEW)
        patch.setattr(stops, "MOST_OF", FEW_OF)
        return stops.recorded_controls(name, controls, named_values(name, controls, NOTEBOOKS))


def at_few_stops(name: str) -> bytes:
    """A recording of an explorer at few stops."""
    explorer = EXPLORERS[name].example()
    made = pack(record(explorer, few_stops(name, explorer.controls)))
    explorer.close()
    return made


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    """The edition, with each chapter in one file too."""
    before, there = command.KEPT, tmp_path / "kept"
    for name in EXPLORERS:
        wanted = key(name, NOTEBOOKS)
        keep(there, name, wanted, kept(before, name, wanted) or at_few_stops(name))
    monkeypatch.setattr(command, "KEPT", there)
    made = tmp_path / "pages"
    assert command.main(["--single", "--into", str(made)]) == 0
    shown = sum(explorers_shown().values())
    said = f"{shown} of {shown} explorers move\n12 chapters: open file://"
    assert capsys.readouterr().out.startswith(said)
    return made


def opened(seen: Browsing, page: Path) -> int:
    """Opens a page, and works each of its explorers by keyboard. Returns how many are live."""
    seen.open(page)
    seen.page.evaluate(
        "document.querySelectorAll('details.deeper').forEach(d => { d.open = true; })"
    )
    figures = seen.page.locator("figure.explorer")
    for figure in figures.all():
        figure.scroll_into_view_if_needed()
        expect(figure).to_have_attribute("data-state", "live", timeout=PATIENCE)
        assert unmoved(figure) == []
    return figures.count()


def unmoved(figure: Locator) -> list[str]:
    """The controls of an explorer, but those greyed out, that no key moves it by."""
    found = []
    for control in figure.locator(".explorer-control").all():
        if not control.locator("input:enabled, select:enabled").count():
            continue
        kind = str(control.get_attribute("data-field"))
        control.locator("input:checked" if kind == "buttons" else "input, select").first.focus()
        before = drawn(figure)
        for press in KEYS[kind]:
            figure.page.keyboard.press(press)
            if drawn(figure) != before:
                break
        else:
            found.append(control.inner_text())
    return found


def drawn(figure: Locator) -> tuple[str, Any]:
    """The sentence, and the canvas's pixels once they are drawn."""
    figure.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    pixels = figure.locator("canvas").evaluate("canvas => canvas.toDataURL()")
    return figure.locator("figcaption").inner_text(), pixels


def faults(seen: Browsing) -> list[str]:
    """What is wrong with the page that is open, in either scheme."""
    found = [*seen.too_wide(), *seen.unrendered()]
    for scheme, width in SCHEMES.items():
        seen.resize(width)
        seen.page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {violation}" for violation in seen.violations()]
    return found + seen.wrong


@pytest.mark.parametrize("name", EXPLORERS)
def test_few_stops_are_enough_for_the_values_that_the_texts_name(name: str) -> None:
    # Found here, before the slow test below: a value more in a text is a stop more.
    stops_of_each = few_stops(name, EXPLORERS[name].controls)
    positions = math.prod(len(control.values) for control in stops_of_each)
    assert positions <= FEW_OF.get(name, FEW)


@pytest.mark.slow
@pytest.mark.browser
@MARKS[1]
def test_the_whole_edition(browser: Browser, folder: Path) -> None:
    notebooks = sorted(path.stem for path in notebook_paths(NOTEBOOKS))
    names = [path.name for path in sorted(folder.glob("*.html"))]
    beside = ["index.html", "equations.html", "primer.html"]
    assert names == sorted([*beside, *(f"{n}.html" for n in notebooks)])
    live, found = {}, {}
    for name in names:
        seen = Browsing(browser, color_scheme="light")
        live[name] = opened(seen, folder / name)
        found[name] = faults(seen)
        seen.context.close()
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    expected = {f"{stem}.html": count for stem, count in explorers_shown().items()}
    assert live == {"equations.html": 0, "primer.html": 0, "index.html": 1, **expected}

    seen = Browsing(browser)  # a chapter alone
    alone = shutil.copy(folder / "single" / names[0], folder.parent)
    assert opened(seen, Path(alone)) == 2
    figure = seen.page.locator("figure.explorer").first
    before = figure.locator("figcaption").inner_text()
    figure.locator("input[type=range]").first.press("Home")
    expect(figure.locator("figcaption")).not_to_have_text(before)
    assert faults(seen) == []

    sizes = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    recordings = [size for path, size in sizes.items() if path.parent.name == "recordings"]
    assert len(recordings) == len(EXPLORERS)
    assert max(recordings) <= 1.5e6
    assert sum(size for path, size in sizes.items() if path.parent.name != "single") <= 15e6
    for path in sizes:
        if path.suffix in (".html", ".css", ".js"):
            text = path.read_text(encoding="utf-8")
            assert taken_from_elsewhere(text) == [], path.name
