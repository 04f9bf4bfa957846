"""A first start from nothing, as a reader makes it: with a network, and other projects' settings.

It takes minutes and 1.3 GB. Where pip's settings name no place, and there is no NVIDIA GPU, PyTorch
comes from its own index.
"""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "runs", "*.egg-info", "__pycache__", ".*_cache")
ONLY_TESTS = ("hypothesis", "mypy", "nbval", "playwright", "pytest", "ruff", "scipy")
EXECUTE = """
import sys, start
code = '''
import importlib.util, nbclient, nbformat, pathlib
for path in sorted(pathlib.Path("notebooks").glob("0[34]_*.ipynb")):
    book = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": "notebooks"}}
    nbclient.NotebookClient(book, kernel_name="python3", timeout=300, resources=place).execute()
    print("ran", path.name)
print("present:", *filter(importlib.util.find_spec, ONLY_TESTS))
'''
sys.exit(start.run("-c", code, threads=1))
""".replace("ONLY_TESTS", repr(ONLY_TESTS))


def settings_of_another_project(folder: Path) -> dict[str, str]:
    """What would lead pip elsewhere, and Python to another numpy."""
    folder.mkdir()
    (folder / "numpy.py").write_text("raise RuntimeError('another numpy')\n", encoding="utf-8")
    elsewhere = str(folder / "elsewhere")
    lead = {"USER": "1", "PREFIX": elsewhere, "TARGET": elsewhere, "NO_DEPS": "1", "DRY_RUN": "1"}
    return {
        **{f"PIP_{name}": value for name, value in lead.items()},
        "PYTHONPATH": str(folder),
        "PYTHONWARNINGS": "ignore",
        "MPLBACKEND": "no_such_backend",
    }


@pytest.mark.slow
def test_a_first_start_from_nothing(tmp_path: Path) -> None:
    course = tmp_path / "a course"
    shutil.copytree(ROOT, course, ignore=LEFT_OUT)
    environment = {**os.environ, **settings_of_another_project(tmp_path / "other")}

    def run(*words: str) -> str:
        command = [sys.executable, *words]
        ran = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    first = run("start.py", "--version").splitlines()
    assert first[0].startswith(
        "Installing the course into .venv, once. About to be fetched: 100 MB"
    )
    assert first[-1] == importlib.metadata.version("jupyterlab")
    second = run("start.py", "--version").splitlines()
    assert second == first[-2:]  # it opens at once
    ran = run("-c", EXECUTE).splitlines()
    assert [line[:7] for line in ran] == ["ran 03_", "ran 04_", "present"]
    assert ran[-1] == "present:"  # no tool of the tests
    assert not (tmp_path / "other" / "elsewhere").exists()
