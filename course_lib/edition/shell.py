"""What every page has: the styles, the scripts and what they say, and the templates."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from course_lib.edition.lettering import maths_font
from course_lib.edition.words import WORDS, say

HERE = Path(__file__).resolve().parent
PLAYER = HERE / "player"
# In the order in which they build on each other.
STYLES = ("page.css", "explorer.css", "exercises.css")
SCRIPTS = (
    "words.js",
    "elements.js",
    "boxes.js",
    "recording.js",
    "picture.js",
    "controls.js",
    "shelves.js",
    "screen.js",
    "parts.js",
    "explorer.js",
    "expressions.js",
    "judging.js",
    "predictions.js",
    "progress.js",
    "progress_panel.js",
    "guesses.js",
    "choices.js",
    "exercises.js",
    "search.js",
    "page.js",
)


def stylesheet() -> str:
    """All the pages' styles, with the mathematical font in them."""
    source = f"url(data:font/woff;base64,{maths_font()}) format('woff')"
    licence = "/* STIX Two Math, © The STIX Fonts Project Authors, SIL Open Font License 1.1. */"
    face = f"@font-face {{ font-family: 'Course Maths'; src: {source}; }}"
    return "\n".join([licence, face, *_parts(STYLES)])


def script() -> str:
    """All the pages' scripts, one after the other, and what they say."""
    words = f"(window.course ??= {{}}).words = {as_script(WORDS)};"
    return "\n".join([words, *_parts(SCRIPTS)])


def _parts(names: Iterable[str]) -> list[str]:
    return [(PLAYER / name).read_text(encoding="utf-8") for name in names]


def as_script(value: Any) -> Markup:
    """A value as JSON that may stand inside a script element."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return Markup(plain.replace("<", "\\u003c"))


def environment() -> Environment:
    """The templates, and what all of them use."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    shared = {
        "say": say,
        "style": Markup('<link rel="stylesheet" href="course.css">'),
        "scripts": Markup('<script src="course.js"></script>'),
        "data": "",
        "alone": False,
    }
    made.globals.update(shared)
    return made
