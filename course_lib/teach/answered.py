"""`progress`: the course at a glance, and the next open exercise. `forget`: nothing is remembered.

What was answered is kept by `checks.memory`. Names there that no chapter has are left alone; a
notebook that cannot be read is named by its file.

>>> from course_lib.checks.memory import Remembered
>>> from course_lib.teach.answered import course_progress
>>> course_progress(Remembered(solved={"4.a"}, tried={"4.b"})).next_open
ExerciseState(name='4.b', state='tried')
"""

import re
from pathlib import Path

from course_lib.checks.memory import Remembered, forget_all, recall
from course_lib.exercises import EXERCISES
from course_lib.index import ROOT, NotebookPage, notebook_paths
from course_lib.teach.glance import SAID, ChapterProgress, CourseProgress, ExerciseState, State

EXERCISE = re.compile(r"(\d{1,3})\.[a-z]")
GUESS = re.compile(r"""\bguess\(\s*["'](\d{1,3})\.(\d{1,3})["']""")


def progress() -> CourseProgress:
    """Each chapter with its exercises, solved, tried or open, and its guesses; the next open
    exercise; where all this is kept. Shown by itself at the end of a cell, else by `print`.
    """
    remembered, about = recall()
    return course_progress(remembered, tuple(about))


def forget() -> None:
    """Deletes what is kept, and says so in a line, or why it could not be deleted."""
    print(forget_all() or SAID["forgotten"])


def course_progress(
    remembered: Remembered, about: tuple[str, ...] = (), root: Path = ROOT
) -> CourseProgress:
    """What `progress` shows of what is remembered. root: the folder with the notebooks."""
    notebooks = {int(path.name[:2]): path for path in notebook_paths(root / "notebooks")}
    exercises: dict[int, list[str]] = {}
    for name in sorted(EXERCISES):
        if found := EXERCISE.fullmatch(name):
            exercises.setdefault(int(found[1]), []).append(name)
    chapters = (
        _chapter(number, exercises.get(number, []), notebooks.get(number), remembered, root)
        for number in sorted({*exercises, *notebooks})
    )
    return CourseProgress(tuple(chapters), about)


def _chapter(
    number: int, exercises: list[str], notebook: Path | None, remembered: Remembered, root: Path
) -> ChapterProgress:
    """What was done of one chapter."""
    title, asked = _title_and_guesses(number, notebook, root)
    made = {name for name in remembered.guesses if name.partition(".")[0] == str(number)}
    states = (ExerciseState(name, _state(name, remembered)) for name in exercises)
    # Guesses whose cell the reader has deleted count as before.
    guesses = frozenset(asked | made)
    return ChapterProgress(number, title, notebook, tuple(states), guesses, frozenset(made))


def _state(name: str, remembered: Remembered) -> State:
    if name in remembered.solved:
        return "solved"
    return "tried" if name in remembered.tried else "open"


def _title_and_guesses(number: int, notebook: Path | None, root: Path) -> tuple[str, set[str]]:
    """What the chapter is called, and the guesses that its notebook asks for."""
    if notebook is None:
        return f"Chapter {number}", set()
    try:
        page = NotebookPage.read(notebook, root)
        title = page.title.removeprefix(f"{number} · ").strip()
    except Exception:  # the notebook is the reader's own, and may be anything by now
        return notebook.stem, set()
    code = "\n".join(page.code)
    asked = {f"{found[1]}.{found[2]}" for found in GUESS.finditer(code) if found[1] == str(number)}
    return title or notebook.stem, asked
