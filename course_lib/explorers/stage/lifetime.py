"""Explorers whose cell has run again are closed, so that running it often takes no more memory.

IPython keeps every result of a cell (`Out`), and ipywidgets every widget, so none is ever freed by
itself. An explorer lives as long as the last run of some cell has made it or shown it, or as a
name in the notebook holds it, itself or in a list, a dict, a box or an attribute.
"""

import gc
from types import FunctionType, ModuleType
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from IPython import get_ipython

# How far to look: a box of ipywidgets, its attributes, its traits, its children, each of them.
_STEPS = 5
_NO_BAGS = (ModuleType, FunctionType, type)  # these lead to everything there is


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
    unheld = []
    for explorer, held in list(_HOLDERS.items()):
        if cell in held and held[cell] != run:
            del held[cell]
        for gone in deleted:
            held.pop(gone, None)
        if not held:
            unheld.append(explorer)
    named = _named(shell) if unheld else set()
    lost = [explorer for explorer in unheld if id(explorer) not in named]
    for explorer in lost:
        del _HOLDERS[explorer]
        explorer.close()
    if lost:
        del explorer
        unheld.clear()
        lost.clear()
        gc.collect()  # figures hold themselves in circles, and megabytes wait for no count


def _named(shell: Any) -> set[int]:
    """The ids of what the reader's names stand for, and of what that holds: lists, boxes, methods.

    IPython's own names begin with a line; its store of results is no choice of the reader's.
    """
    apart = (shell, shell.user_ns, shell.user_ns.get("_oh"))
    found = {id(thing) for thing in apart}
    level = [value for name, value in list(shell.user_ns.items()) if not name.startswith("_")]
    for _ in range(_STEPS):
        new = {id(thing): thing for thing in level if gc.is_tracked(thing)}
        bags = [t for i, t in new.items() if i not in found and not isinstance(t, _NO_BAGS)]
        found |= new.keys()
        level = gc.get_referents(*bags)
    return found
