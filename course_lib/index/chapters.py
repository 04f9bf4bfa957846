"""What belongs to each chapter: its notebook, explorers, exercises and equations."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from course_lib.index.equations import Equation, Index, chapters_equations, collect_equations
from course_lib.index.places import ROOT, NotebookPage, Place, calls, pages, sources

OF_CHAPTER = re.compile(r"Explorer of chapter (\d+)\b")


@dataclass(frozen=True)
class Chapter:
    """One chapter. An explorer's name is its class, an exercise's such as 4.b."""

    page: NotebookPage
    explorers: list[Place]
    exercises: list[Place]
    equations: list[Equation]


def collect_chapters(root: Path = ROOT, index: Index | None = None) -> dict[int, Chapter]:
    """Each chapter that has a notebook, by number. index: the equations, if they are known.

    Raises FileNotFoundError where the notebooks or the tests are not beside the package.
    """
    equations = collect_equations(root) if index is None else index
    exercises, explorers = _exercises(root), _explorers(root)
    return {
        page.number: Chapter(
            page,
            explorers.get(page.number, []),
            [place for place in exercises if place.name.split(".")[0] == str(page.number)],
            chapters_equations(equations, page.number),
        )
        for page in pages(root)
    }


def _exercises(root: Path) -> list[Place]:
    """Every exercise that the package registers, `register(Exercise("4.b", …))`, by name."""
    return sorted(
        Place(str(made.args[0].value), file, made.lineno)
        for file, source in sources(root, "course_lib/exercises/*.py", "register(")
        for call in calls(ast.parse(source), "register")
        for made in call.args
        if isinstance(made, ast.Call) and made.args and isinstance(made.args[0], ast.Constant)
    )


def _explorers(root: Path) -> dict[int, list[Place]]:
    """The explorers by the chapter that the docstring of their module names."""
    found: dict[int, list[Place]] = {}
    for file, source in sources(root, "course_lib/explorers/*.py", "Explorer of chapter"):
        tree = ast.parse(source)
        chapter = OF_CHAPTER.match(ast.get_docstring(tree) or "")
        if chapter:
            places = [Place(name.name, file, name.lineno) for name in explorer_classes(tree)]
            found.setdefault(int(chapter[1]), []).extend(places)
    return found


def explorer_classes(tree: ast.Module) -> list[ast.ClassDef]:
    """The explorers that a module defines: public classes made from Explorer."""
    return [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and not node.name.startswith("_")
        and any(isinstance(base, ast.Name) and base.id == "Explorer" for base in node.bases)
    ]
