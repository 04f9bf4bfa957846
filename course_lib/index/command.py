"""What stands where, in the terminal.

python -m course_lib        every chapter: notebook, explorer, exercises, equations
python -m course_lib 4      chapter 4 in full
python -m course_lib 8.3    equation (8.3): the function, the notebook, the test, the proof
python -m course_lib 3.d    exercise 3.d: its answer, its mistakes, the notebook that asks it
"""

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from course_lib.index.chapters import Chapter, collect_chapters
from course_lib.index.equations import Equation, Index, collect_equations
from course_lib.index.places import ROOT, Place, keys
from course_lib.numerals import print_any_sign

Rows = list[tuple[str, ...]]
HEAD = ("", "notebook", "explorer", "exercises", "equations")


def main(words: list[str] | None = None, root: Path = ROOT) -> int:
    """Prints what the words ask for. Returns the exit status: 2 if they ask for what is not there.

    It is 1 if the notebooks and the tests are not beside the package.
    """
    print_any_sign()
    asked = sys.argv[1:] if words is None else words
    if asked in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    try:
        print("\n".join(answer(asked, root)), flush=True)
    except BrokenPipeError:  # whoever reads has read enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except FileNotFoundError as error:
        print(f"course_lib: {error}", file=sys.stderr)
        return 1
    except LookupError as error:
        print(f"course_lib: {error.args[0]}", file=sys.stderr)
        return 2
    return 0


def answer(words: list[str], root: Path = ROOT) -> list[str]:
    """The lines that answer. Raises LookupError, with what there is, if nothing does."""
    if len(words) > 1 or (words and not re.fullmatch(r"\d+(\.(\d+|[a-z]))?", words[0])):
        raise LookupError(
            f"{' '.join(words)!r} is no chapter, such as 4, no equation, such as 8.3, and no "
            "exercise, such as 3.d"
        )
    equations = collect_equations(root)
    if words and re.search(r"\.\d", words[0]):
        return equation_in_full(equations, words[0])
    chapters = collect_chapters(root, equations)
    if words and "." in words[0]:
        return exercise_in_full(chapters, words[0], root)
    if not words:
        return table([HEAD, *(overview(chapters[number]) for number in sorted(chapters))])
    number = int(words[0])
    if number not in chapters:
        raise LookupError(f"there is no chapter {number}; there are {span(map(str, chapters))}")
    return chapter_in_full(chapters[number])


def overview(chapter: Chapter) -> tuple[str, ...]:
    """A chapter's row of the table."""
    return (
        str(chapter.page.number),
        chapter.page.file.removeprefix("notebooks/").removesuffix(".ipynb"),
        ", ".join(place.name for place in chapter.explorers),
        span(place.name for place in chapter.exercises),
        span(equation.tag for equation in chapter.equations),
    )


def chapter_in_full(chapter: Chapter) -> list[str]:
    """Its parts, each with its file, and a line for each equation."""
    rows: Rows = [("notebook", "", chapter.page.file)]
    rows += [("explorer", place.name, str(place)) for place in chapter.explorers]
    rows += [("exercise", place.name, str(place)) for place in chapter.exercises]
    for equation in chapter.equations:
        name = f"({equation.tag})"
        for place in equation.functions:
            rows.append(("equation", f"{name} {place.name}", str(place)))
            name = " " * len(name)
    return [chapter.page.title, *table(once(rows))]


def exercise_in_full(chapters: dict[int, Chapter], name: str, root: Path) -> list[str]:
    """Where one exercise stands. Raises LookupError that names those of the chapter."""
    number = int(name.split(".")[0])
    if number not in chapters:
        raise LookupError(f"there is no exercise {name}; there is no chapter {number}")
    places = {place.name: place for place in chapters[number].exercises}
    if name not in places:
        raise LookupError(f"there is no exercise {name}; chapter {number} has {span(places)}")
    rows: Rows = [("exercise", str(places[name])), ("notebook", chapters[number].page.file)]
    rows += [("tested by", str(place)) for place in keys(root, "tests/exercise_*.py", name)]
    return [f"Exercise {name}", *table(once(rows))]


def equation_in_full(index: Index, tag: str) -> list[str]:
    """Where one equation stands. Raises LookupError that names those of the chapter."""
    if tag not in index or not index[tag].tex:
        number = tag.split(".")[0]
        there = [other for other in index if other.split(".")[0] == number]
        found = f"chapter {number} has {span(there)}" if there else f"there is no chapter {number}"
        raise LookupError(f"there is no equation {tag}; {found}")
    equation = index[tag]
    tex = " ".join(equation.tex[0].replace(rf"\tag{{{tag}}}", "").split())
    return [f"({tag})  {tex}", *table(once(places_of(equation)))]


def places_of(equation: Equation) -> Rows:
    """What kind, which name, which file: a row for each place of the equation."""
    kinds: list[tuple[str, list[Place]]] = [
        ("function", equation.functions),
        ("displayed", [place._replace(name="") for place in equation.shown]),
        ("verified", [place._replace(name="") for place in equation.verified]),
        ("test", equation.tests),
        ("proved for", equation.proofs),
    ]
    return [(kind, place.name, str(place)) for kind, places in kinds for place in places]


def span(names: Iterable[str]) -> str:
    """The first and the last of the names: 4.1 to 4.7."""
    listed = list(names)
    return " to ".join(dict.fromkeys((*listed[:1], *listed[-1:])))


def once(rows: Rows) -> Rows:
    """The rows without the first word where it is that of the row above."""
    above = ["", *(row[0] for row in rows)]
    return [
        ("" if row[0] == before else row[0], *row[1:])
        for before, row in zip(above, rows, strict=False)
    ]


def table(rows: Rows) -> list[str]:
    """The rows with their columns aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return [f"  {line}" for line in lines]
