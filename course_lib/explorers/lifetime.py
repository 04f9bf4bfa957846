"""Explorers whose cell has run again are closed, so that running it often takes no more memory.

IPython keeps every result of a cell (`Out`), and ipywidgets every widget, so none is ever freed by
itself. An explorer lives as long as the last run of some cell has made it or shown it, or as a
name in the notebook holds it.
"""

import gc
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from IPython import get_ipython


class Closable(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Frees what it holds."""


_HOLDERS: WeakKeyDictionary[Closable, dict[str, str]] = WeakKeyDictionary()  # cells, their runs
_WATCHED: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()  # the shells that report to _tidy


def hold(explorer: Closable) -> None:
    """Notes that the running cell has made or shown `explorer`; nothing outside a notebook."""
    shell, cell, run, _ = _running()
    if cell:
        _HOLDERS.setdefault(explorer, {})[cell] = run
        if shell not in _WATCHED:
            _WATCHED[shell] = True
            shell.events.register("post_run_cell", _tidy)


def _running() -> tuple[Any, str, str, list[str]]:
    """The shell, the cell that it runs, the id of this run, and the cells that were deleted.

    JupyterLab and VS Code say which cell it is; other ways of running say nothing.
    """
    shell = get_ipython()
    request = shell.get_parent() if hasattr(shell, "get_parent") else {}
    if not request or request["header"]["msg_type"] != "execute_request":
        return shell, "", "", []
    about = request.get("metadata", {})
    deleted = about.get("deletedCells") or []
    return shell, about.get("cellId") or "", request["header"]["msg_id"], deleted


def _tidy(*_result: Any) -> None:
    """After a cell: closes what no cell's last run and no name holds."""
    shell, cell, run, deleted = _running()
    lost = []
    for explorer, held in list(_HOLDERS.items()):
        if cell in held and held[cell] != run:
            del held[cell]
        for gone in deleted:
            held.pop(gone, None)
        if not held and not _named(shell, explorer):
            lost.append(explorer)
    for explorer in lost:
        del _HOLDERS[explorer]
        explorer.close()
    if lost:
        lost.clear()
        gc.collect()  # figures hold themselves in circles, and megabytes wait for no count


def _named(shell: Any, explorer: Closable) -> bool:
    """Whether a name that the reader chose stands for it; IPython's own begin with a line."""
    names = shell.user_ns.items()
    return any(value is explorer and not name.startswith("_") for name, value in names)
