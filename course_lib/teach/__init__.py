"""For a class: assignments without solutions, numbers of its own, marks for what is handed in.
`progress()` shows a reader what they have done.

`python -m course_lib.teach` is the command. In an assignment's notebook `in_class` gives `check`
the numbers of the class.

    >>> from course_lib.teach import Variation, exercises_of
    >>> exercises_of(4, "spring27")["4.a"].blanks[2].right
    '16.16'
"""

from course_lib.teach.answered import forget, progress
from course_lib.teach.assignment import write_assignment
from course_lib.teach.classes import exercises_of, in_class
from course_lib.teach.confinement import Limits
from course_lib.teach.grading import CourseChanged, Terms, grade
from course_lib.teach.key import key_lines
from course_lib.teach.nbgrader import require_right
from course_lib.teach.variation import Variation

__all__ = [
    "CourseChanged",
    "Limits",
    "Terms",
    "Variation",
    "exercises_of",
    "forget",
    "grade",
    "in_class",
    "key_lines",
    "progress",
    "require_right",
    "write_assignment",
]
