"""Progress bars, seen while a training runs, of which nothing is stored in a notebook."""

import sys
from collections.abc import Iterator
from typing import Any, Protocol

from course_lib.arguments import require_count

_VIEW = "application/vnd.jupyter.widget-view+json"


class Bar(Protocol):
    """A bar that grows, and has a few words beside it."""

    def set_postfix(self, words: dict[str, str], *, refresh: bool) -> None:
        """Names and their values, to stand beside the bar."""

    def update(self, n: int = 1) -> Any:
        """`n` more are done."""

    def close(self) -> None:
        """No more will be."""


def progress(steps: int) -> Iterator[int]:
    """0, 1, …, steps − 1, with a bar in the notebook that grows with them and goes at the end.

    Where there is no notebook, a terminal gets tqdm's bar, and anything else none.
    Raises ValueError unless steps is 1 or more.
    """
    steps = require_count("steps", steps)
    return _counted(steps)


def _counted(steps: int) -> Iterator[int]:
    bar, every = open_bar(steps, unit="step", leave=False, disable=None), max(1, steps // 100)
    try:
        for step in range(steps):
            yield step
            if (step + 1) % every == 0:
                bar.update(every)
    finally:
        bar.close()


def open_bar(
    total: int, *, done: int = 0, unit: str, leave: bool = True, disable: bool | None = False
) -> Bar:
    """A bar for `total` steps of which `done` are: in the notebook, else tqdm's on stderr.

    leave and disable are tqdm's: whether the bar stays at the end; None disables it where stderr
    is no terminal.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if disable is not True and getattr(shell, "kernel", None):
        return _NotebookBar(total, done)
    from tqdm import tqdm

    bar: Bar = tqdm(total=total, initial=done, unit=unit, leave=leave, disable=disable)
    return bar


class _NotebookBar:
    """The view alone is displayed, without words: nothing of the bar is stored in the notebook."""

    def __init__(self, total: int, done: int) -> None:
        from IPython.display import display
        from ipywidgets import IntProgress

        self.bar = IntProgress(max=total, value=done, description="training")
        view = {"version_major": 2, "version_minor": 0, "model_id": self.bar.model_id}
        display({_VIEW: view}, raw=True)

    def set_postfix(self, words: dict[str, str], *, refresh: bool) -> None:
        """Says nothing: numbers that flicker belong to a terminal."""

    def update(self, n: int = 1) -> None:
        self.bar.value += n

    def close(self) -> None:
        self.bar.close()
