r"""Displayed formulas that fit a narrow screen: in lines, in pieces, with reasons that are words.

A derivation such as

    \begin{aligned} a &= b && \text{by (3.1)} \\ &= c \end{aligned}

becomes a line of HTML for each of its own, with the sides of the relation apart, so that on a
narrow screen a reason stands under its line and breaks like any text. A formula that is too wide
for such a screen is cut before its relations and sums, where a line may then break.
"""

import functools
import html
import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from xml.etree.ElementTree import Element, tostring

from course_lib.edition.maths import CLOSING, OPENING, RELATIONS, SUMS, mended, sign_of, total

ROOM = 14.0  # ems: what stands on one line of a narrow screen, beside an equation's number
LEFT = 5.0  # ems: a left side that leaves room for the right one beside it
BREAKS = RELATIONS | SUMS - {",", ";", ":"}


@functools.cache
def display(tex: str) -> str:
    """The displayed formula: MathML, in one piece or in several.

    Raises ValueError if it cannot be drawn.
    """
    root = mended(tex, display=True)
    (row,) = root
    rows = _lines_of(row)
    if rows:
        return _marked(_in_lines(rows))
    if total(list(row)) > ROOM and len(_pieces(list(row))) > 1:
        return _marked(f'<span class="pieces">{_side(list(row))}</span>')
    return tostring(root, encoding="unicode")


def _marked(drawn: str) -> str:
    """All but the first of its pieces say that they belong to one before."""
    first, *more = drawn.split("<math ")
    return "<math ".join([first, *more[:1]]) + "".join(f'<math class="more" {m}' for m in more[1:])


def _lines_of(row: Element) -> list[list[Element]]:
    """The cells of each line of an aligned formula: two sides, nothing, a reason; else nothing."""
    if len(row) != 1 or row[0].tag != "mtable" or "displaystyle" not in row[0].attrib:
        return []
    rows = [list(line) for line in row[0]]
    plain = all(len(cells) <= 4 and not any(map(_filled, cells[2:3])) for cells in rows)
    return rows if plain and all(_is_reason(cells[3]) for cells in rows if len(cells) > 3) else []


def _filled(cell: Element) -> list[Element]:
    """What stands in a cell, without the empty identifiers that hold a place."""
    return [node for node in cell if node.tag != "mi" or node.text or len(node)]


def _is_reason(cell: Element) -> bool:
    """Whether it begins with words, or is empty."""
    words = [node for node in _filled(cell) if node.tag != "mspace"]
    return not words or words[0].tag == "mtext"


def _in_lines(rows: list[list[Element]]) -> str:
    """Each line with its sides and its reason."""
    sides = [[_filled(cell) for cell in [*cells, Element("mtd")][:2]] for cells in rows]
    stacked = max(total(left) for left, _ in sides) > LEFT
    drawn = []
    for (left, right), cells in zip(sides, rows, strict=True):
        reason = _words(_filled(cells[3])) if len(cells) > 3 else ""
        parts = [("left", _side(left)), ("right", _side(right)), ("reason", reason)]
        spans = " ".join(f'<span class="{name}">{part}</span>' for name, part in parts)
        drawn.append(f'<span class="line">{spans}</span>')
    name = "lines stacked" if stacked else "lines"
    return f'<span class="{name}">{" ".join(drawn)}</span>'


def _side(nodes: list[Element]) -> str:
    """One side of a line, in pieces between which a line may break."""
    return "<wbr>".join(_math(piece, display=True) for piece in _pieces(nodes) if piece)


def _math(nodes: Iterable[Element], display: bool) -> str:
    root, row = Element("math", display="inline"), Element("mrow")
    if display:
        root.set("displaystyle", "true")
    row.extend(nodes)
    root.append(row)
    return tostring(root, encoding="unicode")


def _words(nodes: list[Element]) -> str:
    """A reason as text, with the formulas in it."""
    parts, formula = [], list[Element]()
    for node in [*nodes, Element("mtext")]:
        if node.tag != "mtext":
            formula.append(node)
            continue
        while formula and formula[0].tag == "mspace":  # the words before it end with a blank
            del formula[0]
        if formula:
            parts.append(_math(formula, display=False))
        formula = []
        parts.append(html.escape((node.text or "").replace("\u00a0", " "), quote=False))
    return re.sub(" +", " ", "".join(parts)).strip()


def _pieces(nodes: list[Element]) -> list[list[Element]]:
    """Cut behind wide blanks, and what is still too wide before relations, then before sums:
    outside of brackets, then within one.
    """
    pieces = _parts(nodes) if total(nodes) > ROOM else [nodes]
    for signs, deepest in ((RELATIONS - {":", "∈"}, 0), (BREAKS, 0), (BREAKS, 1)):
        pieces = [
            part
            for piece in pieces
            for part in (_cut(piece, signs, deepest) if total(piece) > ROOM else (piece,))
        ]
    return pieces


def _parts(nodes: list[Element]) -> list[list[Element]]:
    """Several formulas on one line, apart; each keeps the blank behind it."""
    parts: list[list[Element]] = [[]]
    for node in nodes:
        parts[-1].append(node)
        if node.tag == "mspace" and float(node.get("width", "0em").removesuffix("em")) >= 1:
            parts.append([])
    return [part for part in parts if part]


def _cut(nodes: list[Element], signs: set[str], deepest: int) -> Iterator[list[Element]]:
    """Cut before each of the signs that stands in no more brackets than that."""
    piece: list[Element] = []
    depth = 0
    for node in nodes:
        sign = sign_of(node)
        breaks = sign in signs and node.tag == "mo" and node.get("form") != "prefix"
        if breaks and depth <= deepest and total(piece) > 1:
            yield piece
            piece, node = [], deepcopy(node)
            node.set("form", "infix")
        depth += (sign in OPENING) - (sign in CLOSING)
        piece.append(node)
    yield piece
