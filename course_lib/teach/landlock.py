"""Landlock: Linux takes from a process, and from all that it starts, what it does not need.

After `restrict` it writes into its own folders alone, reads its own folders and the system's,
opens no TCP connection, and signals no process but its own, as far as this Linux can hold it (6.12
holds all of these). Nothing gives back what was taken. It needs no privileges.
"""

import ctypes
import os
import platform
import struct
from collections.abc import Iterable
from pathlib import Path

CREATE, ADD_RULE, RESTRICT = 444, 445, 446  # system calls, alike on every machine
NO_NEW_PRIVILEGES = 38
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
ALL_OF_THE_FIRST = 2**13 - 1  # rights on files in the first version
REFER, TRUNCATE = 2**13, 2**14  # since the second and the third
TCP = 3  # binding and connecting, since the fourth
OUTSIDE = 3  # abstract sockets of others and signals to them, since the sixth
FOR_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE  # what a rule on a single file may grant


def version() -> int:
    """The version of Landlock that this machine has; 0 for none."""
    if platform.system() != "Linux":
        return 0
    return max(0, int(_libc().syscall(CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))))


def restrict(own: Iterable[Path], readable: Iterable[Path], listed: Iterable[Path]) -> None:
    """Takes from this process, which must have one thread, all files but these.

    own: folders in which anything may be done. readable: to be read. listed: folders whose entries
    may be listed. Raises OSError if Linux refuses.
    """
    found = version()
    files = ALL_OF_THE_FIRST | (REFER if found >= 2 else 0) | (TRUNCATE if found >= 3 else 0)
    fields = [files, TCP if found >= 4 else 0, OUTSIDE if found >= 6 else 0]
    count = 1 if found < 4 else 2 if found < 6 else 3
    attributes = struct.pack(f"={count}Q", *fields[:count])
    rules = _checked(_libc().syscall(CREATE, attributes, ctypes.c_size_t(len(attributes)), 0))
    reading = EXECUTE | READ_FILE | READ_DIR
    for paths, rights in ((own, files), (readable, reading), (listed, READ_DIR)):
        for path in paths:
            _allow(rules, path, rights)
    _checked(_libc().prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _checked(_libc().syscall(RESTRICT, rules, 0))
    os.close(rules)


def _allow(rules: int, path: Path, rights: int) -> None:
    """Grants the rights beneath a path; of a path that is not there nothing."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    granted = rights if path.is_dir() else rights & FOR_FILES
    rule = struct.pack("=Qi", granted, place)
    _checked(_libc().syscall(ADD_RULE, rules, 1, rule, 0))
    os.close(place)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    """The result of a system call. Raises OSError if it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result
