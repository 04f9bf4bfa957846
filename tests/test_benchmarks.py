"""The commands in benchmarks/ start, and what they say of the code is true of the code that is."""

import ast
import json
import os
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "benchmarks"
sys.path.append(str(FOLDER))  # where planted_faults finds planting
planted_faults, planting = (import_module(name) for name in ("planted_faults", "planting"))

COMMANDS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "planting")
# What takes each some seconds. Of `startup` and `planted_faults` nothing does.
SHORT = {
    "best_chain": "base --epochs 1 --images 2 --k 2",
    "evaluate": "--images 2 --k 200 --rounds 1",
    "explorers": "PosteriorExplorer",
    "grading": "--only right",
    "output_bias": "--seeds 1 --steps 50 --out runs/output_bias.json",
    "player": "GradientAscent",
    "second_layer": "digits --seeds 1 --epochs 1",
    "sweep": "--epochs 1 --rounds 1",
    "training": "--images 640 --rounds 1",
    "workers": "--workers 1 --seeds 1 --epochs 1 --rounds 1",
}


def run(name: str, words: str) -> str:
    command = [sys.executable, str(FOLDER / f"{name}.py"), *words.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


# All in one process: most of the time goes into importing torch.
HELP = """
import contextlib, io, json, runpy, sys
told = {}
for path in sys.argv[1:]:
    sys.argv, out = [path, "--help"], io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        told[path] = [end.code or 0, out.getvalue()]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told() -> dict[str, tuple[int, str]]:
    """How each command ends that is asked for help, and what it prints."""
    paths = [str(FOLDER / f"{name}.py") for name in COMMANDS]
    done = subprocess.run(
        [sys.executable, "-c", HELP, *paths],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(FOLDER)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return {Path(path).stem: (code, text) for path, (code, text) in json.loads(done.stdout).items()}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_says_what_it_can_do(name: str, told: dict[str, tuple[int, str]]) -> None:
    code, text = told[name]
    assert code == 0
    assert f"usage: {name}.py" in text


@pytest.mark.slow
@pytest.mark.parametrize("name", SHORT)
def test_each_measures_something(name: str) -> None:
    assert any(character.isdecimal() for character in run(name, SHORT[name]))


def test_none_is_left_out() -> None:
    assert sorted([*SHORT, "hub", "planted_faults", "startup"]) == COMMANDS


@pytest.mark.parametrize("room", planted_faults.ROOMS)
def test_faults_are_planted_in_rooms_that_are_there(room: str) -> None:
    package = ROOT / "course_lib"
    assert (package / room).is_dir() or (package / f"{room}.py").is_file()


@pytest.mark.parametrize(("words", "missing"), [([], "--map"), (["--again"], "without --again")])
def test_what_an_earlier_run_must_have_left_is_asked_for(
    words: list[str], missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The command changes both for good.
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", ["planted_faults.py", "--count", "1", *words])
    monkeypatch.setattr(planted_faults, "FOLDER", tmp_path)
    planted_faults.tests.cache_clear()
    with pytest.raises(SystemExit, match=missing):
        planted_faults.main()


@cache
def statements(path: Path) -> dict[int, str]:
    """The text of the statement that each node of a file stands in, by the node's number."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    around: dict[ast.AST, ast.AST] = {}
    for node in ast.walk(tree):
        inside = isinstance(node, ast.stmt | ast.comprehension)
        for child in ast.iter_child_nodes(node):
            around[child] = node if inside else around.get(node, node)
    texts = {stmt: ast.unparse(stmt) for stmt in set(around.values())}
    return {i: texts[around.get(node, tree)] for i, node in enumerate(ast.walk(tree))}


@cache
def every(path: Path) -> list[Any]:
    return list(planting.faults(path))


@pytest.mark.parametrize(("fault", "reason"), planted_faults.harmless().items())
def test_what_is_called_harmless_can_be_planted(fault: str, reason: str) -> None:
    """Else the file, the function or the line has changed, and the reason with it."""
    path, _, before, _ = fault.split(" | ")
    assert reason
    file = ROOT / path
    near = [f for f in every(file) if before in statements(file)[f.node]]
    assert fault in map(str, near)
