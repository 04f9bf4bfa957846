"""What holds a submission's process: limits of its own, Landlock, and namespaces of Linux.

`command` gives what starts it, on the grader's side. `confine` is called in it, before anything of
the submission runs. `held` says in words what of all this the machine has.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from course_lib.index import ROOT
from course_lib.teach import landlock

MIB = 2**20
NAMESPACES = ["--user", "--map-root-user", "--net", "--ipc", "--pid", "--fork", "--kill-child"]
SYSTEM = ["/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/nix", "/sys"]
MACHINE = [f"/proc/{name}" for name in ("self", "sys", "cpuinfo", "meminfo", "stat", "version")]
WRITABLE = ["/dev/null", "/dev/zero", "/dev/full"]
READABLE = ["/dev/urandom", "/dev/random"]
FILE_MIB = 64  # of one file that it writes


@dataclass(frozen=True)
class Limits:
    """Of one submission: seconds in all, MiB beyond what the course's packages take, processes
    and threads. A cell is stopped after a fifth of the seconds.
    """

    seconds: float = 300.0
    memory: int = 2048
    processes: int = 32

    def __post_init__(self) -> None:
        if not 1 <= self.seconds <= 86_400:
            raise ValueError(f"timeout must be from 1 to 86,400 seconds, got {self.seconds!r}")
        if not 64 <= self.memory <= 1_048_576:
            raise ValueError(f"memory must be from 64 to 1,048,576 MiB, got {self.memory:,}")

    @property
    def cell_seconds(self) -> float:
        """After so many a cell is stopped, and the next one runs."""
        return self.seconds / 5


@lru_cache(maxsize=1)
def has_namespaces() -> bool:
    """Whether `unshare` gives a process a network and a table of processes of its own here."""
    program = shutil.which("unshare")
    if sys.platform != "linux" or program is None:
        return False
    tried = subprocess.run([program, *NAMESPACES, "true"], capture_output=True, check=False)
    return tried.returncode == 0


def command() -> list[str]:
    """What starts a submission's process: Python, in namespaces where there are any."""
    python = [sys.executable, "-P", "-m", "course_lib.teach.running"]
    return ["unshare", *NAMESPACES, *python] if has_namespaces() else python


def environment(scratch: Path) -> dict[str, str]:
    """Of a submission's process: nothing of the teacher's but where the programs lie."""
    searched = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    found = {
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "IPYTHONDIR": str(scratch),
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": _matplotlib_folder(),
        "MALLOC_ARENA_MAX": "2",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(str(Path(place).resolve()) for place in searched),
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
    kept = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | found


@lru_cache(maxsize=1)
def _matplotlib_folder() -> str:
    """Where Matplotlib keeps its list of fonts, which takes seconds to make."""
    import matplotlib

    return matplotlib.get_cachedir()


def confine(scratch: Path, limits: Limits) -> None:
    """Holds this process to the limits, for good. Raises OSError where Linux refuses, RuntimeError
    where a second thread runs already, which Landlock would not hold.
    """
    if importlib.util.find_spec("resource"):
        _limit_resources(limits)
    if not landlock.version():
        _refuse_sockets()
        return
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise RuntimeError("a second thread runs before the submission does")
    landlock.restrict([scratch, *map(Path, WRITABLE)], [*map(Path, READABLE), *_readable()], [ROOT])


def _readable() -> list[Path]:
    """The system, Python, the packages, the course's code and data, the list of fonts."""
    places = [*SYSTEM, *MACHINE, sys.prefix, sys.base_prefix, os.environ.get("MPLCONFIGDIR", "")]
    places += [place for place in sys.path if place and Path(place).resolve() != ROOT]
    return [*map(Path, filter(None, places)), ROOT / "course_lib", ROOT / "data"]


def _limit_resources(limits: Limits) -> None:
    """Memory, time on the processor, size of a file, and processes where they can be counted."""
    import resource

    seconds = int(time.process_time() + limits.seconds) + 1
    most = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: FILE_MIB * MIB,
        resource.RLIMIT_CORE: 0,
    }
    if sys.platform == "linux":
        most[resource.RLIMIT_AS] = _address_space() + limits.memory * MIB
        most[resource.RLIMIT_NPROC] = _threads_of_mine() + limits.processes
    for name, value in most.items():
        _, hard = resource.getrlimit(name)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (value, value))


def _address_space() -> int:
    """Bytes that this process has mapped."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _threads_of_mine() -> int:
    """Threads of this user, of which Linux counts those in the namespace."""
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid == os.geteuid():
                count += sum(1 for _ in (folder / "task").iterdir())
        except OSError:  # it has ended
            continue
    return count


def _refuse_sockets() -> None:
    """Makes Python's sockets raise. A program that reaches past Python is not stopped by this."""
    import socket

    class _Refused(socket.socket):
        def __init__(self, family: int = -1, *given: Any, **named: Any) -> None:
            if family != getattr(socket, "AF_UNIX", None):
                raise PermissionError("a submission has no network")
            super().__init__(family, *given, **named)

    socket.socket = _Refused  # type: ignore[misc]


def held() -> list[str]:
    """What holds a submission on this machine, and what does not, a line each."""
    limits = importlib.util.find_spec("resource") is not None
    linux, rules, spaces = sys.platform == "linux", landlock.version(), has_namespaces()
    network = (
        "none (a namespace of its own)"
        if spaces
        else "no TCP (Landlock); other kinds are not held"
        if rules >= 4
        else "refused by Python alone: a program that reaches past Python is not held"
    )
    files = (
        "writes in a folder of its own, and reads the system, the packages and the data (Landlock)"
        if rules
        else "NOT HELD: it can read and write whatever you can"
    )
    others = "cannot be reached" if spaces or rules >= 6 else "NOT HELD: it can end the grader"
    return [
        "time of a submission: held",
        f"time of a cell: {'held' if hasattr(signal, 'setitimer') else 'NOT HELD on this system'}",
        f"memory: {'held' if linux and limits else 'NOT HELD on this system'}",
        f"processes: {'held' if linux else 'NOT HELD on this system'}",
        f"size of a file: {'held' if limits else 'NOT HELD on this system'}",
        f"network: {network}",
        f"files: {files}",
        f"the grader and other processes: {others}",
    ]


def new_scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder for one submission, gone afterwards."""
    return tempfile.TemporaryDirectory(prefix="submission-", ignore_cleanup_errors=True)
