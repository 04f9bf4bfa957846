"""Formulas as MathML: what is drawn, what is refused, and that the pages' font has every sign."""

import base64
import io
import json
import re
from xml.etree import ElementTree

import pytest
from fontTools.ttLib import TTFont

from course_lib.edition.lettering import maths_font
from course_lib.edition.maths import render, width, without_tag
from course_lib.index import notebook_paths

NOTEBOOKS = notebook_paths()
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![$\\])\$([^$]+?)\$", re.DOTALL)


def formulas() -> list[tuple[str, bool]]:
    """Every formula of the notebooks, and whether it is displayed: found without the edition."""
    found = []
    for path in NOTEBOOKS:
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                prose = re.sub(r"^> ?", "", "".join(cell["source"]), flags=re.MULTILINE)
                prose = re.sub(r"```.*?```|`[^`\n]+`", "", prose, flags=re.DOTALL)
                found += [(a or b, bool(a)) for a, b in FORMULA.findall(prose)]
    return found


def tree(tex: str, display: bool = False) -> ElementTree.Element:
    """The drawn formula; <wbr> of HTML has no end."""
    return ElementTree.fromstring(render(tex, display=display).replace("<wbr>", ""))


def words(node: ElementTree.Element) -> str:
    return "".join(node.itertext())


def test_a_word_of_letters_is_one_identifier() -> None:
    assert [node.text for node in tree(r"\mathrm{KL}(q)").iter("mi")] == ["KL", "q"]
    assert [node.text for node in tree(r"\mathrm{d}x").iter("mi")] == ["d", "x"]


@pytest.mark.parametrize(
    ("tex", "letter"),
    [
        (r"\mathcal N", "𝒩"),
        (r"\mathcal L", "ℒ"),
        (r"\mathcal R", "ℛ"),
        (r"\mathbb{E}", "𝔼"),
        (r"\mathbb{R}", "ℝ"),
        (r"\mathbf{x}", "𝐱"),
    ],
)
def test_letters_of_other_alphabets_are_their_own_characters(tex: str, letter: str) -> None:
    """Of mathvariant, browsers know "normal" alone (MathML Core)."""
    (node,) = tree(tex).iter("mi")
    assert (node.text, node.attrib) == (letter, {})


def test_capital_greek_is_upright_and_small_greek_is_not() -> None:
    big, small = tree(r"\Sigma\sigma").iter("mi")
    assert big.get("mathvariant") == "normal"
    assert small.get("mathvariant") is None


def test_a_function_stands_off_from_its_neighbours_but_not_from_brackets() -> None:
    def places(tex: str) -> str:
        row = tree(tex)[0]
        return "".join("_" if n.tag == "mspace" else words(n) for n in row)

    assert places(r"a\log b") == "a_log_b"
    assert places(r"-\log(b)") == "−log(b)"
    assert places(r"2\log_2x") == "2_log2_x"


def test_a_sign_stands_close_and_a_difference_does_not() -> None:
    def forms(tex: str) -> list[str | None]:
        return [node.get("form") for node in tree(tex).iter("mo") if node.text == "−"]

    assert forms("-x") == ["prefix"]
    assert forms("y-x") == [None]
    assert forms("(-x)") == forms("y=-x") == forms("y,-x") == ["prefix"]


def test_limits_stand_under_what_they_belong_to_where_there_is_room() -> None:
    (under,) = tree(r"\max_q f", display=True).iter("munder")
    assert words(under) == "maxq"
    assert under[0].get("movablelimits") == "true"


def test_lines_are_aligned_by_style_which_browsers_know() -> None:
    tex = r"\begin{aligned}a&=b&&\text{why}\\c&=d\end{aligned}"
    cells = [[cell.get("style") for cell in row] for row in tree(tex, display=True).iter("mtr")]
    left, right = "text-align:left", "text-align:right;justify-items:end"
    assert cells == [[right, left, right, left], [right, left]]


def test_a_brace_has_its_words_beneath() -> None:
    (outer, inner) = tree(r"\underbrace{a+b}_{\text{a gap}}", display=True).iter("munder")
    assert words(outer[1]).replace("\u00a0", " ") == "a gap"
    assert words(inner) == "a+b⏟"


def test_the_tag_is_no_part_of_the_formula() -> None:
    assert without_tag(r" x=1 \tag{4.3}") == ("x=1", "4.3")
    assert without_tag("x=1") == ("x=1", "")


@pytest.mark.parametrize(
    ("tex", "why"),
    [
        (r"\nosuchsign x", r"has '\\nosuchsign'"),
        (r"\frac{1}{2", "has braces without partners"),
        (r"a & b", "has '&'"),
        (r"\begin{foo}x\end{foo}", "has an environment {'foo'}"),
        (r"\frac{1}", "has mfrac of 1 parts, where 2 are wanted"),
        (r"\binom{n}", "has mfrac of 1 parts"),
        (r"x_", "MissingSuperScriptOrSubscriptError"),
        (r"x_1_2", "DoubleSubscriptsError"),
        (r"_2+a", "an index with nothing before it"),
        (r"\left( x", "ExtraLeftOrMissingRightError"),
        (r"a=b \\ =c", r"has a new line outside of aligned"),
        (r"x \tag{4.3a}", "has a tag that is no number like 4.3"),
        (r"\lim\limits", "has munderover of 0 parts"),
        ("", "NoAvailableTokensError"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_named(tex: str, why: str) -> None:
    with pytest.raises(ValueError, match="a formula that cannot be drawn") as caught:
        render(tex)
    assert f"{tex!r} has" in str(caught.value)
    assert why in str(caught.value)


LONG = r"\log p(x)=\log\int p(x\mid z)\,p(z)\,dz\le\log E_q[w]+\sum_i\frac{a_i}{b_i}+c+d+e+f+g+h"


def test_a_long_formula_in_the_line_breaks_behind_its_relations_and_sums() -> None:
    root = tree(LONG)
    assert root.get("class") == "formula"
    pieces = [words(piece) for piece in root.iter("math")]
    assert len(pieces) > 2
    assert [piece[-1] for piece in pieces[:-1]] == [p[-1] for p in pieces[:-1] if p[-1] in "=≤+"]
    assert "".join(pieces) == words(tree(LONG, display=True))
    assert render("x=1").startswith("<math")


def test_a_sum_in_brackets_is_broken_nowhere() -> None:
    tex = "f(" + "+".join("abcdefghijklmnopqrstuvw") + ")"
    (piece,) = tree(tex).iter("math")
    assert width(piece) > 20
    assert '<span class="scrolls">' in render(tex)


def test_every_formula_of_the_course_is_drawn() -> None:
    """And neither TeX nor an alphabet that browsers do not know is left in any."""
    found = formulas()
    assert len(found) > 900
    for tex, display in found:
        nodes = list(tree(without_tag(tex)[0], display).iter())
        assert not set("\\&$~") & set("".join(node.text or "" for node in nodes)), tex
        assert {node.get("mathvariant", "normal") for node in nodes} == {"normal"}, tex


def letters(node: ElementTree.Element) -> set[str]:
    """The characters that a browser takes from the font: a letter alone is set in italics."""
    text = node.text or ""
    if node.tag == "mi" and len(text) == 1 and node.get("mathvariant") != "normal":
        return {ITALIC.get(text, text)}
    return set(text)


ITALIC = {chr(97 + i): chr(0x1D44E + i) for i in range(26)} | {"h": "ℎ"}
ITALIC |= {chr(65 + i): chr(0x1D434 + i) for i in range(26)}
ITALIC |= {chr(0x3B1 + i): chr(0x1D6FC + i) for i in range(25)} | {"ϵ": "𝜖", "ϕ": "𝜙", "∂": "𝜕"}


def test_the_font_has_every_sign_of_every_formula() -> None:
    """But Chinese, which a formula of the note has, and a no-break space, which draws nothing."""
    font = TTFont(io.BytesIO(base64.b64decode(maths_font())))
    known = {chr(code) for code in font.getBestCmap()}
    used = {
        letter
        for tex, display in formulas()
        for node in tree(without_tag(tex)[0], display).iter()
        for letter in letters(node)
    }
    assert {"𝒩", "𝜃", "∫", "ℎ"} <= used
    assert {letter for letter in used - known if not "\u4e00" <= letter <= "\u9fff"} == set()


def test_the_font_is_made_of_the_same_bytes_each_time() -> None:
    first = maths_font()
    maths_font.cache_clear()
    assert maths_font() == first
    assert len(first) < 300_000


def test_a_root_reserves_no_more_than_it_is_wide() -> None:
    font = TTFont(io.BytesIO(base64.b64decode(maths_font())))
    root = font.getBestCmap()[ord("√")]
    variants = font["MATH"].table.MathVariants
    grown = variants.VertGlyphConstruction[variants.VertGlyphCoverage.glyphs.index(root)]
    names = [record.VariantGlyph for record in grown.MathGlyphVariantRecord]
    assert len(names) > 2
    assert {font["hmtx"][name][0] for name in names} == {font["hmtx"][root][0]}
