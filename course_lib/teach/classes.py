"""A class's exercises: the course's, with numbers of its own where an exercise can have them."""

from course_lib.checks.surroundings import undisturbed
from course_lib.exercises import EXERCISES, AnyExercise
from course_lib.teach.variation import require_class_name
from course_lib.teach.variations import BY_NAME

_PUBLISHED = {name: EXERCISES[name] for name in BY_NAME}


def exercises_of(number: int, class_name: str = "") -> dict[str, AnyExercise]:
    """The exercises of a chapter by name, those of a class if one is named.

    Raises ValueError if there is no such chapter, and for a name that is none.
    """
    own = _own_exercises(class_name)
    found = {
        name: own.get(name, _PUBLISHED.get(name, exercise))
        for name, exercise in EXERCISES.items()
        if name.split(".")[0] == str(number)
    }
    if not found:
        last = max(int(name.split(".")[0]) for name in EXERCISES)
        raise ValueError(f"chapters are 1 to {last}, got {number}")
    return dict(sorted(found.items()))


def in_class(class_name: str) -> None:
    """From now on `check` and `hint` of this kernel know the exercises of the class; "" takes the
    published ones back. Raises ValueError for a name that is none.
    """
    own = _own_exercises(class_name)
    EXERCISES.update(_PUBLISHED | own)
    which = ", ".join(own)
    print(f"class {class_name.lower()}: numbers of its own in {which}" if own else "no class")


def _own_exercises(class_name: str) -> dict[str, AnyExercise]:
    """The exercises that a class has with numbers of its own."""
    if not class_name:
        return {}
    name = require_class_name(class_name)
    with undisturbed():
        return {variation.name: variation.exercise(name) for variation in BY_NAME.values()}
