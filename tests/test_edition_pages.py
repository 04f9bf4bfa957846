"""The pages: whole, linked, honest about what they cannot do, and opened in a real browser."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from browsing import MARKS
from edition_browsing import Browsing, taken_from_elsewhere
from matplotlib.colors import to_rgb
from PIL import Image
from playwright.sync_api import Browser, FloatRect, expect

from course_lib.edition import (
    EXPLORERS,
    printing,
    read_chapter,
    read_chapters,
    write_pages,
    write_single,
)
from course_lib.edition.command import main
from course_lib.edition.maths import render
from course_lib.edition.one_line import on_one_line
from course_lib.edition.pages import without_neighbours
from course_lib.edition.placing import LIST
from course_lib.edition.prose import Prose, plain_text
from course_lib.edition.words import PAGE_TEXT, WORDS, say
from course_lib.index import notebook_paths
from course_lib.plots import COLOURS
from course_lib.plots.vocabulary import ink

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = notebook_paths()
GAP = next(path for path in NOTEBOOKS if path.name.startswith("04_"))
BESIDE = ["index.html", "equations.html", "primer.html"]
NAMES = [*BESIDE, *(f"{path.stem}.html" for path in NOTEBOOKS)]
HAN = re.compile(r"[\u3400-\u9fff]")
VOID = {"br", "img", "input", "link", "meta", "wbr", "hr"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All pages, made once."""
    made = tmp_path_factory.mktemp("edition") / "pages"
    write_pages(made)
    return made


class Reader(HTMLParser):
    """What stands in a page: elements by tag, anchors, links, and words outside their language."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.summaries: Counter[str] = Counter()
        self.chinese: list[tuple[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag == "summary":
            assert self.open[-1][0] == "details", "a summary outside its fold"
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open[-1][0] == tag, f"</{tag}> closes <{self.open[-1][0]}>"
            self.open.pop()

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self.open]
        if HAN.search(data) and not {"code", "math", "script", "title"} & set(tags):
            spoken = [kept["lang"] for _, kept in self.open if "lang" in kept]
            self.chinese.append((data, spoken[-1]))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]

    @property
    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.seen if "id" in attributes]


@pytest.fixture(scope="module")
def pages(folder: Path) -> dict[str, Reader]:
    return {name: Reader((folder / name).read_text(encoding="utf-8")) for name in NAMES}


def test_each_page_is_whole(pages: dict[str, Reader]) -> None:
    """Tags close in order, one h1, its landmarks, a way past the bar, every picture with words."""
    for name, page in pages.items():
        assert page.open == [], name
        assert [len(page.all(tag)) for tag in ("h1", "main", "title")] == [1, 1, 1], name
        assert page.all("html") == [{"lang": "en"}], name
        assert page.all("a")[0] == {"class": "skip", "href": "#text"}, name
        assert all(len(str(image.get("alt")).split()) > 3 for image in page.all("img")), name
        assert len(page.all("details")) == len(page.all("summary")), name
        assert [i for i, n in Counter(page.ids).items() if n > 1] == [], name


def test_every_link_leads_somewhere(pages: dict[str, Reader]) -> None:
    lost = []
    for name, page in pages.items():
        for link in page.all("a"):
            if str(link["href"]).startswith("https://"):
                continue  # to what happened elsewhere; nothing is taken from there
            file, _, anchor = str(link["href"]).partition("#")
            known = pages.get(file or name)
            if known is None or (anchor and anchor not in known.ids):
                lost.append(f"{name}: {link['href']}")
    assert not lost


def test_chinese_is_called_chinese(pages: dict[str, Reader]) -> None:
    spoken = [said for page in pages.values() for said in page.chinese]
    assert len(spoken) > 20
    assert {language for _, language in spoken} == {"zh"}


def test_every_formula_heading_picture_and_output_is_there(folder: Path) -> None:
    """Counted in the notebooks without the edition."""
    for path in NOTEBOOKS:
        page = (folder / f"{path.stem}.html").read_text(encoding="utf-8")
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        prose = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        bare = re.sub(r"^> ?", "", re.sub(r"```.*?```", "", prose, flags=re.S), flags=re.M)
        shown = re.findall(
            r"\$\$.+?\$\$|(?<![$\\])\$[^$]+?\$", re.sub(r"`[^`\n]+`", "", bare), re.S
        )
        pieces = re.findall(r'<span class="formula">.*?</math>(?:</span>)?</span>', page)
        broken = sum(piece.count("<math") - 1 for piece in pieces)
        broken += page.count('<math class="more"')  # pieces of a displayed one
        assert page.count("<math") - broken == len(shown), path.name
        assert page.count("<h2 ") == len(re.findall(r"^## ", prose, re.M)), path.name
        outputs = [o for c in cells if c["cell_type"] == "code" for o in c["outputs"]]
        drawn = [o for o in outputs if "image/png" in o.get("data", {})]
        assert page.count("<img ") == len(drawn), path.name
        verdicts = [
            o for o in outputs if "<table>" in "".join(o.get("data", {}).get("text/html", []))
        ]
        folds = re.findall(r'<details class="verdict">.*?</details>', page, re.S)
        assert "".join(folds).count("<table>") == len(verdicts), path.name
        for tag in re.findall(r"\\tag\{(.*?)\}", prose):
            assert f'id="eq-{tag}"' in page, tag


def test_a_page_speaks_of_itself_and_not_of_cells(folder: Path) -> None:
    """What a notebook says of running it is said otherwise; no such words are left over."""
    sources = "".join(
        "".join(cell["source"])
        for path in NOTEBOOKS
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
    )
    assert all(said in sources for said in PAGE_TEXT)
    for name in NAMES:
        page = (folder / name).read_text(encoding="utf-8").partition("<body")[2]
        kept = r"<(pre|code|script|form)\b.*?</\1>|<p class=\"in-the-notebook.*?</p>"
        words = plain_text(re.sub(kept, " ", page, flags=re.S))
        found = re.findall(r".{30}(?:\b[Nn]otebook|Shift|\b(?:the|this) cells?\b).{20}", words)
        assert found == [], name
        assert "<code>hint(" not in page, name  # there is a button


def test_pages_keep_their_budget(folder: Path) -> None:
    """2.5 MB a page, its style, its script and the search with it."""
    shared = sum(
        (folder / f).stat().st_size for f in ("course.css", "course.js", "search-index.js")
    )
    sizes = {name: (folder / name).stat().st_size + shared for name in NAMES}
    assert max(sizes.values()) < 2.5e6, sizes
    assert sum(sizes.values()) - (len(NAMES) - 1) * shared < 6e6


def test_nothing_is_taken_from_elsewhere(folder: Path) -> None:
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        assert taken_from_elsewhere(text) == [], path.name
        assert not re.search(r"fetch\(|import\(|XMLHttpRequest|url\((?!data:)", text), path.name


def test_each_chapter_has_its_name_as_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| (\d+) \| \[(.*?)\]\(notebooks", readme, re.M)
    assert len(named) == 12
    for number, name in named:
        assert say(f"chapter.{number}.name") == name
        assert say(f"chapter.{number}.line").endswith(".")
    with pytest.raises(ValueError, match="no words for 'chapter.13.name'"):
        say("chapter.13.name")


def leads_there(project: dict[str, Any], readme: str) -> bool:
    """Whether the README names the pages' place, if the project has one."""
    return project.get("urls", {}).get("Documentation", "") in readme


def test_the_readme_leads_to_the_pages_once_they_have_a_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert leads_there(project, (ROOT / "README.md").read_text(encoding="utf-8"))
    placed = {"urls": {"Documentation": "https://forge.example/pages"}}
    assert not leads_there(placed, "The pages are somewhere.")
    assert leads_there(placed, "The pages: <https://forge.example/pages>.")


def test_a_file_is_a_link_once_the_course_has_a_home() -> None:
    file = "[the loop](../course_lib/train/loop.py)"
    homeless, housed = (
        Prose().html_of(file),
        Prose(home="https://forge.example/me/it").html_of(file),
    )
    assert homeless == '<p>the loop <span class="file">(course_lib/train/loop.py)</span></p>\n'
    address = "https://forge.example/me/it/blob/HEAD/course_lib/train/loop.py"
    assert housed == f'<p><a href="{address}">the loop</a></p>\n'


@pytest.mark.parametrize(
    ("tex", "line"),
    [
        (r"-\tfrac12\log 2\pi\sigma^2", "−1/2 log 2πσ²"),
        (r"\frac{(x-\mu)^2}{2\sigma^2}", "((x − μ)²)/(2σ²)"),
        (r"\frac12(\mu^2+1)", "(1/2)(μ² + 1)"),
        (r"\log p_\theta(x\mid z_{1:T})", "log p_θ(x|z_(1:T))"),
        (r"\frac1K\sum_{k=1}^K \hat w_k^{-1}", "(1/K)∑_(k=1)^K ŵ_k⁻¹"),
        (r"\log\frac{p(x)}{q(x)}\le\sqrt{2}\,e^{-2t}", "log p(x)/q(x) ≤ √(2) e^(−2t)"),
        (r"A_tm_t+e^{x}y", "A_t m_t + e^x y"),
        (r"f'(z)+\frac ab^2", "f′(z) + (a/b)²"),
        (r"\frac\partial{\partial\mu}E_qf(z)", "(∂/∂μ)E_q f(z)"),
        (r"\underbrace{a+b}_{\text{gap}}=:c", "a + b (gap) =: c"),
        (r"\sqrt[3]{x}", "3√(x)"),
    ],
)
def test_a_formula_stands_on_one_line_without_becoming_another(tex: str, line: str) -> None:
    drawn = on_one_line(Prose().html_of(f"so ${tex}$ < 9"))
    assert unicodedata.normalize("NFC", plain_text(drawn)) == f"so {line} < 9"


def test_a_search_reads_no_solution_and_no_code(folder: Path) -> None:
    index = (folder / "search-index.js").read_text(encoding="utf-8")
    entries = json.loads(index.removeprefix("course.searchable(").removesuffix(");\n"))
    words = " ".join(text for _, _, _, text in entries)
    assert not re.search("⏟|\\^′|= :", words)
    assert "log 2π" in words
    assert "12log" not in words
    assert not re.search(r"\bSolution\b|import numpy", words)
    assert len(words) > 100_000


def test_headings_of_one_name_have_anchors_of_their_own() -> None:
    prose = Prose()
    prose.html_of("## Why: $x$?\n\n### Why x\n\n## Why: $x$?")
    assert [anchor for anchor, _ in prose.headings] == ["why-x", "why-x-3"]


def test_every_word_that_a_template_or_a_script_says_is_there() -> None:
    edition = ROOT / "course_lib" / "edition"
    files = [*edition.glob("templates/*"), *edition.glob("player/search.js"), *edition.glob("*.py")]
    said = {
        key
        for file in files
        for key in re.findall(r'(?<!phrases\.)\bsay\("([\w.]+)"', file.read_text("utf-8"))
    }
    assert len(said) > 30
    assert said <= set(WORDS["en"])


def changed(tmp_path: Path, change: Callable[[list[dict[str, Any]]], None]) -> Path:
    """Notebook 4 with its code cells changed."""
    raw = json.loads(GAP.read_text(encoding="utf-8"))
    change([cell for cell in raw["cells"] if cell["cell_type"] == "code"])
    path = tmp_path / GAP.name
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


def not_run(cells: list[dict[str, Any]]) -> None:
    cells[2]["execution_count"] = None


def without_outputs(cells: list[dict[str, Any]]) -> None:
    cells[3]["outputs"] = []


def without_words(cells: list[dict[str, Any]]) -> None:
    del cells[0]["outputs"][0]["metadata"]["image/png"]["alt"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (not_run, "04_kl_divergence.ipynb: cell 5 was not run; python3 start.py refresh 4 runs it"),
        (without_outputs, "cell 7 stores no output of table; python3 start.py refresh 4"),
        (without_words, "04_kl_divergence.ipynb: cell 2: a picture without words"),
    ],
)
def test_a_notebook_that_cannot_be_shown_is_named(
    tmp_path: Path, change: Callable[[list[dict[str, Any]]], None], said: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        read_chapter(changed(tmp_path, change))


def test_the_command_says_it_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path, packed: dict[str, bytes]) -> None:
        raise ValueError("04_x.ipynb: cell 6 was not run")

    monkeypatch.setattr("course_lib.edition.command.write_pages", fail)
    assert main(["--still", "--into", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "pages: 04_x.ipynb: cell 6 was not run\n"


def test_an_explorer_moves_where_a_recording_shows_what_is_stored() -> None:
    asked = []

    def shown(name: str, values: dict[str, Any], sentence: str) -> bool:
        asked.append((name, values["world"], sentence[:22]))
        return bool(values["world"] == "linear, x = 1")

    first, second = read_chapter(GAP, shown=shown).pictures
    assert asked == [
        ("PosteriorGap", "linear, x = 1", "log p(x) is −1.516 nat"),
        ("PosteriorGap", "z², x = 2", "log p(x) is −2.169 nat"),
    ]
    figure, still = (Reader(drawn).all("figure")[0] for drawn in (first, second))
    assert (figure["class"], figure["data-explorer"]) == ("explorer", "PosteriorGap")
    values = {"mean": 1.35, "std": 0.5, "world": "linear, x = 1"}
    assert json.loads(str(figure["data-values"])) == values
    assert still == {"class": "stored"}
    assert "python3 start.py 4" in first
    assert "python3 start.py 4" in second


def test_code_is_folded_where_a_reader_does_not_need_it(tmp_path: Path) -> None:
    def hide(cells: list[dict[str, Any]]) -> None:
        cells[3]["metadata"] = {"jupyter": {"source_hidden": True}}

    chapter = read_chapter(changed(tmp_path, hide))
    text = chapter.opening + "".join(chapter.sections)
    folds = re.findall(
        r'<details class="fold"><summary>(.*?)</summary>\s*(.*?)</details>', text, re.S
    )
    kinds = {summary: re.sub(r"<[^>]*>", "", code) for summary, code in folds}
    assert "PosteriorGap" in kinds["Code: how the explorer is opened"]
    assert "new_figure" in kinds["Code of the figure"]
    assert "code_for_p" in kinds["Code"]
    assert "assert" in kinds["Code: what the text rests on"]
    open_code = re.sub(r'<details class="fold">.*?</details>', "", text, flags=re.S)
    assert "new_figure" not in open_code
    assert "log_weight" in open_code


def test_one_file_needs_no_other(tmp_path: Path) -> None:
    chapter = read_chapter(GAP)
    (path,) = write_single(tmp_path, [chapter])
    page = Reader(path.read_text(encoding="utf-8"))
    assert not page.all("link")[1:]
    assert not [script for script in page.all("script") if "src" in script]
    addresses = [str(link["href"]) for link in page.all("a")]
    assert [a for a in addresses if not a.startswith("#")] == []
    assert {a[1:] for a in addresses if a.startswith("#")} <= set(page.ids)


def test_paper_has_solutions_at_the_end_and_links_that_work_there() -> None:
    """Behind all else of its chapter, with a way there and back; and there is nothing to press."""
    chapters = [printing.on_paper(page) for page in read_chapters()[:2]]
    drawn = printing.whole(chapters)
    page = Reader(drawn)
    assert page.open == []
    assert [i for i, n in Counter(page.ids).items() if n > 1] == []
    addresses = {str(link["href"]) for link in page.all("a")}
    known = {f"#{anchor}" for anchor in page.ids}
    later = {a for a in addresses if re.match(r"#(c|eq-)([3-9]|1\d)\b", a)}
    assert addresses - later <= known
    solved = [f"{n}.{letter}" for n, letters in ((1, "abcd"), (2, "abcd")) for letter in letters]
    for name in solved:
        ends = {f"#c{name[0]}-solution-{name}", f"#c{name[0]}-exercise-{name}"}
        assert ends <= addresses & known
        assert drawn.index(f'id="c{name[0]}-solution-{name}"') > drawn.index(
            f'id="c{name[0]}-recap"'
        )
    assert {str(fold["class"]) for fold in page.all("details")} == {"fold", "verdict"}
    assert "<p><strong>Ours</strong></p>" in drawn  # a fold of the text stands open
    text = drawn.partition("<main")[2]
    assert text.count("Solutions are at the end of the chapter.") == 2
    assert "Type your answer" not in text
    alone = Reader(without_neighbours(chapters[0].opening + "".join(chapters[0].sections)))
    assert all(str(link["href"]).startswith("#") for link in alone.all("a"))


def test_where_no_browser_is_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("course_lib.edition.printing.PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("course_lib.edition.command.write_pages", lambda folder, packed: [])
    assert main(["--still", "--pdf", "--into", str(tmp_path)]) == 2
    assert "no Chromium, Chrome or Edge is on this machine" in capsys.readouterr().err


@pytest.mark.browser
@MARKS[1]
def test_a_chapter_in_a_browser(browser: Browser, folder: Path) -> None:
    seen = Browsing(browser)
    seen.open(folder / f"{GAP.stem}.html")
    assert seen.too_wide() == []
    measure = seen.page.evaluate(
        """() => { const long = [...document.querySelectorAll('main p')]
            .filter(p => p.textContent.length > 300 && !p.querySelector('math'));
          const lines = p => p.getBoundingClientRect().height
            / parseFloat(getComputedStyle(p).lineHeight);
          const sum = numbers => numbers.reduce((a, b) => a + b, 0);
          return sum(long.map(p => p.textContent.length)) / sum(long.map(lines)); }"""
    )
    assert 58 < measure < 78, "characters a line"
    assert seen.violations() == []
    assert seen.wrong == []


@pytest.mark.browser
@MARKS[1]
def test_light_and_dark_are_remembered(browser: Browser, folder: Path) -> None:
    seen = Browsing(browser, color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    seen.open(folder / "index.html")
    light = seen.page.evaluate(paper)
    button = seen.page.get_by_role("button", name="Dark page")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    dark = seen.page.evaluate(paper)
    assert dark != light
    seen.open(folder / "equations.html")
    assert seen.page.evaluate(paper) == dark
    assert seen.wrong == []


def test_dimmed_pictures_keep_the_contrast_of_their_letters() -> None:
    """At least 4.5 (WCAG 2.2), on paper that is not much over half as bright as white."""
    style = (ROOT / "course_lib" / "edition" / "player" / "page.css").read_text(encoding="utf-8")
    dimmed = set(re.findall(r"--dimmed: brightness\((.*?)\) contrast\((.*?)\);", style))
    ((bright, steep),) = dimmed

    def luminance(red: float, green: float, blue: float) -> float:
        seen = [(value * float(bright) - 0.5) * float(steep) + 0.5 for value in (red, green, blue)]
        held = [min(max(value, 0.0), 1.0) for value in seen]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in held]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    paper = luminance(1.0, 1.0, 1.0)
    assert paper < 0.6
    for of in COLOURS:
        red, green, blue = to_rgb(ink(of))
        assert (paper + 0.05) / (luminance(red, green, blue) + 0.05) >= 4.5, of


@pytest.mark.browser
@MARKS[1]
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_are_dimmed_on_a_dark_page_alone(
    browser: Browser, folder: Path, scheme: Literal["light", "dark"]
) -> None:
    """By the system's choice and by the button's; never twice; never on paper."""
    seen = Browsing(browser, color_scheme=scheme)
    seen.open(folder / f"{GAP.stem}.html")
    filters = """[...document.querySelectorAll('main figure img')].map(one => {
        const all = [];
        for (let node = one; node; node = node.parentElement) {
            const { filter } = getComputedStyle(node);
            if (filter !== 'none') all.push(filter);
        }
        return all.length;
    })"""
    button = seen.page.get_by_role("button", name="Dark page")
    for expected in (int(scheme == "dark"), int(scheme != "dark")):
        assert set(seen.page.evaluate(filters)) == {expected}
        button.click()
    seen.page.emulate_media(media="print")
    assert set(seen.page.evaluate(filters)) == {0}


@pytest.mark.browser
@MARKS[1]
def test_words_are_found_in_all_pages(browser: Browser, folder: Path) -> None:
    seen = Browsing(browser, 390)
    seen.open(folder / "index.html")
    field = seen.page.get_by_role("searchbox")
    field.fill("missed hump")
    links = seen.page.locator("#found li a")
    links.first.wait_for()
    assert "04_kl_divergence.html#two-directions-two-answers" in [
        link.get_attribute("href") for link in links.all()
    ]
    field.fill("12.6")
    seen.page.get_by_text("Equation 12.6").click()
    assert seen.page.url.endswith("12_hvae_elbo.html#eq-12.6")
    seen.page.get_by_role("searchbox").fill("ess")
    seen.page.locator("#found mark").first.wait_for()
    about = seen.page.evaluate(
        """course.search("ess").map(({ text, heading }) => `${heading} ${text}`)"""
    )
    assert about  # a short word is whole: not the end of "less"
    assert all(re.search(r"\bess\b", text, re.I) for text in about)
    assert seen.page.evaluate("course.search('log p(x∣z) =').length") > 0
    assert seen.page.evaluate("course.search('-1/2').length") > 0
    seen.page.get_by_role("searchbox").fill("equation 12.6")
    seen.page.get_by_text("1 place found", exact=True).wait_for()
    assert seen.page.locator("#found li").inner_text().startswith("12 · The ELBO of a hierarchi")
    seen.page.get_by_role("searchbox").fill("<b>nothing of the kind")
    seen.page.get_by_text("Nothing found for “<b>nothing of the kind”.").wait_for()
    assert seen.wrong == []


# By how much a formula of a study note is too wide for it, once enough has been added for that.
LENGTHENED = """() => {
    const box = document.querySelector('main blockquote .equation > .scrolls');
    const [math, short] = [box.querySelector('math'), box.clientWidth];
    while (math.getBoundingClientRect().width < short + 8)
        math.firstElementChild.insertAdjacentHTML('beforeend', '<mo>+</mo><mi>x</mi>');
    dispatchEvent(new Event('resize'));
    return math.getBoundingClientRect().width - short; }"""


@pytest.mark.browser
@MARKS[1]
def test_wide_formulas_have_room_and_say_where_they_go_on(browser: Browser, folder: Path) -> None:
    """As wide as a figure where the screen is; on a phone with a bar, and a side that fades."""
    seen = Browsing(browser)
    short = """[...document.querySelectorAll('.equation > .scrolls')]
        .filter(box => box.scrollWidth > box.clientWidth + 1)
        .map(box => (box.closest('[id^=eq]') ?? box).id)"""
    seen.open(folder / "equations.html")
    assert seen.page.evaluate(short) == []
    seen.open(folder / f"{NOTEBOOKS[9].stem}.html")
    assert seen.page.evaluate(short) == []
    assert seen.page.evaluate(LENGTHENED) > 0
    seen.page.wait_for_selector("blockquote.wide .equation.wide")
    edges = """[...document.querySelectorAll('main p, main figure, main .wide')]
        .filter(each => !each.closest('figure figure'))
        .map(each => [each.className, each.getBoundingClientRect()])
        .filter(([, { width }]) => width > 0)
        .map(([name, { left, right }]) => [name, left, right])"""
    found = seen.page.evaluate(edges)
    figures = [(left, right) for name, left, right in found if "explorer" in name.split()]
    figures += [(left, right) for name, left, right in found if name == "stored"]
    wide = [(left, right) for name, left, right in found if "wide" in name.split()]
    assert len(wide) > 1
    assert min(left for left, _ in wide) >= min(left for left, _ in figures)
    assert max(right for _, right in wide) <= max(right for _, right in figures)
    phone = Browsing(browser, 390, has_touch=True, is_mobile=True)
    phone.open(folder / f"{NOTEBOOKS[11].stem}.html")
    box = phone.page.locator("#eq-12\\.6 > .scrolls")  # its brackets cannot be broken
    assert box.get_attribute("data-more") == "right"
    assert "rgba(0, 0, 0, 0)" in box.evaluate("box => getComputedStyle(box).maskImage")
    assert box.evaluate("box => getComputedStyle(box).backgroundImage") != "none"
    box.evaluate("box => { box.scrollLeft = 9999; }")
    expect(box).to_have_attribute("data-more", "left")
    assert phone.sideways() <= 0
    assert seen.wrong == phone.wrong == []


@pytest.mark.browser
@MARKS[1]
@pytest.mark.parametrize("left", [0, 60, 240, 420])
def test_a_long_brace_is_drawn_to_its_end(browser: Browser, folder: Path, left: int) -> None:
    """Wherever it stands: a browser that takes it for narrower leaves out what lies further."""
    seen = Browsing(browser, color_scheme="light")
    seen.open(folder / "primer.html")
    seen.page.evaluate(
        """left => { document.body.innerHTML = `<div style="position: absolute; left: ${left}px;
            top: 40px; color: black; background: white"><math displaystyle="true"><munder><mrow>
            ${'<mi>x</mi>'.repeat(30)}</mrow><mo>⏟</mo></munder></math></div>`; }""",
        left,
    )
    seen.page.evaluate("document.fonts.ready")
    box = seen.page.locator("munder").bounding_box()
    assert box is not None
    clip: FloatRect = {
        "x": box["x"],
        "y": box["y"] + box["height"] - 8,
        "width": box["width"],
        "height": 8,
    }
    shot = Image.open(io.BytesIO(seen.page.screenshot(clip=clip))).convert("L")
    inked = (np.asarray(shot).min(0) < 128).nonzero()[0]
    assert inked.min() < 0.02 * shot.width
    assert inked.max() > 0.97 * shot.width


@pytest.mark.browser
@MARKS[1]
def test_left_sides_end_at_their_relation(browser: Browser, folder: Path) -> None:
    """Of derivations that stand as a table: a narrow left side is not pushed away from it."""
    seen = Browsing(browser)
    ends = """html => { document.body.innerHTML = html;
        return [...document.querySelectorAll('mtd:first-child')].map(
            cell => cell.lastElementChild.getBoundingClientRect().right); }"""
    drawn = render(r"\begin{aligned}0&=a\\ a+b+c+d+e&=f\end{aligned}", display=True)
    narrow, wide = seen.page.evaluate(ends, drawn)
    assert abs(narrow - wide) < 8
    assert seen.wrong == []


@pytest.mark.browser
@MARKS[1]
def test_a_picture_is_no_wider_than_it_was_drawn(browser: Browser, folder: Path) -> None:
    seen = Browsing(browser)
    shown = """[...document.querySelectorAll('figure:not(.explorer) img')]
        .filter(image => image.getBoundingClientRect().width)
        .map(image => image.getBoundingClientRect().width / image.getAttribute('width'))"""
    for path in NOTEBOOKS:
        seen.open(folder / f"{path.stem}.html")
        scales = seen.page.evaluate(shown)
        assert scales
        assert max(scales) <= 1.001, path.stem


def test_no_punctuation_is_parted_from_its_formula() -> None:
    drawn = Prose().html_of("If $p=q$, then $a$ and $b$. So $c$ (see $d$).")
    kept = re.findall(r'<span class="together"><math\b(?:(?!<math).)*</math>([^<]+)</span>', drawn)
    assert kept == [",", ".", ")."]


@pytest.mark.browser
@MARKS[1]
def test_a_search_keeps_the_readers_place(browser: Browser, folder: Path) -> None:
    """Its results lie over the page; keys lead through them, and Escape leads back."""
    seen = Browsing(browser)
    seen.open(folder / f"{NOTEBOOKS[2].stem}.html")
    page, keys = seen.page, seen.page.keyboard
    here = "document.activeElement.closest('#found li') ? document.activeElement.hash : 'elsewhere'"
    page.evaluate("scrollTo(0, 5000)")
    keys.press("/")
    for letter in "jensen":
        keys.type(letter)
        assert page.evaluate("scrollY") == 5000
    links = page.locator("#found li a")
    links.first.wait_for()
    addresses = [str(link.get_attribute("href")) for link in links.all()]
    places = [f"#{address.partition('#')[2]}" for address in addresses]
    for key, place in (("ArrowDown", 0), ("ArrowDown", 1), ("ArrowUp", 0)):
        keys.press(key)
        assert page.evaluate(here) == places[place]
    keys.press("ArrowUp")
    assert page.evaluate("document.activeElement.id") == "search"
    keys.press("Tab")
    assert page.evaluate(here) == places[0]
    keys.press("Escape")
    assert not page.locator("#found").is_visible()
    assert page.evaluate("[scrollY, document.activeElement.localName]") == [5000, "body"]
    keys.press("/")
    keys.press("Enter")
    page.wait_for_url(f"**/{addresses[0]}")
    assert seen.wrong == []


@pytest.mark.slow
@pytest.mark.browser
@MARKS[1]
def test_without_scripts_a_page_is_still_a_page(browser: Browser, folder: Path) -> None:
    seen = Browsing(browser, java_script_enabled=False)
    seen.open(folder / f"{GAP.stem}.html")
    assert seen.page.locator("form.exercise", has_text="Answer it in the notebook").count() == 4
    assert seen.page.locator("figure.explorer figcaption, figure.stored figcaption").count() == 2
    assert not seen.page.get_by_role("searchbox").is_visible()


@pytest.mark.slow
def test_all_explorers_move_as_they_are_stored() -> None:
    """Those of chapter 5 too, whose models its notebook trains: an example trains the same ones.

    A recording has what a fresh explorer says at the same values, so one is asked in its place.
    """
    fresh = {name: kind.example() for name, kind in EXPLORERS.items()}

    def shown(name: str, values: dict[str, Any], sentence: str) -> bool:
        fresh[name].reset()
        fresh[name].at(**values)
        return bool(fresh[name].sentence == sentence)

    live = {path.name[:2]: read_chapter(path, shown=shown).pictures for path in NOTEBOOKS}
    moving = {
        number: [drawn.startswith('<figure class="explorer"') for drawn in drawings]
        for number, drawings in live.items()
    }
    assert all(all(drawn) for drawn in moving.values()), moving
    assert all(len(drawn) >= 2 for drawn in moving.values())
    for explorer in fresh.values():
        explorer.close()


@pytest.mark.browser
@MARKS[1]
def test_who_prints_a_page_has_its_solutions_on_paper(browser: Browser, folder: Path) -> None:
    """They are open while it is printed, and then as they were."""
    seen = Browsing(browser)
    seen.open(folder / f"{GAP.stem}.html")
    solutions = "document.querySelectorAll('section.exercises details[open]:not(.fold)').length"
    seen.page.locator("section.exercises summary", has_text="Solution").first.click()
    seen.page.evaluate(f"addEventListener('beforeprint', () => {{ window.opened = {solutions}; }})")
    seen.page.pdf()
    assert seen.page.evaluate("window.opened") == 4
    assert seen.page.evaluate(solutions) == 1
    assert seen.wrong == []


@pytest.mark.slow
@MARKS[1]
def test_a_chapter_on_paper(tmp_path: Path) -> None:
    chapters = read_chapters()[3:4]
    files = printing.print_chapters(tmp_path, chapters)
    assert [file.name for file in files] == [f"{GAP.stem}.pdf", "course.pdf"]
    for file in files:
        printed = file.read_bytes()
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 8
        assert b"/Outlines" in printed
        assert b"/Dest" in printed or b"/GoTo" in printed
        assert b"file://" not in printed
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".pdf", ".pdf"]


@pytest.mark.slow
def test_the_same_notebooks_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """In another process, whose sets have another order."""
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "course_lib.edition", "--still", "--into", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    made = {p.name for p in tmp_path.iterdir()} - {LIST}
    assert made == {p.name for p in folder.iterdir()}
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


@pytest.mark.browser
@MARKS[1]
def test_an_index_that_is_cut_short_is_said_and_asked_for_again(
    browser: Browser, folder: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    index = copy / "search-index.js"
    whole = index.read_text(encoding="utf-8")
    index.write_text(whole[: len(whole) // 2], encoding="utf-8")
    page = browser.new_page()
    page.goto((copy / "index.html").as_uri())
    page.get_by_role("searchbox").fill("jensen")
    expect(page.locator("#found p")).to_have_text(say("search.lost"))
    index.write_text(whole, encoding="utf-8")
    page.get_by_role("searchbox").fill("jensen tangent")
    expect(page.locator("#found li a").first).to_be_visible()
    page.close()
