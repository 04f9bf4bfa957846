"""The exercises of the course by name: `check` tells a learner what it finds, `hint` helps on."""

import difflib
from collections import Counter
from typing import Any

from course_lib.checks import Blanks, Design, Exercise, MultipleChoice, Verdict, judge
from course_lib.checks.memory import Remembered, remember
from course_lib.checks.phrases import say

AnyExercise = Exercise | MultipleChoice | Blanks | Design
EXERCISES: dict[str, AnyExercise] = {}
HINTS_GIVEN: Counter[str] = Counter()  # of this kernel


def register(*exercises: AnyExercise) -> None:
    """Adds exercises to the course. Raises ValueError if a name is taken."""
    for exercise in exercises:
        if exercise.name in EXERCISES:
            raise ValueError(f"exercise {exercise.name} is registered twice")
        EXERCISES[exercise.name] = exercise


def check(name: str, answer: Any = ..., *more: Any) -> None:
    """Prints what can be said of an answer to the exercise `name`, and remembers whether it was
    solved (see `checks.memory`).

    Several answers are read as one list. Raises ValueError if there is no such exercise.
    """
    verdict = judged(name, (answer, *more) if more else answer)
    print(verdict.message)
    if verdict.accepted:
        remember(Remembered(solved={name}))
    elif verdict.answered:
        remember(Remembered(tried={name}))


def hint(name: str) -> None:
    """Prints the next hint to the exercise `name`: the first when it is asked first, and the last
    again and again. Raises ValueError if there is no such exercise.
    """
    hints = find(name).hints
    if not hints:
        print(say("no hints", which=name))
        return
    HINTS_GIVEN[name] = min(HINTS_GIVEN[name] + 1, len(hints))
    step = HINTS_GIVEN[name]
    print(say("hint", which=name, step=step, count=len(hints), hint=hints[step - 1]))


def judged(name: str, answer: Any) -> Verdict:
    """The verdict on an answer to the exercise `name`. Raises ValueError if there is none."""
    exercise = find(name)
    return judge(exercise, answer) if isinstance(exercise, Exercise) else exercise.judge(answer)


def find(name: str) -> AnyExercise:
    """The exercise of that name. Raises ValueError that suggests the names most like it."""
    if isinstance(name, str) and name in EXERCISES:
        return EXERCISES[name]
    if not isinstance(name, str):
        raise ValueError(f'check takes a name such as "1.a" before the answer, got {name!r:.60}')
    written = name.lower().removeprefix("answer").strip(" _.").replace("_", ".").replace(" ", "")
    close = difflib.get_close_matches(written, sorted(EXERCISES), n=4, cutoff=0.6)
    advice = f"did you mean {' or '.join(close)}?" if close else "names are such as 4.b"
    raise ValueError(f"no exercise {name!r:.60}; {advice}")
