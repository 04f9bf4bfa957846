"""`python -m course_lib.teach`: assignments, marks, answers, slides and exams for a class.

    python -m course_lib.teach assignment 4 --out handout              a notebook to hand out
    python -m course_lib.teach assignment 4 --out handout --class s27  with numbers of that class
    python -m course_lib.teach grade submissions --out marks.csv --class s27
    python -m course_lib.teach key 4 --class s27                       the answers
    python -m course_lib.teach slides 4 --out slides                   a chapter's slides
    python -m course_lib.teach exam 4 --variant a --out sheets         its exam questions, to print

`grade` runs each submission in a process of its own, with limits, and judges outside it. It can be
stopped with Ctrl-C and goes on where it was. notebooks/teaching/grading.md says what holds a
submission, and what does not.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from course_lib.numerals import print_any_sign
from course_lib.teach.assignment import write_assignment
from course_lib.teach.confinement import Limits, held
from course_lib.teach.exam import exam
from course_lib.teach.grading import CourseChanged, Terms, grade
from course_lib.teach.key import key_lines
from course_lib.teach.marks import LETTERS, Row
from course_lib.teach.slides import NEEDED, slides

STOPPED = 130  # what a shell says of a program that Ctrl-C ended


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns 0, 2 with a line on stderr if it cannot, 130 if stopped."""
    print_any_sign()
    options = _options(arguments)
    try:
        options.run(options)
    except ModuleNotFoundError as error:
        print(f"teach: {error}; {NEEDED}", file=sys.stderr)
        return 2
    except (OSError, ValueError, CourseChanged) as error:
        print(f"teach: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("teach: stopped; the same command goes on where it was", file=sys.stderr)
        return STOPPED
    return 0


def _assignment(options: argparse.Namespace) -> None:
    path = write_assignment(
        options.chapter, options.out, options.class_name, nbgrader=options.nbgrader
    )
    print(path)


def _grade(options: argparse.Namespace) -> None:
    limits = Limits(options.timeout, options.memory)
    terms = Terms(options.class_name, options.chapter, limits, options.all_cells)
    print("What holds a submission here:", *held(), sep="\n  ")
    rows = grade(options.folder, options.out, terms)
    print(*_summary(rows), sep="\n")
    print(f"{options.out}, and a page for each in {options.out.stem}-feedback")


def _summary(rows: list[Row]) -> list[str]:
    """How many are right, exercise by exercise."""
    lines = [f"{len(rows):,} submissions"]
    for letter in LETTERS:
        marks = [getattr(row, letter) for row in rows if getattr(row, letter)]
        if marks:
            lines.append(f"  {letter}: right in {marks.count('1'):,} of {len(marks):,}")
    return lines


def _key(options: argparse.Namespace) -> None:
    print(*key_lines(options.chapter, options.class_name), sep="\n")


def _slides(options: argparse.Namespace) -> None:
    for chapter in options.chapter:
        print(slides(chapter, options.out))


def _exam(options: argparse.Namespace) -> None:
    names = [name.strip() for name in options.questions.split(",") if name.strip()]
    print(exam(options.chapter, names, options.variant, options.out))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m course_lib.teach", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(required=True, metavar="command")
    made = commands.add_parser("assignment", help="a chapter's notebook without its solutions")
    made.add_argument("chapter", type=int)
    made.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder")
    made.add_argument("--nbgrader", action="store_true", help="with the cells that nbgrader reads")
    graded = commands.add_parser("grade", help="marks for a folder of submissions")
    graded.add_argument("folder", type=Path, metavar="DIR", help="notebooks, in folders or not")
    graded.add_argument("--out", type=Path, required=True, metavar="marks.csv", help="the table")
    graded.add_argument("--chapter", type=int, default=0, help="what all must be of")
    graded.add_argument("--timeout", type=float, default=300.0, metavar="SECONDS", help="of each")
    graded.add_argument("--memory", type=int, default=2048, metavar="MIB", help="of each")
    graded.add_argument("--all-cells", action="store_true", help="run what no answer needs, too")
    key = commands.add_parser("key", help="the answers of a chapter")
    key.add_argument("chapter", type=int)
    _printed(commands)
    for command, run in ((made, _assignment), (graded, _grade), (key, _key)):
        command.set_defaults(run=run)
    for command in (made, graded, key):
        command.add_argument("--class", dest="class_name", default="", metavar="NAME")
    return parser.parse_args(arguments)


def _printed(commands: Any) -> None:
    """The commands that make what a class looks at: slides and sheets."""
    shown = commands.add_parser("slides", help="the slides of a chapter, made from its notebook")
    shown.add_argument("chapter", type=int, nargs="+", help="such as 4, or several")
    shown.add_argument("--out", type=Path, default=Path("slides"), metavar="DIR", help="slides/")
    shown.set_defaults(run=_slides)
    sheet = commands.add_parser("exam", help="exam questions to print, without answers")
    sheet.add_argument("chapter", type=int, nargs="*", help="such as 4: all of its questions")
    sheet.add_argument("--questions", default="", metavar="4-A,8-C:b", help="these; :b is a task")
    sheet.add_argument("--variant", default="a", metavar="a", help="the row of their tables")
    sheet.add_argument("--out", type=Path, default=Path("sheets"), metavar="DIR", help="sheets/")
    sheet.set_defaults(run=_exam)
