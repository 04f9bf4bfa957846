"""How long a reader waits: each module's import, and each notebook from fresh kernel to last cell.

    .venv/bin/python benchmarks/startup.py            both tables
    .venv/bin/python benchmarks/startup.py --imports  the first alone

One thread. Import times are the median of five fresh interpreters, beyond a bare one; the
notebooks are run once each, in copies.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

ROOT = Path(__file__).resolve().parent.parent
RUNS = 5
OTHERS = ["torch", "matplotlib.figure", "ipywidgets", "scipy.stats"]  # for comparison


def seconds(code: str) -> float:
    """The median time of a fresh interpreter that runs `code`."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def modules() -> list[str]:
    """The package and the modules in it that a notebook imports from."""
    found = [p for p in sorted((ROOT / "course_lib").iterdir()) if p.name[0] not in "_."]
    names = [p.stem for p in found if p.suffix == ".py" or (p / "__init__.py").exists()]
    explorers = sorted((ROOT / "course_lib" / "explorers").glob("[a-z]*.py"))
    names += [f"explorers.{p.stem}" for p in explorers]
    return ["course_lib", *(f"course_lib.{name}" for name in names if name != "explorers")]


def print_imports() -> None:
    """The table of import times."""
    bare = seconds("")
    print("| import | seconds |\n|---|---|")
    for name in [*OTHERS, *modules()]:
        print(f"| `{name}` | {max(0.0, seconds(f'import {name}') - bare):.2f} |", flush=True)


def print_notebooks() -> None:
    """The table of notebooks: wall time of all cells, the kernel's start included."""
    sys.path.insert(0, str(ROOT / "tests"))
    import nbformat
    from refresh import execute

    from course_lib.index import notebook_paths

    print("| notebook | seconds | code cells | size, kB |\n|---|---|---|---|")
    for path in notebook_paths():
        notebook = nbformat.read(path, as_version=4)
        cells = sum(cell.cell_type == "code" for cell in notebook.cells)
        start = time.perf_counter()
        execute(notebook, path.parent)
        took = time.perf_counter() - start
        size = path.stat().st_size / 1000
        print(f"| `{path.stem}` | {took:.1f} | {cells} | {size:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--imports", action="store_true", help="leave the notebooks out")
    options = parser.parse_args()
    machine = f"{platform.system()}, {os.cpu_count()} cores"
    print(f"Python {platform.python_version()}, {machine}, one thread used\n")
    print_imports()
    if not options.imports:
        print()
        print_notebooks()


if __name__ == "__main__":
    main()
