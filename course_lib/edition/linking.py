"""Where links within the course lead, and that each leads somewhere."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from course_lib.edition.chapter_page import ChapterPage


def places_of(tags: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Tag → page of all equations, from the tags of each page.

    Raises ValueError if a tag stands on two pages.
    """
    places: dict[str, str] = {}
    for page, found in tags.items():
        for tag in found:
            if places.setdefault(tag, page) != page:
                raise ValueError(f"equation ({tag}) stands in {places[tag]} and in {page}")
    return places


def require_places(pages: Iterable[ChapterPage], folder: Path) -> None:
    """Raises ValueError if a link leads nowhere, naming the notebook, the cell and the address.

    folder: that of the notebooks, from which addresses of files count.
    """
    anchors = {page.file: page.anchors for page in pages}
    for page in pages:
        for cell, address in page.links:
            file, _, anchor = address.partition("#")
            known = anchors.get(file or page.file)
            where = f"{page.stem}.ipynb: cell {cell}: a link to {address!r}, which is"
            if known is None and not (folder / file).exists():
                raise ValueError(f"{where} no notebook and no file")
            if known is not None and anchor and anchor not in known:
                raise ValueError(f"{where} no heading or equation of that chapter")
