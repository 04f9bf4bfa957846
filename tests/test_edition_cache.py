"""Recordings that are kept, and when they are made anew."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import import_reader
import pytest
from recorded import NOTEBOOKS, sample

from course_lib.edition import EXPLORERS, pack, recordings
from course_lib.edition import cache as kept_ones
from course_lib.edition.cache import keep, kept, key_of, reached
from course_lib.edition.recorder import key

PACKAGE = Path(__file__).resolve().parent.parent / "course_lib"
MODULE = "course_lib.explorers.evidence"
DEPENDS = {
    "course_lib/explorers/evidence.py": True,
    "course_lib/exact/numerics/quadrature.py": True,
    "course_lib/edition/renderer.py": True,
    "course_lib/edition/writing.py": True,
    "data/mnist.npz": True,
    "course_lib/explorers/jensen.py": False,
    "course_lib/exercises/evidence.py": False,
    "course_lib/edition/__init__.py": False,
}


def files_behind(first: str) -> set[str]:
    """The files that a module needs, by the reader that the tests of the house use."""
    sources = import_reader.read(PACKAGE)
    waiting, found = [first], set()
    while waiting:
        name = waiting.pop()
        parts = name.removeprefix("course_lib.").split(".")
        for length in range(len(parts), 0, -1):
            file = "/".join(parts[:length])
            for path in (f"{file}.py", f"{file}/__init__.py"):
                if path in sources and path not in found:
                    found.add(path)
                    names = import_reader.imported(sources[path])
                    waiting += [n for n in names if n.startswith("course_lib.")]
    return found


def test_a_key_depends_on_every_file_that_is_imported() -> None:
    found = {path.relative_to(PACKAGE).as_posix() for path in reached([MODULE])}
    assert found == files_behind(MODULE)
    assert "exact/linear_gaussian.py" in found
    assert "explorers/jensen.py" not in found


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package and a small file of data in another place, where files can be changed."""
    shutil.copytree(PACKAGE, tmp_path / "course_lib", ignore=shutil.ignore_patterns("*.pyc"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mnist.npz").write_bytes(b"pixels")
    monkeypatch.setattr(kept_ones, "ROOT", tmp_path)
    kept_ones.data_digest.cache_clear()
    yield tmp_path
    kept_ones.data_digest.cache_clear()


def test_a_key_changes_with_what_it_depends_on(copied: Path) -> None:
    key = key_of(MODULE, "stops")
    for file, depends in DEPENDS.items():
        with (copied / file).open("a") as out:
            out.write("\n")
        kept_ones.data_digest.cache_clear()
        before, key = key, key_of(MODULE, "stops")
        assert (key != before) == depends, file


def test_a_key_changes_with_stops_and_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of(MODULE, "stops")
    assert key_of(MODULE, "other stops") != before
    assert key_of(MODULE, "stops") == before
    monkeypatch.setattr(kept_ones, "version", lambda name: "0")
    assert key_of(MODULE, "stops") != before


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(ValueError, match="course_lib.nowhere is no module of course_lib"):
        key_of("course_lib.nowhere", "stops")


def test_a_recording_is_kept_whole_and_alone(tmp_path: Path) -> None:
    data = pack(sample("EvidenceNeedle"))
    assert kept(tmp_path, "EvidenceNeedle", "a" * 64) is None
    keep(tmp_path, "EvidenceNeedle", "a" * 64, data)
    keep(tmp_path, "Other", "a" * 64, data)
    assert kept(tmp_path, "EvidenceNeedle", "a" * 64) == data
    keep(tmp_path, "EvidenceNeedle", "b" * 64, data)
    assert kept(tmp_path, "EvidenceNeedle", "a" * 64) is None
    assert len(list(tmp_path.iterdir())) == 2


def test_a_recording_that_cannot_be_kept_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        keep(tmp_path, "EvidenceNeedle", "a" * 64, bytes(100))
    assert not list(tmp_path.iterdir())


def test_a_kept_recording_that_was_altered_is_none(tmp_path: Path) -> None:
    keep(tmp_path, "EvidenceNeedle", "a" * 64, pack(sample("EvidenceNeedle"))[:-1])
    assert kept(tmp_path, "EvidenceNeedle", "a" * 64) is None


def test_what_is_kept_is_not_recorded_again(tmp_path: Path, monkeypatch: Any) -> None:
    data = pack(sample("EvidenceNeedle"))
    keep(tmp_path, "EvidenceNeedle", key("EvidenceNeedle", NOTEBOOKS), data)
    assert recordings(NOTEBOOKS, tmp_path, ["EvidenceNeedle"]) == {"EvidenceNeedle": data}


def test_an_explorer_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no explorer 'Nothing'; there is EvidenceNeedle, "):
        recordings(NOTEBOOKS, tmp_path, ["Nothing"])
    assert "Nothing" not in EXPLORERS


@pytest.mark.slow
def test_two_at_a_time_are_recorded_and_kept_with_the_same_bytes(tmp_path: Path) -> None:
    names = ["GradientAscent", "ChainOfLatents"]  # curves and images, at few stops each
    first = recordings(NOTEBOOKS, tmp_path / "one", names, quiet=True)
    assert list(first) == names
    assert first == recordings(NOTEBOOKS, tmp_path / "two", names, quiet=True)
    assert len(list((tmp_path / "one").iterdir())) == 2
