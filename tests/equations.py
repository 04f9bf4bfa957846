"""The index of equations, notebooks/EQUATIONS.md: where each is displayed, computed and proved.

`course_lib.index` finds the places of each tag; here stand the page and what must be on it. What
has no proof by algebra says why in UNPROVED.
"""

from collections.abc import Iterable
from pathlib import Path

from course_lib.index import (
    ROOT,
    Equation,
    Index,
    chapters_equations,
    collect_equations,
    pages,
)
from course_lib.index.equations import TAG

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
    "5.2": "a definition",
    "6.2": "a definition",
    "7.2": "checked at points: an approximation, by quadrature",
    "9.7": "a definition",
    "11.5": "checked at points: its maximum has no formula",
}


def faults(index: Index, chapters: set[int]) -> list[str]:
    """What is missing: `chapters` are those that have a notebook, the others are not yet due."""
    found = []
    for equation in (e for e in index.values() if e.chapter in chapters):
        if not equation.shown:
            where = [place.name for place in equation.functions + equation.tests]
            found.append(f"{equation.tag}: named in {', '.join(where)}, displayed in no notebook")
            continue
        if len(equation.shown) > 1:
            found.append(f"{equation.tag}: displayed {len(equation.shown)} times")
        if {str(equation.chapter)} != {place.name for place in equation.shown}:
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
        rows = [row(equation) for equation in chapters_equations(index, chapter)]
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
        links((f"`{place.name}`", place.file) for place in equation.functions),
        links((f"notebook {place.name}", place.file) for place in notebooks),
        links((f"`{place.name}`", place.file) for place in equation.tests),
        links((place.name, place.file) for place in equation.proofs)
        or UNPROVED.get(equation.tag, ""),
    ]
    return f"| {' | '.join(cells)} |"


def links(places: Iterable[tuple[str, str]]) -> str:
    """Links to files as seen from notebooks/, where the index lies."""
    return ", ".join(
        f"[{name}]({file.removeprefix('notebooks/') if 'notebooks/' in file else '../' + file})"
        for name, file in places
    )


def titles(root: Path = ROOT) -> dict[int, str]:
    """Each notebook's number and heading."""
    return {page.number: page.title for page in pages(root)}


def write(root: Path = ROOT) -> Path:
    """Writes the index. Returns its path."""
    path = root / "notebooks" / "EQUATIONS.md"
    path.write_text(render(collect_equations(root), titles(root)), encoding="utf-8", newline="\n")
    return path
