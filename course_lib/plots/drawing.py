"""What a figure must not depend on: the reader's own settings are put aside while one is drawn."""

import decimal
import inspect
import threading
from collections.abc import Callable
from contextlib import ContextDecorator, ExitStack
from functools import wraps
from typing import Any, Self, TypeVar

import matplotlib as mpl
import numpy as np

_Class = TypeVar("_Class", bound=type)

# Settings of windows, files and clocks: none of them reaches a drawing.
_NOT_DRAWN = (
    *("backend", "date.epoch", "docstring.", "figure.max_open", "figure.raise", "interactive"),
    *("savefig.directory", "timezone", "tk.", "toolbar", "webagg."),
)
_SETTINGS: Any = mpl.rcParams  # typed key by key, which a loop over the keys cannot follow
_OURS: dict[str, Any] = {
    str(key): value for key, value in mpl.rcParamsDefault.items() if not key.startswith(_NOT_DRAWN)
}


class _Drawing(ContextDecorator):
    """Held by whoever draws: one at a time, and as if nothing on this machine had been set.

    One at a time, since JupyterLab delivers sliders' values on a thread beside the one that runs
    cells, and matplotlib is not made for two. Matplotlib's settings, NumPy's error handling and
    the decimal context are the libraries' own while it is held, and the reader's again after.
    Matplotlib's are the whole process's: only those that differ are touched, and what a cell beside
    sets meanwhile stays set, unless it is the very value that matplotlib starts with.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._aside = ExitStack()

    def __enter__(self) -> Self:
        self._lock.acquire()
        self._depth += 1
        if self._depth == 1:
            theirs = {key: dict.__getitem__(_SETTINGS, key) for key in _OURS}
            theirs = {key: value for key, value in theirs.items() if value is not _OURS[key]}
            _set({key: _OURS[key] for key in theirs})
            self._aside.callback(_set_again, theirs)
            self._aside.enter_context(np.errstate(all="warn", under="ignore"))
            self._aside.enter_context(decimal.localcontext(decimal.Context()))
        return self

    def __exit__(self, *_error: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._aside.close()
        self._lock.release()


def _set(values: dict[str, Any]) -> None:
    """Sets Matplotlib's settings without checking each again, which takes thirty times as long."""
    dict.update(_SETTINGS, values)


def _set_again(theirs: dict[str, Any]) -> None:
    """Sets back `theirs`, but for what someone else has set since."""
    found = {key: dict.__getitem__(_SETTINGS, key) for key in theirs}
    _set({key: value for key, value in theirs.items() if found[key] is _OURS[key]})


DRAWING = _Drawing()


def styled(kind: _Class) -> _Class:
    """A class of figures or axes whose every public method that makes or changes holds DRAWING.

    A notebook's own cell calls them outside of any function of ours: `ax.plot(…)` reads the
    width and the colour of a line from Matplotlib's settings.
    """
    for name in dir(kind):
        found = inspect.getattr_static(kind, name)
        if inspect.isfunction(found) and not name.startswith(("_", "get_")):
            setattr(kind, name, _held(found))
    return kind


def _held(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def drawing(*args: Any, **kwargs: Any) -> Any:
        with DRAWING:
            return method(*args, **kwargs)

    return drawing
