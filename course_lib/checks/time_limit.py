"""A limit of time on what a learner's function does: a loop that never ends must not hold a
notebook.
"""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SOON = 1e-6  # seconds, of an alarm that is due
AGAIN = 0.5  # seconds after which a block that went on all the same is stopped again


class TookTooLong(BaseException):
    """The block was stopped. No Exception, so that a learner's `except Exception` lets it pass."""


def require_seconds(name: str, seconds: float) -> None:
    """Raises ValueError unless the limit of the exercise `name` is positive and finite."""
    if not 0 < seconds < math.inf:
        raise ValueError(f"{name}: seconds must be positive and finite, got {seconds}")


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises TookTooLong in the block once it has run for so many seconds, and after it where the
    block caught that and went on.

    By the system's alarm, which interrupts Python alone: a call into torch is first ended, and a
    loop that catches every BaseException in each of its turns goes on. Where there is no such alarm
    (on Windows, and in any thread but the main one) nothing is limited. An alarm that was set
    before is set again afterwards, to what is left of it. seconds: positive and finite.
    """
    main = threading.current_thread() is threading.main_thread()
    if not (main and hasattr(signal, "setitimer")):
        yield
        return
    fired = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        fired.set()
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, stop)
    begun, alarm = time.monotonic(), (0.0, 0.0)
    try:
        alarm = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        _set_again(*alarm, time.monotonic() - begun)
    if fired.is_set():
        raise TookTooLong


def _set_again(left: float, interval: float, passed: float) -> None:
    """Sets an alarm that was set before, `passed` seconds later; at once if it is due."""
    if left:
        signal.setitimer(signal.ITIMER_REAL, max(left - passed, SOON), interval)
