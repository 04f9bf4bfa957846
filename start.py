"""Starts the course: makes .venv, installs what the course needs into it, opens notebook 1.

    python3 start.py            open the course in JupyterLab (python3 start.py 4: notebook 4)
    python3 start.py test       run every test
    python3 start.py refresh    run the notebooks again and store their outputs (refresh 1 3: these)

Only the standard library is used here, since nothing else is installed yet. Words after the
command go to JupyterLab or pytest: `python3 start.py --no-browser`, `python3 start.py test -k kl`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed.txt"
INPUTS = ("pyproject.toml", "constraints.txt")
OLDEST = (3, 11)
IN_LAB = ROOT / "course_lib" / "explorers" / "lab"  # what JupyterLab and nbconvert are told
EXPORTERS = ("HTMLExporter", "MarkdownExporter")

# What pip says when it could not reach the place it installs from, and when what it wants is not
# there: also where the index is reached, and holds nothing for this Python or this machine.
NO_NETWORK = ("connection broken by", "NewConnectionError", "ConnectTimeout", "NameResolutionError")
NO_BUILD = re.compile(r"version that satisfies the requirement (\S+)")


class Problem(Exception):
    """Something that the person who started the course can put right, said in one line."""


def main(arguments: list[str]) -> int:
    """Does what the first word asks. Returns the exit status."""
    command = arguments[0] if arguments else "1"
    try:
        require_python(sys.version_info[:2])
        if command in ("-h", "--help"):
            print(__doc__)
            return 0
        if command == "test":
            install()
            return test(arguments[1:])
        if command == "refresh":
            install()
            return run("tests/refresh.py", *arguments[1:], threads=1)
        number, options = first_number(arguments)
        notebook = find_notebook(number)
        install()
        return open_lab(notebook, options)
    except Problem as problem:
        print(f"start.py: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def require_python(version: tuple[int, ...]) -> None:
    """Raises Problem if the interpreter is too old for the course."""
    if version < OLDEST:
        raise Problem(
            f"the course needs Python 3.11 or newer, and this is {version[0]}.{version[1]} "
            f"({sys.executable}); start it with a newer one, such as `python3.11 start.py`"
        )


def first_number(arguments: list[str]) -> tuple[int, list[str]]:
    """The notebook's number, 1 if none is given, and the words left for JupyterLab."""
    if not arguments or arguments[0].startswith("-"):
        return 1, arguments
    if not arguments[0].isdecimal():
        raise Problem(
            f"{arguments[0]!r} is not a command: give a notebook's number, test, refresh or --help"
        )
    return int(arguments[0]), arguments[1:]


def find_notebook(number: int) -> Path:
    """The notebook with that number. Raises Problem if there is none."""
    found = sorted((ROOT / "notebooks").glob(f"{number:02d}_*.ipynb"))
    if not found:
        there = ", ".join(
            str(int(p.name[:2])) for p in sorted((ROOT / "notebooks").glob("*.ipynb"))
        )
        raise Problem(f"there is no notebook {number}; there are {there or 'none yet'}")
    return found[0]


def venv_python() -> Path:
    """The environment's own interpreter."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def fingerprint() -> str:
    """What the environment was made from: when any of it changes, it is brought up to date."""
    digest = hashlib.sha256()
    for part in (str(ROOT), sys.version):
        digest.update(part.encode() + b"\0")
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes() + b"\0")
    return digest.hexdigest()


def install() -> None:
    """Brings .venv up to date with pyproject.toml and constraints.txt; at once if it already is.

    Raises Problem if the environment cannot be made or filled.
    """
    wanted = fingerprint()
    if venv_python().exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return
    if not works(venv_python()):
        make_venv()
    print("Installing the course into .venv; this is done once and takes a minute or two.")
    fill_venv()
    ask_nothing()
    STAMP.write_text(wanted)


def ask_nothing() -> None:
    """JupyterLab in .venv opens without asking whether it may fetch news."""
    folder = VENV / "share" / "jupyter" / "lab" / "settings"
    folder.mkdir(parents=True, exist_ok=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    settings = {"@jupyterlab/apputils-extension:notification": quiet}
    (folder / "overrides.json").write_text(json.dumps(settings))
    place = VENV / "etc" / "jupyter" / "jupyter_nbconvert_config.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(exports()))


def exports() -> dict[str, dict[str, object]]:
    """What nbconvert must be told so that pages made from notebooks say what a picture shows."""
    return {
        "TemplateExporter": {"extra_template_basedirs": [str(IN_LAB / "templates")]},
        "HTMLExporter": {"template_name": "course"},
        "MarkdownExporter": {"template_name": "course_markdown"},
    }


def works(python: Path) -> bool:
    """Whether an environment is there and can install: one that was cut short cannot."""
    if not python.exists():
        return False
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0


def make_venv() -> None:
    """A new empty environment, in place of a broken one. Raises Problem if Python cannot."""
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        raise Problem(
            "this Python cannot make virtual environments; "
            f"on Debian or Ubuntu: sudo apt install {package}"
        )
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True
    )
    if made.returncode:
        said = (made.stderr or made.stdout).strip().splitlines() or ["no reason given"]
        raise Problem(f"could not make {VENV}: {said[-1]}")


def fill_venv() -> None:
    """Installs the course, its tools and its tests' tools at the versions of constraints.txt."""
    wish = ["install", "--quiet", "--editable", ".[test]", "--constraint", "constraints.txt"]
    command = [str(venv_python()), "-m", "pip", "--disable-pip-version-check", *wish]
    pip = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    if pip.returncode == 0:
        return
    if any(sign in pip.stderr for sign in NO_NETWORK):
        raise Problem(
            "could not install: pip cannot reach the package index; is this machine on a network? "
            "The first start needs one, later ones do not"
        )
    if missing := NO_BUILD.search(pip.stderr):
        python = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise Problem(
            f"could not install: there is no build of {missing[1]} for Python {python} on "
            f"{platform.system()} {platform.machine()}; another version of Python may have one"
        )
    lines = [line.strip() for line in pip.stderr.strip().splitlines()] or ["no reason given"]
    said = next((line for line in lines if line.startswith("ERROR: ")), lines[-1])
    raise Problem(f"could not install: {said.removeprefix('ERROR: ')}")


def run(*words: str, threads: int | None = None) -> int:
    """Runs the environment's Python in the course's folder. Returns its exit status.

    threads: how many torch may use, unless OMP_NUM_THREADS says so already; None leaves it free.
    """
    environment = dict(os.environ)
    environment.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # a debugger's remark on stderr
    environment.setdefault("PYTHONUTF8", "1")  # σ and − also where the console's code page has none
    if threads:
        environment.setdefault("OMP_NUM_THREADS", str(threads))
    process = subprocess.Popen([venv_python(), *words], cwd=ROOT, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # it had the Ctrl-C too: JupyterLab asks first, then ends its kernels


def test(options: list[str]) -> int:
    """Linting, formatting, types, unit tests, stored outputs and the browser, in one pytest run.

    The longest files come first, so that two workers finish together.
    """
    notebooks = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=300"]
    workers = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    first = ["tests/test_browser.py", "tests/test_style.py", "notebooks", "tests"]
    return run("-m", "pytest", "-q", *workers, *notebooks, *first, *options, threads=1)


def open_lab(notebook: Path, options: list[str]) -> int:
    """JupyterLab on the notebook: this machine only, behind a token, and asking no one for news."""
    print(f"Opening {notebook.name} in JupyterLab; Ctrl-C here stops it.")
    root = f"--ServerApp.root_dir={ROOT}"  # so that links from a notebook to the code work
    # As the default address, so that the addresses it prints lead to the notebook too.
    address = f"--LabApp.default_url=/lab/tree/{notebook.relative_to(ROOT).as_posix()}"
    return run("-m", "jupyterlab", root, address, *lab_settings(), *options)


def lab_settings() -> list[str]:
    """JupyterLab's options; a token is its default."""
    settings = [
        "--ServerApp.ip=127.0.0.1",
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        # Kernels listen on loopback too, where another user of the machine could read along.
        "--KernelManager.transport_encryption=auto",
        # Stored pictures have their words, and show where the kernel that drew them is gone.
        f"--LabServerApp.extra_labextensions_path={IN_LAB}",
        # The same for what its menu exports.
        f"--TemplateExporter.extra_template_basedirs={IN_LAB / 'templates'}",
        *(f"--{name}.template_name={exports()[name]['template_name']}" for name in EXPORTERS),
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        settings.append("--ServerApp.allow_root=True")
    return settings


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
