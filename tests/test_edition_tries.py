"""Whatever the things to try tell a reader to set, a page's controls can be set to."""

import json
import re
from typing import Any

import pytest
import torch
from notebook_rules import FOLDER
from torch.nn.functional import softplus

from course_lib.data import binarise, load_mnist
from course_lib.edition import EXPLORERS
from course_lib.edition.recording import RecordedControl
from course_lib.edition.stops import named_values, recorded_controls
from course_lib.explorers.scenes.beta_sweep import BETAS
from course_lib.explorers.scenes.encoded_digits import BINARISATION, COPIES, chosen
from course_lib.explorers.stage import Choice, Steps
from course_lib.explorers.stage.controls import Control
from course_lib.shipped import load_model
from course_lib.teach.notebooks import chapter_path

NUMBER = re.compile(r"[−-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")
# The numbers of each thing to try, in order: behind its control where one is to be set, behind a
# dot where it is what a reader will see, a part of the formula, the name of a picture.
TRIES = {
    1: ["d 1, d 50", "d 50, S 10, S 100,000", "s 1", "s 0.2, d 1"],
    2: [
        "x 2, x −1",
        "mean 1.15, mean −1.15, mean 0, · 3.57, · 1.59, std 0.75, std 1.2, · 6.84",
        "mean 0.8, std 0.6",
        "",
    ],
    3: ["· 0.06", "mean 0.8, std 0.6", "std 1.2, std 0.2"],
    4: [
        "std 0.18, mean 1.35, mean 0, · 7",
        "mean 0, std 1.34, · 11, · 1.2",
        "std 0.5, mean 0, mean 2",
        "mean 0.5, std 0.7, · 0.000, · 0.227",
    ],
    5: [
        "beta 8, · 5.4",
        "beta 0.1",
        "beta 64",
    ],
    6: [
        "rho 0, rho 0.95, · 12, · 1, · 2",
        "encoder 4",
        "encoder 16, encoder 4, encoder 2, encoder 1, encoder 1, rho 0.95, · 29.4",
    ],
    7: [
        "",
        "· 2.3",
        "digit 5, steps 100, · 11",
        "digit 9, steps 7, steps 13, · 60, steps 27, · 1, steps 35, · 8",
    ],
    8: ["· 2, std 0.4", "mean 3, std 0.4, · 992, · 2, · 9, · 114", ""],
    9: [
        "· 63, · 99",
        "B 10, B 20, B 50, · 299, · 199, · 100",
        "B 100",
        "· −169",
    ],
    10: ["· 84, · 10.1", "· 63", "", "chain 3"],
    11: [
        "· 0",
        "c2 1.5",
        "b2 4, · 0.0001",
        "c2 1.5, · 0.0625, b2 1, · 0.0145, b2 4",
    ],
    12: [
        "ratio 1",
        "ratio 0.3, · 0.21, · 0.242, ratio 1.4",
        "ratio 1",
    ],
}
# In words, or where the least and the other of two are to be found.
ALSO: dict[int, dict[str, list[float]]] = {
    3: {"mean": [1.35], "std": [0.46]},
    4: {"mean": [-1.35]},
    11: {"b2": [0, 4], "c2": [0]},
}


def things_to_try(chapter: int) -> list[str]:
    """Each of them, without the small figures at the foot of a symbol."""
    path = chapter_path(chapter)
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    prose = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    (block,) = re.findall(r"^> \*\*Try\.\*\*\n(?:> .*\n)+", f"{prose}\n", re.M)
    return [re.sub(r"_\{?\d+\}?", "", item) for item in re.findall(r"^> \d\. (.*)$", block, re.M)]


def asked(words: str) -> list[tuple[str, str]]:
    """Control and number, in order."""
    parts = [part.split(" ") for part in words.split(", ") if part]
    return [(control, number) for control, number in parts]


def controls_of(name: str) -> tuple[Control, ...]:
    """Of its class. That of chapter 5 has its controls from a sweep, which takes half a minute."""
    if name == "RateDistortionTrade":
        return (Steps("beta", "weight of the KL, β", BETAS, start=1.0),)
    return tuple(EXPLORERS[name].controls)


def number(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


@pytest.mark.parametrize("chapter", TRIES)
def test_the_numbers_are_those_of_the_text(chapter: int) -> None:
    """So that no text changes without its row above."""
    found = [NUMBER.findall(item) for item in things_to_try(chapter)]
    assert found == [[value for _, value in asked(words)] for words in TRIES[chapter]]


def explorers_of(chapter: int) -> list[str]:
    """Those that a notebook shows and the edition records."""
    path = chapter_path(chapter)
    shown = path.read_text(encoding="utf-8")
    return [name for name in EXPLORERS if f'"explorer": "{name}"' in shown]


def stops_of(name: str) -> dict[str, RecordedControl]:
    controls = controls_of(name)
    named = named_values(name, controls, FOLDER)
    return {control.name: control for control in recorded_controls(name, controls, named)}


@pytest.mark.parametrize("chapter", TRIES)
def test_what_is_to_be_set_is_a_stop(chapter: int) -> None:
    """Of one of the chapter's explorers."""
    names = explorers_of(chapter)
    choices = {c.name for name in names for c in controls_of(name) if isinstance(c, Choice)}
    wanted = [pair for words in TRIES[chapter] for pair in asked(words) if pair[0] != "·"]
    everywhere = [stops_of(name) for name in names]
    for control, text in wanted:
        offered = [stops[control] for stops in everywhere if control in stops]
        if control in choices:
            shown = [word for stop in offered for word in stop.shown]
            assert any(text in word.replace("=", " ").split() for word in shown), (control, text)
        else:
            assert any(number(text) in stop.values for stop in offered), (control, text)
    for control, values in ALSO.get(chapter, {}).items():
        offered = [stops[control] for stops in everywhere if control in stops]
        assert any(set(values) <= set(stop.values) for stop in offered), control


def test_what_a_reader_is_sent_to_is_there() -> None:
    """The least gap of the tanh world, and the gap at the other mode."""
    weights, gap = (EXPLORERS[n].example() for n in ("LogWeights", "PosteriorGap"))
    least = weights.at(world="tanh, x = 2", mean=1.35, std=0.46)["gap"]
    assert f"{least:.2f}" == "0.06"
    sides = [gap.at(world="z², x = 2", mean=mean, std=0.18)["gap"] for mean in (1.35, -1.35)]
    assert sides[0] == pytest.approx(sides[1])
    for explorer in (weights, gap):
        explorer.close()


@torch.no_grad()
def test_the_most_likely_z_of_every_digit_is_near_a_stop() -> None:
    """Chapter 7 sends a reader there: 2 nats at most below the best of the sliders' 301² places."""
    model: Any = load_model("mnist_vae_2d")
    images = load_mnist("test")
    generator = torch.Generator().manual_seed(BINARISATION)
    pixels = binarise(images.images.flatten(1), generator=generator)
    x = pixels[chosen(images.labels)[::COPIES]]  # (10, 784)
    axis, lines = torch.linspace(-3, 3, 301), []
    for z_1 in axis:
        logits = model.decoder(torch.stack([z_1.expand(301), axis], -1)).logits  # (301, 784)
        lines.append(logits @ x.T - softplus(logits).sum(-1, keepdim=True))
    heights = torch.stack(lines)  # (301, 301, 10)
    stops = stops_of("LatentWalk")
    rows, columns = ([round((z + 3) / 0.02) for z in stops[n].values] for n in ("z_1", "z_2"))
    best, found = heights.amax((0, 1)), heights[rows][:, columns].amax((0, 1))
    assert (best - found).max() < 2, (best - found).tolist()
