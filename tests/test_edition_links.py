"""Where a reader is in a chapter: after a link into it, a reload, a way back; and light or dark."""

from pathlib import Path

import pytest
from browsing import MARKS
from edition_browsing import Browsing
from playwright.sync_api import Browser, Page, expect
from small_notebook import code, picture, words, write_notebook

from course_lib.edition import read_chapter, write_single

pytestmark = MARKS

FAKE = Path(__file__).resolve().parent / "fake_recording.js"
LONG = "\n\n".join(["A line of the chapter."] * 40)
MARGIN = 8  # pixels above a heading that a link leads to, on a phone
AT_REST = """async () => {
    let [last, since] = [scrollY, performance.now()];
    while (performance.now() - since < 700) {
        await new Promise(requestAnimationFrame);
        const now = scrollY + document.documentElement.scrollHeight;
        if (now !== last) [last, since] = [now, performance.now()];
    }
}"""
GROWTH = """() => {
    const [live, asleep] = ["[data-state=live]", ":not([data-state=live])"].map((state) =>
        [...document.querySelectorAll(`figure.explorer${state}`)].map((f) => f.offsetHeight));
    return Math.max(...live) - Math.min(...asleep);
}"""
TOP = "id => Math.round(document.getElementById(id).getBoundingClientRect().top)"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A long chapter, whose explorers grow when they wake."""
    cells = []
    for part in range(1, 8):
        cells += [words(f"## Part {part}\n\n{LONG}")]
        cells += [code("Gap.opened(x=1.0)", picture("Everything"), hidden=True)]
    cells += [words(f"## Going deeper: tails\n\n{LONG}", **{"jp-MarkdownHeadingCollapsed": True})]
    path = write_notebook(tmp_path, *cells)
    (made,) = write_single(tmp_path, [read_chapter(path, shown=lambda name, values, said: True)])
    carried = '<script type="text/plain" data-recording="Everything">81</script>'
    scripts = f"{carried}<script>{FAKE.read_text(encoding='utf-8')}</script></body>"
    text = made.read_text(encoding="utf-8").replace("</body>", scripts)
    made.write_text(text, encoding="utf-8")
    return made


def top(page: Page, anchor: str) -> int:
    """Where a heading is in the window, once nothing moves."""
    page.evaluate(AT_REST)
    return int(page.evaluate(TOP, anchor))


def test_a_link_leads_to_its_heading_while_explorers_wake_on_the_way(
    browser: Browser, page: Path
) -> None:
    seen = Browsing(browser, 390, reduced_motion="no-preference")
    seen.page.goto(f"{page.as_uri()}#part-7")
    assert abs(top(seen.page, "part-7") - MARGIN) <= 2
    seen.page.goto("about:blank")
    seen.open(page)
    seen.page.evaluate(AT_REST)
    seen.page.locator(".toc summary").click()
    seen.page.locator(".toc a[href='#part-6']").click()
    assert abs(top(seen.page, "part-6") - MARGIN) <= 2
    live = seen.page.locator("figure.explorer[data-state=live]")
    assert 0 < live.count() < 7
    assert seen.wrong == []


@pytest.mark.parametrize("anchor", ["part-3", "going-deeper-tails"])
def test_a_reload_and_a_way_back_keep_the_readers_place(
    browser: Browser, page: Path, anchor: str
) -> None:
    """But for what two explorers above grow by: they may be awake before, and asleep after."""
    seen = Browsing(browser, 390, reduced_motion="no-preference")
    seen.page.goto(f"{page.as_uri()}#{anchor}")
    assert abs(top(seen.page, anchor) - MARGIN) <= 2
    seen.page.evaluate("scrollBy({ top: 900, behavior: 'instant' })")
    left = top(seen.page, anchor)
    grown = 2 * seen.page.evaluate(GROWTH)
    assert left < -500
    assert 0 < grown < 300
    seen.page.reload()
    assert abs(top(seen.page, anchor) - left) <= 2 + grown
    seen.page.goto("about:blank")
    seen.page.go_back()
    assert abs(top(seen.page, anchor) - left) <= 2 + grown
    assert seen.wrong == []


def test_an_address_that_is_no_encoding_is_an_address_of_nothing(
    browser: Browser, page: Path
) -> None:
    seen = Browsing(browser)
    seen.page.goto(f"{page.as_uri()}#%E0%A4%A")
    expect(seen.page.locator("button.theme")).to_be_visible()
    seen.page.evaluate("location.hash = '#%E0%A4'")
    seen.page.evaluate("() => new Promise(done => setTimeout(done, 100))")
    assert seen.wrong == []


def test_light_or_dark_is_carried_to_the_other_tabs(browser: Browser, page: Path) -> None:
    seen = Browsing(browser, color_scheme="light")
    seen.open(page)
    other = seen.context.new_page()
    other.goto(page.as_uri())
    for theme, pressed in (("dark", "true"), ("light", "false")):
        seen.page.locator("button.theme").click()
        expect(other.locator("html")).to_have_attribute("data-theme", theme)
        expect(other.locator("button.theme")).to_have_attribute("aria-pressed", pressed)
    # A page that slept while another was turned dark hears of it when it is come back to.
    other.evaluate("localStorage.setItem('course-lib/theme', 'dark')")
    expect(seen.page.locator("html")).to_have_attribute("data-theme", "dark")
    other.evaluate("document.documentElement.dataset.theme = 'light'")
    other.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(other.locator("html")).to_have_attribute("data-theme", "dark")
    expect(other.locator("button.theme")).to_have_attribute("aria-pressed", "true")
    assert seen.wrong == []
