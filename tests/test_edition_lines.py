"""Displayed formulas on a narrow screen: lines with their reasons beneath, pieces that break."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from browsing import MARKS
from edition_browsing import Browsing
from playwright.sync_api import Browser
from small_notebook import words, write_page

from course_lib.edition.lines import display
from course_lib.edition.prose import plain_text

DERIVATION = r"""\begin{aligned}
\log p(x) &= \log \int p(x, z)\,\mathrm{d}z
&& \text{the product rule, with } z \text{ summed out} \\
&= \log \mathbb{E}_{q(z)}\Big[\frac{p(x, z)}{q(z)}\Big] && \text{by (3.1), since } q > 0 \\
&\ge \mathbb{E}_{q(z)}\Big[\log \frac{p(x, z)}{q(z)}\Big] && \text{Jensen: log is concave}
\end{aligned}"""
LONG_LEFT = r"""\begin{aligned}
\mathrm{KL}\big(q(z)\,\|\,p(z\mid x)\big) &=
\mathbb{E}_q\big[\log q(z)\big] - \mathbb{E}_q\big[\log p(z\mid x)\big]
&& \text{its definition, written out} \\
&= \log p(x) - \mathcal{L}(q) && \text{by (3.1)}
\end{aligned}"""
LONG = (
    r"\log p(x) = \mathbb{E}_q\Big[\log\frac{p(x,z)}{q(z)}\Big]"
    r" + \mathrm{KL}\big(q(z)\,\|\,p(z\mid x)\big) = \mathcal{L}(q) + \text{the gap of } q"
)
SHORT = r"a = b \tag{3.1}"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    formulas = [SHORT, DERIVATION + r"\tag{3.2}", LONG_LEFT + r"\tag{3.3}", LONG + r"\tag{3.4}"]
    text = "\n\n".join(f"$$\n{tex}\n$$" for tex in formulas)
    places = {f"3.{n}": "03_small.html" for n in range(1, 5)}
    return write_page(tmp_path, words(f"## It\n\n{text}"), places=places)


def spans(drawn: str, name: str) -> list[str]:
    root = ElementTree.fromstring(drawn.replace("<wbr>", ""))
    return ["".join(node.itertext()) for node in root.iter("span") if node.get("class") == name]


def test_a_derivation_has_a_line_for_each_of_its_own() -> None:
    drawn = display(DERIVATION)
    assert spans(drawn, "left") == ["logp(x)", "", ""]
    assert spans(drawn, "right") == [
        "=log∫p(x,z)dz",
        "=log𝔼q(z)[p(x,z)q(z)]",
        "≥𝔼q(z)[logp(x,z)q(z)]",
    ]
    assert spans(drawn, "reason") == [
        "the product rule, with z summed out",
        "by (3.1), since q>0",
        "Jensen: log is concave",
    ]
    assert drawn.startswith('<span class="lines">')
    assert display(LONG_LEFT).startswith('<span class="lines stacked">')


def test_what_is_no_derivation_stays_one_formula() -> None:
    for tex in (
        SHORT.partition(r"\tag")[0],
        r"f(x) = \begin{cases} a & b \\ c & d \end{cases}",
        r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}",
        r"\begin{aligned} a &= b & c &= d \\ e &= f & g &= h \end{aligned}",
        r"\begin{aligned} a &= b && c = d \end{aligned}",
    ):
        assert display(tex).startswith('<math display="block"'), tex


def test_a_long_formula_breaks_before_its_relations_and_sums() -> None:
    drawn = display(LONG)
    pieces = [plain_text(piece) for piece in drawn.split("<wbr>")]
    assert pieces == [
        "logp(x)",
        "=𝔼q[logp(x,z)q(z)]",
        "+KL(q(z)‖p(z∣x))",
        "=ℒ(q)+the gap of q",
    ]
    assert drawn.count("<math") == 4
    assert drawn.count('<math class="more"') == 3  # it is one formula, and counted as one
    signs = re.findall(r'<mrow><mo form="(\w+)">', drawn)
    assert signs == ["infix"] * 3


def test_a_sign_is_not_torn_from_its_number() -> None:
    tex = r"\mathcal L(q) = -\tfrac12\log 2\pi\sigma^2 - \frac{(x-\mu)^2}{2\sigma^2}"
    tex += r" - \tfrac12\log\frac{1}{s^2} + c"
    pieces = [plain_text(piece) for piece in display(tex).split("<wbr>")]
    assert pieces[1].startswith("=−")
    assert all(piece[0] in "ℒ=−+" for piece in pieces)


def test_a_reason_leads_to_the_equation_that_it_names(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert '<span class="reason">by <a href="#eq-3.1">(3.1)</a>, since ' in text


BOXES = """name => [...document.querySelectorAll(`.equation ${name}`)]
    .map(each => each.getBoundingClientRect()).map(({ left, right, top, bottom }) =>
        ({ left, right, top, bottom }))"""
SCROLLING = """[...document.querySelectorAll('.equation > .scrolls')]
    .filter(box => box.scrollWidth > box.clientWidth + 1).map(box => box.parentElement.id)"""


@pytest.mark.browser
@MARKS[1]
@pytest.mark.parametrize("width", [360, 390])
def test_on_a_phone_nothing_scrolls_and_reasons_stand_beneath(
    browser: Browser, page: Path, width: int
) -> None:
    seen = Browsing(browser, width)
    seen.open(page)
    assert seen.page.evaluate(SCROLLING) == []
    assert seen.sideways() <= 0
    rights, reasons = (seen.page.evaluate(BOXES, name) for name in (".right", ".reason"))
    assert len(rights) == len(reasons) == 5
    for right, reason in zip(rights, reasons, strict=True):
        assert reason["top"] >= right["bottom"] - 1
        assert reason["right"] <= width
    signs = [right["left"] for right in rights[:3]]
    assert max(signs) - min(signs) < 1
    assert seen.violations() == []
    assert seen.wrong == []


@pytest.mark.browser
@MARKS[1]
def test_a_crowded_derivation_and_a_very_long_formula_have_more_room(
    browser: Browser, tmp_path: Path
) -> None:
    crowded = LONG_LEFT.replace("by (3.1)", "as " + "it was " * 12)
    sums = " + ".join(rf"\mathrm{{KL}}\big(q(z_{n})\,\|\,p(z_{n})\big)" for n in range(1, 9))
    text = f"## It\n\n$$\n{crowded}\n$$\n\n$$\n{sums}\n$$\n\n$$\na = b\n$$"
    seen = Browsing(browser, 1280)
    seen.open(write_page(tmp_path, words(text)))
    kinds = "[...document.querySelectorAll('.equation')].map(each => each.className)"
    assert seen.page.evaluate(kinds) == ["equation wide", "equation wide breaks", "equation"]
    assert seen.page.evaluate(SCROLLING) == []


@pytest.mark.browser
@MARKS[1]
def test_where_there_is_room_reasons_stand_at_the_right(browser: Browser, page: Path) -> None:
    seen = Browsing(browser, 1280)
    seen.open(page)
    assert seen.page.evaluate(SCROLLING) == []
    lefts, rights, reasons = (
        seen.page.evaluate(BOXES, name) for name in (".left", ".right", ".reason")
    )
    for first in (0, 3):
        lines = slice(first, first + (3 if first == 0 else 2))
        assert max(r["left"] for r in rights[lines]) - min(r["left"] for r in rights[lines]) < 1
        assert max(r["left"] for r in reasons[lines]) - min(r["left"] for r in reasons[lines]) < 1
    for left, right, reason in zip(lefts, rights, reasons, strict=True):
        assert left["right"] <= right["left"] + 1
        assert right["right"] <= reason["left"] + 1
        assert reason["top"] < right["bottom"]
    (formula,) = seen.page.evaluate(BOXES, ".pieces")
    assert formula["bottom"] - formula["top"] < 80  # on one line
