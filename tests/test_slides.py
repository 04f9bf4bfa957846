"""Slides of a chapter: which cells are on them, what of a cell is, and how a browser turns them."""

import re
from pathlib import Path
from typing import Any

import pytest
from browsing import MARKS
from edition_browsing import Browsing, taken_from_elsewhere
from notebook_rules import FOLDER, Notebook
from playwright.sync_api import Browser
from small_notebook import code, picture, printed, words, write_notebook

from course_lib.index import notebook_paths
from course_lib.teach import deck
from course_lib.teach.command import main
from course_lib.teach.deck import Slide, read_deck
from course_lib.teach.slides import slides

LONG = "A paragraph that is read, not looked at: " + "word " * deck.MOST_WORDS + "end."
NOTEBOOKS = notebook_paths(FOLDER)


def on(kind: str, cell: dict[str, Any]) -> dict[str, Any]:
    """The cell with a slide type."""
    cell["metadata"]["slideshow"] = {"slide_type": kind}
    return cell


def small(folder: Path, *cells: dict[str, Any]) -> list[Slide]:
    """The slides of a small notebook, after the first: its own first cell has no tag."""
    return read_deck(write_notebook(folder, *cells))


def shown(slide: Slide) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", "".join(slide.shown)).split())


def noted(slide: Slide) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", "".join(slide.notes)).split())


# ---- What is on a slide ----


def test_tags_decide_which_cells_are_on_which_slide(tmp_path: Path) -> None:
    first, second, third = small(
        tmp_path,
        on("slide", words("One.")),
        words("Nowhere."),
        on("fragment", words("With one.")),
        on("skip", words("Nowhere.")),
        on("notes", words("Said with one.")),
        on("subslide", words("Two.")),
        on("-", words("With two.")),
        on("slide", words("Three.")),
    )
    assert (shown(first), noted(first)) == ("One. With one.", "Said with one.")
    assert shown(second) == "Two. With two."
    assert (shown(third), noted(third)) == ("Three.", "")


def test_a_slide_shows_what_is_looked_at_and_notes_have_what_is_read(tmp_path: Path) -> None:
    source = f"## Why\n\n{LONG}\n\n- a list\n\n$$a = b \\tag{{3.1}}$$\n\nShort.\n\n"
    source += "<details><summary>Solution</summary>\n\n42\n\n</details>"
    (slide,) = small(tmp_path, on("slide", words(source)))
    assert shown(slide) == "Why a list a = b (3.1) Short."
    assert noted(slide) == LONG
    assert slide.title == "Why"


@pytest.mark.parametrize("begins", ["**The question.**", "**3.c Diagnose.**"])
def test_a_question_is_shown_however_long_it_is(tmp_path: Path, begins: str) -> None:
    (slide,) = small(tmp_path, on("slide", words(f"{begins} {LONG}")))
    assert shown(slide).endswith("end.")


def test_a_quoted_block_keeps_its_frame_and_gives_its_long_words_to_the_notes(
    tmp_path: Path,
) -> None:
    (slide,) = small(
        tmp_path, on("slide", words(f"> **Study note.** So:\n>\n> {LONG}\n>\n> $$c$$"))
    )
    assert "".join(slide.shown).startswith('<blockquote class="study-note"')
    assert shown(slide) == "Study note. So: c"
    assert noted(slide) == LONG


def test_a_section_within_a_cell_opens_a_slide_and_what_stands_above_it_stays(
    tmp_path: Path,
) -> None:
    before, after, tries = small(
        tmp_path,
        on("slide", words("One.")),
        on("slide", words("Of one.\n\n## Two\n\nOf two.\n\n> **Try.**\n>\n> 1. Move it.")),
    )
    assert [shown(before), shown(after)] == ["One. Of one.", "Two Of two."]
    assert shown(tries) == "Try. Move it."


def test_code_is_there_unless_it_is_folded_and_so_are_outputs_and_questions(
    tmp_path: Path,
) -> None:
    (slide,) = small(
        tmp_path,
        on("slide", code("print(1 + 1)", printed("2\n"))),
        on("fragment", code("x = 3", hidden=True)),
        on("fragment", code("PosteriorGap()", picture("PosteriorGap"), hidden=True)),
        on("fragment", code('guess("3.1", ...)  # How large is it?', printed("3.1: no guess yet"))),
    )
    assert shown(slide).startswith("Code print ( 1 + 1 ) 2 ")
    assert "<details><summary>Code" in "".join(slide.shown)  # and not open
    assert "x = 3" not in shown(slide)
    assert 'alt="log p(x) is −1.5 nats here."' in "".join(slide.shown)
    assert shown(slide).endswith("3.1 How large is it?")


def test_a_picture_has_no_caption_and_the_answer_to_a_guess_comes_last(tmp_path: Path) -> None:
    answers = printed("twice\n3.1: 2 nats\n")
    (slide,) = small(
        tmp_path,
        on("slide", code('print("twice")\nreveal("3.1", 2, unit="nats")', answers)),
        on("fragment", code("PosteriorGap()", picture("PosteriorGap"), hidden=True)),
        on("fragment", words("So it is.")),
    )
    assert shown(slide).endswith("twice So it is. 3.1: 2 nats")
    assert "<figure" in "".join(slide.shown)
    assert "figcaption" not in "".join(slide.shown)


def test_a_paragraph_that_leads_into_a_formula_stays_with_it(tmp_path: Path) -> None:
    leads = "You draw it from q, " + "word " * deck.MOST_WORDS + "and the average is:"
    (slide,) = small(tmp_path, on("slide", words(f"> **Study note.** {leads}\n>\n> $$a$$\n")))
    assert shown(slide) == f"Study note. {leads} a"
    (other,) = small(tmp_path, on("slide", words(f"{leads}\n\nShort.")))
    assert (shown(other), noted(other)) == ("Short.", leads)


def test_a_slide_leads_nowhere_but_to_the_web(tmp_path: Path) -> None:
    source = "[Next](04_more.ipynb), [there](https://arxiv.org/abs/1312.6114) and $$a \\tag{3.2}$$"
    (slide,) = small(tmp_path, on("slide", words(source)))
    assert re.findall(r'href="([^"]*)"', "".join(slide.shown)) == [
        "https://arxiv.org/abs/1312.6114"
    ]
    assert "(3.2)" in shown(slide)


# ---- What is refused ----


def test_a_type_that_is_unknown_and_a_notebook_without_tags_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"03_small.ipynb: cell 2 has the slide type 'sledge'"):
        small(tmp_path, on("sledge", words("One.")))
    with pytest.raises(ValueError, match=r"03_small.ipynb: no cell has a slide's tag"):
        small(tmp_path, words("One."))
    with pytest.raises(ValueError, match=r"03_small.ipynb: cell 2: a formula that cannot"):
        small(tmp_path, on("slide", words(r"$\nosuchsign$")))


def test_the_command_says_in_a_line_what_it_cannot_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["slides", "13", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "teach: chapter 13: there are 1 to 12\n"
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["slides", "4", "--out", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err.endswith("file is a file, and no folder\n")

    def without(path: Path) -> str:
        raise ModuleNotFoundError("No module named 'latex2mathml'")

    monkeypatch.setattr("course_lib.teach.slides._drawn", without)
    assert main(["slides", "4", "--out", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "latex2mathml" in told
    assert "python3 start.py pages" in told
    with pytest.raises(ValueError, match="has no notebooks"):
        slides(4, tmp_path, root=tmp_path)


# ---- The course's own ----


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_chapter_has_its_question_its_picture_and_its_recap_on_slides(path: Path) -> None:
    """Read from the metadata; what becomes of them all is made in the slow test."""
    cells = Notebook.read(path).cells
    tagged = [cell for cell in cells if deck.slide_type(cell.raw) != "skip"]
    assert tagged[0] is cells[0]
    assert any("## Recap" in cell.source for cell in tagged)
    assert any('"note"' in str(cell.raw).replace("'", '"') for cell in tagged)
    assert 15 <= len(tagged) <= 32
    assert {deck.slide_type(cell.raw) for cell in tagged} <= {"slide", "fragment", "notes"}


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_chapters_slides_are_one_file_that_asks_for_nothing(
    path: Path, tmp_path: Path
) -> None:
    file = slides(int(path.name[:2]), tmp_path)
    drawn = file.read_text(encoding="utf-8")
    assert taken_from_elsewhere(drawn) == []
    count = drawn.count('<section class="slide"')
    assert 14 <= count <= 26
    assert f">{count} / {count}<" in drawn
    assert "Solution</summary>" not in drawn
    assert "<math" in drawn
    assert "data:image/png" in drawn


@pytest.fixture(scope="module")
def chapter_4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chapter 4's slides, as the command writes them."""
    folder = tmp_path_factory.mktemp("slides")
    assert main(["slides", "4", "--out", str(folder)]) == 0
    (file,) = folder.iterdir()
    return file


def test_the_command_writes_a_file_named_for_the_notebook(chapter_4: Path) -> None:
    assert chapter_4.name == "04_kl_divergence.html"
    drawn = chapter_4.read_text(encoding="utf-8")
    assert "<title>4 · What is the gap?</title>" in drawn
    assert "Two teams share one trained model" in drawn


@MARKS[0]
@MARKS[1]
def test_keys_turn_the_slides_and_show_the_notes(browser: Browser, chapter_4: Path) -> None:
    seen = Browsing(browser)
    seen.open(chapter_4)
    page = seen.page
    at_top = "slide => Math.abs(slide.getBoundingClientRect().top) < 2"
    count = page.locator(".slide").count()

    def arrives_at(number: int) -> None:
        slide = page.locator(f"#slide-{number}")
        page.wait_for_function(at_top, arg=slide.element_handle())

    arrives_at(1)
    pieces = page.locator("#slide-1 .covered").count()
    assert pieces > 1  # the first of the slide is not among them
    for left in range(pieces - 1, -1, -1):
        page.keyboard.press("ArrowRight")
        assert page.locator("#slide-1 .covered").count() == left
    page.keyboard.press("ArrowLeft")
    assert page.locator("#slide-1 .covered").count() == 1
    page.keyboard.press("a")
    assert page.locator(".covered").count() == 0
    for key, number in [("ArrowRight", 2), (" ", 3), ("PageDown", 4)]:
        page.keyboard.press(key)
        arrives_at(number)
    page.keyboard.press("ArrowLeft")  # slide 4 is one piece
    arrives_at(3)
    folds = page.locator(".slide:has(.slide-code) .slide-code details")
    folds.first.evaluate("fold => fold.closest('.slide').scrollIntoView()")
    page.keyboard.press("c")
    page.wait_for_function("fold => fold.open", arg=folds.first.element_handle())
    page.keyboard.press("c")
    page.wait_for_function("fold => !fold.open", arg=folds.first.element_handle())
    page.keyboard.press("End")
    arrives_at(count)
    page.keyboard.press("Home")
    arrives_at(1)
    notes = page.locator(".notes")
    assert not notes.first.is_visible()
    page.keyboard.press("n")
    notes.first.wait_for(state="visible")
    assert seen.unrendered() == []
    page.keyboard.press("n")
    notes.first.wait_for(state="hidden")
    assert seen.wrong == []


@MARKS[0]
@MARKS[1]
def test_slides_fit_a_projector_and_paper_and_can_be_read_by_all(
    browser: Browser, chapter_4: Path
) -> None:
    seen = Browsing(browser)
    seen.page.set_viewport_size({"width": 1280, "height": 720})
    seen.open(chapter_4)
    seen.page.wait_for_function("document.readyState === 'complete'")
    heights = "[...document.querySelectorAll('.slide')].map(slide => slide.scrollHeight)"
    assert max(seen.page.evaluate(heights)) <= 730
    assert seen.sideways() <= 0
    tables = "[...document.querySelectorAll('.scrolls > table')].filter(t => t.checkVisibility())"
    sizes = f"{tables}.map(t => parseFloat(getComputedStyle(t).fontSize) * t.currentCSSZoom)"
    assert min(seen.page.evaluate(sizes)) >= 24
    pictures = "[...document.querySelectorAll('figure img')].map(img => img.clientWidth)"
    assert min(seen.page.evaluate(pictures)) >= 1100
    printed = seen.page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == seen.page.locator(".slide").count()
    assert seen.violations() == []
