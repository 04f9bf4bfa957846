"""Guesses in a page: the questions of a notebook's cells, and what `reveal` says beside them."""

import json
import math
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import MARKS
from edition_browsing import Browsing
from playwright.sync_api import Browser, expect
from small_notebook import code, printed, words, write_notebook, write_page

from course_lib.checks import guess, reveal
from course_lib.checks.predictions import GUESSES, LONGEST
from course_lib.edition import read_chapter
from course_lib.edition.answers import answer_tables

PLAYER = Path(__file__).resolve().parent.parent / "course_lib" / "edition" / "player"
ASKED = code(
    """from course_lib.checks import guess, reveal

guess("3.1", ...)  # How large is the gap at x = 2,
#                    in nats, for q < p?
guess("3.2", ...)  # Does it grow?
""",
    printed("3.1: no guess yet\n3.2: no guess yet\n"),
)
CELLS = (
    words("## Predict"),
    ASKED,
    words("## What it is\n\nThe gap, in nats."),
    code(
        'reveal("3.1", gap, unit="nats")\nreveal("3.2", "no")\nprint("and on")',
        printed("before\n3.1: 1.04347 nats\n3.2: no\nand on\n"),
    ),
)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return write_page(tmp_path, *CELLS)


@pytest.fixture(autouse=True)
def a_kernel_of_its_own() -> Iterator[None]:
    GUESSES.clear()
    yield
    GUESSES.clear()


def drawn(tmp_path: Path, *cells: dict[str, Any]) -> str:
    chapter = read_chapter(write_notebook(tmp_path, *cells))
    return chapter.opening + "".join(chapter.sections)


# ---- From the cells ----


def test_a_name_is_words_and_nothing_else(tmp_path: Path) -> None:
    asked = code('guess("<b>3.1", ...)  # How large?', printed("<b>3.1: no guess yet\n"))
    html = drawn(tmp_path, asked)
    assert "<b>" not in html
    assert '<span class="guess-name">&lt;b&gt;3.1</span>' in html


def test_a_cell_of_guesses_is_a_list_of_its_questions(tmp_path: Path) -> None:
    text = drawn(tmp_path, *CELLS)
    assert re.findall(r'<li data-guess="(.*?)">(.*?)</li>', text) == [
        (
            "3.1",
            '<span class="guess-name">3.1</span> <span class="guess-question">How large is the '
            "gap at x = 2, in nats, for q &lt; p?</span>",
        ),
        (
            "3.2",
            '<span class="guess-name">3.2</span> <span class="guess-question">Does it grow?</span>',
        ),
    ]
    assert "no guess yet" not in text
    assert "guess(" not in re.sub(r"<[^>]*>", "", text)
    assert "data-guesses" not in text  # no field of the old kind beside the new ones


def test_what_was_revealed_stands_apart_from_what_else_was_printed(tmp_path: Path) -> None:
    text = drawn(tmp_path, *CELLS)
    marks = 'data-guess="{}" data-truth="{}" data-unit="{}" data-kind="{}"'
    assert re.findall(r'<pre class="printed (.*?)>(.*?)</pre>', text) == [
        ('scrolls"', "before"),
        ('reveal" ' + marks.format("3.1", "1.04347", "nats", "number"), "3.1: 1.04347 nats"),
        ('reveal" ' + marks.format("3.2", "no", "", "word"), "3.2: no"),
        ('scrolls"', "and on"),
    ]


@pytest.mark.parametrize(
    ("source", "line", "truth", "unit", "kind"),
    [
        ('reveal("3.1", x)', "−2.5e−07", "−2.5e−07", "", "number"),
        ('reveal("3.1", x, "nats²")', "1e+06 nats²", "1e+06", "nats²", "number"),
        ('reveal("3.1", value=x, unit="nats")', "inf nats", "inf", "nats", "number"),
        ('reveal("3.1", "3")', "3", "3", "", "word"),
        ('reveal("3.1", x)', "3 of them", "3 of them", "", "word"),
        ('reveal("3.1", "both: q and p")', "both: q and p", "both: q and p", "", "word"),
    ],
)
def test_a_number_is_told_from_a_word(
    tmp_path: Path, source: str, line: str, truth: str, unit: str, kind: str
) -> None:
    text = drawn(tmp_path, code(source, printed(f"3.1: {line}\n")))
    marks = f'data-truth="{truth}" data-unit="{unit}" data-kind="{kind}"'
    assert f"{marks}>3.1: {line}</pre>" in text


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (code('guess("3.1", ...)', printed("")), "guess 3.1 has no question"),
        (code('guess("3.1", ...)  # How?\nx = 1', printed("")), "guesses and other code"),
        (code("guess(name, ...)  # How?", printed("")), r"guess(name, ...) has no name such as"),
        (code('reveal("3.1", 2)'), "stores no output of reveal"),
    ],
)
def test_guesses_that_a_page_cannot_show_are_refused(
    tmp_path: Path, cell: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        drawn(tmp_path, cell)


@pytest.mark.parametrize("given", [3, 0.25, -1e9, "many", "it is 2", "; it is 2. Or 3"])
@pytest.mark.parametrize(
    "truth", [(2.5, "nats"), (60, "of 100"), (3, ""), ("no", ""), ("it is", "")]
)
def test_a_reader_who_has_guessed_gets_the_same_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: Any, truth: tuple[Any, str]
) -> None:
    """As the course asks of readers, and JupyterLab saves it by itself."""
    value, unit = truth
    pages = []
    for answer in (..., given):
        guess("3.1", answer)
        capsys.readouterr()
        reveal("3.1", value, unit)
        cells = [
            code(f'guess("3.1", {"..." if answer is ... else repr(answer)})  # How?', printed("")),
            code(f'reveal("3.1", {value!r}, {unit!r})', printed(capsys.readouterr().out)),
        ]
        pages.append(drawn(tmp_path, *cells))
    assert pages[0] == pages[1]


# ---- As `guess` and `reveal` say it ----

TYPED = [
    *(
        "3",
        "-3",
        "−3",
        "0,5",
        ".5",
        "5.",
        "+2",
        "1_000",
        "1e3",
        "1E-3",
        "1e400",
        "inf",
        "-Infinity",
    ),
    *(
        "0",
        "-0.0",
        "1.04347",
        "1.0434",
        "1.043474",
        "1.096",
        "1.099",
        "1.1",
        "1.004",
        "1e300",
        "nan",
    ),
    *(
        "",
        "   ",
        "...",
        "…",
        " ... ",
        "yes",
        " Yes. ",
        "No",
        "no.",
        "small",
        "3 nats",
        "1 000",
        "1__0",
    ),
    *(
        "a" * 80,
        "a" * 81,
        "two  words\u00a0and\u2003more",
        "it's",
        "é" * 50,
        "{given}",
        "<b>",
        "e5",
    ),
    *(
        "1,2,3",
        "0x10",
        "--3",
        "1e",
        "infin",
        "3.0",
        "١٢x",
        "10.434",
        "104",
        "33",
        "3.3",
        "-1.04347",
    ),
    *(
        "1,386",
        "−1,386",
        "+1,000e3",
        "1,000E-3",
        "10,000,000",
        "1,000,000e3",
        "1,000.5e3",
        "1 000e3",
        "1,38",
    ),
    *("10,000", "9,576", "-1,000,000.5", "3,692", "0,692", "03,692", "1,23", "1,2,3", "12,34,567"),
    *("40 %", "40%", "1,386 nats", "10 000 draws", "18 of 20", "3 in 30 Rounds", "many times", "%"),
    *(
        "10^3",
        "-10**−2 nats",
        "10^",
        "2*10^5",
        "0.5 per cent",
        "1.04 NATS",
        "1.0434699",
        "2.5e-07",
        "-0.54",
        "-0.0694",
    ),
    *("\x1f7\x1f", "\ufeff7", "1e-320", "1.0325", "1.025", "1.15", "11.5", "0.0105"),
]
TRUTHS: list[tuple[float | str, str]] = [
    (1.04347, "nats"),
    (1.0, ""),
    (0.0, "nats"),
    (-105.0, "nats"),
    (-126.273, "nats"),
    (0.69, "nats"),
    (-0.5, "nats"),
    (-0.069, "nats"),
    (1.612, "nats"),
    (1e06, ""),
    (2.5e-07, "nats²"),
    (200000.0, ""),
    (math.inf, "nats"),
    (-math.inf, ""),
    (1e-300, ""),
    ("no", ""),
    ("Yes", ""),
    ("3", ""),
    ("both of them.", ""),
]


def answers(truth: float | str) -> list[str]:
    """Guesses: the list above, and numbers near and far."""
    chance = random.Random(str(truth))
    near = (
        [] if isinstance(truth, str) else [truth * factor for factor in (1.01, 0.93, 1.35, 7, 12)]
    )
    far = [chance.choice((-1, 1)) * 10 ** chance.uniform(-9, 9) for _ in range(60)]
    sizes = [chance.uniform(0.5, 2) * (truth if isinstance(truth, float) else 1) for _ in range(40)]
    return [*TYPED, *map(repr, near), *(f"{x:.3g}" for x in far), *(f"{x:.4g}" for x in sizes)]


def written(truth: float | str, unit: str) -> dict[str, str]:
    """The answer as a page has it."""
    word = isinstance(truth, str)
    shown = str(truth) if word else f"{truth:.6g}".replace("-", "−")
    kind = "word" if word else "number"
    return {"guess": "4.1", "truth": shown, "unit": unit, "kind": kind}


@pytest.mark.browser
@MARKS[1]
def test_the_page_says_what_guess_and_reveal_say(
    browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    page = browser.new_page()
    for name in ("expressions.js", "judging.js", "predictions.js"):
        page.add_script_tag(path=PLAYER / name)
    cases, wanted = [], []
    for truth, unit in TRUTHS:
        for text in answers(truth):
            capsys.readouterr()
            guess("4.1", text)
            reveal("4.1", truth, unit)
            wanted.append(capsys.readouterr().out.rstrip("\n").split("\n"))
            cases.append([written(truth, unit), text])
    said = page.evaluate(
        """([tables, cases]) => cases.map(([answer, text]) => [
            course.noted(tables, '4.1', text, 'en'),
            course.revealed(tables, answer, text, 'en'),
        ])""",
        [answer_tables([]), cases],
    )
    assert len(said) > 2000
    differ = [(c, w, s) for c, w, s in zip(cases, wanted, said, strict=True) if w != s]
    assert differ == []
    page.close()


# ---- In the page ----


@pytest.mark.browser
@MARKS[1]
def test_thousands_are_read_as_such(browser: Browser) -> None:
    page = browser.new_page()
    page.add_script_tag(path=PLAYER / "predictions.js")
    typed = {
        "10,000,000": 10_000_000,
        "1,000,000e3": 1e9,
        "1 000e3": 1e6,
        "+9,576.5": 9576.5,
        "10 000": 10_000,
        "−1\u202f234\xa0567,5": -1_234_567.5,
        "0,692": 0.692,
        "10 000 pairs": 10_000,
        "40%": 40,
        "−10^3": -1000,
    }
    read = page.evaluate("all => all.map(text => course.readGuess(text, 60).number)", list(typed))
    assert read == list(typed.values())
    words = page.evaluate("course.readGuess('10 000 sheep', 60)")
    assert words == {"word": "10 000 sheep"}
    page.close()


@pytest.mark.browser
@MARKS[1]
def test_a_guess_is_typed_remembered_and_set_beside_the_answer(
    browser: Browser, page: Path
) -> None:
    seen = Browsing(browser, 390)
    seen.open(page)
    field = seen.page.get_by_label("Your guess on 3.1: a number or a word")
    expect(field).to_have_accessible_description(
        "How large is the gap at x = 2, in nats, for q < p?"
    )
    answer = seen.page.locator(".reveal").first
    expect(answer).to_have_text("3.1: 1.04347 nats")
    field.focus()
    seen.page.keyboard.type("3")
    seen.page.keyboard.press("Enter")
    expect(seen.page.get_by_text("3.1: noted, 3")).to_be_visible()
    told = "3.1: you said 3; it is 1.04347 nats. Too high by a factor of 2.9."
    expect(answer).to_have_text(told)
    kept = json.loads(seen.page.evaluate("localStorage.getItem('course-lib/progress')"))
    assert kept["guesses"] == {"3.1": "3"}
    seen.page.reload()
    expect(answer).to_have_text(told)
    expect(field).to_have_value("3")
    assert json.loads(seen.page.evaluate("course.progress.exported()"))["guesses"] == {"3.1": "3"}
    seen.page.evaluate("course.progress.clear()")
    expect(answer).to_have_text("3.1: 1.04347 nats")
    expect(field).to_have_value("")
    assert seen.too_wide() == []
    assert seen.violations() == []
    assert seen.wrong == []


@pytest.mark.browser
@MARKS[1]
def test_a_guess_that_is_too_long_is_told_so_and_not_cut(
    browser: Browser, page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = Browsing(browser)
    seen.open(page)
    field = seen.page.get_by_label("Your guess on 3.2: a number or a word")
    field.focus()
    words = "it grows " * 9 + "and grows"
    assert len(words) > LONGEST
    seen.page.keyboard.type(words)
    expect(field).to_have_value(words)
    seen.page.keyboard.press("Enter")
    guess("3.2", words)
    said = seen.page.locator(".guess-said").last
    expect(said).to_have_text(capsys.readouterr().out.strip())
    assert seen.wrong == []


@pytest.mark.browser
@MARKS[1]
def test_without_scripts_the_questions_are_a_list(browser: Browser, page: Path) -> None:
    seen = Browsing(browser, java_script_enabled=False)
    seen.open(page)
    expect(seen.page.locator(".guesses li")).to_have_text(
        ["3.1 How large is the gap at x = 2, in nats, for q < p?", "3.2 Does it grow?"]
    )
    expect(seen.page.locator(".reveal").first).to_have_text("3.1: 1.04347 nats")
