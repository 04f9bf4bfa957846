"""Where a training and an evaluation compute, and what is said where there is no such place.

No test here needs a GPU, so none shows that one computes: they show that its name is passed on, and
that a file tells on which kind of device it was made.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from course_lib import checkpoint
from course_lib.evaluate import command as evaluate_command
from course_lib.shipped import RECIPES, Recipe, train_recipe, usable_device
from course_lib.shipped import command as train_command
from course_lib.train import Settings
from course_lib.train.state import TrainingState
from course_lib.vae import Architecture

SMALL = Recipe(
    "small", "", Architecture(64, (2,), ((4,),), "binomial"), Settings(2, 600), images="digits"
)


def give_gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


@pytest.mark.parametrize(
    ("name", "gpus", "message"),
    [
        ("cuda", 0, "there is no device cuda: the GPUs that PyTorch can use here are 0 in number"),
        ("cuda:1", 1, "there is no device cuda:1: the GPUs that PyTorch can use here are 1 in"),
        ("foo", 0, 'device must be "cpu", "cuda" or a GPU such as "cuda:1", got \'foo\''),
        ("cuda:x", 2, "got 'cuda:x'"),
        ("cuda:", 2, "got 'cuda:'"),
        ("cpu:1", 0, "got 'cpu:1'"),
        ("", 0, "got ''"),
    ],
)
@pytest.mark.parametrize(
    ("command", "words"),
    [
        (train_command.main, ["small"]),
        (evaluate_command.main, ["mnist_vae", "--images", "2", "--k", "2"]),
        (evaluate_command.main, ["mnist_vae", "--images", "2", "--k", "2", "--cross-check"]),
    ],
)
def test_a_device_that_there_is_not_is_named(
    command: Callable[[list[str]], int],
    words: list[str],
    name: str,
    gpus: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one line, with nothing begun."""
    give_gpus(monkeypatch, gpus)
    monkeypatch.setitem(RECIPES, "small", SMALL)
    place = "--out" if command is train_command.main else "--work"
    assert command([*words, "--device", name, place, str(tmp_path / "a")]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_device_that_there_is_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    give_gpus(monkeypatch, 2)
    assert usable_device("cpu") == torch.device("cpu")
    assert usable_device("cuda") == torch.device("cuda", 0)
    assert usable_device("cuda:1") == torch.device("cuda", 1)


def test_the_model_and_the_data_go_where_they_are_sent(tmp_path: Path) -> None:
    """To meta, a device of torch's that holds nothing: the training knows it by its name."""
    with pytest.raises(ValueError, match="on one GPU, got meta beside meta"):
        train_recipe(SMALL, tmp_path / "a", device="meta", progress_bar=False)


def test_the_command_passes_its_device_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr(
        "course_lib.shipped.command.train_recipe", lambda *_, **named: given.append(named["device"])
    )
    monkeypatch.setitem(RECIPES, "small", SMALL)
    give_gpus(monkeypatch, 1)
    for words in ([], ["--device", "cuda"]):
        assert train_command.main(["small", "--out", str(tmp_path / "a"), *words]) == 0
    assert given == [torch.device("cpu"), torch.device("cuda", 0)]


def test_a_training_goes_on_where_it_was_made(tmp_path: Path) -> None:
    """A GPU's random generator is another; a file that does not say was made on the CPU."""
    model, path = SMALL.build(), tmp_path / "a.training"
    TrainingState(model, SMALL.settings, 64).save(path)
    tensors, about = checkpoint.load(path)
    assert about["device"] == "cpu"
    checkpoint.save(path, tensors, about | {"device": "cuda"})
    with pytest.raises(ValueError, match="was made with device cuda, now it is cpu"):
        TrainingState(model, SMALL.settings, 64).restore(path)
    del about["device"]
    checkpoint.save(path, tensors, about)
    TrainingState(model, SMALL.settings, 64).restore(path)
    with pytest.raises(ValueError, match="made with images 64"):
        TrainingState(model, replace(SMALL.settings, epochs=2), 65).restore(path)
