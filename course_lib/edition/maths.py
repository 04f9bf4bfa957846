r"""TeX → MathML, which a browser draws by itself, without scripts, and a screen reader reads.

latex2mathml translates (see `translation`). What it leaves as TeX's own habits is put right here:
the thin space around log, words of letters such as KL in one piece, script letters as the
characters they are (browsers no longer know mathvariant="script"), capital Greek upright, columns
aligned by style. A long inline formula is cut where TeX would break a line, so that it fits a
narrow screen.
"""

import functools
import re
from xml.etree.ElementTree import Element, tostring

from course_lib.edition.translation import translated

TAG = re.compile(r"\\tag\{(\d+\.\d+)\}")
LIMITS = {"inf", "lim", "max", "min", "sup"}  # what stands under them in a displayed formula
TRIGONOMETRIC = {"arccos", "arcsin", "arctan", "cos", "cosh", "sin", "sinh", "tan", "tanh"}
FUNCTIONS = LIMITS | TRIGONOMETRIC | {"arg", "det", "dim", "exp", "ln", "log"}
OPENING, CLOSING = set("([{⟨⌈⌊"), set(")]}⟩⌉⌋!")
# Where a line may break behind: relations first, sums and commas if that is not enough.
RELATIONS = set("=≤≥<>∼≈≠→↦∝∈:≔⇒⟹")
SUMS = set("+−-,;±")
ORDINARY = {"mi", "mn", "msub", "msup", "msubsup", "mfrac", "mover", "msqrt", "mtext", "mrow"}
SCRIPT = {"B": "ℬ", "E": "ℰ", "F": "ℱ", "H": "ℋ", "I": "ℐ", "L": "ℒ", "M": "ℳ", "R": "ℛ"}
DOUBLE = {"C": "ℂ", "H": "ℍ", "N": "ℕ", "P": "ℙ", "Q": "ℚ", "R": "ℝ", "Z": "ℤ"}
FIRST = {"script": 0x1D49C, "double-struck": 0x1D538, "bold": 0x1D400}  # where each alphabet's A is
# How a column stands: Chromium goes by the one, Firefox by the other.
ALIGNED = {
    "left": "text-align:left",
    "center": "text-align:center",
    "right": "text-align:right;justify-items:end",
}
FITS = 13.0  # ems: a piece of a formula that stands on the narrowest screen
THIN = "0.18em"


@functools.cache
def render(tex: str, *, display: bool = False) -> str:
    """The formula as MathML. display: on a line of its own, in one piece.

    Raises ValueError if it cannot be drawn.
    """
    root = mended(tex, display)
    (row,) = root
    if not display and width(row) > FITS:
        return _in_pieces(list(row))
    return tostring(root, encoding="unicode")


def mended(tex: str, display: bool) -> Element:
    """The formula's tree, put right. Raises ValueError if it cannot be drawn."""
    root = translated(tex, display)
    (row,) = root
    _mend(row)
    root.attrib.pop("xmlns", None)
    return root


def without_tag(tex: str) -> tuple[str, str]:
    r"""The formula without its \tag, and the tag's number, such as 4.3; "" if it has none."""
    found = TAG.search(tex)
    return TAG.sub("", tex).strip(), found[1] if found else ""


def _mend(node: Element) -> None:
    """Puts a tree right from its leaves up."""
    for child in node:
        _mend(child)
    if node.tag == "mi" and (node.text or "") in RELATIONS | SUMS:
        node.tag = "mo"
    elif node.tag == "mi":
        _mend_letter(node)
    elif node.tag == "mo" and (node.text in FUNCTIONS or node.text in ("|", ":")):
        node.attrib.update(lspace="0", rspace="0")
        if "minsize" not in node.attrib:
            node.set("stretchy", "false")
    elif node.tag == "mtd" and "columnalign" in node.attrib:
        node.set("style", ALIGNED[node.attrib.pop("columnalign")])
    elif node.tag == "mover":
        node.set("accent", "true")
    elif node.tag == "msub" and node[0].text in LIMITS:
        node.tag = "munder"
        node[0].set("movablelimits", "true")
    if node.tag in ("mrow", "mtd", "mstyle", "msqrt", "mpadded"):
        _join_letters(node)
        _sign_numbers(node)
        _space_functions(node)


def _mend_letter(node: Element) -> None:
    """A letter in another alphabet becomes that alphabet's character; capital Greek is upright."""
    letter, variant = node.text or "", node.attrib.get("mathvariant", "")
    if variant in FIRST and len(letter) == 1 and letter.isascii() and letter.isalpha():
        other = {"script": SCRIPT, "double-struck": DOUBLE}.get(variant, {}).get(letter)
        step = ord(letter) - ord("A") if letter.isupper() else 26 + ord(letter) - ord("a")
        node.text = other or chr(FIRST[variant] + step)
        del node.attrib["mathvariant"]
    elif len(letter) == 1 and "Α" <= letter <= "Ω":
        node.set("mathvariant", "normal")


def _join_letters(row: Element) -> None:
    r"""\mathrm{KL} comes as two upright letters; it is one word."""
    children = list(row)
    upright = [c.tag == "mi" and c.attrib.get("mathvariant") == "normal" for c in children]
    if len(children) > 1 and all(upright) and all((c.text or "").isascii() for c in children):
        word = Element("mi")
        word.text = "".join(c.text or "" for c in children)
        row[:] = [word]


def _sign_numbers(row: Element) -> None:
    """A minus at the start of something is a sign and stands close to it; := is one relation."""
    children = list(row)
    for before, node in zip([None, *children], children, strict=False):
        begins = before is None or (sign_of(before) in OPENING | RELATIONS | SUMS)
        if node.tag == "mo" and node.text in ("−", "-", "+") and begins:
            node.set("form", "prefix")
        if before is not None and before.text == ":" and node.text == "=":
            row.remove(before)
            node.text = "≔"


def _space_functions(row: Element) -> None:
    """TeX's thin spaces: before a function that follows a factor, and behind its name."""
    spaced: list[Element] = []
    children = list(row)
    for before, node, after in zip(
        [None, *children], children, [*children[1:], None], strict=False
    ):
        if _is_function(node) and before is not None and _is_factor(before):
            spaced.append(Element("mspace", width=THIN))
        spaced.append(node)
        if _is_function(node) and after is not None and _is_argument(after):
            spaced.append(Element("mspace", width=THIN))
    row[:] = spaced


def _is_function(node: Element) -> bool:
    """Whether it is log, or log with a subscript."""
    base = node[0] if node.tag in ("msub", "msup", "munder", "msubsup") and len(node) else node
    return base.tag in ("mi", "mo") and (base.text or "") in FUNCTIONS


def _is_factor(node: Element) -> bool:
    return node.tag in ORDINARY or (node.text or "") in CLOSING


def _is_argument(node: Element) -> bool:
    """Whether it is what a function is taken of, and no bracket around that."""
    return node.tag in ORDINARY or node.tag == "munderover"


def width(node: Element) -> float:
    """About how wide it is drawn, in ems."""
    own = {"mi": 0.55, "mn": 0.5, "mtext": 0.5}.get(node.tag, 0.0) * len(node.text or "")
    if node.tag == "mo":
        infix = (node.text or "") in RELATIONS | SUMS | {"∣"}
        own = 1.2 if infix else 0.4
    widths = [width(child) for child in node]
    if node.tag in ("mfrac", "munder", "mover", "munderover"):
        return max(widths)
    if node.tag in ("msub", "msup"):
        return widths[0] + 0.7 * widths[1]
    if node.tag == "msubsup":
        return widths[0] + 0.7 * max(widths[1:])
    return own + sum(widths)


def _in_pieces(children: list[Element]) -> str:
    """The formula in pieces between which a line may break; one that is still too long scrolls."""
    pieces = _split(children, RELATIONS)
    pieces = [part for p in pieces for part in (_split(p, SUMS) if total(p) > FITS else [p])]
    drawn = []
    for piece in _merged(pieces):
        root, row = Element("math"), Element("mrow")
        row.extend(piece)
        root.append(row)
        if sign_of(piece[-1]) in RELATIONS | SUMS:
            piece[-1].set("form", "infix")
        text = tostring(root, encoding="unicode")
        drawn.append(f'<span class="scrolls">{text}</span>' if total(piece) > FITS + 4 else text)
    return f'<span class="formula">{"<wbr>".join(drawn)}</span>'


def _split(children: list[Element], signs: set[str]) -> list[list[Element]]:
    """Cut behind each of the signs that stands in no bracket."""
    pieces: list[list[Element]] = [[]]
    depth = 0
    for node in children:
        pieces[-1].append(node)
        sign = sign_of(node)
        depth += (sign in OPENING) - (sign in CLOSING)
        if depth <= 0 and node.tag == "mo" and sign in signs and len(pieces[-1]) > 1:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _merged(pieces: list[list[Element]]) -> list[list[Element]]:
    """Neighbours together as long as they fit, so that there are few pieces."""
    merged = [pieces[0]]
    for piece in pieces[1:]:
        if total(merged[-1]) + total(piece) <= FITS / 2:
            merged[-1] = merged[-1] + piece
        else:
            merged.append(piece)
    return merged


def sign_of(node: Element) -> str:
    """The operator's character; of a bracket with an exponent the bracket's."""
    base = node[0] if node.tag in ("msup", "msub", "msubsup") and len(node) else node
    return (base.text or "") if base.tag == "mo" else ""


def total(piece: list[Element]) -> float:
    """About how wide these are side by side, in ems."""
    return sum(map(width, piece))
