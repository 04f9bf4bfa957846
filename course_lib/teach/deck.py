"""A notebook's tagged cells → slides: what the room looks at, and what the teacher says.

A cell's slide type, as JupyterLab and nbconvert name them:

    slide, subslide    opens a slide: at its section's heading, where it has one; what stands above
                       that in the cell belongs to the slide before
    fragment, -        goes on the slide before it
    notes              is for the teacher alone
    skip, or none      is on no slide

On a slide stand headings, formulas, tables, pictures, lists, and paragraphs of at most MOST_WORDS
words, or LEADING if they lead into a formula. Longer ones are the teacher's notes, under the slide
at the key n: who reads aloud what the wall shows is not heard. Code is folded, and opens at the key
c. The words that tell a picture to who cannot see it are no caption here. Solutions are left out.

The pieces of a slide are uncovered one by one; answers to guesses come last.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

from course_lib.edition.cells import Setting, code, fold, nothing_moves, read_cells, render_output
from course_lib.edition.guess_cells import asks_guesses, questions
from course_lib.edition.prose import Prose, plain_text
from course_lib.edition.shell import stylesheet
from course_lib.edition.stored import Cell
from course_lib.index import text

HERE = Path(__file__).resolve().parent / "player"
OPENS, GOES_ON = {"slide", "subslide"}, {"fragment", "-"}
TYPES = OPENS | GOES_ON | {"notes", "skip"}
MOST_WORDS = 32  # of a paragraph on a slide
LEADING = 60  # of one that ends with a colon, before a formula
# How a paragraph begins that is shown however long it is: a chapter's question, an exercise.
ALWAYS = re.compile(r"The question\.|\d+\.[a-d] ")
SECTION = ("<h2", '<blockquote class="try"')  # where a slide begins within a cell
FORMULA = '<div class="equation'
VOID = {"img", "br", "hr", "mspace", "input", "wbr"}
LINK = re.compile(r'<a (?!href="https:)[^>]*?(class="tag")?[^>]*>(.*?)</a>', re.S)
NOT_HERE = re.compile(r'<p class="in-the-notebook">.*?</p>|<figcaption>.*?</figcaption>', re.S)
REVEALS = '<pre class="printed reveal"'


@dataclass
class Slide:
    """One slide: the pieces of HTML that it shows, and the teacher's notes."""

    shown: list[str]
    notes: list[str]

    @property
    def title(self) -> str:
        """Its first heading, as plain words; empty if it has none."""
        found = re.search(r"<h[1-3].*?</h[1-3]>", "".join(self.shown), re.S)
        return plain_text(found[0]) if found else ""


def read_deck(path: Path) -> list[Slide]:
    """The slides of a notebook, in order.

    Raises ValueError, naming the cell, if a type is unknown or a cell cannot be shown; and if no
    cell is on a slide.
    """
    prose = Prose()
    setting = Setting(int(path.name[:2]), path.name, nothing_moves)
    found: list[Slide] = []
    for place, cell in enumerate(read_cells(path), start=1):
        kind = slide_type(cell)
        if kind not in TYPES:
            raise ValueError(f"{path.name}: cell {place} has the slide type {kind!r}")
        try:
            pieces = [] if kind == "skip" else pieces_of(cell, prose, setting)
        except ValueError as error:
            raise ValueError(f"{path.name}: cell {place}: {error}") from error
        headed = any(piece.startswith(SECTION) for piece in pieces)  # opens where that stands
        if pieces and (not found or (kind in OPENS and not headed)):
            found.append(Slide([], []))
        lay_out(pieces, found, silent=kind == "notes")
    if not found:
        raise ValueError(f"{path.name}: no cell has a slide's tag")
    for slide in found:
        slide.shown.sort(key=lambda piece: piece.startswith(REVEALS))  # the others keep their order
    return found


def lay_out(pieces: list[str], found: list[Slide], *, silent: bool) -> None:
    """Puts pieces on the last slide, or into its notes; a section's heading opens a slide.

    silent: all of them are notes.
    """
    for piece in pieces:
        if silent or not is_shown(piece):
            found[-1].notes += [] if piece.startswith("<details") else [piece]
            continue
        if piece.startswith(SECTION) and found[-1].shown:
            found.append(Slide([], []))
        found[-1].shown.append(piece)


def slide_type(cell: Cell) -> str:
    """The cell's slide type; "skip" if it has none."""
    return str(cell["metadata"].get("slideshow", {}).get("slide_type", "skip"))


def pieces_of(cell: Cell, prose: Prose, setting: Setting) -> list[str]:
    """The cell's HTML, piece by piece."""
    if cell["cell_type"] != "code":
        return list(parted(without_links(prose.html_of(text(cell["source"])))))
    if asks_guesses(cell):
        return [questions(cell)]
    outputs = "".join(render_output(output, setting, cell) for output in cell["outputs"])
    pieces = outermost(NOT_HERE.sub("", outputs))
    found = [f"<div>{piece}</div>" if piece.startswith("<details") else piece for piece in pieces]
    if not fold(cell):
        words = f"<details><summary>Code</summary>\n{code(cell)}</details>"
        found.insert(0, f'<div class="slide-code">{words}</div>\n')
    return found


def without_links(drawn: str) -> str:
    """A slide leads nowhere but to the web; an equation keeps its number."""
    return LINK.sub(lambda found: f"<span {found[1] or ''}>{found[2]}</span>", drawn)


def is_shown(piece: str) -> bool:
    """Whether a piece of prose stands on a slide: see the top of this module."""
    if piece.startswith("<details"):
        return False
    if not piece.startswith("<p>"):
        return True
    words = words_of(piece)
    return len(words) <= MOST_WORDS or bool(ALWAYS.match(" ".join(words)))


def parted(drawn: str) -> Iterator[str]:
    """The outermost elements, one by one; of a quoted block each of its own, quoted."""
    for piece in leading(outermost(drawn)):
        quoted = re.fullmatch(r"(<blockquote[^>]*>)(.*)(</blockquote>)", piece, re.S)
        if not quoted:
            yield piece
            continue
        inner = leading(outermost(quoted[2]))
        yield f"{quoted[1]}{''.join(p for p in inner if is_shown(p))}{quoted[3]}"
        yield from (p for p in inner if not is_shown(p))


def leading(pieces: list[str]) -> list[str]:
    """The pieces; a paragraph that leads into a formula is marked, and so stays with it."""
    found = list(pieces)
    for place, (piece, after) in enumerate(pairwise(pieces)):
        words = words_of(piece)
        leads = bool(words) and words[-1].endswith(":") and len(words) <= LEADING
        if leads and piece.startswith("<p>") and after.startswith(FORMULA):
            found[place] = piece.replace("<p>", '<p class="leads">', 1)
    return found


def words_of(piece: str) -> list[str]:
    """The words of a piece; a formula counts as one."""
    return plain_text(re.sub(r"<math.*?</math>", "m", piece, flags=re.S)).split()


def outermost(drawn: str) -> list[str]:
    """The outermost elements of some HTML, in order."""
    reader = _Outermost()
    reader.read(drawn)
    return reader.pieces


class _Outermost(HTMLParser):
    """Cuts HTML where no element is open."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.pieces: list[str] = []
        self.depth = 0

    def read(self, drawn: str) -> None:
        """Reads it all."""
        lines = drawn.split("\n")
        self.starts = [0]
        for line in lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.drawn, self.begun = drawn, 0
        self.feed(drawn)
        self.close()

    def _here(self) -> int:
        line, column = self.getpos()
        return self.starts[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One more is open."""
        if self.depth == 0:
            self.begun = self._here()
        self.depth += tag not in VOID

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """It is closed at once."""

    def handle_endtag(self, tag: str) -> None:
        """One less; at the outermost a piece is whole."""
        self.depth -= 1
        if self.depth == 0:
            end = self.drawn.index(">", self._here()) + 1
            self.pieces.append(self.drawn[self.begun : end])


def page(name: str, deck: list[Slide]) -> str:
    """The whole file: styles, slides and the few lines of script that turn them."""
    title, parts = name, []
    for number, slide in enumerate(deck, start=1):
        title = slide.title or title  # of its section, if it has none
        parts.append(_section(f"slide-{number}", f"{number} / {len(deck)}", title, slide))
    style = stylesheet() + (HERE / "slides.css").read_text(encoding="utf-8")
    script = (HERE / "slides.js").read_text(encoding="utf-8")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(deck[0].title or name)}</title>\n<style>\n{style}</style>\n</head>\n"
        f'<body class="slides">\n<main>\n{"".join(parts)}</main>\n'
        f"<script>\n{script}</script>\n</body>\n</html>\n"
    )


def _section(anchor: str, number: str, title: str, slide: Slide) -> str:
    told = "Notes. What stands here the room can read, too."
    said = f'<p class="told">{told}</p>{"".join(slide.notes)}'
    notes = f'<aside class="notes" hidden>{said}</aside>\n' if slide.notes else ""
    label = html.escape(f"{title}, {number}")
    return (
        f'<section class="slide" id="{anchor}" aria-label="{label}" tabindex="-1">\n'
        f'<div class="on-the-wall">\n{"".join(slide.shown)}</div>\n{notes}'
        f'<p class="slide-number">{number}</p>\n</section>\n'
    )
