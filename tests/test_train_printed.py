"""What a training prints as its ELBO is the ELBO, whatever is being maximised.

Reconstruction less costs, by their own names, is what the figure is held against: no objective but
the ELBO itself has that value, so one that was printed under the wrong name would be seen.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator

from course_lib.shipped import RECIPES, NamedObjective, Recipe, command, load_curve
from course_lib.shipped.recipe import OBJECTIVES
from course_lib.train import Settings, weighted_elbo
from course_lib.vae import Architecture, stack

# Of every word that a recipe knows, numbers with which it is far from the ELBO to the last epoch.
NUMBERS: dict[str, tuple[float, ...]] = {
    "elbo": (),
    "importance_weighted": (5,),
    "warm_up": (1.0,),
    "free_bits": (50.0,),
}
TWO = Architecture(64, (3, 2), ((6,), (4,)), "binomial")
HIDDEN = {"epoch", "core_seconds", "rate"}


def recipe(word: str) -> Recipe:
    objective = NamedObjective(word, NUMBERS[word])
    return Recipe("small", "", TWO, Settings(3, 300, 3e-2), objective, images="digits")


def require_elbo(shown: dict[str, float], rounding: float) -> None:
    """The figure that is called elbo is one, and costs are not so small that all bounds agree."""
    costs = sum(value for name, value in shown.items() if name.startswith("cost_"))
    assert costs > 0.5
    assert shown["elbo"] == pytest.approx(shown["reconstruction"] - costs, abs=4 * rounding)


def test_every_word_is_here() -> None:
    assert NUMBERS.keys() == OBJECTIVES.keys()


@pytest.mark.parametrize("word", NUMBERS)
def test_the_lines_of_the_command_show_the_elbo(
    word: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And so does the curve that it leaves."""
    monkeypatch.setitem(RECIPES, "small", recipe(word))
    assert command.main(["small", "--out", str(tmp_path / "a.safetensors")]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[:-1]]
    assert len(lines) == 3
    for words in lines:
        require_elbo(dict(zip(words[::2], map(float, words[1::2]), strict=True)), 1e-3)
    curve = load_curve(tmp_path / "a.safetensors")
    sums = curve.reconstruction - curve.costs.sum(0)
    assert curve.elbo.tolist() == pytest.approx(sums.tolist(), abs=2e-4)


@pytest.mark.parametrize("word", NUMBERS)
def test_the_progress_bar_shows_the_elbo(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[dict[str, str]] = []

    class Bar:
        def __init__(self, **_: Any) -> None: ...
        def set_postfix(self, values: dict[str, str], **_: Any) -> None:
            shown.append(values)

        def update(self) -> None: ...
        def close(self) -> None: ...

    monkeypatch.setattr("tqdm.tqdm", Bar)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setitem(RECIPES, "small", recipe(word))
    assert command.main(["small", "--out", str(tmp_path / "a.safetensors")]) == 0
    assert len(shown) == 3
    for values in shown:
        assert not HIDDEN & values.keys()
        require_elbo({name: float(value) for name, value in values.items()}, 0.005)


def test_a_weight_on_the_cost_leaves_the_elbo_as_it_is() -> None:
    """Also where an objective is not of a recipe: β = 3 on the costs of a stacked model."""
    models = [TWO.build(seed=seed) for seed in (0, 1)]
    x = torch.randint(0, 17, (40, 64), generator=Generator().manual_seed(0)).float()
    given = {"generator": Generator().manual_seed(1), "progress": 0.0}
    value, named = weighted_elbo([3.0, 3.0])(stack(models), x, **given)  # type: ignore[arg-type]
    elbo = named["reconstruction"] - named["cost"]
    torch.testing.assert_close(named["elbo"], elbo, rtol=1e-5, atol=0)
    assert ((value / 2 - elbo).abs() > 0.1).all()
