"""A learner's answer is tried: whatever it does, there is a result, or a verdict in one line."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from course_lib.checks.answers import NoNumber, NotAnswered, Refused
from course_lib.checks.phrases import say
from course_lib.checks.surroundings import restored
from course_lib.checks.time_limit import TookTooLong, limited

Result = TypeVar("Result")


@dataclass(frozen=True)
class Verdict:
    """What a learner is told, whether the answer was right, and whether there was one."""

    accepted: bool
    message: str
    answered: bool = True


def tried(name: str, seconds: float, run: Callable[[], Result], blank: str) -> Result | Verdict:
    """What `run` gives, or the verdict on why it gives nothing; blank: what is said if the answer
    is empty. Only KeyboardInterrupt passes, which is how a reader stops a cell.
    """
    try:
        with restored(), limited(seconds):
            return run()
    except NotAnswered:
        return Verdict(False, f"{name}: {blank}", answered=False)
    except (NoNumber, Refused) as error:
        return Verdict(False, f"{name}: {error}")
    except KeyboardInterrupt:
        raise
    except TookTooLong:
        return Verdict(False, f"{name}: {say('too long', seconds=f'{seconds:g}')}")
    except BaseException as error:  # a learner's function may raise anything, SystemExit too
        return Verdict(False, f"{name}: {say('raised', error=_shown(error))}")


def _shown(error: BaseException) -> str:
    """The error's type and message in one line of reasonable length."""
    try:
        with restored():
            words = " ".join(f"{type(error).__name__}: {error}"[:2000].split()).removesuffix(":")
        return words if len(words) <= 300 else f"{words[:299]}…"
    except KeyboardInterrupt:
        raise
    except BaseException:  # an exception's text may raise another
        return "an error that cannot be shown"
