"""Pieces of a long computation: their order, what is kept of them, where they may be computed."""

import argparse
import io
import json
import math
import re
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from course_lib import checkpoint
from course_lib.depth_study import command as study_command
from course_lib.evaluate import command as evaluate_command
from course_lib.pieces import (
    HERE,
    Here,
    KeptResults,
    Piece,
    add_options,
    in_batches,
    in_order,
    place_of,
    say,
    workers,
)
from course_lib.shipped import RECIPES, Recipe, load_curve, load_model, train_recipe
from course_lib.shipped import command as train_command
from course_lib.shipped.curves import curve_path
from course_lib.shipped.training import training_path
from course_lib.shipped.trainings import Training, trained_files, write_files
from course_lib.train import Settings, TrainingDiverged
from course_lib.vae import Architecture

CHAIN = Architecture(64, (2,), ((4,),), "binomial")
SMALL = Recipe("small", "a test", CHAIN, Settings(2, 600, 1e-2), images="digits")


def powers(*numbers: int) -> list[Piece]:
    return [Piece(f"{n} squared", {"square of": n}, pow, (n, 2)) for n in numbers]


class Backwards:
    """Finishes the last piece first, as workers may; `begun` has what was computed."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    def finished(self, pieces: Iterable[Piece]) -> Iterator[tuple[Piece, Any]]:
        for piece in reversed(list(pieces)):
            self.begun.append(piece.name)
            yield piece, piece.work(*piece.arguments)


def test_results_come_in_order_whatever_is_finished_first(tmp_path: Path) -> None:
    place, pieces = Backwards(), powers(5, 1, 4, 2)
    found = in_order(pieces, tmp_path / "a", place)
    assert next(found) == 25
    assert place.begun == ["2 squared", "4 squared", "1 squared", "5 squared"]
    assert len(list((tmp_path / "a").iterdir())) == 4  # the first too: the caller may not have it
    assert list(found) == [1, 16, 4]
    assert not (tmp_path / "a").exists()


def test_what_is_finished_is_not_computed_twice(tmp_path: Path) -> None:
    pieces = powers(5, 1, 4, 2)
    place = Backwards()
    found = in_order(pieces, tmp_path, place)
    for _ in range(2):
        next(found)
    found.close()  # type: ignore[attr-defined]
    assert len(place.begun) == 4
    # The first had been used when the second was asked for; the others are there.
    again = Backwards()
    assert list(in_order(pieces, tmp_path, again)) == [25, 1, 16, 4]
    assert again.begun == ["5 squared"]
    assert not tmp_path.exists()


def test_a_piece_that_fails_leaves_the_others_kept(tmp_path: Path) -> None:
    wrong = Piece("a root", {"root of": -1}, math.sqrt, (-1,))
    pieces = [*powers(3), wrong, *powers(7, 8)]
    with pytest.raises(ValueError):
        list(in_order(pieces, tmp_path, Backwards()))
    kept = KeptResults(tmp_path)
    assert [kept.has(piece) for piece in pieces] == [False, False, True, True]
    assert kept.read(pieces[3]) == 64


def test_no_digit_is_lost_on_the_way(tmp_path: Path) -> None:
    numbers = torch.randn(50, dtype=torch.float64).mul(1e-300).tolist()
    numbers += [math.pi, 5e-324, -math.inf, 0.1 + 0.2]
    piece = Piece("numbers", {"n": 1}, list, (numbers,))
    (found,) = in_order([piece], tmp_path)
    assert found == numbers
    (nan,) = in_order([Piece("nan", {}, float, ("nan",))], tmp_path)
    assert math.isnan(nan)


def test_lists_come_at_intervals_and_the_last_at_the_end(tmp_path: Path) -> None:
    assert list(in_batches(powers(3, 1, 2), tmp_path, every=math.inf)) == [[9, 1, 4]]
    assert list(in_batches(powers(3, 1, 2), tmp_path, every=0.0)) == [[9], [1], [4]]
    assert list(in_batches([], tmp_path)) == []


def test_a_kept_file_of_no_use_is_named(tmp_path: Path) -> None:
    (piece,) = powers(3)
    kept = KeptResults(tmp_path)
    kept.write(piece, 9)
    whole = kept.path(piece).read_text()
    for text, why in (
        (whole[:-3], "holds no result of 3 squared"),
        (whole.replace("3", "4"), r"its key is \{'square of': 4\}"),
        ("[]", "remove it, and the piece is computed again"),
    ):
        kept.path(piece).write_text(text)
        with pytest.raises(ValueError, match=why):
            list(in_order([piece], tmp_path))


def test_two_pieces_may_not_share_a_key(tmp_path: Path) -> None:
    again = Piece("3 squared", {"square of": 3}, pow, (3, 3))
    with pytest.raises(ValueError, match="3 squared and 3 squared have one key"):
        list(in_order([*powers(3), again], tmp_path))


def test_a_label_may_name_a_file() -> None:
    piece = Piece("../a b: ½?*", {"b": 2, "a": 1}, pow)
    assert piece.label.startswith("a-b-")
    assert piece.label == Piece("a b", {"a": 1, "b": 2}, max).label  # whatever their order
    assert piece.label != Piece("a b", {"a": 1, "b": 3}, max).label


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_that_counts_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    pieces = [Piece(f"{n}", {"n": n}, abs, (n,), size=10) for n in range(3)]
    KeptResults(tmp_path).write(pieces[1], 1)
    for result in in_order(pieces, tmp_path, unit="image", done=40):
        say(f"result {result}")
    assert re.findall(r"(\d+)/70", screen.getvalue())[0] == "50"
    assert "image" in screen.getvalue()
    assert capsys.readouterr().out == "result 0\nresult 1\nresult 2\n"
    shown = len(screen.getvalue())
    list(in_order(pieces, tmp_path, progress_bar=False))
    assert len(screen.getvalue()) == shown


# ---- Where pieces are computed ----


def asked(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(words)


COMMANDS: list[tuple[Callable[[list[str]], int], list[str]]] = [
    (study_command.main, ["--seeds", "1", "--epochs", "1", "--out"]),
    (evaluate_command.main, ["mnist_vae", "--images", "2", "--k", "2", "--work"]),
    (train_command.main, ["mnist_vae", "--epochs", "1", "--out"]),
]


@pytest.mark.parametrize(("command", "words"), COMMANDS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--workers", "0"], "--workers must be a whole number of at least 1, got 0"),
        (["--workers", "-3"], "--workers must be a whole number of at least 1, got -3"),
        (["--workers", "100000"], "one a processor, got 100000"),
        (["--workers", "1", "--scheduler", "tcp://a:1"], "--workers or --scheduler, not both"),
        (["--workers", "1"], "need Dask, which is not installed"),
        (["--scheduler", "tcp://a:1"], "python -m pip install --editable '.[cluster]'"),
    ],
)
def test_workers_that_cannot_be_had_are_told_in_a_line(
    command: Callable[[list[str]], int],
    words: list[str],
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where there is no Dask; with nothing begun."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert command([*words, str(tmp_path / "a"), *options]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_without_dask_everything_runs_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with place_of(asked()) as place:
        assert place is HERE
        assert isinstance(place, Here)

    def no_run(arm: Any, depth: int, seed: int, *, epochs: int) -> dict[str, Any]:
        return {"arm": arm.name, "depth": depth, "seed": seed, "failed": True}

    monkeypatch.setattr(study_command, "run", no_run)
    out = tmp_path / "study.json"
    words = ["--arms", "slow", "--seeds", "1", "--epochs", "1", "--out", str(out)]
    assert study_command.main(words) == 0
    assert len(json.loads(out.read_text())["runs"]) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["study.json"]


def test_a_scheduler_that_is_not_there_is_told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody at the port; a server that takes the connection and says nothing; no address."""
    pytest.importorskip("distributed")
    monkeypatch.setattr(workers, "WAIT", 0.5)
    with socket.socket() as silent, socket.socket() as nobody:
        for server in (silent, nobody):
            server.bind(("127.0.0.1", 0))
        silent.listen()
        ports = [server.getsockname()[1] for server in (silent, nobody)]
        addresses = [f"tcp://127.0.0.1:{port}" for port in ports]
        for address in [*addresses, "nonsense", "", "http://127.0.0.1:80", "tls://127.0.0.1:1"]:
            with (
                pytest.raises(ConnectionError, match=f"no Dask scheduler answers at '{address}'"),
                place_of(asked("--scheduler", address)),
            ):
                pass


# ---- Trainings ----


def weights(path: Path) -> dict[str, bytes]:
    tensors, _ = checkpoint.load(path)
    return {name: value.numpy().tobytes() for name, value in tensors.items()}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "small", SMALL)


@pytest.mark.parametrize("folder", ["there", "not there"])
def test_a_training_elsewhere_comes_to_the_same_files(
    folder: str, small: None, tmp_path: Path
) -> None:
    """Beside the model's place where a worker has that folder, else in one of its own."""
    there = tmp_path / "there"
    there.mkdir()
    train_recipe(SMALL.changed(seed=4), tmp_path / "here.safetensors", progress_bar=False)
    out = tmp_path / folder / "a.safetensors"
    training = Training("small", out, {"seed": 4})
    assert not curve_path(out).exists()
    (files,) = in_order([training.piece("cpu")], tmp_path / "kept")
    assert training_path(out).exists() == (folder == "there")
    write_files(out, files)
    assert training.is_finished
    assert weights(out) == weights(tmp_path / "here.safetensors")
    ours, theirs = curve_path(out), curve_path(tmp_path / "here.safetensors")
    assert ours.read_bytes() == theirs.read_bytes()
    assert load_curve(out).epochs.tolist() == [1, 2]
    assert load_model(out).sizes == [64, 2]
    with pytest.raises(ValueError, match=r"a.safetensors has settings .*'seed': 4.*'seed': 5"):
        _ = Training("small", out, {"seed": 5}).is_finished


def test_a_training_that_diverges_elsewhere_says_what_to_try(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(RECIPES, "small", SMALL.changed(learning_rate=1e6))
    files = trained_files("small", {}, str(tmp_path / "a.safetensors"), "cpu")
    with pytest.raises(TrainingDiverged, match="Try a smaller learning rate"):
        write_files(tmp_path / "a.safetensors", files)
    assert not (tmp_path / "a.safetensors").exists()


def test_the_command_trains_recipes_from_several_seeds(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train_command, "RUNS", tmp_path)
    monkeypatch.setitem(RECIPES, "wild", SMALL.changed(learning_rate=1e6))
    assert train_command.main(["wild", "small", "--seeds", "2", "--epochs", "1"]) == 2
    said = capsys.readouterr()
    assert said.err.count("Try a smaller learning rate") == 2
    names = ["small_epochs_1", "small_epochs_1_seed_1"]  # the recipe's own seed is 0
    assert [path.stem for path in sorted(tmp_path.glob("*.safetensors"))] == names
    for name in names:
        assert f"{tmp_path / name}.safetensors and " in said.out
    train_recipe(SMALL.changed(epochs=1, seed=1), tmp_path / "x", progress_bar=False)
    assert weights(tmp_path / "x") == weights(tmp_path / f"{names[1]}.safetensors")
    assert train_command.main(["small", "--seeds", "2", "--epochs", "1"]) == 2
    assert "add --resume to go on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["small", "--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["small", "--seeds", "2", "--out", "a"], "--out is for one model, and 2 are to be"),
        (["small", "nothing"], "no recipe 'nothing'; there are mnist_vae"),
        (["small", "--seed", "1", "--epochs", "0"], "epochs must be a whole number of at least 1"),
    ],
)
def test_trainings_that_make_no_sense_are_refused(
    words: list[str], message: str, small: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_command.main(words) == 2
    assert message in capsys.readouterr().err
