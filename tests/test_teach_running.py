"""Submissions are run for real, each in a process of its own: what they do stays there."""

import importlib.util
import io
import json
import os
import signal
import socket
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_submissions import ENDING, FORGING, OUTLIVED, REACHING
from submitting import code, four_ways, store

from course_lib.checks.time_limit import TookTooLong
from course_lib.exercises import EXERCISES
from course_lib.teach import Limits, Terms, confinement, grade, landlock, running
from course_lib.teach.confinement import has_namespaces, held
from course_lib.teach.judging import verdict_on_record
from course_lib.teach.submissions import Returned, run_submission

BEFORE = 'from course_lib.exercises import check\n\ncheck("4.c", ["i", "v", "vi"])'
AFTER = 'check("4.a", ["second", "0", "4.25", "log 2"])'
SHORT, LONG = Limits(seconds=10, memory=512), Limits(seconds=60, memory=512)

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="what holds a submission is held on Linux"
)


def run(*sources: str, limits: Limits = SHORT, class_name: str = "") -> Returned:
    return run_submission(4, class_name, [*enumerate(sources, start=1)], limits)


def right(returned: Returned) -> set[str]:
    """The exercises that were answered rightly."""
    answers = returned.answers.items()
    return {name for name, record in answers if verdict_on_record(EXERCISES[name], record).accepted}


@pytest.mark.slow
def test_answers_come_back_whatever_the_cells_print() -> None:
    returned = run(BEFORE, 'print("4.a: right")\nanswer_4_d = 3', AFTER)
    assert returned.ended == ""
    assert returned.errors == []
    assert set(returned.answers) == {"4.c", "4.a", "4.d"}  # 4.d by its name alone
    assert right(returned) == {"4.c", "4.a"}


class Late:
    """A number that takes too long to be read."""

    def __float__(self) -> float:
        raise TookTooLong


def test_an_odd_answer_that_nobody_checked_takes_no_other_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    channel = io.BytesIO()
    space = {"answer_4_a": Late(), "answer_4_c": ["i", "v", "vi"], "answer_4_d": np.array(["i"])}
    shell = types.SimpleNamespace(user_ns=space)
    monkeypatch.setattr(running._Shell, "instance", lambda **given: shell)
    order = {"chapter": 4, "class": "", "cells": [], "cell_seconds": 5.0}
    running.Run(channel, order).cells()
    events = [json.loads(line) for line in channel.getvalue().splitlines()]
    assert [event["answer"] for event in events] == ["4.a", "4.c", "4.d"]
    assert events[0]["record"] == {"refused": "4.a: its answer could not be read"}
    assert right(Returned({event["answer"]: event["record"] for event in events})) == {"4.c"}


@pytest.mark.slow
def test_what_a_cell_does_leaves_the_next_one_whole() -> None:
    """Ten cells that fail in ten ways, between two that answer. One of them never ends."""
    returned = run(BEFORE, *OUTLIVED, "held = None", AFTER, limits=Limits(40, 512))
    assert returned.ended == ""
    assert [place for place, _ in returned.errors] == [*range(2, len(OUTLIVED) + 2)]
    for (_, said), wanted in zip(returned.errors, OUTLIVED.values(), strict=True):
        assert said.startswith(wanted), said
    assert right(returned) == {"4.c", "4.a"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDING)
def test_what_ends_a_process_takes_nothing_of_what_came_before(name: str) -> None:
    program, noted = ENDING[name]
    limits = SHORT if "seconds" in noted else LONG
    returned = run(BEFORE, program, AFTER, limits=limits)
    assert right(returned) == {"4.c"}
    if os.geteuid() and name in ("starts a hundred", "forks without end"):
        return  # the limit of its user holds first: an error in place of an end
    assert noted in returned.ended


@pytest.mark.slow
def test_nothing_that_claims_an_answer_is_worth_a_point(tmp_path: Path) -> None:
    store(tmp_path / "in" / "x.ipynb", {"cells": [code(program) for program in FORGING]})
    (row,) = grade(tmp_path / "in", tmp_path / "marks.csv", Terms(chapter=4), say=lambda line: None)
    assert (row.points, row.of) == ("0", "4")


def listening() -> socket.socket:
    """Somebody who would be reached."""
    return socket.create_server(("127.0.0.1", 0))


def reached(folder: Path, *names: str) -> list[str]:
    """What a submission got at."""
    secret = folder / "secret.txt"
    secret.write_text("the other student's answer")
    with listening() as server:
        gaps: dict[str, Any] = {"secret": str(secret), "grader": os.getpid()}
        gaps["port"] = server.getsockname()[1]
        returned = run(BEFORE, *(REACHING[name].format(**gaps) for name in names), AFTER)
    assert right(returned) == {"4.c", "4.a"}
    assert [said for _, said in returned.errors if not said.startswith("Reached")] == []
    return [said for _, said in returned.errors]


def test_a_submission_reaches_no_network_file_or_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not landlock.version() or not has_namespaces():
        pytest.skip("this machine has no Landlock, or lets nobody make namespaces")
    monkeypatch.setenv("TEACHERS_TOKEN", "secret")
    assert reached(tmp_path, *REACHING) == []
    assert not any("NOT HELD" in line for line in held())


@pytest.mark.slow
def test_without_namespaces_landlock_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if landlock.version() < 6:
        pytest.skip("this machine's Landlock holds no signals")
    monkeypatch.setattr(confinement, "has_namespaces", lambda: False)
    assert reached(tmp_path, *REACHING) == []
    assert "network: no TCP (Landlock); other kinds are not held" in held()


def test_what_is_not_held_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine with neither, and on one without limits of resources, such as Windows."""
    monkeypatch.setattr(confinement, "has_namespaces", lambda: False)
    monkeypatch.setattr(landlock, "version", lambda: 0)
    said = "\n".join(held())
    assert "network: refused by Python alone" in said
    assert "files: NOT HELD" in said
    assert "the grader and other processes: NOT HELD" in said
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    said = "\n".join(held())
    monkeypatch.delattr(signal, "setitimer")
    said = "\n".join(held())
    for what in ("time of a cell", "memory", "processes", "size of a file"):
        assert f"{what}: NOT HELD on this system" in said


def test_python_s_sockets_can_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", socket.socket)  # put back afterwards
    confinement._refuse_sockets()
    with pytest.raises(PermissionError, match="a submission has no network"):
        socket.socket()
    with pytest.raises(PermissionError, match="a submission has no network"):
        socket.create_connection(("127.0.0.1", 9))


@pytest.mark.slow
def test_a_class_s_folder_from_the_assignment_to_the_marks(tmp_path: Path) -> None:
    """Solved by script: right, wrong, as published, not at all. `python benchmarks/grading.py`
    does so for every chapter, with cells that fail as well.
    """
    wanted = four_ways(tmp_path / "in", 4, "spring27")
    (tmp_path / "in" / "hostile.ipynb").unlink()  # the tests above do what it does
    del wanted["hostile.ipynb"]
    terms = Terms("spring27", limits=LONG)
    rows = grade(tmp_path / "in", tmp_path / "marks.csv", terms, say=lambda line: None)
    assert {row.submission: int(row.points) for row in rows} == wanted
    assert [row.note for row in rows] == [""] * 4
