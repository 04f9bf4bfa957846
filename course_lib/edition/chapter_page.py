"""A chapter of the pages, from its notebook: its name, its text in sections, its figures."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.edition.cells import DEEPER, Setting, nothing_moves, read_cells, render_cells
from course_lib.edition.one_line import on_one_line
from course_lib.edition.prose import Link, Prose, plain_text
from course_lib.edition.stored import Cell
from course_lib.edition.words import say
from course_lib.index import text

TITLE = re.compile(r"# (\d+) · (.+)\n")
MINUTES = re.compile(r"(\d+) minutes")
LIVE = re.compile(r'<figure class="(?:explorer|stored)".*?</figure>', re.S)
GUESSES = '<ul class="guesses">'
CLOSED = re.compile(
    rf"<details {DEEPER}><summary>(.*?)</summary>\n(.*)</details>(?=</section>)", re.S
)
# What a search does not look into: code and what it printed, pictures, and all that is folded.
UNREAD = re.compile(r"<(pre|details|figure|form)\b.*?</\1>", re.S)


@dataclass(frozen=True)
class ChapterPage:
    """One chapter. headings: anchor and words of each section; equations: tag → MathML; links: to
    places in the course, each with the number of its cell.
    """

    number: int
    stem: str
    question: str
    minutes: str
    opening: str
    sections: tuple[str, ...]
    headings: tuple[tuple[str, str], ...]
    equations: dict[str, str]
    links: tuple[Link, ...] = ()

    @property
    def anchors(self) -> set[str]:
        """What a link to the page may lead to."""
        return set(re.findall(r'\bid="([^"]+)"', self.opening + "".join(self.sections)))

    @property
    def file(self) -> str:
        """The page's file name."""
        return f"{self.stem}.html"

    @property
    def name(self) -> str:
        """What the chapter is about, in a word or two."""
        return say(f"chapter.{self.number}.name")

    @property
    def line(self) -> str:
        """What a reader will see in it."""
        return say(f"chapter.{self.number}.line")

    @property
    def exercises(self) -> list[str]:
        """The names of its exercises, in order."""
        return re.findall(r'data-exercise="([^"]+)"', "".join(self.sections))

    @property
    def explorers(self) -> list[str]:
        """The names of the explorers that move in it, each once."""
        return sorted(set(re.findall(r'data-explorer="([^"]+)"', "".join(self.pictures))))

    @property
    def pictures(self) -> list[str]:
        """The explorers' figures, in order."""
        return LIVE.findall(self.opening + "".join(self.sections))


def read_chapter(
    path: Path,
    places: dict[str, str] | None = None,
    home: str = "",
    shown: Callable[[str, dict[str, Any], str], bool] = nothing_moves,
) -> ChapterPage:
    """The chapter of the notebook at `path`.

    places: tag → page of all equations; home: the address of the course's files, if it has one;
    shown: whether a recording shows what a stored picture of an explorer does.

    Raises ValueError, naming the cell, if the notebook was not run or has no title.
    """
    number, question, cells = _titled(path)
    prose = Prose(places, home)
    setting = Setting(number, f"notebooks/{path.name}", shown)
    try:
        body = "".join(render_cells(cells, prose, setting))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error
    body = body.replace(f'href="{path.stem}.html#', 'href="#')  # its own places
    opening, *sections = re.split(r"(?=<h2 )", body)
    minutes = MINUTES.search(text(cells[0]["source"]))
    return ChapterPage(
        number,
        path.stem,
        question,
        minutes[1] if minutes else "",
        opening,
        tuple(_section(number, section) for section in sections),
        tuple(prose.headings),
        prose.equations,
        tuple(prose.links),
    )


def _titled(path: Path) -> tuple[int, str, list[Cell]]:
    """The chapter's number, its question, and its cells, the first without its title."""
    cells = read_cells(path)
    first = text(cells[0]["source"])
    title = TITLE.match(first)
    if title is None:
        raise ValueError(f"{path.name}: cell 1 must open with '# N · ' and the title")
    return (
        int(title[1]),
        title[2].strip(),
        [{**cells[0], "source": first[title.end() :]}, *cells[1:]],
    )


def _section(number: int, drawn: str) -> str:
    """A part of the text under its heading, as a landmark of its own."""
    anchor = re.match(r'<h2 [^>]*?id="([^"]+)"', drawn)
    assert anchor is not None
    if drawn.startswith(f"<h2 {DEEPER}"):
        return _deeper(anchor[1], drawn)
    kind = re.match(r"predict|explore|exercises|recap|the-note-says|what-goes-wrong", anchor[1])
    name = f' class="{kind[0]}"' if kind else ""
    if kind and kind[0] == "predict" and GUESSES not in drawn:
        name += f' data-guesses="{number}"'
    return f'<section{name} aria-labelledby="{anchor[1]}">\n{drawn}</section>\n'


def _deeper(anchor: str, drawn: str) -> str:
    """A part of the text that is closed until its heading is pressed, or a link leads into it."""
    heading, closed = drawn.split("</h2>\n", 1)
    return (
        f'<section class="deeper" aria-labelledby="{anchor}">\n<details {DEEPER}>'
        f"<summary>{heading}</h2></summary>\n{closed}</details></section>\n"
    )


def opened(section: str) -> str:
    """The section with nothing to open."""
    return CLOSED.sub(r"\1\2", section)


def search_entries(page: ChapterPage) -> Iterator[list[str]]:
    """What a search finds in the chapter: address, chapter, heading and words of each section."""
    chapter = f"{page.number} · {page.name}"
    parts = [("text", page.question), *page.headings]
    for (anchor, heading), drawn in zip(parts, (page.opening, *page.sections), strict=True):
        read = re.sub(r"<h2 .*?</h2>", "", UNREAD.sub(" ", opened(drawn)))  # the heading is given
        spaced = re.sub(r"(?=</(p|li|td|th|h\d|div)>)", " ", on_one_line(read))
        yield [f"{page.file}#{anchor}", chapter, heading, plain_text(spaced)]
    for tag, formula in page.equations.items():
        drawn = f"({tag}) {on_one_line(formula)}"
        yield [f"{page.file}#eq-{tag}", chapter, say("equation", tag=tag), plain_text(drawn)]
