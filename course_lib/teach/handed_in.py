"""What was handed in: which files of a folder are submissions, and what each of them holds."""

import ast
import contextlib
import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.index import text
from course_lib.teach.choosing import NO_PYTHON, Placed
from course_lib.teach.fingerprint import exercises_fingerprint
from course_lib.teach.marks import encodable, visible
from course_lib.teach.notebooks import OUR_KEY
from course_lib.teach.variation import require_class_name

MOST_BYTES = 64 * 2**20
CHECKED = re.compile(r"""\bcheck\(\s*["'](\d{1,2})\.[a-d]["']""")
# Where the course itself keeps right answers: no exercise asks for any of these.
KEYS = re.compile(
    r"\bEXERCISES\b|\bexercises_of\b|\bpublished_answers\b|\.registry\b|(?<![\w.])find\("
    r"|\bkey_lines\b|\b__(?:self|globals)__"
)
# Parts of an exercise; others have such too, `"abc".find` and `ax.spines.right`.
PARTS = re.compile(r"\.(?:expected|rights?|blanks)\b|(?<!\bcourse_lib)\.exact\b|\.find\(")
ROOMS = ("checks", "exercises", "teach")  # which hold exercises
# What notebooks import from there, which gives no exercise away.
FOR_READERS = {"check", "forget", "guess", "hint", "in_class", "monte_carlo", "progress", "reveal"}
FOR_READERS |= {"rounds_to", "verify", "verify_at_most"}
# The same in a text that does not parse: what may bring an exercise, but for these names alone.
_ROOM, _NAMES = "|".join(ROOMS), "|".join(sorted(FOR_READERS))
KEEPERS = re.compile(
    rf"\bcourse_lib\.(?:{_ROOM})\b|\bcourse_lib import .*\b(?:{_ROOM})\b"
    r"|\bimport course_lib\b(?!\.)"
)
PLAIN = re.compile(
    rf"\bcourse_lib\.(?:{_ROOM}) import (?:(?:{_NAMES})\b(?:, *)?)+ *(?:#.*)?$", re.MULTILINE
)
MAGIC = re.compile(r"^[ \t]*[%!?].*$|^.*\?[ \t]*$", re.MULTILINE)  # %%time, !ls, check?


@dataclass
class HandedIn:
    """A submission: its name in the folder, its chapter (0 if it says none), its cells of code,
    the class that it was handed out to, what is to be noted, and what its teacher should look at.
    """

    name: str
    digest: str
    chapter: int = 0
    class_name: str = ""
    cells: list[Placed] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    suspicion: str = ""


def notebooks_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """The notebooks below a folder, and the other files; hidden files and folders are neither.

    Raises ValueError if there is no such folder.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder")
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and (path.is_file() or path.is_symlink())
    ]
    notebooks = [path for path in files if path.suffix == ".ipynb"]
    return notebooks, [path for path in files if path.suffix != ".ipynb"]


def name_in(folder: Path, path: Path) -> str:
    """A file's name within the folder, with escapes for bytes that are not UTF-8 and for control
    characters, so that a table can hold it.
    """
    name = os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace")
    return visible(name)


def read_submission(path: Path, folder: Path, chapter: int = 0) -> HandedIn:
    """What a file holds. Of what is no notebook a note says why; nothing is raised for what a
    submission may be.

    chapter: what it must be of, or 0 for what it says itself.
    """
    name = name_in(folder, path)
    if path.is_symlink():
        return HandedIn(name, "link", chapter, notes=["a link to another file: not read"])
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            note = f"{size / 2**20:,.0f} MiB: not read"
            return HandedIn(name, f"size {size}", chapter, notes=[note])
        data = path.read_bytes()
    except OSError as error:
        return HandedIn(name, "unread", chapter, notes=[f"cannot be read: {error.strerror}"])
    found = HandedIn(name, hashlib.sha256(data).hexdigest()[:16], chapter)
    try:
        raw = json.loads(data)
        cells = raw["cells"]
        assert isinstance(cells, list)
    except (ValueError, RecursionError, TypeError, KeyError, AssertionError):
        found.notes.append("no notebook of format 4")
        return found
    _read_cells(found, cells)
    _read_about(found, raw.get("metadata"))
    found.notes += _noted(found, path)
    return found


def _read_cells(found: HandedIn, cells: list[Any]) -> None:
    """The sources of the cells of code; what is no cell is left out."""
    for place, cell in enumerate(cells, start=1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            try:
                source = text(cell.get("source", ""))
            except TypeError:
                continue
            if source.strip():
                found.cells.append((place, source))


def _read_about(found: HandedIn, metadata: Any) -> None:
    """Chapter and class, as the assignment says them, else as the cells do."""
    about = metadata.get(OUR_KEY) if isinstance(metadata, dict) else None
    about = about if isinstance(about, dict) else {}
    asked = Counter(int(n) for _, source in found.cells for n in CHECKED.findall(source))
    said = about.get("chapter")
    own = said if type(said) is int and said > 0 else max(asked, key=asked.get, default=0)  # type: ignore[arg-type]
    if found.chapter and own and own != found.chapter:
        found.notes.append(f"says that it is of chapter {own}, graded as {found.chapter}")
    found.chapter = found.chapter or own
    found.class_name = _class_name(about.get("class"))
    if about.get("exercises", exercises_fingerprint()) != exercises_fingerprint():
        found.notes.append("made by a course whose exercises are not those that are installed")


def _class_name(said: Any) -> str:
    """The class that an assignment says it is for, as the course writes names, if it is one; of
    anything else what can be shown.
    """
    name = visible(encodable(said))[:40] if isinstance(said, str) else ""
    try:
        return require_class_name(name)
    except ValueError:
        return name


def _noted(found: HandedIn, path: Path) -> Iterator[str]:
    """What a teacher may want to look at."""
    if not found.cells:
        yield "no cells of code"
    if any((path.parent / name).exists() for name in ("course_lib", "course_lib.py")):
        yield "a course_lib lies beside it: the installed one was used"


def looks_at_answers(cells: list[Placed]) -> str:
    """What a teacher may want to read in a student's own cells, or nothing.

    A part of an exercise, such as `.right`, counts only where some cell imports what may hold one.
    """
    taken = [_imported_from_rooms(source) for _, source in cells]
    imports = any(names - FOR_READERS for names in taken)
    places = [
        str(place)
        for (place, source), names in zip(cells, taken, strict=True)
        if KEYS.search(source) or "find" in names or (imports and PARTS.search(source))
    ]
    return f"may read the course's own answers in cell {', '.join(places[:5])}" if places else ""


def _imported_from_rooms(source: str) -> set[str]:
    """What a cell imports of the rooms that hold exercises: names, or the room or the package.

    "?" if it names one in a string, as for `import_module`, or is no Python and imports one.
    """
    tree, rest = _parsed(source)
    found = _named_in(rest)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if _holds(alias.name)}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {alias.name for alias in node.names}
            inside = node.module != "course_lib" and _holds(node.module)
            found |= names if inside else {n for n in names if _holds(f"{node.module}.{n}")}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= set() if id(node) in told else _named_in(node.value)
    return found


def _named_in(words: str) -> set[str]:
    """ "?" if a text that is not parsed names what may hold an exercise."""
    return {"?"} if KEEPERS.search(PLAIN.sub("", words)) else set()


def _parsed(source: str) -> tuple[ast.Module, str]:
    """A cell as Python, and the lines that only IPython reads; or nothing, and the whole cell."""
    with contextlib.suppress(*NO_PYTHON):
        return ast.parse(source), ""
    with contextlib.suppress(*NO_PYTHON):
        return ast.parse(MAGIC.sub("", source)), "\n".join(MAGIC.findall(source))
    return ast.Module([], []), source


def _holds(module: str) -> bool:
    """Whether it is the package, or a module of a room that holds exercises; `*` is any of them."""
    package, *inner = module.split(".")
    return package == "course_lib" and (not inner or inner[0] in (*ROOMS, "*"))
