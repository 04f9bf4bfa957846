"""A chapter's slides, made from the notebook's own cells: one HTML file that opens offline.

    python -m course_lib.teach slides 4 --out slides

A cell is on a slide if its metadata say so, {"slideshow": {"slide_type": "slide"}}, as JupyterLab's
property inspector sets them: see `deck`, which says what becomes of each type. Nothing is run: the
pictures and tables are those that the notebook stores. Formulas need what the pages need,
`pip install '.[pages]'`.
"""

from pathlib import Path

from course_lib.checkpoint import write_whole
from course_lib.index import ROOT, notebook_paths

NEEDED = "this needs what the pages need: python3 start.py pages installs it, or pip '.[pages]'"


def slides(chapter: int, out: Path, root: Path = ROOT) -> Path:
    """Writes the chapter's slides into the folder `out`, made if need be; returns the file.

    Raises ValueError if there is no such chapter, if none of its cells has a slide's tag, or if a
    cell cannot be shown; OSError if the file cannot be written; ModuleNotFoundError without the
    packages of the pages.
    """
    paths = {int(path.name[:2]): path for path in notebook_paths(root / "notebooks")}
    if chapter not in paths:
        there = f"there are {min(paths)} to {max(paths)}" if paths else f"{root} has no notebooks"
        raise ValueError(f"chapter {chapter}: {there}")
    path = paths[chapter]
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out} is a file, and no folder")
    written = _drawn(path)
    file = out / f"{path.stem}.html"
    write_whole(file, written.encode())
    return file


def _drawn(path: Path) -> str:
    # Only here, so that the room opens without the packages of the pages.
    from course_lib.teach.deck import page, read_deck

    return page(path.stem, read_deck(path))
