"""start.py: what it says when it cannot go on, and that it installs no more often than it must."""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import start

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what start.py reads, in a folder with spaces in its name; start acts there."""
    root = tmp_path / "a course in a folder"
    (root / "notebooks").mkdir(parents=True)
    for name in ("start.py", "pyproject.toml", "constraints.txt", "README.md"):
        shutil.copy(ROOT / name, root)
    (root / "course_lib").mkdir()
    (root / "notebooks" / "01_first.ipynb").touch()
    (root / "notebooks" / "03_third.ipynb").touch()
    monkeypatch.setattr(start, "ROOT", root)
    monkeypatch.setattr(start, "VENV", root / ".venv")
    monkeypatch.setattr(start, "STAMP", root / ".venv" / "installed.txt")
    return root


def said(capfd: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr."""
    (line,) = capfd.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize("version", [(3, 10), (3, 8), (2, 7)])
def test_an_old_python_is_refused(
    version: tuple[int, int], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (*version, 0, "final", 0))
    assert start.main([]) == 1
    assert f"needs Python 3.11 or newer, and this is {version[0]}.{version[1]}" in said(capfd)


def test_a_python_without_venv_names_the_package(
    clean: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "ensurepip" else found(name)
    )
    assert start.main([]) == 1
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    assert said(capfd).endswith(f"on Debian or Ubuntu: sudo apt install {package}")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["7"], "there is no notebook 7; there are 1, 3"),
        (["tset"], "'tset' is not a command: give a notebook's number, test, refresh or --help"),
    ],
)
def test_a_wrong_word_is_explained(
    words: list[str], complaint: str, clean: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert start.main(words) == 1
    assert said(capfd) == f"start.py: {complaint}"
    assert not (clean / ".venv").exists()  # said before anything is installed


def test_no_network_is_one_line(clean: Path) -> None:
    """The real thing: an environment is made in a path with spaces, and its pip finds no index."""
    nowhere = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "1",  # pip tells of a broken connection only when it tries again
        "PIP_NO_CACHE_DIR": "1",
    }
    run = subprocess.run(
        [sys.executable, "start.py", "test"],
        cwd=clean,
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert line.startswith("start.py: could not install: pip cannot reach the package index;")
    assert start.venv_python().exists()
    assert not start.STAMP.exists()


MISSING = (
    "ERROR: Could not find a version that satisfies the requirement {} (from versions: {})\n"
    "ERROR: No matching distribution found for {}\n"
)
BROKEN = (
    "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by "
    "'NewConnectionError('<HTTPSConnection>: Failed to establish a new connection')': /torch/\n"
)


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        (MISSING.format("torch==2.9.1", "none", "torch==2.9.1"), "there is no build of torch==2.9"),
        (MISSING.format("torch", "2.1, 2.2", "torch"), "there is no build of torch for Python "),
        (BROKEN + MISSING.format("torch", "none", "torch"), "pip cannot reach the package index;"),
        ("ERROR: [Errno 28] No space left on device\n", "[Errno 28] No space left on device"),
    ],
)
def test_what_pip_says_is_put_in_one_line(
    output: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = subprocess.CompletedProcess([], 1, stderr=output)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ran)
    with pytest.raises(start.Problem) as problem:
        start.fill_venv()
    assert str(problem.value).startswith(f"could not install: {complaint}")
    if "no build" in complaint:
        here = f"for Python {sys.version_info[0]}.{sys.version_info[1]} on {platform.system()} "
        assert here + platform.machine() in str(problem.value)


@pytest.fixture
def installs(clean: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done to the environment, with the two slow steps replaced."""
    done: list[str] = []

    def make() -> None:
        done.append("make")
        start.venv_python().parent.mkdir(parents=True)
        start.venv_python().touch()

    monkeypatch.setattr(start, "make_venv", make)
    monkeypatch.setattr(start, "fill_venv", lambda: done.append("fill"))
    monkeypatch.setattr(start, "works", lambda python: python.exists())
    return done


def test_the_second_start_installs_nothing(installs: list[str]) -> None:
    start.install()
    start.install()
    assert installs == ["make", "fill"]


@pytest.mark.parametrize("name", start.INPUTS)
def test_a_changed_pin_is_installed(name: str, clean: Path, installs: list[str]) -> None:
    start.install()
    with (clean / name).open("a") as file:
        file.write("# changed\n")
    start.install()
    assert installs == ["make", "fill", "fill"]


def test_a_moved_folder_is_installed_again(
    clean: Path, installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editable install points at the folder's old place."""
    start.install()
    moved = clean.rename(clean.parent / "moved")
    monkeypatch.setattr(start, "ROOT", moved)
    monkeypatch.setattr(start, "VENV", moved / ".venv")
    monkeypatch.setattr(start, "STAMP", moved / ".venv" / "installed.txt")
    start.install()
    assert installs == ["make", "fill", "fill"]


def test_a_failed_install_is_tried_again(
    installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise start.Problem("no network")

    with monkeypatch.context() as broken:
        broken.setattr(start, "fill_venv", fail)
        assert start.main(["test"]) == 1
    start.install()
    assert installs == ["make", "fill"]


@pytest.mark.usefixtures("installs")
def test_lab_opens_the_notebook_on_this_machine_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(start, "run", lambda *words, threads=None: ran.append(words) or 0)
    assert start.main([]) == 0
    assert start.main(["3", "--no-browser"]) == 0
    first, third = ran
    assert first[:2] == ("-m", "jupyterlab")
    assert "--LabApp.default_url=/lab/tree/notebooks/01_first.ipynb" in first
    assert "--LabApp.default_url=/lab/tree/notebooks/03_third.ipynb" in third
    assert third[-1] == "--no-browser"
    assert "--ServerApp.ip=127.0.0.1" in first
    assert not any("token" in word for word in first)  # so JupyterLab makes its own


@pytest.mark.usefixtures("installs")
@pytest.mark.parametrize("status", [0, 1])
def test_the_tests_status_is_passed_on(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "run", lambda *words, threads=None: status)
    assert start.main(["test"]) == status


CHILD = """
import time
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(1)  # as JupyterLab takes its time to end its kernels
    print("closed", flush=True)
    raise SystemExit(7)
"""


@pytest.mark.skipif(os.name == "nt", reason="a console's Ctrl-C cannot be sent to a child alone")
def test_ctrl_c_lets_the_child_close() -> None:
    parent = f"""
import sys, start
start.venv_python = lambda: sys.executable
sys.exit(start.run("-c", {CHILD!r}))
"""
    command = [sys.executable, "-c", parent]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.read() == "closed\n"
        assert process.wait(30) == 7


def test_windows_has_its_interpreter_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        found = start.venv_python()
    assert found.parts[-2:] == ("Scripts", "python.exe")


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert start.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"start.py {word}" in shown for word in ("test", "refresh"))


PINS = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
)


def name_of(requirement: str) -> str:
    """The normalised name that a requirement starts with."""
    found = re.match(r"[\w.-]+", requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    pinned = {name_of(name) for name in PINS}
    assert {name_of(requirement) for requirement in wanted} <= pinned
    assert f"torch=={PINS['torch']}" in project["dependencies"]


def test_what_runs_here_is_what_is_pinned() -> None:
    """A local build such as 2.13.0+cpu is its version."""
    installed = {name_of(d.name): d.version for d in importlib.metadata.distributions()}
    different = {
        name: (version, installed[name_of(name)])
        for name, version in PINS.items()
        if name_of(name) in installed and installed[name_of(name)].split("+")[0] != version
    }
    assert not different
