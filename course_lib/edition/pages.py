"""The notebooks → a folder of pages: contents, chapters, equations, primer, and what they share.

Nothing is run and nothing fetched: the same notebooks give the same bytes.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from course_lib.edition.answers import answer_tables
from course_lib.edition.chapter_page import ChapterPage, read_chapter, search_entries
from course_lib.edition.linking import places_of, require_places
from course_lib.edition.packing import encoded, unpack
from course_lib.edition.packing import script as recording_script
from course_lib.edition.prose import Prose
from course_lib.edition.shell import as_script, environment, script, stylesheet
from course_lib.edition.stored import stored_cells
from course_lib.index import ROOT, Equation, collect_equations, notebook_paths

LINK = re.compile(r'<a ([^>]*)href="([^"]*)"([^>]*)>(.*?)</a>', re.S)
STORED_TAG = re.compile(r"\\\\tag\{(\d+\.\d+)\}")  # as JSON has it
HERO = 4  # the chapter whose first explorer opens the contents page


@dataclass(frozen=True)
class EquationRow:
    """An equation in the index of equations."""

    tag: str
    formula: str
    functions: list[str]
    proofs: list[str]


Packed = Mapping[str, bytes]  # recordings by the explorer's name


def read_chapters(root: Path = ROOT, packed: Packed | None = None) -> list[ChapterPage]:
    """All chapters, in order. packed: the recordings that their explorers may move by.

    Raises ValueError, naming the file and the cell, if a notebook cannot be read, was not run, or
    has what would be a broken page: a link that leads nowhere, a formula that cannot be drawn.
    """
    home = home_address(root)
    paths = notebook_paths(root / "notebooks")
    if not paths:
        raise ValueError(f"there are no notebooks in {root / 'notebooks'}")
    texts = {f"{path.stem}.html": json.dumps(stored_cells(path)) for path in paths}
    places = places_of({page: STORED_TAG.findall(words) for page, words in texts.items()})
    opened = {name: unpack(data) for name, data in (packed or {}).items()}

    def shown(name: str, values: dict[str, Any], sentence: str) -> bool:
        return name in opened and opened[name].shows(values, sentence)

    pages = [read_chapter(path, places, home, shown) for path in paths]
    require_places(pages, root / "notebooks")
    return pages


def home_address(root: Path = ROOT) -> str:
    """Where the course's files are on the web, as [project.urls] says, or nothing."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project.get("urls", {}).get("Repository", "")).rstrip("/")


def chapter_html(pages: list[ChapterPage], page: ChapterPage, **given: Any) -> str:
    """One chapter's page. given: what replaces the templates' shared values."""
    place = pages.index(page)
    before = pages[place - 1] if place else None
    after = pages[place + 1] if place + 1 < len(pages) else None
    template = environment().get_template("chapter.html.j2")
    return template.render(page=page, **{"before": before, "after": after} | given)


def contents_html(pages: list[ChapterPage]) -> str:
    """The page that opens the course."""
    pictures = [p.pictures[0] for p in pages if p.number == HERO and p.pictures]
    picture = "".join(pictures)
    return environment().get_template("contents.html.j2").render(pages=pages, picture=picture)


def equations_html(pages: list[ChapterPage], index: dict[str, Equation]) -> str:
    """The page of all equations, each with its function and what is proved of it."""
    chapters = [
        (page, [_row(tag, drawn, index.get(tag)) for tag, drawn in page.equations.items()])
        for page in pages
    ]
    return environment().get_template("equations.html.j2").render(chapters=chapters)


def primer_html(root: Path = ROOT) -> str:
    """The page of what one needs to know: notebooks/PRIMER.md."""
    written = (root / "notebooks" / "PRIMER.md").read_text(encoding="utf-8")
    text = Prose().html_of(written.partition("\n")[2])
    return environment().get_template("primer.html.j2").render(text=Markup(text))


def _row(tag: str, drawn: str, known: Equation | None) -> EquationRow:
    functions = [place.name for place in known.functions] if known else []
    proofs = [place.name for place in known.proofs] if known else []
    return EquationRow(tag, drawn, functions, proofs)


def search_index(pages: list[ChapterPage]) -> str:
    """The script that hands all sections and equations to the search."""
    entries = [entry for page in pages for entry in search_entries(page)]
    return f"course.searchable({as_script(entries)});\n"


def chapter_data(page: ChapterPage, packed: Packed | None = None) -> Markup:
    """What a chapter needs beside its text: the tables of its exercises, and these recordings."""
    tables = as_script(answer_tables(page.exercises))
    answers = f"<script>(window.course ??= {{}}).answers = {tables};</script>\n"
    inside = [
        f'<script type="text/plain" data-recording="{name}">{encoded(data)}</script>\n'
        for name, data in (packed or {}).items()
        if name in page.explorers
    ]
    return Markup(answers + "".join(inside))


def write_pages(folder: Path, root: Path = ROOT, packed: Packed | None = None) -> list[ChapterPage]:
    """Writes all pages into `folder`, with these recordings, and returns the chapters."""
    pages = read_chapters(root, packed)
    texts = {
        "index.html": contents_html(pages),
        "equations.html": equations_html(pages, collect_equations(root)),
        "primer.html": primer_html(root),
        "course.css": stylesheet(),
        "course.js": script(),
        "search-index.js": search_index(pages),
    }
    texts |= {page.file: chapter_html(pages, page, data=chapter_data(page)) for page in pages}
    texts |= {f"recordings/{n}.js": recording_script(n, data) for n, data in (packed or {}).items()}
    for name, words in texts.items():
        write(folder / name, words)
    return pages


def write_single(
    folder: Path, pages: list[ChapterPage], packed: Packed | None = None
) -> list[Path]:
    """Writes each chapter as one file that needs no other, and returns the files."""
    style, scripts = Markup(f"<style>\n{stylesheet()}</style>"), script().replace("</", "<\\/")
    inline = Markup(f"<script>\n{scripts}</script>")
    written = []
    for page in pages:
        data = chapter_data(page, packed)
        given = {"style": style, "scripts": inline, "data": data, "alone": True}
        drawn = chapter_html(pages, page, **given, before=None, after=None)
        written.append(write(folder / page.file, without_neighbours(drawn)))
    return written


def without_neighbours(html: str) -> str:
    """A chapter's page that stands alone: a link to another page is its words."""

    def kept(link: re.Match[str]) -> str:
        address = re.sub(r"^equations\.html#", "#", link[2])
        if address.startswith(("#", "http", "mailto:")):
            return f'<a {link[1]}href="{address}"{link[3]}>{link[4]}</a>'
        return link[4]

    return LINK.sub(kept, html)


def write(path: Path, words: str) -> Path:
    """Writes a text file, with the same bytes on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(words)
    return path
