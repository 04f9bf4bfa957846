"""Places in the course's files, and the notebooks as pages of prose and code."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("notebooks", "tests")  # which lie beside the package, and are not installed with it
_NOTEBOOK = re.compile(r"\d\d_\w+\.ipynb")  # and no 04_gap-Copy1.ipynb or Untitled.ipynb


class Place(NamedTuple):
    """Where something stands: its name, and the file and line, both seen from the root."""

    name: str
    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class NotebookPage:
    """A notebook: its number, the file that holds it, its prose, and its cells of code."""

    number: int
    file: str
    prose: str
    code: tuple[str, ...]

    @classmethod
    def read(cls, path: Path, root: Path = ROOT) -> "NotebookPage":
        """The notebook at `path`, its name as seen from `root`."""
        cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = [text(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        prose = [text(cell["source"]) for cell in cells if cell["cell_type"] != "code"]
        file = path.relative_to(root).as_posix()
        return cls(int(path.name[:2]), file, "\n\n".join(prose), tuple(code))

    @property
    def title(self) -> str:
        """Its first heading, such as `4 · What is the gap?`."""
        return self.prose.splitlines()[0].removeprefix("# ")

    @cached_property
    def trees(self) -> list[ast.Module]:
        """Its cells of code, parsed."""
        return [ast.parse(source) for source in self.code]

    def calls(self, *names: str) -> list[ast.Call]:
        """Every call of one of these functions in its code."""
        return [call for tree in self.trees for name in names for call in calls(tree, name)]


def pages(root: Path = ROOT) -> Iterator[NotebookPage]:
    """The notebooks, in order, without what JupyterLab put beside them: see `notebook_paths`.

    Raises FileNotFoundError where the notebooks or the tests are not beside the package.
    """
    for folder in FOLDERS:
        if not (root / folder).is_dir():
            raise FileNotFoundError(
                f"{folder}/ is not beside the package ({root}): the index reads the course's "
                "folder, so use the package from there"
            )
    for path in notebook_paths(root / "notebooks"):
        yield NotebookPage.read(path, root)


def notebook_paths(folder: Path = ROOT / "notebooks") -> list[Path]:
    """The files of the chapters in the folder, in order, and no copies that JupyterLab made."""
    return sorted(path for path in folder.glob("*.ipynb") if _NOTEBOOK.fullmatch(path.name))


def keys(root: Path, pattern: str, key: str) -> list[Place]:
    """Where the files that fit the pattern have a dictionary's entry of that key."""
    return [
        Place(key, file, entry.lineno)
        for file, source in sources(root, pattern, key)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Dict)
        for entry in node.keys
        if isinstance(entry, ast.Constant) and entry.value == key
    ]


def sources(root: Path, pattern: str, *words: str) -> Iterator[tuple[str, str]]:
    """Each file below `root` that fits the pattern and holds all these words: its name, its text.

    The words spare the parsing of files that hold nothing.
    """
    for path in sorted(root.glob(pattern)):
        source = path.read_text(encoding="utf-8")
        if all(word in source for word in words):
            yield path.relative_to(root).as_posix(), source


def text(value: str | list[str]) -> str:
    """A string as the notebook format stores it: whole, or in lines."""
    return value if isinstance(value, str) else "".join(value)


def calls(tree: ast.AST, name: str) -> list[ast.Call]:
    """Every call of the function `name` in the tree, of a room's, `plots.name`, too."""
    called = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in called if name in (_attribute(call.func), _name(call.func))]


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else ""


def _attribute(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.attr
    return ""
