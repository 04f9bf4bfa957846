"""A learner's loop that never ends is stopped, with a line that says so, and nothing is left."""

import contextlib
import itertools
import math
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from course_lib.checks import Design, Exercise, judge
from course_lib.checks.time_limit import TookTooLong, limited

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no alarm on this system")

SHORT = Exercise("0.t", lambda: lambda z: z, cases=[(torch.ones(2),)], seconds=0.3)


def endless(z: Any) -> Any:
    while True:
        pass


def stubborn(z: Any) -> Any:
    """Goes on after the first time that it is stopped."""
    with contextlib.suppress(BaseException):
        endless(z)
    endless(z)


def forgiving(z: Any) -> Any:
    """Gives the right answer after all, too late."""
    with contextlib.suppress(BaseException):
        endless(z)
    return z


def unending(z: Any) -> Iterator[float]:
    """Numbers without end, each of which takes a while."""
    for _ in itertools.count():
        time.sleep(0.01)
        yield 1.0


@pytest.mark.parametrize("function", [endless, stubborn, forgiving, unending])
def test_what_never_ends_is_stopped_and_the_next_answer_judged(function: Any) -> None:
    verdict = judge(SHORT, function)
    assert not verdict.accepted
    assert verdict.message == (
        "0.t: your answer was stopped after 0.3 seconds: does a loop in it never end?"
    )
    assert judge(SHORT, lambda z: z).accepted


def test_no_alarm_is_left_behind() -> None:
    judge(SHORT, lambda z: z)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    with limited(0.05):
        pass
    time.sleep(0.1)


def test_an_alarm_of_the_reader_is_set_again() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: heard.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with limited(5.0):
            pass
        deadline = time.monotonic() + 10
        while not heard and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert heard == [signal.SIGALRM]


def test_a_limit_runs_on_while_there_is_another_in_it() -> None:
    done = []

    def several() -> None:
        for i in range(20):
            with limited(5.0):
                time.sleep(0.1)
            done.append(i)

    with pytest.raises(TookTooLong), limited(0.4):
        several()
    assert len(done) < 10  # a tenth of a second each, or more on a busy machine
    with pytest.raises(TookTooLong), limited(0.05), limited(5.0):  # over before the inner one ends
        time.sleep(0.2)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.inf, math.nan])
def test_a_limit_is_positive_and_finite(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"0\.t: seconds must be positive and finite, got"):
        Exercise("0.t", lambda: 1.0, seconds=seconds)
    with pytest.raises(ValueError, match=r"0\.t: seconds must be positive and finite, got"):
        Design("0.t", float, 1.0, "it", seconds=seconds)


def test_an_exception_of_the_block_passes() -> None:
    with pytest.raises(TookTooLong), limited(0.05):
        endless(None)
    with pytest.raises(ZeroDivisionError), limited(5.0):
        1 / 0  # noqa: B018  the division is what is tried


def test_in_another_thread_nothing_is_limited_and_all_works() -> None:
    said: list[bool] = []
    thread = threading.Thread(target=lambda: said.append(judge(SHORT, lambda z: z).accepted))
    thread.start()
    thread.join()
    assert said == [True]
