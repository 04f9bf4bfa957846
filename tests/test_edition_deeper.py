"""Parts of a page that are closed until they are asked for: "Going deeper", and folded code."""

import re
from pathlib import Path

import pytest
from browsing import MARKS
from edition_browsing import Browsing
from playwright.sync_api import Browser, expect
from small_notebook import code, picture, printed, words, write_notebook, write_page

from course_lib.edition import printing, read_chapter, write_single
from course_lib.edition.chapter_page import ChapterPage, search_entries

FOLDED = {"jp-MarkdownHeadingCollapsed": True}
CELLS = (
    code("Gap.opened(x=1.0)", picture("PosteriorGap"), hidden=True),
    words("## Recap\n\nSee [the tails](#Going-deeper:-tails), (3.1) and [how](#How-far)."),
    words("## Going deeper: tails\n\nA tail is long.\n\n$$a = b \\tag{3.1}$$", **FOLDED),
    code("LogWeights.opened(x=1.0)", picture("LogWeights"), hidden=True),
    words("### How far\n\nVery far."),
    code('verify("3.1", a=1)', printed("✓ (3.1)")),
    words("## Going deeper: seeds\n\nForty seeds."),  # JupyterLab has dropped its mark
    code("# What the text rests on\nx = 1\nassert x == 1", hidden=True),
)


@pytest.fixture
def chapter(tmp_path: Path) -> ChapterPage:
    path = write_notebook(tmp_path, *CELLS)
    places = {"3.1": "03_small.html"}
    return read_chapter(path, places, shown=lambda name, values, sentence: True)


@pytest.fixture
def page(tmp_path: Path, chapter: ChapterPage) -> Path:
    (path,) = write_single(tmp_path / "made", [chapter])
    return path


def test_it_is_closed_up_to_the_next_heading(chapter: ChapterPage) -> None:
    kinds = [re.findall(r'^<section(?: class="(.*?)")?', part)[0] for part in chapter.sections]
    assert kinds == ["recap", "deeper", "deeper"]
    tails, seeds = chapter.sections[1:]
    begins = (
        '<section class="deeper" aria-labelledby="going-deeper-tails">\n<details class="deeper">'
        '<summary><h2 class="deeper" id="going-deeper-tails">Going deeper: tails</h2></summary>\n'
    )
    assert tails.startswith(begins)
    assert tails.endswith("</details></section>\n")
    assert "Very far." in tails
    assert 'data-explorer="LogWeights"' in tails
    assert "Forty seeds." in seeds
    assert chapter.headings[1:] == (
        ("going-deeper-tails", "Going deeper: tails"),
        ("going-deeper-seeds", "Going deeper: seeds"),
    )


def test_hidden_code_is_folded_beneath_its_picture_and_says_what_it_is(
    chapter: ChapterPage,
) -> None:
    assert chapter.opening.index("<figure") < chapter.opening.index('<details class="fold">')
    last = '<details class="fold"><summary>Code: what the text rests on</summary>'
    assert last in chapter.sections[-1]


def test_a_search_finds_what_is_in_it(chapter: ChapterPage) -> None:
    found = {heading: text for _, _, heading, text in search_entries(chapter)}
    assert found["Going deeper: tails"] == "A tail is long. a = b (3.1) How far Very far."
    assert found["Going deeper: seeds"] == "Forty seeds."


def test_paper_has_it_open(chapter: ChapterPage) -> None:
    (_, tails, _) = printing.on_paper(chapter).sections
    assert "A tail is long." in tails
    assert "<details" not in re.sub(r'<details class="fold">.*?</details>', "", tails, flags=re.S)
    assert "<summary><h2" not in tails


@pytest.mark.browser
@MARKS[1]
@pytest.mark.parametrize(
    ("text", "anchor"),
    [("the tails", "going-deeper-tails"), ("(3.1)", "eq-3.1"), ("how", "how-far")],
)
def test_a_link_into_it_opens_it(browser: Browser, page: Path, text: str, anchor: str) -> None:
    seen = Browsing(browser)
    seen.open(page)
    parts = seen.page.locator("details.deeper")
    opened = "document.querySelectorAll('details.deeper[open]').length"
    assert seen.page.evaluate(opened) == 0
    link = seen.page.locator("section.recap").get_by_role("link", name=text, exact=True)
    link.click()
    expect(parts.first).to_have_attribute("open", "")
    place = seen.page.locator(f"[id='{anchor}']")
    expect(place).to_be_in_viewport()
    seen.page.locator("summary", has_text="Going deeper: tails").click()
    assert seen.page.evaluate(opened) == 0
    link.click()  # to the address where the page already is
    expect(parts.first).to_have_attribute("open", "")
    assert seen.page.evaluate(opened) == 1
    seen.page.goto("about:blank")
    seen.page.goto(f"{page.as_uri()}#{anchor}")  # as from a search, or another page
    expect(parts.first).to_have_attribute("open", "")
    expect(place).to_be_in_viewport()


@pytest.mark.browser
@MARKS[1]
def test_its_explorers_wake_when_it_is_opened(browser: Browser, page: Path) -> None:
    seen = Browsing(browser, 390)
    seen.open(page)
    figure = seen.page.locator('figure[data-explorer="LogWeights"]')
    expect(seen.page.locator('figure[data-explorer="PosteriorGap"]')).not_to_have_attribute(
        "data-state", "asleep"
    )
    expect(figure).to_have_attribute("data-state", "asleep")
    seen.page.get_by_text("Going deeper: tails").last.click()
    expect(figure).not_to_have_attribute("data-state", "asleep")


@pytest.mark.browser
@MARKS[1]
def test_who_prints_the_page_has_it_on_paper(browser: Browser, page: Path) -> None:
    seen = Browsing(browser)
    seen.open(page)
    opened = "document.querySelectorAll('details.deeper[open]').length"
    seen.page.evaluate(f"addEventListener('beforeprint', () => {{ window.opened = {opened}; }})")
    seen.page.pdf()
    assert seen.page.evaluate("window.opened") == 2
    assert seen.page.evaluate(opened) == 0


ROUTES = (
    "<details><summary>✓ (3.1): two routes agree</summary><table><tr><td>by hand</td>"
    "<td>1.5</td></tr></table></details>"
)
FOLDS = (
    words("## Text\n\n<details><summary>Why half a nat</summary>\n\nIt is a half.\n\n</details>"),
    code(
        "verify(3.1)",
        {
            "output_type": "execute_result",
            "data": {"text/html": ROUTES, "text/plain": "✓ (3.1): two routes agree"},
        },
    ),
    code("# What the text rests on\nx = 1\nassert x == 1", hidden=True),
    words("## Recap\n\n<details><summary>Ours</summary>\n\nOurs is this.\n\n</details>"),
)


@pytest.mark.browser
@MARKS[1]
def test_who_prints_a_page_has_its_folds_and_its_routes_on_paper(
    browser: Browser, tmp_path: Path
) -> None:
    """Not folded code, which is left out there; and afterwards all is as it was."""
    seen = Browsing(browser)
    seen.open(write_page(tmp_path, *FOLDS))
    assert seen.page.locator("details").count() == 5
    opened = """[...document.querySelectorAll('main details[open]')]
        .map(fold => fold.querySelector('summary').textContent)"""
    seen.page.evaluate(f"addEventListener('beforeprint', () => {{ window.opened = {opened}; }})")
    seen.page.pdf()
    assert seen.page.evaluate("window.opened") == [
        "Why half a nat",
        "(3.1): two routes agree",
        "Ours",
    ]
    assert seen.page.evaluate(opened) == []
    assert seen.wrong == []


def test_a_printed_chapter_has_its_folds_and_its_routes_open(tmp_path: Path) -> None:
    paper = printing.on_paper(read_chapter(write_notebook(tmp_path, *FOLDS)))
    drawn = "".join(paper.sections)
    assert "<p><strong>Why half a nat</strong></p>" in drawn
    assert re.findall(r"<details[^>]*>", drawn) == [
        '<details class="verdict" open>',
        '<details class="fold">',
    ]


@pytest.mark.browser
@MARKS[1]
def test_it_fits_and_is_for_everybody(browser: Browser, page: Path) -> None:
    seen = Browsing(browser)
    seen.open(page)
    seen.page.locator("details.deeper > summary").first.focus()
    seen.page.keyboard.press("Enter")
    expect(seen.page.get_by_text("A tail is long.")).to_be_visible()
    assert seen.too_wide() == []
    assert seen.violations() == []


@pytest.mark.browser
@MARKS[1]
def test_the_contents_say_where_the_reader_is(browser: Browser, tmp_path: Path) -> None:
    """Also at a heading whose address has a letter that a browser writes otherwise, as %CF%83."""
    long = "\n\n".join(["A line."] * 40)
    cells = [words(f"## {title}\n\n{long}") for title in ("Plain", "What σ says", "Recap")]
    path = write_notebook(tmp_path, *cells)
    (made,) = write_single(tmp_path / "made", [read_chapter(path)])
    seen = Browsing(browser, 1400)
    seen.open(made)
    here = seen.page.locator(".toc a[aria-current]")
    for title in ("Plain", "What σ says", "Plain"):
        seen.page.get_by_role("heading", name=title).evaluate(
            "node => scrollTo({ top: node.offsetTop - 20, behavior: 'instant' })"
        )
        expect(here).to_have_text([title])
    assert seen.wrong == []
