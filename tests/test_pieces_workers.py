"""Pieces on Dask's workers: killed, resumed, refused; and the same bytes as here."""

import argparse
import functools
import json
import math
import os
import signal
import sys
import types
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_pieces import asked, weights

from course_lib.depth_study import command as study_command
from course_lib.depth_study.results import save_study
from course_lib.evaluate import rows
from course_lib.evaluate.rows import results_row
from course_lib.pieces import Piece, in_batches, in_order, place_of, workers
from course_lib.shipped import command as train_command
from course_lib.shipped.curves import curve_path

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A scheduler with two workers, each a process of its own that is started again if it ends."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        memory_limit=0,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
    ) as cluster:
        yield cluster


@pytest.fixture
def there(cluster: Any) -> argparse.Namespace:
    """What says that pieces are computed there."""
    return asked("--scheduler", cluster.scheduler_address)


def process(_: int) -> list[Any]:
    """Of a worker: which it is, and on how many threads it computes."""
    import torch

    return [os.getpid(), torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]]


def test_workers_of_this_machine_come_and_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Processes of their own, with one thread each; a dashboard that answers; nothing stays."""
    pieces = [Piece(f"{n}", {"n": n}, process, (n,)) for n in range(4)]
    with place_of(asked("--workers", "1")) as place:
        found = list(in_order(pieces, tmp_path / "kept", place))
        said = capsys.readouterr().err
        address = said.split("dashboard: ")[1].strip()
        assert said.startswith("workers: 1; Dask's dashboard: http://127.0.0.1:")
        with urllib.request.urlopen(address) as page:
            assert page.status == 200
    assert len({pid for pid, *_ in found} - {os.getpid()}) == 1
    assert all(threads == [1, "1"] for _, *threads in found)
    with pytest.raises(ProcessLookupError):
        os.kill(found[0][0], 0)


def square(n: int, folder: str, doomed: bool) -> int:
    """The first worker that begins what is doomed is killed in the middle of it."""
    begun = Path(folder) / f"begun {n}"
    if doomed and not begun.exists():
        begun.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
    return n * n


def test_a_killed_worker_loses_nothing(there: argparse.Namespace, tmp_path: Path) -> None:
    """Two of nine pieces kill their worker."""
    pieces = [Piece(f"{n}", {"n": n}, square, (n, str(tmp_path), n in (3, 7))) for n in range(9)]
    with place_of(there) as place:
        found = list(in_order(pieces, tmp_path / "kept", place))
    assert found == [n * n for n in range(9)]
    killed = [int(path.read_text()) for path in tmp_path.glob("begun *")]
    assert len(killed) == 2
    assert os.getpid() not in killed
    assert not (tmp_path / "kept").exists()


def always(folder: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_piece_that_kills_every_worker_is_named(
    cluster: Any, there: argparse.Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)  # Dask's own are 3
    piece = Piece("the hungry one", {}, always, ("",))
    with (
        pytest.raises(ChildProcessError, match="the hungry one ended one worker after another"),
        place_of(there) as place,
    ):
        list(in_order([piece], tmp_path, place))


def root(n: float) -> float:
    if n < 0:
        raise ValueError(f"no root of {n}")
    return math.sqrt(n)


def test_what_is_wrong_there_is_told_here(
    there: argparse.Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A piece's own error; a function that only this process has; another edition of the course."""
    elsewhere = types.ModuleType("only_here")
    exec("def double(n):\n    return 2 * n", elsewhere.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", elsewhere)
    pieces = [Piece(f"{n}", {"n": n}, root, (n,)) for n in (4.0, -1.0)]
    with place_of(there) as place:
        with pytest.raises(ValueError, match=r"no root of -1\.0"):
            list(in_order(pieces, tmp_path, place))
        stranger = Piece("a stranger", {}, elsewhere.double, (1,))
        with pytest.raises(ValueError, match="cannot import what a stranger needs .*course"):
            list(in_order([stranger], tmp_path, place))
        monkeypatch.setattr(workers, "edition", lambda: {"course": "older", "torch": "2.13.0"})
        with pytest.raises(ValueError, match="results may differ; install the same course"):
            list(in_order(pieces[:1], tmp_path, place))


def test_a_scheduler_without_workers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "WAIT", 0.5)
    empty = {"n_workers": 0, "host": "127.0.0.1", "dashboard_address": None}
    with (
        distributed.LocalCluster(**empty) as cluster,
        pytest.raises(ConnectionError, match=r"has no worker; start some, .*dask worker tcp://"),
        place_of(asked("--scheduler", cluster.scheduler_address)),
    ):
        pass


# ---- The commands ----


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Four runs of the depth study, as short as can be."""

    def study(out: Path, *words: str) -> int:
        arms = ["--arms", "swapped", "--seeds", "2", "--epochs", "1"]
        return study_command.main([*arms, "--out", str(out), *words])

    return study


def kill_a_worker(cluster: Any) -> int:
    """Kills one that is computing, if one still is, else any; its process."""

    def is_busy(nanny: Any) -> bool:
        state = cluster.scheduler.workers.get(nanny.worker_address)
        return state is not None and bool(state.processing)

    pid: int = max(cluster.workers.values(), key=is_busy).pid
    os.kill(pid, signal.SIGKILL)
    return pid


def test_the_study_is_the_same_file_though_a_worker_is_killed_and_the_whole_is_stopped(
    tiny: Callable[..., int],
    cluster: Any,
    there: argparse.Namespace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker is killed after the first save, the command stopped after the second; it goes on."""
    assert tiny(tmp_path / "serial.json") == 0
    out, save, saves, killed = tmp_path / "out.json", save_study, [], []

    def disturbed(path: Path, study: Any) -> None:
        save(path, study)
        saves.append(len(study.runs))
        if len(saves) == 1:
            killed.append(kill_a_worker(cluster))
        elif len(saves) == 2:
            raise KeyboardInterrupt

    at_once = functools.partial(in_batches, every=0.0)
    monkeypatch.setattr(study_command, "in_batches", at_once)
    monkeypatch.setattr(study_command, "save_study", disturbed)
    words = ("--scheduler", there.scheduler)
    with pytest.raises(KeyboardInterrupt):
        tiny(out, *words)
    assert len(json.loads(out.read_text())["runs"]) == 2
    assert list(out.with_suffix(".pieces").iterdir())
    assert killed
    assert tiny(out, *words) == 0
    assert out.read_bytes() == (tmp_path / "serial.json").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "serial.json"]


def test_likelihoods_are_the_same_on_workers(
    there: argparse.Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "PIECE", 10)
    few: dict[str, Any] = {"k": 20, "images": 35, "seed": 3}
    here = results_row("mnist_vae", **few, work=tmp_path / "here")
    with place_of(there) as place:
        away = results_row("mnist_vae", **few, work=tmp_path / "there", place=place)
    assert {**away, "test_minutes": 0} == {**here, "test_minutes": 0}
    assert away["test_minutes"] > 0


def test_a_training_is_the_same_on_workers_and_not_done_twice(
    there: argparse.Namespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["mnist_vae_2d", "--epochs", "1", "--seed", "1", "--out"]
    here, away = (str(tmp_path / name / "a.safetensors") for name in ("here", "there"))
    assert train_command.main([*words, here]) == 0
    elsewhere = [*words, away, "--scheduler", there.scheduler]
    assert train_command.main(elsewhere) == 0
    assert weights(Path(here)) == weights(Path(away))
    assert curve_path(here).read_bytes() == curve_path(away).read_bytes()
    assert "are written; its figures" in capsys.readouterr().out
    assert train_command.main(elsewhere) == 2
    assert "add --resume to go on" in capsys.readouterr().err
    before = Path(away).stat().st_mtime_ns
    assert train_command.main([*elsewhere, "--resume"]) == 0
    assert Path(away).stat().st_mtime_ns == before
