"""The explorers of a page, in a real browser, opened from a folder: controls, words, failures.

COURSE_SCREENSHOTS names a folder to keep pictures in.
"""

import math
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import CHROMIUM, FLAGS, MARKS, browsing, keep_screenshot, listen
from player_pages import CONTROLS, PLAYER, STORED, Site, figure
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from course_lib.edition.explorer_words import EXPLORER_WORDS

pytestmark = MARKS
WORDS = EXPLORER_WORDS["en"]
Opened = Callable[..., Page]
AT_REST = """() => new Promise(done => {
    const [count, last] = [window.drawn.length, window.drawn.at(-1)];
    const whole = last?.indices.every(Number.isInteger);
    setTimeout(() => done(whole && count === window.drawn.length), 150);
})"""
PIXELS = """() => new Promise(done => {
    const canvas = document.querySelector('canvas');
    new ResizeObserver(([entry]) => {
        const size = entry.devicePixelContentBoxSize[0];
        done([size.inlineSize, size.blockSize, canvas.width, canvas.height]);
    }).observe(canvas, { box: 'device-pixel-content-box' });
})"""
SAFARI = """
    const observe = ResizeObserver.prototype.observe;
    ResizeObserver.prototype.observe = function (node, options) {
        if (options) throw new TypeError('no such box');
        observe.call(this, node, options);
    };
    delete ResizeObserverEntry.prototype.devicePixelContentBoxSize;
"""
ATTRIBUTES = """figure => [...figure.querySelectorAll('[aria-label], [title]')]
    .flatMap(one => [one.getAttribute('aria-label'), one.title]).filter(Boolean)"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as page:
        assert page.context.browser
        yield page.context.browser


@pytest.fixture(scope="module")
def usual(browser: Browser) -> BrowserContext:
    """Where pages open that ask for nothing else."""
    return browser.new_context()


@pytest.fixture
def opened(browser: Browser, usual: BrowserContext, tmp_path: Path) -> Iterator[Opened]:
    """Opens a page with the given figures; `context` says on what screen, for whom."""
    pages = []

    def opened(
        *figures: str, site: Site | None = None, head: str = "", query: str = "", **context: Any
    ) -> Page:
        page = browser.new_page(**context) if context else usual.new_page()
        pages.append(page)
        page.set_default_timeout(20_000)
        page.complaints, page.asked = listen(page)  # type: ignore[attr-defined]
        page.add_init_script("window.drawn = [];")
        site = site or Site(tmp_path)
        page.goto(site.page(*(figures or (figure(mean=-1.0, world="tanh"),)), head=head) + query)
        return page

    yield opened
    for page in pages:
        page.close()


def live(page: Page, number: int = 0) -> Locator:
    """The explorer with that number, once its controls are there."""
    found = page.locator("figure.explorer").nth(number)
    expect(found).to_have_attribute("data-state", "live")
    return found


def sentence(mean: str, draws: str, world: str, digit: str, filled: str) -> str:
    """What the fake recording says of these stops, as a page shows it."""
    values = ", ".join((mean, draws, world, digit, filled))
    return f"The values are {values}, and KL(q\u00a0‖\u00a0p) is small."


def says(explorer: Locator, *values: str) -> None:
    """The picture's name and the caption are the sentence of these values."""
    said = sentence(*values)
    expect(explorer.get_by_role("img")).to_have_accessible_name(said.replace("\u00a0", " "))
    expect(explorer.locator("figcaption")).to_have_text(said, use_inner_text=True)


def last_drawn(page: Page) -> list[float]:
    """The stops of the last picture, once it rests."""
    end = time.monotonic() + 10
    while not page.evaluate(AT_REST):  # Playwright's own waiting takes a promise for a yes
        assert time.monotonic() < end, page.evaluate("window.drawn.slice(-5)")
    indices: list[float] = page.evaluate("window.drawn.at(-1).indices")
    return indices


KEYS = [
    ("ArrowRight", "−0.75"),
    ("ArrowLeft", "−1.00"),
    ("End", "2.00"),
    ("ArrowDown", "1.75"),
    ("Home", "−2.00"),
    ("ArrowUp", "−1.75"),
]


def test_a_slider_moves_by_every_key_and_speaks_its_value_as_shown(opened: Opened) -> None:
    page = opened()
    explorer = live(page)
    says(explorer, "−1.00", "10", "tanh", "b", "off")
    slider = explorer.get_by_role("slider", name="mean of q, μ", exact=True)
    slider.focus()
    for key, shown in KEYS:
        slider.press(key)
        expect(slider).to_have_attribute("aria-valuetext", shown)
        expect(explorer.locator(".explorer-value").first).to_have_text(shown)
        says(explorer, shown, "10", "tanh", "b", "off")
    for key, further in (("PageUp", True), ("PageDown", False)):
        before = slider.input_value()
        slider.press(key)
        assert (int(slider.input_value()) > int(before)) is further
    assert last_drawn(page)[0] == int(slider.input_value())
    assert page.complaints == []  # type: ignore[attr-defined]


def test_every_other_control_moves_by_keyboard(opened: Opened) -> None:
    page = opened(figure())
    explorer = live(page)
    explorer.get_by_role("slider", name="draws, K").press("ArrowRight")
    explorer.get_by_role("radiogroup", name="world").get_by_role("radio", name="linear").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    explorer.get_by_role("combobox", name="digit").press("c")
    explorer.get_by_role("checkbox", name="fill q").press("Space")
    says(explorer, "0.00", "100", "z²", "c", "on")
    assert last_drawn(page) == [8, 2, 2, 2, 1]


def test_the_last_of_many_values_wins_and_a_frame_has_one_picture(opened: Opened) -> None:
    page = opened(figure())
    explorer = live(page)
    last_drawn(page)
    pictures = page.evaluate("""() => {
        const slider = document.querySelector('input[type=range]');
        const before = window.drawn.length;
        for (let i = 0; i < 400; i += 1) {
            slider.value = String(i % 17);
            slider.dispatchEvent(new Event('input', { bubbles: true }));
        }
        return window.drawn.length - before;
    }""")
    assert pictures == 1
    says(explorer, f"{-2 + 0.25 * (399 % 17):.2f}".replace("-", "−"), "10", "linear", "b", "off")
    assert last_drawn(page)[0] == 399 % 17


def test_the_picture_glides_and_words_and_numbers_do_not(opened: Opened) -> None:
    page = opened(figure())
    explorer = live(page)
    last_drawn(page)
    explorer.locator("summary").click()
    expect(explorer.locator("td").first).to_have_text("8.5")
    page.evaluate("""() => {
        window.drawn.length = 0;
        window.texts = new Set();
        const caption = document.querySelector('figcaption');
        new MutationObserver(() => window.texts.add(
            caption.innerText + document.querySelector('td').textContent
        )).observe(caption, { subtree: true, childList: true, characterData: true });
    }""")
    explorer.get_by_role("slider", name="mean of q, μ").press("ArrowRight")
    assert last_drawn(page)[0] == 9
    means = [picture["indices"][0] for picture in page.evaluate("window.drawn")]
    assert means == sorted(means)
    assert 8 < means[0] < 9
    said = sentence("0.25", "10", "linear", "b", "off")
    assert set(page.evaluate("[...window.texts]")) == {f"{said}9.5"}


def test_a_long_way_leads_through_the_stops_between(opened: Opened) -> None:
    """Each picture covers 1 − exp(−time/40 ms) of the way left, until it is 1/50 of a stop."""
    page = opened(figure(), locale="en")  # whose clock is no other page's
    slider = live(page).get_by_role("slider", name="mean of q, μ")
    last_drawn(page)
    page.clock.install(time=0)  # and not the machine's, which may be busy and leave frames out
    page.clock.pause_at(1000)
    page.evaluate("window.drawn.length = 0")
    slider.press("End")
    slider.press("Home")
    page.clock.run_for(1000)
    drawn = page.evaluate("window.drawn")
    assert all(picture["indices"][1:] == [1, 0, 1, 0] for picture in drawn)
    means = [16 - 8 * math.exp(-1000 / 60 / 40)]  # from 8 on to 16, and then back to 0
    while means[-1] > 0:
        left = means[-1] * math.exp(-16 / 40)
        means.append(left if left >= 0.02 else 0)
    assert [picture["indices"][0] for picture in drawn] == pytest.approx(means)


def test_nothing_glides_for_a_reader_who_asks_for_rest(opened: Opened) -> None:
    page = opened(figure(), reduced_motion="reduce")
    explorer = live(page)
    explorer.get_by_role("slider", name="mean of q, μ").press("End")
    assert last_drawn(page)[0] == 16
    assert {p["indices"][0] for p in page.evaluate("window.drawn")} == {8, 16}


def test_a_choice_is_shown_at_once(opened: Opened) -> None:
    page = opened(figure())
    live(page).get_by_role("radio", name="z²").check()
    last_drawn(page)
    assert {p["indices"][2] for p in page.evaluate("window.drawn")} == {0, 2}


def test_reset_goes_back_to_where_the_figure_opened(opened: Opened) -> None:
    start: dict[str, Any] = {"mean": 0.75, "world": "z²", "digit": "d", "filled": True}
    page = opened(figure(**start))
    explorer = live(page)
    opening = ("0.75", "10", "z²", "d", "on")
    says(explorer, *opening)
    explorer.get_by_role("slider", name="mean of q, μ").press("Home")
    explorer.get_by_role("slider", name="draws, K").press("Home")
    explorer.get_by_role("radio", name="linear").check()
    explorer.get_by_role("combobox", name="digit").select_option("a")
    explorer.get_by_role("checkbox").uncheck()
    says(explorer, "−2.00", "1", "linear", "a", "off")
    explorer.get_by_role("button", name="Reset").click()
    says(explorer, *opening)
    assert last_drawn(page) == [11, 1, 2, 3, 1]


def test_two_of_one_kind_are_each_their_own(opened: Opened) -> None:
    page = opened(figure(mean=1.0), figure(mean=-1.0), query="?all")
    first, second = live(page, 0), live(page, 1)
    first.get_by_role("slider", name="mean of q, μ").press("ArrowRight")
    second.get_by_role("radio", name="tanh").check()
    says(first, "1.25", "10", "linear", "b", "off")
    says(second, "−1.00", "10", "tanh", "b", "off")
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(ids) == len(set(ids))
    asked = [url for url in page.asked if "recordings" in url]  # type: ignore[attr-defined]
    assert len(asked) == 1


def test_a_recording_is_loaded_when_its_figure_nears_the_screen(opened: Opened) -> None:
    gap = '<div style="height: 6000px"></div>'
    page = opened(gap, figure())
    one = page.locator("figure.explorer")
    page.wait_for_timeout(300)
    expect(one).to_have_attribute("data-state", "asleep")
    expect(one.locator("img")).to_be_visible()
    assert not [url for url in page.asked if "recordings" in url]  # type: ignore[attr-defined]
    one.scroll_into_view_if_needed()
    live(page)
    assert live(opened(gap, figure(), query="?all")).is_visible()


def test_a_drawn_pixel_is_one_of_the_screens(browser: Browser, tmp_path: Path) -> None:
    """In a browser of its own, since one that plays another screen does not count its pixels."""
    fine = browser.browser_type.launch(
        executable_path=CHROMIUM, args=[*FLAGS, "--force-device-scale-factor=1.5"]
    )
    page = fine.new_page(no_viewport=True)
    page.add_init_script("window.drawn = [];")
    page.goto(Site(tmp_path).page(figure()))
    live(page)
    last_drawn(page)
    for width in (700.2, 701.4, 702.7, 703.9, 705.1):
        page.evaluate(f"document.body.style.width = '{width}px'")
        wide, high, drawn_wide, drawn_high = page.evaluate(PIXELS)
        shown = page.evaluate("document.querySelector('canvas').getBoundingClientRect().width")
        assert wide == pytest.approx(1.5 * shown, abs=1)
        assert (drawn_wide, drawn_high) == (wide, high)
        assert page.evaluate("window.drawn.at(-1).scale") == pytest.approx(wide / 800)
    fine.close()


OLD = "<script>delete window.ResizeObserver; delete window.IntersectionObserver;</script>"


def test_a_browser_without_observers_has_everything(opened: Opened) -> None:
    gap = '<div style="height: 6000px"></div>'
    page = opened(gap, figure(mean=-1.0), head=OLD, viewport={"width": 1000, "height": 700})
    explorer = live(page)
    for width in (1000, 700, 1000):
        page.set_viewport_size({"width": width, "height": 700})
        wide = min(878, width - 58)
        page.wait_for_function(f"Math.abs(document.querySelector('canvas').width - {wide}) <= 1")
    explorer.get_by_role("slider", name="mean of q, μ").press("Home")
    says(explorer, "−2.00", "10", "linear", "b", "off")
    assert last_drawn(page)[0] == 0
    page.set_viewport_size({"width": 390, "height": 700})
    expect(explorer.locator(".explorer-picture")).to_have_attribute("tabindex", "0")
    assert page.complaints == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("script", ["", f"<script>{SAFARI}</script>"])
def test_it_stays_sharp_when_the_page_is_zoomed(opened: Opened, script: str) -> None:
    page = opened(figure(), head=script, viewport={"width": 1000, "height": 700})
    live(page)
    screen = page.context.new_cdp_session(page)
    for ratio, width in ((1, 1000), (1.5, 1001), (3, 1002), (2, 700)):
        metrics = {"width": width, "height": 700, "deviceScaleFactor": ratio, "mobile": False}
        screen.send("Emulation.setDeviceMetricsOverride", metrics)
        wide = ratio * min(878, width - 58)
        page.wait_for_function(f"Math.abs(document.querySelector('canvas').width - {wide}) <= 1")


def test_a_screen_reader_is_told_once_when_the_slider_rests(opened: Opened) -> None:
    page = opened(figure())
    explorer = live(page)
    spoken = explorer.locator(".explorer-spoken")
    expect(spoken).to_have_attribute("role", "status")
    page.evaluate("""() => {
        window.told = [];
        const spoken = document.querySelector('.explorer-spoken');
        new MutationObserver(() => window.told.push(spoken.textContent))
            .observe(spoken, { childList: true });
    }""")
    soon = page.evaluate("""async () => {
        const slider = document.querySelector('input[type=range]');
        for (let i = 0; i < 6; i += 1) {
            slider.stepUp();
            slider.dispatchEvent(new Event('input', { bubbles: true }));
        }
        await new Promise(done => setTimeout(done, 300));
        return document.querySelector('.explorer-spoken').textContent;
    }""")
    assert soon == ""
    said = sentence("1.50", "10", "linear", "b", "off")
    expect(spoken).to_have_text(said)
    assert [text for text in page.evaluate("window.told") if text] == [said]


def test_a_control_without_effect_is_greyed_out_and_says_why(opened: Opened) -> None:
    page = opened(figure())
    explorer = live(page)
    draws = explorer.get_by_role("slider", name="draws, K")
    expect(draws).to_be_enabled()
    explorer.get_by_role("radio", name="tanh").check()
    expect(draws).to_be_disabled()
    expect(draws).to_have_accessible_description(WORDS["explorer.idle"])
    expect(explorer.get_by_text(WORDS["explorer.idle"]).filter(visible=True)).to_have_count(1)
    keep_screenshot(page, "greyed_out")
    explorer.get_by_role("radio", name="linear").check()
    expect(draws).to_be_enabled()
    expect(draws).to_have_accessible_description("")


def test_a_row_does_not_stir_when_it_is_greyed_out(opened: Opened) -> None:
    explorer = live(opened(figure(), viewport={"width": 1000, "height": 900}))
    before = explorer.bounding_box()
    explorer.get_by_role("radio", name="tanh").check()
    assert explorer.bounding_box() == before


def test_numbers_are_there_on_demand(opened: Opened) -> None:
    page = opened(figure())
    explorer = live(page)
    expect(explorer.get_by_role("table")).to_be_hidden()
    explorer.get_by_text(WORDS["explorer.numbers"], exact=True).click()
    table = explorer.get_by_role("table")
    expect(table.get_by_role("rowheader", name="mean")).to_be_visible()
    expect(table.get_by_role("cell").first).to_have_text("8.5")
    explorer.get_by_role("slider", name="mean of q, μ").press("ArrowRight")
    expect(table.get_by_role("cell").first).to_have_text("9.5")


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (
            "81",
            "The controls move in coarser steps here than in the notebook: 2,448 combinations of "
            "their values, where the notebook has 11,664.",
        ),
        (
            "17",
            "The controls take the same steps here as in the notebook: 2,448 combinations.",
        ),
    ],
)
def test_it_says_how_much_of_the_notebooks_explorer_it_is(
    opened: Opened, tmp_path: Path, of: str, words: str
) -> None:
    explorer = live(opened(site=Site(tmp_path, recordings={"Everything": of})))
    expect(explorer.locator(".explorer-stops")).to_have_text(words)


def test_a_value_that_cannot_be_drawn_is_said_and_the_next_one_recovers(opened: Opened) -> None:
    page = opened(figure(world="z²"))
    explorer = live(page)
    explorer.get_by_role("slider", name="draws, K").press("End")
    expect(explorer.get_by_role("alert")).to_have_text("This value cannot be drawn.")
    expect(explorer.get_by_role("img")).to_have_accessible_name("This value cannot be drawn.")
    expect(explorer.locator("figcaption")).not_to_contain_text("The values are")
    explorer.get_by_role("slider", name="draws, K").press("ArrowLeft")
    expect(explorer.get_by_role("alert")).to_have_text("")
    says(explorer, "0.00", "100", "z²", "b", "off")


def stays_a_picture(page: Page, words: str) -> Locator:
    """The stored picture and sentence are shown, no control is, and one line says why."""
    one = page.locator("figure.explorer")
    expect(one).to_have_attribute("data-state", "failed")
    expect(one.get_by_role("status")).to_contain_text(words)
    expect(one.get_by_role("img", name=STORED)).to_be_visible()
    expect(one.locator("figcaption")).to_have_text(STORED, use_inner_text=True)
    expect(one.get_by_role("slider")).to_have_count(0)
    expect(one.locator("canvas")).to_have_count(0)
    expect(one.locator(".in-the-notebook")).to_be_visible()
    return one


def test_a_missing_recording_is_named_and_can_be_asked_for_again(
    opened: Opened, tmp_path: Path
) -> None:
    site = Site(tmp_path, recordings={})
    page = opened(site=site)
    one = stays_a_picture(page, WORDS["recording.missing"].format(file="Everything.js"))
    keep_screenshot(page, "missing")
    one.get_by_role("button", name=WORDS["explorer.again"]).press("Enter")
    again = one.get_by_role("button", name=WORDS["explorer.again"])
    expect(again).to_be_focused()
    Site(tmp_path).page(figure())  # somebody puts the folder where it belongs
    again.press("Enter")
    expect(live(page).get_by_role("slider").first).to_be_focused()
    says(live(page), "−1.00", "10", "tanh", "b", "off")


def test_to_try_again_wakes_all_figures_of_the_recording(opened: Opened, tmp_path: Path) -> None:
    page = opened(figure(mean=1.0), figure(mean=-1.0), site=Site(tmp_path, recordings={}))
    again = page.get_by_role("button", name=WORDS["explorer.again"])
    expect(again).to_have_count(2)
    Site(tmp_path).page()
    again.nth(1).press("Enter")
    says(live(page, 0), "1.00", "10", "linear", "b", "off")
    says(live(page, 1), "−1.00", "10", "linear", "b", "off")
    expect(live(page, 1).get_by_role("slider").first).to_be_focused()


def test_a_recording_that_was_cut_off_is_named(opened: Opened, tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.page()
    script = tmp_path / "recordings" / "Everything.js"
    whole = script.read_text(encoding="utf-8")
    script.write_text(whole[:-6], encoding="utf-8")
    page = opened(site=Site(tmp_path, recordings={}))
    stays_a_picture(page, WORDS["recording.truncated"])


@pytest.mark.parametrize("fault", ["truncated", "altered", "unsupported"])
def test_a_recording_that_cannot_be_read_is_named(
    opened: Opened, tmp_path: Path, fault: str
) -> None:
    key = f"recording.{fault}"
    page = opened(site=Site(tmp_path, recordings={"Everything": key}))
    one = stays_a_picture(page, WORDS[key])
    expect(one.get_by_role("button")).to_have_count(0 if fault == "unsupported" else 1)
    assert page.complaints == []  # type: ignore[attr-defined]


def test_a_figure_that_opens_where_nothing_is_recorded_stays(opened: Opened) -> None:
    one = stays_a_picture(opened(figure(mean=0.1)), WORDS["explorer.unrecorded"])
    expect(one.get_by_role("button")).to_have_count(0)


def test_a_picture_that_fails_gives_way_to_the_stored_one(opened: Opened) -> None:
    page = opened()
    live(page).get_by_role("combobox", name="digit").select_option("f")
    why = "the letter f is not to be drawn"
    stays_a_picture(page, WORDS["explorer.failed"].format(why=why))


def test_without_the_reader_of_recordings_the_figure_stays(opened: Opened, tmp_path: Path) -> None:
    stays_a_picture(opened(site=Site(tmp_path, readers=())), "recordingNamed is not a function")


def test_without_scripts_the_figure_stays(opened: Opened) -> None:
    page = opened(java_script_enabled=False)
    one = page.locator("figure.explorer")
    expect(one.locator("img")).to_be_visible()
    expect(one.locator("figcaption")).to_have_text(STORED)
    expect(one.locator(".in-the-notebook")).to_be_visible()


def test_a_page_in_one_file_brings_its_recordings(opened: Opened, tmp_path: Path) -> None:
    inside = '<script type="text/plain" data-recording="Everything">\n81\n</script>'
    page = opened(head=inside, site=Site(tmp_path, recordings={}))
    says(live(page), "−1.00", "10", "tanh", "b", "off")
    assert not [url for url in page.asked if "recordings" in url]  # type: ignore[attr-defined]


SCREENS = [
    pytest.param(
        width, scheme, marks=[pytest.mark.slow] if (width, scheme) != (320, "dark") else []
    )
    for width in (320, 390, 1280)
    for scheme in ("light", "dark")
]


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_a_page_does_not_scroll_sideways(opened: Opened, width: int, scheme: str) -> None:
    page = opened(viewport={"width": width, "height": 900}, color_scheme=scheme)
    explorer = live(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for control in explorer.locator("input, select, button, summary").all():
        box = control.bounding_box()
        assert box
        assert 0 <= box["x"] < box["x"] + box["width"] <= width
    canvas, picture = (
        explorer.locator("canvas").bounding_box(),
        explorer.locator(".explorer-picture"),
    )
    assert canvas
    assert canvas["width"] >= 560  # its letters can be read
    if width < 560:
        assert picture.evaluate("one => one.scrollWidth > one.clientWidth")
        picture.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("document.querySelector('.explorer-picture').scrollLeft > 0")
    else:
        expect(picture).not_to_have_attribute("tabindex", "0")
    keep_screenshot(page, f"{width}_{scheme}")


def test_a_finger_moves_a_slider(opened: Opened) -> None:
    page = opened(figure(), has_touch=True, viewport={"width": 390, "height": 844})
    explorer = live(page)
    slider = explorer.get_by_role("slider", name="mean of q, μ")
    box = slider.bounding_box()
    assert box
    assert box["height"] >= 44
    page.touchscreen.tap(box["x"] + box["width"] - 9, box["y"] + box["height"] / 2)
    expect(slider).to_have_attribute("aria-valuetext", "2.00")
    says(explorer, "2.00", "10", "linear", "b", "off")


def test_what_is_printed_is_what_was_stored(opened: Opened) -> None:
    page = opened()
    explorer = live(page)
    explorer.get_by_role("slider", name="mean of q, μ").press("Home")
    page.emulate_media(media="print")
    expect(explorer.locator("img")).to_be_visible()
    expect(explorer.locator("figcaption")).to_have_text(STORED, use_inner_text=True)
    expect(explorer.locator("canvas")).to_be_hidden()
    expect(explorer.get_by_role("slider")).to_have_count(0)
    keep_screenshot(page, "printed")
    page.emulate_media(media="screen")
    says(explorer, "−2.00", "10", "tanh", "b", "off")


def test_what_is_printed_from_a_phone_is_whole(opened: Opened) -> None:
    page = opened(viewport={"width": 390, "height": 844})
    live(page)
    page.emulate_media(media="print")
    box = page.locator(".explorer-picture")
    widths = box.evaluate("box => [box.querySelector('img').offsetWidth, box.clientWidth]")
    assert widths[0] == widths[1] < 560
    assert box.evaluate("box => getComputedStyle(box).maskImage") == "none"  # no side fades


def test_a_page_speaks_its_language_and_every_text_comes_from_the_catalogue(
    opened: Opened, tmp_path: Path
) -> None:
    """In a language whose texts are their keys, all else that is read was recorded."""
    strange = {"qq": {key: f"§{key}" for key in WORDS}, "en": WORDS}
    site = Site(tmp_path, words=strange, language="qq-XX")
    page = opened(figure(world="tanh"), site=site, viewport={"width": 390, "height": 800})
    explorer = live(page)
    explorer.get_by_text("§explorer.numbers").click()
    recorded = ["One of every kind", "mean of q, μ", "draws, K", "fill q", "The values are"]
    lines = re.split(r"[\n\t]", explorer.inner_text())
    names = explorer.evaluate(ATTRIBUTES)
    assert {line for line in [*lines, *names] if "§" in line} == {
        f"§{key}" for key in WORDS if key.startswith("explorer.")
    } - {f"§explorer.{key}" for key in ("again", "every", "failed", "loading", "unrecorded")}
    others = [line for line in lines if "§" not in line and len(line) > 6]
    assert all(line.startswith(tuple(recorded)) for line in others), others


def test_every_key_is_in_the_catalogue_and_used() -> None:
    source = "".join((PLAYER / name).read_text(encoding="utf-8") for name in CONTROLS)
    used = set(re.findall(r"'((?:explorer|recording)\.[a-z.]+)'", source))
    told_by_the_reader = {"recording.missing", "recording.unsupported"}
    keys = {key for key in WORDS if not key.startswith("number.")}
    assert used | told_by_the_reader == keys
