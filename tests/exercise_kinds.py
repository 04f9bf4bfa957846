"""The exercises of the course by their kinds, for tests that are about one of them."""

from course_lib.checks import Blanks, Design, Exercise, MultipleChoice
from course_lib.exercises import EXERCISES

EXACT = [name for name, e in EXERCISES.items() if isinstance(e, Exercise)]
CHOSEN = [name for name, e in EXERCISES.items() if isinstance(e, MultipleChoice | Blanks)]
DESIGNED = [name for name, e in EXERCISES.items() if isinstance(e, Design)]


def exact(name: str) -> Exercise:
    """The exercise of that name, which has an exact answer: a number or a function."""
    exercise = EXERCISES[name]
    assert isinstance(exercise, Exercise), f"{name} has no exact answer"
    return exercise
