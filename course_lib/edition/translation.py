r"""TeX → a tree of MathML by latex2mathml, or the reason why there is none.

latex2mathml lets much pass that no browser draws as it is meant: a fraction with one part, an
environment that it does not know, a \\ outside of any. All that is refused here.
"""

import html
import re
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element

ENVIRONMENTS = {"align*", "array", "bmatrix", "cases", "matrix", "pmatrix", "vmatrix"}
SIGNS = {  # what latex2mathml leaves as a command, or as another character
    "\\lbrace": "{",
    "\\rbrace": "}",
    "\\{": "{",
    "\\}": "}",
    "\\|": "‖",
    "\\arg": "arg",
    "\\#": "#",
    "~": "∼",
}
PARTS = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2}
PARTS |= {"msubsup": 3, "munderover": 3}  # what each is made of


def translated(tex: str, display: bool) -> Element:
    """latex2mathml's tree, with characters in place of their codes.

    Raises ValueError, with the formula and what is wrong, if it cannot be drawn.
    """
    prepared = re.sub(r"\{(aligned|split|align)\}", "{align*}", tex.strip())
    why = _unpaired(prepared)
    if why:
        raise _refused(tex, why)
    try:
        root: Element = convert_to_element(prepared, display="block" if display else "inline")
    except Exception as error:  # it has a class of error for each fault, with no common ancestor
        raise _refused(tex, repr(error)) from error
    for node in root.iter():
        text = html.unescape(node.text or "")
        node.text = SIGNS.get(text, text) or None
        why = _fault(node)
        if why:
            raise _refused(tex, why)
    return root


def _refused(tex: str, why: str) -> ValueError:
    return ValueError(f"a formula that cannot be drawn: {tex!r} has {why}")


def _unpaired(tex: str) -> str:
    """What latex2mathml lets pass before it translates, or nothing."""
    plain = re.sub(r"\\[\\{}]", "", tex)
    strange = set(re.findall(r"\\begin\{(.*?)\}", tex)) - ENVIRONMENTS
    if strange:
        return f"an environment {strange}"
    if plain.count("{") != plain.count("}"):
        return "braces without partners"
    return "a tag that is no number like 4.3" if "\\tag" in tex else ""


def _fault(node: Element) -> str:
    """What is wrong with a node of the tree, or nothing."""
    if node.text and set("\\&") & set(node.text):
        return repr(node.text)
    if len(node) != PARTS.get(node.tag, len(node)):
        return f"{node.tag} of {len(node)} parts, where {PARTS[node.tag]} are wanted"
    if node.tag in PARTS and any(part.tag == "mi" and not part.text for part in node):
        return "an index with nothing before it"
    return "a new line outside of aligned" if node.get("linebreak") else ""
