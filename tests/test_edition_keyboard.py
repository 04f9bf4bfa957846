"""Every control of every explorer, by keyboard alone, on the real pages, wide and on a phone.

The explorers are recorded at few stops, those where their pages open among them.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browsing import MARKS, browsing, keep_screenshot, listen
from player_pages import thinned
from playwright.sync_api import Browser, Locator, Page, expect
from test_edition_stops import stored

from course_lib.edition import EXPLORERS, Recording, pack, record, write_pages
from course_lib.edition.recording import RecordedControl
from course_lib.edition.stops import recorded_controls

pytestmark = [*MARKS, pytest.mark.slow]
ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
NEXT = {"range": "ArrowRight", "radio": "ArrowDown", "select-one": "ArrowDown", "checkbox": "Space"}
BACK = {"range": "Home", "radio": "ArrowUp", "select-one": "Home", "checkbox": "Space"}
FOCUS = """figure => {
    const one = document.activeElement;
    const row = figure.contains(one) && one.closest('.explorer-control');
    return row ? [[...figure.querySelectorAll('.explorer-control')].indexOf(row), one.type] : null;
}"""
STANDS = """figure => [...figure.querySelectorAll('.explorer-control')].map(row => {
    const radios = [...row.querySelectorAll('input[type=radio]')];
    const one = row.querySelector('input, select');
    if (radios.length) return radios.findIndex(radio => radio.checked);
    if (one.type === 'checkbox') return Number(one.checked);
    return one.type === 'range' ? one.valueAsNumber : one.selectedIndex;
})"""
IN_SIGHT = """() => {
    const { top, bottom } = document.activeElement.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
}"""


def opening_too(name: str, control: RecordedControl) -> RecordedControl:
    """The control at its start, its ends, and wherever a page opens it."""
    few = set(thinned(control, 2).values)
    few |= {values[control.name] for explorer, values in stored() if explorer == name}
    kept = [i for i, value in enumerate(control.values) if value in few]
    return replace(
        control,
        values=tuple(control.values[i] for i in kept),
        shown=tuple(control.shown[i] for i in kept),
        start=kept.index(control.start),
    )


@pytest.fixture(scope="module")
def taken() -> dict[str, Recording]:
    found = {}
    for name, kind in EXPLORERS.items():
        explorer = kind.example()
        named = {
            c.name: {values[c.name] for other, values in stored() if other == name}
            for c in explorer.controls
        }
        controls = recorded_controls(name, explorer.controls, named)
        found[name] = record(explorer, tuple(opening_too(name, c) for c in controls))
        explorer.close()
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, taken: dict[str, Recording]) -> Path:
    made = tmp_path_factory.mktemp("edition") / "pages"
    write_pages(made, packed={name: pack(recording) for name, recording in taken.items()})
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as page:
        assert page.context.browser
        yield page.context.browser


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PAGES)
def test_every_control_is_reached_and_worked_by_keyboard(
    browser: Browser, folder: Path, taken: dict[str, Recording], name: str, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 844}, offline=True, reduced_motion="reduce"
    )
    page = context.new_page()
    complaints, _ = listen(page)
    page.goto((folder / f"{name}.html").as_uri())
    figures = page.locator("figure.explorer").all()
    assert len(figures) == (1 if name.startswith("05") else 2)
    for figure in figures:
        figure.scroll_into_view_if_needed()
        expect(figure).to_have_attribute("data-state", "live", timeout=60_000)
        recording = taken[str(figure.get_attribute("data-explorer"))]
        assert worked(page, figure, recording) == {c.name for c in recording.controls}
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    keep_screenshot(page, f"keyboard_{name[:2]}_{width}")
    assert complaints == []
    context.close()


def worked(page: Page, figure: Locator, recording: Recording) -> set[str]:
    """Works each control that Tab leads to, one after the other; returns their names.

    Picture and sentence are those of the stops at which the controls then stand.
    """
    reset = figure.get_by_role("button", name="Reset")
    opening = figure.evaluate(STANDS)
    reached = set()
    reset.focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        at = figure.evaluate(FOCUS)
        if at is None:
            break
        number, kind = at
        reached.add(recording.controls[number].name)
        assert page.evaluate(IN_SIGHT)
        move(page, figure, recording, number, kind)
    idle = set(recording.frame(figure.evaluate(STANDS)).idle)
    reset.press("Enter")
    assert figure.evaluate(STANDS) == opening
    assert shown(figure)[0] == recording.frame(opening).sentence
    return reached | idle


def move(page: Page, figure: Locator, recording: Recording, number: int, kind: str) -> None:
    """To the next stop, or from the last one back."""
    before, stands = shown(figure), figure.evaluate(STANDS)
    last = len(recording.controls[number].values) - 1
    page.keyboard.press((BACK if stands[number] == last else NEXT)[kind])
    after, moved = shown(figure), figure.evaluate(STANDS)
    assert [i for i, (a, b) in enumerate(zip(stands, moved, strict=True)) if a != b] == [number]
    old, new = recording.frame(stands), recording.frame(moved)
    assert (before[0], after[0]) == (old.sentence, new.sentence)
    assert old.sentence != new.sentence or old.drawings != new.drawings
    assert (before[1] != after[1]) == (old.drawings != new.drawings)


def shown(figure: Locator) -> tuple[str, Any]:
    """The sentence, and the canvas's pixels once they are drawn."""
    figure.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    said = figure.locator("figcaption").inner_text().replace("\u00a0", " ")
    return said, figure.locator("canvas").evaluate("canvas => canvas.toDataURL()")
