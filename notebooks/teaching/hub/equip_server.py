"""Lets a Jupyter server that start.py does not start open the course: a hub's, or Binder's.

    python3 equip_server.py PREFIX

The server is that of the Python environment in the folder PREFIX, such as /opt/tljh/user. Its
kernel "Python 3" becomes the course's, in the .venv that `python3 start.py --version` made, and its
JupyterLab gets what shows a stored picture where no kernel runs. The server's own packages stay as
they are. Once more does no harm; do it again when the server is brought up to date.
"""

import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import start

PICTURES = "course-pictures"


def equip(prefix: Path) -> list[Path]:
    """Writes the kernel and the extension into the environment; returns where they are.

    Raises FileNotFoundError if there is no such environment, or the course has no .venv yet.
    """
    if not (prefix / "pyvenv.cfg").exists() and not (prefix / "conda-meta").is_dir():
        raise FileNotFoundError(f"{prefix} is no Python environment, neither venv nor conda")
    python = start.venv_python()
    if not python.exists():
        raise FileNotFoundError(f"{python} is not there: `python3 start.py --version` makes it")
    share = prefix / "share" / "jupyter"
    kernel = share / "kernels" / "python3"
    kernel.mkdir(parents=True, exist_ok=True)
    words = json.dumps(specification(python), indent=1)
    (kernel / "kernel.json").write_text(words + "\n", encoding="utf-8")
    extension = share / "labextensions" / PICTURES
    shutil.copytree(start.IN_LAB / PICTURES, extension, dirs_exist_ok=True)
    return [kernel, extension]


def specification(python: Path) -> dict[str, object]:
    """What Jupyter is told of the course's kernel."""
    return {
        "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3 (ipykernel)",  # as in the notebooks
        "language": "python",
        "metadata": {"debugger": True},
        # One thread: students share the cores. The last is a debugger's remark on stderr.
        "env": {
            "OMP_NUM_THREADS": "1",
            "PYTHONUTF8": "1",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        },
    }


def main(arguments: list[str]) -> int:
    """Equips the environment that is named. Returns the exit status."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    try:
        for place in equip(Path(arguments[0]).resolve()):
            print(place)
    except OSError as error:
        print(f"equip_server.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
