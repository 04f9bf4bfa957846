"""Starts a JupyterHub on this machine, so that the course can be tried as students will meet it.

    python notebooks/teaching/hub/try_hub.py

Log in as anybody, with the password that it prints, in two windows (one of them private) as two
students. Ctrl-C stops it, and leaves nothing: homes and all are in a temporary folder. Nobody on
another machine can reach it. README.md beside this file says what must be installed.
"""

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

HERE = Path(__file__).resolve().parent
NOTEBOOKS = HERE.parents[1]
CONFIG = HERE / "jupyterhub_config.py"
PROXY = "configurable-http-proxy"
PATIENCE = 120  # seconds until it answers; the machine may be busy


@dataclass(frozen=True)
class Hub:
    """A hub that runs: where, with which password, and in which folder it keeps everything."""

    address: str
    password: str
    folder: Path
    process: subprocess.Popen[bytes]

    def home(self, student: str) -> Path:
        """The student's home; it need not be there yet."""
        return self.folder / "homes" / student

    def link(self, notebook: str) -> str:
        """The link to hand out: nbgitpuller fetches the class's notebooks and opens this one."""
        opened = f"lab/tree/course/notebooks/{notebook}"
        repository = (self.folder / "course").as_uri()
        words = urlencode({"repo": repository, "branch": "main", "urlpath": opened})
        return f"{self.address}/hub/user-redirect/git-pull?{words}"


def missing() -> str:
    """What is not here that the hub needs, in one line; empty if all is."""
    lacking = [name for name in ("jupyterhub", "nbgitpuller") if not importlib.util.find_spec(name)]
    lacking += [name for name in ("node", "git") if not shutil.which(name)]
    lacking += [] if proxy() else [PROXY]
    return f"no {', '.join(lacking)} here" if lacking else ""


def proxy() -> str | None:
    """The proxy's program: on the PATH, or where `npm install --prefix .venv` puts it."""
    beside = Path(sys.prefix) / "node_modules" / ".bin"
    return shutil.which(PROXY) or shutil.which(PROXY, path=str(beside))


def publish(folder: Path) -> None:
    """A git repository in `folder` with the notebooks, as a teacher's on the web."""
    (folder / "notebooks").mkdir(parents=True)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        shutil.copy(path, folder / "notebooks")
    author = ["-c", "user.name=teacher", "-c", "user.email=teacher@localhost"]
    for words in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "."],
        [*author, "commit", "--quiet", "--message=The notebooks"],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Hub]:
    """The hub, while it runs; it keeps everything in `folder`, its log in hub.log.

    Raises RuntimeError with the end of the log if it does not start.
    """
    publish(folder / "course")
    (folder / "homes").mkdir()
    ports, password = free_ports(3), secrets.token_urlsafe(9)
    environment = {
        **os.environ,
        "COURSE_HUB_FOLDER": str(folder),
        "COURSE_HUB_PORTS": ",".join(map(str, ports)),
        "COURSE_HUB_PASSWORD": password,
        "COURSE_HUB_PROXY": proxy() or PROXY,
    }
    command = [sys.executable, "-m", "jupyterhub", "--config", str(CONFIG)]
    log = folder / "hub.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out)
        hub = Hub(f"http://127.0.0.1:{ports[0]}", password, folder, process)
        try:
            wait_for(f"{hub.address}/hub/health", process, log)
            yield hub
        finally:
            process.terminate()  # it ends the proxy and the students' servers itself
            process.wait(60)


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns when the address answers. Raises RuntimeError with the log's end if it does not."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.2)
    raise RuntimeError(f"JupyterHub did not answer:\n{log.read_text(errors='replace')[-3000:]}")


def main() -> int:
    """Runs it until Ctrl-C. Returns the exit status."""
    if lacking := missing():
        print(f"try_hub.py: {lacking}; see README.md beside it", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` stops it as Ctrl-C does
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        contextlib.suppress(KeyboardInterrupt),
        running(Path(folder)) as hub,
    ):
        print(f"The link for students: {hub.link('04_kl_divergence.ipynb')}")
        print(f"Any name will do; the password is {hub.password}. Ctrl-C stops it.", flush=True)
        hub.process.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
