"""What stands where: each chapter's notebook, explorer, exercises and equations, read from the
files themselves.

Nothing of the course's mathematics is imported, so an answer takes a moment. `python -m course_lib`
prints what is found here; notebooks/EQUATIONS.md and notebooks/API.md are written from it.

    >>> from course_lib.index import tagged_functions
    >>> source = '''
    ... def gap(q, posterior):
    ...     "KL(q ‖ posterior).  (Eq. 4.2)"
    ... '''
    >>> [(place.name, tag) for place, tag in tagged_functions(source, "course_lib/bounds.py")]
    [('gap', '4.2')]
"""

from course_lib.index.chapters import Chapter, collect_chapters
from course_lib.index.equations import (
    Equation,
    Index,
    chapters_equations,
    collect_equations,
    marks,
    tagged_functions,
)
from course_lib.index.places import ROOT, NotebookPage, Place, calls, notebook_paths, pages, text
from course_lib.index.rooms import PublicName, Room, collect_rooms
from course_lib.index.solutions import (
    SOLUTION,
    exercise_of,
    program_of_solution,
    without_solution,
)

__all__ = [
    "ROOT",
    "SOLUTION",
    "Chapter",
    "Equation",
    "Index",
    "NotebookPage",
    "Place",
    "PublicName",
    "Room",
    "calls",
    "chapters_equations",
    "collect_chapters",
    "collect_equations",
    "collect_rooms",
    "exercise_of",
    "marks",
    "notebook_paths",
    "pages",
    "program_of_solution",
    "tagged_functions",
    "text",
    "without_solution",
]
