"""The same assignment as nbgrader reads it: a cell to answer in, and one after it that tests.

nbgrader is no part of the course: notebooks/teaching/grading.md says how the two go together.
"""

from typing import Any

from course_lib.checks import Verdict
from course_lib.exercises import AnyExercise
from course_lib.teach.classes import exercises_of
from course_lib.teach.judging import verdict_here
from course_lib.teach.notebooks import Cell, asked_by, handed_to_check

TEST = """from course_lib.teach import require_right

require_right("{name}", {answer}, class_name="{class_name}")"""


def require_right(name: str, *answer: Any, class_name: str = "") -> None:
    """Prints the verdict on an answer, in a cell of nbgrader's; AssertionError if it is not right.

    It runs in the submission's own kernel, which a submission may have changed: `python -m
    course_lib.teach grade` judges elsewhere. Raises ValueError if there is no such exercise.
    """
    chapter = name.split(".")[0]
    found = exercises_of(int(chapter), class_name) if chapter.isdigit() else {}
    if name not in found:
        raise ValueError(f"no exercise {name!r:.60}; names are such as 4.b")
    verdict = _verdict(found[name], answer)
    if not verdict.accepted:
        raise AssertionError(verdict.message)
    print(verdict.message)


def _verdict(exercise: AnyExercise, answer: tuple[Any, ...]) -> Verdict:
    """Several answers are read as one list, none as not answered."""
    return verdict_here(exercise, answer[0] if len(answer) == 1 else (list(answer) or ...))


def for_nbgrader(cells: list[Cell], class_name: str) -> list[Cell]:
    """The cells of an assignment, those of the exercises marked, each with a test of one point."""
    written: list[Cell] = []
    for cell in cells:
        name = asked_by(cell)
        if not name:
            written.append(cell)
            continue
        answer = cell | {"metadata": cell["metadata"] | {"nbgrader": _marks(f"answer_{_id(name)}")}}
        source = TEST.format(name=name, answer=handed_to_check(cell), class_name=class_name)
        written += [answer, _test(f"test_{_id(name)}", source)]
    return written


def _id(name: str) -> str:
    """4.b as a part of a grade id, which takes no dots."""
    return name.replace(".", "_")


def _marks(grade_id: str, *, points: int = 0) -> dict[str, Any]:
    """What nbgrader stores with a cell: with points it is a test, without it is to be answered."""
    marks: dict[str, Any] = {
        "grade_id": grade_id,
        "grade": bool(points),
        "solution": not points,
        "locked": bool(points),
        "task": False,
        "schema_version": 3,
    }
    return marks | ({"points": points} if points else {})


def _test(grade_id: str, source: str) -> Cell:
    return {
        "cell_type": "code",
        "id": grade_id.replace("_", "-"),
        "metadata": {"nbgrader": _marks(grade_id, points=1)},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
