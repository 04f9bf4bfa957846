"""start.py: what it says when it cannot go on, and that it installs no more often than it must.

What it asks of pip is in test_start_pip.py, what reaches it from around in test_start_around.py.
"""

import contextlib
import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import course_lib
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
    monkeypatch.setattr(start, "LOG", root / ".venv" / "pip.log")
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
        (
            ["tset"],
            "'tset' is not a command: give a notebook's number, test, refresh, pages or --help",
        ),
    ],
)
def test_a_wrong_word_is_explained(
    words: list[str], complaint: str, clean: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert start.main(words) == 1
    assert said(capfd) == f"start.py: {complaint}"
    assert not (clean / ".venv").exists()  # said before anything is installed


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--quick"], "--quick goes after its command: python3 start.py test --quick"),
        (["--slow", "test"], "--slow goes after its command: python3 start.py test --slow"),
        (["--still", "pages"], "--still goes after its command: python3 start.py pages --still"),
        (["3", "--pdf"], "--pdf goes after its command: python3 start.py pages --pdf"),
        (["--no-browser", "3"], "goes first: python3 start.py 3"),
        (["--ServerApp.port=9999", "test"], "goes first: python3 start.py test"),
        (["1", "3"], "goes first: python3 start.py 3"),
    ],
)
def test_words_in_another_order_are_put_right(
    words: list[str],
    complaint: str,
    clean: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(start, "install", lambda extra="": pytest.fail("installed"))
    assert start.main(words) == 1
    assert said(capfd).endswith(complaint)
    assert not (clean / ".venv").exists()


@pytest.mark.parametrize(
    "words", [["--port", "8889"], ["3", "--port", "8889", "--no-browser"], ["--ServerApp.port=3"]]
)
def test_a_number_that_is_an_options_value_stays_it(words: list[str]) -> None:
    assert start.first_number(words)[1] == words[words[0] == "3" :]


@pytest.mark.parametrize("name", ["a {course}", "half}", "course [1]", "$nix"])
def test_a_folder_on_whose_name_others_stumble_is_refused_before_it_is_filled(
    name: str, clean: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(start, "ROOT", clean.rename(clean.parent / name))
    monkeypatch.setattr(start, "install", lambda extra="": pytest.fail("installed"))
    for words in ([], ["test"]):
        assert start.main(words) == 1
        line = said(capfd)
        assert re.search(
            rf"{re.escape(name)} has a [{{}}$\[] in its path, .*: move the course", line
        )


def test_other_signs_in_the_folders_name_are_fine(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ('100% of it\'s "course" (1) #2; & ~!,=', "cost $5", "M\u00fcller"):
        monkeypatch.setattr(start, "ROOT", clean.parent / name)
        start.require_plain_path()


def test_what_jupyterlab_makes_beside_the_notebooks_is_none_of_them(
    clean: Path,
) -> None:
    """A duplicate sorts before what it was made from; a new notebook has no number."""
    for name in ("03_third-Copy1", "Untitled", "04_fourth-Copy1", "1"):
        (clean / "notebooks" / f"{name}.ipynb").touch()
    assert start.find_notebook(3).name == "03_third.ipynb"
    with pytest.raises(start.Problem, match="^there is no notebook 4; there are 1, 3$"):
        start.find_notebook(4)


def test_no_network_is_one_line(clean: Path) -> None:
    """The real thing: an environment is made in a path with spaces, and its pip finds no index."""
    nowhere = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
        # What would lead pip, or Python, astray.
        "PIP_USER": "1",
        "PIP_TARGET": str(clean / "elsewhere"),
        "PYTHONPATH": str(clean),
        "PYTHONHOME": str(clean),
    }
    run = subprocess.run(
        [sys.executable, "-I", "start.py", "test"],
        cwd=clean,
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert line.startswith("start.py: could not install: http://127.0.0.1:9/setuptools/ says: ")
    assert line.endswith(
        "(is this machine on a network? Only the first start needs one). "
        f"What pip said is in {start.LOG}"
    )
    assert "refused" in start.LOG.read_text(encoding="utf-8")
    assert start.venv_python().exists()
    assert not start.STAMP.exists()
    assert not (clean / "elsewhere").exists()


@pytest.fixture
def installs(clean: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done to the environment, with the slow steps replaced."""
    done: list[str] = []

    def make(found: str) -> None:
        done.append("make")
        shutil.rmtree(start.VENV, ignore_errors=True)
        start.venv_python().parent.mkdir(parents=True)
        start.venv_python().touch()

    monkeypatch.setattr(start, "make_venv", make)
    monkeypatch.setattr(start, "fill_venv", lambda extras: done.append(" ".join(["fill", *extras])))
    monkeypatch.setattr(
        start, "importing", lambda _: start.MINE if start.venv_python().exists() else "gone"
    )
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


def test_the_tests_are_added_once_and_kept(clean: Path, installs: list[str]) -> None:
    start.install()
    start.install("test")
    start.install("test")
    start.install()
    with (clean / "constraints.txt").open("a") as file:
        file.write("# changed\n")
    start.install()
    assert installs == ["make", "fill", "fill test", "fill test"]


def test_the_environment_of_another_python_is_made_anew(
    installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start.install()
    with monkeypatch.context() as other:
        other.setattr(start, "importing", lambda _: "3.9")
        other.setattr(start, "make_venv", lambda found: installs.append(f"not {found}"))
        with pytest.raises(start.Problem, match=r"what was installed does not start: 3\.9; see "):
            start.install()
    assert installs == ["make", "fill", "not 3.9", "fill"]


def test_a_ready_environment_is_used_whichever_python_starts_it(
    installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start.install()
    monkeypatch.setattr(start, "MINE", "3.99")
    monkeypatch.setattr(
        start, "importing", lambda _: f"{sys.version_info[0]}.{sys.version_info[1]}"
    )
    start.install()
    assert installs == ["make", "fill"]


def test_what_does_not_start_is_not_ready(
    installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = "ImportError: libgomp.so.1: cannot open shared object file"
    monkeypatch.setattr(
        start, "importing", lambda modules: lacking if "torch" in modules else start.MINE
    )
    with pytest.raises(start.Problem, match="what was installed does not start: ImportError: libg"):
        start.install()
    assert not start.STAMP.exists()


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


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (start.Problem("no network"), 1, "start.py: no network"),
        (OSError(28, "No space left on device"), 1, "start.py: [Errno 28] No space left on device"),
        (KeyboardInterrupt(), 130, "start.py: stopped; the next start carries on from here"),
    ],
)
def test_a_failed_install_is_tried_again(
    error: BaseException,
    status: int,
    line: str,
    installs: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail(extras: list[str]) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(start, "fill_venv", fail)
        assert start.main(["test"]) == status
    assert said(capfd) == line
    start.install("test")
    assert installs == ["make", "fill test"]


def test_a_read_only_folder_that_is_not_ready_is_told(
    clean: Path, installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(start.Problem, match=f"is not up to date, and {clean} is read-only: copy"):
        start.install()
    assert not installs


def test_an_environment_of_another_user_is_what_is_called_read_only(
    clean: Path, installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start.VENV.mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: path != start.VENV)
    with pytest.raises(start.Problem, match=f"and {start.VENV} is read-only: copy the course$"):
        start.install()
    assert not installs


def test_a_home_that_takes_nothing_is_told_before_jupyterlab_stumbles(
    clean: Path,
    installs: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    home = clean.parent / "home"
    (home / ".jupyter").mkdir(parents=True)
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    access = os.access
    shut = {home}
    monkeypatch.setattr(
        os,
        "access",
        lambda path, mode: access(path, mode) and (mode != os.W_OK or path not in shut),
    )
    monkeypatch.setattr(start, "run", lambda *words, threads=None: 0)
    assert start.main(["3"]) == 1
    assert said(capfd) == (
        f"start.py: JupyterLab writes into {home}/.local/share/jupyter, and {home} is read-only: "
        "give it a home of your own, such as `HOME=/tmp/home python3 start.py`"
    )
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(clean / "data"))
    assert start.main(["3"]) == 0
    shut.add(home / ".jupyter")  # settings that somebody keeps for all
    assert start.main(["3"]) == 0
    (home / ".jupyter").rmdir()
    assert start.main(["3"]) == 1
    assert f"writes into {home}/.jupyter, and {home} is read-only" in said(capfd)


@pytest.mark.skipif(os.name == "nt", reason="there are no such locks on Windows")
def test_a_second_start_leaves_an_installing_one_alone(
    clean: Path, installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it finds an environment that is half made, and makes it anew under the first."""
    during = "import start, sys; start.VENV, start.STAMP = start.Path('a'), start.Path('b'); "
    during += "start.fill_venv = start.make_venv = lambda _: print('broke in'); start.install()"

    def fill(extras: list[str]) -> None:
        second = subprocess.run(
            [sys.executable, "-c", during], cwd=clean, capture_output=True, text=True
        )
        installs.append(second.stdout + second.stderr.splitlines()[-1])

    monkeypatch.setattr(start, "fill_venv", fill)
    start.install()
    assert installs[1] == (
        "start.Problem: another start is installing the course here: wait until it is done, then "
        "start again"
    )
    with start.alone():  # released
        pass


@pytest.mark.parametrize("command", ["test", "refresh", "pages"])
def test_a_read_only_folder_that_is_ready_opens_and_says_what_it_cannot(
    command: str,
    clean: Path,
    installs: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    start.install()
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: access(path, mode) and not Path(path).is_relative_to(clean)
    )
    monkeypatch.setattr(start, "run", lambda *words, threads=None: 0)
    assert start.main(["3"]) == 0
    assert start.main([command]) == 1
    line = said(capfd)
    assert line.startswith(f"start.py: `{command}` writes into {clean}, which is read-only: copy ")


def test_what_another_start_has_just_filled_is_not_filled_again(
    installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other was done between the look at .venv and the lock."""
    alone = start.alone

    @contextlib.contextmanager
    def late() -> Iterator[None]:
        with alone():
            start.venv_python().parent.mkdir(parents=True)
            start.venv_python().touch()
            start.STAMP.write_text(" ".join([start.fingerprint(), start.MINE, "test"]))
            yield

    monkeypatch.setattr(start, "alone", late)
    start.install()
    assert installs == []
    assert start.stamp()[2:] == ["test"]


def test_a_mac_keeps_its_data_elsewhere(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(clean))
    monkeypatch.setenv("XDG_DATA_HOME", str(clean / "shut"))
    monkeypatch.setattr(sys, "platform", "darwin")
    access = os.access
    (clean / "shut").mkdir()
    monkeypatch.setattr(os, "access", lambda path, m: path != clean / "shut" and access(path, m))
    start.require_home()


def test_pages_installs_what_only_they_need(
    installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(start, "run", lambda *words, threads=None: ran.extend(words) or 0)  # type: ignore[func-returns-value]
    assert start.main(["pages", "--single"]) == 0
    assert ran == ["-m", "course_lib.edition", "--single"]
    assert installs[-1] == "fill pages"
    assert start.STAMP.read_text().split()[2:] == ["pages"]


@pytest.mark.usefixtures("installs")
def test_lab_opens_the_notebook_on_this_machine_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(start, "run", lambda *words, threads=None: ran.append(words) or 0)  # type: ignore[func-returns-value]
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


@pytest.mark.usefixtures("installs")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["test", "-k", "kl"], ["-m", "not slow", "notebooks", "tests", "-k", "kl"]),
        (["test", "--slow", "-x"], ["-m", "slow", "tests", "-x"]),
        (["test", "--quick", "-x"], ["-m", start.QUICK, "-x"]),
    ],
)
def test_the_slow_tests_run_apart(
    words: list[str], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(start, "run", lambda *words, threads=None: ran.extend(words) or 0)  # type: ignore[func-returns-value]
    assert start.main(words) == 0
    assert ran[:3] == ["-m", "pytest", "-q"]
    assert [word for word in ran[3:] if word in expected] == expected
    assert ("--nbval" in ran) == ("notebooks" in expected)
    assert not {"--slow", "--quick"} & set(ran)


def test_the_quick_tests_are_those_named_for_a_room_of_the_mathematics() -> None:
    chosen = start.quick_files()
    assert len(set(chosen)) == len(chosen)
    for name in ("style", "doctests", "arguments", "bounds", "exact_scalar_chain", "vae_stacked"):
        assert f"tests/test_{name}.py" in chosen
    for name in ("notebooks", "symbolic", "explorers", "errors", "evaluate", "browser"):
        assert (ROOT / f"tests/test_{name}.py").exists()
        assert f"tests/test_{name}.py" not in chosen
    assert {f"test_{name}.py" for name in start.FORM} <= {Path(file).name for file in chosen}


def test_every_room_above_training_is_mathematics_or_files_and_drawing() -> None:
    """A new room is named here or there, and its tests are quick from then on."""
    above = course_lib.__all__[: course_lib.__all__.index("train")]
    other = {"numerals", "data", "checkpoint", "pieces", "plots"}
    assert [room for room in above if room not in other] == list(start.MATHEMATICS)


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
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that runs these tests in the background has Ctrl-C ignored in all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.read() == "closed\n"
        assert process.wait(30) == 7


@pytest.mark.skipif(os.name == "nt", reason="there, `kill` cannot be caught")
def test_kill_ends_pip_too(tmp_path: Path) -> None:
    """Else it goes on filling .venv beside the pip of the next start."""
    fake = tmp_path / "python"
    fake.write_text(
        f"#!/bin/sh\necho $$ > {shlex.quote(str(tmp_path / 'pid'))}\n"
        f'exec "{sys.executable}" -c "import time; time.sleep(60)"\n'
    )
    fake.chmod(0o755)
    parent = f"""
import sys, start
start.venv_python = lambda: {str(fake)!r}
start.LOG = start.Path({str(tmp_path / "pip.log")!r})
def install():
    with start.alone():
        start.pip([], {{}})
start.install = install
sys.exit(start.main([]))
"""
    with subprocess.Popen(
        [sys.executable, "-c", parent], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        pid, end = tmp_path / "pid", time.monotonic() + 60
        while not (pid.exists() and pid.read_text().endswith("\n")) and time.monotonic() < end:
            time.sleep(0.05)
        process.terminate()
        assert process.stderr is not None
        assert process.stderr.read() == "start.py: stopped; the next start carries on from here\n"
        assert process.wait(30) == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_windows_has_its_interpreter_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        found = start.venv_python()
    assert found.parts[-2:] == ("Scripts", "python.exe")


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert start.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"start.py {word}" in shown for word in ("test", "refresh", "pages"))
