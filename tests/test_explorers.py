"""What holds for every explorer: a control moves the picture, or is greyed out."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from pictures import shown

import course_lib.explorers
from course_lib.edition.number_words import NUMBERS
from course_lib.explorers.stage import Explorer
from course_lib.explorers.stage.controls import Choice, Control, Toggle

NAMED: dict[str, set[str]] = {}  # the numbers that explorers were seen to have


def explorers() -> list[type[Explorer]]:
    """Every explorer of the package."""
    found = {
        thing
        for module in pkgutil.iter_modules(course_lib.explorers.__path__)
        for thing in vars(importlib.import_module(f"course_lib.explorers.{module.name}")).values()
        if isinstance(thing, type) and issubclass(thing, Explorer) and thing is not Explorer
    }
    return sorted(found, key=lambda kind: kind.__name__)


def scenes(explorer: Explorer) -> Iterator[dict[str, object]]:
    """The values at the start, and with each other value of each choice and switch."""
    yield {}
    for control in explorer.controls:
        if isinstance(control, Choice | Toggle):
            values = control.values if isinstance(control, Choice) else (False, True)
            yield from ({control.name: value} for value in values if value != control.start)


def shows(
    explorer: Explorer, control: Control, scene: dict[str, object]
) -> list[tuple[bytes, str]]:
    """Picture and sentence at both ends and in the middle of a slider, or at each listed value."""
    found = []
    for value in getattr(control, "values", None) or control.sweep(3):
        explorer.at(**scene | {control.name: value})
        found.append((shown(explorer).tobytes(), explorer.sentence))
        NAMED.setdefault(type(explorer).__name__, set()).update(explorer.numbers)
    return found


@pytest.mark.parametrize("kind", explorers(), ids=lambda kind: kind.__name__)
def test_every_control_moves_the_picture_or_is_greyed_out(kind: type[Explorer]) -> None:
    """And no two of its values look and read the same; each of its numbers has words."""
    explorer = kind.example()
    for scene in scenes(explorer):
        for control in explorer.controls:
            if control.name in scene:
                continue
            explorer.reset()
            explorer.at(**scene)
            idle = explorer._widgets[control.name].disabled
            found = shows(explorer, control, scene)
            many = len({picture for picture, _ in found}) > 1
            assert many != idle, f"{control.name} at {scene}: greyed out {idle}, moves {many}"
            told = len(set(found)) == len(found)
            assert told or idle, f"{control.name} at {scene}: two values look and read the same"
    assert NAMED[kind.__name__] == set(NUMBERS["en"][kind.__name__])


@pytest.mark.parametrize("kind", explorers(), ids=lambda kind: kind.__name__)
def test_every_label_fits_beside_its_control(kind: type[Explorer]) -> None:
    """200 px hold 31 letters of the page's type; JupyterLab cuts off what is longer."""
    long = [control.label for control in kind.example().controls if len(control.label) > 31]
    assert not long
