"""Explorers of a page with what was really recorded, against a fresh explorer in the kernel."""

import base64
import functools
import random
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from browsing import MARKS, browsing, keep_screenshot, listen
from player_pages import READERS, Site, figure, recorded
from playwright.sync_api import Browser, Locator, Page, expect

from course_lib.edition.explorer_words import EXPLORER_WORDS
from course_lib.edition.number_words import NUMBERS
from course_lib.edition.recording import Recording
from course_lib.explorers.divergence import SQUARE, PosteriorGap
from course_lib.explorers.evidence import EvidenceNeedle

pytestmark = MARKS
WORDS = EXPLORER_WORDS["en"]
NAME = "PosteriorGap"
OPENING = {"world": SQUARE, "mean": PosteriorGap.controls[1].start}
# Sets all controls at once, as a reader who is quick would.
MOVE = """stops => {
    const rows = [...document.querySelectorAll('.explorer-control')];
    rows.forEach((row, i) => {
        const slider = row.querySelector('input[type=range]');
        if (slider) slider.value = String(stops[i]);
        else row.querySelectorAll('input')[stops[i]].checked = true;
        row.dispatchEvent(new Event('input'));
    });
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as page:
        assert page.context.browser
        yield page.context.browser


@pytest.fixture(scope="module")
def taken() -> tuple[Recording, str]:
    """PosteriorGap at a few stops."""
    return recorded(PosteriorGap, 4)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@functools.cache
def stored() -> str:
    """What the explorer says where the figure opens."""
    fresh = PosteriorGap.example()
    fresh.at(**OPENING)
    sentence = fresh.sentence
    fresh.close()
    return sentence


def opened(page: Page, folder: Path, text: str, caption: str = "", **values: Any) -> Locator:
    site = Site(folder, readers=READERS, recordings={NAME: text})
    drawn = figure(NAME, height=350, caption=caption or stored(), **OPENING, **values)
    page.goto(site.page(drawn))
    return page.locator("figure.explorer")


def read(text: str) -> float:
    """A number of the table: −1.5, 1.2 × 10⁻⁷, ≈ 0."""
    digits = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")
    return float(text.removeprefix("≈ ").replace(" × 10", "e").translate(digits))


def said(explorer: Locator) -> str:
    text = explorer.locator("figcaption").inner_text()
    return text.replace("\u00a0", " ")


def test_what_the_page_says_is_what_the_explorer_says(
    page: Page, tmp_path: Path, taken: tuple[Recording, str]
) -> None:
    recording, text = taken
    complaints, _ = listen(page)
    explorer = opened(page, tmp_path, text)
    expect(explorer).to_have_attribute("data-state", "live")
    fresh = PosteriorGap.example()
    fresh.at(**OPENING)
    assert said(explorer) == fresh.sentence
    keep_screenshot(page, "recorded")
    explorer.get_by_text(WORDS["explorer.numbers"], exact=True).click()
    chance = random.Random(0)
    for _ in range(20):
        stops = [chance.randrange(len(control.values)) for control in recording.controls]
        page.evaluate(MOVE, stops)
        pairs = zip(recording.controls, stops, strict=True)
        numbers = fresh.at(**{control.name: control.values[stop] for control, stop in pairs})
        assert said(explorer) == fresh.sentence
        rows = explorer.locator("tbody tr").all_inner_texts()
        shown = dict(row.split("\t") for row in rows)
        assert {name: read(value) for name, value in shown.items()} == {
            NUMBERS["en"][NAME][name]: pytest.approx(value, rel=1e-5, abs=1e-9)
            for name, value in numbers.items()
        }
    assert complaints == []


def test_every_control_changes_picture_and_sentence(
    page: Page, tmp_path: Path, taken: tuple[Recording, str]
) -> None:
    explorer = opened(page, tmp_path, taken[1])
    expect(explorer).to_have_attribute("data-state", "live")
    picture = "document.querySelector('canvas').toDataURL()"
    for name in ("mean of q, μ", "standard deviation of q, σ"):
        before = (said(explorer), page.evaluate(picture))
        explorer.get_by_role("slider", name=name).press("Home")
        page.wait_for_function(f"before => {picture} !== before", arg=before[1])
        assert said(explorer) != before[0]


# The canvas's own pixels, and the whole picture drawn aside at the same size.
BOTH = """async () => {
    const recording = await course.recordingNamed('PosteriorGap');
    const canvas = document.querySelector('canvas');
    const stops = [...document.querySelectorAll('.explorer-control')].map(row => {
        const slider = row.querySelector('input[type=range]');
        return slider ? slider.valueAsNumber
            : [...row.querySelectorAll('input')].findIndex(one => one.checked);
    });
    const scale = canvas.width / 450;
    const whole = document.createElement('canvas');
    Object.assign(whole, { width: 800 * scale, height: 350 * scale });
    recording.draw(whole.getContext('2d'), recording.frame(stops), scale);
    const ink = (one, x, y, wide, high) =>
        [...one.getContext('2d')
            .getImageData(...[x, y, wide, high].map(side => side * scale)).data]
            .filter((value, i) => i % 4 < 3 && value < 200).length;
    return {
        shown: [ink(canvas, 0, 0, 450, 340), ink(canvas, 62, 340, 326, 298)],
        whole: [ink(whole, 13, 8, 450, 340), ink(whole, 463, 24, 326, 298)],
    };
}"""
BOXES = """() => ['.explorer-picture', '.explorer-controls', 'figcaption', 'figure']
    .map(name => document.querySelector(name).getBoundingClientRect())
    .map(({ top, bottom, width, height }) => ({ top, bottom, width, height }))"""


def test_on_a_phone_both_panels_are_seen_and_the_controls_stay_in_sight(
    page: Page, tmp_path: Path, taken: tuple[Recording, str]
) -> None:
    recording, text = taken
    page.set_viewport_size({"width": 390, "height": 664})
    page.emulate_media(reduced_motion="reduce")
    explorer = opened(page, tmp_path, text)
    expect(explorer).to_have_attribute("data-narrow", "")
    box = explorer.locator(".explorer-picture")
    assert box.evaluate("one => one.scrollWidth - one.clientWidth") == 0
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    box.evaluate("one => scrollTo(0, one.getBoundingClientRect().top + scrollY)")
    picture, controls, _, figure = page.evaluate(BOXES)
    assert picture["bottom"] > controls["top"] > 400
    assert controls["bottom"] == pytest.approx(664, abs=1)
    keep_screenshot(page, "phone")
    chance, inks = random.Random(0), set()
    ways = list(product(*(range(len(control.values)) for control in recording.controls)))
    for stops in chance.sample(ways, 8):
        page.evaluate(MOVE, stops)
        found = page.evaluate(BOTH)
        for _ in range(50):  # a busy machine draws late
            if found["shown"] == pytest.approx(found["whole"], rel=0.02):
                break
            page.wait_for_timeout(60)
            found = page.evaluate(BOTH)
        for shown, whole in zip(found["shown"], found["whole"], strict=True):
            assert shown == pytest.approx(whole, rel=0.02)  # lines fall between other pixels
        inks.add(tuple(found["shown"]))
        assert page.evaluate(BOXES)[3]["height"] == figure["height"]  # nothing below jumps
    assert len(inks) == 8
    page.set_viewport_size({"width": 1280, "height": 664})
    expect(explorer).not_to_have_attribute("data-narrow", "")
    wide = page.evaluate("document.querySelector('canvas').getBoundingClientRect().height")
    assert wide == pytest.approx(350 * 878 / 800, abs=1)


def test_no_sentence_is_longer_than_the_room_it_has(
    page: Page, tmp_path: Path, taken: tuple[Recording, str]
) -> None:
    recording, text = taken
    expect(opened(page, tmp_path, text)).to_have_attribute("data-state", "live")
    longest = page.evaluate("course.recordingNamed('PosteriorGap').then(one => one.longest())")
    assert max(len(said.sentence) for said in recording.said) <= len(longest) < 210


def altered(text: str) -> str:
    """One bit of one byte is another."""
    data = bytearray(base64.b64decode(text))
    data[len(data) // 2] ^= 1
    return base64.b64encode(data).decode()


FAULTS: dict[str, Any] = {
    "recording.truncated": lambda text: text[: len(text) // 2 // 4 * 4],
    "recording.altered": altered,
}


@pytest.mark.parametrize("key", FAULTS)
def test_a_fault_in_a_recording_is_named(
    page: Page, tmp_path: Path, taken: tuple[Recording, str], key: str
) -> None:
    explorer = opened(page, tmp_path, FAULTS[key](taken[1]))
    expect(explorer).to_have_attribute("data-state", "failed")
    expect(explorer.get_by_role("status")).to_have_text(re.compile(re.escape(WORDS[key])))
    expect(explorer.locator("img")).to_be_visible()


def test_a_browser_that_unpacks_nothing_is_told(
    page: Page, tmp_path: Path, taken: tuple[Recording, str]
) -> None:
    page.add_init_script("delete window.DecompressionStream")
    explorer = opened(page, tmp_path, taken[1])
    expect(explorer.get_by_role("status")).to_have_text(WORDS["recording.unsupported"])
    expect(explorer.locator("img")).to_be_visible()


def stays_stored(explorer: Locator, key: str) -> None:
    """No control moves it, and one line says why."""
    expect(explorer).to_have_attribute("data-state", "failed")
    expect(explorer.get_by_role("status")).to_contain_text(WORDS[key])
    expect(explorer.get_by_role("slider")).to_have_count(0)
    expect(explorer.locator("img")).to_be_visible()


def test_the_recording_of_another_explorer_is_not_shown(page: Page, tmp_path: Path) -> None:
    other = recorded(EvidenceNeedle, 2)[1]
    stays_stored(opened(page, tmp_path, other), "recording.altered")


def test_a_recording_that_says_something_else_is_not_shown(
    page: Page, tmp_path: Path, taken: tuple[Recording, str]
) -> None:
    explorer = opened(page, tmp_path, taken[1], caption=stored().replace("log p(x)", "log q(x)"))
    stays_stored(explorer, "recording.altered")


def test_a_value_of_no_control_is_not_passed_over(
    page: Page, tmp_path: Path, taken: tuple[Recording, str]
) -> None:
    stays_stored(opened(page, tmp_path, taken[1], depth=3), "explorer.unrecorded")
