"""The answers of a chapter, for its teacher, and those of a class."""

from collections.abc import Iterator

from course_lib.checks import Blanks, Exercise, MultipleChoice
from course_lib.exercises import AnyExercise
from course_lib.numerals import significant
from course_lib.teach.classes import exercises_of
from course_lib.teach.notebooks import published_answers
from course_lib.teach.variation import require_class_name
from course_lib.teach.variations import BY_NAME


def key_lines(number: int, class_name: str = "") -> Iterator[str]:
    """Of each exercise of the chapter a right answer, as lines. Raises ValueError for a number or
    a name that is none.
    """
    published = published_answers(number)
    for name, exercise in exercises_of(number, class_name).items():
        own = bool(class_name) and name in BY_NAME
        yield f"{name}{', with numbers of the class' if own else ''}"
        program = class_answer(name, class_name) if own else ""
        for line in (computed(exercise) or program or published[name]).splitlines():
            yield f"    {line}".rstrip()


def computed(exercise: AnyExercise) -> str:
    """The right answer where the course computes one: numbers, words; of a program nothing."""
    if isinstance(exercise, MultipleChoice):
        return f"{sorted(exercise.right)}"
    if isinstance(exercise, Blanks):
        return f"{[blank.right for blank in exercise.blanks]}"
    if not isinstance(exercise, Exercise) or exercise.cases:
        return ""
    numbers = [significant(value) for value in exercise.exact[0].values.tolist()]
    return f"{', '.join(numbers)} {exercise.unit}".rstrip()


def class_answer(name: str, class_name: str) -> str:
    """A line of Python with a right answer to a design with numbers of the class, or nothing."""
    variation = BY_NAME[name]
    numbers = variation.drawn(require_class_name(class_name))
    return variation.answer(*numbers) if variation.answer else ""
