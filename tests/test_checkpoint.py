"""Files that are cut short, altered, foreign or half written are refused; nothing is lost."""

import errno
import os
import pickle
import stat
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib import checkpoint
from course_lib.shipped import load_model
from course_lib.vae import Architecture

TENSORS = {
    "weight": torch.arange(6.0).reshape(2, 3),
    "step": torch.tensor(3.0),
    "generator": torch.Generator().manual_seed(1).get_state(),
    "double": torch.tensor([1 / 3], dtype=torch.float64),
    "none": torch.zeros(0, 4),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    checkpoint.save(tmp_path / "a.training", TENSORS, {"kind": "test", "rate": 0.1})
    return tmp_path / "a.training"


def test_everything_comes_back_bit_for_bit(path: Path) -> None:
    tensors, about = checkpoint.load(path)
    assert about == {"kind": "test", "rate": 0.1}
    assert tensors.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        assert tensors[name].dtype == value.dtype
        assert torch.equal(tensors[name], value)
    assert [file.name for file in path.parent.iterdir()] == ["a.training"]


def test_a_transposed_tensor_is_written_in_its_own_order(tmp_path: Path) -> None:
    value = torch.arange(6.0).reshape(2, 3).T
    checkpoint.save(tmp_path / "a", {"value": value}, {})
    assert torch.equal(checkpoint.load(tmp_path / "a")[0]["value"], value)


@pytest.mark.parametrize("kept", [0, 5, 8, 100, -1, -500])
def test_a_truncated_file_is_refused(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match="truncated, altered, or no safetensors"):
        checkpoint.load(path)


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_one_flipped_bit_is_noticed_wherever_it_is(place: float, bit: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        checkpoint.save(path, TENSORS, {"kind": "test"})
        content = bytearray(path.read_bytes())
        content[int(place * len(content))] ^= 1 << bit
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"altered|no checkpoint of this course"):
            checkpoint.load(path)


@pytest.mark.parametrize("system", ["posix", "nt"])
def test_the_folders_entry_is_forced_to_the_disk_where_folders_can_be_opened(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the file has its name: else a crash may leave the old name on the disk."""
    forced = []

    class System:
        name = system

        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

        def fsync(self, descriptor: int) -> None:
            kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
            forced.append((kind, (tmp_path / "a").exists()))
            os.fsync(descriptor)

    monkeypatch.setattr(checkpoint, "os", System())
    checkpoint.save(tmp_path / "a", TENSORS, {})
    file, folder = ("file", False), ("folder", True)
    assert forced == ([file, folder] if system == "posix" else [file])


class Mischief:
    """Leaves a file behind if it is ever unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_a_pickle_is_refused_and_never_run(tmp_path: Path, writer: str) -> None:
    trap, path = tmp_path / "it ran", tmp_path / "model.pt"
    if writer == "torch":
        torch.save({"trap": Mischief(trap)}, path)
    else:
        path.write_bytes(pickle.dumps(Mischief(trap)))
    with pytest.raises(ValueError, match=r"is a pickle, .* which can run code"):
        checkpoint.load(path)
    assert not trap.exists()


def test_a_header_of_any_length_is_read(tmp_path: Path) -> None:
    """The file starts with the header's length, whose first byte may be that of a pickle, 0x80."""
    first = set()
    for padding in range(0, 256, 8):
        checkpoint.save(tmp_path / "a", TENSORS, {"padding": "x" * padding})
        assert checkpoint.load(tmp_path / "a")[1] == {"padding": "x" * padding}
        first.add((tmp_path / "a").read_bytes()[0])
    assert 0x80 in first


def test_a_foreign_safetensors_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(safetensors.torch.save({"x": torch.zeros(2)}))
    with pytest.raises(ValueError, match="no checkpoint of this course"):
        checkpoint.load(tmp_path / "a")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no checkpoint at .*nowhere"):
        checkpoint.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            Architecture(6, (3,), ((5,),)),
            r"mean.weight the model has \(2, 5\), the file has \(3, 5\)",
        ),
        (Architecture(6, (2,), ((5, 5),)), "has nothing of that name"),
        (Architecture(6, (2, 2), ((5,), (5,))), "encoders.1.* the model has nothing of that name"),
    ],
)
def test_another_architecture_is_refused_before_anything_changes(
    other: Architecture, message: str
) -> None:
    model = Architecture(6, (2,), ((5,),)).build(seed=0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ValueError, match=f"f.training is of another architecture: .*{message}"):
        checkpoint.restore(model, other.build(seed=1).state_dict(), source="f.training")
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


class Shifted(torch.nn.Module):
    """A weight that is learned, and a shift that is not."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1, dtype=dtype))
        self.register_buffer("shift", torch.zeros(1, dtype=dtype))


@pytest.mark.parametrize(
    ("ours", "weight", "shift", "refused"),
    [
        (torch.float64, torch.float64, torch.float32, None),
        (torch.float64, torch.float32, torch.float32, "weight"),
        (torch.float32, torch.float32, torch.float64, "shift"),
    ],
)
def test_what_is_not_learned_may_have_less_precision_in_the_file_and_never_more(
    ours: torch.dtype, weight: torch.dtype, shift: torch.dtype, refused: str | None
) -> None:
    """Every float32 is a float64, so that the copy is exact; what is learned must be the same."""
    model, tensors = Shifted(ours), {"weight": torch.ones(1, dtype=weight)}
    tensors["shift"] = torch.tensor([1 / 3], dtype=shift)
    if refused is None:
        checkpoint.restore(model, tensors, source="f")
        assert model.state_dict()["shift"].dtype == ours
        assert model.state_dict()["shift"].item() == tensors["shift"].item()
        return
    with pytest.raises(ValueError, match=f"for {refused} the model has {ours}, the file") as caught:
        checkpoint.restore(model, tensors, source="f")
    if refused == "weight":
        checkpoint.restore(model.to(weight), tensors, source="f")
    assert ("convert the model" in str(caught.value)) == (
        refused == "weight"
    )  # only where it helps


class Counted(torch.nn.Module):
    """A count that is not learned, as BatchNorm keeps of its batches."""

    def __init__(self, dtype: torch.dtype = torch.int64) -> None:
        super().__init__()
        self.register_buffer("batches", torch.zeros((), dtype=dtype))


def test_a_model_that_counts_is_restored(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    model(torch.arange(8.0).reshape(4, 2))
    checkpoint.save(tmp_path / "m", model.state_dict(), {})
    again = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    checkpoint.restore(again, checkpoint.load(tmp_path / "m")[0], source="m")
    assert again.state_dict()["1.num_batches_tracked"] == 1
    assert all(torch.equal(again.state_dict()[n], v) for n, v in model.state_dict().items())


@pytest.mark.parametrize(
    ("ours", "theirs"), [(torch.float32, torch.int64), (torch.int64, torch.float32)]
)
def test_a_count_is_not_taken_for_a_measure(ours: torch.dtype, theirs: torch.dtype) -> None:
    """2²⁴ + 1 is no float32."""
    tensors = {"batches": torch.tensor(2**24 + 1).to(theirs)}
    with pytest.raises(ValueError, match=f"for batches the model has {ours}, the file has"):
        checkpoint.restore(Counted(ours), tensors, source="f")


def test_tensors_that_share_their_memory_are_each_written(tmp_path: Path) -> None:
    """Tied weights, a part of another tensor, and one that is transposed."""
    value = torch.arange(6.0).reshape(2, 3)
    tensors = {"a": value, "b": value, "part": value[1:], "turned": value.T}
    checkpoint.save(tmp_path / "a", tensors, {})
    found = checkpoint.load(tmp_path / "a")[0]
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("dtype", [torch.complex128, torch.float8_e8m0fnu])
def test_a_type_that_the_file_cannot_hold_is_refused(tmp_path: Path, dtype: torch.dtype) -> None:
    with pytest.raises(ValueError, match=f"w is {dtype}, which a safetensors file cannot hold"):
        checkpoint.save(tmp_path / "a", {"w": torch.ones(2).to(dtype)}, {})
    assert not list(tmp_path.iterdir())


def test_every_type_that_safetensors_has_can_be_saved(tmp_path: Path) -> None:
    kinds = set(safetensors.torch._TYPES.values())
    tensors = {str(kind): torch.ones(2).to(kind) for kind in kinds}
    checkpoint.save(tmp_path / "a", tensors, {})
    assert {value.dtype for value in checkpoint.load(tmp_path / "a")[0].values()} == kinds


def test_the_name_that_labels_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no tensor can be named __metadata__"):
        checkpoint.save(tmp_path / "a", {"__metadata__": torch.ones(2)}, {})
    assert not list(tmp_path.iterdir())


def test_two_writers_of_one_name_do_not_meet(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second begins and ends while the first forces its bytes to the disk."""
    forced, waiting = os.fsync, [True]

    def fsync(descriptor: int) -> None:
        if waiting.pop() if waiting else False:
            other = Thread(target=checkpoint.write_whole, args=(path, b"other" * 9))
            other.start()
            other.join()
            assert path.read_bytes() == b"other" * 9
        forced(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    checkpoint.write_whole(path, b"one" * 3)
    assert path.read_bytes() == b"one" * 3
    assert [file.name for file in path.parent.iterdir()] == ["a.training"]


def test_a_model_file_with_a_nan_is_refused(tmp_path: Path) -> None:
    architecture = Architecture(6, (2,), ((5,),))
    tensors = architecture.build(seed=0).state_dict()
    tensors["encoders.0.mean.bias"][1] = torch.nan
    about = {"kind": "model", "architecture": architecture.as_dict()}
    checkpoint.save(tmp_path / "m", tensors, about)
    with pytest.raises(ValueError, match=r"encoders.0.mean.bias in .* finite, got nan at index"):
        load_model(tmp_path / "m")


def test_a_model_comes_back_frozen(tmp_path: Path, generator: torch.Generator) -> None:
    architecture = Architecture(6, (3, 2), ((5,), (4,)), "binomial", 4, learned_prior=True)
    model = architecture.build(seed=0)
    about = {"kind": "model", "architecture": architecture.as_dict()}
    checkpoint.save(tmp_path / "m", model.state_dict(), about)
    again = load_model(str(tmp_path / "m"))
    x = torch.randint(0, 5, (3, 6), generator=generator).float()
    pair = [m.elbo(x, generator=torch.Generator().manual_seed(1)) for m in (model, again)]
    assert torch.equal(*pair)
    assert not any(parameter.requires_grad for parameter in again.parameters())


def test_a_training_is_no_model(path: Path) -> None:
    with pytest.raises(ValueError, match="holds a test, not a model"):
        load_model(path)


def test_a_full_disk_keeps_the_last_good_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device\); the last good one still stands"):
        checkpoint.save(path, {"more": torch.zeros(9)}, {})
    assert path.read_bytes() == good
    with pytest.raises(OSError, match="nothing was left") as caught:
        checkpoint.save(path.with_name("new"), {"more": torch.zeros(9)}, {})
    assert caught.value.errno == errno.ENOSPC
    assert [file.name for file in path.parent.iterdir()] == ["a.training"]


def test_what_killed_writers_left_is_swept(path: Path) -> None:
    """Theirs alone, and none that may still be written. Process numbers come again: an old one's
    may be one that lives.
    """
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    swept = [f".a.training.{gone.pid}-7.part", f".other.{gone.pid}-123.part"]
    swept.append(f".a.training.{os.getpid()}-1.part")
    young = f".a.training.{gone.pid}-8.part"
    others = [f"a.{gone.pid}-7.part", f".a.training.{gone.pid}.part", ".a.training.part"]
    for name in [*swept, young, *others]:
        (path.parent / name).write_bytes(b"half")
        if name != young:
            os.utime(path.parent / name, (time.time() - 4000,) * 2)
    checkpoint.save(path, TENSORS, {})
    assert {file.name for file in path.parent.iterdir()} == {path.name, young, *others}


def test_the_name_changes_hands_in_one_step(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If even the last step fails, the old file is as it was: nothing is ever written in place."""
    good = path.read_bytes()

    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="the last good one still stands"):
        checkpoint.save(path, {"more": torch.zeros(9)}, {})
    assert path.read_bytes() == good
    assert [file.name for file in path.parent.iterdir()] == ["a.training"]


@pytest.mark.skipif(os.name != "posix", reason="limits on file size are POSIX")
def test_a_write_that_the_system_cuts_short_keeps_the_last_good_file(path: Path) -> None:
    """The kernel itself refuses to let a file grow beyond 2,000 bytes: the write stops midway."""
    good = path.read_bytes()
    code = f"""
import resource, signal, torch
from pathlib import Path
from course_lib import checkpoint
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
checkpoint.save(Path({str(path)!r}), {{"big": torch.zeros(9000)}}, {{}})
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert "was not written" in run.stderr
    assert "the last good one still stands" in run.stderr
    assert path.read_bytes() == good
    assert [file.name for file in path.parent.iterdir()] == ["a.training"]


def test_a_file_where_a_folder_is_wanted_is_named(tmp_path: Path) -> None:
    (tmp_path / "handout").write_text("a reader's")
    with pytest.raises(NotADirectoryError, match=r"^.*handout is a file, and no folder$"):
        checkpoint.write_whole(tmp_path / "handout" / "04.ipynb", b"{}")
    assert (tmp_path / "handout").read_text() == "a reader's"
