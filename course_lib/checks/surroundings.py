"""The settings of the kernel: the reader's reach no exact answer, and a learner's function leaves
none behind.

They are the whole process's, and held while one answer is judged, in the reader's own cell. What is
drawn beside that cell, many times a second, has weaker guards that leave the cell alone:
plots.drawing and explorers.stage.work.
"""

import decimal
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch._tensor_str import get_printoptions  # torch offers it nowhere else

# How each setting of the kernel is read, and set to what was read.
_SETTINGS: list[tuple[Callable[[], Any], Callable[[Any], Any]]] = [
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (torch.get_rng_state, torch.set_rng_state),
    (torch.get_num_threads, torch.set_num_threads),
    (lambda: _determinism(), lambda was: _set_determinism(was)),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (lambda: sys.float_info.min * 0.5 == 0, torch.set_flush_denormal),  # torch tells nobody
    (get_printoptions, lambda was: torch.set_printoptions(**was)),
    (np.random.get_state, np.random.set_state),
    (np.geterr, lambda was: np.seterr(**was)),
    (np.geterrcall, np.seterrcall),
    (np.get_printoptions, lambda was: np.set_printoptions(**was)),
    (random.getstate, random.setstate),
    (lambda: decimal.getcontext().copy(), decimal.setcontext),
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (lambda: _folder(), lambda was: _enter(was)),
    (lambda: (sys.stdout, sys.stderr), lambda was: _set_streams(*was)),
    (torch.get_default_device, lambda was: _set_device(was)),
]


def _determinism() -> tuple[bool, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def _set_determinism(was: tuple[bool, bool]) -> None:
    """Only where it has changed: the call loads torch's compiler, a second and a half of it."""
    if _determinism() != was:
        torch.use_deterministic_algorithms(was[0], warn_only=was[1])


def _folder() -> Path | None:
    """The working folder, if there still is one."""
    try:
        return Path.cwd()
    except OSError:
        return None


def _enter(folder: Path | None) -> None:
    if folder is not None and folder != _folder():
        with suppress(OSError):  # it may have been deleted
            os.chdir(folder)


def _set_streams(out: Any, err: Any) -> None:
    sys.stdout, sys.stderr = out, err


def _set_device(device: torch.device) -> None:
    """Back to the default device; the processor is what torch takes when none is set."""
    if torch.get_default_device() != device:
        torch.set_default_device(None if device.type == "cpu" else device)


@contextmanager
def _plotting() -> Iterator[None]:
    """Sets matplotlib back, also if the block is the first to load it; does not load it here."""
    if "matplotlib" in sys.modules:
        with sys.modules["matplotlib"].rc_context():
            yield
        return
    try:
        yield
    finally:
        if "matplotlib" in sys.modules:
            sys.modules["matplotlib"].rc_file_defaults()


@contextmanager
def restored() -> Iterator[None]:
    """What the block changes of the following is set back; anything else stays as it leaves it.

    torch: default dtype and device, gradients and inference on or off, threads, deterministic
    algorithms, anomaly detection, precision of matrix products, flushing of denormal numbers,
    how tensors are printed. NumPy: what it does on errors, how arrays are printed. matplotlib: its
    rcParams but for the backend. Python: filters of warnings, decimal's context, the depth of
    recursion, the working folder, where output goes. The global random states of all three.
    Printing is passed on, closing the output is not.
    """
    before = [read() for read, _ in _SETTINGS]
    sys.stdout, sys.stderr = _Open(sys.stdout), _Open(sys.stderr)
    try:
        with warnings.catch_warnings(), torch.inference_mode(False), _plotting():
            yield
    finally:
        for (_, write), value in zip(_SETTINGS, before, strict=True):
            write(value)


@contextmanager
def undisturbed() -> Iterator[None]:
    """The settings that torch and NumPy start with, whatever the reader has set; then restored."""
    with restored(), np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore"):
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        torch.set_float32_matmul_precision("highest")
        torch.set_flush_denormal(False)
        with torch.device("cpu"):  # unlike a default device, above one that a with block has set
            yield


class _Open:
    """An output that stays open."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def close(self) -> None:
        """Does nothing: the output belongs to the notebook."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.flush()

    def __iter__(self) -> Iterator[str]:
        return iter(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
