"""A folder that is made anew as a whole: it is written beside the old one, then takes its place.

Whatever stops the writing, the old folder stays as it was. The new one has what was written and
nothing of an earlier time. It lists its files, so that the next time each is known to be no file of
somebody else's: a folder that holds any other is left alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

LIST = "made-by-the-course.txt"
HEADING = "The next `python3 start.py pages` removes or replaces these files:\n"
LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}  # what file managers leave anywhere


@contextmanager
def made_anew(folder: Path) -> Iterator[Path]:
    """An empty folder to write into, which takes the place of `folder` if all goes well.

    Raises ValueError if `folder` is no folder, or holds what was not made here.
    """
    require_own(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(
        prefix=f"{folder.name}.draft-", dir=folder.parent, ignore_cleanup_errors=True
    ) as beside:
        draft = Path(beside) / "new"
        draft.mkdir()
        yield draft
        lines = [*sorted(_files(draft)), LIST]
        (draft / LIST).write_text(HEADING + "\n".join(lines) + "\n", "utf-8", newline="\n")
        require_own(folder)  # minutes may have passed
        _swap(folder, draft, Path(beside) / "old")


def require_own(folder: Path) -> None:
    """Raises ValueError if `folder` is no folder, or has a file that no list of its own names."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file, and no folder")
    listed = folder / LIST
    own = set(listed.read_text("utf-8").splitlines()[1:]) if listed.is_file() else set()
    other = sorted(_files(folder) - own)
    if other:
        more = f" and {len(other) - 1:,} more" if len(other) > 1 else ""
        raise ValueError(
            f"{folder} holds {other[0]}{more}, which this command did not make, so nothing there "
            "was touched; move that away, or give an empty folder with --into"
        )


def _files(folder: Path) -> set[str]:
    """All that is in the folder and is no folder, by its path from there."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if (path.is_symlink() or not path.is_dir()) and path.name not in LITTER
    }


def _swap(folder: Path, draft: Path, old: Path) -> None:
    """Puts the draft in the folder's place, or leaves everything where it is."""
    if not folder.exists():
        draft.rename(folder)
        return
    folder.rename(old)
    try:
        draft.rename(folder)
    except BaseException:
        old.rename(folder)
        raise
