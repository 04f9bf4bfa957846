r"""Where each equation is displayed, computed, verified, tested and proved.

An equation's tag, chapter.number, stands in five places: `\tag{4.3}` under the equation in a
notebook, `(Eq. 4.3)` in the docstring of the function that computes it, `verify("4.3", …)` in a
notebook, `@pytest.mark.equation("4.3")` on the test that holds the function against an independent
answer, and `@pytest.mark.proves("4.3", "all values, …")` on the proof by algebra, with what it
covers.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.index.places import ROOT, NotebookPage, Place, pages, sources

DISPLAYED = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
QUOTED = re.compile(r"^> ?", re.MULTILINE)  # the mark of a block quote, where some equations stand
TAG = re.compile(r"\\tag\{(\d+\.\d+)\}")
DOCSTRING = re.compile(r"\(Eqs?\.\s+([\d.,\s]+?)\)")
TAGS = re.compile(r"\d+\.\d+")
DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass
class Equation:
    """One tag, and where it occurs.

    The name of a function's place begins with its room; of a notebook's it is the number; of a
    proof's it is what the proof covers.
    """

    tag: str
    tex: list[str] = field(default_factory=list)
    shown: list[Place] = field(default_factory=list)
    functions: list[Place] = field(default_factory=list)
    verified: list[Place] = field(default_factory=list)
    tests: list[Place] = field(default_factory=list)
    proofs: list[Place] = field(default_factory=list)

    @property
    def chapter(self) -> int:
        """The number before the point."""
        return self.order[0]

    @property
    def order(self) -> tuple[int, ...]:
        """Both numbers, to sort by."""
        return tuple(int(part) for part in self.tag.split("."))


Index = dict[str, Equation]


def collect_equations(root: Path = ROOT) -> Index:
    """Every tag that occurs anywhere under `root`, with its places, in order.

    Raises FileNotFoundError where the notebooks or the tests are not beside the package.
    """
    index: Index = {}
    for page in pages(root):
        _add_page(index, page)
    for file, source in sources(root, "course_lib/**/*.py", "(Eq"):
        for place, tag in tagged_functions(source, file):
            named = place._replace(name=f"{_room_of(file)}.{place.name}")
            _entry(index, tag).functions.append(named)
    for file, source in sources(root, "tests/test_*.py", "pytest.mark.equation"):
        for place, (tag,) in marks(source, "equation", file):
            _entry(index, tag).tests.append(place)
    for file, source in sources(root, "tests/test_*.py", "pytest.mark.proves"):
        for place, (tag, scope) in marks(source, "proves", file):
            _entry(index, tag).proofs.append(place._replace(name=scope))
    return dict(sorted(index.items(), key=lambda item: item[1].order))


def chapters_equations(index: Index, chapter: int) -> list[Equation]:
    """The equations that the chapter's notebook displays, in order."""
    return [equation for equation in index.values() if equation.chapter == chapter and equation.tex]


def tagged_functions(source: str, file: str = "") -> Iterator[tuple[Place, str]]:
    """Every function, method and class whose docstring has a tag, by its qualified name."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[Place, str]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, DOCUMENTED):
                place = Place(f"{prefix}{child.name}", file, child.lineno)
                yield from ((place, tag) for tag in docstring_tags(child))
                yield from walk(child, f"{place.name}.")

    yield from walk(ast.parse(source), "")


def docstring_tags(node: ast.AST) -> list[str]:
    """The tags in the docstring of a function or a class; none for anything else."""
    words = ast.get_docstring(node) if isinstance(node, DOCUMENTED) else None
    return [tag for tags in DOCSTRING.findall(words or "") for tag in TAGS.findall(tags)]


def marks(source: str, mark: str, file: str = "") -> Iterator[tuple[Place, tuple[str, ...]]]:
    """Every test, with each tag of an equation mark or the words of a proves mark."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            place = Place(node.name, file, node.lineno)
            for call in (c for d in node.decorator_list for c in ast.walk(d)):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == f"pytest.mark.{mark}":
                    words = tuple(str(ast.literal_eval(word)) for word in call.args)
                    parts = [(tag,) for tag in words] if mark == "equation" else [words]
                    yield from ((place, part) for part in parts)


def _entry(index: Index, tag: str) -> Equation:
    return index.setdefault(tag, Equation(tag))


def _add_page(index: Index, page: NotebookPage) -> None:
    """Adds the equations that a notebook displays and those that it verifies."""
    here = Place(str(page.number), page.file)
    for tex in DISPLAYED.findall(QUOTED.sub("", page.prose)):
        for tag in TAG.findall(tex):
            _entry(index, tag).tex.append(tex)
            _entry(index, tag).shown.append(here)
    for call in page.calls("verify", "verify_at_most"):
        tag = ast.literal_eval(call.args[0]) if call.args else None
        if isinstance(tag, str) and here not in _entry(index, tag).verified:
            _entry(index, tag).verified.append(here)


def _room_of(file: str) -> str:
    """bounds for course_lib/bounds.py; exact for any file of the folder exact."""
    return Path(file).relative_to("course_lib").with_suffix("").parts[0]
