"""Named tensors on disk: safetensors, never pickles, written so that a crash loses nothing.

A file holds tensors, a dictionary of plain values, and a SHA-256 over both; it appears under its
name only once it is whole and on the disk.

    >>> import tempfile, torch
    >>> from course_lib.checkpoint import load, save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/model", {"weight": torch.ones(2)}, {"epoch": 3})
    ...     load(f"{folder}/model")
    ({'weight': tensor([1., 1.])}, {'epoch': 3})
"""

import contextlib
import hashlib
import json
import os
import re
import threading
import time
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from course_lib.arguments import require_finite, require_tensor

FORMAT = "course-lib checkpoint 1"
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"
_LABELS = "__metadata__"  # where a safetensors header keeps what is no tensor
_PART = re.compile(r"\..+\.(\d+)-\d+\.part")  # of the process and thread that write it
_HOUR = 3600.0  # seconds
_DTYPES = {  # that safetensors both writes and reads
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.bool),
    *(torch.int64, torch.int32, torch.int16, torch.int8),
    *(torch.uint64, torch.uint32, torch.uint16, torch.uint8),
    *(torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz),
}


def save(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """Writes tensors and `about` (anything JSON can hold) to `path`, whole or not at all.

    The bytes go to a temporary file beside it, are forced to the disk, and take the name in one
    step; whatever lay there before survives until then. Tensors that share their memory, as tied
    weights do, are each written in full. Raises ValueError if something is no tensor or no plain
    value, or of a type or name that such a file cannot hold; OSError, saying that the last good
    file still stands, if the disk is full or the folder cannot be written.
    """
    _require_tensors(tensors)
    kept = _apart(tensors)
    try:
        text = json.dumps(about, sort_keys=True)
    except TypeError as error:
        raise ValueError(f"about must hold plain values, as JSON knows them: {error}") from error
    labels = {"format": FORMAT, "about": text, "sha256": _digest(kept, text)}
    content = safetensors.torch.save(kept, metadata=labels)
    try:
        write_whole(Path(path), content)
    except OSError as error:
        standing = "the last good one still stands" if Path(path).is_file() else "nothing was left"
        raise OSError(
            error.errno, f"checkpoint {path} was not written ({error.strerror}); {standing}"
        ) from error


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and `about` of a file that `save` wrote.

    Raises FileNotFoundError if there is none, ValueError if it is a pickle (which could run code),
    truncated, altered, or no checkpoint of this course; nothing of it is used then.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    content = path.read_bytes()
    # A safetensors header begins at byte 8; its length before it may look like a pickle's start.
    if content.startswith((_ZIP, _PICKLE)) and content[8:9] != b"{":
        raise ValueError(
            f"{path} is a pickle, or an archive that may hold one (torch.save writes such), which "
            "can run code when it is read; checkpoints of this course are safetensors"
        )
    tensors, labels = _tensors_and_labels(path, content)
    if labels.get("format") != FORMAT:
        raise ValueError(
            f"{path} is a safetensors file, but no checkpoint of this course: expected format "
            f"{FORMAT!r}, got {labels.get('format')!r}"
        )
    if _digest(tensors, labels.get("about", "")) != labels.get("sha256"):
        raise ValueError(
            f"{path} is altered: its contents do not match the SHA-256 that was written with them"
        )
    about: dict[str, Any] = json.loads(labels["about"])
    return tensors, about


def restore(module: torch.nn.Module, tensors: dict[str, Tensor], *, source: str) -> None:
    """Copies tensors into a module of the same architecture.

    What is not learned may have less precision in the file: it is copied without rounding.
    Raises ValueError that names the first tensor that is missing, left over, of another shape or
    precision, and what that means, before anything is changed; also if one is NaN or infinite.
    """
    expected = module.state_dict()
    learned = dict(module.named_parameters())
    for name in expected | tensors:
        ours = tuple(expected[name].shape) if name in expected else "nothing of that name"
        theirs = tuple(tensors[name].shape) if name in tensors else "nothing of that name"
        if ours != theirs:
            raise ValueError(
                f"{source} is of another architecture: for {name} the model has {ours}, "
                f"the file has {theirs}"
            )
        kind, stored = expected[name].dtype, tensors[name].dtype
        if stored.is_floating_point:  # a count, as of batches, is always finite
            require_finite(f"{name} in {source}", tensors[name])
        exact = stored.is_floating_point and torch.promote_types(kind, stored) == kind
        if kind != stored and (name in learned or not exact):
            advice = f"; convert the model with .to({stored})" if name in learned else ""
            raise ValueError(
                f"{source} is of another precision: for {name} the model has {kind}, the file has "
                f"{stored}{advice}"
            )
    module.load_state_dict(tensors)


def write_whole(path: Path, content: bytes) -> None:
    """Bytes to a temporary file, to the disk, then to the name; a failure leaves nothing behind.

    Of two that write at once, the later to end prevails. Raises OSError; what lay at `path` before
    then still does. What writers left that were killed in this folder is removed.
    """
    if path.parent.exists() and not path.parent.is_dir():
        raise NotADirectoryError(f"{path.parent} is a file, and no folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent)
    writer = f"{os.getpid()}-{threading.get_ident()}"  # two writers must not share a file
    temporary = path.with_name(f".{path.name}.{writer}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if os.name == "posix":  # the folder's entry must reach the disk too
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _sweep(folder: Path) -> None:
    """Removes the temporary files of writers that were killed: those of an hour ago, as no write
    takes an hour. (Whose process is alive does not tell: another machine may share the folder.)
    """
    for beside in folder.iterdir():
        if _PART.fullmatch(beside.name):
            with contextlib.suppress(OSError):  # another may sweep at once
                if time.time() - beside.stat().st_mtime > _HOUR:
                    beside.unlink()


def _require_tensors(tensors: dict[str, Tensor]) -> None:
    """Raises ValueError unless it is a dictionary of dense tensors on the CPU, by name, and a
    safetensors file can hold each."""
    if not isinstance(tensors, dict):
        raise ValueError(f"tensors must be a dictionary, got {type(tensors).__name__}")
    for name, value in tensors.items():
        if not isinstance(name, str):
            raise ValueError(f"the names of tensors must be text, got {name!r}")
        if name == _LABELS:
            raise ValueError(f"no tensor can be named {name}: safetensors keeps its labels there")
        if require_tensor(name, value).device.type != "cpu":
            raise ValueError(f"{name} must be on the CPU, got {value.device}; move it with .cpu()")
        if value.layout != torch.strided:
            raise ValueError(f"{name} must be a dense tensor, got {value.layout}")
        if value.dtype not in _DTYPES:
            raise ValueError(f"{name} is {value.dtype}, which a safetensors file cannot hold")


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors in the order of their names, detached, no two in the same memory."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, value in sorted(tensors.items()):
        memory = value.untyped_storage().data_ptr()
        copied = value.detach().clone() if memory in seen else value.detach()
        found[name] = copied.contiguous()
        seen.add(memory)
    return found


def _tensors_and_labels(path: Path, content: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and labels out of the bytes; ValueError if they are cut short or no safetensors."""
    try:
        tensors = safetensors.torch.load(content)
        size = int.from_bytes(content[:8], "little")
        header: dict[str, Any] = json.loads(content[8 : 8 + size])
    except (SafetensorError, ValueError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} cannot be read ({len(content):,} bytes): it is truncated, altered, or no "
            f"safetensors file ({error})"
        ) from None
    labels: dict[str, str] = header.get(_LABELS) or {}
    return tensors, labels


def _digest(tensors: dict[str, Tensor], text: str) -> str:
    """SHA-256 over names, types, shapes and bytes of the tensors, and over the text."""
    digest = hashlib.sha256(text.encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
