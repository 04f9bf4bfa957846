"""What a reader answered is remembered by a file, whatever the file is, and no output shows it."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from course_lib.checks import Exercise, guess, memory, reveal
from course_lib.checks.memory import LARGEST, Remembered, forget_all, place, recall, remember
from course_lib.checks.predictions import GUESSES
from course_lib.exercises import EXERCISES, check

ROOT = Path(__file__).resolve().parent.parent
# Written by hand, as the docstring and the pages have the form.
KEPT = {"version": 1, "solved": ["4.a"], "tried": ["4.c"], "read": ["4"], "guesses": {"4.1": "3"}}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home where things are remembered, as a reader's is, and the file that will be there."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("COURSE_LIB_PROGRESS", "on")
    monkeypatch.setitem(EXERCISES, "0.r", Exercise("0.r", lambda: 2.0, unit=""))
    monkeypatch.setitem(EXERCISES, "0.s", Exercise("0.s", lambda: 3.0, unit=""))
    another_kernel(monkeypatch)
    return tmp_path / "data" / "course-lib" / "progress.json"


def another_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "KERNEL", memory.Kernel())
    monkeypatch.setitem(GUESSES, "0.1", 0.0)
    GUESSES.pop("0.1")


def lay(file: Path, content: str | bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())


def session() -> None:
    """What a reader does in a notebook."""
    guess("0.1", 3)
    check("0.r")
    check("0.r", 5)
    check("0.s", 4)
    check("0.r", 2)
    reveal("0.1", 3.0)
    check("0.r", 1)
    guess("0.1", ...)


SAID = """0.1: noted, 3
0.r: not answered yet
0.r: not yet: 5 is not it: it is too high by 3, a factor of 2.5
0.s: not yet: 4 is not it: it is too high by 1, a factor of 1.3
0.r: right: 2
0.1: you said 3; it is 3. Exactly.
0.r: not yet. That is half of it: is there a ½ too many, or a factor 2 missing?
0.1: no guess yet
"""


def test_answers_and_guesses_are_kept_for_the_next_kernel(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session()
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found == {
        "version": 1,
        "solved": ["0.r"],
        "tried": ["0.s"],
        "read": [],
        "guesses": {"0.1": "3"},
    }
    another_kernel(monkeypatch)
    remembered, lines = recall()
    assert remembered == Remembered({"0.r"}, {"0.s"}, {"0.1": "3"}, {"read": []})
    assert lines == [f"Kept in {file}, and nowhere else; forget() deletes it."]


def test_what_is_blank_or_no_guess_of_the_course_leaves_no_file(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for answer in (..., None, "", [..., ...]):
        check("0.r", answer)
    guess("0.1")
    guess("0.1", [1, 2])
    guess("mine", 3)
    guess(41, 3)  # type: ignore[arg-type]
    assert not file.parent.exists()
    assert recall()[1] == [f"What you answer is kept in {file}, unless COURSE_LIB_PROGRESS is off."]


def nothing(file: Path) -> None: ...


def off(file: Path) -> None:
    os.environ["COURSE_LIB_PROGRESS"] = "off"


def full(file: Path) -> None:
    lay(file, json.dumps(KEPT))


def newer(file: Path) -> None:
    lay(file, '{"version": 2, "solved": {"4.a": true}}')


def damaged(file: Path) -> None:
    lay(file, '{"version": 1, "solved": ["4.')


def folder(file: Path) -> None:
    file.mkdir(parents=True)


def no_folder(file: Path) -> None:
    file.parent.parent.write_text("a file where the folder would be", encoding="utf-8")


def no_home(file: Path) -> None:
    memory.place = lambda: Path("~/course-lib/progress.json")  # as nobody's home is named


def overwritten(file: Path) -> None:
    memory.write_whole = None  # type: ignore[assignment, attr-defined]  # by a reader who has tried things out


def held(file: Path) -> None:
    lay(file, json.dumps(KEPT))
    memory.PATIENCE = 0.01
    HELD.append(FileLock(f"{file}.lock"))
    HELD[-1].acquire()


HELD: list[FileLock] = []


@pytest.mark.parametrize(
    "state", [nothing, off, full, newer, damaged, folder, no_folder, no_home, overwritten, held]
)
def test_a_notebook_prints_the_same_whatever_the_file_is(
    state: Callable[[Path], None],
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("PATIENCE", "place", "write_whole"):  # which are set back afterwards
        monkeypatch.setattr(memory, name, getattr(memory, name))
    try:
        state(file)
        session()
    finally:
        while HELD:
            HELD.pop().release()
    assert capsys.readouterr() == (SAID, "")


def test_what_cannot_be_written_is_shown_all_the_same_and_goes_with_the_next_answer(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full(file)

    def disk_is_full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(memory, "write_whole", disk_is_full)
        remember(Remembered(solved={"4.b"}))
        remembered, lines = recall()
        assert remembered.solved == {"4.a", "4.b"}
        assert lines[1:] == ["Not everything of this kernel is kept yet: No space left on device."]
    assert json.loads(file.read_text(encoding="utf-8")) == KEPT
    remember(Remembered(tried={"5.a"}))
    found = json.loads(file.read_text(encoding="utf-8"))
    assert (found["solved"], found["tried"]) == (["4.a", "4.b"], ["4.c", "5.a"])
    assert len(recall()[1]) == 1


def test_what_the_pages_keep_stays(file: Path) -> None:
    lay(file, json.dumps({**KEPT, "aside": "{half", "later": [1, {"x": None}]}))
    remember(Remembered(solved={"4.c"}, guesses={"4.2": "no"}))
    assert json.loads(file.read_text(encoding="utf-8")) == {
        "version": 1,
        "solved": ["4.a", "4.c"],
        "tried": [],
        "read": ["4"],
        "guesses": {"4.1": "3", "4.2": "no"},
        "aside": "{half",
        "later": [1, {"x": None}],
    }


def test_nothing_is_written_where_nothing_is_new(file: Path) -> None:
    written = json.dumps(KEPT)  # in other bytes than the course's
    lay(file, written)
    remember(Remembered(solved={"4.a"}))
    remember(Remembered(tried={"4.a", "4.c"}, guesses={"4.1": "3"}))
    assert file.read_text(encoding="utf-8") == written


DAMAGED = {
    "cut short": b'{"version": 1, "solved": ["4.',
    "empty": b"",
    "no text": bytes(range(256)),
    "a list": b"[1, 2]",
    "a number": b"1",
    "no version": b'{"solved": [], "guesses": {}}',
    "an older version": b'{"version": 0, "solved": [], "guesses": {}}',
    "a version that is true": b'{"version": true, "solved": [], "guesses": {}}',
    "a version in words": b'{"version": "2", "solved": [], "guesses": {}}',
    "a name that is none": b'{"version": 1, "solved": [4], "guesses": {}}',
    "names in one": b'{"version": 1, "solved": "4.a", "guesses": {}}',
    "tried of another kind": b'{"version": 1, "solved": [], "tried": {"4.a": 2}, "guesses": {}}',
    "guesses of another kind": b'{"version": 1, "solved": [], "guesses": ["4.1"]}',
    "a guess of another kind": b'{"version": 1, "solved": [], "guesses": {"4.1": 3}}',
    "too deep": b"[" * 200_000,
    "too large": b'{"version": 1, "solved": [], "guesses": {}}' + b" " * LARGEST,
    "a number too long": b'{"version": 1' + b"0" * 5000 + b"}",
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_file_that_cannot_be_read_is_put_aside(content: bytes, file: Path) -> None:
    lay(file, content)
    remembered, lines = recall()
    assert (remembered, file.read_bytes()) == (Remembered(), content)  # looking changes nothing
    assert lines == [
        f"{file} could not be read. The next answer puts it aside and begins a new one."
    ]
    remember(Remembered(solved={"4.a"}))
    assert json.loads(file.read_text(encoding="utf-8"))["solved"] == ["4.a"]
    aside = file.with_name("progress.damaged-1.json")
    assert aside.read_bytes() == content
    assert recall()[1][1:] == [f"What could not be read is in {aside}."]


def test_what_was_put_aside_is_never_written_over(file: Path) -> None:
    for content in ("first", "second"):
        lay(file, content)
        remember(Remembered(solved={"4.a"}))
    kept = sorted(file.parent.glob("progress.damaged-*"))
    assert [path.read_text(encoding="utf-8") for path in kept] == ["first", "second"]


def test_a_file_of_a_newer_edition_stays_as_it_is(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer(file)
    before = file.read_bytes()
    remember(Remembered(solved={"4.b"}))
    remembered, lines = recall()
    assert remembered.solved == {"4.b"}
    assert lines == [
        f"{file} is of a newer edition of the course and stays as it is: what you answer here is "
        "forgotten when this kernel ends."
    ]
    assert file.read_bytes() == before
    another_kernel(monkeypatch)
    assert recall()[0] == Remembered()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_not_waited_for(file: Path) -> None:
    file.parent.mkdir(parents=True)
    os.mkfifo(file)
    remember(Remembered(solved={"4.b"}))
    remembered, lines = recall()
    assert remembered.solved == {"4.b"}
    assert lines == [
        f"{file} could not be read: it is no file.",
        "Not everything of this kernel is kept yet: it is no file.",
    ]


ANOTHER = """
import sys
from course_lib.checks import memory
memory.PATIENCE = 300.0  # on a busy machine the other may have the file for long
print("ready", flush=True)
sys.stdin.readline()
for i in range(25):
    memory.remember(memory.Remembered(solved={f"b.{i}"}))
print(memory.KERNEL.trouble, end="")
"""


def test_two_kernels_at_once_lose_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This one and another, which waits until both are ready."""
    monkeypatch.setattr(memory, "PATIENCE", 300.0)
    with subprocess.Popen(
        [sys.executable, "-c", ANOTHER],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("go\n")
        other.stdin.flush()
        for i in range(25):
            remember(Remembered(solved={f"a.{i}"}))
        assert other.communicate()[0] == ""
    assert memory.KERNEL.trouble == ""
    found = json.loads(file.read_text(encoding="utf-8"))["solved"]
    assert sorted(found) == sorted(f"{name}.{i}" for name in "ab" for i in range(25))


def test_only_its_owner_may_look_into_the_folder(file: Path) -> None:
    remember(Remembered(solved={"4.a"}))
    if os.name == "posix":
        assert file.parent.stat().st_mode & 0o077 == 0


def test_forgetting_leaves_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(file, "damaged")
    remember(Remembered(solved={"4.a"}))
    assert forget_all() == ""
    assert not file.parent.exists()
    assert recall()[0] == Remembered()
    assert forget_all() == ""  # where there is nothing
    remember(Remembered(solved={"4.b"}))
    (file.parent / "mine.txt").write_text("a reader's own", encoding="utf-8")
    monkeypatch.setenv("COURSE_LIB_PROGRESS", "off")
    monkeypatch.delenv("PYTEST_VERSION")
    assert forget_all() == ""  # off or not
    assert [path.name for path in file.parent.iterdir()] == ["mine.txt"]


def test_forgetting_what_cannot_be_deleted_says_so(file: Path) -> None:
    folder(file)
    said = forget_all()
    assert said.startswith(f"{file} could not be deleted: ")
    assert file.is_dir()


def test_off_keeps_nothing_beyond_the_kernel(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_VERSION")
    for wish in ("off", " OFF ", "0", "no", "of"):
        monkeypatch.setenv("COURSE_LIB_PROGRESS", wish)
        remember(Remembered(solved={"4.a"}))
        remembered, lines = recall()
        assert remembered.solved == {"4.a"}
        word = wish.strip().lower()
        said = f"Nothing is kept when this kernel ends: COURSE_LIB_PROGRESS is {word}."
        assert lines == [said]
    monkeypatch.setenv("COURSE_LIB_PROGRESS", "on")
    remember(Remembered(solved={"4.b"}))
    assert json.loads(file.read_text(encoding="utf-8"))["solved"] == ["4.b"]


def test_a_reader_who_has_set_nothing_is_remembered_and_a_test_is_not(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which also holds in a kernel that a test starts: it inherits what pytest sets."""
    for wish in ("", None):
        if wish is None:
            monkeypatch.delenv("COURSE_LIB_PROGRESS")
        else:
            monkeypatch.setenv("COURSE_LIB_PROGRESS", wish)
        remember(Remembered(solved={"4.a"}))
        assert recall()[1] == ["Nothing is kept when this kernel ends: this is a test."]
        lay(file, "a reader's own")
        assert forget_all() == ""
        assert file.exists()
        file.unlink()
    monkeypatch.delenv("PYTEST_VERSION")
    remember(Remembered(solved={"4.a"}))
    assert file.exists()


def test_this_run_is_off_also_where_pytest_is_not_seen() -> None:
    """start.py hands nothing of pytest's on to JupyterLab."""
    assert os.environ["COURSE_LIB_PROGRESS"] == "off"


@pytest.mark.skipif(sys.platform != "linux", reason="where the folder is on Linux")
def test_the_file_is_where_linux_has_a_users_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for unset in ("", "not/absolute"):
        monkeypatch.setenv("XDG_DATA_HOME", unset)
        assert place() == tmp_path / ".local" / "share" / "course-lib" / "progress.json"
    monkeypatch.setenv("XDG_DATA_HOME", "/elsewhere")
    assert place() == Path("/elsewhere/course-lib/progress.json")
    assert memory.shown(tmp_path / "a" / "b") == str(Path("~/a/b"))
