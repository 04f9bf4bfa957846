"""What the rooms for a class and for many processors advise, and what a reader does who follows it:
cases as in `advice.py`.
"""

from advice import Act, Place

from course_lib.index import SOLUTION
from course_lib.pieces import KeptResults, Piece, in_order
from course_lib.teach import write_assignment
from course_lib.teach.exam import exam
from course_lib.teach.marks import read_marks
from course_lib.teach.notebooks import asked_in, chapter_path
from course_lib.teach.questions import chosen
from course_lib.teach.variation import require_class_name

SQUARE = Piece("3 squared", {"square of": 3}, pow, (3, 2))


def squared(place: Place) -> None:
    assert list(in_order([SQUARE], place.folder)) == [9]


def spoilt(place: Place) -> None:
    """The file that keeps the square is cut short."""
    KeptResults(place.folder).path(SQUARE).write_text("[", encoding="utf-8")
    squared(place)


def removed(place: Place) -> None:
    KeptResults(place.folder).path(SQUARE).unlink()
    squared(place)


def onto_the_notebook(place: Place) -> None:
    """An assignment is to be written where a notebook of that name lies."""
    (place.folder / chapter_path(4).name).write_bytes(chapter_path(4).read_bytes())
    write_assignment(4, place.folder)


def onto_somebody_s_answers(place: Place) -> None:
    path = write_assignment(4, place.folder)
    text = path.read_text(encoding="utf-8")
    assert "answer_4_c = [...]" in text
    path.write_text(text.replace("answer_4_c = [...]", "answer_4_c = ['i']"), encoding="utf-8")
    write_assignment(4, place.folder)


def exercise_below(line: str) -> None:
    """The exercises of a notebook, of which one's cell begins with the line."""
    sources = ["## Exercises", f'{line}\ncheck("4.a", ...)', f"{SOLUTION}</details>"]
    kinds = ["markdown", "code", "markdown"]
    pairs = zip(kinds, sources, strict=True)
    asked_in([{"cell_type": kind, "source": source} for kind, source in pairs])


def onto_a_list_of_ages(place: Place) -> None:
    (place.folder / "ages.csv").write_text("name,age\nanna,3\n", encoding="utf-8")
    read_marks(place.folder / "ages.csv")


FOR_CLASSES: list[tuple[str, Act, Act]] = [
    ("remove it, and the piece is computed again", spoilt, removed),
    (
        "is left alone; give another folder",
        onto_the_notebook,
        lambda place: write_assignment(4, place.folder / "handout"),
    ),
    (
        "is not as it was handed out, and is left alone; give another folder",
        onto_somebody_s_answers,
        lambda place: write_assignment(4, place.folder / "handout"),
    ),
    (
        "take out what is none, such as `%%time`",
        lambda _: exercise_below("%%time"),
        lambda _: exercise_below(""),
    ),
    (
        "is left alone; give another --out",
        onto_a_list_of_ages,
        lambda place: read_marks(place.folder / "marks.csv"),
    ),
    (
        "such as spring27",
        lambda _: require_class_name("spring 27!"),
        lambda _: require_class_name("spring27"),
    ),
    ("no question's name, such as 4-A", lambda _: chosen(["4A"]), lambda _: chosen(["4-A"])),
    (
        "no question: name a chapter, or --questions 4-A,4-B",
        lambda place: exam([], [], "a", place.folder),
        lambda place: exam([], ["4-A", "4-B"], "a", place.folder),
    ),
    (
        "use the package from the course's folder",
        lambda place: chapter_path(4, place.folder),
        lambda _: chapter_path(4),
    ),
]
