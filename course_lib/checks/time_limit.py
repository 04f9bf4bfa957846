"""A limit of time on what a learner's function does: a loop that never ends must not hold a
notebook.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN = 1.0  # seconds after which a block that went on all the same is stopped again


class TookTooLong(BaseException):
    """The block was stopped. No Exception, so that a learner's `except Exception` lets it pass."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises TookTooLong in the block once it has run for so many seconds.

    By the system's alarm, which interrupts Python alone: a call into torch is first ended. Where
    there is no such alarm (on Windows, and in any thread but the main one) nothing is limited. An
    alarm that was set before is set again afterwards.
    """
    main = threading.current_thread() is threading.main_thread()
    if not (main and hasattr(signal, "setitimer")):
        yield
        return
    before = signal.signal(signal.SIGALRM, _stop)
    alarm = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *alarm)
        signal.signal(signal.SIGALRM, before)


def _stop(number: int, frame: FrameType | None) -> None:
    raise TookTooLong
