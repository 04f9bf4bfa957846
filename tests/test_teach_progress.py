"""`progress` shows what was done of each chapter and what is next, in text and in HTML."""

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
import refresh
from browsing import MARKS
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Browser

from course_lib.checks import Exercise, memory
from course_lib.checks.memory import Remembered, remember
from course_lib.edition.words import say
from course_lib.teach import forget, progress
from course_lib.teach.answered import course_progress
from course_lib.teach.exam import equation
from course_lib.teach.notebooks import chapter_path
from course_lib.teach.slides import slides

ROOT = Path(__file__).resolve().parent.parent
PLAYER = ROOT / "course_lib" / "edition" / "player"
SOME = Remembered(solved={"1.a", "2.a"}, tried={"2.b", "9.z"}, guesses={"1.1": "3", "2.7": "no"})


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of two chapters, read from the folder of its notebooks."""
    names = ("2.b", "2.a", "1.a", "1.b", "odd", "1.2")
    exercises = {name: Exercise(name, lambda: 1.0) for name in names}
    monkeypatch.setattr("course_lib.teach.answered.EXERCISES", exercises)
    (tmp_path / "notebooks").mkdir()
    cells = ["from x import y\nguess(\"1.1\", ...)  # Why?\nguess( '1.2', 3)", "1 +", "%magic"]
    write(tmp_path, "01_größen.ipynb", "# 1 · Is p < q & r?\n\nYes.", cells)
    write(tmp_path, "02_second.ipynb", "# 2 · What then?", ['guess("2.1")', 'guess("1.3")'])
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


def write(root: Path, name: str, prose: str, cells: list[str]) -> None:
    made: list[dict[str, Any]] = [{"cell_type": "markdown", "source": prose, "metadata": {}}]
    made += [{"cell_type": "code", "source": source, "metadata": {}} for source in cells]
    (root / "notebooks" / name).write_text(json.dumps({"cells": made}), encoding="utf-8")


def test_the_course_stands_in_lines(small: Path) -> None:
    assert repr(course_progress(SOME, ("Kept somewhere.",), small)) == (
        "2 of 4 exercises solved, 1 more tried · 2 of 4 guesses made\n"
        "\n"
        "   1  Is p < q & r?  a ✓  b ○  guesses 1 of 2\n"
        "   2  What then?     a ✓  b ◐  guesses 1 of 2\n"
        "\n"
        "✓ solved · ◐ tried · ○ open\n"
        "Next: 2.b, tried before, in notebooks/02_second.ipynb\n"
        "Kept somewhere."
    )


class Reading(HTMLParser):
    """What a page says, where it links to, what it names; every tag must be closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.names: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open += [tag] * (tag != "br")
        found = dict(attrs)
        self.links += [found["href"] or ""] if "href" in found else []
        self.names += [found["aria-label"] or ""] if "aria-label" in found else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_says_the_same_and_leads_to_the_notebooks(small: Path) -> None:
    page = Reading(course_progress(SOME, ("Kept in <x>.",), small)._repr_html_())
    assert page.words == [
        "2 of 4 exercises solved, 1 more tried · 2 of 4 guesses made",
        *("1", "Is p < q & r?", "✓ a", "○ b", "guesses 1 of 2"),
        *("2", "What then?", "✓ a", "◐ b", "guesses 1 of 2"),
        *("Next: 2.b, tried before, in ", "notebooks/02_second.ipynb"),
        *("✓ solved · ◐ tried · ○ open", "Kept in <x>."),
    ]
    assert page.names == ["1.a: solved", "1.b: open", "2.a: solved", "2.b: tried"]
    assert page.links == ["01_gr%C3%B6%C3%9Fen.ipynb", "02_second.ipynb", "02_second.ipynb"]


def test_no_room_for_classes_takes_a_copy_for_its_chapter(tmp_path: Path) -> None:
    """JupyterLab's name for a copy comes before the chapter's in the alphabet."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name, words in (("02_second", "$$a \\tag{2.1}$$"), ("02_second-Copy1", "$$b \\tag{2.1}$$")):
        cell = {"cell_type": "markdown", "metadata": {}, "source": words}
        cell["metadata"] = {"slideshow": {"slide_type": "slide"}}
        (folder / f"{name}.ipynb").write_text(json.dumps({"cells": [cell]}), encoding="utf-8")
    chapter = folder / "02_second.ipynb"
    assert chapter_path(2, folder) == chapter
    assert course_progress(Remembered(), (), tmp_path).chapters[1].notebook == chapter
    assert equation("2.1", tmp_path) == "$$a \\tag{2.1}$$"
    assert slides(2, tmp_path / "out", tmp_path).name == "02_second.html"


def test_links_lead_on_from_wherever_the_kernel_is(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (small / "mine").mkdir()
    monkeypatch.chdir(small / "mine")
    page = Reading(course_progress(SOME, (), small)._repr_html_())
    assert page.links[1] == "../notebooks/02_second.ipynb"
    gone = small / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    if os.name == "posix":
        assert Reading(course_progress(SOME, (), small)._repr_html_()).links == []


@pytest.mark.parametrize(
    ("solved", "tried", "following"),
    [
        ("", "", "1.a"),
        ("1.a", "", "1.b"),
        ("", "1.a", "1.a"),
        ("2.a", "", "2.b"),  # whoever left chapter 1 goes on where they are
        ("1.a 2.a", "2.b", "2.b"),
        ("1.a 2.a 2.b", "", "1.b"),  # and is led back at the end
        ("1.a 2.b", "1.b", "1.b"),
        ("1.a 1.b 2.a 2.b", "", None),
    ],
)
def test_what_is_next(solved: str, tried: str, following: str | None, small: Path) -> None:
    found = course_progress(Remembered(set(solved.split()), set(tried.split())), (), small)
    assert (found.next_open and found.next_open.name) == following
    line = repr(found).splitlines()[-1]
    if following is None:
        assert line == "Every exercise is solved."
        assert "Every exercise is solved." in Reading(found._repr_html_()).words
    else:
        again = ", tried before" if following in tried.split() else ""
        assert line.startswith(f"Next: {following}{again}, in notebooks/0{following[0]}_")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"cells": []}', '{"cells": [{"cell_type": "code"}]}', "\ud800"]
)
def test_a_notebook_that_cannot_be_read_is_named_by_its_file(content: str, small: Path) -> None:
    place = small / "notebooks" / "02_second.ipynb"
    place.write_text(content, encoding="utf-8", errors="surrogatepass")
    rows = repr(course_progress(SOME, (), small)).splitlines()
    assert rows[3].split("  ")[1:3] == [" 2", "02_second"]
    assert rows[3].endswith("guesses 1 of 1")


def test_without_notebooks_the_exercises_stand_there_all_the_same(small: Path) -> None:
    for path in (small / "notebooks").glob("*.ipynb"):
        path.unlink()
    found = course_progress(Remembered(), (), small)
    assert repr(found) == (
        "0 of 4 exercises solved\n\n   1  Chapter 1  a ○  b ○\n   2  Chapter 2  a ○  b ○\n\n"
        "✓ solved · ◐ tried · ○ open\nNext: 1.a"
    )
    assert Reading(found._repr_html_()).links == []


def test_the_course_itself_is_whole() -> None:
    """Against what stands in the notebooks, read another way."""
    found = course_progress(Remembered())
    assert len(found.chapters) == 12
    for chapter in found.chapters:
        path = chapter_path(chapter.number)
        notebook = nbformat.read(path, as_version=4)
        code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
        assert notebook.cells[0].source.startswith(f"# {chapter.number} · {chapter.title}\n")
        assert [name for name, _ in chapter.exercises] == re.findall(r'check\("([^"]+)"', code)
        assert chapter.guesses == set(re.findall(r'guess\(\s*"([^"]+)"', code))
        assert chapter.notebook == path


def test_the_pages_say_it_in_the_same_words() -> None:
    found = course_progress(Remembered(solved={"4.b"}))
    assert found.totals.startswith(say("progress.exercises", solved=1, all=48))


def test_forgetting_is_said_in_the_words_of_the_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("COURSE_LIB_PROGRESS", "on")
    monkeypatch.setattr(memory, "KERNEL", memory.Kernel())
    remember(Remembered(solved={"4.b"}))
    assert progress().totals.startswith("1 of 48 ")
    forget()
    assert capsys.readouterr().out == f"{say('progress.cleared')}\n"
    assert progress().totals.startswith("0 of 48 ")
    (tmp_path / "course-lib" / "progress.json").mkdir(parents=True)
    forget()
    assert "could not be deleted" in capsys.readouterr().out


@MARKS[0]
@MARKS[1]
def test_the_pages_load_what_the_notebooks_kept(browser: Browser) -> None:
    page = browser.new_page()
    page.add_script_tag(content=(PLAYER / "progress.js").read_text(encoding="utf-8"))
    kept = Remembered(solved={"4.b"}, tried={"4.c"}, guesses={"4.1": "−0.5"}).written().decode()
    found = page.evaluate("text => course.progress.imported(text)", kept)
    assert found == {"added": 2, "aside": False}
    assert page.evaluate("() => course.progress.isSolved('4.b')")
    assert page.evaluate("() => course.progress.guess('4.1')") == "−0.5"
    exported = page.evaluate("() => course.progress.exported()")
    page.close()
    both = Remembered({"4.b"}, set(), {"4.1": "−0.5"}, {"read": []})
    assert Remembered.read(exported.encode()) == both


ANSWERS = {  # the right one, the program as it stands, which is wrong, and a guess
    "answer_4_a = [..., ..., ..., ...]": 'answer_4_a = ["second", "0", "4.25", "log 2"]',
    "answer_4_b = ...": "answer_4_b = kl_on_a_grid",
    'guess("4.1", ...)': 'guess("4.1", 2)',
}


def answered(text: str) -> str:
    for blank, answer in ANSWERS.items():
        text = text.replace(blank, answer)
    return text


@pytest.mark.slow
def test_one_kernel_answers_and_another_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chapter 4 with some answers, where nothing is kept and where something lies there already."""
    path = chapter_path(4)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    outputs = []
    for wish in ("off", "on"):
        monkeypatch.setenv("COURSE_LIB_PROGRESS", wish)
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.source = answered(cell.source)
        refresh.execute(notebook, tmp_path)
        refresh.normalise(notebook)
        outputs.append([cell.get("outputs") for cell in notebook.cells])
        kept = tmp_path / "data" / "course-lib" / "progress.json"
        if wish == "off":
            assert not kept.parent.parent.exists()
            kept.parent.mkdir(parents=True)
            kept.write_bytes(Remembered(tried={"4.a", "4.d"}, guesses={"4.2": "no"}).written())
    assert outputs[0] == outputs[1]
    assert "4.1: noted, 2" in str(outputs[0])
    asked = new_notebook(cells=[new_code_cell("from course_lib.teach import progress\nprogress()")])
    refresh.execute(asked, ROOT / "notebooks")
    (output,) = asked.cells[0].outputs
    assert output.data["text/plain"].startswith(
        "1 of 48 exercises solved, 2 more tried · 2 of 36 guesses made\n"
    )
    assert (
        "Next: 4.d, tried before, in notebooks/04_kl_divergence.ipynb" in output.data["text/plain"]
    )
    assert 'aria-label="4.b: tried"' in output.data["text/html"]
