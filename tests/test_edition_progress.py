"""Exercises and progress in a page, as a reader uses them: by keyboard, over days, in two tabs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from browsing import MARKS, browsing, keep_screenshot
from playwright.sync_api import Browser, BrowserContext, Page, expect

from course_lib.checks import Exercise, Mistake
from course_lib.edition.answers import answer_tables
from course_lib.edition.exercise_words import EXERCISE_WORDS
from course_lib.exercises import EXERCISES

pytestmark = MARKS

PLAYER = Path(__file__).resolve().parent.parent / "course_lib" / "edition" / "player"
SCRIPTS = (
    "words.js",
    "elements.js",
    "progress.js",
    "progress_panel.js",
    "expressions.js",
    "judging.js",
    "predictions.js",
    "guesses.js",
    "choices.js",
)
STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --quiet: #595959; --line: #ccc;
    --accent: #0b57d0; --good: #0a6b35; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e6; --paper: #15181c; --quiet: #a8a8a8;
    --line: #444; --accent: #8ab4f8; --good: #6dd58c; --bad: #f2b8b5; } }
body { max-width: 44rem; margin: 0 auto; padding: 1rem; color: var(--ink);
    background: var(--paper); font: 16px/1.5 sans-serif; }
"""
# What the page below asks, whatever the chapter of that number does.
STAGED = [
    Exercise(
        "4.a",
        lambda: 0.5,
        [Mistake(-0.5, "A KL is never negative: mind which density is on top in the log.")],
    ),
    Exercise("4.b", lambda: 9.0, unit="nats²"),
    Exercise("4.d", lambda: abs, cases=[(-1.0,)]),
]
CHAPTER = """<h1>4 · What is the gap?</h1>
<p class="progress-mark" data-chapter="4" data-exercises="4.a 4.b 4.c 4.d"></p>
<section data-guesses="4"><h2>Predict</h2><ol><li>How large is it?</li><li>Which way?</li></ol>
</section>
<h2>Exercises</h2>
<p><b>4.a</b> What is KL(N(0, 1) ‖ N(1, 1))?</p><form class="exercise" data-exercise="4.a"></form>
<p><b>4.b</b> Its variance?</p><form class="exercise" data-exercise="4.b"></form>
<p><b>7.a</b> The two slopes?</p><form class="exercise" data-exercise="7.a"></form>
<p><b>4.d</b> Write it.</p><form class="exercise" data-exercise="4.d"></form>
<div class="progress-read" data-chapter="4"></div>
"""
CONTENTS = """<h1>Contents</h1><ol>
<li>One <p class="progress-mark" data-chapter="1" data-exercises="1.a 1.b 1.c 1.d"></p></li>
<li>Four <p class="progress-mark" data-chapter="4" data-exercises="4.a 4.b 4.c 4.d"></p></li>
</ol><div class="progress-tools"></div>
"""
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{style}</style></head><body><main>{body}</main>
<script>(window.course ??= {{}}).words = {words}; course.answers = {answers};</script>
<script>{scripts}</script>
<script>course.mountProgress(document); course.mountExercises(document);</script></body></html>
"""
KEY = "course-lib/progress"
ASIDE = f"{KEY}/aside"
SOLVED = '{"version":1,"solved":["1.a"],"read":["1"],"guesses":{"1.2":"ten"}}'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as page:
        assert page.context.browser is not None
        yield page.context.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pages, as files."""
    folder = tmp_path_factory.mktemp("pages")
    names = (*SCRIPTS, "exercises.js")
    with pytest.MonkeyPatch.context() as patch:
        for exercise in STAGED:
            patch.setitem(EXERCISES, exercise.name, exercise)
        answers = answer_tables(EXERCISES)
    filled = {
        "style": STYLE + (PLAYER / "exercises.css").read_text(encoding="utf-8"),
        "scripts": "\n".join((PLAYER / name).read_text(encoding="utf-8") for name in names),
        "words": json.dumps(EXERCISE_WORDS),
        "answers": json.dumps(answers, allow_nan=False),
    }
    for name, body in (("chapter.html", CHAPTER), ("contents.html", CONTENTS)):
        (folder / name).write_text(PAGE.format(body=body, **filled), encoding="utf-8")
    return folder


class Reader:
    """Somebody with a browser of their own, in which no script may fail."""

    def __init__(self, context: BrowserContext, folder: Path) -> None:
        self.context, self.folder = context, folder
        self.errors: list[str] = []

    def opens(self, name: str = "chapter.html") -> Page:
        """The page in a new tab."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._requested)
        page.goto((self.folder / name).as_uri())
        assert self.errors == []
        return page

    def _requested(self, request: Any) -> None:
        if not request.url.startswith(("file:", "blob:")):
            self.errors.append(request.url)

    def finds(self, text: str, key: str = KEY) -> None:
        """What the browser remembers when a page opens for the first time."""
        kept = f"localStorage.setItem(...{json.dumps([key, text])})"
        self.context.add_init_script(
            f"if (!localStorage.opened) {{ localStorage.opened = 'before'; {kept} }}"
        )


@pytest.fixture
def reader(browser: Browser, folder: Path) -> Iterator[Reader]:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    reader = Reader(context, folder)
    yield reader
    context.close()
    assert reader.errors == []


def stored(page: Page, key: str = KEY) -> Any:
    return page.evaluate("key => localStorage.getItem(key)", key)


def remembered(page: Page) -> Any:
    return json.loads(stored(page) or "{}")


def sees(page: Page, text: str) -> None:
    """Waits until what another document stored is here: a browser needs a moment for that."""
    page.wait_for_function(
        "([key, text]) => localStorage.getItem(key)?.includes(text)",
        arg=[KEY, text],
        polling=50,  # and not frame by frame: a tab behind another draws none
    )


def form(page: Page, name: str) -> Any:
    return page.locator(f'form[data-exercise="{name}"]')


# ---- An exercise ----


def test_an_exercise_is_answered_by_keyboard_alone(reader: Reader) -> None:
    page = reader.opens()
    expect(page.get_by_label("Your answer to 4.a, in nats")).to_be_visible()
    page.get_by_label("Your guess on question 2").focus()
    page.keyboard.press("Tab")
    page.keyboard.type("−0.5")
    page.keyboard.press("Enter")
    said = form(page, "4.a").get_by_role("status")
    expect(said).to_have_text(
        "You said −0.5. "
        "4.a: not yet. A KL is never negative: mind which density is on top in the log."
    )
    assert said.get_attribute("lang") == "en"
    assert remembered(page) == {}
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("0,5")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # the button
    expect(said).to_have_text("You said 0,5. 4.a: right: 0.5 nats")
    expect(form(page, "4.a").locator(".exercise-solved")).to_have_text("✓ Solved")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "exercise-4.b-1"


def test_several_numbers_have_a_field_each(reader: Reader) -> None:
    page = reader.opens()
    fields = page.get_by_role("group", name="Your 2 numbers for 7.a, in order").get_by_role(
        "textbox"
    )
    expect(fields).to_have_count(2)
    assert [field.get_attribute("id") for field in fields.all()] == [
        "exercise-7.a-1",
        "exercise-7.a-2",
    ]
    page.get_by_label("number 1", exact=True).fill("1.75")
    said = form(page, "7.a").locator("#exercise-7\\.a-said")
    page.keyboard.press("Enter")
    expect(said).to_have_text("You said 1.75. 7.a: not answered yet")
    page.get_by_label("number 2", exact=True).fill("-1")
    page.keyboard.press("Enter")
    expect(said).to_have_text(
        "You said 1.75; -1. 7.a: not yet. The right two numbers, in the other order."
    )


def test_a_comma_that_may_mean_two_numbers_is_asked_about(reader: Reader) -> None:
    page = reader.opens()
    page.get_by_label("Your answer to 4.b, in nats²").fill("3,692")
    page.keyboard.press("Enter")
    said = form(page, "4.b").get_by_role("status")
    expect(said).to_contain_text("4.b: is 3,692 one number with thousands")
    assert said.get_attribute("data-verdict") == "wrong"


def test_a_program_is_for_the_notebook_and_its_reader_says_when_it_is_solved(
    reader: Reader,
) -> None:
    page = reader.opens()
    asked = form(page, "4.d")
    expect(asked).to_contain_text("python3 start.py 4, in the course's folder")
    expect(asked.get_by_role("textbox")).to_have_count(0)
    button = asked.get_by_role("button", name="I have solved 4.d in the notebook")
    for pressed, solved in (("true", ["4.d"]), ("false", [])):
        button.press("Enter")
        expect(button).to_have_attribute("aria-pressed", pressed)
        assert remembered(page)["solved"] == solved


def test_no_answer_is_to_be_seen(reader: Reader) -> None:
    page = reader.opens()
    assert "Mind" not in page.locator("main").inner_text()
    assert "0.5" not in page.locator("main").inner_text()


# ---- What is remembered ----


def test_progress_is_there_the_next_day_and_on_the_contents(reader: Reader) -> None:
    page = reader.opens()
    page.get_by_label("Your answer to 4.a, in nats").fill("1/2")
    page.keyboard.press("Enter")
    page.get_by_label("Your guess on question 1").fill("about 3 nats")
    page.get_by_role("button", name="I have read this chapter").press("Space")
    assert remembered(page) == {
        "version": 1,
        "solved": ["4.a"],
        "read": ["4"],
        "guesses": {"4.1": "about 3 nats"},
    }
    again = reader.opens()
    expect(again.get_by_label("Your guess on question 1")).to_have_value("about 3 nats")
    expect(again.locator(".progress-mark")).to_have_text("1 of 4 exercises solved · ✓ Read")
    expect(again.get_by_role("button", name="I have read")).to_have_attribute(
        "aria-pressed", "true"
    )
    contents = reader.opens("contents.html")
    marks = ["", "1 of 4 exercises solved · ✓ Read"]
    expect(contents.locator(".progress-mark")).to_have_text(marks)
    total = "1 of 8 exercises solved · 1 of 2 chapters read"
    expect(contents.locator(".progress-total")).to_have_text(total)


def test_another_tab_knows_at_once(reader: Reader) -> None:
    contents, page = reader.opens("contents.html"), reader.opens()
    page.get_by_label("Your answer to 4.b").fill("9")
    page.keyboard.press("Enter")
    expect(form(page, "4.b").locator(".exercise-solved")).not_to_have_text("")
    contents.bring_to_front()
    expect(contents.locator(".progress-total")).to_contain_text("1 of 8 exercises")
    contents.once("dialog", lambda dialog: dialog.accept())
    contents.get_by_role("button", name="Clear progress").click()
    solved = """document.querySelector('form[data-exercise="4.b"] .exercise-solved')"""
    page.wait_for_function(f"{solved}.textContent === ''", polling=100)  # it draws no frames


DEAF = """const listen = window.addEventListener;
window.addEventListener = (kind, ...more) => {
    if (kind !== 'storage') listen.call(window, kind, ...more);
};"""


def test_two_tabs_forget_nothing_of_each_other(reader: Reader) -> None:
    """Also where the browser has not yet told the one of the other's change."""
    reader.context.add_init_script(DEAF)
    one, other = reader.opens(), reader.opens()
    other.evaluate("course.progress.solve('4.c')")
    sees(one, "4.c")
    one.evaluate("course.progress.solve('4.b')")
    sees(other, "4.b")
    assert remembered(other)["solved"] == ["4.b", "4.c"]


def test_clearing_asks_once(reader: Reader) -> None:
    reader.finds(SOLVED)
    page = reader.opens("contents.html")
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Clear progress").click()
    assert remembered(page)["solved"] == ["1.a"]
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Clear progress").click()
    assert remembered(page)["solved"] == []
    assert asked == [EXERCISE_WORDS["en"]["progress.clear.sure"]] * 2
    expect(page.get_by_role("status")).to_have_text("Nothing is remembered any more.")


def test_what_is_saved_to_a_file_can_be_loaded_elsewhere(
    reader: Reader, browser: Browser, folder: Path, tmp_path: Path
) -> None:
    reader.finds(SOLVED)
    page = reader.opens("contents.html")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save progress to a file").press("Enter")
    assert download.value.suggested_filename == "course-progress.json"
    file = tmp_path / "saved.json"
    download.value.save_as(file)
    assert json.loads(file.read_text(encoding="utf-8")) == json.loads(SOLVED)

    context = browser.new_context()
    elsewhere = Reader(context, folder)
    elsewhere.finds('{"version":1,"solved":["4.b"],"read":[],"guesses":{"1.2":"mine"}}')
    there = elsewhere.opens("contents.html")
    loads(there, file)
    expect(there.get_by_role("status")).to_have_text("Loaded: 2 new entries.")
    merged = {"version": 1, "solved": ["1.a", "4.b"], "read": ["1"], "guesses": {"1.2": "mine"}}
    assert remembered(there) == merged
    for text, words in (
        ("no JSON", "holds no progress"),
        ('{"version": 1}', "holds no progress"),
        ("[]", "holds no progress"),
        ('{"version": 2, "solved": []}', "written by a newer edition"),
    ):
        file.write_text(text, encoding="utf-8")
        loads(there, file)
        expect(there.get_by_role("status")).to_contain_text(words)
        assert remembered(there) == merged
    context.close()
    assert elsewhere.errors == []


def test_what_a_file_has_aside_is_kept_once(reader: Reader, tmp_path: Path) -> None:
    """Beside what was aside before, and it goes into the next file."""
    reader.finds("{mine", ASIDE)
    page = reader.opens("contents.html")
    file = tmp_path / "saved.json"
    aside = '{"version":1,"solved":["4.a"\n[]'
    file.write_text(json.dumps({**json.loads(SOLVED), "aside": aside}), encoding="utf-8")
    for added in (3, 0):
        loads(page, file)
        words = f"Loaded: {added} new entries. The file also has what could not be read"
        expect(page.get_by_role("status")).to_contain_text(words)
        assert stored(page, ASIDE) == f"{{mine\n{aside}"
    saved = json.loads(page.evaluate("course.progress.exported()"))
    assert saved == {**json.loads(SOLVED), "aside": f"{{mine\n{aside}"}


def test_what_a_file_has_aside_is_kept_where_nothing_is_stored(
    reader: Reader, tmp_path: Path
) -> None:
    reader.context.add_init_script(REFUSED)
    page = reader.opens("contents.html")
    file = tmp_path / "saved.json"
    file.write_text(json.dumps({**json.loads(SOLVED), "aside": "{theirs"}), encoding="utf-8")
    loads(page, file)
    expect(page.locator(".progress-total")).to_contain_text("1 of 8 exercises")
    assert json.loads(page.evaluate("course.progress.exported()"))["aside"] == "{theirs"


def loads(page: Page, file: Path) -> None:
    """Presses "Load progress from a file" and chooses it."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Load progress from a file").press("Enter")
    chooser.value.set_files(file)


# ---- When it cannot be remembered ----

REFUSED = """Object.defineProperty(window, 'localStorage', {
    get() { throw new DOMException('not allowed', 'SecurityError'); },
})"""
FULL = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }"


@pytest.mark.parametrize("how", [REFUSED, FULL])
def test_where_nothing_is_stored_all_else_works(reader: Reader, how: str) -> None:
    reader.context.add_init_script(how)
    page = reader.opens()
    page.get_by_label("Your answer to 4.a, in nats").fill("0.5")
    page.keyboard.press("Enter")
    expect(form(page, "4.a").get_by_role("status")).to_have_text(
        "You said 0.5. 4.a: right: 0.5 nats"
    )
    page.get_by_role("button", name="I have read this chapter").click()
    expect(page.locator(".progress-mark")).to_have_text("1 of 4 exercises solved · ✓ Read")
    expect(page.get_by_text("This browser stores nothing for this page")).to_have_count(1)
    page.get_by_label("Your guess on question 1").type("ten")
    expect(page.get_by_label("Your guess on question 1")).to_have_value("ten")


@pytest.mark.parametrize(
    "then", ["course.progress.solve('4.b')", "dispatchEvent(new Event('focus'))"]
)
def test_what_is_known_stays_when_storage_begins_to_refuse(reader: Reader, then: str) -> None:
    page = reader.opens()
    page.evaluate("course.progress.solve('4.a')")
    refused = "() => { throw new DOMException('not allowed', 'SecurityError'); }"
    page.evaluate(f"() => {{ Storage.prototype.getItem = {refused}; }}")
    page.evaluate(f"() => {{ {then}; }}")
    assert page.evaluate("course.progress.isSolved('4.a')")
    assert page.evaluate("course.progress.problem()") == "progress.refused"


def test_what_cannot_be_read_is_kept_aside(reader: Reader) -> None:
    reader.finds('{"version":1,"solved":["4.a"')
    page = reader.opens("contents.html")
    kept = "Some of what was remembered of the course could not be read. It is kept aside"
    expect(page.get_by_role("status")).to_contain_text(kept)
    assert stored(page) is None
    assert stored(page, ASIDE) == '{"version":1,"solved":["4.a"'
    chapter = reader.opens()
    expect(chapter.get_by_text(kept)).to_have_count(1)
    assert stored(page, ASIDE) == '{"version":1,"solved":["4.a"'  # once
    chapter.evaluate("course.progress.solve('4.b')")
    assert remembered(chapter)["solved"] == ["4.b"]
    assert json.loads(chapter.evaluate("course.progress.exported()"))["aside"] == stored(
        page, ASIDE
    )
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Clear progress").click()
    assert stored(page, ASIDE) is None
    expect(page.get_by_role("status")).to_have_text("Nothing is remembered any more.")


def test_what_was_aside_is_not_said_once_another_tab_has_cleared(reader: Reader) -> None:
    reader.finds("{broken")
    one, other = reader.opens("contents.html"), reader.opens("contents.html")
    said = one.locator(".progress-said")
    expect(said).not_to_have_text("")
    other.once("dialog", lambda dialog: dialog.accept())
    other.get_by_role("button", name="Clear progress").click()
    expect(other.locator(".progress-said")).to_have_text("Nothing is remembered any more.")
    expect(said).to_have_text("")


def test_json_of_another_shape_is_kept_aside_too(reader: Reader) -> None:
    page = reader.opens()
    texts = ["null", "3", "[]", '{"version":1,"solved":"4.a","read":[],"guesses":{}}']
    for text in texts:  # in one document: a reload need not see yet what was stored before it
        page.evaluate(
            "([key, text]) => localStorage.setItem(key, text) ?? dispatchEvent(new Event('focus'))",
            [KEY, text],
        )
    assert stored(page, ASIDE) == "\n".join(texts)


def test_what_a_newer_edition_stored_is_left_alone(reader: Reader) -> None:
    newer = '{"version":2,"done":{}}'
    reader.finds(newer)
    page = reader.opens()
    expect(page.get_by_text("A newer edition of these pages left its marks")).to_have_count(1)
    page.get_by_role("button", name="I have read this chapter").click()
    expect(page.locator(".progress-mark")).to_contain_text("✓ Read")
    assert stored(page) == newer


# ---- What it looks like ----


def test_it_fits_every_screen(reader: Reader) -> None:
    page = reader.opens()
    for name, text in (("4.a", "0.5"), ("4.b", "8")):
        form(page, name).get_by_role("textbox").fill(text)
        page.keyboard.press("Enter")
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for width in (320, 390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            keep_screenshot(page, f"exercises-{width}-{scheme}")
