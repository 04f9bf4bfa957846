"""Exercises of every kind in a page: choices and blanks judged as `check` judges them, hints in
steps, what was said, and what is for the notebook.
"""

import itertools
from pathlib import Path

import pytest
from browsing import MARKS
from edition_browsing import Browsing
from playwright.sync_api import Browser, Locator, expect
from small_notebook import code, printed, words, write_notebook, write_page

from course_lib.checks import Blank, Blanks, Design, Exercise, Mistake, MultipleChoice
from course_lib.edition import read_chapter
from course_lib.edition.answers import answer_tables
from course_lib.exercises import EXERCISES, judged
from course_lib.exercises.registry import HINTS_GIVEN, AnyExercise, hint

PLAYER = Path(__file__).resolve().parent.parent / "course_lib" / "edition" / "player"
HINTS = ("Which of them is a mean?", "Look at (3.2), and {mind} the <sign>.")
KINDS: tuple[AnyExercise, ...] = (
    Exercise("3.w", lambda: 0.5, [Mistake(0.25, "The half twice.")], hints=HINTS),
    MultipleChoice(
        "3.x",
        ["the tail"],
        {"the “mean”": "It is finite.", "a sign": "It is right.", "The seed": "Any seed shows it."},
        hints=HINTS,
    ),
    MultipleChoice("3.y", ["low", "noisy", "odd"], {"high": "Jensen.", "exact": "For one q only."}),
    Blanks(
        "3.z",
        [
            Blank("q", {"p": "That is the model.", "x": "It is given."}),
            Blank("≤", {"≥": "Which way does log bend?", "=": "For the posterior alone."}),
        ],
        hints=HINTS[:1],
    ),
    Exercise("3.u", lambda: abs, cases=[(1.0,), (-2.0,)], hints=HINTS),
    Design("3.v", float, most=0.1, what="the gap", hints=HINTS),
)
CELLS = [
    words("## Exercises\n\nReplace each `...` and run the cell."),
    *(
        cell
        for kind in KINDS
        for cell in (
            words(f"**{kind.name}** What is it?"),
            code(
                f'answer = ...\ncheck("{kind.name}", answer)',
                printed(f"{kind.name}: not answered yet\n"),
            ),
            code(f'hint("{kind.name}")', printed(f"{kind.name}, hint 1 of 2: not for the page\n")),
            code(f'# hint("{kind.name}") gives a hint, and then another.'),
            words("<details><summary>Solution</summary>\n\nSo it is.\n\n</details>"),
        )
    ),
]


@pytest.fixture(autouse=True)
def all_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in KINDS:
        monkeypatch.setitem(EXERCISES, kind.name, kind)
    HINTS_GIVEN.clear()


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return write_page(tmp_path, *CELLS)


def form(seen: Browsing, name: str) -> Locator:
    return seen.page.locator(f'form[data-exercise="{name}"]')


# ---- The tables ----


def test_the_tables_hold_each_kind() -> None:
    tables = answer_tables([kind.name for kind in KINDS])
    exercises, told = tables["exercises"], tables["words"]["en"]["exercises"]
    kinds = {name: table["kind"] for name, table in exercises.items()}
    assert kinds == {
        "3.w": "numbers",
        "3.x": "choice",
        "3.y": "choice",
        "3.z": "blanks",
        "3.u": "function",
        "3.v": "design",
    }
    assert exercises["3.y"]["options"] == ["exact", "high", "low", "noisy", "odd"]
    assert exercises["3.y"]["right"] == ["low", "noisy", "odd"]
    assert told["3.x"]["reasons"]["a sign"] == "It is right."
    assert exercises["3.z"]["blanks"][0] == {"options": ["p", "q", "x"], "right": "q"}
    assert told["3.z"]["reasons"][1]["="] == "For the posterior alone."
    assert [len(told[kind.name]["hints"]) for kind in KINDS] == [2, 2, 0, 1, 2, 2]


def test_a_page_has_solutions_in_words_and_no_cells_for_hints(tmp_path: Path) -> None:
    chapter = read_chapter(write_notebook(tmp_path, *CELLS))
    text = "".join(chapter.sections)
    assert "hint(" not in text
    assert "not for the page" not in text
    assert text.count('<p class="answer">') == 4
    assert "The answer to 3.w: 0.5 nats." in text
    assert "The answer to 3.x: “the tail”." in text
    assert "The answer to 3.y: “low”, “noisy”, “odd”." in text
    assert "The answer to 3.z: “q”, “≤”." in text
    assert text.count('<pre class="code') == 1  # that of the design


# ---- The verdicts ----


def chosen(kind: AnyExercise) -> list[list[str]]:
    """Every answer that a reader can choose, and none."""
    if isinstance(kind, Blanks):
        return [list(row) for row in itertools.product(*(["", *b.options] for b in kind.blanks))]
    assert isinstance(kind, MultipleChoice)
    sizes = range(len(kind.options) + 1)
    return [list(row) for n in sizes for row in itertools.combinations(kind.options, n)]


@pytest.mark.browser
@MARKS[1]
def test_the_page_says_of_a_choice_what_check_says(browser: Browser) -> None:
    page = browser.new_page()
    for name in ("expressions.js", "judging.js"):
        page.add_script_tag(path=PLAYER / name)
    names = ("3.x", "3.y", "3.z")
    cases = [(name, answer) for name in names for answer in chosen(EXERCISES[name])]
    said = page.evaluate(
        """([tables, cases]) => cases.map(([name, chosen]) => {
            const { accepted, message } = course.judge(tables, name, chosen, 'en');
            return [accepted, message];
        })""",
        [answer_tables(names), cases],
    )
    assert len(said) == 16 + 32 + 16
    verdicts = [judged(name, answer) for name, answer in cases]
    assert said == [[verdict.accepted, verdict.message] for verdict in verdicts]
    page.close()


# ---- In the page ----


@pytest.mark.browser
@MARKS[1]
def test_one_of_several_is_chosen_by_keyboard(browser: Browser, page: Path) -> None:
    seen = Browsing(browser, 390)
    seen.open(page)
    asked = form(seen, "3.x")
    group = asked.get_by_role("group", name="Your answer to 3.x: one of these holds")
    expect(group.get_by_role("radio")).to_have_count(4)
    said = asked.locator(".exercise-said")
    asked.get_by_role("button", name="Check").click()
    expect(said).to_have_text("3.x: not answered yet")
    group.get_by_role("radio").first.focus()
    seen.page.keyboard.press("ArrowDown")  # The seed, a sign, the tail, the “mean”
    seen.page.keyboard.press("Enter")
    wrong = "You said a sign. 3.x: not yet. Not “a sign”: It is right."
    expect(said).to_have_text(wrong)
    expect(said).to_have_attribute("data-verdict", "wrong")
    seen.page.keyboard.press("ArrowDown")
    seen.page.keyboard.press("Enter")
    expect(said).to_have_text("You said the tail. 3.x: right")
    expect(asked.locator(".exercise-solved")).to_have_text("✓ Solved")
    assert seen.wrong == []


@pytest.mark.browser
@MARKS[1]
def test_enter_in_the_field_of_a_number_checks(browser: Browser, page: Path) -> None:
    seen = Browsing(browser, 390)
    seen.open(page)
    asked = form(seen, "3.w")
    field = asked.get_by_role("textbox")
    field.fill("0.25")
    field.press("Enter")
    said = asked.locator(".exercise-said")
    expect(said).to_have_text("You said 0.25. 3.w: not yet. The half twice.")
    field.fill("0.5")
    field.press("Enter")
    expect(said).to_have_text("You said 0.5. 3.w: right: 0.5 nats")
    assert seen.wrong == []


@pytest.mark.browser
@MARKS[1]
def test_all_that_hold_are_marked_and_blanks_are_filled(browser: Browser, page: Path) -> None:
    seen = Browsing(browser, 390)
    seen.open(page)
    asked = form(seen, "3.y")
    asked.get_by_label("noisy").check()
    asked.get_by_label("low").check()
    asked.get_by_role("button", name="Check").click()
    said = asked.locator(".exercise-said")
    expect(said).to_have_text("You said low; noisy. 3.y: right so far, and one more holds")
    filled = form(seen, "3.z")
    expect(filled.get_by_role("group", name="Your words for the 2 blanks of 3.z")).to_be_visible()
    filled.get_by_label("blank 1").select_option("p")
    filled.get_by_label("blank 2").select_option("≤")
    filled.get_by_role("button", name="Check").click()
    told = "You said p; ≤. 3.z: not yet. Blank 1, “p”: That is the model."
    expect(filled.locator(".exercise-said")).to_have_text(told)
    assert seen.too_wide() == []
    assert seen.violations() == []
    assert seen.wrong == []


@pytest.mark.browser
@MARKS[1]
def test_hints_come_one_by_one_as_in_the_notebook(
    browser: Browser, page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = Browsing(browser)
    seen.open(page)
    expect(form(seen, "3.y").get_by_role("button")).to_have_text(["Check"])
    for name, steps in (("3.w", 2), ("3.x", 2), ("3.z", 1), ("3.u", 2), ("3.v", 2)):
        told = []
        for step in range(1, steps + 1):
            button = form(seen, name).get_by_role("button", name=f"Hint {step} of {steps}")
            button.focus()
            seen.page.keyboard.press("Enter")
            hint(name)
            told.append(capsys.readouterr().out.rstrip("\n"))
            expect(form(seen, name).locator(".exercise-hints p")).to_have_text(told)
        expect(form(seen, name).get_by_role("button", name="Hint")).to_have_count(0)
        assert seen.page.evaluate("document.activeElement.textContent") == told[-1]
    assert seen.wrong == []


@pytest.mark.browser
@MARKS[1]
def test_what_was_said_is_echoed_and_solved_does_not_stand_beside_a_wrong_answer(
    browser: Browser, page: Path
) -> None:
    seen = Browsing(browser)
    seen.open(page)
    asked = form(seen, "3.w")
    said = asked.locator(".exercise-said")
    for typed, words_of in (
        ("1/4", "You said 1/4. 3.w: not yet. The half twice."),
        ("0,5", "You said 0,5. 3.w: right: 0.5 nats"),
        ("1/4", "You said 1/4. Solved before; this one is not it: 3.w: not yet. The half twice."),
        ("", "3.w: not answered yet"),
        ("(1", "3.w: a bracket in (1 has no partner."),
    ):
        asked.get_by_role("textbox").fill(typed)
        seen.page.keyboard.press("Enter")
        expect(said).to_have_text(words_of)
    expect(asked.locator(".exercise-solved")).to_have_text("✓ Solved")
    assert seen.wrong == []


@pytest.mark.browser
@MARKS[1]
def test_what_is_built_is_for_the_notebook(browser: Browser, page: Path) -> None:
    seen = Browsing(browser)
    seen.open(page)
    expect(form(seen, "3.u")).to_contain_text("The answer to 3.u is a program")
    asked = form(seen, "3.v")
    expect(asked).to_contain_text("is something to build, and this page runs nothing")
    expect(asked).to_contain_text("python3 start.py 3, in the course's folder")
    asked.get_by_role("button", name="I have solved 3.v").click()
    assert seen.page.evaluate("course.progress.isSolved('3.v')")
