"""A progress bar for a loop that a reader writes: seen while it runs, and nothing stored of it."""

import sys
from collections.abc import Iterator

from course_lib.arguments import require_count

_VIEW = "application/vnd.jupyter.widget-view+json"


def progress(steps: int) -> Iterator[int]:
    """0, 1, …, steps − 1, with a bar in the notebook that grows with them and goes at the end.

    Where there is no notebook, a terminal gets tqdm's bar, and anything else none.
    Raises ValueError unless steps is 1 or more.
    """
    require_count("steps", steps)
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return _in_notebook(steps) if getattr(shell, "kernel", None) else _in_terminal(steps)


def _in_terminal(steps: int) -> Iterator[int]:
    from tqdm import tqdm

    yield from tqdm(range(steps), unit="step", disable=None, leave=False)


def _in_notebook(steps: int) -> Iterator[int]:
    """The view alone is displayed, without words: nothing of the bar is stored in the notebook."""
    from IPython.display import display
    from ipywidgets import IntProgress

    bar = IntProgress(max=steps, description="training")
    view = {"version_major": 2, "version_minor": 0, "model_id": bar.model_id}
    display({_VIEW: view}, raw=True)
    every = max(1, steps // 100)
    try:
        for step in range(steps):
            if step % every == 0:
                bar.value = step
            yield step
    finally:
        bar.close()
