"""The search of the pages: what a reader types, and what is found and marked."""

import json
from pathlib import Path

import pytest
from browsing import MARKS
from edition_browsing import Browsing
from playwright.sync_api import Browser, expect

from course_lib.edition.words import WORDS

pytestmark = MARKS

PLAYER = Path(__file__).resolve().parent.parent / "course_lib" / "edition" / "player"
SEARCHING = """<!doctype html><html lang="en"><form class="search"><input>
<div id="found"><p></p><ol></ol></div></form>
<script>(window.course ??= {{}}).words = {words};</script>
<script>{scripts}</script>"""


def searching(browser: Browser, folder: Path, entries: list[list[str]]) -> Browsing:
    """A page with a search field over these entries."""
    names = ("words.js", "elements.js", "search.js")
    scripts = "\n".join((PLAYER / name).read_text(encoding="utf-8") for name in names)
    page = SEARCHING.format(words=json.dumps(WORDS), scripts=scripts)
    (folder / "page.html").write_text(page, encoding="utf-8")
    index = f"course.searchable({json.dumps(entries)});"
    (folder / "search-index.js").write_text(index, encoding="utf-8")
    seen = Browsing(browser)
    seen.open(folder / "page.html")
    seen.page.evaluate("course.mountSearch()")
    return seen


@pytest.mark.parametrize(
    ("count", "said"),
    [(39, "39 places found; the first 30:"), (30, "30 places found"), (1, "1 place found")],
)
def test_a_search_says_of_how_many_places_it_shows_the_first(
    browser: Browser, tmp_path: Path, count: int, said: str
) -> None:
    entries = [[f"x.html#{place}", "1 · X", "A gap", "Text."] for place in range(count)]
    seen = searching(browser, tmp_path, entries)
    seen.page.locator("input").fill("gap")
    expect(seen.page.locator("#found p")).to_have_text(said)
    expect(seen.page.locator("#found a")).to_have_count(min(count, 30))
    assert seen.wrong == []


TEXTS = {
    "divergence": "Of KL(q ‖ p), the gap.",
    "pair": "Of KL(q||p) in code, alphabetical.",
    "draw": "Draw z₁, then z₁₂ and z² from q_ϕ(z|x).",
    "formula": "Here ∑_i w(z_1) and E_q w.",
    "weight": "A weight β of 100,000, and σ² of 1,234.",
    "named": "By the name of beta, or of sigma^2, 100000 and 12345.",
    "apostrophe": "By Jensen's inequality; not less, not 1.23.",
    "typeset": "By Jensen’s bound.",
    "british": "Amortisation, reparameterisation and analysis.",
    "american": "Amortization, reparametrization; its size.",
    "author": "Of Sønderby, with 2 − 1 left.",
}
# What is typed, and what is marked in the texts that are found.
FINDS = {
    "KL(q||p)": {"divergence": ["KL(q ‖ p)"], "pair": ["KL(q||p)"]},
    "kl(q ‖ p)": {"divergence": ["KL(q", "‖", "p)"], "pair": ["KL(q", "||", "p)"]},
    "z1": {"draw": ["z₁"], "formula": ["z_1"]},
    "z_1": {"draw": ["z₁"], "formula": ["z_1"]},
    "z₁": {"draw": ["z₁"], "formula": ["z_1"]},
    "z12": {"draw": ["z₁₂"]},
    "z^2": {"draw": ["z²"]},
    "E_q": {"formula": ["E_q"]},
    "q_phi": {"draw": ["q_ϕ"]},
    "beta": {"weight": ["β"], "named": ["beta"]},
    "β": {"weight": ["β"], "named": ["beta"]},
    "eta": {},
    "Sigma^2": {"weight": ["σ²"], "named": ["sigma^2"]},
    "σ²": {"weight": ["σ²"], "named": ["sigma^2"]},
    "Jensen’s": {"apostrophe": ["Jensen's"], "typeset": ["Jensen’s"]},
    "jensen's": {"apostrophe": ["Jensen's"], "typeset": ["Jensen’s"]},
    "100000": {"weight": ["100,000"], "named": ["100000"]},
    "100,000": {"weight": ["100,000"], "named": ["100000"]},
    "1234": {"weight": ["1,234"], "named": ["1234"]},
    "123": {},
    "amortization": {"british": ["Amortisation"], "american": ["Amortization"]},
    "amortis": {"british": ["Amortis"], "american": ["Amortiz"]},
    "reparametrization": {"british": ["reparameterisation"], "american": ["reparametrization"]},
    "reparameterise": {},
    "analyzis": {"british": ["analysis"]},
    "sonderby": {"author": ["Sønderby"]},
    "2 - 1": {"author": ["2", "−", "1"]},
    "ess": {},
}


def test_what_a_keyboard_types_is_found_and_the_text_is_shown_as_it_stands(
    browser: Browser, tmp_path: Path
) -> None:
    entries = [[f"x.html#{name}", "1 · X", "Plain", text] for name, text in TEXTS.items()]
    seen = searching(browser, tmp_path, entries)
    field = seen.page.locator("input")
    items = seen.page.locator("#found li")
    field.fill("plain")
    expect(items).to_have_count(len(TEXTS))
    found: dict[str, dict[str, list[str]]] = {}
    for words in FINDS:
        field.fill(words)
        seen.page.evaluate("() => new Promise(done => setTimeout(done))")
        found[words] = {}
        for item in items.all():
            name = str(item.locator("a").get_attribute("href")).partition("#")[2]
            found[words][name] = item.locator("mark").all_inner_texts()
            assert item.locator("> span").inner_text() == TEXTS[name]
    assert found == FINDS
    assert seen.wrong == []
