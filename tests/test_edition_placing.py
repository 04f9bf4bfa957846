"""The folder of pages is made anew as a whole, or stays as it was; nobody's own file is lost."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from course_lib.edition import command, placing
from course_lib.edition.placing import LIST, made_anew

Build = Callable[..., int]


def files(folder: Path) -> dict[str, str]:
    """What stands in a folder's files, but for the list of them."""
    found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    return {name: p.read_text("utf-8") for name, p in found.items() if name != LIST}


def written(folder: Path, **texts: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, "utf-8")
    return folder


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """The command, with pages of a few letters; `fail` comes when half of a page is written."""

    def make(*options: str, into: Path = tmp_path / "pages", **texts: str) -> int:
        fail: Any = texts.pop("fail", None)

        def write(folder: Path, packed: Any) -> list[Any]:
            written(folder, **texts)
            if fail is not None:
                raise fail
            return []

        def single(folder: Path, pages: Any, packed: Any) -> list[Path]:
            return [written(folder, one="alone")]

        monkeypatch.setattr(command, "write_pages", write)
        monkeypatch.setattr(command, "write_single", single)
        return command.main(["--still", *options, "--into", str(into)])

    return make


def test_a_build_leaves_what_it_made_and_nothing_of_an_earlier_one(
    tmp_path: Path, build: Build
) -> None:
    assert build("--single", index="old", chapter="1") == 0
    assert files(tmp_path / "pages") == {
        "index.html": "old",
        "chapter.html": "1",
        "single/one.html": "alone",
    }
    (tmp_path / "pages" / ".DS_Store").write_text("litter of a file manager", "utf-8")
    assert build(index="new", other="2") == 0
    assert files(tmp_path / "pages") == {"index.html": "new", "other.html": "2"}
    assert [path.name for path in tmp_path.iterdir()] == ["pages"]


@pytest.mark.parametrize(
    "fail",
    [ValueError("cell 3: no formula"), OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()],
)
def test_a_build_that_fails_or_is_stopped_leaves_the_old_pages(
    tmp_path: Path, build: Build, fail: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(index="old") == 0
    assert build(index="new", fail=fail) in (2, 130)
    assert files(tmp_path / "pages") == {"index.html": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["pages"]
    assert capsys.readouterr().err.startswith("pages: ")


def refuse(patch: pytest.MonkeyPatch, refused: Callable[[Path, Path], bool]) -> None:
    """Another program keeps some folders from being renamed."""
    rename = Path.rename

    def renamed(path: Path, target: Path) -> Path:
        if refused(path, target):
            raise PermissionError(errno.EACCES, "used by another program")
        return rename(path, target)

    patch.setattr(Path, "rename", renamed)


def test_a_swap_that_fails_half_way_is_undone(
    tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert build(index="old") == 0
    refuse(monkeypatch, lambda path, target: path.name == "new")
    assert build(index="new") == 2
    assert files(tmp_path / "pages") == {"index.html": "old"}


def test_a_stop_between_the_two_halves_of_a_swap_is_undone(
    tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert build(index="old") == 0
    rename = Path.rename

    def stopped(path: Path, target: Path) -> Path:
        moved = rename(path, target)
        if path.name == "pages":
            raise KeyboardInterrupt
        return moved

    monkeypatch.setattr(Path, "rename", stopped)
    assert build(index="new") == 130
    assert files(tmp_path / "pages") == {"index.html": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["pages"]


def test_old_pages_that_cannot_be_put_back_lie_there_for_the_next_time(
    tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a power cut."""
    assert build(index="old") == 0
    with monkeypatch.context() as patch:
        refuse(patch, lambda path, target: target.name == "pages")
        assert build(index="new") == 2
    assert not (tmp_path / "pages").exists()
    assert build(index="new", fail=KeyboardInterrupt()) == 130
    assert files(tmp_path / "pages") == {"index.html": "old"}
    assert build(index="new") == 0
    assert files(tmp_path / "pages") == {"index.html": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["pages"]


@pytest.mark.parametrize("own", ["thesis.tex", "index.html", "single/notes.html"])
def test_a_folder_with_anybodys_file_is_left_alone(
    tmp_path: Path, build: Build, own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where pages stand beside it; a page is somebody's own where no list has its name."""
    elsewhere, pages = tmp_path / "elsewhere", tmp_path / "pages"
    assert build(page="old") == 0
    for folder in (elsewhere, pages):
        (folder / own).parent.mkdir(parents=True, exist_ok=True)
        (folder / own).write_text("mine", "utf-8")
        before = files(folder)
        assert build(into=folder, index="new") == 2
        assert f"{folder} holds {own}, which this command did not make" in capsys.readouterr().err
        assert files(folder) == before


def test_a_file_that_comes_while_the_pages_are_made_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    with pytest.raises(ValueError, match=r"holds a\.html and 1 more, which"), made_anew(folder):
        written(folder, a="mine", b="mine")
    assert files(folder) == {"a.html": "mine", "b.html": "mine"}


def test_a_file_is_no_folder(
    tmp_path: Path, build: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.html").write_text("mine", "utf-8")
    assert build(into=tmp_path / "page.html", index="new") == 2
    assert "is a file, and no folder" in capsys.readouterr().err
    assert files(tmp_path) == {"page.html": "mine"}


def test_the_folder_may_be_read_by_others(tmp_path: Path) -> None:
    """As any that is made here: a draft's own folder is private."""
    usual = written(tmp_path / "usual")
    with made_anew(tmp_path / "pages") as draft:
        written(draft, index="new")
    assert (tmp_path / "pages").stat().st_mode == usual.stat().st_mode


def ended() -> int:
    """The number of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.mark.skipif(os.name != "posix", reason="elsewhere no process can be asked after")
def test_drafts_of_those_who_were_killed_are_removed(tmp_path: Path) -> None:
    """That of one who still writes stays, and so does what only looks like a draft."""
    dead = written(tmp_path / f"pages.draft-{ended()}-ab12_xyz" / "new", index="half")
    alive = written(tmp_path / f"pages.draft-{os.getppid()}-ab12_xyz" / "new", index="half")
    notes = written(tmp_path / "pages.draft-of-mine", notes="mine")
    with made_anew(tmp_path / "pages") as draft:
        assert draft.parent.name.startswith(f"pages.draft-{os.getpid()}-")
        written(draft, index="new")
    assert not dead.parent.exists()
    assert alive.exists()
    assert notes.exists()


@pytest.mark.parametrize("while_read", [True, False])
def test_old_pages_that_another_removes_at_once_are_gone(
    while_read: bool, tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two swaps at once: the other one removes what both found of an earlier time."""
    assert build(index="old") == 0
    before = tmp_path / ".pages.before"
    written(before, index="older")
    (before / LIST).write_text("heading\nindex.html\nmade-by-the-course.txt\n", "utf-8")
    require = placing.require_own

    def other(folder: Path) -> None:
        require(folder)
        if folder == before:
            shutil.rmtree(folder)
            if while_read:
                raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(folder))

    monkeypatch.setattr(placing, "require_own", other)
    assert build(index="new") == 0
    assert files(tmp_path / "pages") == {"index.html": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["pages"]


def test_git_and_docker_leave_drafts_out() -> None:
    root = Path(__file__).resolve().parent.parent
    for name in (".gitignore", ".dockerignore"):
        lines = [line.rstrip("/") for line in (root / name).read_text("utf-8").splitlines()]
        assert {"pages", "pages.draft-*", ".pages.before"} <= set(lines), name
