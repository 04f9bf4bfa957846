"""Companion package of the course: every formula of the notebooks, proved independently.

Importing it costs nothing: a room is imported when it is first named, so `course_lib.bounds` works
after `import course_lib`, and `dir(course_lib)` lists the rooms. `course_lib.__all__` has them in
the order of the mathematics, in which a room imports only rooms before it.
"""

import difflib
import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_lib import (
        arguments,
        bounds,
        chain_readings,
        checkpoint,
        checks,
        data,
        depth_study,
        distributions,
        edition,
        evaluate,
        exact,
        exercises,
        explorers,
        gradients,
        index,
        minibatch,
        nets,
        numerals,
        plots,
        shipped,
        teach,
        train,
        vae,
    )

__version__ = "0.2.0"  # and in pyproject.toml; a test holds them equal

# In the order of the house.
__all__ = [  # noqa: RUF022
    "arguments",
    "numerals",
    "data",
    "checkpoint",
    "plots",
    "distributions",
    "exact",
    "bounds",
    "gradients",
    "minibatch",
    "nets",
    "chain_readings",
    "vae",
    "train",
    "shipped",
    "evaluate",
    "depth_study",
    "checks",
    "exercises",
    "explorers",
    "index",
    "edition",
    "teach",
]


# Rooms of 0.1.0, and where to look for what they held.
MOVED = {"readings": "chain_readings", "recipes": "shipped", "sweep": "vae", "unrolled": "vae"}


def _advice(name: str) -> str:
    """Which rooms may be meant by a name that is none."""
    if name in MOVED:
        return f"what it held is in {MOVED[name]}"
    close = difflib.get_close_matches(name, __all__, n=3)
    return f"did you mean {' or '.join(close)}?" if close else f"rooms are {', '.join(__all__)}"


if not TYPE_CHECKING:  # else a wrong name would pass for a room where types are checked

    def __getattr__(name: str) -> ModuleType:
        """The room `name`, imported now. Raises AttributeError that suggests what is close."""
        if name in __all__:
            return importlib.import_module(f"course_lib.{name}")
        raise AttributeError(f"course_lib has no room {name!r}; {_advice(name)}")


def __dir__() -> list[str]:
    """The rooms, in the order of the house; `dir` sorts them."""
    return [*__all__, "__version__"]
