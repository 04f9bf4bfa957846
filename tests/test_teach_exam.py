"""A sheet of exam questions: what is asked is on it, no answer is, and what is missing is said."""

import re
from pathlib import Path

import pytest
from browsing import MARKS
from edition_browsing import Browsing
from playwright.sync_api import Browser
from teaching_pages import TEACHING, cells, questions

from course_lib.teach.command import main
from course_lib.teach.exam import equation, markdown
from course_lib.teach.questions import chosen, read_questions

CHAPTERS = sorted(int(path.stem) for path in TEACHING.glob("[0-9][0-9].md"))
PAGE = """# 3 · A small chapter

## Exam questions

### 3-A · One number

*Needs (3.1).* Twice x, for the x
in your row?

| | x | y | **twice x** |
|---|---:|---:|---:|
| a | 2 | 5 | 4.0 |
| b | −3 | 7 | −6.0 |

**Answer.** Add x to itself; not 77.

### 3-B · Two tasks

Say why. *Task a.* The first
of them? *Task b.* The second?

**Answer.** *a.* Since 77. *b.* No.

## For home

Nothing.
"""
NOTEBOOK = r"""{"cells": [{"cell_type": "markdown", "metadata": {},
"source": "> Two.\n>\n> $$a\n> = b$$\n>\n> $$c\n> = d \\tag{3.1}$$"}]}"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course of one small chapter."""
    (tmp_path / "notebooks" / "teaching").mkdir(parents=True)
    (tmp_path / "notebooks" / "teaching" / "03.md").write_text(PAGE, encoding="utf-8")
    (tmp_path / "notebooks" / "03_small.ipynb").write_text(NOTEBOOK, encoding="utf-8")
    return tmp_path


def test_a_question_is_its_words_its_row_and_what_it_needs(root: Path) -> None:
    ((question, task),) = chosen(["3-A"], root)
    assert markdown(question, task, "b", root) == (
        "## 3-A · One number\n\nTwice x, for the x\nin your row?\n\n"
        "| x | y | twice x |\n| ---: | ---: | ---: |\n| −3 | 7 |  |\n\n"
        "Given:\n\n$$c\n= d \\tag{3.1}$$"
    )


def test_of_tasks_the_first_is_given_or_the_one_that_is_named(root: Path) -> None:
    sheets = [markdown(*one, "c", root) for one in chosen(["3-B", "3-B:b"], root)]
    head = "## 3-B · Two tasks\n\nSay why.\n\n"
    assert sheets == [f"{head}The first of them?", f"{head}The second?"]


@pytest.mark.parametrize(
    ("names", "variant", "told"),
    [
        (["4-A"], "a", r"chapter 4: there are 3 to 3"),
        (["3-C"], "a", r"3-C: chapter 3 has 3-A, 3-B"),
        (["three"], "a", r"'three' is no question's name"),
        (["3-B:d"], "a", r"3-B:d: the tasks of 3-B are a, b"),
        (["3-A:a"], "a", r"3-A:a: the tasks of 3-A are none; --variant chooses its row"),
        (["3-A"], "d", r"3-A has the variants a, b, and not 'd'"),
    ],
)
def test_what_is_not_there_is_named(names: list[str], variant: str, told: str, root: Path) -> None:
    with pytest.raises(ValueError, match=told):
        [markdown(*one, variant, root) for one in chosen(names, root)]


def test_a_course_without_the_pages_or_the_equation_says_so(root: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"exam questions stand in .* which is not there"):
        read_questions(3, root / "elsewhere")
    with pytest.raises(ValueError, match=r"\(3.2\) is no displayed equation"):
        equation("3.2", root)


@pytest.mark.parametrize("number", CHAPTERS)
def test_no_sheet_of_the_course_has_an_answer(number: int) -> None:
    """Where the page prints an answer, in bold columns, the sheet has an empty cell."""
    page = (TEACHING / f"{number:02d}.md").read_text(encoding="utf-8")
    asked = questions(page)
    assert list(read_questions(number)) == [question.name for question in asked]
    for question in asked:
        for row in question.rows or [["a"]]:
            ((read, task),) = chosen([question.name])
            sheet = markdown(read, task, row[0])
            assert "Answer" not in sheet
            assert "ariant" not in sheet  # one row, one variant
            table = [cells(line) for line in sheet.splitlines() if line.startswith("| ")]
            left = [row[i] if i in question.given else "" for i in range(1, len(row))]
            assert table[2:] == ([left] if question.rows else [])


def test_the_command_writes_one_file_and_says_what_it_cannot_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sheets"
    names = "2-A, 3-B,8-C:b"
    assert main(["exam", "--questions", names, "--variant", "b", "--out", str(out)]) == 0
    (file,) = out.iterdir()
    assert file.name == "exam-2A-3B-8Cb-b.html"
    drawn = file.read_text(encoding="utf-8")
    assert len(re.findall('<section class="question">', drawn)) == 3
    assert "<math" in drawn
    assert "(4.3)" in drawn  # what 3-B needs, printed
    assert "Variant b" in drawn
    assert main(["exam", "4", "4", "--questions", "4-A", "--out", str(tmp_path / "twice")]) == 0
    (once,) = (tmp_path / "twice").iterdir()
    assert once.name == "exam-4A-4B-4C-a.html"
    assert "href" not in drawn.partition("<body")[2]
    capsys.readouterr()
    assert main(["exam", "--out", str(out)]) == 2
    assert main(["exam", "13", "--out", str(out)]) == 2
    assert main(["exam", "4", "--out", str(file)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "teach: no question: name a chapter, or --questions 4-A,4-B"
    assert told[1] == "teach: chapter 13: there are 1 to 12"
    assert told[2].endswith(".html is a file, and no folder")


@MARKS[0]
@MARKS[1]
def test_a_sheet_is_paper_that_can_be_read_by_all(browser: Browser, tmp_path: Path) -> None:
    assert main(["exam", "4", "--out", str(tmp_path)]) == 0
    (file,) = tmp_path.iterdir()
    seen = Browsing(browser)
    seen.open(file)
    assert seen.unrendered() == []
    assert seen.sideways() <= 0
    assert seen.violations() == []
    pages = re.findall(rb"/Type\s*/Page\b", seen.page.pdf(prefer_css_page_size=True))
    assert 2 <= len(pages) <= 3
