"""Formulas on one line of text, as a search finds and shows them: −1/2 log 2π, σ², p_θ(x|z)."""

import re
from collections.abc import Iterable, Iterator
from html import escape
from xml.etree.ElementTree import Element, fromstring

from course_lib.edition.maths import CLOSING, FUNCTIONS, OPENING, RELATIONS, SUMS

FORMULA = re.compile(r"<math\b.*?</math>", re.S)
RAISED = str.maketrans("0123456789+−-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")
LOWERED = str.maketrans("0123456789+−-", "₀₁₂₃₄₅₆₇₈₉₊₋₋")
ACCENTS = {"^": "\u0302", "~": "\u0303", "¯": "\u0304"}  # that combine with the letter before
BRACE, PRIME = "⏟", "′"
LARGE = {"∑", "∏", "∫"}
# What needs no brackets: one number or letter in a fraction, one word in an index.
ONE = re.compile(r"∂[^\W\d_]?|\d+(?:\.\d+)?|[^\W\d_](?:[⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉]*|\([^()]*\))")
WORD = re.compile(r"[^\W_]+|.")


def on_one_line(html: str) -> str:
    """The HTML with its formulas as text."""
    return FORMULA.sub(lambda found: _written(fromstring(found[0])), html)


def _written(formula: Element) -> str:
    line = re.sub(r"(?<=[(\[{]) ", "", _line(formula))
    return escape(re.sub("= +:", "=:", line))


def _line(node: Element) -> str:
    """What the node says."""
    parts = [_line(child) for child in node]
    if node.tag == "mfrac":
        return "/".join(_held(part, ONE) for part in parts)
    if node.tag == "mroot":
        return f"{parts[1].strip()}√({parts[0].strip()})"
    if node.tag in ("msub", "munder"):
        return _below(node, *parts)
    if node.tag in ("msup", "mover"):
        return _above(node, *parts)
    if node.tag in ("msubsup", "munderover"):
        low, high = _index(parts[1], "_", LOWERED), _index(parts[2], "^", RAISED)
        return parts[0] + low + high + _room(parts[0])
    if node.tag == "msqrt":
        return f"√({_joined(_row(node)).strip()})"
    if node.tag in ("mspace", "mtr"):
        return " ".join(["", *parts, ""])
    return _joined(_row(node)) if parts else _sign(node)


def _below(node: Element, base: str, low: str) -> str:
    """With an index. A brace below is left out, and what stands under it follows in brackets."""
    if low.strip() == BRACE:
        return base
    if node[0].tag == "munder" and (node[0][1].text or "") == BRACE:
        return f"{base.strip()} ({low.strip()})"
    return base + _index(low, "_", LOWERED) + _room(base)


def _above(node: Element, base: str, high: str) -> str:
    """With an accent, a prime or an exponent."""
    if high in ACCENTS or high == PRIME:
        return base + ACCENTS.get(high, high)
    held = f"({base})" if node[0].tag == "mfrac" else base
    return held + _index(high, "^", RAISED)


def _joined(parts: Iterable[str]) -> str:
    """Side by side; what follows an index of one letter stands apart from it: A_t m_t."""
    line = ""
    for part in parts:
        apart = re.search(r"[_^][^\W_]$", line) and re.match(r"[^\W_]", part)
        line += f" {part}" if apart else part
    return line


def _room(base: str) -> str:
    """Between a sum and what is summed."""
    return " " if base in LARGE else ""


def _sign(node: Element) -> str:
    """A letter, a number or a sign; between two things a sign has room around it."""
    text = (node.text or "").replace("∣", "|").replace("\u2061", "")
    apart = node.tag == "mo" and text in RELATIONS | SUMS - {","}
    if apart and node.attrib.get("form") != "prefix":
        return f" {text} "
    if text in FUNCTIONS:
        return f" {text}"
    return f"{text} " if text in (",", ";") else text


def _row(node: Element) -> Iterator[str]:
    """The parts of a row: a fraction of which something is taken stands in brackets."""
    children = list(node)
    for child, after in zip(children, [*children[1:], None], strict=False):
        line = _line(child)
        inner = child[0] if child.tag == "mstyle" and len(child) == 1 else child
        fraction = inner.tag == "mfrac" and after is not None and _goes_on(after)
        yield f"({line})" if fraction else line


def _goes_on(node: Element) -> bool:
    """Whether what stands behind a fraction could be read as a part of its denominator."""
    first = next(iter(node), node) if node.tag not in ("mfrac", "msqrt") else node
    text = first.text or ""
    if first.tag == "mo":
        return text in OPENING | LARGE
    return first.tag != "mspace" and text not in FUNCTIONS and text not in CLOSING


def _held(line: str, one: re.Pattern[str]) -> str:
    """In brackets, unless it is one thing."""
    line = line.strip()
    return line if one.fullmatch(line) else f"({line})"


def _index(line: str, mark: str, letters: dict[int, int]) -> str:
    """Digits as Unicode has them, raised or lowered; else behind a mark."""
    line = line.replace(" ", "")
    small = line.translate(letters)
    if small and all(ord(letter) in letters.values() for letter in small):
        return small
    return mark + _held(line, WORD)
