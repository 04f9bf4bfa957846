"""A folder that is made anew as a whole: it is written beside the old one, then takes its place.

Whatever stops the writing, the old folder stays as it was. The new one has what was written and
nothing of an earlier time. It lists its files, so that the next time each is known to be no file of
somebody else's: a folder that holds any other is left alone.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, TemporaryFile

LIST = "made-by-the-course.txt"
HEADING = "The next `python3 start.py pages` removes or replaces these files:\n"
LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}  # what file managers leave anywhere


@contextmanager
def made_anew(folder: Path) -> Iterator[Path]:
    """An empty folder to write into, which takes the place of `folder` if all goes well.

    Raises ValueError if `folder` is no folder, or holds what was not made here.
    """
    _recover(folder)
    require_own(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    with TemporaryDirectory(
        prefix=f"{folder.name}.draft-{os.getpid()}-", dir=folder.parent, ignore_cleanup_errors=True
    ) as beside:
        draft = Path(beside) / "new"
        draft.mkdir()
        yield draft
        lines = [*sorted(_files(draft)), LIST]
        (draft / LIST).write_text(HEADING + "\n".join(lines) + "\n", "utf-8", newline="\n")
        require_own(folder)  # minutes may have passed
        _swap(folder, draft)


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


def require_writing(folder: Path) -> None:
    """Makes the folder, if it is not there. Raises OSError if nothing can be written in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        said = f"nothing can be written in {folder} ({error.strerror})"
        raise type(error)(error.errno, said) from error


def _files(folder: Path) -> set[str]:
    """All that is in the folder and is no folder, by its path from there."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if (path.is_symlink() or not path.is_dir()) and path.name not in LITTER
    }


def _before(folder: Path) -> Path:
    """Where the old folder lies while the new one takes its place."""
    return folder.with_name(f".{folder.name}.before")


def _recover(folder: Path) -> None:
    """Puts the old folder back, if a swap was cut off before it could."""
    old = _before(folder)
    if old.exists() and not folder.exists():
        old.rename(folder)


def _sweep(folder: Path) -> None:
    """Removes the drafts of those who were killed while they wrote."""
    name = re.compile(rf"{re.escape(folder.name)}\.draft-(\d+)-\w+")
    for beside in folder.parent.iterdir():
        draft = name.fullmatch(beside.name)
        if draft and not _lives(int(draft[1])):
            rmtree(beside, ignore_errors=True)


def _lives(process: int) -> bool:
    """Whether there is such a process. On Windows, where asking would end it, it is alive."""
    if os.name == "posix":
        with suppress(PermissionError):  # somebody else's
            try:
                os.kill(process, 0)
            except (ProcessLookupError, OverflowError):
                return False
    return True


def _swap(folder: Path, draft: Path) -> None:
    """Puts the draft in the folder's place. Wherever that stops, the old folder is not deleted."""
    old = _before(folder)
    if old.exists():  # both were there: the last swap was cut off at its very end
        with suppress(FileNotFoundError):  # where two swap at once, the other removes it too
            require_own(old)
        rmtree(old, ignore_errors=True)
    try:
        if folder.exists():
            folder.rename(old)
        draft.rename(folder)
    except BaseException:
        _recover(folder)
        raise
    if old.exists():
        rmtree(old, ignore_errors=True)
