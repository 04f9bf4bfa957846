"""Recording goes wrong in a way that loses no minutes, and says what went wrong."""

import os
import signal
import sys
import time
from concurrent.futures import Future
from multiprocessing import active_children
from pathlib import Path
from threading import Timer

import pytest

from course_lib.edition import recorder


def made(*, result: bytes | None = None, error: Exception | None = None) -> Future[bytes]:
    """A recording that has begun, and ended if it has a result or an error."""
    future: Future[bytes] = Future()
    future.set_running_or_notify_cancel()
    if result is not None:
        future.set_result(result)
    if error is not None:
        future.set_exception(error)
    return future


def test_one_that_fails_is_named_and_loses_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is done, one fails, one has begun and ends later, one has not begun."""
    done, fails = made(result=b"done"), made(error=RuntimeError("no such plane"))
    begun, pending = made(), Future[bytes]()
    waiting = {fails: "Fails", done: "Done", begun: "Begun", pending: "Pending"}
    Timer(0.1, begun.set_result, [b"late"]).start()
    handed = []
    monkeypatch.setattr(recorder, "keep", lambda *kept: handed.append((kept[1], kept[3])))
    monkeypatch.setattr(recorder, "_recorded", lambda names, notebooks: recorder._done(waiting))
    monkeypatch.setattr(recorder, "key", lambda name, notebooks: name * 9)
    with pytest.raises(ValueError, match=r"^Fails cannot be recorded: .*no such plane"):
        recorder.recordings(tmp_path, tmp_path, waiting.values(), quiet=True)
    assert pending.cancelled()
    assert sorted(handed) == [("Begun", b"late"), ("Done", b"done")]


def test_where_nothing_can_be_kept_nothing_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(names: list[str], notebooks: Path) -> list[tuple[str, bytes]]:
        raise AssertionError("minutes of recording")

    (tmp_path / "runs").touch()
    monkeypatch.setattr(recorder, "_recorded", never)
    monkeypatch.setattr(recorder, "key", lambda name, notebooks: name * 9)
    with pytest.raises(OSError, match="nothing can be written in .*recordings"):
        recorder.recordings(tmp_path, tmp_path / "runs" / "recordings", ["One"], quiet=True)


POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


def _dies(name: str, notebooks: Path) -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


def _dawdles(name: str, notebooks: Path) -> bytes:
    time.sleep(300)
    return b""


@POSIX
def test_a_process_that_is_killed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "recorded", _dies)
    with pytest.raises(ValueError, match="was ended while it recorded.*EvidenceNeedle"):
        list(recorder._recorded(["EvidenceNeedle"], tmp_path))


@POSIX
def test_ctrl_c_ends_what_has_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "recorded", _dawdles)
    before = set(active_children())
    # A shell that starts the tests in the background has them ignore it.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    Timer(3, os.kill, [os.getpid(), signal.SIGINT]).start()
    start = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            list(recorder._recorded(["EvidenceNeedle"], tmp_path))
    finally:
        signal.signal(signal.SIGINT, heard)
    assert time.monotonic() - start < 60
    assert set(active_children()) <= before
