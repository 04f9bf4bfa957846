"""Recordings that are kept until something changes on which they depend.

A recording depends on the source of its explorer and of all that this imports from the package, on
the sources of the recorder, on the files in data/, on its stops, and on the libraries that compute,
draw and pack. All this makes its key; a recording with another key is made anew.
"""

import ast
import hashlib
import sys
import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

from course_lib.checkpoint import write_whole
from course_lib.edition.packing import checked

ROOT = Path(__file__).resolve().parent.parent.parent
LIBRARIES = ("torch", "numpy", "matplotlib")
_PACKAGE = "course_lib"
_RECORDER = (f"{_PACKAGE}.edition.taking", f"{_PACKAGE}.edition.packing")
_KEPT_DIGITS = 32  # of a key, in a file's name


def key_of(module: str, stops: str) -> str:
    """The key of a recording: of the explorer that `module` defines, at these stops.

    Raises ValueError if the package has no such module.
    """
    sources = reached([module, *_RECORDER])
    found = hashlib.sha256()
    for part in (stops, data_digest(), *_versions(), *(_digest(path) for path in sources)):
        found.update(part.encode() + b"\0")
    return found.hexdigest()


def reached(modules: Iterable[str]) -> list[Path]:
    """The files of these modules of the package and of all that they import from it."""
    waiting, found = [_file(module) for module in modules], set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += imported(path)
    return sorted(found)


@cache
def imported(path: Path) -> tuple[Path, ...]:
    """The files of the package that the one at `path` imports, with those of the rooms around.

    Without the door of this room, which opens on all explorers, and which no recording needs.
    """
    names = set(_names(ast.parse(path.read_text(encoding="utf-8"))))
    parts = {name.rsplit(".", i)[0] for name in names for i in range(name.count("."))}
    files = {file for name in names | parts if (file := _source(name)) is not None}
    return tuple(sorted(files - {_source(f"{_PACKAGE}.edition")}))


def _names(tree: ast.Module) -> Iterator[str]:
    """What a file imports from the package, dotted; a thing as well as its module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith(f"{_PACKAGE}."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_PACKAGE):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _source(name: str) -> Path | None:
    """The file of a module or a room; None for a thing in one."""
    path = ROOT.joinpath(*name.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def _file(module: str) -> Path:
    path = _source(module)
    if path is None:
        raise ValueError(f"{module} is no module of {_PACKAGE}")
    return path


def _digest(path: Path) -> str:
    name = path.relative_to(ROOT).as_posix()
    return f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}"


@cache
def data_digest() -> str:
    """Of every file in data/ that is read when an explorer is made."""
    files = sorted(p for p in (ROOT / "data").iterdir() if p.suffix in {".npz", ".safetensors"})
    return " ".join(_digest(path) for path in files)


def _versions() -> list[str]:
    python = ".".join(map(str, sys.version_info[:3]))
    return [python, zlib.ZLIB_RUNTIME_VERSION, *(f"{name} {version(name)}" for name in LIBRARIES)]


def kept(folder: Path, name: str, key: str) -> bytes | None:
    """The recording of the explorer `name` that has this key; None if there is none in `folder`.

    One that was altered or cut off on the disk counts as none.
    """
    path = _path(folder, name, key)
    try:
        data = path.read_bytes()
        checked(data)
    except (OSError, ValueError):
        return None
    return data


def keep(folder: Path, name: str, key: str, data: bytes) -> None:
    """Keeps a recording in place of all others of this explorer."""
    path = _path(folder, name, key)
    write_whole(path, data)
    for other in folder.glob(f"{name}-*.recording"):
        if other != path:
            other.unlink(missing_ok=True)


def _path(folder: Path, name: str, key: str) -> Path:
    return folder / f"{name}-{key[:_KEPT_DIGITS]}.recording"
