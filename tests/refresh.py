"""Runs notebooks again and stores what any machine would store: `python3 start.py refresh [N …]`.

Code is formatted, cells run in a fresh kernel with one thread, widget state and everything that
tells of one machine is dropped, and notebooks/EQUATIONS.md, notebooks/API.md, the README's picture
and the tables of trained models in both READMEs are written. `refresh pages` writes these alone.
"""

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the kernels inherit it
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
os.environ["COURSE_LIB_PROGRESS"] = "off"  # they run nobody's answers

import api_page
import equations
import nbformat
import result_pages
from nbclient import NotebookClient
from notebook_rules import CLOSED, SLIDES, Notebook
from traitlets.config import Config

from course_lib.index import notebook_paths

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "notebooks"
PAGES = "pages"  # the word for no notebook
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    # What turns a notebook into a .py file, and colours its code; of no one version of Python.
    "language_info": {
        "name": "python",
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "codemirror_mode": {"name": "ipython", "version": 3},
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}


def execute(notebook: Any, folder: Path) -> None:
    """Runs every cell in order, in a fresh kernel started in `folder`.

    Raises nbclient's CellExecutionError at an error in a cell without the tag raises-exception.
    """
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()


def normalise(notebook: Any) -> None:
    """Drops what differs from machine to machine: versions, widget ids, tracebacks with paths."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        told = {name: cell.metadata.get(name) for name in ("tags", "jupyter", SLIDES, CLOSED)}
        cell.metadata = nbformat.from_dict({name: value for name, value in told.items() if value})
        cell.setdefault("id", uuid.uuid5(uuid.NAMESPACE_OID, str(number)).hex[:8])
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                # nbval compares the name and the value, not the traceback.
                output.traceback = [f"{output.ename}: {output.evalue}"]
            for mime in [mime for mime in output.get("data", {}) if "widget" in mime]:
                del output.data[mime]
        if cell.cell_type == "code":  # a progress bar leaves nothing
            cell.outputs = [output for output in cell.outputs if output.get("data") != {}]
    nbformat.validate(notebook)


def refresh(path: Path) -> None:
    """Formats, runs, normalises and stores one notebook; on an error the file stays as it was."""
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(path)], check=True)
    notebook = nbformat.read(path, as_version=4)
    execute(notebook, path.parent)
    normalise(notebook)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        nbformat.write(notebook, file)


def write_picture() -> Path:
    """The README's picture: the first one that notebook 1 stores."""
    source = notebook_paths(FOLDER)[0]
    path = FOLDER / "explorer.png"
    path.write_bytes(Notebook.read(source).pictures[0])
    return path


def main(words: list[str]) -> int:
    """Refreshes the notebooks with these numbers, or all, or none. Returns the exit status."""
    if words != [PAGES] and not all(word.isdecimal() for word in words):
        print(
            f"refresh takes notebooks' numbers or {PAGES}, got {' '.join(words)}", file=sys.stderr
        )
        return 1
    numbers = {int(word) for word in words if word != PAGES}
    paths = notebook_paths(FOLDER)
    there = {int(path.name[:2]) for path in paths}
    if not numbers <= there:
        lacking = ", ".join(map(str, sorted(numbers - there)))
        print(f"there is no notebook {lacking}; there are 1 to {max(there)}", file=sys.stderr)
        return 1
    for path in paths:
        if not words or int(path.name[:2]) in numbers:
            print(f"running {path.name}", flush=True)
            refresh(path)
    for written in (equations.write(), api_page.write(), write_picture(), *result_pages.write()):
        print(f"wrote {written.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
