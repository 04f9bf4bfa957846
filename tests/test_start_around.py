"""start.py: what others have set does not reach the course, and an old Python gets its answer."""

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import pytest

import start

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """start.py's environment is the one of these tests."""
    monkeypatch.setattr(start, "venv_python", lambda: Path(sys.executable))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path.parent


PLUGIN = "raise RuntimeError('the plugin of another project')\n"
KERNEL = {"argv": ["no-such-program"], "display_name": "Another", "language": "python"}


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a reader may have set for other work; returns the folder that it is in."""
    write(tmp_path / "path" / "numpy.py", "raise RuntimeError('another numpy')\n")
    write(tmp_path / "path" / "foreign_plugin.py", PLUGIN)
    write(tmp_path / "path" / "foreign-1.dist-info" / "METADATA", "Name: foreign\nVersion: 1\n")
    point = "[pytest11]\nforeign = foreign_plugin\n"
    write(tmp_path / "path" / "foreign-1.dist-info" / "entry_points.txt", point)
    write(tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json", json.dumps(KERNEL))
    profile = tmp_path / "ipython" / "profile_default"
    write(profile / "ipython_config.py", "c.InteractiveShell.ast_node_interactivity = 'all'\n")
    write(profile / "startup" / "first.py", "print('good morning')\n")
    for name, value in {
        "PYTHONPATH": tmp_path / "path",
        "PYTHONSTARTUP": tmp_path / "path" / "numpy.py",
        "PYTHONWARNINGS": "error",
        "PYTEST_ADDOPTS": "--no-such-option",
        "PYTEST_PLUGINS": "foreign_plugin",
        "JUPYTER_PATH": tmp_path / "jupyter",
        "IPYTHONDIR": tmp_path / "ipython",
        "MPLBACKEND": "no_such_backend",
        "MATPLOTLIBRC": tmp_path / "path",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "PIP_TARGET": tmp_path / "elsewhere",
    }.items():
        monkeypatch.setenv(name, str(value))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


NOTEBOOK = """
import os, sys, nbclient, nbformat
code = "import numpy, matplotlib.pyplot\\n1\\nnumpy.add(1, 1).item()"
book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
book.metadata.kernelspec = {"name": "python3", "display_name": "", "language": "python"}
nbclient.NotebookClient(book, kernel_name="python3").execute()
print(*[(o.output_type, o.get("text"), o.get("data")) for o in book.cells[0].outputs])
"""


@pytest.mark.usefixtures("here", "hostile")
def test_a_notebook_has_our_kernel_packages_and_profile(capfd: pytest.CaptureFixture[str]) -> None:
    assert start.run("-c", NOTEBOOK) == 0
    assert capfd.readouterr().out.strip() == "('execute_result', None, {'text/plain': '2'})"


@pytest.mark.usefixtures("here", "hostile")
def test_pytest_has_our_plugins_and_options(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "test_it.py", "def test_it(): pass\n")
    words = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={tmp_path}"]
    assert start.run("-m", "pytest", *words, str(tmp_path / "test_it.py")) == 0
    assert "1 passed" in capfd.readouterr().out


@pytest.mark.usefixtures("here", "hostile")
@pytest.mark.parametrize("lower", [None, "example.org"])
def test_this_machine_is_not_asked_by_way_of_a_proxy(
    lower: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lower:
        monkeypatch.setenv("no_proxy", lower)
    around = start.surroundings()
    assert around["HTTPS_PROXY"] == "http://127.0.0.1:9"  # others are still asked that way
    monkeypatch.setattr(os, "environ", around)
    for host in ("127.0.0.1", "localhost"):
        assert urllib.request.proxy_bypass_environment(f"{host}:8888")  # type: ignore[attr-defined]
    assert not urllib.request.proxy_bypass_environment("packages.example")  # type: ignore[attr-defined]


def test_what_is_the_readers_own_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    own = (
        "JUPYTER_CONFIG_DIR",
        "PIP_INDEX_URL",
        "JUPYTERLAB_SETTINGS_DIR",
        "BROWSER",
        "LANG",
        "OMP_NUM_THREADS",
    )
    for name in own:
        monkeypatch.setenv(name, "mine")
    assert dict.fromkeys(own, "mine").items() <= start.surroundings().items()


@pytest.mark.usefixtures("here", "hostile")
def test_ipythons_folder_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(write(tmp_path / "temporary" / "x", "")))
    seen = tmp_path / "seen"
    note = f"import os; open({str(seen)!r}, 'w').write(os.environ['IPYTHONDIR'])"
    assert start.run("-c", note) == 0
    folder = Path(seen.read_text())
    assert folder.parent == tmp_path / "temporary"
    assert not folder.exists()


@pytest.mark.usefixtures("hostile")
def test_a_broken_environment_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "venv_python", lambda: Path(sys.executable))
    assert start.importing("numpy") == start.MINE  # not the one on PYTHONPATH
    assert start.importing("nothing") == "ModuleNotFoundError: No module named 'nothing'"
    assert start.importing("os; os._exit(3)") == "3"
    monkeypatch.setattr(start, "venv_python", lambda: tmp_path / "gone")
    assert re.match(r"\[(Errno|WinError) 2\] ", start.importing("sys"))


@pytest.fixture
def homework(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder holds a reader's own files, with the names of modules."""
    for name in ("random", "logging", "torch", "venv", "ensurepip", "pip"):
        write(tmp_path / "homework" / f"{name}.py", "raise RuntimeError('homework')\n")
    monkeypatch.chdir(tmp_path / "homework")


@pytest.mark.usefixtures("here", "homework")
def test_what_lies_where_it_is_started_is_not_imported() -> None:
    """Else a sound environment would seem broken, and be made anew."""
    assert start.importing("pip._internal.cli.main, random, logging, torch") == start.MINE
    assert start.importing("pip.nothing").endswith("No module named 'pip.nothing'")
    assert isinstance(start.pip_settings(), dict)


@pytest.mark.usefixtures("homework")
def test_an_environment_is_made_wherever_it_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "VENV", tmp_path / "course" / ".venv")
    start.make_venv("nothing")
    assert start.importing("pip._internal.cli.main") == start.MINE


PROGRAM = """
import pathlib, sys, start
start.venv_python = lambda: pathlib.Path(sys.executable)
print(ascii(start.pip_settings()["find-links"]))
start.VENV = pathlib.Path(sys.argv[1])
try:
    start.make_venv("nothing")
except start.Problem as problem:
    print(ascii(str(problem)))
"""


def test_letters_that_the_console_lacks_are_read(tmp_path: Path) -> None:
    """What is started writes UTF-8, whatever the encoding is around it."""
    write(tmp_path / "pip.conf", "[global]\nfind-links = /wheels/M\u00fcller\n")
    write(tmp_path / "M\u00fcller", "a file where a folder should be")
    around = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))
    }
    run = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", PROGRAM, str(tmp_path / "M\u00fcller" / ".venv")],
        cwd=ROOT,
        env={**kept, **around, "PIP_CONFIG_FILE": str(tmp_path / "pip.conf")},
        capture_output=True,
        encoding="ascii",
    )
    assert run.returncode == 0, run.stderr
    links, problem = map(ast.literal_eval, run.stdout.splitlines())
    assert links == "/wheels/M\u00fcller"
    assert "M\u00fcller" in problem.split("Error: ")[1]  # in the words of what was started


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ("3.9", "The .venv that is here was made by Python 3.9; it is made anew with "),
        (
            "No module named pip",
            "The .venv that is here does not work (No module named pip); it is",
        ),
    ],
)
def test_an_environment_that_is_made_anew_says_why(
    found: str,
    why: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ran = subprocess.CompletedProcess([], 1, b"", b"Error: [Errno 28] No space left on device\n")
    monkeypatch.setattr(start, "VENV", tmp_path)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ran)
    with pytest.raises(
        start.Problem, match=r"could not make .*: Error: \[Errno 28\] No space left"
    ):
        start.make_venv(found)
    assert capsys.readouterr().out.startswith(why)


def test_an_old_python_gets_as_far_as_its_refusal() -> None:
    """Its grammar: no syntax after 3.6, and no annotation that it cannot evaluate."""
    text = (ROOT / "start.py").read_text(encoding="utf-8")
    assert text.isascii()  # Python 2 stops at the first letter that is not
    tree = ast.parse(text, feature_version=(3, 6))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module != "__future__"
        notes = [node.returns] if isinstance(node, ast.FunctionDef) else []
        notes += [node.annotation] if isinstance(node, ast.arg | ast.AnnAssign) else []
        assert not any(isinstance(note, ast.BinOp | ast.Subscript) for note in notes)
        assert not isinstance(node, ast.NamedExpr | ast.Match | ast.TryStar)
