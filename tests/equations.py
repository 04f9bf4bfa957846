r"""The index of equations, notebooks/EQUATIONS.md: where each is displayed, computed and proved.

An equation's tag, chapter.number, stands in five places: `\tag{4.3}` under the equation in a
notebook, `(Eq. 4.3)` in the docstring of the function that computes it, `verify("4.3", …)` in a
notebook, `@pytest.mark.equation("4.3")` on the test that holds the function against an independent
answer, and `@pytest.mark.proves("4.3", "all values, …")` on the proof by algebra, with what it
covers. What has no such proof says why in UNPROVED.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from notebook_rules import Notebook

ROOT = Path(__file__).resolve().parent.parent
DISPLAYED = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
TAG = re.compile(r"\\tag\{(\d+\.\d+)\}")
DOCSTRING = re.compile(r"\(Eqs?\.\s+([\d.,\s]+?)\)")
HEADER = """# Equations

Written by `python3 start.py refresh`; a test fails when it is stale. Each equation is displayed in
a notebook under its tag, computed by the function whose docstring bears the tag, and shown to hold
by `verify` in the notebook. The test compares the function with an independent answer at many
points. *Proved for* says for which values of its symbols, and at which sizes, algebra shows the
equation to hold, whatever the numbers; the proof then compares what it proved with the function.
"""
HEAD = (
    "| tag | equation | function | shown, verified | test | proved for |\n|---|---|---|---|---|---|"
)
UNPROVED = {
    "5.4": "a definition",
    "6.2": "a definition",
    "7.2": "checked at points: an approximation, by quadrature",
    "9.7": "a definition",
    "11.5": "checked at points: its maximum has no formula",
}


@dataclass
class Equation:
    """One tag, and where it occurs. A place is a pair: the name to show and the file to link.

    Of a proof the name is what it covers.
    """

    tag: str
    tex: list[str] = field(default_factory=list)
    shown: list[tuple[str, str]] = field(default_factory=list)
    functions: list[tuple[str, str]] = field(default_factory=list)
    verified: list[tuple[str, str]] = field(default_factory=list)
    tests: list[tuple[str, str]] = field(default_factory=list)
    proofs: list[tuple[str, str]] = field(default_factory=list)

    @property
    def chapter(self) -> int:
        return int(self.tag.split(".")[0])

    @property
    def order(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.tag.split("."))


Index = dict[str, Equation]


def collect(root: Path = ROOT) -> Index:
    """Every tag that occurs anywhere under `root`, with its places."""
    index: Index = {}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        add_notebook(index, Notebook.read(path), path.relative_to(root).as_posix())
    for path in sorted((root / "course_lib").rglob("*.py")):
        for name, tag in tagged_functions(path.read_text(encoding="utf-8")):
            place = path.relative_to(root).as_posix()
            entry(index, tag).functions.append((f"{module_of(place)}.{name}", place))
    for path in sorted((root / "tests").glob("test_*.py")):
        source, place = path.read_text(encoding="utf-8"), path.relative_to(root).as_posix()
        for name, (tag,) in marks(source, "equation"):
            entry(index, tag).tests.append((name, place))
        for _, (tag, scope) in marks(source, "proves"):
            entry(index, tag).proofs.append((scope, place))
    return dict(sorted(index.items(), key=lambda item: item[1].order))


def entry(index: Index, tag: str) -> Equation:
    return index.setdefault(tag, Equation(tag))


def add_notebook(index: Index, notebook: Notebook, place: str) -> None:
    """Adds the equations that a notebook displays and those that it verifies."""
    here = (str(notebook.number), place)
    for tex in DISPLAYED.findall(notebook.prose):
        for tag in TAG.findall(tex):
            entry(index, tag).tex.append(tex)
            entry(index, tag).shown.append(here)
    calls = [
        call
        for cell in notebook.code
        for name in ("verify", "verify_at_most")
        for call in cell.calls(name)
    ]
    for call in calls:
        tag = ast.literal_eval(call.args[0]) if call.args else None
        if isinstance(tag, str) and here not in entry(index, tag).verified:
            entry(index, tag).verified.append(here)


def module_of(place: str) -> str:
    """bounds for course_lib/bounds.py; exact for any file of the folder exact."""
    return Path(place).relative_to("course_lib").with_suffix("").parts[0]


def tagged_functions(source: str) -> Iterator[tuple[str, str]]:
    """The qualified name and tag of every function, method and class whose docstring has one."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, str]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, kinds):
                name = f"{prefix}{child.name}"
                for tags in DOCSTRING.findall(ast.get_docstring(child) or ""):
                    yield from ((name, tag) for tag in re.findall(r"\d+\.\d+", tags))
                yield from walk(child, f"{name}.")

    yield from walk(ast.parse(source), "")


def marks(source: str, mark: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The name of every test, with each tag of an equation mark or the words of a proves mark."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            for call in (c for d in node.decorator_list for c in ast.walk(d)):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == f"pytest.mark.{mark}":
                    words = tuple(str(ast.literal_eval(word)) for word in call.args)
                    parts = [(tag,) for tag in words] if mark == "equation" else [words]
                    yield from ((node.name, part) for part in parts)


def faults(index: Index, chapters: set[int]) -> list[str]:
    """What is missing: `chapters` are those that have a notebook, the others are not yet due."""
    found = []
    for equation in (e for e in index.values() if e.chapter in chapters):
        if not equation.shown:
            where = [name for name, _ in equation.functions + equation.tests]
            found.append(f"{equation.tag}: named in {', '.join(where)}, displayed in no notebook")
            continue
        if len(equation.shown) > 1:
            found.append(f"{equation.tag}: displayed {len(equation.shown)} times")
        if {str(equation.chapter)} != {number for number, _ in equation.shown}:
            found.append(f"{equation.tag}: displayed in another chapter's notebook")
        if not equation.functions:
            found.append(f"{equation.tag}: no function's docstring says (Eq. {equation.tag})")
        if not equation.verified:
            found.append(f"{equation.tag}: no notebook calls verify with it")
        if not equation.tests:
            found.append(f"{equation.tag}: no test is marked pytest.mark.equation with it")
        if (len(equation.proofs) == 1) is (equation.tag in UNPROVED):
            found.append(
                f"{equation.tag}: it must have one test marked pytest.mark.proves, or stand in "
                f"UNPROVED: it has {len(equation.proofs)}"
            )
    return found


def render(index: Index, titles: dict[int, str]) -> str:
    """The Markdown of the index: a table for each chapter, a row for each displayed equation."""
    parts = [HEADER]
    for chapter, title in sorted(titles.items()):
        rows = [row(e) for e in index.values() if e.chapter == chapter and e.shown]
        if rows:
            parts.append("\n".join([f"## {title}\n", HEAD, *rows, ""]))
    return "\n".join(parts)


def row(equation: Equation) -> str:
    """One row; a bar inside an equation would end its column, so it is spelled out."""
    tex = " ".join(TAG.sub("", equation.tex[0]).split())
    tex = tex.replace(r"\|", r"\Vert ").replace("|", r"\vert ")
    notebooks = equation.shown + [
        place for place in equation.verified if place != equation.shown[0]
    ]
    cells = [
        equation.tag,
        f"${tex}$",
        links([(f"`{name}`", place) for name, place in equation.functions]),
        links([(f"notebook {number}", place) for number, place in notebooks]),
        links([(f"`{name}`", place) for name, place in equation.tests]),
        links(equation.proofs) or UNPROVED.get(equation.tag, ""),
    ]
    return f"| {' | '.join(cells)} |"


def links(places: list[tuple[str, str]]) -> str:
    """Links as seen from notebooks/, where the index lies."""
    return ", ".join(
        f"[{name}]({place.removeprefix('notebooks/') if 'notebooks/' in place else '../' + place})"
        for name, place in places
    )


def titles(root: Path = ROOT) -> dict[int, str]:
    """Each notebook's number and heading."""
    found = {}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        notebook = Notebook.read(path)
        found[notebook.number] = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
    return found


def write(root: Path = ROOT) -> Path:
    """Writes the index. Returns its path."""
    path = root / "notebooks" / "EQUATIONS.md"
    path.write_text(render(collect(root), titles(root)), encoding="utf-8", newline="\n")
    return path


if __name__ == "__main__":
    print(f"wrote {write().relative_to(ROOT)}")
