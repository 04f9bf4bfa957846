"""The teacher's kit: what its pages name exists, plans take 45 minutes, and answers are right."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from exam_answers import ANSWERS
from notebook_rules import FOLDER
from teaching_pages import (
    QUESTION,
    TEACHING,
    answer_faults,
    deeper_faults,
    explorer_faults,
    formula_faults,
    guess_faults,
    link_faults,
    name_faults,
    number_faults,
    plan_faults,
    question_faults,
    questions,
    section,
)

from course_lib.index import chapters_equations, collect_equations, notebook_paths

NUMBERS = sorted(int(path.name[:2]) for path in notebook_paths(FOLDER))
CHAPTERS = [TEACHING / f"{number:02d}.md" for number in NUMBERS]
PAGES = [*CHAPTERS, *(TEACHING / f"{name}.md" for name in ("README", "syllabus", "books"))]
ASKED = {q.name: q for path in CHAPTERS for q in questions(path.read_text(encoding="utf-8"))}


@pytest.fixture(scope="module")
def equations() -> set[str]:
    index = collect_equations()
    return {e.tag for number in NUMBERS for e in chapters_equations(index, number) if e.shown}


def named(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", CHAPTERS, ids=named)
def test_a_chapters_page_fits_its_notebook(path: Path, equations: set[str]) -> None:
    page, number = path.read_text(encoding="utf-8"), int(path.stem)
    found = [*plan_faults(page, number), *question_faults(page, number)]
    found += [*explorer_faults(page, number), *number_faults(page, number)]
    found += [*guess_faults(page, number), *deeper_faults(page, number)]
    assert found == []


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_what_a_page_names_exists(path: Path, equations: set[str]) -> None:
    page = path.read_text(encoding="utf-8")
    found = [*link_faults(page), *name_faults(page, equations)]
    assert [*found, *explorer_faults(page), *formula_faults(page)] == []


@pytest.mark.parametrize("name", list(ANSWERS))
def test_a_questions_answers_are_computed_once_more(name: str) -> None:
    assert list(answer_faults(ASKED[name], ANSWERS[name])) == []


def test_every_table_of_answers_is_computed() -> None:
    assert {name for name, question in ASKED.items() if question.heads} == set(ANSWERS)


def test_the_door_leads_to_every_page_and_the_syllabus_to_questions_that_exist() -> None:
    door = (TEACHING / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in PAGES if f"({path.name})" not in door] == ["README.md"]
    syllabus = (TEACHING / "syllabus.md").read_text(encoding="utf-8")
    assert set(QUESTION.findall(syllabus)) <= set(ASKED)
    books = (TEACHING / "books.md").read_text(encoding="utf-8")
    assert [int(n) for n in re.findall(r"^\| (\d+) \|", books, re.MULTILINE)] == NUMBERS


# ---- Each rule can fail ----


def spoiled(old: str, new: str) -> str:
    page = CHAPTERS[3].read_text(encoding="utf-8")
    assert old in page
    return page.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "rule", "fault"),
    [
        ("| 10 | Three", "| 11 | Three", plan_faults, "its plan takes 46 minutes"),
        ("## On the board", "## The board", plan_faults, "its parts are"),
        ("guess 4.3", "guess", plan_faults, "guess 4.3 is not asked"),
        ('guess 4.2 "can', "guess 4.2 can", guess_faults, "guess 4.2 is not quoted with its"),
        ("draw's log", "draw" + " or two" * 8, guess_faults, "guess 4.2 is quoted at length"),
        ("guess 4.1: 0.403", "0.403", guess_faults, "guess 4.1 is not answered"),
        ("*Needs (4.3).*", "", deeper_faults, "4-B does not say that it needs (4.3)"),
        ("1. **", "1. *", plan_faults, "of its misconceptions 2 of 2 lead to a cell"),
        ("0.4034", "0.4035", number_faults, "0.4035 is not in notebook 4"),
        ("### 4-B", "### 4-D", question_faults, "its questions are"),
        ("by (4.1)", "0.25 (4.1)", question_faults, "4-A: a number in the answer's"),
        ("| b | 0.7", "| d | 0.7", question_faults, "4-A has the variants"),
        ("mean=0.5, std=0.7", "mean=9.5", explorer_faults, "PosteriorGap: mean must lie in"),
        ("mean=0.5, std=0.7", "middle=0.5", explorer_faults, "PosteriorGap has no control"),
        ("`PosteriorGap()`", "`PosteriorGaps()`", explorer_faults, "PosteriorGaps is no explorer"),
        ("`PosteriorGap()`", "`OwnQ()`", explorer_faults, "OwnQ is not in notebook 4"),
    ],
)
def test_a_page_that_does_not_fit_is_named(
    old: str, new: str, rule: Callable[..., Iterator[str]], fault: str
) -> None:
    (found,) = rule(spoiled(old, new), 4)
    assert found.startswith(fault)


def test_a_name_or_a_link_that_leads_nowhere_is_named(equations: set[str]) -> None:
    (lost,) = link_faults(spoiled("#Three-lines", "#Four-lines"))
    assert lost.startswith("a link to 'Four-lines', which is no section of 04_")
    assert list(link_faults("[a page](nowhere.md)")) == ["a link to nowhere.md, which is not there"]
    page = "By (4.9), exercise 13.d, 4.x and 3.d, and guess 4.7; not (4.2), `(4.9)` or 4.1."
    assert list(name_faults(page, equations)) == [
        "(4.9) is no equation",
        "13.d is no exercise",
        "guess 4.7 is not asked in its notebook",
    ]
    (unfit,) = formula_faults(r"so $\nosuchsign x$")
    assert unfit.startswith("a formula that cannot be drawn")


def test_an_answer_that_is_wrong_in_its_last_digit_is_named() -> None:
    page = spoiled("0.0631", "0.0632")
    question = next(q for q in questions(page) if q.name == "4-B")
    (found,) = answer_faults(question, ANSWERS["4-B"])
    assert found.startswith("4-B a: ['0.0632', ")
    assert section(page, "No such part") == ""
